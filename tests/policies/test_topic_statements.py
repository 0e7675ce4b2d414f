"""The statements that sesform adds to topic policies."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sesform.policies import document as policy_document
from sesform.policies import topic_statements
from sesform.policies.document import Policy, Publisher

TOPIC = "arn:aws:sns:eu-west-1:111111111111:feedback"
ACCOUNTS = ["111111111111", "222222222222", "333333333333"]
NEW = policy_document.default_topic_policy(TOPIC)

publishers = st.builds(
    lambda account, kind, name: Publisher(account, f"arn:aws:ses:eu-west-1:{account}:{kind}/{name}"),
    st.sampled_from(ACCOUNTS),
    st.sampled_from(["identity", "configuration-set"]),
    st.sampled_from(["a.com", "b.com", "a", "a.com.evil", "X.com"]),
)
some_publishers = st.lists(publishers, max_size=6)

# Statements of other authors that do not concern SES; sesform must return them unchanged.
foreign_statements = st.fixed_dictionaries(
    {
        "Sid": st.sampled_from(["Ops", "sesformPublish", "Sesform", ""]),
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Principal": st.sampled_from(
            [{"AWS": "111111111111"}, {"Service": ["events.amazonaws.com"]}, {"AWS": ["x", "a"]}]
        ),
        "Action": st.sampled_from(["SNS:Publish", ["sns:Subscribe", "SNS:Publish"]]),
        "Resource": st.just(TOPIC),
    }
)
documents: st.SearchStrategy[Policy] = st.fixed_dictionaries(
    {"Version": st.just("2012-10-17"), "Id": st.just("theirs"), "Statement": st.lists(foreign_statements, max_size=3)}
)


def allowing(document: Policy, wanted: Iterable[Publisher]) -> Policy:
    return topic_statements.with_publishers(document, TOPIC, wanted)


@given(documents, some_publishers)
def test_statements_of_others_stay_byte_for_byte_and_in_order(document: Policy, wanted: list[Publisher]) -> None:
    """Statements of other authors are not changed, including their spelling."""
    theirs = json.dumps(document["Statement"])
    made = allowing(document, wanted)

    if document["Statement"] or wanted:
        assert theirs == json.dumps([s for s in made["Statement"] if not topic_statements.is_ours(s)])
        assert (made["Version"], made["Id"]) == ("2012-10-17", "theirs")


@given(documents, some_publishers, publishers)
def test_exactly_the_wanted_publishers_are_allowed(document: Policy, wanted: list[Publisher], other: Publisher) -> None:
    """sesform's statements allow every desired publisher and no other publisher."""
    mine = {"Statement": topic_statements.ours(allowing(document, wanted))}

    assert dict.fromkeys(wanted, True) == {p: policy_document.may_publish(mine, TOPIC, p).allowed for p in wanted}
    assert (other in wanted) is policy_document.may_publish(mine, TOPIC, other).allowed


@given(documents, some_publishers)
def test_allowing_twice_is_the_same_as_once(document: Policy, wanted: list[Publisher]) -> None:
    """If the statements already exist, nothing changes."""
    once = allowing(document, wanted)

    assert once == allowing(once, wanted)


@given(documents, some_publishers, some_publishers)
def test_the_publishers_before_do_not_matter(document: Policy, before: list[Publisher], after: list[Publisher]) -> None:
    """The policy depends on the desired publishers only, not on earlier publishers."""
    fresh, moved = allowing(document, after), allowing(allowing(document, before), after)

    assert topic_statements.ours(fresh) == topic_statements.ours(moved)


@given(some_publishers)
def test_the_order_of_publishers_does_not_matter(wanted: list[Publisher]) -> None:
    """The same publishers give the same text, in any order and with any duplicates."""
    assert allowing(NEW, wanted) == allowing(NEW, [*reversed(wanted), *wanted])


