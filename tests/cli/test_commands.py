"""Each command: its exit codes, what it says on stdout, and what on stderr."""

from __future__ import annotations

import json
import re
import signal
import sys
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from sesform.apply import interrupts
from sesform.aws import Senders
from shell import SPECS, Shell

COMMANDS = ("validate", "plan", "apply", "drift", "destroy", "show", "schema")


@pytest.mark.parametrize("command", [*COMMANDS, "sandbox", "sandbox serve", "sandbox reset", ""])
@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_is_on_every_command(shell: Shell, command: str, flag: str) -> None:
    """-h and --help print usage on stdout and exit 0."""
    result = shell.run(*command.split(), flag)

    assert (0, "") == (result.code, result.err)
    assert result.out.startswith("Usage: sesform")


@pytest.mark.parametrize(
    "arguments",
    [
        "--frob",
        "frob",
        "plan --frob",
        "plan --format xml",
        "plan --parallelism none",
        "show",
        "apply --plan x --only y",
        "sandbox frob",
    ],
)
def test_usage_errors_exit_1(shell: Shell, arguments: str) -> None:
    """A wrong call is exit code 1, never 2, and one line on stderr."""
    result = shell.run(*arguments.split())

    assert (1, "") == (result.code, result.out)
    assert result.err.startswith("Error: ")
    assert 1 == result.err.count("\n")


def test_no_command_prints_help_and_exits_1(shell: Shell) -> None:
    """Called with nothing, it shows what it can do."""
    result = shell.run()

    assert 1 == result.code
    assert "Commands:" in result.out


def test_version(shell: Shell) -> None:
    """--version prints name and version on stdout."""
    assert re.fullmatch(r"sesform \d+[.+]\S+\n", shell.run("--version").out)


def test_validate_accepts_good_specs(shell: Shell) -> None:
    """Valid specs: exit 0 and a sentence on stdout."""
    result = shell.run("validate")

    assert (0, "") == (result.code, result.err)
    assert result.out.startswith("Success! The configuration is valid: 2 specs, ")


def test_validate_reports_every_error_of_every_file(shell: Shell) -> None:
    """All mistakes of all files come out in one run, each with its place, and nothing on stdout."""
    shell.specs(SPECS.replace("headers: true", "haeders: true").replace('"222222222222"', "222222222222"))
    shell.specs("kind: Owner\nname: [", "broken.yaml")
    result = shell.run("validate")

    assert (1, "") == (result.code, result.out)
    lines = result.err.splitlines()
    assert "specs/broken.yaml:3:1: is not YAML: did not find expected node content" == lines[0]
    assert (
        "specs/specs.yaml:9:40: identities.example.com.notifications.bounce.haeders: unknown key 'haeders'; did you mean 'headers'?"
        == lines[1]
    )
    assert (
        'specs/specs.yaml:14:1: account: must be text, not the number 222222222222; quote it: "222222222222"'
        == lines[2]
    )
    assert ["Error: 3 errors; no AWS calls were made."] == lines[3:]


def test_validate_in_json(shell: Shell) -> None:
    """--format json puts a document on stdout whether the specs are good or not."""
    good = shell.run("validate", "--format", "json")
    shell.specs("kind: Frob")
    bad = shell.run("validate", "--format", "json")

    valid, invalid = json.loads(good.out), json.loads(bad.out)
    assert (0, True, 0, 2, []) == (good.code, *(valid[k] for k in ("valid", "error_count", "specs", "problems")))
    assert (1, False, 1, 0) == (bad.code, *(invalid[k] for k in ("valid", "error_count", "specs")))
    assert ["unknown kind 'Frob'"] == [d["summary"] for d in invalid["problems"]]
    assert list(valid) == list(invalid)


@pytest.mark.parametrize("path", ["nowhere", "empty"])
def test_paths_without_specs_are_errors(shell: Shell, path: str) -> None:
    """A path that does not exist, or holds no spec, is an error and not "no changes"."""
    (shell.folder / "empty").mkdir()
    for command in ("validate", "plan", "drift"):
        result = shell.run(command, path)

        assert (1, "") == (result.code, result.out)
        assert path in result.err


def test_plan_exit_codes(shell: Shell) -> None:
    """plan exits 0 with and without changes; with --detailed-exitcode 2 and 0."""
    assert 0 == shell.run("plan", "--sandbox").code
    assert 2 == shell.run("plan", "--sandbox", "--detailed-exitcode").code
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    assert 0 == shell.run("plan", "--sandbox", "--detailed-exitcode").code


