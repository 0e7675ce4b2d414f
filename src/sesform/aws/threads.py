"""Run jobs side by side in threads that do not keep the process from ending."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from types import TracebackType
from typing import Any, ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")
_Job = tuple["Future[Any]", Callable[[], Any]]


class Workers:
    """A context manager with at most `count` threads, which run submitted jobs in their order.

    Unlike ThreadPoolExecutor it waits for no job at its end, and neither does the process: a call to AWS that hangs cannot hold an
    interrupted run. An exception that leaves the context cancels the jobs that have not begun.
    """

    def __init__(self, count: int) -> None:
        self._count = max(1, count)
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self._cancelled = False

    def submit(self, job: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> Future[T]:
        """Return the future result of a job. `result()` raises what the job raises."""
        future: Future[T] = Future()
        self._jobs.put((future, lambda: job(*arguments, **keywords)))
        if len(self._threads) < self._count:
            thread = threading.Thread(target=self._work, name="sesform", daemon=True)
            self._threads.append(thread)
            thread.start()
        return future

    def _work(self) -> None:
        while (item := self._jobs.get()) is not None:
            future, job = item
            if self._cancelled:
                future.cancel()
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = job()
            except BaseException as error:  # all of them belong to who waits for the result
                future.set_exception(error)
            else:
                future.set_result(result)

    def __enter__(self) -> Workers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._cancelled = kind is not None
        for _ in self._threads:
            self._jobs.put(None)
