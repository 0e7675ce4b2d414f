"""Filter policies: which ones SNS accepts for which scope, and that sesform changes both in an order that SNS accepts."""

from __future__ import annotations

import json
from typing import Any

import pytest

from world import OWNER, REGION, World

TOPIC = f"arn:aws:sns:{REGION}:{OWNER}:t"
QUEUE = f"arn:aws:sqs:{REGION}:{OWNER}:q"
NESTED: dict[str, Any] = {"mail": {"destination": ["x"]}}
FLAT: dict[str, Any] = {"kind": ["x"]}
NOT_NESTED = "Invalid parameter: Filter policy scope MessageAttributes does not support nested filter policy"


@pytest.fixture
def sns(world: World) -> Any:
    client = world.client("sns")
    client.create_topic(Name="t")
    return client


def subscribed(sns: Any, **attributes: Any) -> str:
    given = {name: value if isinstance(value, str) else json.dumps(value) for name, value in attributes.items()}
    answer = sns.subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=QUEUE, Attributes=given)
    return str(answer["SubscriptionArn"])


def set_attribute(sns: Any, arn: str, name: str, value: Any) -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    sns.set_subscription_attributes(SubscriptionArn=arn, AttributeName=name, AttributeValue=text)


def test_the_body_may_be_filtered_below_keys(sns: Any) -> None:
    """Only filters of the message body can name keys below keys."""
    arn = subscribed(sns, FilterPolicy=NESTED, FilterPolicyScope="MessageBody")

    assert json.loads(sns.get_subscription_attributes(SubscriptionArn=arn)["Attributes"]["FilterPolicy"]) == NESTED


@pytest.mark.parametrize("scope", [{}, {"FilterPolicyScope": "MessageAttributes"}])
def test_attributes_are_not_nested(sns: Any, refused: Any, scope: dict[str, str]) -> None:
    """The default scope is that of the message attributes."""
    with refused("InvalidParameter", NOT_NESTED.replace("Filter policy", "Attributes Reason: Filter policy", 1)):
        subscribed(sns, FilterPolicy=NESTED, **scope)


def test_a_scope_is_refused_while_the_filter_is_not_valid_in_it(sns: Any, refused: Any) -> None:
    """Each call must leave a subscription whose filter and scope fit."""
    arn = subscribed(sns, FilterPolicy=NESTED, FilterPolicyScope="MessageBody")
    with refused("InvalidParameter", NOT_NESTED):
        set_attribute(sns, arn, "FilterPolicyScope", "MessageAttributes")
    set_attribute(sns, arn, "FilterPolicy", {})
    set_attribute(sns, arn, "FilterPolicyScope", "MessageAttributes")
    with refused("InvalidParameter", NOT_NESTED):
        set_attribute(sns, arn, "FilterPolicy", NESTED)


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        ({k: ["x"] for k in "abcdef"}, "FilterPolicy: Filter policy can not have more than 5 keys"),
        ({k: [str(n) for n in range(13)] for k in "ab"}, "FilterPolicy: Filter policy is too complex"),
        ({"a": "x"}, 'FilterPolicy: "a" must be an object or an array'),
        ({"a": [["x"]]}, "FilterPolicy: Match value must be String, number, true, false, or null"),
        ({"a": [{"like": "x"}]}, "FilterPolicy: Unrecognized match type like"),
    ],
)
def test_filters_that_are_refused(sns: Any, refused: Any, policy: Any, reason: str) -> None:
    """Too many keys, too many combinations, and values that are no conditions; Subscribe names the parameter in its error."""
    with refused("InvalidParameter", f"Invalid parameter: Attributes Reason: {reason}"):
        subscribed(sns, FilterPolicy=policy)
    arn = subscribed(sns)
    with refused("InvalidParameter", f"Invalid parameter: {reason}"):
        set_attribute(sns, arn, "FilterPolicy", policy)


SPEC = f"""
kind: Owner
name: corp
account: "{OWNER}"
regions: [{REGION}]
topics:
  t:
    subscriptions:
      - {{protocol: sqs, endpoint: "{QUEUE}", filter_policy: %s, filter_policy_scope: %s}}
"""


def test_sesform_moves_a_filter_between_scopes_and_back(world: World) -> None:
    """A filter that is valid in one scope only is cleared before the scope changes, in both directions."""
    body = SPEC % (json.dumps(NESTED), "MessageBody")
    attributes = SPEC % (json.dumps(FLAT), "MessageAttributes")
    for text in (body, attributes, body):
        world.converge(text)
