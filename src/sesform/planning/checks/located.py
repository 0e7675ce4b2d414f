"""Make problems that name the place in the specs that they concern."""

from __future__ import annotations

from sesform.errors import Problem
from sesform.specs.declared import Declared


def located(declared: Declared | None, path: str, summary: str, hint: str = "", *, warning: bool = False) -> Problem:
    file, line, column = "", 0, 0
    if declared is not None and declared.origin is not None:
        file = declared.origin.document.file
        line, column = declared.origin.document.place(declared.origin.loc)
    return Problem(summary, path, file, line, column, hint, "warning" if warning else "error")
