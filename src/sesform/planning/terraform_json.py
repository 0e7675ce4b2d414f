"""A Plan in the words of Terraform's AWS provider, so that tools and policies for Terraform plans apply unchanged.

The form is that of `terraform show -json` (HashiCorp, "JSON Output Format", format version 1.2).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sesform.model.address import Address
from sesform.model.values import OWNERSHIP_TAG, UNKNOWN, Properties
from sesform.planning.plan import Plan, on_the_way
from sesform.policies import document as policy_document
from sesform.resources.event_destination import kind_of

FORMAT_VERSION = "1.2"
# Consumers refuse a document without a plausible Terraform version: this is a constant of the format, not of anything installed.
TERRAFORM_VERSION = "1.11.4"
PROVIDER = "registry.terraform.io/hashicorp/aws"


def document(plan: Plan, timestamp: str) -> dict[str, Any]:
    """All but what is ours: one entry a setting, the topic and the headers of a notification type together."""
    settings = _settings(plan)
    changes = [_resource_change(s) for s in settings]
    planned = [_planned_value(c) for c in changes if c["change"]["after"] is not None]
    return {
        "format_version": FORMAT_VERSION,
        "terraform_version": TERRAFORM_VERSION,
        "planned_values": {"root_module": {"resources": planned}},
        "resource_changes": changes,
        "configuration": {"provider_config": {"aws": {"name": "aws", "full_name": PROVIDER}}, "root_module": {}},
        "timestamp": timestamp,
        "applyable": plan.applyable,
        "complete": not plan.errors,
        "errored": bool(plan.errors),
    }


@dataclass(slots=True)
class _Setting:
    """One resource of the provider's: the parts of it that are resources of ours, before and after the whole plan."""

    type: str
    index: str
    before: dict[str, Properties] = field(default_factory=dict)
    after: dict[str, Properties] = field(default_factory=dict)
    replaced: bool = False


def _settings(plan: Plan) -> list[_Setting]:
    settings: dict[tuple[str, str], _Setting] = {}

    def of(address: Address) -> _Setting:
        name = _JOINED.get(address.type, address.type)
        index = f"{address.spec}/{address.region}/{name}/{address.key}"
        return settings.setdefault((name, index), _Setting(_TYPES[name][0], index))

    seen: set[Address] = set()
    passing = on_the_way(plan.changes)
    for change in plan.changes:
        if change.address in passing:
            continue
        setting, part = of(change.address), change.address.type
        if change.address not in seen and change.before is not None:
            setting.before[part] = change.before
        setting.replaced |= change.address in seen and change.action == "create"
        setting.after.pop(part, None)
        if change.after is not None:
            setting.after[part] = change.after
        seen.add(change.address)
    for unchanged in plan.unchanged:
        setting, part = of(unchanged.address), unchanged.address.type
        setting.before[part] = setting.after[part] = unchanged.properties
    return list(settings.values())


def _resource_change(setting: _Setting) -> dict[str, Any]:
    before, _ = _attributes(setting.before)
    after, unknown = _attributes(setting.after)
    change: dict[str, Any] = {
        "actions": _actions(setting, before, after),
        "before": before,
        "after": after,
        "after_unknown": unknown,
        "before_sensitive": False if before is None else {},
        "after_sensitive": False if after is None else {},
    }
    return {
        "address": f"{setting.type}.this[{_quoted(setting.index)}]",
        "mode": "managed",
        "type": setting.type,
        "name": "this",
        "index": setting.index,
        "provider_name": PROVIDER,
        "change": change,
    }


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _actions(setting: _Setting, before: Any, after: Any) -> list[str]:
    if before is None:
        return ["create"]
    if after is None:
        return ["delete"]
    if setting.replaced:
        return ["delete", "create"]
    return ["no-op"] if setting.before == setting.after else ["update"]


def _planned_value(change: Mapping[str, Any]) -> dict[str, Any]:
    kept = {k: change[k] for k in ("address", "mode", "type", "name", "index", "provider_name")}
    return {**kept, "schema_version": 0, "values": change["change"]["after"], "sensitive_values": {}}


def _attributes(parts: Mapping[str, Properties]) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """The provider's attributes of a setting, and which of them are known after apply only."""
    if not parts:
        return None, {}
    name = next(_JOINED.get(p, p) for p in parts)
    merged: dict[str, Any] = {k: v for part in parts.values() for k, v in part.items()}
    if name == "notification_topic":
        merged = {"topic_arn": None, **merged, "headers": "notification_headers" in parts}
    attributes = _TYPES[name][1](merged)
    return {k: v for k, v in attributes.items() if v is not UNKNOWN}, {
        k: True for k, v in attributes.items() if v is UNKNOWN
    }


