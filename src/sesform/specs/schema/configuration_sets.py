"""Configuration sets and their event destinations, in all five kinds."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Discriminator, Field, GetJsonSchemaHandler, Tag, model_validator

from sesform.model import arns
from sesform.model.quotas import MAX_DESTINATIONS_PER_SET
from sesform.model.values import EVENT_TYPES, NOT_FOR_PINPOINT
from sesform.specs.schema._base import (
    Model,
    OrAbsent,
    RoleArn,
    SesName,
    TopicReference,
    Unmanaged,
    arn_of,
    only_one,
    text,
    wrong,
)

EventType = Literal[
    "send",
    "reject",
    "bounce",
    "complaint",
    "delivery",
    "open",
    "click",
    "rendering_failure",
    "delivery_delay",
    "subscription",
]  # SES v2 API reference, EventDestination.MatchingEventTypes, in lower case


class Firehose(Model):
    """A Firehose delivery stream that receives events."""

    stream: Annotated[
        str, arn_of("firehose", "deliverystream/", "arn:aws:firehose:eu-west-1:111111111111:deliverystream/name")
    ] = Field(
        description="The ARN of the delivery stream.",
        examples=["arn:aws:firehose:eu-west-1:111111111111:deliverystream/ses-events"],
    )
    role: RoleArn = Field(
        description="The role that SES assumes to write to the stream.",
        examples=["arn:aws:iam::111111111111:role/ses-to-firehose"],
    )


class Dimension(Model):
    """A dimension of the CloudWatch metrics that count events."""

    # AWS developer guide, "Set up a CloudWatch event destination". Automatic tags such as ses:source-ip contain a colon.
    dimension: Annotated[
        str, *text(r"[A-Za-z0-9_:-]{1,256}", "a CloudWatch dimension name", "use letters, digits, - _ and :")
    ] = Field(description="The name of the dimension.", examples=["campaign", "ses:from-domain"])
    source: Literal["message_tag", "email_header", "link_tag"] = Field(
        description="Where its value comes from.", examples=["message_tag"]
    )
    default: Annotated[
        str, *text(r"[A-Za-z0-9_@.-]{1,256}", "a CloudWatch dimension value", "use letters, digits, - _ @ and .")
    ] = Field(description="Its value if the message has none.", examples=["none"])


def _event_bus(value: str) -> str:
    # SES v2 API reference, EventBridgeDestination: "the Amazon EventBridge bus ... Only the default bus is supported."
    arn = arns.parse(value)
    if value != "default" and (arn is None or arn.service != "events" or arn.resource != "event-bus/default"):
        raise wrong(f"{value!r} is not the default event bus", "write default: SES accepts no other event bus")
    return value


def _all_events(value: Any) -> Any:
    return [e.lower() for e in EVENT_TYPES] if value == "all" else value


class _OrAll:
    """Add the word `all` to the JSON Schema: it is replaced before pydantic describes the type."""

    def __get_pydantic_json_schema__(self, core: Any, handler: GetJsonSchemaHandler) -> dict[str, Any]:
        return {"anyOf": [{"const": "all"}, handler(core)]}


class EventDestination(Model):
    """Where events of a configuration set go: exactly one of sns, firehose, cloudwatch, eventbridge and pinpoint."""

    events: Annotated[list[EventType], Field(min_length=1), BeforeValidator(_all_events), _OrAll()] = Field(
        description="The event types that are sent on, or `all`.",
        examples=[["bounce", "complaint", "delivery_delay"], "all"],
    )
    sns: TopicReference | None = Field(
        None,
        description="An SNS topic: a name, spec/name, or an ARN.",
        examples=["feedback", "acme-mailer/feedback", "arn:aws:sns:eu-west-1:222222222222:feedback"],
    )
    firehose: Firehose | None = Field(
        None,
        description="A Firehose delivery stream.",
        examples=[
            {
                "stream": "arn:aws:firehose:eu-west-1:111111111111:deliverystream/ses-events",
                "role": "arn:aws:iam::111111111111:role/ses-to-firehose",
            }
        ],
    )
    cloudwatch: Annotated[list[Dimension], Field(min_length=1, max_length=MAX_DESTINATIONS_PER_SET)] | None = Field(
        None,
        description="CloudWatch metrics, one dimension for each entry.",
        examples=[[{"dimension": "campaign", "source": "message_tag", "default": "none"}]],
    )
    eventbridge: Annotated[str, AfterValidator(_event_bus)] | None = Field(
        None, description="The account's default event bus: `default`.", examples=["default"]
    )
    pinpoint: (
        Annotated[str, arn_of("mobiletargeting", "apps/", "arn:aws:mobiletargeting:eu-west-1:111111111111:apps/id")]
        | None
    ) = Field(
        None,
        description="The ARN of an Amazon Pinpoint application.",
        examples=["arn:aws:mobiletargeting:eu-west-1:111111111111:apps/0123456789abcdef"],
    )
    enabled: bool = Field(True, description="Whether events are sent on now.", examples=[True, False])

    @property
    def kind(self) -> str:
        """The kind of the destination."""
        return only_one(self, _KINDS)

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> EventDestination:
        kind = only_one(self, _KINDS)
        if kind == "pinpoint" and NOT_FOR_PINPOINT & {e.upper() for e in self.events}:
            raise wrong(
                "a pinpoint destination accepts neither delivery_delay nor subscription events", "list the other events"
            )
        names = [d.dimension for d in self.cloudwatch or ()]
        if len(names) != len(set(names)):
            raise wrong("cloudwatch has two dimensions of the same name", "give each dimension a unique name")
        return self


_KINDS = {
    "sns": "sns",
    "firehose": "firehose",
    "cloudwatch": "cloudwatch",
    "eventbridge": "eventbridge",
    "pinpoint": "pinpoint",
}


def _suppression(value: Any) -> str:
    return "<unmanaged>" if value == "unmanaged" else "<null>" if value is None else "<list>"


Suppression = Annotated[
    Annotated[list[Literal["bounce", "complaint"]], Tag("<list>")]
    | Annotated[None, Tag("<null>")]
    | Annotated[Unmanaged, Tag("<unmanaged>")],
    Discriminator(_suppression),
]


class ConfigurationSet(Model):
    """A configuration set of SES, with its event destinations."""

    exclusive: bool = Field(
        True, description="false: destinations that are not listed are not managed.", examples=[True, False]
    )
    suppression: Suppression = Field(
        "unmanaged",
        description="For which reasons SES does not send to addresses on the suppression list. []: for none; "
        "null: as the account is set; left out: unmanaged.",
        examples=[["bounce", "complaint"], ["complaint"], []],
    )
    event_destinations: dict[SesName, OrAbsent[EventDestination]] = Field(
        default_factory=dict,
        description="By name. Destinations that are not listed are deleted, unless exclusive is false.",
        examples=[{"feedback": {"events": ["bounce", "complaint"], "sns": "feedback"}, "old": "absent"}],
    )

    @model_validator(mode="after")
    def _within_quota(self) -> ConfigurationSet:
        declared = [name for name, d in self.event_destinations.items() if d != "absent"]
        if len(declared) > MAX_DESTINATIONS_PER_SET:
            raise wrong(
                f"has {len(declared)} event destinations; the quota is {MAX_DESTINATIONS_PER_SET}",
                "use a second configuration set",
            )
        return self
