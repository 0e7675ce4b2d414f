"""The two kinds of spec."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from sesform.model import arns
from sesform.specs.schema._base import AccountId, Model, OrAbsent, Region, RoleArn, SesName, SpecName, text, wrong
from sesform.specs.schema.configuration_sets import ConfigurationSet
from sesform.specs.schema.identities import Defaults, Identity, IdentityArn, IdentityName, Notifications
from sesform.specs.schema.topics import Topic

# The key of a topic is its name in SNS, unless `name` is given.
TopicKey = Annotated[str, *text(r"[A-Za-z0-9_.-]{1,256}", "a topic's key", "use letters, digits, - _ and .")]


class Credentials(Model):
    """How sesform logs in to the account. Left out: the ambient AWS credential chain."""

    profile: Annotated[str, *text(r"\S(.*\S)?", "a profile name")] | None = Field(
        None,
        description="A profile of the AWS configuration. Left out: the ambient credential chain.",
        examples=["example-corp"],
    )
    role_arn: RoleArn | None = Field(
        None,
        description="The role that sesform assumes, with the profile or the ambient credentials.",
        examples=["arn:aws:iam::111111111111:role/sesform"],
    )
    # STS API reference, AssumeRole: 2 to 1,224 characters. Never printed, never saved.
    external_id: Annotated[str, *text(r"[A-Za-z0-9_+=,.@:/-]{2,1224}", "an external id")] | None = Field(
        None, description="The external id that the role's trust policy requires.", repr=False, examples=["example-id"]
    )

    external_id_env: Annotated[str, *text(r"[A-Za-z_][A-Za-z0-9_]*", "the name of an environment variable")] | None = (
        Field(
            None,
            description="The environment variable with the external id, in place of external_id.",
            examples=["SESFORM_EXTERNAL_ID"],
        )
    )

    @model_validator(mode="after")
    def _external_id_goes_with_a_role(self) -> Credentials:
        for name in ("external_id", "external_id_env"):
            if getattr(self, name) is not None and self.role_arn is None:
                raise wrong(f"{name} needs a role_arn")
        if self.external_id is not None and self.external_id_env is not None:
            raise wrong("external_id and external_id_env exclude each other", "remove external_id")
        return self


def _distinct(values: list[str]) -> list[str]:
    if len(values) != len(set(values)):
        raise wrong("a region is listed twice", "remove one")
    return values


class _Spec(Model):
    name: SpecName = Field(
        description="The first part of every address. Unique over all specs.", examples=["example-corp"]
    )
    account: AccountId = Field(
        description="The AWS account, as a quoted string of 12 digits.", examples=["111111111111"]
    )
    regions: Annotated[list[Region], AfterValidator(_distinct)] = Field(
        description="Everything that the spec declares exists once in each region.",
        min_length=1,
        examples=[["eu-west-1"], ["eu-west-1", "us-east-1"]],
    )
    credentials: Credentials = Field(
        default_factory=Credentials,
        description="Left out: the ambient AWS credential chain.",
        examples=[{"role_arn": "arn:aws:iam::111111111111:role/sesform"}, {"profile": "example-corp"}],
    )
    topics: dict[TopicKey, OrAbsent[Topic]] = Field(
        default_factory=dict,
        description="SNS topics by name.",
        examples=[{"feedback": {"display_name": "SES feedback"}, "old": "absent"}],
    )
    configuration_sets: dict[SesName, OrAbsent[ConfigurationSet]] = Field(
        default_factory=dict,
        description="SES configuration sets by name.",
        examples=[{"transactional": {"event_destinations": {"feedback": {"events": ["bounce"], "sns": "feedback"}}}}],
    )

    ownership_tags: bool = Field(
        False,
        description="Tag the topics, configuration sets and identities of this spec with its name, so that --prune finds them.",
        examples=[True, False],
    )

    @model_validator(mode="after")
    def _role_is_in_the_account(self) -> _Spec:
        arn = arns.parse(self.credentials.role_arn or "")
        if arn and arn.account != self.account:
            raise wrong(
                f"role {self.credentials.role_arn!r} is in account {arn.account}, and the spec's account is {self.account}",
                "use a role of the spec's account",
            )
        return self


class Owner(_Spec):
    """An account that owns identities."""

    kind: Literal["Owner"] = Field(description="The kind of spec: an account that owns identities.", examples=["Owner"])
    defaults: Defaults = Field(
        default_factory=Defaults,
        description="Settings that all identities of this spec share.",
        examples=[{"identity": {"notifications": {"bounce": "feedback", "complaint": "feedback"}}}],
    )
    identities: dict[IdentityName, OrAbsent[Identity]] = Field(
        default_factory=dict,
        description="Domains and e-mail addresses.",
        examples=[{"example.com": {"feedback_forwarding": False}, "old.example.com": "absent"}],
    )


class Delegate(_Spec):
    """An account that sends with identities of other accounts: its topics, configuration sets and legacy entries."""

    kind: Literal["Delegate"] = Field(
        description="The kind of spec: an account that sends with identities of others.", examples=["Delegate"]
    )
    cross_account_notifications: dict[IdentityArn, OrAbsent[Notifications]] = Field(
        default_factory=dict,
        description="Legacy notification settings of identities that belong to other accounts, by identity ARN.",
        examples=[
            {
                "arn:aws:ses:eu-west-1:333333333333:identity/partner.example": {
                    "bounce": "feedback",
                    "complaint": "feedback",
                }
            }
        ],
    )


Spec = Owner | Delegate
