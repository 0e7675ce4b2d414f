"""What AWS takes at most, held against what the plan adds to what is there, whoever put it there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from sesform.errors import Problem
from sesform.model.address import Scope
from sesform.model.quotas import MAX_DESTINATIONS_PER_SET, MAX_POLICIES_PER_IDENTITY
from sesform.planning.plan import Change, of_type
from sesform.planning.planned_state import PlannedState
from sesform.specs.desired import Desired


def check(desired: Desired, changes: Sequence[Change], state: PlannedState) -> list[Problem]:
    """Return what AWS would refuse in the midst of applying because there is too much of it."""
    return _destinations(changes, state) + _policies(desired, changes, state)


def _destinations(changes: Sequence[Change], state: PlannedState) -> list[Problem]:
    """Configuration sets that would for a moment hold more destinations than SES takes: new ones are made before old ones go."""
    made: dict[tuple[Scope, str], list[Change]] = defaultdict(list)
    for change in of_type(changes, "event_destination"):
        if change.after and change.before is None:
            made[change.scope, change.after["configuration_set"]].append(change)
    peak = state.peak("event_destination", changes) if made else {}
    found = []
    for (scope, name), steps in made.items():
        most = len(peak[scope, name])
        if most > MAX_DESTINATIONS_PER_SET:
            text = f"set {name} would for a moment hold {most} event destinations, SES takes {MAX_DESTINATIONS_PER_SET}"
            found.append(Problem(text, str(steps[0].address), hint="remove one first, with a plan of its own"))
    return found


def _policies(desired: Desired, changes: Iterable[Change], state: PlannedState) -> list[Problem]:
    """Identities that would hold more sending policies than SES takes: those that others made count too."""
    made: dict[tuple[Scope, str], list[Change]] = defaultdict(list)
    for change in of_type(changes, "sending_policy"):
        if change.before is None and change.after:
            made[change.scope, change.after["identity"]].append(change)
    return [
        _too_many(desired, scope, identity, state.policies[scope, identity], steps)
        for (scope, identity), steps in made.items()
        if len(state.policies[scope, identity]) > MAX_POLICIES_PER_IDENTITY
    ]


def _too_many(desired: Desired, scope: Scope, identity: str, names: frozenset[str], steps: Sequence[Change]) -> Problem:
    ours = {
        d.key["name"] for d in desired.of_type("sending_policy") if d.scope == scope and d.key["identity"] == identity
    }
    text = (
        f"identity {identity} would have {len(names)} sending policies, SES takes {MAX_POLICIES_PER_IDENTITY}; "
        f"{len(names - ours)} of them are of others"
    )
    theirs = ", ".join(sorted(names - ours))
    hint = f"remove some of: {theirs} (as `absent` under `policies`), or declare fewer" if theirs else "declare fewer"
    problem = desired.declared[steps[0].address].problem(text, hint)
    return replace(problem, concerns=tuple(str(step.address) for step in steps))


def make_room(prior: int, creates: Sequence[int], deletes: Sequence[int], most: int) -> Mapping[int, tuple[int, ...]]:
    """Return, by creation, the deletions that must come before it, so that at no moment more than `most` resources exist.

    A new one comes before an old one goes, as long as there is room for both.
    """
    over = [prior + number - most for number in range(1, len(creates) + 1)]
    return {create: tuple(deletes[:n]) for create, n in zip(creates, over, strict=True) if n > 0}
