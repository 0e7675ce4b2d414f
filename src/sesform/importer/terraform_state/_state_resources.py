"""Join the instances of a document: each resource in AWS once, and each instance with our resource."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from sesform.errors import TerraformError
from sesform.importer.spec_writer import LiveResources, of_interest
from sesform.importer.terraform_state._attributes import Attributes
from sesform.importer.terraform_state._document import Instance, Shown, parse
from sesform.importer.terraform_state._scopes import Scopes, Unresolved
from sesform.importer.terraform_state._types import Reading, read
from sesform.resources import RESOURCES, aws_key
from sesform.resources.resource_type import Resource
from sesform.specs.declared import Key


@dataclass(frozen=True, slots=True)
class Item:
    """One resource instance of Terraform: our resource, and why it stays with Terraform ("" if it does not).

    `resource`: its address without the keys of modules and instances.
    """

    address: str
    resource: str
    resources: tuple[Resource, ...]
    stays: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StateResources:
    """All resources of a state that concern notifications.

    `resources`: each resource in AWS once. `passed_over`: the number of topics that SES does not publish to.
    """

    items: tuple[Item, ...]
    resources: tuple[Resource, ...]
    warnings: tuple[str, ...]
    passed_over: int = 0


def inventory(
    content: bytes, account: str | None = None, region: str | None = None, *, all_topics: bool = False
) -> StateResources:
    """Return the resources in the output of `terraform show -json`.

    `account`, `region`: for resources that the state does not place. `all_topics`: include topics that SES does not publish to.
    Raises TerraformError if the text is not such an output, contradicts itself, does not tell where a resource is, or has no
    resources of SES and SNS.
    """
    shown = parse(content)
    scopes, homeless = Scopes(shown, account, region), list[tuple[str, Unresolved]]()
    readings: list[tuple[Instance, Reading]] = []
    for instance in shown.instances:
        try:
            reading = read(Attributes(instance), scopes) if instance.managed else None
        except Unresolved as unresolved:
            homeless.append((instance.address, unresolved))
            continue
        if reading is not None:
            readings.append((instance, Reading(stays=instance.unsettled) if instance.unsettled else reading))
    _refuse_homeless(homeless)
    others = 0 if all_topics else _pass_over(readings)
    if not readings:
        hint = (
            f"--all-topics includes its {others} topics"
            if others
            else "check that it is the right root module and workspace"
        )
        raise TerraformError(
            f"it has no configuration sets, notification settings or topics that SES publishes to; {hint}"
        )
    _keep_below_kept_topics(readings)
    return StateResources(
        items=tuple(_item(instance, reading) for instance, reading in readings),
        resources=tuple(_each_once(readings)),
        warnings=tuple(_warnings(shown, readings)),
        passed_over=others,
    )


def _refuse_homeless(homeless: list[tuple[str, Unresolved]]) -> None:
    if not homeless:
        return
    first, unresolved = homeless[0]
    options = sorted({option for _, each in homeless for option in each.options})
    others = f" and {len(homeless) - 1} more" if len(homeless) > 1 else ""
    what = " and ".join(o.removeprefix("--") for o in unresolved.options)
    raise TerraformError(
        f"{first}{others}: no resource in the state tells the {what}. Pass {' and '.join(options)}, "
        "or show the state that also has the identity or the configuration set."
    )


def _pass_over(readings: list[tuple[Instance, Reading]]) -> int:
    """Remove the topics that SES does not publish to, with their subscriptions and policies. Return the number of topics."""
    every = [r for _, each in readings for r in (*each.resources, *each.background, each.kept_policy) if r]
    wanted = of_interest(LiveResources(every))
    before, kept = _topics(readings), {i.resource for i, _ in readings if _is_wanted(i, wanted)}
    # A `removed` block covers all instances of a resource: one instance that specs lack keeps the others.
    readings[:] = [
        (i, r if r.stays or _is_wanted(i, wanted) else _PASSED_OVER) for i, r in readings if i.resource in kept
    ]
    return before - _topics(readings)


_PASSED_OVER = Reading(stays="SES does not publish to its topic; --all-topics includes it")


def _is_wanted(instance: Instance, topics: Collection[str]) -> bool:
    return not instance.type.startswith("aws_sns_") or _topic_arn(instance) in topics


def _topics(readings: Iterable[tuple[Instance, Reading]]) -> int:
    return sum(instance.type == "aws_sns_topic" for instance, _ in readings)


def _topic_arn(instance: Instance) -> str:
    return str(instance.values.get("topic_arn") or instance.values.get("arn"))


def _keep_below_kept_topics(readings: Iterable[tuple[Instance, Reading]]) -> None:
    """Keep subscriptions whose topics are not handed over: specs declare a subscription under its topic."""
    readings = list(readings)
    topics = {r[2]["topic_arn"] for _, reading in readings for r in reading.resources if r[0] == "topic"}
    for _, reading in readings:
        parents = [parent for r in reading.resources if (parent := _parent_topic(r))]
        missing = [arn for arn in parents if arn not in topics]
        if missing:
            reading.stays = f"its topic {missing[-1]} is not handed over"
        if reading.stays and parents:
            reading.resources = []


def _parent_topic(resource: Resource) -> str | None:
    """Return the topic of a subscription or a topic policy."""
    type_, _, properties = resource
    kind = RESOURCES[type_]
    parent = kind.removed_with({name: str(properties[name]) for name in kind.key})
    return parent.key[0] if parent is not None and parent.type == "topic" and parent.declared else None


def _item(instance: Instance, reading: Reading) -> Item:
    return Item(instance.address, instance.resource, tuple(reading.resources), reading.stays, tuple(reading.remarks))


def _each_once(readings: Iterable[tuple[Instance, Reading]]) -> Iterator[Resource]:
    seen: dict[Key, tuple[str, Resource]] = {}
    for instance, reading in readings:
        for resource in reading.resources:
            kind, _, properties = resource
            twin, first = seen.setdefault(aws_key(*resource), (instance.address, resource))
            if not RESOURCES[kind].same(first[2], properties):
                raise TerraformError(
                    f"{twin} and {instance.address} are the same {kind.replace('_', ' ')} in AWS, with different values. "
                    "Run `terraform refresh`, and remove one of them."
                )
    yield from (resource for _, resource in seen.values())
    background = {aws_key(*r): r for _, reading in readings for r in reading.background}
    kept = {aws_key(*reading.kept_policy) for _, reading in readings if reading.kept_policy}
    yield from (r for key, r in background.items() if key not in seen and key not in kept)


def _warnings(shown: Shown, readings: Iterable[tuple[Instance, Reading]]) -> Iterator[str]:
    changing = set(shown.changing)
    found = sorted({i.address for i, _ in readings if i.address in changing})
    if found:
        others = f" and {len(found) - 1} more" if len(found) > 1 else ""
        yield (
            f"the plan changes {found[0]}{others}; specs are made of the present state. Apply the plan first, or remove the change."
        )
