"""What was found, sorted by what it belongs to."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from sesform.model import arns
from sesform.model.address import Scope
from sesform.model.values import Properties
from sesform.policies.document import Policy, Publisher
from sesform.resources.resource_type import Resource
from sesform.specs import schema
from sesform.specs.compiler import publishers_of


@dataclass(slots=True)
class LiveIdentity:
    """One identity in one scope; a foreign one has topics and headers only. `forwarding` None: not known; `topicless`: the types
    that are known to have no topic, where not all is known."""

    topics: dict[str, str] = field(default_factory=dict)
    topicless: set[str] = field(default_factory=set)
    headers: set[str] = field(default_factory=set)
    forwarding: bool | None = None
    default_set: str = ""
    policies: dict[str, Policy] = field(default_factory=dict)


@dataclass(slots=True)
class LiveTopic:
    """One topic. `policy` None: not known; `settings` None: it is spoken of, and not known itself.

    `used`: something publishes to it; `publishers`: as whom SES does that, as far as specs can speak of it.
    """

    settings: Properties | None = None
    policy: Policy | None = None
    subscriptions: list[Properties] = field(default_factory=list)
    used: bool = False
    publishers: set[Publisher] = field(default_factory=set)


class LiveResources:
    """Everything, by scope and name."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.identities: dict[Scope, dict[str, LiveIdentity]] = defaultdict(lambda: defaultdict(LiveIdentity))
        self.sets: dict[Scope, dict[str, dict[str, Properties]]] = defaultdict(lambda: defaultdict(dict))
        self.topics: dict[str, LiveTopic] = defaultdict(LiveTopic)
        for kind, scope, properties in resources:
            self._take(kind, scope, properties)

    def _take(self, kind: str, scope: Scope, properties: Properties) -> None:
        if "identity" in properties:
            self._take_identity(kind, scope, properties["identity"], properties)
        elif kind in ("configuration_set", "event_destination"):
            destinations = self.sets[scope][properties["configuration_set"]]
            if kind == "event_destination":
                destinations[properties["name"]] = properties
                arn = (properties.get("sns") or {}).get("topic_arn")
                if arn:
                    source = arns.configuration_set(scope, properties["configuration_set"])
                    self.topics[arn].used = True
                    self.topics[arn].publishers.add(Publisher(scope.account, source))
        else:
            topic = self.topics[properties["topic_arn"]]
            if kind == "topic":
                topic.settings = properties
            elif kind == "topic_policy":
                topic.policy = properties["policy"]
            elif kind == "subscription":
                topic.subscriptions.append(properties)

    def _take_identity(self, kind: str, scope: Scope, name: str, properties: Properties) -> None:
        held = self.identities[scope][name]
        if kind == "notification_topic" and properties["topic_arn"] is None:
            held.topicless.add(properties["notification_type"])
        elif kind == "notification_topic":
            held.topics[properties["notification_type"]] = properties["topic_arn"]
            topic = self.topics[properties["topic_arn"]]
            topic.used = True
            if not schema.fault("identity_arn" if name.startswith("arn:") else "identity", name):
                topic.publishers.update(publishers_of(scope, name))
        elif kind == "notification_headers" and properties["enabled"]:
            held.headers.add(properties["notification_type"])
        elif kind == "feedback_forwarding":
            held.forwarding = properties["enabled"]
        elif kind == "default_configuration_set":
            held.default_set = properties["configuration_set"]
        elif kind == "sending_policy":
            held.policies[properties["name"]] = properties["policy"]

    def exists(self, topic_arn: str) -> bool:
        """Whether the topic itself is among what was found."""
        return topic_arn in self.topics and self.topics[topic_arn].settings is not None

    def topics_in(self, scope: Scope) -> dict[str, LiveTopic]:
        """Topic name → the topic, of those that were found in a scope, sorted."""
        found = {}
        for arn in sorted(self.topics):
            parsed = arns.parse(arn)
            if parsed is not None and parsed.scope == scope and self.exists(arn):
                found[parsed.resource] = self.topics[arn]
        return found

    def scopes(self) -> set[Scope]:
        """Where anything was found."""
        of_topics = {parsed.scope for arn in self.topics if self.exists(arn) and (parsed := arns.parse(arn))}
        return {*self.identities, *self.sets, *of_topics}


def plain(value: Any) -> Any:
    """A property as data of a spec: mappings as dicts, sequences as lists."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value
