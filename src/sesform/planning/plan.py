"""Plans and reports: frozen data that can be saved, compared, rendered and applied."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from sesform.errors import Problem
from sesform.live.snapshot import UnmanagedResource
from sesform.model.address import Access, Address, Scope
from sesform.model.shard import Part
from sesform.model.values import Properties
from sesform.planning.blame import BlameReport
from sesform.planning.handover import NO_HANDOVER, Handover
from sesform.planning.routes import RouteChange, Subject
from sesform.specs.declared import Origin

Action = Literal["create", "update", "delete"]
ACTIONS: tuple[Action, ...] = ("create", "update", "delete")


@dataclass(frozen=True, slots=True)
class Change:
    """One step.

    `reason` is for people only. `depends_on`: positions in the plan's changes, all before its own. `calls`: its writing calls, in
    IAM's terms.
    """

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
    """A declared resource whose live state is as declared."""

    address: Address
    properties: Properties


@dataclass(frozen=True, slots=True)
class PlanOptions:
    """The options that a plan was made with, to make it again. `sandbox`: it was made against an emulated AWS."""

    only: tuple[str, ...] = ()
    destroy: bool = False
    prune: bool = False
    allow_dark: bool = False
    allow_mass_change: bool = False
    allow_irreversible: bool = False
    allow_new_legacy: bool = False
    sandbox: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """The steps in their order, and what is known about them.

    `diagnostics`: errors and warnings. `routes`: the routes that change. `access`: the credentials of each spec. `since`: the
    commit whose specs were compared, "" for none. `unmanaged`: resources that no spec names, None if they were not read.
    `unheard`: bounces and complaints of the specs' identities that have no receiver after the plan. `handover`: what other
    organizations must set for the changes. `part`: which part of the specs it covers, None for all. `blame`: who changed what has
    drifted, None if it was not looked up. `origins`: where the specs declare the resources that change; a saved plan has none.
    """

    changes: tuple[Change, ...]
    unchanged: tuple[Unchanged, ...] = ()
    diagnostics: tuple[Problem, ...] = ()
    routes: tuple[RouteChange, ...] = ()
    emptied: tuple[tuple[Scope, str], ...] = ()  # identities of other accounts that lose their last topic, by scope
    new_entries: tuple[tuple[Scope, str], ...] = ()  # identities of other accounts that get their first topic, by scope
    access: Mapping[str, Access] = field(default_factory=dict)
    since: str = ""
    unmanaged: tuple[UnmanagedResource, ...] | None = None
    unheard: tuple[Subject, ...] = ()
    options: PlanOptions = PlanOptions()
    handover: Handover = NO_HANDOVER
    part: Part | None = None
    blame: BlameReport | None = None
    origins: Mapping[Address, Origin] = field(default_factory=dict, repr=False, compare=False)

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(d for d in self.diagnostics if d.severity == "error")

    @property
    def applyable(self) -> bool:
        """Whether the plan has steps and no errors."""
        return bool(self.changes) and not self.errors

    @property
    def summary(self) -> dict[str, int]:
        """The number of resources that are created, updated and deleted.

        A replacement counts as a creation and a deletion, as in Terraform. An update in two steps counts once. Temporary
        replacements do not count.
        """
        return _counted(self.changes) | {"no_op": len(self.unchanged)}

    @property
    def calls(self) -> dict[Scope, Counter[str]]:
        """The writing calls of the plan, by scope."""
        found: dict[Scope, Counter[str]] = {}
        for change in self.changes:
            found.setdefault(change.scope, Counter()).update(change.calls)
        return dict(sorted(found.items()))


Result = Literal["done", "left", "failed", "not tried", "unknown"]
WELL: tuple[Result, ...] = ("done", "left")  # results after which dependent steps run


@dataclass(frozen=True, slots=True)
class Outcome:
    """The result of one change.

    "unknown": the call was sent, and no answer came. "left": AWS keeps the resource, and deletes it by itself later.
    """

    change: Change
    result: Result
    error: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """The results of a plan's changes, in the plan's order.

    `not_reflected`: steps that were done and that reads do not show yet. `part`: which part of the specs it covers, None for all.
    `origins`: as those of the plan.
    """

    outcomes: tuple[Outcome, ...]
    interrupted: bool = False
    not_reflected: tuple[Change, ...] = ()
    part: Part | None = None
    origins: Mapping[Address, Origin] = field(default_factory=dict, repr=False, compare=False)

    @property
    def ok(self) -> bool:
        """Whether every step is done, and the run was not interrupted."""
        return not self.interrupted and all(o.result in WELL for o in self.outcomes)

    @property
    def done(self) -> dict[str, int]:
        """The number of resources that were created, updated and deleted."""
        return _counted([o.change for o in self.outcomes if o.result == "done"])


def of_type(changes: Iterable[Change], type_: str) -> list[Change]:
    """Return the changes of resources of a type."""
    return [change for change in changes if change.address.type == type_]


def on_the_way(changes: Iterable[Change]) -> set[Address]:
    """Return the addresses that a plan creates and deletes again: temporary replacements."""
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
