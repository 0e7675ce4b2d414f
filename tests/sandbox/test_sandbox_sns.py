"""SNS topics: idempotent creation, attributes, policies, other accounts, tags."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"
ARN = f"arn:aws:sns:{REGION}:{OWNER}:feedback"


@pytest.fixture
def sns(aws: Any) -> Any:
    aws.topic()
    return aws("sns")


def _attributes(sns: Any, arn: str = ARN) -> dict[str, str]:
    found: dict[str, str] = sns.get_topic_attributes(TopicArn=arn)["Attributes"]
    return found


def _set(sns: Any, name: str, value: str) -> None:
    sns.set_topic_attributes(TopicArn=ARN, AttributeName=name, AttributeValue=value)


def _policy(**changes: Any) -> str:
    allow = {"Sid": "a", "Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "SNS:Publish", "Resource": ARN}
    kept = {k: v for k, v in (allow | changes).items() if v is not None}
    return json.dumps({"Version": "2012-10-17", "Statement": [kept]})


def test_fresh_topic(sns: Any) -> None:
    """The default policy, and no attribute that has its default, but for an empty DisplayName."""
    found = _attributes(sns)
    policy = json.loads(found.pop("Policy"))

    assert set(found) == {
        "TopicArn",
        "Owner",
        "DisplayName",
        "EffectiveDeliveryPolicy",
        "SubscriptionsConfirmed",
        "SubscriptionsPending",
        "SubscriptionsDeleted",
    }
    assert (found["TopicArn"], found["Owner"], found["DisplayName"]) == (ARN, OWNER, "")
    assert (policy["Version"], policy["Id"]) == ("2008-10-17", "__default_policy_ID")
    assert policy["Statement"][0]["Condition"] == {"StringEquals": {"AWS:SourceOwner": OWNER}}
    assert len(policy["Statement"][0]["Action"]) == 8


def test_creating_again_is_quiet(sns: Any) -> None:
    """Without attributes, with the current ones, and with the current tags: the same ARN, nothing changed."""
    _set(sns, "DisplayName", "Hello")
    sns.tag_resource(ResourceArn=ARN, Tags=[{"Key": "a", "Value": "b"}])
    for more in ({}, {"Attributes": {"DisplayName": "Hello"}}, {"Tags": [{"Key": "a", "Value": "b"}]}):
        assert sns.create_topic(Name="feedback", **more)["TopicArn"] == ARN
    assert _attributes(sns)["DisplayName"] == "Hello"


def test_creating_again_with_something_else_is_refused(sns: Any, refused: Any) -> None:
    """Other attributes, other tags."""
    with refused(
        "InvalidParameter", "Invalid parameter: Attributes Reason: Topic already exists with different attributes"
    ):
        sns.create_topic(Name="feedback", Attributes={"DisplayName": "Other"})
    with refused("InvalidParameter", "Invalid parameter: Tags Reason: Topic already exists with different tags"):
        sns.create_topic(Name="feedback", Tags=[{"Key": "a", "Value": "b"}])


@pytest.mark.parametrize("name", ["a b", "x" * 257, "a.fifo"])
def test_invalid_names(sns: Any, refused: Any, name: str) -> None:
    """Alphabet, length, and FIFO names without FifoTopic."""
    with refused("InvalidParameter", "Invalid parameter: Topic Name"):
        sns.create_topic(Name=name)


def test_missing_topic(sns: Any, refused: Any) -> None:
    """Reading is NotFound, deleting is quiet."""
    arn = ARN + "-no"
    sns.delete_topic(TopicArn=arn)

    with refused("NotFound", "Topic does not exist", 404):
        _attributes(sns, arn)


def test_topic_of_another_region(aws: Any, sns: Any, refused: Any) -> None:
    """The ARN is an invalid parameter."""
    with refused("InvalidParameter", "Invalid parameter: TopicArn"):
        _attributes(aws("sns", region="us-east-1"))


def test_deleted_topic_is_gone_with_its_policy_and_subscriptions(sns: Any) -> None:
    """One of the same name starts afresh."""
    _set(sns, "Policy", _policy())
    sns.subscribe(TopicArn=ARN, Protocol="email", Endpoint="a@b.example")
    sns.delete_topic(TopicArn=ARN)
    sns.create_topic(Name="feedback")

    assert "__default_policy_ID" in _attributes(sns)["Policy"]
    assert sns.list_subscriptions_by_topic(TopicArn=ARN)["Subscriptions"] == []


@pytest.mark.parametrize(
    ("name", "value", "unset"),
    [
        ("DisplayName", "Hello", ""),
        ("KmsMasterKeyId", "alias/mine", ""),
        ("SignatureVersion", "2", "1"),
        ("TracingConfig", "Active", "PassThrough"),
        ("DeliveryPolicy", '{"http":{}}', ""),
    ],
)
def test_attributes_with_their_default_are_absent(sns: Any, name: str, value: str, unset: str) -> None:
    """Set they are there; with the default's value they are gone."""
    _set(sns, name, value)

    assert _attributes(sns)[name] == value

    _set(sns, name, unset)

    assert _attributes(sns).get(name, "") == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Owner", "x"),
        ("FifoTopic", "true"),
        ("ContentBasedDeduplication", "true"),
        ("DeliveryPolicy", "{"),
        ("SignatureVersion", "3"),
    ],
)
def test_attributes_that_are_refused(sns: Any, refused: Any, name: str, value: str) -> None:
    """Unknown ones, FIFO's on a standard topic, bad values."""
    with refused("InvalidParameter"):
        _set(sns, name, value)


