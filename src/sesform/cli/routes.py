"""routes: who gets which feedback now, and what is missing."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from sesform.cli import run
from sesform.cli.console import Console, coloured, out
from sesform.cli.options import Format, Options
from sesform.model.address import Address
from sesform.planning import routes

if TYPE_CHECKING:
    from sesform.aws import Connections
    from sesform.live.snapshot import Snapshot
    from sesform.specs.declared import Declared
    from sesform.specs.desired import Desired


def show_routes(options: Options, console: Console) -> int:
    """Reads AWS and prints the matrix of the specs' identities and sets; 2 where there is a gap, 1 where it could not be read."""
    from sesform.live import kms_keys, refresh
    from sesform.model import arns
    from sesform.planning import plan_file
    from sesform.planning.checks import readable
    from sesform.planning.checks import topics as checks
    from sesform.render import routes as drawn

    desired = run.compile_specs(options)
    _, snapshot, connections = run.read_aws(options, console, desired)
    problems = readable.readable(desired, snapshot)
    console.problems(problems)
    if problems:
        if options.format is Format.json:
            out(plan_file.text(plan_file.failure(problems)))
        return 1
    matrix = _matrix(options, desired, snapshot, connections)
    topics = sorted({r.topic_arn for ways in matrix.values() for r in ways if r.topic_arn})
    subscribers = refresh.read_subscribers(topics, connections)
    held = refresh.read((), topics, connections, options.parallelism)
    used = {arns.topic_key(arn, facts.kms_key) for arn, facts in held.topics.items() if facts and facts.kms_key}
    dead = checks.dead_topics(topics, kms_keys.read(used, held, connections, options.parallelism))
    gaps = routes.gaps(matrix, subscribers, dead)
    if options.format is Format.json:
        out(drawn.json_text(matrix, subscribers, gaps))
    elif options.format is Format.markdown:
        out(drawn.markdown(matrix, subscribers, gaps))
    else:
        out(drawn.text(matrix, subscribers, gaps, colour=coloured(sys.stdout, options.no_color)))
    return 2 if gaps else 0


def _matrix(options: Options, desired: Desired, snapshot: Snapshot, connections: Connections) -> routes.Matrix:
    """The routes of all identities. Those that seem to have none are asked for their default set too, one call each."""
    from sesform.live import refresh
    from sesform.planning import route_changes

    matrix = route_changes.live_routes(desired, snapshot)
    silent = {
        (s.scope, s.name) for s, ways in matrix.items() if s.kind == "identity" and s.event in routes.VITAL and not ways
    }
    probes = list(_probes(desired, silent))
    if not probes:
        return matrix
    more = refresh.read(probes, (), connections, options.parallelism)
    sets = [
        replace(p, address=replace(p.address, type="configuration_set", key=name), key={"configuration_set": name})
        for p in probes
        for name in [more.found.get(p.address, {}).get("configuration_set")]
        if name
    ]
    last = refresh.read(sets, (), connections, options.parallelism)
    return route_changes.live_routes(desired, replace(snapshot, found={**snapshot.found, **more.found, **last.found}))


def _probes(desired: Desired, silent: Iterable[tuple[object, str]]) -> Iterable[Declared]:
    asked = set(silent)
    for declared in desired.declared.values():
        key = (declared.scope, declared.key.get("identity", ""))
        if key in asked and not key[1].startswith("arn:"):
            asked.discard(key)
            address = Address(declared.address.spec, declared.address.region, "default_configuration_set", key[1])
            yield replace(declared, address=address, key={"identity": key[1]}, desired=None)
