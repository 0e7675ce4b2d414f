"""If SES removes a topic from an identity, drift reports it with the reason."""

from __future__ import annotations

import json

import pytest

from world import DELEGATE, World

TOPIC = "arn:aws:sns:eu-west-1:222222222222:feedback"
SPECS = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
identities:
  example.com:
    notifications: {bounce: mailer/feedback, complaint: mailer/feedback}
    feedback_forwarding: false
---
kind: Delegate
name: mailer
account: "222222222222"
regions: [eu-west-1]
topics: {feedback: {}}
"""


def warnings(world: World, specs: str = SPECS) -> list[str]:
    """Return the warnings of drift about topics that SES has removed."""
    return [str(p) for p in world.drift(specs).diagnostics if "SES has probably removed" in p.summary]


def break_publishing(world: World, how: str) -> None:
    sns = world.client("sns", DELEGATE)
    if how == "gone":
        sns.delete_topic(TopicArn=TOPIC)
    else:
        document = json.loads(sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Policy"])
        document["Statement"] = [s for s in document["Statement"] if not s["Sid"].startswith("Sesform")]
        sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="Policy", AttributeValue=json.dumps(document))


@pytest.mark.parametrize(
    ("how", "cause"),
    [
        ("gone", "repair the topic first: the topic does not exist"),
        ("policy", "its policy did not allow SES to publish"),
    ],
)
def test_drift_reports_that_ses_removed_the_topic_and_why(world: World, how: str, cause: str) -> None:
    """If SES cannot publish a bounce, it removes the topic and turns forwarding on; the warning names the cause."""
    world.identity("example.com")
    world.converge(SPECS)
    break_publishing(world, how)
    world.sandbox.send("111111111111", "eu-west-1", "example.com", "bounce")
    found = warnings(world)

    assert 1 == len(found)
    assert "SES has probably removed the bounce topic of example.com" in found[0]
    assert cause in found[0]


def test_the_next_apply_repairs_a_topic_that_ses_removed(world: World) -> None:
    """Apply repairs the cause before it sets the topic again, so that SES does not remove it again."""
    world.identity("example.com")
    world.converge(SPECS)
    break_publishing(world, "policy")
    world.sandbox.send("111111111111", "eu-west-1", "example.com", "bounce")
    plan = world.converge(SPECS)

    assert ["topic_policy", "notification_topic", "feedback_forwarding"] == [c.address.type for c in plan.changes]
    assert [TOPIC] == world.sandbox.send("111111111111", "eu-west-1", "example.com", "bounce")


def test_a_topic_that_another_program_cleared_is_not_reported(world: World) -> None:
    """If forwarding is as declared, SES did not remove the topic."""
    specs = SPECS.replace("feedback_forwarding: false", "feedback_forwarding: true")
    world.identity("example.com")
    world.converge(specs)
    world.client("ses").set_identity_notification_topic(Identity="example.com", NotificationType="Bounce")

    assert [] == warnings(world, specs)


def test_a_topic_whose_headers_are_off_too_is_not_reported(world: World) -> None:
    """SES does not change header flags, so if they are off too, SES did not remove the topic."""
    specs = SPECS.replace("bounce: mailer/feedback", "bounce: {topic: mailer/feedback, headers: true}")
    world.identity("example.com")
    world.converge(specs)
    ses = world.client("ses")
    ses.set_identity_feedback_forwarding_enabled(Identity="example.com", ForwardingEnabled=True)
    ses.set_identity_headers_in_notifications_enabled(Identity="example.com", NotificationType="Bounce", Enabled=False)
    ses.set_identity_notification_topic(Identity="example.com", NotificationType="Bounce")

    assert warnings(world, specs) == []
