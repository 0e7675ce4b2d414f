"""Preflight checks: problems found before any write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

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
    owner,
    steps,
    topic_arn,
)
from sesform.errors import Problem
from sesform.live.snapshot import IdentityFacts, Snapshot, TopicFacts
from sesform.planning import planner
from sesform.policies import document as policy_document
from sesform.policies import topic_statements
from sesform.policies.document import Publisher

AWS_KEY = "SES cannot use the KMS key alias/aws/sns, which AWS manages"
THEIRS = topic_arn("theirs", "333333333333")
EXTERNAL = owner(f"identities:\n  a.com:\n    notifications: {{bounce: '{THEIRS}'}}\n")
A = Publisher(OWNER, identity_arn("a.com"))
LETTING_IN = policy_document.compact(
    topic_statements.with_publishers(policy_document.default_topic_policy(THEIRS), THEIRS, [A])
)


def told(text: str, snapshot: Snapshot) -> list[str]:
    """Severity and summary of each diagnostic."""
    return [f"{d.severity}: {d.summary}" for d in planner.plan(compiled(text), snapshot).diagnostics]


def with_topic(facts: TopicFacts | None, *, there: bool = False) -> Snapshot:
    """AWS with the external topic as given, and the setting in place already or not."""
    base = holding(compiled(EXTERNAL)) if there else bare("a.com")
    return replace(base, topics={THEIRS: facts})


# --- what cannot be read -------------------------------------------------------------------------------------------------


def test_what_cannot_be_read_is_an_error_and_no_change() -> None:
    """ "Could not look" is never "no changes": the plan cannot be applied, and says why and where."""
    desired = compiled(owner("topics: {t: {}}\n"))
    place = address("corp/eu-west-1/topic/t")
    held = holding(desired)
    found = {a: p for a, p in held.found.items() if a != place}
    plan = planner.plan(desired, replace(held, found=found, unreadable={place: "denied"}))

    assert steps(plan) == []
    assert not plan.applyable
    assert [Problem("cannot be read: denied", str(place), "specs.yaml", 5, 10)] == list(plan.errors)


def test_many_things_that_cannot_be_read_for_one_reason_are_one_error() -> None:
    """A role that may not read SES is told once, not for every identity; another reason is told as well."""
    desired = compiled(owner("identities: {a.com: {feedback_forwarding: true}, b.com: {feedback_forwarding: true}}\n"))
    unreadable = {a: "denied" if a.type == "notification_topic" else "away" for a in desired.declared}
    found = planner.plan(desired, Snapshot(unreadable=unreadable)).errors

    assert sorted((p.path, p.summary) for p in found) == [
        ("corp/eu-west-1/feedback_forwarding/a.com", "cannot be read (nor 1 more): away"),
        ("corp/eu-west-1/notification_headers/a.com/bounce", "cannot be read (nor 5 more): away"),
        ("corp/eu-west-1/notification_topic/a.com/bounce", "cannot be read (nor 5 more): denied"),
    ]


def test_an_identity_that_cannot_be_read_is_not_said_to_be_missing() -> None:
    """An identity that could not be read is not reported as missing."""
    desired = compiled(owner("identities: {a.com: {feedback_forwarding: true}}\n"))
    plan = planner.plan(desired, Snapshot(unreadable=dict.fromkeys(desired.declared, "denied")))

    assert [p for p in plan.diagnostics if "does not exist" in p.summary] == []


# --- identities ----------------------------------------------------------------------------------------------------------


def test_a_missing_identity_is_one_error_and_none_of_its_settings_is_planned() -> None:
    """SES would refuse every setting of an identity that it does not know."""
    text = owner(
        "topics: {t: {}}\nidentities: {a.com: {notifications: {bounce: t}}, b.com: {notifications: {bounce: t}}}\n"
    )
    plan = planner.plan(compiled(text), bare("a.com"))

    assert [p.summary for p in plan.errors] == ["identity b.com does not exist in 111111111111/eu-west-1"]
    assert not [a for _, a in steps(plan) if "b.com" in a]
    assert [a for _, a in steps(plan) if "a.com" in a]


@pytest.mark.parametrize(
    "body",
    ["identities: {a.com: absent}\n", "identities: {a.com: }\n", "identities: {a.com: {feedback_forwarding: true}}\n"],
)
def test_an_identity_of_which_nothing_is_wanted_may_be_missing(body: str) -> None:
    """An identity that is gone has no settings, which is what was asked for."""
    plan = planner.plan(compiled(owner(body)), Snapshot())

    assert (plan.changes, plan.diagnostics) == ((), ())


@pytest.mark.parametrize(
    "body",
    [
        "identities: {a.com: {authorize: {'333333333333': }}}\n",
        "configuration_sets: {c: }\nidentities: {a.com: {default_configuration_set: c}}\n",
    ],
)
def test_an_identity_of_which_anything_is_wanted_must_exist(body: str) -> None:
    """Policies and default sets need their identity as well."""
    assert told(owner(body), Snapshot()) == ["error: identity a.com does not exist in 111111111111/eu-west-1"]


def test_a_foreign_identity_is_never_missing() -> None:
    """SES does not tell whether an identity of another account exists: no entry is just no setting."""
    partner = identity_arn("partner.example", "333333333333")
    text = delegate(f"topics: {{t: {{}}}}\ncross_account_notifications: {{'{partner}': {{bounce: t}}}}\n")
    plan = planner.plan(compiled(text), Snapshot())

    assert plan.diagnostics == ()
    assert ("create", f"mailer/eu-west-1/notification_topic/{partner}/bounce") in steps(plan)


@pytest.mark.parametrize(("says", "verification"), [("Pending", "Pending"), ("none", "")])
def test_an_unverified_identity_is_a_warning(says: str, verification: str) -> None:
    """SES keeps the settings of an identity that is not verified, so they are planned all the same."""
    plan = planner.plan(
        compiled(owner("topics: {t: {}}\nidentities: {a.com: {notifications: {bounce: t}}}\n")),
        Snapshot(identities={(OWNER_SCOPE, "a.com"): IdentityFacts({}, True, verification)}),
    )

    assert [f"identity a.com is not verified in 111111111111/eu-west-1 (SES status: {says})"] == [
        d.summary for d in plan.diagnostics
    ]
    assert plan.applyable


# --- forwarding off ------------------------------------------------------------------------------------------------------


def identity(topics: dict[str, str], forwarding: bool) -> Snapshot:
    found = {
        address(f"corp/eu-west-1/notification_topic/a.com/{t}"): {
            "identity": "a.com",
            "notification_type": t,
            "topic_arn": arn,
        }
        for t, arn in topics.items()
    }
    return Snapshot(found, identities={(OWNER_SCOPE, "a.com"): IdentityFacts(topics, forwarding, "Success")})


X = topic_arn("x")
DARK = "error: identity a.com would have e-mail forwarding off and no topic for %s"
CLEARED, LOST = f"{DARK}; SES refuses to clear a topic then", f"{DARK}, and no event destination for it"


@pytest.mark.parametrize(
    ("expected", "body", "snapshot"),
    [
        ([CLEARED % "bounce and complaint"], "{}", identity({"bounce": X, "complaint": X}, False)),
        (
            [CLEARED % "complaint"],
            "{notifications: {bounce: unmanaged}}",
            identity({"bounce": X, "complaint": X}, False),
        ),
        (
            [LOST % "bounce"],
            "{notifications: {bounce: unmanaged, complaint: unmanaged, delivery: null}}",
            identity({"complaint": X, "delivery": X}, False),
        ),
        ([], "{feedback_forwarding: true}", identity({"bounce": X, "complaint": X}, False)),
        ([], "{}", identity({"bounce": X, "complaint": X}, True)),
        (
            [],
            "{notifications: {bounce: unmanaged, complaint: unmanaged}}",
            identity({"bounce": X, "complaint": X, "delivery": X}, False),
        ),
        ([], "{}", identity({}, False)),
    ],
)
def test_topics_are_not_cleared_while_forwarding_is_off(expected: list[str], body: str, snapshot: Snapshot) -> None:
    """SES refuses to leave an identity with forwarding off and bounces or complaints without a topic; so does the plan, where it
    touches that identity."""
    if body == "{feedback_forwarding: true}":
        place = address("corp/eu-west-1/feedback_forwarding/a.com")
        snapshot = replace(snapshot, found={**snapshot.found, place: {"identity": "a.com", "enabled": False}})

    found = told(owner(f"identities: {{a.com: {body}}}\n"), snapshot)

    assert expected == [line for line in found if "have no receiver" not in line]


def test_forwarding_cannot_go_off_beside_an_unmanaged_type_without_a_topic() -> None:
    """Only AWS knows whether an unmanaged type has a topic, so it is the plan that refuses."""
    text = owner(
        "identities: {a.com: {notifications: {bounce: unmanaged, complaint: unmanaged}, feedback_forwarding: false}}\n"
    )
    place = address("corp/eu-west-1/feedback_forwarding/a.com")
    held = identity({"bounce": X}, True)
    held = replace(held, found={place: {"identity": "a.com", "enabled": True}})

    assert told(text, held) == [LOST % "complaint"]


# --- topics that SES publishes to ----------------------------------------------------------------------------------------

REFUSED = f"the policy of topic {THEIRS} does not allow SES to publish for {A.arn}"
UNTOLD = LETTING_IN.replace("AWS:SourceAccount", "aws:PrincipalOrgID")


@pytest.mark.parametrize(
    ("expected", "snapshot"),
    [
        pytest.param([], lambda: with_topic(TopicFacts(LETTING_IN)), id="it may"),
        pytest.param(
            [f"error: {REFUSED}"],
            lambda: with_topic(TopicFacts(policy_document.compact(policy_document.default_topic_policy(THEIRS)))),
            id="it may not",
        ),
        pytest.param(
            [f"warning: {REFUSED}"],
            lambda: with_topic(
                TopicFacts(policy_document.compact(policy_document.default_topic_policy(THEIRS))), there=True
            ),
            id="it may not, but the setting is there",
        ),
        pytest.param(
            [
                f"warning: the policy of topic {THEIRS} has conditions that only SNS can evaluate; SES may not be "
                f"allowed to publish"
            ],
            lambda: with_topic(TopicFacts(UNTOLD)),
            id="it cannot be told",
        ),
        pytest.param(
            [], lambda: with_topic(TopicFacts(UNTOLD), there=True), id="it cannot be told, but the setting is there"
        ),
        pytest.param([f"error: topic {THEIRS} does not exist"], lambda: with_topic(None), id="no such topic"),
        pytest.param(
            [f"error: topic {THEIRS} does not exist"], lambda: with_topic(None, there=True), id="no such topic any more"
        ),
        pytest.param(
            [f"warning: topic {THEIRS} could not be checked: no spec has credentials for its account"],
            lambda: bare("a.com"),
            id="unseen",
        ),
        pytest.param(
            [], lambda: replace(holding(compiled(EXTERNAL)), topics={}), id="unseen, but the setting is there"
        ),
        pytest.param(
            [f"error: SES cannot publish to topic {THEIRS}: {AWS_KEY}"],
            lambda: with_topic(TopicFacts(LETTING_IN, "alias/aws/sns")),
            id="AWS's own key",
        ),
        pytest.param(
            [f"warning: SES cannot publish to topic {THEIRS}: {AWS_KEY}"],
            lambda: with_topic(TopicFacts(LETTING_IN, "arn:aws:kms:eu-west-1:333333333333:alias/aws/sns"), there=True),
            id="AWS's own key, but the setting is there",
        ),
        pytest.param(
            [],
            lambda: with_topic(TopicFacts(LETTING_IN, "alias/mine"), there=True),
            id="a key, but the setting is there",
        ),
    ],
)
def test_a_topic_that_is_managed_elsewhere_must_let_ses_publish(
    expected: list[str], snapshot: Callable[[], Snapshot]
) -> None:
    """SES drops a setting whose topic it cannot publish to: what would fail is an error, what stands already a warning."""
    assert expected == told(EXTERNAL, snapshot())


def test_a_new_topic_with_an_unmanaged_policy_lets_its_own_account_publish_only() -> None:
    """The default policy of a new topic allows SES of the owner's account only."""
    text = (
        delegate("topics: {t: {policy: unmanaged}}\n") + "---\n" + owner("identities: {a.com: {notifications: %s}}\n")
    )
    own = owner("topics: {t: {policy: unmanaged}}\nidentities: {a.com: {notifications: {bounce: t}}}\n")
    arn = topic_arn("t", DELEGATE)

    assert [] == told(own, bare("a.com"))
    assert [f"error: the policy of topic {arn} does not allow SES to publish for {A.arn}"] == told(
        text % "{bounce: mailer/t}", bare("a.com")
    )


