"""The command fmt: the form of spec files."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from sesform.cli.console import Console, out, out_bytes
from sesform.cli.options import Specs, Terminal
from sesform.cli.presenting import console

if TYPE_CHECKING:
    from sesform.engine import FormattedFile


def fmt(
    specs: Specs,
    terminal: Terminal,
    check: Annotated[
        bool, typer.Option("--check", help="Change no file, and return exit code 2 if a file is not formatted.")
    ] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Print the changes in place of the names of the files.")] = False,
) -> int:
    """Format spec files; -: standard input to standard output.  Exit codes: 0 success, 1 error; with --check, 2 differences."""
    from sesform import engine

    if specs.places == ("-",):
        made = engine.fmt_text("<stdin>", sys.stdin.buffer.read())
        _tell(console(terminal), [made])
        if not (check or diff or made.failed):
            out_bytes(made.after.encode())
            return 0
        found = [made]
    else:
        found = engine.fmt(specs.places, write=not check)
        _tell(console(terminal), found)
    differing = [file for file in found if file.differs]
    for file in differing:
        out(_difference(file) if diff else file.name)
    if any(file.failed for file in found):
        return 1
    _sum_up(console(terminal), found, len(differing), check)
    return 2 if check and differing else 0


def _tell(to: Console, found: Sequence[FormattedFile]) -> None:
    to.problems(problem for file in found for problem in file.problems)
    for file in found:
        if not file.is_spec:
            to.say(f"{file.name} is left as it is: it has a document that is not a spec, or none.")


def _sum_up(to: Console, found: Sequence[FormattedFile], differing: int, check: bool) -> None:
    others = sum(file.is_spec for file in found) - differing
    if not differing:
        to.say(f"Nothing to format in {_files(others)}.")
    elif check:
        to.say(f"{_files(differing)} to format, {_files(others)} without changes. Run `sesform fmt`.")
    else:
        to.say(f"Formatted {_files(differing)}; {_files(others)} without changes.")


def _files(number: int) -> str:
    return "1 file" if number == 1 else f"{number} files"


def _difference(file: FormattedFile) -> str:
    import difflib

    before, after = file.before.splitlines(keepends=True), file.after.splitlines(keepends=True)
    lines = difflib.unified_diff(before, after, file.name, f"{file.name} (formatted)")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
