"""Run jobs in a few threads, each when the turn of its account and region has come, so that no scope waits for another one."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from heapq import heappop, heappush
from itertools import count
from types import TracebackType
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from sesform.aws.pacing import Pacer

T = TypeVar("T")

_POLL = 0.2  # seconds: a stop in a signal handler cannot wake a thread, because that needs a lock
_own = threading.local()


@contextmanager
def parked() -> Iterator[None]:
    """Let another job run in the place of the current one while it waits. Does nothing outside of a job."""
    senders: Senders | None = getattr(_own, "senders", None)
    if senders is None:
        yield
        return
    senders._leave()
    try:
        yield
    finally:
        senders._enter()


class _Job:
    """A job with its future result. `steps`: its rest, for a job that gives its thread back between calls."""

    def __init__(self, run: Callable[[], Any] | None, steps: Iterator[None] | None, pacer: Pacer | None) -> None:
        self.future: Future[Any] = Future()
        self.pacer = pacer
        self._run, self._steps = run, steps
        self._begun = False

    def proceed(self) -> bool:
        """Run the job, or its next part. Return whether it has ended."""
        if not self._begun and not self.future.set_running_or_notify_cancel():
            return True
        self._begun = True
        try:
            result = self._run() if self._run is not None else next(self._steps)  # type: ignore[arg-type]
        except StopIteration:
            self.future.set_result(None)
        except BaseException as error:  # all of them belong to who waits for the result
            self.future.set_exception(error)
        else:
            if self._steps is not None:
                return False
            self.future.set_result(result)
        return True


class Senders:
    """A context manager with threads that run jobs: at most `limit` at a time, and fewer than twice as many threads.

    A job with a pacer begins when the pacer gives it a turn, and holds no thread before. A job that waits within a call, for
    another turn or a retry, is not counted meanwhile. Unlike ThreadPoolExecutor it waits for no job at its end, and neither does
    the process: a call to AWS that hangs cannot hold an interrupted run. An exception that leaves the context cancels the jobs
    that have not begun.
    """

    def __init__(self, limit: int) -> None:
        self._limit = max(1, limit)
        lock = threading.RLock()
        self._news, self._room = (
            threading.Condition(lock),
            threading.Condition(lock),
        )  # for idle threads; for parked jobs
        self._free = self._limit
        self._threads = self._idle = self._returning = 0
        self._watched_until = math.inf  # when an idle thread looks for the next turn; infinite if none will
        self._closed = self._cancelled = False
        self._numbers = count()
        self._unpaced: deque[_Job] = deque()
        self._paced: dict[Pacer, list[tuple[float, int, _Job]]] = {}  # by rank and number
        self._turns: list[
            tuple[float, int, Pacer]
        ] = []  # when to ask a pacer for a turn; valid if `_due` has the same time
        self._due: dict[Pacer, float] = {}

    def submit(self, job: Callable[[], T], pacer: Pacer | None = None, rank: float = 0) -> Future[T]:
        """Return the future result of a job; `result()` raises what the job raises.

        `pacer`: gives the turn of the job's first call; None if that call is not paced. Of the jobs of a pacer those with the
        lowest rank come first.
        """
        return self._add(_Job(job, None, pacer), pacer, rank)

    def submit_steps(self, steps: Iterator[None], pacer: Pacer) -> Future[None]:
        """Return the end of a job that makes several paced calls: each part after a `yield` makes one, and begins with its turn."""
        return self._add(_Job(None, steps, pacer), None, 0)

    def _add(self, job: _Job, pacer: Pacer | None, rank: float) -> Future[Any]:
        with self._news:
            self._queue(job, pacer, rank)
            self._staff()
        return job.future

    def _queue(self, job: _Job, pacer: Pacer | None, rank: float) -> None:
        if pacer is None or not pacer.paced:
            self._unpaced.append(job)
            return
        heappush(self._paced.setdefault(pacer, []), (rank, next(self._numbers), job))
        self._look_again(pacer)

    def _look_again(self, pacer: Pacer) -> None:
        due = pacer.due_at()
        if self._due.get(pacer) != due:
            self._due[pacer] = due
            heappush(self._turns, (due, next(self._numbers), pacer))

    def _staff(self) -> None:
        """Wake an idle thread, or start one. Raises RuntimeError if the system allows not even one thread."""
        if self._idle:
            self._news.notify()
        elif self._free > self._returning and self._threads < 2 * self._limit - 1:
            try:
                threading.Thread(target=self._work, name="sesform", daemon=True).start()
            except RuntimeError:  # the system's limit: the threads that there are do all jobs
                if not self._threads:
                    raise
            else:
                self._threads += 1

    def _work(self) -> None:
        _own.senders = self
        while True:
            with self._news:
                job = self._await_job()
                if job is None:
                    self._threads -= 1
                    return
                self._free -= 1
                if self._unpaced or self._paced:
                    self._staff()
            if self._cancelled:
                job.future.cancel()
            ended = job.proceed()
            self._end_turn(job, ended)

    def _end_turn(self, job: _Job, ended: bool) -> None:
        with self._news:
            if job.pacer is not None:
                job.pacer.release()
                if job.pacer in self._paced:
                    self._look_again(job.pacer)
            if not ended:
                self._queue(job, job.pacer, -math.inf)
            self._make_room()

    def _await_job(self) -> _Job | None:
        """Return the next job whose turn has come, None at the end. The lock is held."""
        while True:
            wait: float | None = None
            if self._free > self._returning:
                job, wait = self._next()
                if job is not None:
                    return job
            if self._closed and not self._unpaced and not self._paced:
                self._news.notify_all()
                return None
            self._sleep(wait)

    def _sleep(self, wait: float | None) -> None:
        """Wait for news, and for a turn that comes in `wait` seconds, unless another thread wakes up in time for it."""
        now = time.monotonic()
        until = math.inf if wait is None else now + min(wait, _POLL)
        watching = until < self._watched_until
        if watching:
            self._watched_until = until
        self._idle += 1
        self._news.wait(until - now if watching else None)
        self._idle -= 1
        if self._watched_until == until:
            self._watched_until = math.inf

    def _next(self) -> tuple[_Job | None, float | None]:
        """Return a job that can begin, or else the seconds until one can; None if none is left."""
        job, wait = self._next_turn()  # first: a turn that is not used at once is lost, and other jobs lose nothing
        if job is None and self._unpaced:
            return self._unpaced.popleft(), None
        return job, wait

    def _next_turn(self) -> tuple[_Job | None, float | None]:
        """Return a job whose turn has come, or else the seconds until the next turn; None if no job waits for one."""
        while self._turns:
            due, _, pacer = self._turns[0]
            if self._due.get(pacer) != due:
                heappop(self._turns)  # out of date
                continue
            wait = due - pacer.timer.now()
            if wait > 0 and not pacer.timer.stopped:
                return None, wait
            heappop(self._turns)
            del self._due[pacer]
            if pacer.reserve():
                return self._take(pacer), None
            self._look_again(pacer)
        return None, None

    def _take(self, pacer: Pacer) -> _Job:
        jobs = self._paced[pacer]
        job = heappop(jobs)[2]
        if jobs:
            self._look_again(pacer)
        else:
            del self._paced[pacer]
        return job

    def _make_room(self) -> None:
        self._free += 1
        if self._returning:
            self._room.notify()

    def _leave(self) -> None:
        with self._news:
            self._make_room()
            if self._unpaced or self._paced:
                self._staff()

    def _enter(self) -> None:
        with self._room:
            self._returning += 1
            while self._free <= 0:
                self._room.wait()
            self._returning -= 1
            self._free -= 1

    def __enter__(self) -> Senders:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._news:
            self._cancelled = kind is not None
            self._closed = True
            self._news.notify_all()
