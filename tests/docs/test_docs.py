"""The documentation says what is so: its specs load, its commands exist, its links lead somewhere, its output is printed."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from typer.main import get_command

from sesform.cli import main
from sesform.cli.app import app
from sesform.specs import schema, yaml_reader
from sesform_sandbox import Sandbox

ROOT = Path(__file__).parents[2]
PAGES = sorted(
    page
    for folder in (".", "docs", "examples", "demo")
    for page in (ROOT / folder).glob("*.md" if folder == "." else "**/*.md")
)
REFERENCE = ROOT / "docs" / "commands.md"
SPEC_REFERENCE = ROOT / "docs" / "specs.md"
SCHEMA = ROOT / "docs" / "sesform.schema.json"


def _name(page: Path) -> str:
    return str(page.relative_to(ROOT))


class Block(NamedTuple):
    """A fenced block of a page: what language it says it is in, and its text without the page's indentation."""

    page: Path
    line: int
    language: str
    text: str


def _blocks(page: Path) -> Iterator[Block]:
    fence: re.Match[str] | None = None
    inside: list[str] = []
    start = 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        found = re.fullmatch(r"( *)(```+|~~~+)(\w*)", line)
        if fence is None and found:
            fence, inside, start = found, [], number
        elif fence is not None and found and found[2] == fence[2]:
            yield Block(page, start, fence[3], "\n".join(inside) + "\n")
            fence = None
        elif fence is not None:
            inside.append(line.removeprefix(fence[1]))
    assert fence is None, f"{_name(page)}:{start}: a block without an end"


def _all_blocks(*languages: str) -> list[Any]:
    found = (b for page in PAGES for b in _blocks(page) if b.language in languages)
    return [pytest.param(b, id=f"{_name(b.page)}:{b.line}") for b in found]


def _commands(group: Any = None, before: str = "sesform") -> Iterator[tuple[str, Any]]:
    """Each command with its whole name, groups' own among them."""
    group = group or get_command(app)
    for name, command in group.commands.items():
        full = f"{before} {name}"
        if hasattr(command, "commands"):
            yield from _commands(command, full)
        else:
            yield full, command


def _options(command: Any) -> set[str]:
    return {opt for p in command.params for opt in [*p.opts, *p.secondary_opts] if opt.startswith("-")}


