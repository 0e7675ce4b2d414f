"""Filter policies of subscriptions: whether the events that SES publishes pass them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sesform.policies.filter_policy import ATTRIBUTES, BODY, passes


def answer(policy: dict[str, Any], event: str = "bounce", *, by_identity: bool = True, scope: str = BODY) -> str:
    return passes(policy, scope, event, by_identity=by_identity).answer.value


@given(st.sampled_from(["bounce", "complaint", "delivery", "open"]), st.booleans(), st.sampled_from([ATTRIBUTES, BODY]))
def test_no_filter_policy_accepts_everything(event: str, by_identity: bool, scope: str) -> None:
    """An empty policy is no policy."""
    assert answer({}, event, by_identity=by_identity, scope=scope) == "allowed"


@pytest.mark.parametrize(
    ("expected", "policy"),
    [
        ("denied", {"notificationType": ["Bounce"]}),
        ("denied", {"tenant": [{"anything-but": "a"}]}),
        ("denied", {"tenant": [{"exists": True}]}),
        ("allowed", {"tenant": [{"exists": False}]}),
        ("allowed", {"$or": [{"tenant": ["a"]}, {"tenant": [{"exists": False}]}]}),
    ],
)
def test_messages_have_no_attributes(expected: str, policy: dict[str, Any]) -> None:
    """SES sets no message attributes, so a policy passes only if it accepts their absence."""
    assert answer(policy, scope=ATTRIBUTES) == expected


@pytest.mark.parametrize(
    ("expected", "policy"),
    [
        ("allowed", {"notificationType": ["Bounce", "Complaint"]}),
        ("denied", {"notificationType": ["Complaint"]}),
        ("denied", {"notificationType": ["bounce"]}),  # values are case-sensitive
        ("allowed", {"notificationType": [{"prefix": "Bou"}]}),
        ("allowed", {"notificationType": [{"suffix": "nce"}]}),
        ("allowed", {"notificationType": [{"equals-ignore-case": "BOUNCE"}]}),
        ("allowed", {"notificationType": [{"wildcard": "B*e"}]}),
        ("denied", {"notificationType": [{"wildcard": "B?unce"}]}),  # `?` is no wildcard of SNS
        ("denied", {"notificationType": [{"wildcard": "B[o]unce"}]}),  # nor are brackets
        ("allowed", {"notificationType": [{"anything-but": ["Delivery"]}]}),
        ("allowed", {"notificationType": [{"anything-but": "Delivery"}]}),
        ("denied", {"notificationType": [{"anything-but": ["Bounce"]}]}),
        ("denied", {"notificationType": [{"anything-but": "Bounce"}]}),
        ("unknown", {"notificationType": [{"anything-but": {"new-operator": "x"}}]}),
        ("denied", {"notificationType": [{"anything-but": {"prefix": "B"}}]}),
        ("denied", {"notificationType": [{"numeric": [">", 0]}]}),
        ("denied", {"notificationType": [{"cidr": "10.0.0.0/24"}]}),
        ("denied", {"notificationType": [{"exists": False}]}),
        ("denied", {"eventType": ["Bounce"]}),
        ("allowed", {"bounce": {"bounceType": ["Permanent", "Transient", "Undetermined"]}}),
        ("unknown", {"bounce": {"bounceType": ["Permanent"]}}),
        ("denied", {"bounce": {"bounceType": ["Soft"]}}),
        ("denied", {"complaint": {"userAgent": [{"exists": True}]}}),
        ("allowed", {"mail": {"sourceArn": [{"exists": True}]}}),
        ("unknown", {"mail": {"source": ["me@example.com"]}}),
        ("unknown", {"mail": ["me@example.com"]}),
        ("unknown", {"mail": {"headers": [{"exists": True}]}}),
        ("denied", {"notificationType": ["Complaint"], "mail": {"source": ["me@example.com"]}}),
        ("unknown", {"notificationType": [{"new-operator": "x"}]}),
    ],
)
def test_the_message_body_of_an_identitys_bounce(expected: str, policy: dict[str, Any]) -> None:
    """The documented payload decides; values of single messages leave it unknown."""
    assert answer(policy) == expected


@pytest.mark.parametrize(
    ("expected", "event", "policy"),
    [
        ("allowed", "complaint", {"eventType": ["Bounce", "Complaint"]}),
        ("denied", "delivery", {"eventType": ["Bounce", "Complaint"]}),
        ("denied", "bounce", {"notificationType": ["Bounce"]}),
        ("unknown", "bounce", {"mail": {"tags": {"campaign": ["a"]}}}),
        ("unknown", "open", {"eventType": ["Open"]}),
    ],
)
def test_the_message_body_of_an_event_destination(expected: str, event: str, policy: dict[str, Any]) -> None:
    """Event destinations publish `eventType` in place of `notificationType`."""
    assert answer(policy, event, by_identity=False) == expected


# Fields of the payloads, from the pages of the AWS developer guide that filter_policy names: those that every message has, and
# those that some lack.
MAIL = ["timestamp", "messageId", "source", "sourceArn", "sendingAccountId", "destination"]
SOME_MAIL = ["sourceIp", "callerIdentity", "headersTruncated", "headers", "commonHeaders", "tags"]
DETAILS = {
    "bounce": (
        ["bounceType", "bounceSubType", "bouncedRecipients", "timestamp", "feedbackId"],
        ["remoteMtaIp", "reportingMTA"],
    ),
    "complaint": (
        ["complainedRecipients", "timestamp", "feedbackId"],
        ["complaintSubType", "userAgent", "complaintFeedbackType", "arrivalDate"],
    ),
    "delivery": (
        ["timestamp", "processingTimeMillis", "recipients", "smtpResponse"],
        ["reportingMTA", "remoteMtaIp"],
    ),
}


@pytest.mark.parametrize("by_identity", [True, False])
@pytest.mark.parametrize("event", DETAILS)
def test_a_policy_may_ask_for_any_documented_field(event: str, by_identity: bool) -> None:
    """Fields that every message has exist, those that some messages lack may exist, and all others do not."""
    always, sometimes = DETAILS[event]
    fields = [("mail", name, "allowed") for name in MAIL] + [("mail", name, "unknown") for name in SOME_MAIL]
    fields += [(event, name, "allowed") for name in always] + [(event, name, "unknown") for name in sometimes]
    fields += [(part, "other", "denied") for part in ("mail", event)]
    asked = [(part, name, {part: {name: [{"exists": True}]}}) for part, name, _ in fields]

    assert fields == [(part, name, answer(policy, event, by_identity=by_identity)) for part, name, policy in asked]


@pytest.mark.parametrize("by_identity", [True, False])
@pytest.mark.parametrize("event", DETAILS)
def test_every_message_names_its_type(event: str, by_identity: bool) -> None:
    """A policy for one type accepts all messages of it, and none of another type."""
    key = "notificationType" if by_identity else "eventType"
    answers = {other: answer({key: [other.capitalize()]}, event, by_identity=by_identity) for other in DETAILS}

    assert {other: "allowed" if other == event else "denied" for other in DETAILS} == answers


@pytest.mark.parametrize("kind", ["Undetermined", "Permanent", "Transient"])
def test_a_policy_for_one_type_of_bounces_accepts_some(kind: str) -> None:
    """SES publishes bounces of three types, so a policy for one of them accepts some bounces."""
    assert answer({"bounce": {"bounceType": [kind]}}) == "unknown"
    assert answer({"bounce": {"bounceType": [{"anything-but": [kind]}]}}) == "unknown"
    assert answer({"bounce": {"bounceType": [kind.lower()]}}) == "denied"


def test_the_reason_names_the_event() -> None:
    """A rejection and a partial match are described."""
    assert (
        passes({"a": ["b"]}, BODY, "bounce", by_identity=True).reason
        == "its filter policy rejects bounce notifications"
    )
    partial = passes({"bounce": {"bounceType": ["Permanent"]}}, BODY, "bounce", by_identity=True)
    assert partial.reason == "its filter policy accepts only some bounce notifications"
