"""The quota of SES: calls per second for each account and region, versions 1 and 2 together, without sends.

Source: SES developer guide, "Quotas" (all operations but the sending ones: one request a second).
"""

from __future__ import annotations

import time
from collections.abc import Callable

from sesform.model.address import Scope

NOT_COUNTED = frozenset(
    {
        "SendBounce",
        "SendBulkEmail",
        "SendBulkTemplatedEmail",
        "SendEmail",
        "SendRawEmail",
        "SendTemplatedEmail",
    }
)

# A caller with exact pacing must not fail because of the resolution of clocks.
_TOLERANCE = 0.005


class Throttle:
    """Token buckets of capacity one. `clock` returns seconds; tests replace it."""

    def __init__(self, rate: float | None) -> None:
        if rate is not None and rate <= 0:
            raise ValueError(f"rate is calls per second, above 0 (got {rate})")
        self.rate = rate
        self.clock: Callable[[], float] = time.monotonic
        self._free_at: dict[Scope, float] = {}

    def admits(self, scope: Scope) -> bool:
        """Return whether a call is allowed now, and count it if so."""
        if self.rate is None:
            return True
        now, free_at = self.clock(), self._free_at.get(scope, float("-inf"))
        if now + _TOLERANCE < free_at:
            return False
        self._free_at[scope] = max(now, free_at) + 1 / self.rate
        return True
