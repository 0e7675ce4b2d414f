"""Import from Terraform: specs of a real Terraform state, and the hand-over of its resources."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sesform_sandbox import Sandbox, SandboxServer
from shell import Shell

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"
HERE = Path(__file__).parent
NAMES = ("--all-topics", "--name", f"{OWNER}=corp", "--name", f"{DELEGATE}=mailer")


def test_a_terraform_state_is_imported_as_specs_and_removed_blocks(shell: Shell) -> None:
    """The import writes the expected specs and blocks from state.json, which Terraform 1.11.4 and AWS provider 5.100.0 wrote."""
    result = shell.run("import", "--terraform", str(HERE / "state.json"), *NAMES, "--removed", "removed.tf")

    assert (0, (HERE / "specs.yaml").read_text()) == (result.code, result.out)
    assert (HERE / "removed.tf").read_text() == (shell.folder / "removed.tf").read_text()


def test_without_an_output_file_the_blocks_are_comments(shell: Shell) -> None:
    """Without --removed the output is a valid spec file, because the blocks are comments."""
    result = shell.run("import", "--terraform", str(HERE / "state.json"), *NAMES)
    specs = (HERE / "specs.yaml").read_text()
    below = result.out.removeprefix(specs)

    assert result.out.startswith(specs)
    assert [] == [line for line in below.splitlines() if line and not line.startswith("#")]
    assert "# removed {\n" in below
    shell.specs(result.out)
    assert 0 == shell.run("validate").code


# --- with Terraform ----------------------------------------------------------------------------------------------------


@pytest.fixture
def server(tmp_path: Path) -> Iterator[SandboxServer]:
    with SandboxServer(Sandbox(tmp_path / "sandbox.json")) as running:
        yield running


class Terraform:
    """Terraform in a folder with a copy of configuration/. It calls the sandbox only."""

    def __init__(self, folder: Path, server: SandboxServer) -> None:
        self.folder = folder
        shutil.copytree(HERE / "configuration", folder)
        (folder / "aws").write_text(f"[profile mailer]\naws_access_key_id = {DELEGATE}\naws_secret_access_key = x\n")
        self.aws = {
            "AWS_ACCESS_KEY_ID": OWNER,
            "AWS_SECRET_ACCESS_KEY": "x",
            "AWS_ENDPOINT_URL": server.url,
            "AWS_CONFIG_FILE": str(folder / "aws"),
            "AWS_SHARED_CREDENTIALS_FILE": str(folder / "none"),
            "AWS_EC2_METADATA_DISABLED": "true",
        }
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_"))}
        self._environment = {k: v for k, v in kept.items() if not k.lower().endswith("_proxy")} | self.aws
        self._environment |= {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
        mirror = os.environ.get("SESFORM_TF_PLUGIN_MIRROR")
        if mirror:
            config = folder / "terraformrc"
            config.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n')
            self._environment["TF_CLI_CONFIG_FILE"] = str(config)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = ["terraform", *words, *(["-no-color"] if words[0] != "fmt" else [])]
        return subprocess.run(
            command, cwd=self.folder, env=self._environment, capture_output=True, text=True, check=False
        )

    def do(self, *words: str) -> str:
        done = self.run(*words)
        assert 0 == done.returncode, done.stdout + done.stderr
        return done.stdout


@pytest.fixture
def terraform(tmp_path: Path, server: SandboxServer) -> Terraform:
    """Apply the configuration, and refresh its state."""
    if shutil.which("terraform") is None:
        pytest.skip("Terraform is not installed")
    made = Terraform(tmp_path / "configuration", server)
    started = made.run("init", "-input=false")
    if started.returncode:
        pytest.skip(f"no AWS provider: {started.stderr.strip()[-300:]}")
    made.do("apply", "-auto-approve", "-input=false")
    made.do("apply", "-refresh-only", "-auto-approve", "-input=false")
    return made


def _comparable(document: dict[str, Any]) -> str:
    """Return the values of a state without generated ids and tokens, which differ in each run."""
    text = json.dumps(document["values"], sort_keys=True)
    text = re.sub(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", "UUID", text)
    text = re.sub(r'"tokens": \[[^\]]*\]', '"tokens": []', text)
    return re.sub(r'"verification_token": "[0-9a-f]*"', '"verification_token": ""', text)


@pytest.mark.long
def test_the_golden_state_is_what_terraform_shows(terraform: Terraform) -> None:
    """Terraform shows the state in state.json, apart from generated values."""
    shown = json.loads(terraform.do("show", "-json"))
    golden = json.loads((HERE / "state.json").read_text())

    assert _comparable(golden) == _comparable(shown)


@pytest.mark.long
def test_terraform_hands_over_resources_without_changes_in_aws(
    terraform: Terraform, server: SandboxServer, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A plan on the imported specs is empty, and the blocks make Terraform forget the resources without a change in AWS.

    Later changes by sesform are no drift for Terraform.
    """
    for name, value in {**terraform.aws, "SESFORM_RATE": "0"}.items():
        monkeypatch.setenv(name, value)
    (shell.folder / "state.json").write_text(terraform.do("show", "-json"))
    terraform.do("plan", "-out=plan.bin", "-input=false")
    (shell.folder / "plan.json").write_text(terraform.do("show", "-json", "plan.bin"))
    named = (*NAMES, "--profile", f"{DELEGATE}=mailer")
    of_plan = shell.run("import", "--terraform", "plan.json", *named)
    result = shell.run("import", "--terraform", "state.json", *named, "--removed", "removed.tf")
    assert (0, 0) == (result.code, of_plan.code)
    assert of_plan.out.startswith(result.out)
    shell.specs(result.out)

    planned = shell.run("plan", "--detailed-exitcode")
    assert (0, True) == (planned.code, "No changes." in planned.out), planned.out + planned.err
    before = (shell.folder / "sandbox.json").read_text()
    _replace(terraform.folder, (shell.folder / "removed.tf").read_text())
    forgetting = terraform.run("plan", "-detailed-exitcode", "-input=false")
    assert 2 == forgetting.returncode, forgetting.stdout + forgetting.stderr
    assert "Plan: 0 to add, 0 to change, 0 to destroy." in forgetting.stdout
    assert 21 == forgetting.stdout.count("will no longer be managed by Terraform, but will not be destroyed")
    terraform.do("apply", "-auto-approve", "-input=false")

    assert before == (shell.folder / "sandbox.json").read_text()
    remaining = terraform.do("state", "list").split("\n")
    assert [] == [
        line for line in remaining if line.startswith(("module.", "aws_sns_topic_subscription.", "aws_ses_event"))
    ]
    assert 0 == terraform.run("plan", "-detailed-exitcode", "-input=false").returncode
    planned = shell.run("plan", "--detailed-exitcode")
    assert (0, True) == (planned.code, "No changes." in planned.out), planned.out + planned.err
    shell.specs(result.out.replace("display_name: SES feedback", "display_name: SES"))
    applied = shell.run("apply", "--auto-approve")
    assert (0, True) == (applied.code, "0 added, 1 changed, 0 destroyed" in applied.out), applied.out + applied.err
    assert 0 == terraform.run("plan", "-detailed-exitcode", "-input=false").returncode


