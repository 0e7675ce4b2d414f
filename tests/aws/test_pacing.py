"""The pace of calls, with a clock that advances only while a call waits."""

from __future__ import annotations

import itertools

import pytest

from clock import Clock
from sesform.aws.pacing import Pacer, Stopped


def paced(rate: float | None) -> tuple[Pacer, Clock]:
    clock = Clock()
    return Pacer(rate, clock), clock


def test_the_first_call_does_not_wait() -> None:
    """The first call does not wait."""
    pacer, time = paced(1.0)

    pacer.wait()

    assert time.waits == []


@pytest.mark.parametrize(("least", "rate"), [(1.0, 1.0), (0.5, 2.0), (2.0, 0.5)])
def test_calls_are_at_least_the_interval_apart(least: float, rate: float) -> None:
    """Calls that come at once leave one after another, and hardly later than they may."""
    pacer, time = paced(rate)
    turns = []
    for _ in range(5):
        pacer.wait()
        turns.append(time.now())

    gaps = [b - a for a, b in itertools.pairwise(turns)]

    assert [least < gap < least * 1.05 for gap in gaps] == [True] * 4


def test_a_call_after_a_pause_does_not_wait() -> None:
    """Only calls that would come too soon wait; a pause is not saved up for a burst either."""
    pacer, time = paced(1.0)
    pacer.wait()
    time.time += 10

    pacer.wait()
    pacer.wait()

    assert len(time.waits) == 1
    assert time.waits[0] > 1.0


def test_calls_queue_up_behind_each_other() -> None:
    """Turns are given in the order in which they are asked for, each after the one before."""
    pacer, time = paced(1.0)
    pacer.wait()
    asked_at = time.now()
    for _ in range(3):
        pacer.wait()
        time.time = asked_at  # as if all had asked at once

    assert [int(w) for w in time.waits] == [1, 2, 3]


def test_without_a_rate_no_call_waits() -> None:
    """Where there is no quota there is no pace."""
    pacer, time = paced(None)

    for _ in range(100):
        pacer.wait()

    assert time.waits == []


def test_after_a_stop_no_call_is_let_through() -> None:
    """A call that asks after the stop is never sent, turn or no turn."""
    for rate in (1.0, None):
        pacer, _ = paced(rate)
        pacer.stop()

        with pytest.raises(Stopped):
            pacer.wait()


def test_a_call_that_waits_when_the_run_is_stopped_is_not_sent() -> None:
    """Stopping wakes those that wait for their turn, and sends none of them."""
    pacer, time = paced(1.0)
    pacer.wait()
    time.stop_after = 1

    with pytest.raises(Stopped):
        pacer.wait()


def test_stopped_is_an_interrupt() -> None:
    """Nothing that handles AWS's refusals takes a stop for one of them."""
    assert issubclass(Stopped, InterruptedError)
