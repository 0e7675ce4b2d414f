"""Routes and plans as one HTML page that loads nothing. The caller passes the template: drawing reads no file.

A page is a list of sections, the most important one first. A section has rows, which people filter by account and by text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from sesform.live.snapshot import Subscriber
from sesform.model.quotas import SES_CALLS_PER_SECOND
from sesform.planning.plan import Plan, on_the_way
from sesform.planning.routes import VITAL, Gap, Matrix, Received, RouteChange
from sesform.render import handover, text
from sesform.render.alike import Alike, ChangedAlike, alike, changed_alike, is_own, loses_receiver
from sesform.render.resource_changes import ACTIONS, ResourceChange, resource_changes

Template = Callable[[Mapping[str, Any]], str]  # the content of a page → HTML, with every text escaped


@dataclass(frozen=True, slots=True)
class Section:
    """One part of a page. `tone`: lost, gap, unknown, received or plain. `draws`: the kind of its rows in the template."""

    id: str
    title: str
    tone: str
    draws: str
    rows: Sequence[Alike | ChangedAlike | ResourceChange]
    remark: str = ""

    @property
    def count(self) -> int:
        """The number of identities, sets or resources."""
        return sum(len(row.names) for row in self.rows)


@dataclass(frozen=True, slots=True)
class Made:
    """When a page was made (RFC 3339, "" if that is not known), and whether its content is that of the sandbox."""

    at: str = ""
    on_sandbox: bool = False


UNDATED = Made()

# What only the pages of plans have.
_NO_PLAN: Mapping[str, Any] = {
    "drift": False,
    "problems": (),
    "temporary": 0,
    "unmanaged": None,
    "handover": (),
    "calls": (),
}


# --- routes ------------------------------------------------------------------------------------------------------------


_SEVERITIES = (
    ("lost", "No receiver", "Bounces or complaints of these are lost."),
    ("gap", "Other gaps", "No bounces or complaints of these are known to be lost."),
    ("unknown", "Not known", "sesform could not read whether these have a receiver."),
    ("received", "No gaps", ""),
)


def routes(
    of: Matrix,
    subscribers: Mapping[str, tuple[Subscriber, ...]],
    gaps: Sequence[Gap],
    template: Template,
    made: Made = UNDATED,
) -> str:
    """Return the page of all routes: those without receiver first, then other gaps, then the rest."""
    rows = alike(of, subscribers, gaps)
    sections = [
        Section(tone, title, tone, "routes", [row for row in rows if row.severity == tone], remark)
        for tone, title, remark in _SEVERITIES
    ]
    return template(
        {
            **_NO_PLAN,
            "title": "Routes of SES feedback",
            "made": made,
            "verdict": _verdict(sections, len(gaps)),
            "summary": _counted(len(gaps), "gap", "gaps") if sections[0].rows else "",
            "tone": next((section.tone for section in sections if section.rows), "received"),
            "tiles": sections,
            "tiles_title": "Identities and sets",
            "sections": [section for section in sections if section.rows],
            "scopes": _scopes(rows),
            "unit": "identities and sets",
            "nothing": "The specs name no identity and no configuration set.",
        }
    )


def _verdict(sections: Sequence[Section], gaps: int) -> str:
    n = {section.id: section.count for section in sections}
    of = _counted(sum(n.values()), "identity or set", "identities and sets")
    if n["lost"]:
        return f"Bounces or complaints of {n['lost']:,} of {of} have no receiver"
    if gaps:
        return f"{_counted(gaps, 'gap', 'gaps')}; no bounces or complaints are known to be lost"
    if n["unknown"]:
        return f"{n['unknown']:,} of {of} could not be read; no gaps are known"
    return "No gaps"


# --- plans -------------------------------------------------------------------------------------------------------------


def plan(
    of: Plan,
    template: Template,
    made: Made = UNDATED,
    *,
    drift: bool = False,
    rate: float | None = SES_CALLS_PER_SECOND,
) -> str:
    """Return the page of a plan: receivers that it takes away first, then problems, routes before and after, and resources.

    With `drift`, the page says that AWS differs from the specs. `rate`: SES calls per second of the estimate, None for none.
    """
    routed = _route_sections(of, drift=drift)
    lost, still, _ = routed
    verdict = _plan_verdict(of, lost.count, still.count, drift=drift)
    changed = "unknown" if drift else "plain"
    changes = resource_changes(of)
    resources = [
        Section(action, _TITLES[action], "plain", "resources", [c for c in changes if c.action == action])
        for action in ACTIONS
    ]
    sections = [section for section in (*routed, *resources) if section.rows]
    return template(
        {
            "title": "Drift of SES settings" if drift else "Plan of SES settings",
            "made": Made(made.at, made.on_sandbox or of.options.sandbox),
            "verdict": verdict,
            "summary": text.summary(of) if of.changes and verdict != text.summary(of) else "",
            "tone": "lost" if of.errors or lost.rows or still.rows else changed if of.changes else "received",
            "drift": drift,
            "tiles": [s for s in (*routed, *resources) if s.rows or s.id not in ("still", "replace")],
            "tiles_title": "Identities, sets and resources",
            "problems": sorted(of.diagnostics, key=lambda problem: problem.severity != "error"),
            "sections": sections,
            "scopes": _scopes([row for section in sections for row in section.rows]),
            "unit": "identities, sets and resources",
            "temporary": len(on_the_way(of.changes)),
            "unmanaged": of.unmanaged,
            "handover": handover.text(of.handover).split("\n") if of.handover.parties else [],
            "calls": [] if drift or not of.changes else text.calls(of, rate).split("\n"),
            "nothing": f"{len(of.unchanged):,} resources of the specs are as declared.",
        }
    )


_TITLES = {"destroy": "Destroyed", "replace": "Replaced", "change": "Changed", "add": "Added"}


def _route_sections(of: Plan, *, drift: bool) -> list[Section]:
    """Return which identities lose their receiver, which have none before and after, and the other changes of routes.

    Drift is about the present: there an identity that has no receiver now has lost it.
    """
    rows = changed_alike(of.routes, of.unheard, _dark_now if drift else loses_receiver)
    lost = [row for row in rows if row.lost]
    still = [row for row in rows if row.silent and not row.lost]
    others = [row for row in rows if not row.silent and not row.lost]
    title, remark = _DARK_NOW if drift else _LOST
    return [
        Section("lost", title, "lost", "changes", lost, remark),
        Section("still", "Still no receiver", "lost", "changes", still, "Applying does not change that."),
        Section("routes", "Routes that change", "plain", "changes", others),
    ]


_LOST = "Receivers lost", "Bounces or complaints of these have no receiver after the plan."
_DARK_NOW = "No receiver now", "Bounces or complaints of these are lost until the specs are applied."


def _dark_now(change: RouteChange) -> bool:
    dark = change.received_before is Received.NO and change.received_after is not Received.NO
    return dark and change.subject.event in VITAL and is_own(change)


def _plan_verdict(of: Plan, lost: int, still: int, *, drift: bool) -> str:
    if drift and lost + still:
        return f"Bounces or complaints of {_counted(lost + still, 'identity', 'identities')} have no receiver now"
    if lost:
        return f"Bounces or complaints of {_counted(lost, 'identity', 'identities')} lose their receiver"
    if of.errors:
        return f"Refused: {_counted(len(of.errors), 'error', 'errors')}"
    if still:
        return (
            f"Bounces or complaints of {_counted(still, 'identity', 'identities')} have no receiver, before and after"
        )
    if not of.changes:
        return text.NO_DRIFT if drift else text.NO_CHANGES
    return "AWS differs from the specs" if drift else text.summary(of)


# --- both --------------------------------------------------------------------------------------------------------------


def _scopes(rows: Iterable[Alike | ChangedAlike | ResourceChange]) -> list[tuple[str, list[str]]]:
    """Return the accounts, each with its regions, for the filter."""
    found = sorted({row.scope for row in rows})
    return [(account, [scope.region for scope in group]) for account, group in groupby(found, lambda s: s.account)]


def _counted(n: int, one: str, many: str) -> str:
    return f"{n:,} {one if n == 1 else many}"
