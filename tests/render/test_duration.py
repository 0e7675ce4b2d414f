"""Durations in words."""

from __future__ import annotations

import pytest

from sesform.render.duration import duration


@pytest.mark.parametrize(
    ("expected", "seconds"),
    [
        ("0 s", -1),
        ("0 s", 0),
        ("119 s", 119),
        ("2 min", 120),
        ("2 min 5 s", 125),
        ("59 min 59 s", 3599),
        ("1 h", 3600),
        ("2 h 45 min", 165 * 60),
    ],
)
def test_durations_have_at_most_two_units(expected: str, seconds: float) -> None:
    """Seconds below two minutes, then minutes and seconds, then hours and minutes."""
    assert expected == duration(seconds)
