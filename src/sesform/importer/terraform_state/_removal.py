"""The resources that Terraform may forget, and `removed` blocks that make it forget them without destroying anything.

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

_WHY_NOT = {
    "topic_policy": "the spec leaves its policy unmanaged, because sesform would change it",
}


@dataclass(frozen=True, slots=True)
class Verdict:
    """One resource of the configuration: whether it is handed over; the reason of each instance that stays; and remarks."""

    resource: str
    reasons: tuple[str, ...]
    remarks: tuple[str, ...]

    @property
    def goes(self) -> bool:
        return not self.reasons


def verdicts(inventory: StateResources, desired: Desired) -> tuple[Verdict, ...]:
    """Return what is handed over and what stays, in the order of the state.

    A resource is handed over if the specs declare all of it with its present values.
    """
    wants = {d.aws_key: d for d in desired.declared.values()}
    found: dict[str, list[Item]] = {}
    for item in inventory.items:
        found.setdefault(item.resource, []).append(item)
    return tuple(_verdict(resource, items, wants) for resource, items in found.items())


def _verdict(resource: str, items: Iterable[Item], wants: Mapping[Key, Declared]) -> Verdict:
    reasons = [f"{item.address}: {reason}" for item in items if (reason := _why_it_stays(item, wants))]
    remarks = dict.fromkeys(remark for item in items for remark in item.remarks)
    return Verdict(resource, tuple(reasons), tuple(remarks))


def _why_it_stays(item: Item, wants: Mapping[Key, Declared]) -> str:
    if item.stays:
        return item.stays
    missing = [r[0] for r in item.resources if not _is_declared(r, wants.get(aws_key(*r)))]
    return next(
        (
            _WHY_NOT.get(
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
    if kind in ("topic", "subscription") and _set_ones(properties) - declared.desired.keys():
        return False  # declared, but one of its settings was skipped and would be managed by neither
    settled = RESOURCES[kind].planned_value(declared.desired, properties)
    return settled is not None and RESOURCES[kind].same(settled, properties)


def _set_ones(properties: Properties) -> set[str]:
    """Return the attributes that differ from SNS's defaults."""
    defaults: tuple[Any, ...] = (None, "", False, {}, "MessageAttributes")
    return {name for name, value in properties.items() if name != "arn" and value not in defaults}


_HEAD = """\
# Replace the resources that these blocks name with the blocks, in the root module, and run `terraform apply`. Terraform forgets
# the resources and destroys nothing. Replace references to them by names and ARNs. Then sesform manages them.
"""


def removed_file(found: Iterable[Verdict]) -> str:
    """Return the text of a .tf file: a block for each resource that is handed over, a comment for each that stays."""
    found = list(found)
    return "\n".join([_HEAD, *(_block(v) for v in found if v.goes), *_staying(found)]).rstrip("\n") + "\n"


def _block(verdict: Verdict) -> str:
    remarks = "".join(f"  # {printable(remark)}\n" for remark in verdict.remarks)
    return f"removed {{\n{remarks}  from = {verdict.resource}\n\n  lifecycle {{\n    destroy = false\n  }}\n}}\n"


def _staying(found: Iterable[Verdict]) -> Iterator[str]:
    reasons = [reason for verdict in found for reason in verdict.reasons]
    if reasons:
        yield "# These stay with Terraform:\n" + "".join(f"# - {printable(reason)}\n" for reason in reasons)
