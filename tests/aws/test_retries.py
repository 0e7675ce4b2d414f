"""Answers of AWS that mean "not yet": they are retried where this run or a new principal can be the cause, and not otherwise."""

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


def test_a_topic_that_this_run_changed_is_tried_again(estate: World) -> None:
    """SES refuses a topic whose policy this run has just written, in another account; a moment later it accepts it."""
    estate.sandbox.fail("SetIdentityNotificationTopic", code="InvalidParameterValue", message=INVALID, times=3)
    estate.converge(SPECS)

    assert 4 == attempts(estate, "SetIdentityNotificationTopic")


def test_a_topic_that_this_run_did_not_change_is_not_tried_again(estate: World) -> None:
    """The refusal is final, and the hint names every cause: the topic, its region, its kind, its policy and its key."""
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
    """A change that AWS does not show for two minutes is not the cause."""
    estate.sandbox.fail("SetIdentityNotificationTopic", code="InvalidParameterValue", message=INVALID, times=999)
    begun = estate.clock.now()
    failed = the_failed(estate.apply(estate.plan(SPECS)))

    assert INVALID in failed.error
    assert retries.MAX_SPREADING <= estate.clock.now() - begun < retries.MAX_SPREADING + 30


def test_an_event_destination_waits_for_its_topic_too(estate: World) -> None:
    """SES cannot publish to a topic whose policy this run has just written; a moment later it can."""
    operation = "CreateConfigurationSetEventDestination"
    estate.sandbox.fail(operation, code="BadRequestException", message=COULD_NOT, times=2)
    estate.converge(SET)

    assert 3 == attempts(estate, operation)


@pytest.mark.parametrize(("tried", "principal"), [(3, ROLE), (1, ACCOUNT)])
def test_a_sending_policy_waits_for_a_new_role_only(estate: World, tried: int, principal: str) -> None:
    """A role may be too new for SES; an account is never new."""
    operation = "CreateEmailIdentityPolicy"
    estate.sandbox.fail(operation, code="BadRequestException", message=NO_PRINCIPAL, times=2)
    report = estate.apply(estate.plan(GRANT.replace("PRINCIPAL", principal)))

    assert (tried, tried == 3) == (attempts(estate, operation), report.ok)


@pytest.mark.parametrize(("tried", "principal"), [(3, ROLE), (1, ACCOUNT)])
def test_a_topic_policy_waits_for_a_new_role_only(estate: World, tried: int, principal: str) -> None:
    """A statement of others names a role that SNS may not show everywhere yet."""
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


def test_a_text_that_was_never_seen_on_aws_is_not_retried(estate: World) -> None:
    """Another text for the same operation is a refusal, also where this run changed the topic."""
    text = f"Could not publish to SNS topic {TOPIC}."
    estate.sandbox.fail("SetIdentityNotificationTopic", code="InvalidParameterValue", message=text, times=9)
    estate.apply(estate.plan(SPECS))

    assert 1 == attempts(estate, "SetIdentityNotificationTopic")
