"""Reports and problems as JSON documents."""

from __future__ import annotations

import json

import pytest

from scenes import OWNER_SCOPE
from sesform.errors import Problem
from sesform.model.address import Address
from sesform.planning.plan import Action, Change, Outcome, Report, Result
from sesform.render import json as drawn


def outcome(action: Action, key: str, result: Result, error: str = "") -> Outcome:
    change = Change(Address("corp", "eu-west-1", "topic", key), OWNER_SCOPE, action, None, None, "", 2, ())
    return Outcome(change, result, error)


def test_a_report_has_each_step_with_what_became_of_it() -> None:
    """Tools read whether all is well, what was done, and each step in the plan's order with its error."""
    report = Report((outcome("create", "a", "done"), outcome("update", "b", "failed", "no")))

    assert {
        "version": 1,
        "ok": False,
        "interrupted": False,
        "done": {"create": 1, "update": 0, "delete": 0},
        "outcomes": [
            {"address": "corp/eu-west-1/topic/a", "action": "create", "result": "done", "error": "", "before": None},
            {
                "address": "corp/eu-west-1/topic/b",
                "action": "update",
                "result": "failed",
                "error": "no",
                "before": None,
            },
        ],
    } == json.loads(drawn.report(report))


@pytest.mark.parametrize(
    ("expected", "report"),
    [
        ((True, False), Report(())),
        ((True, False), Report((outcome("create", "a", "done"),))),
        ((False, True), Report((outcome("create", "a", "not tried"),), interrupted=True)),
    ],
)
def test_a_report_says_whether_all_is_well_and_whether_it_was_cut_off(
    expected: tuple[bool, bool], report: Report
) -> None:
    """The two questions that a script asks first have an answer each."""
    document = json.loads(drawn.report(report))

    assert expected == (document["ok"], document["interrupted"])


def test_problems_have_their_place_and_what_to_do() -> None:
    """Editors and CI systems find the line, and read the same words as people do."""
    problem = Problem("it is wrong", "a.b", "s.yaml", 1, 2, "fix it", "warning")

    assert {
        "version": 1,
        "valid": True,
        "error_count": 0,
        "warning_count": 1,
        "specs": 2,
        "resources": 3,
        "problems": [
            {
                "summary": "it is wrong",
                "path": "a.b",
                "file": "s.yaml",
                "line": 1,
                "column": 2,
                "hint": "fix it",
                "severity": "warning",
                "rule": "",
            }
        ],
    } == json.loads(drawn.validation([problem], specs=2, resources=3))


def test_no_problem_is_an_empty_list() -> None:
    """A document is there whether or not anything is wrong."""
    document = json.loads(drawn.validation([]))

    assert (True, 0, []) == (document["valid"], document["error_count"], document["problems"])


@pytest.mark.parametrize("value", ["a\nb", "\x1b[31m", "\u2028", '"\\', "\ud800"])
def test_a_document_is_one_line_of_ascii_whatever_is_in_it(value: str) -> None:
    """Nothing from outside ends the line, acts on a terminal or gets lost."""
    report, problems = (
        drawn.report(Report((outcome("create", value, "failed", value),))),
        drawn.validation([Problem(value)]),
    )

    assert [True, True] == [text.isascii() and text.isprintable() for text in (report, problems)]
    assert value == json.loads(report)["outcomes"][0]["error"]
    assert value == json.loads(problems)["problems"][0]["summary"]
