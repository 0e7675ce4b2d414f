"""Resource policies as JSON documents: read, write, and the policy that SNS gives a new topic."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from sesform.model import arns

SES = "ses.amazonaws.com"  # the service principal of SES

Document = dict[str, Any]

# Seen on AWS: localstack's recorded snapshots of SNS.
_DEFAULT_ACTIONS = (
    "SNS:GetTopicAttributes",
    "SNS:SetTopicAttributes",
    "SNS:AddPermission",
    "SNS:RemovePermission",
    "SNS:DeleteTopic",
    "SNS:Subscribe",
    "SNS:ListSubscriptionsByTopic",
    "SNS:Publish",
)


class Source(NamedTuple):
    """The identity or configuration set that SES publishes for, and the account that SES presents as its owner."""

    account: str
    arn: str


def parse(text: str) -> Document:
    """Return the document of a policy text. Raises ValueError if it is not a JSON object whose statements are objects."""
    document = json.loads(text)
    if not isinstance(document, dict):
        raise ValueError("the policy is not a JSON object")
    for statement in statements(document):
        if not isinstance(statement, dict):
            raise ValueError("a statement is not a JSON object")
    return document


def statements(document: Mapping[str, Any]) -> list[Any]:
    """Return the statements as a list. IAM's grammar allows a single statement without one."""
    return listed(document.get("Statement"))


def listed(value: Any) -> list[Any]:
    """Return a list as it is, no value as no element, any other value as the only element."""
    if isinstance(value, list):
        return value
    return [] if value is None else [value]


def compact(document: Mapping[str, Any]) -> str:
    """Return the text of a document without insignificant white space, as AWS returns it."""
    return json.dumps(document, separators=(",", ":"))


def default_topic_policy(topic_arn: str) -> Document:
    """Return the policy of a new topic: its own account may do everything (seen on AWS: localstack's recorded snapshots)."""
    topic = arns.parse(topic_arn)
    statement = {
        "Sid": "__default_statement_ID",
        "Effect": "Allow",
        "Principal": {"AWS": "*"},
        "Action": list(_DEFAULT_ACTIONS),
        "Resource": topic_arn,
        "Condition": {"StringEquals": {"AWS:SourceOwner": topic.account if topic else ""}},
    }
    return {"Version": "2008-10-17", "Id": "__default_policy_ID", "Statement": [statement]}