def _section(text: str, heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{_name(REFERENCE)} has no section {heading!r}"
    return found[1]


# --- specs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", _all_blocks("yaml"))
def test_specs_in_the_documentation_load(block: Block, tmp_path: Path) -> None:
    """A YAML block that begins like a spec is one."""
    if not block.text.startswith("kind:"):
        pytest.skip("not a spec")
    file = tmp_path / "spec.yaml"
    file.write_text(block.text, encoding="utf-8")
    documents, problems = yaml_reader.load([file])
    loaded, more = schema.load(documents)
    assert [str(p) for p in [*problems, *more]] == []
    assert len(loaded) == len(documents) > 0


def test_every_field_of_a_spec_is_in_the_reference() -> None:
    """Each key that the schema knows stands in the spec reference as code."""
    text = SPEC_REFERENCE.read_text(encoding="utf-8")
    models = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"].values()
    known = {name for model in models for name in model.get("properties", {})}
    assert sorted(name for name in known if f"`{name}`" not in text) == []


def test_the_schema_file_is_that_of_this_version() -> None:
    """The shipped JSON Schema is what `sesform schema` prints; `make schema` writes it anew."""
    printed = subprocess.run([sys.executable, "-m", "sesform", "schema"], capture_output=True, check=True, text=True)
    assert SCHEMA.read_text(encoding="utf-8") == printed.stdout


def test_specs_name_the_schema_file_for_editors() -> None:
    """The first line of each shipped spec leads an editor to the schema."""
    for file in [*ROOT.glob("specs/*.yaml"), *ROOT.glob("demo/**/*.yaml"), *ROOT.glob("examples/**/*.yaml")]:
        first = file.read_text(encoding="utf-8").splitlines()[0]
        found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
        assert found, f"{_name(file)} does not begin with the schema's line"
        assert (file.parent / found[1]).resolve() == SCHEMA


# --- commands ----------------------------------------------------------------------------------------------------------


def test_every_command_and_option_is_in_the_reference() -> None:
    """Each command has its section, in which each of its options stands unless it is among shared ones."""
    text = REFERENCE.read_text(encoding="utf-8")
    shared = _section(text, "Options that several commands share")
    for name, command in _commands():
        section = _section(text, name)
        if "[guards](#guards)" in section:
            section += _section(text, "Guards")
        missing = {o for o in _options(command) if not re.search(rf"(?<![\w-]){o}(?![\w-])", section + shared)}
        assert missing == set(), name
    assert all(name in (ROOT / "README.md").read_text(encoding="utf-8") for name, _ in _commands())


def test_no_option_is_in_the_reference_that_does_not_exist() -> None:
    """Long options that the reference names are options of some command, or of sesform itself."""
    known = {o for _, command in _commands() for o in _options(command)} | _options(get_command(app)) | {"--help"}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", REFERENCE.read_text(encoding="utf-8")))
    assert named - known == set()


@pytest.mark.parametrize("block", _all_blocks("sh", "console"))
def test_commands_in_the_documentation_are_understood(block: Block) -> None:
    """A command line that the documentation shows has a command and options that exist."""
    lines = block.text.replace("\\\n", " ").splitlines()
    if block.language == "console":
        lines = [line.removeprefix("$ ") for line in lines if line.startswith("$ ")]
    for words in (words for line in lines for words in _simple_commands(line)):
        if words[0] == "sesform":
            _understood(words[1:])


def _simple_commands(line: str) -> Iterator[list[str]]:
    """The commands of a shell line without what joins and redirects them."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[list[str]] = [[]]
    for token in lexer:
        if set(token) <= set("|&;<>()"):
            words.append([])
        else:
            words[-1].append(token)
    yield from filter(None, words)


def _understood(words: list[str]) -> None:
    command: Any = get_command(app)
    while hasattr(command, "commands") and not words[0].startswith("-"):
        command, words = command.commands[words[0]], words[1:]
    command.make_context("sesform", words)


# --- links -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_internal_links_lead_somewhere(page: Path) -> None:
    """A link that is not of the web leads to a file that exists, and its fragment to a heading in it."""
    text = re.sub(r"^ *```.*?^ *```$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"https?://", target):
            continue
        path, _, fragment = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{_name(page)}: {target} leads nowhere"
        assert not fragment or fragment in _anchors(file), f"{_name(page)}: {target} leads to no heading"


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}


# --- output ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", _all_blocks("console"))
def test_what_the_documentation_shows_is_printed(
    block: Block, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The commands of a console block, run from the project's folder on an empty sandbox, print the lines shown.

    The lines shown must come in that order; others may come between them, so that a page can show what matters.
    """
    for folder in ("specs", "examples"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    monkeypatch.chdir(tmp_path)
    for name in ("SESFORM_SANDBOX", "SESFORM_SANDBOX_STATE", "SESFORM_RATE", "FORCE_COLOR", "CLICOLOR_FORCE"):
        monkeypatch.delenv(name, raising=False)
    code = 0
    for command, shown in _conversation(block.text):
        if command[0] == "cd":
            monkeypatch.chdir(command[1])
        elif command == ["echo", "$?"]:
            assert shown == [str(code)]
        else:
            assert command[0] == "sesform", command
            code = main(command[1:])
            captured = capsys.readouterr()
            _in_order(shown, captured.out.splitlines(), captured.err.splitlines())


def _conversation(text: str) -> Iterator[tuple[list[str], list[str]]]:
    for part in re.split(r"^\$ ", text, flags=re.MULTILINE)[1:]:
        command, *shown = part.splitlines()
        yield shlex.split(command), [line for line in shown if line.strip() not in ("", "...")]


def _in_order(shown: list[str], *streams: list[str]) -> None:
    """Each line shown is in one of the streams, after the one shown before it in that stream."""
    positions = [0] * len(streams)
    for line in shown:
        for index, stream in enumerate(streams):
            if line in stream[positions[index] :]:
                positions[index] = stream.index(line, positions[index]) + 1
                break
        else:
            pytest.fail(f"not printed, or not in this order: {line!r}")


@pytest.mark.parametrize("block", _all_blocks("python"))
def test_tests_in_the_documentation_pass(block: Block) -> None:
    """The test functions that the documentation shows pass, with the fixture's value in place of the fixture."""
    namespace: dict[str, Any] = {}
    exec(compile(block.text, f"{_name(block.page)}:{block.line}", "exec"), namespace)
    functions = [value for name, value in namespace.items() if name.startswith("test_")]
    assert functions
    for function in functions:
        function(Sandbox())
