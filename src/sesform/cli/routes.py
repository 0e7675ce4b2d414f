"""The command routes: the routes of events to receivers now, and gaps."""

from __future__ import annotations

from pathlib import Path

from sesform.cli.console import out
from sesform.cli.options import Calls, Format, Sharding
from sesform.cli.presenting import Notifier, View


def show_routes(paths: tuple[str | Path, ...], calls: Calls, sharding: Sharding, view: View) -> int:
    """Print the routes of the specs' identities and sets. Return 0 for no gap, 2 for gaps, 1 if they could not be read."""
    from sesform import engine
    from sesform.planning import plan_file
    from sesform.render import routes as drawn

    with Notifier(view, calls) as notify:
        found = engine.routes(paths, calls.settings(sharding), notify)
    if found.problems:
        view.console.problems(found.problems)
        if view.format is Format.json:
            out(plan_file.text(plan_file.failure(found.problems)))
        return 1
    if view.format is Format.json:
        out(drawn.json_text(found.matrix, found.subscribers, found.gaps, found.part))
    elif view.format is Format.markdown:
        out(drawn.markdown(found.matrix, found.subscribers, found.gaps))
    else:
        out(drawn.text(found.matrix, found.subscribers, found.gaps, colour=view.colour))
    return 2 if found.gaps else 0
