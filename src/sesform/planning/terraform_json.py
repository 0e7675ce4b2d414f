"""Plans in the terms of Terraform's AWS provider, so that tools and policies for Terraform plans work unchanged.

The form is that of `terraform show -json` (HashiCorp, "JSON Output Format", format version 1.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sesform.model.address import Address
from sesform.model.values import UNKNOWN, Properties
from sesform.planning.plan import Plan, on_the_way
from sesform.resources import RESOURCES

FORMAT_VERSION = "1.2"
# Consumers refuse a document without a plausible Terraform version: this constant belongs to the format.
TERRAFORM_VERSION = "1.11.4"
PROVIDER = "registry.terraform.io/hashicorp/aws"


def document(plan: Plan, timestamp: str) -> dict[str, Any]:
    """Return the document without our own data: one entry a resource; the topic and headers of a type are one resource."""
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
    """One resource of the provider: our resources that are parts of it, before and after the whole plan."""

    type: str
    index: str
    before: dict[str, Properties] = field(default_factory=dict)
    after: dict[str, Properties] = field(default_factory=dict)
    replaced: bool = False


def _settings(plan: Plan) -> list[_Setting]:
    settings: dict[tuple[str, str], _Setting] = {}

    def of(address: Address) -> _Setting:
        name = _joined(address.type)
        index = f"{address.spec}/{address.region}/{name}/{address.key}"
        return settings.setdefault((name, index), _Setting(RESOURCES[name].terraform_type, index))

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
    """Return the provider's attributes of a resource, and those that are known only after apply."""
    if not parts:
        return None, {}
    owner = _joined(next(iter(parts)))
    attributes = RESOURCES[owner].terraform_attributes(parts)
    for kind in RESOURCES.values():
        if kind.terraform_part_of == owner:
            attributes |= kind.terraform_attributes(parts)
    return {k: v for k, v in attributes.items() if v is not UNKNOWN}, {
        k: True for k, v in attributes.items() if v is UNKNOWN
    }


def _joined(type_: str) -> str:
    """Return the type that holds this one in Terraform."""
    return RESOURCES[type_].terraform_part_of or type_
