"""sesform routes: the routes of events to receivers, and gaps."""

from __future__ import annotations

import json

from shell import SPECS, Shell

FEEDBACK = "arn:aws:sns:eu-west-1:222222222222:feedback"
QUEUE = "arn:aws:sqs:eu-west-1:222222222222:q"
SUBSCRIBED = f"{{feedback: {{subscriptions: [{{protocol: sqs, endpoint: '{QUEUE}'}}]}}}}"
WHOLE = SPECS.replace("{feedback: {}}", SUBSCRIBED).replace(
    "      complaint: mailer/feedback\n", "      complaint: mailer/feedback\n    feedback_forwarding: false\n"
)


def gaps(shell: Shell) -> list[str]:
    document = json.loads(shell.run("routes", "--sandbox", "--format", "json").out)
    return [f"{g['kind']} {g['name']} {g['event']}: {g['text']}" for g in document["gaps"]]


def test_no_gap_exits_0(shell: Shell) -> None:
    """Every identity and set has a route, the topic has a subscription, and nothing is received twice."""
    shell.specs(WHOLE)
    shell.run("apply", "--sandbox", "--auto-approve")
    result = shell.run("routes", "--sandbox")

    assert (0, "No gaps.") == (result.code, result.out.splitlines()[-1])
    assert "identity example.com in 111111111111/eu-west-1" in result.out
    assert f"topic arn:aws:sns:eu-west-1:222222222222:feedback -> sqs {QUEUE}" in result.out


def test_a_topic_without_subscription_is_a_gap(shell: Shell) -> None:
    """Exit 2, and the topic is named for identity and set."""
    shell.specs(WHOLE.replace(SUBSCRIBED, "{feedback: {}}"))
    shell.run("apply", "--sandbox", "--auto-approve", "--allow-dark")
    way = f"topic {FEEDBACK}: it has no subscription"

    assert 2 == shell.run("routes", "--sandbox").code
    assert [f"identity example.com bounce: not received by {way}"] == [g for g in gaps(shell) if "example.com b" in g]
    assert f"configuration set main bounce: not received by destination feedback: {way}" in gaps(shell)


def test_a_pending_subscription_is_a_gap(shell: Shell) -> None:
    """A pending e-mail subscription receives nothing."""
    shell.specs(WHOLE.replace("protocol: sqs", "protocol: email").replace(QUEUE, "ops@example.com"))
    shell.run("apply", "--sandbox", "--auto-approve", "--allow-dark")
    text = f"identity example.com bounce: not received by topic {FEEDBACK}: it has no confirmed subscription"

    assert text in gaps(shell)


def test_forwarding_beside_topics_is_double_notices(shell: Shell) -> None:
    """A topic and mail both get each bounce."""
    shell.specs(WHOLE.replace("feedback_forwarding: false", "feedback_forwarding: true"))
    shell.run("apply", "--sandbox", "--auto-approve")

    assert ["bounce", "complaint"] == [g.split(": ")[0].split()[-1] for g in gaps(shell) if "duplicate notices" in g]


def test_an_identity_without_a_route_is_a_gap(shell: Shell) -> None:
    """Without topic, default set and forwarding, bounces have no receiver."""
    shell.specs(WHOLE)
    shell.run("apply", "--sandbox", "--auto-approve")
    v2 = shell.sandbox.session("111111111111", "eu-west-1").client("sesv2")
    v2.create_email_identity(EmailIdentity="dark.example.com")
    v2.put_email_identity_feedback_attributes(EmailIdentity="dark.example.com", EmailForwardingEnabled=False)
    shell.specs(
        WHOLE.replace("identities:\n", "identities:\n  dark.example.com: {notifications: {delivery: unmanaged}}\n")
    )

    assert ["identity dark.example.com bounce: no route", "identity dark.example.com complaint: no route"] == [
        g for g in gaps(shell) if "no route" in g
    ]


def test_a_default_set_that_no_spec_declares_counts(shell: Shell) -> None:
    """Identities that seem dark are asked for their default configuration set before that is called a gap."""
    test_an_identity_without_a_route_is_a_gap(shell)
    sesv2 = shell.sandbox.session("111111111111", "eu-west-1").client("sesv2")
    sesv2.create_configuration_set(ConfigurationSetName="own")
    sesv2.create_configuration_set_event_destination(
        ConfigurationSetName="own",
        EventDestinationName="bus",
        EventDestination={
            "Enabled": True,
            "MatchingEventTypes": ["BOUNCE", "COMPLAINT"],
            "EventBridgeDestination": {"EventBusArn": "arn:aws:events:eu-west-1:111111111111:event-bus/default"},
        },
    )
    sesv2.put_email_identity_configuration_set_attributes(EmailIdentity="dark.example.com", ConfigurationSetName="own")

    assert [] == [g for g in gaps(shell) if "no route" in g]


def test_a_destination_without_effect_is_a_gap(shell: Shell) -> None:
    """A destination whose topic is gone loses every event silently."""
    shell.specs(WHOLE)
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.sandbox.session("222222222222", "eu-west-1").client("sns").delete_topic(
        TopicArn="arn:aws:sns:eu-west-1:222222222222:feedback"
    )

    assert [
        g for g in gaps(shell) if g.startswith("configuration set main bounce: ") and "the topic does not exist" in g
    ]


def test_the_matrix_as_markdown(shell: Shell) -> None:
    """A table with a row an identity or set, safe against names with Markdown in them."""
    shell.specs(WHOLE)
    shell.run("apply", "--sandbox", "--auto-approve")
    lines = shell.run("routes", "--sandbox", "--format", "markdown").out.splitlines()

    assert "| identity or set | bounce | complaint | delivery |" == lines[0]
    assert lines[2].startswith("| identity example.com in 111111111111/eu-west-1 | topic arn:aws:sns:")


def test_a_set_for_metrics_alone_is_no_gap(shell: Shell) -> None:
    """A configuration set need not carry bounces: who gets those is the identity's business."""
    shell.specs(WHOLE.replace("events: [bounce, complaint], sns: feedback", "events: [open], eventbridge: default"))
    shell.run("apply", "--sandbox", "--auto-approve")

    assert gaps(shell) == []
