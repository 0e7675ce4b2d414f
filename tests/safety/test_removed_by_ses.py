"""If SES removes a topic from an identity, drift reports it with the reason."""

from __future__ import annotations

import json
from typing import Literal

import pytest

from sesform.errors import Problem
from world import DELEGATE, OWNER, World

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


def problems(world: World, specs: str = SPECS) -> list[Problem]:
    """Return the same warnings with all their fields."""
    return [p for p in world.drift(specs).diagnostics if "SES has probably removed" in p.summary]


def publish(world: World, *types: Literal["bounce", "complaint"]) -> None:
    for type_ in types:
        world.sandbox.send(OWNER, "eu-west-1", "example.com", type_)


def remove_as_ses(world: World, *types: str) -> None:
    """Leave an identity as SES does after a failed notification: without the topics, and with forwarding on."""
    ses = world.client("ses")
    ses.set_identity_feedback_forwarding_enabled(Identity="example.com", ForwardingEnabled=True)
    for type_ in types:
        ses.set_identity_notification_topic(Identity="example.com", NotificationType=type_)


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


@pytest.mark.parametrize(
    ("how", "hint"),
    [
        ("gone", "repair the topic first: the topic does not exist"),
        ("policy", "repair the topic first: its policy did not allow SES to publish"),
        ("repaired", "the topic has no known fault now; check its policy and its KMS key"),
        ("renamed", "the topic has no known fault now; check its policy and its KMS key"),
    ],
)
def test_the_warning_has_its_place_and_says_what_to_do(world: World, how: str, hint: str) -> None:
    """One warning for each topic, at the line that declares it, with the fault of the topic if one is known."""
    world.identity("example.com")
    world.converge(SPECS)
    if how in ("gone", "policy"):
        break_publishing(world, how)
        publish(world, "bounce", "complaint")
    else:
        remove_as_ses(world, "Bounce", "Complaint")
    if how == "renamed":  # a change of the topic that is no fault
        world.client("sns", DELEGATE).set_topic_attributes(
            TopicArn=TOPIC, AttributeName="DisplayName", AttributeValue="x"
        )
    specs = SPECS.replace("{feedback: {}}", "{feedback: {display_name: SES}}") if how == "renamed" else SPECS

    assert problems(world, specs) == [
        Problem(
            f"SES has probably removed the {type_} topic of example.com because publishing to it failed",
            f"corp/eu-west-1/notification_topic/example.com/{type_}",
            str(world.folder / "specs.yaml"),
            8,
            column,
            hint,
            "warning",
        )
        for type_, column in (("bounce", 21), ("complaint", 46))
    ]


def test_the_warning_names_the_fault_of_a_topic_that_is_not_managed(world: World) -> None:
    """The policy of a topic that is managed elsewhere does not change with the plan; what it refuses now is the cause."""
    specs = SPECS.replace("{feedback: {}}", "{feedback: {policy: unmanaged}}")
    identity = f"arn:aws:ses:eu-west-1:{OWNER}:identity/example.com"
    world.identity("example.com")
    world.converge(SPECS)
    break_publishing(world, "policy")
    publish(world, "bounce")

    assert [f"repair the topic first: its policy does not allow SES to publish for {identity}"] == [
        p.hint for p in problems(world, specs)
    ]


def test_the_warning_names_no_fault_of_a_topic_that_cannot_be_read(world: World) -> None:
    """Whether SES may publish to a topic of an account without spec is not known."""
    specs = SPECS.partition("---")[0].replace("mailer/feedback", f"'{TOPIC}'")
    world.identity("example.com")
    world.converge(SPECS)
    remove_as_ses(world, "Bounce")

    assert ["the topic has no known fault now; check its policy and its KMS key"] == [
        p.hint for p in problems(world, specs)
    ]


ROOT = {"Effect": "Allow", "Principal": {"AWS": DELEGATE}, "Action": "kms:*", "Resource": "*"}
SES = {"Effect": "Allow", "Principal": {"Service": "ses.amazonaws.com"}, "Action": "kms:*", "Resource": "*"}
UNTOLD = {**SES, "Condition": {"StringLike": {"kms:ViaService": "sns.*"}}}
KEY = f"arn:aws:kms:eu-west-1:{DELEGATE}:alias/k"


