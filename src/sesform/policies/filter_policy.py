"""Filter policies of subscriptions: whether the events that SES publishes pass them.

Sources: SNS developer guide, "Amazon SNS subscription filter policies" and "Filter policy scope"; AWS developer guide of SES,
"Amazon SNS notification contents for Amazon SES" and "Examples of event data that Amazon SES publishes to Amazon SNS".
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sesform.model.values import NOTIFICATION_TYPES
from sesform.policies.verdict import ALLOWED, Verdict, denied, unknown

ATTRIBUTES, BODY = "MessageAttributes", "MessageBody"


@dataclass(frozen=True, slots=True)
class _Leaf:
    """A field of a payload. `values`: all values that it can have, () if not known. `optional`: some messages lack it."""

    values: tuple[Any, ...] = ()
    optional: bool = False


_ANY, _MAYBE = _Leaf(), _Leaf(optional=True)
_Payload = Mapping[str, Any]  # name → _Leaf or a nested payload


def _fields(always: str, sometimes: str) -> dict[str, Any]:
    return {**dict.fromkeys(always.split(), _ANY), **dict.fromkeys(sometimes.split(), _MAYBE)}


_MAIL = _fields(
    "timestamp messageId source sourceArn sendingAccountId destination",
    "sourceIp callerIdentity headersTruncated headers commonHeaders tags",
)
_DETAILS: Mapping[str, _Payload] = {
    "bounce": {
        **_fields("bounceSubType bouncedRecipients timestamp feedbackId", "remoteMtaIp reportingMTA"),
        "bounceType": _Leaf(("Undetermined", "Permanent", "Transient")),
    },
    "complaint": _fields(
        "complainedRecipients timestamp feedbackId", "complaintSubType userAgent complaintFeedbackType arrivalDate"
    ),
    "delivery": _fields("timestamp processingTimeMillis recipients smtpResponse", "reportingMTA remoteMtaIp"),
}


def _payload(event: str, *, by_identity: bool) -> _Payload:
    name = "notificationType" if by_identity else "eventType"
    return {name: _Leaf((event.capitalize(),)), "mail": _MAIL, event: _DETAILS[event]}


_PAYLOADS = {(event, by): _payload(event, by_identity=by) for event in NOTIFICATION_TYPES for by in (True, False)}
_OTHER_EVENT: _Payload = {"eventType": _ANY, "mail": _MAIL}  # of event destinations only


def passes(policy: Mapping[str, Any], scope: str, event: str, *, by_identity: bool) -> Verdict:
    """Return whether a subscription with this filter policy receives an event.

    `scope`: MessageAttributes or MessageBody. `event`: a notification type or event type in lower case. `by_identity`: whether the
    notification is an identity's own, or published by an event destination: the payloads differ. SES sets no message attributes.
    A policy that depends on values of single messages gives unknown.
    """
    payload: _Payload = {} if scope == ATTRIBUTES else _PAYLOADS.get((event, by_identity), _OTHER_EVENT)
    matches = _matches(policy, payload)
    if matches is None:
        return unknown(f"its filter policy accepts only some {event} notifications")
    return ALLOWED if matches else denied(f"its filter policy rejects {event} notifications")


def _matches(policy: Mapping[str, Any], payload: _Payload) -> bool | None:
    """Return whether messages match every key of a policy: all (True), none (False), some or not known (None)."""
    return _all(_key(name, rule, payload) for name, rule in policy.items())


def _key(name: str, rule: Any, payload: _Payload) -> bool | None:
    if name == "$or" and isinstance(rule, list) and all(isinstance(each, Mapping) for each in rule):
        return _any(_matches(each, payload) for each in rule)
    field = payload.get(name)
    if isinstance(rule, Mapping):
        if isinstance(field, _Leaf):
            return None  # its parts are not listed here
        return _matches(rule, field or {})
    if not isinstance(rule, list):
        return None
    return _values(rule, field)


def _values(rule: list[Any], field: Any) -> bool | None:
    """Return whether one of the conditions accepts a field. `field`: None if messages lack it."""
    existence = [each["exists"] for each in rule if isinstance(each, Mapping) and "exists" in each]
    others = [each for each in rule if not (isinstance(each, Mapping) and "exists" in each)]
    # Nested values are no value: SNS tests `exists` on leaves only.
    there = None if isinstance(field, _Leaf) and field.optional else isinstance(field, _Leaf)
    by_existence = _any(None if there is None else there is bool(wanted) for wanted in existence)
    if by_existence or field is None or not others:
        return by_existence
    if not isinstance(field, _Leaf) or not field.values or field.optional:
        return None
    accepted = {_any(_accepts(each, value) for each in others) for value in field.values}
    return _any([by_existence, accepted.pop() if len(accepted) == 1 else None])


def _accepts(condition: Any, value: str) -> bool | None:
    """Return whether one condition accepts one text. None for a condition that is not known here."""
    if not isinstance(condition, Mapping):
        return bool(condition == value)
    match dict(condition):
        case {"prefix": str(start)}:
            return value.startswith(start)
        case {"suffix": str(end)}:
            return value.endswith(end)
        case {"equals-ignore-case": str(text)}:
            return value.lower() == text.lower()
        case {"wildcard": str(pattern)}:
            return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]").replace("?", "[?]"))
        case {"anything-but": operand}:
            return _none_of(operand, value)
        case {"numeric": _} | {"cidr": _}:
            return False  # no field with known values is a number or an address
    return None


def _none_of(operand: Any, value: str) -> bool | None:
    accepted = _any(_accepts(each, value) for each in (operand if isinstance(operand, list) else [operand]))
    return None if accepted is None else not accepted


def _all(found: Iterable[bool | None]) -> bool | None:
    seen: Sequence[bool | None] = list(found)
    return False if False in seen else (None if None in seen else True)


def _any(found: Iterable[bool | None]) -> bool | None:
    seen: Sequence[bool | None] = list(found)
    return True if True in seen else (None if None in seen else False)
