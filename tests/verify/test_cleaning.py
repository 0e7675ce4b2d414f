"""Temporary queues and subscriptions: none is left after success, failure or an interrupt, and a killed run's are removed later."""

from __future__ import annotations

import contextlib
import json
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from proofs import BOTH, leftovers, verify
from sesform import engine
from sesform.errors import AwsError
from world import DELEGATE, REGION, World

LATER = time.time() + 10_000


def clean(world: World, at: float = LATER) -> engine.Cleaned:
    """Clean in another process, with connections of its own."""
    settings = engine.Settings(rate=None, sandbox=world.sandbox)
    return engine.clean([world.folder / "specs.yaml"], settings, at=at)


def new_world(folder: Path) -> World:
    world = World(folder)
    world.identity("example.com")
    world.sandbox.set_clock(world.clock.now)
    world.converge(BOTH)
    world.sandbox.calls.clear()
    return world


class Killed(BaseException):
    """The process ends: no further call is made."""


def kill() -> None:
    raise Killed


@given(calls=st.integers(0, 24), lost=st.booleans())
def test_a_run_that_is_killed_at_any_call_leaves_nothing_after_clean(
    tmp_path_factory: pytest.TempPathFactory, calls: int, lost: bool
) -> None:
    """Also if the last call was carried out and its answer did not come. The subscriptions of the specs stay."""
    world = new_world(tmp_path_factory.mktemp("run"))
    if lost:
        world.sandbox.fail("*", code="", lost_answer=True, after=calls)
    world.sandbox.fail("*", code="", before=kill, after=calls, times=10_000)
    with contextlib.suppress(Killed):
        verify(world, BOTH, timeout=2)
    world.sandbox.mend()
    clean(world)

    assert leftovers(world) == []
    assert len(world.client("sns", DELEGATE).list_subscriptions()["Subscriptions"]) == 1


@pytest.mark.parametrize("operation", ["SendEmail", "ReceiveMessage", "Subscribe"])
def test_an_interrupt_leaves_nothing(tmp_path: Path, operation: str) -> None:
    """Ctrl-C while messages are sent or received."""
    world = new_world(tmp_path)

    def interrupt() -> None:
        raise KeyboardInterrupt

    world.sandbox.fail(operation, code="", before=interrupt)
    with pytest.raises(KeyboardInterrupt):
        verify(world, BOTH)

    assert leftovers(world) == []


@pytest.mark.parametrize("operation", ["ReceiveMessage", "DeleteMessage"])
def test_a_failure_leaves_nothing(tmp_path: Path, operation: str) -> None:
    """An error of AWS in the middle."""
    world = new_world(tmp_path)
    world.sandbox.fail(operation, code="AccessDenied", status=403)
    with pytest.raises(AwsError):
        verify(world, BOTH)

    assert leftovers(world) == []


def test_a_queue_that_cannot_be_removed_is_named(tmp_path: Path) -> None:
    """And removed by clean when it has expired."""
    world = new_world(tmp_path)
    world.sandbox.fail("DeleteQueue", code="AccessDenied", status=403)
    found = verify(world, BOTH)

    assert len(found.left) == 1
    assert found.left[0].startswith(f"arn:aws:sqs:{REGION}:{DELEGATE}:sesform-verify-")

    kept = clean(world, time.time())

    assert (kept.removed, list(kept.kept)) == ((), list(found.left))
    assert clean(world).removed == found.left
    assert leftovers(world) == []


def test_clean_removes_no_queue_without_our_tags(tmp_path: Path) -> None:
    """Whatever its name is; and no other call than those of the removal is permitted."""
    world = new_world(tmp_path)
    sqs = world.client("sqs", DELEGATE)
    sqs.create_queue(QueueName="sesform-verify-mine")
    sqs.create_queue(QueueName="sesform-verify-odd", tags={"sesform:verify-expires": "never"})
    sqs.create_queue(QueueName="other", tags={"sesform:verify-expires": "2020-01-01T00:00:00Z"})

    assert clean(world) == engine.Cleaned()
    assert len(sqs.list_queues()["QueueUrls"]) == 3


def test_the_queue_is_for_its_topic_alone(tmp_path: Path) -> None:
    """Its policy names the topic, and its tags the topic and the expiry, from its creation on."""
    world = new_world(tmp_path)
    seen: list[tuple[str, dict[str, str]]] = []

    def look() -> None:
        sqs = world.client("sqs", DELEGATE)
        (url,) = sqs.list_queues()["QueueUrls"]
        policy = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])["Attributes"]["Policy"]
        seen.append((policy, sqs.list_queue_tags(QueueUrl=url)["Tags"]))

    world.sandbox.fail("SendEmail", code="Throttling", before=look)
    verify(world, BOTH)
    ((policy, tags),) = seen
    topic = f"arn:aws:sns:{REGION}:{DELEGATE}:feedback"

    assert json.loads(policy)["Statement"][0]["Condition"] == {"ArnEquals": {"aws:SourceArn": topic}}
    assert set(tags) == {"sesform:verify-expires", "sesform:verify-topic"}
    assert tags["sesform:verify-topic"] == topic
