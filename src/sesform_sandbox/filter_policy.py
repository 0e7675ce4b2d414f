"""Filter policies of subscriptions: the ones that SNS accepts, for each scope.

Source: SNS developer guide, "Filter policy constraints" and "Filter policy scope". Texts: as in localstack's and moto's validators,
which follow AWS.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from sesform_sandbox.refusal import Refusal

ATTRIBUTES, BODY = "MessageAttributes", "MessageBody"

_MAX_KEYS, _MAX_COMBINATIONS = 5, 150
_MATCHERS = {
    *("anything-but", "cidr", "equals-ignore-case", "exists", "numeric", "prefix", "suffix", "wildcard"),
}


class _BadFilter(ValueError):
    """A filter policy that SNS refuses, with the reason."""


def check(policy: Mapping[str, Any], scope: str, where: str = "") -> None:
    """Raise Refusal where SNS does not accept this filter policy for this scope.

    `where`: what AWS puts before the reason: "Attributes Reason: " for Subscribe, nothing for SetSubscriptionAttributes.
    """
    try:
        _check(policy, scope)
    except _BadFilter as error:
        raise Refusal("InvalidParameter", f"Invalid parameter: {where}{error}") from None


def _check(policy: Mapping[str, Any], scope: str) -> None:
    if len(policy) > _MAX_KEYS:
        raise _BadFilter("FilterPolicy: Filter policy can not have more than 5 keys")
    combinations = 1
    for depth, values in _rules(policy, scope, 1):
        combinations *= len(values) * depth
        for value in values:
            _check_value(value)
    if combinations > _MAX_COMBINATIONS:
        raise _BadFilter("FilterPolicy: Filter policy is too complex")


def _rules(policy: Mapping[str, Any], scope: str, depth: int) -> Iterator[tuple[int, list[Any]]]:
    """Yield every list of values, with its depth. Only the message body can have nested keys."""
    for key, value in policy.items():
        if isinstance(value, dict):
            if scope != BODY:
                raise _BadFilter("Filter policy scope MessageAttributes does not support nested filter policy")
            yield from _rules(value, scope, depth + 1)
        elif key == "$or" and isinstance(value, list) and all(isinstance(each, dict) for each in value):
            for each in value:
                yield from _rules(each, scope, depth + 1)
        elif isinstance(value, list):
            yield depth, value
        else:
            raise _BadFilter(f'FilterPolicy: "{key}" must be an object or an array')


def _check_value(value: Any) -> None:
    if value is None or isinstance(value, str | bool | int | float):
        return
    if not isinstance(value, dict) or not value:
        raise _BadFilter("FilterPolicy: Match value must be String, number, true, false, or null")
    for matcher in value.keys() - _MATCHERS:
        raise _BadFilter(f"FilterPolicy: Unrecognized match type {matcher}")
