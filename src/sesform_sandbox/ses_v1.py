"""SES API version 1: identities and their notification settings."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace

from sesform_sandbox import deliveries, rules
from sesform_sandbox.context import Context, Operation, Params, Result
from sesform_sandbox.refusal import Refusal
from sesform_sandbox.rules import NOTIFICATION_TYPES, Target
from sesform_sandbox.state import ForeignIdentity, Identity

_MAX_AT_ONCE = 100


# --- identities --------------------------------------------------------------------------------------------------------


def _verify(context: Context, name: str) -> str:
    """Register an identity. It counts as verified at once, because the sandbox has no DNS and no mail. Settings stay."""
    try:
        key = rules.new_identity(context, name)
    except ValueError as error:
        raise Refusal("InvalidParameterValue", str(error)) from None
    identities = context.here.identities
    found = identities.get(key)
    identities[key] = replace(found, verified=True) if found else Identity()
    return key


def tokens(name: str) -> list[str]:
    """Return the three DKIM tokens of a domain, made from its name."""
    return [hashlib.sha256(f"{name}/{n}".encode()).hexdigest()[:32] for n in range(3)]


def _verify_domain_identity(context: Context, params: Params) -> Result:
    return {"VerificationToken": tokens(_verify(context, params["Domain"]))[0]}


def _verify_email_identity(context: Context, params: Params) -> Result:
    _verify(context, params["EmailAddress"])
    return {}


def _verify_domain_dkim(context: Context, params: Params) -> Result:
    return {"DkimTokens": tokens(_verify(context, params["Domain"]))}


def _delete_identity(context: Context, params: Params) -> Result:
    # No error for a missing one; its policies are deleted too (compared with AWS by floci-io/floci).
    target = rules.find_identity(context, params["Identity"])
    if target and not target.foreign:
        del context.here.identities[target.key]
    return {}


def _list_identities(context: Context, params: Params) -> Result:
    wanted = params.get("IdentityType")
    if wanted not in (None, "EmailAddress", "Domain"):
        raise _not_one_of("identityType", wanted, ("EmailAddress", "Domain"))
    names = (n for n in context.here.identities if wanted is None or ("@" in n) == (wanted == "EmailAddress"))
    try:
        shown, token = rules.page(names, min(params.get("MaxItems") or 1000, 1000), params.get("NextToken"))
    except ValueError as error:
        raise Refusal("InvalidParameterValue", str(error)) from None
    return {"Identities": shown, "NextToken": token}


def _get_identity_verification_attributes(context: Context, params: Params) -> Result:
    found = {}
    for name in _at_most_100(params):
        target = rules.find_identity(context, name)
        if target and not target.foreign:
            status = "Success" if context.here.identities[target.key].verified else "Pending"
            token = None if "@" in target.key else tokens(target.key)[0]
            found[name] = {"VerificationStatus": status, "VerificationToken": token}
    return {"VerificationAttributes": found}


def _get_identity_dkim_attributes(context: Context, params: Params) -> Result:
    found = {}
    for name in _at_most_100(params):
        target = rules.find_identity(context, name)
        if target and not target.foreign:
            enabled = context.here.identities[target.key].dkim.get("SigningEnabled", True)
            known = {} if "@" in target.key else {"DkimTokens": tokens(target.key)}
            found[name] = {"DkimEnabled": enabled, "DkimVerificationStatus": "Success", **known}
    return {"DkimAttributes": found}


# --- notification settings ---------------------------------------------------------------------------------------------


def _set_identity_notification_topic(context: Context, params: Params) -> Result:
    """Set or, without SnsTopic, clear the topic of one type (SES API reference, SetIdentityNotificationTopic)."""
    kind = _notification_type(params)
    target = rules.find_identity(context, params["Identity"])
    if target is None:
        raise rules.unknown_identity(params["Identity"])
    settings = _settings(context, target)
    topics = {k: arn for k, arn in settings.topics.items() if k != kind}
    if "SnsTopic" in params:
        if isinstance(settings, ForeignIdentity) and not settings.topics:
            # SES developer guide, "Using delegate sender notifications": existing entries can be used and changed, and have been
            # replaced. Whether the API still makes new ones is not known; this is the stricter reading.
            raise Refusal(
                "InvalidParameterValue", "sandbox: no new notification settings for an identity of another account."
            )
        topics[kind] = _checked_topic(context, target, params["SnsTopic"])
    elif isinstance(settings, Identity) and not settings.forwarding and kind != "Delivery":
        # SES API reference, SetIdentityNotificationTopic: "Unless feedback forwarding is enabled, you must specify Amazon
        # SNS topics for bounce and complaint notifications." AWS's error is not documented: code and text are ours.
        raise Refusal(
            "InvalidParameterValue", f"sandbox: {kind} topic cannot be cleared while feedback forwarding is disabled."
        )
    _store(context, target, replace(settings, topics=topics))
    if "SnsTopic" in params:
        deliveries.publish(context, params["SnsTopic"], _test_message(params["SnsTopic"], kind, target.key))
    return {}


def _checked_topic(context: Context, target: Target, topic_arn: str) -> str:
    fault = rules.topic_fault(context, topic_arn, rules.identity_publishers(context, target))
    if fault:
        # AWS has one text for all causes, as far as they were seen: "" in ansible-collections/community.aws#150, a key that does
        # not allow SES in binxio/cfn-ses-provider#16.
        raise Refusal("InvalidParameterValue", f"SNS topic {topic_arn} is invalid.")
    return topic_arn


def _test_message(topic_arn: str, kind: str, identity: str) -> str:
    # SES test-publishes whenever a topic is set, so subscribers see this; quoted by handlers in public repositories.
    text = (
        f"You have successfully subscribed your Amazon SNS topic '{topic_arn}' to receive '{kind}' notifications from Amazon SES "
        f"for identity '{identity}'.\n"
    )
    return json.dumps({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": text}, separators=(",", ":"))


def _set_identity_headers_in_notifications_enabled(context: Context, params: Params) -> Result:
    """Set header inclusion. The flag is a separate state: clearing the topic does not change it.

    Against its documentation, AWS accepts it without a topic too (ansible-collections/community.aws, integration tests of
    ses_identity).
    """
    kind = _notification_type(params)
    target = rules.find_identity(context, params["Identity"])
    if target is None:
        raise rules.unknown_identity(params["Identity"], "It must")
    settings = _settings(context, target)
    headers = set(settings.headers) | {kind} if params["Enabled"] else set(settings.headers) - {kind}
    _store(context, target, replace(settings, headers=tuple(sorted(headers))))
    return {}


def _set_identity_feedback_forwarding_enabled(context: Context, params: Params) -> Result:
    target = rules.find_identity(context, params["Identity"])
    # Only the owner can have feedback mailed (SES developer guide, "Delegate sender tasks: notifications").
    if target is None or target.foreign:
        raise rules.unknown_identity(params["Identity"])
    identity = context.here.identities[target.key]
    enabled = params["ForwardingEnabled"]
    if not enabled and not {"Bounce", "Complaint"} <= set(identity.topics):
        # SES API reference, SetIdentityFeedbackForwardingEnabled: it can be disabled only when topics are set for both.
        # AWS's error is not documented: code and text are ours.
        raise Refusal(
            "InvalidParameterValue",
            f"sandbox: Feedback forwarding of {params['Identity']} cannot be disabled without bounce and complaint topics.",
        )
    context.here.identities[target.key] = replace(identity, forwarding=enabled)
    return {}


def _get_identity_notification_attributes(context: Context, params: Params) -> Result:
    """Return the attributes of identities, by name or ARN as asked for, without unknown ones (compared with AWS by floci)."""
    found = {}
    for name in _at_most_100(params):
        target = rules.find_identity(context, name)
        if target and (not target.foreign or target.key in context.here.foreign_identities):
            found[name] = _notification_attributes(_settings(context, target))
    return {"NotificationAttributes": found}


def _notification_attributes(settings: Identity | ForeignIdentity) -> Result:
    # Unset topics are absent, though the model lists them as required (ansible-collections/community.aws).
    forwarding = settings.forwarding if isinstance(settings, Identity) else False
    topics = {f"{kind}Topic": arn for kind, arn in settings.topics.items()}
    headers = {f"HeadersIn{kind}NotificationsEnabled": kind in settings.headers for kind in NOTIFICATION_TYPES}
    return {**topics, "ForwardingEnabled": forwarding, **headers}


def _settings(context: Context, target: Target) -> Identity | ForeignIdentity:
    if target.foreign:
        return context.here.foreign_identities.get(target.key, ForeignIdentity())
    return context.here.identities[target.key]


def _store(context: Context, target: Target, settings: Identity | ForeignIdentity) -> None:
    if isinstance(settings, Identity):
        context.here.identities[target.key] = settings
    elif settings.topics:
        context.here.foreign_identities[target.key] = settings
    else:
        # When every type is cleared, the entry no longer exists (SES developer guide, "Delegate sender tasks: notifications").
        context.here.foreign_identities.pop(target.key, None)


# --- checks ------------------------------------------------------------------------------------------------------------


def _notification_type(params: Params) -> str:
    kind: str = params["NotificationType"]
    if kind not in NOTIFICATION_TYPES:
        raise _not_one_of("notificationType", kind, NOTIFICATION_TYPES)
    return kind


def _not_one_of(name: str, value: str, allowed: tuple[str, ...]) -> Refusal:
    # Form seen on AWS (marckohlbrugge/sessy#190), code: compared with AWS by floci-io/floci.
    constraint = f"Member must satisfy enum value set: [{', '.join(allowed)}]"
    return Refusal(
        "ValidationError",
        f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {constraint}",
    )


def _at_most_100(params: Params) -> list[str]:
    # SES API reference, GetIdentityNotificationAttributes: at most 100 identities at a time.
    identities: list[str] = params["Identities"]
    if len(identities) > _MAX_AT_ONCE:
        constraint = f"Member must have length less than or equal to {_MAX_AT_ONCE}"
        raise Refusal(
            "ValidationError",
            f"1 validation error detected: Value at 'identities' failed to satisfy constraint: {constraint}",
        )
    return identities


# --- the account -------------------------------------------------------------------------------------------------------


def _get_send_quota(context: Context, params: Params) -> Result:
    return {"Max24HourSend": 50_000.0, "MaxSendRate": 14.0, "SentLast24Hours": 0.0}


def _get_account_sending_enabled(context: Context, params: Params) -> Result:
    return {"Enabled": True}


OPERATIONS: dict[str, Operation] = {
    "DeleteIdentity": _delete_identity,
    "GetAccountSendingEnabled": _get_account_sending_enabled,
    "GetIdentityDkimAttributes": _get_identity_dkim_attributes,
    "GetIdentityNotificationAttributes": _get_identity_notification_attributes,
    "GetIdentityVerificationAttributes": _get_identity_verification_attributes,
    "GetSendQuota": _get_send_quota,
    "ListIdentities": _list_identities,
    "SetIdentityFeedbackForwardingEnabled": _set_identity_feedback_forwarding_enabled,
    "SetIdentityHeadersInNotificationsEnabled": _set_identity_headers_in_notifications_enabled,
    "SetIdentityNotificationTopic": _set_identity_notification_topic,
    "VerifyDomainDkim": _verify_domain_dkim,
    "VerifyDomainIdentity": _verify_domain_identity,
    "VerifyEmailIdentity": _verify_email_identity,
}
