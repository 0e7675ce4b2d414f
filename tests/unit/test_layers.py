"""Who may import whom: each module only what stands below it, and each library only where it belongs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import sesform

SOURCE = Path(sesform.__file__).parent

# From the ground up. Names on one line stand side by side and do not import each other; a package counts as one.
LAYERS = (
    ("errors",),
    ("model",),
    ("aws", "policies"),
    ("specs",),
    ("resources",),
    ("live",),
    ("importer", "planning", "iam_policy"),
    ("apply",),
    ("render",),
    ("sandbox",),
    ("cli",),
    ("__main__",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
VERSION = "__init__"  # of the package itself: it holds the version, and anything may read it

ONLY_IN = {
    "yaml": {"specs"},
    "subprocess": {"specs"},
    "boto3": {"aws", "sandbox"},
    "botocore": {"aws", "sandbox"},
    "pydantic": {"specs"},
    "pydantic_core": {"specs"},
    "deepdiff": {"planning"},
    "typer": {"cli"},
    "click": {"cli"},
    "rich": set[str](),
    "moto": {"sandbox"},
}


def modules() -> list[Path]:
    return sorted(SOURCE.rglob("*.py"))


def unit(file: Path) -> str:
    """The module, or the package, that a file belongs to."""
    return known(".".join(file.relative_to(SOURCE).with_suffix("").parts))


def known(name: str) -> str:
    """The longest part of a dotted name that has a layer; VERSION where none has."""
    parts = name.removesuffix(".__init__").split(".")
    heads = [".".join(parts[:n]) for n in range(len(parts), 0, -1)]
    return next((head for head in heads if head in RANK), VERSION)


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse(file.read_text(encoding="utf-8"))


def imported(file: Path) -> Iterator[str]:
    """Everything that a file imports anywhere in it, for type checkers too, as dotted names."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{file}: imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def units_imported(file: Path) -> set[str]:
    """The modules and packages of our own that a file imports."""
    return {known(name.removeprefix("sesform.")) for name in imported(file) if name.split(".")[0] == "sesform"}


def test_every_module_has_its_layer() -> None:
    """A new module is given its place before it is used."""
    assert {VERSION} == {unit(f) for f in modules()} - RANK.keys()


@pytest.mark.parametrize("file", modules(), ids=lambda f: str(f.relative_to(SOURCE)))
def test_a_module_imports_from_below_only(file: Path) -> None:
    """Nothing knows of what is built on it."""
    own = unit(file)
    below = {name for name, rank in RANK.items() if rank < RANK.get(own, 0)} | {own, VERSION}

    assert set() == units_imported(file) - below


@pytest.mark.parametrize(("library", "users"), sorted(ONLY_IN.items()))
def test_a_library_is_used_where_it_belongs_only(library: str, users: set[str]) -> None:
    """Who wants to replace a library, or to be without it, has one place to look at."""
    found = {unit(f) for f in modules() if library in {name.split(".")[0] for name in imported(f)}}

    assert set() == found - users


def calls(file: Path) -> Iterator[str]:
    """Names that are called, and attributes that are looked at, as dotted text."""
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            yield node.func.id
        elif isinstance(node, ast.Attribute):
            yield ast.unparse(node)


@pytest.mark.parametrize("name", ["print", "sys.stdout", "sys.stderr", "sys.exit", "exit", "quit", "input"])
def test_only_the_command_line_talks_and_ends(name: str) -> None:
    """Everything else returns what it has to say, or raises it."""
    assert set() == {unit(f) for f in modules() if name in set(calls(f))} - {"cli", "__main__"}


@pytest.mark.parametrize("name", ["eval", "exec", "__import__", "breakpoint", "os.system"])
def test_nothing_runs_text(name: str) -> None:
    """Specs, plans and AWS's answers are data."""
    assert [f for f in modules() if name in set(calls(f))] == []


PURE = ("policies", "planning", "iam_policy", "render")
IMPURE = {"time", "random", "socket", "subprocess", "threading", "urllib", "http", "os", "datetime", "uuid", "secrets"}


@pytest.mark.parametrize("name", PURE)
def test_planning_and_drawing_are_pure(name: str) -> None:
    """Without clock, network, environment or chance the same input gives the same output."""
    found = {library for f in modules() if unit(f) == name for library in (i.split(".")[0] for i in imported(f))}

    assert set() == found & IMPURE


BANNED = ("manager", "handler", "processor", "helper", "utils", "common", "core")


def test_names_say_what_a_thing_is() -> None:
    """No module or public class is called by a word that says nothing."""
    classes = [n.name for f in modules() for n in ast.walk(tree(f)) if isinstance(n, ast.ClassDef)]
    names = [*(name for name in classes if not name.startswith("_")), *(f.stem for f in modules())]

    assert [name for name in names if name.lower().strip("_").endswith(BANNED)] == []


def test_no_module_is_too_long_to_read() -> None:
    """A module over 400 lines holds more than one thing."""
    assert [
        str(f.relative_to(SOURCE)) for f in modules() if len(f.read_text(encoding="utf-8").splitlines()) > 400
    ] == []
