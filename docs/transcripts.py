"""Run the documentation pages: write their files, run their commands, compare or record what the commands print.

A page is a script. Its fenced blocks run in order, in a folder of its own that holds copies of `specs/` and `examples/`:

- ```` ```console ```` has command lines that begin with `$ `, each with the lines that it prints. A command must exit with 0
  unless the next command is `echo $?`. A line `...` stands for any number of lines that the page does not show.
- ```` ```yaml title="specs/owner.yaml" ```` writes that file.
- ```` ```python ```` is executed. Its functions `test_*` are called with a sandbox, like pytest calls them with a fixture.
- ```` ```console no-run ```` does not run. It is for commands that need AWS, Terraform or a package index.

`python docs/transcripts.py` runs every page and records what the commands print today.
"""

from __future__ import annotations

import contextlib
import difflib
import io
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[1]
GAP = "..."
SHELL_SYNTAX = re.compile(r"[|&;<>()$`*?\"'\\]")
FIXED_DATE = "2026-01-01T00:00:00Z"  # so that the ids of the commits that a page makes are always the same
LEAST_LIKENESS = 0.5  # below this, a shown line has no counterpart in the new output


def pages() -> list[Path]:
    """Return every page of the project."""
    top = ROOT.glob("*.md")
    deep = (page for folder in ("docs", "examples", "demo") for page in (ROOT / folder).rglob("*.md"))
    return sorted([*top, *deep])


class Block(NamedTuple):
    """One fenced block: `line` is the number of its opening line, `indent` the spaces before each line."""

    page: Path
    line: int
    indent: str
    info: str
    lines: tuple[str, ...]

    @property
    def language(self) -> str:
        return self.info.split(" ")[0]

    @property
    def title(self) -> str | None:
        """The file that the block is the content of."""
        found = re.search(r'title="([^"]+)"', self.info)
        return found[1] if found else None

    @property
    def runs(self) -> bool:
        return "no-run" not in self.info.split(" ")

    @property
    def text(self) -> str:
        return "\n".join(self.lines) + "\n"

    @property
    def place(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    """Yield the fenced blocks of a page in order. Raises ValueError where one has no end."""
    fence: re.Match[str] | None = None
    inside: list[str] = []
    start = 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        found = re.fullmatch(r"( *)(```+|~~~+)(.*)", line)
        if fence is None and found:
            fence, inside, start = found, [], number
        elif fence is not None and found and found[2] == fence[2] and not found[3]:
            yield Block(page, start, fence[1], fence[3].strip(), tuple(inside))
            fence = None
        elif fence is not None:
            inside.append(line.removeprefix(fence[1]))
    if fence is not None:
        raise ValueError(f"{page}:{start}: the block has no end")


class Exchange(NamedTuple):
    """A command line, as it is written, and the lines that the page shows below it."""

    command: tuple[str, ...]
    shown: tuple[str, ...]

    @property
    def line(self) -> str:
        """The command on one line, without the prompt."""
        return " ".join(part.removesuffix("\\").strip() for part in self.command).removeprefix("$ ")


def exchanges(block: Block) -> Iterator[Exchange]:
    """Yield the commands of a console block with the output that it shows."""
    command: list[str] = []
    shown: list[str] = []
    for line in block.lines:
        if command and not shown and command[-1].endswith("\\"):
            command.append(line)
        elif line.startswith("$ "):
            if command:
                yield Exchange(tuple(command), tuple(shown))
            command, shown = [line], []
        else:
            shown.append(line.rstrip())
    if command:
        yield Exchange(tuple(command), tuple(shown))


# --- running -----------------------------------------------------------------------------------------------------------


class Result(NamedTuple):
    """What one command printed, on both streams in order, and its exit code."""

    printed: tuple[str, ...]
    code: int


class Session:
    """A folder with copies of the shipped specs and examples, and the commands of one page run in it."""

    def __init__(self, folder: Path) -> None:
        for name in ("specs", "examples"):
            shutil.copytree(ROOT / name, folder / name)
        self._folder = folder
        self._code = 0
        self._namespace: dict[str, Any] = {}

    def __enter__(self) -> Session:
        self._before = Path.cwd(), dict(os.environ)
        for name in [n for n in os.environ if n.startswith(("AWS_", "SESFORM_", "GIT_"))]:
            del os.environ[name]
        for name in ("NO_COLOR", "FORCE_COLOR", "CLICOLOR_FORCE", "CI"):
            os.environ.pop(name, None)
        identity = {
            f"GIT_{who}_{what}": "docs@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
        }
        os.environ.update(identity, GIT_AUTHOR_DATE=FIXED_DATE, GIT_COMMITTER_DATE=FIXED_DATE)
        os.environ.update(GIT_CONFIG_GLOBAL=os.devnull, GIT_CONFIG_NOSYSTEM="1", PYTHONUNBUFFERED="1")
        os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        os.chdir(self._folder)
        return self

    def __exit__(self, *_: object) -> None:
        folder, environment = self._before
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment)

    def run(self, command: str) -> Result:
        """Run one command line. sesform alone runs in this process, which is faster; everything else in bash."""
        if command == "echo $?":
            return Result((str(self._code),), 0)
        words = shlex.split(command)
        if words[0] == "cd":
            os.chdir(words[1])
            return Result((), 0)
        if words[0] == "sesform" and not SHELL_SYNTAX.search(re.sub(r"'[^']*'", "", command)):
            printed, self._code = _in_process(words[1:])
        else:
            done = subprocess.run(
                ["bash", "-c", command], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
            )
            printed, self._code = done.stdout, done.returncode
        lines = [line.rstrip() for line in printed.splitlines()]
        return Result(tuple(_without_blank_ends(lines)), self._code)

    def write(self, name: str, text: str) -> None:
        file = Path(name)
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def execute(self, block: Block) -> None:
        """Execute a Python block, and call the tests that it defines."""
        from sesform_sandbox import Sandbox

        known = set(self._namespace)
        exec(compile(block.text, block.place, "exec"), self._namespace)
        for name in [n for n in self._namespace if n.startswith("test_") and n not in known]:
            self._namespace[name](Sandbox())


