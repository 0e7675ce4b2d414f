"""Findings and failures on stdout, in the formats of CI systems."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from sesform.cli.console import Console, out
from sesform.cli.formats import Format
from sesform.errors import Problem


def failure(format: Format, command: str, problems: Sequence[Problem], console: Console) -> None:
    """Print the document of a command that has no result: of the form that it has otherwise. Nothing for other formats."""
    ruled = [problem if problem.rule else replace(problem, rule="run") for problem in problems]
    if format is Format.json:
        out(_json(command, problems))
    elif format is Format.markdown and command == "validate":
        out(summary(_counted(problems), problems))
    elif format is Format.github:
        from sesform.cli import github

        github.failed(console, ruled)
    elif format is Format.junit and command != "validate":
        from sesform.render import junit

        out(junit.failed(command, problems))
    else:
        findings(format, command, ruled)


def findings(format: Format, command: str, problems: Sequence[Problem], files: Sequence[str] = ()) -> bool:
    """Print problems in a format that consists of them. Return whether it is one. `files`: all files that were checked."""
    if format is Format.codequality:
        from sesform.render import gitlab

        out(gitlab.code_quality(from_root(problems)))
    elif format is Format.sarif:
        from sesform.render import sarif

        out(sarif.text(command, from_root(problems)))
    elif format is Format.junit:
        from sesform.render import junit

        out(junit.validation(problems, files))
    return format in (Format.codequality, Format.sarif, Format.junit)


def _counted(problems: Sequence[Problem]) -> str:
    n = sum(problem.severity == "error" for problem in problems)
    return f"{n} {'error' if n == 1 else 'errors'}"


def summary(heading: str, problems: Iterable[Problem]) -> str:
    """Return a heading and problems as Markdown."""
    from sesform.render import findings, github

    return github.summary(heading, findings.of_problems(problems))


def from_root(problems: Iterable[Problem]) -> list[Problem]:
    """Return problems with the paths of their files relative to the root of the repository, as CI systems expect them."""
    root = _root()
    return [replace(p, file=_relative(p.file, root)) if p.file else p for p in problems]


def _root() -> Path:
    """Return the folder above this one that git uses; without one the folder that the CI system names, or this one."""
    here = Path.cwd()
    above = next((folder for folder in (here, *here.parents) if (folder / ".git").exists()), None)
    named = os.environ.get("GITHUB_WORKSPACE") or os.environ.get("CI_PROJECT_DIR")
    return above or (Path(named) if named else here)


def _relative(file: str, root: Path) -> str:
    whole = Path(os.path.normpath(Path.cwd() / file))
    return whole.relative_to(root).as_posix() if whole.is_relative_to(root) else file


def _json(command: str, problems: Sequence[Problem]) -> str:
    from sesform.planning import plan_file
    from sesform.render import json

    if command == "validate":
        return json.validation(problems)
    return plan_file.text(plan_file.failure(problems))
