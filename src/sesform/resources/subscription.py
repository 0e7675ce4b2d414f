"""SNS subscriptions. SNS knows one by its topic, protocol and endpoint; others than the declared ones are left alone."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sesform.errors import AwsError, NotDeletableError
from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import UNKNOWN, Properties, Value
from sesform.policies import document as policy_document
from sesform.resources import capabilities as to
from sesform.resources.capabilities import Capability
from sesform.resources.live_record import Records
from sesform.resources.resource_type import Permission, Phase, ResourceType, on, passing
from sesform.specs.declared import Declared
from sesform.specs.removed import Parent

if TYPE_CHECKING:
    from sesform.aws import Connection
    from sesform.resources.reader import Reader

PENDING = "PendingConfirmation"  # what SNS lists in place of an ARN until the endpoint's owner has confirmed

# Whose owners SNS always asks to confirm; for the others only where the endpoint is in another account than the topic, whose
# credentials make the call. Source: SNS API reference, Subscribe.
_ASKED = ("email", "email-json", "http", "https")
_LEFT = "SNS does not let a subscription be removed that waits for its confirmation, and forgets it after two days"

# Ours → SNS's. Source: SNS API reference, SetSubscriptionAttributes.
_ATTRIBUTES = {
    "raw_message_delivery": "RawMessageDelivery",
    "filter_policy_scope": "FilterPolicyScope",
    "filter_policy": "FilterPolicy",
    "dead_letter_queue": "RedrivePolicy",
    "role": "SubscriptionRoleArn",
}


class Subscription(ResourceType):
    """Properties: topic_arn, protocol, endpoint, arn (UNKNOWN until made; PENDING until confirmed), and those that are managed
    of raw_message_delivery, filter_policy, filter_policy_scope, dead_letter_queue (an ARN), role."""

    name = "subscription"
    key = ("topic_arn", "protocol", "endpoint")
    terraform_type = "aws_sns_topic_subscription"
    service = "sns"

    def read(self, reading: Reader, wanted: Sequence[Declared]) -> Iterable[tuple[Address, Properties]]:
        for declared in wanted:
            arn = reading.subscriptions(declared.key["topic_arn"]).get(
                (declared.key["protocol"], declared.key["endpoint"])
            )
            if arn is None:
                continue
            attributes = reading.subscription_attributes(arn)
            yield declared.address, {**declared.key, "arn": arn, **(_properties(attributes) if attributes else {})}

    def planned_value(self, want: Properties | None, have: Properties | None) -> Properties | None:
        if want is None:
            # SNS refuses to remove a pending one, and forgets it by itself after two days (terraform-provider-aws#7782, AWS
            # What's New 2023-05): there is nothing to do.
            return have if have is not None and have["arn"] == PENDING else None
        if have is None:
            return {"arn": UNKNOWN, **want}
        # SNS takes no settings for a subscription that is pending; once confirmed it is compared again.
        return have if have["arn"] == PENDING else {**have, **want}

    def reflected(self, found: Properties, after: Properties) -> bool:
        return found["arn"] == PENDING or super().reflected(
            found, after
        )  # nothing more shows until its owner has confirmed it

    def same(self, one: Properties, other: Properties) -> bool:
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)

    def remark(self, before: Properties | None, after: Properties | None) -> str:
        if before is not None or after is None or not asks(after):
            return ""
        return (
            "SNS asks its owner to confirm it within two days, anew where an earlier request was not answered in time"
        )

    def phase(self, before: Properties | None, after: Properties | None) -> Phase:
        return Phase.TOPICS_REMOVED if after is None else Phase.TOPICS

    def provides(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        return frozenset({to.listening(properties["topic_arn"])})

    def requires(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        return frozenset({to.topic(properties["topic_arn"])})

    def removed_with(self, key: Mapping[str, str]) -> Parent | None:
        return Parent("topic", (key["topic_arn"],))

    def terraform_attributes(self, parts: Mapping[str, Properties]) -> dict[str, Any]:
        own = parts[self.name]
        filter_policy, queue = own.get("filter_policy"), own.get("dead_letter_queue")
        return {
            "id": own["arn"],
            "arn": own["arn"],
            "topic_arn": own["topic_arn"],
            "protocol": own["protocol"],
            "endpoint": own["endpoint"],
            "raw_message_delivery": bool(own.get("raw_message_delivery")),
            "filter_policy": policy_document.compact(filter_policy) if filter_policy else None,
            "filter_policy_scope": own.get("filter_policy_scope"),
            "redrive_policy": policy_document.compact({"deadLetterTargetArn": queue}) if queue else None,
        }

    def record(self, records: Records, scope: Scope, properties: Properties) -> None:
        records.topic(properties["topic_arn"]).subscriptions.append(properties)

    def calls(self, before: Properties | None, after: Properties | None) -> tuple[str, ...]:
        if after is None:
            return ("sns:Unsubscribe",)
        return (
            ("sns:Subscribe",) if before is None else ("sns:SetSubscriptionAttributes",) * len(_settings(before, after))
        )

    def reads(self, of: Declared) -> tuple[Permission, ...]:
        # SNS checks what is done with a subscription against its topic's ARN: its refusals name that ("not authorized to
        # perform: SNS:GetSubscriptionAttributes on resource: arn:aws:sns:…:topic", SNS:Unsubscribe likewise; seen on AWS).
        topic = of.key["topic_arn"]
        return on(topic, "sns:GetSubscriptionAttributes", "sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic")

    def writes(self, of: Declared) -> tuple[Permission, ...]:
        topic = of.key["topic_arn"]
        if of.desired is None:
            return on(topic, "sns:Unsubscribe")
        settings = ("sns:SetSubscriptionAttributes",) if _ATTRIBUTES.keys() & of.desired.keys() else ()
        role = of.desired.get("role")
        passed = (passing(role, "sns.amazonaws.com"),) if role else ()
        return (*on(topic, "sns:Subscribe", *settings), *passed)

    def create(self, connection: Connection, after: Properties) -> None:
        attributes = {_ATTRIBUTES[k]: _text(k, v) for k, v in after.items() if k in _ATTRIBUTES and v not in (None, {})}
        connection.call(
            "sns",
            "Subscribe",
            TopicArn=after["topic_arn"],
            Protocol=after["protocol"],
            Endpoint=after["endpoint"],
            Attributes=attributes,
            ReturnSubscriptionArn=True,
        )

    def update(self, connection: Connection, before: Properties, after: Properties) -> None:
        for name, value in _settings(before, after):
            connection.call(
                "sns",
                "SetSubscriptionAttributes",
                SubscriptionArn=before["arn"],
                AttributeName=_ATTRIBUTES[name],
                AttributeValue=_text(name, value),
            )

    def delete(self, connection: Connection, before: Properties) -> None:
        if before["arn"] == PENDING:
            raise NotDeletableError(_LEFT)
        try:
            connection.call("sns", "Unsubscribe", SubscriptionArn=before["arn"])  # quiet where there is none
        except AwsError as error:
            # It may have come to wait since it was looked at: SNS turns e-mail endpoints back that get too much.
            if error.code == "InvalidParameter" and "pending confirmation" in error.message:
                raise NotDeletableError(_LEFT) from None
            raise


def asks(properties: Properties) -> bool:
    """Whether SNS asks the endpoint's owner to confirm, and delivers nothing until then."""
    endpoint, topic = arns.parse(properties["endpoint"]), arns.parse(properties["topic_arn"])
    foreign = endpoint is not None and topic is not None and endpoint.account != topic.account
    return properties["protocol"] in _ASKED or foreign


