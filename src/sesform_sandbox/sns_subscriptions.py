"""SNS subscriptions, stored with their topic. A subscription that a person or another account must confirm is pending."""

from __future__ import annotations

import json
import secrets
import uuid
from dataclasses import replace
from typing import NamedTuple

from sesform.model import arns
from sesform_sandbox import filter_policy, sns_topics
from sesform_sandbox.context import Context, Operation, Params, Result
from sesform_sandbox.refusal import Refusal
from sesform_sandbox.sns_topics import existing, invalid
from sesform_sandbox.state import ScopeState, Subscription

_TO_ARN = ("sqs", "lambda", "firehose", "application")
_BY_HAND = ("http", "https", "email", "email-json")
PROTOCOLS = (*_TO_ARN, *_BY_HAND, "sms")

_BOOLEANS = ("RawMessageDelivery",)
_JSON = ("DeliveryPolicy", "FilterPolicy", "RedrivePolicy", "ReplayPolicy")
_TEXTS = ("FilterPolicyScope", "SubscriptionRoleArn")

# `{}` removes a filter policy, an empty text a redrive policy (hashicorp/terraform-provider-aws, sns topic
# subscription); default values are absent.
_UNSET = {"RawMessageDelivery": "false", "FilterPolicy": "{}"}


class Found(NamedTuple):
    home: ScopeState
    arn: str
    subscription: Subscription


def find(context: Context, arn: str) -> Found | None:
    """Return the subscription of an ARN, from the topic's account."""
    parts = arn.split(":")
    if len(parts) < 6:
        raise invalid(f"SubscriptionArn Reason: An ARN must have at least 6 elements, not {len(parts)}")
    topic = arns.parse(":".join(parts[:6]))
    if topic is None or (topic.service, topic.region) != ("sns", context.region):
        raise invalid("SubscriptionArn")
    home = context.state.scopes.get(topic.scope)
    found = home.subscriptions.get(arn) if home else None
    if home is None or found is None:
        return None
    if context.account not in (found.owner, topic.account):
        raise Refusal("AuthorizationError", "Not authorized")
    return Found(home, arn, found)


def known(context: Context, arn: str) -> Found:
    found = find(context, arn)
    if found is None:
        raise Refusal("NotFound", "Subscription does not exist")
    return found


# --- subscribing -------------------------------------------------------------------------------------------------------


def _subscribe(context: Context, params: Params) -> Result:
    """Subscribe. Idempotent for (topic, protocol, endpoint) if no given attribute differs.

    Seen on AWS: localstack's recorded snapshots, test_subscribe_idempotency.
    """
    topic_arn, protocol, endpoint = params["TopicArn"], params["Protocol"], params.get("Endpoint", "")
    home, _, _ = existing(context, topic_arn, "Subscribe")
    _check_endpoint(topic_arn, protocol, endpoint)
    attributes = _attributes(params.get("Attributes") or {})
    _check_filter(attributes, "Attributes Reason: ")
    wanted = Subscription(topic_arn, protocol, endpoint, context.account, attributes=attributes)
    for arn, found in home.subscriptions_of(topic_arn).items():
        if (found.protocol, found.endpoint) == (protocol, endpoint):
            if any(found.attributes.get(k) != attributes.get(k) for k in params.get("Attributes") or ()):
                raise invalid("Attributes Reason: Subscription already exists with different attributes")
            return _subscribed(arn, found, params)
    arn = f"{topic_arn}:{uuid.uuid4()}"
    if _must_confirm(context, protocol, endpoint):
        wanted = replace(wanted, pending=True, token=secrets.token_hex(32))
    home.subscriptions[arn] = wanted
    return _subscribed(arn, wanted, params)


def _subscribed(arn: str, subscription: Subscription, params: Params) -> Result:
    # SNS API reference, Subscribe: "pending confirmation" replaces the ARN unless ReturnSubscriptionArn is true.
    shown = not subscription.pending or params.get("ReturnSubscriptionArn", False)
    return {"SubscriptionArn": arn if shown else "pending confirmation"}


def _check_endpoint(topic_arn: str, protocol: str, endpoint: str) -> None:
    if protocol not in PROTOCOLS:
        raise invalid(f"Amazon SNS does not support this protocol string: {protocol}")
    if protocol in ("http", "https") and not endpoint.startswith(f"{protocol}://"):
        raise invalid("Endpoint must match the specified protocol")
    if protocol in ("email", "email-json") and "@" not in endpoint:
        raise invalid("Email address")
    arn = arns.parse(endpoint)
    if protocol in _TO_ARN and (arn is None or (protocol != "application" and arn.service != protocol)):
        raise invalid(f"{protocol.upper()} endpoint ARN")
    if protocol == "sqs" and endpoint.endswith(".fifo") and not topic_arn.endswith(".fifo"):
        raise invalid(
            "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics"
        )


def _must_confirm(context: Context, protocol: str, endpoint: str) -> bool:
    """Return whether a subscription must be confirmed. Whether a queue or function exists is not checked.

    SNS API reference, Subscribe: HTTP(S) and e-mail endpoints, and endpoints of another account than the caller's.
    """
    if protocol in _BY_HAND:
        return True
    arn = arns.parse(endpoint)
    return arn is not None and protocol in _TO_ARN and arn.account != context.account


