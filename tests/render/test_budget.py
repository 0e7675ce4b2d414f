"""Room goes to what matters most, and what has none is counted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from sesform.render.budget import Section, allot, fill

SIZES = st.lists(st.integers(0, 50), min_size=1, max_size=6)


@st.composite
def requests(draw: st.DrawFn) -> tuple[list[int], list[int], int]:
    needs = draw(SIZES)
    own = draw(st.lists(st.integers(0, 20), min_size=len(needs), max_size=len(needs)))
    return needs, own, sum(own) + draw(st.integers(0, 60))


@given(requests())
def test_nothing_gets_more_than_its_own_room_while_something_more_important_is_cut(
    request: tuple[list[int], list[int], int],
) -> None:
    """Each section has its own room for sure, more only if all before it are whole, and all together no more than there is."""
    needs, own, total = request
    given_ = allot(needs, own, total)

    assert sum(given_) <= total
    assert all(room >= min(need, sure) for room, need, sure in zip(given_, needs, own, strict=True))
    cut = next((i for i, (room, need) in enumerate(zip(given_, needs, strict=True)) if room < need), len(needs))
    assert all(room <= sure for room, sure in zip(given_[cut + 1 :], own[cut + 1 :], strict=True))


@given(requests())
def test_no_room_is_left_while_something_is_cut(request: tuple[list[int], list[int], int]) -> None:
    """Room that one section does not need goes to the others."""
    needs, own, total = request

    assert sum(allot(needs, own, total)) == min(total, sum(needs))


@given(st.lists(st.lists(st.text("ab", max_size=5), max_size=10), min_size=1, max_size=4), st.integers(0, 60))
def test_all_lines_are_shown_or_counted(lines: list[list[str]], total: int) -> None:
    """The lines that have room and the number of the others are all that there were, in their order."""
    filled = fill([Section("", iter(each), len(each), 10) for each in lines], total + 10 * len(lines), len)

    for section, each in zip(lines, filled, strict=True):
        assert section[: len(each.lines)] == list(each.lines)
        assert len(section) == len(each.lines) + each.cut


def test_lines_without_room_are_not_made() -> None:
    """Comparing thousands of resources takes time, so that only lines which may be shown are made."""
    made: list[int] = []

    def line(number: int) -> str:
        made.append(number)
        return "x"

    (filled,) = fill([Section("", (line(i) for i in range(1000)), 1000, 0)], 10, len)

    assert 990 == filled.cut
    assert 11 == len(made)
