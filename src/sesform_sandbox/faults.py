"""Faults: the errors that the next calls of an operation return, as a test orders them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore import exceptions

# Codes for "no answer came", which is no answer of AWS: they are raised in the caller.
_NO_ANSWER = ("ConnectTimeoutError", "ConnectionClosedError", "EndpointConnectionError", "ReadTimeoutError")


@dataclass(slots=True)
class Fault:
    """One fault. `operation`: a name, `service:name`, or `*`; see Sandbox.fail."""

    operation: str
    code: str
    message: str
    status: int
    times: int
    lost_answer: bool
    before: Callable[[], Any] | None
    after: int = 0
    body: bytes | None = None  # answered as it is, in place of an error

    def no_answer(self, url: str) -> exceptions.HTTPClientError | None:
        """The connection error that the caller receives, None if AWS answers."""
        if self.code in _NO_ANSWER:
            error: exceptions.HTTPClientError = getattr(exceptions, self.code)(
                endpoint_url=url, error=self.message or self.code
            )
            return error
        return exceptions.ReadTimeoutError(endpoint_url=url, error=self.message) if self.lost_answer else None


class Faults:
    """The faults that have not happened yet, oldest first."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._waiting.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()

    def take(self, service: str, operation: str) -> Fault | None:
        """Return the fault of this call, and count it."""
        with self._lock:
            for fault in self._waiting:
                if fault.operation in ("*", operation, f"{service}:{operation}"):
                    if fault.after:
                        fault.after -= 1
                        continue
                    fault.times -= 1
                    if fault.times <= 0:
                        self._waiting.remove(fault)
                    return fault
        return None
