"""GitHub's runner for the scripts of workflows and of the composite action, with the sandbox for AWS and a gh that only notes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml

from render.test_ci_formats import output_values

ROOT = Path(__file__).parents[1]
ACTION = ROOT / "action.yml"
EXPRESSION = re.compile(r"\$\{\{ *(.*?) *\}\}")
GH = """#!/bin/sh
echo "$*" >> "$GH_CALLS"
if [ -n "$GH_FAILS" ]; then exit 1; fi
case "$1 $2" in
  "issue list") printf "%s" "$OPEN_ISSUE" ;;
  "api --paginate") printf "%s" "$OPEN_COMMENT" ;;
esac
"""


def content(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return found


class Ran(NamedTuple):
    """How a step ended: its exit code, its outputs, and its log."""

    code: int
    outputs: dict[str, str]
    log: str


class Runner:
    """A folder with a clone of a repository, in which steps run."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.temporary = folder, folder.parent / "runner-temp"
        folder.mkdir(exist_ok=True)
        self.temporary.mkdir()
        programs = self.temporary / "bin"
        programs.mkdir()
        (programs / "gh").write_text(GH)
        (programs / "gh").chmod(0o755)
        own = ("AWS_", "SESFORM_", "GIT_", "GITHUB_")
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(own)},
            **{f"GIT_{a}_{b}": "tester@example.com" for a in ("AUTHOR", "COMMITTER") for b in ("NAME", "EMAIL")},
            "GIT_CONFIG_GLOBAL": os.devnull,
            "PATH": os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT / "src"),
            "SESFORM_SANDBOX": "1",
            "GH_CALLS": str(self.temporary / "gh.txt"),
            "GH_FAILS": "",
            "GITHUB_REPOSITORY": "example-org/ses-settings",
            "GITHUB_STEP_SUMMARY": str(self.temporary / "summary.md"),
            "RUNNER_TEMP": str(self.temporary),
        }
        self.git("init", "-q", "-b", "main")
        self.git("commit", "-q", "--allow-empty", "-m", "a repository")

    @property
    def calls(self) -> str:
        """The calls of gh."""
        file = self.temporary / "gh.txt"
        return file.read_text(encoding="utf-8") if file.exists() else ""

    @property
    def summary(self) -> str:
        """The step summaries so far."""
        return (self.temporary / "summary.md").read_text(encoding="utf-8")

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=self._environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self) -> None:
        """Commit the specs as they are."""
        self.git("add", "-A", "specs")
        self.git("commit", "-q", "-m", "specs")

    def script(self, script: str, environment: Mapping[str, str]) -> Ran:
        """Run a script of a step with bash."""
        output = self.temporary / "output"
        output.write_text("")
        given = {**self._environment, **environment, "GITHUB_OUTPUT": str(output)}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        done = subprocess.run(command, cwd=self.folder, env=given, capture_output=True, text=True)
        lines = re.sub(r"^([\w-]+)=(.*)$", r"\1<<=\n\2\n=", output.read_text(), flags=re.MULTILINE)
        return Ran(done.returncode, output_values(lines), done.stdout + done.stderr)

    def action(
        self, inputs: Mapping[str, str], pull_request: Mapping[str, str] | None = None, **environment: str
    ) -> Ran:
        """Run the scripts of the composite action. Its log is that of all steps; what other actions do is left out."""
        action = content(ACTION)
        values = {f"inputs.{name}": str(each.get("default", "")) for name, each in action["inputs"].items()}
        values |= {f"inputs.{name}": text for name, text in inputs.items()}
        values |= {"inputs.token": inputs.get("token", "a token"), "github.action_path": str(ROOT)}
        values |= {"github.event_name": "pull_request" if pull_request else "push"}
        for name in ("head.sha", "number", "head.repo.full_name"):
            values[f"github.event.pull_request.{name}"] = (pull_request or {}).get(name, "")
        code, log = 0, ""
        for step in action["runs"]["steps"]:
            if "run" not in step or step["name"] == "Install" or not _holds(step.get("if", "True"), values):
                continue
            env = {name: _filled(str(text), values) for name, text in step["env"].items()}
            ran = self.script(step["run"], {**env, **environment})
            log += ran.log
            values |= (
                {f"steps.{step['id']}.outputs.{name}": text for name, text in ran.outputs.items()}
                if "id" in step
                else {}
            )
            if ran.code:
                code = ran.code
                break
        outputs = {name: _filled(each["value"], values) for name, each in action["outputs"].items()}
        return Ran(code, outputs, log)


def _filled(text: str, values: Mapping[str, str]) -> str:
    return EXPRESSION.sub(lambda match: values.get(match[1], ""), text)


def _holds(condition: str, values: Mapping[str, str]) -> bool:
    """Evaluate a condition of comparisons that `&&` joins."""
    found = []
    for part in condition.split("&&"):
        if part.strip() == "True":
            continue
        name, sign, text = re.fullmatch(r"\s*([\w.-]+) (==|!=) '(.*)'\s*", part).groups()  # type: ignore[union-attr]
        found.append((values.get(name, "") == text) is (sign == "=="))
    return all(found)


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    """A runner in an empty repository."""
    if shutil.which("bash") is None or shutil.which("git") is None:
        pytest.skip("GitHub runs these scripts with bash, in a clone that git made")
    return Runner(tmp_path / "repository")
