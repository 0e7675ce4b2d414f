"""Live resources grouped by identity, topic and configuration set, as specs declare them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from sesform.model.address import Scope
from sesform.model.values import Properties
from sesform.policies.document import Policy, Publisher


@dataclass(slots=True)
class LiveIdentity:
    """One identity in one scope. An identity of another account has topics and headers only.

    `forwarding`: None if it is not known. `topicless`: notification types that are known to have no topic, if not everything is
    known.
    """

    topics: dict[str, str] = field(default_factory=dict)
    topicless: set[str] = field(default_factory=set)
    headers: set[str] = field(default_factory=set)
    forwarding: bool | None = None
    default_set: str = ""
    policies: dict[str, Policy] = field(default_factory=dict)


@dataclass(slots=True)
class LiveTopic:
    """One topic. `policy`: None if it is not known. `settings`: None if the topic is only referred to.

    `used`: whether SES publishes to it. `publishers`: the publishers that specs can declare.
    """

    settings: Properties | None = None
    policy: Policy | None = None
    subscriptions: list[Properties] = field(default_factory=list)
    used: bool = False
    publishers: set[Publisher] = field(default_factory=set)


@dataclass(slots=True)
class LiveSet:
    """One configuration set: its event destinations by name, and its suppression reasons; None for no suppression options."""

    destinations: dict[str, Properties] = field(default_factory=dict)
    suppression: list[str] | None = None


class Records(Protocol):
    """The live resources that resource types add with `record`."""

    def identity(self, scope: Scope, name: str) -> LiveIdentity: ...
    def topic(self, arn: str) -> LiveTopic: ...
    def configuration_set(self, scope: Scope, name: str) -> LiveSet: ...
