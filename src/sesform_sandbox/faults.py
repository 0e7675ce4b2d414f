"""Errors on order: what a test wants AWS to answer to the next calls of an operation."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from botocore import exceptions

# Codes that mean "no answer came" and not an answer of AWS: they are raised in the caller.
_NO_ANSWER = ("ConnectTimeoutError", "ConnectionClosedError", "EndpointConnectionError", "ReadTimeoutError")


@dataclass(slots=True)
class Fault:
    """`operation` is a name, `service:name`, or `*`; see Sandbox.fail."""

    operation: str
    code: str
    message: str
    status: int
    times: int
    lost_answer: bool
    before: Callable[[], Any] | None
    after: int = 0

    def no_answer(self, url: str) -> exceptions.HTTPClientError | None:
        """The connection error that the caller is to see, or None where AWS answers."""
        if self.code in _NO_ANSWER:
            error: exceptions.HTTPClientError = getattr(exceptions, self.code)(
                endpoint_url=url, error=self.message or self.code
            )
            return error
        return exceptions.ReadTimeoutError(endpoint_url=url, error=self.message) if self.lost_answer else None


class Faults:
    """The faults that are still to happen, oldest first."""

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
        """The fault that this call runs into, counted down."""
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
