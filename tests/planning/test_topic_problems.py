"""Problems of topics and their subscriptions, as users read them: place, text, hint, severity, and all that they concern."""

from __future__ import annotations

import json
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
    identity_arn,
    in_full,
    owner,
    plan_between,
    set_arn,
    topic_arn,
)
from sesform.live.snapshot import IdentityFacts, Snapshot, TopicFacts
from sesform.planning import planner
from sesform.policies import document as policy_document
from sesform.policies import topic_statements
from sesform.policies.document import Publisher

THEIRS = topic_arn("theirs", "333333333333")
T = topic_arn("t")
A, B = identity_arn("a.com"), identity_arn("b.com")
USES = owner(
    f"identities:\n  a.com: {{notifications: {{bounce: '{THEIRS}'}}}}\n  b.com: {{notifications: {{bounce: '{THEIRS}'}}}}\n"
)
BOUNCE_A = "specs.yaml:6:27: corp/eu-west-1/notification_topic/a.com/bounce: "
BOUNCE_B = "specs.yaml:7:27: corp/eu-west-1/notification_topic/b.com/bounce: "
DEFAULT = policy_document.compact(policy_document.default_topic_policy(THEIRS))
ORGANIZATION = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}


def allowing(*publishers: str, arn: str = THEIRS, account: str = OWNER) -> str:
    """Return the policy that allows these publishers."""
    default = policy_document.default_topic_policy(arn)
    allowed = [Publisher(account, publisher) for publisher in publishers]
    return policy_document.compact(topic_statements.with_publishers(default, arn, allowed))


def missing(publisher: str, account: str = OWNER, arn: str = THEIRS) -> str:
    """Return the statement of a hint, in the form of the AWS developer guide."""
    return json.dumps(
        {
            "Sid": f"SesformPublish{account}",
            "Effect": "Allow",
            "Principal": {"Service": "ses.amazonaws.com"},
            "Action": "SNS:Publish",
            "Resource": arn,
            "Condition": {"StringEquals": {"AWS:SourceAccount": account, "AWS:SourceArn": [publisher]}},
        }
    )


def theirs(facts: TopicFacts | None, *, there: str = "") -> Snapshot:
    """AWS with the topic of another account; `there`: the identity that publishes to it already."""
    base = bare("a.com", "b.com")
    if there:
        place = address(f"corp/eu-west-1/notification_topic/{there}/bounce")
        setting = {"identity": there, "notification_type": "bounce", "topic_arn": THEIRS}
        facts_ = {(OWNER_SCOPE, there): IdentityFacts({"bounce": THEIRS}, True, "Success")}
        base = replace(base, found={place: setting}, identities={**base.identities, **facts_})
    return replace(base, topics={THEIRS: facts})


