"""Event destinations of configuration sets: the definitions that SES accepts, in the form of SES v2, for both API versions."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sesform.model import arns
from sesform.model.values import EVENT_TYPES, NOT_FOR_PINPOINT
from sesform_sandbox import deliveries, rules
from sesform_sandbox.context import Context
from sesform_sandbox.policy import Source

# SES developer guide, "Quotas": 10 destinations a configuration set, 10 dimensions a CloudWatch destination.
MAX_DESTINATIONS = MAX_DIMENSIONS = 10

KINDS = (
    "KinesisFirehoseDestination",
    "CloudWatchDestination",
    "SnsDestination",
    "EventBridgeDestination",
    "PinpointDestination",
)

# `ses:source-ip` and the other automatic tags hold a colon and work (SES developer guide, "Add a CloudWatch event destination").
_DIMENSION_NAME = re.compile(r"[A-Za-z0-9_:-]{1,256}")
_DIMENSION_DEFAULT = re.compile(r"[A-Za-z0-9_@.-]{1,256}")

# Seen on AWS in localstack's recorded snapshots (tests/aws/services/ses): not JSON.
TEST_MESSAGE = "Successfully validated SNS topic for Amazon SES event publishing."


# Compared with AWS by floci-io/floci.
_ONE_TARGET = (
    "Please provide only one destination with each request. Either a Firehose Destination or a Cloudwatch Destination or an SNS "
    "Destination or an EventBridge Destination."
)


class BadDestination(ValueError):
    """A definition that SES refuses.

    `kind`: the faulty target kind, "" if the definition as a whole is faulty. `text_v1`: the text of SES v1, where it differs.
    """

    def __init__(self, text: str, kind: str = "", text_v1: str = "") -> None:
        super().__init__(text)
        self.kind, self.text_v1 = kind, text_v1 or text


def kind_of(definition: Mapping[str, Any]) -> str:
    """Return the only target kind of a definition. Raises BadDestination for none or several."""
    kinds = [kind for kind in KINDS if kind in definition]
    if not kinds:
        raise BadDestination("sandbox: the event destination has no target.")
    if len(kinds) > 1:
        raise BadDestination(_ONE_TARGET)
    return kinds[0]


def already_exists(name: str, set_name: str) -> str:
    """Return AWS's text for a name that is taken (compared with AWS by floci-io/floci)."""
    return f"An event destination with name <{name}> already exists for configuration set <{set_name}>."


