"""What carries the tag of a loaded spec and is named by none: found without knowing any older specs, and to be absent.

`find` reads; `pruned` is pure.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sesform.desired import Declared, Desired, Origin
from sesform.errors import Problem, understood
from sesform.live import sending_facts
from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import NOTIFICATION_TYPES, OWNERSHIP_TAG, Properties
from sesform.resources import Reading
from sesform.schema import GRANT_PREFIX

if TYPE_CHECKING:
    from sesform.aws import Connections

_SHOWN = 3  # things that a warning names


@dataclass(frozen=True, slots=True)
class Tagged:
    """Something that carries an ownership tag. `policies` and `default_set` are an identity's that no spec names."""

    scope: Scope
    arn: str
    spec: str
    policies: tuple[str, ...] = ()
    default_set: str = ""

    @property
    def kind(self) -> str:
        """topic, configuration-set or identity; "" of all else that may carry tags (contact lists, pools of addresses, …)."""
        parsed = arns.parse(self.arn)
        if parsed is None:
            return ""
        head, slash, _ = parsed.resource.partition("/")
        if parsed.service == "sns":
            return "" if slash else "topic"
        return head if parsed.service == "ses" and head in ("configuration-set", "identity") else ""

    @property
    def name(self) -> str:
        return self.arn.rpartition(":")[2] if self.kind == "topic" else self.arn.partition("/")[2]


@dataclass(frozen=True, slots=True)
class Leftovers:
    """What no spec names: that of loaded specs, and that of others, by what is the matter with them."""

    ours: tuple[Tagged, ...] = ()
    others: Mapping[tuple[Scope, str], tuple[str, ...]] = field(default_factory=dict)  # (scope, spec) → ARNs


def find(desired: Desired, connections: Connections) -> Leftovers:
    """All tagged things of the accounts and regions that are connected to and that the specs do not name.

    One call for a hundred tagged things, and one to SES for each identity that is to be taken back. Raises AwsError.
    """
    ours: list[Tagged] = []
    others: dict[tuple[Scope, str], list[str]] = defaultdict(list)
    named = named_things(desired)
    for scope, connection in {c.scope: c for c in connections.by_place.values()}.items():
        reading = Reading(connection, ())
        with understood(f"an answer in {scope}"):
            for tagged in _tagged(reading):
                if (tagged.kind, scope, tagged.name) in named:
                    continue
                place = connections.by_place.get((tagged.spec, scope.region))
                # With --since there are places of others.
                if tagged.spec in desired.specs and place is not None and place.scope == scope:
                    ours.append(_with_settings(tagged, reading))
                else:
                    others[scope, tagged.spec].append(tagged.arn)
    return Leftovers(tuple(ours), {key: tuple(found) for key, found in sorted(others.items())})


def _tagged(reading: Reading) -> Iterator[Tagged]:
    """What carries a tag of ours in one account and region, and is of a kind that a spec could name."""
    every = (Tagged(reading.connection.scope, arn, spec) for arn, spec in sorted(reading.owners.items()))
    return (tagged for tagged in every if tagged.kind)


def _with_settings(tagged: Tagged, reading: Reading) -> Tagged:
    if tagged.kind != "identity":
        return tagged
    facts = sending_facts(reading.email_identity(tagged.name))
    policies = tuple(sorted(p for p in facts.policies if p.startswith(GRANT_PREFIX)))
    return replace(tagged, policies=policies, default_set=facts.default_set)


def named_things(desired: Desired) -> set[tuple[str, Scope, str]]:
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
        if each.address.type == "default_configuration_set" and each.want is not None:
            found.add(("configuration-set", each.scope, each.want["configuration_set"]))
    for target in desired.targets:
        arn = arns.parse(target.topic_arn)
        if arn is not None:
            found.add(("topic", arn.scope, arn.resource))
    return found


def pruned(desired: Desired, found: Leftovers) -> Desired:
    """What the specs ask for, and that the leftovers of the loaded ones be absent; of those of others, warnings.

    An identity loses its topics, headers, sesform's own grants and the tag, its forwarding is turned on, and its default set is
    cleared where that set goes too.
    """
    declared = dict(desired.declared)
    exclusive = set(desired.exclusive)
    sets = {(t.scope, t.name) for t in found.ours if t.kind == "configuration-set"}
    sets |= {
        (k[1], k[2][0]) for k in (d.aws_key for d in declared.values() if d.want is None) if k[0] == "configuration_set"
    }
    for tagged in found.ours:
        for each in _absent(desired, tagged, cleared=(tagged.scope, tagged.default_set) in sets):
            address = each.address
            if address in declared:  # its name is the key of another one: a topic's, since all others are known by it
                address = replace(address, key=tagged.arn)
            declared[address] = replace(each, address=address)
            if address.type == "configuration_set":
                exclusive.add(address)
    warnings = (*desired.warnings, *_warnings(desired, found))
    return replace(desired, declared=declared, exclusive=frozenset(exclusive), warnings=warnings)


def anything(desired: Desired) -> Iterator[Declared]:
    """What `pruned` asks for where all that there can be is left over: things of each kind that are all called `*`."""
    for name, loaded in desired.specs.items():
        for region in loaded.spec.regions:
            scope = Scope(loaded.spec.account, region)
            for arn in (arns.topic(scope, "*"), arns.configuration_set(scope, "*"), arns.identity(scope, "*")):
                yield from _absent(desired, Tagged(scope, arn, name, policies=("*",)), cleared=True)


def _absent(desired: Desired, tagged: Tagged, *, cleared: bool) -> Iterator[Declared]:
    says = f"does not name it, and it carries the tag {OWNERSHIP_TAG}={tagged.spec}"
    origin = Origin(desired.specs[tagged.spec].document, ("name",), says)

    def declared(type_: str, name: str, key: dict[str, str], want: Properties | None = None) -> Declared:
        return Declared(Address(tagged.spec, tagged.scope.region, type_, name), tagged.scope, key, want, origin)

    if tagged.kind == "topic":
        yield declared("topic", tagged.name, {"topic_arn": tagged.arn})
        return
    if tagged.kind == "configuration-set":
        yield declared("configuration_set", tagged.name, {"configuration_set": tagged.name})
        return
    identity = {"identity": tagged.name}
    for type_ in NOTIFICATION_TYPES:
        key = {**identity, "notification_type": type_}
        yield declared("notification_topic", f"{tagged.name}/{type_}", key)
        yield declared("notification_headers", f"{tagged.name}/{type_}", key)
    yield declared("feedback_forwarding", tagged.name, identity, {**identity, "enabled": True})
    for policy in tagged.policies:
        yield declared("sending_policy", f"{tagged.name}/{policy}", {**identity, "name": policy})
    if cleared:
        yield declared("default_configuration_set", tagged.name, identity)
    yield declared("ownership_tag", f"identity/{tagged.name}", {"arn": tagged.arn})


def _warnings(desired: Desired, found: Leftovers) -> Iterator[Problem]:
    for (scope, spec), things in found.others.items():
        some = ", ".join(things[:_SHOWN]) + (f" and {len(things) - _SHOWN} more" if len(things) > _SHOWN else "")
        why = (
            "that spec is not of this account and region" if spec in desired.specs else "no spec of that name is loaded"
        )
        yield Problem(
            f"left alone in {scope}, since it carries the tag {OWNERSHIP_TAG}={spec} and {why}: {some}",
            hint="load that spec too; or if it is gone, name a commit that had it with --since, or take the tag off",
            severity="warning",
        )
