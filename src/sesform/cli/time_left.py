"""How long the rest of a run takes, at the pace that was measured last."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import NamedTuple

from sesform.model.address import Scope

_SECONDS, _CALLS = 5.0, 20  # the least of both that a measurement covers, once there were as many


class Remaining(NamedTuple):
    """The calls of a scope. `seconds`: the time between two of them at the rate of the run, None if they are not paced."""

    done: int
    total: int
    seconds: float | None


class TimeLeft:
    """Estimates the time left from what it is shown at different times.

    The pace of each scope is the one at which its last calls ended, so that throttling, a rate that changes, and slow answers all
    count. Before there is a measurement, and while a scope waits for others, it is the rate of the run.
    """

    def __init__(self) -> None:
        self._seen: dict[Scope, deque[tuple[float, int]]] = {}

    def after(self, now: float, calls: Mapping[Scope, Remaining]) -> float | None:
        """Return the seconds until the last scope has finished, None if no pace is known. `now`: only differences count."""
        found = []
        for scope, each in calls.items():
            interval = self._interval(scope, now, each)
            if each.done < each.total and interval is not None:
                found.append((each.total - each.done) * interval)
        return max(found, default=None)

    def _interval(self, scope: Scope, now: float, calls: Remaining) -> float | None:
        """Return the seconds between two calls."""
        seen = self._seen.setdefault(scope, deque())
        if not seen or seen[-1][1] != calls.done:
            seen.append((now, calls.done))
        while len(seen) > 2 and now - seen[1][0] >= _SECONDS and calls.done - seen[1][1] >= _CALLS:
            seen.popleft()
        since, before = seen[0]
        measured = calls.done - before
        if not measured or now - since < _SECONDS:
            return calls.seconds
        return (now - since) / measured
