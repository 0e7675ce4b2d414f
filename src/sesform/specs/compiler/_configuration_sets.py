"""Configuration sets and event destinations."""

from __future__ import annotations

from typing import Any

from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import PINPOINT_ENDED, event_set
from sesform.policies.document import Publisher
from sesform.specs.compiler._compilation import Compilation
from sesform.specs.compiler._topics import TopicTable, resolve
from sesform.specs.declared import Declared, Origin, Target
from sesform.specs.schema import ConfigurationSet, EventDestination, LoadedSpec

Loc = tuple[int | str, ...]


def declare_configuration_sets(work: Compilation, table: TopicTable, loaded: LoadedSpec) -> None:
    """Declare the configuration sets of a spec with their destinations, once in each region."""
    spec = loaded.spec
    for name, declared in spec.configuration_sets.items():
        for region in spec.regions:
            scope, loc = Scope(spec.account, region), ("configuration_sets", name)
            address = Address(spec.name, region, "configuration_set", name)
            kept = isinstance(declared, ConfigurationSet) and not work.destroy
            says = "declares it" if kept else "is being destroyed" if work.destroy else "declares the set absent"
            key = {"configuration_set": name}
            work.declare(Declared(address, scope, key, dict(key) if kept else None, Origin(loaded.document, loc, says)))
            # A deleted set is deleted with all its destinations, so they all are steps of the plan.
            if not isinstance(declared, ConfigurationSet) or declared.exclusive or not kept:
                work.exclusive.add(address)
            if isinstance(declared, ConfigurationSet) and kept:
                _declare_suppression(work, loaded, scope, name, declared)
                for destination, settings in declared.event_destinations.items():
                    _declare_destination(work, table, loaded, scope, name, destination, settings)


def _declare_suppression(
    work: Compilation, loaded: LoadedSpec, scope: Scope, name: str, declared: ConfigurationSet
) -> None:
    key = {"configuration_set": name}
    if declared.suppression == "unmanaged":
        if declared.declares("suppression"):
            work.left_alone.add(("suppression_options", scope, (name,)))
        return
    desired = None if declared.suppression is None else {**key, "reasons": sorted(set(declared.suppression))}
    origin = Origin(
        loaded.document, ("configuration_sets", name, "suppression"), "declares it" if desired else "declares null"
    )
    address = Address(loaded.spec.name, scope.region, "suppression_options", name)
    work.declare(Declared(address, scope, key, desired, origin))


def _declare_destination(
    work: Compilation,
    table: TopicTable,
    loaded: LoadedSpec,
    scope: Scope,
    set_name: str,
    name: str,
    declared: EventDestination | str,
) -> None:
    loc: Loc = ("configuration_sets", set_name, "event_destinations", name)
    key = {"configuration_set": set_name, "name": name}
    address = Address(loaded.spec.name, scope.region, "event_destination", f"{set_name}/{name}")
    if not isinstance(declared, EventDestination):
        work.declare(Declared(address, scope, key, None, Origin(loaded.document, loc, "declares it absent")))
        return
    origin = Origin(loaded.document, loc, "declares it")
    target = _target(work, table, loaded, scope, declared, (*loc, declared.kind))
    if target is None:
        return
    properties = {**key, "enabled": declared.enabled, "events": event_set(declared.events), declared.kind: target}
    work.declare(Declared(address, scope, key, properties, origin))
    if declared.kind == "sns":
        publisher = Publisher(scope.account, arns.configuration_set(scope, set_name))
        work.targets.append(Target(target["topic_arn"], (publisher,), address, origin))
    if declared.kind == "pinpoint":
        work.wrong(loaded, (*loc, "pinpoint"), PINPOINT_ENDED, "send the events elsewhere", warning=True)


def _target(
    work: Compilation, table: TopicTable, loaded: LoadedSpec, scope: Scope, declared: EventDestination, loc: Loc
) -> dict[str, Any] | None:
    """Return the target of a destination in AWS's terms; None if the reference cannot be resolved, which is reported."""
    if declared.sns is not None:
        arn = resolve(work, table, loaded, scope.region, declared.sns, loc)
        return {"topic_arn": arn} if arn else None
    if declared.firehose is not None:
        if not _in_region(work, loaded, scope, declared.firehose.stream, (*loc, "stream")):
            return None
        return {"stream_arn": declared.firehose.stream, "role_arn": declared.firehose.role}
    if declared.cloudwatch is not None:
        dimensions = [
            {"name": d.dimension, "source": d.source.upper(), "default": d.default} for d in declared.cloudwatch
        ]
        return {"dimensions": sorted(dimensions, key=lambda d: d["name"])}
    if declared.pinpoint is not None:
        in_region = _in_region(work, loaded, scope, declared.pinpoint, loc)
        return {"application_arn": declared.pinpoint} if in_region else None
    bus = declared.eventbridge or "default"
    arn = arns.event_bus(scope, "default") if bus == "default" else bus
    return {"event_bus_arn": arn} if _in_region(work, loaded, scope, arn, loc) else None


def _in_region(work: Compilation, loaded: LoadedSpec, scope: Scope, text: str, loc: Loc) -> bool:
    arn = arns.parse(text)
    if arn is None:
        return True
    right = arns.partition(scope.region)
    if arn.partition != right:
        work.wrong(loaded, loc, f"{text!r} is in partition {arn.partition}, and {scope.region} is in {right}")
    elif arn.scope != scope:
        there = f"{text!r} is in {arn.scope}, and the configuration set is in {scope}"
        work.wrong(loaded, loc, there, "use one in the account and region of the configuration set")
    return arn.partition == right and arn.scope == scope
