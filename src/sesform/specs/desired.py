"""What the specs ask for, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sesform.errors import Problem
from sesform.model import arns
from sesform.model.address import Access, Address, Scope
from sesform.specs.declared import Declared, Key, Target
from sesform.specs.schema import LoadedSpec


@dataclass(frozen=True, slots=True)
class Desired:
    """What the specs ask for.

    `unmanaged` settings are read, because they are routes too, and never written. Of what stands below an `exclusive`
    configuration set, only what is declared may exist. `targets` are the topics that SES must be able to publish to.
    `left_alone` is what is named as somebody else's: external topics, and what is said to be unmanaged and is not read either.
    `specs` are those that were loaded, by name. `since` is the commit whose specs were looked at for what has left them since.
    """

    declared: Mapping[Address, Declared]
    unmanaged: tuple[Declared, ...]
    exclusive: frozenset[Address]
    targets: tuple[Target, ...]
    access: Mapping[str, Access]
    warnings: tuple[Problem, ...]
    left_alone: frozenset[Key] = frozenset()
    specs: Mapping[str, LoadedSpec] = field(default_factory=dict)
    since: str = ""

    @property
    def named(self) -> frozenset[Key]:
        """All that the specs speak of, whatever they say of it."""
        return self.left_alone | {d.aws_key for d in (*self.declared.values(), *self.unmanaged)}

    @property
    def identities(self) -> frozenset[tuple[Scope, str]]:
        """The identities that the specs name, by scope; of other accounts by ARN."""
        return frozenset((scope, key[0]) for type_, scope, key in self.named if type_ == "notification_topic")

    @property
    def watched_topics(self) -> tuple[str, ...]:
        """The targets whose policies sesform does not keep: others do, so whether SES may publish there must be looked at."""
        kept = {d.key["topic_arn"] for d in self.declared.values() if d.address.type == "topic_policy"}
        return tuple(dict.fromkeys(t.topic_arn for t in self.targets if t.topic_arn not in kept))

    @property
    def topics_to_look_at(self) -> tuple[str, ...]:
        """Those, and the topics that are to go: their policies tell who may still send there."""
        going = (d.key["topic_arn"] for d in self.declared.values() if d.address.type == "topic" and d.desired is None)
        return tuple(dict.fromkeys([*self.watched_topics, *going]))


def named_resources(desired: Desired) -> set[tuple[str, Scope, str]]:
    """What the specs name, be it only as what a setting refers to: (topic, configuration-set or identity; scope; name)."""
    found: set[tuple[str, Scope, str]] = set()
    for type_, scope, key in desired.named:
        if type_ == "notification_topic" and not key[0].startswith("arn:"):
            found.add(("identity", scope, key[0]))
        elif type_ == "configuration_set":
            found.add(("configuration-set", scope, key[0]))
        elif type_ == "topic":
            found.add(("topic", scope, key[0].rpartition(":")[2]))
    for each in desired.declared.values():
        if each.address.type == "default_configuration_set" and each.desired is not None:
            found.add(("configuration-set", each.scope, each.desired["configuration_set"]))
    for target in desired.targets:
        arn = arns.parse(target.topic_arn)
        if arn is not None:
            found.add(("topic", arn.scope, arn.resource))
    return found
