"""Errors on order, and the quota of SES."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from botocore import exceptions

from sesform_sandbox import Sandbox

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"


# --- faults ------------------------------------------------------------------------------------------------------------


def test_next_calls_fail_as_ordered(aws: Any, refused: Any) -> None:
    """So many times, that operation only, with code, message and status."""
    aws.sandbox.fail("ListIdentities", code="ServiceUnavailable", message="busy", status=503, times=2)
    ses = aws("ses")
    ses.get_send_quota()
    for _ in range(2):
        with refused("ServiceUnavailable", "busy", 503):
            ses.list_identities()
    ses.list_identities()

    assert [c.error for c in aws.sandbox.calls] == [None, "ServiceUnavailable", "ServiceUnavailable", None]


@pytest.mark.parametrize("name", ["*", "sesv2:GetAccount"])
def test_faults_by_star_and_by_service(aws: Any, refused: Any, name: str) -> None:
    """`*` is any operation, `service:name` one of one service; codes that the model knows keep their form."""
    aws.sandbox.fail(name, code="TooManyRequestsException", message="slow down", status=429)
    with refused("TooManyRequestsException", "slow down", 429):
        aws("sesv2").get_account()
    aws("sesv2").get_account()


def test_failed_call_is_not_carried_out(aws: Any, refused: Any) -> None:
    """An error on order changes nothing."""
    aws.sandbox.fail("CreateTopic", code="InternalError", status=500)
    with refused("InternalError", status=500):
        aws.topic()

    assert aws("sns").list_topics()["Topics"] == []


def test_lost_answer(aws: Any) -> None:
    """The call is carried out, and the caller sees a timeout."""
    aws.sandbox.fail("CreateTopic", code="", lost_answer=True)
    with pytest.raises(exceptions.ReadTimeoutError):
        aws.topic()

    assert len(aws("sns").list_topics()["Topics"]) == 1
    assert aws.sandbox.calls[0].error == "ReadTimeoutError"


def test_lost_answer_of_a_refused_call(aws: Any) -> None:
    """A refusal gets lost as well."""
    aws.sandbox.fail("GetConfigurationSet", code="", lost_answer=True)
    with pytest.raises(exceptions.ReadTimeoutError):
        aws("sesv2").get_configuration_set(ConfigurationSetName="no")


def test_unreachable_endpoint(aws: Any) -> None:
    """The name of a connection error raises it, and nothing is carried out."""
    aws.sandbox.fail("CreateTopic", code="EndpointConnectionError")
    with pytest.raises(exceptions.EndpointConnectionError):
        aws.topic()

    assert aws("sns").list_topics()["Topics"] == []


def test_before_runs_first_and_may_call(aws: Any, refused: Any) -> None:
    """`before` acts as another program, from any thread."""

    def meddle() -> None:
        thread = threading.Thread(target=lambda: aws.topic("other"))
        thread.start()
        thread.join()

    aws.sandbox.fail("ListTopics", code="Throttled", status=429, before=meddle)
    with refused("Throttled", status=429):
        aws("sns").list_topics()

    assert [c.operation for c in aws.sandbox.calls] == ["CreateTopic", "ListTopics"]


def test_what_before_raises_goes_through(aws: Any) -> None:
    """As for a process that dies at that call."""

    def die() -> None:
        raise KeyboardInterrupt

    aws.sandbox.fail("ListTopics", code="", before=die)
    with pytest.raises(KeyboardInterrupt):
        aws("sns").list_topics()


# --- the quota ---------------------------------------------------------------------------------------------------------


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(aws: Any) -> Clock:
    """One call a second, on a clock that only the test moves."""
    aws.sandbox.throttle.rate = 1.0
    aws.sandbox.throttle.clock = clock = Clock()
    return clock


def test_one_call_a_second(aws: Any, clock: Clock, refused: Any) -> None:
    """Versions 1 and 2 together; each has its own error."""
    aws("ses").list_identities()
    with refused("Throttling", "Rate exceeded"):
        aws("ses").list_identities()
    with refused("TooManyRequestsException", status=429):
        aws("sesv2").get_account()
    clock.now += 0.9
    with refused("Throttling", "Rate exceeded"):
        aws("ses").list_identities()
    clock.now += 0.1
    aws("sesv2").get_account()


def test_refused_calls_cost_nothing_and_pauses_save_nothing(aws: Any, clock: Clock, refused: Any) -> None:
    """The bucket has one call, however long there was no call."""
    clock.now += 3600
    aws("ses").list_identities()
    for _ in range(3):
        with refused("Throttling"):
            aws("ses").list_identities()
    clock.now += 1
    aws("ses").list_identities()


def test_a_few_milliseconds_do_not_matter(aws: Any, clock: Clock) -> None:
    """Clocks have a grain; calls that come early do not gain on the quota."""
    for _ in range(3):
        aws("ses").list_identities()
        clock.now += 0.998


def test_scopes_have_their_own_quota(aws: Any, clock: Clock) -> None:
    """Accounts and regions do not share."""
    for account, region in ((OWNER, REGION), (DELEGATE, REGION), (OWNER, "us-east-1")):
        aws("ses", account, region).list_identities()


def test_other_services_and_sends_are_not_counted(aws: Any, clock: Clock) -> None:
    """SNS and STS have no such quota, and sending mail has another."""
    aws.identity()
    message = {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}
    for _ in range(3):
        aws("sns").list_topics()
        aws("ses").send_email(Source="a@example.com", Destination={"ToAddresses": ["x@y.example"]}, Message=message)


@pytest.mark.parametrize("rate", [0, -1.0])
def test_rate_is_above_zero(rate: float) -> None:
    """None is no limit; 0 would be no calls."""
    with pytest.raises(ValueError, match="calls per second"):
        Sandbox(rate=rate)


def test_threads_share_a_sandbox(aws: Any) -> None:
    """Calls from many threads at once all count."""
    sns = aws("sns")
    threads = [threading.Thread(target=lambda n=n: sns.create_topic(Name=f"t{n}")) for n in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(sns.list_topics()["Topics"]) == 20
    assert len(aws.sandbox.calls) == 21
