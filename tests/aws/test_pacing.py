"""Calls are paced, on a clock that advances only while a call waits."""

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
    """Calls without a pause are sent one interval apart, and at most 5% later."""
    pacer, time = paced(rate)
    turns = []
    for _ in range(5):
        pacer.wait()
        turns.append(time.now())

    gaps = [b - a for a, b in itertools.pairwise(turns)]

    assert [least < gap < least * 1.05 for gap in gaps] == [True] * 4


def test_a_call_after_a_pause_does_not_wait() -> None:
    """A call after a pause does not wait, and the pause allows no burst."""
    pacer, time = paced(1.0)
    pacer.wait()
    time.time += 10

    pacer.wait()
    pacer.wait()

    assert len(time.waits) == 1
    assert time.waits[0] > 1.0


def test_calls_are_sent_in_order() -> None:
    """Calls are sent in the order of their requests, one interval apart."""
    pacer, time = paced(1.0)
    pacer.wait()
    asked_at = time.now()
    for _ in range(3):
        pacer.wait()
        time.time = asked_at  # as if all had asked at once

    assert [int(w) for w in time.waits] == [1, 2, 3]


def test_without_a_rate_no_call_waits() -> None:
    """Calls without a rate limit do not wait."""
    pacer, time = paced(None)

    for _ in range(100):
        pacer.wait()

    assert time.waits == []


def test_after_a_stop_no_call_is_sent() -> None:
    """A call after the stop is not sent, with or without a rate limit."""
    for rate in (1.0, None):
        pacer, _ = paced(rate)
        pacer.stop()

        with pytest.raises(Stopped):
            pacer.wait()


def test_a_waiting_call_is_not_sent_after_a_stop() -> None:
    """A stop ends the wait of a call, which is not sent."""
    pacer, time = paced(1.0)
    pacer.wait()
    time.stop_after = 1

    with pytest.raises(Stopped):
        pacer.wait()


def test_stopped_is_an_interrupt() -> None:
    """A stop is not handled as an error of AWS."""
    assert issubclass(Stopped, InterruptedError)
