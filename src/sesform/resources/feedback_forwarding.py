"""E-mail feedback forwarding: whether SES mails bounces and complaints to the sender. Every identity has it, on by default."""

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


class FeedbackForwarding(ResourceType):
    """Properties: identity, enabled; without_topics if it is off and only the default configuration set carries the feedback.

    It exists with its identity, so it is only updated. SES v1 refuses to turn it off without topics, v2 does not.
    """

    name = "feedback_forwarding"
    key = ("identity",)
    terraform_type = "aws_sesv2_email_identity_feedback_attributes"
    forced_with_identity = True

    def read(self, reading: Reader, wanted: Sequence[Declared]) -> Iterable[tuple[Address, Properties]]:
        for declared in wanted:
            attributes = reading.notification_attributes.get(declared.key["identity"])
            if attributes is not None:
                yield declared.address, {**declared.key, "enabled": bool(attributes["ForwardingEnabled"])}

    def ahead(self, reading: Reader, wanted: Sequence[Declared]) -> Iterator[None]:
        return reading.attributes_ahead()

    def same(self, one: Properties, other: Properties) -> bool:
        return bool(one["enabled"] == other["enabled"])

    def phase(self, before: Properties | None, after: Properties | None) -> Phase:
        return Phase.FORWARDING_ON if after and after["enabled"] else Phase.FORWARDING_OFF

    def provides(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        return frozenset({to.route(scope, properties["identity"])}) if properties["enabled"] else frozenset()

    def requires(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        # Off only when something else carries the feedback, and while it stays off that must not go. SES may refuse it before the
        # topics are set (SES API reference, SetIdentityFeedbackForwardingEnabled).
        if properties["enabled"]:
            return frozenset()
        identity = properties["identity"]
        topics = (to.notification(scope, identity, event) for event in ("bounce", "complaint"))
        return frozenset({to.route(scope, identity), *topics})

    def completes(self, step: Step) -> frozenset[Capability]:
        made = super().completes(step)
        if step.phase is not Phase.FORWARDING_ON or step.after is None:
            return made
        return made | {to.own_route(step.scope, step.after["identity"])}

    def absent(self, key: Mapping[str, str]) -> Properties | None:
        return {**key, "enabled": True}

    def gist(self, properties: Properties) -> tuple[str, str]:
        return "e-mail forwarding", "on" if properties["enabled"] else "off"

    def terraform_attributes(self, parts: Mapping[str, Properties]) -> dict[str, Any]:
        own = parts[self.name]
        return {"id": own["identity"], "email_identity": own["identity"], "email_forwarding_enabled": own["enabled"]}

    def record(self, records: Records, scope: Scope, properties: Properties) -> None:
        records.identity(scope, properties["identity"]).forwarding = properties["enabled"]

    def traces(self, scope: Scope, before: Properties | None, after: Properties | None) -> tuple[Trace, ...]:
        name, on = (before or after or {})["identity"], bool(before and before["enabled"])
        v1 = (traces.identity(scope, name, "identity"),)
        v2 = (traces.identity(scope, name, "emailIdentity"),)
        return (
            Trace("ses:SetIdentityFeedbackForwardingEnabled", v1, (traces.flag("forwardingEnabled", on),)),
            # A missing value is false: see `create`.
            Trace(
                "ses:PutEmailIdentityFeedbackAttributes",
                v2,
                (traces.flag("emailForwardingEnabled", on, default=False),),
            ),
            *(traces.identity_deleted(scope, name) if on else ()),
        )

    def calls(self, before: Properties | None, after: Properties | None) -> tuple[str, ...]:
        if after and after.get("without_topics"):
            return ("ses:PutEmailIdentityFeedbackAttributes",)
        return ("ses:SetIdentityFeedbackForwardingEnabled",)

    def reads(self, of: Declared) -> tuple[Permission, ...]:
        return (Permission("ses:GetIdentityNotificationAttributes"),)

    def writes(self, of: Declared) -> tuple[Permission, ...]:
        if of.desired and of.desired.get("without_topics"):
            identity = arns.literal(arns.identity(of.scope, of.key["identity"]))
            return on(identity, "ses:PutEmailIdentityFeedbackAttributes")
        return (Permission("ses:SetIdentityFeedbackForwardingEnabled"),)

    def create(self, connection: Connection, after: Properties) -> None:
        identity, enabled = after["identity"], after["enabled"]
        if after.get("without_topics"):
            connection.call(
                "sesv2", "PutEmailIdentityFeedbackAttributes", EmailIdentity=identity, EmailForwardingEnabled=enabled
            )
            return
        # The v1 call on purpose: v2's call accepts false without any topic, and reads a missing value as false.
        connection.call("ses", "SetIdentityFeedbackForwardingEnabled", Identity=identity, ForwardingEnabled=enabled)

    def update(self, connection: Connection, before: Properties, after: Properties) -> None:
        self.create(connection, after)

    def delete(self, connection: Connection, before: Properties) -> None:
        raise AssertionError("forwarding cannot be deleted: it is on or off")
