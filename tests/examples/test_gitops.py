"""The GitOps example: its workflows are sound, its scripts do what they say, its policies let exactly what is needed."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.main import get_command

from sesform.cli import main
from sesform.cli.app import app
from sesform_sandbox import Sandbox, SandboxServer

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "gitops"
WORKFLOWS = sorted(
    [*(EXAMPLE / ".github" / "workflows").glob("*.yml"), *(ROOT / ".github" / "workflows").glob("*.yml")]
)
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
    """Actions are pinned to a major version, jobs are bounded and get no more rights than they name, scripts take no text from
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
        assert re.fullmatch(r"[\w-]+/[\w-]+@v\d+", step["uses"]) if "uses" in step else "${{" not in step["run"]


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


def test_commands_in_the_workflows_are_understood() -> None:
    """Each sesform command in the workflows exists, with its options."""
    commands: dict[str, Any] = get_command(app).commands  # type: ignore[attr-defined]
    scripts = [step.get("run", "") for file in WORKFLOWS for step in _steps(file)]
    found = [line for script in scripts for line in re.findall(r"^ *sesform (.+?)(?: \"| >|$)", script, re.MULTILINE)]
    assert {line.split()[0] for line in found} == {"validate", "plan", "apply", "drift"}
    for name, *arguments in map(str.split, found):
        commands[name].make_context(name, arguments)


# --- what their scripts do ---------------------------------------------------------------------------------------------


class Runner:
    """A copy of the example, and its workflows' scripts run as GitHub would, with the sandbox for AWS and a gh that only notes."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(EXAMPLE, folder, dirs_exist_ok=True)
        programs = folder / "bin"
        programs.mkdir()
        gh = programs / "gh"
        gh.write_text(
            '#!/bin/sh\necho "$*" >> "$GH_CALLS"\nif [ "$1 $2" = "issue list" ]; then printf "%s" "$OPEN_ISSUE"; fi\n'
        )
        gh.chmod(0o755)
        self._environment = {
            **{k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SESFORM_", "GIT_"))},
            **{f"GIT_{a}_{b}": "tester@example.com" for a in ("AUTHOR", "COMMITTER") for b in ("NAME", "EMAIL")},
            "GIT_CONFIG_GLOBAL": os.devnull,
            "PATH": os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]]),
            "SESFORM_SANDBOX": "1",
            "GH_CALLS": str(folder / "gh.txt"),
            "GITHUB_OUTPUT": str(folder / "output.txt"),
            "GITHUB_STEP_SUMMARY": str(folder / "summary.md"),
            "GITHUB_REPOSITORY": "example-org/ses-settings",
        }
        self.git("init", "-q", "-b", "main")
        self.git("commit", "-q", "--allow-empty", "-m", "a repository")
        self.commit()

    def git(self, *arguments: str) -> str:
        done = subprocess.run(
            ["git", *arguments], cwd=self.folder, env=self._environment, capture_output=True, text=True, check=True
        )
        return done.stdout.strip()

    def commit(self) -> None:
        """The specs as they are become a commit, on the one before."""
        self.git("add", "-A", "specs")
        self.git("commit", "-q", "-m", "specs")

    def run(self, workflow: str, step: str, **environment: str) -> int:
        """The exit code of a step's script."""
        file = self.folder / ".github" / "workflows" / workflow
        script = next(s["run"] for s in _steps(file) if s.get("name") == step)
        assert _workflow(file)["defaults"] == {"run": {"shell": "bash"}}
        command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", script]
        done = subprocess.run(command, cwd=self.folder, env=self._environment | environment, capture_output=True)
        return done.returncode

    def text(self, name: str) -> str:
        file = self.folder / name
        return file.read_text(encoding="utf-8") if file.exists() else ""


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    if shutil.which("bash") is None or shutil.which("git") is None:
        pytest.skip("GitHub runs these scripts with bash, in a clone that git made")
    return Runner(tmp_path)


def test_the_plan_becomes_a_comment_and_is_applied_as_saved(runner: Runner) -> None:
    """On a pull request the plan is saved, and drawn in a comment and the summary; on a merge it is made again and applied."""
    assert runner.run("plan.yml", "Plan") == 0
    assert runner.text("output.txt") == "exitcode=0\n"
    assert runner.run("plan.yml", "Comment", EXITCODE="0", PULL_REQUEST="7", COMMIT="c0ffee") == 0
    comment = runner.text("comment.md")
    assert comment.startswith("<!-- sesform plan -->\n### Plan: 8 to add, 1 to change, 0 to destroy\n")
    assert "For commit c0ffee." in comment
    assert runner.text("summary.md") == comment
    assert "--method POST repos/example-org/ses-settings/issues/7/comments" in runner.text("gh.txt")
    assert runner.run("apply.yml", "Plan") == 0
    assert runner.run("apply.yml", "Apply") == 0
    assert runner.run("apply.yml", "Apply") == 1  # the same plan again is stale


