"""From what AWS holds to what is declared: which steps, why, and in what order."""

from __future__ import annotations

import copy
import itertools
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes import (
    OWNER,
    OWNER_SCOPE,
    address,
    bare,
    compiled,
    delegate,
    holding,
    identity_arn,
    owner,
    plan_between,
    step,
    steps,
    topic_arn,
)
from sesform.live.snapshot import IdentityFacts, KeyFacts, SendingFacts, Snapshot
from sesform.planning import plan_file, planner
from sesform.planning.plan import Plan
from sesform.policies import document as policy_document
from sesform.policies import topic_statements
from sesform.policies.document import Publisher
from sesform.resources import RESOURCES, Phase

PARTNER = identity_arn("partner.example", "333333333333")
EVERYTHING = (
    owner(
        """\
topics:
  t:
    subscriptions: [{protocol: email, endpoint: a@b.c}]
configuration_sets:
  c: {event_destinations: {d: {events: [bounce], sns: t}}}
identities:
  a.com:
    notifications: {bounce: {topic: t, headers: true}, complaint: t}
    feedback_forwarding: false
    authorize: {mailer: }
    default_configuration_set: c
"""
    )
    + "---\n"
    + delegate(f"topics: {{feedback: {{}}}}\ncross_account_notifications: {{'{PARTNER}': {{bounce: feedback}}}}\n")
)


def phases(of: Plan) -> list[int]:
    return [c.phase for c in of.changes]


# --- nothing, create, delete ---------------------------------------------------------------------------------------------


def test_what_is_as_declared_is_not_touched() -> None:
    """Where AWS holds what the specs ask for, there is nothing to do, and each thing that exists is said to be unchanged."""
    desired = compiled(EVERYTHING)
    plan = planner.plan(desired, holding(desired))

    assert (plan.changes, plan.diagnostics) == ((), ())
    assert {a for a, d in desired.declared.items() if d.desired is not None} | {
        address("corp/eu-west-1/topic_policy/t"),
        address("mailer/eu-west-1/topic_policy/feedback"),
    } == {u.address for u in plan.unchanged}


def test_a_first_plan_makes_everything_in_the_order_of_need() -> None:
    """Topics, their policies and subscriptions, sets, notification topics, destinations, headers, defaults, forwarding off, and
    what a legacy entry needs of the owner before it."""
    text = EVERYTHING
    plan = planner.plan(compiled(text), bare("a.com"))

    assert [
        ("create", "corp/eu-west-1/topic/t"),
        ("create", "mailer/eu-west-1/topic/feedback"),
        ("create", "corp/eu-west-1/topic_policy/t"),
        ("create", "mailer/eu-west-1/topic_policy/feedback"),
        ("create", "corp/eu-west-1/subscription/t/email/a@b.c"),
        ("create", "corp/eu-west-1/configuration_set/c"),
        ("create", "corp/eu-west-1/notification_topic/a.com/bounce"),
        ("create", "corp/eu-west-1/notification_topic/a.com/complaint"),
        ("create", f"mailer/eu-west-1/notification_topic/{PARTNER}/bounce"),
        ("create", "corp/eu-west-1/event_destination/c/d"),
        ("create", "corp/eu-west-1/notification_headers/a.com/bounce"),
        ("create", "corp/eu-west-1/default_configuration_set/a.com"),
        ("create", "corp/eu-west-1/feedback_forwarding/a.com"),
        ("create", "corp/eu-west-1/sending_policy/a.com/sesform-mailer"),
    ] == steps(plan)
    assert phases(plan) == [2, 2, 2, 2, 2, 3, 4, 4, 4, 5, 6, 7, 8, 9]


def test_a_destruction_takes_everything_away_in_the_order_of_lean() -> None:
    """Forwarding comes back first; then users go before what they use, topics last."""
    plan = plan_between(EVERYTHING, EVERYTHING, destroy=True)

    assert [
        ("update", "corp/eu-west-1/feedback_forwarding/a.com"),
        ("delete", "corp/eu-west-1/sending_policy/a.com/sesform-mailer"),
        ("delete", "corp/eu-west-1/notification_headers/a.com/bounce"),
        ("delete", "corp/eu-west-1/notification_topic/a.com/bounce"),
        ("delete", "corp/eu-west-1/notification_topic/a.com/complaint"),
        ("delete", f"mailer/eu-west-1/notification_topic/{PARTNER}/bounce"),
        ("delete", "corp/eu-west-1/default_configuration_set/a.com"),
        ("delete", "corp/eu-west-1/event_destination/c/d"),
        ("delete", "corp/eu-west-1/configuration_set/c"),
        ("delete", "corp/eu-west-1/topic/t"),
        ("delete", "mailer/eu-west-1/topic/feedback"),
    ] == steps(plan)
    assert phases(plan) == [1, 10, 11, 12, 12, 12, 13, 13, 13, 14, 14]


