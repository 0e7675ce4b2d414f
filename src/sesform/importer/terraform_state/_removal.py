"""Find the resources to hand over, and write `removed` blocks: Terraform then forgets them and destroys nothing.

Source: Terraform language, "Removing resources" (`removed` blocks, Terraform 1.7 and later): `from` names a resource without
instance keys, so it removes all instances of the resource, in all instances of its module.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sesform.importer.terraform_state._state_resources import Item, StateResources
from sesform.model.values import Properties, printable
from sesform.resources import RESOURCES, aws_key
from sesform.resources.resource_type import Resource
from sesform.specs.declared import Declared, Key
from sesform.specs.desired import Desired

_REASONS = {
    "topic_policy": "the spec leaves its policy unmanaged, because sesform would change it",
}


@dataclass(frozen=True, slots=True)
class HandOver:
    """A resource of the configuration, to hand over or to keep in Terraform.

    `reasons`: one for each instance that stays in Terraform; empty if the resource is handed over. `remarks`: notes for the reader.
    """

    resource: str
    reasons: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def handed_over(self) -> bool:
        return not self.reasons


def hand_overs(inventory: StateResources, desired: Desired) -> tuple[HandOver, ...]:
    """Return the resources to hand over and the resources that stay in Terraform, in the order of the state.

    A resource is handed over if the specs declare all of it with its present values.
    """
    declared_by_key = {d.aws_key: d for d in desired.declared.values()}
    found: dict[str, list[Item]] = {}
    for item in inventory.items:
        found.setdefault(item.resource, []).append(item)
    return tuple(_hand_over(resource, items, declared_by_key) for resource, items in found.items())


def _hand_over(resource: str, items: Iterable[Item], declared_by_key: Mapping[Key, Declared]) -> HandOver:
    reasons = [f"{item.address}: {reason}" for item in items if (reason := _reason_to_keep(item, declared_by_key))]
    remarks = dict.fromkeys(remark for item in items for remark in item.remarks)
    return HandOver(resource, tuple(reasons), tuple(remarks))


def _reason_to_keep(item: Item, declared_by_key: Mapping[Key, Declared]) -> str:
    if item.kept_reason:
        return item.kept_reason
    missing = [r[0] for r in item.resources if not _is_declared(r, declared_by_key.get(aws_key(*r)))]
    return next(
        (
            _REASONS.get(
                kind,
                f"the specs do not declare its {kind.replace('_', ' ')} completely; a comment in the specs says why",
            )
            for kind in missing
        ),
        "",
    )


def _is_declared(resource: Resource, declared: Declared | None) -> bool:
    kind, _, properties = resource
    if declared is None:
        return False
    if declared.desired is None:
        return kind == "notification_topic" and properties["topic_arn"] is None
    if kind in ("topic", "subscription") and _non_defaults(properties) - declared.desired.keys():
        return False  # the spec lacks one of its attributes, so neither tool would manage it
    planned = RESOURCES[kind].planned_value(declared.desired, properties)
    return planned is not None and RESOURCES[kind].same(planned, properties)


def _non_defaults(properties: Properties) -> set[str]:
    """Return the attributes that differ from SNS's defaults."""
    defaults: tuple[Any, ...] = (None, "", False, {}, "MessageAttributes")
    return {name for name, value in properties.items() if name != "arn" and value not in defaults}


_HEAD = """\
# Replace the resources that these blocks name with the blocks, in the root module, and run `terraform apply`. Terraform forgets
# the resources and destroys nothing. Replace references to them by names and ARNs. Then sesform manages them.
"""


def removed_file(found: Iterable[HandOver]) -> str:
    """Return the text of a .tf file: a block for each resource that is handed over, a comment for each that stays."""
    found = list(found)
    return "\n".join([_HEAD, *(_block(v) for v in found if v.handed_over), *_kept(found)]).rstrip("\n") + "\n"


def _block(hand_over: HandOver) -> str:
    remarks = "".join(f"  # {printable(remark)}\n" for remark in hand_over.remarks)
    return f"removed {{\n{remarks}  from = {hand_over.resource}\n\n  lifecycle {{\n    destroy = false\n  }}\n}}\n"


def _kept(found: Iterable[HandOver]) -> Iterator[str]:
    reasons = [reason for hand_over in found for reason in hand_over.reasons]
    if reasons:
        yield "# These stay with Terraform:\n" + "".join(f"# - {printable(reason)}\n" for reason in reasons)