def test_plan_text_is_on_stdout_and_talk_on_stderr(shell: Shell) -> None:
    """stdout has the plan and nothing else; -q leaves stderr empty."""
    result = shell.run("plan", "--sandbox")

    assert result.out.startswith("sesform compared the specs with AWS.")
    assert "Plan: 7 to add, 0 to change, 0 to destroy." in result.out
    assert "Sandbox: " in result.err
    assert "" == shell.run("plan", "--sandbox", "-q").err


def test_plan_in_json_is_one_line(shell: Shell) -> None:
    """The JSON plan is one line on stdout, with Terraform's keys and ours."""
    result = shell.run("plan", "--sandbox", "--format", "json")
    document = json.loads(result.out)

    assert 1 == result.out.count("\n")
    assert "1.2" == document["format_version"]
    assert {"create": 7, "update": 0, "delete": 0, "no_op": 0} == document["sesform"]["summary"]
    assert 7 == len(document["sesform"]["steps"])


def test_verbose_tells_each_call(shell: Shell) -> None:
    """-v names each call to AWS on stderr, and changes nothing on stdout."""
    quiet, loud = shell.run("plan", "--sandbox"), shell.run("plan", "--sandbox", "-v")

    assert quiet.out == loud.out
    assert "ses:GetIdentityNotificationAttributes in 111111111111/eu-west-1" in loud.err


def test_apply_without_a_terminal_refuses_before_its_first_call(shell: Shell) -> None:
    """Without a terminal and --auto-approve: exit 1, both options named, no call."""
    result = shell.run("apply", "--sandbox")

    assert (1, "") == (result.code, result.out)
    assert "--auto-approve" in result.err
    assert "--plan FILE" in result.err
    assert not (shell.folder / ".sesform").exists()


@pytest.mark.parametrize(("answer", "code"), [("yes", 0), ("y", 1), ("", 1), ("no", 1)])
def test_apply_asks_and_takes_only_yes(shell: Shell, monkeypatch: pytest.MonkeyPatch, answer: str, code: int) -> None:
    """On a terminal it asks on stderr; any other answer than yes changes nothing and exits 1."""
    monkeypatch.setattr("sesform.cli.apply.interactive", lambda: True)
    monkeypatch.setattr(sys, "stdin", _Terminal(answer))
    result = shell.run("apply", "--sandbox")

    assert code == result.code
    assert "Enter a value: " in result.err
    assert ("Apply complete!" in result.out) is (code == 0)
    assert ("Apply cancelled." in result.err) is (code == 1)
    assert (2 if code else 0) == shell.run("plan", "--sandbox", "--detailed-exitcode").code


class _Terminal:
    def __init__(self, answer: str) -> None:
        self._answer = answer

    def readline(self) -> str:
        return f"{self._answer}\n"


def test_apply_reports_what_was_done(shell: Shell) -> None:
    """The last line on stdout is Terraform's; each step is told on stderr as it goes."""
    result = shell.run("apply", "--sandbox", "--auto-approve")

    assert "Apply complete! Resources: 7 added, 0 changed, 0 destroyed." == result.out.splitlines()[-1]
    assert "mailer/eu-west-1/topic/feedback: Creation complete" in result.err


def test_apply_in_json(shell: Shell) -> None:
    """With --format json stdout is the report alone."""
    report = json.loads(shell.run("apply", "--sandbox", "--auto-approve", "--format", "json").out)

    assert report["ok"] is True
    assert {"create": 7, "update": 0, "delete": 0} == report["done"]
    assert {"done"} == {o["result"] for o in report["outcomes"]}


def test_drift_exit_codes(shell: Shell) -> None:
    """0 in sync, 2 drift, 1 error; the drift names what is declared and what was found."""
    shell.run("apply", "--sandbox", "--auto-approve")
    in_sync = shell.run("drift", "--sandbox")
    shell.clear_in_console(type_="Complaint")
    drifted = shell.run("drift", "--sandbox")
    shell.specs("kind: Owner")

    assert (0, True) == (in_sync.code, in_sync.out.startswith("No drift."))
    assert 2 == drifted.code
    assert "# corp/eu-west-1/notification_topic/example.com/complaint has changed" in drifted.out
    assert 'topic_arn: declared "arn:aws:sns:eu-west-1:222222222222:feedback", not found' in drifted.out
    assert 1 == shell.run("drift", "--sandbox").code


