"""Identities and sets with the same routes, drawn together, so that a picture of 1,000 of them can be read."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from sesform.live.snapshot import Subscriber
from sesform.model import arns
from sesform.model.address import Scope
from sesform.model.values import NOTIFICATION_TYPES
from sesform.planning.routes import VITAL, Gap, Matrix, Received, Route, RouteChange, Subject, received
from sesform.render.routes import by_subject

NO_ROUTE = "no route"
# What is no topic, by the kind of route.
_TARGETS = {
    "mail": "mail to the sender",
    "cloudwatch": "CloudWatch",
    "eventbridge": "EventBridge",
    "firehose": "Firehose",
    "pinpoint": "Pinpoint",
}


class Receiver(NamedTuple):
    """A subscription of a topic."""

    protocol: str
    endpoint: str
    pending: bool


class Way(NamedTuple):
    """A route as it is drawn.

    `state`: "received", "not received" or "unknown"; "no route" for a gap, "none" for an event that needs no route. `target`: the
    name of the topic, or what else receives. `place`: the topic's account and region. `through`: the event destination and default
    set. `reason`: why it does not count. `receivers`: None if they are not known, or for a target that is no topic.
    """

    state: str
    target: str = ""
    topic_arn: str = ""
    place: str = ""
    through: str = ""
    reason: str = ""
    receivers: tuple[Receiver, ...] | None = None


class Line(NamedTuple):
    """Events that go the same way."""

    events: tuple[str, ...]
    way: Way


class Note(NamedTuple):
    """A gap that no line shows, and its events."""

    events: tuple[str, ...]
    text: str


@dataclass(frozen=True, slots=True)
class Alike:
    """Identities or sets with the same routes. `lost`: the events that should have a receiver and have none."""

    scope: Scope
    kind: str
    names: tuple[str, ...]
    lines: tuple[Line, ...]
    notes: tuple[Note, ...] = ()
    lost: tuple[str, ...] = ()

    @property
    def severity(self) -> str:
        """The section that it belongs to: lost, gap, unknown or received."""
        states = {line.way.state for line in self.lines}
        if self.lost:
            return "lost"
        if self.notes or states & {"not received", NO_ROUTE}:
            return "gap"
        return "unknown" if "unknown" in states else "received"


class ChangedWay(NamedTuple):
    """A route before or after a plan. `state`, `reason`: as in `Way`."""

    text: str
    state: str = "received"
    reason: str = ""


class ChangedLine(NamedTuple):
    """Events whose routes change in the same way. `state_before`, `state_after`: of all ways together, as in `Way`."""

    events: tuple[str, ...]
    before: tuple[ChangedWay, ...]
    after: tuple[ChangedWay, ...]
    state_before: str
    state_after: str


@dataclass(frozen=True, slots=True)
class ChangedAlike:
    """Identities or sets whose routes change in the same way.

    `lost`: the events for which that is the loss of a receiver. `silent`: the events without a receiver after the change.
    """

    scope: Scope
    kind: str
    names: tuple[str, ...]
    lines: tuple[ChangedLine, ...]
    lost: tuple[str, ...] = ()
    silent: tuple[str, ...] = ()


def alike(of: Matrix, subscribers: Mapping[str, tuple[Subscriber, ...]], gaps: Iterable[Gap]) -> list[Alike]:
    """Return all identities, then all sets, each once, in groups with the same routes and gaps."""
    texts: dict[Subject, list[str]] = defaultdict(list)
    for gap in gaps:
        texts[gap.subject].append(gap.text)
    groups: dict[Alike, list[str]] = defaultdict(list)
    listed = {**dict.fromkeys(texts, ()), **of}
    for (scope, kind, name), events in by_subject(listed):
        found = {event: texts.get(Subject(scope, kind, name, event), []) for event in NOTIFICATION_TYPES}
        own = _own_arn(scope, kind, name)
        lines = _lines(events, found, subscribers, own, kind)
        notes = _notes(events, found, own, kind)
        lost = tuple(e for e, ways in events if e in VITAL and found[e] and received(ways) is Received.NO)
        groups[Alike(scope, kind, (), lines, notes, lost)].append(name)
    return [Alike(g.scope, g.kind, tuple(names), g.lines, g.notes, g.lost) for g, names in groups.items()]


def changed_alike(
    changes: Iterable[RouteChange], unheard: Iterable[Subject], lost: Callable[[RouteChange], bool]
) -> list[ChangedAlike]:
    """Return the identities, then the sets, whose routes change, in groups with the same changes.

    `unheard`: the subjects without a receiver after the changes, whether or not their routes change. `lost`: whether a change is
    the loss of a receiver.
    """
    found = {change.subject: change for change in changes}
    silent = set(unheard)
    found |= {s: RouteChange(s, (), (), Received.NO, Received.NO) for s in silent - found.keys()}
    groups: dict[ChangedAlike, list[str]] = defaultdict(list)
    ordered = sorted(found.values(), key=lambda c: (c.subject.kind != "identity", c.subject))
    for (scope, kind, name), group in groupby(ordered, key=lambda c: c.subject[:3]):
        own = list(group)
        gone = tuple(c.subject.event for c in own if lost(c))
        dark = tuple(c.subject.event for c in own if c.subject in silent)
        groups[ChangedAlike(scope, kind, (), _changed_lines(own, scope, kind, name), gone, dark)].append(name)
    return [ChangedAlike(g.scope, g.kind, tuple(n), g.lines, g.lost, g.silent) for g, n in groups.items()]


def loses_receiver(change: RouteChange) -> bool:
    """Return whether an identity of the account has no receiver for bounces or complaints after a change, and had one before."""
    return change.lost and is_own(change)


def is_own(change: RouteChange) -> bool:
    """Return whether it is about an identity of the account: the routes of another account's identity cannot be read."""
    return change.subject.kind == "identity" and not change.subject.name.startswith("arn:")


