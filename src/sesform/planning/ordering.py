"""Order drafts: each becomes a change with its place in the plan and the steps that it depends on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from sesform.model.address import Address, Scope
from sesform.model.values import Properties
from sesform.planning import graph
from sesform.planning.drafts import Draft
from sesform.planning.plan import Change
from sesform.planning.planned_state import Resources
from sesform.planning.route_changes import PlannedRoutes
from sesform.planning.route_steps import RouteSteps
from sesform.resources import RESOURCES
from sesform.resources.capabilities import Capability
from sesform.resources.resource_type import Phase, ResourceType

_RANK = {name: position for position, name in enumerate(RESOURCES)}
_EXTENDING = {name: kind for name, kind in RESOURCES.items() if type(kind).extends is not ResourceType.extends}
_WAITING = {name: kind for name, kind in RESOURCES.items() if type(kind).after is not ResourceType.after}


def sort_key(address: Address) -> tuple[str, str, int, str]:
    """Return the key by which resources are sorted for people: spec, region, type, key."""
    return address.spec, address.region, _RANK[address.type], address.key


def ordered(drafts: Sequence[Draft], live: Resources, routes: PlannedRoutes) -> tuple[Change, ...]:
    """Return the drafts as changes, in the order in which they are safe. `live`: all live resources."""
    extensions = _extensions(drafts, live)
    steps = RouteSteps(routes, drafts)
    nodes = [_node(d, extensions, steps, first) for d, first in zip(drafts, _first(drafts, steps), strict=True)]
    return tuple(_change(drafts[position], depends_on) for position, depends_on in graph.order(nodes))


def _first(drafts: Sequence[Draft], steps: RouteSteps) -> list[tuple[int, ...]]:
    """Return, for each draft, the positions of the drafts that complete what it comes after."""
    awaited = [
        _WAITING[draft.address.type].after(draft.step) if draft.address.type in _WAITING else frozenset[Capability]()
        for draft in drafts
    ]
    completing: dict[Capability, list[int]] = {capability: [] for each in awaited for capability in each}
    for position, draft in enumerate(drafts) if completing else ():
        completed = RESOURCES[draft.address.type].completes(draft.step) & completing.keys()
        for capability in steps.completing(draft, completed) if completed and not draft.recreates else ():
            completing[capability].append(position)
    return [tuple(position for capability in each for position in completing[capability]) for each in awaited]


def step_rank(address: Address, phase: int) -> tuple[int, int, str, str, str]:
    """Return the rank that decides which of several possible steps comes next."""
    rank = _RANK[address.type]
    return phase, -rank if Phase(phase).removes else rank, address.spec, address.region, address.key


_Extensions = Mapping[Capability, set[Capability]]


def _extensions(drafts: Sequence[Draft], live: Resources) -> _Extensions:
    """Return what steps provide in addition to a capability, because of resources that exist before the plan or after it."""
    found: dict[Capability, set[Capability]] = defaultdict(set)

    def add(type_: str, scope: Scope, properties: Properties) -> None:
        extension = _EXTENDING[type_].extends(scope, properties)
        if extension is not None:
            found[extension[0]].add(extension[1])

    for (type_, scope, _), properties in live.items():
        if type_ in _EXTENDING:
            add(type_, scope, properties)
    for draft in drafts:
        if draft.address.type in _EXTENDING and draft.after:
            add(draft.address.type, draft.scope, draft.after)
    return found


_NOTHING: frozenset[Capability] = frozenset()


def _node(draft: Draft, extensions: _Extensions, steps: RouteSteps, first: tuple[int, ...]) -> graph.Node:
    where, before, after = draft.address, draft.before, draft.after
    kind = RESOURCES[where.type]
    effect = steps.effect(draft)
    removes = effect.takes
    if removes is None:
        removes = draft.phase.removes and draft.action != "create"
    provides_before = effect.lost if before is None else kind.provides(draft.scope, before) | effect.lost
    provides_after = _NOTHING if after is None or draft.recreates else kind.provides(draft.scope, after)
    requires_after = _NOTHING if after is None else kind.requires(draft.scope, after)
    return graph.Node(
        rank=(*step_rank(where, int(draft.phase)), len(draft.follows)),
        removes=removes,
        provides_before=_extended(provides_before, extensions),
        provides_after=_extended(provides_after, extensions),
        requires_before=_NOTHING if before is None else kind.requires(draft.scope, before),
        requires_after=requires_after | effect.requires if effect.requires else requires_after,
        waits_for=draft.follows + first,
    )


def _extended(provided: frozenset[Capability], extensions: _Extensions) -> frozenset[Capability]:
    """Return what a step provides, with what it thereby provides to others."""
    if not extensions:
        return provided
    return provided.union(*(extensions[capability] for capability in provided if capability in extensions))


def _change(draft: Draft, depends_on: tuple[int, ...]) -> Change:
    calls = RESOURCES[draft.address.type].calls(draft.before, draft.after)
    return Change(
        draft.address,
        draft.scope,
        draft.action,
        draft.before,
        draft.after,
        draft.reason,
        int(draft.phase),
        calls,
        depends_on,
    )
