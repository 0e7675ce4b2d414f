"""What each step of a plan gives to the routes of events and takes from them. A route counts only if it has a receiver."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from sesform.model.address import Scope
from sesform.model.values import NOTIFICATION_TYPES, Properties
from sesform.planning import routes
from sesform.planning.drafts import Draft
from sesform.planning.reception import Reception
from sesform.planning.route_changes import PlannedRoutes
from sesform.planning.routes import VITAL, Matrix, Subject
from sesform.resources import capabilities as to
from sesform.resources.capabilities import Capability, Kind

_NOTHING: frozenset[Capability] = frozenset()


@dataclass(frozen=True, slots=True)
class Effect:
    """What a step does to routes.

    `takes`: whether it takes an event from its receivers, None if its phase tells. `lost`: what it takes from other resources.
    `requires`: what must be done before it, because the routes that stay depend on that.
    """

    takes: bool | None = None
    lost: frozenset[Capability] = _NOTHING
    requires: frozenset[Capability] = _NOTHING


_NO_EFFECT = Effect()
_TAKES_NOTHING = Effect(takes=False)


class RouteSteps:
    """The effects of drafts on routes."""

    def __init__(self, planned: PlannedRoutes, drafts: Sequence[Draft]) -> None:
        self._planned = planned
        self._made = {d.after["topic_arn"] for d in drafts if d.address.type in _OF_TOPICS and d.after is not None}
        self._lost = _lost(planned) if any(d.address.type in _TAKING for d in drafts) else {}
        self._unknown_default = _unknown_default(planned, drafts)

    def effect(self, draft: Draft) -> Effect:
        """Return what a draft does to routes."""
        of = _HEARD.get(draft.address.type)
        if of is not None:
            return self._of_route(draft, of)
        if draft.address.type in _TAKING:
            lost = self._lost.get(str((draft.before or draft.after or {})["topic_arn"]), _NOTHING)
            if lost and _may_take(draft):
                return Effect(takes=True, lost=lost, requires=self._carrying(lost))
        return _NO_EFFECT

    def _of_route(self, draft: Draft, of: _Heard) -> Effect:
        if of is _forwarding:  # off is a state that requires other routes, as the type says: nothing is removed
            route = {to.route(draft.scope, (draft.after or {})["identity"])}
            return Effect(requires=_NOTHING if draft.after and draft.after["enabled"] else self._carrying(route))
        takes = draft.phase.removes and draft.action != "create"
        if draft.before and draft.after:
            planned = self._planned
            before = of(draft.scope, draft.before, planned.reception_before, planned.before)
            after = of(draft.scope, draft.after, planned.reception_after, planned.after)
            takes = bool(before - after) if before != after else takes
        if not takes:
            return _TAKES_NOTHING
        # An identity whose default set was not read may have this one.
        unknown = self._unknown_default if of is _destination else {}
        lost = unknown.get(draft.scope, _NOTHING)
        return Effect(takes, lost, self._carrying({*_subjects(draft), *lost}))

    def completing(self, draft: Draft, completed: frozenset[Capability]) -> frozenset[Capability]:
        """Return what a draft completes, without a route that the draft takes from its receivers."""
        if not self.effect(draft).takes:
            return completed
        return frozenset(c for c in completed if c.kind is not Kind.OWN_ROUTE)

    def _carrying(self, lost: Iterable[Capability]) -> frozenset[Capability]:
        """Return what makes the topics work that carry these routes after the plan, of those topics that the plan changes."""
        found: set[Capability] = set()
        for capability in lost if self._made else ():
            kind = "identity" if capability.kind is Kind.ROUTE else "configuration set"
            for event in VITAL:
                for route in self._planned.after.get(Subject(_scope(capability), kind, capability.name, event), ()):
                    if route.topic_arn in self._made and not route.verdict.denied:
                        found |= to.carrying(route.topic_arn)
        return frozenset(found)


def _unknown_default(planned: PlannedRoutes, drafts: Iterable[Draft]) -> dict[Scope, frozenset[Capability]]:
    """Return, by scope, the routes of identities that the plan gives routes, and whose default set was not read."""
    found: dict[Scope, set[Capability]] = defaultdict(set)
    for draft in drafts:
        if draft.address.type in _OF_IDENTITIES and draft.after is not None:
            identity = draft.after["identity"]
            if (draft.scope, identity) not in planned.defaults_read and not identity.startswith("arn:"):
                found[draft.scope].add(to.route(draft.scope, identity))
    return {scope: frozenset(capabilities) for scope, capabilities in found.items()}


def _scope(capability: Capability) -> Scope:
    assert capability.scope is not None  # of routes and events
    return capability.scope


def _subjects(draft: Draft) -> set[Capability]:
    own = draft.before or draft.after or {}
    if "identity" in own:
        return {to.route(draft.scope, own["identity"])}
    return {to.events(draft.scope, own["configuration_set"])}


# --- what a resource carries to receivers ------------------------------------------------------------------------------

_Heard = Callable[[Scope, Properties, Reception, Matrix], set[str]]


def _topic(scope: Scope, properties: Properties, reception: Reception, matrix: Matrix) -> set[str]:
    route = routes.of_topic(scope, properties, reception)
    return set() if route.verdict.denied else {properties["notification_type"]}


def _forwarding(scope: Scope, properties: Properties, reception: Reception, matrix: Matrix) -> set[str]:
    return set(VITAL) if properties["enabled"] else set()


def _destination(scope: Scope, properties: Properties, reception: Reception, matrix: Matrix) -> set[str]:
    events = map(str.lower, properties["events"])
    ways = {event: routes.of_destination(scope, properties, event, reception) for event in events}
    return {event for event, route in ways.items() if route is not None and not route.verdict.denied}


def _default_set(scope: Scope, properties: Properties, reception: Reception, matrix: Matrix) -> set[str]:
    found = set()
    for event in NOTIFICATION_TYPES:
        ways = matrix.get(Subject(scope, "configuration set", properties["configuration_set"], event))
        if ways is None or any(not route.verdict.denied for route in ways):  # None: the set was not read
            found.add(event)
    return found


_HEARD: Mapping[str, _Heard] = {
    "notification_topic": _topic,
    "feedback_forwarding": _forwarding,
    "event_destination": _destination,
    "default_configuration_set": _default_set,
}

# --- what steps of topics take from those who use the topic ------------------------------------------------------------

_OF_IDENTITIES = frozenset({"notification_topic", "feedback_forwarding"})
_OF_TOPICS = frozenset({"topic", "topic_policy", "subscription"})
_TAKING = frozenset({"topic", "subscription"})  # a topic's policy narrows only for those who no longer use the topic


def _may_take(draft: Draft) -> bool:
    """Return whether a step of a topic can be what ends its reception."""
    if draft.after is None or draft.before is None:
        return draft.after is None
    return any(
        draft.before.get(name) != draft.after.get(name) for name in ("kms_key", "filter_policy", "filter_policy_scope")
    )


def _lost(planned: PlannedRoutes) -> dict[str, frozenset[Capability]]:
    """Return, by topic ARN, the routes that stay on a topic and have no receiver any more after the plan."""
    found: dict[str, set[Capability]] = defaultdict(set)
    for subject, ways in planned.before.items():
        dead = {(r.destination, r.topic_arn) for r in planned.after.get(subject, ()) if r.verdict.denied}
        for route in ways if dead else ():
            if (route.destination, route.topic_arn) in dead and not route.verdict.denied and not route.by_default:
                make = to.route if subject.kind == "identity" else to.events
                found[route.topic_arn].add(make(subject.scope, subject.name))
    return {arn: frozenset(capabilities) for arn, capabilities in found.items()}