def problems(text: str, snapshot: Snapshot) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return the problems of the plan, without warnings of missing receivers."""
    return [p for p in in_full(planner.plan(compiled(text), snapshot)) if "no receiver" not in p[1]]


# --- topics that sesform does not manage ---------------------------------------------------------------------------------


def test_a_topic_that_does_not_exist_is_an_error_at_each_use() -> None:
    """Every setting that uses the topic is an error, whether it changes or not."""
    text = f"topic {THEIRS} does not exist; create it first, or declare it under `topics`"

    assert [("error", BOUNCE_A + text, ()), ("error", BOUNCE_B + text, ())] == problems(
        USES, theirs(None, there="a.com")
    )


def test_a_policy_that_refuses_is_an_error_for_a_new_setting_and_a_warning_for_an_existing_one() -> None:
    """SES refuses the new setting and will remove the existing one; each hint has the statement for its identity."""
    text = f"the policy of topic {THEIRS} does not allow SES to publish for "

    assert [
        ("error", f"{BOUNCE_B}{text}{B}; add to its policy: {missing(B)}", ()),
        ("warning", f"{BOUNCE_A}{text}{A}; add to its policy: {missing(A)}", ()),
    ] == problems(USES, theirs(TopicFacts(DEFAULT), there="a.com"))


@pytest.mark.parametrize(
    "policy",
    ["no policy", "[]", allowing(B).replace('"AWS:SourceAccount":"111111111111"', '"aws:PrincipalOrgID":"o-1"')],
)
def test_a_policy_that_cannot_be_evaluated_is_a_warning_of_a_change(policy: str) -> None:
    """Only SNS knows the answer; a setting that exists already works or does not, whatever the plan does."""
    text = f"the policy of topic {THEIRS} has conditions that only SNS can evaluate; SES may not be allowed to publish"
    found = problems(USES, theirs(TopicFacts(policy), there="a.com"))

    assert ("warning", f"{BOUNCE_B}{text}; check that it allows SES to publish", ()) in found
    assert not [text for _, text, _ in found if "conditions" in text and "a.com" in text]


def test_a_topic_of_an_account_without_spec_is_one_warning_for_all_changes() -> None:
    """The warning is at the first use, and concerns every setting that changes."""
    both = ("corp/eu-west-1/notification_topic/a.com/bounce", "corp/eu-west-1/notification_topic/b.com/bounce")
    text = (
        f"topic {THEIRS} could not be checked: no spec has credentials for its account; "
        "it must exist and allow SES to publish; send its owner what `sesform handover` prints"
    )
    unread = replace(theirs(None, there="a.com"), topics={})

    assert [("warning", BOUNCE_A + text, both)] == problems(USES, bare("a.com", "b.com"))
    assert [("warning", BOUNCE_B + text, both[1:])] == problems(USES, unread)


PARTNER = identity_arn("partner.example", "444444444444")
ENTRY = delegate(f"cross_account_notifications:\n  {PARTNER}: {{bounce: '{THEIRS}'}}\n")


def test_a_legacy_entry_needs_one_of_two_publishers() -> None:
    """The refusal names each publisher once; an answer that is unknown for one of both is a warning."""
    place = f"specs.yaml:6:65: mailer/eu-west-1/notification_topic/{PARTNER}/bounce: "
    for_owner = json.loads(allowing(PARTNER, account="444444444444"))
    for_owner["Statement"][1]["Condition"]["StringEquals"]["aws:PrincipalOrgID"] = "o-1"
    unknown = policy_document.compact(for_owner)
    ((severity, text, _),) = problems(ENTRY, Snapshot(topics={THEIRS: TopicFacts(DEFAULT)}))
    ((other, doubt, _),) = problems(ENTRY, Snapshot(topics={THEIRS: TopicFacts(unknown)}))

    assert "error" == severity
    assert text.startswith(f"{place}the policy of topic {THEIRS} does not allow SES to publish for {PARTNER}; add to")
    assert ("warning", True) == (other, f"topic {THEIRS} has conditions that only SNS can evaluate" in doubt)


# --- topics that sesform manages -----------------------------------------------------------------------------------------

OWN = owner(
    "topics: {t: {}}\nidentities:\n  a.com: {notifications: {bounce: t}}\n  b.com: {notifications: {bounce: t}}\n"
)
DENY = {"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "SNS:Publish", "Resource": T}


def own(*statements: dict[str, Any], without: str = "") -> Snapshot:
    """AWS with the specs applied, further statements in the topic's policy, and without one resource."""
    desired = compiled(OWN)
    place = "corp/eu-west-1/topic_policy/t"
    policy = json.loads(allowing(A, B, arn=T))
    policy["Statement"] += statements
    instead: dict[str, Any] = {place: {"topic_arn": T, "policy": policy}}
    return holding(desired, instead=instead | ({without: None} if without else {}))


def test_a_deny_in_a_managed_topic_is_told_for_each_setting() -> None:
    """What would be set now is an error, and what is set already a warning; a condition that only SNS knows is a warning too."""
    place = "corp/eu-west-1/notification_topic/a.com/bounce"
    text = f"the policy of topic {T} does not allow SES to publish for "
    unknown = f"the policy of topic {T} has conditions that only SNS can evaluate; SES may not be allowed to publish"

    assert [
        ("error", f"specs.yaml:7:27: {place}: {text}{A}; remove the statement that denies it", ()),
        (
            "warning",
            f"specs.yaml:8:27: corp/eu-west-1/notification_topic/b.com/bounce: {text}{B}; remove the statement that denies it",
            (),
        ),
    ] == problems(OWN, own(DENY, without=place))
    assert [
        ("warning", f"specs.yaml:7:27: {place}: {unknown}; check that it allows SES to publish", ()),
    ] == problems(OWN, own({**DENY, "Condition": ORGANIZATION}, without=place))