@given(some_publishers)
def test_sids_are_unique(wanted: list[Publisher]) -> None:
    """SNS refuses a policy in which two statements have the same Sid."""
    sids = [s["Sid"] for s in allowing(NEW, wanted)["Statement"]]

    assert len(sids) == len(set(sids))


def test_removing_the_last_statement_restores_the_default_policy() -> None:
    """SNS accepts no empty policy, so the default policy is restored."""
    only_ours = {"Version": "2012-10-17", "Statement": topic_statements.ours(allowing(NEW, [some(1)]))}

    assert allowing(only_ours, []) == NEW


def test_removing_all_keeps_statements_of_others() -> None:
    """If a policy has other authors' statements, only sesform's statements are deleted."""
    assert allowing(allowing(NEW, [some(1)]), []) == NEW


def test_the_spelling_of_aws_is_kept_if_the_meaning_is_the_same() -> None:
    """A policy that differs from AWS's copy in spelling only is not written."""
    found = copy.deepcopy(allowing(NEW, [some(1)]))
    ours = found["Statement"][-1]
    tests = ours["Condition"]["StringEquals"]
    spelled = {k.lower(): v[0] if isinstance(v, list) else [v] for k, v in tests.items()}
    ours |= {"Action": ["sns:Publish"], "Condition": {"StringEquals": spelled}}

    assert found == allowing(found, [some(1)])


def test_the_statement_has_the_form_that_aws_documents() -> None:
    """Each account has one statement: SES as the principal, account and sources as conditions."""
    (statement,) = topic_statements.ours(allowing(NEW, [some(1), some(2)]))

    assert {
        "Sid": "SesformPublish222222222222",
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": "SNS:Publish",
        "Resource": TOPIC,
        "Condition": {
            "StringEquals": {"AWS:SourceAccount": "222222222222", "AWS:SourceArn": [some(1).arn, some(2).arn]}
        },
    } == statement


def some(number: int) -> Publisher:
    return Publisher("222222222222", f"arn:aws:ses:eu-west-1:222222222222:identity/{number:04}.example.com")


SNS_QUOTA = 30 * 1024


def test_too_many_publishers_to_name_are_allowed_by_pattern() -> None:
    """Patterns in a policy allow a thousand identities; other accounts and kinds are not allowed."""
    wanted = [some(n) for n in range(1000)]
    made = allowing(NEW, wanted)
    foreign = Publisher("333333333333", "arn:aws:ses:eu-west-1:333333333333:identity/0001.example.com")
    other_kind = Publisher("222222222222", "arn:aws:ses:eu-west-1:222222222222:configuration-set/x")

    assert len(policy_document.compact(made)) < SNS_QUOTA
    assert {True} == {policy_document.may_publish(made, TOPIC, p).allowed for p in wanted}
    assert [policy_document.may_publish(made, TOPIC, p).allowed for p in (foreign, other_kind)] == [False, False]


def test_as_many_publishers_as_fit_are_named() -> None:
    """A pattern allows more than was declared, so it is used only if the names are too long."""
    made = allowing(NEW, [some(n) for n in range(200)])

    assert policy_document.may_publish(made, TOPIC, some(500)).denied


# --- in between ----------------------------------------------------------------------------------------------------------


@given(documents, some_publishers, some_publishers)
def test_the_intermediate_policy_allows_all_of_both(
    document: Policy, before: list[Publisher], after: list[Publisher]
) -> None:
    """Publishers of the prior policy and of the planned policy may publish while resources move."""
    old = allowing(document, before)
    between = topic_statements.expanded(old, allowing(old, after))
    mine: dict[str, Any] = {"Statement": topic_statements.ours(between)}

    assert dict.fromkeys([*before, *after], True) == {
        p: policy_document.may_publish(mine, TOPIC, p).allowed for p in [*before, *after]
    }


