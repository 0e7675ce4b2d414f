"""Prepare the scenes: their specs, the state of the emulated AWS before a run, and Terraform's folder."""

from __future__ import annotations

import json
import shutil
from functools import cached_property
from pathlib import Path

import terraform_config
import write_specs
from measure import SESFORM, PreparationError, Usage, emulated_aws, environment, run
from workloads import Scene

TERRAFORM = {
    "plan": ("terraform", "plan", "-detailed-exitcode", "-input=false", "-no-color"),
    "apply": ("terraform", "apply", "-auto-approve", "-input=false", "-no-color"),
}


class Prepared:
    """A scene in a folder. The specs exist from the start, everything else is made when it is first used."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        self.scene, self.folder = scene, folder / scene.name
        self.specs = self.folder / "specs"
        if scene.accounts:
            write_specs.write_accounts(self.specs, scene.accounts, scene.identities)
        else:
            write_specs.write(self.specs, scene.identities, scene.sets, roles=True)

    @cached_property
    def verified(self) -> Path:
        """The state in which the identities are verified and nothing else exists."""
        return self._state("verified.json", ("plan", "specs", "--sandbox"))

    @cached_property
    def applied(self) -> Path:
        """The state after an apply by sesform."""
        return self._state("applied.json", ("apply", "specs", "--sandbox", "--auto-approve", "--allow-dark"))

    def _state(self, name: str, command: tuple[str, ...]) -> Path:
        file = self.folder / name
        env = environment(SESFORM_SANDBOX_STATE=str(file))
        _succeeded(run([*SESFORM, *command, "--rate", "0", "-q"], self.folder, env))
        return file

    # --- Terraform -----------------------------------------------------------------------------------------------------

    @cached_property
    def terraform_missing(self) -> str:
        """Why Terraform cannot run on this scene, "" if it can."""
        if not terraform_config.version():
            return "Terraform is not installed"
        env = environment(SESFORM_SANDBOX_STATE=str(self.folder / "plan.json"))
        command = [*SESFORM, "plan", "specs", "--sandbox", "--rate", "0", "-q", "--format", "json"]
        planned = json.loads(_succeeded(run(command, self.folder, env)).output)
        accounts = {"corp": write_specs.OWNER, "mailer": write_specs.DELEGATE}
        resources = planned["planned_values"]["root_module"]["resources"]
        failed = terraform_config.initialized(self.terraform, terraform_config.configuration(resources, accounts))
        return failed and "Terraform has no AWS provider"

    @property
    def terraform(self) -> Path:
        return self.folder / "terraform"

    @cached_property
    def terraform_applied(self) -> Path:
        """The state after an apply by Terraform, whose own state is then in the folder's `applied.tfstate`."""
        file = self.folder / "terraform-applied.json"
        with emulated_aws(self.verified, None, keep=file) as aws:
            env = terraform_config.terraform_environment(AWS_ENDPOINT_URL=aws.url)
            _succeeded(run(TERRAFORM["apply"], self.terraform, env))
        shutil.copyfile(self.terraform / "terraform.tfstate", self.folder / "applied.tfstate")
        return file

    def reset_terraform(self, command: str) -> None:
        """Give Terraform's folder the state that a run of this command begins with."""
        for file in self.terraform.glob("terraform.tfstate*"):
            file.unlink()
        if command == "plan":
            shutil.copyfile(self.folder / "applied.tfstate", self.terraform / "terraform.tfstate")


def _succeeded(usage: Usage) -> Usage:
    if usage.code != 0:
        raise PreparationError(f"a preparing program exited with {usage.code}:\n{usage.output[-2000:]}")
    return usage
