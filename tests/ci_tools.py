"""Programs that read the formats of CI systems. `make test-long` installs them; without them their tests are skipped."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROGRAMS = ROOT / "build" / "ci-tools" / "bin"
NODE = ROOT / "build" / "ci-node" / "node_modules"


def program(name: str) -> str:
    """Return the path of a program. Skips the test without it."""
    found = shutil.which(name, path=os.pathsep.join([str(PROGRAMS), os.environ["PATH"]]))
    if found is None:
        pytest.skip(f"{name} is not installed: `make test-long` installs it")
    return found


def python_with(module: str) -> str:
    """Return a Python that can import a module of the tools. Skips the test without one."""
    python = PROGRAMS / "python"
    if not python.exists() or subprocess.run([python, "-c", f"import {module}"], capture_output=True).returncode:
        pytest.skip(f"{module} is not installed: `make test-long` installs it")
    return str(python)


def node_package(name: str, file: str) -> Path:
    """Return a file of an npm package. Skips the test without it."""
    path = NODE / name / file
    if not path.exists() or shutil.which("node") is None:
        pytest.skip(f"{name} is not installed: `make test-long` installs it with npm")
    return path


def run(*command: str | Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*map(str, command)], capture_output=True, text=True, **options)  # type: ignore[call-overload,no-any-return]
