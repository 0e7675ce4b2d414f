"""The results of a plan when steps fail, answers are lost, or the run is interrupted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping

import pytest

from sesform.apply import execute, interrupts
from sesform.planning.plan import Change, Outcome, Report
from world import World

SPECS = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
topics: {a: {}, b: {}}
identities:
  one.example.com: {notifications: {bounce: {topic: a, headers: true}}}
  two.example.com: {notifications: {bounce: {topic: b, headers: true}}}
"""


@pytest.fixture
def estate(world: World) -> World:
    """Two identities with a topic each."""
    world.identity("one.example.com", "two.example.com")
    return world


def results(report: Report) -> Mapping[str, str]:
    return {f"{o.change.address.type}/{o.change.address.key}": o.result for o in report.outcomes}


def test_a_failed_step_stops_only_what_depends_on_it(estate: World) -> None:
    """Topic a cannot be made: its policy and one.example.com are not tried; topic b and two.example.com are done."""
    estate.sandbox.fail("CreateTopic", code="AccessDenied", message="no", status=403)
    plan = estate.plan(SPECS)
    connections = estate.connections(estate.desired(SPECS), read_only=False)
    found = results(execute.run(plan, connections, parallelism=1))

    assert {
        "topic/a": "failed",
        "topic/b": "done",
        "topic_policy/a": "not tried",
        "topic_policy/b": "done",
        "notification_topic/one.example.com/bounce": "not tried",
        "notification_topic/two.example.com/bounce": "done",
        "notification_headers/one.example.com/bounce": "not tried",
        "notification_headers/two.example.com/bounce": "done",
    } == found
    estate.converge(SPECS)


def test_what_was_not_tried_says_what_it_waited_for(estate: World) -> None:
    """The reason of a step that was not tried is the step that failed before it."""
    estate.sandbox.fail("SetIdentityNotificationTopic", code="AccessDenied", message="no", status=403, times=2)
    report = estate.apply(estate.plan(SPECS))
    waiting = [o for o in report.outcomes if o.result == "not tried"]

    assert [
        "it depends on corp/eu-west-1/notification_topic/one.example.com/bounce",
        "it depends on corp/eu-west-1/notification_topic/two.example.com/bounce",
    ] == [o.error for o in waiting]


def test_a_lost_answer_is_unknown_and_the_next_run_finds_it_done(estate: World) -> None:
    """A call whose answer never comes is neither done nor failed; nothing is made twice when planning again."""
    plan = estate.plan(SPECS)
    estate.sandbox.fail("SetIdentityNotificationTopic", code="ReadTimeoutError", times=99, lost_answer=True)
    report = estate.apply(plan)

    assert {"unknown"} == {o.result for o in report.outcomes if o.change.address.type == "notification_topic"}
    again = estate.plan(SPECS)
    assert ["notification_headers", "notification_headers"] == [c.address.type for c in again.changes]


@pytest.mark.parametrize(
    "operation",
    [
        "CreateTopic",
        "SetTopicAttributes",
        "CreateConfigurationSet",
        "CreateConfigurationSetEventDestination",
        "Subscribe",
    ],
)
def test_an_answer_lost_once_is_asked_again_without_harm(estate: World, operation: str) -> None:
    """botocore retries after a lost answer: a resource that already exists counts as created."""
    specs = SPECS.replace(
        "a: {}", "a: {subscriptions: [{protocol: sqs, endpoint: 'arn:aws:sqs:eu-west-1:111111111111:q'}]}"
    )
    specs += "configuration_sets: {main: {event_destinations: {x: {events: [bounce], sns: a}}}}\n"
    estate.sandbox.fail(operation, code="ReadTimeoutError", lost_answer=True)
    estate.converge(specs)


def test_independent_steps_run_side_by_side(estate: World) -> None:
    """The two topics are created at the same time: each call waits until the other has begun."""
    both = threading.Barrier(2, timeout=10)
    estate.sandbox.fail("CreateTopic", code="Throttled", status=429, times=2, before=both.wait)

    assert estate.apply(estate.plan(SPECS)).ok


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_an_interrupt_lets_calls_under_way_finish_and_sends_no_more(estate: World, number: signal.Signals) -> None:
    """Ctrl-C, SIGTERM and SIGHUP stop the run: what was sent is reported done, the rest not tried, and the next run continues."""

    def interrupt(change: Change, outcome: Outcome | None) -> None:
        if outcome is not None and not request.requested:
            signal.raise_signal(number)

    before = signal.getsignal(number)
    plan, connections = estate.plan(SPECS), estate.connections(estate.desired(SPECS), read_only=False)
    request = interrupts.Interrupt()
    with interrupts.handled(request.request):
        report = execute.run(plan, connections, progress=interrupt, parallelism=1, interrupt=request)

    assert report.interrupted
    assert not report.ok
    assert {"done", "not tried"} == set(results(report).values())
    assert results(report)["notification_headers/two.example.com/bounce"] == "not tried"
    assert signal.getsignal(number) is before
    fresh = World(estate.folder)
    fresh.sandbox = estate.sandbox
    fresh.converge(SPECS)


def test_a_listener_that_fails_does_not_stop_the_run(estate: World) -> None:
    """Steps go on if progress cannot be written any more (a closed pipe)."""

    def gone(change: Change, outcome: Outcome | None) -> None:
        raise BrokenPipeError

    plan, connections = estate.plan(SPECS), estate.connections(estate.desired(SPECS), read_only=False)

    assert execute.run(plan, connections, progress=gone).ok


def test_a_plan_that_is_empty_is_done(estate: World) -> None:
    """Nothing to do is success, with nothing done."""
    estate.converge(SPECS)
    report = estate.apply(estate.plan(SPECS))

    assert report.ok
    assert {"create": 0, "update": 0, "delete": 0} == report.done


def test_a_topic_that_is_deleted_during_apply_is_a_failure_with_a_reason(estate: World) -> None:
    """A topic deleted between plan and apply: the Set fails with AWS's text, and the next run makes the topic again."""
    estate.converge(SPECS)
    specs = SPECS.replace("{topic: a, headers: true}", "b")
    plan = estate.plan(specs)
    estate.client("sns").delete_topic(TopicArn="arn:aws:sns:eu-west-1:111111111111:b")
    report = estate.apply(plan)
    failed = [o for o in report.outcomes if o.result == "failed"]

    assert failed
    assert "Topic does not exist" in failed[0].error
    estate.converge(specs)
