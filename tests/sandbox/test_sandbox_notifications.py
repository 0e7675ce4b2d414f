"""SES v1: topics, headers and forwarding of an identity, as AWS stores, refuses and returns them."""

from __future__ import annotations

import json
from typing import Any

import pytest

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"

FRESH = {
    "ForwardingEnabled": True,
    "HeadersInBounceNotificationsEnabled": False,
    "HeadersInComplaintNotificationsEnabled": False,
    "HeadersInDeliveryNotificationsEnabled": False,
}


@pytest.fixture(autouse=True)
def identity(aws: Any) -> str:
    arn: str = aws.identity()
    return arn


def test_new_identity_has_the_defaults(aws: Any) -> None:
    """No topics, no headers, forwarding on; unset topics are absent keys."""

    assert aws.notifications() == FRESH


@pytest.mark.parametrize("kind", ["Bounce", "Complaint", "Delivery"])
def test_topic_is_stored_and_returned(aws: Any, kind: str) -> None:
    """A topic set for a type is read back for that type alone."""
    topic = aws.topic()
    aws.set_topic(kind, topic)

    assert aws.notifications() == FRESH | {f"{kind}Topic": topic}


def test_topic_is_cleared_by_leaving_it_out(aws: Any) -> None:
    """A call without SnsTopic clears the type, also when nothing was set."""
    aws.set_topic("Bounce", aws.topic())
    aws.set_topic("Bounce", None)
    aws.set_topic("Delivery", None)

    assert aws.notifications() == FRESH


def test_topic_is_replaced_in_one_call(aws: Any) -> None:
    """Setting another topic needs no clearing first."""
    aws.set_topic("Bounce", aws.topic("one"))
    aws.set_topic("Bounce", other := aws.topic("two"))

    assert aws.notifications()["BounceTopic"] == other


def test_empty_topic_is_refused(aws: Any, refused: Any) -> None:
    """An empty SnsTopic does not clear: AWS calls it invalid."""
    with refused("InvalidParameterValue", "SNS topic  is invalid."):
        aws.set_topic("Bounce", "")


def test_setting_a_topic_publishes_a_test_message(aws: Any) -> None:
    """SES test-publishes at each Set, also of an unchanged topic, and at no clearing."""
    topic = aws.topic()
    aws.set_topic("Bounce", topic)
    aws.set_topic("Bounce", topic)
    aws.set_topic("Bounce", None)
    kinds = [(p.topic_arn, json.loads(p.message)["notificationType"]) for p in aws.sandbox.published]

    assert kinds == [(topic, "AmazonSnsSubscriptionSucceeded")] * 2


@pytest.mark.parametrize("name", ["other.example", "arn:aws:ses:us-east-1:111111111111:identity/example.com", "arn:x"])
def test_unknown_identity_is_refused(aws: Any, refused: Any, name: str) -> None:
    """An unknown name and an ARN of another region get the same text."""
    topic = aws.topic()
    with refused("InvalidParameterValue", f"Identity {name} is invalid. Must be a verified email address or domain."):
        aws.set_topic("Bounce", topic, name)


def test_unknown_identity_of_headers_has_its_own_text(aws: Any, refused: Any) -> None:
    """The headers operation says "It must"."""
    with refused("InvalidParameterValue", "Identity x.y is invalid. It must be a verified email address or domain."):
        aws("ses").set_identity_headers_in_notifications_enabled(
            Identity="x.y", NotificationType="Bounce", Enabled=False
        )


def test_bad_notification_type_is_a_validation_error(aws: Any, refused: Any) -> None:
    """A type outside the enum is a ValidationError."""
    with refused("ValidationError"):
        aws.set_topic("bounce", aws.topic())


def test_pending_identity_takes_settings(aws: Any) -> None:
    """Topics are accepted on an identity that is registered, not yet verified."""
    aws.sandbox.declare_identity(OWNER, REGION, "new.example", verified=False)
    aws.set_topic("Bounce", topic := aws.topic(), "new.example")

    assert aws.notifications("new.example")["BounceTopic"] == topic


def test_declaring_again_changes_no_settings(aws: Any) -> None:
    """declare_identity is idempotent."""
    aws.set_topic("Bounce", topic := aws.topic())
    aws.identity()

    assert aws.notifications()["BounceTopic"] == topic


# --- reading -----------------------------------------------------------------------------------------------------------


