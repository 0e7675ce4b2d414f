"""The example for many accounts: its files are sound, their commands exist, and the joined plan is that of one run."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from sesform.cli.app import app
from shell import Shell

EXAMPLE = Path(__file__).parents[2] / "examples" / "many-accounts"
FILES = sorted(
    file for file in EXAMPLE.rglob("*") if file.suffix in (".yml", ".yaml", ".json") and file.parent.name != "specs"
)
WORKFLOWS = sorted((EXAMPLE / ".github" / "workflows").glob("*.yml"))
PINS = {
    "actions/checkout": "3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
    "actions/setup-python": "5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0",
    "actions/upload-artifact": "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0",
    "actions/download-artifact": "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1",
    "aws-actions/configure-aws-credentials": "e6de054238d6b7531b4efff3b6587d9aade6a06c # v6.2.3",
}
NAMED = [file.relative_to(EXAMPLE).as_posix() for file in FILES]


def _content(file: Path) -> Any:
    text = file.read_text(encoding="utf-8")
    return json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)


def _commands(content: Any) -> list[list[str]]:
    """Return the sesform commands in the texts and lists of a file, each as words."""
    if isinstance(content, str):
        lines = re.findall(r"sesform [a-z][^\n)>|]*", content) if "sesform " in content else []
        return [shlex.split(line)[1:] for line in lines]
    if isinstance(content, list):
        if content[:1] == ["sesform"]:
            return [content[1:]]
        return [words for each in content for words in _commands(each)]
    return [words for each in content.values() for words in _commands(each)] if isinstance(content, dict) else []


@pytest.mark.parametrize("file", FILES, ids=NAMED)
def test_commands_of_the_files_are_those_of_sesform(file: Path) -> None:
    """Every command in the files exists, with all of its options."""
    found = _commands({key: value for key, value in _content(file).items() if key not in ("Comment", "name")})
    for words in found:
        command = get_command(app).commands[words[0]]  # type: ignore[attr-defined]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-") and "$" not in word} <= known

    assert found or file.name == "submit-job.json"


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_workflows_are_careful(file: Path) -> None:
    """Actions are pinned by commit, jobs are bounded and have no more rights than they need, and no text is put into scripts."""
    workflow, text = _content(file), file.read_text(encoding="utf-8")
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]

    assert {} == workflow["permissions"]
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())
    assert [] == [step["run"] for step in steps if "${{" in step.get("run", "")]
    used = set(re.findall(r"uses: (.*)", text))
    assert used <= {f"{action}@{pin}" for action, pin in PINS.items()}


def test_each_engine_runs_as_many_jobs_as_there_are_parts() -> None:
    """The number of jobs and the number of parts are equal in each file."""
    job, submit = _content(EXAMPLE / "kubernetes" / "job.yml"), _content(EXAMPLE / "batch" / "submit-job.json")
    variable = job["spec"]["template"]["spec"]["containers"][0]["env"][0]

    assert {"name": "SESFORM_SHARD", "value": f"auto/{job['spec']['completions']}"} == variable
    assert [{"name": "SESFORM_SHARD", "value": f"auto/{submit['arrayProperties']['size']}"}] == submit[
        "containerOverrides"
    ]["environment"]


def test_the_joined_plan_of_the_parts_is_that_of_one_run(shell: Shell) -> None:
    """The steps and routes of all parts together are those of a run over all specs."""
    specs = str(EXAMPLE / "specs")
    matrix = json.loads(shell.run("matrix", specs, "--parts", "4", "--format", "github").out)
    parts = []
    for job in matrix["include"]:
        result = shell.run("plan", specs, "--sandbox", "--format", "json", "--shard", job["shard"])
        parts.append(shell.folder / f"part-{job['index']}.json")
        parts[-1].write_text(result.out, encoding="utf-8")
    joined = json.loads(shell.run("merge", *map(str, parts), "--format", "json").out)
    single = json.loads(shell.run("plan", specs, "--sandbox", "--format", "json").out)

    assert 4 == len(parts)
    assert single["resource_changes"] == joined["resource_changes"]
    assert single["sesform"]["routes"] == joined["sesform"]["routes"]
