"""Publish bounces, complaints and deliveries as SES does, and remove topics that cannot be published to."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple

from sesform.model import arns
from sesform_sandbox import deliveries, rules
from sesform_sandbox.context import Context
from sesform_sandbox.policy import Source
from sesform_sandbox.rules import Target
from sesform_sandbox.simulator import ADDRESSES, DOMAIN, Event
from sesform_sandbox.state import ForeignIdentity, Identity


class Mail(NamedTuple):
    """The message that an event is about. `source`: the sender's address."""

    source: str
    recipient: str
    subject: str = "sandbox"


def happen(context: Context, target: Target, event: Event, set_name: str = "", mail: Mail | None = None) -> list[str]:
    """Publish one event of mail that the caller's account sent with an identity. Return the ARNs of the topics that received it.

    `set_name`: the configuration set that the send named; without one, the default set of the owner's identity. `mail`: the
    message, by default one to the simulator's address.
    """
    about = mail or Mail(target.arn.partition("identity/")[2], f"{ADDRESSES[event]}@{DOMAIN}")
    heard = _notify_identity_topic(context, target, event, about)
    name = set_name
    if not name and not target.foreign:
        name = context.here.identities[target.key].configuration_set
    return heard + _notify_destinations(context, target, event, name, about)


def _notify_identity_topic(context: Context, target: Target, event: Event, mail: Mail) -> list[str]:
    kind = event.capitalize()
    for home, key in _settings_of(context, target):
        settings = home.get(key)
        topic = settings.topics.get(kind) if settings else None
        if settings is None or topic is None:
            continue
        if rules.topic_fault(context, topic, rules.identity_publishers(context, target)) is None:
            payload = {"notificationType": kind, **_about(context, target, event, mail)}
            return _published(context, topic, payload, headers=kind in settings.headers)
        if event != "delivery":
            home[key] = _without(settings, kind)
        return []
    return []


def _settings_of(context: Context, target: Target) -> list[tuple[Any, str]]:
    """Return the record whose settings apply: a delegate's own entry before the owner's identity."""
    if not target.foreign:
        return [(context.here.identities, target.key)]
    owner = arns.parse(target.arn)
    assert owner is not None
    return [
        (context.here.foreign_identities, target.key),
        (context.state.at(target.owner, context.region).identities, owner.resource.partition("/")[2]),
    ]


def _without(settings: Identity | ForeignIdentity, kind: str) -> Identity | ForeignIdentity:
    """Remove a bounce or complaint topic that SES cannot publish to, and turn e-mail forwarding on. Delivery topics stay.

    Source: SES developer guide, "Configuring Amazon SNS notifications"; seen live after a KMS denial:
    aws-samples/communication-developer-services-reference-architectures#11.
    """
    topics = {k: v for k, v in settings.topics.items() if k != kind}
    if isinstance(settings, Identity):
        return replace(settings, topics=topics, forwarding=True)
    return replace(settings, topics=topics)


def _notify_destinations(context: Context, target: Target, event: Event, set_name: str, mail: Mail) -> list[str]:
    found = context.here.configuration_sets.get(set_name)
    if found is None:
        return []
    heard = []
    publisher = Source(context.account, arns.configuration_set(context.scope, set_name))
    for name in sorted(found.destinations):
        definition = found.destinations[name]
        topic = definition.get("SnsDestination", {}).get("TopicArn")
        if topic is None or not definition["Enabled"] or event.upper() not in definition["MatchingEventTypes"]:
            continue
        # A destination whose topic does not exist loses the event silently (seen on AWS: localstack's recorded snapshots,
        # test_sending_to_deleted_topic).
        if rules.topic_fault(context, topic, [publisher]) is None:
            payload = {"eventType": event.capitalize(), **_about(context, target, event, mail)}
            payload["mail"]["tags"] = {"ses:configuration-set": [set_name]}
            heard += _published(context, topic, payload, headers=True)
    return heard


def _published(context: Context, topic: str, payload: dict[str, Any], *, headers: bool) -> list[str]:
    """Publish a notification as often, as late and as whole as the simulator is told to. Return the topic if it received it."""
    how = context.simulator.take(topic)
    mail = payload["mail"]
    included = _headers(mail)
    if headers and how.headers:
        mail |= {"headersTruncated": False, **included}
    for _ in range(how.copies):
        deliveries.publish(context, topic, json.dumps(payload), after=context.simulator.seconds + how.late)
    return [topic] if how.copies else []


def _headers(mail: dict[str, Any]) -> dict[str, Any]:
    source, to, subject = mail["source"], mail["destination"], mail.pop("subject")
    named = {"From": source, "To": ", ".join(to), "Subject": subject}
    return {
        "headers": [{"name": name, "value": value} for name, value in named.items()],
        "commonHeaders": {"from": [source], "to": to, "messageId": mail["messageId"], "subject": subject},
    }


def _about(context: Context, target: Target, event: Event, mail: Mail) -> dict[str, Any]:
    """Return the objects `mail` and of the event, as SES developer guide, "Amazon SNS notification contents", has them.

    `sourceArn` is the owner's, `sendingAccountId` the sender's. Message and feedback ids end in -sandbox.
    """
    at = deliveries.timestamp(context.now)
    sent = {
        "timestamp": at,
        "source": mail.source,
        "sourceArn": target.arn,
        "sourceIp": "192.0.2.1",
        "callerIdentity": "sandbox",
        "sendingAccountId": context.account,
        "messageId": f"{len(context.published):016x}-sandbox",
        "destination": [mail.recipient],
        "subject": mail.subject,
    }
    happened = deliveries.timestamp(context.now + context.simulator.seconds)
    return {"mail": sent, event: {**_DETAILS[event](mail.recipient), "timestamp": happened}}


def _bounce(recipient: str) -> dict[str, Any]:
    failed = {
        "emailAddress": recipient,
        "action": "failed",
        "status": "5.1.1",
        "diagnosticCode": "smtp; 550 5.1.1 user unknown",
    }
    return {
        "bounceType": "Permanent",
        "bounceSubType": "General",
        "bouncedRecipients": [failed],
        "feedbackId": f"{uuid.uuid4()}-sandbox",
        "reportingMTA": f"dns; {DOMAIN}",
    }


def _complaint(recipient: str) -> dict[str, Any]:
    return {
        "complainedRecipients": [{"emailAddress": recipient}],
        "complaintFeedbackType": "abuse",
        "userAgent": "Amazon SES Mailbox Simulator",
        "feedbackId": f"{uuid.uuid4()}-sandbox",
    }


def _delivery(recipient: str) -> dict[str, Any]:
    return {
        "recipients": [recipient],
        "processingTimeMillis": 500,
        "smtpResponse": "250 ok",
        "reportingMTA": DOMAIN,
    }


_DETAILS: dict[str, Callable[[str], dict[str, Any]]] = {
    "bounce": _bounce,
    "complaint": _complaint,
    "delivery": _delivery,
}
