"""The workflow that releases a tag."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

FILE = Path(__file__).parents[2] / ".github" / "workflows" / "release.yml"
TEXT = FILE.read_text(encoding="utf-8")
JOBS: dict[str, Any] = yaml.safe_load(TEXT)["jobs"]


def test_it_is_a_valid_workflow() -> None:
    """GitHub's schema of workflows accepts it."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-workflows", str(FILE)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr)


def test_every_action_is_pinned() -> None:
    """Each action is named by a commit, with its version as a comment."""
    used = re.findall(r"uses: (.*)$", TEXT, re.MULTILINE)

    assert len(used) > 5
    assert [each for each in used if not re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", each)] == []


def test_each_job_has_only_the_permissions_that_it_needs() -> None:
    """The job that runs the project's code can only read; only the two that need an identity can get one."""
    assert {} == yaml.safe_load(TEXT)["permissions"]
    assert {
        "build": {"contents": "read"},
        "attest": {"attestations": "write", "id-token": "write"},
        "publish": {"id-token": "write"},
    } == {name: job["permissions"] for name, job in JOBS.items()}


def test_jobs_are_bounded_and_scripts_take_no_text_from_outside() -> None:
    """Each job has a time limit, and no script contains an expression: a tag's name reaches it as an environment variable."""
    scripts = [step["run"] for job in JOBS.values() for step in job["steps"] if "run" in step]

    assert all("timeout-minutes" in job for job in JOBS.values())
    assert [script for script in scripts if "${{" in script] == []


def test_publishing_needs_an_environment_and_no_secret() -> None:
    """PyPI trusts the workflow in its environment, where reviewers approve; there is no token."""
    assert "pypi" == JOBS["publish"]["environment"]["name"]
    assert "secrets." not in TEXT
    assert "password" not in TEXT


def test_files_are_published_only_after_they_are_attested() -> None:
    """Publishing waits for the build and the attestation, and publishes the files that were attested."""
    names = [
        step["with"]["name"] for job in JOBS.values() for step in job["steps"] if "artifact" in step.get("uses", "")
    ]

    assert ["build", "attest"] == JOBS["publish"]["needs"]
    assert ["dist"] * 3 == names
