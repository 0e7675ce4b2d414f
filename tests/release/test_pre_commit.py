"""The hooks of this repository, as pre-commit installs and runs them in the repository of a user."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from release.distributions import ROOT, WHEELS, git, repository

LIBRARY = ROOT / "build" / "pre-commit"  # pre-commit, which `make test-long` installs

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(not LIBRARY.exists() or not WHEELS.exists(), reason="`make test-long` installs pre-commit"),
]
TIDY = 'kind: Owner\nname: corp\naccount: "111111111111"\nregions: [eu-west-1]\n'


def pre_commit(*arguments: str | Path, folder: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run pre-commit in a folder; it installs from the downloaded files, and nothing of it stays."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "GIT_", "PRE_COMMIT"))}
    env = {**kept, "PYTHONPATH": str(LIBRARY), "HOME": str(home), "PRE_COMMIT_HOME": str(home / "cache")}
    command = [sys.executable, "-m", "pre_commit", *map(str, arguments)]
    offline = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(WHEELS), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    return subprocess.run(command, cwd=folder, env={**env, **offline}, capture_output=True, text=True, check=False)


def test_the_manifest_is_valid(tmp_path: Path) -> None:
    """pre-commit accepts the manifest of the hooks."""
    done = pre_commit("validate-manifest", ROOT / ".pre-commit-hooks.yaml", folder=tmp_path, home=tmp_path)

    assert (0, "") == (done.returncode, done.stdout)


def test_the_hooks_run(tmp_path: Path) -> None:
    """Both hooks are installed from the repository: one formats the files of a commit, and the other one checks all specs."""
    hooks, user = repository(tmp_path / "hooks"), tmp_path / "user"
    (user / "specs").mkdir(parents=True)
    git("init", "--quiet", folder=user)
    spec, other = user / "specs" / "owner.yaml", user / "values.yaml"
    spec.write_text(TIDY.replace('"', "").replace("kind: Owner\n", "") + "kind: Owner\n", encoding="utf-8")
    other.write_text("b:   1\n", encoding="utf-8")
    git("add", "--all", folder=user)
    commit = git("rev-parse", "HEAD", folder=hooks).strip()
    run = ("try-repo", hooks, "--ref", commit, "--all-files", "--verbose")
    first, second = (pre_commit(*run, folder=user, home=tmp_path) for _ in range(2))

    assert 1 == first.returncode, first.stdout + first.stderr
    assert "- files were modified by this hook" in first.stdout
    assert (TIDY, "b:   1\n") == (spec.read_text(encoding="utf-8"), other.read_text(encoding="utf-8"))
    assert 0 == second.returncode, second.stdout + second.stderr
    assert "Success! The configuration is valid: 1 spec" in second.stdout
