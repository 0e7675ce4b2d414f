"""Look up who changed what has drifted. A failure is a note of the report, and changes nothing else."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sesform.engine.progress import Notify, ReadingTrail
from sesform.engine.settings import Settings
from sesform.errors import UsageError
from sesform.live import trail
from sesform.model.address import Address, Scope
from sesform.model.quotas import MAX_LOOKUP_DAYS
from sesform.planning import blame
from sesform.planning.checks import removed_by_ses
from sesform.planning.plan import Plan

if TYPE_CHECKING:
    from sesform.aws import Connections
    from sesform.resources.traces import Trace


def with_blame(made: Plan, connections: Connections, settings: Settings, notify: Notify) -> Plan:
    """Return the plan with who changed each resource that has drifted. No call if nothing has drifted.

    Raises UsageError if CloudTrail does not keep as many days.
    """
    if not 1 <= settings.blame_days <= MAX_LOOKUP_DAYS:
        raise UsageError(f"blame_days is {settings.blame_days}; CloudTrail keeps calls for 1 to {MAX_LOOKUP_DAYS} days")
    resources = blame.drifted(made.changes)
    wanted: dict[Scope, dict[Address, Sequence[Trace]]] = defaultdict(dict)
    for each in resources:
        wanted[each.scope][each.address] = each.traces
    if not resources:
        return replace(made, blame=blame.BlameReport(settings.blame_days))
    notify(ReadingTrail(len(resources), sum(len(trail.names(traces)) for traces in wanted.values())))
    now = datetime.now(UTC)
    found = trail.read(wanted, now - timedelta(days=settings.blame_days), connections, settings.parallelism)
    recent = trail.timestamp(now - timedelta(minutes=blame.DELAY_MINUTES))
    history = blame.History(found.calls, _partial(resources, found), recent)
    by = blame.blamed(resources, history, removed_by_ses.fitting(made.changes), settings.blame_days)
    return replace(made, blame=blame.BlameReport(settings.blame_days, tuple(by), _notes(by, found)))


def _partial(resources: Sequence[blame.Drifted], found: trail.Found) -> frozenset[Address]:
    """Return the resources that calls may have touched which were not read."""
    cut = set(found.cut)

    def missed(each: blame.Drifted) -> bool:
        known = {trace.operation for trace, _ in found.calls.get(each.address, ())}
        return any((each.scope, t.operation) in cut and t.operation not in known for t in each.traces)

    return frozenset(each.address for each in resources if each.scope in found.failed or missed(each))


def _notes(by: Sequence[blame.Blame], found: trail.Found) -> tuple[str, ...]:
    notes = [f"who changed resources in {scope} is not known: {error}" for scope, error in found.failed.items()]
    most = trail.MAX_EVENTS
    notes += [
        f"{scope} has more than {most} recorded calls of {name}; older ones were not read" for scope, name in found.cut
    ]
    if any(b.by != "call" for b in by):
        notes.append(f"{blame.LATE}, so a change of the last {blame.DELAY_MINUTES} minutes may not be recorded yet")
    return tuple(notes)
