"""Comparison of policies by meaning, and whether a policy allows SES to publish."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sesform.policies import document as policy_document
from sesform.policies.document import Policy, Publisher
from sesform.policies.verdict import Answer

OWNER, OTHER = "111111111111", "222222222222"
TOPIC = f"arn:aws:sns:eu-west-1:{OWNER}:feedback"
IDENTITY = f"arn:aws:ses:eu-west-1:{OWNER}:identity/example.com"
SES = Publisher(OWNER, IDENTITY)

# --- random policies, and rewrites of them -------------------------------------------------------------------------------

NAMES = [OWNER, OTHER, f"arn:aws:iam::{OWNER}:role/r", "*"]
ACTIONS = ["SNS:Publish", "SNS:Subscribe", "SNS:GetTopicAttributes", "SNS:*"]
RESOURCES = [TOPIC, f"{TOPIC}-2", "*"]
KEYS = ["aws:SourceArn", "aws:SourceAccount", "aws:PrincipalOrgID"]
OPERATORS = ["StringEquals", "ArnLike", "StringNotLike"]
VALUES = [OWNER, OTHER, IDENTITY, "o-123"]


def some(of: list[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(of), min_size=1, max_size=3, unique=True)


conditions = st.dictionaries(
    st.sampled_from(OPERATORS), st.dictionaries(st.sampled_from(KEYS), some(VALUES), min_size=1, max_size=2), max_size=2
)
statements = st.fixed_dictionaries(
    {
        "Sid": st.sampled_from(["a", "b", "c", "d"]),
        "Effect": st.sampled_from(["Allow", "Deny"]),
        "Principal": st.fixed_dictionaries({"AWS": some(NAMES)})
        | st.fixed_dictionaries({"Service": some(["ses.amazonaws.com", "events.amazonaws.com"])}),
        "Action": some(ACTIONS),
        "Resource": some(RESOURCES),
        "Condition": conditions,
    }
)
policies: st.SearchStrategy[Policy] = st.fixed_dictionaries(
    {"Version": st.just("2012-10-17"), "Statement": st.lists(statements, min_size=1, max_size=3)}
)


@st.composite
def spelled(draw: st.DrawFn, values: list[str]) -> Any:
    """A list of values in any order, with duplicates, or a single value without a list."""
    order = draw(st.permutations(values))
    if len(order) == 1 and draw(st.booleans()):
        return order[0]
    return [*order, *draw(st.lists(st.sampled_from(order), max_size=1))]


def in_some_case(text: str) -> st.SearchStrategy[str]:
    return st.sampled_from([text, text.lower(), text.upper()])


@st.composite
def spelled_principal(draw: st.DrawFn, principal: dict[str, list[str]]) -> Any:
    if principal == {"AWS": ["*"]} and draw(st.booleans()):
        return "*"
    result = {}
    for kind, names in principal.items():
        roots = [
            f"arn:aws:iam::{n}:root" if n.isdigit() and kind == "AWS" and draw(st.booleans()) else n for n in names
        ]
        result[kind] = draw(spelled(roots))
    return result


@st.composite
def spelled_statement(draw: st.DrawFn, statement: dict[str, Any]) -> dict[str, Any]:
    rewritten: dict[str, Any] = {
        "Sid": statement["Sid"],
        "Effect": statement["Effect"],
        "Principal": draw(spelled_principal(statement["Principal"])),
        **{
            key: draw(spelled([draw(in_some_case(a)) for a in statement[key]]))
            for key in ("Action", "NotAction")
            if key in statement
        },
        "Resource": draw(spelled(statement["Resource"])),
        "Condition": {
            operator: {draw(in_some_case(key)): draw(spelled(values)) for key, values in tests.items()}
            for operator, tests in statement["Condition"].items()
        },
    }
    return {key: rewritten[key] for key in draw(st.permutations(sorted(rewritten)))}


@st.composite
def same_in_another_spelling(draw: st.DrawFn, document: Policy) -> Policy:
    """A policy as AWS, or another author, could have written it."""
    rewritten = [draw(spelled_statement(s)) for s in draw(st.permutations(document["Statement"]))]
    lone = len(rewritten) == 1 and draw(st.booleans())
    result = {"Version": document["Version"], "Statement": rewritten[0] if lone else rewritten}
    return result | ({"Id": "anything"} if draw(st.booleans()) else {})


@st.composite
def with_one_change(draw: st.DrawFn, document: Policy) -> Policy:
    """A policy that has another meaning in one place."""
    changed = copy.deepcopy(document)
    statement = draw(st.sampled_from(changed["Statement"]))
    match draw(st.sampled_from(["effect", "action", "resource", "principal", "condition", "negation", "version"])):
        case "effect":
            statement["Effect"] = {"Allow": "Deny", "Deny": "Allow"}[statement["Effect"]]
        case "action":
            statement["Action"] = [*statement["Action"], "SNS:DeleteTopic"]
        case "resource":
            statement["Resource"] = [*statement["Resource"], "arn:aws:sns:eu-west-1:333333333333:t"]
        case "principal":
            statement["Principal"] = {**statement["Principal"], "Federated": ["f"]}
        case "condition":
            statement["Condition"].setdefault("Bool", {})["aws:SecureTransport"] = ["true"]
        case "negation":
            statement["NotAction"] = statement.pop("Action")
        case "version":
            changed["Version"] = "2008-10-17"
    return changed


@given(st.data(), policies)
def test_a_rewrite_of_a_policy_means_the_same(data: st.DataObject, document: Policy) -> None:
    """AWS rewrites policies (order, scalars, account ids, case); such a rewrite is no difference."""
    assert policy_document.same(document, data.draw(same_in_another_spelling(document)))


@given(st.data(), policies)
def test_every_change_of_a_policy_is_a_difference(data: st.DataObject, document: Policy) -> None:
    """A change of effect, action, resource, principal, condition or version is a difference in every spelling."""
    changed = data.draw(with_one_change(document))

    assert not policy_document.same(document, data.draw(same_in_another_spelling(changed)))


@given(policies)
def test_canonical_is_idempotent(document: Policy) -> None:
    """Making a canonical policy canonical again changes nothing."""
    once = policy_document.canonical(document)

    assert once == policy_document.canonical(once)


@given(policies)
def test_canonical_does_not_change_its_argument(document: Policy) -> None:
    """Comparing two policies changes none of them."""
    before = copy.deepcopy(document)

    policy_document.canonical(document)

    assert before == document


def statement(**parts: Any) -> Policy:
    return {
        "Version": "2012-10-17",
        "Statement": [{"Effect": "Allow", "Action": "SNS:Publish", "Resource": TOPIC, **parts}],
    }


@pytest.mark.parametrize("partition", ["aws", "aws-cn", "aws-us-gov", "aws-eusc"])
def test_an_account_id_is_its_root_in_every_partition(partition: str) -> None:
    """AWS replaces an account id by the ARN of the account's root in the account's partition."""
    bare = statement(Principal={"AWS": OWNER})
    root = statement(Principal={"AWS": f"arn:{partition}:iam::{OWNER}:root"})

    assert policy_document.same(bare, root)
    assert not policy_document.same(bare, statement(Principal={"AWS": f"arn:{partition}:iam::{OWNER}:user/root"}))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param({"Principal": "*"}, {"Principal": {"AWS": ["*"]}}, id="everyone"),
        pytest.param(
            {"NotPrincipal": {"AWS": OWNER}}, {"NotPrincipal": {"AWS": [f"arn:aws:iam::{OWNER}:root"]}}, id="principal"
        ),
        pytest.param({"NotAction": "SNS:Publish"}, {"NotAction": ["sns:publish"]}, id="action"),
        pytest.param({"NotResource": [TOPIC, "*"]}, {"NotResource": ["*", TOPIC]}, id="resource"),
    ],
)
def test_elements_that_aws_rewrites_mean_the_same(one: dict[str, Any], other: dict[str, Any]) -> None:
    """AWS rewrites negated elements, and the principal of everyone, as it rewrites all others."""
    assert policy_document.same(statement(**one), statement(**other))


def test_a_policy_without_version_has_the_old_one() -> None:
    """The version of a policy that names none is 2008-10-17, as IAM's grammar says."""
    unnamed = {"Statement": statement(Principal="*")["Statement"]}

    assert policy_document.same(unnamed, {**unnamed, "Version": "2008-10-17"})
    assert not policy_document.same(unnamed, {**unnamed, "Version": "2012-10-17"})


