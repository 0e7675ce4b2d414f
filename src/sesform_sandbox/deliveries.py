"""Deliver what is published to a topic: to the queues that subscribe to it, by their filter policies and the queues' own policies.

Sources: SNS developer guide, "Fanout to Amazon SQS queues", "Amazon SNS raw message delivery", "Message filtering" and "HTTP/HTTPS
notification JSON format" (queues receive the same form). Other endpoints receive nothing here.
"""

from __future__ import annotations

import datetime
import json
import uuid
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sesform.model import arns
from sesform.model.arns import Arn
from sesform_sandbox import filter_matching, kms
from sesform_sandbox.context import Context, Published
from sesform_sandbox.policy import parse
from sesform_sandbox.policy_evaluation import is_allowed
from sesform_sandbox.state import Queue, Subscription

_SNS = "sns.amazonaws.com"

# Nothing here is signed: the text says so, and its signature cannot be taken for one of AWS.
_SIGNATURE = "sandbox: simulated, not signed by AWS"


def publish(
    context: Context,
    topic_arn: str,
    message: str,
    *,
    after: float = 0.0,
    attributes: Mapping[str, Any] | None = None,
) -> None:
    """Record a message to a topic, and deliver it to the queues that receive it. `after`: seconds until it arrives."""
    context.published.append(Published(topic_arn, message))
    topic = arns.parse(topic_arn)
    home = context.state.scopes.get(topic.scope) if topic else None
    if topic is None or home is None:
        return
    for subscription in list(home.subscriptions_of(topic_arn).values()):
        queue = arns.parse(subscription.endpoint)
        if subscription.protocol != "sqs" or subscription.pending or queue is None:
            continue
        if _passes(subscription, message, attributes or {}):
            _deliver(context, topic_arn, queue, subscription, message, after)


def _passes(subscription: Subscription, message: str, attributes: Mapping[str, Any]) -> bool:
    policy = json.loads(subscription.attributes.get("FilterPolicy", "{}"))
    if not policy:
        return True
    if subscription.attributes.get("FilterPolicyScope") != "MessageBody":
        return filter_matching.matches(policy, filter_matching.of_attributes(attributes))
    try:
        body = json.loads(message)
    except ValueError:
        return False  # SNS developer guide, "Filter policy scope": such a message is filtered out
    return isinstance(body, dict) and filter_matching.matches(policy, body)


def _deliver(
    context: Context, topic_arn: str, arn: Arn, subscription: Subscription, message: str, after: float
) -> None:
    home = context.state.scopes.get(arn.scope)
    queue = home.queues.get(arn.resource) if home else None
    if home is None or queue is None or not _accepts(context, queue, arn, topic_arn):
        return
    id, at = str(uuid.uuid4()), context.now + after
    raw = subscription.attributes.get("RawMessageDelivery") == "true"
    body = message if raw else _envelope(id, topic_arn, message, at)
    entry = {"body": body, "sent": at, "visible": at, "receipt": "", "receives": 0}
    home.queues[arn.resource] = replace(queue, messages={**queue.messages, id: entry})


def _accepts(context: Context, queue: Queue, arn: Arn, topic_arn: str) -> bool:
    """Return whether SNS may send to a queue: by the queue's policy, and by its key if it has one."""
    keys = {"aws:sourcearn": topic_arn, "aws:sourceaccount": topic_arn.split(":")[4]}
    policy = parse(queue.attributes.get("Policy") or "{}")
    if not is_allowed(policy, "sqs:SendMessage", str(arn), keys, _SNS):
        return False
    key = queue.attributes.get("KmsMasterKeyId", "")
    return not key or kms.lets_service_in(context, arns.kms_key(arn.scope, key), _SNS)


def _envelope(id: str, topic_arn: str, message: str, at: float) -> str:
    host = f"https://sns.{topic_arn.split(':')[3]}.amazonaws.com"
    return json.dumps(
        {
            "Type": "Notification",
            "MessageId": id,
            "TopicArn": topic_arn,
            "Message": message,
            "Timestamp": timestamp(at),
            "SignatureVersion": "1",
            "Signature": _SIGNATURE,
            "SigningCertURL": f"{host}/SimpleNotificationService-sandbox.pem",
            "UnsubscribeURL": f"{host}/?Action=Unsubscribe&SubscriptionArn=sandbox",
        }
    )


def timestamp(at: float) -> str:
    """Return a time in the form of SES and SNS: in UTC, to the millisecond."""
    text = datetime.datetime.fromtimestamp(at, datetime.UTC).isoformat(timespec="milliseconds")
    return text.replace("+00:00", "Z")