def test_unmanaged_resources_are_not_changed() -> None:
    """A thing that left the specs stays in AWS, unless it stood below something that is declared whole."""
    assert (
        steps(plan_between(owner("topics: {t: {}, u: {}}\nconfiguration_sets: {c: }\n"), owner("topics: {t: {}}\n")))
        == []
    )


# --- notification topics -------------------------------------------------------------------------------------------------

SETTING = "topics: {t: {}, u: {}}\nidentities: {a.com: {notifications: {%s}}}\n"
BOUNCE = "corp/eu-west-1/notification_topic/a.com/bounce"
HEADERS = "corp/eu-west-1/notification_headers/a.com/bounce"


def between(before: str, after: str) -> Plan:
    return plan_between(owner(SETTING % before), owner(SETTING % after))


def test_from_one_topic_to_another_is_one_update() -> None:
    """A → B is one Set: clearing first would lose what happens in between."""
    plan = between("bounce: t", "bounce: u")

    assert [s for s in steps(plan) if "notification" in s[1]] == [("update", BOUNCE)]
    assert (topic_arn("t"), topic_arn("u")) == tuple(
        (p or {})["topic_arn"] for p in (step(plan, BOUNCE).before, step(plan, BOUNCE).after)
    )


def test_the_new_topic_lets_ses_in_before_the_move_and_the_old_one_keeps_it_out_after() -> None:
    """Policies widen first and narrow last, so that no moment of the move loses a notification."""
    plan = between("bounce: t", "bounce: u")

    assert [(c.phase, str(c.address)) for c in plan.changes] == [
        (2, "corp/eu-west-1/topic_policy/u"),
        (4, BOUNCE),
        (14, "corp/eu-west-1/topic_policy/t"),
    ]
    assert [c.depends_on for c in plan.changes] == [(), (0,), (1,)]


@pytest.mark.parametrize(
    ("expected", "before", "after"),
    [
        ([("delete", BOUNCE)], "bounce: t", ""),
        ([("delete", BOUNCE)], "bounce: t", "bounce: null"),
        ([("delete", HEADERS), ("delete", BOUNCE)], "bounce: {topic: t, headers: true}", ""),
        ([("delete", HEADERS)], "bounce: {topic: t, headers: true}", "bounce: t"),
        ([("create", HEADERS)], "bounce: t", "bounce: {topic: t, headers: true}"),
        ([("create", BOUNCE), ("create", HEADERS)], "", "bounce: {topic: t, headers: true}"),
        ([("update", BOUNCE), ("create", HEADERS)], "bounce: t", "bounce: {topic: u, headers: true}"),
        ([], "bounce: {topic: t, headers: true}", "bounce: unmanaged"),
        ([], "bounce: t", "bounce: t"),
    ],
)
def test_the_steps_of_a_type(expected: list[tuple[str, str]], before: str, after: str) -> None:
    """A type that loses its topic is a delete; headers go before the topic, and come after it."""
    assert expected == [s for s in steps(between(before, after)) if "notification" in s[1]]


def test_headers_left_without_a_topic_are_cleared() -> None:
    """The flag outlives the topic in SES, so it is looked for even where no topic is."""
    desired = compiled(owner(SETTING % ""))
    left = {"identity": "a.com", "notification_type": "bounce", "enabled": True}

    assert steps(planner.plan(desired, holding(desired, instead={HEADERS: left}))) == [("delete", HEADERS)]


# --- forwarding ----------------------------------------------------------------------------------------------------------

FORWARDING = "corp/eu-west-1/feedback_forwarding/a.com"


def forwarding(before: str, after: str) -> Plan:
    text = "topics: {t: {}}\nidentities: {a.com: {%s}}\n"
    return plan_between(owner(text % before), owner(text % after))


def test_forwarding_goes_off_after_the_topics_are_set() -> None:
    """Forwarding is turned off only after the topics are set and SES may publish to them."""
    plan = forwarding("", "notifications: {bounce: t, complaint: t}, feedback_forwarding: false")
    off = step(plan, FORWARDING)

    assert (off.action, off.phase) == ("update", Phase.FORWARDING_OFF)
    assert {
        "corp/eu-west-1/notification_topic/a.com/bounce",
        "corp/eu-west-1/notification_topic/a.com/complaint",
        "corp/eu-west-1/topic_policy/t",
    } == {str(plan.changes[d].address) for d in off.depends_on}


def test_forwarding_comes_on_before_the_topics_go() -> None:
    """SES mails feedback again before the topics stop carrying it."""
    plan = forwarding(
        "notifications: {bounce: t, complaint: t}, feedback_forwarding: false", "feedback_forwarding: true"
    )

    assert str(plan.changes[0].address) == FORWARDING
    assert {i: c.depends_on for i, c in enumerate(plan.changes) if c.address.type == "notification_topic"} == {
        1: (0,),
        2: (0,),
    }


def test_unmanaged_forwarding_is_left_alone() -> None:
    """Forwarding that no spec declares stays."""
    assert steps(forwarding("feedback_forwarding: true", "")) == []


