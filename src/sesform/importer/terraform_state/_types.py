"""Convert the AWS provider's resource types to our resources. Attribute names are those of its schema, version 5.100."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sesform.errors import TerraformError
from sesform.importer.terraform_state._attributes import Attributes, NotImportable
from sesform.importer.terraform_state._scopes import Scopes, Unplaced
from sesform.model import arns
from sesform.model.address import Scope
from sesform.model.values import NOTIFICATION_TYPES, event_set, printable
from sesform.policies import document as policy_document
from sesform.policies import topic_statements
from sesform.resources.resource_type import Resource
from sesform.resources.subscription import PENDING
from sesform.specs.declared import canonical_identity


@dataclass(slots=True)
class Reading:
    """Our resources of one instance.

    `kept_reason`: why the instance stays in Terraform, "" if it is handed over. `remarks`: notes for the reader of the
    `removed` blocks. `parents`: resources that the instance belongs to. `background`: resources to use if no other instance has
    them. `kept_policy`: the policy of a topic that Terraform continues to write, {} if it is not known. `unplaced`: the options
    that would place it, None if it is placed.
    """

    resources: list[Resource] = field(default_factory=list)
    parents: list[Resource] = field(default_factory=list)
    background: list[Resource] = field(default_factory=list)
    kept_reason: str = ""
    kept_policy: Resource | None = None
    unplaced: tuple[str, ...] | None = None
    remarks: list[str] = field(default_factory=list)


def read(attributes: Attributes, scopes: Scopes) -> Reading | None:
    """Return our resources of an instance, None if its type does not concern notifications. Raises TerraformError."""
    reader = _TYPES.get(attributes.instance.type)
    if reader is None:
        return None
    reading = Reading()
    try:
        reader(attributes, scopes, reading)
    except NotImportable as reason:
        return Reading(kept_reason=str(reason))
    except Unplaced as error:
        return Reading(kept_reason=error.reason, unplaced=error.options)
    return reading if reading.resources or reading.kept_reason else None


# --- identities --------------------------------------------------------------------------------------------------------


def _identity_notification_topic(a: Attributes, scopes: Scopes, into: Reading) -> None:
    type_ = a.required("notification_type").lower()
    if type_ not in NOTIFICATION_TYPES:
        raise TerraformError(
            f"{a.instance.address}: notification_type is {printable(type_)!r}; it must be Bounce, Complaint or Delivery"
        )
    # The provider treats null and "" as no topic.
    topic_arn = str(a.arn("topic_arn", "sns")) if a.text("topic_arn") else None
    headers = a.flag("include_original_headers")
    if headers and topic_arn is None:
        raise NotImportable("it includes headers and has no topic")
    identity, scope = _notifying_identity(a, scopes, topic_arn or "")
    key = {"identity": identity, "notification_type": type_}
    into.resources.append(("notification_topic", scope, {**key, "topic_arn": topic_arn}))
    if headers:
        into.resources.append(("notification_headers", scope, {**key, "enabled": True}))


def _notifying_identity(a: Attributes, scopes: Scopes, topic_arn: str) -> tuple[str, Scope]:
    """Return the identity, by name if it belongs to the account that has the setting, else by ARN; and the scope of the setting."""
    name = a.required("identity")
    arn = arns.parse(name)
    if arn is None:
        return canonical_identity(name), scopes.of_identity(a.instance, name, topic_arn)
    arn = a.arn("identity", "ses")
    own = canonical_identity(arn.resource.removeprefix("identity/"))
    account = scopes.caller(a.instance, arn)
    if account == arn.account:
        return own, arn.scope
    return str(arn._replace(resource=f"identity/{own}")), Scope(account, arn.region)


def _identity(a: Attributes, scopes: Scopes, name: str) -> tuple[str, Scope]:
    """Return the name and scope of an identity that the attribute gives by name or ARN."""
    text = a.required(name)
    if not text.startswith("arn:"):
        return canonical_identity(text), scopes.of_identity(a.instance, text)
    arn = a.arn(name, "ses")
    return canonical_identity(arn.resource.removeprefix("identity/")), arn.scope


def _policy_of(identity: str, name: str) -> Callable[[Attributes, Scopes, Reading], None]:
    def read_policy(a: Attributes, scopes: Scopes, into: Reading) -> None:
        owner, scope = _identity(a, scopes, identity)
        properties = {"identity": owner, "name": a.required(name), "policy": a.policy("policy")}
        into.resources.append(("sending_policy", scope, properties))

    return read_policy


def _feedback_attributes(a: Attributes, scopes: Scopes, into: Reading) -> None:
    identity, scope = _identity(a, scopes, "email_identity")
    # Omitted means off: SES v2 reads a missing EmailForwardingEnabled as false (seen in the provider's acceptance tests).
    properties = {"identity": identity, "enabled": a.flag("email_forwarding_enabled")}
    into.resources.append(("feedback_forwarding", scope, properties))


def _email_identity(a: Attributes, scopes: Scopes, into: Reading) -> None:
    name = a.text("configuration_set_name")
    if not name:
        return  # it has none of our settings
    identity = canonical_identity(a.required("email_identity"))
    into.resources.append(
        ("default_configuration_set", a.arn("arn", "ses").scope, {"identity": identity, "configuration_set": name})
    )
    into.kept_reason = (
        "sesform does not create or delete identities. Its configuration_set_name is in the spec too; "
        "add lifecycle { ignore_changes = [configuration_set_name] } to it"
    )


# --- configuration sets ------------------------------------------------------------------------------------------------


def _set(a: Attributes, into: Reading, name: str, unsupported: list[str]) -> None:
    into.resources.append(("configuration_set", a.arn("arn", "ses").scope, {"configuration_set": a.required(name)}))
    if unsupported:
        into.kept_reason = f"specs do not support its {', '.join(unsupported)}; its event destinations are handed over"
    _note_tags(a, into)


def _configuration_set_v2(a: Attributes, scopes: Scopes, into: Reading) -> None:
    delivery, sending = a.block("delivery_options"), a.block("sending_options")
    unsupported = a.present(("tracking_options", "vdm_options"))
    if delivery and (delivery.present(("max_delivery_seconds", "sending_pool_name")) or _requires_tls(delivery)):
        unsupported.append("delivery_options")
    if sending and not sending.flag("sending_enabled"):
        unsupported.append("sending_options")
    _set(a, into, "configuration_set_name", sorted(unsupported))
    suppression = a.block("suppression_options")
    if suppression:
        properties = {
            "configuration_set": a.required("configuration_set_name"),
            "reasons": sorted(reason.lower() for reason in suppression.texts("suppressed_reasons")),
        }
        into.resources.append(("suppression_options", a.arn("arn", "ses").scope, properties))


def _configuration_set_v1(a: Attributes, scopes: Scopes, into: Reading) -> None:
    delivery, tracking = a.block("delivery_options"), a.block("tracking_options")
    unsupported = a.present(("reputation_metrics_enabled",))
    if delivery and _requires_tls(delivery):
        unsupported.append("delivery_options")
    if tracking and tracking.present(("custom_redirect_domain",)):
        unsupported.append("tracking_options")
    # The default is true; a state that the provider wrote always has a value.
    if not a.flag("sending_enabled"):
        unsupported.append("sending_enabled")
    _set(a, into, "name", sorted(unsupported))


def _requires_tls(delivery: Attributes) -> bool:
    return delivery.text("tls_policy").upper() not in ("", "OPTIONAL")


def _destination(into: Reading, scope: Scope, name: str, key: str, rest: Mapping[str, Any]) -> None:
    into.parents.append(("configuration_set", scope, {"configuration_set": name}))
    into.resources.append(("event_destination", scope, {"configuration_set": name, "name": key, **rest}))


def _event_destination_v1(a: Attributes, scopes: Scopes, into: Reading) -> None:
    targets: dict[str, Any] = {}
    if sns := a.block("sns_destination"):
        targets["sns"] = {"topic_arn": str(sns.arn("topic_arn", "sns"))}
    if firehose := a.block("kinesis_destination"):
        targets["firehose"] = {"stream_arn": firehose.required("stream_arn"), "role_arn": firehose.required("role_arn")}
    if dimensions := a.blocks("cloudwatch_destination"):
        targets["cloudwatch"] = _dimensions(dimensions, "dimension_name", "value_source", "default_value")
    settings = {"enabled": a.flag("enabled"), "events": event_set(map(_upper_snake, a.texts("matching_types")))}
    _destination(
        into,
        a.arn("arn", "ses").scope,
        a.required("configuration_set_name"),
        a.required("name"),
        {**settings, **_single_destination(a, targets)},
    )


def _event_destination_v2(a: Attributes, scopes: Scopes, into: Reading) -> None:
    name = a.required("configuration_set_name")
    block = a.block("event_destination")
    if block is None:
        raise TerraformError(f"{a.instance.address}: event_destination is missing")
    target = block.block("sns_destination")
    scope = scopes.of_set(a.instance, name, str(target.arn("topic_arn", "sns")) if target else "")
    targets: dict[str, Any] = {}
    if sns := block.block("sns_destination"):
        targets["sns"] = {"topic_arn": str(sns.arn("topic_arn", "sns"))}
    if firehose := block.block("kinesis_firehose_destination"):
        stream = firehose.required("delivery_stream_arn")
        targets["firehose"] = {"stream_arn": stream, "role_arn": firehose.required("iam_role_arn")}
    if cloudwatch := block.block("cloud_watch_destination"):
        fields = ("dimension_name", "dimension_value_source", "default_dimension_value")
        targets["cloudwatch"] = _dimensions(cloudwatch.blocks("dimension_configuration"), *fields)
    if bus := block.block("event_bridge_destination"):
        targets["eventbridge"] = {"event_bus_arn": bus.required("event_bus_arn")}
    if pinpoint := block.block("pinpoint_destination"):
        targets["pinpoint"] = {"application_arn": pinpoint.required("application_arn")}
    events = event_set(map(_upper_snake, block.texts("matching_event_types")))
    rest = {"enabled": block.flag("enabled"), "events": events, **_single_destination(a, targets)}
    _destination(into, scope, name, a.required("event_destination_name"), rest)


def _single_destination(a: Attributes, targets: Mapping[str, Any]) -> Mapping[str, Any]:
    if len(targets) != 1:
        raise TerraformError(f"{a.instance.address}: it has {len(targets)} destinations; it must have one")
    return targets


def _dimensions(blocks: list[Attributes], name: str, source: str, default: str) -> dict[str, Any]:
    found = [
        {"name": b.required(name), "source": _upper_snake(b.required(source)), "default": b.required(default)}
        for b in blocks
    ]
    return {"dimensions": sorted(found, key=lambda d: d["name"])}


def _upper_snake(text: str) -> str:
    """Return an event type or dimension source in v2's spelling: v1 writes renderingFailure for RENDERING_FAILURE."""
    return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", text).upper()


