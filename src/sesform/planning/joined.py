"""Join the plans of all parts of the specs into the plan that one run over all specs makes. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any

from sesform.errors import Problem
from sesform.model.address import Scope
from sesform.planning import blame, guards, plan_file
from sesform.planning.guards import Allowed
from sesform.planning.handover import Handover
from sesform.planning.ordering import sort_key, step_rank
from sesform.planning.plan import Change, Plan


def joined(plans: Sequence[Plan]) -> Plan:
    """Return one plan of all parts, given in their order; the guards judge all of them together.

    The steps are in the order of a plan over all specs: no step depends on a step of another part. The parts must have the same
    options.
    """
    first = plans[0]
    unmanaged = [plan.unmanaged for plan in plans if plan.unmanaged is not None]
    blames = [plan.blame for plan in plans if plan.blame is not None]
    whole = replace(
        first,
        changes=_changes(plans),
        unchanged=tuple(sorted(chain(*(p.unchanged for p in plans)), key=lambda u: sort_key(u.address))),
        diagnostics=(),
        routes=tuple(sorted(chain(*(p.routes for p in plans)), key=lambda r: r.subject)),
        emptied=tuple(sorted(chain(*(p.emptied for p in plans)))),
        new_entries=tuple(sorted(chain(*(p.new_entries for p in plans)))),
        access=dict(chain(*(p.access.items() for p in plans))),
        unmanaged=tuple(sorted(chain(*unmanaged))) if unmanaged else None,
        unheard=tuple(sorted(chain(*(p.unheard for p in plans)))),
        handover=Handover(
            tuple(sorted(chain(*(p.handover.requests for p in plans)))),
            tuple(sorted(chain(*(p.handover.offers for p in plans)))),
        ),
        part=None,
        blame=blame.joined(blames) if blames else None,
    )
    found = _sorted(problem for plan in plans for problem in plan.diagnostics if problem not in _refusals(plan))
    whole = replace(whole, diagnostics=tuple(found))
    return replace(whole, diagnostics=(*found, *_refusals(whole)))


def document(plan: Plan, parts: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the document of a joined plan. `parts`: those of its parts, whose estimates of calls and latest time it has."""
    content = plan_file.document(plan, timestamp=max(str(part["timestamp"]) for part in parts))
    scopes = chain(*(part["sesform"]["api_calls"]["scopes"] for part in parts))
    calls = content["sesform"]["api_calls"]
    calls["scopes"] = sorted(scopes, key=lambda s: Scope(s["account"], s["region"]))
    calls["least_seconds"] = max((scope["least_seconds"] for scope in calls["scopes"]), default=0)
    content["sesform"]["digest"] = plan_file.digest(content)
    return content


def problems(of: Iterable[Iterable[Problem]]) -> list[Problem]:
    """Return the problems of all parts, each once: every part has those of all specs."""
    return _sorted(chain(*of))


def _refusals(plan: Plan) -> list[Problem]:
    """Return what the guards say of a plan of `plan` or `apply`; nothing if its specs or AWS have errors."""
    if plan.part is not None and plan.part.command == "drift":
        return []
    given = plan.options
    allowed = Allowed(
        given.allow_dark,
        given.allow_mass_change or given.destroy,
        given.allow_irreversible,
        given.allow_new_legacy,
    )
    refusals = guards.check(plan, allowed)
    others = [problem for problem in plan.errors if problem not in refusals]
    return [] if others else refusals


def _sorted(found: Iterable[Problem]) -> list[Problem]:
    return sorted(dict.fromkeys(found), key=lambda p: (p.severity, p.file, p.line, p.path, p.summary))


def _changes(plans: Sequence[Plan]) -> tuple[Change, ...]:
    """Return the steps of all plans in the order of one: of the steps that could come next, the one with the lowest rank."""
    ordered = heapq.merge(*(_ranked(number, plan) for number, plan in enumerate(plans)), key=lambda step: step[0])
    place: dict[tuple[int, int], int] = {}
    found: list[Change] = []
    for _, number, position, change in ordered:
        place[number, position] = len(found)
        depends_on = tuple(sorted(place[number, each] for each in change.depends_on))
        found.append(replace(change, depends_on=depends_on))
    return tuple(found)


def _ranked(number: int, plan: Plan) -> Iterator[tuple[tuple[Any, ...], int, int, Change]]:
    for position, change in enumerate(plan.changes):
        yield step_rank(change.address, change.phase), number, position, change
