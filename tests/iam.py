"""The IAM permissions that a call requires, and whether a policy allows them: an independent check of `sesform.iam_policy`."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple
from unittest.mock import patch

from sesform.aws import Connection
from sesform.model import arns
from sesform.model.address import Scope

_PARTS = re.compile(r"\$\{[*?$]\}|\*|[^*?$]+")  # an escaped character, a wildcard, plain text


class Request(NamedTuple):
    """One permission that IAM checks. `resource` "*": the action does not support resources."""

    scope: Scope
    action: str
    resource: str
    context: tuple[tuple[str, str], ...] = ()


def requests_of(scope: Scope, service: str, operation: str, params: Mapping[str, Any]) -> Iterator[Request]:
    """Return the permissions that AWS checks for a call.

    Source: AWS service authorization reference, "Amazon SES", "… SES v2" and "Amazon SNS".
    """
    if service == "sqs":
        yield from _of_sqs(scope, operation, params)
    elif operation == "SendEmail":
        named = [params.get("FromEmailAddressIdentityArn") or _identity(scope, params["FromEmailAddress"])]
        named += [arns.configuration_set(scope, params[p]) for p in ("ConfigurationSetName",) if p in params]
        to = tuple(("ses:Recipients", address) for address in params["Destination"]["ToAddresses"])
        yield from (Request(scope, "ses:SendEmail", arn, to) for arn in named)
    elif service == "resourcegroupstaggingapi":
        yield Request(scope, f"tag:{operation}", "*")
    elif "ResourceArn" in params:  # a tag, of SES or SNS
        keys = tuple(("aws:TagKeys", key) for key in params.get("TagKeys", ()))
        yield Request(scope, f"{service.removesuffix('v2')}:{operation}", params["ResourceArn"], keys)
    elif service == "ses":
        yield Request(scope, f"ses:{operation}", "*")
    elif service == "sesv2":
        named = [arns.identity(scope, params[p]) for p in ("EmailIdentity",) if p in params]
        named += [arns.configuration_set(scope, params[p]) for p in ("ConfigurationSetName",) if p in params]
        yield from (Request(scope, f"ses:{operation}", arn) for arn in named or ["*"])
        role = params.get("EventDestination", {}).get("KinesisFirehoseDestination", {}).get("IamRoleArn")
        if role:
            yield Request(scope, "iam:PassRole", role, (("iam:PassedToService", "ses.amazonaws.com"),))
    elif operation == "ListTopics":
        yield Request(scope, f"sns:{operation}", "*")
    else:
        # SNS has the topic's ARN in its refusals, also for subscriptions.
        topic = arns.topic(scope, params["Name"]) if "Name" in params else params.get("TopicArn")
        topic = topic or params["SubscriptionArn"].rpartition(":")[0]
        yield Request(scope, f"sns:{operation}", topic)
        role = params.get("Attributes", {}).get("SubscriptionRoleArn")
        if role:
            yield Request(scope, "iam:PassRole", role, (("iam:PassedToService", "sns.amazonaws.com"),))


def _of_sqs(scope: Scope, operation: str, params: Mapping[str, Any]) -> Iterator[Request]:
    """Source: AWS service authorization reference, "Amazon SQS": tags at creation need the permission to tag."""
    if operation == "ListQueues":
        yield Request(scope, "sqs:ListQueues", "*")
        return
    name = params.get("QueueName") or params["QueueUrl"].rpartition("/")[2]
    for action in (operation, "TagQueue") if params.get("tags") else (operation,):
        yield Request(scope, f"sqs:{action}", arns.queue(scope, name))


def _identity(scope: Scope, address: str) -> str:
    return arns.identity(scope, address.rpartition("@")[2])


@contextmanager
def recorded() -> Iterator[list[Request]]:
    """Record the permissions that all calls within the context require, in order."""
    found: list[Request] = []
    aliases: dict[str, str] = {}
    original = Connection.call

    def call(self: Connection, service: str, operation: str, **params: Any) -> dict[str, Any]:
        if service != "kms":
            found.extend(requests_of(self.scope, service, operation, params))
            return original(self, service, operation, **params)
        # KMS checks a call by alias for the key that has the alias.
        answer = original(self, service, operation, **params)
        key = answer["KeyMetadata"]["Arn"] if operation == "DescribeKey" else params["KeyId"]
        if ":alias/" in params["KeyId"]:
            aliases[key] = params["KeyId"].rpartition(":")[2]
        context = (("kms:ResourceAliases", aliases[key]),) if key in aliases else ()
        found.append(Request(self.scope, f"kms:{operation}", key, context))
        return answer

    with patch.object(Connection, "call", call):
        yield found


def allows(policy: Mapping[str, Any], request: Request) -> bool:
    """Return whether a statement allows the request. Source: IAM user guide, "IAM JSON policy elements"."""
    return any(applies(statement, request) for statement in policy["Statement"])


def applies(statement: Mapping[str, Any], request: Request) -> bool:
    context = {"aws:RequestedRegion": request.scope.region, **dict(request.context)}
    tests = [t for tests in statement.get("Condition", {}).values() for t in tests.items()]
    return (
        statement["Effect"] == "Allow"
        and request.action in statement["Action"]
        and any(covers(pattern, request.resource) for pattern in statement["Resource"])
        and all(any(covers(value, context.get(key, "")) for value in values) for key, values in tests)
    )


def covers(pattern: str, resource: str) -> bool:
    # Only "*" allows an action that does not support resources; other patterns do not.
    if resource == "*":
        return pattern == "*"
    parts = _PARTS.findall(pattern)
    wild = (".*" if p == "*" else re.escape(p[2] if p.startswith("${") else p) for p in parts)
    return re.fullmatch("".join(wild), resource) is not None
