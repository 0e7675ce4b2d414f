"""The examples for Atlantis, Jenkins, Azure Pipelines and policies: their files are sound, and their commands run."""

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

from ci_tools import program, python_with, run
from sesform.cli import main

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
ATLANTIS, BOTH, POLICY = EXAMPLES / "atlantis", EXAMPLES / "jenkins-azure", EXAMPLES / "policy"


class Agent:
    """A copy of an example in which the commands of a CI system run with sh, on the sandbox."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def copy(self, example: Path) -> None:
        shutil.copytree(example, self.folder)

    def run(self, command: str, **variables: str) -> int:
        environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SESFORM_"))},
            "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]]),
            "PYTHONPATH": str(ROOT / "src"),
            "SESFORM_SANDBOX": "1",
            **variables,
        }
        done = subprocess.run(["sh", "-ec", command], cwd=self.folder, env=environment, capture_output=True)
        return done.returncode


@pytest.fixture
def agent(tmp_path: Path) -> Agent:
    if shutil.which("sh") is None:
        pytest.skip("these systems run commands with sh")
    return Agent(tmp_path / "workspace")


# --- Atlantis ----------------------------------------------------------------------------------------------------------


def test_atlantis_plans_and_applies(agent: Agent) -> None:
    """The steps of the workflow run in order; the text has the lines that Atlantis reads, and the JSON is for conftest."""
    workflow = yaml.safe_load((ATLANTIS / "server" / "repos.yaml").read_text())["workflows"]["sesform"]
    [project] = yaml.safe_load((ATLANTIS / "atlantis.yaml").read_text())["projects"]
    agent.copy(ATLANTIS)
    files = {"PLANFILE": str(agent.folder / "ses.tfplan"), "SHOWFILE": str(agent.folder / "ses.json")}

    assert "sesform" == project["workflow"]
    for kind in ("plan", "apply"):
        assert [0] * len(workflow[kind]["steps"]) == [
            agent.run(step["run"], **files) for step in workflow[kind]["steps"]
        ]
    assert "1.2" == json.loads(Path(files["SHOWFILE"]).read_text())["format_version"]
    assert 1 == agent.run(workflow["apply"]["steps"][0]["run"], **files)  # the plan is stale now


# --- Jenkins and Azure Pipelines -----------------------------------------------------------------------------------------


def jenkins() -> list[str]:
    return re.findall(r"sh '(sesform .*)'", (BOTH / "Jenkinsfile").read_text())


def azure() -> list[str]:
    pipeline = yaml.safe_load((BOTH / "azure-pipelines.yml").read_text())

    def steps(of: Any) -> list[dict[str, Any]]:
        if isinstance(of, dict):
            return [*of.get("steps", ()), *(s for k, v in of.items() if k != "steps" for s in steps(v))]
        return [s for each in of for s in steps(each)] if isinstance(of, list) else []

    return [s["bash"] for s in steps(pipeline["stages"]) if s.get("bash", "").startswith("sesform ")]


@pytest.mark.long
@pytest.mark.parametrize("commands", [jenkins, azure])
def test_pipelines_report_drift_and_apply_the_plan(commands: Any, agent: Agent) -> None:
    """Drift does not stop the pipeline, its report has the failures, and the plan that was made is applied."""
    validate, drift, plan, apply = commands()
    agent.copy(BOTH)
    apply = apply.replace('"$(Pipeline.Workspace)/plan/plan.json"', "plan.json")

    assert [0, 0, 0, 0] == [agent.run(command) for command in (validate, drift, plan, apply)]
    [suite] = ElementTree.fromstring((agent.folder / "drift.xml").read_text())
    assert suite.get("failures") == suite.get("tests") != "0"
    assert 0 == agent.run(drift)
    [suite] = ElementTree.fromstring((agent.folder / "drift.xml").read_text())
    assert "0" == suite.get("failures")


@pytest.mark.parametrize("commands", [jenkins, azure])
def test_an_error_is_no_drift(commands: Any, agent: Agent) -> None:
    """A drift that could not be found out fails the step."""
    agent.copy(BOTH)
    (agent.folder / "specs" / "example-corp.yaml").write_text("kind: Nothing\n")

    assert [1, 1] == [agent.run(command) for command in commands()[:2]]


def test_the_pipeline_of_azure_is_valid() -> None:
    """Microsoft's schema of pipelines accepts the file."""
    schema = ["--builtin-schema", "vendor.azure-pipelines", "--data-transform", "azure-pipelines"]
    options = [*schema, "--regex-variant", "nonunicode"]  # its patterns are not valid in ECMAScript with the flag u
    done = run(sys.executable, "-m", "check_jsonschema", *options, BOTH / "azure-pipelines.yml")

    assert 0 == done.returncode, done.stdout


