"""After apply the changed resources are read until AWS shows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from scenes import OWNER_SCOPE, address, topic_arn
from sesform.apply import read_back
from sesform.live import refresh
from sesform.live.snapshot import Snapshot
from sesform.model.values import UNKNOWN, Properties
from sesform.planning.plan import Action, Change, Outcome, Report, Result
from sesform.specs.declared import Declared

NOTIFICATION = "corp/eu-west-1/notification_topic/a.com/bounce"
KEY = {"identity": "a.com", "notification_type": "bounce"}
T, U = KEY | {"topic_arn": topic_arn("t")}, KEY | {"topic_arn": topic_arn("u")}


def change(before: Properties | None, after: Properties | None, place: str = NOTIFICATION) -> Change:
    action: Action = "create" if before is None else "delete" if after is None else "update"
    return Change(address(place), OWNER_SCOPE, action, before, after, "", 4, ())


def report(*changes: Change, result: Result = "done") -> Report:
    return Report(tuple(Outcome(c, result) for c in changes))


TAG = {"arn": "arn:aws:ses:eu-west-1:111111111111:identity/a.com", "spec": "corp"}


class Reads:
    """Replaces refresh: each read returns the next snapshot, and repeats the last one."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *states: Snapshot) -> None:
        self.states, self.addresses, self.pauses = list(states), list[list[str]](), list[float]()
        monkeypatch.setattr(refresh, "read", self.read)

    def read(self, wanted: Iterable[Declared], topic_arns: Iterable[str], _: Any, **how: bool) -> Snapshot:
        assert () == topic_arns
        assert {"identities": False, "topics": False, "fresh": True} == how  # nothing else, and nothing from before
        self.addresses.append([str(d.address) for d in wanted])
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def not_shown(self, of: Report, pauses: tuple[float, ...] = ()) -> list[Change]:
        connections: Any = None
        return read_back.not_shown(of, connections, pauses=pauses, sleep=self.pauses.append)


def holding(properties: Properties | None, place: str = NOTIFICATION) -> Snapshot:
    return Snapshot({} if properties is None else {address(place): properties})


def test_the_pauses_grow_to_about_a_minute() -> None:
    """The pauses between reads grow, and are about a minute in total."""
    assert sorted(read_back.PAUSES) == list(read_back.PAUSES)
    assert 60 <= sum(read_back.PAUSES) <= 70


@pytest.mark.parametrize("of", [change(None, T), change(T, U), change(T, None)])
def test_a_resource_is_read_by_its_key(of: Change) -> None:
    """A created, changed or deleted resource is read by its key in AWS, with no desired value."""
    assert Declared(address(NOTIFICATION), OWNER_SCOPE, KEY, None) == read_back.wanted(of)


@pytest.mark.parametrize(
    ("shown", "of", "found"),
    [
        (True, change(None, T), T),
        (False, change(None, T), None),
        (True, change(T, U), U),
        (False, change(T, U), T),
        (True, change(T, None), None),
        (False, change(T, None), T),
    ],
)
def test_a_change_is_shown_if_aws_has_the_planned_value(
    monkeypatch: pytest.MonkeyPatch, shown: bool, of: Change, found: Properties | None
) -> None:
    """A set value is shown if AWS returns it, and a deletion if AWS does not return the resource."""
    assert ([] if shown else [of]) == Reads(monkeypatch, holding(found)).not_shown(report(of))


@pytest.mark.parametrize("of", [change(None, T), change(T, None)])
def test_an_unreadable_resource_counts_as_not_shown(monkeypatch: pytest.MonkeyPatch, of: Change) -> None:
    """A change is not shown if its resource cannot be read."""
    reads = Reads(monkeypatch, Snapshot(unreadable={address(NOTIFICATION): "denied"}))

    assert [of] == reads.not_shown(report(of))


def test_a_value_that_aws_chooses_is_not_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    """A value that was unknown before apply is not compared after it."""
    place = "corp/eu-west-1/subscription/t/sqs/q"
    settings = {"topic_arn": topic_arn("t"), "protocol": "sqs", "endpoint": "q"}
    reads = Reads(monkeypatch, holding(settings | {"arn": "arn:0001", "raw_message_delivery": False}, place))

    assert [] == reads.not_shown(report(change(None, settings | {"arn": UNKNOWN}, place)))


def test_only_the_last_step_of_a_resource_is_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """The value between two steps of a resource is not expected."""
    reads = Reads(monkeypatch, holding(U))

    assert [] == reads.not_shown(report(change(None, T), change(T, U)))
    assert [[NOTIFICATION]] == reads.addresses


@pytest.mark.parametrize("result", ["failed", "not tried", "unknown"])
def test_a_step_that_was_not_done_is_not_read_back(monkeypatch: pytest.MonkeyPatch, result: Result) -> None:
    """A step that was not done is not pauses for, and makes no call."""
    reads = Reads(monkeypatch, Snapshot())

    assert [] == reads.not_shown(report(change(None, T), result=result))
    assert [] == reads.addresses


def test_only_missing_resources_are_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each read after a pause is for the resources that are still missing."""
    other = NOTIFICATION.replace("bounce", "complaint")
    first, second = change(None, T), change(None, T | {"notification_type": "complaint"}, other)
    both = Snapshot({address(NOTIFICATION): T, address(other): T | {"notification_type": "complaint"}})
    reads = Reads(monkeypatch, holding(T), Snapshot(), both)

    assert [] == reads.not_shown(report(first, second), pauses=(1.0, 2.0, 4.0))
    assert [[NOTIFICATION, other], [other], [other]] == reads.addresses
    assert [1.0, 2.0] == reads.pauses


def test_a_missing_resource_is_returned_after_the_last_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of reads is limited, and resources that are still missing are returned."""
    reads, of = Reads(monkeypatch, Snapshot()), change(None, T)

    assert [of] == reads.not_shown(report(of), pauses=(1.0, 2.0))
    assert (3, [1.0, 2.0]) == (len(reads.addresses), reads.pauses)


def test_tags_are_not_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tags are not read back, because AWS documents no time within which the tagging API shows them."""
    reads = Reads(monkeypatch, Snapshot())
    place = "corp/eu-west-1/ownership_tag/identity/a.com"

    assert [] == reads.not_shown(report(change(None, TAG, place)), (1.0,))
    assert [] == reads.addresses
