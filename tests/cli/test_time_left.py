"""The time left under the quota, with throttling, a rate that is found out, and several accounts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sesform.cli.time_left import Remaining, TimeLeft
from sesform.model.address import Scope

HERE, THERE = Scope("111111111111", "eu-west-1"), Scope("222222222222", "eu-west-1")
TICK = 0.2


def estimate(done_at: Callable[[float], int], *, until: float, total: int, seconds: float | None) -> float | None:
    """Return the estimate at a time, after one has been made each tick. `done_at`: the calls that have ended by then."""
    time_left, found = TimeLeft(), None
    for tick in range(round(until / TICK) + 1):
        now = tick * TICK
        found = time_left.after(now, {HERE: Remaining(done_at(now), total, seconds)})
    return found


def test_the_quota_decides_before_anything_was_measured() -> None:
    """The first estimate is the number of calls at the rate of the run."""
    assert 100.0 == TimeLeft().after(0.0, {HERE: Remaining(0, 100, 1.0)})


def test_the_slowest_scope_decides() -> None:
    """Scopes are independent, and one that has finished has no time left."""
    calls = {HERE: Remaining(0, 100, 1.0), THERE: Remaining(0, 30, 1.0), Scope("3" * 12, "x"): Remaining(9, 9, 1.0)}

    assert 100.0 == TimeLeft().after(0.0, calls)


def test_nothing_is_said_without_a_pace_or_without_calls() -> None:
    """A run that is not paced has no estimate before it is measured; neither has one that knows no calls."""
    assert TimeLeft().after(0.0, {HERE: Remaining(0, 100, None)}) is None
    assert TimeLeft().after(0.0, {HERE: Remaining(100, 100, 1.0)}) is None
    assert TimeLeft().after(0.0, {}) is None


def test_calls_without_pacing_are_measured() -> None:
    """Ten calls a second leave 20 seconds for 200 calls."""
    found = estimate(lambda now: int(now * 10), until=10.0, total=300, seconds=None)

    assert pytest.approx(20.0, rel=0.1) == found


@pytest.mark.parametrize("share", [0.5, 0.25])
def test_throttled_calls_lengthen_the_estimate(share: float) -> None:
    """If another program has a part of the quota, the calls that are accepted count, and not the rate of the run."""
    found = estimate(lambda now: int(now * share), until=120.0, total=1000, seconds=1.02)

    assert pytest.approx((1000 - 120 * share) / share, rel=0.1) == found


def test_a_rising_rate_shortens_the_estimate() -> None:
    """With `--rate auto` the last calls count: 1 a second for a minute and then 10 leave 90 seconds for 900 calls."""
    found = estimate(lambda now: int(min(now, 60) + max(0.0, now - 60) * 10), until=70.0, total=1060, seconds=0.1)

    assert pytest.approx(90.0, rel=0.1) == found


def test_a_scope_that_is_starved_has_ever_more_time_left() -> None:
    """While AWS accepts nothing, the estimate grows."""

    def done(now: float) -> int:
        return int(min(now, 20.0))

    early, late = (estimate(done, until=until, total=100, seconds=1.0) for until in (40.0, 80.0))

    assert early is not None
    assert late is not None
    assert 80.0 < early < late


def test_a_scope_that_waits_for_another_keeps_its_rate() -> None:
    """Before its first call there is nothing to measure."""
    assert 10.0 == estimate(lambda now: 0, until=60.0, total=10, seconds=1.0)
