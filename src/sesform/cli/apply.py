"""The commands apply and destroy: question, run, report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sesform.cli import github
from sesform.cli.console import interactive
from sesform.cli.formats import Format
from sesform.cli.options import Calls
from sesform.cli.presenting import Notifier, View
from sesform.errors import UsageError
from sesform.model.values import printable

if TYPE_CHECKING:
    from sesform.engine import Settings
    from sesform.planning.plan import Plan, Report


def apply_specs(
    paths: tuple[str | Path, ...],
    settings: Settings,
    view: View,
    calls: Calls,
    *,
    auto_approve: bool,
    destroy: bool = False,
) -> int:
    """Plan, ask, apply. Return the exit code."""
    from sesform import engine

    _require_consent(view, "destroy" if destroy else "apply", auto_approve)
    with Notifier(view, calls) as notify:
        plan = engine.plan(paths, settings, notify, destroy=destroy)
        only_report = view.format is Format.json or (view.console.quiet and auto_approve)
        if not view.plan(plan, only_errors=only_report):
            return github.planned(view, plan, 1)
        if plan.changes and not auto_approve:
            asked = time.monotonic()
            if not _agreed(view, destroy):
                view.console.error("Apply cancelled.")
                return 1
            if time.monotonic() - asked > _FRESH:
                view.console.say("The answer took more than a minute, so the plan is made again ...")
                plan = engine.plan_again(plan, paths, settings, notify)
        if only_report or not view.shows_all(plan):
            _keep_policies(view, plan)
        return _exit_code(view, engine.apply(plan, settings, notify))


_PLAN = b'{"format_version"'  # how the JSON of a plan begins


def saved_plan_among(paths: Sequence[str | Path]) -> tuple[Path | None, tuple[str | Path, ...]]:
    """Return the saved plan among paths, as `terraform apply FILE` names it, and the other paths. Raises UsageError for several."""
    plans = [path for path in map(Path, paths) if _is_plan(path)]
    if len(plans) > 1:
        raise UsageError(f"apply applies one saved plan, and there are {len(plans)}: {', '.join(map(str, plans))}")
    rest = tuple(path for path in paths if Path(path) not in plans)
    return (plans[0] if plans else None), rest


def _is_plan(path: Path) -> bool:
    if not path.is_file():
        return False
    with suppress(OSError), path.open("rb") as stream:  # what reads it later reports a file that cannot be read
        return stream.read(len(_PLAN)) == _PLAN
    return False


def apply_file(file: Path, paths: tuple[str | Path, ...], settings: Settings, view: View, calls: Calls) -> int:
    """Apply a saved plan if AWS is as the plan found it. Return the exit code."""
    from sesform import engine

    with Notifier(view, calls) as notify:
        return _exit_code(view, engine.apply_saved(file, paths, settings, notify))


_FRESH = 60.0  # seconds from a plan to its approval within which it is applied as it is


def _require_consent(view: View, command: str, auto_approve: bool) -> None:
    """Raise UsageError before the first call if no one can be asked, or if nothing would be shown to approve."""
    if view.format is Format.json and not auto_approve:
        raise UsageError(f"{command} with --format json shows no plan to approve. Pass --auto-approve")
    if not auto_approve and not interactive():
        other = ", or apply a saved plan with --plan FILE" if command == "apply" else ""
        raise UsageError(
            f"{command} asks before it changes anything, and there is no terminal. Pass --auto-approve{other}"
        )


def _keep_policies(view: View, plan: Plan) -> None:
    """Print the texts of sending policies that will be overwritten or deleted, if the plan is not shown or may be cut."""
    from sesform.render import text

    for change in plan.changes:
        prior = text.overwritten_text(change)
        if prior:
            view.console.warn(f"{printable(str(change.address))}: the present text, to restore it: {printable(prior)}")


def _agreed(view: View, destroy: bool) -> bool:
    question = (
        "Do you really want to destroy all resources that the specs declare?"
        if destroy
        else "Do you want to perform these actions?"
    )
    return view.console.ask(f"{question}\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: ") == "yes"


def _exit_code(view: View, report: Report) -> int:
    if report.not_reflected:
        names = "\n".join(f"  {printable(str(change.address))}" for change in report.not_reflected)
        view.console.warn(
            f"AWS accepted these changes and does not show them yet. SES may need a few minutes:\n{names}"
        )
    return github.applied(view, report, 0 if report.ok else 1)
