"""Results as JUnit XML, which Jenkins, Azure Pipelines, GitLab and Buildkite show as tests.

There is no standard. The form is valid by the strictest schema of those, junit-10.xsd of Jenkins' xunit plugin: `testsuites`,
`testsuite`, `testcase`, and in it `failure` or `error`.
"""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sesform.errors import Problem
from sesform.model.values import printable
from sesform.planning.plan import Plan
from sesform.planning.routes import Gap, Matrix, Subject
from sesform.render.findings import drifted

# GitLab reads at most 500,000 test cases and 30 MiB. A failure that does not fit is counted, as a passed case is.
MAX_CASES = 100_000
MAX_BYTES = 20_000_000
_MAX_MESSAGE = 4_000
_MAX_OUTPUT = 100_000
_NOT_IN_XML = re.compile("[\ufffe\uffff]")


class Case(NamedTuple):
    """One test case: `classname` groups it, `kind` is failure, error or "" for a case that passes, `lines` are its messages."""

    classname: str
    name: str
    kind: str = ""
    lines: tuple[str, ...] = ()


def validation(problems: Iterable[Problem], files: Sequence[str] = ()) -> str:
    """Return one case for each file of specs. It fails if the file has errors; warnings are in the output of the suite."""
    by_file: dict[str, list[Problem]] = defaultdict(list)
    for problem in problems:
        by_file[problem.file].append(problem)
    names = dict.fromkeys([*by_file, *files]) or {"": None}
    cases = []
    for file in names:
        errors = tuple(str(p) for p in by_file[file] if p.severity == "error")
        kind = ("failure" if file else "error") if errors else ""
        cases.append(Case("sesform.validate", file or "specs", kind, errors))
    warnings = [str(p) for found in by_file.values() for p in found if p.severity == "warning"]
    return _document("sesform validate", cases, warnings)


def drift(plan: Plan) -> str:
    """Return one case for each resource, which fails if it differs, and one for each error and each event without a receiver."""
    cases = [Case("sesform.drift", str(p.path or "plan"), "error", (str(p),)) for p in plan.errors]
    for scope, kind, name, event in plan.unheard:
        text = f"{event} of {kind} {name} in {scope} has no receiver"
        cases.append(Case("sesform.drift.routes", f"{name} {event}", "failure", (text,)))
    for each in drifted(plan):
        lines = (each.reason, *each.details)
        cases.append(Case(_group("drift", each.address.spec), str(each.address), "failure", lines))
    cases += [Case(_group("drift", u.address.spec), str(u.address)) for u in plan.unchanged]
    return _document("sesform drift", cases, [str(d) for d in plan.diagnostics if d.severity == "warning"])


def routes(of: Matrix, gaps: Iterable[Gap]) -> str:
    """Return one case for each event of each identity and configuration set, which fails if it has gaps."""
    found: dict[Subject, list[Gap]] = {subject: [] for subject in of}
    for gap in gaps:
        found.setdefault(gap.subject, []).append(gap)
    cases = []
    for subject, missing in sorted(found.items(), key=lambda item: item[0]):
        where = f"{subject.scope}.{subject.kind}".replace(" ", "_")
        name, texts = f"{subject.name} {subject.event}", tuple(gap.text for gap in missing)
        cases.append(Case(_group("routes", where), name, "failure" if missing else "", texts))
    return _document("sesform routes", cases)


def failed(command: str, problems: Iterable[Problem]) -> str:
    """Return one case with an error for each problem of a command that had no result."""
    cases = [Case(f"sesform.{command}", p.file or command, "error", (str(p),)) for p in problems]
    return _document(f"sesform {command}", cases)


def _group(command: str, name: str) -> str:
    return f"sesform.{command}.{name}"


def _document(name: str, cases: Iterable[Case], output: Sequence[str] = ()) -> str:
    """Return a suite: cases that do not pass come first, so that what does not fit is what passes."""
    ordered = sorted(cases, key=lambda case: not case.kind)
    shown: list[str] = []
    room = MAX_BYTES
    for case in ordered[:MAX_CASES]:
        text = _case(case)
        room -= len(text.encode())
        if room < 0:
            break
        shown.append(text)
    kinds = [case.kind for case in ordered]
    cut = len(ordered) - len(shown)
    notes = [*(_cut(kinds[len(shown) :]) if cut else ()), *output]
    counts = f'tests="{len(shown)}" failures="{kinds[: len(shown)].count("failure")}"'
    counts += f' errors="{kinds[: len(shown)].count("error")}" skipped="0"'
    out = f"  <system-out>{_text(_shortened(notes, _MAX_OUTPUT))}</system-out>\n" if notes else ""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n'
        f'<testsuite name="{_text(name)}" {counts}>\n{"".join(shown)}{out}</testsuite>\n</testsuites>\n'
    )


def _cut(kinds: Sequence[str]) -> Iterator[str]:
    failing = sum(bool(kind) for kind in kinds)
    yield f"{len(kinds)} more cases are not in this report: {failing} that fail, {len(kinds) - failing} that pass."


def _case(of: Case) -> str:
    opening = f'  <testcase classname="{_text(printable(of.classname))}" name="{_text(printable(of.name))}"'
    if not of.kind:
        return f"{opening}/>\n"
    body = _shortened(of.lines, _MAX_MESSAGE)
    message = _text(printable(of.lines[0])[:_MAX_MESSAGE] if of.lines else "")
    return f'{opening}>\n    <{of.kind} message="{message}" type="{of.kind}">{_text(body)}</{of.kind}>\n  </testcase>\n'


def _shortened(lines: Iterable[str], most: int) -> str:
    text = "\n".join(map(printable, lines))
    cut = len(text) - most
    return text if cut <= 0 else f"{text[:most]}\n{cut} more characters"


def _text(text: str) -> str:
    return html.escape(_NOT_IN_XML.sub("\ufffd", text))