# References of kept resources to resources that are handed over, and the values that replace them.
REFERENCED_VALUES = {
    "aws_sns_topic.feedback.arn": f"arn:aws:sns:{REGION}:{OWNER}:feedback",
    "aws_sns_topic.delegate.arn": f"arn:aws:sns:{REGION}:{DELEGATE}:bounces",
    "aws_sns_topic.alerts[0].arn": f"arn:aws:sns:{REGION}:{OWNER}:alerts-0",
    "aws_sns_topic.alerts[1].arn": f"arn:aws:sns:{REGION}:{OWNER}:alerts-1",
    "aws_sesv2_configuration_set.tx.configuration_set_name": "tx",
}


def _replace(folder: Path, removed: str) -> None:
    """Replace the resources by the blocks, as the guide describes."""
    removed_resources = re.findall(r"^  from = (?:module\.\w+\.)*(\w+)\.(\w+)$", removed, re.MULTILINE)
    assert removed_resources
    for file in folder.glob("**/*.tf"):
        text = file.read_text()
        for type_, name in removed_resources:
            text = re.sub(rf'^resource "{type_}" "{name}" {{\n.*?^}}\n', "", text, flags=re.MULTILINE | re.DOTALL)
        for reference, value in REFERENCED_VALUES.items():
            text = text.replace(reference, f'"{value}"')
        file.write_text(text)
    (folder / "removed.tf").write_text(removed)
