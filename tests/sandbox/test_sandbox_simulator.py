"""The mailbox simulator: payloads, sending policies, sending rates, and faults of notifications."""

from __future__ import annotations

import json
from typing import Any

import pytest

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"
ARN = f"arn:aws:ses:{REGION}:{OWNER}:identity/example.com"


@pytest.fixture(autouse=True)
def identity(aws: Any) -> None:
    aws.identity()


def _mail(aws: Any, to: str, account: str = OWNER, source: str = "jo@example.com", **more: Any) -> None:
    content = {"Simple": {"Subject": {"Data": "test"}, "Body": {"Text": {"Data": "t"}}}}
    aws("sesv2", account).send_email(
        FromEmailAddress=source, Destination={"ToAddresses": [to]}, Content=content, **more
    )


def _published(aws: Any) -> list[dict[str, Any]]:
    return [json.loads(p.message) for p in aws.sandbox.published if "mail" in p.message]


def _allow(aws: Any, **statement: Any) -> None:
    whole = {"Effect": "Allow", "Principal": {"AWS": DELEGATE}, "Action": "ses:SendEmail", "Resource": ARN, **statement}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [whole]})
    aws("ses").put_identity_policy(Identity="example.com", PolicyName="p", Policy=policy)


def test_a_notification_tells_of_the_message(aws: Any) -> None:
    """Recipient with its label, sender, identity and sending account are in the payload, and the id says that it is simulated."""
    aws.set_topic("Bounce", aws.topic())
    _mail(aws, "bounce+x1@simulator.amazonses.com")
    (found,) = _published(aws)
    mail = found["mail"]

    assert found["notificationType"] == "Bounce"
    assert found["bounce"]["bouncedRecipients"][0]["emailAddress"] == "bounce+x1@simulator.amazonses.com"
    assert (mail["destination"], mail["source"]) == (["bounce+x1@simulator.amazonses.com"], "jo@example.com")
    assert (mail["sourceArn"], mail["sendingAccountId"]) == (ARN, OWNER)
    assert mail["messageId"].endswith("-sandbox")
    assert "headers" not in mail


def test_a_complaint_is_delivered_first(aws: Any) -> None:
    """The recipient accepts the mail and complains then."""
    for kind in ("Complaint", "Delivery"):
        aws.set_topic(kind, aws.topic())
    _mail(aws, "complaint@simulator.amazonses.com")

    assert [found["notificationType"] for found in _published(aws)] == ["Delivery", "Complaint"]


def test_an_event_of_a_set_has_headers_and_tags(aws: Any) -> None:
    """Event publishing has another type field, and always the headers."""
    v2, topic = aws("sesv2"), aws.topic()
    v2.create_configuration_set(ConfigurationSetName="tx")
    v2.create_configuration_set_event_destination(
        ConfigurationSetName="tx",
        EventDestinationName="d",
        EventDestination={"Enabled": True, "MatchingEventTypes": ["BOUNCE"], "SnsDestination": {"TopicArn": topic}},
    )
    _mail(aws, "bounce@simulator.amazonses.com", ConfigurationSetName="tx")
    (found,) = _published(aws)

    assert (found["eventType"], "notificationType" in found) == ("Bounce", False)
    assert found["mail"]["tags"] == {"ses:configuration-set": ["tx"]}
    assert found["mail"]["headers"][-1] == {"name": "Subject", "value": "test"}


