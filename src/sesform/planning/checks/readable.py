"""Checks of readability: an error for everything that could not be read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from sesform.errors import Problem
from sesform.live.snapshot import Snapshot
from sesform.model.address import Address
from sesform.specs.desired import Desired


def readable(desired: Desired, snapshot: Snapshot) -> list[Problem]:
    """Return an error for each resource that could not be read: its state is not known, and not unchanged."""
    by_message: dict[tuple[str, str], list[Address]] = defaultdict(list)
    for address, message in snapshot.unreadable.items():
        by_message[message, address.type].append(address)
    found = []
    for (message, _), where in by_message.items():
        text = f"cannot be read{_and_more(where)}: {message}"
        problem = desired.problem(min(where), text)
        found.append(replace(problem, concerns=tuple(map(str, where))))
    return found


def _and_more(where: Sequence[Address]) -> str:
    return f" (nor {len(where) - 1} more)" if len(where) > 1 else ""
