"""Errors: one line each on stderr, a JSON document on stdout with `--format json`, and exit code 1."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from itertools import pairwise

import typer

from sesform.cli.console import Console, out
from sesform.errors import Problem, SesformError, SpecError
from sesform.model.values import printable


def report(error: Exception, argv: Sequence[str]) -> int:
    """Print an error. An exception that sesform does not foresee is raised again: it is a bug, and its traceback is needed."""
    if isinstance(error, SpecError):
        problems: tuple[Problem, ...] = error.problems
    elif isinstance(error, SesformError):
        problems = (Problem(str(error)),)
    elif isinstance(error, typer.TyperException):
        problems = (Problem(error.format_message(), hint="see `sesform --help`"),)
    elif type(error).__module__.startswith("sesform_sandbox"):
        problems = (Problem(str(error)),)
    elif isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES):
        problems = (Problem(f"cannot write: {error.strerror}"),)
    else:
        raise error
    if _wants_json(argv):
        from sesform.planning import plan_file

        out(plan_file.text(plan_file.failure(problems)))
    console = Console(no_color="--no-color" in argv)
    if isinstance(error, SpecError):
        console.problems(problems)
        errors = sum(p.severity == "error" for p in problems)
        console.error(f"{errors} {'error' if errors == 1 else 'errors'}; no AWS calls were made.")
    else:
        for problem in problems:
            console.error("\n".join(printable(line) for line in str(problem).splitlines()))
    return 1


def _wants_json(argv: Sequence[str]) -> bool:
    return "--format=json" in argv or any(a == "--format" and b == "json" for a, b in pairwise(argv))
