"""The figures of a run of the benchmark: medians, ratios, and the Markdown table."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

SESFORM, TERRAFORM = "sesform", "Terraform"
_LEAST_FLOOR = 3.0  # seconds: shorter ones say little, because the start of a program takes nearly as long


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of a program. Seconds, and MB, 0 if unknown. `calls`, `throttled`: all that AWS received. `code`: the exit code.

    `busiest`: the most accepted SES calls in one account and region, which the quota bounds from below.
    """

    wall: float
    cpu: float
    memory: float
    calls: int = 0
    throttled: int = 0
    busiest: int = 0
    code: int = 0


@dataclass(frozen=True, slots=True)
class Row:
    """All runs of one workload with one tool.

    `rate`: the quota that the tool can use. `missing`: why there are no runs. `details`: what the program printed itself.
    """

    name: str
    title: str
    tool: str
    samples: tuple[Sample, ...] = ()
    rate: float | None = None
    base: str = ""
    size: int = 0
    aws: bool = True
    missing: str = ""
    details: str = ""

    @property
    def median(self) -> Sample | None:
        """The median of each figure over the runs that succeeded; None if there are none."""
        good = [s for s in self.samples if s.code == 0]
        if not good:
            return None
        return Sample(**{f.name: statistics.median(getattr(s, f.name) for s in good) for f in fields(Sample)})

    @property
    def floor(self) -> float:
        """The least seconds that the quota allows for the calls of the busiest account and region; 0 without a quota."""
        median = self.median
        return (median.busiest - 1) / self.rate if median and self.rate and median.busiest else 0.0


def from_json(record: Mapping[str, Any]) -> Row:
    """Return the row of a record of results.json."""
    return Row(**{**record, "samples": tuple(Sample(**s) for s in record["samples"])})


def to_json(row: Row) -> dict[str, Any]:
    return asdict(row)


def ratios(row: Row, rows: Sequence[Row]) -> str:
    """Return the row's time in relation to the quota's floor, to its base, and to sesform's row of the same workload.

    Floors of less than three seconds are left out.
    """
    median, found = row.median, []
    if median is None:
        return row.missing or f"{len(row.samples)} of {len(row.samples)} runs failed"
    failed = sum(s.code != 0 for s in row.samples)
    if failed:
        found.append(f"{failed} of {len(row.samples)} runs failed")
    if row.floor >= _LEAST_FLOOR:
        found.append(f"{median.wall / row.floor:.2f} × floor of {row.floor:.0f} s")
    for number, other in enumerate(rows, 1):
        beside = other.median
        if beside is None or other is row:
            continue
        if row.base and (other.name, other.tool) == (row.base, row.tool):
            found.append(f"{median.wall / beside.wall:.2f} × row {number} ({median.wall - beside.wall:+.1f} s)")
        if row.tool == TERRAFORM and (other.name, other.tool) == (row.name, SESFORM):
            found.append(f"{median.wall / beside.wall:.1f} × time, {median.calls / max(1, beside.calls):.1f} × calls")
    return "; ".join(found)


def table(rows: Sequence[Row]) -> str:
    """Return the rows as a Markdown table."""
    lines = [
        "| # | workload | tool | calls | throttled | wall | CPU | peak memory | ratio |",
        "| ---: | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for number, row in enumerate(rows, 1):
        figures = _figures(row)
        cells = [str(number), row.title, row.tool, *figures, ratios(row, rows)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines)


def _figures(row: Row) -> list[str]:
    median = row.median
    if median is None:
        return ["–"] * 5
    calls = [f"{median.calls:g}", f"{median.throttled:g}"] if row.aws else ["–", "–"]
    memory = f"{median.memory:.0f} MB" if median.memory else "–"
    return [*calls, _seconds(median.wall), _seconds(median.cpu), memory]


def _seconds(value: float) -> str:
    return f"{value:.3f} s" if value < 0.995 else f"{value:.1f} s"


def report(rows: Sequence[Row], machine: str, versions: str) -> str:
    """Return the results as Markdown: the table, how to read it, and what the offline programs printed."""
    details = [f"- {row.title}: {row.details}" for row in rows if row.details]
    runs = sorted({len(row.samples) for row in rows if row.samples})
    counts = "single runs" if runs in ([], [1]) else f"medians of {' or '.join(map(str, runs))} runs"
    how = (
        f"The figures are {counts} on {machine}, with {versions}. Each run calls a `sesform sandbox serve` of its own, in another "
        "process. Wall and CPU time are those of the whole process; peak memory is that of its largest process. The floor is the "
        "time that the quota allows for the accepted SES calls of the busiest account and region."
    )
    lines = [table(rows), "", how]
    return "\n".join([*lines, *(["", *details] if details else [])]) + "\n"
