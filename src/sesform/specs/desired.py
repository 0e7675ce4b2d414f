"""Everything that the specs declare, as one value."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from sesform.errors import Problem
from sesform.model import arns
from sesform.model.address import Access, Address, Scope
from sesform.model.shard import Part
from sesform.specs.declared import Declared, Key, Target
from sesform.specs.schema import LoadedSpec

Link = tuple[str, str]  # two accounts that specs connect


@dataclass(frozen=True, slots=True)
class Desired:
    """Everything that the specs declare.

    `declared`: by address. `unmanaged`: settings that are read, because they are routes too, and never written. `exclusive`:
    configuration sets in which only declared destinations may exist. `targets`: topics that SES must be allowed to publish to.
    `left_alone`: what the specs name as managed elsewhere and what is not read. `specs`: the loaded specs by name. `since`: the
    commit whose specs were compared, "" for none. `linked`: accounts that those specs connect. `part`: which part of the specs this
    is, and `whole`: all parts together; None for all specs.
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
    linked: frozenset[Link] = frozenset()
    part: Part | None = None
    whole: Desired | None = None

    def of_type(self, type_: str) -> list[Declared]:
        """Return the declared resources of a type, including those that must not exist."""
        return [d for d in self.declared.values() if d.address.type == type_]

    def problem(self, address: Address, summary: str, hint: str = "", *, warning: bool = False) -> Problem:
        """Return a problem of a resource, at the place where the specs declare it, if they do."""
        declared = self.declared.get(address)
        if declared is not None:
            return declared.problem(summary, hint, warning=warning)
        return Problem(summary, str(address), hint=hint, severity="warning" if warning else "error")

    @property
    def scopes(self) -> frozenset[Scope]:
        """The accounts and regions of the specs, also of those that declare nothing."""
        return frozenset(
            Scope(each.spec.account, region) for each in self.specs.values() for region in each.spec.regions
        )

    @property
    def named(self) -> frozenset[Key]:
        """The keys of all resources that the specs name, whatever they declare."""
        return self.left_alone | {d.aws_key for d in (*self.declared.values(), *self.unmanaged)}

    @property
    def identities(self) -> frozenset[tuple[Scope, str]]:
        """The identities that the specs name, by scope; of other accounts by ARN."""
        return frozenset((scope, key[0]) for type_, scope, key in self.named if type_ == "notification_topic")

    @property
    def watched_topics(self) -> tuple[str, ...]:
        """The topics that SES publishes to and whose policies sesform does not manage: their policies are checked."""
        kept = {d.key["topic_arn"] for d in self.of_type("topic_policy")}
        return tuple(dict.fromkeys(t.topic_arn for t in self.targets if t.topic_arn not in kept))

    @property
    def topics_to_look_at(self) -> tuple[str, ...]:
        """The topics that SES publishes to, and those that will be deleted: their policies name further publishers."""
        deleted = (d.key["topic_arn"] for d in self.of_type("topic") if d.desired is None)
        return tuple(dict.fromkeys([*(target.topic_arn for target in self.targets), *deleted]))


_NAMED = {"configuration_set": "configuration-set", "topic": "topic"}  # types, and what ARNs call them


def named_resources(desired: Desired) -> set[tuple[str, Scope, str]]:
    """Return what the specs name, also as a reference only: (topic, configuration-set or identity; scope; name)."""
    found: set[tuple[str, Scope, str]] = set()
    found |= {("identity", scope, name) for scope, name in desired.identities if not name.startswith("arn:")}
    for type_, scope, key in desired.named:
        if type_ in _NAMED:
            found.add((_NAMED[type_], scope, key[0].rpartition(":")[2]))
    for each in desired.of_type("default_configuration_set"):
        if each.desired is not None:
            found.add(("configuration-set", each.scope, each.desired["configuration_set"]))
    for target in desired.targets:
        arn = arns.parse(target.topic_arn)
        if arn is not None:
            found.add(("topic", arn.scope, arn.resource))
    return found
