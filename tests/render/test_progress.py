"""The line of progress, on wide and narrow terminals and in logs."""

from __future__ import annotations

import pytest

from sesform.render import progress


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (99, "Reading [#######-----------------------] 300 of 1,200 SES calls, about 15 min left"),
        (71, "Reading [####---------------] 300 of 1,200 SES calls, about 15 min left"),
        (60, "Reading [##------] 300 of 1,200 SES calls, about 15 min left"),
        (59, "Reading 300 of 1,200 SES calls, about 15 min left"),
        (45, "Reading 300 of 1,200, about 15 min left"),
        (30, "Reading 300 of 1,200"),
        (12, "300 of 1,200"),
        (5, "300 o"),
        (0, "Reading: 300 of 1,200 SES calls, about 15 min left"),
    ],
)
def test_the_line_fits_the_width(width: int, expected: str) -> None:
    """The bar shrinks first, then details are left out; a log has no bar."""
    assert expected == progress.line("Reading", 300, 1200, "SES calls", 900.0, width)


@pytest.mark.parametrize(
    ("done", "total", "seconds", "expected"),
    [
        (0, 7, None, "Applying [------------------------------] 0 of 7 steps"),
        (7, 7, None, "Applying [##############################] 7 of 7 steps"),
        (8, 7, None, "Applying [##############################] 8 of 7 steps"),
        (0, 0, None, "Applying [------------------------------] 0 of 0 steps"),
        (6, 7, 0.2, "Applying [#########################-----] 6 of 7 steps, about 1 s left"),
    ],
)
def test_the_line_is_right_at_the_ends(done: int, total: int, seconds: float | None, expected: str) -> None:
    """The bar never overflows, an unknown time is left out, and a remaining call takes at least a second."""
    assert expected == progress.line("Applying", done, total, "steps", seconds, 120)
