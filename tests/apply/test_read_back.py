"""After apply: what is looked for, and when it counts as shown."""

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


class Looks:
    """Takes the place of AWS: each look finds the next state, and the last one over and over."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *states: Snapshot) -> None:
        self.states, self.looked_at, self.waited = list(states), list[list[str]](), list[float]()
        monkeypatch.setattr(refresh, "read", self.read)

    def read(self, wanted: Iterable[Declared], *_: Any, **__: Any) -> Snapshot:
        self.looked_at.append([str(d.address) for d in wanted])
        return self.states.pop(0) if len(self.states) > 1 else self.states[0]

    def not_shown(self, of: Report, pauses: tuple[float, ...] = ()) -> list[Change]:
        nobody: Any = None
        return read_back.not_shown(of, nobody, pauses=pauses, sleep=self.waited.append)


def holding(properties: Properties | None, place: str = NOTIFICATION) -> Snapshot:
    return Snapshot({} if properties is None else {address(place): properties})


def test_the_pauses_grow_to_about_a_minute() -> None:
    """AWS is asked often at first, and for as long as SES usually takes."""
    assert sorted(read_back.PAUSES) == list(read_back.PAUSES)
    assert 60 <= sum(read_back.PAUSES) <= 70


@pytest.mark.parametrize("of", [change(None, T), change(T, U), change(T, None)])
def test_a_resource_is_looked_for_by_its_key(of: Change) -> None:
    """What was made, changed or removed is asked for by what AWS knows it by, and nothing is wanted of it."""
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
def test_a_change_shows_where_aws_holds_what_it_was_for(
    monkeypatch: pytest.MonkeyPatch, shown: bool, of: Change, found: Properties | None
) -> None:
    """What was set is there, and what was removed is gone."""
    assert ([] if shown else [of]) == Looks(monkeypatch, holding(found)).not_shown(report(of))


@pytest.mark.parametrize("of", [change(None, T), change(T, None)])
def test_what_cannot_be_read_is_not_shown(monkeypatch: pytest.MonkeyPatch, of: Change) -> None:
    """A change that could not be read is reported neither as shown nor as missing."""
    looks = Looks(monkeypatch, Snapshot(unreadable={address(NOTIFICATION): "denied"}))

    assert [of] == looks.not_shown(report(of))


def test_a_value_that_aws_decides_may_be_any(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was unknown before the change is no difference after it."""
    place = "corp/eu-west-1/subscription/t/sqs/q"
    settings = {"topic_arn": topic_arn("t"), "protocol": "sqs", "endpoint": "q"}
    looks = Looks(monkeypatch, holding(settings | {"arn": "arn:0001", "raw_message_delivery": False}, place))

    assert [] == looks.not_shown(report(change(None, settings | {"arn": UNKNOWN}, place)))


def test_only_the_last_step_of_a_resource_is_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """The state in between is gone by then."""
    looks = Looks(monkeypatch, holding(U))

    assert [] == looks.not_shown(report(change(None, T), change(T, U)))
    assert [[NOTIFICATION]] == looks.looked_at


@pytest.mark.parametrize("result", ["failed", "not tried", "unknown"])
def test_what_was_not_done_is_not_looked_for(monkeypatch: pytest.MonkeyPatch, result: Result) -> None:
    """A step that was not done is not waited for, and makes no call."""
    looks = Looks(monkeypatch, Snapshot())

    assert [] == looks.not_shown(report(change(None, T), result=result))
    assert [] == looks.looked_at


def test_only_what_is_missing_is_looked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has shown has shown; each look asks for the rest, after its pause, until nothing is left."""
    other = NOTIFICATION.replace("bounce", "complaint")
    first, second = change(None, T), change(None, T | {"notification_type": "complaint"}, other)
    both = Snapshot({address(NOTIFICATION): T, address(other): T | {"notification_type": "complaint"}})
    looks = Looks(monkeypatch, holding(T), Snapshot(), both)

    assert [] == looks.not_shown(report(first, second), pauses=(1.0, 2.0, 4.0))
    assert [[NOTIFICATION, other], [other], [other]] == looks.looked_at
    assert [1.0, 2.0] == looks.waited


def test_what_never_shows_is_given_up_after_the_last_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """The time is bounded, and what is still missing is told."""
    looks, of = Looks(monkeypatch, Snapshot()), change(None, T)

    assert [of] == looks.not_shown(report(of), pauses=(1.0, 2.0))
    assert (3, [1.0, 2.0]) == (len(looks.looked_at), looks.waited)


def test_tags_are_not_looked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """AWS names no time within which the tagging API shows one: that it took the tag is all there is to know."""
    looks = Looks(monkeypatch, Snapshot())
    place = "corp/eu-west-1/ownership_tag/identity/a.com"

    assert [] == looks.not_shown(report(change(None, TAG, place)), (1.0,))
    assert [] == looks.looked_at
