"""`--format html` and `--format mermaid`: pages and diagrams from the command line."""

from __future__ import annotations

import os
import re
import subprocess
import sys

import pytest

from shell import SPECS, Shell

SECOND = SPECS.replace(
    "      complaint: mailer/feedback\n", "      complaint: mailer/feedback\n    feedback_forwarding: false\n"
)


def heading(page: str) -> str:
    """Return the text of the heading of a page."""
    return page.partition("<h1>")[2].partition("</h1>")[0].rpartition("</span> ")[2]


def test_routes_are_drawn_with_the_same_exit_code(shell: Shell) -> None:
    """A page has the gaps that the text has, and the format does not change the exit code."""
    shell.run("apply", "--sandbox", "--auto-approve")
    page, text = (shell.run("routes", "--sandbox", "--format", format) for format in ("html", "text"))

    assert (2, 2) == (page.code, text.code)
    assert page.out.startswith("<!DOCTYPE html>\n")
    assert "not received: it has no subscription" in page.out
    assert "sandbox: a simulated AWS" in page.out
    gaps = re.search(r"^(\d+ gaps):$", text.out, re.MULTILINE)
    assert gaps is not None
    assert f'<p class="summary">{gaps[1]}</p>' in page.out


def test_a_plan_is_drawn(shell: Shell) -> None:
    """A page has the summary, and the options of the exit code hold."""
    page = shell.run("plan", "--sandbox", "--detailed-exitcode", "--format", "html")

    assert 2 == page.code
    assert "Plan: 7 to add, 0 to change, 0 to destroy." == heading(page.out)


def test_a_refused_plan_is_drawn(shell: Shell) -> None:
    """A plan that a guard refuses is drawn, so that it can be judged, and the exit code is 1."""
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.specs(SECOND)
    page = shell.run("plan", "--sandbox", "--format", "html")

    assert 1 == page.code
    assert "Bounces or complaints of 1 identity lose their receiver" == heading(page.out)
    assert "pass --allow-dark" in page.out


def test_a_plan_with_preflight_errors_is_not_drawn(shell: Shell) -> None:
    """Errors before any write are on stderr, as with text."""
    shell.specs(SPECS.replace("mailer/feedback", "arn:aws:sns:eu-west-1:222222222222:missing"))
    page = shell.run("plan", "--sandbox", "--format", "html")

    assert (1, "") == (page.code, page.out)
    assert "missing" in page.err


def test_drift_is_drawn(shell: Shell) -> None:
    """The page of a drift has its own words, and the exit code stays 2."""
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.clear_in_console()
    page = shell.run("drift", "--sandbox", "--format", "html")

    assert 2 == page.code
    assert "Drift of SES settings" in page.out
    assert "sandbox: a simulated AWS" in page.out


@pytest.mark.parametrize(
    ("format", "begin"), [("html", "<!DOCTYPE html>"), ("mermaid", "flowchart LR"), ("markdown", "### Plan")]
)
def test_a_saved_plan_is_shown_in_every_format(shell: Shell, format: str, begin: str) -> None:
    """`show` draws a saved plan as `plan` does."""
    shell.run("plan", "--sandbox", "--out", "plan.bin")
    shown = shell.run("show", "plan.bin", "--format", format)

    assert (0, begin) == (shown.code, shown.out[: len(begin)])


def test_merged_results_are_drawn(shell: Shell) -> None:
    """The joined plan and routes of all parts can be drawn; other results cannot."""
    for command in ("plan", "routes", "validate"):
        options = [] if command == "validate" else ["--sandbox"]
        part = shell.run(command, *options, "--format", "json", "--shard", "1/1")
        (shell.folder / f"{command}.json").write_text(part.out, encoding="utf-8")

    assert "Plan: 7 to add, 0 to change, 0 to destroy." == heading(
        shell.run("merge", "plan.json", "--format", "html").out
    )
    assert shell.run("merge", "routes.json", "--format", "mermaid").out.startswith("flowchart LR\n")
    refused = shell.run("merge", "validate.json", "--format", "html")
    assert (1, "") == (refused.code, refused.out)
    assert "--format html is not a format of validate" in refused.err


def test_routes_are_drawn_as_a_diagram(shell: Shell) -> None:
    """A Mermaid flowchart leads from the identity to the topic."""
    shell.run("apply", "--sandbox", "--auto-approve")
    chart = shell.run("routes", "--sandbox", "--format", "mermaid")

    assert 2 == chart.code
    assert '"identity example.com<br/>111111111111/eu-west-1"' in chart.out
    assert '"topic feedback<br/>222222222222/eu-west-1"' in chart.out


@pytest.mark.parametrize("command", ["validate", "apply", "destroy"])
def test_commands_without_a_page_refuse_the_format(shell: Shell, command: str) -> None:
    """Only plans and routes can be drawn."""
    result = shell.run(command, "--format", "html")

    assert 1 == result.code
    assert "'html' is not one of 'text', 'json', 'markdown'" in result.err


def test_a_missing_template_engine_is_said_before_any_call(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the message names it; AWS is not called in vain."""
    monkeypatch.setitem(sys.modules, "jinja2", None)
    result = shell.run("routes", "--sandbox", "--format", "html")

    assert 1 == result.code
    assert (
        "Error: Jinja2, which --format html needs, is not installed; run `pip install 'sesform[html]'`\n" == result.err
    )
    assert not (shell.folder / ".sesform").exists()
    assert 0 == shell.run("plan", "--sandbox", "--format", "mermaid").code


@pytest.mark.parametrize("format", ["html", "mermaid"])
def test_a_page_can_be_written_in_any_encoding(shell: Shell, format: str) -> None:
    """A standard output that is not UTF-8, as on some systems, is no error."""
    command = [sys.executable, "-m", "sesform", "plan", "--sandbox", "-q", "--format", format]
    environment = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    done = subprocess.run(command, cwd=shell.folder, env=environment, capture_output=True, check=False)

    assert (0, b"") == (done.returncode, done.stderr)
    assert done.stdout.isascii()
