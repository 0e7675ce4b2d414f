"""Whatever is sent, the sandbox answers as a service does: with a refusal, never with a fault of its own."""

from __future__ import annotations

import contextlib
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sesform_sandbox import Sandbox
from sesform_sandbox.context import Context
from sesform_sandbox.identity_policy import BadPolicy
from sesform_sandbox.identity_policy import accepted as identity_policy
from sesform_sandbox.policy import Source
from sesform_sandbox.policy_evaluation import may_publish
from sesform_sandbox.refusal import Refusal
from sesform_sandbox.state import State
from sesform_sandbox.topic_policy import accepted as topic_policy
from sesform_sandbox.topic_policy import authorize
from sesform_sandbox.wire import Request

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"
TOPIC = f"arn:aws:sns:{REGION}:{OWNER}:t"
IDENTITY = f"arn:aws:ses:{REGION}:{OWNER}:identity/example.com"

_LEAVES = st.sampled_from(
    [None, True, 0, "", "*", "Allow", TOPIC, IDENTITY, OWNER, "SNS:Publish", "ses:SendEmail", "StringEquals", "x"]
)
_KEYS = st.sampled_from(["AWS", "Service", "StringEquals", "AWS:SourceAccount", "x"])
_JSON = st.recursive(_LEAVES, lambda inner: st.lists(inner, max_size=2) | st.dictionaries(_KEYS, inner, max_size=2))


def _statements(resource: str, action: str) -> st.SearchStrategy[dict[str, Any]]:
    """Statements that are nearly right: each part is the right one, something else, or missing."""
    right = {"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": action, "Resource": resource}
    parts = {key: st.just(value) | _JSON for key, value in right.items()}
    return st.fixed_dictionaries(parts, optional={"Sid": _JSON, "Condition": _JSON})


def _policies(resource: str, action: str) -> st.SearchStrategy[str]:
    found = st.lists(_statements(resource, action), max_size=2) | _statements(resource, action) | _JSON
    return st.fixed_dictionaries({"Statement": found}).map(json.dumps) | _JSON.map(json.dumps)


@given(_policies(TOPIC, "SNS:Publish"))
def test_topic_policies(text: str) -> None:
    """Refused or kept; and what is kept can be evaluated for SES and for other accounts."""
    with contextlib.suppress(Refusal):
        kept = topic_policy(text, TOPIC)
        may_publish(json.loads(kept), TOPIC, Source(OWNER, IDENTITY))
        authorize(Context(State(), DELEGATE, REGION), TOPIC, "Publish", kept)


@given(_policies(IDENTITY, "ses:SendEmail"))
def test_identity_policies(text: str) -> None:
    """Refused or kept."""
    with contextlib.suppress(BadPolicy):
        assert json.loads(identity_policy(text, IDENTITY))


_SANDBOX = Sandbox()
_PATHS = st.sampled_from(
    ["/", "/v2/email/configuration-sets", "/v2/email/identities", "/v2/email/list-identities", "/v2/email/tags"]
)
_ACTIONS = st.sampled_from(["CreateTopic", "SetIdentityNotificationTopic", "AssumeRole", "Subscribe", "ListIdentities"])
_FORMS = st.builds(
    lambda action, rest: f"Action={action}&{rest}".encode(), _ACTIONS, st.text("abN=&.1%member", max_size=40)
)
_BODIES = st.binary(max_size=60) | _FORMS | _JSON.map(lambda v: json.dumps(v).encode())


@settings(deadline=None)
@given(
    st.sampled_from(["ses", "sns", "sts"]),
    st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    _PATHS,
    st.text("?a=%&N", max_size=9),
    _BODIES,
)
def test_requests(service: str, method: str, path: str, query: str, body: bytes) -> None:
    """Every one gets an answer below 500."""
    signature = f"AWS4-HMAC-SHA256 Credential={OWNER}/20260101/{REGION}/{service}/aws4_request"
    url = f"https://example.amazonaws.com{path}?{query}"

    assert _SANDBOX.answer(Request(method, url, {"authorization": signature}, body)).status < 500
