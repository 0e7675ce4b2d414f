"""SNS subscriptions, identified by topic, protocol and endpoint. Undeclared subscriptions are not managed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sesform.errors import AwsError, NotDeletableError, understood
from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import UNKNOWN, Properties, Value
from sesform.policies import document as policy_document
from sesform.resources import capabilities as to
from sesform.resources import traces
from sesform.resources.capabilities import Capability
from sesform.resources.live_record import Records
from sesform.resources.resource_type import Permission, Phase, ResourceType, on, passing
from sesform.resources.traces import Parameter, Trace
from sesform.specs.declared import Declared
from sesform.specs.removed import Parent

if TYPE_CHECKING:
    from sesform.aws import Connection
    from sesform.resources.reader import Reader

PENDING = "PendingConfirmation"  # in lists, in place of the ARN of a subscription that is not confirmed

# SNS always asks these endpoints to confirm, and others only if they are in another account than the topic, whose
# credentials make the call. Source: SNS API reference, Subscribe.
_ASKED = ("email", "email-json", "http", "https")
_LEFT = "SNS cannot delete a pending subscription; it deletes the subscription by itself after two days"

# Our names → those of SNS. Source: SNS API reference, SetSubscriptionAttributes.
_ATTRIBUTES = {
    "raw_message_delivery": "RawMessageDelivery",
    "filter_policy_scope": "FilterPolicyScope",
    "filter_policy": "FilterPolicy",
    "dead_letter_queue": "RedrivePolicy",
    "role": "SubscriptionRoleArn",
}

_REQUEST = {"topicArn": "topic_arn", "protocol": "protocol", "endpoint": "endpoint"}  # parameters of Subscribe


class Subscription(ResourceType):
    """Properties: topic_arn, protocol, endpoint, arn (UNKNOWN until created; PENDING until confirmed), and the managed ones of
    raw_message_delivery, filter_policy, filter_policy_scope, dead_letter_queue (an ARN), role."""

    name = "subscription"
    key = ("topic_arn", "protocol", "endpoint")
    terraform_type = "aws_sns_topic_subscription"
    service = "sns"
    # SNS developer guide, "Logging Amazon SNS API calls using CloudTrail": no record of unauthenticated calls.
    unrecorded = (
        "CloudTrail does not record that an endpoint unsubscribes with the link in a message, or that SNS deletes a pending "
        "subscription"
    )

    def read(self, reading: Reader, wanted: Sequence[Declared]) -> Iterable[tuple[Address, Properties]]:
        for declared in wanted:
            arn = reading.subscriptions(declared.key["topic_arn"]).get(
                (declared.key["protocol"], declared.key["endpoint"])
            )
            if arn is None:
                continue
            attributes = reading.subscription_attributes(arn)
            where = str(reading.connection.scope)
            with understood(f"subscription {arn}", operation="sns:GetSubscriptionAttributes", where=where):
                properties = _properties(attributes) if attributes else {}
            yield declared.address, {**declared.key, "arn": arn, **properties}

    def planned_value(self, desired: Properties | None, prior: Properties | None) -> Properties | None:
        if desired is None:
            # No step is needed: SNS refuses to delete a pending subscription, and deletes it by itself after two days
            # (terraform-provider-aws#7782, AWS What's New 2023-05).
            return prior if prior is not None and prior["arn"] == PENDING else None
        if prior is None:
            return {"arn": UNKNOWN, **desired}
        # SNS has no attributes of a pending subscription; they are compared once it is confirmed.
        return prior if prior["arn"] == PENDING else {**prior, **desired}

    def reflected(self, found: Properties, after: Properties) -> bool:
        return found["arn"] == PENDING or super().reflected(
            found, after
        )  # SNS shows nothing more before the subscription is confirmed

    def same(self, one: Properties, other: Properties) -> bool:
        return one.keys() == other.keys() and all(_same(one[name], other[name]) for name in one)

    def remark(self, before: Properties | None, after: Properties | None) -> str:
        if before is not None or after is None or not asks(after):
            return ""
        return "SNS sends a confirmation request to the endpoint; it is valid for two days, and an expired one is sent again"

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

    def traces(self, scope: Scope, before: Properties | None, after: Properties | None) -> tuple[Trace, ...]:
        key = before or after or {}
        topic = key["topic_arn"]
        if before is None:
            of_topic = Parameter(("subscriptionArn",), frozenset({f"{topic}:"}), begins=True)
            remark = "it removed a subscription of the topic; which one is not recorded"
            return Trace("sns:Unsubscribe", (of_topic,), remark=remark), traces.topic_deleted(topic)
        named = (traces.is_(parameter, before[name]) for parameter, name in _REQUEST.items())
        subscribed = Trace("sns:Subscribe", tuple(named))
        if after is None:
            return (subscribed,)
        return Trace("sns:SetSubscriptionAttributes", (traces.is_("subscriptionArn", str(before["arn"])),)), subscribed

    def calls(self, before: Properties | None, after: Properties | None) -> tuple[str, ...]:
        if after is None:
            return ("sns:Unsubscribe",)
        return (
            ("sns:Subscribe",) if before is None else ("sns:SetSubscriptionAttributes",) * len(_settings(before, after))
        )

    def reads(self, of: Declared) -> tuple[Permission, ...]:
        # SNS checks calls on a subscription against its topic's ARN; its refusals name that ARN ("not authorized to perform:
        # SNS:GetSubscriptionAttributes on resource: arn:aws:sns:…:topic", SNS:Unsubscribe likewise; seen on AWS).
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
            connection.call("sns", "Unsubscribe", SubscriptionArn=before["arn"])  # no error if it does not exist
        except AwsError as error:
            # It may be pending since the plan was made: SNS resets e-mail endpoints that receive too many messages.
            if error.code == "InvalidParameter" and "pending confirmation" in error.message:
                raise NotDeletableError(_LEFT) from None
            raise


def asks(properties: Properties) -> bool:
    """Return whether SNS sends a confirmation request to the endpoint. Nothing is delivered before it is confirmed."""
    endpoint, topic = arns.parse(properties["endpoint"]), arns.parse(properties["topic_arn"])
    foreign = endpoint is not None and topic is not None and endpoint.account != topic.account
    return properties["protocol"] in _ASKED or foreign


def _same(one: Value, other: Value) -> bool:
    """Return whether two values are equal as JSON: the order of keys is ignored, and `true` is not 1."""
    if isinstance(one, Mapping | list) and isinstance(other, Mapping | list):
        return json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    return bool(one == other)


def _settings(before: Properties, after: Properties) -> list[tuple[str, Value]]:
    """Return the attributes to set, in order.

    A filter policy for the old scope may be invalid in the new scope, so it is removed first. For a short time more messages are
    delivered, never fewer.
    """
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
    """Return the properties of a subscription in SNS's answer. Attributes with default values are absent; booleans are text."""
    redrive = json.loads(attributes.get("RedrivePolicy") or "{}")
    return {
        "raw_message_delivery": attributes.get("RawMessageDelivery") == "true",
        "filter_policy": json.loads(attributes.get("FilterPolicy") or "{}"),
        "filter_policy_scope": attributes.get("FilterPolicyScope", "MessageAttributes"),
        "dead_letter_queue": redrive.get("deadLetterTargetArn"),
        "role": attributes.get("SubscriptionRoleArn"),
    }
