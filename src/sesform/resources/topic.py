"""SNS topics: created by name only; attributes are set one by one after that."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import Properties
from sesform.resources import capabilities as to
from sesform.resources import traces
from sesform.resources.capabilities import Capability
from sesform.resources.live_record import Records
from sesform.resources.resource_type import Permission, Phase, ResourceType, on
from sesform.resources.traces import Trace
from sesform.specs.declared import Declared

if TYPE_CHECKING:
    from sesform.aws import Connection
    from sesform.resources.reader import Reader

_ATTRIBUTES = {"display_name": "DisplayName", "kms_key": "KmsMasterKeyId"}


class Topic(ResourceType):
    """Properties: topic_arn, name, display_name (text), kms_key (text, or None if not encrypted)."""

    name = "topic"
    key = ("topic_arn",)
    terraform_type = "aws_sns_topic"
    service = "sns"

    def read(self, reading: Reader, wanted: Sequence[Declared]) -> Iterable[tuple[Address, Properties]]:
        for declared in wanted:
            arn = declared.key["topic_arn"]
            attributes = reading.topic_attributes(arn)
            if attributes is not None:
                # Attributes with default values are absent (seen on AWS: localstack's recorded snapshots of SNS).
                yield (
                    declared.address,
                    {
                        "topic_arn": arn,
                        "name": arn.rsplit(":", 1)[-1],
                        "display_name": attributes.get("DisplayName", ""),
                        "kms_key": attributes.get("KmsMasterKeyId") or None,
                    },
                )

    def same(self, one: Properties, other: Properties) -> bool:
        return one.keys() == other.keys() and {**one, "kms_key": _key(one)} == {**other, "kms_key": _key(other)}

    def phase(self, before: Properties | None, after: Properties | None) -> Phase:
        return Phase.TOPICS_REMOVED if after is None else Phase.TOPICS

    def provides(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        return frozenset({to.topic(properties["topic_arn"])})

    def terraform_attributes(self, parts: Mapping[str, Properties]) -> dict[str, Any]:
        own = parts[self.name]
        return {
            "id": own["topic_arn"],
            "arn": own["topic_arn"],
            "name": own["name"],
            "display_name": own.get("display_name", ""),
            "kms_master_key_id": own.get("kms_key"),
        }

    def record(self, records: Records, scope: Scope, properties: Properties) -> None:
        records.topic(properties["topic_arn"]).settings = properties

    def traces(self, scope: Scope, before: Properties | None, after: Properties | None) -> tuple[Trace, ...]:
        arn = (before or after or {})["topic_arn"]
        if before is None:
            return (traces.topic_deleted(arn),)
        names = [_ATTRIBUTES[name] for name in _changed(before, after)] if after else []
        changed = Trace("sns:SetTopicAttributes", (traces.is_("topicArn", arn), traces.is_("attributeName", *names)))
        return (*((changed,) if names else ()), traces.topic_created(arn))

    def calls(self, before: Properties | None, after: Properties | None) -> tuple[str, ...]:
        if after is None:
            return ("sns:DeleteTopic",)
        create = ("sns:CreateTopic",) if before is None else ()
        return create + ("sns:SetTopicAttributes",) * len(_changed(before or {}, after))

    def reads(self, of: Declared) -> tuple[Permission, ...]:
        reads = on(of.key["topic_arn"], "sns:GetTopicAttributes")
        if of.desired is not None:
            return reads
        # Before a topic is deleted, all identities and sets that may publish to it are read: see live/dependents.
        of_all = ("ses:ListEmailIdentities", "ses:GetIdentityNotificationAttributes", "ses:ListConfigurationSets")
        every = on(arns.configuration_set(of.scope, "*"), "ses:GetConfigurationSetEventDestinations")
        return (*reads, *map(Permission, of_all), *every)

    def writes(self, of: Declared) -> tuple[Permission, ...]:
        if of.desired is None:
            return on(of.key["topic_arn"], "sns:DeleteTopic")
        attributes = ("sns:SetTopicAttributes",) if _ATTRIBUTES.keys() & of.desired.keys() else ()
        return on(of.key["topic_arn"], "sns:CreateTopic", *attributes)

    def create(self, connection: Connection, after: Properties) -> None:
        # With attributes, CreateTopic refuses if a topic with other attributes exists; by name only it never refuses
        # (seen on AWS: localstack's recorded snapshots of SNS, test_create_duplicate_topic_*).
        connection.call("sns", "CreateTopic", Name=after["name"])
        self.update(connection, {}, after)

    def update(self, connection: Connection, before: Properties, after: Properties) -> None:
        for name in _changed(before, after):
            connection.call(
                "sns",
                "SetTopicAttributes",
                TopicArn=after["topic_arn"],
                AttributeName=_ATTRIBUTES[name],
                AttributeValue=after[name] or "",
            )

    def delete(self, connection: Connection, before: Properties) -> None:
        connection.call("sns", "DeleteTopic", TopicArn=before["topic_arn"])  # no error if it does not exist


def _changed(before: Properties, after: Properties) -> list[str]:
    old, new = {**before, "kms_key": _key(before)}, {**after, "kms_key": _key(after)}
    return [name for name in _ATTRIBUTES if (new.get(name) or None) != (old.get(name) or None)]


def _key(properties: Properties) -> str | None:
    """Return the ARN of a topic's key. A key id or alias without ARN belongs to the topic's account and region."""
    topic, key = arns.parse(properties.get("topic_arn", "")), properties.get("kms_key")
    return arns.kms_key(topic.scope, key) if topic and key else key
