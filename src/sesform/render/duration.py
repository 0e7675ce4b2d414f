"""Durations as text."""

from __future__ import annotations


def duration(seconds: float) -> str:
    """Return seconds as text: `95 s`, `2 min 5 s`, `2 h 45 min`. Negative durations are `0 s`."""
    whole = max(0, round(seconds))
    if whole < 120:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes + (rest >= 30), 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"
