"""The SNS topic of one notification type of an identity. Only SES v1 has calls for it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sesform.model.address import Address, Scope
from sesform.model.values import Properties
from sesform.policies.document import Publisher
from sesform.resources import capabilities as to
from sesform.resources import traces
from sesform.resources.capabilities import Capability
from sesform.resources.live_record import Records
from sesform.resources.resource_type import Permission, Phase, ResourceType, Step
from sesform.resources.traces import Trace
from sesform.specs import schema
from sesform.specs.compiler import publishers_of
from sesform.specs.declared import Declared

if TYPE_CHECKING:
    from sesform.aws import Connection
    from sesform.resources.reader import Reader


class NotificationTopic(ResourceType):
    """Properties: identity (a name; an ARN for a legacy cross-account entry), notification_type, topic_arn.

    It exists while a topic is set."""

    name = "notification_topic"
    key = ("identity", "notification_type")
    terraform_type = "aws_ses_identity_notification_topic"
    reset_with_identity = True

    def read(self, reading: Reader, wanted: Sequence[Declared]) -> Iterable[tuple[Address, Properties]]:
        for declared in wanted:
            attributes = reading.notification_attributes.get(declared.key["identity"], {})
            # Unset topics are absent, though the API reference lists them as required (seen on AWS: ansible's ses_identity tests).
            topic_arn = attributes.get(f"{declared.key['notification_type'].capitalize()}Topic")
            if topic_arn:
                yield declared.address, {**declared.key, "topic_arn": topic_arn}

    def ahead(self, reading: Reader, wanted: Sequence[Declared]) -> Iterator[None]:
        return reading.attributes_ahead()

    def phase(self, before: Properties | None, after: Properties | None) -> Phase:
        return Phase.NOTIFICATION_TOPICS_NULL if after is None else Phase.NOTIFICATION_TOPICS

    def provides(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        identity, type_ = properties["identity"], properties["notification_type"]
        return frozenset({to.notification(scope, identity, type_), to.route(scope, identity)})

    def requires(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        return to.carrying(properties["topic_arn"])

    def publishes(self, scope: Scope, properties: Properties) -> tuple[str, list[Publisher]] | None:
        return properties["topic_arn"], list(publishers_of(scope, properties["identity"]))

    def gist(self, properties: Properties) -> tuple[str, str]:
        return f"{properties['notification_type']} topic", properties["topic_arn"]

    def foreign_identity(self, properties: Properties) -> str:
        return properties["identity"] if properties["identity"].startswith("arn:") else ""

    def completes(self, step: Step) -> frozenset[Capability]:
        made = super().completes(step)
        return made if step.after is None else made | {to.own_route(step.scope, step.after["identity"])}

    def terraform_attributes(self, parts: Mapping[str, Properties]) -> dict[str, Any]:
        own = {"topic_arn": None, **next(iter(parts.values())), **parts.get(self.name, {})}
        type_ = own["notification_type"].capitalize()
        return {
            "id": f"{own['identity']}|{type_}",
            "identity": own["identity"],
            "notification_type": type_,
            "topic_arn": own["topic_arn"],
        }

    def record(self, records: Records, scope: Scope, properties: Properties) -> None:
        name, type_ = properties["identity"], properties["notification_type"]
        identity = records.identity(scope, name)
        if properties["topic_arn"] is None:
            identity.topicless.add(type_)
            return
        identity.topics[type_] = properties["topic_arn"]
        topic = records.topic(properties["topic_arn"])
        topic.used = True
        if not schema.fault("identity_arn" if name.startswith("arn:") else "identity", name):
            topic.publishers.update(publishers_of(scope, name))

    def traces(self, scope: Scope, before: Properties | None, after: Properties | None) -> tuple[Trace, ...]:
        key = before or after or {}
        named = (
            traces.identity(scope, key["identity"], "identity"),
            traces.is_("notificationType", key["notification_type"].capitalize()),
        )
        leaves = (traces.left_at("snsTopic", before["topic_arn"] if before else None),)
        set_ = Trace("ses:SetIdentityNotificationTopic", named, leaves)
        return (set_, *(traces.identity_deleted(scope, key["identity"]) if before is None else ()))

    def calls(self, before: Properties | None, after: Properties | None) -> tuple[str, ...]:
        return ("ses:SetIdentityNotificationTopic",)

    def reads(self, of: Declared) -> tuple[Permission, ...]:
        return (Permission("ses:GetIdentityNotificationAttributes"),)

    def writes(self, of: Declared) -> tuple[Permission, ...]:
        return (Permission("ses:SetIdentityNotificationTopic"),)

    def create(self, connection: Connection, after: Properties) -> None:
        connection.call(
            "ses",
            "SetIdentityNotificationTopic",
            Identity=after["identity"],
            NotificationType=after["notification_type"].capitalize(),
            SnsTopic=after["topic_arn"],
        )

    def update(self, connection: Connection, before: Properties, after: Properties) -> None:
        self.create(connection, after)  # directly from A to B: notifications would be lost while the topic is cleared

    def delete(self, connection: Connection, before: Properties) -> None:
        # Only a call without SnsTopic clears the topic: botocore refuses None, SES refuses "" (boto/boto3#2875).
        connection.call(
            "ses",
            "SetIdentityNotificationTopic",
            Identity=before["identity"],
            NotificationType=before["notification_type"].capitalize(),
        )
