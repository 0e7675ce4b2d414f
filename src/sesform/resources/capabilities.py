"""What steps provide to each other and require of each other, as small typed values."""

from __future__ import annotations

from enum import IntEnum, auto
from functools import lru_cache
from typing import NamedTuple

from sesform.model.address import Scope


class Kind(IntEnum):
    """The subject of a capability. Two capabilities are equal only if their kinds are."""

    TOPIC = auto()
    PUBLISHING = auto()
    LISTENING = auto()
    CONFIGURATION_SET = auto()
    EVENTS = auto()
    NOTIFICATION = auto()
    ROUTE = auto()
    OWN_ROUTE = auto()
    DESTINATION_ADDED = auto()
    SETTING = auto()


class Capability(NamedTuple):
    """One thing that steps provide or require. `scope` is None where `name` is an ARN."""

    kind: Kind
    name: str
    scope: Scope | None = None


# Many steps name the same topic, set or identity, so that most values are made once.
_shared = lru_cache(maxsize=4096)


@_shared
def topic(topic_arn: str) -> Capability:
    """The topic exists."""
    return Capability(Kind.TOPIC, topic_arn)


@_shared
def publishing(topic_arn: str) -> Capability:
    """The topic's policy lets SES publish to it."""
    return Capability(Kind.PUBLISHING, topic_arn)


@_shared
def listening(topic_arn: str) -> Capability:
    """A subscription of the topic exists."""
    return Capability(Kind.LISTENING, topic_arn)


@_shared
def carrying(topic_arn: str) -> frozenset[Capability]:
    """The topic exists, SES may publish to it, and it has a subscription."""
    return frozenset({topic(topic_arn), publishing(topic_arn), listening(topic_arn)})


@_shared
def configuration_set(scope: Scope, name: str) -> Capability:
    """The configuration set exists."""
    return Capability(Kind.CONFIGURATION_SET, name, scope)


@_shared
def events(scope: Scope, configuration_set: str) -> Capability:
    """An event destination of the configuration set publishes events."""
    return Capability(Kind.EVENTS, configuration_set, scope)


@_shared
def notification(scope: Scope, identity: str, notification_type: str) -> Capability:
    """The identity has a topic for that notification type."""
    return Capability(Kind.NOTIFICATION, f"{identity} {notification_type}", scope)


@_shared
def route(scope: Scope, identity: str) -> Capability:
    """The identity has a route for its feedback."""
    return Capability(Kind.ROUTE, identity, scope)


# The next three only order steps: no step requires them, but some steps wait until they are complete.


@_shared
def own_route(scope: Scope, identity: str) -> Capability:
    """The identity has a topic or e-mail forwarding, apart from its default configuration set."""
    return Capability(Kind.OWN_ROUTE, identity, scope)


@_shared
def destination_added(scope: Scope, configuration_set: str) -> Capability:
    """The configuration set has a new event destination, enabled or not."""
    return Capability(Kind.DESTINATION_ADDED, configuration_set, scope)


@_shared
def setting(identity_arn: str) -> Capability:
    """A setting of the identity is as planned."""
    return Capability(Kind.SETTING, identity_arn)
