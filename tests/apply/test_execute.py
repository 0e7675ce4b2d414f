"""Each step of a run has an outcome if steps fail, answers are lost, or the run is interrupted."""

from __future__ import annotations

import signal
import threading
from collections.abc import Mapping

import pytest

from sesform.apply import execute, interrupts
from sesform.errors import AwsError, NotDeletableError, SesformError
from sesform.planning.plan import Change, Outcome, Report
from sesform.resources import RESOURCES
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
    """Return two identities with a topic each."""
    world.identity("one.example.com", "two.example.com")
    return world


def results(report: Report) -> Mapping[str, str]:
    return {f"{o.change.address.type}/{o.change.address.key}": o.result for o in report.outcomes}


def test_a_failed_step_stops_only_dependent_steps(estate: World) -> None:
    """If topic a fails, its dependent steps are not tried, and the steps of topic b are done."""
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


def test_a_step_that_was_not_tried_names_the_failed_step(estate: World) -> None:
    """The reason of a step that was not tried names the failed step."""
    estate.sandbox.fail("SetIdentityNotificationTopic", code="AccessDenied", message="no", status=403, times=2)
    report = estate.apply(estate.plan(SPECS))
    waiting = [o for o in report.outcomes if o.result == "not tried"]

    assert [
        "it depends on corp/eu-west-1/notification_topic/one.example.com/bounce",
        "it depends on corp/eu-west-1/notification_topic/two.example.com/bounce",
    ] == [o.error for o in waiting]


@pytest.mark.parametrize(
    ("error", "result", "text"),
    [
        (
            NotDeletableError("pending subscriptions cannot be deleted"),
            "left",
            "pending subscriptions cannot be deleted",
        ),
        (SesformError("no access"), "failed", "no access"),
        (AwsError("not now", code="AccessDenied"), "failed", "AccessDenied: not now"),
        (AwsError("no answer", maybe_done=True), "unknown", "no answer"),
        (ValueError("boom"), "unknown", "ValueError: boom; please report this"),
        (InterruptedError(), "not tried", "the run was interrupted"),
    ],
)
def test_every_error_is_the_outcome_of_its_step(
    estate: World, monkeypatch: pytest.MonkeyPatch, error: Exception, result: str, text: str
) -> None:
    """Whatever ends a step, its outcome says so, and the report has an outcome for each step of the plan in its order."""

    def fail(*_: object) -> None:
        raise error

    plan = estate.plan(SPECS)
    monkeypatch.setattr(type(RESOURCES["topic"]), "create", fail)
    report = estate.apply(plan)
    topics = [o for o in report.outcomes if o.change.address.type == "topic"]

    assert [(result, text)] * 2 == [(o.result, o.error) for o in topics]
    assert list(plan.changes) == [o.change for o in report.outcomes]


def test_steps_are_told_when_they_begin_and_when_they_end(estate: World) -> None:
    """Each step is told without an outcome first, and then with the outcome that the report has."""
    told: list[tuple[Change, Outcome | None]] = []
    plan, connections = estate.plan(SPECS), estate.connections(estate.desired(SPECS), read_only=False)
    report = execute.run(plan, connections, parallelism=1, progress=lambda *each: told.append(each))

    assert {o.change.address: [None, o] for o in report.outcomes} == {
        c.address: [outcome for change, outcome in told if change == c] for c in plan.changes
    }
    assert 2 * len(plan.changes) == len(told)


def test_a_run_that_was_interrupted_before_it_begins_sends_nothing(estate: World) -> None:
    """A request to stop between the plan and the run is kept: no step is tried."""
    plan, connections = estate.plan(SPECS), estate.connections(estate.desired(SPECS), read_only=False)
    request = interrupts.Interrupt()
    request.request()
    report = execute.run(plan, connections, interrupt=request)

    assert [(c, "not tried", "the run was interrupted") for c in plan.changes] == [
        (o.change, o.result, o.error) for o in report.outcomes
    ]
    assert report.interrupted
    assert [] == [c for c in estate.sandbox.calls if c.operation.startswith(("Create", "Set"))]


def test_a_lost_answer_is_unknown_and_the_next_run_finds_it_done(estate: World) -> None:
    """A call without an answer has the result unknown, and the next plan does not repeat it if AWS carried it out."""
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
def test_a_lost_answer_is_retried(estate: World, operation: str) -> None:
    """A retry after a lost answer succeeds: a resource that already exists counts as created."""
    specs = SPECS.replace(
        "a: {}", "a: {subscriptions: [{protocol: sqs, endpoint: 'arn:aws:sqs:eu-west-1:111111111111:q'}]}"
    )
    specs += "configuration_sets: {main: {event_destinations: {x: {events: [bounce], sns: a}}}}\n"
    estate.sandbox.fail(operation, code="ReadTimeoutError", lost_answer=True)
    estate.converge(specs)


