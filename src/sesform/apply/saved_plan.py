"""Write a plan to a file and read it back."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sesform.errors import PlanFileError, UsageError
from sesform.model.values import printable
from sesform.planning.plan import Plan
from sesform.planning.plan_file import loaded, text

MAX_BYTES = 256 * 1024 * 1024


def save(file: Path, content: Mapping[str, Any]) -> None:
    """Write the document whole or not at all, readable by its owner only. Raises UsageError if it cannot be written."""
    target = file.resolve()  # follow a link, and do not replace it
    try:
        if target.exists() and not target.is_file() and not target.is_dir():
            with target.open("w", encoding="utf-8") as stream:  # write to a pipe or a device, and do not replace it
                stream.write(text(content) + "\n")
            return
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                stream.write(text(content) + "\n")
            Path(name).replace(target)
        except BaseException:  # an interrupt too must leave nothing behind
            Path(name).unlink(missing_ok=True)  # it may have been renamed already
            raise
    except OSError as error:
        raise UsageError(f"{printable(str(file))}: cannot be written: {error.strerror}") from None


def load(file: Path) -> Plan:
    """Return a saved plan. Raises PlanFileError if it is damaged, edited or of another version, UsageError if it cannot be read."""
    shown = printable(str(file))
    try:
        if file.stat().st_size > MAX_BYTES:
            raise PlanFileError(
                f"{shown}: is larger than {MAX_BYTES // 1024 // 1024} MiB; make a plan with `sesform plan --out FILE`"
            )
        return loaded(json.loads(file.read_text(encoding="utf-8")), shown)
    except OSError as error:
        raise UsageError(f"{shown}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise PlanFileError(f"{shown}: is not a plan file; make one with `sesform plan --out FILE`") from None
