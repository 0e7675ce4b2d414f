"""The sandbox's own evaluation of policies, and that it agrees with what sesform says of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sesform.policies import document as product
from sesform.policies.verdict import Verdict
from sesform_sandbox.policy import Source, default_topic_policy
from sesform_sandbox.policy_evaluation import is_allowed, may_publish

OWNER, OTHER = "111111111111", "222222222222"
TOPIC = f"arn:aws:sns:eu-west-1:{OWNER}:t"
IDENTITY = f"arn:aws:ses:eu-west-1:{OWNER}:identity/example.com"
SES = {"Service": "ses.amazonaws.com"}


def statement(**changes: Any) -> dict[str, Any]:
    """A statement that lets SES publish, with changes; None takes an element away."""
    whole = {"Effect": "Allow", "Principal": SES, "Action": "SNS:Publish", "Resource": TOPIC} | changes
    return {key: value for key, value in whole.items() if value is not None}


def condition(operator: str, key: str, *values: Any) -> dict[str, Any]:
    return {"Condition": {operator: {key: list(values)}}}


@pytest.mark.parametrize(
    ("allowed", "changes"),
    [
        (True, {}),
        (True, {"Principal": "*"}),
        (True, {"Principal": {"AWS": ["x", "*"]}}),
        (False, {"Principal": {"AWS": OWNER}}),
        (False, {"Principal": {"Service": "events.amazonaws.com"}}),
        (True, {"Principal": None, "NotPrincipal": {"AWS": OWNER}}),
        (False, {"Principal": None, "NotPrincipal": SES}),
        (True, {"Action": ["sns:subscribe", "sns:pub*"]}),
        (False, {"Action": "SNS:Subscribe"}),
        (False, {"Action": None, "NotAction": "SNS:Publish"}),
        (True, {"Resource": "*"}),
        (False, {"Resource": TOPIC + "2"}),
        (False, {"Resource": "arn:aws:sns:eu-west-1:[1]*:t"}),
        (True, condition("StringEquals", "AWS:SourceAccount", OTHER, OWNER)),
        (False, condition("StringEquals", "AWS:SourceAccount", OTHER)),
        (False, condition("StringNotEquals", "AWS:SourceAccount", OWNER)),
        (True, condition("StringNotEquals", "AWS:SourceAccount", OTHER)),
        (True, condition("StringEqualsIgnoreCase", "aws:sourcearn", IDENTITY.upper())),
        (True, condition("StringLike", "aws:SourceArn", "arn:aws:ses:*:*:identity/example.???")),
        (True, condition("ArnLike", "aws:SourceArn", "arn:aws:ses:*:*:identity/*")),
        (False, condition("ArnLike", "aws:SourceArn", "arn:aws:ses:*:identity/*:x:y")),
        (False, condition("ArnNotLike", "aws:SourceArn", "arn:aws:ses:*:*:identity/*")),
        (True, condition("ArnEquals", "aws:SourceArn", IDENTITY)),
        (True, condition("StringEqualsIfExists", "aws:SourceAccount", OWNER)),
        (True, condition("Bool", "aws:SecureTransport", "true")),
        (False, condition("Bool", "aws:SecureTransport", False)),
        (False, condition("StringEquals", "aws:PrincipalOrgID", "o-1")),
        (False, condition("NumericLessThan", "aws:SourceAccount", "5")),
        (False, {"Condition": {"StringEquals": "x"}}),
        (False, {"Effect": "Deny"}),
    ],
)
def test_one_statement_decides(allowed: bool, changes: dict[str, Any]) -> None:
    """IAM's elements and condition operators; what cannot be evaluated does not allow."""
    assert allowed is may_publish({"Statement": statement(**changes)}, TOPIC, Source(OWNER, IDENTITY))


@pytest.mark.parametrize(
    "changes",
    [{}, {"Principal": "*"}, {"Action": "*"}, condition("StringEquals", "aws:PrincipalOrgID", "o-1")],
)
def test_a_deny_that_may_match_wins(changes: dict[str, Any]) -> None:
    """A Deny that cannot be evaluated denies, too."""
    denying = statement(Effect="Deny", **changes)

    assert not may_publish({"Statement": [statement(), denying]}, TOPIC, Source(OWNER, IDENTITY))


@pytest.mark.parametrize(("account", "allowed"), [(OWNER, True), (OTHER, False)])
def test_the_default_policy_is_for_its_own_account(account: str, allowed: bool) -> None:
    """SES of the topic's own account passes it."""
    assert allowed is may_publish(default_topic_policy(TOPIC), TOPIC, Source(account, IDENTITY))


