"""GitHub Actions: annotations on stdout, the step summary and the step outputs in the files that the runner names.

Source: GitHub documentation, "Workflow commands for GitHub Actions". Nothing here changes an exit code: what cannot be written is
a warning.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from sesform.cli.console import Console, out
from sesform.cli.documents import from_root
from sesform.cli.formats import Format
from sesform.model.values import printable

if TYPE_CHECKING:
    from sesform.cli.presenting import View
    from sesform.errors import Problem
    from sesform.planning.plan import Plan, Report
    from sesform.render.findings import Finding

MAX_SUMMARY_BYTES = 1024 * 1024  # of all that one step writes


def planned(view: View, plan: Plan, code: int, *, drift: bool = False) -> int:
    """Publish a plan, or a drift, if the format is that of GitHub. Return the exit code as it is."""
    if view.format is not Format.github:
        return code
    from sesform.cli.presenting import drawable
    from sesform.render import findings, github

    found = findings.of_drift(plan) if drift else findings.of_plan(plan)
    heading = "This plan cannot be applied" if plan.errors else ""
    shown = [each for each in found if each.title != "Drift"]  # the body has the drift
    body = view.markdown(plan, drift=drift) if drawable(plan) else ""
    values = _counts(plan.summary, bool(plan.changes) or (drift and bool(plan.unheard)))
    return _publish(view.console, found, github.summary(heading, shown, body), values, code)


def applied(view: View, report: Report, code: int) -> int:
    """Publish a report if the format is that of GitHub. Return the exit code as it is."""
    if view.format is not Format.github:
        return code
    from sesform.render import findings, github, markdown

    found = findings.of_report(report)
    body = github.summary("", [], markdown.report(report))
    return _publish(view.console, found, body, _counts(report.done, any(report.done.values())), code)


def checked(view: View, heading: str, problems: Sequence[Problem], code: int) -> int:
    """Publish a validation, or the gaps of routes, if the format is that of GitHub. Return the exit code as it is."""
    if view.format is not Format.github:
        return code
    from sesform.render import findings, github

    found = findings.of_problems(problems)
    return _publish(view.console, found, github.summary(heading, found), {}, code)


def failed(console: Console, problems: Sequence[Problem]) -> None:
    """Publish the problems of a command that had no result, whose exit code is 1."""
    from sesform.render import findings, github

    found = findings.of_problems(problems)
    n = sum(each.level == "error" for each in found)
    _publish(console, found, github.summary(f"{n} {'error' if n == 1 else 'errors'}", found), {}, 1)


def _counts(of: Mapping[str, int], changes: bool) -> dict[str, str | int]:
    return {
        "has-changes": "true" if changes else "false",
        **{name: of[name] for name in ("create", "update", "delete")},
    }


def _publish(
    console: Console, findings: Sequence[Finding], summary: str, values: Mapping[str, str | int], code: int
) -> int:
    from sesform.render import github

    placed = zip(findings, from_root(each.problem for each in findings), strict=True)
    drawn = github.commands([finding._replace(problem=problem) for finding, problem in placed])
    if drawn:
        out(drawn)
    _append(console, "GITHUB_STEP_SUMMARY", "the step summary", summary, MAX_SUMMARY_BYTES)
    delimiter = f"sesform-{secrets.token_hex(16)}"
    _append(console, "GITHUB_OUTPUT", "the step outputs", github.outputs({**values, "exitcode": code}, delimiter))
    return code


def _append(console: Console, variable: str, what: str, text: str, most: int | None = None) -> None:
    """Append text to the file that a variable names. What cannot be written is a warning."""
    name = os.environ.get(variable)
    if not name:
        console.say(f"{variable} is not set, so {what} {'are' if what.endswith('s') else 'is'} not written.")
        return
    data = text.encode("utf-8", "backslashreplace")
    try:
        file = Path(name)
        if most is not None and file.exists() and file.stat().st_size + len(data) > most:
            console.warn(f"{what} would have more than {most} bytes, which GitHub refuses; nothing was added to it.")
            return
        with file.open("ab") as stream:
            stream.write(data)
    except OSError as error:
        console.warn(f"{variable}: {printable(name)}: {error.strerror}; {what} could not be written.")
