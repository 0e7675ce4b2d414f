"""Routes: the ways by which bounces, complaints and deliveries of each identity and configuration set reach a receiver.

Pure: resources in, routes out. A route is a topic of the identity, an event destination (of the set itself, or of an identity's
default set), or SES's e-mail forwarding. Source: AWS developer guide, "Monitoring using notifications". A route counts only if
there is a receiver for the event: its verdict says so.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from sesform.errors import Problem, Severity
from sesform.live.snapshot import Subscriber
from sesform.model import arns
from sesform.model.address import Scope
from sesform.model.values import NOTIFICATION_TYPES, Properties
from sesform.policies.document import Publisher
from sesform.policies.verdict import ALLOWED, Verdict, unknown
from sesform.resources.event_destination import kind_of
from sesform.resources.resource_type import Resource
from sesform.specs.compiler import publishers_of

if TYPE_CHECKING:
    from sesform.planning.reception import Reception

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
    the event destination. `by_default`: the default configuration set that it belongs to. `verdict`: whether the event has a
    receiver this way.
    """

    way: str
    topic_arn: str = ""
    destination: str = ""
    by_default: str = ""
    verdict: Verdict = ALLOWED

    def __str__(self) -> str:
        if self.way == "mail":
            return "mail to the sender"
        target = f"topic {self.topic_arn}" if self.topic_arn else self.way
        through = f"destination {self.destination}: " if self.destination else ""
        return f"{through}{target}" + (f" (by default set {self.by_default})" if self.by_default else "")

    @property
    def described(self) -> str:
        """The route as text, with the reason if it does not count."""
        return f"{self}{self.remark}"

    @property
    def remark(self) -> str:
        """Why the route does not count, in parentheses; "" if it counts."""
        if self.verdict.allowed:
            return ""
        return f" ({'not received' if self.verdict.denied else 'unknown'}: {self.verdict.reason})"


class Received(Enum):
    """Whether an event has a receiver."""

    YES = "yes"
    NO = "no"
    UNKNOWN = "unknown"


def received(routes: Iterable[Route]) -> Received:
    """Return whether an event with these routes reaches a receiver: by one of them for sure, by none, or not known."""
    found = [route.verdict for route in routes]
    if any(verdict.allowed for verdict in found):
        return Received.YES
    return Received.UNKNOWN if any(verdict.unknown for verdict in found) else Received.NO


Matrix = Mapping[Subject, tuple[Route, ...]]


@dataclass(frozen=True, slots=True)
class RouteChange:
    """The routes of a subject before a plan and after it, as texts in a fixed order, and whether they are received."""

    subject: Subject
    before: tuple[str, ...]
    after: tuple[str, ...]
    received_before: Received
    received_after: Received

    @property
    def lost(self) -> bool:
        """Whether bounces or complaints have no receiver after the plan, and may have one before it."""
        return (
            self.subject.event in VITAL
            and self.received_before is not Received.NO
            and self.received_after is Received.NO
        )


def matrix(resources: Iterable[Resource], reception: Reception) -> Matrix:
    """Return the routes of every identity and configuration set among the resources; () for no route."""
    found: _Found = {}
    defaults: dict[tuple[Scope, str], str] = {}
    for type_, scope, properties in resources:
        if type_ in _ADDING:
            _ADDING[type_](found, scope, properties, reception)
        elif type_ == "default_configuration_set":
            defaults[scope, properties["identity"]] = properties["configuration_set"]
    for (scope, identity), name in defaults.items():
        for event in NOTIFICATION_TYPES:
            ways = found.get(Subject(scope, "configuration set", name, event), ())
            inherited = (way._replace(by_default=name) for way in ways)
            _add(found, Subject(scope, "identity", identity, event), *inherited)
    for subject, ways in found.items():
        if len(ways) > 1:
            found[subject] = tuple(sorted(ways, key=lambda route: route[:4]))
    return found


# Most subjects have one route or two, for which tuples need a third of the memory of sets.
_Found = dict[Subject, tuple[Route, ...]]


def _add(found: _Found, subject: Subject, *routes: Route) -> None:
    """Add routes to those of a subject, each once. Without routes the subject is listed all the same."""
    known = found.get(subject)
    if known is None:
        found[subject] = routes
    else:
        found[subject] = (*known, *(route for route in routes if route not in known))


def of_topic(scope: Scope, properties: Properties, reception: Reception) -> Route:
    """Return the route by the topic of an identity. `properties`: of a notification topic."""
    arn, event = properties["topic_arn"], properties["notification_type"]
    publishers = publishers_of(scope, properties["identity"])
    return _by_topic(arn, reception.of(arn, publishers, event, by_identity=True))


@lru_cache(maxsize=256)  # many identities share a topic
def _by_topic(topic_arn: str, verdict: Verdict) -> Route:
    return Route("topic", topic_arn, verdict=verdict)


def of_destination(scope: Scope, properties: Properties, event: str, reception: Reception) -> Route | None:
    """Return the route of an event by an event destination, None if the destination does not send it on."""
    if not properties["enabled"] or event.upper() not in properties["events"]:
        return None
    kind = kind_of(properties)
    if kind == "unknown":
        return Route(kind, "", properties["name"], verdict=unknown("sesform does not know this kind of destination"))
    if kind != "sns":
        return Route(kind, "", properties["name"])
    arn = properties["sns"]["topic_arn"]
    publisher = Publisher(scope.account, arns.configuration_set(scope, properties["configuration_set"]))
    return Route(kind, arn, properties["name"], verdict=reception.of(arn, (publisher,), event, by_identity=False))


