"""Calls are paced, on a clock that advances only while a call waits or is under way."""

from __future__ import annotations

import itertools
import math
import random
import threading
from collections.abc import Callable, Iterator
from statistics import mean

import pytest

from clock import Clock
from sesform.aws.pacing import Pacer, Quota, Rate, RisingRate, Stopped
from sesform.model.address import Scope
from sesform_sandbox.throttle import Throttle

HERE = Scope("111111111111", "eu-west-1")


def paced(rate: float | None) -> tuple[Pacer, Clock]:
    clock = Clock()
    return Pacer(rate, clock), clock


def call(pacer: Pacer, clock: Clock, seconds: float = 0.0, *, throttled: bool = False) -> float:
    """Make a call that takes some seconds, and return when it was sent."""
    pacer.wait()
    sent = clock.now()
    clock.time += seconds
    pacer.answered("Get", throttled=throttled)
    return sent


# --- turns --------------------------------------------------------------------------------------------------------------


def test_the_first_call_does_not_wait() -> None:
    """The first call does not wait."""
    pacer, clock = paced(1.0)
    call(pacer, clock)

    assert [] == clock.waits


@pytest.mark.parametrize(("least", "rate"), [(1.0, 1.0), (0.5, 2.0), (2.0, 0.5)])
def test_calls_are_at_least_the_interval_apart(least: float, rate: float) -> None:
    """Calls without a pause are sent one interval apart, and at most 1% later."""
    pacer, clock = paced(rate)
    turns = [call(pacer, clock) for _ in range(5)]

    assert [True] * 4 == [least < b - a < least * 1.01 for a, b in itertools.pairwise(turns)]


def test_a_call_after_a_pause_does_not_wait() -> None:
    """A call after a pause does not wait, and the pause allows no burst."""
    pacer, clock = paced(1.0)
    call(pacer, clock)
    clock.time += 10
    call(pacer, clock)
    call(pacer, clock)

    assert 1 == len(clock.waits)
    assert clock.waits[0] > 1.0


def test_the_next_turn_counts_from_the_latest_arrival_of_the_last_call() -> None:
    """If a call takes 0.4 s longer than the fastest one, it may have arrived 0.4 s late, and the next turn is as late."""
    pacer, clock = paced(1.0)
    call(pacer, clock, 0.1)
    call(pacer, clock, 0.1)
    sent = call(pacer, clock, 0.5)

    assert 1.4 == pytest.approx(call(pacer, clock, 0.1) - sent, abs=0.01)


def test_the_fastest_answer_is_that_of_the_same_operation() -> None:
    """An operation that always takes long does not make turns late."""
    pacer, clock = paced(1.0)
    call(pacer, clock, 0.1)
    turns = []
    for _ in range(3):
        pacer.wait()
        turns.append(clock.now())
        clock.time += 0.6
        pacer.answered("List")

    assert 1.005 == pytest.approx(turns[2] - turns[1])


def test_a_failure_does_not_count_as_a_round_trip() -> None:
    """After a connection that fails at once, turns are no later than before."""
    pacer, clock = paced(1.0)
    call(pacer, clock, 0.1)
    pacer.wait()
    clock.time += 0.001
    pacer.answered("Get", failed=True)
    turns = [call(pacer, clock, 0.1) for _ in range(2)]

    assert 1.005 == pytest.approx(turns[1] - turns[0])


def test_a_failure_does_not_raise_the_rate() -> None:
    """With a rate that rises, failed calls leave it as it is."""
    pacer, clock = paced(math.inf)
    call(pacer, clock)
    turns = []
    for _ in range(10):
        pacer.wait()
        turns.append(clock.now())
        pacer.answered("Get", failed=True)

    assert turns[1] - turns[0] == pytest.approx(turns[9] - turns[8])


def test_a_call_without_an_answer_holds_up_others_for_five_seconds() -> None:
    """A call whose answer does not come delays the next one, for a few seconds only."""
    pacer, clock = paced(1.0)
    call(pacer, clock)
    pacer.wait()
    sent = clock.now()
    others: list[float] = []
    _in_a_thread(lambda: others.append(call(pacer, clock)))

    assert 6.0 == pytest.approx(others[0] - sent, abs=0.1)


def test_calls_overlap_where_answers_take_longer_than_the_interval() -> None:
    """At 10 calls a second and 0.3 s for an answer, the next call is sent before the answer comes."""
    pacer, clock = paced(10.0)
    call(pacer, clock, 0.3)
    pacer.wait()
    sent = clock.now()
    others: list[float] = []
    _in_a_thread(lambda: others.append(call(pacer, clock)))

    assert 0.1 == pytest.approx(others[0] - sent, abs=0.01)


def test_without_a_rate_no_call_waits() -> None:
    """Calls without a rate limit do not wait."""
    pacer, clock = paced(None)
    for _ in range(100):
        call(pacer, clock)

    assert [] == clock.waits
    assert not pacer.paced


# --- reserved turns -----------------------------------------------------------------------------------------------------