def test_a_topic_with_an_unmanaged_policy_is_judged_by_what_that_says() -> None:
    """What stands there already is warned about, what would be set now is refused."""
    text = owner("topics: {t: {policy: unmanaged}}\nidentities: {a.com: {notifications: {bounce: t}}}\n")
    arn, bounce = topic_arn("t"), "corp/eu-west-1/notification_topic/a.com/bounce"
    deny = {"Effect": "Deny", "Principal": "*", "Action": "SNS:Publish", "Resource": arn}
    topics = {arn: TopicFacts(policy_document.compact({"Statement": [deny]}))}
    there = replace(holding(compiled(text)), topics=topics)
    absent = replace(holding(compiled(text), instead={bounce: None}), topics=topics)
    refused = f"the policy of topic {arn} does not allow SES to publish for {A.arn}"

    assert [f"warning: {refused}"] == told(text, there)
    assert [f"error: {refused}"] == told(text, absent)


def test_the_statement_that_is_missing_is_in_the_hint() -> None:
    """Who owns the topic gets the statement to add, and it does what is needed."""
    facts = TopicFacts(policy_document.compact(policy_document.default_topic_policy(THEIRS)))
    (problem,) = planner.plan(compiled(EXTERNAL), with_topic(facts)).errors
    statement = policy_document.parse(problem.hint.removeprefix("add to its policy: "))

    assert policy_document.may_publish({"Statement": [statement]}, THEIRS, A).allowed
    assert (
        problem.path,
        problem.file,
        problem.line,
        problem.column,
    ) == ("corp/eu-west-1/notification_topic/a.com/bounce", "specs.yaml", 7, 21)


