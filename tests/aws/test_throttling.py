"""Other programs that use the same quota slow a run down, and do not make it fail."""

from __future__ import annotations

import pytest

from clock import Clock
from sesform import aws, engine
from sesform.apply import execute
from sesform.aws.pacing import Quota
from sesform.cli.console import Console
from sesform.cli.options import Calls
from sesform.cli.presenting import Notifier, View
from sesform.engine.progress import Event, Throttled
from sesform.errors import AwsError
from sesform.model.address import Access, Scope
from world import OWNER, REGION, World

HERE = Scope(OWNER, REGION)
SPECS = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
topics: {a: {}}
identities: {example.com: {notifications: {bounce: a, complaint: a, delivery: a}}}
"""
THROTTLED = [("ses", "ListIdentities", "Throttling", 400), ("sns", "ListTopics", "Throttled", 429)]
THROTTLED += [("sesv2", "ListConfigurationSets", "TooManyRequestsException", 429)]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def connection(world: World, clock: Clock) -> aws.Connection:
    settings = aws.Settings(rate=None, open_session=lambda *_: world.sandbox.botocore_session(OWNER), timer=clock)
    return aws.connect([("corp", REGION)], {"corp": Access(OWNER)}, settings).by_place["corp", REGION]


@pytest.mark.parametrize(("service", "operation", "code", "status"), THROTTLED)
def test_a_throttled_call_is_retried_for_ten_minutes(
    world: World, connection: aws.Connection, clock: Clock, service: str, operation: str, code: str, status: int
) -> None:
    """A run fails after ten minutes without an accepted call, and not earlier."""
    world.sandbox.fail(operation, code=code, status=status, times=9999)
    begun = clock.now()
    with pytest.raises(AwsError, match="another program uses the quota"):
        connection.call(service, operation)

    assert 600 <= clock.now() - begun < 660


def test_a_throttled_call_is_retried_while_other_calls_are_accepted(
    world: World, connection: aws.Connection, clock: Clock
) -> None:
    """The ten minutes begin again after each accepted call of the same quota."""
    begun = clock.now()
    world.sandbox.fail(
        "ListIdentities",
        code="Throttling",
        times=200,
        before=lambda: connection.call("sesv2", "ListConfigurationSets"),
    )
    connection.call("ses", "ListIdentities")

    assert clock.now() - begun > 1200


def test_pauses_grow_and_stay_bounded(world: World, connection: aws.Connection, clock: Clock) -> None:
    """The pauses of a throttled run grow up to 20 seconds."""
    world.sandbox.fail("ListIdentities", code="Throttling", times=12)
    connection.call("ses", "ListIdentities")

    assert 0.5 <= clock.waits[0] <= 1
    assert 10 <= min(clock.waits[6:])
    assert 20 >= max(clock.waits)


def test_the_engine_reports_a_shared_quota(world: World) -> None:
    """A throttled apply succeeds, and reports the shared quota at most once a minute."""
    world.identity("example.com")
    plan = world.plan(SPECS)
    events: list[Event] = []
    world.sandbox.fail("SetIdentityNotificationTopic", code="Throttling", message="Rate exceeded", times=30)
    begun = world.clock.now()
    report = engine.apply(plan, world.settings(), events.append)
    told = [e for e in events if isinstance(e, Throttled)]

    assert report.ok
    assert {("ses", HERE)} == {(e.service, e.scope) for e in told}
    assert 1 <= len(told) <= 1 + (world.clock.now() - begun) / Quota.REPORT_EVERY


def test_the_command_line_reports_a_shared_quota_on_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    """A shared quota is reported on stderr, even with -q."""
    with Notifier(View(Console(quiet=True, no_color=True)), Calls()) as notify:
        notify(Throttled(HERE, "ses", 0.0))
        notify(Throttled(HERE, "ses", 61.0))
    captured = capsys.readouterr()

    assert "" == captured.out
    assert [
        "Warning: AWS throttles calls to ses in 111111111111/eu-west-1: another program uses the same quota. "
        "sesform sends them again, and gives up after 10 minutes without an accepted call.",
        "Warning: AWS throttles calls to ses in 111111111111/eu-west-1 for 61 s: another program uses the same quota. "
        "sesform sends them again, and gives up after 10 minutes without an accepted call.",
    ] == captured.err.splitlines()


def test_a_stop_ends_a_throttled_call(world: World) -> None:
    """A throttled call ends when the run is interrupted."""
    clock = Clock(stop_after=3)
    settings = aws.Settings(rate=None, open_session=lambda *_: world.sandbox.botocore_session(OWNER), timer=clock)
    connection = aws.connect([("corp", REGION)], {"corp": Access(OWNER)}, settings).by_place["corp", REGION]
    world.sandbox.calls.clear()
    world.sandbox.fail("ListIdentities", code="Throttling", times=9999)
    with pytest.raises(aws.Stopped):
        connection.call("ses", "ListIdentities")

    assert 3 == len(world.sandbox.calls)
    assert execute.GRACE < 5
