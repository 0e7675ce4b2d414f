"""Verify on the sandbox: every kind of route, as owner and as delegate, and each cause of a failure."""

from __future__ import annotations

import json
from collections import Counter

import pytest

from proofs import (
    ALONE,
    BOTH,
    DELEGATE_HEAD,
    FEEDBACK,
    HEAD,
    IDENTITY,
    QUEUE,
    SETS,
    SUBSCRIBED,
    details,
    leftovers,
    outcomes,
    sends,
    verify,
)
from sesform import engine
from sesform.engine import Preview
from sesform.errors import AwsError, UsageError
from sesform.planning.proof.judgement import Status
from world import DELEGATE, OWNER, REGION, World


@pytest.fixture(autouse=True)
def scene(world: World) -> None:
    """Time passes in the sandbox as it does for the run."""
    world.identity("example.com")
    world.sandbox.set_clock(world.clock.now)
    world.sandbox.simulator.seconds = 2.0


# --- every kind of route -------------------------------------------------------------------------------------------------


def test_an_owner_proves_each_type_of_its_identity(world: World) -> None:
    """Bounces, complaints and deliveries arrive, and the time is that from the acceptance to the publication."""
    world.converge(ALONE)
    found = verify(world, ALONE)

    assert set(outcomes(found)) == {("example.com", event) for event in ("bounce", "complaint", "delivery")}
    assert {(r.status, r.seconds, r.copies) for r in found.results} == {(Status.RECEIVED, 2.0, 1)}
    assert (found.sent, found.failed, found.left, leftovers(world)) == (3, (), (), [])


def test_a_delegate_sends_with_the_identity_of_the_owner(world: World) -> None:
    """The message is the delegate's, with the owner's identity: the sending policy is proven, too."""
    world.converge(BOTH)
    world.sandbox.calls.clear()
    found = verify(world, BOTH)

    assert set(outcomes(found).values()) == {Status.RECEIVED}
    assert sends(world) == [(DELEGATE, "SendEmail")] * 2


def test_only_types_with_a_route_are_sent(world: World) -> None:
    """A type without a topic needs no message."""
    text = ALONE.replace("complaint: feedback, delivery: feedback", "complaint: null")
    world.converge(text)

    assert (list(outcomes(verify(world, text))), len(sends(world))) == ([("example.com", "bounce")], 1)


def test_an_event_destination_is_proven_by_naming_its_set(world: World) -> None:
    """With the owner's identity for a delegate's set; only the events that the destination publishes."""
    world.converge(SETS)
    found = verify(world, SETS)

    assert outcomes(found)["tx", "bounce"] is Status.RECEIVED
    assert outcomes(found)["tx", "delivery"] is Status.RECEIVED
    assert ("tx", "complaint") not in outcomes(found)


def test_two_routes_to_one_topic_are_told(world: World) -> None:
    """A message that names the set makes a notification of the identity, too: the topic receives each event twice."""
    world.converge(SETS)
    (bounce,) = [r for r in verify(world, SETS).results if (r.subject.name, r.subject.event) == ("tx", "bounce")]

    assert (bounce.status, bounce.copies) == (Status.RECEIVED, 1)
    assert bounce.detail == "the topic receives each bounce 2 times: by the identity and by an event destination"


def test_forwarding_is_said_before_messages_are_sent(world: World) -> None:
    """SES mails the notices of the test messages to the sender's address as well."""
    world.converge(ALONE)
    previews: list[Preview] = []

    def refuse(preview: Preview) -> bool:
        previews.append(preview)
        return False

    engine.verify([world.folder / "specs.yaml"], world.settings(), approve=refuse)

    assert previews[0].mailed == ("example.com",)


