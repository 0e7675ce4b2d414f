"""Deleted IAM users and roles in topic policies: SNS refuses every change of such a policy, so the plan says so."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sesform.policies import topic_statements
from world import OWNER, World

ID = "AROAEXAMPLEEXAMPLE123"
GONE = "arn:aws:iam::333333333333:role/gone"
TOPIC = f"arn:aws:sns:eu-west-1:{OWNER}:fb"
SPECS = f"""
kind: Owner
name: corp
account: "{OWNER}"
regions: [eu-west-1]
topics: {{fb: {{}}}}
identities: {{example.com: {{notifications: {{bounce: fb}}}}}}
"""
DROPPING = SPECS.replace("fb: {}", "fb: {drop_deleted_principals: true}")


def statement(sid: str, principal: Any) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Principal": principal, "Action": "SNS:Publish", "Resource": TOPIC}


def with_statements(world: World, *statements: dict[str, Any], name: str = ID) -> World:
    """A topic whose policy has these statements, of which the role GONE was deleted."""
    world.identity("example.com")
    sns = world.client("sns")
    sns.create_topic(Name="fb")
    document = json.dumps({"Version": "2008-10-17", "Statement": list(statements)})
    sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="Policy", AttributeValue=document)
    world.sandbox.delete_principal(GONE, name)
    return world


def policy(world: World) -> list[dict[str, Any]]:
    attributes = world.client("sns").get_topic_attributes(TopicArn=TOPIC)["Attributes"]
    found: list[dict[str, Any]] = json.loads(attributes["Policy"])["Statement"]
    return found


@pytest.mark.parametrize("name", [ID, "AIDAEXAMPLEEXAMPLE123"])
def test_a_plan_that_changes_such_a_policy_is_an_error(world: World, name: str) -> None:
    """The error names the statement and the principal, and says how to remove it; nothing is sent to SNS."""
    plan = with_statements(world, statement("Theirs", {"AWS": GONE}), name=name).plan(SPECS)
    (error,) = plan.errors

    assert f"{name} in statement Theirs" in error.summary
    assert "topics.fb.drop_deleted_principals" in error.hint
    assert "corp/eu-west-1/topic_policy/fb" == error.path


def test_the_option_removes_only_what_grants_nothing(world: World) -> None:
    """Other principals of the statement stay, and so do other statements; a statement without another principal goes."""
    other = "arn:aws:iam::333333333333:root"
    estate = with_statements(
        world,
        statement("Both", {"AWS": [GONE, other]}),
        statement("Only", {"AWS": GONE}),
        statement("Service", {"AWS": GONE, "Service": "s3.amazonaws.com"}),
        statement("Kept", {"AWS": other}),
    )
    estate.converge(DROPPING)

    assert [
        ("Both", {"AWS": [other]}),
        ("Service", {"Service": "s3.amazonaws.com"}),
        ("Kept", {"AWS": other}),
        (f"SesformPublish{OWNER}", {"Service": "ses.amazonaws.com"}),
    ] == [(s["Sid"], s["Principal"]) for s in policy(estate)]


def test_a_policy_that_does_not_change_is_no_problem(world: World) -> None:
    """Without a change of the policy nothing is refused, so nothing is said."""
    world.identity("example.com")
    world.converge(SPECS)
    estate = with_statements(world, *policy(world), statement("Theirs", {"AWS": GONE}))

    assert ((), ()) == (estate.plan(SPECS).errors, estate.plan(SPECS).changes)


def test_a_statement_about_everyone_else_stays() -> None:
    """NotPrincipal applies to everyone who is not named, so removing a name would change its meaning."""
    document = {"Statement": [{"Sid": "X", "Effect": "Deny", "NotPrincipal": {"AWS": ID}}]}

    assert document == topic_statements.without_deleted_principals(document)
    assert [("X", ID)] == topic_statements.deleted_principals(document)
