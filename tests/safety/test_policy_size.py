"""The quota of SNS for topic policies: a plan that would exceed it is an error."""

from __future__ import annotations

import json

from sesform.policies import topic_statements
from world import OWNER, World

TOPIC = f"arn:aws:sns:eu-west-1:{OWNER}:fb"
SPECS = f"""
kind: Owner
name: corp
account: "{OWNER}"
regions: [eu-west-1]
topics: {{fb: {{}}}}
identities: {{example.com: {{notifications: {{bounce: fb}}}}}}
"""


def with_policy(world: World, size: int) -> World:
    """A topic whose policy has one statement of others, and this size in bytes."""
    world.identity("example.com")
    sns = world.client("sns")
    sns.create_topic(Name="fb")
    statement = {"Sid": "", "Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "SNS:Publish", "Resource": TOPIC}
    document = {"Version": "2008-10-17", "Statement": [statement]}
    statement["Sid"] = "x" * (size - len(json.dumps(document, separators=(",", ":"))))
    text = json.dumps(document, separators=(",", ":"))
    sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="Policy", AttributeValue=text)
    return world


def test_a_policy_without_room_for_the_statement_is_an_error(world: World) -> None:
    """The statement of others stays, and ours does not fit beside it: nothing is sent to SNS."""
    (error,) = with_policy(world, topic_statements.MAX_BYTES - 100).plan(SPECS).errors

    assert f"the policy of topic {TOPIC} would have" in error.summary
    assert f"the quota is {topic_statements.MAX_BYTES}" in error.summary
    assert "corp/eu-west-1/topic_policy/fb" == error.path
    assert error.line


def test_a_policy_with_room_for_the_statement_is_planned(world: World) -> None:
    """A long statement of others and ours are sent together."""
    with_policy(world, topic_statements.MAX_BYTES - 2048).converge(SPECS)
