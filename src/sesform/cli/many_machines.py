"""The commands matrix and merge: specs on several machines."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sesform.cli import completion, documents, github
from sesform.cli.console import out
from sesform.cli.formats import FORMATS, Format, MatrixFormat
from sesform.cli.options import Detail, Drawing, Specs, Terminal
from sesform.cli.presenting import View, console, drawable, viewing
from sesform.errors import UsageError

if TYPE_CHECKING:
    from sesform.engine import Merged, Routes, Validation
    from sesform.planning.plan import Plan


def matrix(
    specs: Specs,
    terminal: Terminal,
    parts: Annotated[
        int | None,
        typer.Option(
            "--parts",
            metavar="N",
            min=1,
            help="The number of parts; fewer if the specs cannot be split so far.  [default: one for each 10,000 reads]",
            show_default=False,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="GIT_REF", help="Split as runs with this --since do.", autocompletion=completion.refs
        ),
    ] = None,
    format: Annotated[
        MatrixFormat, typer.Option("--format", help="The engine that reads the result.")
    ] = MatrixFormat.text,
) -> int:
    """Split the specs into parts for several machines, without AWS.  Exit codes: 0 success, 1 error."""
    from sesform import engine
    from sesform.render import matrix as drawn

    formats = {
        "text": drawn.text,
        "json": drawn.json_text,
        "github": drawn.github,
        "gitlab": drawn.gitlab,
        "batch": drawn.batch,
        "kubernetes": drawn.kubernetes,
        "step-functions": drawn.step_functions,
    }
    found = engine.matrix(specs.places, parts=parts, since=since)
    if parts is not None and len(found.parts) < parts:
        console(terminal).say(f"The specs have {len(found.parts)} components, so there are no more parts than that.")
    out(formats[format.value](found))
    return 0


def merge(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILES", help="The JSON results of all parts.", show_default=False)
    ],
    drawing: Drawing,
    detail: Detail,
    terminal: Terminal,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Return exit code 2 if the joined plan has changes.")
    ] = False,
) -> int:
    """Join the JSON results of all parts.  Exit codes: those of the command that made them, for all specs."""
    from sesform import engine
    from sesform.planning.plan import Plan, Report

    view = viewing(drawing, terminal, detail=detail)
    found = engine.merge(files)
    if drawing.format not in FORMATS[found.command]:
        raise UsageError(f"--format {drawing.format} is not a format of {found.command}, which made these results")
    match found.result:
        case None:
            return _failed(view, found)
        case Plan() as plan:
            return _plan(view, found, plan, detailed_exitcode=detailed_exitcode)
        case Report() as report:
            view.report(report)
            return github.applied(view, report, 0 if report.ok else 1)
        case engine.Validation() as validation:
            return print_validation(view, validation)
        case routes:
            return print_routes(view, routes)


def _failed(view: View, found: Merged) -> int:
    documents.failure(view.format, found.command, found.problems, view.console)
    view.problems(found.problems)
    n = sum(problem.severity == "error" for problem in found.problems)
    view.console.error(f"{n} {'error' if n == 1 else 'errors'} in the parts; there is no joined result.")
    return 1


def _plan(view: View, found: Merged, plan: Plan, *, detailed_exitcode: bool) -> int:
    from sesform.planning import plan_file

    drift = found.command == "drift"
    if view.format is Format.json and found.document is not None:
        out(plan_file.text(found.document))
    elif view.format is Format.junit or drawable(plan):
        view.draw(plan, drift=drift)
    view.problems(plan.diagnostics)
    differs = bool(plan.changes) or (drift and bool(plan.unheard))
    code = 1 if plan.errors else 2 if differs and (drift or detailed_exitcode) else 0
    return github.planned(view, plan, code, drift=drift)


def print_validation(view: View, found: Validation) -> int:
    """Print the result of `validate`. Return the exit code."""
    n = found.specs
    success = f"Success! The configuration is valid: {n} {'spec' if n == 1 else 'specs'}, {found.resources} resources."
    if view.format is Format.json:
        from sesform.render import json

        out(json.validation(found.warnings, specs=found.specs, resources=found.resources, part=found.part))
        return 0
    if not documents.findings(view.format, "validate", found.warnings, found.files):
        view.problems(found.warnings)
        out(documents.summary(success, found.warnings) if view.format is Format.markdown else success)
    return github.checked(view, success, found.warnings, 0)


def print_routes(view: View, found: Routes) -> int:
    """Print routes. Return 0 for no gap, 2 for gaps."""
    from sesform.render import junit
    from sesform.render import routes as drawn

    code, problems = 2 if found.gaps else 0, [gap.problem for gap in found.gaps]
    content = found.matrix, found.subscribers, found.gaps
    if view.format is Format.json:
        out(drawn.json_text(*content, found.part))
    elif view.format is Format.html:
        from sesform.render import page

        out(page.routes(*content, view.template, view.made))
    elif view.format is Format.mermaid:
        from sesform.render import mermaid

        out(mermaid.routes(*content))
    elif view.format is Format.markdown:
        out(drawn.markdown(*content))
    elif view.format is Format.junit:
        out(junit.routes(found.matrix, found.gaps))
    elif not documents.findings(view.format, "routes", problems):
        view.safely(drawn.text(*content, colour=view.colour))
    n = len(problems)
    return github.checked(view, f"{n or 'No'} {'gap' if n == 1 else 'gaps'} in the routes", problems, code)
