"""Bounces, complaints and deliveries: who hears of them, and what a failing topic costs an identity."""

from __future__ import annotations

import json
from typing import Any

import pytest

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"


@pytest.fixture(autouse=True)
def identity(aws: Any) -> str:
    arn: str = aws.identity()
    return arn


def _send(aws: Any, event: str, identity: str = "example.com", account: str = OWNER, **more: Any) -> list[str]:
    heard: list[str] = aws.sandbox.send(account, REGION, identity, event, **more)
    return heard


def _destination(aws: Any, topic: str, account: str = OWNER, enabled: bool = True, types: str = "BOUNCE") -> None:
    v2 = aws("sesv2", account)
    v2.create_configuration_set(ConfigurationSetName="tx")
    v2.create_configuration_set_event_destination(
        ConfigurationSetName="tx",
        EventDestinationName="d",
        EventDestination={"Enabled": enabled, "MatchingEventTypes": [types], "SnsDestination": {"TopicArn": topic}},
    )


@pytest.mark.parametrize("event", ["bounce", "complaint", "delivery"])
def test_topic_of_the_type_hears(aws: Any, identity: str, event: str) -> None:
    """And no other; the message says whose identity it is and who sent."""
    aws.set_topic(event.capitalize(), topic := aws.topic())
    aws.sandbox.published.clear()
    for other in ("bounce", "complaint", "delivery"):
        assert _send(aws, other) == ([topic] if other == event else [])
    (message,) = [json.loads(p.message) for p in aws.sandbox.published]

    assert message["notificationType"] == event.capitalize()
    assert message["mail"]["sourceArn"] == identity
    assert message["mail"]["sendingAccountId"] == OWNER
    assert "headers" not in message["mail"]


def test_headers_are_included_when_asked_for(aws: Any) -> None:
    """The flag of the type puts them in."""
    aws.set_topic("Bounce", aws.topic())
    aws("ses").set_identity_headers_in_notifications_enabled(
        Identity="example.com", NotificationType="Bounce", Enabled=True
    )
    _send(aws, "bounce")

    assert json.loads(aws.sandbox.published[-1].message)["mail"]["headers"]


def test_address_overrides_its_domain(aws: Any) -> None:
    """Entirely: a verified address without topics inherits none; +labels and other addresses go by the closest identity."""
    aws.set_topic("Bounce", domain := aws.topic("domain"))
    aws.identity("jo@example.com")

    assert _send(aws, "bounce", "jo@example.com") == []
    assert _send(aws, "bounce", "jo+news@example.com") == []
    assert _send(aws, "bounce", "al@example.com") == [domain]
    assert _send(aws, "bounce", "al@sub.example.com") == [domain]


def test_unknown_sender_is_an_error(aws: Any) -> None:
    """There is nothing to simulate."""
    with pytest.raises(ValueError, match=r"other\.example"):
        _send(aws, "bounce", "other.example")


# --- SES takes topics away ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("event", ["bounce", "complaint"])
def test_deleted_topic_is_dropped_and_forwarding_turned_on(aws: Any, event: str) -> None:
    """At the first failure, for that type only."""
    topic, kept = aws.topic("gone"), aws.topic("kept")
    other = "Complaint" if event == "bounce" else "Bounce"
    aws.set_topic(event.capitalize(), topic)
    aws.set_topic(other, kept)
    aws("ses").set_identity_feedback_forwarding_enabled(Identity="example.com", ForwardingEnabled=False)
    aws("sns").delete_topic(TopicArn=topic)

    assert aws.notifications()[f"{event.capitalize()}Topic"] == topic
    assert _send(aws, event) == []

    after = aws.notifications()

    assert after["ForwardingEnabled"] is True
    assert after[f"{other}Topic"] == kept
    assert f"{event.capitalize()}Topic" not in after


