"""Problems of identities, their configuration sets, quotas and reading, as users read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from scenes import (
    DELEGATE,
    OWNER,
    OWNER_SCOPE,
    address,
    bare,
    compiled,
    delegate,
    holding,
    in_full,
    owner,
    plan_between,
    topic_arn,
)
from sesform.live.snapshot import IdentityFacts, SendingFacts, Snapshot
from sesform.model.address import Scope
from sesform.planning import planner
from sesform.planning.checks import quotas

T, U = topic_arn("t"), topic_arn("u")
BOTH = ("bounce", "complaint")


def problems(text: str, snapshot: Snapshot) -> list[tuple[str, str, tuple[str, ...]]]:
    return in_full(planner.plan(compiled(text), snapshot))


def texts(text: str, snapshot: Snapshot) -> list[str]:
    return [text for _, text, _ in problems(text, snapshot)]


# --- identities that do not exist or are not verified --------------------------------------------------------------------

SETTINGS = "topics: {t: {}}\nidentities:\n  a.com: {notifications: {bounce: t}, feedback_forwarding: true}\n"
OF_A = tuple(
    f"corp/eu-west-1/{key}"
    for key in (
        *(f"notification_{kind}/a.com/{type_}" for type_ in (*BOTH, "delivery") for kind in ("topic", "headers")),
        "feedback_forwarding/a.com",
    )
)
PLACE = "specs.yaml:7:27: corp/eu-west-1/notification_topic/a.com/bounce: "
VERIFY = (
    "verify it there, correct the account or regions, or declare it absent. A new identity can take a minute to appear"
)


@pytest.mark.parametrize(
    ("follows", "listed"),
    [
        ("", {}),
        ("", {"com": "Success", "other.org": "Success"}),
        ("", {"example.com": "Success"}),
    ],
)
def test_a_missing_identity_is_an_error_that_concerns_all_of_its_settings(
    follows: str, listed: Mapping[str, str]
) -> None:
    """The error is at the first setting that asks for something."""
    found = problems(owner(SETTINGS), Snapshot(listed={OWNER_SCOPE: listed}))
    (problem,) = [p for p in found if "does not exist" in p[1]]

    assert ("error", f"{PLACE}identity a.com does not exist in 111111111111/eu-west-1; {VERIFY}", OF_A) == problem


@pytest.mark.parametrize("verification", [None, "Pending"])
def test_no_other_identity_is_named_where_their_list_was_not_read(verification: str | None) -> None:
    """Whether a wider identity covers this one is not known without the list of identities."""
    name = "mail.example.com"
    identities = {} if verification is None else {(OWNER_SCOPE, name): IdentityFacts({}, True, verification)}
    found = texts(owner(SETTINGS.replace("a.com", name)), Snapshot(identities=identities))

    assert 1 == sum(f"identity {name} " in text and "its mail follows" not in text for text in found)


@pytest.mark.parametrize(
    ("summary", "hint", "verification", "listed"),
    [
        (
            "does not exist in 111111111111/eu-west-1; its mail follows the settings of example.com",
            VERIFY,
            None,
            {"example.com": "Success"},
        ),
        ("does not exist in 111111111111/eu-west-1", VERIFY, None, {"example.com": "Pending"}),
        (
            "is not verified in 111111111111/eu-west-1 (SES status: Pending)",
            "until it is verified, its mail follows the settings of example.com, and not its own",
            "Pending",
            {"example.com": "Success", "a@example.com": "Pending"},
        ),
        (
            "is not verified in 111111111111/eu-west-1 (SES status: none)",
            "its settings are kept; SES does not send mail with it before it is verified",
            "",
            {"a@example.com": ""},
        ),
    ],
)
def test_the_mail_of_such_an_identity_follows_the_verified_one_that_covers_it(
    summary: str, hint: str, verification: str | None, listed: Mapping[str, str]
) -> None:
    """A missing identity is an error and an unverified one a warning; both say whose settings count, if another one's do."""
    identities = {} if verification is None else {(OWNER_SCOPE, "a@example.com"): IdentityFacts({}, True, verification)}
    snapshot = Snapshot(identities=identities, listed={OWNER_SCOPE: listed})
    found = problems(owner(SETTINGS.replace("a.com", "a@example.com")), snapshot)
    place = "specs.yaml:7:35: corp/eu-west-1/notification_topic/a@example.com/bounce: "
    concerns = tuple(text.replace("a.com", "a@example.com") for text in OF_A)

    assert (
        "error" if verification is None else "warning",
        f"{place}identity a@example.com {summary}; {hint}",
        concerns,
    ) in found