# --- topics, policies, subscriptions -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "found", "settings"),
    [
        ([], {"display_name": "X"}, ""),
        ([("update", "corp/eu-west-1/topic/t")], {"display_name": "X"}, "display_name: Y"),
        ([("update", "corp/eu-west-1/topic/t")], {"kms_key": "alias/x"}, "kms_key: null"),
        ([], {"kms_key": "alias/x"}, ""),
        ([], {"kms_key": None}, "kms_key: null"),
    ],
)
def test_a_topics_attribute_is_managed_where_it_is_declared(
    expected: list[tuple[str, str]], found: dict[str, Any], settings: str
) -> None:
    """Undeclared attributes of a topic stay."""
    desired = compiled(owner(f"topics: {{t: {{{settings}}}}}\n"))
    have = {"topic_arn": topic_arn("t"), "name": "t", "display_name": "", "kms_key": None, **found}

    assert expected == steps(planner.plan(desired, holding(desired, instead={"corp/eu-west-1/topic/t": have})))


def policy_steps(before: list[Publisher], body: str) -> list[tuple[int, list[Publisher]]]:
    """Each step of the topic's policy: its phase, and the publishers that our statements allow after it."""
    desired = compiled(owner("topics: {t: {}}\n" + body))
    arn, place = topic_arn("t"), "corp/eu-west-1/topic_policy/t"
    found = {
        "topic_arn": arn,
        "policy": topic_statements.with_publishers(policy_document.default_topic_policy(arn), arn, before),
    }
    plan = planner.plan(desired, holding(desired, instead={place: found}))
    all_publishers = [Publisher(OWNER, identity_arn(n)) for n in ("a.com", "b.com", "c.com")]
    return [
        (
            c.phase,
            [
                p
                for p in all_publishers
                if policy_document.may_publish(
                    {"Statement": topic_statements.ours((c.after or {})["policy"])}, arn, p
                ).allowed
            ],
        )
        for c in plan.changes
        if str(c.address) == place
    ]


A, B, C = (Publisher(OWNER, identity_arn(n)) for n in ("a.com", "b.com", "c.com"))
USES_A = "identities: {a.com: {notifications: {bounce: t}}}\n"
USES_A_AND_B = "identities: {a.com: {notifications: {bounce: t}}, b.com: {notifications: {bounce: t}}}\n"


@pytest.mark.parametrize(
    ("expected", "before", "body"),
    [
        ([], [A], USES_A),
        ([(Phase.TOPICS, [A])], [], USES_A),
        ([(Phase.TOPICS, [A, B])], [A], USES_A_AND_B),
        ([(Phase.TOPICS_REMOVED, [A])], [A, B], USES_A),
        ([(Phase.TOPICS_REMOVED, [])], [A], ""),
        ([(Phase.TOPICS, [A, B]), (Phase.TOPICS_REMOVED, [A])], [B], USES_A),
        ([(Phase.TOPICS, [A, B, C]), (Phase.TOPICS_REMOVED, [A, B])], [A, C], USES_A_AND_B),
    ],
)
def test_a_topic_policy_widens_first_and_narrows_last(
    expected: list[tuple[int, list[Publisher]]], before: list[Publisher], body: str
) -> None:
    """New publishers are allowed with the topics, former ones removed at the end; both together take two steps."""
    assert expected == policy_steps(before, body)


def test_the_second_step_of_a_policy_waits_for_the_first() -> None:
    """A policy is narrowed only after it was widened."""
    desired = compiled(owner("topics: {t: {}}\n" + USES_A))
    arn, place = topic_arn("t"), "corp/eu-west-1/topic_policy/t"
    found = {
        "topic_arn": arn,
        "policy": topic_statements.with_publishers(policy_document.default_topic_policy(arn), arn, [B]),
    }
    plan = planner.plan(desired, holding(desired, instead={place: found}))

    assert [c.depends_on for c in plan.changes] == [(), (0,)]
    assert (plan.changes[0].after, 1) == (plan.changes[1].before, plan.summary["update"])


def test_an_unmanaged_setting_keeps_its_publisher() -> None:
    """What is unmanaged goes on working: its topic keeps letting SES publish for it."""
    text = owner("topics: {t: {}}\nidentities: {a.com: {notifications: {bounce: %s}}}\n")

    assert steps(plan_between(text % "t", text % "unmanaged")) == []


def test_a_policy_in_the_spelling_of_aws_is_no_change() -> None:
    """Case, lists of one and order are AWS's to choose."""
    desired = compiled(owner("topics: {t: {}}\n" + USES_A))
    place = "corp/eu-west-1/topic_policy/t"
    found = copy.deepcopy(dict(holding(desired).found[address(place)]))
    theirs, ours = found["policy"]["Statement"]
    tests = ours["Condition"]["StringEquals"]
    ours |= {
        "Action": ["sns:publish"],
        "Condition": {"StringEquals": {k.lower(): v[0] if isinstance(v, list) else [v] for k, v in tests.items()}},
    }
    found["policy"]["Statement"] = [ours, theirs]

    assert steps(planner.plan(desired, holding(desired, instead={place: found}))) == []


