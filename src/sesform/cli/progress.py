"""The progress of a long read, on stderr: a bar on a terminal, a line from time to time elsewhere."""

from __future__ import annotations

import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from types import TracebackType

from sesform.cli.console import Console
from sesform.model.address import Scope
from sesform.model.quotas import paced

_QUIET_FOR = 1.0  # seconds: a shorter read has no bar
_EVERY = 100  # calls between two lines if there is no terminal
_WIDTH = 30

Made = Callable[[], Counter[tuple[Scope, str]]]


class Progress:
    """Show progress. `expected`: SES calls by scope, which may grow; `made` returns the calls made so far, by scope and operation.

    Nothing is shown with -q, nor in the first second.
    """

    def __init__(self, console: Console, made: Made, expected: Mapping[Scope, int], rate: float | None) -> None:
        self._console, self._made, self._expected, self._rate = console, made, expected, rate
        self._terminal = sys.stderr.isatty()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._tell, daemon=True)
        self._told = 0

    def __enter__(self) -> Progress:
        if not self._console.quiet:
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
        """Print a line after each hundred calls."""
        made = sum(self._by_scope().values())
        if made // _EVERY > self._told:
            self._told = made // _EVERY
            self._console.say(self.line())

    def line(self) -> str:
        """Return the state in one line: a bar, calls made and expected, and the remaining time at the present pace."""
        from sesform.render.duration import duration

        made, expected = self._by_scope(), dict(self._expected)  # a copy: other threads continue to add
        done, all_ = sum(made.values()), sum(expected.values())
        filled = _WIDTH * done // all_ if all_ else 0
        left = max((n - made[scope] for scope, n in expected.items()), default=0)
        eta = f", about {duration(left / self._rate)} left" if self._rate else ""
        return f"Reading [{'#' * filled}{'-' * (_WIDTH - filled)}] {done:,} of {all_:,} SES calls{eta}"

    def _by_scope(self) -> Counter[Scope]:
        found: Counter[Scope] = Counter()
        for (scope, operation), calls in self._made().items():
            if paced(operation) and scope in self._expected:
                found[scope] = min(found[scope] + calls, self._expected[scope])
        return found