def test_unknown_identities_are_missing_from_the_answer(aws: Any) -> None:
    """Get leaves unknown identities out without an error."""
    found = aws("ses").get_identity_notification_attributes(Identities=["example.com", "unknown.example"])

    assert list(found["NotificationAttributes"]) == ["example.com"]


def test_answer_has_the_key_that_was_asked_for(aws: Any, identity: str) -> None:
    """Domains are found in any case and by ARN, under the key of the question."""
    asked = ["EXAMPLE.com", identity]
    found = aws("ses").get_identity_notification_attributes(Identities=asked)["NotificationAttributes"]

    assert sorted(found) == sorted(asked)


def test_email_identities_are_case_sensitive(aws: Any) -> None:
    """a@X.example is not a@x.example."""
    aws.identity("a@X.example")
    found = aws("ses").get_identity_notification_attributes(Identities=["a@X.example", "a@x.example"])

    assert list(found["NotificationAttributes"]) == ["a@X.example"]


def test_reads_at_most_100(aws: Any, refused: Any) -> None:
    """100 identities a call are taken, 101 are not."""
    names = [f"{n}.example" for n in range(101)]
    aws("ses").get_identity_notification_attributes(Identities=names[:100])

    with refused("ValidationError"):
        aws("ses").get_identity_notification_attributes(Identities=names)


def test_own_arn_is_another_spelling_of_the_name(aws: Any, identity: str) -> None:
    """What is set by ARN is read by name."""
    aws.set_topic("Bounce", topic := aws.topic(), identity)

    assert aws.notifications()["BounceTopic"] == topic


# --- topics that SES refuses -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "topic",
    [
        "feedback",
        "arn:aws:sns:eu-west-1:111111111111:missing",
        "arn:aws:sns:us-east-1:111111111111:feedback",
        "arn:aws-cn:sns:eu-west-1:111111111111:feedback",
        "arn:aws:sqs:eu-west-1:111111111111:feedback",
        "arn:aws:sns:eu-west-1:111111111111:feedback:5be3b3d4-0f2b-4d44-8c8c-000000000000",
    ],
)
def test_topic_must_exist_in_the_same_region(aws: Any, refused: Any, topic: str) -> None:
    """No name, missing topic, other region, other partition, other service, subscription."""
    aws.topic()
    aws.topic(region="us-east-1")
    with refused("InvalidParameterValue", f"SNS topic {topic} is invalid."):
        aws.set_topic("Bounce", topic)


