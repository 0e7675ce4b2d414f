"""Annotations, step outputs and step summaries of GitHub Actions.

Source: GitHub documentation, "Workflow commands for GitHub Actions". A step shows at most ten annotations of each kind.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence

from sesform.model.values import printable
from sesform.render._escape import cell
from sesform.render.findings import LEVELS, Finding, Level

MAX_ANNOTATIONS = 10  # of each kind in a step
# A comment on a pull request has at most 65,536 characters, and a summary 1 MiB; what is added to a plan fits both.
MAX_PROBLEM_CHARACTERS = 4_000
_MAX_MESSAGE = 2_000
_WORDS = {"error": "error", "warning": "warning", "notice": "change"}


def commands(findings: Sequence[Finding]) -> str:
    """Return the first ten findings of each kind as workflow commands, and how many more there are. "" for none."""
    lines: list[str] = []
    rest: list[str] = []
    for level in LEVELS:
        found = [each for each in findings if each.level == level]
        lines += map(_annotation, found[:MAX_ANNOTATIONS])
        if len(found) > MAX_ANNOTATIONS:
            rest.append(_counted(len(found) - MAX_ANNOTATIONS, level))
    if rest:
        lines.append(f"Not annotated: {', '.join(rest)}. GitHub shows {MAX_ANNOTATIONS} annotations of each kind.")
    return "".join(f"{line}\n" for line in lines)


def _annotation(of: Finding) -> str:
    problem, title = of.problem, f"sesform: {of.title}" if of.title else "sesform"
    given = {"file": problem.file, "line": problem.line, "col": problem.column, "title": title}
    properties = ",".join(f"{name}={_property(printable(str(text)))}" for name, text in given.items() if text)
    return f"::{of.level} {properties}::{_data(_shortened(printable(of.text)))}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _shortened(text: str) -> str:
    cut = len(text) - _MAX_MESSAGE
    return text if cut <= 0 else f"{text[:_MAX_MESSAGE]} … {cut} more characters"


def without_commands(text: str, token: str) -> str:
    """Return text whose lines GitHub does not read as workflow commands. `token`: must not be predictable."""
    end = "" if text.endswith("\n") else "\n"
    return f"::stop-commands::{token}\n{text}{end}::{token}::\n"


def outputs(values: Mapping[str, str | int], delimiter: str) -> str:
    """Return step outputs. `delimiter`: must not be predictable; a value that has it on a line of its own is refused.

    Raises ValueError for such a value.
    """
    for text in map(str, values.values()):
        if delimiter in text.splitlines():
            raise ValueError("a step output contains its delimiter")
    return "".join(f"{name}<<{delimiter}\n{text}\n{delimiter}\n" for name, text in values.items())


def problems(findings: Sequence[Finding]) -> str:
    """Return the errors and warnings as a list in Markdown within 4,000 characters, and how many were cut. "" for none."""
    shown = [each for each in findings if each.level != "notice"]
    lines: list[str] = []
    room = MAX_PROBLEM_CHARACTERS
    for line in map(_item, shown):
        if len(line) > room:
            break
        lines.append(line)
        room -= len(line)
    cut = [each.level for each in shown[len(lines) :]]
    if cut:
        rest = ", ".join(_counted(cut.count(level), level) for level in LEVELS if level in cut)
        lines.append(f"- … and {rest} more. See the log of the job.\n")
    return "".join(lines)


def _item(of: Finding) -> str:
    problem = of.problem
    place = f"{problem.file}:{problem.line}: " if problem.file and problem.line else ""
    text = re.sub(r"\s+", " ", cell(f"{place}{_shortened(of.text)}"))
    return f"- **{of.level.capitalize()}:** {text}\n"


def _counted(n: int, level: Level) -> str:
    return f"{n} {_WORDS[level]}{'' if n == 1 else 's'}"


def summary(heading: str, findings: Sequence[Finding], body: str = "") -> str:
    """Return a step summary: a heading, "" for none, the problems, and a body in Markdown."""
    parts: Iterator[str] = (
        part.strip("\n") for part in (f"### {cell(heading)}" if heading else "", problems(findings), body)
    )
    return "\n\n".join(part for part in parts if part) + "\n"