def test_topics_are_listed_for_the_account_and_region(aws: Any, sns: Any) -> None:
    """Accounts and regions do not see each other's; pages of 100."""
    for n in range(100):
        sns.create_topic(Name=f"t{n:03}")
    first = sns.list_topics()
    second = sns.list_topics(NextToken=first["NextToken"])

    assert (len(first["Topics"]), len(second["Topics"])) == (100, 1)
    assert aws("sns", DELEGATE).list_topics()["Topics"] == []
    assert aws("sns", region="us-east-1").list_topics()["Topics"] == []


# --- policies ----------------------------------------------------------------------------------------------------------


def test_policy_is_replaced_whole(sns: Any) -> None:
    """Without white space; the default is gone."""
    _set(sns, "Policy", _policy())

    assert _attributes(sns)["Policy"] == json.dumps(json.loads(_policy()), separators=(",", ":"))


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        (DELEGATE, f"arn:aws:iam::{DELEGATE}:root"),
        ([DELEGATE, f"arn:aws:iam::{OWNER}:role/r"], [f"arn:aws:iam::{DELEGATE}:root", f"arn:aws:iam::{OWNER}:role/r"]),
    ],
)
def test_bare_account_ids_come_back_as_root(sns: Any, sent: Any, kept: Any) -> None:
    """Alone and in a list."""
    _set(sns, "Policy", _policy(Principal={"AWS": sent}))

    assert json.loads(_attributes(sns)["Policy"])["Statement"][0]["Principal"] == {"AWS": kept}


def test_a_statement_may_name_every_resource(sns: Any) -> None:
    """SNS accepts "*" for the topic itself (AWS CloudFormation user guide, AWS::SNS::TopicPolicy)."""
    _set(sns, "Policy", _policy(Resource="*"))

    assert json.loads(_attributes(sns)["Policy"])["Statement"][0]["Resource"] == "*"


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"Statement": []}', '{"Statement": ["x"]}'])
def test_policy_cannot_be_emptied(sns: Any, refused: Any, text: str) -> None:
    """Nor be anything but a policy."""
    with refused("InvalidParameter", "Invalid parameter: Policy Error: null"):
        _set(sns, "Policy", text)


@pytest.mark.parametrize(
    "changes",
    [
        {"Resource": [ARN, ARN + "2"]},
        {"Resource": None},
        {"Principal": None},
        {"Principal": {"AWS": "AROAEXAMPLE"}},
        {"Principal": "somebody"},
        {"Action": "SES:SendEmail"},
        {"Action": None},
        {"Effect": None},
        {"Sid": "x" * 31_000},
        {"Condition": {"StringEquals": "x"}},
    ],
)
def test_statements_that_are_refused(sns: Any, refused: Any, changes: dict[str, Any]) -> None:
    """Wrong resource, principal, action or effect; too long."""
    with refused("InvalidParameter"):
        _set(sns, "Policy", _policy(**changes))


def test_sids_are_unique(sns: Any, refused: Any) -> None:
    """Two statements of one Sid are refused."""
    policy = json.loads(_policy())
    policy["Statement"] *= 2
    with refused("InvalidParameter"):
        _set(sns, "Policy", json.dumps(policy))


