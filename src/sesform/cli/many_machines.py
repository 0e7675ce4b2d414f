"""The commands matrix and merge: specs on several machines."""

from __future__ import annotations

from typing import Annotated

import typer

from sesform.cli.console import out
from sesform.cli.options import MatrixFormat, Specs, Terminal
from sesform.cli.presenting import console


def matrix(
    specs: Specs,
    terminal: Terminal,
    parts: Annotated[
        int | None,
        typer.Option(
            "--parts",
            metavar="N",
            min=1,
            help="The number of parts; fewer if the specs cannot be split so far.  [default: one for each 1,000 reads]",
            show_default=False,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option("--since", metavar="GIT_REF", help="Split as runs with this --since do."),
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
