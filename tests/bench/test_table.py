"""The table of the benchmark: medians, ratios and Markdown."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from table import SESFORM, TERRAFORM, Row, Sample, from_json, ratios, report, table, to_json

PLAN = Row("plan", "plan, 1 call/s", SESFORM, (Sample(6.0, 0.5, 70.0, 14, 0, 5),), rate=1.0)


def test_the_median_is_of_each_figure_by_itself() -> None:
    """Wall, CPU, memory and calls each have their own median over the runs."""
    row = replace(PLAN, samples=(Sample(3, 1, 9, 14), Sample(1, 2, 8, 15), Sample(2, 9, 7, 14)))

    assert Sample(2, 2, 8, 14) == row.median


def test_failed_runs_are_not_in_the_median_and_are_counted() -> None:
    """A run with another exit code than 0 says nothing of the time, and the table says that it failed."""
    row = replace(PLAN, samples=(*PLAN.samples, Sample(0.1, 0.1, 9, code=1)))

    assert PLAN.median == row.median
    assert "1 of 2 runs failed; 1.50 × floor of 4 s" == ratios(row, [row])


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (replace(PLAN, samples=(Sample(1, 1, 1, code=2),)), "1 of 1 runs failed"),
        (replace(PLAN, samples=(), missing="Terraform is not installed"), "Terraform is not installed"),
    ],
)
def test_a_row_without_figures_says_why(row: Row, expected: str) -> None:
    """A row without a successful run has no figures, and the reason in their place."""
    assert expected == ratios(row, [row])
    assert f"| 1 | plan, 1 call/s | sesform | – | – | – | – | – | {expected} |" == table([row]).splitlines()[-1]


def test_the_floor_is_that_of_the_busiest_scope() -> None:
    """The first call needs no wait, so 5 calls at one a second take at least 4 seconds."""
    assert 4.0 == PLAN.floor
    assert 2.0 == replace(PLAN, rate=2.0).floor
    assert 0.0 == replace(PLAN, rate=None).floor
    assert "" == ratios(replace(PLAN, rate=2.0), [])


def test_terraform_is_compared_with_sesform_on_the_same_workload() -> None:
    """Terraform's row has its time and its calls in relation to sesform's."""
    terraform = replace(PLAN, tool=TERRAFORM, samples=(Sample(150.0, 24, 602, 28, 12, 20),), rate=None)
    other = replace(PLAN, name="other", samples=(Sample(1.0, 1, 1, 1),))

    assert "25.0 × time, 2.0 × calls" == ratios(terraform, [other, PLAN, terraform])
    assert "1.50 × floor of 4 s" == ratios(PLAN, [other, PLAN, terraform])


def test_a_workload_is_compared_with_its_base() -> None:
    """Ten accounts are compared with one, by the number of its row, as a ratio and in seconds."""
    alone = Row("one", "1 account", SESFORM, (Sample(4.0, 1, 1),))
    ten = Row("ten", "10 accounts", SESFORM, (Sample(4.4, 1, 1),), base="one")

    assert "1.10 × row 1 (+0.4 s)" == ratios(ten, [alone, ten])


def test_processes_without_aws_have_no_calls() -> None:
    """The start of a program calls no AWS: its cells for calls have a dash, not 0."""
    row = Row("start", "`sesform --version`", SESFORM, (Sample(0.0312, 0.02, 12.4),), aws=False)

    assert (
        "| 1 | `sesform --version` | sesform | – | – | 0.031 s | 0.020 s | 12 MB |  |" == table([row]).splitlines()[-1]
    )


def test_unknown_memory_is_a_dash() -> None:
    """A process smaller than the benchmark itself has no figure for its memory."""
    row = Row("start", "start", SESFORM, (Sample(1, 1, 0),), aws=False)

    assert "| 1 | start | sesform | – | – | 1.0 s | 1.0 s | – |  |" == table([row]).splitlines()[-1]


def test_results_survive_json() -> None:
    """Rows are the same after they were written to results.json and read again."""
    assert PLAN == from_json(json.loads(json.dumps(to_json(PLAN))))


def test_the_report_has_the_table_the_machine_and_details() -> None:
    """The report names the machine and the versions, and has what an offline program printed."""
    row = replace(PLAN, details="load 1.0 s")
    text = report([row], "2 cores", "sesform 1")

    assert text.startswith(table([row]))
    assert "single runs on 2 cores, with sesform 1." in text
    assert text.endswith("- plan, 1 call/s: load 1.0 s\n")