# --- topics ------------------------------------------------------------------------------------------------------------

_FEEDBACK = tuple(
    f"{protocol}_{what}"
    for protocol in ("application", "firehose", "http", "lambda", "sqs")
    for what in ("failure_feedback_role_arn", "success_feedback_role_arn", "success_feedback_sample_rate")
)
_UNSUPPORTED = ("archive_policy", "delivery_policy", *_FEEDBACK)


def _topic(a: Attributes, scopes: Scopes, into: Reading) -> None:
    arn = a.arn("arn", "sns")
    if a.flag("fifo_topic") or arn.resource.endswith(".fifo"):
        raise NotImportable("it is a FIFO topic; SES publishes to standard topics only")
    unsupported = a.present(_UNSUPPORTED)
    if a.instance.values.get("signature_version") not in (None, 0, 1):
        unsupported.append("signature_version")
    if a.text("tracing_config") not in ("", "PassThrough"):
        unsupported.append("tracing_config")
    if unsupported:
        raise NotImportable(f"specs do not support its {', '.join(sorted(unsupported))}")
    properties = {
        "topic_arn": str(arn),
        "name": arn.resource,
        "display_name": a.text("display_name"),
        "kms_key": a.text("kms_master_key_id") or None,
    }
    into.resources.append(("topic", arn.scope, properties))
    # The provider reads any policy of the topic; the state may be older than a policy that another resource sets.
    if a.text_of_json("policy"):
        document = a.policy("policy")
        into.background.append(("topic_policy", arn.scope, {"topic_arn": str(arn), "policy": document}))
    _note_tags(a, into)


