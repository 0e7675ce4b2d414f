"""After apply: AWS is asked until it shows what was set, for a while."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from sesform.apply import read_back
from sesform.live import refresh
from sesform.live.snapshot import Snapshot
from world import World

SPECS = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
topics: {a: {display_name: SES, subscriptions: [{protocol: email, endpoint: ops@example.com}]}}
configuration_sets: {main: {event_destinations: {x: {events: [bounce], sns: a}}}}
identities: {example.com: {notifications: {bounce: {topic: a, headers: true}, complaint: a}, feedback_forwarding: false}}
"""


def test_what_aws_shows_at_once_needs_no_waiting(world: World) -> None:
    """Where all is shown nothing is waited for, and every type is recognised as what was set."""
    world.identity("example.com")
    report = world.apply(world.plan(SPECS))
    connections = world.connections(world.desired(SPECS))

    assert [] == read_back.not_shown(report, connections, sleep=lambda seconds: pytest.fail("waited"))


def test_what_is_removed_is_looked_for_too(world: World) -> None:
    """After a removal, gone is what is expected."""
    world.identity("example.com")
    world.converge(SPECS)
    report = world.apply(world.plan(SPECS, destroy=True))
    connections = world.connections(world.desired(SPECS))

    assert report.ok
    assert [] == read_back.not_shown(report, connections, sleep=lambda seconds: pytest.fail("waited"))


def test_what_shows_late_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A setting that AWS shows at the third look is shown; the pauses grow."""
    world.identity("example.com")
    report = world.apply(world.plan(SPECS))
    real, looks, waits = refresh.read, list[int](), list[float]()

    def late(wanted: Iterable[object], *arguments: object, **keywords: object) -> Snapshot:
        looks.append(1)
        return Snapshot() if len(looks) < 3 else real(wanted, *arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(refresh, "read", late)

    assert [] == read_back.not_shown(report, world.connections(world.desired(SPECS)), sleep=waits.append)
    assert [1.0, 2.0] == waits


def test_what_never_shows_is_told_after_a_bounded_time(world: World) -> None:
    """A setting that is undone at once is named after about a minute, and nothing is written."""
    world.identity("example.com")
    report = world.apply(world.plan(SPECS))
    world.client("ses").set_identity_headers_in_notifications_enabled(
        Identity="example.com", NotificationType="Bounce", Enabled=False
    )
    world.sandbox.calls.clear()
    waits: list[float] = []
    missing = read_back.not_shown(report, world.connections(world.desired(SPECS)), sleep=waits.append)

    assert ["corp/eu-west-1/notification_headers/example.com/bounce"] == [str(c.address) for c in missing]
    assert sum(waits) == sum(read_back.PAUSES)
    assert not world.writes()


def test_a_pending_subscription_counts_as_shown(world: World) -> None:
    """Until its owner has confirmed it SNS shows none of its settings, so nothing is waited for."""
    specs = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
topics: {a: {subscriptions: [{protocol: https, endpoint: "https://example.com/x", raw_message_delivery: true}]}}
"""
    report = world.apply(world.plan(specs))
    connections = world.connections(world.desired(specs))

    assert read_back.not_shown(report, connections, sleep=lambda seconds: pytest.fail("waited")) == []
