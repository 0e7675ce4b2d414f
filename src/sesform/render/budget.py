"""Sections with room for a part of their lines: what matters most is cut last, and what is cut is counted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Section:
    """Lines under a title. `lines` may be made while they are read; `count` is their number. `own`: the room it has for sure."""

    title: str
    lines: Iterable[str]
    count: int
    own: int


@dataclass(frozen=True, slots=True)
class Filled:
    """The lines of a section that have room, and the number of those that have none."""

    title: str
    lines: tuple[str, ...]
    cut: int


def fill(sections: Sequence[Section], total: int, size: Callable[[str], int]) -> list[Filled]:
    """Return the sections with the lines that have room, the most important section first.

    `size` returns the room that a line needs, in the unit of `own` and `total`; all sections together get `total` at most.
    """
    made = [_up_to(section.lines, total, size) for section in sections]
    rooms = allot([sum(map(size, lines)) for lines in made], [section.own for section in sections], total)
    filled = []
    for section, lines, room in zip(sections, made, rooms, strict=True):
        kept = _fitting(lines, room, size)
        filled.append(Filled(section.title, tuple(kept), section.count - len(kept)))
    return filled


def allot(needs: Sequence[int], own: Sequence[int], total: int) -> list[int]:
    """Return the room that each section gets, the most important first.

    Each gets what it needs of its own room. What is then left of `total` goes to the sections in their order, so that no section
    gets more than its own room while a more important one is cut.
    """
    given = [min(need, room) for need, room in zip(needs, own, strict=True)]
    left = total - sum(given)
    for position, need in enumerate(needs):
        more = min(max(0, left), need - given[position])
        given[position] += more
        left -= more
    return given


def _up_to(lines: Iterable[str], total: int, size: Callable[[str], int]) -> list[str]:
    """Return the first lines, one more than `total` has room for at most."""
    found, used = [], 0
    for line in lines:
        found.append(line)
        used += size(line)
        if used > total:
            break
    return found


def _fitting(lines: Sequence[str], room: int, size: Callable[[str], int]) -> list[str]:
    found: list[str] = []
    for line in lines:
        room -= size(line)
        if room < 0:
            break
        found.append(line)
    return found
