"""Topics."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from sesform.model import arns
from sesform.specs.schema._base import Model, TopicName, Unmanaged, text, wrong
from sesform.specs.schema.subscriptions import Subscription


def _kms_key(value: str) -> str:
    # The key policy of alias/aws/sns cannot be edited, so SES can never use it (binxio/cfn-ses-provider#16).
    if value == "alias/aws/sns" or value.endswith(":alias/aws/sns"):
        raise wrong(
            "the key 'alias/aws/sns' never lets SES publish",
            "use a key of your own whose policy lets ses.amazonaws.com use it",
        )
    arn = arns.parse(value)
    if value.startswith("arn:") and not (
        arn and arn.service == "kms" and arn.account and arn.resource.startswith(("key/", "alias/"))
    ):
        raise wrong(
            f"{value!r} is not the ARN of a KMS key", "write it like arn:aws:kms:eu-west-1:111111111111:alias/name"
        )
    return value


class Topic(Model):
    name: TopicName | None = Field(None, description="The topic's name in SNS. Left out: the key.")
    display_name: (
        Annotated[
            str,
            *text(
                r"[^\x00-\x08\x0a-\x1f\x7f]{0,100}",
                "a display name of at most 100 characters, without control characters",
            ),
        ]
        | None
    ) = Field(None, description="What e-mail subscribers see as the sender. Left out: unmanaged.")
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
        default_factory=list, description="Subscriptions that must exist, or must not; others are left alone."
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
