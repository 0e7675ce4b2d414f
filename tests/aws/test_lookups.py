"""Lookups in CloudTrail: two a second in each account and region, on a clock that only advances while a call waits."""

from __future__ import annotations

import itertools

import pytest

from clock import Clock
from sesform import aws
from sesform.aws import CLOUDTRAIL, Connection
from sesform.errors import AwsError
from sesform.model.address import Access, Scope
from sesform.model.quotas import Cost
from sesform_sandbox.throttle import Throttle
from world import OWNER, REGION, World

HERE = Scope(OWNER, REGION)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def logins(world: World, clock: Clock) -> aws.Logins:
    """The sandbox has CloudTrail's quota, on the clock of the run."""
    world.sandbox.trail.throttle = Throttle(2.0)
    world.sandbox.trail.throttle.clock = clock.now
    opener = aws.Settings(rate=None, open_session=lambda *_: world.sandbox.botocore_session(OWNER), timer=clock)
    return aws.Logins(opener)


@pytest.fixture
def connection(logins: aws.Logins) -> Connection:
    return logins.connect([("corp", REGION)], {"corp": Access(OWNER)}).by_place["corp", REGION]


def test_lookups_are_half_a_second_apart(
    world: World, logins: aws.Logins, connection: Connection, clock: Clock
) -> None:
    """Two specs of one account and region share the pace, and AWS throttles no lookup. A connection that only reads may look up."""
    other = logins.connect([("more", REGION)], {"more": Access(OWNER, profile="other")}).by_place["more", REGION]
    times = []
    for each in (connection, other, connection, other, connection):
        each.call(CLOUDTRAIL, "LookupEvents")
        times.append(clock.now())

    assert other is not connection
    assert [True] * 4 == [0.5 < later - earlier < 0.51 for earlier, later in itertools.pairwise(times)]
    assert {HERE: Cost(lookups=5)} == logins.costs()


def test_other_calls_wait_for_no_lookup(connection: Connection, clock: Clock) -> None:
    """The pace of SES, here none, and that of CloudTrail are apart."""
    connection.call(CLOUDTRAIL, "LookupEvents")
    connection.call("ses", "ListIdentities")
    connection.call("sns", "ListTopics")

    assert [] == clock.waits


def test_a_throttled_lookup_is_sent_again_in_its_turn(world: World, connection: Connection, clock: Clock) -> None:
    """Another program looks up too: each attempt waits for its turn, and for no pause in addition."""
    world.sandbox.fail("LookupEvents", code="ThrottlingException", message="Rate exceeded", times=3)
    connection.call(CLOUDTRAIL, "LookupEvents")

    assert 3 == len(clock.waits)
    assert max(clock.waits) < 0.7


def test_lookups_that_are_always_throttled_end(world: World, connection: Connection, clock: Clock) -> None:
    """After ten minutes without an accepted lookup."""
    world.sandbox.fail("LookupEvents", code="ThrottlingException", message="Rate exceeded", times=99_999)
    begun = clock.now()
    with pytest.raises(AwsError, match="the quota of cloudtrail:LookupEvents"):
        connection.call(CLOUDTRAIL, "LookupEvents")

    assert 600 <= clock.now() - begun < 660