def checked(context: Context, set_name: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return an EventDestinationDefinition in the form that is stored and returned. Raises BadDestination.

    A missing Enabled is false (SES v2 API reference, EventDestinationDefinition). SES returns event types sorted (seen on AWS:
    hashicorp/terraform-provider-aws#36896).
    """
    kind = kind_of(given)
    types = sorted(set(given.get("MatchingEventTypes") or ()))
    if not types:
        raise BadDestination("sandbox: MatchingEventTypes must not be empty.")
    if unknown := [t for t in types if t not in EVENT_TYPES]:
        raise BadDestination(f"sandbox: Unknown event type {unknown[0]}.")
    target = dict(given[kind])
    _CHECKS[kind](context, set_name, target, types)
    return {"Enabled": given.get("Enabled", False), "MatchingEventTypes": types, kind: target}


def announce(context: Context, definition: Mapping[str, Any]) -> None:
    """Publish SES's test message to the topic of a new destination; for an updated one this is assumed."""
    if "SnsDestination" in definition:
        deliveries.publish(context, definition["SnsDestination"]["TopicArn"], TEST_MESSAGE)


def _sns(context: Context, set_name: str, target: dict[str, Any], types: list[str]) -> None:
    topic = target["TopicArn"]
    publisher = Source(context.account, arns.configuration_set(context.scope, set_name))
    fault = rules.topic_fault(context, topic, [publisher])
    if fault == "missing":
        # Text seen on AWS for version 1: localstack's recorded snapshots (test_cannot_create_event_for_no_topic).
        raise BadDestination(f"SNS topic <{topic}> not found.", "SnsDestination")
    if fault == "invalid":
        raise BadDestination(f"sandbox: SNS topic <{topic}> is invalid.", "SnsDestination")
    if fault:
        # Seen on AWS for a topic's policy and its key, in READMEs of public Terraform modules. Version 1 and CloudFormation name
        # the key: "Access denied to KMS key …".
        text = f"Could not publish message to SNS topic <{topic}>."
        of_key = f"Access denied to KMS key of SNS topic <{topic}>." if fault == "encrypted" else ""
        raise BadDestination(text, "SnsDestination", of_key)


def _firehose(context: Context, set_name: str, target: dict[str, Any], types: list[str]) -> None:
    stream, role = arns.parse(target["DeliveryStreamArn"]), arns.parse(target["IamRoleArn"])
    if stream is None or stream.service != "firehose" or not stream.resource.startswith("deliverystream/"):
        raise BadDestination(
            f"sandbox: Invalid delivery stream ARN {target['DeliveryStreamArn']}.", "KinesisFirehoseDestination"
        )
    if (stream.partition, stream.region) != (context.partition, context.region):
        raise BadDestination("sandbox: The delivery stream must be in the same region.", "KinesisFirehoseDestination")
    if role is None or role.service != "iam" or not role.resource.startswith("role/"):
        raise BadDestination(f"sandbox: Invalid IAM role ARN {target['IamRoleArn']}.", "KinesisFirehoseDestination")


def _cloudwatch(context: Context, set_name: str, target: dict[str, Any], types: list[str]) -> None:
    dimensions = target["DimensionConfigurations"]
    if not 1 <= len(dimensions) <= MAX_DIMENSIONS:
        raise BadDestination(
            f"sandbox: A CloudWatch destination has 1 to {MAX_DIMENSIONS} dimensions.", "CloudWatchDestination"
        )
    names = [d["DimensionName"] for d in dimensions]
    if len(set(names)) != len(names):
        raise BadDestination("sandbox: Dimension names must be unique.", "CloudWatchDestination")
    for dimension in dimensions:
        if not _DIMENSION_NAME.fullmatch(dimension["DimensionName"]):
            raise BadDestination(
                f"sandbox: Invalid dimension name {dimension['DimensionName']}.", "CloudWatchDestination"
            )
        if not _DIMENSION_DEFAULT.fullmatch(dimension["DefaultDimensionValue"]):
            raise BadDestination(
                f"sandbox: Invalid default dimension value {dimension['DefaultDimensionValue']}.",
                "CloudWatchDestination",
            )
        if dimension["DimensionValueSource"] not in ("MESSAGE_TAG", "EMAIL_HEADER", "LINK_TAG"):
            raise BadDestination(
                f"sandbox: Invalid dimension value source {dimension['DimensionValueSource']}.",
                "CloudWatchDestination",
            )


def _event_bridge(context: Context, set_name: str, target: dict[str, Any], types: list[str]) -> None:
    # SES v2 API reference, EventBridgeDestination: only the default bus of the account is supported.
    if target["EventBusArn"] != arns.event_bus(context.scope, "default"):
        raise BadDestination(
            "sandbox: Only the default event bus of the account and region is supported.", "EventBridgeDestination"
        )


def _pinpoint(context: Context, set_name: str, target: dict[str, Any], types: list[str]) -> None:
    # SES v2 API reference, PinpointDestination: these two types are not supported.
    if refused := sorted(NOT_FOR_PINPOINT & set(types)):
        raise BadDestination(
            f"sandbox: Event type {refused[0]} is not supported for Pinpoint destinations.", "PinpointDestination"
        )
    arn = arns.parse(target.get("ApplicationArn") or "")
    if arn is None or arn.service != "mobiletargeting" or arn.scope != context.scope:
        raise BadDestination(
            f"sandbox: Invalid Pinpoint application ARN {target.get('ApplicationArn')}.", "PinpointDestination"
        )


_CHECKS = {
    "KinesisFirehoseDestination": _firehose,
    "CloudWatchDestination": _cloudwatch,
    "SnsDestination": _sns,
    "EventBridgeDestination": _event_bridge,
    "PinpointDestination": _pinpoint,
}
