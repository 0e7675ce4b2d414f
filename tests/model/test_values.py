"""Canonical values and safe text."""

from __future__ import annotations

import copy
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sesform.model.values import EVENT_TYPES, UNKNOWN, event_set, printable

BIDI = frozenset({"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"})
ANYTHING = st.text(st.characters(codec=None), max_size=40) | st.text(
    "\x1b[31m\u202e\u2066\u200b\ufeff\x9bab\r\n\t", max_size=20
)


@given(ANYTHING)
def test_printable_escapes_control_characters(text: str) -> None:
    """Control characters, bidirectional and invisible marks, line separators and lone surrogates are escaped."""
    unescaped = [
        c
        for c in printable(text)
        if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")
        or unicodedata.bidirectional(c) in BIDI
        or c in "\u061c\u200b\u200e\u200f\u2060\ufeff"
    ]

    assert unescaped == []


@given(ANYTHING)
def test_printable_is_one_line(text: str) -> None:
    """The printable form of any text is one line."""
    assert len(printable(text).splitlines()) <= 1


@given(st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E)))
def test_printable_does_not_change_ascii(text: str) -> None:
    """Printable ASCII is not changed."""
    assert text == printable(text)


@given(ANYTHING)
def test_printable_twice_is_printable_once(text: str) -> None:
    """Text that is already safe is not escaped again."""
    assert printable(text) == printable(printable(text))


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        (r"\x1b[31mred", "\x1b[31mred"),
        (r"a\nb\rc\td", "a\nb\rc\td"),
        (r"\u202egnp.exe", "\u202egnp.exe"),
        (r"\x9b2J", "\x9b2J"),
        (r"\u2028", "\u2028"),
        (r"\ud800", "\ud800"),
        ("Grüße, 世界 🙂", "Grüße, 世界 🙂"),
    ],
)
def test_printable_shows_the_escape_of_a_character(expected: str, text: str) -> None:
    """A character that affects a terminal is replaced by its escape; letters of all scripts are not changed."""
    assert expected == printable(text)


def test_event_set_is_upper_case_sorted_and_distinct() -> None:
    """Event types are a set in the spelling and order of AWS."""
    assert event_set(["open", "Bounce", "complaint", "BOUNCE"]) == ["BOUNCE", "COMPLAINT", "OPEN"]


@given(st.permutations(EVENT_TYPES))
def test_all_event_types_come_in_the_order_of_aws(types: list[str]) -> None:
    """AWS returns event types sorted, so sesform stores them sorted."""
    assert list(EVENT_TYPES) == event_set(types)


def test_unknown_equals_only_itself() -> None:
    """A value that AWS decides during apply differs from None and from empty values, and a copy is equal to it."""
    assert UNKNOWN is copy.deepcopy(UNKNOWN)
    assert UNKNOWN is copy.copy(UNKNOWN)
    others: list[object] = [None, "", False, 0]

    assert UNKNOWN not in others
    assert repr(UNKNOWN) == "UNKNOWN"
