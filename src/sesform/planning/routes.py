"""Routes: the ways by which bounces, complaints and deliveries of identities and configuration sets reach a receiver.

Pure: resources in, routes out. A route is a topic of the identity, an event destination (of the set itself, or of an identity's
default set), or SES's e-mail forwarding. Source: AWS developer guide, "Monitoring using notifications".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sesform.live.snapshot import Subscriber
from sesform.model.address import Scope
from sesform.model.values import NOTIFICATION_TYPES, Properties
from sesform.resources.event_destination import kind_of
from sesform.resources.resource_type import Resource

VITAL = ("bounce", "complaint")  # AWS reviews accounts by these


class Subject(NamedTuple):
    """An event of an identity (a name; an ARN for one of another account) or of a configuration set."""

    scope: Scope
    kind: str  # "identity" or "configuration set"
    name: str
    event: str


class Route(NamedTuple):
    """One way of an event.

    `way`: topic, mail, or the kind of an event destination. `topic_arn`: the topic, if SNS carries it. `destination`: the name of
    the event destination. `by_default`: the default configuration set that it belongs to.
    """

    way: str
    topic_arn: str = ""
    destination: str = ""
    by_default: str = ""

    def __str__(self) -> str:
        if self.way == "mail":
            return "mail to the sender"
        target = f"topic {self.topic_arn}" if self.topic_arn else self.way
        through = f"destination {self.destination}: " if self.destination else ""
        return f"{through}{target}" + (f" (by default set {self.by_default})" if self.by_default else "")


Matrix = Mapping[Subject, tuple[Route, ...]]


@dataclass(frozen=True, slots=True)
class RouteChange:
    """The routes of a subject before a plan and after it, as texts in a fixed order."""

    subject: Subject
    before: tuple[str, ...]
    after: tuple[str, ...]


def matrix(resources: Iterable[Resource]) -> Matrix:
    """Return the routes of every identity and configuration set among the resources; () for no route."""
    found: dict[Subject, set[Route]] = defaultdict(set)
    defaults: dict[tuple[Scope, str], str] = {}
    for type_, scope, properties in resources:
        if type_ in _ADDING:
            _ADDING[type_](found, scope, properties)
        elif type_ == "default_configuration_set":
            defaults[scope, properties["identity"]] = properties["configuration_set"]
    for (scope, identity), name in defaults.items():
        for event in NOTIFICATION_TYPES:
            ways = found.get(Subject(scope, "configuration set", name, event), set())
            found[Subject(scope, "identity", identity, event)] |= {way._replace(by_default=name) for way in ways}
    return {subject: tuple(sorted(ways)) for subject, ways in found.items()}


_Found = dict[Subject, set[Route]]


def _add_topic(found: _Found, scope: Scope, properties: Properties) -> None:
    subject = Subject(scope, "identity", properties["identity"], properties["notification_type"])
    found[subject].add(Route("topic", properties["topic_arn"]))


def _add_mail(found: _Found, scope: Scope, properties: Properties) -> None:
    for event in VITAL:  # deliveries are never mailed
        mail = {Route("mail")} if properties["enabled"] else set()
        found[Subject(scope, "identity", properties["identity"], event)] |= mail


def _add_set(found: _Found, scope: Scope, properties: Properties) -> None:
    for event in NOTIFICATION_TYPES:
        # A set without destinations has entries too: they are empty.
        found[Subject(scope, "configuration set", properties["configuration_set"], event)] |= set()


def _add_destination(found: _Found, scope: Scope, properties: Properties) -> None:
    for event in NOTIFICATION_TYPES:
        subject = Subject(scope, "configuration set", properties["configuration_set"], event)
        found[subject] |= _of_destination(properties, event)


# By type. Each resource is added at once, because collecting the resources by type first is slower and needs more memory.
_ADDING: Mapping[str, Callable[[_Found, Scope, Properties], None]] = {
    "notification_topic": _add_topic,
    "feedback_forwarding": _add_mail,
    "configuration_set": _add_set,
    "event_destination": _add_destination,
}


def _of_destination(properties: Properties, event: str) -> set[Route]:
    if not properties["enabled"] or event.upper() not in properties["events"]:
        return set()
    kind = kind_of(properties)
    return {Route(kind, properties["sns"]["topic_arn"] if kind == "sns" else "", properties["name"])}


def changes(before: Matrix, after: Matrix) -> tuple[RouteChange, ...]:
    """Return the subjects whose routes differ, in order."""
    subjects = sorted({*before, *after})
    found = (RouteChange(s, _texts(before.get(s, ())), _texts(after.get(s, ()))) for s in subjects)
    return tuple(c for c in found if c.before != c.after)


def dark(of: Iterable[RouteChange]) -> list[RouteChange]:
    """Return the identities that have a route for bounces or complaints before a plan, and none after it."""
    return [c for c in of if c.subject.kind == "identity" and c.subject.event in VITAL and c.before and not c.after]


def _texts(ways: Iterable[Route]) -> tuple[str, ...]:
    return tuple(map(str, ways))


# --- gaps --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gap:
    """A fault in the routes of a subject."""

    subject: Subject
    text: str


def gaps(of: Matrix, subscribers: Mapping[str, tuple[Subscriber, ...]], dead_topics: Mapping[str, str]) -> list[Gap]:
    """Return what is missing: no route, topics without receivers or that SES cannot publish to, duplicate notices.

    `subscribers`: by ARN of the topics that could be read. `dead_topics`: the reason, by ARN of the topics that do not work.
    """
    found: list[Gap] = []
    for subject, ways in sorted(of.items()):
        vital = subject.event in VITAL
        if vital and not ways and subject.kind == "identity" and not subject.name.startswith("arn:"):
            found.append(Gap(subject, "no route"))
        for route in ways:
            found += [Gap(subject, text) for text in _unheard(route, subscribers, dead_topics)]
        own = [r for r in ways if not r.by_default and not r.destination]
        if vital and subject.kind == "identity" and {"topic", "mail"} <= {r.way for r in own}:
            found.append(Gap(subject, "duplicate notices: by the topic and by mail to the sender"))
        topics = [r.topic_arn for r in ways if r.topic_arn]
        found += [
            Gap(subject, f"duplicate notices: topic {t} receives each event twice")
            for t in sorted({t for t in topics if topics.count(t) > 1})
        ]
    return list(dict.fromkeys(found))


def _unheard(
    route: Route, subscribers: Mapping[str, tuple[Subscriber, ...]], dead_topics: Mapping[str, str]
) -> Iterable[str]:
    arn = route.topic_arn
    if arn in dead_topics:
        yield f"not received by {route}: {dead_topics[arn]}"
    elif arn in subscribers:
        if not subscribers[arn]:
            yield f"topic {arn} has no subscription"
        elif all(s.pending for s in subscribers[arn]):
            yield f"topic {arn} has no confirmed subscription"
        else:
            yield from (f"subscription {s.endpoint} of {arn} is not confirmed" for s in subscribers[arn] if s.pending)
