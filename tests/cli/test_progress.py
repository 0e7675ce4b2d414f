"""The progress of reads and steps: on a real terminal, and where there is none."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from pty_shell import SESFORM, Terminal
from sesform.cli import console, progress
from sesform.cli.console import Console
from sesform.cli.progress import Applying, Progress, Reading, State
from sesform.cli.time_left import Remaining
from sesform.model.address import Address, Scope
from sesform.model.quotas import CallProgress
from sesform.planning.plan import Change
from shell import Shell

HERE, THERE = Scope("111111111111", "eu-west-1"), Scope("222222222222", "eu-west-1")
BAR = re.compile(r"(Reading|Applying) \[#*-*\] (\d+) of (\d+) (SES calls|steps)(, about \d+ s left)?")


def change(scope: Scope, *calls: str) -> Change:
    address = Address("corp", scope.region, "topic", "feedback")
    return Change(address, scope, "create", None, {}, "a reason", 2, calls)


def specs(folder: Path, identities: int) -> None:
    """Write the spec of an owner whose policies take a read and a write each."""
    lines = [f"  d{n}.example.com: {{authorize: {{'222222222222': {{}}}}}}" for n in range(identities)]
    head = "kind: Owner\nname: corp\naccount: '111111111111'\nregions: [eu-west-1]\nidentities:\n"
    (folder / "specs").mkdir()
    (folder / "specs" / "corp.yaml").write_text(head + "\n".join(lines) + "\n", encoding="utf-8")


def test_reads_count_from_where_they_begin() -> None:
    """Reads before this one count neither as done nor as expected; scopes that join count whole."""
    now = {HERE: CallProgress(5, 5, 1.0)}
    reading = Reading("Reading", lambda: now)
    now |= {HERE: CallProgress(7, 25, 2.0), THERE: CallProgress(1, 10, 1.0)}

    remaining = {HERE: Remaining(2, 20, 2.0), THERE: Remaining(1, 10, 1.0)}
    assert State("Reading", 3, 30, "SES calls", remaining) == reading.state()


def test_steps_count_by_their_calls_to_ses() -> None:
    """The time left follows the calls that the quota counts: a step may have several, or none."""
    steps = [change(HERE, "sns:CreateTopic"), change(HERE, "ses:A", "ses:B"), change(THERE, "ses:A")]
    applying = Applying(steps, lambda: {HERE: CallProgress(seconds=1.0), THERE: CallProgress(seconds=1.0)})
    applying.ended(steps[0])
    applying.ended(steps[2])

    remaining = {HERE: Remaining(0, 2, 1.0), THERE: Remaining(1, 1, 1.0)}
    assert State("Applying", 2, 3, "steps", remaining) == applying.state()


def test_all_calls_count_without_pacing() -> None:
    """Without pacing, a call to SNS takes as long as one to SES."""
    steps = [change(HERE, "sns:CreateTopic"), change(HERE, "ses:A")]
    applying = Applying(steps, lambda: {HERE: CallProgress(seconds=None)})
    applying.ended(steps[0])

    assert {HERE: Remaining(1, 2, None)} == applying.state().remaining


class Turns:
    """In place of an event that is waited for: not set for so many turns, then set. Each turn calls `turn`."""

    def __init__(self, turns: int, turn: Callable[[], None]) -> None:
        self._left, self._turn = turns, turn

    def wait(self, timeout: float) -> bool:
        self._left -= 1
        self._turn()
        return self._left < 0


def lines_without_a_terminal(monkeypatch: pytest.MonkeyPatch, seconds: int, quiet: bool = False) -> None:
    """Show a read of 100 calls, one a second, for so many seconds of a made-up clock."""
    clock = [0.0]

    def turn() -> None:
        clock[0] += 0.5

    class Work:
        def state(self) -> State:
            done = int(clock[0])
            return State("Reading", done, 100, "SES calls", {HERE: Remaining(done, 100, 1.0)})

    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(console.status, "open", True)
    Progress(Console(quiet=quiet, no_color=True))._show(Work(), Turns(2 * seconds, turn))  # type: ignore[arg-type]


def test_without_a_terminal_there_is_a_line_every_ten_seconds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The lines have no bar, and a run of less than ten seconds has none."""
    lines_without_a_terminal(monkeypatch, 35)

    found = re.findall(r"^Reading: (\d+) of 100 SES calls, about \d+ s left$", capsys.readouterr().err, re.MULTILINE)
    assert ["10", "20", "30"] == found


