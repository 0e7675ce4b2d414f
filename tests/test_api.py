"""The public Python API: what `import sesform` promises."""

from __future__ import annotations

import subprocess
import sys
from importlib import import_module
from types import FunctionType

import pytest

import sesform


@pytest.mark.parametrize("name", sesform.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """Each name of `__all__` can be used."""
    assert getattr(sesform, name) is not None


def test_public_names_are_documented() -> None:
    """Each public function and class has a docstring of its own."""
    public = {name: getattr(sesform, name) for name in sesform.__all__}

    assert [
        name for name, value in public.items() if isinstance(value, FunctionType | type) and not value.__doc__
    ] == []


def test_importing_loads_nothing_that_takes_time() -> None:
    """No library is imported before a public name is used, so that `import sesform` takes a few milliseconds."""
    program = "import sys, sesform; print(sorted({m.split('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert [lib for lib in ("botocore", "deepdiff", "pydantic", "typer", "yaml", "moto") if f"'{lib}'" in loaded] == []


def test_apply_is_the_function_whatever_was_imported() -> None:
    """The package `sesform.apply` never hides the function of that name."""
    execute = import_module("sesform.apply.execute")

    assert callable(sesform.apply)
    assert execute.__name__ == "sesform.apply.execute"


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A misspelt name is not silently something else."""
    with pytest.raises(AttributeError, match="has no attribute 'aply'"):
        sesform.aply  # noqa: B018
