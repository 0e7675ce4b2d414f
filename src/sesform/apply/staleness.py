"""Check that AWS still holds what a saved plan saw."""

from __future__ import annotations

from sesform.apply.read_back import wanted
from sesform.errors import StalePlanError
from sesform.live.snapshot import Snapshot
from sesform.model.values import Properties, printable
from sesform.planning.plan import Change, Plan
from sesform.resources import RESOURCES, ResourceType
from sesform.specs.declared import Declared


def touched(plan: Plan) -> list[Declared]:
    """Return every resource that the plan changes, to be read again."""
    return [wanted(change) for change in _first_steps(plan)]


def check(plan: Plan, snapshot: Snapshot) -> None:
    """Raise StalePlanError with each resource that has changed or can no longer be read, and what was expected and found."""
    lines = []
    for change in _first_steps(plan):
        kind, expected = RESOURCES[change.address.type], change.before
        found = snapshot.found.get(change.address)
        if change.address in snapshot.unreadable:
            lines.append(f"  {change.address}: cannot be read: {snapshot.unreadable[change.address]}")
        elif not _same(kind, expected, found) and not (kind.eventually_consistent and _same(kind, change.after, found)):
            lines.append(f"  {change.address}: expected {_shown(expected)}, found {_shown(found)}")
    if lines:
        # A topic policy exists whenever its topic does, so it differs wherever its topic differs.
        raise StalePlanError(
            "the saved plan is stale: AWS has changed since it was made; plan again\n"
            + "\n".join(map(printable, lines))
        )


def _same(kind: ResourceType, one: Properties | None, other: Properties | None) -> bool:
    return (one is None and other is None) or (one is not None and other is not None and kind.same(one, other))


def _first_steps(plan: Plan) -> list[Change]:
    first: dict[object, Change] = {}
    for change in plan.changes:
        first.setdefault(change.address, change)
    return list(first.values())


def _shown(properties: Properties | None) -> str:
    return "nothing" if properties is None else ", ".join(f"{k}={v!r}" for k, v in properties.items())
