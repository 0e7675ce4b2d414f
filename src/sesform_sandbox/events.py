"""Publish bounces, complaints and deliveries as SES does, and remove topics that cannot be published to."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Literal

from sesform.model import arns
from sesform_sandbox import rules
from sesform_sandbox.context import Context
from sesform_sandbox.policy import Source
from sesform_sandbox.rules import Target
from sesform_sandbox.state import ForeignIdentity, Identity

Event = Literal["bounce", "complaint", "delivery"]

_DETAILS: dict[str, dict[str, Any]] = {
    "bounce": {"bounceType": "Permanent", "bounceSubType": "General"},
    "complaint": {"complaintFeedbackType": "abuse"},
    "delivery": {"smtpResponse": "250 ok"},
}


def happen(context: Context, target: Target, event: Event, set_name: str = "") -> list[str]:
    """Publish one event of mail that the caller's account sent with an identity. Return the ARNs of the topics that received it.

    `set_name`: the configuration set that the send named; without one, the default set of the owner's identity.
    """
    heard = _notify_identity_topic(context, target, event)
    name = set_name
    if not name and not target.foreign:
        name = context.here.identities[target.key].configuration_set
    return heard + _notify_destinations(context, target, event, name)


def _notify_identity_topic(context: Context, target: Target, event: Event) -> list[str]:
    kind = event.capitalize()
    for home, key in _settings_of(context, target):
        settings = home.get(key)
        topic = settings.topics.get(kind) if settings else None
        if settings is None or topic is None:
            continue
        if rules.topic_fault(context, topic, rules.identity_publishers(context, target)) is None:
            context.publish(topic, _notification(context, target, event, kind in settings.headers))
            return [topic]
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


def _notify_destinations(context: Context, target: Target, event: Event, set_name: str) -> list[str]:
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
            context.publish(topic, json.dumps({"eventType": event.capitalize(), **_about(context, target, event)}))
            heard.append(topic)
    return heard


def _notification(context: Context, target: Target, event: Event, headers: bool) -> str:
    about = _about(context, target, event)
    if headers:
        about["mail"] |= {"headersTruncated": False, "headers": [{"name": "Subject", "value": "sandbox"}]}
    return json.dumps({"notificationType": event.capitalize(), **about})


def _about(context: Context, target: Target, event: Event) -> dict[str, Any]:
    # SES developer guide, "Amazon SNS notification contents": sourceArn is the owner's, sendingAccountId the sender's.
    mail: Mapping[str, Any] = {
        "source": target.arn.partition("identity/")[2],
        "sourceArn": target.arn,
        "sendingAccountId": context.account,
        "messageId": f"{len(context.published):016x}-sandbox",
        "destination": [f"{'success' if event == 'delivery' else event}@simulator.amazonses.com"],
    }
    return {"mail": dict(mail), event: dict(_DETAILS[event])}