# --- policies ----------------------------------------------------------------------------------------------------------

REGO = """
import json, sys, regopy
rego = regopy.Interpreter()
rego.add_module("sesform", open(sys.argv[1]).read())
rego.set_input(json.load(open(sys.argv[2])))
found = {name: json.loads(str(rego.query(f"data.main.{name}")))["expressions"][0] for name in ("deny", "warn")}
print(json.dumps({name: sorted(messages) for name, messages in found.items()}))
"""
VIOLATING = """\
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
topics:
  plain: {subscriptions: [{protocol: email, endpoint: a@example.com}]}
identities:
  example.com:
    notifications:
      bounce: arn:aws:sns:eu-west-1:999999999999:elsewhere
      complaint: plain
"""


def planned(folder: Path, specs: str | None, capsys: pytest.CaptureFixture[str]) -> Path:
    """Return a file with the plan in JSON of specs, or of those of the example."""
    places = folder / "specs"
    if specs is None:
        shutil.copytree(POLICY / "specs", places)
    else:
        places.mkdir()
        (places / "specs.yaml").write_text(specs)
    capsys.readouterr()
    main(["plan", str(places), "--sandbox", "--format", "json", "--allow-dark"])
    file = folder / "plan.json"
    file.write_text(capsys.readouterr().out)
    return file


def verdict(plan: Path) -> dict[str, list[str]]:
    done = run(python_with("regopy"), "-c", REGO, POLICY / "policy" / "sesform.rego", plan)
    assert 0 == done.returncode, done.stderr
    found: dict[str, list[str]] = json.loads(done.stdout)
    return found


def test_the_specs_of_the_example_comply_with_the_policy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The policy has nothing against the plan of the example."""
    assert {"deny": [], "warn": []} == verdict(planned(tmp_path, None, capsys))


def test_the_policy_finds_what_it_forbids(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A foreign account, an unencrypted topic and a subscription by e-mail are violations, by address."""
    found = verdict(planned(tmp_path, VIOLATING, capsys))

    assert [
        "corp/eu-west-1/notification_topic/example.com/bounce: account 999999999999 is not trusted with feedback",
        "corp/eu-west-1/subscription/plain/email/a@example.com: the protocol email is not allowed",
        "corp/eu-west-1/topic/plain: topics are encrypted with a KMS key",
    ] == found["deny"]


@pytest.mark.long
@pytest.mark.parametrize(("specs", "failed"), [(None, []), (VIOLATING, ["CKV_AWS_26"])])
def test_checkov_reads_the_plan(
    specs: str | None, failed: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """checkov applies its rules for SNS to the plan, and names the topic that is not encrypted."""
    tool = program("checkov")
    plan = planned(tmp_path, specs, capsys)
    options = ["--framework", "terraform_plan", "--skip-download", "--output", "json", "--check", "CKV_AWS_26"]
    done = run(tool, "--file", plan, *options)
    results = json.loads(done.stdout)["results"]

    assert failed == [each["check_id"] for each in results["failed_checks"]]
    assert results["passed_checks"] or failed
    assert (1 if failed else 0) == done.returncode