def _topic_policy(a: Attributes, scopes: Scopes, into: Reading) -> None:
    """Convert a topic policy. It is handed over only if sesform would keep all of its statements.

    The provider writes whole policies, and specs do not declare the statements of others.
    """
    arn = a.arn("arn", "sns")
    document: policy_document.Policy = {}
    try:
        document = a.policy("policy")
    except NotImportable as reason:
        into.kept_reason = str(reason)
    if _has_others(document, str(arn)):
        into.kept_reason = "it has statements that sesform did not write"
    found = ("topic_policy", arn.scope, {"topic_arn": str(arn), "policy": document})
    if into.kept_reason:
        into.kept_policy = found
    else:
        into.resources.append(found)


def _has_others(document: policy_document.Policy, topic_arn: str) -> bool:
    """Return whether a policy has statements that neither sesform nor SNS wrote."""
    others = {"Statement": [s for s in policy_document.statements(document) if not topic_statements.is_ours(s)]}
    default = {"Statement": policy_document.default_topic_policy(topic_arn)["Statement"]}
    return bool(others["Statement"]) and not policy_document.same(others, default)


def _subscription(a: Attributes, scopes: Scopes, into: Reading) -> None:
    arn = a.arn("topic_arn", "sns")
    unsupported = a.present(("delivery_policy", "replay_policy"))
    redrive = a.document("redrive_policy")
    if redrive.keys() - {"deadLetterTargetArn"}:
        unsupported.append("redrive_policy")
    if unsupported:
        raise NotImportable(f"specs do not support its {', '.join(unsupported)}")
    owner = a.text("owner_id")
    if owner not in ("", arn.account):
        # Only its owner may change or delete it: SNS API reference, Unsubscribe and SetSubscriptionAttributes.
        raise NotImportable(f"it belongs to account {owner}, and its topic to account {arn.account}")
    properties = {
        "topic_arn": str(arn),
        "protocol": a.required("protocol"),
        "endpoint": a.required("endpoint"),
        "arn": PENDING if a.flag("pending_confirmation") else a.required("arn"),
        "raw_message_delivery": a.flag("raw_message_delivery"),
        "filter_policy": a.document("filter_policy"),
        "filter_policy_scope": a.text("filter_policy_scope") or "MessageAttributes",
        "dead_letter_queue": redrive.get("deadLetterTargetArn"),
        "role": a.text("subscription_role_arn") or None,
    }
    into.resources.append(("subscription", arn.scope, properties))


def _note_tags(a: Attributes, into: Reading) -> None:
    if a.present(("tags", "tags_all")):
        into.remarks.append("its tags remain in AWS and are no longer managed")


_TYPES: Mapping[str, Callable[[Attributes, Scopes, Reading], None]] = {
    "aws_ses_identity_notification_topic": _identity_notification_topic,
    "aws_ses_identity_policy": _policy_of("identity", "name"),
    "aws_sesv2_email_identity_policy": _policy_of("email_identity", "policy_name"),
    "aws_sesv2_email_identity_feedback_attributes": _feedback_attributes,
    "aws_sesv2_email_identity": _email_identity,
    "aws_ses_configuration_set": _configuration_set_v1,
    "aws_sesv2_configuration_set": _configuration_set_v2,
    "aws_ses_event_destination": _event_destination_v1,
    "aws_sesv2_configuration_set_event_destination": _event_destination_v2,
    "aws_sns_topic": _topic,
    "aws_sns_topic_policy": _topic_policy,
    "aws_sns_topic_subscription": _subscription,
}
