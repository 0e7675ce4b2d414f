"""Subscriptions of a topic, and the filters of their messages."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from sesform.model import arns
from sesform.specs.schema._base import Model, arn_of, text, wrong

# SNS API reference, Subscribe.
Protocol = Literal["sqs", "lambda", "https", "http", "email", "email-json", "sms", "firehose", "application"]

# Protocol → the service and the beginning of the resource in the endpoint's ARN. Source: as above. SNS accepts no others (seen on
# AWS: localstack's recorded snapshots of SNS), and no FIFO queue for a standard topic (getmoto/moto#8957, tested on AWS).
_ENDPOINTS = {
    "sqs": ("sqs", ""),
    "lambda": ("lambda", "function:"),
    "firehose": ("firehose", "deliverystream/"),
    "application": ("sns", "endpoint/"),
}

# SNS developer guide, "Amazon SNS raw message delivery".
_RAW = ("sqs", "https", "http", "firehose")

# SNS developer guide, "Filter policy constraints in Amazon SNS". In a filter of the body, keys below the first level do not count.
_MAX_KEYS = 5
_MAX_COMBINATIONS = 150


class Subscription(Model):
    """A subscription of a topic, identified by protocol and endpoint."""

    protocol: Protocol = Field(description="How SNS delivers.", examples=["sqs"])
    endpoint: Annotated[str, *text(r"\S+", "an endpoint")] = Field(
        description="The queue, function or stream ARN, the URL, or the address.",
        examples=[
            "arn:aws:sqs:eu-west-1:111111111111:feedback",
            "https://hooks.example.com/ses",
            "postmaster@example.com",
        ],
    )
    absent: bool = Field(False, description="true: the subscription must not exist.", examples=[True, False])
    raw_message_delivery: bool | None = Field(
        None,
        description="Deliver the message itself, without the envelope of SNS. Left out: unmanaged.",
        examples=[True, False],
    )
    filter_policy: dict[str, Any] | None = Field(
        None,
        description="Which messages are delivered. Left out: unmanaged; {}: all.",
        examples=[{"notificationType": ["Bounce", "Complaint"]}],
    )
    filter_policy_scope: Literal["MessageAttributes", "MessageBody"] | None = Field(
        None, description="What the filter tests.", examples=["MessageBody"]
    )
    dead_letter_queue: Annotated[str, arn_of("sqs", "", "arn:aws:sqs:eu-west-1:111111111111:name")] | None = Field(
        None,
        description="The SQS queue for messages that cannot be delivered.",
        examples=["arn:aws:sqs:eu-west-1:111111111111:feedback-failed"],
    )
    role: Annotated[str, arn_of("iam", "role/", "arn:aws:iam::111111111111:role/name")] | None = Field(
        None,
        description="The role that SNS assumes to write to a Firehose stream; firehose only.",
        examples=["arn:aws:iam::111111111111:role/sns-to-firehose"],
    )

    @model_validator(mode="after")
    def _endpoint_fits_protocol(self) -> Subscription:
        if re.match(r"(?i)https?://[^/?#]*@", self.endpoint):
            # First, since the other messages name the endpoint. SNS lists it with asterisks (hashicorp/terraform-provider-aws, sns
            # topic subscription), so every run would subscribe again; and specs and plans are no place for passwords.
            raise wrong(
                "the URL of the endpoint contains a user name or a password",
                "remove it, and have the endpoint check the signature of SNS",
            )
        kind = _ENDPOINTS.get(self.protocol)
        if kind is not None:
            arn = arns.parse(self.endpoint)
            if arn is None or not arn.account or (arn.service, arn.resource.startswith(kind[1])) != (kind[0], True):
                example = f"arn:aws:{kind[0]}:eu-west-1:111111111111:{kind[1]}…"
                raise wrong(
                    f"endpoint {self.endpoint!r} is not the ARN that protocol {self.protocol} needs",
                    f"write it like {example}",
                )
        if self.protocol == "sqs" and self.endpoint.endswith(".fifo") and not self.absent:
            raise wrong(f"endpoint {self.endpoint!r} is a FIFO queue", "use a standard queue for a standard topic")
        if self.protocol in ("http", "https") and not self.endpoint.startswith(f"{self.protocol}://"):
            raise wrong(
                f"endpoint {self.endpoint!r} does not begin with '{self.protocol}://', as protocol {self.protocol} needs"
            )
        if self.protocol.startswith("email") and "@" not in self.endpoint:
            raise wrong(f"endpoint {self.endpoint!r} is not an e-mail address, as protocol {self.protocol} needs")
        return self

    @model_validator(mode="after")
    def _settings_fit_protocol(self) -> Subscription:
        settings = sorted(self.model_fields_set - {"protocol", "endpoint", "absent"})
        if self.absent:
            if settings:
                raise wrong(
                    f"an absent subscription accepts no {', '.join(settings)}", "remove absent, or the settings"
                )
            return self
        if (self.protocol == "firehose") != (self.role is not None):
            raise wrong(f"protocol {self.protocol} {'needs a' if self.role is None else 'accepts no'} role")
        if self.raw_message_delivery and self.protocol not in _RAW:
            raise wrong(
                f"protocol {self.protocol} accepts no raw_message_delivery",
                f"remove it: only {', '.join(_RAW)} have it",
            )
        if self.dead_letter_queue and self.dead_letter_queue.endswith(".fifo"):
            raise wrong(
                f"dead_letter_queue {self.dead_letter_queue!r} is a FIFO queue",
                "use a standard queue for a standard topic",
            )
        return self

    @model_validator(mode="after")
    def _filter_is_one_that_sns_takes(self) -> Subscription:
        policy = self.filter_policy or {}
        if len(policy) > _MAX_KEYS:
            raise wrong(
                f"filter_policy has {len(policy)} keys; the quota is {_MAX_KEYS}",
                "filter by fewer keys, or use two subscriptions",
            )
        lists = list(_lists(policy, "filter_policy"))
        nested = next((key for key, value in policy.items() if isinstance(value, Mapping)), None)
        if nested is not None and self.filter_policy_scope != "MessageBody":
            raise wrong(
                f"filter_policy.{nested} is a mapping, which a filter of message attributes does not support",
                "write `filter_policy_scope: MessageBody` to filter by the message itself, or write a list of values",
            )
        combinations = math.prod(map(len, lists))
        if "$or" not in policy and combinations > _MAX_COMBINATIONS:
            raise wrong(
                f"filter_policy has {combinations} combinations of values; the quota is {_MAX_COMBINATIONS}",
                "list fewer values: the numbers of values of all keys are multiplied",
            )
        return self


def _lists(value: Mapping[str, Any], way: str) -> Iterator[list[Any]]:
    """Yield the lists of values of a filter, at any depth. Raises an error for a value outside of a list."""
    for key, inside in value.items():
        if isinstance(inside, Mapping):
            yield from _lists(inside, f"{way}.{key}")
        elif not isinstance(inside, list) or not inside:
            raise wrong(f"{way}.{key} is not a list of values", "write the value in brackets")
        else:
            yield inside
