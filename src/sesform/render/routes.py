"""Routes as text, JSON and Markdown."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from sesform.live.snapshot import Subscriber
from sesform.model.address import Scope
from sesform.model.masking import masked, masked_values
from sesform.model.shard import Part
from sesform.model.values import NOTIFICATION_TYPES, printable
from sesform.planning.routes import Gap, Matrix, Route, Subject, received
from sesform.render._escape import cell
from sesform.render._hcl import painter
from sesform.render.json import part_of

Subscribers = Mapping[str, tuple[Subscriber, ...]]


def by_subject(of: Matrix) -> Iterator[tuple[tuple[Scope, str, str], list[tuple[str, tuple[Route, ...]]]]]:
    """Yield each identity and set once, with its three events in a fixed order."""
    subjects = sorted(of, key=lambda s: (s.kind != "identity", s.scope, s.name))
    for (scope, kind, name), _ in groupby(subjects, key=lambda s: s[:3]):
        yield (scope, kind, name), [(e, of.get(Subject(scope, kind, name, e), ())) for e in NOTIFICATION_TYPES]


def _heard(route: Route, subscribers: Subscribers) -> str:
    found = subscribers.get(route.topic_arn, ())
    names = ", ".join(f"{s.protocol} {masked(s.endpoint)}{' (pending)' if s.pending else ''}" for s in found)
    return f"{route}{f' -> {names}' if names else ''}{route.remark}"


def text(of: Matrix, subscribers: Subscribers, gaps: Sequence[Gap], *, colour: bool = False) -> str:
    paint = painter(colour)
    lines: list[str] = []
    for (scope, kind, name), events in by_subject(of):
        lines.append(paint(f"{kind} {printable(name)} in {scope}", "bold"))
        for event, ways in events:
            texts = [printable(_heard(w, subscribers)) for w in ways] or ["no receiver"]
            lines.append(f"  {event:<10} {texts[0]}")
            lines += [f"  {'':<10} {more}" for more in texts[1:]]
        lines.append("")
    if not gaps:
        return "\n".join([*lines, paint("No gaps.", "create")]) + "\n"
    lines.append(paint(f"{len(gaps)} {'gap' if len(gaps) == 1 else 'gaps'}:", "delete"))
    lines += [f"  {g.subject.kind} {printable(g.subject.name)}, {g.subject.event}: {printable(g.text)}" for g in gaps]
    return "\n".join(lines) + "\n"


def json_text(of: Matrix, subscribers: Subscribers, gaps: Iterable[Gap], part: Part | None = None) -> str:
    """Return one line: `routes` with one entry for each subject and event, and `gaps`. `part`: of which part of the specs."""
    entries = [{**_subject(s), "routes": [_route(r, subscribers) for r in ways]} for s, ways in sorted(of.items())]
    content = {"version": 1, "routes": entries, "gaps": list(map(_gap, gaps))}
    content |= part_of(part)
    return json.dumps(masked_values(content), separators=(",", ":"))


def _subject(of: Subject) -> dict[str, str]:
    return {"account": of.scope.account, "region": of.scope.region, "kind": of.kind, "name": of.name, "event": of.event}


def _gap(of: Gap) -> dict[str, object]:
    where = {name: getattr(of, name) for name in ("text", "rule", "address", "file", "line", "column")}
    return {**_subject(of.subject), **where}


def _route(of: Route, subscribers: Subscribers) -> dict[str, object]:
    heard = subscribers.get(of.topic_arn)
    shown = ("protocol", "endpoint", "pending")
    listed = None if heard is None else [{name: getattr(s, name) for name in shown} for s in heard]
    own = {name: getattr(of, name) for name in ("way", "topic_arn", "destination", "by_default")}
    return {**own, "received": received((of,)).value, "reason": of.verdict.reason, "subscribers": listed}


def markdown(of: Matrix, subscribers: Subscribers, gaps: Sequence[Gap]) -> str:
    lines = [f"| identity or set | {' | '.join(NOTIFICATION_TYPES)} |", "|---|" + "---|" * len(NOTIFICATION_TYPES)]
    for (scope, kind, name), events in by_subject(of):
        ways = ["<br>".join(cell(_heard(w, subscribers)) for w in ways) or "no receiver" for _, ways in events]
        lines.append(f"| {kind} {cell(name)} in {scope} | {' | '.join(ways)} |")
    lines.append("")
    lines += [f"- **{g.subject.kind} {cell(g.subject.name)}, {g.subject.event}**: {cell(g.text)}" for g in gaps] or [
        "No gaps."
    ]
    return "\n".join(lines) + "\n"
