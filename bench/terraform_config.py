"""Terraform in comparison: a configuration of the same resources, made from sesform's plan JSON, and a folder to run it in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from measure import CALLER, environment
from write_specs import REGION, role

# What Terraform must create first; the provider's resources refer to each other by these.
_AFTER = {
    "aws_sns_topic_policy": ("aws_sns_topic",),
    "aws_ses_identity_notification_topic": ("aws_sns_topic_policy",),
    "aws_sesv2_configuration_set_event_destination": ("aws_sesv2_configuration_set", "aws_sns_topic_policy"),
}
_COMPUTED = {"aws_sns_topic": ("id", "arn")}  # attributes that a configuration cannot set; `id` for other types


def configuration(planned: Iterable[Mapping[str, Any]], accounts: Mapping[str, str]) -> dict[str, Any]:
    """Return Terraform's JSON configuration for the planned resources of a plan JSON (`planned_values`).

    Each resource has a block of its own. With `for_each` over hundreds of resources Terraform takes many times as long, because it
    evaluates the whole map for each of them. `accounts`: the account of each spec, for the provider.
    """
    blocks: dict[str, dict[str, dict[str, Any]]] = {}
    for each in planned:
        spec, named = each["index"].split("/")[0], blocks.setdefault(each["type"], {})
        named[f"{spec}_{len(named)}"] = {"provider": f"aws.{spec}", **_settable(each["type"], each["values"])}
    for type_, named in blocks.items():
        first = [f"{other}.{name}" for other in _AFTER.get(type_, ()) for name in blocks.get(other, {})]
        for block in named.values():
            block.update({"depends_on": first} if first else {})
    return {
        "terraform": {"required_providers": {"aws": {"source": "hashicorp/aws"}}},
        "provider": {"aws": [_provider(spec, account) for spec, account in accounts.items()]},
        "resource": blocks,
    }


def _provider(spec: str, account: str) -> dict[str, Any]:
    keys = {"access_key": CALLER, "secret_key": "sandbox"}
    return {"alias": spec, "region": REGION, **keys, "assume_role": [{"role_arn": role(account)}]}


def _settable(type_: str, values: Mapping[str, Any]) -> dict[str, Any]:
    computed = _COMPUTED.get(type_, ("id",))
    return {key: value for key, value in _filled(values).items() if key not in computed}


def _filled(value: Any) -> Any:
    """Return a value without nulls and empty lists, which stand for blocks and attributes that are not set."""
    if isinstance(value, Mapping):
        return {k: _filled(v) for k, v in value.items() if v is not None and v != []}
    return [_filled(v) for v in value] if isinstance(value, list) else value


def terraform_environment(**more: str) -> dict[str, str]:
    """Return the environment of Terraform's runs."""
    return environment(TF_IN_AUTOMATION="1", CHECKPOINT_DISABLE="1", **more)


def version(folder: Path | None = None) -> str:
    """Return Terraform's version, "" if it is not installed; with an initialized folder, also the version of the AWS provider."""
    if shutil.which("terraform") is None:
        return ""
    command, env = ["terraform", "version", "-json"], terraform_environment()
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    try:
        found = json.loads(done.stdout)
    except ValueError:
        return ""
    provider = (found.get("provider_selections") or {}).get("registry.terraform.io/hashicorp/aws")
    return f"{found['terraform_version']}" + (f" with AWS provider {provider}" if provider else "")


def initialized(folder: Path, document: Mapping[str, Any]) -> str:
    """Write the configuration into a new folder and run `terraform init`. Return why that failed, "" if it did not.

    The environment variable SESFORM_TF_PLUGIN_MIRROR names a folder with the provider, where there is no network.
    """
    folder.mkdir(parents=True)
    (folder / "main.tf.json").write_text(json.dumps(document, indent=1), encoding="utf-8")
    command = ["terraform", "init", "-input=false", "-no-color"]
    if mirror := os.environ.get("SESFORM_TF_PLUGIN_MIRROR"):
        command.append(f"-plugin-dir={mirror}")
    done = subprocess.run(command, cwd=folder, env=terraform_environment(), capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else " ".join(done.stderr.split()) or f"exit code {done.returncode}"
