"""Event destinations of configuration sets, of all five kinds."""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sesform.errors import AwsError
from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import NOT_FOR_PINPOINT, PINPOINT_ENDED, Properties, event_set
from sesform.policies.document import Publisher
from sesform.resources import capabilities as to
from sesform.resources import traces
from sesform.resources.capabilities import Capability
from sesform.resources.live_record import Records
from sesform.resources.resource_type import Permission, Phase, Refusal, Replacement, ResourceType, Step, on, passing
from sesform.resources.traces import Parameter, Trace
from sesform.specs.declared import Declared
from sesform.specs.removed import Parent

if TYPE_CHECKING:
    from sesform.aws import Connection
    from sesform.resources.reader import Reader

# Our names → those of SES v2 (API reference, EventDestinationDefinition): the structure, and its fields.
_KINDS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "sns": ("SnsDestination", {"topic_arn": "TopicArn"}),
    "firehose": ("KinesisFirehoseDestination", {"stream_arn": "DeliveryStreamArn", "role_arn": "IamRoleArn"}),
    "cloudwatch": ("CloudWatchDestination", {"dimensions": "DimensionConfigurations"}),
    "eventbridge": ("EventBridgeDestination", {"event_bus_arn": "EventBusArn"}),
    "pinpoint": ("PinpointDestination", {"application_arn": "ApplicationArn"}),
}
# Our names → those of the AWS provider: the block, and its attributes.
_TERRAFORM: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "sns": ("sns_destination", {"topic_arn": "topic_arn"}),
    "firehose": ("kinesis_firehose_destination", {"stream_arn": "delivery_stream_arn", "role_arn": "iam_role_arn"}),
    "cloudwatch": ("cloud_watch_destination", {"dimensions": "dimension_configuration"}),
    "eventbridge": ("event_bridge_destination", {"event_bus_arn": "event_bus_arn"}),
    "pinpoint": ("pinpoint_destination", {"application_arn": "application_arn"}),
}
_TERRAFORM_DIMENSION = {
    "name": "dimension_name",
    "source": "dimension_value_source",
    "default": "default_dimension_value",
}
_DIMENSION = {"name": "DimensionName", "source": "DimensionValueSource", "default": "DefaultDimensionValue"}


def kind_of(properties: Properties) -> str:
    """Return the kind of a destination: sns, firehose, cloudwatch, eventbridge or pinpoint; "unknown" for any other."""
    return next((kind for kind in _KINDS if kind in properties), "unknown")


def _carried(properties: Properties) -> set[str]:
    """Return the event types that a destination publishes; none if it is disabled."""
    return set(properties["events"]) if properties["enabled"] else set()


