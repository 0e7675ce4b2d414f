"""A route counts only if the event has a receiver: in routes, the guard, the order of a plan, and drift."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shell import Shell

OWNER, REGION = "111111111111", "eu-west-1"
HEAD = f"""\
kind: Owner
name: corp
account: "{OWNER}"
regions: [{REGION}]
"""
QUEUE = f'[{{protocol: sqs, endpoint: "arn:aws:sqs:{REGION}:{OWNER}:q"}}]'


def arn(topic: str) -> str:
    return f"arn:aws:sns:{REGION}:{OWNER}:{topic}"


def client(shell: Shell, service: str) -> Any:
    return shell.sandbox.session(OWNER, REGION).client(service)  # type: ignore[call-overload]


def steps(shell: Shell, *options: str) -> list[tuple[str, str]]:
    """(action, address) of each step that apply would make, in order."""
    document = json.loads(shell.run("plan", "--sandbox", "--format", "json", *options).out)
    return [(step["action"], step["address"].removeprefix("corp/eu-west-1/")) for step in document["sesform"]["steps"]]


# --- a policy that allows SES something else (aws/aws-cdk#32501) -------------------------------------------------------

FOR_A_SET = {
    "Effect": "Allow",
    "Principal": {"Service": "ses.amazonaws.com"},
    "Action": "sns:Publish",
    "Resource": arn("cdk"),
    "Condition": {
        "StringEquals": {
            "AWS:SourceAccount": OWNER,
            "AWS:SourceArn": f"arn:aws:ses:{REGION}:{OWNER}:configuration-set/Stack-Set",
        }
    },
}
CDK = HEAD + (
    "topics: {cdk: {policy: unmanaged}}\n"
    "identities:\n"
    "  r1.example.com: {notifications: {bounce: cdk, complaint: cdk}, feedback_forwarding: false}\n"
)


@pytest.fixture
def closed(shell: Shell) -> Shell:
    """An identity whose topic has a policy for a configuration set only, and a confirmed subscription."""
    shell.specs(CDK.replace("{policy: unmanaged}", f"{{subscriptions: {QUEUE}}}"))
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    policy = json.dumps({"Version": "2012-10-17", "Statement": [FOR_A_SET]})
    client(shell, "sns").set_topic_attributes(TopicArn=arn("cdk"), AttributeName="Policy", AttributeValue=policy)
    shell.specs(CDK)
    return shell


def test_a_policy_for_another_publisher_is_a_gap(closed: Shell) -> None:
    """Routes names the identity that the policy does not allow, and exits with 2."""
    result = closed.run("routes", "--sandbox")

    assert 2 == result.code
    assert (
        f"not received: its policy does not allow SES to publish for arn:aws:ses:{REGION}:{OWNER}:identity/r1"
        in result.out
    )


def test_drift_exits_2_while_bounces_have_no_receiver(closed: Shell) -> None:
    """SES will remove the topic at the next bounce, so an alarm is due before that."""
    result = closed.run("drift", "--sandbox")

    assert 2 == result.code
    assert "bounces and complaints of identity r1.example.com have no receiver" in result.err


# --- forwarding off while no topic has a receiver (knadh/listmonk#1668) ------------------------------------------------

DEAF = HEAD + (
    "topics:\n"
    "  pend: {subscriptions: [{protocol: email, endpoint: ops@example.com}]}\n"
    "  empty: {}\n"
    "identities:\n"
    "  p1.example.com: {notifications: {bounce: pend, complaint: pend}, feedback_forwarding: false}\n"
    "  p2.example.com: {notifications: {bounce: empty, complaint: empty}, feedback_forwarding: false}\n"
)


def test_forwarding_goes_off_only_while_a_topic_has_a_receiver(shell: Shell) -> None:
    """Pending subscriptions and none at all are refused, each with its reason and the flag; nothing is written."""
    shell.specs(DEAF)
    result = shell.run("apply", "--sandbox", "--auto-approve")

    assert 1 == result.code
    for name, reason in (("p1", "it has no confirmed subscription"), ("p2", "it has no subscription")):
        (line,) = [line for line in result.err.splitlines() if f"identity {name}.example.com" in line]
        assert reason in line
        assert "--allow-dark" in line
    assert [] == [c for c in shell.sandbox.calls if c.operation.startswith(("Create", "Set", "Subscribe"))]


def test_allow_dark_turns_forwarding_off_all_the_same(shell: Shell) -> None:
    """Forwarding goes off after both topics are set, as SES requires; routes tells the gaps."""
    shell.specs(DEAF)

    assert 0 == shell.run("apply", "--sandbox", "--auto-approve", "--allow-dark").code
    assert 2 == shell.run("routes", "--sandbox").code


def test_a_confirmed_subscription_allows_forwarding_off(shell: Shell) -> None:
    """One confirmed subscription without filter is enough."""
    shell.specs(
        DEAF.replace("[{protocol: email, endpoint: ops@example.com}]", QUEUE).replace(
            "empty: {}", f"empty: {{subscriptions: {QUEUE}}}"
        )
    )

    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    assert ["No gaps."] == shell.run("routes", "--sandbox").out.splitlines()[-1:]


@pytest.mark.parametrize(
    ("refused", "settings"),
    [
        (True, "filter_policy: {tenant: [a]}"),
        (False, "filter_policy: {tenant: [{exists: false}]}"),
        (True, "filter_policy_scope: MessageBody, filter_policy: {eventType: [Bounce, Complaint]}"),
        (False, "filter_policy_scope: MessageBody, filter_policy: {notificationType: [Bounce, Complaint]}"),
        (True, "filter_policy_scope: MessageBody, filter_policy: {notificationType: [Delivery]}"),
        (True, "filter_policy_scope: MessageBody, filter_policy: {notificationType: [Bounce]}"),
    ],
)
def test_a_filter_policy_decides_by_the_payload_of_the_event(shell: Shell, refused: bool, settings: str) -> None:
    """SES sets no message attributes, and identities and event destinations publish different bodies."""
    filtered = QUEUE.replace("}]", f", {settings}}}]")
    shell.specs(
        DEAF.replace("empty: {}", f"empty: {{subscriptions: {filtered}}}").replace(
            "  p1.example.com", "  # p1.example.com"
        )
    )

    assert refused == ("--allow-dark" in shell.run("plan", "--sandbox").err)


# --- a destination that narrows its events and changes its topic -------------------------------------------------------

SET = "configuration_sets: {main: {event_destinations: {%s}}}\nidentities: {example.com: {default_configuration_set: main}}\n"
FIREHOSE = (
    f'firehose: {{stream: "arn:aws:firehose:{REGION}:{OWNER}:deliverystream/s", role: "arn:aws:iam::{OWNER}:role/r"}}'
)


@pytest.mark.parametrize("old", ["{}", f"{{subscriptions: {QUEUE}}}"])
def test_a_destination_without_receiver_is_not_relied_on(shell: Shell, old: str) -> None:
    """The destination that gets a receiver is updated before the one that has one is deleted."""
    topics = f"topics: {{old: {old}, new: {{subscriptions: {QUEUE}}}}}\n"
    before = f"feedback: {{events: [bounce, complaint, delivery], sns: old}}, audit: {{events: [bounce, complaint], {FIREHOSE}}}"
    shell.specs(HEAD + topics + SET % before)
    shell.run("apply", "--sandbox", "--auto-approve", "--allow-dark")
    client(shell, "sesv2").put_email_identity_feedback_attributes(
        EmailIdentity="example.com", EmailForwardingEnabled=False
    )
    if old != "{}":
        client(shell, "sns").delete_topic(TopicArn=arn("old"))
    shell.specs(HEAD + topics.replace("old", "unused") + SET % "feedback: {events: [bounce, complaint], sns: new}")
    found = steps(shell)

    update, delete = ("update", "event_destination/main/feedback"), ("delete", "event_destination/main/audit")
    assert found.index(update) < found.index(delete)


# --- an identity that moves to a topic without receiver ----------------------------------------------------------------


def test_an_identity_gets_its_new_default_set_before_it_moves_to_a_topic_without_receiver(shell: Shell) -> None:
    """The set carries bounces and complaints before the topic no longer does."""
    topics = f"topics: {{heard: {{subscriptions: {QUEUE}}}, deaf: {{}}}}\n"
    identity = "identities: {example.com: {notifications: {bounce: %s, complaint: %s}, feedback_forwarding: false%s}}\n"
    shell.specs(HEAD + topics + identity % ("heard", "heard", ""))
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    sets = (
        "configuration_sets: {main: {event_destinations: {bus: {events: [bounce, complaint], eventbridge: default}}}}\n"
    )
    shell.specs(HEAD + topics + sets + identity % ("deaf", "deaf", ", default_configuration_set: main"))
    found = steps(shell)

    default = found.index(("create", "default_configuration_set/example.com"))
    moves = [found.index(("update", f"notification_topic/example.com/{type_}")) for type_ in ("bounce", "complaint")]
    assert default < min(moves)
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code


BODY = "filter_policy: {notificationType: [Bounce, Complaint]}"


@pytest.mark.parametrize(
    ("heard", "deaf"),
    [
        ("", "filter_policy: {store: [x]}"),
        (f"{BODY}, filter_policy_scope: MessageBody", f"{BODY}, filter_policy_scope: MessageAttributes"),
    ],
    ids=["filter", "scope"],
)
def test_an_identity_gets_its_new_default_set_before_a_filter_takes_its_receiver(
    shell: Shell, heard: str, deaf: str
) -> None:
    """A filter or its scope can end the reception of a topic that the identity keeps."""
    topics = "topics: {t: {subscriptions: %s}}\n"
    identity = "identities: {example.com: {notifications: {bounce: t, complaint: t}, feedback_forwarding: false%s}}\n"
    shell.specs(HEAD + topics % QUEUE.replace("}]", f", {heard}}}]") + identity % "")
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    sets = (
        "configuration_sets: {main: {event_destinations: {bus: {events: [bounce, complaint], eventbridge: default}}}}\n"
    )
    filtered = topics % QUEUE.replace("}]", f", {deaf}}}]")
    shell.specs(HEAD + filtered + sets + identity % ", default_configuration_set: main")
    found = steps(shell)
    (update,) = [step for step in found if step[1].startswith("subscription/")]

    assert "update" == update[0]
    assert found.index(("create", "default_configuration_set/example.com")) < found.index(update)


def test_a_default_set_that_no_spec_declares_is_read_before_an_identity_counts_as_dark(shell: Shell) -> None:
    """The undeclared set carries bounces, so the move to a topic without receiver is not refused."""
    topics = f"topics: {{heard: {{subscriptions: {QUEUE}}}, deaf: {{}}}}\n"
    identity = "identities: {example.com: {notifications: {bounce: %s, complaint: %s}, feedback_forwarding: false}}\n"
    shell.specs(HEAD + topics + identity % ("heard", "heard"))
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.specs(HEAD + topics + identity % ("deaf", "deaf"))
    assert "--allow-dark" in shell.run("plan", "--sandbox").err
    sesv2 = client(shell, "sesv2")
    sesv2.create_configuration_set(ConfigurationSetName="own")
    target = {"EventBridgeDestination": {"EventBusArn": f"arn:aws:events:{REGION}:{OWNER}:event-bus/default"}}
    definition = {"Enabled": True, "MatchingEventTypes": ["BOUNCE", "COMPLAINT"], **target}
    sesv2.create_configuration_set_event_destination(
        ConfigurationSetName="own", EventDestinationName="bus", EventDestination=definition
    )
    sesv2.put_email_identity_configuration_set_attributes(EmailIdentity="example.com", ConfigurationSetName="own")
    result = shell.run("plan", "--sandbox")

    assert (0, False) == (result.code, "--allow-dark" in result.err)


# --- forwarding off with event publishing only (hashicorp/terraform-provider-aws#4182) ---------------------------------

PUBLISHING = HEAD + (
    f"topics: {{ses-events: {{subscriptions: {QUEUE}}}}}\n"
    "configuration_sets:\n"
    "  transactional: {event_destinations: {sns: {events: [bounce, complaint], sns: ses-events}}}\n"
    "identities: {example.com: {feedback_forwarding: false, default_configuration_set: transactional}}\n"
)


def test_forwarding_goes_off_where_the_default_set_carries_bounces_and_complaints(shell: Shell) -> None:
    """Valid, planned after the set is the default, set by the v2 call, without gaps, and in sync after that."""
    shell.specs(PUBLISHING)
    assert 0 == shell.run("validate").code
    found = steps(shell)
    off = ("update", "feedback_forwarding/example.com")
    assert found.index(("create", "default_configuration_set/example.com")) < found.index(off)

    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    assert not client(shell, "sesv2").get_email_identity(EmailIdentity="example.com")["FeedbackForwardingStatus"]
    assert 0 == shell.run("routes", "--sandbox").code
    assert (0, "") == (shell.run("drift", "--sandbox", "-q").code, shell.run("drift", "--sandbox", "-q").err)


@pytest.mark.parametrize(
    ("old", "new"),
    [("events: [bounce, complaint]", "events: [bounce]"), ("sns: ses-events}", "sns: ses-events, enabled: false}")],
)
def test_forwarding_stays_on_where_the_default_set_carries_less(shell: Shell, old: str, new: str) -> None:
    """A missing event or a disabled destination is an error of the plan; nothing is written."""
    shell.specs(PUBLISHING.replace(old, new))
    result = shell.run("apply", "--sandbox", "--auto-approve")

    assert 1 == result.code
    assert "would have e-mail forwarding off and no topic for" in result.err
    assert client(shell, "sesv2").get_email_identity(EmailIdentity="example.com")["FeedbackForwardingStatus"]


def test_import_declares_forwarding_off_with_event_publishing_only(shell: Shell) -> None:
    """Such a state is imported as it is, and a plan on the specs is empty."""
    shell.specs(PUBLISHING)
    shell.run("apply", "--sandbox", "--auto-approve")
    result = shell.run("import", "--sandbox", "--account", OWNER, "--region", REGION)

    assert 0 == result.code
    assert "feedback_forwarding: false" in result.out


# --- import ------------------------------------------------------------------------------------------------------------


def test_import_names_identities_whose_bounces_have_no_receiver(closed: Shell) -> None:
    """The specs are written as AWS is, and a warning says that SES will remove the topic at the next bounce."""
    result = closed.run("import", "--sandbox", "--account", OWNER, "--region", REGION)

    assert 0 == result.code
    assert "bounces and complaints of identity r1.example.com have no receiver: " in result.err
    assert "its policy does not allow SES to publish for" in result.err


def test_import_lists_identities_that_shadow_another_one(shell: Shell) -> None:
    """A verified address under an imported domain that has no settings to import is a warning."""
    shell.specs(
        HEAD
        + f"topics: {{t: {{subscriptions: {QUEUE}}}}}\nidentities: {{example.com: {{notifications: {{bounce: t}}}}}}\n"
    )
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    shell.sandbox.declare_identity(OWNER, REGION, "noreply@example.com")
    result = shell.run("import", "--sandbox", "--account", OWNER, "--region", REGION)

    assert 0 == result.code
    assert "noreply@example.com" in result.out + result.err
