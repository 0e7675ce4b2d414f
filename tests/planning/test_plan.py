"""What a plan and a report say of themselves."""

from __future__ import annotations

import dataclasses

import pytest

from sesform.errors import Problem
from sesform.model.address import Address, Scope
from sesform.planning.plan import Action, Change, Outcome, Plan, Report, Result, Unchanged, on_the_way

SCOPE, OTHER = Scope("111111111111", "eu-west-1"), Scope("222222222222", "eu-west-1")


def change(action: Action, key: str, *calls: str, scope: Scope = SCOPE) -> Change:
    return Change(Address("corp", scope.region, "topic", key), scope, action, None, None, "", 2, calls)


def test_a_plan_counts_resources_not_steps() -> None:
    """An update that takes two steps is one change; a replacement is one to add and one to destroy."""
    plan = Plan(
        (
            change("update", "a"),
            change("update", "a"),
            change("delete", "b"),
            change("create", "b"),
            change("create", "c"),
        ),
        (Unchanged(Address("corp", "eu-west-1", "topic", "d"), {}),),
    )

    assert plan.summary == {"create": 2, "update": 1, "delete": 1, "no_op": 1}


STAND_IN = (change("create", "s"), change("delete", "a"), change("create", "a"), change("delete", "s"))


def test_a_stand_in_is_not_counted() -> None:
    """What is made and removed on the way is neither added nor destroyed; what it stands in for is both."""
    assert {"create": 1, "update": 0, "delete": 1, "no_op": 0} == Plan(STAND_IN).summary


def test_a_stand_in_that_was_left_behind_is_destroyed() -> None:
    """A foreign entry that has a topic before the plan and none after it counts."""
    assert {"create": 1, "update": 0, "delete": 2, "no_op": 0} == Plan(STAND_IN[1:]).summary


def test_a_stand_in_that_stays_behind_was_added() -> None:
    """A run that was cut off says what it made and did not remove."""
    *done, last = STAND_IN
    report = Report((*(Outcome(c, "done") for c in done), Outcome(last, "failed")))

    assert {"create": 2, "update": 0, "delete": 1} == report.done


@pytest.mark.parametrize(
    ("expected", "changes"),
    [
        (set(), ()),
        ({"s"}, STAND_IN),
        (set(), (change("create", "a"), change("delete", "b"))),
        (set(), (change("delete", "a"), change("create", "a"))),
        (set(), (change("update", "a"), change("delete", "a"))),
        ({"s"}, (change("create", "s"), change("update", "s"), change("delete", "s"))),
        ({"s", "r"}, (change("create", "s"), change("create", "r"), change("delete", "r"), change("delete", "s"))),
    ],
)
def test_on_the_way_is_what_is_made_first_and_removed_later(expected: set[str], changes: tuple[Change, ...]) -> None:
    """A replacement goes first and comes again, so it is not on the way."""
    assert expected == {a.key for a in on_the_way(changes)}


def test_an_empty_plan_counts_nothing() -> None:
    """Every count is present, even zero."""
    assert Plan(()).summary == {"create": 0, "update": 0, "delete": 0, "no_op": 0}


@pytest.mark.parametrize(
    ("expected", "plan"),
    [
        (False, Plan(())),
        (True, Plan((change("create", "a"),))),
        (True, Plan((change("create", "a"),), diagnostics=(Problem("w", severity="warning"),))),
        (False, Plan((change("create", "a"),), diagnostics=(Problem("e"),))),
    ],
)
def test_a_plan_is_applyable_where_there_is_something_to_do_and_nothing_in_the_way(expected: bool, plan: Plan) -> None:
    """Warnings do not prevent applying, errors do."""
    assert expected is plan.applyable


def test_errors_are_the_diagnostics_of_severity_error() -> None:
    """A warning is no error."""
    warning, error = Problem("w", severity="warning"), Problem("e")

    assert (error,) == Plan((), diagnostics=(warning, error)).errors


def test_calls_are_counted_in_each_scope() -> None:
    """The price of a plan is known for each account and region."""
    plan = Plan(
        (
            change("create", "a", "sns:X", "sns:X"),
            change("create", "b", "ses:Y"),
            change("create", "c", "sns:X", scope=OTHER),
        )
    )

    assert plan.calls == {SCOPE: {"sns:X": 2, "ses:Y": 1}, OTHER: {"sns:X": 1}}
    assert list(plan.calls) == [SCOPE, OTHER]


@pytest.mark.parametrize(
    ("frozen", "field"),
    [
        (Plan(()), "changes"),
        (change("create", "a"), "after"),
        (Report(()), "outcomes"),
        (Outcome(change("create", "a"), "done"), "result"),
    ],
)
def test_plans_and_reports_are_frozen(frozen: object, field: str) -> None:
    """What was shown is what is applied: nothing changes it on the way."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(frozen, field, None)


@pytest.mark.parametrize(
    ("expected", "results"),
    [(True, []), (True, ["done", "done"]), (False, ["done", "failed"]), (False, ["not tried"]), (False, ["unknown"])],
)
def test_a_report_is_ok_where_everything_was_done(expected: bool, results: list[Result]) -> None:
    """Anything that was not done is not well."""
    assert expected is Report(tuple(Outcome(change("create", r), r) for r in results)).ok


def test_a_report_counts_what_was_done() -> None:
    """Only what AWS has taken counts, and each resource once."""
    report = Report(
        (
            Outcome(change("update", "a"), "done"),
            Outcome(change("update", "a"), "done"),
            Outcome(change("create", "b"), "failed"),
            Outcome(change("delete", "c"), "done"),
        )
    )

    assert report.done == {"create": 0, "update": 1, "delete": 1}
