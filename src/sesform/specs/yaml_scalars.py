"""Read plain YAML scalars by the core rules of YAML 1.2."""

from __future__ import annotations

import math
import re
from typing import Any

MAX_DEPTH = 32
_NULL = ("", "~", "null", "Null", "NULL")
_BOOL = {"true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False}
_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


def is_text(scalar: str) -> bool:
    """Return whether a plain scalar is text, and not a number, a truth value or null."""
    return resolve(scalar) is scalar


def resolve(text: str) -> Any:
    """Return the value of a plain scalar: None, a bool, an int, a float, or the text itself."""
    if text in _NULL:
        return None
    if text in _BOOL:
        return _BOOL[text]
    if _INT.fullmatch(text):
        return int(text) if len(text) <= 18 else text
    if _FLOAT.fullmatch(text) and math.isfinite(float(text)):
        return float(text)
    return text
