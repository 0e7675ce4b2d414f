"""Measure load, compile and plan without AWS: seconds and memory for N identities, with no and with all live resources.

python bench/offline.py [IDENTITIES]        (10,000 is the quota of identities in a region)
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from pathlib import Path

from write_specs import write

from sesform.live.snapshot import IdentityFacts, Snapshot
from sesform.planning import planner
from sesform.resources import RESOURCES
from sesform.specs import compiler, schema, yaml_reader


def main(identities: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        write(Path(folder), identities, 20)
        start = time.perf_counter()
        documents, problems = yaml_reader.load([folder])
        specs, more = schema.load(documents)
    loaded = time.perf_counter()
    wanted = compiler.build(specs, [*problems, *more])
    compiled = time.perf_counter()
    facts = {
        (d.scope, d.key["identity"]): IdentityFacts({}, True, "Success")
        for d in wanted.declared.values()
        if "identity" in d.key
    }
    first = planner.plan(wanted, Snapshot(identities=facts))
    created = time.perf_counter()
    found = {
        a: RESOURCES[a.type].planned_value(d.desired, None) for a, d in wanted.declared.items() if d.desired is not None
    }
    settled = {address: properties for address, properties in found.items() if properties is not None}
    second = planner.plan(wanted, Snapshot(found=settled, identities=facts))
    compared = time.perf_counter()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(
        f"{identities} identities, {len(wanted.declared)} resources: {len(first.changes)} steps, then {len(second.changes)}"
    )
    print(
        f"load {loaded - start:.2f} s, compile {compiled - loaded:.2f} s, plan all {created - compiled:.2f} s, ", end=""
    )
    print(f"plan nothing {compared - created:.2f} s, {memory:.0f} MB")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