class EventDestination(ResourceType):
    """Properties: configuration_set, name, enabled, events (sorted), and one of sns {topic_arn}, firehose {stream_arn, role_arn},
    cloudwatch {dimensions: [{name, source, default}]}, eventbridge {event_bus_arn}, pinpoint {application_arn}."""

    name = "event_destination"
    key = ("configuration_set", "name")
    terraform_type = "aws_sesv2_configuration_set_event_destination"
    part_of = ("configuration_set", "default_configuration_set")
    listed_by = "configuration_set"

    def read(self, reading: Reader, wanted: Sequence[Declared]) -> Iterable[tuple[Address, Properties]]:
        """Return all destinations of the wanted and default sets, declared or not.

        An exclusive set deletes undeclared destinations, and all destinations are routes.
        """
        named = {
            d.desired["configuration_set"]: d.address for d in wanted if d.desired and "configuration_set" in d.desired
        }
        place = named | {d.key["configuration_set"]: d.address for d in wanted if "configuration_set" in d.key}
        for name, destinations in reading.event_destinations.items():
            for destination in destinations if name in place else ():
                address = Address(place[name].spec, place[name].region, self.name, f"{name}/{destination['Name']}")
                yield address, _properties(name, destination)

    def ahead(self, reading: Reader, wanted: Sequence[Declared]) -> Iterator[None]:
        return reading.destinations_ahead()

    def planned_value(self, desired: Properties | None, prior: Properties | None) -> Properties | None:
        return desired  # SES replaces the whole definition, so specs declare it whole

    def expanded(self, before: Properties, after: Properties) -> Properties:
        if _carried(before) <= _carried(after):
            return after
        if _carried(after) <= _carried(before):
            return before
        return {**after, "events": event_set([*before["events"], *after["events"]])}

    def requires_replace(self, before: Properties, after: Properties) -> str | None:
        # AWS does not document which kinds can be switched; to delete and create works for all.
        if kind_of(before) == kind_of(after):
            return None
        return f"its kind changes from {kind_of(before)} to {kind_of(after)}"

    def refusals(self, address: Address, before: Properties | None, after: Properties | None) -> list[Refusal]:
        """Refuse new destinations for Amazon Pinpoint. Existing ones are a warning of the specs."""
        if not after or kind_of(after) != "pinpoint" or (before and kind_of(before) == "pinpoint"):
            return []
        hint = "send the events to Firehose, EventBridge, CloudWatch or SNS instead"
        return [Refusal(f"{PINPOINT_ENDED}, and this event destination would be new", hint)]

    def phase(self, before: Properties | None, after: Properties | None) -> Phase:
        narrows = after is None or (before is not None and not _carried(before) <= _carried(after))
        return Phase.CONFIGURATION_SETS_REMOVED if narrows else Phase.EVENT_DESTINATIONS

    def provides(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        return (
            frozenset() if sends_nothing(properties) else frozenset({to.events(scope, properties["configuration_set"])})
        )

    def requires(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        found = {to.configuration_set(scope, properties["configuration_set"])}
        if "sns" in properties:
            arn = properties["sns"]["topic_arn"]
            found |= {to.topic(arn), to.publishing(arn), to.listening(arn)}
        return frozenset(found)

    def publishes(self, scope: Scope, properties: Properties) -> tuple[str, list[Publisher]] | None:
        if "sns" not in properties:
            return None
        source = arns.configuration_set(scope, properties["configuration_set"])
        return properties["sns"]["topic_arn"], [Publisher(scope.account, source)]

    def gist(self, properties: Properties) -> tuple[str, str]:
        kind = kind_of(properties)
        target = properties["sns"]["topic_arn"] if kind == "sns" else kind
        events = ", ".join(properties["events"]).lower()
        off = "" if properties["enabled"] else " (disabled)"
        return f"event destination {properties['name']}", f"{events} to {target}{off}"

    def completes(self, step: Step) -> frozenset[Capability]:
        if step.before is not None or step.after is None or step.phase is not Phase.EVENT_DESTINATIONS:
            return frozenset()
        return frozenset({to.destination_added(step.scope, step.after["configuration_set"])})

    def is_temporary(self, properties: Properties) -> bool:
        return re.search(rf"{_TEMPORARY}(-[0-9]+)?$", properties["name"]) is not None

    def replacement(self, before: Properties, after: Properties, taken: Container[str]) -> Replacement:
        temporary = temporary_replacement(before, after, taken)
        if temporary is None and not sends_nothing(before):
            # Other destinations must publish its events before it is deleted; after that it publishes none, or new ones.
            return Replacement(None, Phase.CONFIGURATION_SETS_REMOVED, Phase.CONFIGURATION_SETS_REMOVED)
        return Replacement(temporary, Phase.EVENT_DESTINATIONS, Phase.CONFIGURATION_SETS_REMOVED)

    def removed_with(self, key: Mapping[str, str]) -> Parent | None:
        return Parent("configuration_set", (key["configuration_set"],))

    def terraform_attributes(self, parts: Mapping[str, Properties]) -> dict[str, Any]:
        own = parts[self.name]
        blocks = {block: list[Any]() for block, _ in _TERRAFORM.values()}
        chosen, fields = _TERRAFORM[kind_of(own)]
        target = {theirs: own[kind_of(own)][ours] for ours, theirs in fields.items()}
        if "dimension_configuration" in target:
            target["dimension_configuration"] = [
                {theirs: d[ours] for ours, theirs in _TERRAFORM_DIMENSION.items()}
                for d in target["dimension_configuration"]
            ]
        shared = {"enabled": own["enabled"], "matching_event_types": list(own["events"])}
        return {
            "id": f"{own['configuration_set']}|{own['name']}",
            "configuration_set_name": own["configuration_set"],
            "event_destination_name": own["name"],
            "event_destination": [{**shared, **blocks, chosen: [target]}],
        }

    def record(self, records: Records, scope: Scope, properties: Properties) -> None:
        records.configuration_set(scope, properties["configuration_set"]).destinations[properties["name"]] = properties
        published = self.publishes(scope, properties)
        if published is not None:
            topic = records.topic(published[0])
            topic.used = True
            topic.publishers.update(published[1])

    def traces(self, scope: Scope, before: Properties | None, after: Properties | None) -> tuple[Trace, ...]:
        properties = before or after or {}
        of_set = traces.is_("configurationSetName", properties["configuration_set"])
        # SES v1 has the name in the definition.
        named = Parameter(("eventDestinationName", "eventDestination.name"), frozenset({properties["name"]}))
        verbs = ("Delete",) if before is None else ("Create", "Update")
        calls = (Trace(f"ses:{verb}ConfigurationSetEventDestination", (of_set, named)) for verb in verbs)
        return (*calls, *((traces.set_deleted(properties["configuration_set"]),) if before is None else ()))

    def calls(self, before: Properties | None, after: Properties | None) -> tuple[str, ...]:
        verb = "Delete" if after is None else "Create" if before is None else "Update"
        return (f"ses:{verb}ConfigurationSetEventDestination",)

    def reads(self, of: Declared) -> tuple[Permission, ...]:
        arn = arns.configuration_set(of.scope, of.key["configuration_set"])
        return on(arn, "ses:GetConfigurationSetEventDestinations")

    def writes(self, of: Declared) -> tuple[Permission, ...]:
        arn = arns.configuration_set(of.scope, of.key["configuration_set"])
        verbs = ("Delete",) if of.desired is None else ("Create", "Update", "Delete")  # delete: for a change of kind
        # Source: service authorization reference of SES v2, CreateConfigurationSetEventDestination: iam:PassRole.
        role = (of.desired or {}).get("firehose", {}).get("role_arn")
        passed = (passing(role, "ses.amazonaws.com"),) if role else ()
        return (*on(arn, *(f"ses:{verb}ConfigurationSetEventDestination" for verb in verbs)), *passed)

    def create(self, connection: Connection, after: Properties) -> None:
        try:
            self._put(connection, "CreateConfigurationSetEventDestination", after)
        except AwsError as error:
            if error.code != "AlreadyExistsException":
                raise
            self._put(connection, "UpdateConfigurationSetEventDestination", after)

    def update(self, connection: Connection, before: Properties, after: Properties) -> None:
        self._put(connection, "UpdateConfigurationSetEventDestination", after)

    def delete(self, connection: Connection, before: Properties) -> None:
        try:
            connection.call(
                "sesv2",
                "DeleteConfigurationSetEventDestination",
                ConfigurationSetName=before["configuration_set"],
                EventDestinationName=before["name"],
            )
        except AwsError as error:
            if error.code != "NotFoundException":
                raise

    def _put(self, connection: Connection, operation: str, after: Properties) -> None:
        connection.call(
            "sesv2",
            operation,
            ConfigurationSetName=after["configuration_set"],
            EventDestinationName=after["name"],
            EventDestination=_definition(after),
        )


def _properties(set_name: str, found: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of a destination in SES's answer."""
    properties: dict[str, Any] = {
        "configuration_set": set_name,
        "name": found["Name"],
        "enabled": bool(found.get("Enabled", False)),
        "events": event_set(found["MatchingEventTypes"]),
    }
    for kind, (structure, fields) in _KINDS.items():
        if structure in found:
            target = {ours: found[structure].get(theirs) for ours, theirs in fields.items()}
            if kind == "cloudwatch":
                dimensions = [{o: d[t] for o, t in _DIMENSION.items()} for d in target["dimensions"] or ()]
                target = {"dimensions": sorted(dimensions, key=lambda d: d["name"])}
            properties[kind] = target
    return properties


def _definition(properties: Properties) -> dict[str, Any]:
    """Return SES's EventDestinationDefinition. It is complete: an update resets what it leaves out, and Enabled to false."""
    kind = kind_of(properties)
    structure, fields = _KINDS[kind]
    target = {theirs: properties[kind][ours] for ours, theirs in fields.items()}
    if kind == "cloudwatch":
        target["DimensionConfigurations"] = [
            {t: d[o] for o, t in _DIMENSION.items()} for d in target["DimensionConfigurations"]
        ]
    return {"Enabled": properties["enabled"], "MatchingEventTypes": list(properties["events"]), structure: target}


_TEMPORARY = "-sesform-stand-in"  # the suffix of the name of a temporary replacement


def temporary_replacement(before: Properties, after: Properties, taken: Container[str] = ()) -> Properties | None:
    """Return a destination of another name that publishes the events of both while one is replaced.

    `taken`: the keys that are in use. Returns None if either publishes nothing: then other destinations take over before the old
    one is deleted.
    """
    if not _carried(before) or not _carried(after):
        return None
    events = _carried(before) | _carried(after)
    events -= NOT_FOR_PINPOINT if kind_of(after) == "pinpoint" else set()
    suffixes = (f"{_TEMPORARY}{n}" for n in ("", *(f"-{i}" for i in range(2, 100))))
    names = (after["name"][: 64 - len(suffix)] + suffix for suffix in suffixes)
    name = next(n for n in names if f"{after['configuration_set']}/{n}" not in taken)
    return {**after, "name": name, "events": event_set(events)}


def sends_nothing(properties: Properties) -> bool:
    """Return whether a destination publishes no events."""
    return not _carried(properties)