def test_a_refused_plan_is_told_and_fails(runner: Runner) -> None:
    """A plan that a guard refuses becomes a comment that says why, and the job fails; applying it takes the guard's choice."""
    specs = runner.folder / "specs" / "acme-mailer.yaml"
    without = specs.read_text(encoding="utf-8") + "cross_account_notifications:\n  "
    without += "arn:aws:ses:eu-west-1:333333333333:identity/partner.example: "
    specs.write_text(without + "{bounce: feedback}\n", encoding="utf-8")
    topic, identity = "arn:aws:sns:eu-west-1:222222222222:feedback", without.rpartition("arn:")[2].rpartition(":")[0]
    state = runner.folder / ".sesform" / "sandbox.json"
    Sandbox(state).declare_legacy_entry("222222222222", f"arn:{identity}", {"Bounce": topic})
    assert [runner.run("apply.yml", "Plan"), runner.run("apply.yml", "Apply")] == [0, 0]
    specs.write_text(without + "absent\n", encoding="utf-8")
    assert runner.run("plan.yml", "Plan") == 0
    assert runner.text("output.txt") == "exitcode=1\n"
    assert runner.run("plan.yml", "Comment", EXITCODE="1", PULL_REQUEST="7", COMMIT="c0ffee") == 1
    comment = runner.text("comment.md")
    assert "### This plan cannot be applied\n### Plan: 0 to add, 1 to change, 1 to destroy\n" in comment
    assert "pass --allow-irreversible" in comment
    assert runner.run("apply.yml", "Plan", ALLOW="nothing") == 1
    assert [runner.run("apply.yml", "Plan", ALLOW="irreversible"), runner.run("apply.yml", "Apply")] == [0, 0]


def test_what_a_merge_deletes_from_the_specs_is_removed(runner: Runner) -> None:
    """The pull request shows it, the merge does it, and a run by hand makes up for one that was missed. Before the first push
    there was no commit."""
    assert [runner.run("apply.yml", "Plan", SINCE="0" * 40), runner.run("apply.yml", "Apply")] == [0, 0]
    (runner.folder / "specs" / "example-corp.yaml").unlink()
    (runner.folder / "specs" / "acme-mailer.yaml").write_text(
        'kind: Delegate\nname: acme-mailer\naccount: "222222222222"\nregions: [eu-west-1]\ncredentials: {profile: acme-mailer}\n'
    )
    before = runner.git("rev-parse", "HEAD")
    runner.commit()
    assert runner.run("plan.yml", "Plan") == 0
    assert "topic/feedback will be destroyed" in runner.text("plan.md")
    assert runner.run("apply.yml", "Plan") == 0
    assert "No changes." in runner.text("plan.md")
    assert runner.run("apply.yml", "Plan", SINCE=before) == 0
    assert "topic/feedback will be destroyed" in runner.text("plan.md")
    assert runner.run("apply.yml", "Apply") == 0
    assert runner.run("apply.yml", "Plan", SINCE=before) == 0
    assert "No changes." in runner.text("plan.md")


def test_drift_opens_an_issue_and_its_end_closes_it(runner: Runner) -> None:
    """Drift opens an issue, or changes the one that is open; no drift closes it; an error fails the job and touches none."""
    assert runner.run("drift.yml", "Drift") == 0
    assert runner.text("output.txt") == "exitcode=2\n"
    assert runner.run("drift.yml", "Issue", EXITCODE="2", RUN="run-1") == 0
    assert "issue create --title SES settings have drifted --label sesform-drift" in runner.text("gh.txt")
    assert "### Drift: 8 to add, 1 to change, 0 to destroy" in runner.text("issue.md")
    assert runner.run("drift.yml", "Issue", EXITCODE="2", RUN="run-2", OPEN_ISSUE="5") == 0
    assert "issue edit 5 --body-file issue.md" in runner.text("gh.txt")
    assert runner.run("drift.yml", "Issue", EXITCODE="0", RUN="run-3", OPEN_ISSUE="5") == 0
    assert "issue close 5" in runner.text("gh.txt")
    (runner.folder / "specs" / "acme-mailer.yaml").write_text("kind: Delegate\n")
    assert runner.run("drift.yml", "Drift") == 1
    assert runner.text("output.txt") == "exitcode=2\n"


# --- roles and policies ------------------------------------------------------------------------------------------------


def _document(name: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((EXAMPLE / "iam" / name).read_text(encoding="utf-8"))
    return content


@pytest.mark.parametrize(("account", "side"), sorted(SIDES.items()))
@pytest.mark.parametrize("kind", ["plan", "apply"])
def test_policies_are_what_sesform_says(account: str, side: str, kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The roles' policies are those that `sesform iam-policy` prints for the example's specs and for removals."""
    more = ["--destroy", "--apply"] if kind == "apply" else ["--destroy"]
    assert main(["iam-policy", str(EXAMPLE / "specs"), "--account", account, *more]) == 0
    assert (EXAMPLE / "iam" / f"{side}-{kind}.json").read_text(encoding="utf-8") == capsys.readouterr().out


@pytest.mark.parametrize("kind", ["plan", "apply"])
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
