"""Compare an earlier plan with a new one: the new plan may be applied only if it has the same steps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from sesform.errors import StalePlanError
from sesform.model.masking import masked_values
from sesform.model.values import Properties, printable
from sesform.planning.plan import Change, Plan
from sesform.resources import RESOURCES, ResourceType


def check(earlier: Plan, now: Plan) -> None:
    """Raise StalePlanError with each resource whose steps differ: what they were, and what they are now."""
    was, is_now = _by_address(earlier.changes), _by_address(now.changes)
    lines = [
        f"  {address}: was {_told(was.get(address, []))}; is now {_told(is_now.get(address, []))}"
        for address in dict.fromkeys([*was, *is_now])
        if not _same_steps(was.get(address, []), is_now.get(address, []))
    ]
    if lines:
        raise StalePlanError(
            "the plan is stale: the specs or AWS have changed since it was made; nothing was changed. Plan again.\n"
            + "\n".join(map(printable, lines))
        )


def _by_address(changes: Iterable[Change]) -> Mapping[str, list[Change]]:
    found: dict[str, list[Change]] = defaultdict(list)
    for change in changes:
        found[str(change.address)].append(change)
    return found


def _same_steps(was: Sequence[Change], is_now: Sequence[Change]) -> bool:
    if not is_now and RESOURCES[was[0].address.type].eventually_consistent:
        return True  # the plan was made while a read still showed the old state
    return len(was) == len(is_now) and all(map(_same_step, was, is_now))


def _same_step(one: Change, other: Change) -> bool:
    kind = RESOURCES[one.address.type]
    return (
        (one.scope, one.action) == (other.scope, other.action)
        and _same(kind, one.before, other.before)
        and _same(kind, one.after, other.after)
    )


def _same(kind: ResourceType, one: Properties | None, other: Properties | None) -> bool:
    # Saved plans have secrets in URLs masked.
    return one is other or (
        one is not None and other is not None and kind.same(masked_values(one), masked_values(other))
    )


def _told(changes: Iterable[Change]) -> str:
    return ", then ".join(f"{c.action} ({_shown(c.before)} -> {_shown(c.after)})" for c in changes) or "unchanged"


def _shown(properties: Properties | None) -> str:
    return "nothing" if properties is None else ", ".join(f"{k}={v!r}" for k, v in properties.items())
