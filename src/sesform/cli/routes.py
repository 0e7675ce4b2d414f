"""The command routes: the routes of events to receivers now, and gaps."""

from __future__ import annotations

from pathlib import Path

from sesform.cli import documents
from sesform.cli.many_machines import print_routes
from sesform.cli.options import Calls, Sharding
from sesform.cli.presenting import Notifier, View


def show_routes(paths: tuple[str | Path, ...], calls: Calls, sharding: Sharding, view: View) -> int:
    """Print the routes of the specs' identities and sets. Return 0 for no gap, 2 for gaps, 1 if they could not be read."""
    from sesform import engine

    with Notifier(view, calls) as notify:
        found = engine.routes(paths, calls.settings(sharding), notify)
    if found.problems:
        documents.failure(view.format, "routes", found.problems, view.console)
        view.problems(found.problems)
        return 1
    return print_routes(view, found)
