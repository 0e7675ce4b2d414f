"""Live resources, grouped by identity, topic and configuration set."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from sesform.model import arns
from sesform.model.address import Scope
from sesform.resources import RESOURCES
from sesform.resources.live_record import LiveIdentity, LiveSet, LiveTopic
from sesform.resources.resource_type import Resource


class LiveResources:
    """All live resources, by scope and name."""

    def __init__(self, resources: Iterable[Resource]) -> None:
        self.identities: dict[Scope, dict[str, LiveIdentity]] = defaultdict(lambda: defaultdict(LiveIdentity))
        self.sets: dict[Scope, dict[str, LiveSet]] = defaultdict(lambda: defaultdict(LiveSet))
        self.topics: dict[str, LiveTopic] = defaultdict(LiveTopic)
        for type_, scope, properties in resources:
            RESOURCES[type_].record(self, scope, properties)

    def identity(self, scope: Scope, name: str) -> LiveIdentity:
        """Return the record of an identity, and add it if it is new."""
        return self.identities[scope][name]

    def topic(self, arn: str) -> LiveTopic:
        """Return the record of a topic, and add it if it is new."""
        return self.topics[arn]

    def configuration_set(self, scope: Scope, name: str) -> LiveSet:
        """Return the record of a configuration set, and add it if it is new."""
        return self.sets[scope][name]

    def exists(self, topic_arn: str) -> bool:
        """Return whether the topic itself was found, and not only a reference to it."""
        return topic_arn in self.topics and self.topics[topic_arn].settings is not None

    def topics_in(self, scope: Scope) -> dict[str, LiveTopic]:
        """Return the topics that were found in a scope, by name, sorted."""
        found = {}
        for arn in sorted(self.topics):
            parsed = arns.parse(arn)
            if parsed is not None and parsed.scope == scope and self.exists(arn):
                found[parsed.resource] = self.topics[arn]
        return found

    def scopes(self) -> set[Scope]:
        """Return the scopes with at least one resource."""
        of_topics = {parsed.scope for arn in self.topics if self.exists(arn) and (parsed := arns.parse(arn))}
        return {*self.identities, *self.sets, *of_topics}


def plain(value: Any) -> Any:
    """Return a property as plain data: mappings as dicts, sequences as lists."""
    if isinstance(value, dict):
        return {k: plain(v) for k, v in value.items()}
    return [plain(v) for v in value] if isinstance(value, list | tuple) else value