def _in_process(arguments: list[str]) -> tuple[str, int]:
    from sesform.cli import main

    stream = io.StringIO()
    log = logging.getLogger("sesform")
    handlers, level, propagate = list(log.handlers), log.level, log.propagate
    try:
        with contextlib.redirect_stdout(stream), contextlib.redirect_stderr(stream):
            code = main(arguments)
    finally:
        log.handlers[:], log.propagate = handlers, propagate  # `-v` adds a handler that writes to the stream
        log.setLevel(level)
    return stream.getvalue(), code


def _without_blank_ends(lines: list[str]) -> list[str]:
    return "\n".join(lines).strip("\n").split("\n") if any(lines) else []


class Played(NamedTuple):
    """One command of a page, and what it did."""

    block: Block
    exchange: Exchange
    result: Result
    code_is_shown: bool


def play(page: Path, folder: Path) -> Iterator[Played]:
    """Run a page from its first block to its last in an empty folder, and yield each command that ran."""
    with Session(folder) as session:
        for block in blocks(page):
            if block.title is not None:
                session.write(block.title, block.text)
            elif block.language == "console" and block.runs:
                conversation = list(exchanges(block))
                following = [e.line for e in conversation[1:]] + [""]
                for exchange, after in zip(conversation, following, strict=True):
                    yield Played(block, exchange, session.run(exchange.line), after == "echo $?")
            elif block.language == "python" and block.runs:
                session.execute(block)


# --- comparing ---------------------------------------------------------------------------------------------------------