@given(documents.filter(lambda d: bool(d["Statement"])), some_publishers, some_publishers)
def test_the_intermediate_policy_keeps_statements_of_others_and_unique_sids(
    document: Policy, before: list[Publisher], after: list[Publisher]
) -> None:
    """The intermediate policy has unique Sids and keeps the statements of other authors."""
    old = allowing(document, before)
    between = topic_statements.expanded(old, allowing(old, after))
    ours = [s["Sid"] for s in topic_statements.ours(between)]

    assert len(ours) == len(set(ours))
    assert document["Statement"] == [s for s in between["Statement"] if not topic_statements.is_ours(s)]


@given(some_publishers, some_publishers)
def test_an_intermediate_policy_of_an_interrupted_run_is_replaced(
    before: list[Publisher], after: list[Publisher]
) -> None:
    """An intermediate policy of an interrupted run is replaced by the desired policy."""
    old = allowing(NEW, before)
    interrupted = topic_statements.expanded(old, allowing(old, after))

    assert policy_document.same(allowing(NEW, after), allowing(interrupted, after))


@given(some_publishers, some_publishers)
def test_whether_a_policy_allows_more(one: list[Publisher], other: list[Publisher]) -> None:
    """A replacement removes permissions if and only if the first policy has a publisher that the second lacks."""
    assert (not set(one) <= set(other)) is topic_statements.lets_in_more(allowing(NEW, one), allowing(NEW, other))


def test_the_intermediate_policy_fits_if_both_policies_together_do_not() -> None:
    """Two policies that SNS accepts have an intermediate policy that SNS accepts and that allows the publishers of both."""
    before = allowing(NEW, [some(n) for n in range(250)])
    between = topic_statements.expanded(before, allowing(before, [some(n) for n in range(1, 251)]))

    assert len(policy_document.compact(between)) <= SNS_QUOTA
    assert {True} == {policy_document.may_publish(between, TOPIC, some(n)).allowed for n in range(251)}


def test_intermediate_sids_are_unique_after_an_interrupted_run() -> None:
    """After an interrupted run, the next intermediate policy also has unique Sids, so SNS accepts it."""
    one = allowing(NEW, [some(1)])
    interrupted = topic_statements.expanded(one, allowing(one, [some(2)]))
    sids = [s["Sid"] for s in topic_statements.expanded(interrupted, allowing(interrupted, [some(3)]))["Statement"]]

    assert len(sids) == len(set(sids))


# --- statements of others in the form of ours --------------------------------------------------------------------------


def by_hand(publisher: Publisher, **changes: Any) -> dict[str, Any]:
    """A statement that sesform did not write and that allows one publisher exactly, with changes."""
    (statement,) = allowing({}, [publisher])["Statement"]
    return {**statement, "Sid": "ByHand", **changes}


PARTNER = Publisher("333333333333", "arn:aws:ses:eu-west-1:333333333333:identity/partner.example", "111111111111")


@given(documents, some_publishers)
def test_publishers_that_others_allow_by_name_get_no_second_statement(
    document: Policy, wanted: list[Publisher]
) -> None:
    """Whatever else is in a policy, statements of others in the form of ours leave nothing to add."""
    theirs = [by_hand(publisher, Sid=f"ByHand{i}") for i, publisher in enumerate(wanted)]
    complete = {**document, "Statement": [*document["Statement"], *theirs, *NEW["Statement"]]}

    assert complete == allowing(complete, wanted)


def test_our_statement_stays_beside_one_of_others() -> None:
    """A statement of others that appears later does not make ours superfluous: a change would bring nothing."""
    complete = {"Statement": [by_hand(PARTNER), *allowing({}, [PARTNER])["Statement"]]}

    assert complete == allowing(complete, [PARTNER])


