"""Values of properties: plain, canonical, comparable with `==`.

A value is None, a bool, an int, a str, a list of values, a dict of values, or UNKNOWN. Specs and AWS's answers are converted to
this form once, where they are read.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from sesform.model.masking import masked

Value = Any  # None | bool | int | str | list[Value] | dict[str, Value] | UNKNOWN
Properties = Mapping[str, Value]


class _Unknown:
    """A value that AWS decides when the change is made. It equals only itself, so that no plan mistakes it for None."""

    __slots__ = ()

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __deepcopy__(self, memo: object) -> _Unknown:
        return self

    def __copy__(self) -> _Unknown:
        return self


UNKNOWN: Final = _Unknown()


# The event types of SES v2, in the order in which AWS returns them (sorted: hashicorp/terraform-provider-aws#36896).
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

# Amazon Pinpoint does not accept these. Source: SES v2 API reference, PinpointDestination.
NOT_FOR_PINPOINT: Final = frozenset({"DELIVERY_DELAY", "SUBSCRIPTION"})
PINPOINT_ENDED: Final = "Amazon Pinpoint ended on 2026-10-30"  # AWS, "Amazon Pinpoint end of support"

NOTIFICATION_TYPES: Final = ("bounce", "complaint", "delivery")

# The tag that marks resources of sesform; its value is the name of the spec.
OWNERSHIP_TAG: Final = "sesform:spec"


def event_set(types: Iterable[str]) -> list[str]:
    """Return event types as a canonical list: upper case, without duplicates, sorted as AWS returns them."""
    return sorted({t.upper() for t in types})


_CONTROL = re.compile(
    # C0 and C1 controls, DEL, and the characters that reorder or hide text on a screen (bidi, zero width, line separators).
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]|[\ud800-\udfff]"
    # What begins a command to the runners of GitHub (`##[`) and Azure Pipelines (`##vso[`), wherever it is in a line.
    r"|#(?=#[A-Za-z]*\[)"
)


def printable(text: str) -> str:
    """Return text as one line that is safe on a terminal and in a CI log: escaped, and with secrets in URLs masked."""
    return escaped(masked(text))


def escaped(text: str) -> str:
    """Return text with escapes such as `\\x1b` in place of control characters."""
    return _CONTROL.sub(_escape, text)


def _escape(match: re.Match[str]) -> str:
    code = ord(match.group())
    named = {9: "\\t", 10: "\\n", 13: "\\r"}.get(code)
    return named or (f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}")