def test_a_turn_is_reserved_only_when_it_has_come() -> None:
    """A turn can be reserved after the interval and not before."""
    pacer, clock = paced(1.0)
    call(pacer, clock)

    assert not pacer.reserve()
    clock.time = pacer.due_at()
    assert pacer.reserve()


def test_a_call_uses_the_reserved_turn_of_its_thread() -> None:
    """A call with a reserved turn does not wait, and the next turn counts from the call."""
    pacer, clock = paced(1.0)
    assert pacer.reserve()
    clock.time += 0.5
    sent = call(pacer, clock)

    assert [] == clock.waits
    assert 1.005 == pytest.approx(pacer.due_at() - sent)


def test_an_unused_turn_is_given_back() -> None:
    """After a reserved turn without a call the next call does not wait."""
    pacer, clock = paced(1.0)
    assert pacer.reserve()
    pacer.release()
    call(pacer, clock)

    assert [] == clock.waits


# --- throttled calls ----------------------------------------------------------------------------------------------------


def test_a_throttled_call_is_sent_again_after_an_interval() -> None:
    """A throttled call waits for one interval, and for at most a tenth longer at first."""
    pacer, clock = paced(1.0)
    sent = call(pacer, clock, throttled=True)

    assert 1.0 <= call(pacer, clock) - sent <= 1.2


def test_the_rate_falls_while_calls_are_throttled_and_recovers() -> None:
    """After many throttled calls the interval is longer, up to 20 s, and after a few accepted ones it is the old one."""
    pacer, clock = paced(1.0)
    turns = [call(pacer, clock, throttled=True) for _ in range(300)]
    for _ in range(6):
        call(pacer, clock)
    last = call(pacer, clock)

    assert 20 <= turns[-1] - turns[-2] <= 22
    assert 1.005 == pytest.approx(call(pacer, clock) - last)


def test_a_rate_falls_slowly_and_recovers_fast() -> None:
    """Each throttled call makes the interval 2% longer, up to 20 s; each accepted call halves it, down to the first one."""
    rate = Rate(2.0)
    assert 0.5025 == rate.seconds
    rate.throttled()
    rate.throttled()
    assert 0.5025 * 1.02**2 == pytest.approx(rate.seconds)
    rate.accepted()
    assert 0.5025 == rate.seconds
    for _ in range(300):
        rate.throttled()
    assert 20 == rate.seconds
    rate.accepted()
    assert 10 == rate.seconds


def test_a_quota_tells_how_long_it_is_used_up() -> None:
    """The time counts from the first throttled call after an accepted one, and is reported once a minute."""
    clock = Clock()
    quota, told = Quota(clock), []
    for pause, accepted in [(0, False), (30, False), (30, False), (1, True), (29, False), (30, False), (59, False)]:
        clock.time += pause
        if accepted:
            quota.accepted()
        else:
            told.append(quota.throttled())

    assert [(0, True), (30, False), (60, True), (0, False), (30, True), (89, False)] == told


Other = Callable[[random.Random], Iterator[float]]


def every_two_seconds(chance: random.Random) -> Iterator[float]:
    """Yield pauses of a program that uses half of the quota: it waits for two seconds after an accepted call."""
    while True:
        yield 2.0


def simulated(calls: int, jitter: float, seed: int, other: Other | None = None) -> tuple[float, float, int]:
    """Make calls against a quota of one a second. Return the seconds, the share of throttled calls, and the other's calls.

    Each way takes 20 ms and up to `jitter` seconds. The other program sends throttled calls again after 0.2 s.
    """
    chance, clock, quota = random.Random(seed), Clock(), Throttle(1.0)
    pacer = Pacer(1.0, clock)
    quota.clock = clock.now
    pauses, others_next, others = (other(chance), 0.0, 0) if other else (None, float("inf"), 0)
    begun, done, throttled = clock.now(), 0, 0
    others_next += begun
    while done < calls:
        pacer.wait()
        clock.time += 0.02 + chance.uniform(0, jitter)
        arrived = clock.time
        while others_next <= arrived:
            clock.time = others_next
            accepted = quota.admits(HERE)
            others += accepted
            others_next += next(pauses) if accepted and pauses else 0.2
        clock.time = arrived
        accepted = quota.admits(HERE)
        clock.time += 0.02 + chance.uniform(0, jitter)
        pacer.answered("Get", throttled=not accepted)
        done, throttled = done + accepted, throttled + (not accepted)
    return clock.now() - begun, throttled / (done + throttled), others


def test_a_quota_of_its_own_is_used_up() -> None:
    """Without jitter 200 calls take at most 1.01 times as long as the quota requires, and none is throttled."""
    seconds, throttled, _ = simulated(200, 0.0, seed=1)

    assert 200 <= seconds + 1 <= 202
    assert 0 == throttled