def _confirm_subscription(context: Context, params: Params) -> Result:
    home, _, _ = existing(context, params["TopicArn"], "Subscribe")
    for arn, found in home.subscriptions_of(params["TopicArn"]).items():
        if found.token == params["Token"]:
            home.subscriptions[arn] = replace(found, pending=False)
            return {"SubscriptionArn": arn}
    raise invalid("Token")


def _unsubscribe(context: Context, params: Params) -> Result:
    # No error for a missing one (seen on AWS: localstack's recorded snapshots); refused while pending
    # (hashicorp/terraform-provider-aws, aws/aws-sdk-net#350).
    found = find(context, params["SubscriptionArn"])
    if found is None:
        return {}
    if found.subscription.pending:
        text = "This operation is not permitted: Cannot unsubscribe a subscription that is pending confirmation"
        raise invalid(f"SubscriptionArn Reason: {text}")
    del found.home.subscriptions[found.arn]
    return {}


# --- attributes --------------------------------------------------------------------------------------------------------


def _attributes(given: Params) -> dict[str, str]:
    """Return attributes in the form that is stored. Raises Refusal for attributes that SNS does not know or accept."""
    checked = {name: _attribute(name, value) for name, value in given.items()}
    return {name: value for name, value in checked.items() if value not in ("", _UNSET.get(name))}


def _check_filter(attributes: dict[str, str], where: str = "") -> None:
    """Check the filter policy against its scope, whichever of the two is set. `where`: as in filter_policy. Raises Refusal."""
    scope = attributes.get("FilterPolicyScope", filter_policy.ATTRIBUTES)
    filter_policy.check(json.loads(attributes.get("FilterPolicy", "{}")), scope, where)


def _attribute(name: str, value: str) -> str:
    if name in _BOOLEANS:
        # SNS returns booleans in lower case (seen on AWS: localstack's recorded snapshots).
        if value.lower() not in ("true", "false"):
            raise invalid(f"Attributes Reason: {name}: Invalid value [{value}]. Must be true or false.")
        return value.lower()
    if name in _JSON and value:
        try:
            if not isinstance(json.loads(value), dict):
                raise ValueError
        except ValueError:
            raise invalid(f"Attributes Reason: {name}: failed to parse JSON.") from None
        return "{}" if json.loads(value) == {} else value
    if name == "FilterPolicyScope" and value not in ("MessageAttributes", "MessageBody"):
        raise invalid(f"FilterPolicyScope: Invalid value [{value}]. Please use either MessageBody or MessageAttributes")
    if name not in _JSON and name not in _TEXTS:
        raise invalid("AttributeName")
    return value


def _get_subscription_attributes(context: Context, params: Params) -> Result:
    _, arn, found = known(context, params["SubscriptionArn"])
    attributes = {
        "SubscriptionArn": arn,
        "TopicArn": found.topic_arn,
        "Protocol": found.protocol,
        "Endpoint": found.endpoint,
        "Owner": found.owner,
        "PendingConfirmation": str(found.pending).lower(),
        "ConfirmationWasAuthenticated": str(not found.token).lower(),
        "SubscriptionPrincipal": arns.account_root(found.owner, context.partition),
        "RawMessageDelivery": "false",
    }
    kept = dict(found.attributes)
    if "FilterPolicy" in kept:
        kept.setdefault("FilterPolicyScope", "MessageAttributes")
    return {"Attributes": attributes | kept}


def _set_subscription_attributes(context: Context, params: Params) -> Result:
    home, arn, found = known(context, params["SubscriptionArn"])
    name = params["AttributeName"]
    rest = {k: v for k, v in found.attributes.items() if k != name}
    attributes = rest | _attributes({name: params.get("AttributeValue", "")})
    _check_filter(attributes)
    home.subscriptions[arn] = replace(found, attributes=attributes)
    return {}


# --- listing -----------------------------------------------------------------------------------------------------------


def _list_subscriptions(context: Context, params: Params) -> Result:
    """List the subscriptions of the caller's account, to topics of any account."""
    homes = [home for scope, home in context.state.scopes.items() if scope.region == context.region]
    mine = {arn: s for home in homes for arn, s in home.subscriptions.items() if s.owner == context.account}
    return _listed(mine, params)


def _list_subscriptions_by_topic(context: Context, params: Params) -> Result:
    home, _, _ = existing(context, params["TopicArn"], "ListSubscriptionsByTopic")
    return _listed(home.subscriptions_of(params["TopicArn"]), params)


def _listed(found: dict[str, Subscription], params: Params) -> Result:
    shown, token = sns_topics.pages(found, params)
    return {"Subscriptions": [_entry(arn, found[arn]) for arn in shown], "NextToken": token}


def _entry(arn: str, found: Subscription) -> Result:
    # A pending one shows no ARN (seen on AWS: ansible/ansible#20086).
    return {
        "SubscriptionArn": "PendingConfirmation" if found.pending else arn,
        "Owner": found.owner,
        "Protocol": found.protocol,
        "Endpoint": found.endpoint,
        "TopicArn": found.topic_arn,
    }


OPERATIONS: dict[str, Operation] = {
    "ConfirmSubscription": _confirm_subscription,
    "GetSubscriptionAttributes": _get_subscription_attributes,
    "ListSubscriptions": _list_subscriptions,
    "ListSubscriptionsByTopic": _list_subscriptions_by_topic,
    "SetSubscriptionAttributes": _set_subscription_attributes,
    "Subscribe": _subscribe,
    "Unsubscribe": _unsubscribe,
}
