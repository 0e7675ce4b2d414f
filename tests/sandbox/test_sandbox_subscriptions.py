"""SNS subscriptions: who must confirm, what is idempotent, what lists and attributes show."""

from __future__ import annotations

import json
from typing import Any

import pytest

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"
ARN = f"arn:aws:sns:{REGION}:{OWNER}:feedback"
QUEUE = f"arn:aws:sqs:{REGION}:{OWNER}:q"


@pytest.fixture
def sns(aws: Any) -> Any:
    aws.topic()
    return aws("sns")


def _attributes(sns: Any) -> dict[str, str]:
    found: dict[str, str] = sns.get_topic_attributes(TopicArn=ARN)["Attributes"]
    return found


def _subscriptions(sns: Any) -> list[dict[str, str]]:
    found: list[dict[str, str]] = sns.list_subscriptions_by_topic(TopicArn=ARN)["Subscriptions"]
    return found


def test_queue_of_the_same_account_is_confirmed_at_once(sns: Any) -> None:
    """Whether or not the queue exists."""
    arn = sns.subscribe(TopicArn=ARN, Protocol="sqs", Endpoint=QUEUE)["SubscriptionArn"]

    assert arn.startswith(ARN + ":")
    assert _subscriptions(sns) == [
        {"SubscriptionArn": arn, "Owner": OWNER, "Protocol": "sqs", "Endpoint": QUEUE, "TopicArn": ARN}
    ]
    assert _attributes(sns)["SubscriptionsConfirmed"] == "1"


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [
        ("email", "a@b.example"),
        ("email-json", "a@b.example"),
        ("https", "https://b.example/"),
        ("http", "http://b.example/"),
        ("sqs", f"arn:aws:sqs:{REGION}:{DELEGATE}:q"),
        ("lambda", f"arn:aws:lambda:{REGION}:{DELEGATE}:function:f"),
    ],
)
def test_others_must_confirm(aws: Any, sns: Any, protocol: str, endpoint: str) -> None:
    """Pending they have no ARN in answers and lists; confirmed they have."""
    answer = sns.subscribe(TopicArn=ARN, Protocol=protocol, Endpoint=endpoint)["SubscriptionArn"]

    assert answer == "pending confirmation"
    assert [s["SubscriptionArn"] for s in _subscriptions(sns)] == ["PendingConfirmation"]
    assert _attributes(sns)["SubscriptionsPending"] == "1"

    aws.sandbox.confirm(ARN, endpoint)

    assert _subscriptions(sns)[0]["SubscriptionArn"].startswith(ARN + ":")


def test_arn_of_a_pending_one_on_request(sns: Any) -> None:
    """ReturnSubscriptionArn gives it, and its attributes say that it is pending."""
    arn = sns.subscribe(TopicArn=ARN, Protocol="email", Endpoint="a@b.example", ReturnSubscriptionArn=True)
    found = sns.get_subscription_attributes(SubscriptionArn=arn["SubscriptionArn"])["Attributes"]

    assert (found["PendingConfirmation"], found["RawMessageDelivery"]) == ("true", "false")


def test_subscribing_again_is_quiet(sns: Any, refused: Any) -> None:
    """Same or no attributes: the same ARN; other attributes are refused."""
    given = {"TopicArn": ARN, "Protocol": "sqs", "Endpoint": QUEUE}
    arns = {
        sns.subscribe(**given, Attributes={"RawMessageDelivery": "True"})["SubscriptionArn"],
        sns.subscribe(**given, Attributes={"RawMessageDelivery": "true"})["SubscriptionArn"],
        sns.subscribe(**given)["SubscriptionArn"],
    }

    assert len(arns) == 1
    text = "Invalid parameter: Attributes Reason: Subscription already exists with different attributes"
    for attributes in ({"RawMessageDelivery": "false"}, {"FilterPolicy": '{"a":["b"]}'}):
        with refused("InvalidParameter", text):
            sns.subscribe(**given, Attributes=attributes)


