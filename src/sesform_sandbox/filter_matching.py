"""Filter policies of subscriptions: whether a message passes one.

Source: SNS developer guide, "Amazon SNS subscription filter policies": string, numeric and existence matching, and `$or`.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import json
import operator
from collections.abc import Iterator, Mapping
from typing import Any

_COMPARED = {"=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge}


def of_attributes(attributes: Mapping[str, Any]) -> dict[str, Any]:
    """Return message attributes as a body with the same names, so that both scopes are matched alike."""
    found: dict[str, Any] = {}
    for name, value in attributes.items():
        text = value.get("StringValue", "")
        kind = value.get("DataType", "String")
        found[name] = json.loads(text) if kind == "String.Array" or kind.startswith("Number") else text
    return found


def matches(policy: Mapping[str, Any], body: Mapping[str, Any]) -> bool:
    """Return whether a body has, for each key of the policy, a value that one of its conditions accepts."""
    return all(_key(name, rule, body) for name, rule in policy.items())


def _key(name: str, rule: Any, body: Mapping[str, Any]) -> bool:
    if name == "$or" and isinstance(rule, list):
        return any(matches(each, body) for each in rule)
    if isinstance(rule, Mapping):
        inner = body.get(name)
        nested = inner if isinstance(inner, list) else [inner]
        return any(matches(rule, each if isinstance(each, Mapping) else {}) for each in nested)
    values = list(_leaves(body[name])) if name in body else []
    return any(_accepts(condition, values) for condition in rule)


def _leaves(value: Any) -> Iterator[Any]:
    """Yield the values of a field; of a list, each element. An object is no value."""
    if isinstance(value, list):
        for each in value:
            yield from _leaves(each)
    elif not isinstance(value, Mapping):
        yield value


def _accepts(condition: Any, values: list[Any]) -> bool:
    if isinstance(condition, Mapping) and "exists" in condition:
        return bool(values) is bool(condition["exists"])
    return any(_accepts_one(condition, value) for value in values)


def _accepts_one(condition: Any, value: Any) -> bool:
    if not isinstance(condition, Mapping):
        return type(condition) is type(value) and bool(condition == value)
    (kind, operand), *_ = condition.items()
    if kind == "anything-but":
        return not any(_accepts_one(each, value) for each in (operand if isinstance(operand, list) else [operand]))
    if kind == "numeric":
        numeric = isinstance(value, int | float) and not isinstance(value, bool)
        return numeric and all(
            _COMPARED[sign](value, limit) for sign, limit in zip(operand[::2], operand[1::2], strict=True)
        )
    return isinstance(value, str) and _text(kind, operand, value)


def _text(kind: str, operand: str, value: str) -> bool:
    match kind:
        case "prefix":
            return value.startswith(operand)
        case "suffix":
            return value.endswith(operand)
        case "equals-ignore-case":
            return value.lower() == operand.lower()
        case "wildcard":
            return fnmatch.fnmatchcase(value, operand.replace("[", "[[]").replace("?", "[?]"))
        case "cidr":
            try:
                return ipaddress.ip_address(value) in ipaddress.ip_network(operand, strict=False)
            except ValueError:
                return False
    return False