def _changed_lines(changes: Iterable[RouteChange], scope: Scope, kind: str, name: str) -> tuple[ChangedLine, ...]:
    own = _own_arn(scope, kind, name)
    lines: dict[ChangedLine, list[str]] = defaultdict(list)
    for change in changes:
        before, after = (
            tuple(_changed_way(text, own, kind) for text in ways) for ways in (change.before, change.after)
        )
        needed = is_own(change) and change.subject.event in VITAL
        state_before = _state(before, change.received_before, needed=needed)
        state_after = _state(after, change.received_after, needed=needed or change.lost)
        line = ChangedLine((), before, after, state_before, state_after)
        lines[line].append(change.subject.event)
    return tuple(line._replace(events=tuple(events)) for line, events in lines.items())


def _state(ways: Sequence[ChangedWay], of: Received, *, needed: bool) -> str:
    """Return the state of an event with these routes. `needed`: whether it is a gap if there is none."""
    if of is Received.NO and not ways:
        return NO_ROUTE if needed else "none"
    return {Received.YES: "received", Received.NO: "not received", Received.UNKNOWN: "unknown"}[of]


_REMARK = re.compile(r"(.*) \((not received|unknown): (.*)\)", re.DOTALL)  # as planning.routes.Route.described


def _changed_way(text: str, own: str, kind: str) -> ChangedWay:
    """Return a route of a change. Plans have routes as texts: what they are, and in parentheses why they do not count."""
    found = _REMARK.fullmatch(text)
    return ChangedWay(found[1], found[2], _without(own, kind, found[3])) if found else ChangedWay(text)


_Events = Sequence[tuple[str, tuple[Route, ...]]]
_Texts = Mapping[str, Sequence[str]]


def _lines(
    events: _Events, gaps: _Texts, subscribers: Mapping[str, tuple[Subscriber, ...]], own: str, kind: str
) -> tuple[Line, ...]:
    found: dict[Way, list[str]] = defaultdict(list)
    for event, routes in events:
        for route in routes:
            found[_way(route, subscribers, own, kind)].append(event)
        if not routes:
            found[Way(NO_ROUTE if NO_ROUTE in gaps[event] else "none")].append(event)
    return tuple(Line(tuple(names), way) for way, names in found.items())


def _way(route: Route, subscribers: Mapping[str, tuple[Subscriber, ...]], own: str, kind: str) -> Way:
    heard = subscribers.get(route.topic_arn)
    topic = arns.parse(route.topic_arn)
    through = [f"event destination {route.destination}"] if route.destination else []
    through += [f"default configuration set {route.by_default}"] if route.by_default else []
    verdict = route.verdict
    return Way(
        "received" if verdict.allowed else "not received" if verdict.denied else "unknown",
        topic.resource if topic else route.topic_arn or _TARGETS.get(route.way, route.way),
        route.topic_arn,
        str(topic.scope) if topic else "",
        " of ".join(through),
        _without(own, kind, verdict.reason),
        None if heard is None else tuple(Receiver(s.protocol, s.endpoint, s.pending) for s in heard),
    )


def _notes(events: _Events, gaps: _Texts, own: str, kind: str) -> tuple[Note, ...]:
    """Return the gaps that no line shows: a line shows a missing route, and why a route has no receiver."""
    found: dict[str, list[str]] = defaultdict(list)
    for event, routes in events:
        shown = {NO_ROUTE, *(f"not received by {r}: {r.verdict.reason}" for r in routes if r.verdict.denied)}
        for text in gaps[event]:
            if text not in shown:
                found[_without(own, kind, text)].append(event)
    return tuple(Note(tuple(names), text) for text, names in found.items())


def _own_arn(scope: Scope, kind: str, name: str) -> str:
    if name.startswith("arn:"):
        return name
    return arns.identity(scope, name) if kind == "identity" else arns.configuration_set(scope, name)


def _without(own: str, kind: str, text: str) -> str:
    """Return a reason without the ARN of the identity or set that it is about, so that equal reasons are equal texts."""
    return re.sub(re.escape(own) + r"(?![^\s,;:)])", f"this {kind}", text) if own in text else text
