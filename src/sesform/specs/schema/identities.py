"""Identities: notification types, forwarding, authorized senders, default configuration set."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, GetJsonSchemaHandler, Tag

from sesform.model import arns
from sesform.specs.schema._base import Absent, Model, OrAbsent, SesName, TopicReference, Unmanaged, wrong
from sesform.specs.schema.policies import ConditionKey, PolicyName, SendingPolicy, Test

_LABEL = r"[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?"
_DOMAIN = re.compile(rf"{_LABEL}(\.{_LABEL})+")
_LOCAL = re.compile(r"[!-?A-~]{1,64}")  # 7-bit ASCII without @ and spaces: AWS developer guide, "Send formatted email"


def _domain(value: str) -> None:
    if not value.isascii():
        # AWS developer guide, "Amazon SES email sending errors": SES needs domains in Punycode.
        raise wrong(f"domain {value!r} is not ASCII", f"write it in Punycode: {_punycode(value)}")
    if value.endswith("."):
        raise wrong(f"domain {value!r} ends in a dot", "remove the dot")
    if len(value) > 253 or not _DOMAIN.fullmatch(value):
        raise wrong(f"{value!r} is neither a domain nor an e-mail address")


def _punycode(value: str) -> str:
    try:
        return value.encode("idna").decode()
    except UnicodeError:
        return "xn--…"


def _identity(value: str) -> str:
    if value.startswith("arn:"):
        raise wrong(
            f"{value!r} is an ARN, and the name of an identity is needed",
            "declare identities of other accounts under cross_account_notifications",
        )
    local, at, domain = value.rpartition("@")
    _domain(domain)
    if at and not _LOCAL.fullmatch(local):
        raise wrong(f"{value!r} is not an e-mail address of 7-bit ASCII")
    return value


IdentityName = Annotated[str, AfterValidator(_identity)]


def _identity_arn(value: str) -> str:
    arn = arns.parse(value)
    if arn is None or arn.service != "ses" or not arn.account or not arn.resource.startswith("identity/"):
        raise wrong(
            f"{value!r} is not the ARN of an SES identity",
            "write it like arn:aws:ses:eu-west-1:111111111111:identity/example.com",
        )
    _identity(arn.resource.removeprefix("identity/"))
    return value


IdentityArn = Annotated[str, AfterValidator(_identity_arn)]

_SET_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")  # SES v2 API reference, CreateConfigurationSet


def _publisher_arn(value: str) -> str:
    arn = arns.parse(value)
    kind, _, name = arn.resource.partition("/") if arn else ("", "", "")
    if arn is None or arn.service != "ses" or not arn.account or kind not in ("identity", "configuration-set"):
        raise wrong(
            f"{value!r} is not the ARN of an SES identity or configuration set",
            "write it like arn:aws:ses:eu-west-1:111111111111:identity/example.com",
        )
    if "@" not in name and ("*" in name or "?" in name):
        raise wrong(f"{value!r} has a wildcard", "list each identity and configuration set by its own ARN")
    if kind == "identity":
        return _identity_arn(value)
    if not _SET_NAME.fullmatch(name):
        raise wrong(f"{name!r} is not the name of a configuration set", "use up to 64 letters, digits, - and _")
    return value


PublisherArn = Annotated[str, AfterValidator(_publisher_arn)]


class NotificationSetting(Model):
    """The topic of one notification type, and whether notifications have the headers of the e-mail."""

    topic: TopicReference | None = Field(
        None,
        description="An SNS topic: a name, spec/name, or an ARN. Left out: that of the defaults.",
        examples=["feedback", "acme-mailer/feedback", "arn:aws:sns:eu-west-1:222222222222:feedback"],
    )
    headers: bool = Field(
        False, description="Include the original e-mail's headers in the notification.", examples=[True, False]
    )


def _shorthand(value: Any) -> Any:
    return {"topic": value, "headers": False} if isinstance(value, str) and value != "unmanaged" else value


def _which(value: Any) -> str:
    return "<unmanaged>" if value == "unmanaged" else "<null>" if value is None else "<setting>"


class _WithShorthand:
    """Add the short form to the JSON Schema: it is replaced before pydantic describes the type."""

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        reference = {
            "type": "string",
            "description": "An SNS topic: a name, spec/name, or an ARN; or `unmanaged`.",
        }
        schema = handler(core)
        branches = [b for b in (schema.get("oneOf") or schema.get("anyOf") or []) if "const" not in b]
        return {"anyOf": [reference, *branches]}


# A topic reference, {topic, headers}, null (no topic: a topic that is set is removed), or `unmanaged`.
Notification = Annotated[
    Annotated[NotificationSetting, Tag("<setting>")]
    | Annotated[Unmanaged, Tag("<unmanaged>")]
    | Annotated[None, Tag("<null>")],
    Discriminator(_which),
    BeforeValidator(_shorthand),
    _WithShorthand(),
]


class Notifications(Model):
    """Where SES sends an identity's feedback: a topic for each notification type. A type that is left out has no topic."""

    bounce: Notification = Field(
        None,
        description="Mail that could not be delivered permanently. null: no topic.",
        examples=["feedback", "acme-mailer/feedback", "unmanaged"],
    )
    complaint: Notification = Field(
        None,
        description="Mail that its recipient marked as spam. null: no topic.",
        examples=["feedback", "acme-mailer/feedback", "unmanaged"],
    )
    delivery: Notification = Field(
        None,
        description="Mail that the recipient's server accepted. null: no topic.",
        examples=["feedback", "acme-mailer/feedback", "unmanaged"],
    )


