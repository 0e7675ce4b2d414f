"""Sending authorization policies: one for each delegate, and those that specs contain. Other policies are not managed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sesform.errors import AwsError, understood
from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.quotas import MAX_POLICIES_PER_IDENTITY
from sesform.model.values import Properties
from sesform.policies import document as policy_document
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


class SendingPolicy(ResourceType):
    """Properties: identity, name, policy (a document)."""

    name = "sending_policy"
    key = ("identity", "name")
    terraform_type = "aws_ses_identity_policy"
    max_per_identity = MAX_POLICIES_PER_IDENTITY

    def read(self, reading: Reader, wanted: Sequence[Declared]) -> Iterable[tuple[Address, Properties]]:
        for declared in wanted:
            text = reading.email_identity(declared.key["identity"]).get("Policies", {}).get(declared.key["name"])
            if text is not None:
                where = str(reading.connection.scope)
                with understood(f"policy {declared.key['name']}", operation="ses:GetEmailIdentity", where=where):
                    document = policy_document.parse(text)
                yield declared.address, {**declared.key, "policy": document}

    def ahead(self, reading: Reader, wanted: Sequence[Declared]) -> Iterator[None]:
        for declared in wanted:
            yield from reading.email_identity_ahead(declared.key["identity"])

    def same(self, one: Properties, other: Properties) -> bool:
        return policy_document.same(one["policy"], other["policy"])

    def phase(self, before: Properties | None, after: Properties | None) -> Phase:
        return Phase.SENDING_POLICIES_WITHDRAWN if after is None else Phase.SENDING_POLICIES

    def requires(self, scope: Scope, properties: Properties) -> frozenset[Capability]:
        # A delegate may send only after the routes for its feedback exist, and loses the right before they are removed.
        return frozenset({to.route(scope, properties["identity"])})

    def gist(self, properties: Properties) -> tuple[str, str]:
        return f"sending policy {properties['name']}", ""

    def likeness(self, properties: Properties) -> str:
        # Each statement names the ARN of its own identity.
        return super().likeness(properties).replace(f':identity/{properties["identity"]}"', ':identity/(its own)"')

    def overwritten_text(self, before: Properties) -> str:
        # Source: AWS developer guide of SES, "Managing your sending authorization policies".
        return policy_document.compact(before["policy"])

    def terraform_attributes(self, parts: Mapping[str, Properties]) -> dict[str, Any]:
        own = parts[self.name]
        return {
            "id": f"{own['identity']}|{own['name']}",
            "identity": own["identity"],
            "name": own["name"],
            "policy": policy_document.compact(own["policy"]),
        }

    def record(self, records: Records, scope: Scope, properties: Properties) -> None:
        records.identity(scope, properties["identity"]).policies[properties["name"]] = properties["policy"]

    def traces(self, scope: Scope, before: Properties | None, after: Properties | None) -> tuple[Trace, ...]:
        key = before or after or {}
        of_policy = traces.is_("policyName", key["name"])
        v1 = (traces.identity(scope, key["identity"], "identity"), of_policy)
        v2 = (traces.identity(scope, key["identity"], "emailIdentity"), of_policy)
        if before is not None:
            calls = (Trace(f"ses:{verb}EmailIdentityPolicy", v2) for verb in ("Create", "Update"))
            return (*calls, Trace("ses:PutIdentityPolicy", v1))
        deleted = (Trace("ses:DeleteEmailIdentityPolicy", v2), Trace("ses:DeleteIdentityPolicy", v1))
        return (*deleted, *traces.identity_deleted(scope, key["identity"]))

    def calls(self, before: Properties | None, after: Properties | None) -> tuple[str, ...]:
        verb = "Delete" if after is None else "Create" if before is None else "Update"
        return (f"ses:{verb}EmailIdentityPolicy",)

    def reads(self, of: Declared) -> tuple[Permission, ...]:
        return on(arns.literal(arns.identity(of.scope, of.key["identity"])), "ses:GetEmailIdentity")

    def writes(self, of: Declared) -> tuple[Permission, ...]:
        verbs = ("Delete",) if of.desired is None else ("Create", "Update")
        actions = (f"ses:{verb}EmailIdentityPolicy" for verb in verbs)
        return on(arns.literal(arns.identity(of.scope, of.key["identity"])), *actions)

    def create(self, connection: Connection, after: Properties) -> None:
        try:
            self._put(connection, "CreateEmailIdentityPolicy", after)
        except AwsError as error:
            if error.code != "AlreadyExistsException":
                raise
            # An earlier run, or a first attempt whose answer was lost, may have created it. A policy that another program created
            # since the plan was made stays: no plan holds its text, and SES cannot restore it.
            if not self._holds(connection, after):
                hint = "another program created this policy after the plan was made. Plan again."
                raise AwsError(
                    error.message, code=error.code, operation=error.operation, where=error.where, hint=hint
                ) from None

    def update(self, connection: Connection, before: Properties, after: Properties) -> None:
        try:
            self._put(connection, "UpdateEmailIdentityPolicy", after)
        except AwsError as error:
            # SES refuses to update a policy that does not exist, contrary to its API reference (seen on AWS: floci-io/floci#1750).
            if error.code != "NotFoundException":
                raise
            self._put(connection, "CreateEmailIdentityPolicy", after)

    def delete(self, connection: Connection, before: Properties) -> None:
        try:
            connection.call(
                "sesv2", "DeleteEmailIdentityPolicy", EmailIdentity=before["identity"], PolicyName=before["name"]
            )
        except AwsError as error:
            if error.code != "NotFoundException":
                raise

    def _holds(self, connection: Connection, after: Properties) -> bool:
        answer = connection.call("sesv2", "GetEmailIdentity", EmailIdentity=after["identity"])
        try:
            return policy_document.same(
                policy_document.parse(answer.get("Policies", {}).get(after["name"], "")), after["policy"]
            )
        except ValueError:
            return False

    def _put(self, connection: Connection, operation: str, after: Properties) -> None:
        connection.call(
            "sesv2",
            operation,
            EmailIdentity=after["identity"],
            PolicyName=after["name"],
            Policy=policy_document.compact(after["policy"]),
        )
