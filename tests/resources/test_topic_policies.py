"""Whose statements a topic policy keeps, and in what order rights and routes come and go."""

from __future__ import annotations

import json

from sesform.planning.plan import Plan
from world import DELEGATE, World

TOPIC = "arn:aws:sns:eu-west-1:222222222222:feedback"
OWNER_SPEC = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
identities:
  example.com: {notifications: {bounce: %s, complaint: null}}
"""
DELEGATE_SPEC = """
kind: Delegate
name: mailer
account: "222222222222"
regions: [eu-west-1]
topics: {feedback: {}}
"""
BOTH = OWNER_SPEC % "mailer/feedback" + "---" + DELEGATE_SPEC
LEGACY = (
    DELEGATE_SPEC + "cross_account_notifications: {arn:aws:ses:eu-west-1:333333333333:identity/partner.example: %s}\n"
)


def sids(world: World) -> list[str]:
    attributes = world.client("sns", DELEGATE).get_topic_attributes(TopicArn=TOPIC)["Attributes"]
    return [s["Sid"] for s in json.loads(attributes["Policy"])["Statement"]]


def order(plan: Plan) -> list[str]:
    return [c.address.type for c in plan.changes]


def test_statements_of_specs_that_are_not_loaded_stay(world: World) -> None:
    """The delegate's spec alone says nothing of the owner's identities: their right to publish is not withdrawn."""
    world.identity("example.com")
    world.converge(BOTH)

    assert world.plan(DELEGATE_SPEC).changes == ()
    assert sids(world) == ["__default_statement_ID", "SesformPublish111111111111"]


def test_what_a_loaded_spec_no_longer_routes_is_withdrawn(world: World) -> None:
    """With both specs loaded, an identity that no longer uses the topic is no longer allowed."""
    world.identity("example.com")
    world.converge(BOTH)
    world.converge(OWNER_SPEC % "null" + "---" + DELEGATE_SPEC)

    assert sids(world) == ["__default_statement_ID"]


def test_the_statement_for_a_legacy_entry_goes_with_the_entry(world: World) -> None:
    """The owner's account of a legacy entry is in no spec; its statement is the delegate's own, and is withdrawn with the entry."""
    world.identity("partner.example", account="333333333333")
    world.converge(LEGACY % "{bounce: feedback}")
    before = sids(world)
    world.converge(LEGACY % "absent")

    assert before == [
        "__default_statement_ID",
        "SesformPublish222222222222",
        "SesformPublish222222222222For333333333333",
    ]
    assert sids(world) == ["__default_statement_ID"]


def test_statements_of_others_stay_byte_for_byte(world: World) -> None:
    """A statement of another program stays before, during and after, as it was written."""
    foreign = {"Sid": "theirs", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::444444444444:root"}}
    foreign |= {"Action": ["SNS:Subscribe"], "Resource": TOPIC}
    sns = world.client("sns", DELEGATE)
    sns.create_topic(Name="feedback")
    document = json.loads(sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Policy"])
    document["Statement"].append(foreign)
    sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="Policy", AttributeValue=json.dumps(document))
    world.identity("example.com")
    world.converge(BOTH)
    world.converge(OWNER_SPEC % "null" + "---" + DELEGATE_SPEC)
    held = json.loads(sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Policy"])["Statement"]

    assert foreign in held
    assert sids(world) == ["__default_statement_ID", "theirs"]


def test_delegates_may_send_only_after_feedback_has_a_route(world: World) -> None:
    """A sending policy waits for the identity's routes, and is withdrawn before they go."""
    world.identity("example.com")
    grants = "  example.com: {authorize: {mailer: %s}, notifications: {bounce: %s, complaint: null}}"
    specs = BOTH.replace("  example.com: {notifications: {bounce: mailer/feedback, complaint: null}}", grants)
    made = world.converge(specs % ("{}", "mailer/feedback"))
    position = order(made).index("sending_policy")

    assert order(made).index("notification_topic") in made.changes[position].depends_on

    gone = world.converge(specs % ("absent", "null"))

    assert order(gone).index("sending_policy") in gone.changes[order(gone).index("notification_topic")].depends_on


def test_an_unmanaged_policy_is_neither_widened_nor_narrowed(world: World) -> None:
    """sesform's statements stay when the policy becomes unmanaged, and none is added."""
    world.identity("example.com", "b.example")
    world.converge(BOTH)
    unmanaged = BOTH.replace("{feedback: {}}", "{feedback: {policy: unmanaged}}")
    nobody = unmanaged.replace("mailer/feedback", "null")

    assert () == world.plan(unmanaged).changes

    world.converge(nobody)

    assert sids(world) == ["__default_statement_ID", "SesformPublish111111111111"]
