"""Drafts: the changes that lead from the live to the desired resources, before they have an order."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from sesform.live.snapshot import Snapshot
from sesform.model.address import Address, Scope
from sesform.model.values import Properties
from sesform.planning.checks import quotas
from sesform.planning.checks.identities import is_missing
from sesform.planning.plan import Action, Unchanged
from sesform.planning.planned_state import Resources
from sesform.resources import RESOURCES
from sesform.resources.resource_type import Phase, ResourceType, Step
from sesform.specs.declared import Declared
from sesform.specs.desired import Desired

_REPLACEABLE = frozenset(n for n, kind in RESOURCES.items() if type(kind).replacement is not ResourceType.replacement)


@dataclass(frozen=True, slots=True)
class Draft:
    """A change that has no place in the plan yet.

    `follows`: positions of drafts that must come first. `recreates`: whether it creates again what a temporary replacement stands
    in for. Other steps wait for the temporary replacement, not for this step.
    """

    address: Address
    scope: Scope
    action: Action
    before: Properties | None
    after: Properties | None
    reason: str
    phase: Phase
    follows: tuple[int, ...] = ()
    recreates: bool = False

    @property
    def step(self) -> Step:
        """The change in the form that resource types use."""
        return Step(self.scope, self.before, self.after, self.phase)


def drafts(desired: Desired, snapshot: Snapshot, live: Resources) -> tuple[list[Draft], list[Unchanged]]:
    """Return the changes of all resources, and the resources that are as declared. `live`: all live resources."""
    found: list[Draft] = []
    unchanged: list[Unchanged] = []
    taken = _Taken([*snapshot.found, *desired.declared])
    for each in _with_unmanaged_publishers(desired, snapshot, live):
        if each.address in snapshot.unreadable or is_missing(each, snapshot):
            continue
        prior = snapshot.found.get(each.address)
        planned = RESOURCES[each.address.type].planned_value(each.desired, prior)
        steps = list(_steps(each, prior, planned, len(found), taken))
        found += steps
        if not steps and planned is not None and each.desired is not None:
            unchanged.append(Unchanged(each.address, planned))
    found += _unlisted(desired, snapshot)
    return _with_room(found, snapshot), unchanged


class _Taken:
    """The keys of replaceable resources, by spec, region and type. A temporary replacement gets none of them."""

    def __init__(self, addresses: Iterable[Address]) -> None:
        self._keys: dict[tuple[str, str, str], set[str]] = defaultdict(set)
        for address in addresses:
            if address.type in _REPLACEABLE:
                self.add(address)

    def add(self, address: Address) -> None:
        self._keys[address.spec, address.region, address.type].add(address.key)

    def beside(self, address: Address) -> set[str]:
        """Return the keys of the resources of the same type, in the same spec and region."""
        return self._keys[address.spec, address.region, address.type]


def _with_unmanaged_publishers(desired: Desired, snapshot: Snapshot, live: Resources) -> Iterator[Declared]:
    """Yield the declared resources. A managed topic also allows the publishers of unmanaged resources."""
    extra: dict[str, list[list[str]]] = defaultdict(list)
    unmanaged = ((each.address.type, each.scope, live.get(each.aws_key)) for each in desired.unmanaged)
    for type_, scope, properties in (*unmanaged, *_kept(desired, snapshot)):
        published = RESOURCES[type_].publishes(scope, properties) if properties else None
        if published is not None:
            topic_arn, publishers = published
            extra[topic_arn] += [list(p) for p in publishers]
    for each in desired.declared.values():
        if extra and each.desired is not None:
            more = RESOURCES[each.address.type].with_publishers(each.desired, extra)
            yield each if more is each.desired else replace(each, desired=more)
        else:
            yield each


def _parent(address: Address, properties: Properties) -> Address | None:
    """Return the address of the resource that lists this one, None if none does."""
    type_ = RESOURCES[address.type].listed_by
    return Address(address.spec, address.region, type_, properties[type_]) if type_ else None


def _kept(desired: Desired, snapshot: Snapshot) -> Iterator[tuple[str, Scope, Properties]]:
    """Yield undeclared resources that stay because their parent is not exclusive, without temporary replacements."""
    for address, properties in snapshot.found.items():
        parent = None if address in desired.declared else _parent(address, properties)
        stays = parent in desired.declared and parent not in desired.exclusive
        if parent is not None and stays and not RESOURCES[address.type].is_temporary(properties):
            yield address.type, desired.declared[parent].scope, properties


def _unlisted(desired: Desired, snapshot: Snapshot) -> Iterator[Draft]:
    """Yield deletions of resources that an exclusive parent does not list, and of temporary replacements of interrupted runs."""
    for address, prior in snapshot.found.items():
        parent = None if address in desired.declared else _parent(address, prior)
        if parent is None or parent not in desired.declared:
            continue
        kind = RESOURCES[address.type]
        if parent in desired.exclusive or kind.is_temporary(prior):
            owner = desired.declared[parent]
            reason = f"{owner.origin}" if owner.desired is None else f"{str(owner.origin).split()[0]} does not list it"
            yield Draft(address, owner.scope, "delete", prior, None, reason, kind.phase(prior, None))


def _steps(
    declared: Declared, prior: Properties | None, planned: Properties | None, position: int, taken: _Taken
) -> Iterator[Draft]:
    """Yield the changes of one resource. `position`: the position of the first of them among the drafts."""
    kind = RESOURCES[declared.address.type]

    def draft(action: Action, before: Properties | None, after: Properties | None, reason: str, *follows: int) -> Draft:
        phase = kind.phase(before, after)
        return Draft(declared.address, declared.scope, action, before, after, reason, phase, follows)

    if planned is None:
        if prior is not None:
            yield draft("delete", prior, None, str(declared.origin))
        return
    if prior is None:
        remark = kind.remark(None, planned)
        reason = f"{declared.origin}; AWS has none" + (f"; {remark}" if remark else "")
        yield draft("create", None, planned, reason)
        return
    if kind.same(prior, planned):
        return
    why = kind.requires_replace(prior, planned)
    if why:
        yield from _replacement(declared, prior, planned, why, position, taken)
        return
    expanded = kind.expanded(prior, planned)
    reason = _difference(declared, prior, planned)
    if not kind.same(expanded, prior) and not kind.same(expanded, planned):
        yield draft("update", prior, expanded, f"{reason}; step 1 of 2: the old and the new state together")
        yield draft("update", expanded, planned, f"{reason}; step 2 of 2: the new state only", position)
        return
    yield draft("update", prior, planned, reason)


def _difference(declared: Declared, prior: Properties, planned: Properties) -> str:
    """Return the reason of an update, with AWS's value if the resource is only on or off."""
    old = [prior.get(name) for name in planned if planned[name] != prior.get(name)]
    found = json.dumps(old[0]) if len(old) == 1 and isinstance(old[0], bool) else "different values"
    return f"{declared.origin}; AWS has {found}"


