"""Topics."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, Field, model_validator

from sesform.model import arns
from sesform.specs.declared import canonical_arn
from sesform.specs.schema._base import Model, TopicName, Unmanaged, text, wrong
from sesform.specs.schema.identities import PublisherArn
from sesform.specs.schema.subscriptions import Subscription


def _kms_key(value: str) -> str:
    # The key policy of alias/aws/sns cannot be edited, so SES can never use it (binxio/cfn-ses-provider#16).
    if value == "alias/aws/sns" or value.endswith(":alias/aws/sns"):
        raise wrong(
            "SES cannot publish to a topic with the key 'alias/aws/sns'",
            "use a key of your own whose policy allows ses.amazonaws.com",
        )
    arn = arns.parse(value)
    if value.startswith("arn:") and not (
        arn and arn.service == "kms" and arn.account and arn.resource.startswith(("key/", "alias/"))
    ):
        raise wrong(
            f"{value!r} is not the ARN of a KMS key", "write it like arn:aws:kms:eu-west-1:111111111111:alias/name"
        )
    return value


def _empty() -> list[Any]:
    # For `default_factory=list` pydantic parses the text signature of `list`, which takes 10 ms at the start of every command.
    return []


class Topic(Model):
    """An SNS topic, its policy and its subscriptions."""

    name: TopicName | None = Field(
        None, description="The name of the topic in SNS. Left out: the key.", examples=["ses-feedback"]
    )
    display_name: (
        Annotated[
            str,
            *text(
                r"[^\x00-\x08\x0a-\x1f\x7f]{0,100}",
                "a display name of at most 100 characters, without control characters",
            ),
        ]
        | None
    ) = Field(
        None, description="What e-mail subscribers see as the sender. Left out: unmanaged.", examples=["SES feedback"]
    )
    kms_key: Annotated[str, *text(r"\S{1,2048}", "a KMS key"), AfterValidator(_kms_key)] | None = Field(
        None,
        description="The KMS key that encrypts the topic: id, ARN or alias. null: not encrypted; left out: unmanaged.",
        examples=["alias/ses-feedback", "arn:aws:kms:eu-west-1:111111111111:alias/ses-feedback"],
    )
    external: bool = Field(
        False,
        description="The topic exists and is managed elsewhere: sesform reads and checks it, and never changes it.",
        examples=[True, False],
    )
    policy: Unmanaged | None = Field(
        None,
        description="unmanaged: sesform has no statements in the topic's policy, and only checks it.",
        examples=["unmanaged"],
    )
    drop_deleted_principals: bool = Field(
        False,
        description=(
            "Remove deleted IAM users and roles from the statements of others in the topic's policy. They grant nothing, "
            "and SNS refuses every change of a policy that names one."
        ),
        examples=[True, False],
    )
    publishers: list[PublisherArn] = Field(
        default_factory=_empty,
        description=(
            "Identities and configuration sets of another organization, by ARN, for which SES may publish to this topic. "
            "Those of loaded specs need no entry here."
        ),
        examples=[["arn:aws:ses:eu-west-1:444444444444:identity/partner.example"]],
    )
    subscriptions: list[Subscription] = Field(
        default_factory=_empty,
        description="Subscriptions that must or must not exist; others are not managed.",
        examples=[[{"protocol": "sqs", "endpoint": "arn:aws:sqs:eu-west-1:111111111111:feedback"}]],
    )

    @model_validator(mode="after")
    def _external_has_no_settings(self) -> Topic:
        settings = sorted(self.model_fields_set - {"external", "name"})
        if self.external and settings:
            raise wrong(f"an external topic accepts no {', '.join(settings)}", "remove external, or the settings")
        return self

    @model_validator(mode="after")
    def _unmanaged_policy_is_not_changed(self) -> Topic:
        for name in ("publishers", "drop_deleted_principals"):
            if self.policy is not None and getattr(self, name):
                raise wrong(
                    f"{name} needs a policy that sesform writes, and policy is unmanaged", f"remove policy, or {name}"
                )
        return self

    @model_validator(mode="after")
    def _publishers_are_distinct(self) -> Topic:
        names = [canonical_arn(arn) for arn in self.publishers]
        twice = next((arn for arn, name in zip(self.publishers, names, strict=True) if names.count(name) > 1), None)
        if twice:
            raise wrong(f"publisher {twice!r} is declared twice", "remove one")
        return self

    @model_validator(mode="after")
    def _subscriptions_are_distinct(self) -> Topic:
        # SNS identifies a subscription by its protocol and endpoint.
        seen = [(s.protocol, s.endpoint) for s in self.subscriptions]
        twice = next((s for s in seen if seen.count(s) > 1), None)
        if twice:
            raise wrong(f"subscription {twice[0]} {twice[1]!r} is declared twice", "remove one")
        return self
