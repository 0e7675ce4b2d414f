"""Checks of event destinations: targets whose service has ended."""

from __future__ import annotations

from collections.abc import Iterable

from sesform.errors import Problem
from sesform.planning.plan import Change, of_type
from sesform.specs.desired import Desired

PINPOINT_ENDED = "Amazon Pinpoint ended on 2026-10-30"  # AWS, "Amazon Pinpoint end of support"


def ended(desired: Desired, changes: Iterable[Change]) -> list[Problem]:
    """Return errors of new destinations for Amazon Pinpoint. Existing ones are a warning of the specs."""
    hint = "send the events to Firehose, EventBridge, CloudWatch or SNS instead"
    return [
        desired.problem(change.address, f"{PINPOINT_ENDED}, and this event destination would be new", hint)
        for change in of_type(changes, "event_destination")
        if change.after and "pinpoint" in change.after and "pinpoint" not in (change.before or {})
    ]
