"""What is worth showing beside a line of the specs, by importance: problems, drift, and changes."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Literal, NamedTuple

from sesform.errors import Problem
from sesform.model.address import Address, Scope
from sesform.model.values import Properties
from sesform.planning import diff
from sesform.planning.plan import Change, Plan, Report, on_the_way
from sesform.render._hcl import value
from sesform.render.review import lost_receivers
from sesform.render.rules import rule_of
from sesform.specs.declared import Origin

Level = Literal["error", "warning", "notice"]
LEVELS: tuple[Level, ...] = ("error", "warning", "notice")

_ACTIONS = {"delete": "will be destroyed", "update": "will be updated in-place", "create": "will be created"}
_RESULTS: dict[str, Level] = {"failed": "error", "unknown": "error", "not tried": "warning", "left": "notice"}


class Finding(NamedTuple):
    """A problem or a change, at the place where the specs declare what it concerns. `title`: "" for none."""

    level: Level
    title: str
    problem: Problem

    @property
    def text(self) -> str:
        """The whole message, without the place."""
        path = f"{self.problem.path}: " if self.problem.path else ""
        hint = f"; {self.problem.hint}" if self.problem.hint else ""
        return f"{path}{self.problem.summary}{hint}"


class Drifted(NamedTuple):
    """A resource that differs from the specs. `details`: one line for each field that differs."""

    address: Address
    reason: str
    details: tuple[str, ...]


def of_problems(problems: Iterable[Problem]) -> list[Finding]:
    """Return problems as findings, errors first."""
    found = [Finding(p.severity, rule_of(p.rule)[1].title if p.rule else "", p) for p in problems]
    return sorted(found, key=lambda each: LEVELS.index(each.level))


def of_plan(plan: Plan) -> list[Finding]:
    """Return the problems of a plan, the bounces and complaints that lose their receiver, and the changes: deletions first."""
    lost = list(_lost(plan))
    passing = on_the_way(plan.changes)
    changes = [c for c in plan.changes if c.address not in passing]
    by_action = [c for action in _ACTIONS for c in changes if c.action == action]
    steps = [
        Finding("notice", f"{c.address.type} {_ACTIONS[c.action]}", _at(plan.origins, c.address, _step(c)))
        for c in by_action
    ]
    return [*of_problems([*plan.diagnostics, *lost]), *steps]


def _lost(plan: Plan) -> Iterator[Problem]:
    """Yield a warning for each route that loses its receiver, at the place of a change of its identity or set."""
    causes: dict[tuple[Scope, str, str], Address] = {}
    for change in plan.changes:
        for kind in ("identity", "configuration_set"):
            name = str((change.after or change.before or {}).get(kind, ""))
            if name and change.address in plan.origins:
                causes.setdefault((change.scope, kind, name), change.address)
    for route in lost_receivers(plan):
        subject = route.subject
        text = f"{subject.event} of {subject.kind} {subject.name} in {subject.scope} has no receiver after the plan"
        text += f"; before it: {', '.join(route.before)}" if route.before else ""
        address = causes.get((subject.scope, subject.kind.replace(" ", "_"), subject.name))
        yield _at(plan.origins, address, text) if address else Problem(text, severity="warning")


def of_drift(plan: Plan) -> list[Finding]:
    """Return the problems of a drift, and a warning for each resource that differs."""
    found = [
        Finding("warning", "Drift", _at(plan.origins, each.address, "; ".join((each.reason, *each.details))))
        for each in drifted(plan)
    ]
    return sorted([*of_problems(plan.diagnostics), *found], key=lambda each: LEVELS.index(each.level))


def of_report(report: Report) -> list[Finding]:
    """Return the steps of a report that were not done, failures first."""
    found = [
        Finding(
            _RESULTS[o.result], f"{o.change.address.type}: {o.result}", _at(report.origins, o.change.address, o.error)
        )
        for o in report.outcomes
        if o.result in _RESULTS
    ]
    return sorted(found, key=lambda each: LEVELS.index(each.level))


def drifted(plan: Plan) -> Iterator[Drifted]:
    """Yield the resources that differ from the specs, in the order of their addresses."""
    passing = on_the_way(plan.changes)
    changes = sorted((c for c in plan.changes if c.address not in passing), key=lambda c: c.address)
    for address, steps in groupby(changes, key=lambda c: c.address):
        found = list(steps)
        why, _, _ = found[0].reason.partition("; step 1 of 2")
        yield Drifted(address, why, tuple(_differences(found[0].before, found[-1].after)))


def identified(problems: Sequence[Problem]) -> list[tuple[Problem, str]]:
    """Return problems, each with a fingerprint of its rule, file and address.

    No line or text is part of it, so that it stays when lines move or a message changes. Equal ones are numbered.
    """
    seen: Counter[str] = Counter()
    found = []
    for problem in problems:
        key = hashlib.sha256(
            "\0".join((problem.rule, problem.file, problem.path)).encode("utf-8", "replace")
        ).hexdigest()
        seen[key] += 1
        found.append((problem, f"{key[:32]}:{seen[key]}"))
    return found


def _at(origins: Mapping[Address, Origin], address: Address, text: str) -> Problem:
    origin = origins.get(address)
    if origin is None:
        return Problem(text, str(address), severity="warning")
    return origin.problem(address, text, warning=True)


def _step(change: Change) -> str:
    return "; ".join((change.reason, *_differences(change.before, change.after)))


def _differences(before: Properties | None, after: Properties | None) -> Iterator[str]:
    """Yield one line for each field that differs; none for a resource that is created or deleted as a whole."""
    for each in diff.changes(before, after) if before is not None and after is not None else ():
        found, declared = (
            "nothing" if side is diff.ABSENT else re.sub(r"\n *", " ", value(side))
            for side in (each.before, each.after)
        )
        yield f"{'.'.join(each.path)}: declared {declared}, found {found}"
