"""Run a plan: each step after those it depends on, independent steps side by side, and an outcome for every step."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from graphlib import TopologicalSorter
from typing import TYPE_CHECKING

from sesform.errors import AwsError, NotDeletableError, SesformError
from sesform.planning.plan import WELL, Change, Outcome, Plan, Report, Result
from sesform.resources import RESOURCES

if TYPE_CHECKING:
    from sesform.aws import Connection, Connections

# Called when a step begins (outcome None) and when it ends.
Progress = Callable[[Change, Outcome | None], None]


def run(plan: Plan, connections: Connections, *, parallelism: int = 10, progress: Progress | None = None) -> Report:
    """Run a plan and return its report.

    A failed step stops the steps that depend on it and no others. At the first interrupt the calls under way finish, and no
    more are sent. Errors of AWS are not raised: they are in the report.
    """
    return _Run(plan, connections, parallelism, progress or (lambda change, outcome: None)).run()


class _Run:
    def __init__(self, plan: Plan, connections: Connections, parallelism: int, progress: Progress) -> None:
        self._plan, self._connections, self._parallelism, self._progress = plan, connections, parallelism, progress
        self._outcomes: dict[int, Outcome] = {}
        self._interrupted = False
        self._told = threading.Lock()

    def run(self) -> Report:
        sorter = TopologicalSorter({i: c.depends_on for i, c in enumerate(self._plan.changes)})
        sorter.prepare()
        running: dict[Future[Outcome], int] = {}
        with _on_interrupt(self._interrupt), ThreadPoolExecutor(max_workers=max(1, self._parallelism)) as pool:
            while sorter.is_active():
                for position in sorted(sorter.get_ready()):
                    blocked = self._blocked(position)
                    if blocked is not None:
                        self._finish(position, blocked)
                        sorter.done(position)
                    else:
                        running[pool.submit(self._carry_out, position)] = position
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    position = running.pop(future)
                    self._finish(position, future.result())
                    sorter.done(position)
        return Report(tuple(self._outcomes[i] for i in range(len(self._plan.changes))), self._interrupted)

    def _interrupt(self, *_: object) -> None:
        self._interrupted = True
        self._connections.stop()

    def _blocked(self, position: int) -> Outcome | None:
        """Return the outcome of a step that will not be tried, or None if it can be tried."""
        change = self._plan.changes[position]
        if self._interrupted:
            return Outcome(change, "not tried", "the run was interrupted")
        failed = [self._outcomes[d] for d in change.depends_on if self._outcomes[d].result not in WELL]
        if failed:
            return Outcome(change, "not tried", f"it depends on {failed[0].change.address}")
        return None

    def _finish(self, position: int, outcome: Outcome) -> None:
        self._outcomes[position] = outcome
        self._tell(outcome.change, outcome)

    def _tell(self, change: Change, outcome: Outcome | None) -> None:
        # The listener may be gone (a closed pipe); the run must finish all the same.
        with self._told, suppress(Exception):
            self._progress(change, outcome)

    def _carry_out(self, position: int) -> Outcome:
        change = self._plan.changes[position]
        if self._interrupted:
            return Outcome(change, "not tried", "the run was interrupted")
        self._tell(change, None)
        try:
            _write(change, self._connections.of(change.address))
        except InterruptedError:
            return Outcome(change, "not tried", "the run was interrupted")
        except NotDeletableError as error:
            return Outcome(change, "left", str(error))
        except AwsError as error:
            result: Result = "unknown" if error.maybe_done else "failed"
            return Outcome(change, result, str(error))
        except SesformError as error:
            return Outcome(change, "failed", str(error))
        except Exception as error:  # a fault of sesform must not hide the outcomes of the other steps
            return Outcome(change, "unknown", f"{type(error).__name__}: {error}; please report this")
        return Outcome(change, "done")


@contextmanager
def _on_interrupt(act: Callable[..., None]) -> Iterator[None]:
    """Set a flag at an interrupt, and raise nothing: an exception at any point could leave threads and locks behind."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, act)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _write(change: Change, connection: Connection) -> None:
    kind = RESOURCES[change.address.type]
    if change.after is None:
        kind.delete(connection, change.before or {})
    elif change.before is None or change.action == "create":
        kind.create(connection, change.after)
    else:
        kind.update(connection, change.before, change.after)
