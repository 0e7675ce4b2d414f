"""Who gets which feedback: the ways that bounces, complaints and deliveries of each identity and configuration set take.

Pure: resources in, routes out. A route is a topic of the identity, an event destination (the set's own, or by way of an
identity's default set), or SES's own e-mail forwarding. Source: AWS developer guide, "Monitoring using notifications".
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sesform.address import Scope
from sesform.resources.event_destination import kind_of
from sesform.values import NOTIFICATION_TYPES, Properties

MAIL = "mail to the sender"
VITAL = ("bounce", "complaint")  # what an account is put under review for


class Subject(NamedTuple):
    """Whose feedback: an identity (a name, or the ARN of a foreign one) or a configuration set, and which event."""

    scope: Scope
    kind: str  # "identity" or "configuration set"
    name: str
    event: str


@dataclass(frozen=True, slots=True)
class RouteChange:
    """A subject's routes before a plan and after it, each as sorted texts."""

    subject: Subject
    before: tuple[str, ...]
    after: tuple[str, ...]


# A resource, as far as routes go: its type, its scope, its properties.
Resource = tuple[str, Scope, Properties]


def matrix(resources: Iterable[Resource]) -> dict[Subject, tuple[str, ...]]:
    """The routes of every identity and configuration set that the resources speak of; () where there is none."""
    found: dict[Subject, set[str]] = defaultdict(set)
    defaults: dict[tuple[Scope, str], str] = {}
    for kind, scope, properties in resources:
        if kind == "notification_topic":
            found[_identity(scope, properties, properties["notification_type"])].add(f"topic {properties['topic_arn']}")
        elif kind == "feedback_forwarding":
            for event in VITAL:  # deliveries are never mailed
                found[_identity(scope, properties, event)] |= {MAIL} if properties["enabled"] else set()
        elif kind == "default_configuration_set":
            defaults[scope, properties["identity"]] = properties["configuration_set"]
        elif kind == "configuration_set":
            for event in NOTIFICATION_TYPES:
                found[Subject(scope, "configuration set", properties["configuration_set"], event)] |= set()
        elif kind == "event_destination" and properties["enabled"]:
            for event in NOTIFICATION_TYPES:
                if event.upper() in properties["events"]:
                    found[Subject(scope, "configuration set", properties["configuration_set"], event)].add(
                        _to(properties)
                    )
    for (scope, identity), name in defaults.items():
        for event in NOTIFICATION_TYPES:
            ways = found.get(Subject(scope, "configuration set", name, event), set())
            found[Subject(scope, "identity", identity, event)] |= {f"{way} (by default set {name})" for way in ways}
    return {subject: tuple(sorted(ways)) for subject, ways in found.items()}


def _identity(scope: Scope, properties: Properties, event: str) -> Subject:
    return Subject(scope, "identity", properties["identity"], event)


def _to(properties: Properties) -> str:
    kind = kind_of(properties)
    target = f" {properties['sns']['topic_arn']}" if kind == "sns" else ""
    return f"destination {properties['name']}: {'topic' if kind == 'sns' else kind}{target}"


def changes(
    before: Mapping[Subject, tuple[str, ...]], after: Mapping[Subject, tuple[str, ...]]
) -> tuple[RouteChange, ...]:
    """The subjects whose routes differ, in order."""
    subjects = sorted({*before, *after})
    found = (RouteChange(s, before.get(s, ()), after.get(s, ())) for s in subjects)
    return tuple(c for c in found if c.before != c.after)


def dark(of: Iterable[RouteChange]) -> list[RouteChange]:
    """The identities that a plan leaves without any route for bounces or for complaints."""
    return [c for c in of if c.subject.kind == "identity" and c.subject.event in VITAL and c.before and not c.after]