def test_lost_permission_drops_the_topic_too(aws: Any) -> None:
    """A policy without a statement for SES is as good as no topic."""
    topic = aws.topic()
    aws.set_topic("Bounce", topic)
    policy = {"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "SNS:Publish", "Resource": topic}
    text = json.dumps({"Version": "2012-10-17", "Statement": [policy]})
    aws("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=text)
    _send(aws, "bounce")

    assert "BounceTopic" not in aws.notifications()


def test_delivery_topic_is_not_dropped(aws: Any) -> None:
    """Only bounces and complaints are worth that to SES."""
    aws.set_topic("Delivery", topic := aws.topic())
    aws("sns").delete_topic(TopicArn=topic)

    assert _send(aws, "delivery") == []
    assert aws.notifications()["DeliveryTopic"] == topic


# --- event destinations ------------------------------------------------------------------------------------------------


def test_destination_hears_matching_events_of_its_set(aws: Any) -> None:
    """When the send names the set."""
    _destination(aws, topic := aws.topic())

    assert _send(aws, "bounce", configuration_set="tx") == [topic]
    assert _send(aws, "complaint", configuration_set="tx") == []
    assert _send(aws, "bounce") == []
    assert json.loads(aws.sandbox.published[-1].message)["eventType"] == "Bounce"


def test_default_set_acts_without_being_named(aws: Any) -> None:
    """Beside the identity's topic."""
    _destination(aws, topic := aws.topic())
    aws.set_topic("Bounce", other := aws.topic("other"))
    aws("sesv2").put_email_identity_configuration_set_attributes(EmailIdentity="example.com", ConfigurationSetName="tx")

    assert _send(aws, "bounce") == [other, topic]


def test_disabled_destination_hears_nothing(aws: Any) -> None:
    """Enabled is false by default."""
    _destination(aws, aws.topic(), enabled=False)

    assert _send(aws, "bounce", configuration_set="tx") == []


def test_destination_of_a_deleted_topic_stays_and_is_silent(aws: Any) -> None:
    """Events are lost without a trace."""
    _destination(aws, topic := aws.topic())
    aws("sns").delete_topic(TopicArn=topic)

    assert _send(aws, "bounce", configuration_set="tx") == []
    found = aws("sesv2").get_configuration_set_event_destinations(ConfigurationSetName="tx")
    assert len(found["EventDestinations"]) == 1


# --- delegates ---------------------------------------------------------------------------------------------------------


def test_delegate_hears_by_its_own_entry(aws: Any, identity: str) -> None:
    """Before what the owner has set."""
    aws.set_topic("Bounce", aws.topic("owners"))
    aws.entry(identity, Bounce=(own := aws.topic(account=DELEGATE)))

    assert _send(aws, "bounce", identity, DELEGATE) == [own]


def test_delegate_without_entry_is_served_by_the_owners_topic(aws: Any, identity: str) -> None:
    """And by the set that its send names."""
    aws.set_topic("Bounce", owners := aws.topic("owners"))
    _destination(aws, own := aws.topic(account=DELEGATE), DELEGATE)

    assert _send(aws, "bounce", identity, DELEGATE, configuration_set="tx") == [owners, own]


def test_failing_entry_of_a_delegate_is_dropped(aws: Any, identity: str) -> None:
    """The owner's forwarding has nothing to do with it."""
    topic = aws.topic(account=DELEGATE)
    aws.entry(identity, Bounce=topic, Complaint=topic)
    aws("sns", DELEGATE).delete_topic(TopicArn=topic)
    _send(aws, "bounce", identity, DELEGATE)

    assert "BounceTopic" not in aws.notifications(identity, DELEGATE)
    assert aws.notifications(identity, DELEGATE)["ComplaintTopic"] == topic


# --- sending -----------------------------------------------------------------------------------------------------------


def _mail(aws: Any, to: str, source: str = "Jo <jo@example.com>", **more: Any) -> None:
    message = {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}
    aws("ses").send_email(Source=source, Destination={"ToAddresses": [to]}, Message=message, **more)


@pytest.mark.parametrize(
    ("address", "kind"), [("bounce+7", "Bounce"), ("complaint", "Complaint"), ("success", "Delivery")]
)
def test_simulator_addresses_make_events(aws: Any, address: str, kind: str) -> None:
    """By SendEmail and SendRawEmail of v1 and SendEmail of v2."""
    aws.set_topic(kind, topic := aws.topic())
    aws.sandbox.published.clear()
    to = f"{address}@simulator.amazonses.com"
    _mail(aws, to)
    aws("ses").send_raw_email(RawMessage={"Data": f"From: jo@example.com\nTo: {to}\n\nHello".encode()})
    aws("sesv2").send_email(
        FromEmailAddress="jo@example.com",
        Destination={"ToAddresses": [to]},
        Content={"Raw": {"Data": b"x"}},
    )
    _mail(aws, "somebody@else.example")

    assert [p.topic_arn for p in aws.sandbox.published] == [topic] * 3


def test_unverified_sender_is_rejected(aws: Any, refused: Any) -> None:
    """Unknown identities and pending ones."""
    aws.sandbox.declare_identity(OWNER, REGION, "new.example", verified=False)
    for source in ("a@other.example", "a@new.example"):
        text = "Email address is not verified. The following identities failed the check in region EU-WEST-1: " + source
        with refused("MessageRejected", text):
            _mail(aws, "x@y.example", source)


def test_missing_configuration_set_fails_the_send(aws: Any, refused: Any) -> None:
    """Named, or deleted while it is an identity's default."""
    with refused("ConfigurationSetDoesNotExist", "Configuration set <no> does not exist."):
        _mail(aws, "x@y.example", ConfigurationSetName="no")
    v2 = aws("sesv2")
    v2.create_configuration_set(ConfigurationSetName="tx")
    v2.put_email_identity_configuration_set_attributes(EmailIdentity="example.com", ConfigurationSetName="tx")
    v2.delete_configuration_set(ConfigurationSetName="tx")
    with refused("ConfigurationSetDoesNotExist", "Configuration set <tx> does not exist."):
        _mail(aws, "x@y.example")


def test_delegate_needs_a_sending_policy(aws: Any, identity: str, refused: Any) -> None:
    """Without one its send is rejected."""
    given = {
        "Source": "jo@example.com",
        "SourceArn": identity,
        "Destination": {"ToAddresses": ["x@y.example"]},
        "Message": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}},
    }
    with refused("MessageRejected"):
        aws("ses", DELEGATE).send_email(**given)
    allow = {"Effect": "Allow", "Principal": {"AWS": DELEGATE}, "Action": "ses:SendEmail", "Resource": identity}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    aws("ses").put_identity_policy(Identity="example.com", PolicyName="p", Policy=policy)

    assert aws("ses", DELEGATE).send_email(**given)["MessageId"]
