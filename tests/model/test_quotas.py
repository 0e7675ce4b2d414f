"""The quotas of AWS as numbers."""

from __future__ import annotations

import pytest

from sesform.model.quotas import IDENTITIES_PER_CALL, SES_CALLS_PER_SECOND, least_seconds


def test_the_quotas_are_those_of_aws() -> None:
    """The rate is one SES call a second in each scope; one read returns up to a hundred identities."""
    assert (SES_CALLS_PER_SECOND, IDENTITIES_PER_CALL) == (1.0, 100)


@pytest.mark.parametrize(
    ("expected", "calls", "rate"),
    [(0, 0, 1.0), (1, 1, 1.0), (121, 121, 1.0), (3, 5, 2.0), (10, 5, 0.5), (0, 5, None)],
)
def test_least_seconds_are_rounded_up(expected: int, calls: int, rate: float | None) -> None:
    """The minimum duration of a number of calls is rounded up to seconds; without a rate it is 0."""
    assert expected == least_seconds(calls, rate)