def test_a_deny_in_a_managed_topic_is_an_error() -> None:
    """Our statement does not help where another one denies."""
    text = owner("topics: {t: {}}\nidentities: {a.com: {notifications: {bounce: t}}}\n")
    desired = compiled(text)
    place, arn = "corp/eu-west-1/topic_policy/t", topic_arn("t")
    deny = {"Sid": "No", "Effect": "Deny", "Principal": "*", "Action": "SNS:Publish", "Resource": arn}
    found = {"topic_arn": arn, "policy": {"Version": "2012-10-17", "Statement": [deny]}}
    bounce = "corp/eu-west-1/notification_topic/a.com/bounce"

    (problem,) = planner.plan(desired, holding(desired, instead={place: found, bounce: None})).errors

    assert f"the policy of topic {arn} does not allow SES to publish for {A.arn}" == problem.summary
    assert problem.hint == "remove the statement that denies it"


def test_a_managed_topic_that_is_about_to_let_ses_in_is_no_problem() -> None:
    """What counts is the policy that the plan leads to."""
    text = owner("topics: {t: {}}\nidentities: {a.com: {notifications: {bounce: t}}}\n")

    assert told(text, bare("a.com")) == []


def test_one_of_both_accounts_is_enough_for_a_legacy_entry() -> None:
    """AWS does not document as whom SES publishes for an identity of another account, so either publisher is enough."""
    partner = identity_arn("partner.example", "333333333333")
    text = delegate(f"cross_account_notifications: {{'{partner}': {{bounce: '{THEIRS}'}}}}\n")
    lets_in = [
        topic_statements.with_publishers({}, THEIRS, [Publisher(account, partner)])
        for account in (DELEGATE, "333333333333")
    ]

    assert [told(text, Snapshot(topics={THEIRS: TopicFacts(policy_document.compact(p))})) for p in lets_in] == [[], []]


# --- configuration sets --------------------------------------------------------------------------------------------------


def test_a_default_set_must_exist_or_be_made() -> None:
    """SES refuses mail of an identity whose default set does not exist."""
    text = owner("identities: {a.com: {default_configuration_set: c}}\n")
    there = replace(bare("a.com"), configuration_sets=frozenset({(OWNER_SCOPE, "c")}))

    assert told(text, bare("a.com")) == ["error: configuration set c does not exist in 111111111111/eu-west-1"]
    assert told(text, there) == []
    assert (
        told(owner("configuration_sets: {c: }\nidentities: {a.com: {default_configuration_set: c}}\n"), bare("a.com"))
        == []
    )


def test_diagnostics_come_with_errors_first_and_in_order_of_place() -> None:
    """Errors come before warnings."""
    text = owner("identities:\n  a.com: {default_configuration_set: c}\n  b.com: {default_configuration_set: c}\n")
    held = Snapshot(identities={(OWNER_SCOPE, n): IdentityFacts({}, True, "Pending") for n in ("a.com", "b.com")})

    assert [(d.severity, d.line) for d in planner.plan(compiled(text), held).diagnostics] == [
        ("error", 6),
        ("error", 7),
        ("warning", 6),
        ("warning", 7),
    ]
