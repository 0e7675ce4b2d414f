"""Jobs run side by side: none holds a thread before its scope's turn, and calls in flight and threads are bounded."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from sesform.aws import Pacer, Senders, Stopped, Timer
from sesform.aws.senders import parked

SLOW = 0.0001  # calls a second: no second turn comes during a test


def used(rate: float = SLOW) -> Pacer:
    """Return a pacer whose next turn is far away."""
    pacer = Pacer(rate)
    pacer.wait()
    pacer.answered("Get")
    return pacer


@pytest.fixture
def senders() -> Iterator[Senders]:
    """Return senders for two calls in flight, without a wait for their jobs at the end."""
    with Senders(2) as senders:
        yield senders


def done(future: Future[Any]) -> Any:
    return future.result(timeout=30)


def test_a_result_or_an_exception_is_that_of_the_job(senders: Senders) -> None:
    """The future has the job's result, or raises its exception."""
    assert 3 == done(senders.submit(lambda: 3))
    with pytest.raises(ZeroDivisionError):
        done(senders.submit(lambda: 1 // 0))


def test_jobs_that_wait_for_their_turn_hold_no_thread(senders: Senders) -> None:
    """With many jobs of scopes whose turn is far away, a job of another scope runs."""
    waiting = [senders.submit(lambda: None, pacer) for pacer in [used() for _ in range(20)]]

    assert 1 == done(senders.submit(lambda: 1))
    assert 2 == done(senders.submit(lambda: 2, Pacer(1.0)))
    assert [] == [future for future in waiting if future.running() or future.done()]


def test_each_scope_has_its_own_pace(senders: Senders) -> None:
    """A scope with a slow answer does not hold up another one."""
    answer, late = threading.Event(), Pacer(1000.0)
    slow = senders.submit(answer.wait, late)
    for _ in range(3):
        done(senders.submit(lambda: None, Pacer(1000.0)))

    assert not slow.done()
    answer.set()
    assert done(slow)


def test_no_more_jobs_run_than_allowed(senders: Senders) -> None:
    """Of five jobs, two run at a time."""
    lock, running, most = threading.Lock(), 0, 0
    two = threading.Barrier(2, timeout=30)

    def job() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        two.wait()
        with lock:
            running -= 1

    for future in [senders.submit(job) for _ in range(6)]:
        done(future)

    assert 2 == most


def test_a_job_that_waits_within_a_call_lets_another_run(senders: Senders) -> None:
    """While as many jobs as are allowed wait for a retry, another one runs, and all end."""
    retry = threading.Event()

    def waits() -> str:
        with parked():
            retry.wait()
        return "later"

    waiting = [senders.submit(waits) for _ in range(2)]

    assert "at once" == done(senders.submit(lambda: "at once"))
    retry.set()
    assert ["later", "later"] == [done(future) for future in waiting]


def test_threads_stay_under_twice_the_calls_in_flight() -> None:
    """Many jobs that wait within their calls use fewer than twice as many threads as calls in flight are allowed."""
    retry, names = threading.Event(), set[int]()

    def waits() -> None:
        names.add(threading.get_ident())
        with parked():
            retry.wait()

    with Senders(3) as senders:
        futures = [senders.submit(waits) for _ in range(40)]
        for future in futures[:5]:
            while not future.running():
                pass
        assert 5 == len(names)
        retry.set()
        for future in futures:
            done(future)

    assert len(names) < 6


def test_jobs_with_the_lowest_rank_come_first() -> None:
    """Of the jobs of one scope that wait, the one with the lowest rank has the next turn."""
    order: list[int] = []
    pacer, open_ = Pacer(1000.0), threading.Event()
    with Senders(1) as senders:
        senders.submit(open_.wait)
        futures = [senders.submit(lambda n=n: order.append(n), pacer, n) for n in (3, 1, 2)]  # type: ignore[misc]
        open_.set()
        for future in futures:
            done(future)

    assert [1, 2, 3] == order


def test_a_job_in_steps_gives_its_thread_back_between_calls() -> None:
    """With one thread, another job runs while a job in steps waits for the turn of its second call."""
    told: list[str] = []
    pacer = Pacer(SLOW)

    def steps() -> Iterator[None]:
        for n in (1, 2):
            yield
            pacer.wait()
            pacer.answered("Get")
            told.append(f"call {n}")

    with Senders(1) as senders:
        first = senders.submit_steps(steps(), pacer)
        while not told:
            done(senders.submit(lambda: None))

        assert not first.done()
        assert ["call 1"] == told
        pacer.stop()
        with pytest.raises(Stopped):
            done(first)


def test_an_exception_in_a_step_ends_the_job(senders: Senders) -> None:
    """The exception of a step is raised by the future, and no further step runs."""

    def steps() -> Iterator[None]:
        yield
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        done(senders.submit_steps(steps(), Pacer(None)))


def test_a_turn_without_a_call_is_used_by_the_next_job(senders: Senders) -> None:
    """A job that makes no call gives its turn back."""
    pacer = Pacer(SLOW)

    assert [1, 2, 3] == [done(senders.submit(lambda n=n: n, pacer)) for n in (1, 2, 3)]  # type: ignore[misc]


def test_after_a_stop_waiting_jobs_run_at_once(senders: Senders) -> None:
    """A stop gives every waiting job its turn, so that it can report that its call was not sent."""
    timer = Timer()
    pacer = Pacer(SLOW, timer)
    pacer.wait()
    waiting = senders.submit(lambda: "refused", pacer)
    timer.stop()

    assert "refused" == done(waiting)


def test_an_exception_cancels_jobs_that_have_not_begun() -> None:
    """An exception that leaves the context cancels waiting jobs, and is not held up by running ones."""
    found: list[Future[None]] = []

    def fail() -> None:
        with Senders(1) as senders:
            found.append(senders.submit(lambda: None, used()))
            raise KeyError

    with pytest.raises(KeyError):
        fail()

    assert not found[0].running()
    assert not found[0].done()


def test_a_scope_that_waits_long_does_not_delay_the_turns_of_another(monkeypatch: pytest.MonkeyPatch) -> None:
    """A turn of a fast scope is used, although a thread waits for the later turn of a slow scope."""
    monkeypatch.setattr("sesform.aws.senders._POLL", 3600.0)
    fast = Pacer(200.0)

    def job() -> None:
        fast.wait()
        fast.answered("Get")

    with Senders(4) as senders:
        senders.submit(lambda: None, used())
        for _ in range(20):
            done(senders.submit(job, fast))


def test_a_turn_that_has_come_is_used_before_jobs_without_turns() -> None:
    """A job whose turn has come runs before jobs that need no turn, because an unused turn is lost."""
    order: list[str] = []
    open_ = threading.Event()
    with Senders(1) as senders:
        senders.submit(open_.wait)
        futures = [senders.submit(lambda: order.append("no turn"))]
        futures.append(senders.submit(lambda: order.append("turn"), Pacer(SLOW)))
        open_.set()
        for future in futures:
            done(future)

    assert ["turn", "no turn"] == order


def _allow_threads(number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the system refuse all but the first threads."""
    start, left = threading.Thread.start, iter(range(number))

    def limited(thread: threading.Thread) -> None:
        if next(left, None) is None:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", limited)


def test_all_jobs_run_in_the_threads_that_the_system_allows(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the system refuses a second thread, the first one runs all jobs."""
    _allow_threads(1, monkeypatch)
    with Senders(8) as senders:
        futures = [senders.submit(lambda n=n: n) for n in range(20)]  # type: ignore[misc]

        assert list(range(20)) == [done(future) for future in futures]


def test_without_any_thread_no_job_is_accepted(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the system refuses the first thread, its error is raised."""
    _allow_threads(0, monkeypatch)
    with Senders(8) as senders, pytest.raises(RuntimeError, match="can't start new thread"):
        senders.submit(lambda: None)
