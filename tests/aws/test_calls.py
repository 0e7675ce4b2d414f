"""Calls are read-only for plans, paced, counted and retried, and their errors are explained."""

from __future__ import annotations

import pytest

from clock import Clock
from sesform import aws
from sesform.errors import AwsError, ReadOnlyError
from sesform.model.address import Access, Scope
from world import OWNER, REGION, World


@pytest.fixture
def connection(world: World) -> aws.Connection:
    """Return a connection to the owner's account, with a clock that does not sleep."""
    world.identity("example.com")
    settings = aws.Settings(rate=None, open_session=lambda *_: world.sandbox.botocore_session(OWNER), timer=Clock())
    connection = aws.connect([("corp", REGION)], {"corp": Access(OWNER)}, settings).by_place["corp", REGION]
    world.sandbox.calls.clear()
    return connection


def test_a_read_only_connection_refuses_writes(world: World, connection: aws.Connection) -> None:
    """A read-only connection sends no operation other than Get, List, Describe and LookupEvents."""
    with pytest.raises(
        ReadOnlyError, match="ses:SetIdentityNotificationTopic was called on a connection that only reads"
    ):
        connection.call("ses", "SetIdentityNotificationTopic", Identity="example.com", NotificationType="Bounce")

    assert [] == world.sandbox.calls


@pytest.mark.parametrize(
    ("service", "operation", "code", "status"),
    [
        ("ses", "ListIdentities", "Throttling", 400),
        ("sesv2", "ListConfigurationSets", "TooManyRequestsException", 429),
        ("sns", "ListTopics", "Throttled", 429),
        ("sns", "ListTopics", "InternalError", 500),
        ("sesv2", "ListConfigurationSets", "ConcurrentModificationException", 500),
        ("ses", "ListIdentities", "EndpointConnectionError", 0),
    ],
)
def test_throttled_calls_and_temporary_failures_are_retried(
    world: World, connection: aws.Connection, service: str, operation: str, code: str, status: int
) -> None:
    """A call that fails twice is sent three times, and each attempt is counted."""
    world.sandbox.fail(operation, code=code, message="Rate exceeded", status=status, times=2)
    connection.call(service, operation)

    assert [3] == list(connection.calls.values())


def test_a_denied_call_is_not_retried(world: World, connection: aws.Connection) -> None:
    """A denied call is sent once, and the error names the operation, account, region, code and missing permission."""
    world.sandbox.fail("ListIdentities", code="AccessDenied", message="not authorized", status=403)
    with pytest.raises(AwsError) as caught:
        connection.call("ses", "ListIdentities")

    assert (
        "ses:ListIdentities in 111111111111/eu-west-1: AccessDenied: not authorized; "
        "these credentials lack the permission ses:ListIdentities" == str(caught.value)
    )
    assert 1 == len(world.sandbox.calls)


def test_the_result_of_a_lost_answer_is_unknown(world: World, connection: aws.Connection) -> None:
    """The error says that AWS may have carried out a call without an answer."""
    world.sandbox.fail("ListIdentities", code="ReadTimeoutError", times=99, lost_answer=True)
    with pytest.raises(AwsError) as caught:
        connection.call("ses", "ListIdentities")

    assert caught.value.maybe_done is True


def test_every_attempt_is_paced(world: World) -> None:
    """Retries are paced like first attempts: at one call in 10 seconds, three attempts take at least 20 seconds."""
    clock = Clock()
    connection = aws.Connection(Scope(OWNER, REGION), world.login(), aws.Pacer(0.1, clock), read_only=True)
    world.sandbox.fail("ListIdentities", code="Throttling", times=2)
    connection.call("ses", "ListIdentities")

    assert 20 <= sum(clock.waits) <= 22.5


def test_sns_is_not_paced(world: World) -> None:
    """The quota of one call a second is for SES only."""
    clock = Clock()
    connection = aws.Connection(Scope(OWNER, REGION), world.login(), aws.Pacer(1.0, clock), read_only=True)
    for _ in range(3):
        connection.call("sns", "ListTopics")

    assert [] == clock.waits


@pytest.mark.parametrize(("service", "operation"), [("ses", "ListIdentities"), ("sns", "ListTopics")])
def test_after_stop_no_call_is_sent(world: World, connection: aws.Connection, service: str, operation: str) -> None:
    """No call is sent after the run is stopped, to a service with a quota or without one."""
    connection.stop()
    with pytest.raises(aws.Stopped):
        connection.call(service, operation)

    assert [] == world.sandbox.calls


def test_a_stop_before_the_next_attempt_does_not_hide_an_attempt_in_doubt(
    world: World, connection: aws.Connection
) -> None:
    """If a write has no answer and the run is stopped before its next turn, the error says that it may have been carried out."""
    connection.read_only = False
    world.sandbox.fail("SetIdentityFeedbackForwardingEnabled", code="ReadTimeoutError", lost_answer=True)
    world.sandbox.fail(
        "SetIdentityFeedbackForwardingEnabled", code="Throttling", message="Rate exceeded", before=connection.stop
    )
    with pytest.raises(AwsError) as caught:
        connection.call("ses", "SetIdentityFeedbackForwardingEnabled", Identity="example.com", ForwardingEnabled=True)

    assert caught.value.maybe_done
    assert 2 == connection.calls.total()
