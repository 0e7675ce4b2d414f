"""Routes: which feedback of which identity reaches which receiver now, and what is missing. Only reads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sesform.engine.default_sets import read_default_sets, unheard
from sesform.engine.plans import compiled, read
from sesform.engine.progress import Notify, ignore
from sesform.engine.settings import DEFAULT_PATHS, DEFAULTS, Paths, Settings
from sesform.errors import Problem
from sesform.live.snapshot import Subscriber
from sesform.model.shard import Part
from sesform.planning import gap_places, route_changes, shadowing
from sesform.planning import routes as route_table
from sesform.planning.checks import readable
from sesform.planning.routes import Gap, Subject


@dataclass(frozen=True, slots=True)
class Routes:
    """The routes of the specs' identities and configuration sets, as AWS has them.

    `matrix`: the routes of each. `subscribers`: by topic ARN, of the topics that could be read. `gaps`: what is missing.
    `problems`: why the routes could not be read; then the rest is empty. `part`: which part of the specs it covers, None for all.
    """

    matrix: route_table.Matrix = field(default_factory=dict)
    subscribers: Mapping[str, tuple[Subscriber, ...]] = field(default_factory=dict)
    gaps: tuple[route_table.Gap, ...] = ()
    problems: tuple[Problem, ...] = ()
    part: Part | None = None


def routes(paths: Paths = DEFAULT_PATHS, settings: Settings = DEFAULTS, notify: Notify = ignore) -> Routes:
    """Return the routes of everything that the specs name. Raises as `plan` does."""
    desired, snapshot, connections = read(compiled(paths, settings, notify), settings, notify)
    problems = readable.readable(desired, snapshot)
    if problems:
        return Routes(problems=tuple(problems))
    matrix = route_changes.live_routes(desired, snapshot)
    silent = unheard(matrix, snapshot)
    if silent:
        snapshot = read_default_sets(silent, desired, snapshot, connections, settings)
        matrix = route_changes.live_routes(desired, snapshot)
    matrix = shadowing.effective(matrix, snapshot)
    gaps = route_table.gaps(matrix, snapshot.subscribers)
    for each in shadowing.shadowed(desired, snapshot):
        subjects = [Subject(each.scope, "identity", each.identity, event) for event in route_table.VITAL]
        gaps += [Gap(subject, str(each), "shadowed") for subject in subjects]
    part = desired.part._replace(command="routes") if desired.part else None
    return Routes(matrix, snapshot.subscribers, gap_places.located(gaps, desired), part=part)
