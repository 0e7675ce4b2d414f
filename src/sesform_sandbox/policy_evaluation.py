"""Decide whether a resource policy allows a service or an account a call, as IAM decides it. The answer is yes or no.

Source: IAM user guide, "Policy evaluation logic", "IAM JSON policy elements" and "Condition operators". A call of a service is
allowed by the resource policy alone: at least one Allow statement must match, and no Deny statement. What the sandbox cannot
evaluate, it reads in the stricter way: such a condition keeps an Allow statement from matching, and not a Deny statement.
"""

from __future__ import annotations

import fnmatch
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from enum import Enum
from typing import Any

from sesform_sandbox.policy import SES, Source, listed, statements

_COLONS = 5  # in a whole ARN; AWS does not document how shorter patterns are compared


class _Match(Enum):
    YES = 1
    NO = 0
    UNKNOWN = -1


def may_publish(document: Mapping[str, Any], topic_arn: str, source: Source) -> bool:
    """Return whether a topic's policy allows SES to publish for this source.

    SES presents the account as aws:SourceAccount and aws:SourceOwner, and the source as aws:SourceArn. Source: SES developer guide,
    "Configuring Amazon SNS notifications"; SourceOwner: SES of the same account passes the default policy
    (ansible-collections/community.aws, integration tests of ses_identity).
    """
    keys = {"aws:sourceaccount": source.account, "aws:sourceowner": source.account, "aws:sourcearn": source.arn}
    return is_allowed(document, "sns:Publish", topic_arn, keys)


def is_allowed(
    document: Mapping[str, Any], action: str, resource: str, keys: Mapping[str, str], service: str = SES
) -> bool:
    """Return whether a policy allows a service an action on a resource. `keys`: condition keys of the call, in lower case."""
    context = {
        "aws:principalisawsservice": "true",
        "aws:principalservicename": service,
        "aws:securetransport": "true",
        **keys,
    }
    # "*" and {"AWS": "*"} are all principals, services included (IAM user guide, "AWS JSON policy elements: Principal").
    names = ("*", ("AWS", "*"), ("Service", "*"), ("Service", service))
    return _decided(document, names, action, resource, context)


def is_account_allowed(
    document: Mapping[str, Any], principals: Iterable[str], action: str, resource: str, keys: Mapping[str, str]
) -> bool:
    """Return whether a policy allows the principal of another account an action on a resource.

    `principals`: the names by which a policy can mean it: its account, the root of the account, its role. `keys`: as in
    `is_allowed`.
    """
    names = ("*", *(("AWS", name) for name in ("*", *principals)))
    return _decided(document, names, action, resource, {"aws:securetransport": "true", **keys})


def _decided(
    document: Mapping[str, Any], names: Collection[Any], action: str, resource: str, context: Mapping[str, str]
) -> bool:
    allowed = False
    for statement in statements(document):
        match = _statement(statement, names, action, resource, context)
        if statement.get("Effect") == "Deny" and match is not _Match.NO:
            return False
        allowed = allowed or (statement.get("Effect") == "Allow" and match is _Match.YES)
    return allowed


def _statement(
    statement: Mapping[str, Any], names: Collection[Any], action: str, resource: str, context: Mapping[str, str]
) -> _Match:
    covered = (
        _element(statement, "Principal", lambda principal: principal in names)
        and _element(statement, "Action", lambda pattern: _wildcard(pattern.lower(), action.lower()))
        and _element(statement, "Resource", lambda pattern: _wildcard(pattern, resource))
    )
    return _conditions(statement.get("Condition"), context) if covered else _Match.NO


def _element(statement: Mapping[str, Any], name: str, test: Callable[[Any], bool]) -> bool:
    """Return whether an element of a statement, or its negation (NotPrincipal, NotAction, NotResource), covers the call."""
    if f"Not{name}" in statement:
        return not any(map(test, _values(statement[f"Not{name}"])))
    return any(map(test, _values(statement.get(name))))


def _values(element: Any) -> list[Any]:
    """Return the values of an element; for a principal the pairs of kind and name."""
    if isinstance(element, Mapping):
        return [(kind, name) for kind, names in element.items() for name in listed(names)]
    return [str(value) for value in listed(element)]


# --- conditions --------------------------------------------------------------------------------------------------------


def _conditions(block: Any, context: Mapping[str, str]) -> _Match:
    """Return whether all operators hold, for all of their keys."""
    if block is None or block == {}:
        return _Match.YES
    if not isinstance(block, Mapping) or not all(isinstance(keys, Mapping) for keys in block.values()):
        return _Match.UNKNOWN
    found = {
        _key(operator, str(key), listed(v), context) for operator, keys in block.items() for key, v in keys.items()
    }
    for answer in (_Match.NO, _Match.UNKNOWN):
        if answer in found:
            return answer
    return _Match.YES


def _key(operator: str, key: str, values: list[Any], context: Mapping[str, str]) -> _Match:
    """Return whether one key of an operator holds: one value must match, or no value with a negated operator."""
    # One recipient at a time is compared, so that the set operators mean the same as none.
    name = operator.lower().removesuffix("ifexists").removeprefix("forallvalues:").removeprefix("foranyvalue:")
    negated = "not" in name
    compare = _OPERATORS.get(name.replace("not", ""))
    actual = context.get(key.lower())
    if compare is None or actual is None or any("${" in _text(value) for value in values):  # variables are not resolved
        return _Match.UNKNOWN
    if name.startswith("arn") and any(_text(value).count(":") < _COLONS for value in values):
        return _Match.UNKNOWN
    matches = any(compare(_text(value), actual) for value in values)
    return _Match.YES if matches is not negated else _Match.NO


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _wildcard(pattern: str, text: str) -> bool:
    """Return whether a text matches IAM's wildcards: `*` for any characters, `?` for one. Brackets are ordinary characters."""
    return fnmatch.fnmatchcase(text, re.sub(r"\[", "[[]", pattern))


def _arn(pattern: str, text: str) -> bool:
    """Return whether an ARN matches part by part."""
    return all(map(_wildcard, pattern.split(":", _COLONS), text.split(":", _COLONS)))


_OPERATORS: Mapping[str, Callable[[str, str], bool]] = {
    "stringequals": lambda value, actual: value == actual,
    "stringequalsignorecase": lambda value, actual: value.lower() == actual.lower(),
    "stringlike": _wildcard,
    "arnequals": _arn,
    "arnlike": _arn,
    "bool": lambda value, actual: value == actual,
}