def test_saved_plan_is_applied_exactly(shell: Shell) -> None:
    """plan --out saves, show draws the same, apply --plan does it without asking, and the next plan is empty."""
    planned = shell.run("plan", "--sandbox", "--out", "p.tfplan")
    shown = shell.run("show", "p.tfplan")
    applied = shell.run("apply", "--sandbox", "--plan", "p.tfplan")

    assert "sesform apply --sandbox --plan p.tfplan" in planned.err
    assert (0, "") == (shown.code, shown.err)
    assert shown.out.split("Applying")[0] == planned.out.split("Applying")[0]
    assert (0, "Apply complete! Resources: 7 added, 0 changed, 0 destroyed.") == (applied.code, applied.out.strip())
    assert 0 == shell.run("plan", "--sandbox", "--detailed-exitcode").code


def test_show_in_json_is_the_file(shell: Shell) -> None:
    """show --format json prints the document that was saved."""
    shell.run("plan", "--sandbox", "--out", "p.tfplan")

    assert Path("p.tfplan").read_text(encoding="utf-8") == shell.run("show", "p.tfplan", "--format", "json").out


def test_stale_plan_is_refused(shell: Shell) -> None:
    """When AWS has moved since, apply --plan changes nothing and names the steps that differ."""
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.specs(SPECS.replace("complaint: mailer/feedback", "complaint: null"))
    shell.run("plan", "--sandbox", "--out", "p.tfplan")
    shell.clear_in_console(type_="Complaint")
    result = shell.run("apply", "--sandbox", "--plan", "p.tfplan")

    assert (1, "") == (result.code, result.out)
    assert "the plan is stale" in result.err
    assert "corp/eu-west-1/notification_topic/example.com/complaint: was delete (identity='example.com'" in result.err
    assert "; is now unchanged" in result.err


def test_edited_plan_is_refused(shell: Shell) -> None:
    """A plan file whose text was changed is not applied."""
    shell.run("plan", "--sandbox", "--out", "p.tfplan")
    file = Path("p.tfplan")
    file.write_text(file.read_text(encoding="utf-8").replace("mailer", "mauler"), encoding="utf-8")
    result = shell.run("apply", "--sandbox", "--plan", "p.tfplan")

    assert 1 == result.code
    assert "the plan was changed or damaged" in result.err


def test_saved_plan_has_no_external_id_and_takes_it_from_the_specs(shell: Shell) -> None:
    """The external id is in no file and no output, and apply --plan finds it again."""
    role = "credentials: {role_arn: 'arn:aws:iam::111111111111:role/sesform', external_id: s3cr3t-external-id}\nidentities:"
    shell.specs(SPECS.replace("identities:", role))
    planned = shell.run("plan", "--sandbox", "--out", "p.tfplan", "-v")
    applied = shell.run("apply", "--sandbox", "--plan", "p.tfplan", "-v")

    assert (0, 0) == (planned.code, applied.code)
    everything = Path("p.tfplan").read_text(encoding="utf-8") + planned.out + planned.err + applied.out + applied.err
    assert "s3cr3t" not in everything


def test_only_takes_what_it_depends_on_along(shell: Shell) -> None:
    """--only narrows the plan to matching addresses and the steps that they need."""
    result = shell.run("plan", "--sandbox", "--only", "corp/*/notification_topic/*/bounce")
    headers = re.findall(r"^  # (\S+) will be", result.out, re.MULTILINE)

    assert [
        "mailer/eu-west-1/topic/feedback",
        "mailer/eu-west-1/topic_policy/feedback",
        "corp/eu-west-1/notification_topic/example.com/bounce",
    ] == headers


def test_only_that_matches_nothing_is_an_error(shell: Shell) -> None:
    """A selector without a match is a mistake; the nearest address is named."""
    result = shell.run("plan", "--sandbox", "--only", "corp/eu-west-1/notification_topic/example.com/bonce")

    assert 1 == result.code
    assert "the nearest is corp/eu-west-1/notification_topic/example.com/bounce" in result.err


def test_destroy_removes_what_is_declared(shell: Shell) -> None:
    """destroy turns everything declared absent: null topics type by type, sets, topics."""
    shell.run("apply", "--sandbox", "--auto-approve")
    refused = shell.run("destroy", "--sandbox")
    result = shell.run("destroy", "--sandbox", "--auto-approve")

    assert 1 == refused.code
    assert (0, "Apply complete! Resources: 0 added, 0 changed, 6 destroyed.") == (
        result.code,
        result.out.splitlines()[-1],
    )
    assert "No changes." in shell.run("destroy", "--sandbox", "--auto-approve").out


