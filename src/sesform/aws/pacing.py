"""Pace calls to SES: each waits for its turn, so that none is throttled."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

# Calls leave evenly but do not arrive evenly; a little more than the interval keeps the arrivals within the quota.
_SLACK = 1.005


class Stopped(InterruptedError):
    """The run was stopped while this call waited for its turn. The call was not sent."""


class Pacer:
    """Gives each call its turn. One for each scope, shared by all connections to it.

    `rate`: calls a second, None for no pacing. Safe to use from several threads.
    """

    def __init__(self, rate: float | None, clock: Callable[[], float] = time.monotonic) -> None:
        self._interval = _SLACK / rate if rate else 0.0
        self._clock = clock
        self._lock = threading.Lock()
        self._next = 0.0
        self._stop = threading.Event()

    def wait(self) -> None:
        """Wait for this call's turn. Raises Stopped if the run is stopped before it."""
        with self._lock:
            now = self._clock()
            turn = max(now, self._next)
            self._next = turn + self._interval
        if turn > now:
            self._stop.wait(turn - now)
        if self._stop.is_set():
            raise Stopped

    def stop(self) -> None:
        """Refuse every further call."""
        self._stop.set()
