"""The texts of refusals: each is one that was seen on AWS, with its source here, or begins with `sandbox:`."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import sesform_sandbox
from sesform.aws import failures, retries

FOLDER = Path(sesform_sandbox.__file__).parent
REFUSING = {"Refusal", "BadDestination", "BadPolicy", "_BadFilter", "invalid", "_refused", "_invalid"}

ONE_TARGET = (
    "Please provide only one destination with each request. Either a Firehose Destination or a Cloudwatch Destination or "
    "an SNS Destination or an EventBridge Destination."
)

# Texts by source, with {} for values. "Invalid parameter: " is before each text of SNS.
SEEN = {
    "boto/boto3#2645; floci-io/floci": ["Identity {} is invalid. {} be a verified email address or domain."],
    "ansible-collections/community.aws#150": ["SNS topic {} is invalid."],
    "hashicorp/terraform-provider-aws#22549": ["Policy contains an invalid principal."],
    "hashicorp/terraform-provider-aws#22549, a lab note": [
        "Invalid identity. Must be a verified email address or domain."
    ],
    "awsdocs/amazon-cognito-developer-guide#41": ["Unknown or unapplicable condition field '{}'."],
    "floci-io/floci#1750, compared with AWS": [
        "Policy <{}> already exists for identity <{}>.",
        "Policy <{}> does not exist for identity <{}>.",
        "Number of policies for identity {} exceeds max allowed {}.",
    ],
    "floci-io/floci#723, compared with AWS": ["Email identity {} does not exist.", "Email identity {} already exist."],
    "floci-io/floci, compared with AWS": [
        "An event destination with name <{}> already exists for configuration set <{}>.",
        "An event destination with name <{}> does not exist for configuration set <{}>.",
        ONE_TARGET,
        "Provided MAIL-FROM domain <{}> is not subdomain of the domain of the identity <{}>.",
    ],
    "localstack, recorded snapshots of SES": [
        "Configuration set <{}> does not exist.",
        "Configuration set <{}> already exists.",
        "No EventDestination found for {}",
        "SNS topic <{}> not found.",
    ],
    "READMEs of public Terraform modules": ["Could not publish message to SNS topic <{}>."],
    "localstack, recorded snapshots of SNS, and its validators": [
        "Attributes Reason: Subscription already exists with different attributes",
        "Attributes Reason: Topic already exists with different attributes",
        "Attributes Reason: {}: Invalid value [{}]. Must be true or false.",
        "Attributes Reason: {}: failed to parse JSON.",
        "Amazon SNS does not support this protocol string: {}",
        "AttributeName",
        "DeliveryPolicy: failed to parse JSON",
        "DisplayName",
        "Email address",
        "Endpoint must match the specified protocol",
        'FilterPolicy: "{}" must be an object or an array',
        "FilterPolicy: Filter policy can not have more than 5 keys",
        "FilterPolicy: Filter policy is too complex",
        "FilterPolicy: Match value must be String, number, true, false, or null",
        "FilterPolicy: Unrecognized match type {}",
        "Filter policy scope MessageAttributes does not support nested filter policy",
        "FilterPolicyScope: Invalid value [{}]. Please use either MessageBody or MessageAttributes",
        "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
        "Invalid parameter: {}",
        "Invalid parameter: {}{}",
        "NextToken",
        "Not authorized",
        "Policy statement action out of service scope!",
        "Resource does not exist",
        "SignatureVersion",
        "Statement already exists",
        "Subscription does not exist",
        "SubscriptionArn",
        "SubscriptionArn Reason: An ARN must have at least 6 elements, not {}",
        "SubscriptionArn Reason: {}",
        "Tags Reason: Topic already exists with different tags",
        "Token",
        "Topic Name",
        "Topic does not exist",
        "TopicArn or TargetArn Reason: no value for required parameter",
        "{} Reason: An ARN must have at least 6 elements, not {}",
        "{} Reason: the attribute is only valid for FIFO topics",
        "{} endpoint ARN",
        "Could not complete request: tag quota of per resource exceeded",
    ],
    "cloud-custodian#1779; hashicorp/terraform-provider-aws#26041": [
        "Policy Error: null",
        "Policy Error: PrincipalNotFound",
    ],
    "AWS's general answers": [
        "1 validation error detected: Value '{}' at '{}' failed to satisfy constraint: {}",
        "1 validation error detected: Value at 'identities' failed to satisfy constraint: {}",
        "1 validation error detected: Value '{}' at 'configurationSetAttributeNames'",
        "1 validation error detected: {}",
        "Could not find operation {} for version {}",
        "Rate exceeded",
        "Request is missing Authentication Token",
        "User: {} is not authorized to perform: SNS:{} on resource: {} {}",
        "User: {} is not authorized to perform: sts:AssumeRole on resource: {}",
        "{} is invalid",
    ],
    "AWS KMS API reference and its common answers": [
        "An alias with the name {} already exists.",
        "Invalid alias name {}.",
        "Invalid keyId {}",
        "{} {} is not found.",
    ],
}
KNOWN = {text for texts in SEEN.values() for text in texts}


def pattern(node: ast.expr) -> str | None:
    """The text of a literal, with {} for values; None for another expression."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    if isinstance(node, ast.JoinedStr):
        return "".join(str(v.value) if isinstance(v, ast.Constant) else "{}" for v in node.values)
    return None


def texts() -> Iterator[tuple[str, str]]:
    """(place, text) of each literal text of a refusal; codes and names have no space and no brace, so they are told apart."""
    for file in sorted(FOLDER.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            name = getattr(getattr(node, "func", None), "id", "")
            if isinstance(node, ast.Call) and name in REFUSING:
                arguments = node.args[1:2] if name == "Refusal" else node.args[:1]
                for text in filter(None, map(pattern, arguments)):
                    yield f"{file.name}:{node.lineno}", text


def test_each_text_was_seen_on_aws_or_is_marked() -> None:
    """A text without a source begins with `sandbox:`, so that nothing can be made to match it by mistake."""
    assert [(place, t) for place, t in texts() if not t.startswith("sandbox: ") and t not in KNOWN] == []


def test_the_table_has_no_text_that_is_not_used() -> None:
    """The table of sources follows the sandbox."""
    source = "\n".join(file.read_text(encoding="utf-8") for file in FOLDER.glob("*.py"))
    used = {text for _, text in texts()}
    assert [t for t in KNOWN - used if t.split("{}")[0].split(".")[0][:40] not in source] == []


@pytest.mark.parametrize("text", sorted({t for _, t in texts() if t.startswith("sandbox: ")}))
def test_sesform_matches_no_text_that_the_sandbox_makes_up(text: str) -> None:
    """No rule of a retry or a hint of the product matches a marked text."""
    assert [rule for rule in retries._NOT_YET if re.search(rule.text, text)] == []
    assert [p for p, _ in failures._TEXTS if re.search(p, text, re.IGNORECASE)] == []
