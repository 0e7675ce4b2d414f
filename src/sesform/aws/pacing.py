"""The pace of SES calls: each waits for its turn, so that none is throttled (see `quota` for the rate)."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# Calls leave evenly but do not arrive evenly; a little more than the interval keeps the arrivals within the quota.
_SLACK = 1.005


class Stopped(InterruptedError):
    """The run was stopped while this call waited for its turn: it was never sent."""


class Pacer:
    """Gives each call its turn. One for each scope, shared by everything that calls SES there.

    `rate` is in calls a second; None does not pace. Safe to use from many threads.
    """

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = _SLACK / rate if rate else 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._next = 0.0
        self._stop = threading.Event()

    def wait(self) -> None:
        """Returns when it is this call's turn. Raises Stopped when the run is stopped before that."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._interval
        if turn > now:
            self._stop.wait(turn - now)
        if self._stop.is_set():
            raise Stopped

    def stop(self) -> None:
        """Lets no further call through."""
        self._stop.set()