@pytest.mark.parametrize(
    "statement",
    [
        {**DENY, "Action": "SNS:Subscribe"},
        {**DENY, "Condition": {"StringEquals": {"AWS:SourceAccount": "999999999999"}}},
        {**DENY, "Effect": "Allow", "Condition": ORGANIZATION},
    ],
)
def test_statements_that_do_not_deny_ses_are_no_problem(statement: dict[str, Any]) -> None:
    """Sesform's own statement is enough beside a Deny for others and beside any Allow."""
    assert [] == problems(OWN, own(statement, without="corp/eu-west-1/notification_topic/a.com/bounce"))


def test_a_new_topic_with_an_unmanaged_policy_has_the_policy_of_sns() -> None:
    """The default policy allows SES for the topic's own account only; the hint has the statement that the other account needs."""
    text = (
        delegate("topics: {t: {policy: unmanaged}}\n")
        + "---\n"
        + owner("identities: {a.com: {notifications: {bounce: mailer/t}}}\n")
    )
    arn = topic_arn("t", DELEGATE)
    place = "specs.yaml:11:38: corp/eu-west-1/notification_topic/a.com/bounce: "
    refused = (
        f"the policy of topic {arn} does not allow SES to publish for {A}; add to its policy: {missing(A, arn=arn)}"
    )

    assert [("error", place + refused, ())] == problems(text, bare("a.com"))


def test_an_existing_topic_with_an_unmanaged_policy_keeps_its_policy() -> None:
    """A change of another setting of the topic does not make it a new one; problems of topics before it stay."""
    text = owner(
        "topics: {t: {policy: unmanaged, display_name: %s}}\n"
        f"identities:\n  a.com: {{notifications: {{bounce: '{THEIRS}', complaint: t}}}}\n"
    )
    complaint = "corp/eu-west-1/notification_topic/a.com/complaint"
    held = holding(compiled(text % "old"), instead={complaint: None})
    denying = TopicFacts(policy_document.compact({"Statement": [DENY]}))
    found = problems(text % "new", replace(held, topics={THEIRS: None, T: denying}))
    new = problems(text % "new", replace(bare("a.com"), topics={THEIRS: None}))

    refused = f"the policy of topic {T} does not allow SES to publish for {A}; add to its policy: {missing(A, arn=T)}"
    missing_topic = f"specs.yaml:7:27: corp/eu-west-1/notification_topic/a.com/bounce: topic {THEIRS} does not exist"
    assert [missing_topic, f"specs.yaml:7:80: {complaint}: {refused}"] == [
        text.replace("; create it first, or declare it under `topics`", "") for _, text, _ in found
    ]
    assert [missing_topic] == [text.partition(";")[0] for _, text, _ in new]


def test_a_topic_that_cannot_be_read_is_not_judged() -> None:
    """Its error says that it could not be read; whether its policy refuses SES is not said beside that."""
    held = own(DENY)
    place = address("corp/eu-west-1/topic/t")
    found = {a: p for a, p in held.found.items() if a != place}

    assert [("error", f"specs.yaml:5:10: {place}: cannot be read: denied", (str(place),))] == problems(
        OWN, replace(held, found=found, unreadable={place: "denied"})
    )


# --- publishers that lose their right ------------------------------------------------------------------------------------

LOST = (
    "SES may no longer publish to the topic for %s, which no spec names any more; if they still publish to it, SES will remove the "
    "topic from them. Declare them, `absent` if they no longer publish"
)


def withdrawals(of: Any) -> list[tuple[str, str, tuple[str, ...]]]:
    return [p for p in in_full(of) if "no longer publish" in p[1]]


def test_publishers_that_no_spec_names_any_more_are_one_warning() -> None:
    """The warning names identities and configuration sets in order, and only those that no spec names."""
    destination = "{event_destinations: {d: {events: [bounce], sns: t}}}"
    before = owner(
        f"topics: {{t: {{}}}}\nconfiguration_sets: {{s: {destination}, u: {destination}}}\n"
        "identities: {a.com: &i {notifications: {bounce: t}}, b.com: *i, c.com: *i}\n"
    )
    after = owner("topics: {t: {}}\nconfiguration_sets: {u: absent}\nidentities: {b.com: absent}\n")
    who = f"{set_arn('s')}, {A}, {identity_arn('c.com')}"

    assert [("warning", f"specs.yaml:5:10: corp/eu-west-1/topic_policy/t: {LOST % who}", ())] == withdrawals(
        plan_between(before, after)
    )