def test_a_default_set_is_proven_without_naming_it(world: World) -> None:
    """The owner's mail without a set goes by the default set of the identity."""
    text = (
        HEAD
        + f"topics: {{feedback: {SUBSCRIBED.replace(DELEGATE, OWNER)}}}\n"
        + "configuration_sets: {tx: {event_destinations: {d: {events: [bounce, complaint], sns: feedback}}}}\n"
        + "identities: {example.com: {default_configuration_set: tx}}\n"
    )
    world.converge(text)
    found = verify(world, text)

    assert outcomes(found)["example.com", "bounce"] is Status.RECEIVED
    assert outcomes(found)["tx", "bounce"] is Status.RECEIVED


def test_a_legacy_entry_is_proven_by_the_delegate(world: World) -> None:
    """With the ARN of the identity that belongs to another account."""
    text = (
        DELEGATE_HEAD
        + f"topics: {{feedback: {SUBSCRIBED}}}\n"
        + f"cross_account_notifications: {{'{IDENTITY}': {{bounce: feedback}}}}\n"
    )
    world.legacy_entry(IDENTITY)
    world.converge(text)
    _allow(world)
    found = verify(world, text)

    assert outcomes(found) == {(IDENTITY, "bounce"): Status.RECEIVED}


def test_a_delegate_alone_sees_whether_the_owner_has_done_its_part(world: World) -> None:
    """A topic whose publishers are identities of another organization: before, and after the owner has set topic and policy."""
    text = DELEGATE_HEAD + f"topics: {{feedback: {SUBSCRIBED[:-1]}, publishers: ['{IDENTITY}']}}}}\n"
    world.converge(text)
    found = verify(world, text, timeout=10)

    assert {r.status for r in found.results} == {Status.REFUSED}
    assert "the owner of example.com must allow 222222222222 to send with it" in details(found)

    _allow(world)
    for kind in ("Bounce", "Complaint"):
        world.client("ses").set_identity_notification_topic(
            Identity="example.com", NotificationType=kind, SnsTopic=FEEDBACK
        )
    found = verify(world, text)

    assert outcomes(found) == {(IDENTITY, event): Status.RECEIVED for event in ("bounce", "complaint")}


def _allow(world: World) -> None:
    allow = {"Effect": "Allow", "Principal": {"AWS": DELEGATE}, "Action": "ses:SendEmail", "Resource": IDENTITY}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    world.client("ses").put_identity_policy(Identity="example.com", PolicyName="p", Policy=policy)


def test_a_topic_without_credentials_is_accepted(world: World) -> None:
    """The message is sent; whether it arrives cannot be seen from here."""
    world.client("sns", DELEGATE).create_topic(Name="feedback")
    _let_ses_publish(world)
    text = HEAD + f"identities: {{example.com: {{notifications: {{bounce: '{FEEDBACK}'}}}}}}\n"
    world.apply(world.plan(text))
    found = verify(world, text)

    assert outcomes(found) == {("example.com", "bounce"): Status.ACCEPTED}
    assert (found.sent, found.failed) == (1, ())


def _let_ses_publish(world: World, effect: str = "Allow") -> None:
    statement = {"Effect": effect, "Principal": {"Service": "ses.amazonaws.com"}, "Action": "SNS:Publish"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{**statement, "Resource": FEEDBACK}]})
    world.client("sns", DELEGATE).set_topic_attributes(TopicArn=FEEDBACK, AttributeName="Policy", AttributeValue=policy)


def test_other_destinations_are_not_provable(world: World) -> None:
    """What was checked in place of a proof is said; nothing is sent."""
    text = (
        HEAD
        + "identities: {example.com: {feedback_forwarding: true}}\n"
        + "configuration_sets: {tx: {event_destinations: {b: {events: [bounce], eventbridge: default}}}}\n"
    )
    world.converge(text)
    found = verify(world, text)

    assert {r.status for r in found.results} == {Status.NOT_PROVABLE}
    assert "SES has the event destination, and it is enabled" in {r.detail for r in found.results}
    assert (found.sent, sends(world)) == (0, [])