def test_fifo_topic_is_refused(aws: Any, refused: Any) -> None:
    """use a standard topic: SES does not publish to FIFO topics."""
    topic = aws("sns").create_topic(Name="q.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    with refused("InvalidParameterValue", f"SNS topic {topic} is invalid."):
        aws.set_topic("Bounce", topic)


def test_topic_with_the_aws_managed_key_is_refused(aws: Any, refused: Any) -> None:
    """alias/aws/sns can never be used by SES."""
    topic = aws("sns").create_topic(Name="t", Attributes={"KmsMasterKeyId": "alias/aws/sns"})["TopicArn"]
    with refused("InvalidParameterValue", f"SNS topic {topic} is invalid."):
        aws.set_topic("Bounce", topic)


def _policy(topic: str, **conditions: str) -> str:
    statement = {
        "Sid": "ses",
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": "SNS:Publish",
        "Resource": topic,
        "Condition": {"StringEquals": {f"AWS:{key}": value for key, value in conditions.items()}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _with_policy(aws: Any, account: str, **conditions: str) -> str:
    topic: str = aws.topic(account=account)
    policy = _policy(topic, **conditions)
    aws("sns", account).set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    return topic


def test_default_policy_lets_only_the_same_account_publish(aws: Any, refused: Any) -> None:
    """A topic of another account with the default policy is refused."""
    topic = aws.topic(account=DELEGATE)
    with refused("InvalidParameterValue", f"SNS topic {topic} is invalid."):
        aws.set_topic("Bounce", topic)


def test_statement_for_ses_opens_a_foreign_topic(aws: Any, identity: str) -> None:
    """A statement for ses.amazonaws.com with the owner's account and the identity's ARN is enough."""
    topic = _with_policy(aws, DELEGATE, SourceAccount=OWNER, SourceArn=identity)
    aws.set_topic("Bounce", topic)

    assert aws.notifications()["BounceTopic"] == topic


@pytest.mark.parametrize(
    "conditions",
    [
        {"SourceAccount": DELEGATE},
        {"SourceAccount": OWNER, "SourceArn": f"arn:aws:ses:{REGION}:{OWNER}:identity/other.example"},
        {"SourceArn": f"arn:aws:ses:{REGION}:{OWNER}:configuration-set/tx"},
        {"PrincipalOrgID": "o-123"},
    ],
)
def test_statement_that_does_not_match_is_refused(aws: Any, refused: Any, conditions: dict[str, str]) -> None:
    """Wrong account, wrong identity, a configuration set's ARN, and what cannot be told."""
    topic = _with_policy(aws, DELEGATE, **conditions)
    with refused("InvalidParameterValue", f"SNS topic {topic} is invalid."):
        aws.set_topic("Bounce", topic)


def test_refused_topic_leaves_the_setting(aws: Any, refused: Any) -> None:
    """A refusal changes nothing."""
    aws.set_topic("Bounce", topic := aws.topic())
    with refused("InvalidParameterValue"):
        aws.set_topic("Bounce", "arn:aws:sns:eu-west-1:111111111111:missing")

    assert aws.notifications()["BounceTopic"] == topic


# --- headers -----------------------------------------------------------------------------------------------------------


def _headers(aws: Any, enabled: bool, kind: str = "Bounce") -> None:
    aws("ses").set_identity_headers_in_notifications_enabled(
        Identity="example.com", NotificationType=kind, Enabled=enabled
    )


def test_headers_are_accepted_without_a_topic(aws: Any) -> None:
    """AWS accepts headers for a type that has no topic, and reads them back as true."""
    _headers(aws, True)

    assert aws.notifications()["HeadersInBounceNotificationsEnabled"] is True


def test_headers_are_a_flag_of_their_own(aws: Any) -> None:
    """The flag survives clearing the topic."""
    aws.set_topic("Bounce", aws.topic())
    _headers(aws, True)
    aws.set_topic("Bounce", None)

    assert aws.notifications() == FRESH | {"HeadersInBounceNotificationsEnabled": True}

    _headers(aws, False)

    assert aws.notifications() == FRESH


# --- forwarding --------------------------------------------------------------------------------------------------------


def _forwarding(aws: Any, enabled: bool) -> None:
    aws("ses").set_identity_feedback_forwarding_enabled(Identity="example.com", ForwardingEnabled=enabled)


@pytest.mark.parametrize("kinds", [(), ("Bounce",), ("Complaint",), ("Bounce", "Delivery")])
def test_forwarding_stays_on_without_both_topics(aws: Any, refused: Any, kinds: tuple[str, ...]) -> None:
    """v1 turns forwarding off only when bounces and complaints have topics."""
    for kind in kinds:
        aws.set_topic(kind, aws.topic())
    with refused("InvalidParameterValue"):
        _forwarding(aws, False)

    assert aws.notifications()["ForwardingEnabled"] is True


def test_forwarding_goes_off_with_both_topics(aws: Any) -> None:
    """And on again at any time."""
    for kind in ("Bounce", "Complaint"):
        aws.set_topic(kind, aws.topic())
    _forwarding(aws, False)

    assert aws.notifications()["ForwardingEnabled"] is False

    _forwarding(aws, True)

    assert aws.notifications()["ForwardingEnabled"] is True


def test_topics_stay_while_forwarding_is_off(aws: Any, refused: Any) -> None:
    """Bounce and complaint topics cannot be cleared then; they can be swapped, and delivery can be cleared."""
    for kind in ("Bounce", "Complaint", "Delivery"):
        aws.set_topic(kind, aws.topic())
    _forwarding(aws, False)
    for kind in ("Bounce", "Complaint"):
        with refused("InvalidParameterValue"):
            aws.set_topic(kind, None)
    aws.set_topic("Bounce", aws.topic("other"))
    aws.set_topic("Delivery", None)

    assert set(aws.notifications()) == set(FRESH) | {"BounceTopic", "ComplaintTopic"}


def test_forwarding_of_unknown_identity_is_refused(aws: Any, refused: Any) -> None:
    """With the text of unknown identities."""
    with refused("InvalidParameterValue", "Identity x.y is invalid. Must be a verified email address or domain."):
        aws("ses").set_identity_feedback_forwarding_enabled(Identity="x.y", ForwardingEnabled=True)


# --- cross-account entries ---------------------------------------------------------------------------------------------


def test_delegate_settings_are_kept_in_the_delegates_account(aws: Any, identity: str) -> None:
    """A foreign ARN's settings are read by that ARN in the caller's account; the owner sees nothing of them."""
    aws.entry(identity)
    aws.set_topic("Bounce", topic := aws.topic(account=DELEGATE), identity, DELEGATE)

    assert aws.notifications(identity, DELEGATE)["BounceTopic"] == topic
    assert aws.notifications() == FRESH
    assert aws("ses", DELEGATE).list_identities()["Identities"] == []


def test_delegate_reads_by_arn_only(aws: Any, identity: str) -> None:
    """The name of a foreign identity means nothing in the delegate's account."""
    aws.entry(identity)
    found = aws("ses", DELEGATE).get_identity_notification_attributes(Identities=["example.com"])

    assert found["NotificationAttributes"] == {}


def test_entry_is_gone_with_its_last_topic(aws: Any, identity: str) -> None:
    """Once every type is cleared the ARN is unknown to Get again."""
    aws.entry(identity, Bounce=aws.topic(account=DELEGATE))
    aws.set_topic("Bounce", None, identity, DELEGATE)
    found = aws("ses", DELEGATE).get_identity_notification_attributes(Identities=[identity])

    assert found["NotificationAttributes"] == {}


def test_foreign_identity_must_exist(aws: Any, refused: Any) -> None:
    """An ARN of an identity that its account does not have is refused."""
    arn = f"arn:aws:ses:{REGION}:{OWNER}:identity/other.example"
    topic = aws.topic(account=DELEGATE)
    with refused("InvalidParameterValue", f"Identity {arn} is invalid. Must be a verified email address or domain."):
        aws.set_topic("Bounce", topic, arn, DELEGATE)


@pytest.mark.parametrize("account", [OWNER, DELEGATE])
def test_either_account_may_be_the_source_of_a_cross_account_entry(aws: Any, identity: str, account: str) -> None:
    """AWS does not document which account SES presents: a statement for either is enough."""
    topic = _with_policy(aws, DELEGATE, SourceAccount=account, SourceArn=identity)
    aws.entry(identity)
    aws.set_topic("Bounce", topic, identity, DELEGATE)

    assert aws.notifications(identity, DELEGATE)["BounceTopic"] == topic


@pytest.mark.parametrize("cleared", [False, True])
def test_no_new_entry_is_made(aws: Any, refused: Any, identity: str, cleared: bool) -> None:
    """The first topic of an entry is refused, also after all types were cleared: AWS documents that no new ones are made."""
    topic = aws.topic(account=DELEGATE)
    if cleared:
        aws.entry(identity, Bounce=topic)
        aws.set_topic("Bounce", None, identity, DELEGATE)
    text = "sandbox: no new notification settings for an identity of another account."
    with refused("InvalidParameterValue", text):
        aws.set_topic("Bounce", topic, identity, DELEGATE)


@pytest.mark.parametrize(
    ("arn", "topics"),
    [
        (f"arn:aws:ses:{REGION}:{DELEGATE}:identity/own.example", {"Bounce": "t"}),
        ("partner.example", {"Bounce": "t"}),
        (f"arn:aws:ses:{REGION}:{OWNER}:identity/example.com", {}),
        (f"arn:aws:ses:{REGION}:{OWNER}:identity/example.com", {"bounce": "t"}),
    ],
)
def test_an_old_entry_must_be_one_that_aws_has_made(aws: Any, arn: str, topics: dict[str, str]) -> None:
    """Only an identity of another account, with a topic for a known type, can have an entry."""
    with pytest.raises(ValueError, match=r"another account|topics for some of"):
        aws.sandbox.declare_legacy_entry(DELEGATE, arn, topics)


def test_delegate_includes_headers(aws: Any, identity: str) -> None:
    """Headers work on a cross-account entry as on an own identity."""
    aws.entry(identity, Bounce=aws.topic(account=DELEGATE))
    aws("ses", DELEGATE).set_identity_headers_in_notifications_enabled(
        Identity=identity, NotificationType="Bounce", Enabled=True
    )

    assert aws.notifications(identity, DELEGATE)["HeadersInBounceNotificationsEnabled"] is True


def test_delegate_has_no_forwarding(aws: Any, refused: Any, identity: str) -> None:
    """Only the owner can have feedback mailed."""
    with refused("InvalidParameterValue"):
        aws("ses", DELEGATE).set_identity_feedback_forwarding_enabled(Identity=identity, ForwardingEnabled=True)