def _replacement(
    declared: Declared, prior: Properties, planned: Properties, why: str, position: int, taken: _Taken
) -> Iterator[Draft]:
    """Yield a deletion and a creation, with a temporary replacement between them where events would be lost."""
    address, scope = declared.address, declared.scope
    kind = RESOURCES[address.type]
    temporary, phase, cleanup = kind.replacement(prior, planned, taken.beside(address))
    if temporary is None:
        yield Draft(address, scope, "delete", prior, None, why, phase)
        yield Draft(address, scope, "create", None, planned, why, phase, (position,))
        return
    beside = replace(address, key="/".join(str(temporary[name]) for name in kind.key))
    taken.add(beside)
    meanwhile = f"temporary replacement of {address.key}"
    yield Draft(beside, scope, "create", None, temporary, meanwhile, phase)
    yield Draft(address, scope, "delete", prior, None, why, phase, (position,))
    yield Draft(address, scope, "create", None, planned, why, phase, (position + 1,), recreates=True)
    yield Draft(beside, scope, "delete", temporary, None, meanwhile, cleanup, (position + 2,))


def _with_room(found: Sequence[Draft], snapshot: Snapshot) -> list[Draft]:
    """Return the drafts. Deletions come before creations if an identity has reached the quota of a type."""
    by_identity: dict[tuple[str, Scope, str], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for position, draft in enumerate(found):
        if draft.action != "update" and RESOURCES[draft.address.type].max_per_identity is not None:
            properties = draft.after or draft.before or {}
            key = draft.address.type, draft.scope, properties["identity"]
            by_identity[key][draft.after is None].append(position)
    result = list(found)
    for (type_, scope, identity), (creates, deletes) in by_identity.items():
        facts = snapshot.sending.get((scope, identity))
        prior = len(facts.policies) if facts else 0
        most = RESOURCES[type_].max_per_identity or 0
        for position, first in quotas.make_room(prior, creates, deletes, most).items():
            result[position] = replace(result[position], follows=first)
    return result
