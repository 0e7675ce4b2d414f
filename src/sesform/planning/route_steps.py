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
from sesform.resources import RESOURCES
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
        self._planned, self._drafts = planned, drafts
        self._made = {d.after["topic_arn"] for d in drafts if d.address.type in _OF_TOPICS and d.after is not None}
        taking = any(draft.address.type in _TAKING and _may_take(draft) for draft in drafts)
        self._lost = _lost(planned) if taking else {}
        self._unknown_default = _unknown_default(planned, drafts)
        self._carrying_sets = _carrying_sets(drafts) if taking else _NOTHING
        self._open: dict[Scope, frozenset[Capability]] = {}

    def effect(self, draft: Draft) -> Effect:
        """Return what a draft does to routes."""
        of = _HEARD.get(draft.address.type)
        if of is not None:
            return self._of_route(draft, of)
        if draft.address.type in _TAKING:
            lost = self._lost.get(str((draft.before or draft.after or {})["topic_arn"]), _NOTHING)
            if lost and _may_take(draft):
                return Effect(takes=True, lost=lost, requires=self._carrying(lost) | self._of_undeclared(draft))
            return Effect(requires=self._of_undeclared(draft))
        return _NO_EFFECT

    def _of_route(self, draft: Draft, of: _Heard) -> Effect:
        if of is _forwarding:  # off is a state that requires other routes, as the type says: nothing is removed
            route = {to.route(draft.scope, (draft.after or {})["identity"])}
            return Effect(requires=_NOTHING if draft.after and draft.after["enabled"] else self._carrying(route))
        takes = draft.phase.removes and draft.action != "create"
        after = draft.after or self._meanwhile(draft)
        if draft.before and after:
            planned = self._planned
            heard_before = of(draft.scope, draft.before, planned.reception_before, planned.before)
            heard_after = of(draft.scope, after, planned.reception_after, planned.after)
            takes = bool(heard_before - heard_after) if heard_before != heard_after else takes
        if not takes:
            return _TAKES_NOTHING
        # An identity whose default set was not read may have this one.
        unknown = self._unknown_default if of is _destination else {}
        lost = unknown.get(draft.scope, _NOTHING)
        requires = self._carrying({*_subjects(draft), *lost})
        return Effect(takes, lost, requires | self._new_topics(draft.scope) if of is _destination else requires)

    def _new_topics(self, scope: Scope) -> frozenset[Capability]:
        """Return what makes the planned topics work that may be topics of undeclared identities of a scope."""
        if scope not in self._open:
            is_open = self._planned.reception_after.is_open_to
            self._open[scope] = _NOTHING.union(*(to.carrying(arn) for arn in self._made if is_open(arn, scope)))
        return self._open[scope]

    def _of_undeclared(self, draft: Draft) -> frozenset[Capability]:
        """Return the routes that take over for undeclared identities when a topic or subscription is deleted.

        Such an identity may have the topic, and as its default a configuration set that the plan gives event destinations.
        """
        if draft.before is None or not draft.phase.removes or draft.after is not None:
            return _NOTHING
        arn, reception = str(draft.before["topic_arn"]), self._planned.reception_before
        return frozenset(c for c in self._carrying_sets if reception.is_open_to(arn, _scope(c)))

    def _meanwhile(self, draft: Draft) -> Properties | None:
        """Return the temporary replacement of what a draft deletes, None if it has none."""
        if draft.after is not None or not draft.follows:
            return None
        earlier = self._drafts[draft.follows[0]]
        return earlier.after if earlier.action == "create" and not draft.phase.removes else None

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


def _carrying_sets(drafts: Iterable[Draft]) -> frozenset[Capability]:
    """Return the events that steps of the plan provide."""
    makes = (
        (RESOURCES[d.address.type], d.scope, d.after) for d in drafts if d.after is not None and not d.phase.removes
    )
    return frozenset(c for kind, scope, after in makes for c in kind.provides(scope, after) if c.kind is Kind.EVENTS)


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
    """Return, by topic ARN, the routes that have a receiver before the plan, and none once the topic is as planned.

    A route that the plan ends is one of them: another one may take over only at the end of the plan.
    """
    found: dict[str, set[Capability]] = defaultdict(set)
    later = planned.outlived()
    for subject, ways in planned.before.items():
        dead = {(r.destination, r.topic_arn) for r in later.get(subject, ()) if r.verdict.denied}
        for route in ways if dead else ():
            if (route.destination, route.topic_arn) in dead and not route.verdict.denied and not route.by_default:
                make = to.route if subject.kind == "identity" else to.events
                found[route.topic_arn].add(make(subject.scope, subject.name))
    return {arn: frozenset(capabilities) for arn, capabilities in found.items()}
