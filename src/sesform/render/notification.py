"""Messages to people about drift: the differences, since when, and how to heal them. Plain text, short enough for a chat."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sesform.model.values import printable
from sesform.planning.drift_history import Difference, Failure, News

_MAX_LINES = 10  # of each section; the rest is counted
_MAX_LENGTH = 400  # of each line


class Message(NamedTuple):
    """A message. `alarm`: it tells of something to repair."""

    title: str
    body: str
    alarm: bool


class Advice(NamedTuple):
    """What a message says about the run. `heal`, `check`: commands. `at`: writes a time. `remark`: printed last, "" for none."""

    heal: str
    check: str
    at: Callable[[int], str]
    sandbox: bool = False
    remark: str = ""


def message(of: News, advice: Advice) -> Message:
    """Return the message for a service."""
    made = _failure(of.failure, of, advice) if of.failure else _drift(of, advice)
    prefix = "sesform (sandbox)" if advice.sandbox else "sesform"
    remark = f"\n\n{advice.remark}" if advice.remark else ""
    return Message(f"{prefix}: {made.title}", f"{made.body}{remark}", made.alarm)


def _failure(failure: Failure, of: News, advice: Advice) -> Message:
    since = advice.at(of.failing_since)
    lines = [
        f"sesform cannot compare AWS with the specs since {since}. Until this is repaired, drift is not detected:",
        "",
        *_shortened([f"- {printable(text)}" for text in failure.texts]),
        "",
        f"To heal: repair the cause, and run `{advice.check}`. What drifted before may still differ.",
    ]
    return Message("drift detection fails", "\n".join(lines), True)


def _drift(of: News, advice: Advice) -> Message:
    differing = len(of.new) + len(of.changed) + len(of.same)
    lines = ["sesform can read AWS and the specs again."] if of.recovered else []
    if differing:
        lines += [
            f"{_differences(differing)} between AWS and the specs: {_counts(of)}.",
            f"To heal: run `{advice.heal}` to restore what the specs declare, or change the specs to keep what AWS has.",
            f"`{advice.check}` shows all values.",
        ]
    elif of.healed:
        lines.append("AWS matches the specs again.")
    else:
        lines.append("AWS matches the specs.")
    lines += _section("New", _lines(of.new, advice))
    lines += _section("Changed again", _lines(of.changed, advice))
    lines += _section("As before", _lines(of.same, advice))
    healed = [f"- {printable(name)}: differed since {advice.at(since)}" for name, since in of.healed]
    lines += _section("Healed", _shortened(healed))
    return Message(_title(of, differing), "\n".join(lines), bool(of.new or of.changed))


def _title(of: News, differing: int) -> str:
    if of.new or of.changed:
        return f"SES settings have drifted: {_differences(differing)}"
    if differing and of.healed:
        return f"drift is healed in part: {_differences(differing)} left"
    if of.healed:
        return "drift is healed"
    return "drift detection works again"


def _differences(n: int) -> str:
    return f"{n} {'difference' if n == 1 else 'differences'}"


def _counts(of: News) -> str:
    counted = {"new": of.new, "changed again": of.changed, "as before": of.same, "healed": of.healed}
    return ", ".join(f"{len(each)} {name}" for name, each in counted.items() if each)


def _section(title: str, lines: Sequence[str]) -> list[str]:
    return ["", f"{title}:", *lines] if lines else []


def _lines(found: Sequence[tuple[Difference, int]], advice: Advice) -> list[str]:
    return _shortened([line for each, since in found for line in _described(each, advice.at(since))])


def _described(of: Difference, since: str) -> Iterator[str]:
    yield f"- {printable(of.name)}: {of.detail}, since {since}"
    for warning in of.warnings:
        yield f"  Read first: {warning}"


def _shortened(lines: Sequence[str]) -> list[str]:
    """Return the first lines, cut where they are long, and how many more there are."""
    shown = [line if len(line) <= _MAX_LENGTH else f"{line[:_MAX_LENGTH]}..." for line in lines[:_MAX_LINES]]
    more = len(lines) - len(shown)
    return [*shown, *([f"- and {more} more"] if more else [])]