@pytest.mark.parametrize("setting", ["raw_message_delivery: null", "filter_policy_scope: null"])
def test_null_for_a_subscriptions_setting_comes_to_rest(setting: str) -> None:
    """A null setting equals SNS's default, so the next plan is empty."""
    desired = compiled(owner(f"topics: {{t: {{subscriptions: [{{protocol: email, endpoint: a@b.c, {setting}}}]}}}}\n"))
    found = {
        "topic_arn": topic_arn("t"),
        "protocol": "email",
        "endpoint": "a@b.c",
        "arn": "x",
        "raw_message_delivery": False,
        "filter_policy": {},
        "filter_policy_scope": "MessageAttributes",
        "dead_letter_queue": None,
        "role": None,
    }
    held = holding(desired, instead={"corp/eu-west-1/subscription/t/email/a@b.c": found})

    assert [] == steps(planner.plan(desired, held))


def test_a_subscription_that_waits_for_its_owner_is_not_touched() -> None:
    """Asking again would only mail the owner again, so a pending subscription is a warning and no step."""
    desired = compiled(
        owner("topics: {t: {subscriptions: [{protocol: email, endpoint: a@b.c, filter_policy: {a: [b]}}]}}\n")
    )
    place = "corp/eu-west-1/subscription/t/email/a@b.c"
    key = {"topic_arn": topic_arn("t"), "protocol": "email", "endpoint": "a@b.c"}
    plan = planner.plan(desired, holding(desired, instead={place: {**key, "arn": "PendingConfirmation"}}))

    assert steps(plan) == []
    assert [("warning", "subscription a@b.c is not confirmed", place)] == [
        (d.severity, d.summary, d.path) for d in plan.diagnostics
    ]


def test_subscriptions_come_before_the_settings_that_use_their_topic() -> None:
    """The first notice, and SES's test message, find a subscription."""
    plan = planner.plan(compiled(EVERYTHING), bare("a.com"))
    order = [str(c.address) for c in plan.changes]
    listening = order.index("corp/eu-west-1/subscription/t/email/a@b.c")

    assert listening in plan.changes[order.index(BOUNCE)].depends_on
    assert listening in plan.changes[order.index("corp/eu-west-1/event_destination/c/d")].depends_on


# --- event destinations --------------------------------------------------------------------------------------------------

SET = "topics: {t: {}, u: {}}\nconfiguration_sets: {c: {%s}}\n"
DESTINATION = "corp/eu-west-1/event_destination/c/d"


def destinations(before: str, after: str) -> Plan:
    return plan_between(owner(SET % before), owner(SET % after))


def one(settings: str) -> str:
    return f"event_destinations: {{d: {{{settings}}}}}"


def carried(plan: Plan) -> list[tuple[int, list[str]]]:
    return [
        (c.phase, (c.after or {"events": []})["events"]) for c in plan.changes if c.address.type == "event_destination"
    ]


@pytest.mark.parametrize(
    ("expected", "before", "after"),
    [
        ([(5, ["BOUNCE", "OPEN"])], "[bounce]", "[bounce, open]"),
        ([(13, ["BOUNCE"])], "[bounce, open]", "[bounce]"),
        ([(5, ["BOUNCE", "OPEN"]), (13, ["OPEN"])], "[bounce]", "[open]"),
        ([], "[bounce, open]", "[open, bounce]"),
    ],
)
def test_events_widen_first_and_narrow_last(expected: list[tuple[int, list[str]]], before: str, after: str) -> None:
    """Events that are added come early, events that go go late; where both happen it takes two steps."""
    plan = destinations(one(f"events: {before}, eventbridge: default"), one(f"events: {after}, eventbridge: default"))

    assert expected == carried(plan)


def test_turning_a_destination_off_is_narrowing() -> None:
    """A destination that is turned off carries nothing any more, so it goes off late."""
    plan = destinations(one("events: all, sns: t"), one("events: all, sns: t, enabled: false"))

    assert phases(plan) == [Phase.CONFIGURATION_SETS_REMOVED]


def test_a_destination_moves_to_another_topic_in_one_update() -> None:
    """The same kind with another target is one update, after the new topic lets SES in."""
    plan = destinations(one("events: all, sns: t"), one("events: all, sns: u"))

    assert [s for s in steps(plan) if "event_destination" in s[1]] == [("update", DESTINATION)]
    assert [(c.phase, str(c.address)) for c in plan.changes] == [
        (2, "corp/eu-west-1/topic_policy/u"),
        (5, DESTINATION),
        (14, "corp/eu-west-1/topic_policy/t"),
    ]


