"""Check the documentation: its commands print what it shows, its specs load, its links resolve, its tables are generated."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

import generate
import transcripts
from sesform.cli.app import app
from sesform.specs import schema, yaml_reader
from test_layers import LAYERS
from transcripts import Block

ROOT = Path(__file__).parents[2]
PAGES = transcripts.pages()
DOCS = ROOT / "docs"
REPOSITORY = "https://github.com/sesform/sesform"
COMMANDS = DOCS / "reference" / "commands.md"
SPEC_FIELDS = DOCS / "reference" / "specs.md"
SCHEMA = DOCS / "sesform.schema.json"

# Blocks that do not run, by page and first command, with what they need.
NOT_RUN = {
    ("CONTRIBUTING.md", "gh attestation verify"): "the CLI of GitHub",
    ("CONTRIBUTING.md", "git tag --annotate v1.2.3"): "a repository to push to",
    ("CONTRIBUTING.md", "make lint"): "creates a virtual environment",
    ("examples/drift/README.md", "aws "): "the AWS CLI and an AWS account",
    ("examples/drift/README.md", "pip install --target build"): "a package index and an AWS account",
    ("examples/policy/README.md", "checkov "): "checkov",
    ("examples/policy/README.md", "conftest "): "conftest",
    ("README.md", "pip install 'sesform[sandbox]'"): "a package index",
    ("README.md", "sesform plan"): "an AWS account",
    ("docs/how-to/adopt-existing-accounts.md", "sesform import"): "AWS accounts",
    ("docs/how-to/look-at-routes.md", "pip install 'sesform[html]'"): "a package index",
    ("docs/how-to/move-from-terraform.md", "sesform plan moved"): "an AWS account",
    ("docs/how-to/move-from-terraform.md", "terraform plan"): "Terraform",
    ("docs/reference/terminal.md", "tfcmt plan"): "tfcmt and a pull request",
    ("docs/how-to/move-from-terraform.md", "terraform show -json > state.json"): "Terraform",
    ("docs/how-to/set-up-editors.md", "pip install 'sesform[fmt]'"): "a package index",
    ("docs/how-to/set-up-editors.md", "pre-commit install"): "pre-commit",
    ("docs/how-to/set-up-permissions.md", "sesform plan"): "an AWS account",
    ("docs/reference/commands.md", "sesform plan"): "an AWS account",
    ("docs/reference/sandbox.md", "export AWS_ENDPOINT_URL=http://127.0.0.1:4566"): "the AWS CLI",
    ("docs/reference/sandbox.md", "sesform sandbox serve"): "runs until it is interrupted",
    ("docs/reference/sandbox.md", "curl -s http://127.0.0.1:4566/_sandbox/calls"): "a server that runs",
    ("docs/tutorial.md", "python3 -m venv .venv"): "a package index",
}


def _name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def _all_blocks(*languages: str) -> list[Any]:
    found = (b for page in PAGES for b in transcripts.blocks(page) if b.language in languages)
    return [pytest.param(b, id=b.place) for b in found]


# --- running -----------------------------------------------------------------------------------------------------------


RUNNING = [p for p in PAGES if any(b.language in ("console", "python") and b.runs for b in transcripts.blocks(p))]


@pytest.mark.parametrize("page", RUNNING, ids=_name)
def test_pages_run_and_print_what_they_show(page: Path, tmp_path: Path) -> None:
    """Every command of a page, in order on a fresh sandbox, prints what the page shows; `make docs` records it again."""
    wrong = []
    for played in transcripts.play(page, tmp_path):
        exchange, result = played.exchange, played.result
        if result.code and not played.code_is_shown:
            wrong.append(f"{played.block.place}: exit code {result.code}: {exchange.line}")
        if not transcripts.matches(exchange.shown, result.printed):
            printed = "\n".join(result.printed)
            wrong.append(f"{played.block.place}: `{exchange.line}` prints something else:\n{printed}")
    assert wrong == [], "\n".join(wrong)


def test_blocks_that_do_not_run_are_listed() -> None:
    """A block that does not run is an exception, with a reason in this file; there are no shell blocks of another kind."""
    console = [b.values[0] for b in _all_blocks("console")]
    first = {(_name(b.page), next(transcripts.exchanges(b)).line) for b in console if not b.runs}
    listed = {
        (page, line) for page, line in first for known in NOT_RUN if known[0] == page and line.startswith(known[1])
    }
    assert first - listed == set()
    assert {known for known in NOT_RUN if not any(p == known[0] and c.startswith(known[1]) for p, c in first)} == set()
    shell = [b.values[0] for b in _all_blocks("sh", "bash", "shell")]
    assert [b.place for b in shell if b.title is None] == []


def test_excerpts_are_compared_strictly() -> None:
    """A gap stands for any lines; without one, every line counts, and the first and last line are held to their place."""
    printed = ("one", "two", "", "three", "four")
    assert transcripts.matches(printed, printed)
    assert transcripts.matches(("...", "two", "", "three", "..."), printed)
    assert transcripts.matches(("one", "...", "four"), printed)
    assert not transcripts.matches(("one", "two"), printed)
    assert not transcripts.matches(("two", "..."), printed)
    assert not transcripts.matches(("...", "three"), printed)
    assert not transcripts.matches(("...", "three", "...", "two", "..."), printed)
    assert not transcripts.matches(("...", "two", "three", "..."), printed)


def test_reworded_lines_are_found_again() -> None:
    """Recording keeps the excerpt of a page when messages change: the lines most like the old ones, in their order."""
    shown = ("...", "Plan: 1 to add, 0 to change.", "...", "Nothing was lost at all.", "...")
    printed = ("Reading", "Plan: 2 to add, 0 to change.", "", "Calls: 3", "Nothing has been lost at all.", "Done")
    assert transcripts.refreshed(shown, printed) == ["...", printed[1], "...", printed[4], "..."]
    assert transcripts.refreshed(("old",), printed) == list(printed)


@pytest.mark.parametrize("block", _all_blocks("console"))
def test_commands_in_the_documentation_are_understood(block: Block) -> None:
    """A command line in the documentation has a command and options that exist, whether or not the block runs."""
    for exchange in transcripts.exchanges(block):
        for words in _simple_commands(exchange.line):
            if words[0] == "sesform":
                _understood(words[1:])


def _simple_commands(line: str) -> Iterator[list[str]]:
    """Yield the commands of a shell line without the operators that join and redirect them."""
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


# --- specs -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("block", _all_blocks("yaml"))
def test_yaml_in_the_documentation_loads(block: Block, tmp_path: Path) -> None:
    """A YAML block is a spec, a part of one, a GitHub workflow, alerting rules of Prometheus, or hooks of pre-commit that exist."""
    content = next(yaml.compose_all(block.text, yaml.BaseLoader))
    assert isinstance(content, yaml.MappingNode)
    keys = {key.value for key, _ in content.value}
    if "jobs" in keys:
        assert {"on", "jobs", "permissions"} <= keys
        assert all("steps" in job for job in yaml.safe_load(block.text)["jobs"].values())
        return
    if "groups" in keys:
        rules = [rule for group in yaml.safe_load(block.text)["groups"] for rule in group["rules"]]
        assert all("sesform_drift_" in rule["expr"] and rule["alert"] for rule in rules)
        return
    if "repos" in keys:
        hooks = {hook["id"] for hook in yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text(encoding="utf-8"))}
        assert hooks == {hook["id"] for repo in yaml.safe_load(block.text)["repos"] for hook in repo["hooks"]}
        return
    kind = "Delegate" if "cross_account_notifications" in keys else "Owner"
    head = "" if "kind" in keys else f"kind: {kind}\nname: part\naccount: '222222222222'\nregions: [eu-west-1]\n"
    file = tmp_path / "spec.yaml"
    file.write_text(head + block.text, encoding="utf-8")
    documents, problems = yaml_reader.load([file])
    loaded, more = schema.load(documents)
    assert [str(p) for p in [*problems, *more]] == []
    assert len(loaded) == len(documents) > 0


def test_every_field_of_a_spec_is_in_the_reference() -> None:
    """Each model of the schema has its generated table, so each key stands in the reference."""
    text = SPEC_FIELDS.read_text(encoding="utf-8")
    models = json.loads(SCHEMA.read_text(encoding="utf-8"))["$defs"]
    assert {"Both", *models} - {name for _, name in generate.parts(SPEC_FIELDS)} == set()
    known = {name for model in models.values() for name in model.get("properties", {})}
    assert sorted(name for name in known if f"| `{name}` |" not in text) == []


def test_the_schema_file_is_that_of_this_version() -> None:
    """The shipped JSON Schema is what `sesform schema` prints; `make schema` writes it."""
    printed = subprocess.run([sys.executable, "-m", "sesform", "schema"], capture_output=True, check=True, text=True)
    assert SCHEMA.read_text(encoding="utf-8") == printed.stdout


def test_specs_name_the_schema_file_for_editors() -> None:
    """The first line of each shipped spec leads an editor to the schema."""
    for file in [*ROOT.glob("specs/*.yaml"), *ROOT.glob("demo/**/*.yaml"), *ROOT.glob("examples/**/*.yaml")]:
        if "atlantis" in file.parts and "specs" not in file.parts:  # the settings of Atlantis
            continue
        first = file.read_text(encoding="utf-8").splitlines()[0]
        found = re.fullmatch(r"# yaml-language-server: \$schema=(\S+)", first)
        assert found, f"{_name(file)} does not begin with the schema's line"
        assert (file.parent / found[1]).resolve() == SCHEMA


# --- reference ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("page", generate.pages(), ids=_name)
def test_generated_tables_are_those_of_the_code(page: Path) -> None:
    """The generated parts of a page are what the code says now; `make docs` writes them."""
    assert page.read_text(encoding="utf-8") == generate.generated(page)


def test_every_command_and_option_is_in_the_reference() -> None:
    """Each command has a section of the reference, with a table that has each of its options."""
    text = COMMANDS.read_text(encoding="utf-8")
    assert {("options", name) for name, _ in generate.commands()} <= set(generate.parts(COMMANDS))
    for name, command in generate.commands():
        section = _section(text, name)
        missing = {
            o for o in generate.options(command) if not re.search(rf"^\| `[^`]*(?<![\w-]){o}\b", section, re.MULTILINE)
        }
        assert missing == set(), name


def test_every_command_has_its_exit_codes() -> None:
    """The table of exit codes names every command."""
    text = (DOCS / "reference" / "exit-codes.md").read_text(encoding="utf-8")
    assert [name for name, _ in generate.commands() if f"`{name.removeprefix('sesform ')}`" not in text] == []


def test_no_option_is_in_the_reference_that_does_not_exist() -> None:
    """Long options that the reference names are options of some command, or of sesform itself."""
    known = {o for _, command in generate.commands() for o in generate.options(command)}
    known |= generate.options(get_command(app)) | {"--help"}
    named = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", COMMANDS.read_text(encoding="utf-8")))
    assert named - known == set()


def _section(text: str, heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found, f"{_name(COMMANDS)} has no section {heading!r}"
    return found[1]


# --- structure and links -----------------------------------------------------------------------------------------------


GUIDES = sorted((DOCS / "how-to").glob("*.md"))


def test_the_documentation_has_four_parts() -> None:
    """Every page below docs/ is a tutorial, a guide, a reference page or an explanation, and is listed in the index."""
    index = DOCS / "README.md"
    listed = {(DOCS / target).resolve() for target in _targets(index)}
    pages = set(DOCS.rglob("*.md")) - {index}
    assert {p for p in pages if p.parent.name not in ("how-to", "reference", "explanation")} <= {
        DOCS / "tutorial.md",
        DOCS / "python-api.md",
    }
    assert pages - listed == set()


def test_every_page_is_one_click_from_the_readme() -> None:
    """The README links every page below docs/, with links that work on PyPI too."""
    targets = _targets(ROOT / "README.md")
    assert [t for t in targets if not t.startswith(REPOSITORY)] == []
    linked = {ROOT / t.removeprefix(f"{REPOSITORY}/blob/main/") for t in targets if "/blob/main/" in t}
    assert set(DOCS.rglob("*.md")) - {DOCS / "README.md"} - linked == set()


def test_contributing_draws_the_layers() -> None:
    """The drawing has one line for each layer that the import test enforces, from the highest to the lowest."""
    drawing = next(b for b in transcripts.blocks(ROOT / "CONTRIBUTING.md") if b.lines[0].startswith("cli"))
    lines = drawing.lines[: drawing.lines.index("")]
    drawn = [set(re.findall(r"\w+", line[:37])) for line in lines]
    assert drawn == [set(names) for names in reversed(LAYERS) if not {"sandbox", "__main__"} & set(names)]


@pytest.mark.parametrize("guide", GUIDES, ids=_name)
def test_guides_have_numbered_steps_with_commands(guide: Path) -> None:
    """A guide has numbered steps, and commands below them."""
    text = guide.read_text(encoding="utf-8")
    assert re.search(r"^1\. .*?^2\. .*?^3\. ", text, re.MULTILINE | re.DOTALL)
    assert re.search(r"^   ```console", text, re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_lead_somewhere(page: Path) -> None:
    """A link to a file of the repository leads to a file that exists, and its fragment to a heading in it."""
    for target in _targets(page):
        inside = re.sub(rf"^{REPOSITORY}/(blob|tree)/main/", f"{ROOT.as_posix()}/", target)
        if re.match(r"https?://", inside):
            continue
        path, _, fragment = inside.partition("#")
        file = (page.parent / path).resolve() if path else page
        assert file.exists(), f"{_name(page)}: {target} leads nowhere"
        assert not fragment or fragment in _anchors(file), f"{_name(page)}: {target} leads to no heading"


def _targets(page: Path) -> list[str]:
    text = re.sub(r"^ *(`{3,}).*?^ *\1$", "", page.read_text(encoding="utf-8"), flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", text)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", h.lower()).replace(" ", "-") for h in headings}
