"""The cost of a run is shown by scope, with the time in relation to the least that the quota allows."""

from __future__ import annotations

from sesform.model.address import Scope
from sesform.model.quotas import Cost
from sesform.render import cost

COSTS = {
    Scope("222222222222", "eu-west-1"): Cost(11, 4, 1),
    Scope("111111111111", "eu-west-1"): Cost(5, 0, 0),
}


def test_calls_are_shown_by_scope_and_in_relation_to_the_quota() -> None:
    """Eleven calls take at least ten seconds, because the first one does not wait."""
    assert (
        "Calls to AWS:\n"
        "  111111111111/eu-west-1: 5 to SES, 0 to other services, 0 throttled\n"
        "  222222222222/eu-west-1: 11 to SES, 4 to other services, 1 throttled\n"
        "20 calls in 12.5 s, 1.25 times the least for 11 SES calls in one scope (10 s)." == cost.text(COSTS, 12.5, 1.0)
    )


def test_lookups_in_cloudtrail_are_shown_where_there_are_any() -> None:
    """They take their time after the calls to SES, at two a second."""
    costs = {Scope("111111111111", "eu-west-1"): Cost(3, 1, 0, 5)}

    assert (
        "Calls to AWS:\n"
        "  111111111111/eu-west-1: 3 to SES, 5 to CloudTrail, 1 to other services, 0 throttled\n"
        "9 calls in 5.0 s, 1.25 times the least for 3 SES calls and 5 lookups in one scope (4 s)."
        == cost.text(costs, 5.0, 1.0)
    )


def test_without_pacing_there_is_no_relation() -> None:
    """The last line has the calls and the seconds only."""
    assert "20 calls in 0.3 s." == cost.text(COSTS, 0.29, None).splitlines()[-1]


def test_a_run_without_calls_has_no_relation() -> None:
    """No call is no least time."""
    assert "Calls to AWS:\n0 calls in 0.1 s." == cost.text({}, 0.1, 1.0)
