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
    """Return whether a topic's policy allows SES to publish for this publisher.

    Source: AWS developer guide of SES, "Configuring Amazon SNS notifications".
    """
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
    return allows_ses(policy, "sns:Publish", topic_arn, known)


def allows_ses(policy: Mapping[str, Any], action: str, resource: str, known: Mapping[str, str]) -> Verdict:
    """Return whether a resource's policy allows SES this action. `known`: values of condition keys, by lower-case key.

    A Deny that matches wins, then an Allow that matches; a condition that cannot be evaluated here leaves it unknown whether its
    statement matches. Source: IAM user guide, "Policy evaluation logic".
    """
    found = [(s.get("Effect"), _applies(s, action, resource, known)) for s in statements(policy)]
    if ("Deny", True) in found:
        return denied("a statement denies it")
    if ("Allow", True) in found:
        return unknown("a statement may deny it") if ("Deny", None) in found else ALLOWED
    return unknown("it depends on conditions") if ("Allow", None) in found else denied("no statement allows it")


def _applies(statement: Mapping[str, Any], action: str, resource: str, known: Mapping[str, str]) -> bool | None:
    if any(key in statement for key in ("NotPrincipal", "NotAction", "NotResource")):
        return None
    if not names_ses(statement.get("Principal")):
        return False
    if not any(_like(str(a).lower(), action.lower()) for a in _listed(statement.get("Action"))):
        return False
    if not any(_like(str(r), resource) for r in _listed(statement.get("Resource"))):
        return False
    conditions = statement.get("Condition") or {}
    if not isinstance(conditions, Mapping):
        return None
    return _all(_holds(op, tests, known) for op, tests in conditions.items())


def names_ses(principal: Any) -> bool:
    """Return whether a statement's principal includes SES."""
    if principal == "*":
        return True
    if not isinstance(principal, Mapping):
        return False
    return "*" in _listed(principal.get("AWS")) or bool(
        {SES_PRINCIPAL, "*"} & set(map(str, _listed(principal.get("Service"))))
    )


def _holds(operator: str, tests: Any, known: Mapping[str, str]) -> bool | None:
    if not isinstance(tests, Mapping):
        return None
    name = operator.lower().removesuffix("ifexists")
    return _all(_test(name, known.get(str(key).lower()), values) for key, values in tests.items())


def _test(operator: str, actual: str | None, values: Any) -> bool | None:
    wanted = [_text(v) for v in _listed(values)]
    if actual is None or any("${" in w for w in wanted):  # policy variables are not resolved here
        return None
    compare = _COMPARE.get(operator.replace("not", ""))
    if compare is None:
        return None
    matches = _any(compare(w, actual) for w in wanted)
    return matches if matches is None or "not" not in operator else not matches


def _like(pattern: str, text: str) -> bool:
    """Match IAM's wildcards: `*` stands for any characters, `?` for one. Other characters stand for themselves."""
    if "*" not in pattern and "?" not in pattern:
        return pattern == text
    return _wildcard(pattern).fullmatch(text) is not None


def _like_arn(pattern: str, arn: str) -> bool | None:
    """Match an ARN part by part. None for a pattern of fewer than six parts: AWS does not document how it compares that.

    Source: IAM user guide, "Amazon Resource Name (ARN) condition operators"; ArnEquals and ArnLike behave the same.
    """
    parts, others = pattern.split(":", 5), arn.split(":", 5)
    return all(map(_like, parts, others)) if len(parts) == len(others) == 6 else None


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
    return re.compile("".join({"*": ".*", "?": "."}.get(c) or re.escape(c) for c in pattern), re.DOTALL)


def _any(verdicts: Iterable[bool | None]) -> bool | None:
    seen = set(verdicts)
    return True if True in seen else (None if None in seen else False)


def _all(verdicts: Iterable[bool | None]) -> bool | None:
    seen = set(verdicts)
    return False if False in seen else (None if None in seen else True)
