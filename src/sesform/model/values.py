"""Values as the core passes them round: plain, canonical, comparable with `==`.

A property is None, a bool, an int, a str, a list of values, a dict of values, or UNKNOWN. The edges (specs, AWS's answers)
turn what they get into this form once, so that nothing further in has to know of spellings.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

Value = Any  # None | bool | int | str | list[Value] | dict[str, Value] | UNKNOWN
Properties = Mapping[str, Value]


class _Unknown:
    """The one value that AWS decides when the change is made. It equals only itself, so a plan never mistakes it for None."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __deepcopy__(self, memo: object) -> _Unknown:
        return self

    def __copy__(self) -> _Unknown:
        return self


UNKNOWN: Final = _Unknown()


# SES v2's names of event types, in the order that AWS returns them (sorted: hashicorp/terraform-provider-aws#36896).
# Source: SES v2 API reference, EventDestination.MatchingEventTypes.
EVENT_TYPES: Final = (
    "BOUNCE",
    "CLICK",
    "COMPLAINT",
    "DELIVERY",
    "DELIVERY_DELAY",
    "OPEN",
    "REJECT",
    "RENDERING_FAILURE",
    "SEND",
    "SUBSCRIPTION",
)

# Amazon Pinpoint takes neither of these. Source: SES v2 API reference, PinpointDestination.
NOT_FOR_PINPOINT: Final = frozenset({"DELIVERY_DELAY", "SUBSCRIPTION"})

NOTIFICATION_TYPES: Final = ("bounce", "complaint", "delivery")

# The tag by which sesform knows its own; its value is the name of the spec.
OWNERSHIP_TAG: Final = "sesform:spec"


def event_set(types: Iterable[str]) -> list[str]:
    """Event types in any case and order → the canonical list: upper case, each once, sorted as AWS returns them."""
    return sorted({t.upper() for t in types})


_CONTROL = re.compile(
    # C0 and C1 controls, DEL, and the characters that reorder or hide text on a screen (bidi, zero width, line separators).
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udfff]"
)


def printable(text: str) -> str:
    """Text from outside → one line that is safe on a terminal and in a CI log: control characters become `\\x1b`-like escapes."""
    return _CONTROL.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    named = {9: "\\t", 10: "\\n", 13: "\\r"}.get(code)
    return named or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")


_WITH_PASSWORD = re.compile(r"(?i)(https?://)[^/?#]*@")  # a token may stand there as the user alone


def without_password(endpoint: str) -> str:
    """An endpoint as it may be shown."""
    return _WITH_PASSWORD.sub(r"\1***@", endpoint, count=1)