@pytest.mark.parametrize(
    ("expected", "principal"),
    [
        (["AIDAEXAMPLE"], {"AWS": "AIDAEXAMPLE", "Service": "ses.amazonaws.com"}),
        ([OWNER, OTHER], {"AWS": [OWNER, OTHER]}),
        ([], {"Service": "ses.amazonaws.com"}),
        ([], "*"),
        ([], None),
    ],
)
def test_the_accounts_users_and_roles_of_a_principal(expected: list[str], principal: Any) -> None:
    """A principal names one or several accounts, users and roles, or none."""
    assert expected == policy_document.aws_principals(principal)


def test_a_service_with_the_name_of_an_account_is_no_account() -> None:
    """Only AWS principals are account ids; other kinds of principals are not rewritten."""
    assert not policy_document.same(
        statement(Principal={"Federated": OWNER}), statement(Principal={"Federated": f"arn:aws:iam::{OWNER}:root"})
    )


def test_a_boolean_condition_is_the_same_as_its_text() -> None:
    """AWS returns booleans in conditions as text."""
    assert policy_document.same(
        statement(Principal="*", Condition={"Bool": {"aws:SecureTransport": False}}),
        statement(Principal="*", Condition={"Bool": {"aws:SecureTransport": "false"}}),
    )


def test_one_statement_more_is_a_difference() -> None:
    """A duplicate statement is not merged with another one."""
    one = statement(Principal="*", Sid="a")
    two = {**one, "Statement": [*one["Statement"], {**one["Statement"][0], "Sid": "b"}]}

    assert not policy_document.same(one, two)