def matches(shown: tuple[str, ...], printed: tuple[str, ...]) -> bool:
    """Return whether the shown lines are the printed ones, where a line `...` stands for any number of lines."""
    if GAP not in shown:
        return _without_blank_ends(list(shown)) == list(printed)
    pieces = _pieces(shown)
    first, *middle, last = pieces
    if len(first) + len(last) > len(printed) or list(printed[: len(first)]) != first:
        return False
    if last and list(printed[-len(last) :]) != last:
        return False
    position, end = len(first), len(printed) - len(last)
    for piece in middle:
        starts = range(position, end - len(piece) + 1)
        start = next((s for s in starts if list(printed[s : s + len(piece)]) == piece), None)
        if start is None:
            return False
        position = start + len(piece)
    return True


def _pieces(shown: tuple[str, ...]) -> list[list[str]]:
    """Split at the gaps. Blank lines around a gap are layout of the page, not output."""
    pieces: list[list[str]] = [[]]
    for line in shown:
        if line == GAP:
            pieces.append([])
        else:
            pieces[-1].append(line)
    return [_without_blank_ends(piece) for piece in pieces]


def refreshed(shown: tuple[str, ...], printed: tuple[str, ...]) -> list[str]:
    """Return what a page should show of a new output: all of it, or the lines most like those that it showed before."""
    if GAP not in shown:
        return list(printed)
    if matches(shown, printed):
        return list(shown)
    wanted = [(line, index > 0) for piece in _pieces(shown) for index, line in enumerate(piece)]
    kept = _aligned(wanted, printed)
    lines: list[str] = []
    expected = 0
    for position in kept:
        if position != expected:
            lines.append(GAP)
        lines.append(printed[position])
        expected = position + 1
    return lines if expected == len(printed) else [*lines, GAP]


def _aligned(wanted: list[tuple[str, bool]], printed: tuple[str, ...]) -> list[int]:
    """Return the positions of the printed lines that are most like the wanted ones, in the same order.

    Each wanted line says whether it continues the one before it; keeping such lines together counts in favour.
    """
    best: list[tuple[float, list[int]]] = [(0.0, [])] * (len(printed) + 1)  # by the number of printed lines used up
    for line, continues in wanted:
        row = [best[0]]
        for position, candidate in enumerate(printed):
            score, used = best[position]
            likeness = _likeness(line, candidate)
            if continues and used and used[-1] == position - 1:
                likeness += 0.3
            taken = (score + likeness, [*used, position]) if likeness >= LEAST_LIKENESS else (0.0, [])
            row.append(max(taken, row[-1], best[position + 1], key=lambda option: option[0]))
        best = row
    return best[-1][1]


def _likeness(line: str, candidate: str) -> float:
    if line == candidate:
        return 1.0 if line else 0.3
    return difflib.SequenceMatcher(None, line, candidate, autojunk=False).ratio() if line and candidate else 0.0


# --- recording ---------------------------------------------------------------------------------------------------------


def record(page: Path) -> bool:
    """Run a page and write what its commands print into it. Return whether the page changed."""
    with tempfile.TemporaryDirectory() as folder:
        played = list(play(page, Path(folder).resolve()))
    lines = page.read_text(encoding="utf-8").splitlines()
    for block in reversed(list(dict.fromkeys(p.block for p in played))):
        new = []
        for step in (p for p in played if p.block == block):
            if step.result.code and not step.code_is_shown:
                print(f"{block.place}: exit code {step.result.code}: {step.exchange.line}", file=sys.stderr)
            new += [*step.exchange.command, *refreshed(step.exchange.shown, step.result.printed)]
        lines[block.line : block.line + len(block.lines)] = [f"{block.indent}{line}".rstrip() for line in new]
    text = "\n".join(lines) + "\n"
    changed = text != page.read_text(encoding="utf-8")
    page.write_text(text, encoding="utf-8")
    return changed


if __name__ == "__main__":
    for each in [Path(name).resolve() for name in sys.argv[1:]] or pages():
        if record(each):
            print(f"recorded {each.relative_to(ROOT)}")