# AWS developer guide, "Sending authorization policies": the actions that send mail.
SendAction = Literal["SendEmail", "SendRawEmail", "SendTemplatedEmail", "SendBulkEmail", "SendBulkTemplatedEmail"]
SEND_ACTIONS: tuple[str, ...] = get_args(SendAction)

ConditionValues = Test | Annotated[list[Test], Field(min_length=1)]


class Authorization(Model):
    """What another account may do with this identity."""

    actions: list[SendAction] = Field(
        ["SendEmail", "SendRawEmail"],
        description="What the delegate may do.",
        min_length=1,
        examples=[["SendEmail", "SendRawEmail"]],
    )
    conditions: dict[str, dict[ConditionKey, ConditionValues]] = Field(
        default_factory=dict,
        description="IAM conditions: operator → key → value or values, e.g. StringLike: {ses:FromAddress: …}.",
        examples=[{"StringLike": {"ses:FromAddress": "*@news.example.com"}}],
    )


# IAM user guide, "AWS JSON policy elements: Principal": no groups, no wildcards inside.
_PRINCIPAL = re.compile(r"root|(user|role)/[^\s*?]+")


def _grantee(value: str) -> str:
    arn = arns.parse(value) if value.startswith("arn:") else None
    if value.startswith("arn:") and not (
        arn and arn.service == "iam" and arn.account and _PRINCIPAL.fullmatch(arn.resource)
    ):
        raise wrong(
            f"{value!r} is not the ARN of an IAM principal",
            "write a spec name, an account number, or the ARN of a user, a role or an account's root, without wildcards",
        )
    return value


Grantee = Annotated[str, AfterValidator(_grantee)]


def _absent_or_grant(value: Any) -> str:
    return "<absent>" if isinstance(value, str) else "<declared>"


Grant = Annotated[
    Annotated[Authorization, Tag("<declared>")] | Annotated[Absent, Tag("<absent>")],
    Discriminator(_absent_or_grant),
    BeforeValidator(lambda value: {} if value is None else value),
]


def _switch_or_unmanaged(value: Any) -> str:
    return "<unmanaged>" if value == "unmanaged" else "<switch>"


Forwarding = Annotated[
    Annotated[bool, Tag("<switch>")] | Annotated[Unmanaged, Tag("<unmanaged>")], Discriminator(_switch_or_unmanaged)
]


class Identity(Model):
    """A verified domain or e-mail address of this account."""

    notifications: Notifications = Field(
        default_factory=Notifications,
        description="Where SES sends this identity's feedback.",
        examples=[{"bounce": "feedback", "complaint": "feedback", "delivery": "unmanaged"}],
    )
    feedback_forwarding: Forwarding = Field(
        "unmanaged",
        description="Whether SES mails bounces and complaints to the sender. Left out: unmanaged.",
        examples=[False, True, "unmanaged"],
    )
    default_configuration_set: SesName | None = Field(
        "unmanaged",
        description="The configuration set of mail that names none. null: none; left out: unmanaged.",
        examples=["transactional", "unmanaged"],
    )
    authorize: dict[Grantee, Grant] = Field(
        default_factory=dict,
        description="Who may send with this identity: a spec name, account number or IAM ARN, and the rights.",
        examples=[{"acme-mailer": {"actions": ["SendEmail"]}, "333333333333": "absent"}],
    )
    policies: dict[PolicyName, OrAbsent[SendingPolicy]] = Field(
        default_factory=dict,
        description="Sending authorization policies of your own, as written for AWS, by name.",
        examples=[
            {
                "allow-sending": {
                    "Statement": {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "ses:SendEmail"}
                }
            }
        ],
    )


class Defaults(Model):
    """Settings that a spec states once for all its identities."""

    identity: Identity = Field(
        default_factory=Identity,
        description="Merged key by key into every identity of this spec.",
        examples=[{"notifications": {"bounce": "feedback", "complaint": "feedback"}}],
    )
