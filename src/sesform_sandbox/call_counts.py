"""Counts of the requests that a sandbox received, for programs that reach it over HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Any

from sesform_sandbox.context import Call


def counted(calls: Iterable[Call]) -> list[dict[str, Any]]:
    """Return one record for each account, region, service, operation and error, with the number of its calls as `count`.

    `error` is the code of the refusal, None for calls that succeeded. Sorted by all of these.
    """
    counts = Counter(calls)
    return [{**call._asdict(), "count": counts[call]} for call in sorted(counts, key=_order)]


def _order(call: Call) -> tuple[str, ...]:
    return call.account, call.region, call.service, call.operation, call.error or ""