CONDITION = by_hand(PARTNER)["Condition"]["StringEquals"]


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"Effect": "Deny"}, id="deny"),
        pytest.param({"Principal": "*"}, id="everyone"),
        pytest.param({"Principal": {"Service": ["ses.amazonaws.com", "events.amazonaws.com"]}}, id="more services"),
        pytest.param({"Action": "SNS:*"}, id="more actions"),
        pytest.param({"Resource": f"{TOPIC}2"}, id="another topic"),
        pytest.param({"Condition": {"StringEquals": {"AWS:SourceAccount": PARTNER.account}}}, id="a whole account"),
        pytest.param({"Condition": {"StringNotEquals": CONDITION}}, id="negated"),
        pytest.param({"Condition": {"StringEquals": CONDITION, "Bool": {"aws:SecureTransport": "true"}}}, id="more"),
        pytest.param({"Condition": {"StringEquals": {**CONDITION, "AWS:SourceAccount": "444444444444"}}}, id="account"),
        pytest.param({"Condition": {"StringLike": {**CONDITION, "AWS:SourceArn": "arn:aws:ses:*"}}}, id="wildcard"),
        pytest.param({"Condition": {"StringEquals": {**CONDITION, "AWS:SourceArn": "${aws:x}"}}}, id="variable"),
        pytest.param({"Condition": {"StringEquals": "x"}}, id="malformed"),
        pytest.param({"Condition": "x"}, id="no mapping"),
    ],
)
def test_another_statement_does_not_replace_ours(changes: dict[str, Any]) -> None:
    """A statement that allows another publisher, more than one by name, or on a further condition does not count."""
    document = {"Statement": [by_hand(PARTNER, **changes)]}

    assert [PARTNER.arn] == [*topic_statements.withdrawn(allowing(document, [PARTNER]), document)]


@pytest.mark.parametrize(
    "changes",
    [
        {"Action": ["sns:publish"]},
        {"Resource": "*"},
        {"Principal": {"Service": ["ses.amazonaws.com"]}},
        {"Condition": {"StringLike": CONDITION}},
        {
            "Condition": {
                "StringEquals": {"aws:sourceaccount": [PARTNER.account]},
                "ArnLike": {"aws:SourceArn": PARTNER.arn},
            }
        },
    ],
)
def test_another_spelling_of_our_form_counts(changes: dict[str, Any]) -> None:
    """The spellings of the AWS guides and of public modules allow the same publisher, so nothing is added."""
    document = {"Statement": [by_hand(PARTNER, **changes)]}

    assert document == allowing(document, [PARTNER])


def test_statements_that_sesform_could_have_written_have_its_form() -> None:
    """Statements with sesform's Sid have its form, and so have those of others that allow publishers of this topic exactly."""
    (ours,) = allowing({}, [PARTNER])["Statement"]
    others = [by_hand(PARTNER), by_hand(PARTNER, Resource=f"{TOPIC}2"), by_hand(PARTNER, Effect="Deny")]

    assert [True, True, False, False] == [topic_statements.has_our_form(s, TOPIC) for s in (ours, *others)]


def test_publishers_that_the_specs_of_an_account_declare() -> None:
    """Our statements allow publishers by name, each for the account whose specs declare it."""
    own = Publisher("444444444444", "arn:aws:ses:eu-west-1:444444444444:identity/example.com")
    document = {"Statement": [*allowing({}, [PARTNER, own])["Statement"], by_hand(Publisher("1" * 12, own.arn))]}

    assert {PARTNER[:2]} == topic_statements.named_by(document, TOPIC, "111111111111")
    assert {own[:2]} == topic_statements.named_by(document, TOPIC, "444444444444")
    assert set() == topic_statements.named_by(document, f"{TOPIC}2", "444444444444")


# --- principals that do not exist any more -----------------------------------------------------------------------------

ROLE, USER, PERSON = "AROAEXAMPLEEXAMPLE123", "AIDAEXAMPLEEXAMPLE123", "arn:aws:iam::444444444444:role/reader"


