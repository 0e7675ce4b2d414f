"""A plan as a reviewer reads it: one row for each resource, and sections in the order of their importance."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

from sesform.model.address import Address, Scope
from sesform.model.values import Properties
from sesform.planning import diff
from sesform.planning.plan import Change, Plan, on_the_way
from sesform.planning.route_changes import deleted_sets
from sesform.planning.routes import RouteChange
from sesform.render._hcl import path_text, value
from sesform.resources import RESOURCES

Kind = Literal["delete", "replace", "update", "create"]
_ORDER: tuple[Kind, ...] = ("delete", "replace", "update", "create")  # what can do most harm comes first


@dataclass(frozen=True, slots=True)
class Row:
    """What a plan does to one resource, in one step or more. `steps`: their number, without those of a temporary replacement."""

    address: Address
    scope: Scope
    kind: Kind
    before: Properties | None
    after: Properties | None
    reason: str
    steps: int = 1

    @classmethod
    def of_step(cls, change: Change) -> Row:
        """Return a step as a row of its own."""
        return cls(change.address, change.scope, change.action, change.before, change.after, change.reason)


def rows(changes: Sequence[Change]) -> list[Row]:
    """Return one row for each resource that a plan changes: deletions, replacements, updates, creations, each in the plan's order.

    Temporary replacements have none.
    """
    passing = on_the_way(changes)
    by_address: dict[Address, list[Change]] = defaultdict(list)
    for change in changes:
        if change.address not in passing:
            by_address[change.address].append(change)
    found = [_row(steps) for steps in by_address.values()]
    return sorted(found, key=lambda row: _ORDER.index(row.kind))


def examples_first(of: Sequence[Row]) -> list[Row]:
    """Return the rows of each kind in another order: one of each group of identical changes, then the others."""
    seen, others = set[tuple[str, ...]](), set[Address]()
    for row in of:
        if (shape := _shape(row)) in seen:
            others.add(row.address)
        seen.add(shape)
    return sorted(of, key=lambda row: (_ORDER.index(row.kind), row.address in others))


def _shape(of: Row) -> tuple[str, ...]:
    """Return what is equal for changes that differ only in the name of their identity, configuration set or topic."""
    kind, where = RESOURCES[of.address.type], of.address
    before, after = (kind.likeness(state) if state is not None else "" for state in (of.before, of.after))
    return of.kind, where.spec, where.type, where.region, before, after


def _row(steps: Sequence[Change]) -> Row:
    first, last = steps[0], steps[-1]
    before, after = first.before, last.after
    kind: Kind = "update"
    if before is None or after is None:
        kind = "create" if before is None else "delete"
    elif first.action == "delete":
        kind = "replace"
    reason, _, _ = first.reason.partition("; step 1 of 2")
    return Row(first.address, first.scope, kind, before, after, reason, len(steps))


class Names:
    """What people call the topics of a plan: `<spec>/<topic>` in place of the ARN."""

    def __init__(self, of: Plan) -> None:
        self._names: dict[str, str] = {}
        states = [(u.address, u.properties) for u in of.unchanged]
        states += [(c.address, properties) for c in of.changes if (properties := c.after or c.before)]
        for address, properties in states:
            if RESOURCES[address.type].key == ("topic_arn",) and "topic_arn" in properties:
                self._names.setdefault(properties["topic_arn"], f"{address.spec}/{address.key}")
        self._any = re.compile("|".join(map(re.escape, sorted(self._names, key=len, reverse=True))) or r"(?!)")

    def __call__(self, text: str) -> str:
        """Return the text with the names of topics in place of their ARNs."""
        return self._any.sub(lambda match: self._names[match[0]], text)


# --- sections ----------------------------------------------------------------------------------------------------------


def alarms(of: Plan) -> list[str]:
    """Return what must not be overlooked: refusals of guards, receivers that are lost, and gaps that stay."""
    refused = [f"Refused: {problem.summary}" for problem in of.errors if problem.path == ""]
    lost = {c.subject: c for c in lost_receivers(of)}
    named, found = Names(of), defaultdict[tuple[str, str, str, str], list[str]](list)
    for (scope, kind, name, event), change in lost.items():
        found[kind, event, str(scope), named(f": {_ways(change.before)} -> {_ways(change.after)}")].append(name)
    for scope, kind, name, event in (subject for subject in of.unheard if subject not in lost):
        found[kind, event, str(scope), ""].append(name)
    return [*refused, *(_alarm(*what, who) for what, who in found.items())]


def _alarm(kind: str, event: str, scope: str, ways: str, who: Sequence[str]) -> str:
    """Return that identities or sets lose their receiver, or without `ways` that they have none."""
    verb = ("loses its" if len(who) == 1 else "lose their") if ways else "has no" if len(who) == 1 else "have no"
    return f"{_subjects(kind, who)} in {scope} {verb} receiver of {event}s{ways}"


def lost_receivers(of: Plan) -> list[RouteChange]:
    """Return the routes that a plan leaves without a receiver. A configuration set that it deletes needs none."""
    gone = deleted_sets(of)
    return [
        c
        for c in of.routes
        if c.lost and (c.subject.kind == "identity" or (c.subject.scope, c.subject.name) not in gone)
    ]


def deletions(of: Iterable[Row]) -> list[str]:
    """Return one line for each resource that is destroyed for good."""
    return [f"{row.address} ({row.reason})" for row in of if row.kind == "delete"]


def updates(of: Iterable[Row], names: Names) -> list[Callable[[], str]]:
    """Return one line for each resource that is updated or replaced, made when it is asked for: comparing takes time."""

    def line(row: Row) -> str:
        fields = diff.changes(row.before or {}, row.after or {})
        replaced = "replaced, " if row.kind == "replace" else ""
        return f"{row.address}: {replaced}{names('; '.join(map(_short, fields)))}"

    def later(row: Row) -> Callable[[], str]:
        return lambda: line(row)

    return [later(row) for row in of if row.kind in ("update", "replace")]


_WIDTH = 80  # characters of a value


def _short(of: diff.FieldChange) -> str:
    sides = [cut(value(side)) if side is not diff.ABSENT else "nothing" for side in (of.before, of.after)]
    return f"{path_text(of.path)} = {sides[0]} -> {sides[1]}"


def cut(text: str, width: int = _WIDTH) -> str:
    """Return the text on one line, shortened to a width."""
    line = " ".join(text.split())
    return line if len(line) <= width else f"{line[: width - 3]}..."


HEADINGS = ("spec", "type", "add", "change", "destroy")


def table(of: Iterable[Row]) -> list[tuple[str, ...]]:
    """Return the number of resources that are added, changed and destroyed, by spec and type, as texts under `HEADINGS`.

    A replacement counts as added and as destroyed.
    """
    found: Counter[tuple[str, str, str]] = Counter()
    for row in of:
        for kind in ("delete", "create") if row.kind == "replace" else (row.kind,):
            found[row.address.spec, row.address.type, kind] += 1
    pairs = sorted({(spec, type_) for spec, type_, _ in found}, key=lambda pair: (pair[0], _TYPES.index(pair[1])))
    actions = ("create", "update", "delete")
    return [(spec, type_, *(str(found[spec, type_, action]) for action in actions)) for spec, type_ in pairs]


_TYPES = list(RESOURCES)


class Group(NamedTuple):
    """Changes that differ only in the name of their identity, configuration set or topic."""

    kind: Kind
    text: str
    names: tuple[str, ...]
    noun: str

    def __str__(self) -> str:
        return f"{self.text}: {len(self.names)} {self.noun}: {span(self.names)}"


def groups(of: Iterable[Row], names: Names) -> list[Group]:
    """Return the identical changes of two or more resources, the largest group of each kind first."""
    found: dict[tuple[str, ...], list[Row]] = defaultdict(list)
    for row in of:
        found[_shape(row)].append(row)
    made = [_group(same, names) for same in found.values() if len(same) > 1]
    return sorted(made, key=lambda group: (_ORDER.index(group.kind), -len(group.names)))


_NOUNS = {"identity": "identities", "configuration_set": "configuration sets", "topic_arn": "topics"}


def _group(same: Sequence[Row], names: Names) -> Group:
    first = same[0]
    kind = RESOURCES[first.address.type]
    parent = kind.key[0]
    who = [names(str((row.after or row.before or {})[parent])) for row in same]
    return Group(first.kind, names(gist(first)), tuple(sorted(who, key=_natural)), _NOUNS.get(parent, "resources"))


def gist(of: Row) -> str:
    """Return in a few words what happens to a resource, without its identity, set or topic: "bounce topic -> ARN"."""
    sides = [RESOURCES[of.address.type].gist(state) for state in (of.before, of.after) if state is not None]
    label, states = sides[-1][0], [cut(state) for _, state in sides]
    if len(states) == 2:
        return f"{label}: {states[0]} -> {states[1]}"
    return f"{label} {'-> ' if of.kind == 'create' else ''}{states[0]}" if states[0] else label


def route_changes(of: Sequence[RouteChange], names: Names) -> list[str]:
    """Return the routes that change, identical ones of one account in one line."""
    found: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for change in of:
        scope, kind, name, event = change.subject
        found[str(scope), kind, event, _ways(change.before), _ways(change.after)].append(name)
    lines = []
    for (where, kind, event, before, after), who in found.items():
        lines.append(f"{event}, {_subjects(kind, who)} in {where}: {names(f'{before} -> {after}')}")
    return lines


def _subjects(kind: str, who: Sequence[str]) -> str:
    """Return one identity or set by its name, or several by their number and names."""
    if len(who) == 1:
        return f"{kind} {who[0]}"
    return f"{len(who)} {'identities' if kind == 'identity' else f'{kind}s'}: {span(sorted(who, key=_natural))}"


_SPAN = 5  # names that are all written out


def span(names: Sequence[str]) -> str:
    """Return a few names, or the first and the last of many."""
    return ", ".join(names) if len(names) <= _SPAN else f"{names[0]} ... {names[-1]}"


def _natural(name: str) -> list[tuple[int, str]]:
    """Return a key that sorts d2 before d10."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"([0-9]+)", name)]


def _ways(ways: Sequence[str]) -> str:
    return ", ".join(ways) or "no receiver"
