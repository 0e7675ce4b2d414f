"""The live resources before a plan and after it, computed once and shared by all checks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol

from sesform.live.snapshot import Snapshot
from sesform.model.address import Address, Scope
from sesform.model.values import Properties
from sesform.resources import RESOURCES, aws_key
from sesform.specs.declared import Key
from sesform.specs.desired import Desired

Resources = Mapping[Key, Properties]


class PlannedChange(Protocol):
    """A change, or a draft that has no place in the plan yet."""

    @property
    def address(self) -> Address: ...
    @property
    def scope(self) -> Scope: ...
    @property
    def before(self) -> Properties | None: ...
    @property
    def after(self) -> Properties | None: ...


@dataclass(frozen=True, slots=True)
class PlannedState:
    """The resources before a plan and after it, by their key in AWS, with settings of identities that no spec declares.

    `policies`: the names of all sending policies of an identity after the plan, of whatever origin, for identities that were read.
    """

    before: Resources
    after: Resources
    policies: Mapping[tuple[Scope, str], frozenset[str]]

    def values(self, type_: str) -> Iterable[tuple[Scope, Properties]]:
        """Return the resources of a type after the plan."""
        return ((scope, properties) for (name, scope, _), properties in self.after.items() if name == type_)

    def peak(self, type_: str, changes: Iterable[PlannedChange]) -> dict[tuple[Scope, str], set[tuple[str, ...]]]:
        """Return, by scope and first part of the key, the largest set of resources of a type while the plan runs.

        New resources are created before old ones are deleted.
        """
        found: dict[tuple[Scope, str], set[tuple[str, ...]]] = {}
        created = (aws_key(type_, c.scope, c.after) for c in changes if c.address.type == type_ and c.after)
        for name, scope, key in (*self.before, *created):
            if name == type_:
                found.setdefault((scope, key[0]), set()).add(key)
        return found


def live_resources(desired: Desired, snapshot: Snapshot) -> dict[Key, Properties]:
    """Return all live resources by their key in AWS."""
    return resources_in(scopes_of(desired), snapshot)


def scopes_of(desired: Desired) -> dict[tuple[str, str], Scope]:
    """Return the scope of each spec and region."""
    return {(d.address.spec, d.address.region): d.scope for d in [*desired.declared.values(), *desired.unmanaged]}


def resources_in(scopes: Mapping[tuple[str, str], Scope], snapshot: Snapshot) -> dict[Key, Properties]:
    """Return all live resources by their key in AWS. `scopes`: by spec and region, of all addresses of the snapshot."""
    found: dict[Key, Properties] = {}
    for (scope, name), facts in snapshot.identities.items():
        for type_, arn in facts.topics.items():
            topic = {"identity": name, "notification_type": type_, "topic_arn": arn}
            found["notification_topic", scope, (name, type_)] = topic
        if not name.startswith("arn:"):
            found["feedback_forwarding", scope, (name,)] = {"identity": name, "enabled": facts.forwarding}
    for (scope, name), sending in snapshot.sending.items():
        if sending.default_set:
            uses = {"identity": name, "configuration_set": sending.default_set}
            found["default_configuration_set", scope, (name,)] = uses
    for address, properties in snapshot.found.items():
        scope = scopes[address.spec, address.region]
        found[aws_key(address.type, scope, properties)] = properties
    return found


def planned_state(before: Resources, snapshot: Snapshot, changes: Iterable[PlannedChange]) -> PlannedState:
    """Return the state before and after the changes."""
    after = dict(before)
    policies = {key: set(facts.policies) for key, facts in snapshot.sending.items()}
    for change in changes:
        properties = change.before or change.after or {}
        key = aws_key(change.address.type, change.scope, properties)
        after.pop(key, None)
        if change.after is not None:
            after[key] = change.after
        if RESOURCES[change.address.type].max_per_identity is not None:
            names = policies.setdefault((change.scope, properties["identity"]), set())
            names.add(properties["name"]) if change.after is not None else names.discard(properties["name"])
    return PlannedState(before, after, {key: frozenset(names) for key, names in policies.items()})