def test_a_set_without_identity_needs_a_sender(world: World) -> None:
    """The specs name no identity that the account can send with."""
    text = DELEGATE_HEAD + (
        f"topics: {{feedback: {SUBSCRIBED}}}\n"
        "configuration_sets: {tx: {event_destinations: {d: {events: [bounce], sns: feedback}}}}\n"
    )
    world.converge(text)
    (result,) = verify(world, text).results

    assert (result.status, "pass --from" in result.detail) == (Status.NOT_PROVABLE, True)


def test_an_encrypted_topic_works(world: World) -> None:
    """The key lets SES in; the temporary queue has its own encryption."""
    key = f"arn:aws:kms:{REGION}:{OWNER}:key/k"
    text = ALONE.replace("{subscriptions", f"{{kms_key: '{key}', subscriptions")
    world.sandbox.declare_key(key)
    world.converge(text)

    assert set(outcomes(verify(world, text)).values()) == {Status.RECEIVED}


def test_never_more_than_three_messages_a_route(world: World) -> None:
    """For each identity and set, and nothing to anyone but the simulator."""
    world.converge(SETS)
    previews: list[Preview] = []

    def approve(preview: Preview) -> bool:
        previews.append(preview)
        return True

    engine.verify([world.folder / "specs.yaml"], world.settings(), approve=approve)
    messages = previews[0].messages
    count = Counter((m.sender, m.configuration_set) for m in messages)

    assert max(count.values()) <= 3
    assert all(m.recipient.endswith("@simulator.amazonses.com") for m in messages)
    assert len({m.recipient for m in messages}) == len(messages) == len(sends(world))


# --- causes --------------------------------------------------------------------------------------------------------------


def test_a_broken_topic_policy_is_told_without_sending(world: World) -> None:
    """A bounce would make SES remove the topic from the identity, so none is sent."""
    world.converge(BOTH)
    _let_ses_publish(world, "Deny")
    found = verify(world, BOTH)

    assert set(outcomes(found).values()) == {Status.NOT_SENT}
    assert f"its policy does not allow SES to publish for {IDENTITY}" in details(found)
    assert (found.sent, sends(world)) == (0, [])


def test_a_key_that_keeps_ses_out_is_told(world: World) -> None:
    """The key of an encrypted topic was changed."""
    key = f"arn:aws:kms:{REGION}:{OWNER}:key/k"
    text = ALONE.replace("{subscriptions", f"{{kms_key: '{key}', subscriptions")
    world.sandbox.declare_key(key)
    world.converge(text)
    world.client("kms").put_key_policy(KeyId="k", PolicyName="default", Policy='{"Statement": []}')
    found = verify(world, text)

    assert key in details(found)
    assert outcomes(found)["example.com", "bounce"] is Status.NOT_SENT


def test_a_removed_topic_is_told(world: World) -> None:
    """SES has removed the bounce topic; the complaint still arrives."""
    world.converge(BOTH)
    world.client("ses").set_identity_notification_topic(Identity="example.com", NotificationType="Bounce")
    found = verify(world, BOTH)

    assert outcomes(found) == {
        ("example.com", "bounce"): Status.NOT_SENT,
        ("example.com", "complaint"): Status.RECEIVED,
    }
    assert "the identity has no bounce topic in SES" in details(found)


def test_an_identity_that_does_not_exist_is_told(world: World) -> None:
    """It was deleted in SES."""
    world.converge(ALONE)
    world.client("ses").delete_identity(Identity="example.com")

    assert "identity example.com does not exist in 111111111111/eu-west-1" in details(verify(world, ALONE))


