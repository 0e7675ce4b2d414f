"""Sending authorization policies as they are written for AWS, checked against the grammar of SES.

Source: AWS developer guide of SES, "Amazon SES sending authorization policies" (policy anatomy).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, GetJsonSchemaHandler, model_validator

from sesform.model import condition_keys
from sesform.specs.schema._base import Model, SesName, text, wrong
from sesform.specs.schema.problems import did_you_mean

T = TypeVar("T")

GRANT_PREFIX = "sesform-"  # of the policies that `authorize` creates


class _OrAlone:
    """Add single values without a list to the JSON Schema, as IAM's grammar allows; the model always has the list."""

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        schema = handler(core)
        return {"anyOf": [schema["items"], schema]}


OneOrMore = Annotated[
    list[T],
    Field(min_length=1),
    BeforeValidator(lambda value: value if isinstance(value, list) else [value]),
    _OrAlone(),
]


def _policy_name(value: str) -> str:
    if value.startswith(GRANT_PREFIX):
        raise wrong(
            f"{value!r} begins with {GRANT_PREFIX!r}, which is reserved for the policies of `authorize`",
            "use another name, or grant the right under `authorize`",
        )
    return value


PolicyName = Annotated[SesName, AfterValidator(_policy_name)]

_action = text(r"[Ss][Ee][Ss]:[A-Za-z*?][A-Za-z0-9*?]*", "an action of SES", "write it like ses:SendEmail")
SesAction = Annotated[str, *_action]

# The last is the id that AWS shows for a deleted user or role (hashicorp/terraform-provider-aws#29226).
_aws_principal = text(
    r"(\*|[0-9]{12}|arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:[^\s*?]+|A[A-Z0-9]{15,})",
    "an AWS principal",
    'write "*", an account number of 12 digits, or an IAM ARN',
)
AwsPrincipal = Annotated[str, *_aws_principal]

_service = text(
    r"[a-z0-9-]+(\.[a-z0-9-]+)*\.amazonaws\.com", "a service principal", "write it like connect.amazonaws.com"
)
ServicePrincipal = Annotated[str, *_service]


class Principals(Model):
    """Who may send, or may not."""

    AWS: OneOrMore[AwsPrincipal] | None = Field(
        None,
        description="Accounts, users and roles.",
        examples=["222222222222", ["arn:aws:iam::222222222222:role/mailer", "333333333333"]],
    )
    Service: OneOrMore[ServicePrincipal] | None = Field(
        None, description="AWS services.", examples=["connect.amazonaws.com"]
    )

    @model_validator(mode="after")
    def _somebody(self) -> Principals:
        if self.AWS is None and self.Service is None:
            raise wrong("names no principal", "name principals under `AWS`")
        return self


def _principal(value: Any) -> Any:
    if isinstance(value, str) and value != "*":
        raise wrong(f"{value!r} is not a principal", 'write "*", or name it under `AWS`')
    return {"AWS": "*"} if value == "*" else value


class _OrAnybody:
    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"const": "*"}, handler(core)]}


def _as_text(value: Any) -> Any:
    """Return the text that IAM compares: `true` and `5` become "true" and "5"."""
    if isinstance(value, bool):
        return str(value).lower()
    return str(value) if isinstance(value, int) else value


class _OrScalar:
    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"type": ["string", "boolean", "integer"]}


Test = Annotated[str, BeforeValidator(_as_text), _OrScalar()]


def _condition_key(value: str) -> str:
    if not condition_keys.is_known(value):
        raise wrong(f"SES does not know the condition key {value!r}", did_you_mean(value, condition_keys.KNOWN))
    return value


ConditionKey = Annotated[str, AfterValidator(_condition_key)]


class PolicyStatement(Model):
    """One statement of a sending authorization policy, in IAM's grammar."""

    Sid: Annotated[str, Field(min_length=1)] | None = Field(
        None, description="The statement's name, unique in its policy.", examples=["AllowMailer"]
    )
    Effect: Literal["Allow", "Deny"] = Field(
        description="Whether the statement allows or denies.", examples=["Allow", "Deny"]
    )
    Principal: Annotated[Principals, BeforeValidator(_principal), _OrAnybody()] = Field(
        description='The principals: "*", or names under `AWS` or `Service`.', examples=[{"AWS": "222222222222"}, "*"]
    )
    Action: OneOrMore[SesAction] = Field(
        description="Actions of SES, e.g. ses:SendEmail.",
        examples=["ses:SendEmail", ["ses:SendEmail", "ses:SendRawEmail"]],
    )
    Resource: OneOrMore[str] | None = Field(
        None,
        description="The ARN of the identity. Left out: that ARN in each region.",
        examples=["arn:aws:ses:eu-west-1:111111111111:identity/example.com"],
    )
    Condition: dict[str, dict[ConditionKey, OneOrMore[Test]]] | None = Field(
        None,
        description="IAM conditions: operator → key → value or values.",
        examples=[{"StringEquals": {"ses:FromAddress": "news@example.com"}}],
    )


class SendingPolicy(Model):
    """A sending authorization policy, as it is written for AWS."""

    Version: Literal["2012-10-17", "2008-10-17"] | None = Field(
        None, description="The language's version.", examples=["2012-10-17"]
    )
    Id: str | None = Field(None, description="Has no meaning for AWS.", examples=["sending"])
    Statement: OneOrMore[PolicyStatement] = Field(
        description="The statements of the policy.",
        examples=[{"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "ses:SendEmail"}],
    )

    @model_validator(mode="after")
    def _sids_are_distinct(self) -> SendingPolicy:
        named = [s.Sid for s in self.Statement if s.Sid is not None]
        twice = next((sid for sid in named if named.count(sid) > 1), None)
        if twice is not None:
            raise wrong(f"two statements have the Sid {twice!r}", "give each statement a unique Sid")
        return self
