"""Sends: accept mail, and make the events of the mailbox simulator's addresses.

Source: SES developer guide, "Using the mailbox simulator".
"""

from __future__ import annotations

import email
import email.utils
import uuid
from collections.abc import Iterable

from sesform.model import arns
from sesform_sandbox import events, rules
from sesform_sandbox.context import Context, Operation, Params, Result
from sesform_sandbox.events import Event
from sesform_sandbox.refusal import Refusal
from sesform_sandbox.rules import Target
from sesform_sandbox.ses_v1_sets import does_not_exist
from sesform_sandbox.ses_v2_sets import configuration_set

_SIMULATED: dict[str, Event] = {"bounce": "bounce", "complaint": "complaint", "success": "delivery"}


def sender(context: Context, source: str, source_arn: str | None) -> Target | None:
    """Return the identity that a message is sent with: the given ARN's, else the closest to the address."""
    if source_arn:
        return rules.find_identity(context, source_arn)
    address = email.utils.parseaddr(source)[1]
    key = rules.sending_identity(context.here.identities, address)
    return Target(key, rules.identity_arn(context, key), context.account, False) if key else None


def _deliver(context: Context, target: Target | None, source: str, recipients: Iterable[str], set_name: str) -> Result:
    """Accept a message and make its events. Raises Refusal (MessageRejected) if the sender may not send."""
    if target is None or not _may_send(context, target):
        region = context.region.upper()
        text = f"Email address is not verified. The following identities failed the check in region {region}: {source}"
        raise Refusal("MessageRejected", text)
    for recipient in recipients:
        local, _, domain = email.utils.parseaddr(recipient)[1].partition("@")
        event = _SIMULATED.get(local.partition("+")[0].lower())
        if domain.lower() == "simulator.amazonses.com" and event:
            events.happen(context, target, event, set_name)
    return {"MessageId": str(uuid.uuid4())}


def _may_send(context: Context, target: Target) -> bool:
    owner = arns.parse(target.arn)
    assert owner is not None
    identity = context.state.at(target.owner, context.region).identities[owner.resource.partition("/")[2]]
    # A delegate needs a sending policy of the owner; its principals and conditions are not evaluated here.
    return identity.verified and (not target.foreign or bool(identity.policies))


def _send_email_v1(context: Context, params: Params) -> Result:
    found = params["Destination"]
    recipients = [r for kind in ("ToAddresses", "CcAddresses", "BccAddresses") for r in found.get(kind) or ()]
    return _send_v1(context, params, params["Source"], recipients)


def _send_raw_email_v1(context: Context, params: Params) -> Result:
    message = email.message_from_bytes(params["RawMessage"]["Data"])
    source: str = params.get("Source") or str(message.get("From", ""))
    named = email.utils.getaddresses([v for h in ("To", "Cc", "Bcc") for v in message.get_all(h, [])])
    return _send_v1(context, params, source, params.get("Destinations") or [address for _, address in named])


def _send_v1(context: Context, params: Params, source: str, recipients: Iterable[str]) -> Result:
    name = params.get("ConfigurationSetName", "")
    target = sender(context, source, params.get("SourceArn"))
    if (missing := _missing_set(context, target, name)) is not None:
        raise does_not_exist(missing)
    return _deliver(context, target, source, recipients, name)


def _send_email_v2(context: Context, params: Params) -> Result:
    source, found, name = (
        params.get("FromEmailAddress", ""),
        params.get("Destination") or {},
        params.get("ConfigurationSetName", ""),
    )
    target = sender(context, source, params.get("FromEmailAddressIdentityArn"))
    if (missing := _missing_set(context, target, name)) is not None:
        configuration_set(context, missing)
    recipients = [r for kind in ("ToAddresses", "CcAddresses", "BccAddresses") for r in found.get(kind) or ()]
    return _deliver(context, target, source, recipients, name)


def _missing_set(context: Context, target: Target | None, name: str) -> str | None:
    """Return the configuration set that the send names, else the identity's default, if that set exists."""
    if not name and target and not target.foreign:
        name = context.here.identities[target.key].configuration_set
    return name if name and name not in context.here.configuration_sets else None


V1_OPERATIONS: dict[str, Operation] = {"SendEmail": _send_email_v1, "SendRawEmail": _send_raw_email_v1}
V2_OPERATIONS: dict[str, Operation] = {"SendEmail": _send_email_v2}
