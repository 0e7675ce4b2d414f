"""Two plots of the results: cost against size, and accounts against time. Needs matplotlib, which is imported when drawing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from table import SESFORM, TERRAFORM, Row, Sample

_COLOURS = {SESFORM: "#1f6feb", TERRAFORM: "#8250df"}


def points(rows: Sequence[Row], tool: str) -> list[tuple[int, Sample]]:
    """Return the size and the medians of each row of a tool that has any, by size."""
    found = ((row.size, row.median) for row in rows if row.tool == tool)
    return sorted(((size, median) for size, median in found if median is not None), key=lambda point: point[0])


def draw_sizes(rows: Sequence[Row], file: Path) -> None:
    """Draw calls, time and CPU time of a plan without changes against the number of identities."""
    plt = _pyplot()
    figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
    panels = [("calls to AWS", "calls"), ("seconds", "wall"), ("CPU seconds", "cpu")]
    for axis, (label, name) in zip(axes, panels, strict=True):
        for tool in (TERRAFORM, SESFORM):
            found = points(rows, tool)
            if found:
                values = [getattr(median, name) for _, median in found]
                axis.plot([size for size, _ in found], values, "o-", color=_COLOURS[tool], label=tool)
        axis.set(xscale="log", yscale="log", xlabel="identities, 3 topics each", title=label)
        _plain_numbers(axis.xaxis, sorted({row.size for row in rows}))
        _plain_numbers(axis.yaxis)
        axis.grid(alpha=0.3, which="both")
    axes[0].legend()
    figure.suptitle("Plan without changes, no quota")
    _save(plt, figure, file)


def draw_accounts(rows: Sequence[Row], file: Path, title: str) -> None:
    """Draw the time of a plan against the number of accounts, and the time of one account after another."""
    plt = _pyplot()
    figure, axis = plt.subplots(figsize=(6.5, 3.6), layout="constrained")
    found = points(rows, SESFORM)
    if found:
        accounts = [size for size, _ in found]
        alone = found[0][1].wall / max(1, accounts[0])
        axis.plot(accounts, [alone * n for n in accounts], "--", color="#6e7781", label="one account after another")
        axis.plot(accounts, [median.wall for _, median in found], "o-", color=_COLOURS[SESFORM], label=SESFORM)
    axis.set(xlabel="accounts", ylabel="seconds", xscale="log", yscale="log", title=title)
    _plain_numbers(axis.xaxis, sorted({row.size for row in rows}))
    _plain_numbers(axis.yaxis)
    axis.grid(alpha=0.3, which="both")
    axis.legend()
    _save(plt, figure, file)


def _plain_numbers(axis: Any, ticks: Sequence[int] = ()) -> None:
    """Label a logarithmic axis with 1, 2, 5, 10 and so on in place of powers, or with these ticks only."""
    from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter, StrMethodFormatter

    axis.set_major_locator(FixedLocator(list(ticks)) if ticks else LogLocator(subs=(1.0, 2.0, 5.0)))
    axis.set_major_formatter(StrMethodFormatter("{x:g}"))
    axis.set_minor_formatter(NullFormatter())


def _pyplot() -> Any:
    import matplotlib as mpl

    mpl.use("svg")
    mpl.rcParams["svg.hashsalt"] = "sesform"  # the same results give the same file
    import matplotlib.pyplot as plt

    return plt


def _save(plt: Any, figure: Any, file: Path) -> None:
    figure.savefig(file, metadata={"Date": None} if file.suffix == ".svg" else None)
    plt.close(figure)