@pytest.mark.parametrize("key", ["aws:SourceAccount", "AWS:SourceAccount"])
def test_condition_keys_that_differ_in_case_only_are_merged(key: str) -> None:
    """If a condition has one key in two spellings, the values of both spellings are compared."""
    both = {"aws:SourceAccount": OTHER, "AWS:SourceAccount": OTHER}
    one, other = (
        statement(Principal="*", Condition={"StringEquals": both | {key: account}})
        for account in (OWNER, "333333333333")
    )

    assert not policy_document.same(one, other)


def test_values_of_a_condition_are_case_sensitive() -> None:
    """Keys of conditions are compared without case, and their values with it."""
    one, other = (statement(Principal="*", Condition={"StringEquals": {"aws:SourceArn": a}}) for a in ("a", "A"))

    assert not policy_document.same(one, other)


def test_the_order_of_statements_and_of_their_keys_has_no_meaning() -> None:
    """Statements are compared as a set, in whatever order each has its keys."""
    first, second = ({**statement(Principal="*")["Statement"][0], "Sid": sid} for sid in "ab")
    turned = [dict(reversed(each.items())) for each in (first, second)]

    assert policy_document.same({"Statement": [first, turned[1]]}, {"Statement": [second, turned[0]]})


def test_values_of_several_types_are_compared_in_any_order() -> None:
    """Account ids that were written without quotes beside others are compared like these."""
    one, other = (statement(Principal={"AWS": names}) for names in ([222222222222, OWNER], [OWNER, 222222222222]))

    assert policy_document.same(one, other)