def test_permissions(sns: Any, refused: Any) -> None:
    """AddPermission adds a statement, refuses the same label and foreign actions; RemovePermission takes it away."""
    given = {"TopicArn": ARN, "Label": "l", "AWSAccountId": [DELEGATE]}
    sns.add_permission(**given, ActionName=["Publish"])

    assert json.loads(_attributes(sns)["Policy"])["Statement"][1] == {
        "Sid": "l",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{DELEGATE}:root"},
        "Action": "SNS:Publish",
        "Resource": ARN,
    }
    with refused("InvalidParameter", "Invalid parameter: Statement already exists"):
        sns.add_permission(**given, ActionName=["Publish"])
    with refused("InvalidParameter", "Invalid parameter: Policy statement action out of service scope!"):
        sns.add_permission(**given | {"Label": "m"}, ActionName=["SendEmail"])

    sns.remove_permission(TopicArn=ARN, Label="l")

    assert len(json.loads(_attributes(sns)["Policy"])["Statement"]) == 1


# --- other accounts ----------------------------------------------------------------------------------------------------


def test_other_accounts_may_nothing_by_default(aws: Any, sns: Any, refused: Any) -> None:
    """Reading, writing, subscribing, listing and deleting are AuthorizationErrors, 403."""
    other = aws("sns", DELEGATE)
    calls: list[Callable[[], Any]] = [
        lambda: other.get_topic_attributes(TopicArn=ARN),
        lambda: other.set_topic_attributes(TopicArn=ARN, AttributeName="DisplayName", AttributeValue="x"),
        lambda: other.subscribe(TopicArn=ARN, Protocol="email", Endpoint="a@b.example"),
        lambda: other.list_subscriptions_by_topic(TopicArn=ARN),
        lambda: other.delete_topic(TopicArn=ARN),
        lambda: other.publish(TopicArn=ARN, Message="x"),
        lambda: other.get_topic_attributes(TopicArn=ARN + "-missing"),
    ]
    for call in calls:
        with refused("AuthorizationError", status=403):
            call()


@pytest.mark.parametrize(
    "changes",
    [
        {"Principal": {"AWS": DELEGATE}},
        {"Principal": {"AWS": "*"}},
        {"Principal": "*", "Condition": {"StringEquals": {"AWS:SourceAccount": [OWNER, DELEGATE]}}},
        {"Principal": {"AWS": DELEGATE}, "Action": ["SNS:Get*"]},
    ],
)
def test_policy_lets_another_account_read(aws: Any, sns: Any, changes: dict[str, Any]) -> None:
    """Allowed by account, by any principal, by condition, by wildcard."""
    _set(sns, "Policy", _policy(**{"Action": "SNS:GetTopicAttributes"} | changes))

    assert _attributes(aws("sns", DELEGATE))["Owner"] == OWNER


@pytest.mark.parametrize(
    "changes",
    [
        {"Effect": "Deny"},
        {"Principal": {"AWS": "333333333333"}},
        {"Action": "SNS:Publish"},
        {"Condition": {"StringEquals": {"AWS:SourceAccount": OWNER}}},
        {"Condition": {"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}},
        {"Principal": None, "NotPrincipal": {"AWS": OWNER}},
    ],
)
def test_policy_that_does_not_let_another_account_read(
    aws: Any, sns: Any, refused: Any, changes: dict[str, Any]
) -> None:
    """Refused: a denial, another account, another action, another account's condition, an unknown condition."""
    _set(sns, "Policy", _policy(**{"Action": "SNS:GetTopicAttributes"} | changes))
    with refused("AuthorizationError", status=403):
        _attributes(aws("sns", DELEGATE))


# --- tags and publishing -----------------------------------------------------------------------------------------------


def test_tags(sns: Any, refused: Any) -> None:
    """Set, changed, removed; a missing topic is ResourceNotFound."""
    sns.tag_resource(ResourceArn=ARN, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    sns.untag_resource(ResourceArn=ARN, TagKeys=["a"])

    assert sns.list_tags_for_resource(ResourceArn=ARN)["Tags"] == [{"Key": "b", "Value": "2"}]
    with refused("ResourceNotFound", "Resource does not exist", 404):
        sns.list_tags_for_resource(ResourceArn=ARN + "-no")


def test_publishing_is_recorded(aws: Any, sns: Any) -> None:
    """A caller's message is on the record beside SES's."""
    sns.publish(TopicArn=ARN, Message="hello")

    assert aws.sandbox.published == [(ARN, "hello")]