@pytest.mark.parametrize(
    ("hint", "statement"),
    [
        (
            f"repair the topic first: the policy of the KMS key {KEY} does not allow ses.amazonaws.com to use "
            "kms:GenerateDataKey and kms:Decrypt",
            None,
        ),
        ("repair the topic first: the policy of its KMS key alias/k may not allow SES to use it", UNTOLD),
        ("the topic has no known fault now; check its policy and its KMS key", SES),
    ],
)
def test_the_warning_names_the_key_that_ses_cannot_use(
    world: World, hint: str, statement: dict[str, object] | None
) -> None:
    """A key that refuses SES, or whose conditions only KMS can evaluate, is the cause; a key that SES can use is not."""
    specs = SPECS.replace("{feedback: {}}", "{feedback: {kms_key: alias/k}}")
    kms = world.client("kms", DELEGATE)
    id_ = kms.create_key(Policy=json.dumps({"Statement": [ROOT, SES]}))["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/k", TargetKeyId=id_)
    world.identity("example.com")
    world.converge(specs)
    kms.put_key_policy(KeyId=id_, Policy=json.dumps({"Statement": [ROOT, *([statement] if statement else [])]}))
    remove_as_ses(world, "Bounce")

    assert [hint] == [p.hint for p in problems(world, specs)]


def test_only_missing_topics_of_the_identity_with_forwarding_on_are_reported(world: World) -> None:
    """Another identity of which only the topic is missing, a topic that was changed, and a delivery topic are not reported."""
    other = "  other.com: {notifications: {bounce: mailer/feedback}, feedback_forwarding: true}\n"
    specs = SPECS.replace("complaint: mailer/feedback", "complaint: mailer/feedback, delivery: mailer/feedback")
    specs = specs.replace("---\n", other + "---\n")
    world.identity("example.com", "other.com")
    world.converge(specs)
    sns = world.client("sns", DELEGATE)
    policy = sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Policy"].replace(":feedback", ":another")
    another = sns.create_topic(Name="another", Attributes={"Policy": policy})["TopicArn"]
    remove_as_ses(world, "Complaint", "Delivery")
    ses = world.client("ses")
    ses.set_identity_notification_topic(Identity="example.com", NotificationType="Bounce", SnsTopic=another)
    ses.set_identity_notification_topic(Identity="other.com", NotificationType="Bounce")

    assert ["corp/eu-west-1/notification_topic/example.com/complaint"] == [p.path for p in problems(world, specs)]


def test_forwarding_that_another_program_turned_off_is_not_reported(world: World) -> None:
    """SES turns forwarding on when it removes a topic, so forwarding that is off was changed by another program."""
    specs = SPECS.replace("feedback_forwarding: false", "feedback_forwarding: true")
    sets = (
        "configuration_sets: {s: {event_destinations: {d: {events: [bounce, complaint], eventbridge: default}}}}\n"
        "identities:\n  example.com:\n    default_configuration_set: s\n"
    )
    specs = specs.replace("identities:\n  example.com:\n", sets)
    world.identity("example.com")
    world.converge(specs)
    world.client("ses").set_identity_notification_topic(Identity="example.com", NotificationType="Bounce")
    world.client("sesv2").put_email_identity_feedback_attributes(
        EmailIdentity="example.com", EmailForwardingEnabled=False
    )

    assert problems(world, specs) == []


def test_header_flags_of_another_type_or_identity_do_not_hide_a_removed_topic(world: World) -> None:
    """A header flag that is off is a sign of another program for its own type of its own identity only."""
    specs = SPECS.replace("complaint: mailer/feedback", "complaint: {topic: mailer/feedback, headers: true}")
    other = "  other.com: {notifications: {bounce: {topic: mailer/feedback, headers: true}}}\n---\n"
    specs = specs.replace("---\n", other)
    world.identity("example.com", "other.com")
    world.converge(specs)
    ses = world.client("ses")
    for identity, type_ in (("example.com", "Complaint"), ("other.com", "Bounce")):
        ses.set_identity_headers_in_notifications_enabled(Identity=identity, NotificationType=type_, Enabled=False)
    remove_as_ses(world, "Bounce", "Complaint")

    assert ["corp/eu-west-1/notification_topic/example.com/bounce"] == [p.path for p in problems(world, specs)]
