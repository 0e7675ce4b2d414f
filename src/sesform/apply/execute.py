"""Run a plan: each step after those it depends on, independent steps side by side, and an outcome for every step."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from functools import partial
from graphlib import TopologicalSorter
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from sesform.apply.interrupts import Interrupt
from sesform.aws import Senders
from sesform.errors import AwsError, NotDeletableError, SesformError
from sesform.model.quotas import paced
from sesform.planning.handover import TopicRequest
from sesform.planning.plan import WELL, Change, Outcome, Plan, Report, Result
from sesform.resources import RESOURCES
from sesform.resources.resource_type import Phase

if TYPE_CHECKING:
    from sesform.aws import Connection, Connections

# Called when a step begins (outcome None) and when it ends.
Progress = Callable[[Change, Outcome | None], None]


GRACE = 4.0  # seconds that calls under way have to finish after an interrupt

_POLL = 0.2  # seconds: a signal that the system delivers to another thread does not wake the main thread

_INTERRUPTED = "the run was interrupted"
_HALF_DONE = "the run was interrupted between two calls of this step. Plan again to see what is missing."
_NO_ANSWER = "the run was interrupted before AWS answered; the call may have been carried out. Plan again to see."


def run(
    plan: Plan,
    connections: Connections,
    *,
    parallelism: int = 10,
    progress: Progress | None = None,
    interrupt: Interrupt | None = None,
    stopping: Callable[[int], None] = lambda calls: None,
    grace: float = GRACE,
) -> Report:
    """Run a plan and return its report. Within a scope, steps that create go first, and of these the longest chains.

    A failed step stops the steps that depend on it and no others. Errors of AWS are not raised: they are in the report. After
    a request by `interrupt` no call is sent any more; those under way have `grace` seconds to finish, then their steps are unknown.
    `stopping` is called at the request, with the number of steps under way.
    """
    running = _Run(plan, connections, parallelism, progress or (lambda change, outcome: None))
    return running.run(interrupt or Interrupt(), stopping, grace)


class _Run:
    def __init__(self, plan: Plan, connections: Connections, parallelism: int, progress: Progress) -> None:
        self._plan, self._connections, self._parallelism, self._progress = plan, connections, parallelism, progress
        self._outcomes: dict[int, Outcome] = {}
        self._ranks = _ranks(plan)
        self._sorter = TopologicalSorter({i: c.depends_on for i, c in enumerate(plan.changes)})
        self._running: dict[int, Future[None]] = {}
        # Ended steps, or None for an interrupt. Only a SimpleQueue can be used in signal handlers, because it needs no lock
        # that the main thread can hold.
        self._ended: SimpleQueue[tuple[int, Outcome | BaseException] | None] = SimpleQueue()
        self._interrupted = False
        self._told = threading.Lock()

    def run(self, interrupt: Interrupt, stopping: Callable[[int], None], grace: float) -> Report:
        self._sorter.prepare()
        interrupt.on_request(self._stop)
        deadline: float | None = None
        with Senders(self._parallelism) as senders:
            while self._sorter.is_active():
                self._start_ready(senders)
                if self._interrupted and deadline is None:
                    deadline = time.monotonic() + grace
                    with suppress(Exception):
                        stopping(sum(future.running() for future in self._running.values()))
                if self._running:
                    self._await_one(deadline)
        return Report(tuple(self._outcomes[i] for i in range(len(self._plan.changes))), self._interrupted)

    def _stop(self) -> None:
        self._interrupted = True
        self._connections.stop()
        self._ended.put(None)

    def _start_ready(self, senders: Senders) -> None:
        for position in sorted(self._sorter.get_ready(), key=lambda p: (self._ranks[p], p)):
            blocked = self._blocked(position)
            if blocked is not None:
                self._finish(position, blocked)
            else:
                change = self._plan.changes[position]
                pacer = self._connections.of(change.address).pacer if paced(change.calls[0]) else None
                job = partial(self._carry_out_and_tell, position)
                self._running[position] = senders.submit(job, pacer, self._ranks[position])

    def _await_one(self, deadline: float | None) -> None:
        """Wait until a step ends or the run is interrupted. After the deadline, steps under way are unknown."""
        left = _POLL if deadline is None else max(0.0, deadline - time.monotonic())
        try:
            ended = self._ended.get(timeout=min(left, _POLL))
        except Empty:
            if deadline is not None and left <= _POLL:
                self._abandon()
            return
        if ended is None:
            return
        position, outcome = ended
        if isinstance(outcome, BaseException):
            raise outcome
        self._finish(position, outcome)

    def _abandon(self) -> None:
        """Stop waiting for the steps under way: their outcome is unknown. Steps that have not begun are not tried."""
        for position, future in list(self._running.items()):
            change = self._plan.changes[position]
            begun = not future.cancel()
            outcome = Outcome(change, "unknown", _NO_ANSWER) if begun else Outcome(change, "not tried", _INTERRUPTED)
            self._finish(position, outcome)

    def _blocked(self, position: int) -> Outcome | None:
        """Return the outcome of a step that will not be tried, or None if it can be tried."""
        change = self._plan.changes[position]
        if self._interrupted:
            return Outcome(change, "not tried", _INTERRUPTED)
        failed = [self._outcomes[d] for d in change.depends_on if self._outcomes[d].result not in WELL]
        if failed:
            return Outcome(change, "not tried", f"it depends on {failed[0].change.address}")
        return None

    def _finish(self, position: int, outcome: Outcome) -> None:
        self._running.pop(position, None)
        self._outcomes[position] = outcome
        self._sorter.done(position)
        self._tell(outcome.change, outcome)

    def _tell(self, change: Change, outcome: Outcome | None) -> None:
        # The listener may be gone (a closed pipe); the run must finish all the same.
        with self._told, suppress(Exception):
            self._progress(change, outcome)

    def _carry_out_and_tell(self, position: int) -> None:
        try:
            self._ended.put((position, self._carry_out(position)))
        except BaseException as error:  # raised again in the main thread
            self._ended.put((position, error))

    def _carry_out(self, position: int) -> Outcome:
        change = self._plan.changes[position]
        if self._interrupted:
            return Outcome(change, "not tried", _INTERRUPTED)
        self._tell(change, None)
        connection = self._connections.of(change.address)
        earlier = connection.writes_of_thread
        try:
            _write(change, connection)
        except InterruptedError:
            if connection.writes_of_thread > earlier:
                return Outcome(change, "unknown", _HALF_DONE)
            return Outcome(change, "not tried", _INTERRUPTED)
        except NotDeletableError as error:
            return Outcome(change, "left", str(error))
        except AwsError as error:
            result: Result = "unknown" if error.maybe_done else "failed"
            return Outcome(change, result, str(error) + _missing_statements(self._plan, change, error))
        except SesformError as error:
            return Outcome(change, "failed", str(error))
        except Exception as error:  # a fault of sesform must not hide the outcomes of the other steps
            return Outcome(change, "unknown", f"{type(error).__name__}: {error}; please report this")
        return Outcome(change, "done")


def _ranks(plan: Plan) -> list[float]:
    """Return the ranks of the steps that can begin, lowest first: creations, then those with the longest chain behind them."""
    last = sum(len(change.calls) for change in plan.changes)  # no chain is longer
    return [
        (last if Phase(change.phase).removes else 0) - chain
        for change, chain in zip(plan.changes, _chains(plan), strict=True)
    ]


def _chains(plan: Plan) -> list[int]:
    """Return, for each step, the paced calls of the longest chain of steps that begins with it."""
    found = [sum(map(paced, change.calls)) for change in plan.changes]
    behind = [0] * len(found)
    for position in range(len(found) - 1, -1, -1):
        found[position] += behind[position]
        for earlier in plan.changes[position].depends_on:
            behind[earlier] = max(behind[earlier], found[position])
    return found


def _missing_statements(plan: Plan, change: Change, error: AwsError) -> str:
    """Return what the owner of a refused topic must add to its policy, "" if a loaded spec covers that topic."""
    published = RESOURCES[change.address.type].publishes(change.scope, change.after) if change.after else None
    if published is None or not error.topic_refused:
        return ""
    if all(request.topic_arn != published[0] for request in plan.handover.requests):
        return ""
    text = ", ".join(map(json.dumps, TopicRequest(published[0], tuple(published[1])).statements))
    return f". The owner of the topic must add to its policy: {text}. `sesform handover` prints it for all publishers"


def _write(change: Change, connection: Connection) -> None:
    kind = RESOURCES[change.address.type]
    if change.after is None:
        kind.delete(connection, change.before or {})
    elif change.before is None or change.action == "create":
        kind.create(connection, change.after)
    else:
        kind.update(connection, change.before, change.after)
