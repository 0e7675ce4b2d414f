"""Checks of quotas: resources that exist, of whatever origin, together with those that the plan adds."""

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
    """Return problems of quotas that AWS would refuse to exceed while the plan is applied."""
    return _destinations(changes, state) + _policies(desired, changes, state)


def _destinations(changes: Sequence[Change], state: PlannedState) -> list[Problem]:
    """Yield problems of configuration sets that would temporarily exceed the quota: creations come before deletions."""
    made: dict[tuple[Scope, str], list[Change]] = defaultdict(list)
    for change in of_type(changes, "event_destination"):
        if change.after and change.before is None:
            made[change.scope, change.after["configuration_set"]].append(change)
    peak = state.peak("event_destination", changes) if made else {}
    found = []
    for (scope, name), steps in made.items():
        most = len(peak[scope, name])
        if most > MAX_DESTINATIONS_PER_SET:
            text = (
                f"configuration set {name} would temporarily have {most} event destinations; the quota is "
                f"{MAX_DESTINATIONS_PER_SET}"
            )
            found.append(Problem(text, str(steps[0].address), hint="delete one first, with a separate plan"))
    return found


def _policies(desired: Desired, changes: Iterable[Change], state: PlannedState) -> list[Problem]:
    """Yield problems of identities that would exceed the quota of sending policies, those of other programs included."""
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
        f"identity {identity} would have {len(names)} sending policies; the quota is {MAX_POLICIES_PER_IDENTITY}; "
        f"specs do not declare {len(names - ours)} of them"
    )
    theirs = ", ".join(sorted(names - ours))
    hint = (
        f"delete some of {theirs} (declare them `absent` under `policies`), or declare fewer"
        if theirs
        else "declare fewer"
    )
    problem = desired.declared[steps[0].address].problem(text, hint)
    return replace(problem, concerns=tuple(str(step.address) for step in steps))


def make_room(prior: int, creates: Sequence[int], deletes: Sequence[int], most: int) -> Mapping[int, tuple[int, ...]]:
    """Return, for each creation, the deletions that must come before it, so that there are never more than `most` resources.

    Creations come before deletions while there is room for both.
    """
    over = [prior + number - most for number in range(1, len(creates) + 1)]
    return {create: tuple(deletes[:n]) for create, n in zip(creates, over, strict=True) if n > 0}
