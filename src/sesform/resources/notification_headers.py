"""Header inclusion: whether notifications include the headers of the original e-mail. The flag outlives the topic."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sesform.model.address import Address, Scope
from sesform.model.values import Properties
from sesform.resources import capabilities as to
from sesform.resources import traces
from sesform.resources.capabilities import Capability
from sesform.resources.live_record import Records
from sesform.resources.resource_type import Permission, Phase, ResourceType
from sesform.resources.traces import Trace
from sesform.specs.declared import Declared

if TYPE_CHECKING:
    from sesform.aws import Connection
    from sesform.resources.reader import Reader


class NotificationHeaders(ResourceType):
    """Properties: identity, notification_type, enabled (true). It exists while the flag is on; the default is off."""

    name = "notification_headers"
    key = ("identity", "notification_type")
    terraform_type = "aws_ses_identity_notification_topic"
    terraform_part_of = "notification_topic"
    reset_with_identity = True

    def read(self, reading: Reader, wanted: Sequence[Declared]) -> Iterable[tuple[Address, Properties]]:
        for declared in wanted:
            attributes = reading.notification_attributes.get(declared.key["identity"], {})
            if attributes.get(f"HeadersIn{declared.key['notification_type'].capitalize()}NotificationsEnabled"):
                yield declared.address, {**declared.key, "enabled": True}

    def ahead(self, reading: Reader, wanted: Sequence[Declared]) -> Iterator[None]:
        return reading.attributes_ahead()

    def phase(self, before: Properties | None, after: Properties | None) -> Phase:
        return Phase.HEADERS_OFF if after is None else Phase.HEADERS_ON

    def requires(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        # SES API reference, SetIdentityHeadersInNotificationsEnabled: only where a topic is set for that type.
        return frozenset({to.notification(scope, properties["identity"], properties["notification_type"])})

    def gist(self, properties: Properties) -> tuple[str, str]:
        return f"headers in {properties['notification_type']} notifications", "on" if properties["enabled"] else "off"

    def terraform_attributes(self, parts: Mapping[str, Properties]) -> dict[str, Any]:
        return {"include_original_headers": self.name in parts}

    def record(self, records: Records, scope: Scope, properties: Properties) -> None:
        identity = records.identity(scope, properties["identity"])
        if properties["enabled"]:
            identity.headers.add(properties["notification_type"])

    def traces(self, scope: Scope, before: Properties | None, after: Properties | None) -> tuple[Trace, ...]:
        key = before or after or {}
        named = (
            traces.identity(scope, key["identity"], "identity"),
            traces.is_("notificationType", key["notification_type"].capitalize()),
        )
        set_ = Trace(
            "ses:SetIdentityHeadersInNotificationsEnabled", named, (traces.flag("enabled", before is not None),)
        )
        return (set_, *(traces.identity_deleted(scope, key["identity"]) if before is None else ()))

    def calls(self, before: Properties | None, after: Properties | None) -> tuple[str, ...]:
        return ("ses:SetIdentityHeadersInNotificationsEnabled",)

    def reads(self, of: Declared) -> tuple[Permission, ...]:
        return (Permission("ses:GetIdentityNotificationAttributes"),)

    def writes(self, of: Declared) -> tuple[Permission, ...]:
        return (Permission("ses:SetIdentityHeadersInNotificationsEnabled"),)

    def create(self, connection: Connection, after: Properties) -> None:
        self._set(connection, after, enabled=True)

    def update(self, connection: Connection, before: Properties, after: Properties) -> None:
        self._set(connection, after, enabled=True)

    def delete(self, connection: Connection, before: Properties) -> None:
        self._set(connection, before, enabled=False)

    def _set(self, connection: Connection, properties: Properties, *, enabled: bool) -> None:
        connection.call(
            "ses",
            "SetIdentityHeadersInNotificationsEnabled",
            Identity=properties["identity"],
            NotificationType=properties["notification_type"].capitalize(),
            Enabled=enabled,
        )