def test_a_topic_that_breaks_during_the_run_is_told(world: World) -> None:
    """The cause is read after the run."""
    world.converge(BOTH)
    world.sandbox.fail("SendEmail", code="", lost_answer=True, before=lambda: _let_ses_publish(world, "Deny"))
    found = verify(world, BOTH, timeout=5)

    assert outcomes(found)["example.com", "bounce"] is Status.NOT_RECEIVED
    assert "the route was in place before the message was sent" in details(found)


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ("{}", "it has no subscription"),
        (
            SUBSCRIBED.replace("protocol: sqs", "protocol: email").replace(QUEUE, "a@b.example"),
            "no confirmed subscription",
        ),
        (
            SUBSCRIBED.replace("}]", ", filter_policy: {kind: [a]}}]"),
            "the filter policy of each confirmed subscription rejects",
        ),
    ],
)
def test_a_topic_that_nothing_hears_is_told(world: World, change: str, cause: str) -> None:
    """The notification reaches the topic, and no receiver beside the temporary queue."""
    text = BOTH.replace(SUBSCRIBED, change)
    plan = world.plan(text)
    world.apply(plan)
    found = verify(world, text)

    assert set(outcomes(found).values()) == {Status.NO_RECEIVER}
    assert cause in details(found)


def test_a_missing_sending_policy_is_told(world: World) -> None:
    """SES refuses the delegate's message, and the policy is not there."""
    world.converge(BOTH)
    world.client("ses").delete_identity_policy(Identity="example.com", PolicyName="sesform-mailer")
    found = verify(world, BOTH)

    assert set(outcomes(found).values()) == {Status.REFUSED}
    assert "the sending policy corp/eu-west-1/sending_policy/example.com/sesform-mailer does not exist" in details(
        found
    )


def test_a_condition_of_the_sending_policy_is_told(world: World) -> None:
    """The sender's address is not allowed, and --from passes another one."""
    text = BOTH.replace(
        "{actions: [SendEmail]}",
        "{actions: [SendEmail], conditions: {StringEquals: {'ses:FromAddress': jo@example.com}}}",
    )
    world.converge(text)

    assert "pass --from" in details(verify(world, text))
    assert verify(world, text, from_address="jo@example.com").failed == ()


def test_a_disabled_destination_is_told(world: World) -> None:
    """The event destination was disabled in the console."""
    world.converge(SETS)
    world.client("sesv2", DELEGATE).update_configuration_set_event_destination(
        ConfigurationSetName="tx",
        EventDestinationName="d",
        EventDestination={
            "Enabled": False,
            "MatchingEventTypes": ["BOUNCE", "DELIVERY"],
            "SnsDestination": {"TopicArn": FEEDBACK},
        },
    )
    found = verify(world, SETS)

    assert outcomes(found)["tx", "bounce"] is Status.NOT_SENT
    assert "the event destination is disabled" in details(found)


def test_a_notification_that_never_comes_is_told(world: World) -> None:
    """No fault is known, so time may help."""
    world.converge(BOTH)
    world.sandbox.disturb(FEEDBACK, copies=0)
    found = verify(world, BOTH, timeout=30)

    assert sorted(s.value for s in outcomes(found).values()) == ["not received", "received"]
    assert "try again in a few minutes" in details(found)


@pytest.mark.parametrize(("timeout", "status"), [(20, Status.NOT_RECEIVED), (60, Status.RECEIVED)])
def test_a_late_notification_is_waited_for(world: World, timeout: float, status: Status) -> None:
    """As long as the timeout lasts."""
    world.converge(BOTH)
    world.sandbox.disturb(FEEDBACK, late=30, times=2)

    assert set(outcomes(verify(world, BOTH, timeout=timeout)).values()) == {status}


def test_a_notification_that_comes_twice_is_told(world: World) -> None:
    """It is received, with a remark."""
    world.converge(BOTH)
    world.sandbox.disturb(FEEDBACK, copies=2)
    found = verify(world, BOTH)

    assert found.failed == ()
    assert sorted(r.copies for r in found.results) == [1, 2]
    assert any("came 2 times" in r.detail for r in found.results)