@pytest.mark.parametrize("text", ["[]", '"x"', "1", "null", '{"Statement": "x"}', '{"Statement": ["x"]}'])
def test_text_that_is_not_a_policy_is_refused(text: str) -> None:
    """Text that is not a JSON object with statements is refused."""
    with pytest.raises(ValueError, match=r"^a policy is a JSON object with a list of statements$"):
        policy_document.parse(text)


@pytest.mark.parametrize("text", ["{", ""])
def test_text_that_is_not_json_is_refused(text: str) -> None:
    """Text that is not JSON is refused with the place of the error."""
    with pytest.raises(ValueError, match="char"):
        policy_document.parse(text)


def test_a_lone_statement_is_a_list_of_one() -> None:
    """IAM's grammar allows a single statement without a list."""
    assert policy_document.statements({"Statement": {"Sid": "a"}}) == [{"Sid": "a"}]
    assert policy_document.statements({}) == []


def test_compact_text_has_no_needless_space_and_parses_back() -> None:
    """The text sent to AWS has no unnecessary whitespace and parses to the same document."""
    document = policy_document.default_topic_policy(TOPIC)
    text = policy_document.compact(document)

    assert document == policy_document.parse(text)
    assert len(json.dumps(document, separators=(",", ":"))) == len(text)


# --- may SES publish? ----------------------------------------------------------------------------------------------------


def allow(principal: Any = None, condition: Any = None, **more: Any) -> dict[str, Any]:
    return {
        "Effect": "Allow",
        "Principal": principal or {"Service": "ses.amazonaws.com"},
        "Action": "SNS:Publish",
        "Resource": TOPIC,
        **({} if condition is None else {"Condition": condition}),
        **more,
    }


def exact(account: str = OWNER, arn: Any = IDENTITY) -> Any:
    return {"StringEquals": {"AWS:SourceAccount": account, "AWS:SourceArn": arn}}


DEFAULT = policy_document.default_topic_policy(TOPIC)["Statement"][0]
UNTOLD = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}


