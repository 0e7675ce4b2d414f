"""Measure load, compile and plan without AWS: CPU seconds and peak memory, with no and with all live resources.

python bench/offline.py [IDENTITIES …] [--named]        (10,000 is the quota of identities in a region; more use more owners)

Each case runs in a process of its own, so that its peak is its own: `new` plans on AWS without any setting, `unchanged` on AWS
as declared. With --named each identity declares its settings by itself. The time of `plan` contains the sorting, the checks and
the routes; `file` and `text` are the JSON of the plan and its text, which are no part of the total, nor of the peak.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context
from pathlib import Path
from time import process_time
from typing import Any

from write_specs import write

from sesform.cli.collection import rare_garbage_collection
from sesform.live.snapshot import IdentityFacts, Snapshot
from sesform.planning import plan_file, planner
from sesform.render import text
from sesform.resources import RESOURCES
from sesform.specs import compiler, schema, yaml_reader
from sesform.specs.desired import Desired

_PHASES = ("load", "compile", "plan")


class _Watch:
    """CPU seconds of named phases."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        start = process_time()
        yield
        self.seconds[name] = process_time() - start


def measure(folder: str, case: str) -> dict[str, Any]:
    """Return the seconds of each phase, the peak in MB after the plan, and the numbers of resources and steps."""
    with rare_garbage_collection():  # as in every command
        return _measure(folder, case)


def _measure(folder: str, case: str) -> dict[str, Any]:
    watch = _Watch()
    with watch.phase("load"):
        documents, problems = yaml_reader.load([folder])
        specs, more = schema.load(documents)
    with watch.phase("compile"):
        desired = compiler.build(specs, [*problems, *more])
    snapshot = _snapshot(desired, settled=case == "unchanged")
    with watch.phase("plan"):
        plan = planner.plan(desired, snapshot)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    with watch.phase("file"):
        plan_file.text(plan_file.document(plan, timestamp="2026-01-01T00:00:00Z"))
    with watch.phase("text"):
        text.plan(plan)
    return {**watch.seconds, "peak": peak, "resources": len(desired.declared), "steps": len(plan.changes)}


def _snapshot(desired: Desired, *, settled: bool) -> Snapshot:
    """Return AWS with all identities verified; `settled`: with all resources as declared."""
    facts = {
        (d.scope, d.key["identity"]): IdentityFacts({}, True, "Success")
        for d in desired.declared.values()
        if "identity" in d.key
    }
    planned = {
        address: dict(properties)
        for address, d in (desired.declared.items() if settled else ())
        if (properties := RESOURCES[address.type].planned_value(d.desired, None)) is not None
    }
    return Snapshot(found=planned, identities=facts)


def main(sizes: list[int], *, named: bool) -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as processes:
        for identities in sizes:
            with tempfile.TemporaryDirectory() as folder:
                write(Path(folder), identities, 20, named=named)
                for case in ("new", "unchanged"):
                    found = processes.submit(measure, folder, case).result()
                    phases = ", ".join(f"{name} {found[name]:.2f} s" for name in _PHASES)
                    total = sum(found[name] for name in _PHASES)
                    print(
                        f"{identities} identities, {found['resources']} resources, {case}: {found['steps']} steps; {phases}, "
                        f"total {total:.2f} s, peak {found['peak']:.0f} MB; "
                        f"file {found['file']:.2f} s, text {found['text']:.2f} s",
                        flush=True,
                    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("identities", type=int, nargs="*", default=[10_000])
    parser.add_argument("--named", action="store_true")
    given = parser.parse_args()
    main(given.identities, named=given.named)