def test_a_change_of_kind_has_a_stand_in_meanwhile() -> None:
    """Where events would be lost between delete and create, another destination carries them."""
    plan = destinations(one("events: all, eventbridge: default"), one("events: [bounce], sns: t"))
    beside = f"{DESTINATION}-sesform-stand-in"
    ours = [c for c in plan.changes if c.address.type == "event_destination"]

    assert [("create", beside), ("delete", DESTINATION), ("create", DESTINATION), ("delete", beside)] == [
        (c.action, str(c.address)) for c in ours
    ]
    assert ours[0].after == {
        **(ours[2].after or {}),
        "name": "d-sesform-stand-in",
        "events": (ours[1].before or {})["events"],
    }
    assert [plan.changes.index(a) in b.depends_on for a, b in itertools.pairwise(ours)] == [True] * 3


@pytest.mark.parametrize("enabled", ["before", "after"])
def test_a_change_of_kind_where_nothing_is_lost_needs_no_stand_in(enabled: str) -> None:
    """A destination that carries nothing, before or after, can be away for a moment."""
    off = {"before": ", enabled: false", "after": ""}[enabled], {"before": "", "after": ", enabled: false"}[enabled]
    plan = destinations(one(f"events: all, eventbridge: default{off[0]}"), one(f"events: all, sns: t{off[1]}"))

    assert [s for s in steps(plan) if "event_destination" in s[1]] == [("delete", DESTINATION), ("create", DESTINATION)]
    assert {"its kind changes from eventbridge to sns"} == {
        c.reason for c in plan.changes if str(c.address) == DESTINATION
    }


def test_a_long_name_leaves_room_for_the_stand_ins() -> None:
    """SES takes names of 64 characters."""
    name = "n" * 64
    text = owner(
        f"topics: {{t: {{}}}}\nconfiguration_sets: {{c: {{event_destinations: {{{name}: {{events: all, %s}}}}}}}}\n"
    )
    plan = plan_between(text % "eventbridge: default", text % "sns: t")

    assert {64} == {
        len(str((c.after or c.before or {})["name"])) for c in plan.changes if c.address.type == "event_destination"
    }


def test_a_stand_in_that_was_left_behind_goes() -> None:
    """What a run that was cut off left behind is cleaned up, in a set that is not exclusive too."""
    desired = compiled(owner(SET % (one("events: all, eventbridge: default") + ", exclusive: false")))
    beside = f"{DESTINATION}-sesform-stand-in"
    left = {**holding(desired).found[address(DESTINATION)], "name": "d-sesform-stand-in"}

    assert [("delete", beside)] == steps(planner.plan(desired, holding(desired, instead={beside: left})))


def test_a_stand_in_that_was_left_behind_does_not_stand_in_again() -> None:
    """While the change of kind is pending, a new temporary replacement takes over before the old one is deleted."""
    before, after = one("events: [bounce], eventbridge: default"), one("events: [bounce], sns: t")
    wanted = compiled(owner(SET % after))
    beside = f"{DESTINATION}-sesform-stand-in"
    left = step(destinations(before, after), beside, "create").after
    held = holding(compiled(owner(SET % before)), seen_by=wanted, instead={beside: left})

    assert [
        ("create", f"{beside}-2"),
        ("delete", DESTINATION),
        ("create", DESTINATION),
        ("delete", beside),
        ("delete", f"{beside}-2"),
    ] == [s for s in steps(planner.plan(wanted, held)) if "event_destination" in s[1]]


UNLISTED = {
    "configuration_set": "c",
    "name": "x",
    "enabled": True,
    "events": ["OPEN"],
    "eventbridge": {"event_bus_arn": "b"},
}


@pytest.mark.parametrize(
    ("expected", "settings"),
    [([("delete", "corp/eu-west-1/event_destination/c/x")], "exclusive: true"), ([], "exclusive: false")],
)
def test_unlisted_destinations_go_from_an_exclusive_set(expected: list[tuple[str, str]], settings: str) -> None:
    """A set that is declared whole has no destination but those it lists; another one keeps them."""
    desired = compiled(owner(SET % settings))

    assert expected == steps(
        planner.plan(desired, holding(desired, instead={"corp/eu-west-1/event_destination/c/x": UNLISTED}))
    )


def test_the_reason_of_an_unlisted_destination_leads_to_its_set() -> None:
    """Who wonders why it goes is led to the set that does not list it."""
    desired = compiled(owner(SET % ""))
    (change,) = planner.plan(
        desired, holding(desired, instead={"corp/eu-west-1/event_destination/c/x": UNLISTED})
    ).changes

    assert change.reason == "specs.yaml:6 does not list it"


def test_a_set_that_goes_takes_its_destinations_along_first() -> None:
    """Every destination of an absent set is a step before the set itself."""
    before, after = owner(SET % "exclusive: false"), owner("configuration_sets: {c: absent}\n")
    wanted = compiled(after)
    plan = planner.plan(
        wanted, holding(compiled(before), seen_by=wanted, instead={"corp/eu-west-1/event_destination/c/x": UNLISTED})
    )

    assert steps(plan) == [
        ("delete", "corp/eu-west-1/event_destination/c/x"),
        ("delete", "corp/eu-west-1/configuration_set/c"),
    ]
    assert [c.reason for c in plan.changes] == ["specs.yaml:5 declares the set absent"] * 2


