"""The progress of a run, as one line that fits a terminal."""

from __future__ import annotations

from sesform.render.duration import duration

_BAR, _SHORTEST_BAR = 30, 8


def line(doing: str, done: int, total: int, unit: str, seconds: float | None = None, width: int = 0) -> str:
    """Return a line: `Reading [###-----] 300 of 1,200 SES calls, about 15 min left`.

    `unit`: of `done` and `total`, in the plural. `seconds`: the time that is left, None if it is not known. `width`: the number of
    columns; the bar shrinks and details are left out until the line fits. 0: no bar, for a log.
    """
    counts = f"{done:,} of {total:,}"
    left = f", about {duration(max(1.0, seconds))} left" if seconds is not None else ""
    if not width:
        return f"{doing}: {counts} {unit}{left}"
    text = f" {counts} {unit}{left}"
    bar = min(_BAR, width - len(doing) - len(text) - 3)
    if bar >= _SHORTEST_BAR:
        filled = bar * min(done, total) // total if total else 0
        return f"{doing} [{'#' * filled}{'-' * (bar - filled)}]{text}"
    shorter = (f"{doing}{text}", f"{doing} {counts}{left}", f"{doing} {counts}", counts)
    return next((each for each in shorter if len(each) <= width), counts[:width])
