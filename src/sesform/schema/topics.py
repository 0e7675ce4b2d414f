"""Topics and their subscriptions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from sesform.schema._base import Model, TopicName, Unmanaged, arn_of, text, wrong

# SNS API reference, Subscribe.
Protocol = Literal["sqs", "lambda", "https", "http", "email", "email-json", "sms", "firehose", "application"]


class Subscription(Model):
    protocol: Protocol = Field(description="How SNS delivers.")
    endpoint: Annotated[str, *text(r"\S+", "an endpoint")] = Field(
        description="The queue, function or stream ARN, the URL, or the address."
    )
    raw_message_delivery: bool | None = Field(
        None, description="Deliver the message itself, without SNS's envelope. Left out: unmanaged."
    )
    filter_policy: dict[str, Any] | None = Field(
        None, description="Which messages are delivered. Left out: unmanaged; {}: all."
    )
    filter_policy_scope: Literal["MessageAttributes", "MessageBody"] | None = Field(
        None, description="What the filter looks at."
    )
    dead_letter_queue: Annotated[str, arn_of("sqs", "", "arn:aws:sqs:eu-west-1:111111111111:name")] | None = Field(
        None, description="The SQS queue that takes what cannot be delivered."
    )
    role: Annotated[str, arn_of("iam", "role/", "arn:aws:iam::111111111111:role/name")] | None = Field(
        None, description="The role that SNS takes to write to a Firehose stream; firehose only."
    )

    @model_validator(mode="after")
    def _endpoint_fits_protocol(self) -> Subscription:
        starts = {
            "sqs": "arn:",
            "lambda": "arn:",
            "firehose": "arn:",
            "application": "arn:",
            "https": "https://",
            "http": "http://",
        }
        start = starts.get(self.protocol, "")
        if not self.endpoint.startswith(start):
            raise wrong(f"endpoint {self.endpoint!r} does not begin with {start!r}, as protocol {self.protocol} needs")
        if self.protocol.startswith("email") and "@" not in self.endpoint:
            raise wrong(f"endpoint {self.endpoint!r} is not an e-mail address, as protocol {self.protocol} needs")
        if (self.protocol == "firehose") != (self.role is not None):
            raise wrong(f"protocol {self.protocol} {'needs' if self.role is None else 'takes no'} role")
        return self


def _kms_key(value: str) -> str:
    # The key policy of alias/aws/sns cannot be edited, so SES can never use it (binxio/cfn-ses-provider#16).
    if value == "alias/aws/sns" or value.endswith(":alias/aws/sns"):
        raise wrong(
            "the key 'alias/aws/sns' never lets SES publish",
            "use a key of your own whose policy lets ses.amazonaws.com use it",
        )
    return value


class Topic(Model):
    name: TopicName | None = Field(None, description="The topic's name in SNS. Left out: the key.")
    display_name: Annotated[str, *text(r".{0,100}", "a display name of at most 100 characters")] | None = Field(
        None, description="What e-mail subscribers see as the sender. Left out: unmanaged."
    )
    kms_key: Annotated[str, *text(r"\S{1,2048}", "a KMS key"), AfterValidator(_kms_key)] | None = Field(
        None,
        description="The KMS key that encrypts the topic: id, ARN or alias. null: not encrypted; left out: unmanaged.",
    )
    external: bool = Field(
        False, description="The topic exists and is managed elsewhere: it is read and checked, never written."
    )
    policy: Unmanaged | None = Field(
        None, description="unmanaged: sesform keeps no statements in the topic's policy, and only checks what it says."
    )
    subscriptions: list[Subscription] = Field(
        default_factory=list, description="Subscriptions that must exist; others are left alone."
    )

    @model_validator(mode="after")
    def _external_has_no_settings(self) -> Topic:
        settings = sorted(self.model_fields_set - {"external", "name"})
        if self.external and settings:
            raise wrong(f"an external topic takes no {', '.join(settings)}", "remove external, or the settings")
        return self

    @model_validator(mode="after")
    def _subscriptions_are_distinct(self) -> Topic:
        # SNS knows a subscription by its protocol and endpoint: asking twice is one subscription.
        seen = [(s.protocol, s.endpoint) for s in self.subscriptions]
        twice = next((s for s in seen if seen.count(s) > 1), None)
        if twice:
            raise wrong(f"subscription {twice[0]} {twice[1]!r} is there twice", "remove one")
        return self
