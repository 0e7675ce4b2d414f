"""The routes that a plan changes, and resources that still use what it deletes, declared or not."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from sesform.errors import Problem
from sesform.live.snapshot import Snapshot
from sesform.model.address import Address, Scope
from sesform.model.values import Properties
from sesform.planning import routes, shadowing
from sesform.planning.checks import reception
from sesform.planning.plan import Change, Plan, of_type
from sesform.planning.planned_state import (
    PlannedChange,
    PlannedState,
    Resources,
    live_resources,
)
from sesform.planning.reception import Reception, live_topics, planned_topics
from sesform.resources import RESOURCES, without_settings
from sesform.specs.declared import Key
from sesform.specs.desired import Desired


@dataclass(frozen=True, slots=True)
class PlannedRoutes:
    """The routes before a plan and after it, with what decides whether a route by a topic counts.

    `resources`: those before the plan. `defaults_read`: identities whose default configuration set is known, by scope.
    """

    before: routes.Matrix
    after: routes.Matrix
    reception_before: Reception
    reception_after: Reception
    resources: Resources = field(default_factory=dict)
    defaults_read: frozenset[tuple[Scope, str]] = frozenset()

    def outlived(self) -> routes.Matrix:
        """Return the routes before the plan, as they would be if only the topics and subscriptions changed."""
        return _matrix(self.resources, self.reception_after)


def planned_routes(state: PlannedState, snapshot: Snapshot, changes: Sequence[PlannedChange]) -> PlannedRoutes:
    """Return the routes of all live resources, and those that the changes lead to."""
    live = live_topics(snapshot)
    before = Reception(live, snapshot.keys)
    matrix, read = _matrix(state.before, before), frozenset(snapshot.sending)
    if not changes:
        return PlannedRoutes(matrix, matrix, before, before, state.before, read)
    after = Reception(planned_topics(live, changes), snapshot.keys)
    return PlannedRoutes(matrix, _matrix(state.after, after), before, after, state.before, read)


def routed(of: Plan, state: PlannedState, planned: PlannedRoutes, desired: Desired, snapshot: Snapshot) -> Plan:
    """Return the plan with the routes that it changes, events without receiver, and foreign entries without any topic.

    The routes of an identity that is not verified are those of the verified one that covers it, as SES sends its mail.
    """
    routes_before, routes_after = (shadowing.effective(each, snapshot) for each in (planned.before, planned.after))
    lost = _still_used(of, state.after)
    before, after = _foreign_entries(state.before), _foreign_entries(state.after)
    made = replace(
        of,
        unheard=reception.unheard(routes_after, desired),
        routes=routes.changes(routes_before, routes_after),
        emptied=tuple(sorted(before - after)),
        new_entries=tuple(sorted(after - before)),
        diagnostics=(*of.diagnostics, *lost),
    )
    return reception.with_warnings(made, routes_after, desired)


def _still_used(of: Plan, after: Mapping[Key, Properties]) -> list[Problem]:
    """Return errors for topics and sets that the plan deletes while other resources, managed or not, still use them."""
    gone = deleted_topics(of)
    found = []
    for (kind, scope, key), properties in after.items() if gone else ():
        published = RESOURCES[kind].publishes(scope, properties)
        change = gone.get(published[0]) if published else None
        if change is not None:
            text = f"is planned for deletion, and {kind} {'/'.join(key)} in {scope} still uses it"
            hint = "move or remove that resource first, or keep this one"
            found.append(Problem(text, str(change.address), hint=hint))
    defaults = {
        (scope, key[0]): name
        for (kind, scope, key), properties in after.items()
        if (name := RESOURCES[kind].default_set(properties))
    }
    found += _sets_in_use(of, defaults)
    known = {(d.path, d.summary) for d in of.diagnostics}
    return [problem for problem in found if (problem.path, problem.summary) not in known]


_NAMED = 5  # identities that a message names; it counts the rest


def _sets_in_use(of: Plan, defaults: Mapping[tuple[Scope, str], str]) -> list[Problem]:
    """Return one error for each configuration set that the plan deletes while it is the default of identities.

    `defaults` are the default sets after the plan, by scope and identity. SES refuses mail of an identity whose default set does
    not exist (AWS developer guide, "Managing configuration sets").
    """
    found = []
    gone = deleted_sets(of)
    using: dict[tuple[Scope, str], list[str]] = defaultdict(list)
    for (where, identity), used in defaults.items() if gone else ():
        using[where, used].append(identity)
    for (scope, name), change in gone.items():
        users = sorted(using[scope, name])
        if users:
            more = f" and {len(users) - _NAMED} more" if len(users) > _NAMED else ""
            one = len(users) == 1
            text = (
                f"is planned for deletion, and is the default configuration set of {'identity' if one else 'identities'} "
                f"{', '.join(users[:_NAMED])}{more} in {scope}"
            )
            hint = "declare another default_configuration_set or null for them, or keep the set"
            found.append(Problem(text, str(change.address), hint=hint))
    return found


def deleted_topics(of: Plan) -> dict[str, Change]:
    """Return the topics that a plan deletes, by ARN."""
    gone = [c for c in of_type(of.changes, "topic") if c.before and c.after is None]
    return {str(c.before["topic_arn"]): c for c in gone if c.before}


def deleted_sets(of: Plan) -> dict[tuple[Scope, str], Change]:
    """Return the configuration sets that a plan deletes, by scope and name."""
    return {
        (c.scope, str(c.before["configuration_set"])): c
        for c in of_type(of.changes, "configuration_set")
        if c.before and c.after is None
    }


def _foreign_entries(resources: Mapping[Key, Properties]) -> set[tuple[Scope, str]]:
    """Return the identities of other accounts that have a topic, by the scope that set it."""
    return {
        (scope, arn)
        for (kind, scope, _), properties in resources.items()
        if (arn := RESOURCES[kind].foreign_identity(properties))
    }


def live_routes(desired: Desired, snapshot: Snapshot) -> routes.Matrix:
    """Return the routes of all live resources."""
    return _matrix(live_resources(desired, snapshot), Reception(live_topics(snapshot), snapshot.keys))


def _matrix(resources: Resources, reception: Reception) -> routes.Matrix:
    return routes.matrix(((kind, scope, properties) for (kind, scope, _), properties in resources.items()), reception)


def reset_identities(desired: Desired, snapshot: Snapshot) -> dict[tuple[Scope, str], Address]:
    """Return the identities whose settings a plan on this snapshot removes, by scope and name, each with one of their addresses."""
    reset = without_settings(desired.declared.values())
    live = {key: [address for address in addresses if address in snapshot.found] for key, addresses in reset.items()}
    return {key: addresses[0] for key, addresses in live.items() if addresses}


def deletions(desired: Desired, snapshot: Snapshot) -> tuple[dict[str, Address], dict[tuple[Scope, str], Address]]:
    """Return the topics, by ARN, and the configuration sets, by scope and name, that a plan on this snapshot deletes."""
    topics, sets = (
        [d for d in desired.of_type(type_) if d.desired is None and d.address in snapshot.found]
        for type_ in ("topic", "configuration_set")
    )
    return (
        {d.key["topic_arn"]: d.address for d in topics},
        {(d.scope, d.key["configuration_set"]): d.address for d in sets},
    )
