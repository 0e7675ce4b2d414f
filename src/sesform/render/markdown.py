"""Plans and reports for a comment on a pull request: a summary line, and the whole text folded under it.

Names come from outside, so they are escaped for Markdown and HTML, and fences are longer than any run of backticks inside.
"""

from __future__ import annotations

import re

from sesform.model.quotas import SES_CALLS_PER_SECOND
from sesform.planning.plan import Plan, Report, on_the_way
from sesform.render import text
from sesform.render._escape import cell, fenced

# GitHub refuses comments of more than 65,536 characters; the rest is for text that a workflow adds.
MAX_CHARACTERS = 60_000


_MAX_NAME_LENGTH = 200


def plan(of: Plan, *, drift: bool = False, rate: float | None = SES_CALLS_PER_SECOND) -> str:
    """Return title, summary, a warning if something is destroyed, and the plan as a diff."""
    n = of.summary
    if not of.changes:
        return f"### {text.NO_DRIFT if drift else text.NO_CHANGES}\n"
    head = [
        f"### {'Drift' if drift else 'Plan'}: {n['create']} to add, {n['update']} to change, {n['delete']} to destroy",
        "",
    ]
    passing = on_the_way(of.changes)
    names = sorted({str(c.address) for c in of.changes if c.action == "delete" and c.address not in passing})
    if names:
        shown = ", ".join(cell(name[:_MAX_NAME_LENGTH]) for name in names[:10])
        head += [f"**Destroyed:** {shown}" + (f" and {len(names) - 10} more" if len(names) > 10 else ""), ""]
    body = text.drift(of) if drift else text.plan(of, rate=rate)
    top = "\n".join(head)
    return top + _folded("Details", _as_diff(body), "diff", MAX_CHARACTERS - len(top))


def report(of: Report) -> str:
    """Return the closing line, and the steps that were not done."""
    drawn = text.report(of)
    first, _, rest = drawn.partition("\n")
    return f"### {cell(first)}\n" + (_folded("Details", rest.strip("\n"), "") if rest.strip() else "")


def _as_diff(body: str) -> str:
    """Return the text with symbols in the first column, where a diff block colours them; `~` becomes `!`."""
    return re.sub(r"^( +)([+~-])", lambda m: ("!" if m[2] == "~" else m[2]) + m[1], body, flags=re.MULTILINE)


def _folded(title: str, body: str, language: str, most: int = MAX_CHARACTERS) -> str:
    room = most - 400
    if len(body) > room:
        kept = body[:room].rpartition("\n")[0]
        body = f"{kept}\n... {len(body) - len(kept)} more characters were cut. See the log of the job."
    return f"<details><summary>{title}</summary>\n\n{fenced(body, language)}\n\n</details>\n"