def test_independent_steps_run_in_parallel(estate: World) -> None:
    """Two topics are created in parallel: each call waits until the other begins."""
    both = threading.Barrier(2, timeout=10)
    estate.sandbox.fail("CreateTopic", code="Throttled", status=429, times=2, before=both.wait)

    assert estate.apply(estate.plan(SPECS)).ok


@pytest.mark.parametrize("number", interrupts.SIGNALS)
def test_an_interrupted_run_finishes_its_calls_and_sends_no_more(estate: World, number: signal.Signals) -> None:
    """After Ctrl-C, SIGTERM or SIGHUP calls under way are done, other steps are not tried, and the next run completes them."""

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
    assert {"the run was interrupted"} == {o.error for o in report.outcomes if o.result == "not tried"}
    assert list(plan.changes) == [o.change for o in report.outcomes]
    assert results(report)["notification_headers/two.example.com/bounce"] == "not tried"
    assert signal.getsignal(number) is before
    fresh = World(estate.folder)
    fresh.sandbox = estate.sandbox
    fresh.converge(SPECS)


def test_a_listener_that_fails_does_not_stop_the_run(estate: World) -> None:
    """A run continues if its progress cannot be written, for example to a closed pipe."""

    def gone(change: Change, outcome: Outcome | None) -> None:
        raise BrokenPipeError

    plan, connections = estate.plan(SPECS), estate.connections(estate.desired(SPECS), read_only=False)

    assert execute.run(plan, connections, progress=gone).ok


def test_an_empty_plan_succeeds(estate: World) -> None:
    """An empty plan succeeds without changes."""
    estate.converge(SPECS)
    report = estate.apply(estate.plan(SPECS))

    assert report.ok
    assert {"create": 0, "update": 0, "delete": 0} == report.done


def test_a_topic_deleted_before_apply_is_a_failed_step(estate: World) -> None:
    """The step that refers to a topic deleted after the plan fails with AWS's text, and the next run creates the topic."""
    estate.converge(SPECS)
    specs = SPECS.replace("{topic: a, headers: true}", "b")
    plan = estate.plan(specs)
    estate.client("sns").delete_topic(TopicArn="arn:aws:sns:eu-west-1:111111111111:b")
    report = estate.apply(plan)
    failed = [o for o in report.outcomes if o.result == "failed"]

    assert failed
    assert "Topic does not exist" in failed[0].error
    estate.converge(specs)


def test_steps_with_the_longest_chain_behind_them_go_first(estate: World) -> None:
    """Of the steps that can begin, the one whose headers still follow is sent first."""
    specs = SPECS.replace("bounce: {topic: a, headers: true}", "bounce: a, complaint: a, delivery: a")
    estate.converge(specs.split("identities:")[0])
    begun: list[str] = []

    def note(change: Change, outcome: Outcome | None) -> None:
        if outcome is None and change.address.type == "notification_topic":
            begun.append(change.address.key.split("/")[0])

    plan, connections = estate.plan(specs), estate.connections(estate.desired(specs), read_only=False)

    assert execute.run(plan, connections, parallelism=1, progress=note).ok
    assert ["two.example.com", "one.example.com", "one.example.com", "one.example.com"] == begun


def test_steps_that_create_go_before_steps_that_remove(estate: World) -> None:
    """A new topic of an identity is set before a configuration set is removed, although the removal has the longer chain."""
    sets = "configuration_sets: {{main: {}}}\n"
    destinations = "{event_destinations: {x: {events: [bounce], sns: a}}}"
    plain = SPECS.replace("{topic: a, headers: true}", "a")
    estate.converge(plain + sets.format(destinations))
    specs = plain.replace("{bounce: a}", "{bounce: a, complaint: a}") + sets.format("absent")
    begun: list[str] = []

    def note(change: Change, outcome: Outcome | None) -> None:
        if outcome is None:
            begun.append(change.address.type)

    plan, connections = estate.plan(specs), estate.connections(estate.desired(specs), read_only=False)

    assert execute.run(plan, connections, parallelism=1, progress=note).ok
    assert ["notification_topic", "event_destination", "configuration_set"] == [t for t in begun if t != "topic_policy"]
