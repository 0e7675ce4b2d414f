"""Text from outside in Markdown: nothing in it acts as markup, or ends its block."""

from __future__ import annotations

import html
import re

from sesform.model.values import printable


def cell(of: str) -> str:
    """Return text escaped for a table or a sentence."""
    safe = html.escape(printable(of), quote=False)
    return re.sub(r"([\\`*_\[\]|~#!@])", r"\\\1", safe)


def fenced(body: str, language: str) -> str:
    """Return text as a code block, without a line end. The fence is longer than any run of backticks inside."""
    longest = max((len(run) for run in re.findall(r"`+", body)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{body.rstrip()}\n{fence}"
