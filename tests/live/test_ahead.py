"""Calls to SES are made in turns of their own, before the resources are read from the answers."""

from __future__ import annotations

from typing import Any

import pytest

from sesform import aws
from sesform.errors import AwsError
from sesform.live import refresh
from sesform.resources import RESOURCES
from sesform.resources.reader import Reader
from world import REGION, World

SPECS = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
topics: {a: {}}
configuration_sets:
  main: {suppression: [bounce], event_destinations: {x: {events: [bounce, complaint], sns: a}}}
  other: {event_destinations: {x: {events: [bounce], sns: a}}}
identities:
  one.example.com:
    feedback_forwarding: false
    default_configuration_set: main
    notifications: {bounce: {topic: a, headers: true}, complaint: a}
    policies: {mine: {Statement: [{Effect: Allow, Principal: {AWS: "222222222222"}, Action: ses:SendEmail}]}}
  two.example.com: {notifications: {bounce: a}}
"""
SES_TYPES = [name for name, kind in RESOURCES.items() if kind.service == "ses"]


@pytest.fixture
def live(world: World) -> World:
    world.identity("one.example.com", "two.example.com")
    world.converge(SPECS)
    return world


@pytest.mark.parametrize("type_", SES_TYPES)
def test_no_call_is_left_to_reading(live: World, monkeypatch: pytest.MonkeyPatch, type_: str) -> None:
    """After its calls ahead, a resource type is read without a call, and finds what it finds without them."""
    desired = live.desired(SPECS)
    connection = live.connections(desired).by_place["corp", REGION]
    kind = RESOURCES[type_]
    every = list(desired.declared.values())
    wanted = [d for d in every if d.address.type in (type_, *kind.part_of)]
    expected = dict(kind.read(Reader(connection, every), wanted))
    live.sandbox.calls.clear()
    reading = Reader(connection, every)
    turns = sum(1 for _ in kind.ahead(reading, wanted))
    made = len(live.sandbox.calls)

    def refuse(*_: Any, **__: Any) -> None:
        raise AssertionError("a call was left to reading")

    monkeypatch.setattr(aws.Connection, "call", refuse)

    assert expected
    assert expected == dict(kind.read(reading, wanted))
    assert turns == made > 0
    assert [] == list(kind.ahead(reading, wanted))


def test_a_refusal_is_kept_with_the_answers(live: World) -> None:
    """A refused call is not made again: reading raises its error."""
    desired = live.desired(SPECS)
    connection = live.connections(desired).by_place["corp", REGION]
    live.sandbox.fail("GetIdentityNotificationAttributes", code="AccessDenied", status=403)
    reading = Reader(connection, desired.declared.values())
    live.sandbox.calls.clear()
    for _ in reading.attributes_ahead():
        pass
    for _ in range(2):
        with pytest.raises(AwsError, match="AccessDenied"):
            _ = reading.notification_attributes

    assert 1 == len(live.sandbox.calls)


def test_the_number_of_reads_is_known_before_them(live: World) -> None:
    """The progress of a plan counts the calls to SES that it makes, and all are done at its end."""
    desired = live.desired(SPECS)
    connections = live.connections(desired)
    (connection,) = {id(c): c for c in connections.by_place.values()}.values()
    connection.ended = connection.expected = 0
    live.sandbox.calls.clear()
    refresh.read(desired.declared.values(), (), connections)
    made = [call for call in live.sandbox.calls if call.service in ("ses", "sesv2")]

    assert (len(made), len(made)) == (connection.ended, connection.expected)


def test_a_repeated_read_counts_once(live: World) -> None:
    """A throttled call has not ended, so the progress does not count it."""
    desired = live.desired(SPECS)
    connection = live.connections(desired).by_place["corp", REGION]
    before = connection.ended
    live.sandbox.fail("ListConfigurationSets", code="TooManyRequestsException", status=429, times=2)
    connection.call("sesv2", "ListConfigurationSets")

    assert 1 == connection.ended - before
