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

    def of_type(self, type_: str) -> list[Declared]:
        """Return the declared resources of a type, those that must be absent among them."""
        return [d for d in self.declared.values() if d.address.type == type_]

    def problem(self, address: Address, summary: str, hint: str = "", *, warning: bool = False) -> Problem:
        """Return a problem of a resource, at the place where the specs declare it, if they do."""
        declared = self.declared.get(address)
        if declared is not None:
            return declared.problem(summary, hint, warning=warning)
        return Problem(summary, str(address), hint=hint, severity="warning" if warning else "error")

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
        kept = {d.key["topic_arn"] for d in self.of_type("topic_policy")}
        return tuple(dict.fromkeys(t.topic_arn for t in self.targets if t.topic_arn not in kept))

    @property
    def topics_to_look_at(self) -> tuple[str, ...]:
        """Those, and the topics that are to go: their policies tell who may still send there."""
        going = (d.key["topic_arn"] for d in self.of_type("topic") if d.desired is None)
        return tuple(dict.fromkeys([*self.watched_topics, *going]))


_NAMED = {"configuration_set": "configuration-set", "topic": "topic"}  # types, and what ARNs call them


def named_resources(desired: Desired) -> set[tuple[str, Scope, str]]:
    """What the specs name, be it only as what a setting refers to: (topic, configuration-set or identity; scope; name)."""
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
