"""Plan: (desired, live) → Plan. Pure: no clock, no network, no environment. The same input gives the same plan, byte for byte."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from sesform.errors import Problem
from sesform.live.snapshot import Snapshot
from sesform.planning import handover, route_changes, shadowing
from sesform.planning.checks import identities, kms_keys, quotas, readable, refusals, subscriptions, topics
from sesform.planning.drafts import drafts
from sesform.planning.ordering import ordered, sort_key
from sesform.planning.plan import Change, Plan, on_the_way
from sesform.planning.planned_state import PlannedState, live_resources, planned_state
from sesform.planning.routes import Matrix
from sesform.specs.desired import Desired


def plan(desired: Desired, snapshot: Snapshot) -> Plan:
    """Return the steps from the live to the declared resources, in a safe order.

    Problems are in the plan's diagnostics. A plan with errors is not applyable, and shows what would be done without them.
    """
    live = live_resources(desired, snapshot)
    drafted, unchanged = drafts(desired, snapshot, live)
    state = planned_state(live, snapshot, drafted)
    routes = route_changes.planned_routes(state, snapshot, drafted)
    changes = ordered(drafted, live, routes)
    problems = _problems(desired, snapshot, changes, state, routes.after)
    found = sorted({*desired.warnings, *problems}, key=lambda p: (p.severity, p.file, p.line, p.path, p.summary))
    same = tuple(sorted(unchanged, key=lambda u: sort_key(u.address)))
    made = Plan(
        changes,
        same,
        tuple(found),
        access=desired.access,
        since=desired.since,
        handover=handover.of_changes(desired, changes),
        part=desired.part,
    )
    return route_changes.routed(made, state, routes, desired, snapshot)


def _problems(
    desired: Desired, snapshot: Snapshot, changes: Sequence[Change], state: PlannedState, routes: Matrix
) -> list[Problem]:
    """Preflight checks: problems found before any write."""
    return [
        *readable.readable(desired, snapshot),
        *identities.identities(desired, snapshot, changes, state, routes),
        *topics.topics(desired, snapshot, changes, state),
        *kms_keys.check(desired, snapshot, changes),
        *identities.configuration_sets(desired, snapshot, changes),
        *quotas.check(desired, changes, state),
        *subscriptions.pending(desired, snapshot),
        *subscriptions.unheard(desired, snapshot, changes),
        *topics.withdrawn(desired, snapshot, changes),
        *shadowing.warnings(desired, snapshot),
        *shadowing.policies_at_both_levels(desired),
        *refusals.refused(desired, changes),
    ]


def part(of: Plan, desired: Desired, snapshot: Snapshot, matches: Callable[[str], bool]) -> Plan:
    """Return the part of a plan whose addresses match, with the routes and quotas of that part."""
    live = live_resources(desired, snapshot)
    whole = set(quotas.check(desired, of.changes, planned_state(live, snapshot, of.changes)))
    taken = chosen(of, matches)
    rest = tuple(d for d in taken.diagnostics if d not in whole)
    state = planned_state(live, snapshot, taken.changes)
    own = quotas.check(desired, taken.changes, state)
    routes = route_changes.planned_routes(state, snapshot, taken.changes)
    ours = handover.of_changes(desired, taken.changes)
    return route_changes.routed(
        replace(taken, diagnostics=(*rest, *own), handover=ours), state, routes, desired, snapshot
    )


def chosen(of: Plan, matches: Callable[[str], bool]) -> Plan:
    """Return the part of a plan whose addresses match, with the steps that these depend on. The order stays.

    A diagnostic stays if it concerns a matching or chosen address, or no address.
    """
    wanted = {i for i, change in enumerate(of.changes) if matches(str(change.address))}
    # A temporary replacement must be deleted again, so its deletion is chosen with its creation.
    passing = on_the_way(of.changes)
    beside = {i for i in _needed(of, wanted) if of.changes[i].address in passing}
    kept = {of.changes[i].address for i in beside}
    wanted = _needed(of, wanted | {i for i, change in enumerate(of.changes) if change.address in kept})
    place = {position: new for new, position in enumerate(sorted(wanted))}
    changes = [
        replace(of.changes[p], depends_on=tuple(place[d] for d in of.changes[p].depends_on)) for p in sorted(wanted)
    ]
    unchanged = tuple(u for u in of.unchanged if matches(str(u.address)))
    touched = {str(c.address) for c in changes}
    diagnostics = tuple(d for d in of.diagnostics if _concerns(d, touched, matches))
    return replace(of, changes=tuple(changes), unchanged=unchanged, diagnostics=diagnostics)


def _needed(of: Plan, wanted: set[int]) -> set[int]:
    """Return the positions, and those of all steps that they depend on."""
    found = set(wanted)
    for position in range(len(of.changes) - 1, -1, -1):
        if position in found:
            found.update(of.changes[position].depends_on)
    return found


def _concerns(problem: Problem, touched: set[str], matches: Callable[[str], bool]) -> bool:
    addresses = problem.concerns or (problem.path,)
    return problem.path.count("/") < 2 or any(a in touched or matches(a) for a in addresses)


__all__ = ["chosen", "part", "plan"]
