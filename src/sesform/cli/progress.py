"""How far a long read has come: a line that renews itself on a terminal, a line now and then elsewhere. On stderr."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from types import TracebackType

from sesform.cli.console import Console
from sesform.model.address import Scope

_QUIET_FOR = 1.0  # seconds: what takes no longer needs no bar
_EVERY = 100  # calls, between two lines where there is no terminal
_WIDTH = 30

Made = Callable[[], Counter[tuple[Scope, str]]]


class Progress:
    """`expect` says how many SES calls a scope takes; `made` how many there were so far, by scope and operation.

    Nothing is shown with -q, nor before a second has passed.
    """

    def __init__(self, console: Console, made: Made, rate: float | None) -> None:
        self._talk, self._made, self._rate = console, made, rate
        self._expected: dict[Scope, int] = {}
        self._terminal = sys.stderr.isatty()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)
        self._told = 0

    def expect(self, scope: Scope, calls: int) -> None:
        self._expected[scope] = calls

    def __enter__(self) -> Progress:
        if not self._talk.quiet:
            self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._done.set()
        if self._thread.is_alive():
            self._thread.join()

    def _tell(self) -> None:
        started = time.monotonic()
        shown = False
        while not self._done.wait(0.2):
            if time.monotonic() - started < _QUIET_FOR or not self._expected:
                continue
            if self._terminal:
                sys.stderr.write(f"\r\x1b[K{self.line()}")
                sys.stderr.flush()
                shown = True
            else:
                self.now_and_then()
        if shown:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def now_and_then(self) -> None:
        """A line where another hundred calls have been made."""
        made = sum(self._by_scope().values())
        if made // _EVERY > self._told:
            self._told = made // _EVERY
            self._talk.say(self.line())

    def line(self) -> str:
        """The state in one line: a bar, calls made of those expected, and how long the rest takes at the pace."""
        made, expected = self._by_scope(), dict(self._expected)  # a copy: other threads go on adding
        done, all_ = sum(made.values()), sum(expected.values())
        filled = _WIDTH * done // all_ if all_ else 0
        left = max((n - made[scope] for scope, n in expected.items()), default=0)
        eta = f", about {duration(left / self._rate)} left" if self._rate else ""
        return f"Reading [{'#' * filled}{'-' * (_WIDTH - filled)}] {done:,} of {all_:,} SES calls{eta}"

    def _by_scope(self) -> Counter[Scope]:
        found: Counter[Scope] = Counter()
        for (scope, operation), calls in self._made().items():
            if operation.startswith("ses:") and scope in self._expected:
                found[scope] = min(found[scope] + calls, self._expected[scope])
        return found


def duration(seconds: float) -> str:
    """Seconds as people say them: 40 s, 12 min, 2 h 45 min."""
    if seconds < 90:
        return f"{max(0, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"
