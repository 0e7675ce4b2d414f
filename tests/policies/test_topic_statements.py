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
    st.sampled_from(["a.com", "b.com", "a", "a.com.evil"]),
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
