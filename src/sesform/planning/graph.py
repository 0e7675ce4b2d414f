"""The order of steps: what others require comes first, and what others required goes last. A cycle is an error."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import CycleError as LibraryCycleError
from graphlib import TopologicalSorter
from typing import Any

from sesform.errors import CycleError
from sesform.resources.capabilities import Capability

_NOTHING: frozenset[Capability] = frozenset()


@dataclass(frozen=True, slots=True)
class Node:
    """One step, in the terms that its order depends on.

    `rank` breaks ties, so that equal input gives equal plans. `removes`: whether the step removes what it provided before.
    `waits_for`: positions of further steps that must come before it.
    """

    rank: tuple[Any, ...]
    removes: bool = False
    provides_before: frozenset[Capability] = _NOTHING
    provides_after: frozenset[Capability] = _NOTHING
    requires_before: frozenset[Capability] = _NOTHING
    requires_after: frozenset[Capability] = _NOTHING
    waits_for: tuple[int, ...] = ()


def dependencies(nodes: Sequence[Node]) -> list[tuple[int, ...]]:
    """Return, for each step, the sorted positions of the steps that must be done before it.

    A step waits for the steps that provide what it requires. A step that removes something waits for all steps that require it
    before and not after, and for all steps that provide it instead.
    """
    making: dict[Capability, list[int]] = defaultdict(list)
    leaving: dict[Capability, list[int]] = defaultdict(list)
    for position, node in enumerate(nodes):
        if not node.removes:
            for name in node.provides_after:
                making[name].append(position)
        if node.requires_before:
            for name in node.requires_before - node.requires_after:
                leaving[name].append(position)
    found: list[tuple[int, ...]] = []
    known: dict[tuple[int, ...], tuple[int, ...]] = {}  # many steps wait for the same ones
    for position, node in enumerate(nodes):
        before = [making[name] for name in node.requires_after if name in making]
        if node.removes:
            before += [of[name] for of in (leaving, making) for name in node.provides_before if name in of]
        waits_for = {*node.waits_for}.union(*before) - {position} if before else node.waits_for
        positions = tuple(sorted(waits_for))
        found.append(known.setdefault(positions, positions))
    return found


def order(nodes: Sequence[Node]) -> list[tuple[int, tuple[int, ...]]]:
    """Return the steps in the order in which they are done: (position in `nodes`, positions in the *result* that it depends on).

    Of the steps that could come next, the one with the lowest rank does. Raises CycleError.
    """
    needed = dependencies(nodes)
    missing = [len(before) for before in needed]
    waiting: dict[int, list[int]] = defaultdict(list)
    for position, before in enumerate(needed):
        for each in before:
            waiting[each].append(position)
    ready = [(nodes[position].rank, position) for position, number in enumerate(missing) if not number]
    heapq.heapify(ready)
    place: dict[int, int] = {}
    depends_on: dict[tuple[int, ...], tuple[int, ...]] = {}  # many steps wait for the same ones
    ordered: list[tuple[int, tuple[int, ...]]] = []
    while ready:
        _, position = heapq.heappop(ready)
        place[position] = len(ordered)
        before = needed[position]
        if before not in depends_on:
            depends_on[before] = tuple(sorted([place[each] for each in before]))
        ordered.append((position, depends_on[before]))
        for each in waiting.get(position, ()):
            missing[each] -= 1
            if not missing[each]:
                heapq.heappush(ready, (nodes[each].rank, each))
    if len(ordered) < len(nodes):
        raise _cycle(nodes, needed)
    return ordered


def _cycle(nodes: Sequence[Node], needed: Sequence[tuple[int, ...]]) -> CycleError:
    """Return the error that names the steps of a cycle."""
    try:
        TopologicalSorter(dict(enumerate(needed))).prepare()
    except LibraryCycleError as error:
        circle = " → ".join(str(nodes[i].rank) for i in error.args[1])
        return CycleError(f"steps depend on each other in a cycle: {circle}. Please report this.")
    raise AssertionError("steps remain although none of them is in a cycle")