def test_a_route_for_bounces_is_added_before_another_goes() -> None:
    """Bounces that move from one destination of a set to another never go nowhere."""
    plan = destinations(
        "event_destinations: {d: {events: [bounce], eventbridge: default}}",
        "event_destinations: {e: {events: [bounce], eventbridge: default}}",
    )

    assert steps(plan) == [("create", "corp/eu-west-1/event_destination/c/e"), ("delete", DESTINATION)]
    assert plan.changes[1].depends_on == (0,)


# --- default sets and sending policies -----------------------------------------------------------------------------------


def test_a_default_set_is_moved_before_the_old_set_goes() -> None:
    """Mail of an identity whose default set is gone is refused, so the set goes after the identity has moved off."""
    before = owner("configuration_sets: {c: }\nidentities: {a.com: {default_configuration_set: c}}\n")
    after = owner("configuration_sets: {c: absent, e: }\nidentities: {a.com: {default_configuration_set: e}}\n")
    plan = plan_between(before, after)

    assert steps(plan) == [
        ("create", "corp/eu-west-1/configuration_set/e"),
        ("update", "corp/eu-west-1/default_configuration_set/a.com"),
        ("delete", "corp/eu-west-1/configuration_set/c"),
    ]
    assert [c.depends_on for c in plan.changes] == [(), (0,), (1,)]


def test_a_sending_policy_is_written_only_where_its_meaning_changes() -> None:
    """SES's spelling of a policy is no drift."""
    desired = compiled(owner("identities: {a.com: {authorize: {'333333333333': }}}\n"))
    place = "corp/eu-west-1/sending_policy/a.com/sesform-333333333333"
    found = copy.deepcopy(dict(holding(desired).found[address(place)]))
    found["policy"]["Statement"][0]["Principal"] = {"AWS": ["333333333333"]}
    found["policy"]["Statement"][0]["Action"].reverse()

    assert steps(planner.plan(desired, holding(desired, instead={place: found}))) == []


# --- reasons -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "before", "after"),
    [
        ("specs.yaml:6 declares it; AWS has none", "", "bounce: t"),
        ("specs.yaml:6 declares it; AWS has different values", "bounce: t", "bounce: u"),
        ("specs.yaml:6 declares null", "bounce: t", "bounce: null"),
        ("specs.yaml:6 names no topic for bounce", "bounce: t", ""),
    ],
)
def test_the_reason_of_a_step(expected: str, before: str, after: str) -> None:
    """Each step says what asks for it, and where."""
    assert expected == step(between(before, after), BOUNCE).reason


def test_headers_that_go_have_a_reason_of_their_own() -> None:
    """A header flag that goes is not said to be declared by the topic that stays."""
    plan = between("bounce: {topic: t, headers: true}", "bounce: t")

    assert "specs.yaml:6 does not ask for headers" == step(plan, HEADERS).reason


def test_the_reasons_of_two_steps_tell_them_apart() -> None:
    """The first of two steps says that it carries both, the second that the old goes."""
    plan = destinations(one("events: [bounce], sns: t"), one("events: [open], sns: t"))

    assert [c.reason for c in plan.changes] == [
        "specs.yaml:6 declares it; AWS has different values; step 1 of 2: the old and the new state together",
        "specs.yaml:6 declares it; AWS has different values; step 2 of 2: the new state only",
    ]


def test_each_step_knows_its_calls() -> None:
    """The price of a plan is what its steps will call."""
    plan = planner.plan(compiled(EVERYTHING), bare("a.com"))

    assert [RESOURCES[c.address.type].calls(c.before, c.after) for c in plan.changes] == [c.calls for c in plan.changes]
    assert [c for c in plan.changes if not c.calls] == []


# --- the plan as a whole -------------------------------------------------------------------------------------------------

BODIES = st.sampled_from(
    [
        SETTING % "bounce: t, complaint: u",
        SETTING % "bounce: {topic: u, headers: true}",
        SETTING % "delivery: t, bounce: unmanaged",
        SETTING % "" + "configuration_sets: {c: {event_destinations: {d: {events: [bounce], sns: t}}}}\n",
        SETTING % "bounce: t"
        + "configuration_sets: {c: {event_destinations: {d: {events: [open], eventbridge: default}}}}\n",
        "topics: {t: absent, u: {}}\nconfiguration_sets: {c: absent}\nidentities: {a.com: absent}\n",
        "topics: {t: {}}\nidentities: {a.com: {notifications: {bounce: t, complaint: t}, feedback_forwarding: false}}\n",
    ]
)


