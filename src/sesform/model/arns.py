"""Amazon resource names: the only place that builds and parses them, so that no partition is hard-coded.

Source: AWS General Reference, "Amazon Resource Names", and the service authorization reference of SES and SNS.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from sesform.model.address import Scope

_PARTITIONS = (
    ("cn-", "aws-cn"),
    ("us-gov-", "aws-us-gov"),
    ("eusc-", "aws-eusc"),
    ("us-isob-", "aws-iso-b"),
    ("us-iso-", "aws-iso"),
)
_ARN = re.compile(r"arn:(aws[a-z0-9-]*):([a-z0-9-]+):([a-z0-9-]*):([0-9]{12}|):(\S+)")

_UNIQUE_ID = re.compile(r"(?:AIDA|AROA)[A-Z0-9]{12,}")  # IAM user guide, "IAM identifiers": prefixes of users and roles


class Arn(NamedTuple):
    """The parts of an ARN. `resource`: everything after the account."""

    partition: str
    service: str
    region: str
    account: str
    resource: str

    def __str__(self) -> str:
        return "arn:" + ":".join(self)

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)


def parse(text: str) -> Arn | None:
    """Return the parts of an ARN, or None if the text is not an ARN."""
    match = _ARN.fullmatch(text)
    return Arn(*match.groups()) if match else None


def resource(text: str) -> str:
    """Return what an ARN has after the account, e.g. the name of a topic. A text that is not an ARN is returned as it is."""
    arn = parse(text)
    return arn.resource if arn else text


def spoken(text: str) -> str:
    """Return what an ARN of SES names, in words: "identity example.com" or "configuration set main"."""
    kind, _, name = resource(text).partition("/")
    return f"{kind.replace('-', ' ')} {name}"


@lru_cache(maxsize=256)
def partition(region: str) -> str:
    """Return the partition of a region: "aws" unless the region's name says otherwise."""
    return next((name for prefix, name in _PARTITIONS if region.startswith(prefix)), "aws")


def is_iam_principal(name: str) -> bool:
    """Return whether a policy's principal is an IAM user or role, named by its ARN."""
    arn = parse(name)
    return arn is not None and arn.service == "iam" and arn.resource.startswith(("user/", "role/"))


def is_deleted_principal(name: str) -> bool:
    """Return whether a policy's principal is the unique id of an IAM user or role, e.g. "AROAEXAMPLEEXAMPLE123".

    AWS shows this id in place of the ARN once the user or role is deleted, and refuses it in a document that is sent back
    (hashicorp/terraform-provider-aws#29226, #38178). A new user or role of the same name has another id.
    """
    return _UNIQUE_ID.fullmatch(name) is not None


def topic(scope: Scope, name: str) -> str:
    return f"arn:{partition(scope.region)}:sns:{scope.region}:{scope.account}:{name}"


def identity(scope: Scope, name: str) -> str:
    return f"arn:{partition(scope.region)}:ses:{scope.region}:{scope.account}:identity/{name}"


def literal(text: str) -> str:
    """Return an ARN as the resource of an IAM policy, with `*`, `?` and `$`, which e-mail addresses may contain, escaped.

    Source: IAM user guide, "IAM policy elements: variables and tags", on special characters.
    """
    return re.sub(r"[*?$]", r"${\g<0>}", text)


def configuration_set(scope: Scope, name: str) -> str:
    return f"arn:{partition(scope.region)}:ses:{scope.region}:{scope.account}:configuration-set/{name}"


def kms_key(scope: Scope, reference: str) -> str:
    """Return the ARN of a KMS key or alias. `key`: an ARN, or a key id or `alias/…` of this account and region."""
    if reference.startswith("arn:"):
        return reference
    resource = reference if reference.startswith(("alias/", "key/")) else f"key/{reference}"
    return f"arn:{partition(scope.region)}:kms:{scope.region}:{scope.account}:{resource}"


def queue(scope: Scope, name: str) -> str:
    return f"arn:{partition(scope.region)}:sqs:{scope.region}:{scope.account}:{name}"


def event_bus(scope: Scope, name: str) -> str:
    return f"arn:{partition(scope.region)}:events:{scope.region}:{scope.account}:event-bus/{name}"


def account_root(account: str, of_partition: str) -> str:
    return f"arn:{of_partition}:iam::{account}:root"


def topic_key(topic_arn: str, key: str) -> str:
    """Return the ARN of a topic's KMS key, which the topic may name by its id or alias alone."""
    topic = parse(topic_arn)
    return kms_key(topic.scope, key) if topic else key