def test_jitter_costs_little() -> None:
    """With 50 ms of jitter each way, calls take at most 1.08 times as long as the quota requires, and 4% are throttled."""
    runs = [simulated(200, 0.05, seed) for seed in range(10)]

    assert mean(run[0] for run in runs) <= 1.08 * 200
    assert mean(run[1] for run in runs) <= 0.04


@pytest.mark.parametrize("jitter", [0.0, 0.05])
def test_what_another_program_leaves_is_used(jitter: float) -> None:
    """Beside a program with half of the quota, a run takes at most 1.3 times as long as the rest of the quota requires."""
    for seed in range(5):
        seconds, _, others = simulated(200, jitter, seed, every_two_seconds)

        assert seconds <= 1.3 * 200 / (1 - others / seconds)


# --- a rising rate ------------------------------------------------------------------------------------------------------


def test_an_automatic_rate_rises_to_the_quota_and_stays_there() -> None:
    """Against a quota of 5 calls a second, it rises from one to nearly 5, and few calls are throttled."""
    clock, quota = Clock(), Throttle(5.0)
    pacer = Pacer(math.inf, clock)
    quota.clock = clock.now
    accepted = []
    for _ in range(600):
        pacer.wait()
        accepted.append(quota.admits(HERE))
        at = clock.now()
        clock.time += 0.01
        pacer.answered("Get", throttled=not accepted[-1])
        if len(accepted) == 400:
            begun, before = at, sum(accepted)

    assert 4.0 <= (sum(accepted) - before) / (clock.now() - begun) <= 5.0
    assert accepted[400:].count(False) <= 10


def test_an_automatic_rate_is_never_below_the_quota_of_ses() -> None:
    """It falls back to one call a second where AWS accepts no more, and tries more only now and then."""
    rate = RisingRate(1.0)
    for _ in range(20):
        rate.accepted()
    for _ in range(20):
        rate.throttled()
    rate.accepted()
    for _ in range(7):
        rate.accepted()

    assert 1.005 == pytest.approx(rate.seconds)


def accepted(rate: RisingRate, calls: int) -> float:
    """Return the interval after so many accepted calls."""
    for _ in range(calls):
        rate.accepted()
    return rate.seconds


def test_an_automatic_rate_rises_with_each_accepted_call() -> None:
    """Each accepted call makes calls 5% more frequent, up to 100 a second."""
    rate = RisingRate(1.0)

    assert 1.005 / 1.05 == pytest.approx(accepted(rate, 1))
    assert 1.005 / 1.05**20 == pytest.approx(accepted(rate, 19))
    assert 0.01005 == pytest.approx(accepted(rate, 200))


def test_an_automatic_rate_stays_below_the_rate_that_was_throttled() -> None:
    """A throttled call makes calls 30% rarer. They become 10% rarer than they were, and 10% more frequent every 50 calls."""
    rate = RisingRate(1.0)
    before = accepted(rate, 40)
    rate.throttled()

    assert 1.3 * before == pytest.approx(rate.seconds)
    assert 1.3 * before / 1.05 == pytest.approx(accepted(rate, 1))
    assert 1.1 * before == pytest.approx(accepted(rate, 48))
    assert 1.1 * before / 1.05 == pytest.approx(accepted(rate, 1))
    assert before == pytest.approx(accepted(rate, 49))
    assert before / 1.05 == pytest.approx(accepted(rate, 1))
    assert before / 1.1 == pytest.approx(accepted(rate, 49))


def test_every_throttled_call_begins_the_trial_of_a_rate_again() -> None:
    """The 50 calls count from the last throttled one."""
    rate = RisingRate(1.0)
    before = accepted(rate, 40)
    rate.throttled()
    accepted(rate, 49)
    rate.throttled()

    assert 1.1 * 1.1 * before == pytest.approx(accepted(rate, 49))


# --- the end ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rate", [1.0, None])
def test_after_a_stop_no_call_is_sent(rate: float | None) -> None:
    """A call after the stop is not sent, with or without a rate limit."""
    pacer, _ = paced(rate)
    pacer.stop()

    assert pacer.reserve()
    with pytest.raises(Stopped):
        pacer.wait()


def test_a_reserved_turn_is_given_back_after_a_stop() -> None:
    """A call that was refused because of a stop used no turn, and its thread gives the turn back."""
    pacer, _ = paced(1.0)
    assert pacer.reserve()
    pacer.stop()
    with pytest.raises(Stopped):
        pacer.wait()
    pacer.answered("Get")
    pacer.release()

    assert pacer.reserve()


def test_a_waiting_call_is_not_sent_after_a_stop() -> None:
    """A stop ends the wait of a call, which is not sent."""
    pacer, clock = paced(1.0)
    call(pacer, clock)
    clock.stop_after = 1
    with pytest.raises(Stopped):
        pacer.wait()


def test_stopped_is_an_interrupt() -> None:
    """A stop is not handled as an error of AWS."""
    assert issubclass(Stopped, InterruptedError)


def _in_a_thread(job: Callable[[], None]) -> None:
    thread = threading.Thread(target=job)
    thread.start()
    thread.join()