def test_no_statement_allows_nothing() -> None:
    """A call of a service needs an Allow."""
    assert not is_allowed({}, "kms:Decrypt", "arn:aws:kms:eu-west-1:111111111111:key/1", {})


# --- against the product -------------------------------------------------------------------------------------------------

accounts = st.sampled_from([OWNER, OTHER])
sources = st.builds(
    lambda account, kind, name: Source(account, f"arn:aws:ses:eu-west-1:{account}:{kind}/{name}"),
    accounts,
    st.sampled_from(["identity", "configuration-set"]),
    st.sampled_from(["example.com", "main"]),
)
patterns = st.sampled_from(
    ["*", "arn:aws:ses:*:*:identity/*", "arn:aws:ses:eu-west-1:1*:*/example.???", IDENTITY, OWNER, OTHER]
)
operators = st.sampled_from(
    [
        f"{kind}{rest}"
        for kind in ("StringEquals", "StringLike", "ArnLike", "ArnEquals", "StringNotLike")
        for rest in ("", "IfExists")
    ]
    + ["StringNotEquals", "ArnNotLike", "Bool", "NumericEquals", "ForAnyValue:StringLike", "StringEqualsIgnoreCase"]
)
keys = st.sampled_from(
    ["AWS:SourceArn", "aws:sourceaccount", "AWS:SourceOwner", "aws:SecureTransport", "aws:PrincipalOrgID"]
)
values = patterns | st.lists(patterns, max_size=2) | st.sampled_from([True, "true", "false"])
conditions = st.dictionaries(operators, st.dictionaries(keys, values, max_size=2), max_size=2)
principals = st.sampled_from(
    ["*", SES, {"Service": ["x.amazonaws.com", "ses.amazonaws.com"]}, {"AWS": "*"}, {"AWS": OWNER}, {}]
)
statements = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Allow", "Deny"]),
        "Principal": principals,
        "Action": st.sampled_from(["SNS:Publish", "sns:*", "*", ["SNS:Subscribe"], ["SNS:Subscribe", "sns:publish"]]),
        "Resource": st.sampled_from([TOPIC, "*", "arn:aws:sns:*", TOPIC + "2"]),
    },
    optional={"Condition": conditions, "NotAction": st.just("SNS:Subscribe")},
)


def verdict(document: dict[str, Any], source: Source) -> Verdict:
    """What sesform says of a topic's policy before it plans on it."""
    return product.may_publish(document, TOPIC, product.Publisher(source.account, source.arn))


@settings(max_examples=max(300, settings().max_examples))
@given(st.lists(statements, max_size=3), sources)
def test_sesform_and_the_sandbox_agree(found: list[dict[str, Any]], source: Source) -> None:
    """Where sesform says yes or no, the emulated AWS does the same; two evaluators hardly share a fault."""
    said = verdict({"Statement": found}, source)
    does = may_publish({"Statement": found}, TOPIC, source)

    assert said.unknown or said.allowed is does


# Most statements of the strategy above do not apply to the call. These do, except for their conditions.
telling = st.one_of(
    st.tuples(
        st.sampled_from(["StringEquals", "StringNotEquals", "StringLike", "StringEqualsIgnoreCase"]),
        st.sampled_from(["aws:SourceAccount", "AWS:SourceOwner"]),
        st.sampled_from([OWNER, OTHER, "1*", "11111111111?"]),
    ),
    st.tuples(
        st.sampled_from(["StringLike", "StringNotLike", "ArnLike", "ArnNotLike", "ArnEquals"]),
        st.just("aws:SourceArn"),
        st.sampled_from([IDENTITY, IDENTITY[:-1] + "?", "arn:aws:ses:*:*:identity/*", "arn:aws:ses:*:2*:*"]),
    ),
    st.tuples(st.just("StringEquals"), st.just("aws:PrincipalOrgID"), st.just("o-1")),
)


def applying(effect: str, tests: list[tuple[str, str, str]]) -> dict[str, Any]:
    """A statement about SES's call, with every one of these conditions."""
    block: dict[str, Any] = {}
    for operator, key, value in tests:
        block.setdefault(operator, {})[key] = value
    return statement(Effect=effect, Condition=block)


applying_statements = st.builds(
    applying, st.sampled_from(["Allow", "Allow", "Deny"]), st.lists(telling, min_size=0, max_size=2)
)


@settings(max_examples=max(300, settings().max_examples))
@given(st.lists(applying_statements, min_size=1, max_size=3), sources)
def test_they_agree_on_statements_about_the_call(found: list[dict[str, Any]], source: Source) -> None:
    """The conditions decide here, so that a fault in one evaluator shows in few examples."""
    said = verdict({"Statement": found}, source)
    does = may_publish({"Statement": found}, TOPIC, source)

    assert said.unknown or said.allowed is does
