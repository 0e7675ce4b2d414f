"""What AWS takes at most, held against what the plan adds to what is there, whoever put it there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sesform.errors import Problem
from sesform.live.snapshot import Snapshot
from sesform.model.address import Scope
from sesform.model.quotas import MAX_DESTINATIONS_PER_SET, MAX_POLICIES_PER_IDENTITY
from sesform.planning.plan import Change
from sesform.specs.desired import Desired


def check(desired: Desired, snapshot: Snapshot, changes: Sequence[Change]) -> list[Problem]:
    """What AWS would refuse in the midst of applying because there is too much of it."""
    return _destinations(snapshot, changes) + _policies(desired, snapshot, changes)


def _destinations(snapshot: Snapshot, changes: Iterable[Change]) -> list[Problem]:
    """Configuration sets that would for a moment hold more destinations than SES takes: new ones are made before old ones go."""
    held: dict[tuple[Scope, str], set[str]] = defaultdict(set)
    made: dict[tuple[Scope, str], list[Change]] = defaultdict(list)
    scopes = {(c.address.spec, c.address.region): c.scope for c in changes}
    for address, properties in snapshot.found.items():
        scope = scopes.get((address.spec, address.region))
        if address.type == "event_destination" and scope:
            held[scope, properties["configuration_set"]].add(properties["name"])
    for change in changes:
        if change.address.type == "event_destination" and change.after and change.before is None:
            made[change.scope, change.after["configuration_set"]].append(change)
    found = []
    for (scope, name), steps in made.items():
        most = held[scope, name] | {str(s.after["name"]) for s in steps if s.after}
        if len(most) > MAX_DESTINATIONS_PER_SET:
            text = f"set {name} would for a moment hold {len(most)} event destinations, SES takes {MAX_DESTINATIONS_PER_SET}"
            found.append(Problem(text, str(steps[0].address), hint="remove one first, with a plan of its own"))
    return found


def _policies(desired: Desired, snapshot: Snapshot, changes: Iterable[Change]) -> list[Problem]:
    """Identities that would hold more sending policies than SES takes: those that others made count too."""
    made: dict[tuple[Scope, str], list[Change]] = defaultdict(list)
    left = {key: set(facts.policies) for key, facts in snapshot.sending.items()}
    for change in changes:
        if change.address.type != "sending_policy":
            continue
        properties = change.after or change.before or {}
        key = change.scope, properties["identity"]
        if change.after is None:
            left.get(key, set()).discard(properties["name"])
        elif change.before is None:
            made[key].append(change)
            left.setdefault(key, set()).add(properties["name"])
    return [
        _too_many(desired, scope, identity, left[scope, identity], steps)
        for (scope, identity), steps in made.items()
        if len(left[scope, identity]) > MAX_POLICIES_PER_IDENTITY
    ]


def _too_many(desired: Desired, scope: Scope, identity: str, names: set[str], steps: Sequence[Change]) -> Problem:
    ours = {
        d.key["name"]
        for d in desired.declared.values()
        if d.address.type == "sending_policy" and d.scope == scope and d.key["identity"] == identity
    }
    text = (
        f"identity {identity} would have {len(names)} sending policies, SES takes {MAX_POLICIES_PER_IDENTITY}; "
        f"{len(names - ours)} of them are of others"
    )
    theirs = ", ".join(sorted(names - ours))
    hint = f"remove some of: {theirs} (as `absent` under `policies`), or declare fewer" if theirs else "declare fewer"
    problem = desired.declared[steps[0].address].problem(text, hint)
    return replace(problem, concerns=tuple(str(step.address) for step in steps))


def make_room(held: int, creates: Sequence[int], deletes: Sequence[int]) -> Mapping[int, tuple[int, ...]]:
    """Create → the deletes that must come before it, so that no more policies stand at any moment than SES takes.

    A new policy comes before an old one goes, as long as there is room for both.
    """
    over = [held + number - MAX_POLICIES_PER_IDENTITY for number in range(1, len(creates) + 1)]
    return {create: tuple(deletes[:most]) for create, most in zip(creates, over, strict=True) if most > 0}
