"""Configuration sets. Their options are not managed, except for the suppression options, which are a type of their own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sesform.errors import AwsError
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


class ConfigurationSet(ResourceType):
    """Properties: configuration_set (its name)."""

    name = "configuration_set"
    key = ("configuration_set",)
    terraform_type = "aws_sesv2_configuration_set"

    def read(self, reading: Reader, wanted: Sequence[Declared]) -> Iterable[tuple[Address, Properties]]:
        for declared in wanted:
            name = declared.key["configuration_set"]
            if name in reading.event_destinations:
                yield declared.address, {"configuration_set": name}

    def ahead(self, reading: Reader, wanted: Sequence[Declared]) -> Iterator[None]:
        return reading.destinations_ahead()

    def phase(self, before: Properties | None, after: Properties | None) -> Phase:
        return Phase.CONFIGURATION_SETS_REMOVED if after is None else Phase.CONFIGURATION_SETS

    def provides(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        return frozenset({to.configuration_set(scope, properties["configuration_set"])})

    def terraform_attributes(self, parts: Mapping[str, Properties]) -> dict[str, Any]:
        name = next(iter(parts.values()))["configuration_set"]
        return {"id": name, "configuration_set_name": name}

    def record(self, records: Records, scope: Scope, properties: Properties) -> None:
        records.configuration_set(scope, properties["configuration_set"])

    def traces(self, scope: Scope, before: Properties | None, after: Properties | None) -> tuple[Trace, ...]:
        if before is None:
            return (traces.set_deleted(str((after or {})["configuration_set"])),)
        return (traces.set_created(before["configuration_set"]),)

    def calls(self, before: Properties | None, after: Properties | None) -> tuple[str, ...]:
        return ("ses:DeleteConfigurationSet",) if after is None else ("ses:CreateConfigurationSet",)

    def reads(self, of: Declared) -> tuple[Permission, ...]:
        arn = arns.configuration_set(of.scope, of.key["configuration_set"])
        reads = on(arn, "ses:GetConfigurationSetEventDestinations")
        if of.desired is not None:
            return reads
        # Before a set is deleted, the default set of every identity is read: see live/dependents.
        every = arns.identity(of.scope, "*")
        users = (Permission("ses:ListEmailIdentities"), *on(every, "ses:GetEmailIdentity"))
        return (*reads, *users, *on(arn, "ses:ListResourceTenants"))

    def writes(self, of: Declared) -> tuple[Permission, ...]:
        arn = arns.configuration_set(of.scope, of.key["configuration_set"])
        verb = "Delete" if of.desired is None else "Create"
        # Any destination of the set, listed or not: a deleted set's, those that an exclusive set does not list, and temporary
        # replacements that an interrupted run left.
        return on(arn, f"ses:{verb}ConfigurationSet", "ses:DeleteConfigurationSetEventDestination")

    def create(self, connection: Connection, after: Properties) -> None:
        # All options are left out: `SendingOptions: {}` would mean false, not the default (go-to-k/cdk-real-drift#1643).
        try:
            connection.call("sesv2", "CreateConfigurationSet", ConfigurationSetName=after["configuration_set"])
        except AwsError as error:
            if error.code != "AlreadyExistsException":
                raise

    def update(self, connection: Connection, before: Properties, after: Properties) -> None:
        raise AssertionError("a configuration set has only a name, and a name cannot be updated")

    def delete(self, connection: Connection, before: Properties) -> None:
        try:
            connection.call("sesv2", "DeleteConfigurationSet", ConfigurationSetName=before["configuration_set"])
        except AwsError as error:
            if error.code != "NotFoundException":
                raise
