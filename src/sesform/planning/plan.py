"""What a plan is, and what became of it: frozen data that can be saved, compared, drawn and applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sesform.errors import Problem
from sesform.live.snapshot import UnmanagedResource
from sesform.model.address import Access, Address, Scope
from sesform.model.values import Properties
from sesform.planning.routes import RouteChange

Action = Literal["create", "update", "delete"]
ACTIONS: tuple[Action, ...] = ("create", "update", "delete")


@dataclass(frozen=True, slots=True)
class Change:
    """One step. `reason` is for people: nothing may depend on it. `depends_on` are positions in the plan's changes, all before
    its own; `calls` are the writing calls that it makes, as IAM names them."""

    address: Address
    scope: Scope
    action: Action
    before: Properties | None
    after: Properties | None
    reason: str
    phase: int
    calls: tuple[str, ...]
    depends_on: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Unchanged:
    """A declared resource that is as declared."""

    address: Address
    properties: Properties


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps, in the order in which they are done; what is already so; what stands in the way; whose routes change; how
    accounts are reached; the commit whose specs were compared with, if any were; what no spec names, None where it was
    not looked for."""

    changes: tuple[Change, ...]
    unchanged: tuple[Unchanged, ...] = ()
    diagnostics: tuple[Problem, ...] = ()
    routes: tuple[RouteChange, ...] = ()
    emptied: tuple[tuple[Scope, str], ...] = ()  # foreign identities that have a topic before and none after, by scope
    access: Mapping[str, Access] = field(default_factory=dict)
    since: str = ""
    unmanaged: tuple[UnmanagedResource, ...] | None = None

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(d for d in self.diagnostics if d.severity == "error")

    @property
    def applyable(self) -> bool:
        """Whether there is something to do and nothing in the way."""
        return bool(self.changes) and not self.errors

    @property
    def summary(self) -> dict[str, int]:
        """How many resources are created, updated and deleted. A replacement counts in create and in delete, as Terraform counts;
        an update that takes two steps counts once; what is made and removed on the way does not count."""
        return _counted(self.changes) | {"no_op": len(self.unchanged)}

    @property
    def calls(self) -> dict[Scope, Counter[str]]:
        """The writing calls that applying makes in each scope."""
        found: dict[Scope, Counter[str]] = {}
        for change in self.changes:
            found.setdefault(change.scope, Counter()).update(change.calls)
        return dict(sorted(found.items()))


Result = Literal["done", "left", "failed", "not tried", "unknown"]
WELL: tuple[Result, ...] = ("done", "left")  # what others may build on


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one change. "unknown": it was sent, and no answer came; "left": AWS keeps what was to go,
    and drops it by itself."""

    change: Change
    result: Result
    error: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """What became of a plan, in the plan's order. `not_reflected`: steps that were done and that AWS does not show yet."""

    outcomes: tuple[Outcome, ...]
    interrupted: bool = False
    not_reflected: tuple[Change, ...] = ()

    @property
    def ok(self) -> bool:
        return all(o.result in WELL for o in self.outcomes)

    @property
    def done(self) -> dict[str, int]:
        """How many resources were created, updated and deleted."""
        return _counted([o.change for o in self.outcomes if o.result == "done"])


def of_type(changes: Iterable[Change], type_: str) -> list[Change]:
    """Return the changes of resources of a type."""
    return [change for change in changes if change.address.type == type_]


def on_the_way(changes: Iterable[Change]) -> set[Address]:
    """The addresses of what a plan makes and removes again: stand-ins."""
    made, removed = set(), set()
    for change in changes:
        if change.action == "create" and change.address not in removed:
            made.add(change.address)
        if change.action == "delete":
            removed.add(change.address)
    return made & removed


def _counted(changes: Sequence[Change]) -> dict[str, int]:
    passing = on_the_way(changes)
    found = Counter(action for address, action in {(c.address, c.action) for c in changes} if address not in passing)
    return {action: found[action] for action in ACTIONS}
