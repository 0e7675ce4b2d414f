"""Plans and reports for a comment on a pull request: what a reviewer must judge first, and the rest folded under it.

Names come from outside, so they are escaped for Markdown and HTML, and fences are longer than any run of backticks inside.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from sesform.model.quotas import SES_CALLS_PER_SECOND
from sesform.planning.plan import Plan, Report
from sesform.render import blame, budget, review, text
from sesform.render._escape import cell, fenced
from sesform.render._hcl import SYMBOLS
from sesform.render.budget import Filled, Section
from sesform.render.review import Names

# GitHub refuses comments of more than 65,536 characters; the rest is for text that a workflow adds.
MAX_CHARACTERS = 60_000
_FRAME = 2_000  # of MAX_CHARACTERS, for titles, folds and what is said of cuts


def plan(of: Plan, *, drift: bool = False, rate: float | None = SES_CALLS_PER_SECOND) -> str:
    """Return the title with the counts, the sections in the order of their importance, and each resource as a folded diff.

    What has no room is counted: details first, and nothing important before something less important.
    """
    alarms = review.alarms(of)
    first = Section("Attention", (f"- {cell(a)}\n" for a in alarms), len(alarms), 20_000)
    n = of.summary
    if not of.changes:
        (attention,) = budget.fill([first], MAX_CHARACTERS - _FRAME, len)
        return f"### {text.NO_DRIFT if drift else text.NO_CHANGES}\n" + _listed(attention, folding=False)
    rows, names = review.rows(of.changes), Names(of)
    blocks = text.drift_blocks(of, rows) if drift else text.blocks(review.examples_first(rows))
    sections = [
        first,
        *_sections(rows, names),
        _of_text(
            *(("Notes", blame.notes(of.blame)) if drift else ("Routes, hand-over and calls", text.tail(of, rate))),
            6_000,
        ),
        Section("Details", map(_as_diff, blocks), len(rows), 0),
    ]
    attention, gone, changed, table, groups, tail, details = budget.fill(sections, MAX_CHARACTERS - _FRAME, len)
    title = (
        f"### {'Drift' if drift else 'Plan'}: {n['create']} to add, {n['update']} to change, {n['delete']} to destroy\n"
    )
    drawn = [title, _listed(attention, folding=False), _listed(gone), _listed(changed), _tabled(table), _listed(groups)]
    return "".join([*drawn, _folded(tail), _folded(details, "diff")])


def report(of: Report) -> str:
    """Return the closing line, and the steps that were not done."""
    first, _, rest = text.report(of).partition("\n")
    (filled,) = budget.fill([_of_text("Details", rest.strip("\n"), 0)], MAX_CHARACTERS - _FRAME, len)
    return f"### {cell(first)}\n" + _folded(filled).removeprefix("\n")


def _sections(rows: Sequence[review.Row], names: Names) -> Iterator[Section]:
    """Yield deletions, updates, the table and the groups of a plan."""
    gone, changed, groups = review.deletions(rows), review.updates(rows, names), review.groups(rows, names)
    yield Section("Destroyed", (f"- {cell(line)}\n" for line in gone), len(gone), 12_000)
    yield Section("Changed", (f"- {cell(line())}\n" for line in changed), len(changed), 12_000)
    table = review.table(rows)
    yield Section("", (f"| {' | '.join(map(cell, line))} |\n" for line in table), len(table), 4_000)
    lines = (f"- `{SYMBOLS[each.kind]}` {cell(str(each))}\n" for each in groups)
    yield Section("Identical changes", lines, len(groups), 4_000)


def _of_text(title: str, body: str, own: int) -> Section:
    lines = body.splitlines(keepends=True)
    return Section(title, lines, len(lines), own)


_MANY = 25  # lines of a list that is not folded


def _listed(of: Filled, *, folding: bool = True) -> str:
    """Return a section as a list under its title with the count, nothing if it is empty."""
    count = len(of.lines) + of.cut
    if not count:
        return ""
    title, lines = f"{of.title}: {count}", f"{''.join(of.lines)}{_more(of)}"
    if folding and count > _MANY:
        return f"\n<details><summary><b>{title}</b></summary>\n\n{lines}\n</details>\n"
    return f"\n**{title}**\n\n{lines}"


def _tabled(of: Filled) -> str:
    heads = "| " + " | ".join(review.HEADINGS) + " |\n|---|---|--:|--:|--:|\n"
    return f"\n{heads}{''.join(of.lines)}" + (f"\n{_more(of)}" if of.cut else "")


def _more(of: Filled) -> str:
    return f"- ... and {of.cut} more\n" if of.cut else ""


def _folded(of: Filled, language: str = "") -> str:
    """Return a section as a folded block, nothing if it is empty."""
    if not of.lines and not of.cut:
        return ""
    several = f"{of.cut} more {'resources' if language else 'lines'}"
    cut = f"\n{several} have no room here. `--format text --full` shows all of it.\n" if of.cut else ""
    between = "\n\n" if language else "\n"
    body = fenced(between.join(line.rstrip("\n") for line in of.lines), language) + "\n" if of.lines else ""
    return f"\n<details><summary>{of.title}</summary>\n\n{body}{cut}\n</details>\n"


def _as_diff(block: str) -> str:
    """Return a block with its symbols in the first column, where a diff colours them; `~` becomes `!`."""
    return re.sub(r"^( +)(-/\+|[+~-])", lambda m: ("!" if m[2] == "~" else m[2]) + m[1], block, flags=re.MULTILINE)
