"""Pace calls to SES, and wait: each call waits for its turn and between its attempts, and a stopped run waits no longer."""

from __future__ import annotations

import math
import random
import threading
import time
from collections import defaultdict

from sesform.aws.senders import parked
from sesform.model.quotas import SES_CALLS_PER_SECOND

_SLACK = 1.005  # for the resolution of clocks, ours and AWS's
_MAX_LATE = 5.0  # seconds: a call without an answer holds up the next one no longer


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
            with parked():
                self._stopped.wait(seconds)
        if self._stopped.is_set():
            raise Stopped

    @property
    def stopped(self) -> bool:
        return self._stopped.is_set()

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


class Rate:
    """The calls a second that one scope accepts. It falls with each throttled call, and recovers with accepted ones.

    A throttled call costs others nothing, so the rate falls slowly: a run with half of the quota for itself makes nearly half of
    the calls. `seconds`: the time between two calls.
    """

    _MAX_SECONDS = 20.0
    _SLOWER, _FASTER = 1.02, 0.5

    def __init__(self, rate: float) -> None:
        self._least = _SLACK / rate
        self.seconds = self._least

    def accepted(self) -> None:
        self.seconds = max(self._least, self.seconds * self._FASTER)

    def throttled(self) -> None:
        self.seconds = max(self._least, min(self.seconds * self._SLOWER, self._MAX_SECONDS))


class RisingRate(Rate):
    """A rate that starts at the quota and rises until AWS throttles a call. Then it falls at once, and tries more after a while."""

    _MAX_RATE = 100.0
    _TRIAL = 50  # accepted calls at one rate before a higher one is tried again

    def __init__(self, rate: float) -> None:
        super().__init__(rate)
        self._quota = self._least
        self._limit = _SLACK / self._MAX_RATE  # no faster, as far as is known
        self._calls = 0

    def accepted(self) -> None:
        self._calls += 1
        if self._calls >= self._TRIAL:
            self._calls, self._limit = 0, self._limit / 1.1
        self._least = max(self._limit, _SLACK / self._MAX_RATE, self._least / 1.05)
        super().accepted()

    def throttled(self) -> None:
        self._calls = 0
        self._limit = min(self._quota, self._least * 1.1)
        self._least = min(self._quota, self._least * 1.3)
        super().throttled()


def _rate(rate: float) -> Rate:
    return RisingRate(SES_CALLS_PER_SECOND) if rate == math.inf else Rate(rate)


class Pacer:
    """Gives each call its turn. One for each scope, shared by all connections to it. Safe to use from several threads.

    The quota counts calls when they arrive, which only AWS sees. So the next turn is one interval after the last call can have
    arrived at the latest: its answer, less the fastest round trip of that operation. A throttled call does not count, because AWS
    did not accept it; it is sent again after an interval of varying length, so that no program is always too late.

    `rate`: calls a second; None for no pacing; infinite for the quota of SES, and more for as long as AWS accepts it. `quotas`: by
    service, whether its calls are accepted.
    """

    def __init__(self, rate: float | None, timer: Timer | None = None) -> None:
        self.timer = timer or Timer()
        self.quotas: defaultdict[str, Quota] = defaultdict(lambda: Quota(self.timer))
        self._rate = _rate(rate) if rate else None
        self._lock = threading.Lock()
        self._sent: dict[int, float] = {}  # by thread: when its call was sent, or its turn was reserved
        self._reserved: set[int] = set()  # threads with a turn and no call yet
        self._waiting = 0  # calls that wait in their threads; they come before reservations
        self._arrived = self._not_before = -math.inf
        self._fastest: dict[str, float] = {}  # the fastest round trip of each operation in seconds

    @property
    def paced(self) -> bool:
        return self._rate is not None

    @property
    def seconds(self) -> float | None:
        """The time between two calls at the present rate, None for no pacing."""
        return None if self._rate is None else self._rate.seconds

    def wait(self) -> None:
        """Wait for the turn of this thread's call, unless it is reserved. Raises Stopped if the run is stopped before it."""
        self.timer.wait(0)
        if self._rate is None:
            return
        me = threading.get_ident()
        with self._lock:
            if me in self._reserved:
                self._reserved.discard(me)
                self._sent[me] = self.timer.now()
                return
            self._waiting += 1
        try:
            while (seconds := self._take(me)) > 0:
                self.timer.wait(seconds)
        finally:
            with self._lock:
                self._waiting -= 1

    def answered(self, operation: str, *, throttled: bool = False, failed: bool = False) -> None:
        """Record that this thread's call has its answer. No effect if it was not sent.

        `failed`: AWS or the network failed, which says nothing about the rate and the round trip.
        """
        me = threading.get_ident()
        with self._lock:
            if self._rate is None or me in self._reserved or me not in self._sent:
                return
            now, sent = self.timer.now(), self._sent.pop(me)
            took = now - sent
            fastest = self._fastest.get(operation, 0.0)  # the first call may have been slow on its way
            arrived = self._arrival(sent, now, min(fastest, took))
            if failed:
                self._arrived = max(self._arrived, arrived)
                return
            self._fastest[operation] = min(self._fastest.get(operation, took), took)
            if throttled:
                self._rate.throttled()
                self._not_before = arrived + self._rate.seconds * random.uniform(1.0, 1.1)
            else:
                self._rate.accepted()
                self._arrived = max(self._arrived, arrived)

    def due_at(self) -> float:
        """Return when the next turn can be reserved, in the timer's seconds; it may turn out to be later."""
        with self._lock:
            now = self.timer.now()
            if self._rate is None or self.timer.stopped:
                return now
            due = self._due(now)
            return max(due, now) + self._waiting * self._rate.seconds if self._waiting else due

    def reserve(self) -> bool:
        """Reserve the next turn for this thread's next call, if it has come. Return whether the call can be made.

        After a stop it can: it is refused then.
        """
        with self._lock:
            now = self.timer.now()
            if self._rate is None or self.timer.stopped:
                return True
            if self._waiting or now < self._due(now):
                return False
            self._sent[threading.get_ident()] = now
            self._reserved.add(threading.get_ident())
            return True

    def release(self) -> None:
        """Give back the turn of this thread, if no call used it."""
        me = threading.get_ident()
        with self._lock:
            if me in self._reserved:
                self._reserved.discard(me)
                del self._sent[me]

    def stop(self) -> None:
        """Refuse every further call."""
        self.timer.stop()

    def _take(self, thread: int) -> float:
        """Take the turn of a thread's call if it has come, and return 0; otherwise return the seconds until it may come."""
        with self._lock:
            now = self.timer.now()
            due = self._due(now)
            if now >= due:
                self._sent[thread] = now
                return 0.0
            return due - now

    def _due(self, now: float) -> float:
        assert self._rate is not None
        fastest = min(self._fastest.values(), default=0.0)
        under_way = (self._arrival(sent, now, fastest) for sent in self._sent.values())
        return max(max((self._arrived, *under_way)) + self._rate.seconds, self._not_before)

    @staticmethod
    def _arrival(sent: float, now: float, fastest: float) -> float:
        """Return when a call has arrived at the latest. `fastest`: its fastest possible round trip in seconds."""
        return max(sent, min(now, sent + _MAX_LATE) - fastest)
