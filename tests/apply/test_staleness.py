"""Whether AWS still holds what a saved plan saw."""

from __future__ import annotations

from dataclasses import replace

import pytest

from scenes import address, compiled, holding, owner, step, topic_arn
from sesform.apply import staleness
from sesform.errors import StalePlanError
from sesform.live.snapshot import Snapshot
from sesform.planning import planner

BEFORE = owner("topics: {t: {}, u: {}}\nidentities: {a.com: {notifications: {bounce: t}}}\n")
AFTER = owner("topics: {t: {}, u: {}}\nidentities: {a.com: {notifications: {bounce: u, complaint: u}}}\n")
BOUNCE, COMPLAINT = (f"corp/eu-west-1/notification_topic/a.com/{t}" for t in ("bounce", "complaint"))


def seen() -> Snapshot:
    return holding(compiled(BEFORE), seen_by=compiled(AFTER))


def stale_lines(snapshot: Snapshot) -> list[str]:
    plan = planner.plan(compiled(AFTER), seen())
    with pytest.raises(StalePlanError) as caught:
        staleness.check(plan, snapshot)
    return str(caught.value).splitlines()[1:]


def test_a_plan_is_fresh_where_nothing_has_moved() -> None:
    """A plan whose live state has not changed is not stale."""
    staleness.check(planner.plan(compiled(AFTER), seen()), seen())


def test_what_has_changed_is_told_with_what_was_expected() -> None:
    """A topic that was changed after the plan makes it stale, because applying would undo that."""
    moved = {"identity": "a.com", "notification_type": "bounce", "topic_arn": topic_arn("x")}
    held = seen()

    assert [
        (
            f"  {BOUNCE}: expected identity='a.com', notification_type='bounce', topic_arn='{topic_arn('t')}', "
            f"found identity='a.com', notification_type='bounce', topic_arn='{topic_arn('x')}'"
        )
    ] == stale_lines(replace(held, found={**held.found, address(BOUNCE): moved}))


def test_what_has_gone_is_told() -> None:
    """What was to be changed is not there any more."""
    held = seen()
    (line,) = stale_lines(replace(held, found={a: p for a, p in held.found.items() if str(a) != BOUNCE}))

    assert line.endswith(", found nothing")


def test_what_has_come_is_told() -> None:
    """What was to be made is there already."""
    come = {"identity": "a.com", "notification_type": "complaint", "topic_arn": topic_arn("x")}
    held = seen()
    (line,) = stale_lines(replace(held, found={**held.found, address(COMPLAINT): come}))

    assert line.startswith(f"  {COMPLAINT}: expected nothing, found ")


def test_what_cannot_be_read_any_more_is_told() -> None:
    """A plan is not carried out blind."""
    held = seen()

    assert [f"  {BOUNCE}: cannot be read: denied"] == stale_lines(replace(held, unreadable={address(BOUNCE): "denied"}))


def test_everything_that_has_moved_is_told_at_once() -> None:
    """One run names all of it."""
    assert len(stale_lines(Snapshot())) == 3


def test_what_the_plan_does_not_touch_may_move() -> None:
    """Only what would be overwritten matters."""
    held = seen()
    topic = address("corp/eu-west-1/topic/t")
    moved = {**held.found[topic], "display_name": "moved"}

    staleness.check(planner.plan(compiled(AFTER), held), replace(held, found={**held.found, topic: moved}))


def test_another_spelling_of_a_policy_is_not_a_move() -> None:
    """AWS's rewrites of a policy are the same policy."""
    held = seen()
    place = address("corp/eu-west-1/topic_policy/t")
    document = dict(held.found[place]["policy"])
    document["Statement"] = list(reversed(document["Statement"]))

    assert document != held.found[place]["policy"]
    staleness.check(
        planner.plan(compiled(AFTER), held),
        replace(held, found={**held.found, place: {"topic_arn": topic_arn("t"), "policy": document}}),
    )


def test_only_the_first_step_of_a_resource_is_compared() -> None:
    """A second step begins where the first one ends, so it is not compared."""
    text = "topics: {t: {}}\nconfiguration_sets: {c: {event_destinations: {d: {events: [%s], sns: t}}}}\n"
    wanted = compiled(owner(text % "open"))
    held = holding(compiled(owner(text % "bounce")), seen_by=wanted)
    plan = planner.plan(wanted, held)

    assert len(plan.changes) == 2
    staleness.check(plan, held)


def test_a_stand_in_that_was_left_behind_is_not_stale() -> None:
    """A plan that finds and removes what an earlier run left behind is fresh while that is there."""
    text = "topics: {t: {}}\nconfiguration_sets: {c: {event_destinations: {d: {events: [open], %s}}}}\n"
    wanted = compiled(owner(text % "sns: t"))
    held = holding(compiled(owner(text % "eventbridge: default")), seen_by=wanted)
    beside = "corp/eu-west-1/event_destination/c/d-sesform-stand-in"
    left = step(planner.plan(wanted, held), beside, "create").after
    held = replace(held, found={**held.found, address(beside): left or {}})

    staleness.check(planner.plan(wanted, held), held)


def test_what_a_plan_touches_is_each_resource_once_by_its_key() -> None:
    """To look again, AWS is asked for the resources of the plan and no others."""
    touched = staleness.touched(planner.plan(compiled(AFTER), seen()))

    assert {
        BOUNCE: {"identity": "a.com", "notification_type": "bounce"},
        COMPLAINT: {"identity": "a.com", "notification_type": "complaint"},
        "corp/eu-west-1/topic_policy/t": {"topic_arn": topic_arn("t")},
        "corp/eu-west-1/topic_policy/u": {"topic_arn": topic_arn("u")},
    } == {str(d.address): d.key for d in touched}


def test_a_hostile_value_is_escaped() -> None:
    """What AWS holds cannot act on the terminal."""
    moved = {"identity": "a.com", "notification_type": "bounce", "topic_arn": "\x1b[31m"}
    held = seen()
    (line,) = stale_lines(replace(held, found={**held.found, address(BOUNCE): moved}))

    assert line.isprintable()
