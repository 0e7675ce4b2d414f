"""What a temporary queue receives: notifications of SES, and anything else, which is ignored."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sesform.verify.run import notification

TOPIC = "arn:aws:sns:eu-west-1:111111111111:feedback"
MAIL: dict[str, Any] = {
    "timestamp": "2026-01-01T00:00:00.000Z",
    "destination": ["bounce+1-r@simulator.amazonses.com"],
    "sourceArn": "arn:aws:ses:eu-west-1:111111111111:identity/example.com",
    "sendingAccountId": "222222222222",
}
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
)


def body(message: Any, **more: Any) -> str:
    text = message if isinstance(message, str) else json.dumps(message)
    return json.dumps({"Message": text, "Timestamp": "2026-01-01T00:00:03.500Z", **more})


@pytest.mark.parametrize(("member", "by_identity"), [("notificationType", True), ("eventType", False)])
def test_both_forms_of_a_notification_are_understood(member: str, by_identity: bool) -> None:
    """That of an identity and that of an event destination differ in the name of the type."""
    found = notification(TOPIC, body({member: "Bounce", "mail": MAIL}))

    assert found is not None
    assert (found.by_identity, found.event, found.recipient) == (by_identity, "bounce", MAIL["destination"][0])
    assert (found.identity_arn, found.account) == (MAIL["sourceArn"], "222222222222")
    assert (found.headers, found.seconds) == (False, 3.5)


def test_headers_are_noticed_when_they_are_empty() -> None:
    """The member counts, not its content."""
    found = notification(TOPIC, body({"notificationType": "Bounce", "mail": {**MAIL, "headers": []}}))

    assert found is not None
    assert found.headers


@pytest.mark.parametrize(
    "text",
    [
        "",
        "no JSON",
        "[]",
        "{}",
        body("Successfully validated SNS topic for Amazon SES event publishing."),
        body({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "m"}),
        body({"notificationType": "Bounce", "mail": {**MAIL, "destination": []}}),
        body({"notificationType": "Bounce", "mail": {**MAIL, "destination": ["a@b.c", "d@e.f"]}}),
        body({"notificationType": "Bounce", "mail": {**MAIL, "timestamp": "yesterday"}}),
        body({"notificationType": "Bounce", "mail": MAIL}, Timestamp=None),
        body({"mail": MAIL}),
    ],
)
def test_other_messages_are_ignored(text: str) -> None:
    """Messages without one recipient, a type and times, such as those that SES sends when a topic is set."""
    assert notification(TOPIC, text) is None


@given(content=VALUES, member=st.sampled_from([*MAIL, "mail", "notificationType"]))
def test_no_message_is_an_error(content: Any, member: str) -> None:
    """Any program can publish to the topic."""
    message: dict[str, Any] = {"notificationType": "Bounce", "mail": dict(MAIL)}
    (message["mail"] if member in MAIL else message)[member] = content
    notification(TOPIC, body(message))
    notification(TOPIC, body(content))
    notification(TOPIC, json.dumps(content))
