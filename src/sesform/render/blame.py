"""Who changed a drifted resource, as one line, and the notes behind the list."""

from __future__ import annotations

from sesform.model import user_agent
from sesform.model.values import printable
from sesform.planning.blame import Blame, BlameReport


def line(of: Blame, days: int) -> str:
    """Return who changed one resource. `days`: how far back CloudTrail was searched."""
    text = {"call": _by_call, "ses": _by_ses, "unknown": _by_unknown}[of.by](of, days)
    return f"{text}; {of.note}" if of.note else text


def notes(of: BlameReport | None) -> str:
    """Return the notes, each on a line of its own, with an empty line behind; "" for none."""
    return "".join(f"Note: {printable(note)}.\n" for note in of.notes) + "\n" if of is not None and of.notes else ""


def _by_call(of: Blame, days: int) -> str:
    if of.own_run:
        return f"changed {_when(of)} by an earlier run of {of.tool} as {of.principal}{_source(of)}: {_name(of)}"
    return f"changed {_when(of)} by {_who(of)}: {_name(of)}"


def _by_ses(of: Blame, days: int) -> str:
    since = f"since {_when(of)}" if of.time else f"in the last {_days(days)}"
    text = "changed by SES itself, which removes a topic that it cannot publish to and turns e-mail forwarding on"
    return f"{text}: no call that did it was recorded {since}"


def _by_unknown(of: Blame, days: int) -> str:
    if not of.time:
        return f"no call that changed it was recorded in the last {_days(days)}"
    return f"no recorded call left it as it is; the newest one is of {_when(of)} by {_who(of)}: {_name(of)}"


def _when(of: Blame) -> str:
    return of.time.replace("T", " ").replace("Z", " UTC")


def _who(of: Blame) -> str:
    if of.tool == user_agent.CONSOLE:
        return f"{of.principal} in {of.tool}{_source(of)}"
    return f"{of.principal}{f' with {of.tool}' if of.tool else ''}{_source(of)}"


def _source(of: Blame) -> str:
    return f" from {of.source}" if of.source else ""


def _name(of: Blame) -> str:
    return of.call.partition(":")[2]


def _days(days: int) -> str:
    return "day" if days == 1 else f"{days} days"
