"""Join the instances of a document: drop duplicates, and add our resources to each instance."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass

from sesform.errors import TerraformError
from sesform.importer.spec_writer import LiveResources, of_interest
from sesform.importer.terraform_state._attributes import Attributes
from sesform.importer.terraform_state._document import Instance, Shown, parse
from sesform.importer.terraform_state._scopes import Scopes
from sesform.importer.terraform_state._types import Reading, read
from sesform.resources import RESOURCES, aws_key
from sesform.resources.resource_type import Resource
from sesform.specs.declared import Key


@dataclass(frozen=True, slots=True)
class Item:
    """An instance of a Terraform resource.

    `resource`: its address without the keys of modules and instances. `resources`: our resources. `kept_reason`: why it
    stays in Terraform, "" if it is handed over.
    """

    address: str
    resource: str
    resources: tuple[Resource, ...]
    kept_reason: str
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StateResources:
    """All resources of a state that concern notifications.

    `resources`: without duplicates. `skipped_topics`: the number of skipped topics, which SES does not publish to.
    """

    items: tuple[Item, ...]
    resources: tuple[Resource, ...]
    warnings: tuple[str, ...]
    skipped_topics: int = 0


def inventory(
    content: bytes, account: str | None = None, region: str | None = None, *, all_topics: bool = False
) -> StateResources:
    """Return the resources in the output of `terraform show -json`.

    `account`, `region`: for resources whose account or region the state does not show. `all_topics`: include topics that SES
    does not publish to. Raises TerraformError if the text is not such an output, has no resources of SES and SNS, or none of them
    can be placed in an account and region.
    """
    shown = parse(content)
    scopes = Scopes(shown, account, region)
    readings: list[tuple[Instance, Reading]] = []
    for instance in shown.instances:
        reading = read(Attributes(instance), scopes) if instance.managed else None
        if reading is not None:
            readings.append(
                (instance, Reading(kept_reason=instance.destroy_reason) if instance.destroy_reason else reading)
            )
    _keep_duplicates(readings, scopes.inferred)
    _refuse_if_nothing_is_placed(readings)
    others = 0 if all_topics else _skip_unused_topics(readings)
    if not readings:
        hint = (
            f"--all-topics includes its {others} topics"
            if others
            else "check that it is the right root module and workspace"
        )
        raise TerraformError(
            f"it has no configuration sets, notification settings or topics that SES publishes to; {hint}"
        )
    _keep_subscriptions_of_kept_topics(readings)
    return StateResources(
        items=tuple(_item(instance, reading) for instance, reading in readings),
        resources=tuple(_without_duplicates(readings)),
        warnings=tuple(_warnings(shown, readings)),
        skipped_topics=others,
    )


def _refuse_if_nothing_is_placed(readings: Iterable[tuple[Instance, Reading]]) -> None:
    """Raise TerraformError if options would place resources, and there is nothing else to write specs of."""
    readings = list(readings)
    unplaced = [(instance.address, reading) for instance, reading in readings if reading.unplaced]
    if not unplaced or any(reading.resources for _, reading in readings):
        return
    first, reading = unplaced[0]
    others = f" and {len(unplaced) - 1} more" if len(unplaced) > 1 else ""
    raise TerraformError(
        f"{first}{others}: {reading.kept_reason}, or a state that also contains the identity or the configuration set."
    )


def _keep_duplicates(readings: Iterable[tuple[Instance, Reading]], inferred: Collection[str]) -> None:
    """Keep instances that would be the same resource in AWS, unless each of them is proven to be there with equal values.

    Of several instances that only a name or an option places, at most one is there, and nothing shows which.
    """
    groups: dict[Key, list[tuple[Instance, Reading, Resource]]] = defaultdict(list)
    for instance, reading in readings:
        for resource in reading.resources:
            groups[aws_key(*resource)].append((instance, reading, resource))
    for group in groups.values():
        if len(group) == 1:
            continue
        kind, scope, first = group[0][2]
        what = kind.replace("_", " ")
        guessed = [member for member in group if member[0].address in inferred]
        same = all(RESOURCES[kind].same(first, resource[2]) for _, _, resource in group)
        for instance, reading, _ in guessed or ([] if same else group):
            twins = ", ".join(each.address for each, _, _ in group if each is not instance)
            if guessed:
                why = f"it and {twins} would be the same {what} in {scope}, and nothing shows which of them is there"
            else:
                why = f"{twins} is the same {what} in AWS, with different values. Remove one of them from the configuration"
            reading.kept_reason = reading.kept_reason or why
            reading.unplaced = ()
    for _, reading in readings:
        if reading.unplaced is not None:
            reading.resources, reading.parents = [], []


def _skip_unused_topics(readings: list[tuple[Instance, Reading]]) -> int:
    """Remove the topics that SES does not publish to, with their subscriptions and policies. Return the number of topics."""
    every = [r for _, each in readings for r in (*each.resources, *each.background, each.kept_policy) if r]
    wanted = of_interest(LiveResources(every))
    before, kept = _topics(readings), {i.resource for i, _ in readings if _is_used(i, wanted)}
    # A `removed` block covers all instances of a resource: one instance that specs lack keeps the others.
    readings[:] = [
        (i, r if r.kept_reason or _is_used(i, wanted) else _UNUSED_TOPIC) for i, r in readings if i.resource in kept
    ]
    return before - _topics(readings)


_UNUSED_TOPIC = Reading(kept_reason="SES does not publish to its topic; --all-topics includes it")


def _is_used(instance: Instance, topics: Collection[str]) -> bool:
    return not instance.type.startswith("aws_sns_") or _topic_arn(instance) in topics


def _topics(readings: Iterable[tuple[Instance, Reading]]) -> int:
    return sum(instance.type == "aws_sns_topic" for instance, _ in readings)


def _topic_arn(instance: Instance) -> str:
    return str(instance.values.get("topic_arn") or instance.values.get("arn"))


def _keep_subscriptions_of_kept_topics(readings: Iterable[tuple[Instance, Reading]]) -> None:
    """Keep subscriptions whose topics are not handed over: specs declare a subscription under its topic."""
    readings = list(readings)
    topics = {r[2]["topic_arn"] for _, reading in readings for r in reading.resources if r[0] == "topic"}
    for _, reading in readings:
        parents = [parent for r in reading.resources if (parent := _parent_topic(r))]
        missing = [arn for arn in parents if arn not in topics]
        if missing:
            reading.kept_reason = f"its topic {missing[-1]} is not handed over"
        if reading.kept_reason and parents:
            reading.resources = []


def _parent_topic(resource: Resource) -> str | None:
    """Return the topic of a subscription or a topic policy."""
    type_, _, properties = resource
    kind = RESOURCES[type_]
    parent = kind.removed_with({name: str(properties[name]) for name in kind.key})
    return parent.key[0] if parent is not None and parent.type == "topic" and parent.declared else None


def _item(instance: Instance, reading: Reading) -> Item:
    return Item(
        instance.address, instance.resource, tuple(reading.resources), reading.kept_reason, tuple(reading.remarks)
    )


def _without_duplicates(readings: Iterable[tuple[Instance, Reading]]) -> Iterator[Resource]:
    seen: dict[Key, Resource] = {}
    for _, reading in readings:
        for resource in (*reading.parents, *reading.resources):
            seen.setdefault(aws_key(*resource), resource)
    yield from seen.values()
    background = {aws_key(*r): r for _, reading in readings for r in reading.background}
    kept = {aws_key(*reading.kept_policy) for _, reading in readings if reading.kept_policy}
    yield from (r for key, r in background.items() if key not in seen and key not in kept)


def _warnings(shown: Shown, readings: Iterable[tuple[Instance, Reading]]) -> Iterator[str]:
    readings, changing = list(readings), set(shown.changing)
    for instance, reading in readings:
        if reading.unplaced is not None:
            yield f"{instance.address} stays in Terraform: {reading.kept_reason}"
    found = sorted({i.address for i, _ in readings if i.address in changing})
    if found:
        others = f" and {len(found) - 1} more" if len(found) > 1 else ""
        yield (
            f"the plan changes {found[0]}{others}; specs describe the current state. Apply the plan first, or remove the change."
        )