def test_plan_with_a_missing_identity_is_an_error_and_not_a_plan(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Preflight errors are printed with their place before anything is written; JSON says errored."""
    monkeypatch.setattr("sesform.engine.settings._declare_in", lambda *_: None)
    text = shell.run("plan", "--sandbox")
    document = json.loads(shell.run("plan", "--sandbox", "--format", "json").out)
    applied = shell.run("apply", "--sandbox", "--auto-approve")

    assert (1, "") == (text.code, text.out)
    assert "identity example.com does not exist in 111111111111/eu-west-1" in text.err
    assert (True, False, False) == (document["errored"], document["applyable"], document["complete"])
    assert 1 == applied.code


def test_schema_is_json(shell: Shell) -> None:
    """schema prints a JSON Schema that describes both kinds."""
    schema = json.loads(shell.run("schema").out)

    assert {"Owner", "Delegate"} <= set(schema["$defs"])


def test_sandbox_reset_forgets(shell: Shell) -> None:
    """After reset the sandbox is as new."""
    shell.run("apply", "--sandbox", "--auto-approve")
    result = shell.run("sandbox", "reset")

    assert 0 == result.code
    assert not (shell.folder / ".sesform" / "sandbox.json").exists()
    assert 2 == shell.run("plan", "--sandbox", "--detailed-exitcode").code


def test_sandbox_by_environment(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """SESFORM_SANDBOX=1 and SESFORM_SANDBOX_STATE do what --sandbox does, with the state elsewhere."""
    monkeypatch.setenv("SESFORM_SANDBOX", "1")
    monkeypatch.setenv("SESFORM_SANDBOX_STATE", str(shell.folder / "elsewhere.json"))

    assert 0 == shell.run("apply", "--auto-approve").code
    assert (shell.folder / "elsewhere.json").exists()


@pytest.mark.parametrize(
    ("variable", "value", "coloured"),
    [
        ("FORCE_COLOR", "1", True),
        ("FORCE_COLOR", "0", False),
        ("CLICOLOR_FORCE", "1", True),
        ("CLICOLOR_FORCE", "0", False),
        ("NO_COLOR", "1", False),
        ("TERM", "dumb", False),
    ],
)
def test_colour_follows_the_environment(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, variable: str, value: str, coloured: bool
) -> None:
    """No colour but on a terminal, unless FORCE_COLOR asks for it."""
    monkeypatch.setenv(variable, value)

    assert coloured is ("\x1b[" in shell.run("plan", "--sandbox").out)
    assert "\x1b[" not in shell.run("plan", "--sandbox", "--no-color").out


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_an_interrupt_while_reading_ends_at_once(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """Calls that still wait for their turn at one a second are given up: exit 1, and no traceback."""
    sets = "".join(f"  s{i}: {{}}\n" for i in range(60))
    shell.specs(
        SPECS
        + f"---\nkind: Owner\nname: more\naccount: '111111111111'\nregions: [eu-west-1]\nconfiguration_sets:\n{sets}"
    )

    class Interrupted(Senders):
        """Whoever waits for a result is interrupted."""

        def submit_steps(self, *arguments: Any, **keywords: Any) -> Future[Any]:
            future: Future[Any] = super().submit_steps(*arguments, **keywords)
            future.result = lambda timeout=None: signal.raise_signal(number)  # type: ignore[method-assign]
            return future

    monkeypatch.setattr("sesform.live.jobs.Senders", Interrupted)
    result = shell.run("plan", "--sandbox", "--sandbox-rate", "1")

    assert (1, "\nInterrupted.\n") == (result.code, result.err[-14:])


def test_json_without_approval_is_refused(shell: Shell) -> None:
    """With --format json no plan is shown that could be approved."""
    result = shell.run("apply", "--sandbox", "--format", "json")

    assert 1 == result.code
    assert "shows no plan to approve. Pass --auto-approve" in result.err


@pytest.mark.parametrize("command", ["plan", "drift", "routes", "apply --auto-approve"])
def test_verbose_runs_end_with_their_cost(shell: Shell, command: str) -> None:
    """With -v the last line of stderr has the calls of the run and its seconds."""
    result = shell.run(*command.split(), "--sandbox", "-v")

    assert "Calls to AWS:\n  111111111111/eu-west-1: " in result.err
    assert re.search(r"\d+ calls in \d+\.\d s\.$", result.err.strip())
