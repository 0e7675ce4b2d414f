"""What terminals, pipes, locales and the environment change in the output."""

from __future__ import annotations

import math
import os
import subprocess
from pathlib import Path

import pytest

from pty_shell import SESFORM, SRC, Terminal
from sesform.cli import console
from sesform.cli.console import Console
from sesform.cli.options import Calls
from sesform.cli.presenting import Notifier, View
from sesform.engine import progress as events
from sesform.model.address import Scope
from shell import Shell

SCOPE = Scope("111111111111", "eu-west-1")


def told(event: events.Event, calls: Calls | None = None) -> None:
    """Show an event of the engine."""
    with Notifier(View(Console(no_color=True)), calls or Calls()) as notify:
        notify(event)


def test_many_accounts_are_counted(capsys: pytest.CaptureFixture[str]) -> None:
    """A run over 200 accounts names the first four."""
    scopes = tuple(Scope(f"{n:012}", "eu-west-1") for n in range(200))
    told(events.ReadingResources(2000, scopes))

    assert capsys.readouterr().err.endswith("000000000003/eu-west-1 and 196 more accounts and regions ...\n")


@pytest.mark.parametrize(
    ("rate", "seconds", "begins"),
    [
        (None, 0.0, "Warning: AWS throttles calls to ses in 111111111111/eu-west-1: another program"),
        (math.inf, 0.0, "AWS accepts no more calls to ses in 111111111111/eu-west-1 for now, so the rate falls."),
        (math.inf, 60.0, "Warning: AWS throttles calls to ses in 111111111111/eu-west-1 for 60 s: another program"),
    ],
)
def test_the_reason_of_throttled_calls(
    capsys: pytest.CaptureFixture[str], rate: float | None, seconds: float, begins: str
) -> None:
    """With `--rate auto` the run itself finds the limit; another program is the reason only if nothing is accepted for long."""
    told(events.Throttled(SCOPE, "ses", seconds), Calls(rate=rate))

    assert capsys.readouterr().err.startswith(begins)


@pytest.mark.parametrize(("columns", "expected"), [("70", 69), ("1", 1), ("0", 79), ("", 79), ("wide", 79), ("-3", 79)])
def test_columns_override_the_width(monkeypatch: pytest.MonkeyPatch, columns: str, expected: int) -> None:
    """COLUMNS counts if it is a number; where there is no terminal either, a line has 80 columns."""
    monkeypatch.setenv("COLUMNS", columns)

    assert expected == console.width()


def test_help_says_how_a_command_is_written(shell: Shell) -> None:
    """The usage lines have each argument once, in brackets if it can be left out."""
    assert shell.run("plan", "--help").out.startswith("Usage: sesform plan [OPTIONS] [PATHS]...\n")
    assert shell.run("merge", "--help").out.startswith("Usage: sesform merge [OPTIONS] {FILES}...\n")


def test_a_choice_that_does_not_exist_is_named(shell: Shell) -> None:
    """The error lists the choices, without words of the library that checks them."""
    error = shell.run("plan", "--format", "xml").err

    assert error.startswith("Error: Invalid value for '--format': 'xml' is not one of 'text', 'json', ")
    assert "Error: Missing argument 'SHELL'. Choose from: bash, zsh, fish; see" in shell.run("completion").err


def test_a_locale_without_a_character_gets_its_escape(shell: Shell) -> None:
    """In the C locale, characters outside of ASCII are escapes, and no command fails because of one."""
    shell.specs(
        "kind: Delegate\nname: cafe\naccount: '222222222222'\nregions: [eu-west-1]\ntopics: {a: {display_name: Café}}"
    )
    env = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(SRC),
        "LC_ALL": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
    }
    done = subprocess.run([*SESFORM, "plan", "--sandbox"], capture_output=True, env=env, cwd=shell.folder, check=False)

    assert 0 == done.returncode
    assert b'+ display_name = "Caf\\xe9"' in done.stdout


def test_each_stream_decides_about_its_colour(tmp_path: Path, shell: Shell) -> None:
    """With stdout in a file the plan has no colour, and warnings on the terminal have it."""
    shell.specs("kind: Owner\nname: o\naccount: '111111111111'\nregions: [eu-west-1]\nidentities: {a.com: {}}")
    shell.sandbox.declare_identity("111111111111", "eu-west-1", "b.a.com")
    shown = Terminal(shell.folder).run((*SESFORM, "plan", "--sandbox"), stdout=tmp_path / "plan.txt")

    assert "\x1b[33mWarning:\x1b[0m" in shown.raw
    assert "\x1b" not in shown.stdout
