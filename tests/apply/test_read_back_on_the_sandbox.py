"""After apply AWS is read until it shows the changes, for about a minute."""

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


def test_changes_that_aws_shows_at_once_are_not_waited_for(world: World) -> None:
    """There is no pause if the first read shows all changes, of each resource type."""
    world.identity("example.com")
    report = world.apply(world.plan(SPECS))
    connections = world.connections(world.desired(SPECS))

    assert [] == read_back.not_shown(report, connections, sleep=lambda seconds: pytest.fail("waited"))


def test_deletions_are_read_back(world: World) -> None:
    """A deleted resource is shown if AWS does not return it."""
    world.identity("example.com")
    world.converge(SPECS)
    report = world.apply(world.plan(SPECS, destroy=True))
    connections = world.connections(world.desired(SPECS))

    assert report.ok
    assert [] == read_back.not_shown(report, connections, sleep=lambda seconds: pytest.fail("waited"))


def test_late_changes_are_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A change that the third read shows counts as shown; the pauses grow."""
    world.identity("example.com")
    report = world.apply(world.plan(SPECS))
    real, reads, pauses = refresh.read, list[int](), list[float]()

    def late(wanted: Iterable[object], *arguments: object, **keywords: object) -> Snapshot:
        reads.append(1)
        return Snapshot() if len(reads) < 3 else real(wanted, *arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(refresh, "read", late)

    assert [] == read_back.not_shown(report, world.connections(world.desired(SPECS)), sleep=pauses.append)
    assert [1.0, 2.0] == pauses


def test_a_change_that_never_shows_is_returned_after_a_minute(world: World) -> None:
    """A setting that another tool undoes is returned after about a minute, and no call writes."""
    world.identity("example.com")
    report = world.apply(world.plan(SPECS))
    world.client("ses").set_identity_headers_in_notifications_enabled(
        Identity="example.com", NotificationType="Bounce", Enabled=False
    )
    world.sandbox.calls.clear()
    pauses: list[float] = []
    missing = read_back.not_shown(report, world.connections(world.desired(SPECS)), sleep=pauses.append)

    assert ["corp/eu-west-1/notification_headers/example.com/bounce"] == [str(c.address) for c in missing]
    assert sum(pauses) == sum(read_back.PAUSES)
    assert not world.writes()


def test_a_pending_subscription_counts_as_shown(world: World) -> None:
    """A pending subscription is not waited for, because SNS does not return its settings."""
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