def _add_topic(found: _Found, scope: Scope, properties: Properties, reception: Reception) -> None:
    subject = Subject(scope, "identity", properties["identity"], properties["notification_type"])
    _add(found, subject, of_topic(scope, properties, reception))


_MAIL = (Route("mail"),)


def _add_mail(found: _Found, scope: Scope, properties: Properties, reception: Reception) -> None:
    for event in VITAL:  # deliveries are never mailed
        subject = Subject(scope, "identity", properties["identity"], event)
        _add(found, subject, *(_MAIL if properties["enabled"] else ()))


def _add_set(found: _Found, scope: Scope, properties: Properties, reception: Reception) -> None:
    for event in NOTIFICATION_TYPES:
        _add(found, Subject(scope, "configuration set", properties["configuration_set"], event))


def _add_destination(found: _Found, scope: Scope, properties: Properties, reception: Reception) -> None:
    for event in NOTIFICATION_TYPES:
        route = of_destination(scope, properties, event, reception)
        subject = Subject(scope, "configuration set", properties["configuration_set"], event)
        _add(found, subject, *((route,) if route else ()))


# By type. Each resource is added at once, because collecting the resources by type first is slower and needs more memory.
_ADDING: Mapping[str, Callable[[_Found, Scope, Properties, Reception], None]] = {
    "notification_topic": _add_topic,
    "feedback_forwarding": _add_mail,
    "configuration_set": _add_set,
    "event_destination": _add_destination,
}


def changes(before: Matrix, after: Matrix) -> tuple[RouteChange, ...]:
    """Return the subjects whose routes, or what is received by them, differ, in order."""
    if before is after:
        return ()
    differing = [subject for subject in after if before.get(subject, ()) != after[subject]]
    differing += [subject for subject in before if subject not in after and before[subject]]
    described: dict[tuple[Route, ...], tuple[str, ...]] = {(): ()}
    found = []
    for subject in sorted(differing):
        old, new = before.get(subject, ()), after.get(subject, ())
        for ways in (old, new):
            if ways not in described:  # many identities have the same routes
                described[ways] = tuple(route.described for route in ways)
        if described[old] != described[new]:
            found.append(RouteChange(subject, described[old], described[new], received(old), received(new)))
    return tuple(found)


def dark(of: Iterable[RouteChange]) -> list[RouteChange]:
    """Return the identities that lose all receivers of bounces or complaints."""
    return [c for c in of if c.subject.kind == "identity" and c.lost]


# --- gaps --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Gap:
    """A fault in the routes of a subject.

    `rule`: its kind, a key of `render.rules`. `address`: a resource that declares the subject, "" if there is none, and `file`,
    `line`, `column`: where the specs declare it.
    """

    subject: Subject
    text: str
    rule: str = "not-received"
    address: str = ""
    file: str = ""
    line: int = 0
    column: int = 0

    @property
    def problem(self) -> Problem:
        """The gap as a problem of the specs. Feedback without a receiver is an error, anything else a warning."""
        scope, kind, name, event = self.subject
        severity: Severity = "error" if self.rule in ("no-route", "not-received") else "warning"
        text = f"{event} of {kind} {name} in {scope}: {self.text}"
        return Problem(text, self.address, self.file, self.line, self.column, severity=severity, rule=self.rule)


def gaps(of: Matrix, subscribers: Mapping[str, tuple[Subscriber, ...]]) -> list[Gap]:
    """Return what is missing: no route, routes without receiver, pending subscriptions, duplicate notices.

    `subscribers`: by ARN of the topics that could be read. A route that is unknown is no gap.
    """
    found: list[Gap] = []
    for subject, ways in sorted(of.items()):
        vital = subject.event in VITAL
        if vital and not ways and subject.kind == "identity" and not subject.name.startswith("arn:"):
            found.append(Gap(subject, "no route", "no-route"))
        for route in ways:
            found += [Gap(subject, text, rule) for text, rule in _not_received(route, subscribers)]
        own = [r for r in ways if not r.by_default and not r.destination]
        if vital and subject.kind == "identity" and {"topic", "mail"} <= {r.way for r in own}:
            found.append(Gap(subject, "duplicate notices: by the topic and by mail to the sender", "duplicate-notices"))
        topics = [r.topic_arn for r in ways if r.topic_arn]
        found += [
            Gap(subject, f"duplicate notices: topic {t} receives each event twice", "duplicate-notices")
            for t in sorted({t for t in topics if topics.count(t) > 1})
        ]
    return list(dict.fromkeys(found))


def _not_received(route: Route, subscribers: Mapping[str, tuple[Subscriber, ...]]) -> Iterable[tuple[str, str]]:
    """Yield what keeps events of a route from a receiver, and the rule for it."""
    if route.verdict.denied:
        yield f"not received by {route}: {route.verdict.reason}", "not-received"
    elif route.verdict.allowed:
        pending = (s for s in subscribers.get(route.topic_arn, ()) if s.pending)
        for each in pending:
            yield f"subscription {each.endpoint} of {route.topic_arn} is not confirmed", "pending-subscription"