def test_several_identities_have_a_problem_each() -> None:
    """A verified identity between two others is no problem, and an absent or foreign one may be missing."""
    partner = "arn:aws:ses:eu-west-1:333333333333:identity/partner.example"
    one = "  %s: {notifications: {bounce: t}}\n"
    text = owner(
        "topics: {t: {}}\nidentities:\n  gone.com: absent\n" + "".join(one % n for n in ("a.com", "b.com", "c.com"))
    )
    entry = delegate(f"topics: {{t: {{}}}}\ncross_account_notifications: {{'{partner}': {{bounce: t}}}}\n")
    found = texts(f"{text}---\n{entry}", bare("b.com"))

    assert ["a.com", "c.com"] == [
        text.partition("identity ")[2].split()[0] for text in found if "does not exist" in text
    ]


# --- forwarding off ------------------------------------------------------------------------------------------------------


def forwarding(topics: Mapping[str, str], *, enabled: bool = False, sending: SendingFacts | None = None) -> Snapshot:
    """AWS with one identity that has these topics."""
    found: dict[Any, Any] = {
        address(f"corp/eu-west-1/notification_topic/a.com/{type_}"): {
            "identity": "a.com",
            "notification_type": type_,
            "topic_arn": arn,
        }
        for type_, arn in topics.items()
    }
    place = address("corp/eu-west-1/feedback_forwarding/a.com")
    found[place] = {"identity": "a.com", "enabled": enabled}
    facts = {(OWNER_SCOPE, "a.com"): IdentityFacts(topics, enabled, "Success")}
    return Snapshot(found, identities=facts, sending={(OWNER_SCOPE, "a.com"): sending} if sending else {})


