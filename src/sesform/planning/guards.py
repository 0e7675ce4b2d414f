"""Guards: refuse plans with unusual consequences, with the numbers and the flag that allows them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from sesform.errors import Problem
from sesform.planning import legacy_entries, routes
from sesform.planning.plan import Plan, on_the_way
from sesform.resources import RESOURCES
from sesform.specs import yaml_writer

MAX_DELETED_SHARE = 0.30
MIN_DELETED = 10


@dataclass(frozen=True, slots=True)
class Allowed:
    """The guards that the command line turns off."""

    dark: bool = False
    mass_change: bool = False
    irreversible: bool = False
    new_legacy: bool = False


def check(plan: Plan, allowed: Allowed) -> list[Problem]:
    """Return the refusals of a plan, none if it may be applied."""
    refusals: list[Problem] = []
    if not allowed.dark:
        refusals += _dark(plan)
    if not allowed.mass_change:
        refusals += _mass_change(plan)
    if not allowed.irreversible:
        refusals += _irreversible(plan)
    if not allowed.new_legacy:
        refusals += _new_legacy(plan)
    return refusals


def _dark(plan: Plan) -> Iterable[Problem]:
    by_identity: dict[str, list[routes.RouteChange]] = defaultdict(list)
    for change in routes.dark(plan.routes):
        if not change.subject.name.startswith("arn:"):  # the routes of another account's identity cannot be read
            by_identity[f"{change.subject.name} in {change.subject.scope}"].append(change)
    for name, lost in by_identity.items():
        events = " and ".join(
            f"{c.subject.event}s (now: {', '.join(c.before)}; after the plan: {', '.join(c.after) or 'no route'})"
            for c in lost
        )
        yield Problem(
            f"the plan leaves identity {name} with no receiver for {events}",
            hint="keep forwarding, a topic with a confirmed subscription or a default configuration set, or pass --allow-dark",
        )


def _mass_change(plan: Plan) -> Iterable[Problem]:
    passing = on_the_way(plan.changes)
    changes = [c for c in plan.changes if c.address not in passing]
    deleted = {c.address for c in changes if c.action == "delete"} - {
        c.address for c in changes if c.action == "create"
    }
    existing = {c.address for c in changes if c.before is not None} | {u.address for u in plan.unchanged}
    if len(deleted) < MIN_DELETED:
        return
    share = len(deleted) / len(existing)  # what is deleted existed
    if share > MAX_DELETED_SHARE:
        yield Problem(
            f"the plan deletes {len(deleted)} of {len(existing)} resources ({share:.1%}; "
            f"the limit is {MAX_DELETED_SHARE:.0%} from {MIN_DELETED} deletions)",
            hint="check that no spec is missing, or pass --allow-mass-change",
        )


def _irreversible(plan: Plan) -> Iterable[Problem]:
    # AWS developer guide, "Using delegate sender notifications": existing entries can be changed, and no new ones created.
    for scope, arn in plan.emptied:
        types = ", ".join(c.subject.event for c in plan.routes if c.subject[:3] == (scope, "identity", arn))
        yield Problem(
            f"the plan clears the last types ({types}) of the cross-account entry {arn}; AWS does not allow creating it again",
            hint="keep one type, or pass --allow-irreversible",
        )


def _new_legacy(plan: Plan) -> Iterable[Problem]:
    # AWS developer guide, "Using sending authorization": event publishing and topics that the owner sets have replaced them.
    for scope, arn in plan.new_entries:
        set_ = {
            change.after["notification_type"]: change.after["topic_arn"]
            for change in plan.changes
            if change.after and change.scope == scope
            if RESOURCES[change.address.type].foreign_identity(change.after) == arn
        }
        by_set, by_owner, by_topic = map(yaml_writer.flow, legacy_entries.replacements(arn, set_))
        yield Problem(
            f"the plan creates a cross-account entry for {arn} ({', '.join(set_)}); AWS makes no new ones",
            hint=(
                f"replace it by a configuration set of {scope.account}: {by_set}; or let the owner of the identity set your topic: "
                f"{by_owner} in the owner's spec and {by_topic} in yours; or pass --allow-new-legacy"
            ),
        )
