"""The ownership tag: it names the spec that a topic, configuration set or identity belongs to. Other tags are not managed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sesform.errors import AwsError
from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import OWNERSHIP_TAG, Properties
from sesform.resources import capabilities as to
from sesform.resources import traces
from sesform.resources.capabilities import Capability
from sesform.resources.live_record import Records
from sesform.resources.resource_type import Permission, Phase, ResourceType, Step, on
from sesform.resources.traces import Trace
from sesform.specs.declared import Declared
from sesform.specs.removed import Parent

if TYPE_CHECKING:
    from sesform.aws import Connection
    from sesform.resources.reader import Reader

_GONE = ("NotFoundException", "ResourceNotFound", "ResourceNotFoundException")


class OwnershipTag(ResourceType):
    """Properties: arn (of the tagged resource), spec (the tag's value). It exists while the tag is set."""

    name = "ownership_tag"
    key = ("arn",)
    terraform_type = "sesform_ownership_tag"  # the AWS provider has no resource for a tag of SES
    service = "tagging"
    eventually_consistent = True

    def read(self, reading: Reader, wanted: Sequence[Declared]) -> Iterable[tuple[Address, Properties]]:
        for declared in wanted:
            spec = reading.owners.get(declared.key["arn"])
            if spec is not None:
                yield declared.address, {**declared.key, "spec": spec}

    def phase(self, before: Properties | None, after: Properties | None) -> Phase:
        if after is None:
            return Phase.TOPICS_REMOVED
        service, kind = _kind(after)
        if service == "sns":
            return Phase.TOPICS
        return Phase.CONFIGURATION_SETS if kind == "configuration-set" else Phase.SENDING_POLICIES

    def requires(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        service, kind = _kind(properties)
        if service == "sns":
            return frozenset({to.topic(properties["arn"])})
        name = properties["arn"].partition("/")[2]
        return frozenset({to.configuration_set(scope, name)}) if kind == "configuration-set" else frozenset()

    def identity(self, key: Mapping[str, str]) -> str:
        return key["arn"].partition(":identity/")[2]

    def after(self, step: Step) -> frozenset[Capability]:
        # `--prune` finds an identity by its tag, so the tag is removed after the identity's settings.
        removed = step.before is not None and step.after is None
        return frozenset({to.setting(step.before["arn"])}) if removed and step.before else frozenset()

    def removed_with(self, key: Mapping[str, str]) -> Parent | None:
        service, kind = _kind(key)
        if service == "sns":
            return Parent("topic", (key["arn"],), declared=False)
        name = key["arn"].partition("/")[2]
        return Parent("configuration_set", (name,), declared=False) if kind == "configuration-set" else None

    def terraform_attributes(self, parts: Mapping[str, Properties]) -> dict[str, Any]:
        own = parts[self.name]
        return {"id": own["arn"], "resource_arn": own["arn"], "key": OWNERSHIP_TAG, "value": own["spec"]}

    def record(self, records: Records, scope: Scope, properties: Properties) -> None:
        pass  # tags are an option of the spec, not of the resource

    def traces(self, scope: Scope, before: Properties | None, after: Properties | None) -> tuple[Trace, ...]:
        arn = (before or after or {})["arn"]
        service, kind = _kind(before or after or {})
        of_resource = traces.is_("resourceArn", arn)
        if before is not None:
            return (Trace(f"{service}:TagResource", (of_resource, traces.is_("tags.key", OWNERSHIP_TAG))),)
        untagged = Trace(f"{service}:UntagResource", (of_resource, traces.is_("tagKeys", OWNERSHIP_TAG)))
        name = arn.partition("/")[2]
        if service == "sns":
            return untagged, traces.topic_deleted(arn)
        if kind == "configuration-set":
            return untagged, traces.set_deleted(name)
        return untagged, *traces.identity_deleted(scope, name)

    def calls(self, before: Properties | None, after: Properties | None) -> tuple[str, ...]:
        service, _ = _kind(after or before or {})
        return (f"{service}:{'UntagResource' if after is None else 'TagResource'}",)

    def reads(self, of: Declared) -> tuple[Permission, ...]:
        return (Permission("tag:GetResources"),)

    def writes(self, of: Declared) -> tuple[Permission, ...]:
        service, _ = _kind(of.key)
        return on(arns.literal(of.key["arn"]), f"{service}:{'UntagResource' if of.desired is None else 'TagResource'}")

    def create(self, connection: Connection, after: Properties) -> None:
        connection.call(
            _api(after), "TagResource", ResourceArn=after["arn"], Tags=[{"Key": OWNERSHIP_TAG, "Value": after["spec"]}]
        )

    def update(self, connection: Connection, before: Properties, after: Properties) -> None:
        self.create(connection, after)  # this replaces a tag with that key: SES v2 and SNS API references, TagResource

    def delete(self, connection: Connection, before: Properties) -> None:
        try:
            connection.call(_api(before), "UntagResource", ResourceArn=before["arn"], TagKeys=[OWNERSHIP_TAG])
        except AwsError as error:
            if error.code not in _GONE:
                raise


def _kind(properties: Properties) -> tuple[str, str]:
    """Return the service; for SES also the kind of resource: identity or configuration-set."""
    arn = arns.parse(properties["arn"])
    assert arn is not None, properties["arn"]
    return arn.service, arn.resource.partition("/")[0]


def _api(properties: Properties) -> str:
    return "sns" if _kind(properties)[0] == "sns" else "sesv2"
