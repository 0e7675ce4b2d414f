"""What a run cost, as text."""

from __future__ import annotations

from collections.abc import Mapping

from sesform.model.address import Scope
from sesform.model.quotas import Cost
from sesform.render.duration import duration


def text(costs: Mapping[Scope, Cost], seconds: float, rate: float | None) -> str:
    """Return the calls by scope, and the time in relation to the least that the quota of SES allows.

    `seconds`: what the run took. `rate`: SES calls a second in each scope, None for no pacing; then there is no relation.
    """
    lines = [f"  {scope}: {_calls(cost)}" for scope, cost in sorted(costs.items())]
    total = sum(cost.ses + cost.others for cost in costs.values())
    took = f"{total} call{'' if total == 1 else 's'} in {seconds:.1f} s"
    most = max((cost.ses for cost in costs.values()), default=0)
    if rate and most > 1:
        least = (most - 1) / rate
        took += f", {seconds / least:.2f} times the least for {most} SES calls in one scope ({duration(least)})"
    return "\n".join(["Calls to AWS:", *lines, took + "."])


def _calls(cost: Cost) -> str:
    parts = [f"{cost.ses} to SES", f"{cost.others} to other services"]
    return ", ".join([*parts, f"{cost.throttled} throttled"])
