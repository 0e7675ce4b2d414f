"""The rules of retries by themselves: which errors, for how long, and how long the pauses are."""

from __future__ import annotations

import json
import random
from typing import Any

import pytest
from botocore import exceptions as boto

from clock import Clock
from sesform.aws import retries
from sesform.aws.retries import ChangedTopics

TOPIC = "arn:aws:sns:eu-west-1:222222222222:fb"
SET_TOPIC = "SetIdentityNotificationTopic"
DESTINATION = "CreateConfigurationSetEventDestination"
ROLE, ACCOUNT, DELETED = "arn:aws:iam::333333333333:role/x", "arn:aws:iam::333333333333:root", "AROAEXAMPLEEXAMPLE123"


def error(code: str = "", text: str = "", status: int = 400) -> boto.ClientError:
    answer: Any = {"Error": {"Code": code, "Message": text}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return boto.ClientError(answer, "Operation")


def changed(*topics: str) -> ChangedTopics:
    found = ChangedTopics(Clock())
    for topic in topics:
        found.note("SetTopicAttributes", {"TopicArn": topic}, {})
    return found


# --- topics of this run --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("recent", "operation", "params", "answer"),
    [
        (True, "CreateTopic", {"Name": "fb"}, {"TopicArn": TOPIC}),
        (True, "SetTopicAttributes", {"TopicArn": TOPIC}, {}),
        (False, "CreateTopic", {"Name": "fb"}, {}),
        (False, "GetTopicAttributes", {"TopicArn": TOPIC}, {}),
        (False, "DeleteTopic", {"TopicArn": TOPIC}, {}),
    ],
)
def test_topics_that_this_run_writes_are_recent(
    recent: bool, operation: str, params: dict[str, str], answer: dict[str, str]
) -> None:
    """A created topic is known by the answer, a changed one also without."""
    found = changed()
    found.note(operation, params, answer)

    assert recent == found.recent(TOPIC)
    assert not found.recent(TOPIC + "2")


def test_a_topic_is_recent_for_two_minutes() -> None:
    """The last change counts."""
    clock = Clock()
    found = ChangedTopics(clock)
    found.note("SetTopicAttributes", {"TopicArn": TOPIC}, {})
    clock.time += 100.0
    found.note("SetTopicAttributes", {"TopicArn": TOPIC}, {})
    clock.time += 119.9
    assert found.recent(TOPIC)
    clock.time += 0.1

    assert not found.recent(TOPIC)


# --- answers that may change soon ----------------------------------------------------------------------------------------

INVALID = f"SNS topic <{TOPIC}> is invalid."
COULD_NOT = f"Could not publish message to SNS topic <{TOPIC}>."
NO_PRINCIPAL = "Policy contains an invalid principal."
NOT_FOUND = "Invalid parameter: Policy Error: PrincipalNotFound"


def policy(*principals: str) -> str:
    return json.dumps({"Statement": [{"Effect": "Allow", "Principal": {"AWS": list(principals)}}]})


@pytest.mark.parametrize(
    ("operation", "code", "text", "params"),
    [
        (SET_TOPIC, "InvalidParameterValue", INVALID, {"SnsTopic": TOPIC}),
        (DESTINATION, "BadRequestException", COULD_NOT, {"EventDestination": {"SnsDestination": {"TopicArn": TOPIC}}}),
        (
            DESTINATION.replace("Create", "Update"),
            "BadRequestException",
            COULD_NOT,
            {"EventDestination": {"SnsDestination": {"TopicArn": TOPIC}}},
        ),
        ("SetTopicAttributes", "InvalidParameter", NOT_FOUND, {"AttributeValue": policy(ROLE)}),
        ("CreateEmailIdentityPolicy", "BadRequestException", NO_PRINCIPAL, {"Policy": policy(ROLE, ACCOUNT)}),
        ("UpdateEmailIdentityPolicy", "InvalidPolicy", NO_PRINCIPAL, {"Policy": policy(ROLE)}),
    ],
)
def test_answers_that_waiting_can_change(operation: str, code: str, text: str, params: dict[str, Any]) -> None:
    """Each holds for its operation, its code and its text together, and only where waiting can help."""
    now = changed(TOPIC)

    assert retries.not_yet(error(code, text), operation, params, now)
    assert not retries.not_yet(error(code, text), "DeleteTopic", params, now)
    assert not retries.not_yet(error("ValidationError", text), operation, params, now)
    assert not retries.not_yet(error(code, "Something else."), operation, params, now)
    assert not retries.not_yet(error(code), operation, params, now)
    assert not retries.not_yet(boto.ClientError({}, operation), operation, params, now)
    assert not retries.not_yet(ValueError(text), operation, params, now)


