"""Deprecated alias of the package `sesform_sandbox`, kept so that existing imports go on working."""

from __future__ import annotations

import sys
import warnings

import sesform_sandbox

warnings.warn(
    "sesform.sandbox is deprecated and will be removed in version 1.0; import sesform_sandbox instead",
    DeprecationWarning,
    stacklevel=2,
)
sys.modules[__name__] = sesform_sandbox
