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
        ("allowed", {"notificationType": [{"anything-but": ["Delivery"]}]}),
        ("denied", {"notificationType": [{"anything-but": {"prefix": "B"}}]}),
        ("denied", {"notificationType": [{"numeric": [">", 0]}]}),
        ("denied", {"eventType": ["Bounce"]}),
        ("allowed", {"bounce": {"bounceType": ["Permanent", "Transient", "Undetermined"]}}),
        ("unknown", {"bounce": {"bounceType": ["Permanent"]}}),
        ("denied", {"bounce": {"bounceType": ["Soft"]}}),
        ("denied", {"complaint": {"userAgent": [{"exists": True}]}}),
        ("allowed", {"mail": {"sourceArn": [{"exists": True}]}}),
        ("unknown", {"mail": {"source": ["me@example.com"]}}),
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


def test_the_reason_names_the_event() -> None:
    """A rejection and a partial match are described."""
    assert (
        passes({"a": ["b"]}, BODY, "bounce", by_identity=True).reason
        == "its filter policy rejects bounce notifications"
    )
    partial = passes({"bounce": {"bounceType": ["Permanent"]}}, BODY, "bounce", by_identity=True)
    assert partial.reason == "its filter policy accepts only some bounce notifications"
