"""Pace calls to SES, and wait: each call waits for its turn and between its attempts, and a stopped run waits no longer."""

from __future__ import annotations

import threading
import time
from collections import defaultdict

# Calls leave evenly but do not arrive evenly; a little more than the interval keeps the arrivals within the quota.
_SLACK = 1.005


class Stopped(InterruptedError):
    """The run was stopped while this call waited. The call, or its next attempt, was not sent."""


class Timer:
    """The clock of a run. Everything that waits waits here, so that `stop` wakes it. Safe to use from several threads."""

    def __init__(self) -> None:
        self._stopped = threading.Event()

    def now(self) -> float:
        """Return the time in seconds; only differences have a meaning."""
        return time.monotonic()

    def wait(self, seconds: float) -> None:
        """Wait that long, or not at all for 0. Raises Stopped if the run is stopped before the wait ends."""
        if seconds > 0:
            self._stopped.wait(seconds)
        if self._stopped.is_set():
            raise Stopped

    def stop(self) -> None:
        """End every wait, now and later."""
        self._stopped.set()


class Quota:
    """How long AWS has accepted no call of a service in a scope. Safe to use from several threads.

    Another program may use the same quota. Then some calls are throttled, and the run goes on as long as some are accepted.
    """

    REPORT_EVERY = 60.0  # seconds between two reports of the same quota

    def __init__(self, timer: Timer) -> None:
        self._timer = timer
        self._lock = threading.Lock()
        self._exhausted_at: float | None = None
        self._reported_at: float | None = None

    def accepted(self) -> None:
        """Record that AWS accepted a call."""
        with self._lock:
            self._exhausted_at = None

    def throttled(self) -> tuple[float, bool]:
        """Record a throttled call.

        Return the seconds since the first throttled call after the last accepted one, and whether this should be reported now.
        """
        with self._lock:
            now = self._timer.now()
            self._exhausted_at = now if self._exhausted_at is None else self._exhausted_at
            due = self._reported_at is None or now - self._reported_at >= self.REPORT_EVERY
            self._reported_at = now if due else self._reported_at
            return now - self._exhausted_at, due


class Pacer:
    """Gives each call its turn. One for each scope, shared by all connections to it. Safe to use from several threads.

    `rate`: calls a second, None for no pacing. `quotas`: by service, whether its calls are accepted.
    """

    def __init__(self, rate: float | None, timer: Timer | None = None) -> None:
        self.timer = timer or Timer()
        self.quotas: defaultdict[str, Quota] = defaultdict(lambda: Quota(self.timer))
        self._interval = _SLACK / rate if rate else 0.0
        self._lock = threading.Lock()
        self._next = 0.0

    def wait(self) -> None:
        """Wait for this call's turn. Raises Stopped if the run is stopped before it."""
        with self._lock:
            now = self.timer.now()
            turn = max(now, self._next)
            self._next = turn + self._interval
        self.timer.wait(turn - now)

    def stop(self) -> None:
        """Refuse every further call."""
        self.timer.stop()
