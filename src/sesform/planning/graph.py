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


def dependencies(nodes: Sequence[Node]) -> list[set[int]]:
    """Return, for each step, the positions of the steps that must be done before it.

    A step waits for the steps that provide what it requires. A step that removes something waits for all steps that require it
    before and not after, and for all steps that provide it instead.
    """
    making: dict[Capability, list[int]] = defaultdict(list)
    leaving: dict[Capability, list[int]] = defaultdict(list)
    for position, node in enumerate(nodes):
        if not node.removes:
            for name in node.provides_after:
                making[name].append(position)
        for name in node.requires_before - node.requires_after:
            leaving[name].append(position)
    found: list[set[int]] = []
    for position, node in enumerate(nodes):
        before = set(node.waits_for)
        for name in node.requires_after:
            before.update(making.get(name, ()))
        if node.removes:
            for name in node.provides_before:
                before.update(leaving.get(name, ()))
                before.update(making.get(name, ()))
        before.discard(position)
        found.append(before)
    return found


def order(nodes: Sequence[Node]) -> list[tuple[int, tuple[int, ...]]]:
    """Return the steps in the order in which they are done: (position in `nodes`, positions in the *result* that it depends on).

    Of the steps that could come next, the one with the lowest rank does. Raises CycleError.
    """
    needed = dependencies(nodes)
    sorter: TopologicalSorter[int] = TopologicalSorter(dict(enumerate(needed)))
    try:
        sorter.prepare()
    except LibraryCycleError as error:
        circle = " → ".join(str(nodes[i].rank) for i in error.args[1])
        raise CycleError(f"steps depend on each other in a cycle: {circle}. Please report this.") from None
    ready: list[tuple[tuple[Any, ...], int]] = []
    place: dict[int, int] = {}
    ordered: list[tuple[int, tuple[int, ...]]] = []
    while sorter.is_active():
        for position in sorter.get_ready():
            heapq.heappush(ready, (nodes[position].rank, position))
        _, position = heapq.heappop(ready)
        place[position] = len(ordered)
        ordered.append((position, tuple(sorted(place[p] for p in needed[position]))))
        sorter.done(position)
    return ordered
