"""The order of steps."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sesform.errors import CycleError
from sesform.planning import graph
from sesform.planning.graph import Node
from sesform.resources import capabilities as to
from sesform.resources.capabilities import Capability


def names(*topics: str) -> frozenset[Capability]:
    return frozenset(map(to.topic, topics))


THINGS = ["a", "b", "c", "d"]


@st.composite
def nodes_without_cycles(draw: st.DrawFn) -> list[Node]:
    """Steps that make or remove things, each thing needing only things before it in the alphabet."""
    found = []
    for rank in range(draw(st.integers(0, 8))):
        level = draw(st.integers(0, len(THINGS) - 1))
        gives, needs = (
            names(THINGS[level]),
            names(*draw(st.frozensets(st.sampled_from(THINGS[:level]), max_size=2))) if level else names(),
        )
        if draw(st.booleans()):
            found.append(Node((2, level, rank), removes=True, provides_before=gives, requires_before=needs))
        else:
            found.append(Node((1, -level, rank), provides_after=gives, requires_after=needs))
    return found


def places(nodes: list[Node]) -> list[int]:
    """For each step its place in the order."""
    order = [position for position, _ in graph.order(nodes)]
    return [order.index(position) for position in range(len(nodes))]


@given(nodes_without_cycles())
def test_every_step_is_in_the_order_once(nodes: list[Node]) -> None:
    """Nothing is lost in the ordering, and nothing is done twice."""
    assert list(range(len(nodes))) == sorted(position for position, _ in graph.order(nodes))


@given(nodes_without_cycles())
def test_every_step_comes_after_those_it_waits_for(nodes: list[Node]) -> None:
    """The order keeps all dependencies, forward and backward."""
    at = places(nodes)

    assert [
        (one, other)
        for one, first in enumerate(nodes)
        for other, second in enumerate(nodes)
        if at[one] > at[other]
        and one != other
        and (
            # what is needed is made first
            (not first.removes and first.provides_after & second.requires_after)
            # what leans on a thing goes before the thing
            or (second.removes and (first.requires_before - first.requires_after) & second.provides_before)
            # what takes the place of a thing is made before it goes
            or (second.removes and not first.removes and first.provides_after & second.provides_before)
        )
    ] == []


@given(st.data(), nodes_without_cycles())
def test_the_order_does_not_depend_on_the_input_order(data: st.DataObject, nodes: list[Node]) -> None:
    """The same steps give the same plan, in whatever order they were found."""
    shuffled = data.draw(st.permutations(nodes))

    assert [nodes[p].rank for p, _ in graph.order(nodes)] == [shuffled[p].rank for p, _ in graph.order(shuffled)]


@given(nodes_without_cycles())
def test_dependencies_are_positions_in_the_result(nodes: list[Node]) -> None:
    """Each step names the places of those it waits for, all before its own."""
    needed = graph.dependencies(nodes)
    ordered = graph.order(nodes)

    assert [{ordered[d][0] for d in depends_on} for _, depends_on in ordered] == [set(needed[p]) for p, _ in ordered]
    assert [d for place, (_, depends_on) in enumerate(ordered) for d in depends_on if d >= place] == []


def test_of_free_steps_the_lowest_rank_comes_first() -> None:
    """Where nothing waits, the rank decides."""
    assert [p for p, _ in graph.order([Node((2,)), Node((3,)), Node((1,))])] == [2, 0, 1]


def test_a_low_rank_waits_all_the_same() -> None:
    """Rank breaks ties only: what is needed comes first whatever its rank."""
    first, second = Node((9,), provides_after=names("topic")), Node((1,), requires_after=names("topic"))

    assert graph.order([second, first]) == [(1, ()), (0, (0,))]


def test_what_is_needed_is_made_first() -> None:
    """Forward: the topic before the setting that names it."""
    setting = Node((1,), requires_after=names("topic"))
    topic = Node((2,), provides_after=names("topic"))

    assert [(1,), ()] == graph.dependencies([setting, topic])


def test_what_stays_is_not_waited_for() -> None:
    """A topic that goes does not wait for a setting that never leaned on it, nor for one that leans on it still."""
    settings = [Node((1,)), Node((2,), requires_before=names("topic"), requires_after=names("topic"))]

    assert () == graph.dependencies([*settings, Node((3,), removes=True, provides_before=names("topic"))])[-1]


def test_what_goes_waits_for_those_that_leaned_on_it() -> None:
    """Backward: the topic goes after the setting has moved off it."""
    setting = Node((2,), requires_before=names("old"), requires_after=names("new"))
    topic = Node((1,), removes=True, provides_before=names("old"))

    assert [(), (0,)] == graph.dependencies([setting, topic])


def test_what_goes_waits_for_what_takes_its_place() -> None:
    """A route goes after another one has been made."""
    other = Node((2,), provides_after=names("route"))
    route = Node((1,), removes=True, provides_before=names("route"))

    assert [(), (0,)] == graph.dependencies([other, route])


def test_what_is_removed_does_not_make_anything() -> None:
    """A narrowing step still provides something afterwards, but no step waits for it."""
    narrowed = Node((1,), removes=True, provides_before=names("publish"), provides_after=names("publish"))
    user = Node((2,), requires_after=names("publish"))

    assert [(), ()] == graph.dependencies([narrowed, user])


def test_a_step_never_waits_for_itself() -> None:
    """A step that gives what it needs is no circle."""
    assert [()] == graph.dependencies([Node((1,), provides_after=names("a"), requires_after=names("a"))])


def test_steps_may_be_told_to_wait() -> None:
    """The second step of a resource waits for its first."""
    assert graph.order([Node((1,), waits_for=(1,)), Node((2,))]) == [(1, ()), (0, (0,))]


def test_a_circle_is_an_error_that_names_its_steps() -> None:
    """Steps that wait for each other cannot be ordered, and are not put in some order."""
    one = Node(("one",), provides_after=names("a"), requires_after=names("b"))
    two = Node(("two",), provides_after=names("b"), requires_after=names("a"))

    with pytest.raises(CycleError, match=r"one.*two|two.*one"):
        graph.order([one, two])
