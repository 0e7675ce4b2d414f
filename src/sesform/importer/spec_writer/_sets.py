"""Configuration sets and their event destinations as parts of specs."""

from __future__ import annotations

from typing import Any

from sesform.importer.spec_writer._live_resources import LiveResources
from sesform.importer.spec_writer._scope_spec import Reference, ScopeSpec
from sesform.importer.spec_writer._topics import Topics
from sesform.model import arns
from sesform.model.address import Scope
from sesform.model.values import EVENT_TYPES, Properties
from sesform.resources.event_destination import kind_of
from sesform.specs import schema


def add_sets(part: ScopeSpec, live: LiveResources, topics: Topics, *, whole: bool) -> None:
    """Add the configuration sets of a scope to its spec. `exclusive: false` keeps destinations that specs do not support."""
    for name, record in sorted(live.sets.get(part.scope, {}).items()):
        wrong = schema.fault("configuration_set", name)
        if wrong:
            part.remark(f"{name}: skipped: not supported in specs: {wrong}.", "configuration_sets", name)
            continue
        destinations: dict[str, Any] = {}
        unmanaged = []
        for destination, properties in sorted(record.destinations.items()):
            settings, why = _destination(properties, part.scope, topics)
            if why:
                unmanaged.append(f"{destination} is left unmanaged: {why}.")
            else:
                destinations[destination] = settings
        found: dict[str, Any] = {}
        part.sections["configuration_sets"][name] = found
        if record.suppression is not None:
            found["suppression"] = record.suppression
        if unmanaged or not whole:
            found["exclusive"] = False
        for text in unmanaged:
            part.remark(text, "configuration_sets", name)
        if destinations:
            found["event_destinations"] = destinations


def _destination(properties: Properties, scope: Scope, topics: Topics) -> tuple[dict[str, Any], str]:
    """Return (the destination in a spec, "") or ({}, why specs do not support it)."""
    events = sorted(e.lower() for e in properties["events"])
    entry: dict[str, Any] = {"events": "all" if len(events) == len(EVENT_TYPES) else events}
    if not properties["enabled"]:
        entry["enabled"] = False
    kind = kind_of(properties)
    if kind == "unknown":
        return {}, "specs do not support its kind"
    target, why = _target(kind, properties[kind], scope, topics)
    plain = target.topic if isinstance(target, Reference) else target
    why = (
        why
        or schema.fault("configuration_set", properties["name"])
        or schema.fault("event_destination", {**entry, kind: plain})
    )
    return ({}, why) if why else ({**entry, kind: target}, "")


def _target(kind: str, target: Properties, scope: Scope, topics: Topics) -> tuple[Any, str]:
    if kind == "sns":
        return topics.refer(str(target["topic_arn"]), scope)
    if kind == "cloudwatch":
        dimensions = target["dimensions"]
        return [
            {"dimension": d["name"], "source": str(d["source"]).lower(), "default": d["default"]} for d in dimensions
        ], ""
    field = {"firehose": "stream_arn", "eventbridge": "event_bus_arn", "pinpoint": "application_arn"}[kind]
    arn = str(target[field])
    parsed = arns.parse(arn)
    if parsed is not None and (parsed.scope != scope or parsed.partition != arns.partition(scope.region)):
        return None, f"{arn} is not in {scope}"
    if kind == "firehose":
        return {"stream": arn, "role": target["role_arn"]}, ""
    return ("default" if arn == arns.event_bus(scope, "default") else arn), ""