def named(sid: str, **principal: Any) -> dict[str, Any]:
    return {"Sid": sid, "Effect": "Allow", "Action": "SNS:Subscribe", "Resource": TOPIC, **principal}


DELETED: Policy = {
    "Version": "2012-10-17",
    "Statement": [
        named("Everyone", Principal="*"),
        named("Role", Principal={"AWS": ROLE}),
        named("Both", Principal={"AWS": [PERSON, USER]}),
        named("Service", Principal={"AWS": [ROLE], "Service": "events.amazonaws.com"}),
        named("Others", NotPrincipal={"AWS": [ROLE]}),
        {"Effect": "Allow", "Principal": {"AWS": [USER, ROLE]}, "Action": "SNS:Subscribe", "Resource": TOPIC},
    ],
}


def test_deleted_principals_are_found_in_every_statement() -> None:
    """Each deleted user and role is found with the Sid of its statement, in the order of the document."""
    found = [("Role", ROLE), ("Both", USER), ("Service", ROLE), ("Others", ROLE), ("", USER), ("", ROLE)]

    assert found == topic_statements.deleted_principals(DELETED)


def test_deleted_principals_are_left_out() -> None:
    """Other principals of a statement stay, a statement that names none is left out, and NotPrincipal stays."""
    expected = [
        named("Everyone", Principal="*"),
        named("Both", Principal={"AWS": [PERSON]}),
        named("Service", Principal={"Service": "events.amazonaws.com"}),
        named("Others", NotPrincipal={"AWS": [ROLE]}),
    ]

    assert {**DELETED, "Statement": expected} == topic_statements.without_deleted_principals(DELETED)
    assert NEW == topic_statements.without_deleted_principals(NEW)


# --- Sids, patterns and lengths ----------------------------------------------------------------------------------------

ACCOUNT = "222222222222"
SID = f"SesformPublish{ACCOUNT}"
KINDS = [f"arn:aws:ses:eu-west-1:{ACCOUNT}:{kind}/*" for kind in ("configuration-set", "identity")]


def sources(document: Policy) -> dict[str, list[str]]:
    """Return the sources that each of our statements names, by Sid."""
    return {
        str(s["Sid"]): sorted(policy_document.source_arns({"Statement": [s]})) for s in topic_statements.ours(document)
    }


def by_pattern(sid: str, arns: list[str]) -> dict[str, Any]:
    return {
        "Sid": sid,
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": "SNS:Publish",
        "Resource": TOPIC,
        "Condition": {"StringEquals": {"AWS:SourceAccount": ACCOUNT}, "ArnLike": {"AWS:SourceArn": arns}},
    }


def padded(size: int, *rest: dict[str, Any]) -> Policy:
    """A policy of this many bytes as text: a statement of others, then the rest."""
    empty = {"Version": "2012-10-17", "Statement": [named(""), *rest]}
    fill = "x" * (size - len(policy_document.compact(empty)))
    return {**empty, "Statement": [named(fill), *rest]}


def test_intermediate_statements_are_named_after_those_that_they_keep() -> None:
    """A statement that is kept for a while gets its Sid with `Before`, and a number if that Sid exists."""
    found = allowing(NEW, [some(1)])
    for number in (2, 3, 4):
        found = topic_statements.expanded(found, allowing(found, [some(number)]))

    kept = {SID: some(4), f"{SID}Before": some(3), f"{SID}Before2": some(2), f"{SID}Before3": some(1)}
    assert {sid: [publisher.arn] for sid, publisher in kept.items()} == sources(found)


def test_a_policy_that_allows_less_needs_no_intermediate_one() -> None:
    """While publishers are only removed, the policy stays as it is."""
    before = allowing(NEW, [some(1), some(2)])

    assert before == topic_statements.expanded(before, allowing(before, [some(2)]))


