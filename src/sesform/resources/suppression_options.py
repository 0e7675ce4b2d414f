"""Suppression options of configuration sets: the reasons for which SES does not send to addresses on the suppression list.

A configuration set without suppression options uses those of the account. A set with an empty list of reasons ignores the
suppression list. Source: AWS developer guide of SES, "Using configuration set-level suppression".
"""

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
from sesform.specs.removed import Parent

if TYPE_CHECKING:
    from sesform.aws import Connection
    from sesform.resources.reader import Reader

_UNMANAGED = ("SuppressionScope", "ValidationOptions")  # options of the same call that are not managed


class SuppressionOptions(ResourceType):
    """Properties: configuration_set, reasons (sorted: bounce, complaint), and `other_options` as SES has them, if there are any.

    It exists while the set overrides the account.
    """

    name = "suppression_options"
    key = ("configuration_set",)
    terraform_type = "aws_sesv2_configuration_set"
    terraform_part_of = "configuration_set"

    def read(self, reading: Reader, wanted: Sequence[Declared]) -> Iterable[tuple[Address, Properties]]:
        """Return the options of the wanted sets. One GetConfigurationSet call for each set that exists."""
        for declared in wanted:
            name = declared.key["configuration_set"]
            options = reading.suppression_options(name) if name in reading.event_destinations else None
            if options is not None:
                other = {option: options[option] for option in _UNMANAGED if option in options}
                reasons = sorted(reason.lower() for reason in options.get("SuppressedReasons", ()))
                yield (
                    declared.address,
                    {**declared.key, "reasons": reasons} | ({"other_options": other} if other else {}),
                )

    def ahead(self, reading: Reader, wanted: Sequence[Declared]) -> Iterator[None]:
        yield from reading.destinations_ahead()
        for declared in wanted:
            yield from reading.suppression_options_ahead(declared.key["configuration_set"])

    def phase(self, before: Properties | None, after: Properties | None) -> Phase:
        return Phase.CONFIGURATION_SETS_REMOVED if after is None else Phase.CONFIGURATION_SETS

    def requires(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        return frozenset({to.configuration_set(scope, properties["configuration_set"])})

    def removed_with(self, key: Mapping[str, str]) -> Parent | None:
        return Parent("configuration_set", (key["configuration_set"],))

    def terraform_attributes(self, parts: Mapping[str, Properties]) -> dict[str, Any]:
        own = parts.get(self.name)
        block = [{"suppressed_reasons": [reason.upper() for reason in own["reasons"]]}] if own else []
        return {"suppression_options": block}

    def record(self, records: Records, scope: Scope, properties: Properties) -> None:
        records.configuration_set(scope, properties["configuration_set"]).suppression = list(properties["reasons"])

    def traces(self, scope: Scope, before: Properties | None, after: Properties | None) -> tuple[Trace, ...]:
        name = (before or after or {})["configuration_set"]
        named = (traces.is_("configurationSetName", name),)
        if before is not None:
            return Trace("ses:PutConfigurationSetSuppressionOptions", named), traces.set_created(name)
        return (
            Trace("ses:PutConfigurationSetSuppressionOptions", named, (traces.left_at("suppressedReasons", None),)),
            traces.set_created(name, traces.left_at("suppressionOptions.suppressedReasons", None)),
            traces.set_deleted(name),
        )

    def calls(self, before: Properties | None, after: Properties | None) -> tuple[str, ...]:
        return ("ses:PutConfigurationSetSuppressionOptions",)

    def reads(self, of: Declared) -> tuple[Permission, ...]:
        arn = arns.configuration_set(of.scope, of.key["configuration_set"])
        return on(arn, "ses:GetConfigurationSet", "ses:GetConfigurationSetEventDestinations")

    def writes(self, of: Declared) -> tuple[Permission, ...]:
        arn = arns.configuration_set(of.scope, of.key["configuration_set"])
        return on(arn, "ses:PutConfigurationSetSuppressionOptions")

    def create(self, connection: Connection, after: Properties) -> None:
        self._put(connection, after, SuppressedReasons=[reason.upper() for reason in after["reasons"]])

    def update(self, connection: Connection, before: Properties, after: Properties) -> None:
        self.create(connection, after)

    def delete(self, connection: Connection, before: Properties) -> None:
        # A call without reasons returns the set to the account's options (seen on AWS: hashicorp/terraform-provider-aws#45756).
        try:
            self._put(connection, before)
        except AwsError as error:
            if error.code != "NotFoundException":
                raise

    def _put(self, connection: Connection, properties: Properties, **reasons: list[str]) -> None:
        other = properties.get("other_options", {})
        connection.call(
            "sesv2",
            "PutConfigurationSetSuppressionOptions",
            ConfigurationSetName=properties["configuration_set"],
            **reasons,
            **other,
        )