@pytest.mark.parametrize(
    ("operation", "code", "text", "params"),
    [
        (SET_TOPIC, "InvalidParameterValue", INVALID, {"SnsTopic": TOPIC + "2"}),
        (SET_TOPIC, "InvalidParameterValue", INVALID, {}),
        (
            DESTINATION,
            "BadRequestException",
            COULD_NOT,
            {"EventDestination": {"SnsDestination": {"TopicArn": TOPIC + "2"}}},
        ),
        (DESTINATION, "BadRequestException", COULD_NOT, {"EventDestination": {"SnsDestination": {}}}),
        (DESTINATION, "BadRequestException", COULD_NOT, {"EventDestination": {"KinesisFirehoseDestination": {}}}),
        ("SetTopicAttributes", "InvalidParameter", NOT_FOUND, {"AttributeValue": policy(ACCOUNT)}),
        ("SetTopicAttributes", "InvalidParameter", NOT_FOUND, {"AttributeValue": policy(ROLE, DELETED)}),
        ("SetTopicAttributes", "InvalidParameter", NOT_FOUND, {}),
        ("CreateEmailIdentityPolicy", "InvalidPolicy", NO_PRINCIPAL, {"Policy": policy(ACCOUNT)}),
        ("CreateEmailIdentityPolicy", "InvalidPolicy", NO_PRINCIPAL, {"Policy": policy(DELETED)}),
    ],
)
def test_answers_that_waiting_cannot_change(operation: str, code: str, text: str, params: dict[str, Any]) -> None:
    """A topic that this run did not change, an account, and a deleted principal are refused for good."""
    assert not retries.not_yet(error(code, text), operation, params, changed(TOPIC))


# --- throttling and faults -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("throttled", "transient", "failure"),
    [
        *(
            (True, False, error(code))
            for code in (
                "Throttling",
                "ThrottlingException",
                "Throttled",
                "ThrottledException",
                "TooManyRequestsException",
            )
        ),
        (True, False, error("Anything", status=429)),
        *(
            (False, True, error(code))
            for code in ("RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete")
        ),
        *((False, True, error("Anything", status=status)) for status in (500, 502, 503, 504)),
        (False, True, boto.EndpointConnectionError(endpoint_url="https://x")),
        (False, True, boto.HTTPClientError(error="reset")),
        (False, False, error("AccessDenied", status=403)),
        (False, False, error("Anything", status=501)),
        (False, False, boto.ClientError({}, "Operation")),
        (False, False, ValueError("Throttling")),
    ],
)
def test_the_kinds_of_failures(throttled: bool, transient: bool, failure: Exception) -> None:
    """A used-up quota, a fault of AWS or the network, and a refusal are told apart by code and status."""
    assert (throttled, transient) == (retries.throttled(failure), retries.transient(failure))


# --- pauses --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("part", "least"), [(0.5, 0.5), (1.0, 1.0)])
def test_pauses_double_up_to_twenty_seconds(monkeypatch: pytest.MonkeyPatch, part: float, least: float) -> None:
    """Each pause is between half of its length and all of it, also after very many attempts."""

    def chosen(low: float, high: float) -> float:
        assert (0.5, 1.0) == (low, high)
        return part

    monkeypatch.setattr(random, "uniform", chosen)
    lengths = [1.0, 2.0, 4.0, 8.0, 16.0, 20.0, 20.0]

    assert [least * length for length in lengths] == [retries.pause(attempt) for attempt in range(1, 8)]
    assert 20.0 * least == retries.pause(10**9)
