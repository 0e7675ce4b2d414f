"""Unmanaged resources: a list behind the plan, as text and as Markdown. Nothing where it was not looked for."""

from __future__ import annotations

from itertools import groupby

from sesform.live.snapshot import UnmanagedResource
from sesform.model.values import printable
from sesform.planning.plan import Plan
from sesform.render._escape import cell
from sesform.render._hcl import painter
from sesform.render.markdown import MAX_CHARACTERS


def text(of: Plan, *, colour: bool = False) -> str:
    if of.unmanaged is None:
        return ""
    if not of.unmanaged:
        return "\nEverything that exists here is named by a spec.\n"
    lines = [painter(colour)("Not named by any spec, and left alone:", "bold")]
    for scope, group in groupby(of.unmanaged, key=lambda u: u.scope):
        lines += [f"  in {scope}", *(f"    {printable(_line(each))}" for each in group)]
    return "\n" + "\n".join(lines) + "\n"


def markdown(of: Plan, room: int = MAX_CHARACTERS) -> str:
    """At most `room` characters; what is cut is said."""
    if of.unmanaged is None:
        return ""
    if not of.unmanaged:
        return "\nEverything that exists here is named by a spec.\n"
    head, end = f"\n<details><summary>Not named by any spec: {len(of.unmanaged)}</summary>\n\n", "\n</details>\n"
    lines, left = list[str](), room - len(head) - len(end) - 60
    for each in of.unmanaged:
        line = f"- {cell(f'{each.scope}: {_line(each)}')}\n"
        left -= len(line)
        if left < 0:
            lines.append(f"- {len(of.unmanaged) - len(lines)} more were cut\n")
            break
        lines.append(line)
    return head + "".join(lines) + end


def _line(of: UnmanagedResource) -> str:
    return f"{of.type} {of.key}" + (f" ({of.detail})" if of.detail else "")
