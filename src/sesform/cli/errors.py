"""Errors: one line each on stderr, a document on stdout in the format of the command, and exit code 1."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import typer

from sesform.cli import documents, terraform_options
from sesform.cli.console import Console
from sesform.cli.formats import FORMATS, Format
from sesform.errors import Problem, SesformError, SpecError
from sesform.model.values import printable

# By the module that is imported: what needs its extra, and the extra.
_EXTRAS = {
    "moto": ("the sandbox", "sandbox"),
    "jinja2": ("Jinja2, which --format html needs,", "html"),
    "prometheus_client": ("prometheus-client, which --format openmetrics needs,", "metrics"),
    "ruamel": ("ruamel.yaml, which sesform fmt needs,", "fmt"),
}


def report(error: Exception, argv: Sequence[str]) -> int:
    """Print an error. An exception that sesform does not foresee is raised again: it is a bug, and its traceback is needed."""
    problems = _problems(error, argv)
    console = Console(no_color="--no-color" in argv, compat=_given(argv, "--compat", "terraform"))
    try:
        documents.failure(_format(argv), argv[0] if argv else "", problems, console)
    except BrokenPipeError:
        raise
    except OSError as unwritten:  # of stdout, such as a full disk, which may be the error itself
        console.warn(f"the result has no document: standard output: {unwritten.strerror}")
    if isinstance(error, SpecError):
        console.problems(problems)
        errors = sum(p.severity == "error" for p in problems)
        console.error(f"{errors} {'error' if errors == 1 else 'errors'}; no AWS calls were made.")
    else:
        for problem in problems:
            console.error("\n".join(printable(line) for line in str(problem).splitlines()))
    return 1


def _problems(error: Exception, argv: Sequence[str]) -> tuple[Problem, ...]:
    """Return the problems of an error. Raises the error itself if it is a bug."""
    if isinstance(error, SpecError):
        return error.problems
    if isinstance(error, SesformError) or type(error).__module__.startswith("sesform_sandbox"):
        return (Problem(str(error)),)
    if isinstance(error, typer.TyperException):
        return (_of_command_line(error, argv),)
    if isinstance(error, ModuleNotFoundError) and (missing := (error.name or "").partition(".")[0]) in _EXTRAS:
        what, extra = _EXTRAS[missing]
        return (Problem(f"{what} is not installed", hint=f"run `pip install 'sesform[{extra}]'`"),)
    if isinstance(error, OSError) and error.strerror:
        file = f"{error.filename}: " if error.filename else ""
        return (Problem(f"{file}{error.strerror}", hint="check the path, its permissions and the free space"),)
    raise error


def _of_command_line(error: typer.TyperException, argv: Sequence[str]) -> Problem:
    text = " ".join(error.format_message().split()).rstrip(".").replace(": Value error, ", ": ")
    word, hint = ("", "") if isinstance(error, typer.BadParameter) else terraform_options.explained(argv)
    if not word:
        return Problem(text, hint="see `sesform --help`")
    # Click reads -out as the options -o, -u and -t, and names the first of them.
    return Problem(f"No such option: {word}" if word.startswith("-") else text, hint=hint)


def _given(argv: Sequence[str], option: str, value: str) -> bool:
    """Return whether a command line has an option with this value. It may be one that cannot be parsed."""
    return f"{option}={value}" in argv or (option, value) in pairwise(argv)


def _format(argv: Sequence[str]) -> Format:
    """Return the format that a command line asks for; text if its command has no such format."""
    spaced = [value for name, value in pairwise(argv) if name == "--format"]
    joined = [word.removeprefix("--format=") for word in argv if word.startswith("--format=")]
    known = FORMATS.get(argv[0] if argv else "", ())
    return next((each for each in known if each in [*spaced, *joined]), Format.text)