def test_publishers_of_specs_that_are_not_loaded_keep_their_right() -> None:
    """Statements that another account's specs declared stay, so their publishers are not in the warning."""
    policy = json.loads(allowing(A, arn=T))
    other = json.loads(allowing(PARTNER, arn=T, account="444444444444"))["Statement"][1]
    policy["Statement"].append(other)
    before = owner("topics: {t: {}}\nidentities: {a.com: {notifications: {bounce: t}}}\n")
    place = "corp/eu-west-1/topic_policy/t"
    held = holding(compiled(before), instead={place: {"topic_arn": T, "policy": policy}})

    assert [("warning", f"specs.yaml:5:10: {place}: {LOST % A}", ())] == withdrawals(
        planner.plan(compiled(owner("topics: {t: {}}\n")), held)
    )


def test_an_entry_for_another_account_that_is_unmanaged_keeps_its_name() -> None:
    """Unmanaged settings are named by the spec, and so are absent ones of other accounts."""
    entries = "topics: {t: {}}\ncross_account_notifications:\n  %s: %s\n"
    before = delegate(entries % (PARTNER, "{bounce: t, complaint: t}"))

    for declared in ("absent", "{bounce: null, complaint: unmanaged}"):
        assert [] == withdrawals(plan_between(before, delegate(entries % (PARTNER, declared))))


@pytest.mark.parametrize(
    ("who", "facts"),
    [
        (A, TopicFacts(allowing(A, arn=T))),
        ("", TopicFacts(allowing(A, arn=T).replace(A, "arn:aws:s3:::bucket"))),
        ("", TopicFacts(allowing(A, arn=T).replace(A, f"{A}*"))),
        ("", TopicFacts("no policy")),
        ("", None),
    ],
)
def test_publishers_of_a_deleted_topic_are_named_from_its_policy(who: str, facts: TopicFacts | None) -> None:
    """Identities and sets that the policy of a deleted topic names exactly are told; patterns and other services are not."""
    before, after = owner("topics: {t: {}}\n"), owner("topics: {t: absent}\n")
    snapshot = replace(holding(compiled(before)), topics={T: facts})

    assert ([("warning", f"specs.yaml:5:10: corp/eu-west-1/topic/t: {LOST % who}", ())] if who else []) == withdrawals(
        planner.plan(compiled(after), snapshot)
    )


# --- subscriptions -------------------------------------------------------------------------------------------------------

MAIL = "{protocol: email, endpoint: ops@example.com%s}"
QUEUE = f"{{protocol: sqs, endpoint: 'arn:aws:sqs:eu-west-1:{OWNER}:q'}}"


def subscribed(text: str, *, pending: bool) -> Snapshot:
    """AWS with these specs applied, and with all of its subscriptions confirmed or pending."""
    held = holding(compiled(text))
    arn = "PendingConfirmation" if pending else f"{T}:1"
    found = {a: {**p, "arn": arn} if a.type == "subscription" else p for a, p in held.found.items()}
    return replace(held, found=found)


def test_a_pending_subscription_is_a_warning_that_says_who_must_act() -> None:
    """The owner of the endpoint confirms it; of an absent one SNS deletes it, and there is nothing to do."""
    text = owner("topics: {t: {subscriptions: [%s]}}\n")
    place = "specs.yaml:5:30: corp/eu-west-1/subscription/t/email/ops@example.com: subscription ops@example.com is not confirmed; "
    held = subscribed(text % MAIL % "", pending=True)

    assert [
        (
            "warning",
            f"{place}the endpoint's owner confirms it with the link that SNS sent; "
            "SNS deletes a pending subscription after two days",
            (),
        )
    ] == problems(text % MAIL % "", held)
    assert [
        (
            "warning",
            f"{place}SNS cannot delete a pending subscription; no action is needed: SNS deletes it after two days; if it is "
            "confirmed before, the next run deletes it",
            (),
        )
    ] == problems(text % MAIL % ", absent: true", held)
    assert [] == problems(text % MAIL % "", subscribed(text % MAIL % "", pending=False))
    beside = text % f"{QUEUE}, {MAIL % ''}"
    held = subscribed(beside, pending=True)
    queue = address(f"corp/eu-west-1/subscription/t/sqs/arn:aws:sqs:eu-west-1:{OWNER}:q")
    held = replace(held, found={**held.found, queue: {**held.found[queue], "arn": f"{T}:1"}})
    assert 1 == len(problems(beside, held))


