"""What people write who come from Terraform: understood, or answered with the form that sesform has."""

from __future__ import annotations

import pytest

from sesform.cli import terraform_options
from sesform.cli.app import app
from shell import Shell


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("plan -out=plan.json", "write --out FILE"),
        ("plan -out plan.json", "write --out FILE"),
        ("plan -json", "write --format json"),
        ("show -json plan.json", "write --format json"),
        ("plan -detailed-exitcode", "write --detailed-exitcode"),
        ("plan -no-color", "write --no-color"),
        ("plan -destroy", "use `sesform destroy`"),
        ("plan -refresh=false", "sesform has no state: it always reads AWS"),
        ("plan -refresh-only", "use `sesform drift`"),
        ("plan -target=aws_sns_topic.x", "write --only GLOB; a pattern matches addresses"),
        ("plan --target corp", "write --only GLOB; a pattern matches addresses"),
        ("apply -auto-approve", "write --auto-approve"),
        ("destroy -auto-approve", "write --auto-approve"),
        ("-chdir=prod plan", "pass the spec files and folders as arguments"),
        ("-help", "write --help"),
        ("-version", "use `sesform --version`"),
        ("-install-autocomplete", "use `sesform completion bash`, zsh or fish"),
        ("--install-completion", "use `sesform completion bash`, zsh or fish"),
        ("init", "sesform needs no initialization; start with `sesform plan`"),
        ("state list", "sesform has no state: it always reads AWS"),
        ("workspace list", "sesform has no workspaces"),
        ("force-unlock 1", "sesform has no state to lock"),
        (
            "import aws_ses_domain_identity.x example.com",
            "sesform imports whole accounts: write --account A --region R",
        ),
    ],
)
def test_a_form_of_terraform_is_answered_with_the_right_one(shell: Shell, line: str, hint: str) -> None:
    """Exit code 1, and one line that names what was written and what to write."""
    result = shell.run(*line.split())

    assert (1, "", 1) == (result.code, result.out, result.err.count("\n"))
    assert f"; {hint}" in result.err


def test_no_hint_replaces_a_command_or_option_that_exists() -> None:
    """Hints for commands that sesform has would contradict its help."""
    names = {command.name or str(command.callback.__name__) for command in app.registered_commands if command.callback}

    assert set() == names & set(terraform_options._COMMANDS) - {"fmt"}


def test_apply_understands_a_saved_plan_as_its_argument(shell: Shell) -> None:
    """`apply FILE` applies the plan without a question, as `apply --plan FILE` does, with the specs that are named beside it."""
    for specs in ([], ["specs"]):
        shell.sandbox.reset()
        shell.run("plan", "--sandbox", "--out", "plan.json")
        result = shell.run("apply", *specs, "plan.json", "--sandbox")

        assert 0 == result.code
        assert "Apply complete! Resources: " in result.out


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["plan.json", "copy.json"], "apply applies one saved plan, and there are 2: plan.json, copy.json"),
        (["plan.json", "--plan", "copy.json"], "Invalid value for --plan: plan.json is a saved plan too"),
        (["plan.json", "--only", "corp/*"], "Invalid value for --only: a saved plan is applied as a whole"),
    ],
)
def test_apply_accepts_one_saved_plan(shell: Shell, arguments: list[str], error: str) -> None:
    """Two plans, or a part of one, are a usage error, and nothing is applied."""
    saved = shell.run("plan", "--sandbox", "--format", "json").out
    for name in ("plan.json", "copy.json"):
        (shell.folder / name).write_text(saved, encoding="utf-8")
    result = shell.run("apply", *arguments, "--sandbox")

    assert (1, "") == (result.code, result.out)
    assert result.err.startswith(f"Error: {error}")


def test_a_plan_of_terraform_is_not_applied(shell: Shell) -> None:
    """The output of `terraform show -json` begins like a saved plan, and is refused as one."""
    (shell.folder / "tf.json").write_text('{"format_version":"1.2","resource_changes":[]}', encoding="utf-8")
    result = shell.run("apply", "tf.json", "--sandbox")

    assert (1, "") == (result.code, result.out)
    assert result.err.startswith("Error: tf.json")


@pytest.mark.parametrize("way", ["option", "variable"])
def test_compat_names_terraform(shell: Shell, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    """`--compat terraform` and SESFORM_COMPAT change the opening line of plans, the frame of drift, and the form of errors."""
    option = ["--compat", "terraform"] if way == "option" else []
    if way == "variable":
        monkeypatch.setenv("SESFORM_COMPAT", "terraform")

    assert "\nTerraform will perform the following actions:\n" in shell.run("plan", "--sandbox", *option).out
    assert shell.run("drift", "--sandbox", *option).out.startswith("Note: Objects have changed outside of Terraform\n")
    shell.run("apply", "--sandbox", "--auto-approve", *option)
    assert shell.run("drift", "--sandbox", *option).out.startswith("No changes. Your infrastructure matches")
    shell.specs("kind: Owner\nname: [")
    assert shell.run("validate", *option).err.startswith("Error: specs/specs.yaml:")


def test_no_output_names_terraform_by_default(shell: Shell) -> None:
    """Without `--compat` a plan says who performs it."""
    result = shell.run("plan", "--sandbox")

    assert "\nsesform will perform the following actions:\n" in result.out
    assert "Terraform" not in result.out