def dark(found: list[tuple[str, str, tuple[str, ...]]]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [p for p in found if "would have e-mail forwarding off" in p[1]]


def test_clearing_topics_while_forwarding_is_off_says_to_take_two_plans() -> None:
    """The error is at the first topic that the plan clears."""
    text = owner("identities:\n  a.com:\n    notifications: {delivery: null}\n    default_configuration_set: null\n")
    place = "specs.yaml:6:3: corp/eu-west-1/notification_topic/a.com/bounce: "
    hint = "turn feedback_forwarding on with the plan that removes the topics, and off with the next one"

    assert [
        (
            "error",
            f"{place}identity a.com would have e-mail forwarding off and no topic for bounce and complaint; "
            f"SES refuses to clear a topic then; {hint}",
            (),
        )
    ] == dark(problems(text, forwarding({"bounce": T, "complaint": T})))


OFF = "identities:\n  a.com:\n    notifications: {bounce: unmanaged, complaint: unmanaged}\n    feedback_forwarding: false\n"


def test_turning_forwarding_off_needs_a_route_for_each_event_without_topic() -> None:
    """The error is at the setting, and names the events that would have no route, and what to declare."""
    place = "specs.yaml:8:5: corp/eu-west-1/feedback_forwarding/a.com: "
    hint = "declare feedback_forwarding: true, a topic, or a default configuration set with event destinations"

    for topics, events in (({"bounce": T}, "complaint"), ({"complaint": T}, "bounce"), ({}, "bounce and complaint")):
        assert [
            (
                "error",
                f"{place}identity a.com would have e-mail forwarding off and no topic for {events}, "
                f"and no event destination for it; {hint}",
                (),
            )
        ] == dark(problems(owner(OFF), forwarding(topics, enabled=True)))
    assert [] == dark(problems(owner(OFF), forwarding(dict.fromkeys(BOTH, T), enabled=True)))


SET = "configuration_sets: {s: {event_destinations: {d: {events: [%s], eventbridge: default}}}}\n"


@pytest.mark.parametrize(
    ("refused", "events", "uses"),
    [
        (False, "bounce, complaint", "    default_configuration_set: s\n"),
        (True, "bounce", "    default_configuration_set: s\n"),
        (True, "complaint", "    default_configuration_set: s\n"),
        (True, "bounce, complaint", ""),
    ],
)
def test_a_default_set_must_carry_every_event_without_topic(refused: bool, events: str, uses: str) -> None:
    """A set that is not the identity's default does not help, and neither does one that carries one of two events."""
    text = owner(SET % events + OFF + uses)

    assert refused == bool(dark(problems(text, forwarding({}, enabled=True))))


def test_a_default_set_without_receiver_does_not_help() -> None:
    """The destination's topic must be able to receive; what is not known does not refuse the plan."""
    topics = "topics: {t: {policy: unmanaged}}\n"
    carrying = SET.replace("eventbridge: default", "sns: t") % "bounce, complaint"
    text = owner(topics + carrying + OFF + "    default_configuration_set: s\n")
    theirs = text.replace("sns: t", f"sns: '{topic_arn('x', '333333333333')}'")

    assert 1 == len(dark(problems(text, forwarding({}, enabled=True))))
    assert [] == dark(problems(theirs, forwarding({}, enabled=True)))


def test_identities_that_the_plan_does_not_touch_are_not_judged() -> None:
    """Forwarding that is off already, an identity of another account and one that does not exist are no such problem."""
    partner = "arn:aws:ses:eu-west-1:333333333333:identity/partner.example"
    entry = delegate(f"topics: {{t: {{}}}}\ncross_account_notifications: {{'{partner}': {{delivery: t}}}}\n")

    assert [] == dark(problems(owner(OFF), forwarding({}, enabled=False)))
    assert [] == dark(problems(owner(OFF), Snapshot()))
    assert [] == dark(
        problems(entry, Snapshot(identities={(Scope(DELEGATE, "eu-west-1"), partner): IdentityFacts({}, False)}))
    )


def test_each_identity_with_forwarding_off_is_judged_by_itself() -> None:
    """An entry for another account, or an identity whose forwarding goes on, does not hide the error."""
    base = forwarding({}, enabled=True)
    partner = "arn:aws:ses:eu-west-1:333333333333:identity/partner.example"
    entry = delegate(f"topics: {{t: {{}}}}\ncross_account_notifications: {{'{partner}': {{bounce: t}}}}\n")
    assert 1 == len(dark(problems(f"{owner(OFF)}---\n{entry}", base)))
    on = owner(OFF.replace("  a.com", "  0.com: {feedback_forwarding: true}\n  a.com", 1))
    place = address("corp/eu-west-1/feedback_forwarding/0.com")
    held = replace(
        base,
        found={**base.found, place: {"identity": "0.com", "enabled": False}},
        identities={**base.identities, (OWNER_SCOPE, "0.com"): IdentityFacts({}, False, "Success")},
    )
    assert 1 == len(dark(problems(on, held)))
    off = {"identity": "b.com", "enabled": True}
    both = owner(OFF.replace("a.com:", "a.com: &i") + "  b.com: *i\n")
    held = replace(
        base,
        found={**base.found, address("corp/eu-west-1/feedback_forwarding/b.com"): off},
        identities={**base.identities, (OWNER_SCOPE, "b.com"): IdentityFacts({}, True, "Success")},
    )
    assert 2 == len(dark(problems(both, held)))


# --- default configuration sets ------------------------------------------------------------------------------------------


def test_a_default_set_that_does_not_exist_is_an_error_at_its_name() -> None:
    """A set that exists, or that the plan creates in the same account and region, is no problem; one of another account is."""
    text = owner("identities:\n  a.com: {default_configuration_set: null}\n  b.com: {default_configuration_set: c}\n")
    place = "specs.yaml:7:11: corp/eu-west-1/default_configuration_set/b.com: "
    other = delegate("configuration_sets: {c: {}}\n")
    expected = (
        "error",
        f"{place}configuration set c does not exist in 111111111111/eu-west-1; declare it under `configuration_sets`, "
        "or correct the name",
        (),
    )

    assert [expected] == problems(f"{text}---\n{other}", bare("a.com", "b.com"))
    assert [] == problems(text.replace("identities", "configuration_sets: {c: {}}\nidentities"), bare("a.com", "b.com"))
    existing = frozenset({(OWNER_SCOPE, "c")})
    assert [] == problems(text, replace(bare("a.com", "b.com"), configuration_sets=existing))


def test_sets_are_not_missing_where_something_could_not_be_read() -> None:
    """The account and region whose sets could not be read has its error already; others are judged."""
    text = owner("identities: {a.com: {default_configuration_set: c}}\n")
    other = delegate("topics: {t: {}}\n")
    desired = compiled(f"{text}---\n{other}")
    own = next(a for a in desired.declared if a.type == "notification_topic")
    theirs = next(a for a in desired.declared if a.type == "topic")

    for unread, missing in ((own, False), (theirs, True)):
        found = in_full(planner.plan(desired, replace(bare("a.com"), unreadable={unread: "denied"})))
        assert missing == any("configuration set c does not exist" in text for _, text, _ in found)


# --- quotas --------------------------------------------------------------------------------------------------------------


def destinations(names: range) -> str:
    listed = ", ".join(f"d{n}: {{events: [send], eventbridge: default}}" for n in names)
    return owner(f"configuration_sets: {{s: {{event_destinations: {{{listed}}}}}}}\n")


def test_a_set_with_too_many_destinations_for_a_moment_is_an_error() -> None:
    """New destinations come before old ones go, so both count; ten are the quota of SES."""
    text = "configuration set s would temporarily have 11 event destinations; the quota is 10"
    hint = "delete one first, with a separate plan"

    assert [("error", f"corp/eu-west-1/event_destination/s/d10: {text}; {hint}", ())] == in_full(
        plan_between(destinations(range(10)), destinations(range(1, 11)))
    )
    assert [] == in_full(plan_between(destinations(range(9)), destinations(range(1, 10))))
    assert [] == in_full(plan_between(destinations(range(10)), destinations(range(5))))


def test_a_set_above_the_quota_is_no_error_where_the_plan_adds_nothing() -> None:
    """AWS may have raised the quota, and updates and deletions need no room."""
    before = destinations(range(10)).replace("s: {event", "s: {exclusive: false, event")
    after = before.replace("d0: {events: [send]", "d0: {events: [send, open]").replace(
        "d1: {events: [send], eventbridge: default}", "d1: absent"
    )
    held = holding(compiled(before), seen_by=compiled(after))
    eleventh = {
        address(f"corp/eu-west-1/event_destination/s/{name}"): {
            "configuration_set": "s",
            "name": name,
            "enabled": True,
            "events": ["SEND"],
            "eventbridge": {"event_bus_arn": "x"},
        }
        for name in ("x", "y")
    }

    assert [] == problems(after, replace(held, found={**held.found, **eleventh}))


RAW = "{Statement: {Effect: Allow, Principal: {AWS: '333333333333'}, Action: ses:SendEmail}}"


def policies(*names: str, identity: str = "a.com") -> str:
    return f"  {identity}: {{policies: {{" + ", ".join(f"{name}: {RAW}" for name in names) + "}}\n"


def with_policies(number: int, *identities: str) -> Snapshot:
    theirs = frozenset(f"p{n:02}" for n in range(number))
    base = bare(*identities)
    return replace(base, sending={(OWNER_SCOPE, name): SendingFacts(theirs) for name in identities})


def test_an_identity_with_too_many_policies_is_an_error() -> None:
    """The error counts policies of other programs and names them; twenty are the quota of SES."""
    text = owner("identities:\n" + policies("a", "b", "p00"))
    place = "specs.yaml:6:22: corp/eu-west-1/sending_policy/a.com/a: "
    other = delegate("configuration_sets: {s: {}}\n")
    theirs = ", ".join(f"p{n:02}" for n in range(1, 19))
    concerns = tuple(f"corp/eu-west-1/sending_policy/a.com/{name}" for name in ("a", "b", "p00"))

    assert [
        (
            "error",
            f"{place}identity a.com would have 21 sending policies; the quota is 20; specs do not declare 18 of them; "
            f"delete some of {theirs} (declare them `absent` under `policies`), or declare fewer",
            concerns,
        )
    ] == problems(f"{text}---\n{other}", with_policies(19, "a.com"))
    assert [] == problems(text, with_policies(18, "a.com"))


def test_an_identity_above_the_quota_is_no_error_where_the_plan_adds_no_policy() -> None:
    """AWS may have raised the quota, and an update or a deletion needs no room."""
    before = owner("identities:\n" + policies("x", "y"))
    after = before.replace(RAW, RAW.replace("SendEmail", "SendRawEmail"), 1).replace(f"y: {RAW}", "y: absent")
    held = holding(compiled(before))
    names = frozenset({"x", "y"} | {f"p{n:02}" for n in range(20)})

    assert [] == problems(after, replace(held, sending={(OWNER_SCOPE, "a.com"): SendingFacts(names)}))


@pytest.mark.parametrize(
    ("expected", "prior", "creates", "deletes"),
    [
        ({}, 18, [1, 2], [7, 8]),
        ({2: (7,)}, 19, [1, 2], [7, 8]),
        ({1: (7,), 2: (7, 8)}, 20, [1, 2], [7, 8]),
        ({1: (7, 8), 2: (7, 8)}, 22, [1, 2], [7, 8]),
        ({2: ()}, 19, [1, 2], []),
    ],
)
def test_creations_wait_for_as_many_deletions_as_they_need(
    expected: Mapping[int, tuple[int, ...]], prior: int, creates: list[int], deletes: list[int]
) -> None:
    """A creation for which there is room waits for no deletion."""
    assert expected == quotas.make_room(prior, creates, deletes, 20)


def test_the_policies_of_another_identity_do_not_count() -> None:
    """A policy of the same name at another identity, or in another account, is not declared for this one."""
    spec = "identities:\n" + policies("x", "y") + policies("p00", identity="b.com")
    head = owner("").replace("corp", "other").replace(OWNER, "444444444444")
    elsewhere = head + "identities:\n" + policies("p01")
    found = texts(owner(spec) + "---\n" + elsewhere, with_policies(19, "a.com", "b.com"))

    assert [True] == ["specs do not declare 19 of them" in text for text in found if "would have" in text]


# --- reading -------------------------------------------------------------------------------------------------------------


def test_resources_that_could_not_be_read_are_one_error_for_each_reason_and_type() -> None:
    """The error is at the first address, counts the others, and concerns all."""
    desired = compiled(owner("topics: {b: {}, a: {}, c: {}}\n"))
    unread = {a: "denied" for a in desired.declared if a.type == "topic"} | {
        a: "denied" for a in desired.declared if a.type == "topic_policy" and a.key == "a"
    }
    found = in_full(planner.plan(desired, replace(holding(desired), found={}, unreadable=unread)))
    topics = tuple(f"corp/eu-west-1/topic/{name}" for name in ("b", "a", "c"))

    assert ("error", f"specs.yaml:5:17: {topics[1]}: cannot be read (nor 2 more): denied", topics) in found
    policy = "corp/eu-west-1/topic_policy/a"
    assert ("error", f"specs.yaml:5:17: {policy}: cannot be read: denied", (policy,)) in found
    assert 2 == len(found)


# --- receivers -----------------------------------------------------------------------------------------------------------


def test_events_without_receiver_are_one_warning_for_each_identity() -> None:
    """The warning is at the first setting of the identity and names each reason once."""
    text = owner(
        "topics: {t: {policy: unmanaged}}\nidentities:\n  a.com: {notifications: {bounce: t, complaint: t}}\n  b.com: {}\n"
    )
    held = holding(compiled(text))
    identities = {key: replace(facts, forwarding=False) for key, facts in held.identities.items()}
    found = {a: {**p, "enabled": False} if a.type == "feedback_forwarding" else p for a, p in held.found.items()}
    snapshot = replace(held, identities=identities, found=found, topics={T: None}, subscribers={})
    hint = "repair or add a route, or turn feedback_forwarding on"
    unheard = [p for p in problems(text, snapshot) if "have no receiver" in p[1]]

    assert [
        (
            "warning",
            "specs.yaml:7:27: corp/eu-west-1/notification_topic/a.com/bounce: bounces and complaints of identity a.com have no "
            f"receiver: topic {T} (not received: the topic does not exist); {hint}",
            (),
        ),
        (
            "warning",
            "specs.yaml:8:3: corp/eu-west-1/notification_topic/b.com/bounce: bounces and complaints of identity b.com have no "
            f"receiver: no route; {hint}",
            (),
        ),
    ] == unheard


def test_events_with_several_routes_without_receiver_name_each_reason() -> None:
    """The reasons of both events are joined."""
    settings = "identities: {a.com: {notifications: {bounce: t, complaint: u}}}\n"
    text = owner("topics: {t: {policy: unmanaged}, u: {policy: unmanaged}}\n" + settings)
    held = holding(compiled(text))
    identities = {key: replace(facts, forwarding=False) for key, facts in held.identities.items()}
    found = {a: {**p, "enabled": False} if a.type == "feedback_forwarding" else p for a, p in held.found.items()}
    snapshot = replace(held, identities=identities, found=found, topics={T: None, U: None}, subscribers={})
    reason = "(not received: the topic does not exist)"

    assert [f"topic {T} {reason}; topic {U} {reason}"] == [
        text.partition("have no receiver: ")[2].partition("; repair")[0]
        for text in texts(text, snapshot)
        if "have no receiver" in text
    ]


# --- refusals ------------------------------------------------------------------------------------------------------------


def test_a_refused_step_is_an_error_at_its_declaration() -> None:
    """Every reason is an error; a resource that takes two steps is told of its last one only."""
    application = "arn:aws:mobiletargeting:eu-west-1:111111111111:apps/a"
    text = owner(
        f"configuration_sets:\n  s: {{event_destinations: {{d: {{events: [send], pinpoint: '{application}'}}}}}}\n"
    )
    place = "specs.yaml:6:28: corp/eu-west-1/event_destination/s/d: "

    assert (
        "error",
        f"{place}Amazon Pinpoint ended on 2026-10-30, and this event destination would be new; "
        "send the events to Firehose, EventBridge, CloudWatch or SNS instead",
        (),
    ) in problems(text, Snapshot())
    assert [] == [p for p in in_full(plan_between(text, text.replace("[send]", "[open]"))) if "would be new" in p[1]]
