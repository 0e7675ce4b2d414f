"""Resource policies as data: compared by meaning, and evaluated for SES.

Nothing here knows which topics are managed, or sesform's own statements: `topic_statements` does.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

from sesform.model import arns
from sesform.policies.verdict import ALLOWED, Verdict, denied, unknown

Policy = dict[str, Any]

SES_PRINCIPAL = "ses.amazonaws.com"
DEFAULT_SID = "__default_statement_ID"  # of the only statement in a new topic's policy

# The actions of the policy of a new topic. Source: seen on AWS, in localstack's recorded snapshots of SNS.
_DEFAULT_ACTIONS = (
    "SNS:GetTopicAttributes",
    "SNS:SetTopicAttributes",
    "SNS:AddPermission",
    "SNS:RemovePermission",
    "SNS:DeleteTopic",
    "SNS:Subscribe",
    "SNS:ListSubscriptionsByTopic",
    "SNS:Publish",
)
_ROOT = re.compile(r"arn:aws[a-z-]*:iam::([0-9]{12}):root\Z")


class Publisher(NamedTuple):
    """The identity or configuration set that SES publishes for: the account that owns it, and its ARN.

    `declared_by`: the account whose spec declares the route, if it is another one (legacy cross-account entries). Source:
    AWS developer guide, "Configuring Amazon SNS notifications": aws:SourceAccount and aws:SourceArn.
    """

    account: str
    arn: str
    declared_by: str = ""


def default_topic_policy(topic_arn: str) -> Policy:
    """Return the policy of a new topic: its own account may do everything, other accounts nothing."""
    arn = arns.parse(topic_arn)
    owner = arn.account if arn else ""
    return {
        "Version": "2008-10-17",
        "Id": "__default_policy_ID",
        "Statement": [
            {
                "Sid": DEFAULT_SID,
                "Effect": "Allow",
                "Principal": {"AWS": "*"},
                "Action": list(_DEFAULT_ACTIONS),
                "Resource": topic_arn,
                "Condition": {"StringEquals": {"AWS:SourceOwner": owner}},
            }
        ],
    }


def parse(text: str) -> Policy:
    """Return the document of a policy text from AWS. Raises ValueError if it is not a JSON object with statements."""
    document = json.loads(text)
    if not isinstance(document, dict) or not all(isinstance(s, dict) for s in statements(document)):
        raise ValueError("a policy is a JSON object with a list of statements")
    return document


def statements(policy: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the statements as a list. IAM's grammar allows a single statement without a list."""
    return _listed(policy.get("Statement"))


def aws_principals(principal: Any) -> list[str]:
    """Return the accounts, users and roles of a statement's principal, as texts."""
    return [str(name) for name in _listed(principal.get("AWS"))] if isinstance(principal, Mapping) else []


def compact(policy: Mapping[str, Any]) -> str:
    """Return the text that is sent to AWS: no insignificant white space, keys in their order."""
    return json.dumps(policy, separators=(",", ":"))


# --- meaning -----------------------------------------------------------------------------------------------------------


def canonical(policy: Mapping[str, Any]) -> Policy:
    """Return a form that is equal for two documents with the same meaning, whatever AWS rewrites.

    Scalars become lists, and lists become sorted sets. The ARN of an account's root becomes the account id, which AWS converts
    to that ARN (hashicorp/terraform-provider-aws#1545). Actions and condition keys become lower case, the principal `"*"` becomes
    `{"AWS": "*"}`, and statements become a sorted set. `Id` has no meaning and is dropped. Two documents that only mean the same
    by inference, such as an action list and its wildcard, stay different.
    """
    return {
        "Version": policy.get("Version", "2008-10-17"),
        "Statement": sorted((_statement(s) for s in statements(policy)), key=_sort_key),
    }