@given(BODIES, BODIES)
def test_the_same_input_gives_the_same_plan(before: str, after: str) -> None:
    """Planning is a pure function, byte for byte, in whatever order AWS's answers came in."""
    wanted, held = compiled(owner(after)), holding(compiled(owner(before)), seen_by=compiled(owner(after)))
    backwards = Snapshot(
        dict(reversed(list(held.found.items()))),
        {},
        dict(reversed(list(held.identities.items()))),
        held.topics,
        held.configuration_sets,
        subscribers=dict(reversed(list(held.subscribers.items()))),
    )
    texts = {
        plan_file.text(plan_file.document(planner.plan(wanted, s), timestamp="now")) for s in (held, held, backwards)
    }

    assert len(texts) == 1


@given(BODIES, BODIES)
def test_planning_changes_nothing_that_it_is_given(before: str, after: str) -> None:
    """What was read stays what was read."""
    wanted = compiled(owner(after))
    held = holding(compiled(owner(before)), seen_by=wanted)
    found = copy.deepcopy(held.found)

    planner.plan(wanted, held)

    assert found == held.found


@given(BODIES, BODIES)
def test_every_step_waits_only_for_steps_before_it(before: str, after: str) -> None:
    """The order of the plan is one that apply can keep."""
    plan = plan_between(owner(before), owner(after))

    assert [d for i, c in enumerate(plan.changes) for d in c.depends_on if d >= i] == []


@given(BODIES, BODIES)
def test_doing_the_plan_leads_to_what_is_declared(before: str, after: str) -> None:
    """The steps, taken as they are written, end where the next plan is empty."""
    wanted = compiled(owner(after))
    held = holding(compiled(owner(before)), seen_by=wanted)
    found = dict(held.found)
    for change in planner.plan(wanted, held).changes:
        assert found.get(change.address) == change.before
        found.pop(change.address, None)
        if change.after is not None:
            found[change.address] = change.after
    again = Snapshot(found, {}, held.identities, held.topics, held.configuration_sets)

    assert planner.plan(wanted, again).changes == ()


# --- a part of it --------------------------------------------------------------------------------------------------------


def test_a_chosen_step_takes_along_what_it_depends_on() -> None:
    """Choosing a setting chooses the topic and the policy that it needs, and nothing else."""
    plan = planner.plan(compiled(EVERYTHING), bare("a.com"))
    part = planner.chosen(plan, lambda text: text.endswith("notification_headers/a.com/bounce"))

    assert [str(c.address) for c in part.changes] == [
        "corp/eu-west-1/topic/t",
        "corp/eu-west-1/topic_policy/t",
        "corp/eu-west-1/subscription/t/email/a@b.c",
        "corp/eu-west-1/notification_topic/a.com/bounce",
        "corp/eu-west-1/notification_headers/a.com/bounce",
    ]
    assert [c.depends_on for c in part.changes] == [(), (0,), (0,), (0, 1, 2), (3,)]


def test_a_chosen_part_names_the_unchanged_that_match_only() -> None:
    """What was not chosen is not compared either."""
    desired = compiled(EVERYTHING)
    part = planner.chosen(planner.plan(desired, holding(desired)), lambda text: "/topic/" in text)

    assert [str(u.address) for u in part.unchanged] == ["corp/eu-west-1/topic/t", "mailer/eu-west-1/topic/feedback"]


def test_choosing_all_is_the_plan() -> None:
    """Where everything matches, nothing changes."""
    plan = planner.plan(compiled(EVERYTHING), bare("a.com"))

    assert plan == planner.chosen(plan, lambda text: True)


def test_a_chosen_replacement_has_its_deletion_and_nothing_else() -> None:
    """Choosing the temporary replacement chooses the destination beside it, and no destination that it does not depend on."""
    destination = "{event_destinations: {d: {events: [%s], %s}}}"
    text = f"topics: {{t: {{}}}}\nconfiguration_sets: {{c: {destination}, e: {destination}}}\n"
    before, after = (
        owner(text % ("open", target, event, "eventbridge: default"))
        for target, event in (("sns: t", "send"), ("eventbridge: default", "click"))
    )
    plan = plan_between(before, after)
    part = planner.chosen(plan, lambda text: text.endswith("c/d-sesform-stand-in"))

    assert [
        ("create", "d-sesform-stand-in"),
        ("delete", "d"),
        ("create", "d"),
        ("delete", "d-sesform-stand-in"),
    ] == [(c.action, c.address.key.removeprefix("c/")) for c in part.changes]


def test_a_chosen_part_has_only_the_step_of_a_resource_that_it_needs() -> None:
    """The topic's policy allows the new identity first; that it stops allowing the old one is another step."""
    text = "topics: {t: {}}\nidentities: {a.com: {notifications: {bounce: %s}}, b.com: {notifications: {bounce: %s}}}\n"
    plan = plan_between(owner(text % ("t", "null")), owner(text % ("null", "t")))
    part = planner.chosen(plan, lambda text: text.endswith("notification_topic/b.com/bounce"))

    assert 2 == len([c for c in plan.changes if c.address.type == "topic_policy"])
    assert ["topic_policy", "notification_topic"] == [c.address.type for c in part.changes]


