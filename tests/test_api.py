"""The public Python API of `import sesform`."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import fields
from importlib import import_module
from pathlib import Path
from types import FunctionType

import pytest

import sesform


@pytest.mark.parametrize("name", sesform.__all__)
def test_every_public_name_exists(name: str) -> None:
    """Each name of `__all__` is an attribute."""
    assert getattr(sesform, name) is not None


def test_public_names_are_documented() -> None:
    """Each public function and class has its own docstring."""
    public = {name: getattr(sesform, name) for name in sesform.__all__}

    assert [
        name for name, value in public.items() if isinstance(value, FunctionType | type) and not value.__doc__
    ] == []


def test_public_functions_and_settings_are_in_the_documentation() -> None:
    """The page of the Python API has a row for each public function, and for each field of the settings."""
    page = (Path(__file__).parents[1] / "docs" / "python-api.md").read_text(encoding="utf-8")
    functions = [name for name in sesform.__all__ if isinstance(getattr(sesform, name), FunctionType)]

    assert [name for name in functions if f"`{name}(" not in page] == []
    assert [field.name for field in fields(sesform.Settings) if f"`{field.name}`" not in page] == []


def test_importing_loads_no_slow_library() -> None:
    """`import sesform` imports no library before a public name is used, so that it lasts a few milliseconds only."""
    program = "import sys, sesform; print(sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert [lib for lib in ("botocore", "deepdiff", "pydantic", "typer", "yaml", "moto") if f"'{lib}'" in loaded] == []


@pytest.mark.parametrize("module", ["sesform.apply.execute", "sesform.verify.queues"])
def test_a_function_is_not_hidden_by_the_package_of_its_name(module: str) -> None:
    """The packages `sesform.apply` and `sesform.verify` do not hide the functions of these names."""
    inner = import_module(module)

    assert callable(sesform.apply)
    assert callable(sesform.verify)
    assert inner.__name__ == module


def test_an_unknown_name_is_an_attribute_error() -> None:
    """An unknown name is an AttributeError."""
    with pytest.raises(AttributeError, match="has no attribute 'aply'"):
        sesform.aply  # noqa: B018
