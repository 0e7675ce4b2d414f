"""A clock for tests: time passes only where something waits, and no test sleeps."""

from __future__ import annotations

import threading

from sesform.aws import Stopped, Timer


class Clock(Timer):
    """`waits`: the seconds of each wait, in order. `stop_after`: the run is stopped during the wait with this number."""

    def __init__(self, stop_after: int | None = None) -> None:
        super().__init__()
        self.time = 1000.0
        self.waits: list[float] = []
        self.stop_after = stop_after
        self._lock = threading.Lock()

    def now(self) -> float:
        return self.time

    def wait(self, seconds: float) -> None:
        with self._lock:
            if seconds > 0:
                self.waits.append(seconds)
                self.time += seconds
            if self.stop_after is not None and len(self.waits) >= self.stop_after:
                self.stop()
        if self._stopped.is_set():
            raise Stopped
