"""Interrupts: SIGINT (Ctrl-C), SIGTERM (CI systems, docker stop, Kubernetes) and SIGHUP (a closed terminal) all end a run."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))


class Interrupt:
    """A request to stop a run.

    The first one is recorded, so that the run can end with its report; the second one raises KeyboardInterrupt.
    """

    def __init__(self) -> None:
        self.requested = False
        self._act: Callable[[], None] = lambda: None

    def on_request(self, act: Callable[[], None]) -> None:
        """Call `act` at the first request, in the signal handler: it must not wait for a lock of the main thread."""
        self._act = act
        if self.requested:
            act()

    def request(self) -> None:
        """Record a request to stop. Raises KeyboardInterrupt at the second one."""
        if self.requested:
            raise KeyboardInterrupt
        self.requested = True
        self._act()


def raise_interrupt() -> None:
    """Stop the main thread at once. Raises KeyboardInterrupt."""
    raise KeyboardInterrupt


@contextmanager
def handled(act: Callable[[], None]) -> Iterator[None]:
    """Call `act` for each of the signals in this context; do nothing in other threads than the main thread.

    SIGHUP stays ignored where it is ignored, as under nohup.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    taken = [s for s in SIGNALS if s == signal.SIGINT or signal.getsignal(s) is not signal.SIG_IGN]
    before = {number: signal.signal(number, lambda *_: act()) for number in taken}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
