"""Refusals that an eventually consistent change can cause are retried; other refusals are not."""

from __future__ import annotations

import json

import pytest

from sesform.aws import retries
from sesform.planning.plan import Outcome, Report
from world import DELEGATE, OWNER, World

TOPIC = f"arn:aws:sns:eu-west-1:{DELEGATE}:fb"
INVALID = f"SNS topic {TOPIC} is invalid."
NOT_FOUND = "Invalid parameter: Policy Error: PrincipalNotFound"
NO_PRINCIPAL = "Policy contains an invalid principal."
COULD_NOT = f"Could not publish message to SNS topic <{TOPIC}>."
SPECS = f"""
kind: Owner
name: corp
account: "{OWNER}"
regions: [eu-west-1]
identities:
  example.com: {{notifications: {{bounce: mailer/fb}}}}
---
kind: Delegate
name: mailer
account: "{DELEGATE}"
regions: [eu-west-1]
topics: {{fb: {{}}}}
"""
SET = SPECS + "configuration_sets: {main: {event_destinations: {x: {events: [bounce], sns: fb}}}}\n"
GRANT = f"""
kind: Owner
name: corp
account: "{OWNER}"
regions: [eu-west-1]
identities:
  example.com:
    policies:
      partner:
        Statement:
          - Effect: Allow
            Principal: {{AWS: "PRINCIPAL"}}
            Action: "ses:SendEmail"
            Resource: "arn:aws:ses:eu-west-1:{OWNER}:identity/example.com"
"""
ROLE, ACCOUNT = "arn:aws:iam::333333333333:role/mailer", "arn:aws:iam::333333333333:root"


@pytest.fixture
def estate(world: World) -> World:
    world.identity("example.com")
    return world


def the_failed(report: Report) -> Outcome:
    (failed,) = [o for o in report.outcomes if o.result == "failed"]
    return failed


def attempts(world: World, operation: str) -> int:
    return sum(c.operation == operation for c in world.sandbox.calls)


def test_a_topic_that_this_run_changed_is_retried(estate: World) -> None:
    """A topic that SES refuses is retried if this run has just written its policy."""
    estate.sandbox.fail("SetIdentityNotificationTopic", code="InvalidParameterValue", message=INVALID, times=3)
    estate.converge(SPECS)

    assert 4 == attempts(estate, "SetIdentityNotificationTopic")


def test_a_topic_that_this_run_did_not_change_is_not_retried(estate: World) -> None:
    """The error names each possible cause: the topic, its region, its kind, its policy and its key."""
    estate.converge(SPECS)
    estate.client("ses").set_identity_notification_topic(Identity="example.com", NotificationType="Bounce")
    estate.sandbox.calls.clear()
    estate.clock.time += retries.MAX_SPREADING
    estate.sandbox.fail("SetIdentityNotificationTopic", code="InvalidParameterValue", message=INVALID, times=9)
    failed = the_failed(estate.apply(estate.plan(SPECS)))

    assert 1 == attempts(estate, "SetIdentityNotificationTopic")
    for cause in ("exists", "same region", "FIFO", "its policy allows", "KMS key"):
        assert cause in failed.error


def test_a_topic_that_stays_invalid_fails_after_two_minutes(estate: World) -> None:
    """A topic that SES refuses for two minutes after its change is an error."""
    estate.sandbox.fail("SetIdentityNotificationTopic", code="InvalidParameterValue", message=INVALID, times=999)
    begun = estate.clock.now()
    failed = the_failed(estate.apply(estate.plan(SPECS)))

    assert INVALID in failed.error
    assert retries.MAX_SPREADING <= estate.clock.now() - begun < retries.MAX_SPREADING + 30


def test_an_event_destination_is_retried_after_a_change_of_its_topic(estate: World) -> None:
    """An event destination is retried if this run has just written the policy of its topic."""
    operation = "CreateConfigurationSetEventDestination"
    estate.sandbox.fail(operation, code="BadRequestException", message=COULD_NOT, times=2)
    estate.converge(SET)

    assert 3 == attempts(estate, operation)


@pytest.mark.parametrize(("tried", "principal"), [(3, ROLE), (1, ACCOUNT)])
def test_a_sending_policy_is_retried_for_roles_only(estate: World, tried: int, principal: str) -> None:
    """A refused principal is retried if it is a role, which can be new, and not if it is an account."""
    operation = "CreateEmailIdentityPolicy"
    estate.sandbox.fail(operation, code="BadRequestException", message=NO_PRINCIPAL, times=2)
    report = estate.apply(estate.plan(GRANT.replace("PRINCIPAL", principal)))

    assert (tried, tried == 3) == (attempts(estate, operation), report.ok)


@pytest.mark.parametrize(("tried", "principal"), [(3, ROLE), (1, ACCOUNT)])
def test_a_topic_policy_is_retried_for_roles_only(estate: World, tried: int, principal: str) -> None:
    """A refused principal of another statement is retried if it is a role, and not if it is an account."""
    sns = estate.client("sns", DELEGATE)
    sns.create_topic(Name="fb")
    statement = {
        "Sid": "Theirs",
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": "SNS:Publish",
        "Resource": TOPIC,
    }
    policy = json.dumps({"Version": "2008-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="Policy", AttributeValue=policy)
    plan = estate.plan(SPECS)
    estate.sandbox.calls.clear()
    estate.sandbox.fail("SetTopicAttributes", code="InvalidParameter", message=NOT_FOUND, times=2)
    report = estate.apply(plan)

    assert (tried, tried == 3) == (attempts(estate, "SetTopicAttributes"), report.ok)


def test_an_unknown_message_is_not_retried(estate: World) -> None:
    """An unknown message for the same operation is not retried, even if this run changed the topic."""
    text = f"Could not publish to SNS topic {TOPIC}."
    estate.sandbox.fail("SetIdentityNotificationTopic", code="InvalidParameterValue", message=text, times=9)
    estate.apply(estate.plan(SPECS))

    assert 1 == attempts(estate, "SetIdentityNotificationTopic")
