"""The answer to "may SES do this?": allowed, denied or unknown, with the reason."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class Answer(Enum):
    ALLOWED = "allowed"
    DENIED = "denied"
    UNKNOWN = "unknown"


class Verdict(NamedTuple):
    """An answer with its reason: what is wrong, or what is not known. "" if SES is allowed."""

    answer: Answer
    reason: str = ""

    def __bool__(self) -> bool:
        raise TypeError("a verdict has three answers; ask .allowed, .denied or .unknown")

    @property
    def allowed(self) -> bool:
        return self.answer is Answer.ALLOWED

    @property
    def denied(self) -> bool:
        return self.answer is Answer.DENIED

    @property
    def unknown(self) -> bool:
        return self.answer is Answer.UNKNOWN


ALLOWED = Verdict(Answer.ALLOWED)


def denied(reason: str) -> Verdict:
    """Return the verdict that SES is denied."""
    return Verdict(Answer.DENIED, reason)


def unknown(reason: str) -> Verdict:
    """Return the verdict that the answer is not known here."""
    return Verdict(Answer.UNKNOWN, reason)