def test_each_topic_without_confirmed_subscription_is_a_warning() -> None:
    """Moves to two topics are two warnings."""
    topics = "topics: {old: {}, x: {subscriptions: [%s]}, y: {subscriptions: [%s]}}\n"
    text = "identities: {a.com: {notifications: {bounce: %s, complaint: %s}}}\n"
    before = owner(topics % ("", "") + text % ("old", "old"))
    after = owner(topics % (MAIL % "", MAIL % "") + text % ("x", "y"))

    assert [topic_arn("x"), topic_arn("y")] == [
        text.partition("moves to topic ")[2].partition(",")[0] for _, text, _ in moves(plan_between(before, after))
    ]


MOVED = "topics:\n  old: {}\n  new: {subscriptions: [%s]}\nidentities:\n  a.com: {notifications: {bounce: %s, complaint: %s}}\n"


def moves(of: Any) -> list[tuple[str, str, tuple[str, ...]]]:
    return [p for p in in_full(of) if "moves to topic" in p[1]]


def test_a_move_to_a_topic_without_confirmed_subscription_is_one_warning() -> None:
    """Two settings that move are one warning, at the first; the hint says how to move without loss."""
    before, after = (
        owner(MOVED % (subscription, *[name] * 2)) for subscription, name in (("", "old"), (MAIL % "", "new"))
    )
    text = (
        f"moves to topic {topic_arn('new')}, which has no confirmed subscription; notifications are lost until one is confirmed; "
        "create the topic with a separate plan, and move to it when its subscriptions are confirmed"
    )
    place = "specs.yaml:9:27: corp/eu-west-1/notification_topic/a.com/bounce: "

    assert [("warning", place + text, ())] == moves(plan_between(before, after))
    waiting = owner(MOVED % (MAIL % "", "old", "old"))
    assert [("warning", place + text, ())] == moves(planner.plan(compiled(after), subscribed(waiting, pending=True)))


@pytest.mark.parametrize("subscriptions", ["", QUEUE, f"{MAIL % ''}, {QUEUE}", MAIL % ", absent: true"])
def test_a_move_to_a_topic_that_may_have_a_receiver_is_no_warning(subscriptions: str) -> None:
    """A queue of the same account needs no confirmation, and subscriptions that no spec declares may be confirmed."""
    before, after = (owner(MOVED % (subscriptions, *[name] * 2)) for name in ("old", "new"))

    assert [] == moves(plan_between(before, after))


def test_a_confirmed_subscription_is_a_receiver_of_a_move() -> None:
    """An address that has confirmed receives what moves to its topic; settings that do not move are no warning."""
    before, after = owner(MOVED % (MAIL % "", "old", "new")), owner(MOVED % (MAIL % "", "new", "new"))

    assert [] == moves(planner.plan(compiled(after), subscribed(before, pending=False)))
    assert [] == moves(plan_between(owner(MOVED % (MAIL % "", "null", "new")), after))
    assert [] == moves(plan_between(after, owner(MOVED % (MAIL % "", "null", "new"))))


def test_an_event_destination_that_moves_is_warned_of_too() -> None:
    """Events of a set are lost like notifications of an identity."""
    sets = "configuration_sets:\n  s: {event_destinations: {d: {events: [bounce], sns: %s}}}\n"
    text = "topics: {old: {}, new: {subscriptions: [%s]}}\n" + sets
    found = moves(plan_between(owner(text % ("", "old")), owner(text % (MAIL % "", "new"))))

    assert ["specs.yaml:7:28: corp/eu-west-1/event_destination/s/d: moves to topic "] == [
        text.partition("arn:")[0] for _, text, _ in found
    ]
