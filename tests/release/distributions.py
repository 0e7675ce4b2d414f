"""Build sesform as a release does, from a copy of this tree, and install it away from everything else."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import venv
from pathlib import Path

ROOT = Path(__file__).parents[2]
WHEELS = ROOT / "build" / "wheels"  # the pinned dependencies, which `make test-long` downloads
NOT_COPIED = (
    ".git",
    ".venv",
    "build",
    "dist",
    "mutants",
    "node_modules",
    ".sesform",
    "version.txt",
    "*cache*",
    ".hypothesis",
)


def run(*command: str | Path, folder: Path) -> str:
    """Run a command with nothing of this process's Python environment, and return what it prints. Raises for a failure."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("PYTHON", "PIP_", "VIRTUAL_ENV", "GIT_"))
    }
    env = {
        **kept,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": str(WHEELS),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "HOME": str(folder),
    }
    done = subprocess.run(list(map(str, command)), cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


def git(*arguments: str, folder: Path) -> str:
    """Run git as an author with a name."""
    return run("git", "-c", "user.name=Test", "-c", "user.email=test@example.com", *arguments, folder=folder)


def repository(folder: Path, tag: str = "") -> Path:
    """Copy this tree to a repository of one commit, with a tag if one is given."""
    shutil.copytree(ROOT, folder, ignore=shutil.ignore_patterns(*NOT_COPIED))
    git("init", "--quiet", "--initial-branch=main", folder=folder)
    git("add", "--all", folder=folder)
    git("commit", "--quiet", "--message=Copy", folder=folder)
    if tag:
        git("tag", tag, folder=folder)
    return folder


def build(target: str, source: Path, output: Path) -> Path:
    """Build an `sdist` or a `wheel` of a tree, and return the file. The build backend is that of the running Python."""
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", str(output)],
        cwd=source,
        capture_output=True,
        check=True,
    )
    return next(output.glob("*.tar.gz" if target == "sdist" else "*.whl"))


def unpacked(sdist: Path, folder: Path) -> Path:
    """Unpack an sdist and return its folder."""
    with tarfile.open(sdist) as archive:
        archive.extraction_filter = getattr(tarfile, "data_filter", None)  # Python 3.11.4 and newer
        archive.extractall(folder)
    return folder / sdist.name.removesuffix(".tar.gz")


def environment(folder: Path) -> Path:
    """Create an empty virtual environment, and return the folder of its programs."""
    venv.create(folder, with_pip=True)
    return folder / "bin"