def _event_destination(p: Mapping[str, Any]) -> dict[str, Any]:
    kind = kind_of(p)
    target = p[kind]
    blocks: dict[str, tuple[str, Callable[[], dict[str, Any]]]] = {
        "sns": ("sns_destination", lambda: {"topic_arn": target["topic_arn"]}),
        "firehose": (
            "kinesis_firehose_destination",
            lambda: {"delivery_stream_arn": target["stream_arn"], "iam_role_arn": target["role_arn"]},
        ),
        "cloudwatch": (
            "cloud_watch_destination",
            lambda: {"dimension_configuration": [_dimension(d) for d in target["dimensions"]]},
        ),
        "eventbridge": ("event_bridge_destination", lambda: {"event_bus_arn": target["event_bus_arn"]}),
        "pinpoint": ("pinpoint_destination", lambda: {"application_arn": target["application_arn"]}),
    }
    chosen, make = blocks[kind]
    destination = {
        "enabled": p["enabled"],
        "matching_event_types": list(p["events"]),
        **{block: [] for block, _ in blocks.values()},
    }
    return {
        "id": f"{p['configuration_set']}|{p['name']}",
        "configuration_set_name": p["configuration_set"],
        "event_destination_name": p["name"],
        "event_destination": [{**destination, chosen: [make()]}],
    }


def _dimension(d: Mapping[str, str]) -> dict[str, str]:
    return {"dimension_name": d["name"], "dimension_value_source": d["source"], "default_dimension_value": d["default"]}


def _notification(p: Mapping[str, Any]) -> dict[str, Any]:
    type_ = p["notification_type"].capitalize()
    return {
        "id": f"{p['identity']}|{type_}",
        "identity": p["identity"],
        "notification_type": type_,
        "topic_arn": p["topic_arn"],
        "include_original_headers": p["headers"],
    }


def _subscription(p: Mapping[str, Any]) -> dict[str, Any]:
    filter_policy, queue = p.get("filter_policy"), p.get("dead_letter_queue")
    return {
        "id": p["arn"],
        "arn": p["arn"],
        "topic_arn": p["topic_arn"],
        "protocol": p["protocol"],
        "endpoint": p["endpoint"],
        "raw_message_delivery": bool(p.get("raw_message_delivery")),
        "filter_policy": policy_document.compact(filter_policy) if filter_policy else None,
        "filter_policy_scope": p.get("filter_policy_scope"),
        "redrive_policy": policy_document.compact({"deadLetterTargetArn": queue}) if queue else None,
    }


# Resources of ours that are part of another one in the provider.
_JOINED = {"notification_headers": "notification_topic"}

_TYPES: Mapping[str, tuple[str, Callable[[Mapping[str, Any]], dict[str, Any]]]] = {
    "topic": (
        "aws_sns_topic",
        lambda p: {
            "id": p["topic_arn"],
            "arn": p["topic_arn"],
            "name": p["name"],
            "display_name": p.get("display_name", ""),
            "kms_master_key_id": p.get("kms_key"),
        },
    ),
    "topic_policy": (
        "aws_sns_topic_policy",
        lambda p: {"id": p["topic_arn"], "arn": p["topic_arn"], "policy": policy_document.compact(p["policy"])},
    ),
    "configuration_set": (
        "aws_sesv2_configuration_set",
        lambda p: {"id": p["configuration_set"], "configuration_set_name": p["configuration_set"]},
    ),
    "event_destination": ("aws_sesv2_configuration_set_event_destination", _event_destination),
    "notification_topic": ("aws_ses_identity_notification_topic", _notification),
    "subscription": ("aws_sns_topic_subscription", _subscription),
    "default_configuration_set": (
        "aws_sesv2_email_identity",
        lambda p: {
            "id": p["identity"],
            "email_identity": p["identity"],
            "configuration_set_name": p["configuration_set"],
        },
    ),
    "sending_policy": (
        "aws_ses_identity_policy",
        lambda p: {
            "id": f"{p['identity']}|{p['name']}",
            "identity": p["identity"],
            "name": p["name"],
            "policy": policy_document.compact(p["policy"]),
        },
    ),
    "ownership_tag": (  # the provider has no resource for a tag of SES's
        "sesform_ownership_tag",
        lambda p: {"id": p["arn"], "resource_arn": p["arn"], "key": OWNERSHIP_TAG, "value": p["spec"]},
    ),
    "feedback_forwarding": (
        "aws_sesv2_email_identity_feedback_attributes",
        lambda p: {"id": p["identity"], "email_identity": p["identity"], "email_forwarding_enabled": p["enabled"]},
    ),
}
