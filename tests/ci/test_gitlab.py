"""The CI/CD component for GitLab, and the example that includes it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml

from ci_tools import program, run

ROOT = Path(__file__).parents[2]
COMPONENT = ROOT / "templates" / "sesform.yml"
EXAMPLE = ROOT / "examples" / "gitlab"
INPUT = re.compile(r"\$\[\[ inputs\.([a-z-]+) \]\]")


def header() -> dict[str, Any]:
    found: dict[str, Any] = next(yaml.safe_load_all(COMPONENT.read_text(encoding="utf-8")))["spec"]["inputs"]
    return found


def included() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((EXAMPLE / ".gitlab-ci.yml").read_text(encoding="utf-8"))
    return found


def body() -> str:
    """Return the jobs of the component, with the inputs of the example."""
    values = {name: str(each["default"]) for name, each in header().items()} | included()["include"][0]["inputs"]
    text = COMPONENT.read_text(encoding="utf-8").partition("\n---\n")[2]
    return INPUT.sub(lambda match: values[match[1]], text)


def jobs() -> dict[str, Any]:
    """Return the jobs with what they extend."""
    found: dict[str, Any] = yaml.safe_load(body())

    def whole(name: str) -> dict[str, Any]:
        job = found[name]
        base = whole(job["extends"]) if "extends" in job else {}
        return {**base, **job, "variables": {**base.get("variables", {}), **job.get("variables", {})}}

    return {name: whole(name) for name in found if not name.startswith(".")}


class Pipeline:
    """A clone of the example in which the scripts of jobs run, on the sandbox."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(EXAMPLE, folder)

    def run(self, job: str, **variables: str) -> int:
        found = jobs()[f"sesform-{job}"]
        own = ("AWS_", "SESFORM_", "CI_")
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(own)},
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT / "src"),
            "SESFORM_SANDBOX": "1",
            "CI_COMMIT_BEFORE_SHA": "0" * 40,
            **{name: str(text) for name, text in found["variables"].items()},
            **variables,
        }
        script = "\n".join(found["script"])
        done = subprocess.run(
            ["bash", "-eo", "pipefail", "-c", script], cwd=self.folder, env=environment, capture_output=True
        )
        return done.returncode


@pytest.fixture
def pipeline(tmp_path: Path) -> Pipeline:
    if shutil.which("bash") is None:
        pytest.skip("GitLab's runner uses bash")
    return Pipeline(tmp_path / "clone")


def test_the_jobs_are_valid(tmp_path: Path) -> None:
    """GitLab's schema of pipelines accepts the jobs and the example."""
    file = tmp_path / ".gitlab-ci.yml"
    for text in (body(), (EXAMPLE / ".gitlab-ci.yml").read_text(encoding="utf-8")):
        file.write_text(text, encoding="utf-8")
        command = ["-m", "check_jsonschema", "--builtin-schema", "vendor.gitlab-ci", "--data-transform", "gitlab-ci"]
        done = run(sys.executable, *command, file)
        assert 0 == done.returncode, done.stdout


def test_inputs_are_described_and_used() -> None:
    """Every input has a description and a default and is used; the example uses no other one, and this version."""
    inputs, text = header(), COMPONENT.read_text(encoding="utf-8")
    [include] = included()["include"]

    assert set(INPUT.findall(text)) == inputs.keys()
    assert all(each.keys() >= {"description", "default"} for each in inputs.values())
    assert include["inputs"].keys() <= inputs.keys()
    assert include["component"].endswith(f"/sesform@{inputs['version']['default']}")


def test_a_plan_is_reported_and_applied_as_it_is(pipeline: Pipeline) -> None:
    """The widget has the counts, the artifact the plan, and the next job applies that; then nothing has drifted."""
    assert 0 == pipeline.run("plan")
    assert {"create": 5, "update": 0, "delete": 0} == json.loads((pipeline.folder / "plan-counts.json").read_text())
    assert "Plan: 5 to add" in (pipeline.folder / "plan.txt").read_text()
    assert 2 == pipeline.run("drift")
    assert 0 == pipeline.run("apply")
    assert 0 == pipeline.run("drift")
    [suite] = ElementTree.fromstring((pipeline.folder / "drift.xml").read_text())
    assert ("5", "0") == (suite.get("tests"), suite.get("failures"))


def test_invalid_specs_fail_with_both_reports(pipeline: Pipeline) -> None:
    """The job of the merge request fails, and has its reports all the same."""
    assert 0 == pipeline.run("validate")
    specs = pipeline.folder / "specs" / "example-corp.yaml"
    specs.write_text(specs.read_text().replace("eu-west-1", "eu-wst-1", 1))
    assert 1 == pipeline.run("validate")
    assert 1 == len(json.loads((pipeline.folder / "code-quality.json").read_text()))
    assert 1 == len(list(ElementTree.fromstring((pipeline.folder / "validate.xml").read_text()).iter("failure")))
    assert 1 == pipeline.run("drift")


def test_resources_that_a_merge_request_removes_are_in_its_plan(pipeline: Pipeline) -> None:
    """The plan of a merge request compares with the commit that it starts from."""

    def git(*arguments: str) -> str:
        identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.com"]
        done = run("git", *identity, *arguments, cwd=pipeline.folder, check=True)
        return done.stdout.strip()

    git("init", "-q", "-b", "main")
    git("add", "-A")
    git("commit", "-q", "-m", "specs")
    base = git("rev-parse", "HEAD")
    assert [0, 0] == [pipeline.run("plan"), pipeline.run("apply")]
    specs = pipeline.folder / "specs" / "example-corp.yaml"
    specs.write_text(specs.read_text().partition("topics:")[0])
    git("commit", "-q", "-a", "-m", "without resources")
    assert 0 == pipeline.run("plan", CI_MERGE_REQUEST_DIFF_BASE_SHA=base, SESFORM_ARGS="--allow-dark")
    assert json.loads((pipeline.folder / "plan-counts.json").read_text())["delete"] > 0


@pytest.mark.long
def test_shellcheck_finds_nothing() -> None:
    """The scripts of the jobs are sound shell; words of the inputs are split on purpose."""
    tool = program("shellcheck")
    for name, job in jobs().items():
        script = "\n".join([*job["before_script"], *job["script"]])
        done = subprocess.run(
            [tool, "--shell", "bash", "--exclude", "SC2086,SC2153", "-"], input=script, capture_output=True, text=True
        )
        assert 0 == done.returncode, name + done.stdout