def test_quiet_shows_no_progress(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """With -q no progress is begun, whatever stderr is."""
    monkeypatch.setattr(progress, "_EVERY", 0.0)
    monkeypatch.setattr(progress, "_REDRAWN", 0.001)

    assert (0, "") == (shell.run("plan", "--sandbox", "-q").code, shell.run("plan", "--sandbox", "-q").err)


def test_a_terminal_shows_a_bar_for_reads_and_steps_and_clears_it(tmp_path: Path) -> None:
    """Bars of both kinds appear with the time left, lines stand above them, and nothing of them is left on the screen."""
    specs(tmp_path, 6)
    command = (*SESFORM, "apply", "--sandbox", "--sandbox-rate", "4")
    shown = Terminal(tmp_path).run(command, ("Enter a value:", "yes\n"))

    assert 0 == shown.code
    assert {"Reading", "Applying"} == {kind for kind, *_, left in BAR.findall(shown.raw) if left}
    assert [line for line in shown.lines if BAR.search(line)] == []
    assert "Apply complete! Resources: 6 added, 0 changed, 0 destroyed." in shown.lines
    assert "corp/eu-west-1/sending_policy/d5.example.com/sesform-222222222222: Creation complete" in shown.lines


def test_the_bar_is_not_in_the_result(tmp_path: Path) -> None:
    """With stdout in a file, the bar is on the terminal and the file has the plan only."""
    specs(tmp_path, 6)
    command = (*SESFORM, "plan", "--sandbox", "--sandbox-rate", "4", "--format", "json")
    shown = Terminal(tmp_path).run(command, stdout=tmp_path / "plan.json")

    assert BAR.search(shown.raw)
    assert shown.stdout.startswith('{"format_version"')
    assert "\r" not in shown.stdout


def test_an_interrupt_clears_the_bar(tmp_path: Path) -> None:
    """After Ctrl-C in a read the screen ends with one line, and no part of the bar."""
    specs(tmp_path, 30)
    command = (*SESFORM, "plan", "--sandbox", "--sandbox-rate", "4")
    shown = Terminal(tmp_path).run(command, ("Reading [", "\x03"))

    assert 1 == shown.code
    assert ["Interrupted.", ""] == shown.lines[-2:]
    assert [line for line in shown.lines if "SES calls" in line and "^C" not in line] == []


def test_a_line_never_wraps_on_a_narrow_terminal(tmp_path: Path) -> None:
    """Each state of the bar is shorter than the terminal is wide."""
    specs(tmp_path, 6)
    shown = Terminal(tmp_path, columns=24).run((*SESFORM, "plan", "--sandbox", "--sandbox-rate", "4"))
    states = re.findall(r"\r\x1b\[K(Reading \d[^\r]*)", shown.raw)

    assert states
    assert max(map(len, states)) < 24


@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"CI": "true"}])
def test_a_terminal_without_cursor_movement_has_no_bar(tmp_path: Path, env: dict[str, str]) -> None:
    """A dumb terminal, and one that a CI system shows as a log, get no control sequences."""
    specs(tmp_path, 6)
    command = (*SESFORM, "plan", "--sandbox", "--sandbox-rate", "4", "--no-color")
    shown = Terminal(tmp_path, env=env).run(command)

    assert (0, False) == (shown.code, "\x1b" in shown.raw)
