"""Routes: which events of which identity reach which receiver now, and what is missing. Only reads."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sesform.engine.plans import read
from sesform.engine.progress import Notify, ignore
from sesform.engine.settings import DEFAULT_PATHS, DEFAULTS, Paths, Settings
from sesform.engine.specs import compile_specs
from sesform.errors import Problem
from sesform.live.snapshot import Snapshot, Subscriber
from sesform.model import arns
from sesform.model.address import Address
from sesform.planning import route_changes
from sesform.planning import routes as route_table
from sesform.planning.checks import readable
from sesform.planning.checks import topics as topic_checks
from sesform.specs.declared import Declared
from sesform.specs.desired import Desired

if TYPE_CHECKING:
    from sesform.aws import Connections


@dataclass(frozen=True, slots=True)
class Routes:
    """The live routes of the specs' identities and configuration sets.

    `matrix`: the routes of each. `subscribers`: by topic ARN, of the topics that could be read. `gaps`: what is missing.
    `problems`: why the routes could not be read; then the rest is empty.
    """

    matrix: route_table.Matrix = field(default_factory=dict)
    subscribers: Mapping[str, tuple[Subscriber, ...]] = field(default_factory=dict)
    gaps: tuple[route_table.Gap, ...] = ()
    problems: tuple[Problem, ...] = ()


def routes(paths: Paths = DEFAULT_PATHS, settings: Settings = DEFAULTS, notify: Notify = ignore) -> Routes:
    """Return the routes of everything that the specs name. Raises as `plan` does."""
    from sesform.live import kms_keys, refresh

    desired, snapshot, connections = read(compile_specs(paths), settings, notify)
    problems = readable.readable(desired, snapshot)
    if problems:
        return Routes(problems=tuple(problems))
    matrix = _matrix(desired, snapshot, connections, settings)
    topics = sorted({r.topic_arn for ways in matrix.values() for r in ways if r.topic_arn})
    subscribers = refresh.read_subscribers(topics, connections)
    held = refresh.read((), topics, connections, settings.parallelism)
    used = {arns.topic_key(arn, facts.kms_key) for arn, facts in held.topics.items() if facts and facts.kms_key}
    dead = topic_checks.dead_topics(topics, kms_keys.read(used, held, connections, settings.parallelism))
    return Routes(matrix, subscribers, tuple(route_table.gaps(matrix, subscribers, dead)))


def _matrix(desired: Desired, snapshot: Snapshot, connections: Connections, settings: Settings) -> route_table.Matrix:
    """Return the routes of all identities. For each identity that seems to have none, its default set is read, one call each."""
    from sesform.live import refresh

    matrix = route_changes.live_routes(desired, snapshot)
    silent = {
        (s.scope, s.name)
        for s, ways in matrix.items()
        if s.kind == "identity" and s.event in route_table.VITAL and not ways
    }
    probes = list(_probes(desired, silent))
    if not probes:
        return matrix
    more = refresh.read(probes, (), connections, settings.parallelism)
    sets = [
        replace(p, address=replace(p.address, type="configuration_set", key=name), key={"configuration_set": name})
        for p in probes
        for name in [more.found.get(p.address, {}).get("configuration_set")]
        if name
    ]
    last = refresh.read(sets, (), connections, settings.parallelism)
    return route_changes.live_routes(desired, replace(snapshot, found={**snapshot.found, **more.found, **last.found}))


def _probes(desired: Desired, silent: Iterable[tuple[object, str]]) -> Iterable[Declared]:
    asked = set(silent)
    for declared in desired.declared.values():
        key = (declared.scope, declared.key.get("identity", ""))
        if key in asked and not key[1].startswith("arn:"):
            asked.discard(key)
            address = Address(declared.address.spec, declared.address.region, "default_configuration_set", key[1])
            yield replace(declared, address=address, key={"identity": key[1]}, desired=None)
