"""The GitOps example: its workflows are sound, its scripts do what they say, its policies let exactly what is needed."""

from __future__ import annotations

import json
import os
import re
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from composite_action import ACTION, Ran, Runner, content, runner
from examples.test_many_accounts import PINS
from sesform.cli import main
from sesform_sandbox import Sandbox, SandboxServer

__all__ = ["runner"]
ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "gitops"
RELEASE = ROOT / ".github" / "workflows" / "release.yml"  # which has tests of its own
WORKFLOWS = sorted(
    {*(EXAMPLE / ".github" / "workflows").glob("*.yml"), *(ROOT / ".github" / "workflows").glob("*.yml")} - {RELEASE}
)
VERSION = yaml.safe_load((ROOT / "templates" / "sesform.yml").read_text(encoding="utf-8").partition("\n---")[0])[
    "spec"
]["inputs"]["version"]["default"]
OWNER, DELEGATE, HUB = "111111111111", "222222222222", "444444444444"
SIDES = {OWNER: "owner", DELEGATE: "delegate"}


def _workflow(file: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(file.read_text(encoding="utf-8"))
    return content


def _steps(file: Path) -> list[dict[str, Any]]:
    return [step for job in _workflow(file)["jobs"].values() for step in job["steps"]]


# --- what the workflows are --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda f: str(f.relative_to(ROOT)))
def test_workflows_are_careful(file: Path) -> None:
    """Actions are pinned by commit, jobs are bounded and get no more rights than they name, scripts take no text from
    outside but by environment variables."""
    workflow = _workflow(file)
    assert workflow["permissions"] == {}
    assert "concurrency" in workflow
    for job in workflow["jobs"].values():
        assert job["permissions"]["contents"] == "read"
        assert "timeout-minutes" in job
        takes_role = any("configure-aws-credentials" in step.get("uses", "") for step in job["steps"])
        assert (job["permissions"].get("id-token") == "write") == takes_role
    for step in _steps(file):
        assert "uses" in step or "${{" not in step["run"]
    used = set(re.findall(r"uses: (.*)", file.read_text(encoding="utf-8")))
    assert used <= {*(f"{action}@{pin}" for action, pin in PINS.items()), f"sesform/sesform@v{VERSION}"}


def test_forks_get_no_credentials() -> None:
    """The job that takes a role on a pull request does not run for one from a fork."""
    jobs = _workflow(EXAMPLE / ".github" / "workflows" / "plan.yml")["jobs"]
    assert jobs["plan"]["if"] == "github.event.pull_request.head.repo.full_name == github.repository"
    assert jobs["validate"]["permissions"] == {"contents": "read"}


def test_one_apply_at_a_time_behind_an_environment() -> None:
    """Applying waits for an apply that runs, and happens in the environment that the role's trust policy names."""
    workflow = _workflow(EXAMPLE / ".github" / "workflows" / "apply.yml")
    assert workflow["concurrency"] == {"group": "apply", "cancel-in-progress": False}
    environment = workflow["jobs"]["apply"]["environment"]
    trust = _document("ci-apply-trust.json")["Statement"][0]["Condition"]["StringEquals"]
    assert trust["token.actions.githubusercontent.com:sub"] == [
        f"repo:example-org/ses-settings:environment:{environment}"
    ]


def test_inputs_in_the_workflows_are_those_of_the_action() -> None:
    """Each use of the action has inputs that it has, and each output that a workflow reads exists."""
    action = content(ACTION)
    uses = [s for file in WORKFLOWS for s in _steps(file) if s.get("uses", "").startswith("sesform/")]
    assert {s["with"]["command"] for s in uses} == {"validate", "plan", "apply", "drift"}
    assert all(s["with"].keys() <= action["inputs"].keys() for s in uses)
    texts = "".join(file.read_text(encoding="utf-8") for file in WORKFLOWS)
    assert set(re.findall(r"steps\.(?:plan|drift)\.outputs\.([\w-]+)", texts)) <= action["outputs"].keys()


# --- what their scripts do ---------------------------------------------------------------------------------------------


class Repository:
    """A copy of the example, and its workflows' steps run as GitHub would."""

    def __init__(self, runner: Runner) -> None:
        self.runner = runner
        shutil.copytree(EXAMPLE, runner.folder, dirs_exist_ok=True)
        runner.commit()

    def step(self, workflow: str, name: str, **values: str) -> Ran:
        """Run a step. `values`: environment variables of a script, or inputs of the action in place of expressions."""
        file = self.runner.folder / ".github" / "workflows" / workflow
        step = next(s for s in _steps(file) if s.get("name") == name)
        if "uses" not in step:
            assert _workflow(file)["defaults"] == {"run": {"shell": "bash"}}
            return self.runner.script(step["run"], values)
        assert step["uses"].startswith("sesform/sesform@")
        pull_request = PULL_REQUEST if workflow == "plan.yml" else None
        given = {k: v for k, v in step["with"].items() if "${{" not in v}
        assert given.keys() | values.keys() == step["with"].keys()
        return self.runner.action({**given, **values}, pull_request)

    def plan(self, **options: str) -> Ran:
        """Run the steps of the workflow apply up to the plan."""
        chosen = self.step("apply.yml", "Options", **options)
        assert chosen.code == 0
        return self.step("apply.yml", "Plan", args=chosen.outputs["args"])

    def apply(self, plan: Ran) -> int:
        """Return the exit code of the step that applies a plan."""
        return self.step("apply.yml", "Apply", args=f"--plan {plan.outputs['plan']}").code


PULL_REQUEST = {"head.sha": "c0ffee", "number": "7", "head.repo.full_name": "example-org/ses-settings"}


@pytest.fixture
def repository(runner: Runner) -> Repository:
    return Repository(runner)


def test_the_plan_becomes_a_comment_and_is_applied_as_saved(repository: Repository) -> None:
    """A pull request gets the plan as a comment; on a merge it is made again and applied, and is stale after that."""
    shown = repository.step("plan.yml", "Plan")
    [comment] = repository.runner.temporary.glob("sesform-*/comment.md")
    assert (0, "8") == (shown.code, shown.outputs["create"])
    assert "### Plan: 8 to add, 1 to change, 0 to destroy\n" in comment.read_text(encoding="utf-8")
    assert "--method POST repos/example-org/ses-settings/issues/7/comments" in repository.runner.calls
    plan = repository.plan()
    assert [repository.apply(plan), repository.apply(plan)] == [0, 1]


def test_a_refused_plan_is_told_and_fails(repository: Repository) -> None:
    """A plan that a guard refuses becomes a comment that says why, and the job fails; applying it needs the guard's choice."""
    specs = repository.runner.folder / "specs" / "acme-mailer.yaml"
    without = specs.read_text(encoding="utf-8") + "cross_account_notifications:\n  "
    without += "arn:aws:ses:eu-west-1:333333333333:identity/partner.example: "
    specs.write_text(without + "{bounce: feedback}\n", encoding="utf-8")
    topic, identity = "arn:aws:sns:eu-west-1:222222222222:feedback", without.rpartition("arn:")[2].rpartition(":")[0]
    state = repository.runner.folder / ".sesform" / "sandbox.json"
    Sandbox(state).declare_legacy_entry("222222222222", f"arn:{identity}", {"Bounce": topic})
    assert repository.apply(repository.plan()) == 0
    specs.write_text(without + "absent\n", encoding="utf-8")
    refused = repository.step("plan.yml", "Plan")
    [comment] = repository.runner.temporary.glob("sesform-*/comment.md")
    text = comment.read_text(encoding="utf-8")
    assert (1, "1", "") == (refused.code, refused.outputs["exitcode"], refused.outputs["plan"])
    assert "### This plan cannot be applied\n" in text
    assert "### Plan: 0 to add, 1 to change, 1 to destroy\n" in text
    assert "pass --allow-irreversible" in text
    assert repository.plan(ALLOW="nothing").code == 1
    assert repository.apply(repository.plan(ALLOW="irreversible")) == 0


def test_what_a_merge_deletes_from_the_specs_is_removed(repository: Repository) -> None:
    """The pull request shows it, the merge does it, and a run by hand makes up for one that was missed. Before the first push
    there was no commit."""
    assert repository.apply(repository.plan(SINCE="0" * 40)) == 0
    folder = repository.runner.folder / "specs"
    (folder / "example-corp.yaml").unlink()
    (folder / "acme-mailer.yaml").write_text(
        'kind: Delegate\nname: acme-mailer\naccount: "222222222222"\nregions: [eu-west-1]\ncredentials: {profile: acme-mailer}\n'
    )
    before = repository.runner.git("rev-parse", "HEAD")
    repository.runner.commit()
    assert "topic/feedback will be destroyed" in repository.step("plan.yml", "Plan").log
    assert repository.plan().outputs["has-changes"] == "false"
    plan = repository.plan(SINCE=before)
    assert "topic/feedback will be destroyed" in plan.log
    assert repository.apply(plan) == 0
    assert repository.plan(SINCE=before).outputs["has-changes"] == "false"


def test_a_commit_of_a_run_by_hand_is_one_word(repository: Repository) -> None:
    """The text that a person enters for a run cannot add an option or a command."""
    chosen = repository.step("apply.yml", "Options", SINCE="HEAD --allow-dark;$(id)", ALLOW="nothing")
    assert chosen.outputs == {"args": "--since HEAD--allow-darkid"}


def test_drift_opens_an_issue_and_its_end_closes_it(repository: Repository) -> None:
    """Drift opens an issue, or changes the one that is open; no drift closes it; an error fails the job and touches none."""
    found = repository.step("drift.yml", "Drift")
    summary = found.outputs["summary"]
    assert (0, "2") == (found.code, found.outputs["exitcode"])
    assert repository.step("drift.yml", "Issue", EXITCODE="2", RUN="run-1", SUMMARY=summary).code == 0
    assert "issue create --title SES settings have drifted --label sesform-drift" in repository.runner.calls
    text = (repository.runner.folder / "issue.md").read_text(encoding="utf-8")
    assert "### Drift: 8 to add, 1 to change, 0 to destroy" in text
    assert repository.step("drift.yml", "Issue", EXITCODE="2", RUN="run-2", SUMMARY=summary, OPEN_ISSUE="5").code == 0
    assert "issue edit 5 --body-file issue.md" in repository.runner.calls
    assert repository.step("drift.yml", "Issue", EXITCODE="0", RUN="run-3", SUMMARY=summary, OPEN_ISSUE="5").code == 0
    assert "issue close 5" in repository.runner.calls
    (repository.runner.folder / "specs" / "acme-mailer.yaml").write_text("kind: Delegate\n")
    assert repository.step("drift.yml", "Drift").code == 1


@pytest.mark.long
def test_feedback_that_does_not_arrive_opens_an_issue(repository: Repository) -> None:
    """A route that fails opens an issue, and its end closes it; before each run, the queues of cancelled runs are removed."""
    folder = repository.runner.folder
    assert repository.apply(repository.plan()) == 0
    assert repository.step("verify.yml", "Clean").code == 0
    assert repository.step("verify.yml", "Verify").outputs["exitcode"] == "0"
    report = folder / "verify.md"
    assert report.read_text(encoding="utf-8").endswith("Verify: 4 received, 0 not received. 4 test messages sent.\n")
    ses = Sandbox(folder / ".sesform" / "sandbox.json").session(OWNER, "eu-west-1").client("ses")
    ses.delete_identity_policy(Identity="example.com", PolicyName="sesform-acme-mailer")
    assert repository.step("verify.yml", "Verify").outputs["exitcode"] == "2"
    assert repository.step("verify.yml", "Issue", EXITCODE="2", RUN="run-1").code == 0
    assert "issue create --title SES feedback does not arrive --label sesform-verify" in repository.runner.calls
    assert "**refused**" in (folder / "issue.md").read_text(encoding="utf-8")
    assert repository.step("verify.yml", "Issue", EXITCODE="0", RUN="run-2", OPEN_ISSUE="5").code == 0
    assert "issue close 5" in repository.runner.calls


# --- roles and policies ------------------------------------------------------------------------------------------------


def _document(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((EXAMPLE / "iam" / name).read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize(("account", "side"), sorted(SIDES.items()))
@pytest.mark.parametrize("kind", ["plan", "apply", "verify"])
def test_policies_are_what_sesform_says(account: str, side: str, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The roles' policies are those that `sesform iam-policy` prints for the example's specs and for removals."""
    more = {"plan": ["--destroy"], "apply": ["--destroy", "--apply"], "verify": ["--verify"]}[kind]
    assert main(["iam-policy", str(EXAMPLE / "specs"), "--account", account, *more]) == 0
    assert (EXAMPLE / "iam" / f"{side}-{kind}.json").read_text(encoding="utf-8") == capsys.readouterr().out


@pytest.mark.parametrize("kind", ["plan", "apply", "verify"])
def test_profiles_lead_to_the_roles(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the profiles of the example, from the role of CI, sesform comes to the roles of both accounts, external ids and all."""
    sandbox = Sandbox()
    sandbox.declare_identity(OWNER, "eu-west-1", "example.com")
    for account, side in SIDES.items():
        statement = _document(f"{side}-{kind}-trust.json")["Statement"][0]
        assert statement["Principal"] == {"AWS": f"arn:aws:iam::{HUB}:role/sesform-ci-{kind}"}
        role = f"arn:aws:iam::{account}:role/sesform-{kind}"
        assert role in _document(f"ci-{kind}.json")["Statement"][0]["Resource"]
        sandbox.declare_role(role, statement["Condition"]["StringEquals"]["sts:ExternalId"])
    for name in [n for n in os.environ if n.startswith("AWS_")]:
        monkeypatch.delenv(name)
    with SandboxServer(sandbox) as server:
        monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
        monkeypatch.setenv("AWS_CONFIG_FILE", str(EXAMPLE / "aws" / f"{kind}.config"))
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", HUB)
        monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "sandbox")
        assert main(["plan", str(EXAMPLE / "specs"), "--detailed-exitcode", "--rate", "0"]) == 2
    taken = [call for call in sandbox.calls if call.operation == "AssumeRole"]
    assert len(taken) == len(SIDES)
