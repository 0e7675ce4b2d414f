"""An interrupted run ends with its report, even without answers of AWS; a second interrupt ends it at once."""

from __future__ import annotations

import re
import signal
import threading
from collections.abc import Iterator

import pytest

from sesform.apply import execute, interrupts, read_back
from sesform.planning.plan import Change, Outcome, Report
from shell import Shell
from world import World

SPECS = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
topics: {a: {}}
configuration_sets: {main: {}}
identities:
  one.example.com: {notifications: {bounce: a}}
"""


@pytest.fixture
def never() -> Iterator[threading.Event]:
    """Wait until the end of the test, like an answer that does not come."""
    event = threading.Event()
    yield event
    event.set()


def results(report: Report) -> dict[str, str]:
    return {o.change.address.type: o.result for o in report.outcomes}


def test_a_request_before_the_run_has_begun_is_recorded() -> None:
    """The run acts as soon as it says how; the second request ends it at once."""
    interrupt, acted = interrupts.Interrupt(), list[bool]()
    assert not interrupt.requested
    interrupt.request()
    assert interrupt.requested
    interrupt.on_request(lambda: acted.append(True))

    assert [True] == acted
    with pytest.raises(KeyboardInterrupt):
        interrupt.request()


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_an_interrupted_run_does_not_wait_for_a_missing_answer(
    world: World, never: threading.Event, number: signal.Signals
) -> None:
    """The report has all steps: the step under way is unknown, later steps are not tried."""
    world.identity("one.example.com")
    plan, connections = world.plan(SPECS), world.connections(world.desired(SPECS), read_only=False)
    told: list[int] = []

    def hang() -> None:
        signal.raise_signal(number)
        never.wait()

    world.sandbox.fail("CreateTopic", code="InternalError", status=500, before=hang)
    request = interrupts.Interrupt()
    with interrupts.handled(request.request):
        report = execute.run(plan, connections, parallelism=1, interrupt=request, stopping=told.append, grace=0.0)

    assert report.interrupted
    assert not report.ok
    assert "unknown" == results(report)["topic"]
    assert {"not tried"} == {result for type_, result in results(report).items() if type_ != "topic"}
    assert ["the run was interrupted before AWS answered; the call may have been carried out. Plan again to see."] == [
        o.error for o in report.outcomes if o.result == "unknown"
    ]
    assert {"the run was interrupted"} == {o.error for o in report.outcomes if o.result == "not tried"}
    assert list(plan.changes) == [o.change for o in report.outcomes]
    assert [1] == told


def test_a_second_interrupt_ends_the_run_at_once(world: World, never: threading.Event) -> None:
    """A second interrupt ends the run without waiting for calls under way."""
    world.identity("one.example.com")
    plan, connections = world.plan(SPECS), world.connections(world.desired(SPECS), read_only=False)
    world.sandbox.fail("CreateTopic", code="InternalError", status=500, before=never.wait)
    request = interrupts.Interrupt()

    def interrupt(change: Change, outcome: Outcome | None) -> None:
        if outcome is None and change.address.type == "topic":
            signal.raise_signal(signal.SIGTERM)

    def again(calls: int) -> None:
        signal.raise_signal(signal.SIGTERM)

    with pytest.raises(KeyboardInterrupt), interrupts.handled(request.request):
        execute.run(plan, connections, parallelism=1, progress=interrupt, interrupt=request, stopping=again, grace=1e6)


def test_an_interrupted_run_sends_no_retry(world: World) -> None:
    """A call that waits for its retry ends at the interrupt; after a lost answer its step is unknown."""
    world.identity("one.example.com")
    for code, status, expected in (("Throttled", 429, "not tried"), ("ReadTimeoutError", 0, "unknown")):
        other = World(world.folder)
        plan, connections = other.plan(SPECS), other.connections(other.desired(SPECS), read_only=False)
        request = interrupts.Interrupt()
        other.sandbox.fail(
            "CreateTopic", code=code, status=status, times=99, lost_answer=not status, before=request.request, after=0
        )
        other.sandbox._dispatcher.faults._waiting[0].times = 1
        report = execute.run(plan, connections, parallelism=1, interrupt=request)

        assert expected == results(report)["topic"]
        assert 1 == sum(c.operation == "CreateTopic" for c in other.sandbox.calls)


def test_a_step_that_is_interrupted_between_its_calls_is_unknown(world: World) -> None:
    """If the topic is created and its display name is not set, the step was tried, and the next run completes it."""
    specs = SPECS.replace("topics: {a: {}}", "topics: {a: {display_name: Feedback}}")
    world.identity("one.example.com")
    plan, connections = world.plan(specs), world.connections(world.desired(specs), read_only=False)
    request = interrupts.Interrupt()
    world.sandbox.fail("SetTopicAttributes", code="Throttled", status=429, before=request.request)
    report = execute.run(plan, connections, parallelism=1, interrupt=request)
    (made,) = [o for o in report.outcomes if o.change.address.type == "topic"]

    assert "unknown" == made.result
    assert "between two calls of this step" in made.error
    fresh = World(world.folder)
    fresh.sandbox = world.sandbox
    fresh.converge(specs)


def test_a_run_with_nohup_ignores_the_closed_terminal() -> None:
    """A run that was started with nohup continues when its terminal is closed."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interrupts.handled(interrupts.raise_interrupt):
            signal.raise_signal(signal.SIGHUP)
    finally:
        signal.signal(signal.SIGHUP, before)


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_apply_ends_with_its_report_and_exit_code_1(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, number: signal.Signals
) -> None:
    """The report on stdout has the interrupt and the counts; stderr does not repeat the steps that were not tried."""
    carry_out = execute._Run._carry_out

    raised: list[int] = []

    def interrupted(run: execute._Run, position: int) -> Outcome:
        if not raised:
            raised.append(position)
            signal.raise_signal(number)
        return carry_out(run, position)

    monkeypatch.setattr(execute._Run, "_carry_out", interrupted)
    result = shell.run("apply", "--sandbox", "--auto-approve", "--parallelism", "1")

    assert 1 == result.code
    assert "Apply interrupted." in result.out
    assert re.search(r"^Of \d+ steps: \d+ done, 0 failed, 0 unknown, \d+ not tried\.", result.out, re.MULTILINE)
    assert "not tried" not in result.err
    assert "Interrupted. No further call is sent." in result.err


def test_an_interrupt_during_read_back_keeps_the_report(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The report is printed, and the exit code is 1, because the read-back is incomplete."""
    monkeypatch.setattr(read_back, "not_shown", lambda *_: signal.raise_signal(signal.SIGTERM))
    result = shell.run("apply", "--sandbox", "--auto-approve")

    assert (1, True) == (result.code, "Apply complete!" in result.out)
    assert result.err.endswith("\nInterrupted.\n")


def test_an_interrupt_after_the_last_step_keeps_the_report(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal between the last step and the report does not prevent the report."""
    run = execute.run

    def late(*arguments: object, **keywords: object) -> Report:
        report: Report = run(*arguments, **keywords)  # type: ignore[arg-type]
        signal.raise_signal(signal.SIGTERM)
        return report

    monkeypatch.setattr(execute, "run", late)
    result = shell.run("apply", "--sandbox", "--auto-approve")

    assert (1, True) == (result.code, "Apply complete!" in result.out)
