"""Check answers of AWS: what sesform reads of them must be there, in the form that the service model states."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from sesform.errors import AwsError

# What is read of an answer and must be in it, by operation. `[]`: each entry of a list, `{}`: each value of a map. Members that
# AWS leaves out where there is nothing to say are not here. Fields on the way to a required one are optional unless they are
# listed, too.
REQUIRED: dict[str, tuple[str, ...]] = {
    "GetCallerIdentity": ("Account", "Arn"),
    "GetIdentityNotificationAttributes": ("NotificationAttributes", "NotificationAttributes.{}.ForwardingEnabled"),
    "ListEmailIdentities": ("EmailIdentities", "EmailIdentities.[].IdentityName"),
    "GetConfigurationSetEventDestinations": (
        "EventDestinations.[].Name",
        "EventDestinations.[].MatchingEventTypes",
        "EventDestinations.[].CloudWatchDestination.DimensionConfigurations.[].DimensionName",
        "EventDestinations.[].CloudWatchDestination.DimensionConfigurations.[].DimensionValueSource",
        "EventDestinations.[].CloudWatchDestination.DimensionConfigurations.[].DefaultDimensionValue",
    ),
    "LookupEvents": ("Events.[].EventName", "Events.[].EventTime", "Events.[].CloudTrailEvent"),
    "ListTopics": ("Topics.[].TopicArn",),
    "ListResourceTenants": ("ResourceTenants.[].TenantName",),
    "ListMultiRegionEndpoints": ("MultiRegionEndpoints.[].EndpointName",),
    "CreateTopic": ("TopicArn",),
    "GetTopicAttributes": ("Attributes", "Attributes.Policy"),
    "ListSubscriptionsByTopic": (
        "Subscriptions",
        "Subscriptions.[].Protocol",
        "Subscriptions.[].Endpoint",
        "Subscriptions.[].SubscriptionArn",
    ),
    "GetSubscriptionAttributes": ("Attributes",),
    "GetResources": (
        "ResourceTagMappingList",
        "ResourceTagMappingList.[].ResourceARN",
        "ResourceTagMappingList.[].Tags",
        "ResourceTagMappingList.[].Tags.[].Key",
        "ResourceTagMappingList.[].Tags.[].Value",
    ),
    "SendEmail": ("MessageId",),
    "Subscribe": ("SubscriptionArn",),
    "CreateQueue": ("QueueUrl",),
    "ReceiveMessage": ("Messages.[].Body", "Messages.[].ReceiptHandle"),
    "DescribeKey": ("KeyMetadata", "KeyMetadata.Arn"),
    "GetKeyPolicy": ("Policy",),
}

_TYPES: dict[str, tuple[type[Any], str]] = {
    "structure": (dict, "an object"),
    "map": (dict, "a map"),
    "list": (list, "a list"),
    "string": (str, "a text"),
    "boolean": (bool, "true or false"),
    "integer": (int, "a number"),
    "timestamp": (datetime, "a time"),
}


def check(answer: Any, shape: Any, service_operation: str, where: str, *, wrote: bool = False) -> None:
    """Raise AwsError if an answer is not as its `shape` (a botocore shape) states, or lacks what is read of it.

    `service_operation`: e.g. "ses:ListEmailIdentities". `wrote`: the call changes something, so it may have been carried out.
    """
    operation = service_operation.partition(":")[2]
    fault = next(_of_form(answer, shape, ""), None)
    for path in REQUIRED.get(operation, ()) if fault is None else ():
        fault = fault or next(_missing(answer, path.split("."), ""), None)
    if fault is not None:
        hint = "check the endpoint and the proxy that answer in AWS's place" if not wrote else ""
        raise AwsError(
            f"the answer has an unexpected form: {fault}",
            operation=service_operation,
            where=where,
            hint=hint or "the call may have been carried out; plan again to see",
            maybe_done=wrote,
        )


def _of_form(value: Any, shape: Any, path: str) -> Iterator[str]:
    """Yield what in a value has another type than its shape."""
    if shape is None or shape.type_name not in _TYPES:
        return
    kind, name = _TYPES[shape.type_name]
    if not isinstance(value, kind):
        yield f"{path or 'it'} is {'null' if value is None else type(value).__name__}, not {name}"
    elif shape.type_name == "structure":
        for member, of in shape.members.items():
            if member in value:
                yield from _of_form(value[member], of, f"{path}.{member}".lstrip("."))
    elif shape.type_name == "list":
        for index, each in enumerate(value):
            yield from _of_form(each, shape.member, f"{path}[{index}]")
    elif shape.type_name == "map":
        for key, each in value.items():
            yield from _of_form(each, shape.value, f"{path}.{key}")


def _missing(value: Any, parts: Sequence[str], path: str) -> Iterator[str]:
    """Yield where in a value the last of these parts is missing."""
    head, rest = parts[0], parts[1:]
    if head in ("[]", "{}"):
        entries: Iterable[tuple[Any, Any]] = enumerate(value) if head == "[]" else value.items()
        for key, each in entries:
            yield from _missing(each, rest, f"{path}[{key}]")
    elif head not in value:
        if not rest:
            yield f"{path}.{head} is missing".lstrip(".")
    elif rest:
        yield from _missing(value[head], rest, f"{path}.{head}".lstrip("."))
