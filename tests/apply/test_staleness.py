"""Whether a new plan has the steps of an earlier one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from scenes import address, compiled, holding, owner, step, topic_arn
from sesform.apply import staleness
from sesform.errors import StalePlanError
from sesform.live.snapshot import Snapshot
from sesform.planning import planner
from sesform.planning.plan import Change, Plan

BEFORE = owner("topics: {t: {}, u: {}}\nidentities: {a.com: {notifications: {bounce: t}}}\n")
AFTER = owner("topics: {t: {}, u: {}}\nidentities: {a.com: {notifications: {bounce: u, complaint: u}}}\n")
BOUNCE, COMPLAINT = (f"corp/eu-west-1/notification_topic/a.com/{t}" for t in ("bounce", "complaint"))


SET = "configuration_sets: {c: {event_destinations: {d: {events: [bounce], %s}}}}\n"


def seen() -> Snapshot:
    return holding(compiled(BEFORE), seen_by=compiled(AFTER))


def planned(snapshot: Snapshot, text: str = AFTER) -> Plan:
    return planner.plan(compiled(text), snapshot)


def stale_lines(now: Plan) -> list[str]:
    with pytest.raises(StalePlanError) as caught:
        staleness.check(planned(seen()), now)
    return str(caught.value).splitlines()[1:]


def test_a_plan_with_the_same_steps_is_not_stale() -> None:
    """The same specs and the same live state give the same steps."""
    staleness.check(planned(seen()), planned(seen()))


def test_a_live_value_that_changed_is_named() -> None:
    """The step is named with its values then and now, because applying would undo the change."""
    moved = {"identity": "a.com", "notification_type": "bounce", "topic_arn": topic_arn("x")}
    held = seen()
    (line,) = stale_lines(planned(replace(held, found={**held.found, address(BOUNCE): moved})))

    assert line.startswith(
        f"  {BOUNCE}: was update (identity='a.com', notification_type='bounce', topic_arn='{topic_arn('t')}' -> "
    )
    assert f"is now update (identity='a.com', notification_type='bounce', topic_arn='{topic_arn('x')}' -> " in line


def test_the_message_has_each_step_in_order_with_its_values() -> None:
    """It says what to do, and shows what a resource with two steps was and is now."""
    before, after = (owner(f"topics: {{t: {{}}}}\n{SET % target}") for target in ("sns: t", "eventbridge: default"))
    wanted = compiled(after)
    now = planner.plan(wanted, holding(wanted))
    with pytest.raises(StalePlanError) as caught:
        staleness.check(planner.plan(wanted, holding(compiled(before), seen_by=wanted)), now)
    head, *lines = str(caught.value).splitlines()
    place = "corp/eu-west-1/event_destination/c/d"
    shown = "configuration_set='c', name='d', enabled=True, events=['BOUNCE'], "
    bus = "eventbridge={'event_bus_arn': 'arn:aws:events:eu-west-1:111111111111:event-bus/default'}"

    assert (
        "the plan is stale: the specs or AWS have changed since it was made; nothing was changed. Plan again." == head
    )
    assert [
        f"  {place}: was delete ({shown}sns={{'topic_arn': '{topic_arn('t')}'}} -> nothing), "
        f"then create (nothing -> {shown}{bus}); is now unchanged"
    ] == [line for line in lines if line.startswith(f"  {place}: ")]


def test_a_resource_that_does_not_exist_any_more_is_named() -> None:
    """An update has become a creation."""
    held = seen()
    (line,) = stale_lines(planned(replace(held, found={a: p for a, p in held.found.items() if str(a) != BOUNCE})))

    assert "is now create (nothing -> " in line


def test_a_step_that_is_no_longer_needed_is_named() -> None:
    """Another program has made the same change."""
    made = {"identity": "a.com", "notification_type": "complaint", "topic_arn": topic_arn("u")}
    held = seen()
    (line,) = stale_lines(planned(replace(held, found={**held.found, address(COMPLAINT): made})))

    assert line.startswith(f"  {COMPLAINT}: was create (nothing -> ")
    assert line.endswith("; is now unchanged")


def test_a_change_of_the_specs_is_named() -> None:
    """A saved plan of other specs is stale, whatever AWS holds."""
    lines = stale_lines(planned(seen(), AFTER.replace("complaint: u", "delivery: u")))

    assert [COMPLAINT, COMPLAINT.replace("complaint", "delivery")] == [line.split(":")[0].strip() for line in lines]


@pytest.mark.parametrize(
    "edit",
    [
        lambda change: replace(change, after={**(change.after or {}), "topic_arn": topic_arn("x")}),
        lambda change: replace(change, action="delete"),
        lambda change: replace(change, scope=change.scope._replace(account="999999999999")),
    ],
)
def test_an_edited_step_is_named(edit: Callable[[Change], Change]) -> None:
    """A file that says anything else than the specs is refused."""
    plan = planned(seen())
    edited = replace(plan, changes=tuple(edit(c) if str(c.address) == BOUNCE else c for c in plan.changes))
    with pytest.raises(StalePlanError, match=r"notification_topic/a\.com/bounce: was "):
        staleness.check(edited, plan)


def test_an_added_step_is_named() -> None:
    """A step that the specs do not ask for is refused."""
    plan = planned(seen())
    extra = replace(plan.changes[-1], address=address("corp/eu-west-1/sending_policy/a.com/x"))
    with pytest.raises(StalePlanError, match=r"sending_policy/a\.com/x: was .*; is now unchanged"):
        staleness.check(replace(plan, changes=(*plan.changes, extra)), plan)


def test_a_removed_step_is_named() -> None:
    """A file that leaves out a step is refused too."""
    plan = planned(seen())
    with pytest.raises(StalePlanError, match="was unchanged; is now "):
        staleness.check(replace(plan, changes=plan.changes[:-1]), plan)


def test_another_spelling_of_a_policy_is_not_stale() -> None:
    """AWS's rewrites of a policy are the same policy."""
    held = seen()
    place = address("corp/eu-west-1/topic_policy/t")
    document = dict(held.found[place]["policy"])
    document["Statement"] = list(reversed(document["Statement"]))
    again = replace(held, found={**held.found, place: {"topic_arn": topic_arn("t"), "policy": document}})

    assert document != held.found[place]["policy"]
    staleness.check(planned(held), planned(again))


def test_a_temporary_replacement_that_was_left_behind_is_not_stale() -> None:
    """A plan that removes what an interrupted run left is made the same way again."""
    text = "topics: {t: {}}\nconfiguration_sets: {c: {event_destinations: {d: {events: [open], %s}}}}\n"
    wanted = compiled(owner(text % "sns: t"))
    held = holding(compiled(owner(text % "eventbridge: default")), seen_by=wanted)
    beside = "corp/eu-west-1/event_destination/c/d-sesform-stand-in"
    left = step(planner.plan(wanted, held), beside, "create").after
    held = replace(held, found={**held.found, address(beside): left or {}})

    staleness.check(planner.plan(wanted, held), planner.plan(wanted, held))


def test_a_hostile_value_is_escaped() -> None:
    """Values of AWS cannot act on the terminal."""
    moved = {"identity": "a.com", "notification_type": "bounce", "topic_arn": "\x1b[31m"}
    held = seen()
    (line,) = stale_lines(planned(replace(held, found={**held.found, address(BOUNCE): moved})))

    assert line.isprintable()
