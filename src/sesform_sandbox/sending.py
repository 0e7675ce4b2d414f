"""Sends: accept mail, and make the events of the mailbox simulator's addresses.

Source: SES developer guide, "Using the mailbox simulator".
"""

from __future__ import annotations

import email
import email.utils
import uuid
from typing import NamedTuple

from sesform.model import arns
from sesform_sandbox import events, rules
from sesform_sandbox.context import Context, Operation, Params, Result
from sesform_sandbox.policy import parse, statements
from sesform_sandbox.policy_evaluation import is_account_allowed
from sesform_sandbox.refusal import Refusal
from sesform_sandbox.rules import Target
from sesform_sandbox.ses_v1_sets import does_not_exist
from sesform_sandbox.ses_v2 import QUOTA
from sesform_sandbox.ses_v2_sets import configuration_set
from sesform_sandbox.simulator import events_of
from sesform_sandbox.state import SendingQuota


def sender(context: Context, source: str, source_arn: str | None) -> Target | None:
    """Return the identity that a message is sent with: the given ARN's, else the closest to the address."""
    if source_arn:
        return rules.find_identity(context, source_arn)
    address = email.utils.parseaddr(source)[1]
    key = rules.sending_identity(context.here.identities, address)
    return Target(key, rules.identity_arn(context, key), context.account, False) if key else None


class _Message(NamedTuple):
    """A message to send. `action`: the permission that it needs. `throttled`: the error code for too many messages a second."""

    source: str
    recipients: tuple[str, ...]
    set_name: str
    subject: str
    action: str
    throttled: str


def _deliver(context: Context, target: Target | None, message: _Message) -> Result:
    """Accept a message and make its events. Raises Refusal (MessageRejected) if the sender may not send."""
    quota = context.here.sending.get(QUOTA, SendingQuota())
    if not quota.enabled:
        raise Refusal("AccountSendingPausedException", "sandbox: Sending is paused for this account.", 400)
    if target is None or not _may_send(context, target, message):
        raise _unverified(context, message.source)
    for recipient in message.recipients:
        if not quota.production and not events_of(recipient) and not _verified_address(context, recipient):
            raise _unverified(context, recipient)  # SES developer guide, "Request production access"
    if QUOTA in context.here.sending and not context.simulator.admits(context.scope, quota.rate, context.now):
        raise Refusal(message.throttled, "sandbox: Maximum sending rate exceeded.")
    for recipient in message.recipients:
        for event in events_of(recipient):
            mail = events.Mail(message.source, recipient, message.subject)
            events.happen(context, target, event, message.set_name, mail)
    return {"MessageId": str(uuid.uuid4())}


def _unverified(context: Context, address: str) -> Refusal:
    region = context.region.upper()
    text = f"Email address is not verified. The following identities failed the check in region {region}: {address}"
    return Refusal("MessageRejected", text)


def _verified_address(context: Context, address: str) -> bool:
    key = rules.sending_identity(context.here.identities, email.utils.parseaddr(address)[1])
    return key is not None and context.here.identities[key].verified


def _may_send(context: Context, target: Target, message: _Message) -> bool:
    """Return whether the caller may send with an identity: its own if it is verified, another account's by a sending policy.

    Source: SES developer guide, "Using sending authorization", and its condition keys. One policy that allows it is enough.
    """
    owner = arns.parse(target.arn)
    assert owner is not None
    identity = context.state.at(target.owner, context.region).identities[owner.resource.partition("/")[2]]
    if not identity.verified or not target.foreign:
        return identity.verified
    if (
        rules.sending_identity({target.key.rpartition("/")[2]: identity}, email.utils.parseaddr(message.source)[1])
        is None
    ):
        return False  # the address is not one of the identity
    principals = [context.account, arns.account_root(context.account, context.partition)]
    principals += [context.session.role_arn] if context.session else []
    name, address = email.utils.parseaddr(message.source)
    keys = {"ses:fromaddress": address, "ses:fromdisplayname": name, "ses:feedbackaddress": address}
    document = {"Statement": [s for text in identity.policies.values() for s in statements(parse(text))]}
    return all(
        is_account_allowed(document, principals, message.action, target.arn, keys | {"ses:recipients": recipient})
        for recipient in message.recipients
    )


def _send_email_v1(context: Context, params: Params) -> Result:
    subject = params["Message"]["Subject"]["Data"]
    return _send_v1(context, params, params["Source"], _recipients(params["Destination"]), subject, "ses:SendEmail")


def _send_raw_email_v1(context: Context, params: Params) -> Result:
    message = email.message_from_bytes(params["RawMessage"]["Data"])
    source: str = params.get("Source") or str(message.get("From", ""))
    named = email.utils.getaddresses([v for h in ("To", "Cc", "Bcc") for v in message.get_all(h, [])])
    recipients = tuple(params.get("Destinations") or [address for _, address in named])
    return _send_v1(context, params, source, recipients, str(message.get("Subject", "")), "ses:SendRawEmail")


def _send_v1(
    context: Context, params: Params, source: str, recipients: tuple[str, ...], subject: str, action: str
) -> Result:
    name = params.get("ConfigurationSetName", "")
    target = sender(context, source, params.get("SourceArn"))
    if (missing := _missing_set(context, target, name)) is not None:
        raise does_not_exist(missing)
    return _deliver(context, target, _Message(source, recipients, name, subject, action, "Throttling"))


# The content of a message of SES v2, and the permission that it needs (service authorization reference, "Amazon SES v2").
_ACTIONS = {"Simple": "ses:SendEmail", "Raw": "ses:SendRawEmail", "Template": "ses:SendTemplatedEmail"}


def _send_email_v2(context: Context, params: Params) -> Result:
    source, name = params.get("FromEmailAddress", ""), params.get("ConfigurationSetName", "")
    target = sender(context, source, params.get("FromEmailAddressIdentityArn"))
    if (missing := _missing_set(context, target, name)) is not None:
        configuration_set(context, missing)
    content = params["Content"]
    action = next((_ACTIONS[kind] for kind in _ACTIONS if kind in content), None)
    if action is None:
        raise Refusal("BadRequestException", "sandbox: Content is Simple, Raw or Template.", 400)
    subject = content.get("Simple", {}).get("Subject", {}).get("Data", "")
    recipients = _recipients(params.get("Destination") or {})
    message = _Message(source, recipients, name, subject, action, "TooManyRequestsException")
    return _deliver(context, target, message)


def _recipients(destination: Params) -> tuple[str, ...]:
    return tuple(r for kind in ("ToAddresses", "CcAddresses", "BccAddresses") for r in destination.get(kind) or ())


def _missing_set(context: Context, target: Target | None, name: str) -> str | None:
    """Return the configuration set that the send names, else the identity's default, if that set exists."""
    if not name and target and not target.foreign:
        name = context.here.identities[target.key].configuration_set
    return name if name and name not in context.here.configuration_sets else None


V1_OPERATIONS: dict[str, Operation] = {"SendEmail": _send_email_v1, "SendRawEmail": _send_raw_email_v1}
V2_OPERATIONS: dict[str, Operation] = {"SendEmail": _send_email_v2}