def test_missing_headers_are_told(world: World) -> None:
    """The specs include the headers of bounces."""
    world.converge(BOTH)
    world.sandbox.disturb(FEEDBACK, headers=False)
    found = verify(world, BOTH)

    assert outcomes(found)["example.com", "bounce"] is Status.WRONG
    assert "lacks the headers that the specs include" in details(found)


def test_headers_that_the_specs_do_not_include_are_told(world: World) -> None:
    """Header inclusion was turned on in the console."""
    world.converge(BOTH)
    world.client("ses").set_identity_headers_in_notifications_enabled(
        Identity="example.com", NotificationType="Complaint", Enabled=True
    )

    assert "SES has header inclusion on" in details(verify(world, BOTH))


def test_a_refused_queue_is_told(world: World) -> None:
    """Without a temporary queue nothing can be received; the other messages are judged."""
    world.converge(BOTH)
    world.sandbox.fail("CreateQueue", code="AccessDenied", status=403)
    found = verify(world, BOTH)

    assert set(outcomes(found).values()) == {Status.NOT_RECEIVED}
    assert "these credentials lack the permission sqs:CreateQueue" in details(found)
    assert leftovers(world) == []


def test_a_paused_account_sends_nothing(world: World) -> None:
    """It is an error, before anything is created."""
    world.converge(BOTH)
    world.sandbox.declare_sending(DELEGATE, REGION, enabled=False)
    with pytest.raises(AwsError, match="sending is paused"):
        verify(world, BOTH)

    assert (sends(world), leftovers(world)) == ([], [])


# --- options and limits --------------------------------------------------------------------------------------------------


def test_messages_are_sent_at_the_rate_of_the_account(world: World) -> None:
    """One a second in SES's own sandbox: none is throttled."""
    world.converge(SETS)
    world.sandbox.declare_sending(DELEGATE, REGION, rate=1.0, production=False)
    began = world.clock.time
    found = verify(world, SETS)

    assert found.failed == ()
    assert [c.error for c in world.sandbox.calls if c.operation == "SendEmail"] == [None] * 4
    assert world.clock.time - began >= 3


def test_nothing_happens_without_approval(world: World) -> None:
    """The preview has the messages, the rate and the other subscribers; then nothing is created or sent."""
    world.converge(BOTH)
    world.sandbox.declare_sending(DELEGATE, REGION, rate=2.0)
    world.sandbox.calls.clear()
    previews: list[Preview] = []

    def refuse(preview: Preview) -> bool:
        previews.append(preview)
        return False

    found = engine.verify([world.folder / "specs.yaml"], world.settings(), approve=refuse)
    (preview,) = previews

    assert (found.approved, found.results) == (False, ())
    assert (len(preview.messages), preview.seconds, set(preview.rates.values())) == (2, 1, {2.0})
    assert [s.endpoint for s in preview.subscribers[FEEDBACK] or ()] == [QUEUE]
    assert +world.writes() == Counter()


def test_only_chosen_routes_are_verified(world: World) -> None:
    """By globs of addresses; a glob without a match is an error."""
    world.converge(SETS)

    assert list(outcomes(verify(world, SETS, only=("*/notification_topic/*/bounce",)))) == [("example.com", "bounce")]
    with pytest.raises(UsageError, match="matches no route"):
        verify(world, SETS, only=("no*",))
    with pytest.raises(UsageError, match="belongs to no identity"):
        verify(world, SETS, from_address="jo@other.example")


def test_real_feedback_does_not_reach_the_queue(world: World) -> None:
    """A bounce of other mail during the run is filtered out."""
    world.converge(BOTH)
    seen: list[str] = []

    def bounce() -> None:
        world.sandbox.send(OWNER, REGION, "example.com", "bounce")
        with world.sandbox._store.transaction() as state:
            seen.extend(m["body"] for q in state.at(DELEGATE, REGION).queues.values() for m in q.messages.values())

    world.sandbox.fail("SendEmail", code="Throttling", before=bounce)

    assert (verify(world, BOTH).failed, seen) == ((), [])
