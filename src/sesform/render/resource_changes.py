"""The changes of a plan by resource, with equal changes of many identities together, for pages."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import NamedTuple

from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import Properties
from sesform.planning import diff
from sesform.planning.diff import ABSENT
from sesform.planning.plan import Plan
from sesform.render._hcl import value
from sesform.render.review import Kind, Row, rows
from sesform.resources import RESOURCES

# In the order of a page: what is lost first.
ACTIONS = ("destroy", "replace", "change", "add")
_DONE_BY: dict[Kind, str] = {"delete": "destroy", "replace": "replace", "update": "change", "create": "add"}
_PLACE = re.compile(r"(.+?:\d+) (.+)", re.DOTALL)  # a reason that begins with a file and a line
_FEW = 3


class Field(NamedTuple):
    """One field of a resource, as HCL on one or more lines; () where it does not exist."""

    name: str
    before: tuple[str, ...]
    after: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ResourceChange:
    """The same change of one or more resources.

    `of_identity`: whether they are settings of identities, and `part` which one. `hidden`: what is not shown. `overwritten`: the
    text that AWS does not keep. `names`: the identities, or the keys of the resources. `reason`: that of all of them.
    `reasons`: one for each name, or ().
    """

    action: str
    spec: str
    scope: Scope
    type: str
    part: str
    of_identity: bool
    fields: tuple[Field, ...]
    hidden: str
    overwritten: str
    names: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    reason: str = ""

    @property
    def short(self) -> bool:
        """Whether its fields need little room."""
        return len(self.fields) <= _FEW and all(len(f.before) <= 1 and len(f.after) <= 1 for f in self.fields)


def resource_changes(of: Plan) -> list[ResourceChange]:
    """Return what happens to each resource, deletions first. Temporary replacements are no change."""
    groups: dict[ResourceChange, dict[str, str]] = defaultdict(dict)
    for row in rows(of.changes):
        drawn, name = _drawn(row)
        groups[drawn][name] = row.reason
    found = [_named(group, reasons) for group, reasons in groups.items()]
    return sorted(found, key=lambda c: (ACTIONS.index(c.action), c.scope, c.spec))


def _named(of: ResourceChange, reasons: Mapping[str, str]) -> ResourceChange:
    """Return the change with its names and reasons. Reasons that differ only in the line of the spec become one."""
    names, given = tuple(reasons), tuple(reasons.values())
    if len(set(given)) == 1:
        return replace(of, names=names, reason=given[0])
    found = [match for reason in given if (match := _PLACE.fullmatch(reason))]
    if len(found) == len(given) and len({match[2] for match in found}) == 1:
        places = tuple(match[1] for match in found)
        return replace(of, names=names, reasons=places, reason=f"the line at each name {found[0][2]}")
    return replace(of, names=names, reasons=given)


def _drawn(row: Row) -> tuple[ResourceChange, str]:
    """Return the change without its name, and the name."""
    address, before, after = row.address, row.before, row.after
    kind, action = RESOURCES[address.type], _DONE_BY[row.kind]
    identity = str((before or after or {}).get("identity", ""))
    name, part = (identity, _part(address, identity)) if identity else (address.key, "")
    own = arns.identity(row.scope, identity) if identity else ""
    if before is not None and after is not None:
        fields, hidden = _differing(before, after, own), ""
    else:
        shown, hidden = kind.abridged(after or before or {})
        fields = _whole(
            {k: v for k, v in shown.items() if not (identity and k in kind.key)}, own, created=after is not None
        )
    overwritten = kind.overwritten_text(before) if before is not None else ""
    what = action, address.spec, row.scope, address.type, part, bool(identity)
    return ResourceChange(*what, fields, hidden, overwritten), name


def _part(address: Address, identity: str) -> str:
    """Return what the key has beside the identity: the notification type, or the name of a policy."""
    return address.key.removeprefix(identity).strip("/")


def _differing(before: Properties, after: Properties, own: str) -> tuple[Field, ...]:
    found = []
    for change in diff.changes(before, after):
        entry = change.after if change.before is ABSENT else change.before
        path = change.path[:-1] if len(change.path) > 1 and change.path[-1] == entry else change.path
        found.append(Field(" › ".join(path), _lines(change.before, own), _lines(change.after, own)))
    return tuple(found)


def _whole(properties: Properties, own: str, *, created: bool) -> tuple[Field, ...]:
    found = [(name, _lines(of, own)) for name, of in properties.items() if of is not None]
    return tuple(Field(name, (), of) if created else Field(name, of, ()) for name, of in found)


def _lines(of: object, own: str) -> tuple[str, ...]:
    """Return a value as lines, without the ARN of the own identity, so that equal settings of identities are equal."""
    if of is ABSENT:
        return ()
    text = value(of)
    return tuple((text.replace(f'"{own}"', "(ARN of this identity)") if own else text).split("\n"))
