"""The default configuration set of an identity: SES uses it for mail that names no set."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import Properties
from sesform.resources import capabilities as to
from sesform.resources import traces
from sesform.resources.capabilities import Capability
from sesform.resources.live_record import Records
from sesform.resources.resource_type import Permission, Phase, ResourceType, Step, on
from sesform.resources.traces import Trace
from sesform.specs.declared import Declared

if TYPE_CHECKING:
    from sesform.aws import Connection
    from sesform.resources.reader import Reader


class DefaultConfigurationSet(ResourceType):
    """Properties: identity, configuration_set. It exists where one is set."""

    name = "default_configuration_set"
    key = ("identity",)
    terraform_type = "aws_sesv2_email_identity"

    def read(self, reading: Reader, wanted: Sequence[Declared]) -> Iterable[tuple[Address, Properties]]:
        for declared in wanted:
            name = reading.email_identity(declared.key["identity"]).get("ConfigurationSetName")
            if name:
                yield declared.address, {**declared.key, "configuration_set": name}

    def ahead(self, reading: Reader, wanted: Sequence[Declared]) -> Iterator[None]:
        for declared in wanted:
            yield from reading.email_identity_ahead(declared.key["identity"])

    def phase(self, before: Properties | None, after: Properties | None) -> Phase:
        return Phase.CONFIGURATION_SETS_REMOVED if after is None else Phase.DEFAULT_CONFIGURATION_SETS

    def provides(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        return frozenset({to.route(scope, properties["identity"])})

    def requires(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        name = properties["configuration_set"]
        return frozenset({to.configuration_set(scope, name), to.events(scope, name)})

    def extends(self, scope: Scope, properties: Properties) -> tuple[Capability, Capability] | None:
        # The destinations of a set also carry the events of identities whose default it is.
        return to.events(scope, properties["configuration_set"]), to.route(scope, properties["identity"])

    def default_set(self, properties: Properties) -> str:
        return str(properties["configuration_set"])

    def after(self, step: Step) -> frozenset[Capability]:
        found: set[Capability] = set()
        if step.before is not None:  # the identity's own topics may have to take over from the previous set
            found.add(to.own_route(step.scope, step.before["identity"]))
        if (
            step.after is not None
        ):  # no identity moves to a set before all destinations of the set exist, disabled ones included
            found.add(to.destination_added(step.scope, step.after["configuration_set"]))
        return frozenset(found)

    def gist(self, properties: Properties) -> tuple[str, str]:
        return "default configuration set", properties["configuration_set"]

    def terraform_attributes(self, parts: Mapping[str, Properties]) -> dict[str, Any]:
        own = parts[self.name]
        return {
            "id": own["identity"],
            "email_identity": own["identity"],
            "configuration_set_name": own["configuration_set"],
        }

    def record(self, records: Records, scope: Scope, properties: Properties) -> None:
        records.identity(scope, properties["identity"]).default_set = properties["configuration_set"]

    def traces(self, scope: Scope, before: Properties | None, after: Properties | None) -> tuple[Trace, ...]:
        name, live = (before or after or {})["identity"], before["configuration_set"] if before else None
        named = (traces.identity(scope, name, "emailIdentity"),)
        leaves = (traces.left_at("configurationSetName", live),)
        return (
            Trace("ses:PutEmailIdentityConfigurationSetAttributes", named, leaves),
            Trace("ses:CreateEmailIdentity", named, leaves),
            *(traces.identity_deleted(scope, name) if before is None else ()),
        )

    def calls(self, before: Properties | None, after: Properties | None) -> tuple[str, ...]:
        return ("ses:PutEmailIdentityConfigurationSetAttributes",)

    def reads(self, of: Declared) -> tuple[Permission, ...]:
        reads = on(arns.literal(arns.identity(of.scope, of.key["identity"])), "ses:GetEmailIdentity")
        if of.desired is None:
            return reads
        # Whether the set exists, and which events it publishes.
        arn = arns.configuration_set(of.scope, of.desired["configuration_set"])
        return (*reads, *on(arn, "ses:GetConfigurationSetEventDestinations"))

    def writes(self, of: Declared) -> tuple[Permission, ...]:
        action = "ses:PutEmailIdentityConfigurationSetAttributes"  # on the identity, and on its new set
        named = [arns.literal(arns.identity(of.scope, of.key["identity"]))]
        named += [arns.configuration_set(of.scope, of.desired["configuration_set"])] if of.desired else []
        return tuple(Permission(action, arn) for arn in named)

    def create(self, connection: Connection, after: Properties) -> None:
        connection.call(
            "sesv2",
            "PutEmailIdentityConfigurationSetAttributes",
            EmailIdentity=after["identity"],
            ConfigurationSetName=after["configuration_set"],
        )

    def update(self, connection: Connection, before: Properties, after: Properties) -> None:
        self.create(connection, after)

    def delete(self, connection: Connection, before: Properties) -> None:
        # Without a name the default is cleared: SES v2 API reference, PutEmailIdentityConfigurationSetAttributes.
        connection.call("sesv2", "PutEmailIdentityConfigurationSetAttributes", EmailIdentity=before["identity"])