def test_a_part_names_identities_without_receiver() -> None:
    """The warning of the whole plan stays in a part of it."""
    text = owner("topics: {t: {policy: unmanaged}}\nidentities: {a.com: {notifications: {bounce: t}}}\n")
    desired = compiled(text)
    held = replace(holding(desired), identities={(OWNER_SCOPE, "a.com"): IdentityFacts({}, False, "Success")})
    found = {a: {**p, "enabled": False} if a.type == "feedback_forwarding" else p for a, p in held.found.items()}
    held = replace(held, found=found, topics={topic_arn("t"): None})
    plan = planner.plan(desired, held)

    assert 2 == len(plan.unheard)
    assert plan.unheard == planner.part(plan, desired, held, lambda text: "bounce" in text).unheard


def test_a_part_has_the_routes_the_quotas_and_the_handover_of_its_steps() -> None:
    """A part with everything is the plan; a part without the excess is within the quota, and hands over what it uses."""
    grants = ", ".join(f"'{n:012}': {{}}" for n in range(1, 3))
    theirs = [topic_arn(name, "444444444444") for name in ("x", "y")]
    text = owner(
        f"identities: {{a.com: {{authorize: {{{grants}}}, notifications: {{bounce: '{theirs[0]}', complaint: '{theirs[1]}'}}}}}}\n"
    )
    desired = compiled(text)
    names = frozenset(f"p{n}" for n in range(19))
    held = replace(bare("a.com"), sending={(OWNER_SCOPE, "a.com"): SendingFacts(names)})
    plan = planner.plan(desired, held)
    part, policy = (
        planner.part(plan, desired, held, lambda text, end=end: text.endswith(end))  # type: ignore[misc]
        for end in ("notification_topic/a.com/bounce", "a.com/sesform-000000000001")
    )
    whole = planner.part(plan, desired, held, lambda text: True)
    assert (replace(plan, diagnostics=()), set(plan.diagnostics)) == (
        replace(whole, diagnostics=()),
        set(whole.diagnostics),
    )
    assert [21] == [int(p.summary.split()[4]) for p in plan.errors]
    assert () == policy.errors
    assert theirs[:1] == [request.topic_arn for request in part.handover.requests]
    assert ["bounce"] == [change.subject.event for change in part.routes]
    assert 2 == len(plan.routes)


def test_a_chosen_part_keeps_the_problems_of_steps_that_it_takes_along() -> None:
    """The key of the topic concerns the subscription that is chosen, because the topic is created with it."""
    topic = "t: {kms_key: alias/k, subscriptions: [{protocol: email, endpoint: a@b.c}]}"
    text = owner(
        f"topics: {{{topic}, u: {{}}}}\nidentities: {{a.com: {{notifications: {{bounce: t, complaint: u}}}}}}\n"
    )
    key = f"arn:aws:kms:eu-west-1:{OWNER}:alias/k"
    plan = planner.plan(compiled(text), replace(bare("a.com"), keys={key: KeyFacts()}))

    for chosen, errors in (("subscription/t/email/a@b.c", 1), ("notification_topic/a.com/complaint", 0)):
        part = planner.chosen(plan, lambda text, end=chosen: text.endswith(end))  # type: ignore[misc]
        assert errors == len(part.errors)


def test_a_chosen_part_keeps_the_problems_of_what_is_chosen() -> None:
    """A problem of another identity does not prevent this one."""
    body = "topics: {t: {}}\nidentities: {a.com: {notifications: {bounce: t}}, b.com: {notifications: {bounce: t}}}\n"
    plan = planner.plan(compiled(owner(body)), bare("a.com"))

    assert [p.summary for p in plan.errors] == ["identity b.com does not exist in 111111111111/eu-west-1"]
    assert planner.chosen(plan, lambda text: "/a.com" in text).errors == ()
    assert plan.errors == planner.chosen(plan, lambda text: "/b.com" in text).errors


def test_a_chosen_part_keeps_an_error_that_speaks_for_several_resources() -> None:
    """A resource that could not be read prevents the plan, also if the problem has another address."""
    desired = compiled(owner("identities: {a.com: {feedback_forwarding: true}, b.com: {feedback_forwarding: true}}\n"))
    plan = planner.plan(desired, Snapshot(unreadable=dict.fromkeys(desired.declared, "denied")))
    part = planner.chosen(plan, lambda text: text.endswith("feedback_forwarding/b.com"))

    assert ["cannot be read (nor 1 more): denied"] == [p.summary for p in part.errors]


def test_a_chosen_setting_of_a_missing_identity_keeps_the_error() -> None:
    """An identity that does not exist prevents each of its settings, not only the first one."""
    body = (
        "topics: {t: {}}\nidentities: {a.com: {notifications: {bounce: t, complaint: t}, feedback_forwarding: false}}\n"
    )
    plan = planner.plan(compiled(owner(body)), Snapshot())
    part = planner.chosen(plan, lambda text: text.endswith("notification_topic/a.com/complaint"))

    assert ["identity a.com does not exist in 111111111111/eu-west-1"] == [p.summary for p in part.errors]
