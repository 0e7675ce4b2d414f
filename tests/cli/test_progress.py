"""How far a long read has come."""

from __future__ import annotations

import sys
from collections import Counter

import pytest

from sesform.cli import progress
from sesform.cli.console import Console
from sesform.cli.progress import Progress
from sesform.model.address import Scope

HERE, THERE = Scope("111111111111", "eu-west-1"), Scope("222222222222", "eu-west-1")


class Turns:
    """In place of an event that is waited for: not set for so many turns, then set."""

    def __init__(self, turns: int) -> None:
        self._left = turns

    def wait(self, timeout: float) -> bool:
        self._left -= 1
        return self._left < 0

    def set(self) -> None:
        pass


def under_way(made: dict[tuple[Scope, str], int], *, rate: float | None = 1.0, quiet: bool = False) -> Progress:
    expected = {HERE: 1000, THERE: 200}
    return Progress(Console(quiet=quiet, no_color=True), lambda: Counter(made), expected, rate)


def test_the_line_says_what_was_done_and_how_long_the_rest_takes() -> None:
    """The slowest scope decides; calls to SNS do not count, nor scopes of which nothing is known yet."""
    made = {(HERE, "ses:GetEmailIdentity"): 100, (THERE, "ses:ListEmailIdentities"): 200, (THERE, "sns:ListTopics"): 50}
    made[Scope("333333333333", "eu-west-1"), "ses:ListEmailIdentities"] = 7

    assert (
        under_way(made).line() == "Reading [#######-----------------------] 300 of 1,200 SES calls, about 15 min left"
    )


def test_repeated_calls_do_not_make_more_than_all() -> None:
    """Retries count as calls, and a scope that is through is through."""
    made = {(HERE, "ses:GetEmailIdentity"): 1100, (THERE, "ses:GetEmailIdentity"): 201}

    assert under_way(made, rate=None).line() == f"Reading [{'#' * 30}] 1,200 of 1,200 SES calls"


def test_without_a_terminal_there_is_a_line_every_hundred_calls(capsys: pytest.CaptureFixture[str]) -> None:
    """Not one more for the same hundred."""
    made = {(HERE, "ses:GetEmailIdentity"): 99}
    found = under_way(made)
    for calls in (99, 100, 150, 260):
        made[HERE, "ses:GetEmailIdentity"] = calls
        found.now_and_then()

    assert ["100 of 1,200", "260 of 1,200"] == [
        line.split("] ")[1].split(" SES")[0] for line in capsys.readouterr().err.splitlines()
    ]


def test_on_a_terminal_the_line_renews_itself_and_goes(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Nothing of it is left when the result comes."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress, "_QUIET_FOR", 0.0)
    found = under_way({(HERE, "ses:GetEmailIdentity"): 5})
    monkeypatch.setattr(found, "_done", Turns(2))
    found._tell()

    assert capsys.readouterr().err == f"\r\x1b[K{found.line()}" * 2 + "\r\x1b[K"


def test_what_is_quick_shows_nothing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Nothing before a second has passed."""
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    monkeypatch.setattr(progress, "_QUIET_FOR", 1e9)
    found = under_way({(HERE, "ses:GetEmailIdentity"): 5})
    monkeypatch.setattr(found, "_done", Turns(3))
    found._tell()

    assert capsys.readouterr().err == ""


def test_quiet_starts_nothing() -> None:
    """With -q there is nothing to stop either."""
    with under_way({}, quiet=True) as found:
        assert not found._thread.is_alive()
