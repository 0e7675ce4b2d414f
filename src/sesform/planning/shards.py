"""Split the specs into parts that can be planned and applied apart from each other, on different machines. Pure.

A component is a set of accounts whose specs must stay together. Specs of one account do, because they share its quota, its
ownership tags and its unmanaged resources; so do an owner and the delegates that it names, and a topic and its publishers, because
the order of their steps spans both accounts. The same specs are always split in the same way.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sesform.model import arns
from sesform.model.address import Scope
from sesform.model.masking import masked_values
from sesform.model.quotas import IDENTITIES_PER_CALL
from sesform.model.shard import Part, Shard
from sesform.specs.declared import Declared
from sesform.specs.desired import Desired, Link
from sesform.specs.schema import LoadedSpec, Owner, Topic

IDENTITIES_PER_PAGE = 1000  # of the v2 call ListEmailIdentities
READS_PER_PART = 10_000  # if no number of parts is given: about 2,000 accounts, 19 seconds of CPU time and 0.5 GB
MAX_PARTS = 256  # the jobs of one GitHub matrix


@dataclass(frozen=True, slots=True)
class Component:
    """Accounts that stay together, sorted, and their specs. `reads`: the estimated calls of a plan without changes."""

    accounts: tuple[str, ...]
    specs: tuple[str, ...]
    reads: int


Parts = Sequence[Sequence[Component]]


def components(desired: Desired) -> list[Component]:
    """Return the components of the specs, the largest first."""
    leader = {access.account: access.account for access in desired.access.values()}

    def first(account: str) -> str:
        while leader[account] != account:
            leader[account] = account = leader[leader[account]]
        return account

    for one, other in sorted({*links(desired), *desired.linked}):
        if one in leader and other in leader:
            low, high = sorted((first(one), first(other)))
            leader[high] = low
    accounts: dict[str, list[str]] = defaultdict(list)
    specs: dict[str, list[str]] = defaultdict(list)
    for account in sorted(leader):
        accounts[first(account)].append(account)
    for name, access in sorted(desired.access.items()):
        specs[first(access.account)].append(name)
    reads = _reads(desired)
    found = [Component(tuple(a), tuple(specs[f]), sum(reads[each] for each in a)) for f, a in accounts.items()]
    return sorted(found, key=lambda c: (-c.reads, c.accounts))


def links(desired: Desired) -> set[Link]:
    """Return the pairs of accounts that the specs connect, also accounts without a spec."""
    found = set[Link]()
    for declared in (*desired.declared.values(), *desired.unmanaged):
        found |= _pairs(declared.scope.account, [declared.key.get("identity", "")])
    for target in desired.targets:
        found |= _pairs(desired.access[target.user.spec].account, [target.topic_arn])
    for loaded in desired.specs.values():
        named = list(_named(loaded))
        known = [desired.access[name].account for name in named if name in desired.access]
        found |= _pairs(loaded.spec.account, [*named, *known])
    return found


def _pairs(account: str, names: Iterable[str]) -> set[Link]:
    others = (parsed.account if (parsed := arns.parse(name)) else name for name in names)
    return {(account, other) for other in others if re.fullmatch(r"[0-9]{12}", other) and other != account}


def _named(loaded: LoadedSpec) -> Iterator[str]:
    """Yield what a spec names in other accounts: delegates by name, account or ARN, and publishers of topics by ARN."""
    for topic in loaded.spec.topics.values():
        if isinstance(topic, Topic):
            yield from topic.publishers
    if isinstance(loaded.spec, Owner):
        yield from loaded.spec.defaults.identity.authorize
        for identity in loaded.spec.identities.values():
            if not isinstance(identity, str):
                yield from identity.authorize


def _reads(desired: Desired) -> Mapping[str, int]:
    """Return the estimated reading calls of each account, by the budget of a plan without changes."""
    named: dict[Scope, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for declared in (*desired.declared.values(), *desired.unmanaged):
        for kind, name in _read(declared):
            named[declared.scope][kind].add(name)
    for target in desired.targets:
        parsed = arns.parse(target.topic_arn)
        if parsed is not None:
            named[parsed.scope]["topic"].add(target.topic_arn)
    found: dict[str, int] = defaultdict(int)
    for access in desired.access.values():
        found[access.account] = 1  # to STS
    for scope, kinds in named.items():
        found[scope.account] += sum(math.ceil(len(names) * _CALLS[kind]) for kind, names in kinds.items())
    return found


# Calls for each name of a kind. A topic has attributes and subscriptions.
_CALLS = {
    "settings": 1 / IDENTITIES_PER_CALL,
    "identity": 1 / IDENTITIES_PER_PAGE,
    "details": 1.0,
    "set": 1.0,
    "suppression": 1.0,
    "topic": 2.0,
    "subscription": 1.0,
    "tags": 1.0,
}


# Types that are read with further calls: the kind of call, and how many values of the key share one.
_FURTHER = {
    "sending_policy": ("details", 1),
    "default_configuration_set": ("details", 1),
    "suppression_options": ("suppression", 1),
    "subscription": ("subscription", 3),
    "ownership_tag": ("tags", 0),
}


def _read(declared: Declared) -> Iterator[tuple[str, str]]:
    """Yield the kinds of calls that read a resource, each with the name that shares the call."""
    key = declared.key
    if "identity" in key:
        yield "settings", key["identity"]
        if arns.parse(key["identity"]) is None:
            yield "identity", key["identity"]
    for name, kind in (("configuration_set", "set"), ("topic_arn", "topic")):
        if name in key:
            yield kind, key[name]
    if declared.address.type in _FURTHER:
        kind, shared = _FURTHER[declared.address.type]
        yield kind, "/".join(list(key.values())[:shared])


def split(found: Sequence[Component], total: int) -> list[list[Component]]:
    """Return the components in `total` parts: the largest first, each to the part with the fewest reads so far.

    Parts beyond the number of components are empty.
    """
    parts: list[list[Component]] = [[] for _ in range(total)]
    reads = [0] * total
    for component in found:
        least = min(range(total), key=lambda i: (reads[i], len(parts[i]), i))
        parts[least].append(component)
        reads[least] += component.reads
    return parts


def usual_total(found: Sequence[Component]) -> int:
    """Return the number of parts if none is asked for: one for each READS_PER_PART reads."""
    return max(1, min(math.ceil(sum(c.reads for c in found) / READS_PER_PART), len(found), MAX_PARTS))


def digest(desired: Desired, parts: Parts) -> str:
    """Return a digest of the specs and of their parts.

    It depends on no path, external id or query of a URL, so that it is the same on every machine, and reveals no secret.
    """
    content = {
        "declared": {str(a): [d.scope.account, dict(d.key), d.desired] for a, d in desired.declared.items()},
        "unmanaged": sorted(str(d.address) for d in desired.unmanaged),
        "left_alone": sorted([type_, str(scope), *key] for type_, scope, key in desired.left_alone),
        "exclusive": sorted(map(str, desired.exclusive)),
        "access": {n: [a.account, a.profile, a.role_arn, a.external_id_env] for n, a in desired.access.items()},
        "regions": {name: loaded.spec.regions for name, loaded in desired.specs.items()},
        "since": desired.since,
        "parts": [[component.specs for component in part] for part in parts],
    }
    canonical = json.dumps(masked_values(content), sort_keys=True, separators=(",", ":"), default=str)
    without_secrets = re.sub(r"\*\*\*~[0-9a-f]{8}", "***", canonical)
    return "sha256:" + hashlib.sha256(without_secrets.encode()).hexdigest()


def part_of(desired: Desired, shard: Shard) -> Desired:
    """Return the desired state of one part. What other parts declare stays known as its `whole`.

    Problems of the specs stay in every part.
    """
    parts = split(components(desired), shard.total)
    chosen = parts[shard.number - 1]
    names = {name for component in chosen for name in component.specs}
    accounts = {account for component in chosen for account in component.accounts}
    return replace(
        desired,
        declared={address: d for address, d in desired.declared.items() if address.spec in names},
        unmanaged=tuple(d for d in desired.unmanaged if d.address.spec in names),
        exclusive=frozenset(address for address in desired.exclusive if address.spec in names),
        targets=tuple(target for target in desired.targets if target.user.spec in names),
        access={name: access for name, access in desired.access.items() if name in names},
        left_alone=frozenset(key for key in desired.left_alone if key[1].account in accounts),
        specs={name: loaded for name, loaded in desired.specs.items() if name in names},
        part=Part(shard, digest(desired, parts)),
        whole=desired,
    )


@dataclass(frozen=True, slots=True)
class Matrix:
    """The parts of the specs, each with its components. `specs`: the digest that results of the parts have."""

    parts: tuple[tuple[Component, ...], ...]
    specs: str

    @property
    def components(self) -> list[Component]:
        """All components, the largest first."""
        return sorted((c for part in self.parts for c in part), key=lambda c: (-c.reads, c.accounts))


def matrix(desired: Desired, asked: int | None) -> Matrix:
    """Return the parts of the specs: as many as asked for, or as usual, and never more than components."""
    found = components(desired)
    total = max(1, min(usual_total(found) if asked is None else asked, len(found)))
    parts = split(found, total)
    return Matrix(tuple(map(tuple, parts)), digest(desired, parts))