@pytest.mark.parametrize(
    ("statement", "allowed"),
    [
        ({}, True),
        ({"Principal": {"AWS": "arn:aws:iam::222222222222:root"}}, True),
        ({"Principal": {"AWS": "333333333333"}}, False),
        ({"Action": "ses:SendRawEmail"}, False),
        ({"Effect": "Deny"}, False),
        ({"Condition": {"StringLike": {"ses:FromAddress": "jo@*"}}}, True),
        ({"Condition": {"StringLike": {"ses:FromAddress": "al@*"}}}, False),
        ({"Condition": {"ForAllValues:StringLike": {"ses:Recipients": "*@simulator.amazonses.com"}}}, True),
        ({"Condition": {"ForAllValues:StringLike": {"ses:Recipients": "*@example.org"}}}, False),
    ],
)
def test_the_sending_policy_decides_for_a_delegate(
    aws: Any, refused: Any, statement: dict[str, Any], allowed: bool
) -> None:
    """Principal, action and conditions must match the message."""
    _allow(aws, **statement)
    given = {"account": DELEGATE, "FromEmailAddressIdentityArn": ARN}
    if allowed:
        _mail(aws, "bounce@simulator.amazonses.com", **given)
    else:
        with refused("MessageRejected"):
            _mail(aws, "bounce@simulator.amazonses.com", **given)


def test_the_address_must_be_one_of_the_identity(aws: Any, refused: Any) -> None:
    """A delegate cannot send with another address."""
    _allow(aws)
    with refused("MessageRejected"):
        _mail(aws, "bounce@simulator.amazonses.com", DELEGATE, "jo@other.example", FromEmailAddressIdentityArn=ARN)


def test_an_account_in_the_sandbox_of_ses_sends_to_the_simulator_only(aws: Any, refused: Any) -> None:
    """And to verified addresses."""
    aws.sandbox.declare_sending(OWNER, REGION, rate=1000, production=False)
    _mail(aws, "bounce@simulator.amazonses.com")
    with refused("MessageRejected"):
        _mail(aws, "x@else.example")

    assert aws("sesv2").get_account()["ProductionAccessEnabled"] is False


def test_messages_over_the_sending_rate_are_throttled(aws: Any, refused: Any) -> None:
    """The rate is that of GetAccount."""
    time = [1000.0]
    aws.sandbox.set_clock(lambda: time[0])
    aws.sandbox.declare_sending(OWNER, REGION, rate=1.0)
    _mail(aws, "bounce@simulator.amazonses.com")
    with refused("TooManyRequestsException", status=429):
        _mail(aws, "bounce@simulator.amazonses.com")
    time[0] += 1
    _mail(aws, "bounce@simulator.amazonses.com")

    assert aws("sesv2").get_account()["SendQuota"]["MaxSendRate"] == 1.0


@pytest.mark.parametrize(("how", "copies"), [({"copies": 0}, 0), ({"copies": 2}, 2), ({"headers": False}, 1)])
def test_notifications_can_be_disturbed(aws: Any, how: dict[str, Any], copies: int) -> None:
    """They never come, come twice, or lack headers; the next one is as usual again."""
    aws.set_topic("Bounce", topic := aws.topic())
    aws("ses").set_identity_headers_in_notifications_enabled(
        Identity="example.com", NotificationType="Bounce", Enabled=True
    )
    aws.sandbox.disturb(topic, **how)
    _mail(aws, "bounce@simulator.amazonses.com")
    found = _published(aws)

    assert len(found) == copies
    assert all("headers" in each["mail"] for each in found) is how.get("headers", True)

    _mail(aws, "bounce@simulator.amazonses.com")

    assert (len(_published(aws)), "headers" in _published(aws)[-1]["mail"]) == (copies + 1, True)


def test_a_late_notification_is_visible_later(aws: Any) -> None:
    """Each needs the simulator's seconds, and a late one more."""
    time = [1000.0]
    aws.sandbox.set_clock(lambda: time[0])
    aws.sandbox.simulator.seconds = 2
    aws.set_topic("Bounce", topic := aws.topic())
    url = aws("sqs").create_queue(
        QueueName="q",
        Attributes={
            "Policy": json.dumps(
                {"Statement": [{"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"}]}
            )
        },
    )["QueueUrl"]
    aws("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=f"arn:aws:sqs:{REGION}:{OWNER}:q")
    aws.sandbox.disturb(topic, late=30)
    _mail(aws, "bounce@simulator.amazonses.com")
    time[0] += 31

    assert "Messages" not in aws("sqs").receive_message(QueueUrl=url)

    time[0] += 1

    assert len(aws("sqs").receive_message(QueueUrl=url)["Messages"]) == 1
