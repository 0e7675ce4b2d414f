"""The progress of a run, on stderr: a bar on a terminal, a line every ten seconds elsewhere."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, NamedTuple, Protocol

from sesform.cli import console
from sesform.cli.time_left import Remaining, TimeLeft
from sesform.model.address import Scope
from sesform.model.quotas import CallProgress, paced
from sesform.render import progress as drawn

if TYPE_CHECKING:
    from sesform.planning.plan import Change

_QUIET_FOR = 1.0  # seconds: shorter work has no bar
_REDRAWN = 0.2  # seconds between two states of the bar
_EVERY = 10.0  # seconds between two lines where there is no terminal

Calls = Callable[[], Mapping[Scope, CallProgress]]


class State(NamedTuple):
    """How far some work is. `remaining`: by scope, for the time left."""

    doing: str
    done: int
    total: int
    unit: str
    remaining: Mapping[Scope, Remaining]


class Work(Protocol):
    def state(self) -> State: ...


class Reading:
    """Reads, from now on. `calls`: returns how far the SES calls of the run are."""

    def __init__(self, doing: str, calls: Calls) -> None:
        self._doing, self._calls, self._before = doing, calls, dict(calls())

    def state(self) -> State:
        found = {}
        for scope, each in self._calls().items():
            before = self._before.get(scope, CallProgress())
            found[scope] = Remaining(each.ended - before.ended, each.expected - before.expected, each.seconds)
        done, total = sum(r.done for r in found.values()), sum(r.total for r in found.values())
        return State(self._doing, done, total, "SES calls", found)


class Applying:
    """The steps of a plan. What counts for the time left are its calls to SES, or all calls in a scope without pacing."""

    def __init__(self, changes: Iterable[Change], calls: Calls) -> None:
        self._calls = calls
        self._total, self._done = Counter[tuple[Scope, bool]](), Counter[tuple[Scope, bool]]()
        self._steps = self._ended = 0
        for change in changes:
            self._steps += 1
            self._count(self._total, change)

    def ended(self, change: Change) -> None:
        """Count a step that has its outcome. May be called from any thread, one at a time."""
        self._ended += 1
        self._count(self._done, change)

    def state(self) -> State:
        rates = {scope: each.seconds for scope, each in self._calls().items()}
        found = {}
        for scope in {scope for scope, _ in list(self._total)}:
            seconds = rates.get(scope)
            done, total = (self._of(counted, scope, seconds is not None) for counted in (self._done, self._total))
            found[scope] = Remaining(done, total, seconds)
        return State("Applying", self._ended, self._steps, "steps", found)

    @staticmethod
    def _count(counted: Counter[tuple[Scope, bool]], change: Change) -> None:
        for operation in change.calls:
            counted[change.scope, paced(operation)] += 1

    @staticmethod
    def _of(counted: Counter[tuple[Scope, bool]], scope: Scope, only_paced: bool) -> int:
        return counted[scope, True] + (0 if only_paced else counted[scope, False])


class Progress:
    """Shows how far the present work is, until it ends or the result is printed. Nothing is shown with -q."""

    def __init__(self, to: console.Console) -> None:
        self._console = to
        self._ended: threading.Event | None = None
        self._thread: threading.Thread | None = None

    def begin(self, work: Work) -> None:
        """Show this work, in place of the one before."""
        self.end()
        if self._console.quiet:
            return
        console.status.begin()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._show, args=(work, self._ended), name="progress", daemon=True)
        self._thread.start()

    def end(self) -> None:
        """Show nothing any more, and clear the bar."""
        if self._ended is not None and self._thread is not None:
            self._ended.set()
            self._thread.join()
            self._ended = self._thread = None
        console.status.end()

    def _show(self, work: Work, ended: threading.Event) -> None:
        terminal, time_left = console.has_status_line(), TimeLeft()
        started = told = time.monotonic()
        while not ended.wait(_REDRAWN) and console.status.open:
            now = time.monotonic()
            state = work.state()
            seconds = time_left.after(now, state.remaining)
            if not state.total:
                continue
            with suppress(OSError, ValueError):  # stderr was closed: the run goes on
                if terminal and now - started >= _QUIET_FOR:
                    console.status.show(drawn.line(*state[:4], seconds, console.width()))
                elif not terminal and now - told >= _EVERY:
                    told = now
                    self._console.say(drawn.line(*state[:4], seconds))
