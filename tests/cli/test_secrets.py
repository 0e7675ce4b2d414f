"""No secret reaches an output, a log or a file: external ids, and secrets in the URLs of endpoints."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from shell import Shell

OWNER, REGION = "111111111111", "eu-west-1"
ROLE = f"arn:aws:iam::{OWNER}:role/sesform"
HEAD = f'kind: Owner\nname: corp\naccount: "{OWNER}"\nregions: [{REGION}]\n'
COMMANDS = (
    ("validate",),
    ("validate", "--format", "json"),
    ("plan", "--sandbox", "-v"),
    ("plan", "--sandbox", "--format", "json"),
    ("plan", "--sandbox", "--format", "markdown"),
    ("plan", "--sandbox", "--unmanaged"),
    ("plan", "--sandbox", "--out", "plan.json"),
    ("show", "plan.json"),
    ("apply", "--sandbox", "--plan", "plan.json", "-v"),
    ("apply", "--sandbox", "--auto-approve", "-v"),
    ("drift", "--sandbox"),
    ("drift", "--sandbox", "--format", "json"),
    ("routes", "--sandbox"),
    ("routes", "--sandbox", "--format", "json"),
    ("routes", "--sandbox", "--format", "markdown"),
    ("iam-policy", "--apply"),
    ("handover",),
    ("destroy", "--sandbox", "--auto-approve", "--format", "json"),
)


def spec(query: str) -> str:
    endpoint = json.dumps(f"https://hooks.example/ses?{query}")
    return (
        f"{HEAD}credentials: {{role_arn: '{ROLE}', external_id_env: THE_ID}}\n"
        f"topics: {{t: {{subscriptions: [{{protocol: https, endpoint: {endpoint}}}]}}}}\n"
        "identities: {example.com: {notifications: {bounce: t, complaint: t}}}\n"
    )


@pytest.mark.parametrize(
    ("name", "secret"),
    [("token=", "s3cr3t-VaLue.One_"), ("", "whole-query-SECRET"), ("a=b&key=", "x+y%2Fz,SECRET:{v}!")],
)
def test_no_command_shows_a_secret(shell: Shell, monkeypatch: pytest.MonkeyPatch, name: str, secret: str) -> None:
    """An external id, and a value in the query of an endpoint, appear in no output, log or saved plan of any command."""
    external_id = "external-ID-of-corp"
    monkeypatch.setenv("THE_ID", external_id)
    monkeypatch.setenv("SESFORM_RATE", "0")
    shell.specs(spec(name + secret))
    for command in COMMANDS:
        result = shell.run(*command)
        for text in (result.out, result.err):
            assert secret not in text, command
            assert external_id not in text, command
    for file in (Path("plan.json"), *Path(".sesform").iterdir()):
        content = file.read_text(encoding="utf-8")
        assert external_id not in content
        assert file.name == "sandbox.json" or secret not in content  # the emulated SNS must have the URL


def test_an_endpoint_with_a_secret_is_applied_and_saved(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """SNS gets the whole URL; the saved plan is compared without it and applied."""
    monkeypatch.setenv("THE_ID", "an-external-id")
    shell.specs(spec("token=abc123secret"))
    plan = shell.run("plan", "--sandbox", "--out", "plan.json")

    assert "subscription/t/https/https://hooks.example/ses?token=***~" in plan.out
    assert 0 == shell.run("apply", "--sandbox", "--plan", "plan.json").code
    sns: Any = shell.sandbox.session(OWNER, REGION).client("sns")
    (found,) = sns.list_subscriptions_by_topic(TopicArn=f"arn:aws:sns:{REGION}:{OWNER}:t")["Subscriptions"]
    assert "https://hooks.example/ses?token=abc123secret" == found["Endpoint"]
    assert 0 == shell.run("drift", "--sandbox").code


def test_another_token_makes_a_saved_plan_stale(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A plan that is saved with one secret is not applied with another one."""
    monkeypatch.setenv("THE_ID", "an-external-id")
    shell.specs(spec("token=one"))
    shell.run("plan", "--sandbox", "--out", "plan.json")
    shell.specs(spec("token=two"))
    result = shell.run("apply", "--sandbox", "--plan", "plan.json")

    assert 1 == result.code
    assert "the plan is stale" in result.err


def test_a_token_is_rotated_in_one_plan(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The old and the new endpoint of a topic are two resources, though both are masked."""
    monkeypatch.setenv("THE_ID", "an-external-id")
    shell.specs(spec("token=one"))
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    shell.sandbox.confirm(f"arn:aws:sns:{REGION}:{OWNER}:t", "https://hooks.example/ses?token=one")
    old = '{protocol: https, endpoint: "https://hooks.example/ses?token=one", absent: true}'
    shell.specs(spec("token=two").replace("subscriptions: [", f"subscriptions: [{old}, "))
    result = shell.run("apply", "--sandbox", "--auto-approve")

    assert 0 == result.code
    assert "Resources: 1 added, 0 changed, 1 destroyed." in result.out


# --- external ids ------------------------------------------------------------------------------------------------------


def test_a_missing_variable_is_an_error_before_any_call(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The error names the variable, and nothing is read."""
    monkeypatch.delenv("THE_ID", raising=False)
    shell.specs(spec("a"))
    result = shell.run("plan", "--sandbox", "-v")

    assert (1, "") == (result.code, result.out)
    assert "the environment variable THE_ID of external_id_env is missing or empty" in result.err
    assert "sts:" not in result.err


@pytest.mark.parametrize(
    ("credentials", "expected"),
    [
        ("{external_id_env: X}", "external_id_env needs a role_arn"),
        (f"{{role_arn: '{ROLE}', external_id_env: X, external_id: abc}}", "exclude each other; remove external_id"),
        (f"{{role_arn: '{ROLE}', external_id_env: 'a b'}}", "is not the name of an environment variable"),
    ],
)
def test_a_wrong_external_id_env_is_an_error(shell: Shell, credentials: str, expected: str) -> None:
    """The variable needs a role, excludes an id in the spec, and has the name of a variable."""
    shell.specs(f"{HEAD}credentials: {credentials}\n")
    result = shell.run("validate")

    assert 1 == result.code
    assert expected in result.err


def test_the_role_is_assumed_with_the_id_of_the_variable(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A role that requires another external id refuses the call."""
    shell.specs(spec("a"))
    monkeypatch.setenv("THE_ID", "right-id")
    assert 0 == shell.run("plan", "--sandbox").code
    monkeypatch.setattr("sesform_sandbox.Sandbox.declare_role", lambda *_: None)  # keep the id that the role requires
    monkeypatch.setenv("THE_ID", "wrong-id")
    result = shell.run("plan", "--sandbox")

    assert 1 == result.code
    assert "sts:AssumeRole" in result.err


def test_the_folder_of_the_sandbox_is_kept_out_of_git(shell: Shell) -> None:
    """`.sesform` has a .gitignore for everything in it."""
    shell.run("plan", "--sandbox")

    assert "*\n" == Path(".sesform/.gitignore").read_text(encoding="utf-8")


def test_a_folder_of_ones_own_gets_no_gitignore(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A state file elsewhere leaves its folder alone."""
    monkeypatch.setenv("SESFORM_SANDBOX_STATE", str(shell.folder / "own" / "state.json"))
    shell.run("plan", "--sandbox")

    assert not (shell.folder / "own" / ".gitignore").exists()