@pytest.mark.parametrize(
    ("expected", "given_statements"),
    [
        pytest.param(True, [DEFAULT], id="the default policy, own account"),
        pytest.param(False, [], id="no statement"),
        pytest.param(True, [allow()], id="SES, no condition"),
        pytest.param(True, [allow(condition=exact())], id="exact"),
        pytest.param(False, [allow(condition=exact(account=OTHER))], id="another account"),
        pytest.param(False, [allow(condition=exact(arn=IDENTITY + "x"))], id="another identity"),
        pytest.param(True, [allow(condition=exact(arn=["x", IDENTITY]))], id="one of several identities"),
        pytest.param(True, [allow(condition={"ArnLike": {"aws:SourceArn": f"arn:aws:ses:*:{OWNER}:*"}})], id="ArnLike"),
        pytest.param(
            False, [allow(condition={"ArnLike": {"aws:SourceArn": f"arn:aws:ses:*:{OTHER}:*"}})], id="ArnLike no"
        ),
        pytest.param(
            True, [allow(condition={"ArnEquals": {"aws:SourceArn": "arn:aws:ses:*:*:*"}})], id="ArnEquals is ArnLike"
        ),
        pytest.param(True, [allow(condition={"StringLike": {"aws:SourceArn": "*/example.???"}})], id="question marks"),
        pytest.param(
            False, [allow(condition={"StringLike": {"aws:SourceArn": "*/example.????"}})], id="one ? too many"
        ),
        pytest.param(True, [allow(condition={"StringLike": {"aws:SourceAccount": "11111111111?"}})], id="? without *"),
        pytest.param(
            False, [allow(condition={"StringEquals": {"aws:SourceArn": "*"}})], id="no wildcards in StringEquals"
        ),
        pytest.param(
            True, [allow(condition={"stringequalsignorecase": {"aws:sourcearn": IDENTITY.upper()}})], id="ignoring case"
        ),
        pytest.param(True, [allow(condition={"StringEqualsIfExists": {"aws:SourceAccount": OWNER}})], id="IfExists"),
        pytest.param(
            False, [allow(condition={"StringNotEquals": {"aws:SourceAccount": OWNER}})], id="not that account"
        ),
        pytest.param(
            True, [allow(condition={"StringNotEquals": {"aws:SourceAccount": OTHER}})], id="not another account"
        ),
        pytest.param(
            False, [allow(condition={"ArnNotLike": {"aws:SourceArn": "arn:*:*:*:*:*example*"}})], id="ArnNotLike"
        ),
        pytest.param(None, [allow(condition={"ArnLike": {"aws:SourceArn": "arn:aws:ses:*"}})], id="a part of an ARN"),
        pytest.param(None, [allow(condition={"ArnNotLike": {"aws:SourceArn": "*"}})], id="no part of an ARN"),
        pytest.param(
            None, [allow(condition={"StringEquals": {"aws:SourceAccount": "${aws:SourceAccount}"}})], id="a variable"
        ),
        pytest.param(True, [allow(condition={"StringNotLike": {"aws:SourceArn": "*other*"}})], id="StringNotLike"),
        pytest.param(True, [allow(condition={"Bool": {"aws:PrincipalIsAWSService": "true"}})], id="an AWS service"),
        pytest.param(False, [allow(condition={"Bool": {"aws:PrincipalIsAWSService": False}})], id="no AWS service"),
        pytest.param(True, [allow(condition={"Bool": {"aws:SecureTransport": "true"}})], id="calls with TLS"),
        pytest.param(
            True,
            [allow(condition={"StringEquals": {"aws:PrincipalServiceName": "ses.amazonaws.com"}})],
            id="SES by name",
        ),
        pytest.param(
            False,
            [allow(condition={"StringEquals": {"aws:PrincipalServiceName": "sns.amazonaws.com"}})],
            id="SNS by name",
        ),
        pytest.param(None, [allow(condition=UNTOLD)], id="a key that nobody here knows"),
        pytest.param(
            None, [allow(condition={"NumericLessThan": {"aws:SourceAccount": "5"}})], id="an unknown operator"
        ),
        pytest.param(None, [allow(condition={"ForAnyValue:StringLike": {"aws:SourceArn": "*"}})], id="a set operator"),
        pytest.param(
            False, [allow(condition=UNTOLD | {"StringLike": {"aws:SourceArn": "no"}})], id="unknown and no is no"
        ),
        pytest.param(True, [allow(condition=UNTOLD), allow()], id="maybe or yes is yes"),
        pytest.param(None, [allow(condition=UNTOLD), allow(condition=exact(OTHER))], id="maybe or no is maybe"),
        pytest.param(False, [allow(), allow(Effect="Deny")], id="Deny wins"),
        pytest.param(False, [allow(Effect="Deny", principal="*"), allow()], id="Deny of all wins"),
        pytest.param(True, [allow(), allow(Effect="Deny", condition=exact(OTHER))], id="Deny of another"),
        pytest.param(None, [allow(), allow(Effect="Deny", condition=UNTOLD)], id="Deny that cannot be told"),
        pytest.param(False, [allow(Effect="Deny", condition=UNTOLD)], id="a Deny alone lets nobody in"),
        pytest.param(True, [allow(), allow(Effect="Deny", principal={"AWS": OTHER})], id="Deny of a person"),
        pytest.param(
            True,
            [DEFAULT, allow(Effect="Deny", principal="*", condition={"Bool": {"aws:SecureTransport": "false"}})],
            id="Deny of calls without TLS, which SES never makes",
        ),
        pytest.param(
            None, [{k: v for k, v in allow(NotPrincipal={"AWS": OTHER}).items() if k != "Principal"}], id="NotPrincipal"
        ),
        pytest.param(None, [allow(), allow(Effect="Deny", NotAction="SNS:Publish")], id="NotAction"),
        pytest.param(None, [allow(NotResource="x")], id="NotResource"),
        pytest.param(True, [allow(principal="*")], id="everybody"),
        pytest.param(True, [allow(principal={"AWS": ["x", "*"]})], id="everybody in a list"),
        pytest.param(
            True, [allow(principal={"Service": ["lambda.amazonaws.com", "ses.amazonaws.com"]})], id="SES in a list"
        ),
        pytest.param(True, [allow(principal={"Service": "*"})], id="every service"),
        pytest.param(False, [allow(principal={"Service": "events.amazonaws.com"})], id="another service"),
        pytest.param(False, [allow(principal={"AWS": OWNER})], id="people of the account"),
        pytest.param(False, [allow(principal="ses.amazonaws.com")], id="a principal without its kind"),
        pytest.param(True, [allow(Action=["SNS:Subscribe", "sns:publish"])], id="action in a list and any case"),
        pytest.param(True, [allow(Action="SNS:Pub*")], id="action wildcard"),
        pytest.param(True, [allow(Action="*")], id="all actions"),
        pytest.param(False, [allow(Action="SNS:Subscribe")], id="another action"),
        pytest.param(False, [allow(Action="SNS.Pub*")], id="a dot is no wildcard"),
        pytest.param(True, [allow(Resource="arn:aws:sns:*")], id="resource wildcard"),
        pytest.param(False, [allow(Resource=TOPIC + "2")], id="another topic"),
    ],
)
def test_may_publish(expected: bool | None, given_statements: list[Any]) -> None:
    """SES may publish if an Allow matches and no Deny matches; None means unknown."""
    answers = {True: Answer.ALLOWED, False: Answer.DENIED, None: Answer.UNKNOWN}
    verdict = policy_document.may_publish({"Statement": given_statements}, TOPIC, SES)

    assert answers[expected] is verdict.answer
    assert verdict.allowed is (verdict.reason == "")