def test_owner_of_a_queue_subscribes_it_without_confirmation(aws: Any, sns: Any) -> None:
    """The queue's account calls Subscribe, if the topic's policy lets it; it lists the subscription as its own."""
    allow = {"Effect": "Allow", "Principal": {"AWS": DELEGATE}, "Action": "SNS:Subscribe", "Resource": ARN}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    sns.set_topic_attributes(TopicArn=ARN, AttributeName="Policy", AttributeValue=policy)
    other = aws("sns", DELEGATE)
    queue = f"arn:aws:sqs:{REGION}:{DELEGATE}:q"
    arn = other.subscribe(TopicArn=ARN, Protocol="sqs", Endpoint=queue)["SubscriptionArn"]

    assert [s["SubscriptionArn"] for s in other.list_subscriptions()["Subscriptions"]] == [arn]
    assert sns.list_subscriptions()["Subscriptions"] == []
    assert [s["Owner"] for s in _subscriptions(sns)] == [DELEGATE]


def test_unsubscribe(sns: Any) -> None:
    """Gone; a second time is quiet."""
    arn = sns.subscribe(TopicArn=ARN, Protocol="sqs", Endpoint=QUEUE)["SubscriptionArn"]
    sns.unsubscribe(SubscriptionArn=arn)
    sns.unsubscribe(SubscriptionArn=arn)

    assert _subscriptions(sns) == []


def test_pending_one_cannot_be_unsubscribed(sns: Any, refused: Any) -> None:
    """By its ARN, nor by what stands for it."""
    arn = sns.subscribe(TopicArn=ARN, Protocol="email", Endpoint="a@b.example", ReturnSubscriptionArn=True)
    for name in (arn["SubscriptionArn"], "PendingConfirmation"):
        with refused("InvalidParameter"):
            sns.unsubscribe(SubscriptionArn=name)


def test_attributes_of_a_subscription(sns: Any, refused: Any) -> None:
    """Filter policies bring their scope and are removed by {}; unknown ones are refused."""
    arn = sns.subscribe(TopicArn=ARN, Protocol="sqs", Endpoint=QUEUE)["SubscriptionArn"]
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue='{"a":["b"]}')
    found = sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]

    assert (found["FilterPolicy"], found["FilterPolicyScope"]) == ('{"a":["b"]}', "MessageAttributes")
    assert (found["Owner"], found["PendingConfirmation"], found["RawMessageDelivery"]) == (OWNER, "false", "false")

    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName="FilterPolicy", AttributeValue="{}")

    assert "FilterPolicy" not in sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]
    for name, value in (("Owner", "x"), ("FilterPolicy", "{"), ("RawMessageDelivery", "1"), ("FilterPolicyScope", "x")):
        with refused("InvalidParameter"):
            sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=value)


def test_missing_subscription(sns: Any, refused: Any) -> None:
    """Its attributes are NotFound."""
    with refused("NotFound", "Subscription does not exist", 404):
        sns.get_subscription_attributes(SubscriptionArn=ARN + ":00000000-0000-0000-0000-000000000000")


@pytest.mark.parametrize(
    ("protocol", "endpoint"),
    [
        ("fax", "1"),
        ("https", "http://b.example"),
        ("email", "nobody"),
        ("sqs", "q"),
        ("sqs", f"arn:aws:lambda:{REGION}:{OWNER}:function:f"),
        ("sqs", QUEUE + ".fifo"),
    ],
)
def test_endpoints_that_are_refused(sns: Any, refused: Any, protocol: str, endpoint: str) -> None:
    """Unknown protocols, endpoints that do not fit, FIFO queues on a standard topic."""
    with refused("InvalidParameter"):
        sns.subscribe(TopicArn=ARN, Protocol=protocol, Endpoint=endpoint)


def test_others_cannot_touch_a_subscription(aws: Any, sns: Any, refused: Any) -> None:
    """Neither its owner nor the topic's: AuthorizationError."""
    arn = sns.subscribe(TopicArn=ARN, Protocol="sqs", Endpoint=QUEUE)["SubscriptionArn"]
    with refused("AuthorizationError", status=403):
        aws("sns", DELEGATE).unsubscribe(SubscriptionArn=arn)


def test_confirming_takes_the_token_that_was_sent(aws: Any, sns: Any, refused: Any) -> None:
    """An invented one is refused; `Sandbox.confirm` stands for the link in the message."""
    sns.subscribe(TopicArn=ARN, Protocol="email", Endpoint="a@b.example")
    with refused("InvalidParameter", "Invalid parameter: Token"):
        sns.confirm_subscription(TopicArn=ARN, Token="x")
    aws.sandbox.confirm(ARN, "a@b.example")

    assert _attributes(sns)["SubscriptionsPending"] == "0"
