"""Read the changed resources back after apply. SES is eventually consistent: a difference right after apply is no drift.

Source: AWS developer guide, "Configuring Amazon SNS notifications": changes can take a few minutes to act.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sesform.live import refresh
from sesform.model.values import Properties
from sesform.planning.plan import Change, Report
from sesform.resources import RESOURCES
from sesform.specs.declared import Declared

if TYPE_CHECKING:
    from sesform.aws import Connections

PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0, 32.0)  # seconds between reads, about a minute in all


def not_shown(
    report: Report,
    connections: Connections,
    *,
    pauses: Sequence[float] = PAUSES,
    sleep: Callable[[float], None] = time.sleep,
) -> list[Change]:
    """Return the last done step of each resource that AWS does not show yet, after reading for about a minute.

    A resource that cannot be read counts as not shown. Eventually consistent resource types are not waited for.
    """
    last = {o.change.address: o.change for o in report.outcomes if o.result == "done"}
    waiting = [c for c in last.values() if not RESOURCES[c.address.type].eventually_consistent]
    for pause in (0.0, *pauses):
        if not waiting:
            break
        if pause:
            sleep(pause)
        snapshot = refresh.read(
            [wanted(c) for c in waiting], (), connections, identities=False, topics=False, fresh=True
        )
        waiting = [c for c in waiting if not _shows(c, snapshot.found.get(c.address), c.address in snapshot.unreadable)]
    return waiting


def wanted(change: Change) -> Declared:
    """Return what to read to see the resource of a change."""
    properties = change.before or change.after or {}
    key = {name: str(properties[name]) for name in RESOURCES[change.address.type].key}
    return Declared(change.address, change.scope, key, None)


def _shows(change: Change, found: Properties | None, unreadable: bool) -> bool:
    if unreadable or change.after is None or found is None:
        return not unreadable and change.after is None and found is None
    return RESOURCES[change.address.type].reflected(found, change.after)