def _same(one: Value, other: Value) -> bool:
    """Equal as JSON: the order of keys is nothing, and `true` is not 1."""
    if isinstance(one, Mapping | list) and isinstance(other, Mapping | list):
        return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    return bool(one == other)


def _settings(before: Properties, after: Properties) -> list[tuple[str, Value]]:
    """The attributes to set, in order. A filter of the old scope may be invalid in the new one, so it goes first: for a moment
    more is delivered, never less."""
    changed = [
        (name, after[name]) for name in _ATTRIBUTES if name in after and not _same(after[name], before.get(name))
    ]
    if any(name == "filter_policy_scope" for name, _ in changed) and before.get("filter_policy"):
        changed = [("filter_policy", {}), *(c for c in changed if c[0] != "filter_policy")]
        if after.get("filter_policy"):
            changed.append(("filter_policy", after["filter_policy"]))
    return changed


def _text(name: str, value: Value) -> str:
    if name == "dead_letter_queue":
        return json.dumps({"deadLetterTargetArn": value}) if value else ""
    return value if isinstance(value, str) else json.dumps(value)


def _properties(attributes: Mapping[str, str]) -> dict[str, Any]:
    """SNS's answer → properties. Attributes with their default value are left out of it; booleans are text."""
    redrive = json.loads(attributes.get("RedrivePolicy") or "{}")
    return {
        "raw_message_delivery": attributes.get("RawMessageDelivery") == "true",
        "filter_policy": json.loads(attributes.get("FilterPolicy") or "{}"),
        "filter_policy_scope": attributes.get("FilterPolicyScope", "MessageAttributes"),
        "dead_letter_queue": redrive.get("deadLetterTargetArn"),
        "role": attributes.get("SubscriptionRoleArn"),
    }
