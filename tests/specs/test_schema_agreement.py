"""The JSON Schema for editors and the loader agree on what a valid spec is."""

from __future__ import annotations

import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import given

from damaged import damaged
from sesform.specs import schema, yaml_reader

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus"
SCHEMA = ROOT / "docs" / "sesform.schema.json"
SHIPPED = [
    file
    for folder in ("specs", "examples", "demo")
    for file in sorted((ROOT / folder).rglob("*.yaml"))
    if "\nkind: " in file.read_text(encoding="utf-8")
]


def files(folder: str) -> list[Any]:
    return [pytest.param(file, id=file.stem) for file in sorted((CORPUS / folder).glob("*.yaml"))]


@cache
def validator() -> Any:
    return jsonschema.Draft202012Validator(schema.json_schema())


def by_schema(text: str) -> list[str]:
    """Return the errors that an editor shows."""
    documents = [d for d in yaml.safe_load_all(text) if d is not None]
    return [f"{e.json_path}: {e.message}" for d in documents for e in validator().iter_errors(d)]


def by_loader(text: str) -> list[str]:
    """Return the errors of each spec by itself."""
    documents, problems = yaml_reader.parse([("spec.yaml", text.encode())])
    _, more = schema.load(documents)
    return [str(problem) for problem in (*problems, *more) if problem.severity == "error"]


@pytest.mark.parametrize("file", [*files("good"), *(pytest.param(f, id=str(f.relative_to(ROOT))) for f in SHIPPED)])
def test_both_accept_valid_specs(file: Path) -> None:
    """Specs with every form of every field, and all that are shipped, are valid for both."""
    text = file.read_text(encoding="utf-8")

    assert ([], []) == (by_loader(text), by_schema(text))


@pytest.mark.parametrize("file", files("bad"))
def test_both_refuse_wrong_specs(file: Path) -> None:
    """What the loader refuses by the form of one field, an editor shows as an error."""
    text = file.read_text(encoding="utf-8")

    assert [] != by_loader(text)
    assert [] != by_schema(text)


@pytest.mark.parametrize("file", files("beyond"))
def test_the_loader_has_rules_beyond_the_schema(file: Path) -> None:
    """Rules about several fields, or the inside of a text, are the loader's alone; the schema does not contradict them."""
    text = file.read_text(encoding="utf-8")

    assert [] != by_loader(text)
    assert [] == by_schema(text)


@given(damaged())
def test_the_schema_accepts_what_the_loader_accepts(text: str) -> None:
    """An editor marks no spec that is valid, whatever was changed in it. Long numbers are texts for the loader alone."""
    long_numbers = "0000000000000" in text

    assert long_numbers or by_loader(text) or [] == by_schema(text)


def test_check_jsonschema_accepts_all_valid_specs() -> None:
    """The command of check-jsonschema, which CI jobs and pre-commit hooks run, exits with 0."""
    single = [
        file for file in SHIPPED if "\n---\n" not in file.read_text(encoding="utf-8")
    ]  # all that the command can read
    good = [*sorted((CORPUS / "good").glob("*.yaml")), *single]

    assert 0 == _check(good)


def test_check_jsonschema_refuses_each_wrong_spec() -> None:
    """The same command names each wrong spec."""
    bad = sorted((CORPUS / "bad").glob("*.yaml"))
    done = subprocess.run([*_COMMAND, *map(str, bad)], capture_output=True, text=True)

    assert 1 == done.returncode
    assert [file.name for file in bad if file.name not in done.stdout] == []


_COMMAND = [sys.executable, "-m", "check_jsonschema", "--schemafile", str(SCHEMA)]


def _check(of: list[Path]) -> int:
    return subprocess.run([*_COMMAND, *map(str, of)], capture_output=True, text=True).returncode