def test_a_policy_that_equals_another_needs_no_intermediate_one() -> None:
    """A policy of an interrupted run that allows all desired publishers stays until the last step."""
    one = allowing(NEW, [some(1)])
    interrupted = topic_statements.expanded(one, allowing(one, [some(2)]))

    assert interrupted == topic_statements.expanded(interrupted, allowing(interrupted, [some(1), some(2)]))


def test_patterns_name_the_kinds_that_were_declared() -> None:
    """The statement for too many publishers allows all identities, and all sets if there is one, of their account."""
    a_set = Publisher(ACCOUNT, f"arn:aws:ses:eu-west-1:{ACCOUNT}:configuration-set/main")
    many = [some(n) for n in range(1000)]

    assert [by_pattern(SID, KINDS[1:])] == topic_statements.ours(allowing(NEW, many))
    assert [by_pattern(SID, KINDS)] == topic_statements.ours(allowing(NEW, [a_set, *many]))


@pytest.mark.parametrize(("more", "expected"), [(0, some(1).arn), (1, KINDS[1])])
def test_ten_kilobytes_stay_free_while_publishers_are_named(more: int, expected: str) -> None:
    """Names are used as long as they fit in 20 KB with the statements of others, which leaves 10 KB for other changes."""
    ours = len(policy_document.compact({"Statement": topic_statements.ours(allowing({}, [some(1)]))}))
    document = padded(20 * 1024 - ours + more)

    assert {SID: [expected]} == sources(allowing(document, [some(1)]))


@pytest.mark.parametrize(("more", "expected"), [(0, some(1).arn), (1, KINDS[1])])
def test_an_intermediate_policy_names_what_fits(more: int, expected: str) -> None:
    """Names are used as long as SNS accepts the length of the intermediate policy."""
    before, after = (topic_statements.ours(allowing({}, [some(n)])) for n in (1, 2))
    size = SNS_QUOTA - len(policy_document.compact({**before[0], "Sid": f"{SID}Before"})) - len(",") + more
    others = padded(size, *after)["Statement"][:1]

    between = topic_statements.expanded({"Statement": [*others, *before]}, padded(size, *after))

    assert {SID: [some(2).arn], f"{SID}Before": [expected]} == sources(between)
    assert len(policy_document.compact(between)) <= SNS_QUOTA


def test_a_long_intermediate_policy_keeps_patterns() -> None:
    """Statements with patterns stay as they are in an intermediate policy; those with names get patterns."""
    wide = by_pattern("SesformPublish333333333333", ["arn:aws:ses:eu-west-1:222222222222:configuration-set/*"])
    before = {"Statement": [wide, *topic_statements.ours(allowing({}, [some(n) for n in range(250)]))]}
    after = allowing({}, [some(n) for n in range(250, 500)])

    _, *kept = topic_statements.ours(topic_statements.expanded(before, after))

    assert [{**wide, "Sid": "SesformPublish333333333333Before"}, by_pattern(f"{SID}Before", KINDS[1:])] == kept


def test_withdrawn_publishers_are_named_by_arn() -> None:
    """What a policy does not allow any more is named by the ARNs of the publishers."""
    one, other = allowing(NEW, [some(1), some(2), PARTNER]), allowing(NEW, [some(2)])

    assert {some(1).arn, PARTNER.arn} == topic_statements.withdrawn(one, other)
    assert set() == topic_statements.withdrawn(other, one)


def test_statements_are_kept_for_accounts_that_are_not_loaded() -> None:
    """A statement belongs to the account whose specs declare it; those of accounts that are not loaded stay."""
    found = allowing(NEW, [some(1), PARTNER])
    legacy = "SesformPublish111111111111For333333333333"

    assert {SID: [some(1).arn], legacy: [PARTNER.arn]} == sources(found)
    for loaded, left in [(ACCOUNT, {legacy}), ("111111111111", {SID}), ("333333333333", {SID, legacy})]:
        assert left == sources(topic_statements.with_publishers(found, TOPIC, [], {loaded})).keys()
