"""A plan of hundreds of changes can be judged, in a terminal and in a comment, and is complete where that is asked for."""

from __future__ import annotations

import re

import pytest

from shell import SPECS, Shell

COUNT = 100
NAMES = [f"d{i}.example.com" for i in range(COUNT)]
HEAD, _, DELEGATE = SPECS.partition("---\n")
LARGE = HEAD[: HEAD.index("identities:")] + "identities:\n"


def specs(*, headers: bool) -> str:
    settings = f"{{bounce: {{topic: mailer/feedback, headers: {str(headers).lower()}}}, complaint: mailer/feedback}}"
    return f"{LARGE}{''.join(f'  {n}: {{notifications: {settings}}}{chr(10)}' for n in NAMES)}---\n{DELEGATE}"


@pytest.fixture
def large(shell: Shell) -> Shell:
    """Return specs of 100 identities with three settings each."""
    shell.specs(specs(headers=True))
    return shell


def test_a_large_plan_is_short_enough_to_read(large: Shell) -> None:
    """300 changes are a few hundred lines: what is identical is one line, and what is not shown is counted."""
    result = large.run("plan", "--sandbox")

    assert len(result.out.splitlines()) < 300
    assert "+ bounce topic -> mailer/feedback: 100 identities: d0.example.com ... d99.example.com" in result.out
    assert re.search(r"# \d+ more resources are not shown in detail\. `--full` shows every step\.", result.out)
    assert "Plan: 304 to add, 0 to change, 0 to destroy." in result.out


def test_full_shows_every_step(large: Shell) -> None:
    """`--full` has a block for each resource, also of a saved plan."""
    full = large.run("plan", "--sandbox", "--full", "--out", "plan.json").out
    shown = large.run("show", "plan.json", "--full").out

    assert 304 == len(re.findall(r"^  # \S+ will be created$", full, re.MULTILINE))
    assert full == shown


def test_a_saved_plan_is_shown_in_each_format(large: Shell) -> None:
    """`show` draws a comment as `plan` does."""
    comment = large.run("plan", "--sandbox", "--format", "markdown", "--out", "plan.json").out

    assert comment.startswith("### Plan: 304 to add")
    assert comment == large.run("show", "plan.json", "--format", "markdown").out


@pytest.mark.parametrize(("format", "line"), [("markdown", 4), ("text", 1)])
def test_a_refusal_comes_first(large: Shell, format: str, line: int) -> None:
    """A reviewer sees before all else that a guard refuses the plan."""
    large.run("apply", "--sandbox", "--auto-approve")
    large.specs(specs(headers=False).replace("bounce: {topic: mailer/feedback, headers: false}", "bounce: null"))
    result = large.run("plan", "--sandbox", "--format", format)

    assert 1 == result.code
    assert "Refused: the plan deletes 200 of 304 resources" in result.out.splitlines()[line]


def test_quiet_apply_prints_the_report_only(large: Shell) -> None:
    """With `-q` nothing stands before the closing line, and nothing on standard error."""
    result = large.run("apply", "--sandbox", "--auto-approve", "-q")

    assert "Apply complete! Resources: 304 added, 0 changed, 0 destroyed." == result.out.strip()
    assert "" == result.err


def test_the_text_of_a_lost_policy_is_printed_if_the_plan_is_not(shell: Shell) -> None:
    """A sending policy that is overwritten can be restored, also after `apply -q`."""
    grant = "    authorize: {mailer: {actions: [SendEmail]}}\n"
    with_grant = SPECS.replace("  example.com:\n", f"  example.com:\n{grant}")
    shell.specs(with_grant)
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.specs(with_grant.replace("[SendEmail]", "[SendRawEmail]"))
    result = shell.run("apply", "--sandbox", "--auto-approve", "-q")

    assert "the present text, to restore it:" in result.err
    assert "ses:SendEmail" in result.err


@pytest.mark.parametrize("command", [("plan",), ("drift",), ("apply", "--auto-approve")])
def test_the_sandbox_says_once_what_it_is(shell: Shell, command: tuple[str, ...]) -> None:
    """One line in each run says that nothing is real."""
    result = shell.run(*command, "--sandbox")

    assert 1 == (result.out + result.err).count("this is a simulated AWS")