def same(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Return whether two documents have the same meaning."""
    return one == other or canonical(one) == canonical(other)


def _statement(statement: Mapping[str, Any]) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, value in statement.items():
        if key in ("Principal", "NotPrincipal"):
            result[key] = _principal(value)
        elif key in ("Action", "NotAction"):
            result[key] = sorted({str(action).lower() for action in _listed(value)})
        elif key in ("Resource", "NotResource"):
            result[key] = _set(_listed(value))
        elif key == "Condition":
            result[key] = _condition(value)
        else:
            result[key] = value
    return result


def _principal(value: Any) -> Any:
    if value == "*":
        return {"AWS": ["*"]}
    if not isinstance(value, Mapping):
        return value
    return {
        kind: _set(_ROOT.sub(r"\1", n) if kind == "AWS" and isinstance(n, str) else n for n in _listed(names))
        for kind, names in value.items()
    }


def _condition(value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    return {operator: _tests(tests) if isinstance(tests, Mapping) else tests for operator, tests in value.items()}


def _tests(tests: Mapping[str, Any]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for key, values in sorted(tests.items()):
        lower = str(key).lower()
        # Two keys that differ in case only are two tests: keep both.
        found[key if lower in found else lower] = _set(_text(v) for v in _listed(values))
    return found


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _listed(value: Any) -> list[Any]:
    if value is None:
        return []
    return list(value) if isinstance(value, list | tuple) else [value]


def _set(values: Iterable[Any]) -> list[Any]:
    return sorted({_sort_key(v): v for v in values}.values(), key=_sort_key)


def _sort_key(value: Any) -> str:
    return json.dumps(value, sort_keys=True)


def source_arns(policy: Mapping[str, Any]) -> set[str]:
    """Return every aws:SourceArn that a condition of the policy names, patterns included."""
    found: set[str] = set()
    for statement in canonical(policy)["Statement"]:
        condition = statement.get("Condition")
        for tests in condition.values() if isinstance(condition, Mapping) else ():
            found.update(map(str, tests.get("aws:sourcearn", ())) if isinstance(tests, Mapping) else ())
    return found


# --- may SES? ----------------------------------------------------------------------------------------------------------


def may_publish(policy: Mapping[str, Any], topic_arn: str, publisher: Publisher) -> Verdict:
    """Return whether a topic's policy allows SES to publish for this publisher."""
    return PublishingRules(policy, topic_arn).verdict(publisher)


class PublishingRules:
    """What a topic's policy says about SES as a publisher, prepared once for many publishers.

    Source: AWS developer guide of SES, "Configuring Amazon SNS notifications".
    """

    def __init__(self, policy: Mapping[str, Any], topic_arn: str) -> None:
        self._rules = _rules(policy, "sns:Publish", topic_arn)

    def verdict(self, publisher: Publisher) -> Verdict:
        """Return whether the policy allows SES to publish for this publisher."""
        # The default topic policy tests SourceOwner. SES of the topic's own account passes it: its settings work without any
        # other policy (ansible-collections/community.aws, ses_identity integration tests).
        known = {
            "aws:sourceaccount": publisher.account,
            "aws:sourceowner": publisher.account,
            "aws:sourcearn": publisher.arn,
            "aws:principalservicename": SES_PRINCIPAL,
            "aws:principalisawsservice": "true",
            "aws:securetransport": "true",
        }
        return _decided(self._rules, known)


def allows_ses(policy: Mapping[str, Any], action: str, resource: str, known: Mapping[str, str]) -> Verdict:
    """Return whether a resource's policy allows SES this action. `known`: values of condition keys, by lower-case key."""
    return _decided(_rules(policy, action, resource), known)


class _Test(NamedTuple):
    """One test of a condition. `compare` is None for a test that cannot be evaluated here."""

    key: str
    compare: Callable[[str, str], bool | None] | None
    negated: bool
    wanted: tuple[str, ...]

    def holds(self, known: Mapping[str, str]) -> bool | None:
        actual = known.get(self.key)
        if actual is None or self.compare is None:
            return None
        matches = _any(self.compare(wanted, actual) for wanted in self.wanted)
        return matches if matches is None or not self.negated else not matches


class _Rule(NamedTuple):
    """A statement about an action of SES on a resource. `tests` is None if it is not known whether the statement matches."""

    effect: Any
    tests: tuple[_Test, ...] | None

    def matches(self, known: Mapping[str, str]) -> bool | None:
        return None if self.tests is None else _all(test.holds(known) for test in self.tests)


def _decided(rules: Iterable[_Rule], known: Mapping[str, str]) -> Verdict:
    """Return the verdict of a policy.

    A Deny that matches wins, then an Allow that matches; a condition that cannot be evaluated here leaves it unknown whether its
    statement matches. Source: IAM user guide, "Policy evaluation logic".
    """
    found = [(rule.effect, rule.matches(known)) for rule in rules]
    if ("Deny", True) in found:
        return _DENIED
    if ("Allow", True) in found:
        return _MAY_BE_DENIED if ("Deny", None) in found else ALLOWED
    return _CONDITIONAL if ("Allow", None) in found else _NOT_ALLOWED


_DENIED = denied("a statement denies it")
_NOT_ALLOWED = denied("no statement allows it")
_MAY_BE_DENIED = unknown("a statement may deny it")
_CONDITIONAL = unknown("it depends on conditions")


def _rules(policy: Mapping[str, Any], action: str, resource: str) -> tuple[_Rule, ...]:
    """Return the statements that can match, whatever the values of condition keys are."""
    return tuple(_rule(s) for s in statements(policy) if _concerns(s, action, resource))


def _concerns(statement: Mapping[str, Any], action: str, resource: str) -> bool:
    """Return whether a statement names SES, the action and the resource, or excludes some, which is not evaluated here."""
    if _excludes(statement):
        return True
    return (
        names_ses(statement.get("Principal"))
        and any(_like(str(a).lower(), action.lower()) for a in _listed(statement.get("Action")))
        and any(_like(str(r), resource) for r in _listed(statement.get("Resource")))
    )


def _excludes(statement: Mapping[str, Any]) -> bool:
    return any(key in statement for key in ("NotPrincipal", "NotAction", "NotResource"))


def _rule(statement: Mapping[str, Any]) -> _Rule:
    conditions = statement.get("Condition") or {}
    if _excludes(statement) or not isinstance(conditions, Mapping):
        return _Rule(statement.get("Effect"), None)
    tests = (test for operator, each in conditions.items() for test in _tests_of(operator, each))
    return _Rule(statement.get("Effect"), tuple(tests))


def _tests_of(operator: str, tests: Any) -> Iterable[_Test]:
    if not isinstance(tests, Mapping):
        yield _Test("", None, False, ())
        return
    name = operator.lower().removesuffix("ifexists")
    for key, values in tests.items():
        wanted = tuple(_text(value) for value in _listed(values))
        variable = any("${" in each for each in wanted)  # policy variables are not resolved here
        compare = None if variable else _COMPARE.get(name.replace("not", ""))
        yield _Test(str(key).lower(), compare, "not" in name, wanted)


def names_ses(principal: Any) -> bool:
    """Return whether a statement's principal includes SES."""
    if principal == "*":
        return True
    if not isinstance(principal, Mapping):
        return False
    return "*" in _listed(principal.get("AWS")) or bool(
        {SES_PRINCIPAL, "*"} & set(map(str, _listed(principal.get("Service"))))
    )


def _like(pattern: str, text: str) -> bool:
    """Match IAM's wildcards: `*` stands for any characters, `?` for one. Other characters stand for themselves."""
    if "*" not in pattern and "?" not in pattern:
        return pattern == text
    return _wildcard(pattern).fullmatch(text) is not None


def _like_arn(pattern: str, arn: str) -> bool | None:
    """Match an ARN part by part. None for a pattern of fewer than six parts: AWS does not document how it compares that.

    Source: IAM user guide, "Amazon Resource Name (ARN) condition operators"; ArnEquals and ArnLike behave the same.
    """
    if pattern.count(":") < 5 or arn.count(":") < 5:
        return None
    return _arn_pattern(pattern).fullmatch(arn) is not None


_COMPARE: Mapping[str, Callable[[str, str], bool | None]] = {
    "stringequals": lambda wanted, actual: wanted == actual,
    "bool": lambda wanted, actual: wanted == actual,
    "stringequalsignorecase": lambda wanted, actual: wanted.lower() == actual.lower(),
    "stringlike": _like,
    "arnlike": _like_arn,
    "arnequals": _like_arn,
}


@lru_cache(maxsize=1024)
def _wildcard(pattern: str) -> re.Pattern[str]:
    return re.compile(_expression(pattern, "."), re.DOTALL)


@lru_cache(maxsize=1024)
def _arn_pattern(pattern: str) -> re.Pattern[str]:
    *parts, resource = pattern.split(":", 5)  # only in the last part wildcards match colons
    return re.compile(":".join([*(_expression(part, "[^:]") for part in parts), _expression(resource, ".")]), re.DOTALL)


def _expression(pattern: str, character: str) -> str:
    """Return IAM's wildcards as a regular expression. `character`: what matches one character."""
    return "".join({"*": f"{character}*", "?": character}.get(c) or re.escape(c) for c in pattern)


def _any(verdicts: Iterable[bool | None]) -> bool | None:
    found: bool | None = False
    for verdict in verdicts:
        if verdict:
            return True
        found = None if verdict is None else found
    return found


def _all(verdicts: Iterable[bool | None]) -> bool | None:
    found: bool | None = True
    for verdict in verdicts:
        if verdict is False:
            return False
        found = None if verdict is None else found
    return found
