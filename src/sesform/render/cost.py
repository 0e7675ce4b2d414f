"""What a run cost, as text."""

from __future__ import annotations

from collections.abc import Mapping

from sesform.model.address import Scope
from sesform.model.quotas import LOOKUPS_PER_SECOND, Cost
from sesform.render.duration import duration


def text(costs: Mapping[Scope, Cost], seconds: float, rate: float | None) -> str:
    """Return the calls by scope, and the time in relation to the least that the quota of SES allows.

    `seconds`: what the run took. `rate`: SES calls a second in each scope, None for no pacing; then there is no relation.
    """
    lines = [f"  {scope}: {_calls(cost)}" for scope, cost in sorted(costs.items())]
    total = sum(cost.ses + cost.lookups + cost.others for cost in costs.values())
    took = f"{total} call{'' if total == 1 else 's'} in {seconds:.1f} s"
    slowest = max(costs.values(), key=lambda cost: _least(cost, rate), default=Cost())
    least = _least(slowest, rate)
    if least > 0:
        lookups = f" and {slowest.lookups} lookup{'' if slowest.lookups == 1 else 's'}" if slowest.lookups else ""
        took += f", {seconds / least:.2f} times the least for {slowest.ses} SES calls{lookups} in one scope ({duration(least)})"
    return "\n".join(["Calls to AWS:", *lines, took + "."])


def _least(cost: Cost, rate: float | None) -> float:
    """Return the least seconds for the calls of a scope: the first call of each quota does not wait. 0 without pacing."""
    if not rate:
        return 0.0
    return max(0, cost.ses - 1) / rate + max(0, cost.lookups - 1) / LOOKUPS_PER_SECOND


def _calls(cost: Cost) -> str:
    lookups = [f"{cost.lookups} to CloudTrail"] if cost.lookups else []
    parts = [f"{cost.ses} to SES", *lookups, f"{cost.others} to other services"]
    return ", ".join([*parts, f"{cost.throttled} throttled"])