def test_a_verdict_has_no_truth_value() -> None:
    """A verdict has no truth value, so code cannot mistake an unknown answer for yes."""
    with pytest.raises(TypeError, match=r"^a verdict has three answers; ask \.allowed, \.denied or \.unknown$"):
        assert policy_document.may_publish({}, TOPIC, SES)


def test_the_default_policy_allows_no_other_account() -> None:
    """SES may publish for another account only if a statement allows it."""
    foreign = Publisher(OTHER, f"arn:aws:ses:eu-west-1:{OTHER}:identity/example.com")

    assert policy_document.may_publish(policy_document.default_topic_policy(TOPIC), TOPIC, foreign).denied


def test_the_sources_that_a_policy_names() -> None:
    """Sources are found in every operator and case, as one or several values or patterns; other keys are ignored."""
    conditions = [
        {"StringEquals": {"AWS:SourceArn": "a"}},
        {"ArnLike": {"aws:sourcearn": ["b", "c*"]}, "StringEquals": {"AWS:SourceAccount": "1"}},
        {"Null": "x"},
        "y",
        None,
    ]
    document = {"Statement": [{"Effect": "Allow", "Condition": condition} for condition in conditions]}

    assert {"a", "b", "c*"} == policy_document.source_arns(document)


@pytest.mark.parametrize("condition", [["x"], "x", {"StringEquals": "x"}, {"StringEquals": ["x"]}])
def test_an_invalid_condition_is_unknown(condition: Any) -> None:
    """A condition that AWS would refuse is unknown, like every condition that sesform does not evaluate."""
    document = statement(Principal={"Service": "ses.amazonaws.com"}, Condition=condition)

    assert policy_document.may_publish(document, TOPIC, SES).unknown
