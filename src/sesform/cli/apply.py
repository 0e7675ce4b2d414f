"""apply and destroy: the question, the run, the report."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from sesform.cli import run
from sesform.cli.console import Console, coloured, interactive, out
from sesform.cli.options import Format, Options
from sesform.errors import PlanFileError, StalePlanError, UsageError
from sesform.model.values import printable

if TYPE_CHECKING:
    from sesform.aws import Connections
    from sesform.planning.plan import Change, Outcome, Plan, Report


def require_consent(options: Options, command: str, auto_approve: bool) -> None:
    """Refuses before the first call where nobody could be asked, or nothing is shown that could be agreed to."""
    if options.format is Format.json and not auto_approve:
        raise UsageError(f"{command} with --format json shows no plan to agree to; pass --auto-approve")
    if not auto_approve and not interactive():
        other = ", or apply a saved plan with --plan FILE" if command == "apply" else ""
        raise UsageError(
            f"{command} asks before it changes anything, and there is no terminal to ask on; pass --auto-approve{other}"
        )


def apply_specs(options: Options, console: Console, *, auto_approve: bool, destroy: bool = False) -> int:
    """Plan, ask, apply."""
    require_consent(options, "destroy" if destroy else "apply", auto_approve)
    desired = run.compile_specs(options, destroy=destroy)
    plan, connections = run.make_plan(options, console, desired)
    plan = run.guarded(replace(options, allow_mass_change=options.allow_mass_change or destroy), plan)
    if not run.present(options, console, plan, only_errors=options.format is Format.json):
        return 1
    if plan.changes and not auto_approve and not _agreed(console, destroy):
        console.error("Apply cancelled.")
        return 1
    if options.format is not Format.text:
        _keep_policies(console, plan)
    return _carry_out(options, console, plan, connections)


def _keep_policies(console: Console, plan: Plan) -> None:
    """The texts of sending policies that will be overwritten or deleted, whole, where no plan is drawn or one may be cut."""
    from sesform.render import text

    for change in plan.changes:
        held = text.held_policy(change)
        if held:
            console.warn(f"{printable(str(change.address))} held, to put it back: {printable(held)}")


def apply_file(options: Options, console: Console, file: Path) -> int:
    """Exactly what was saved, if AWS still holds what was seen then."""
    from sesform.apply import saved_plan, staleness
    from sesform.live import dependents, refresh
    from sesform.planning import route_changes

    plan = saved_plan.load(file)
    if plan.errors:
        console.problems(plan.errors)
        raise PlanFileError(f"{printable(str(file))}: something stood in the way when this plan was made; plan again")
    access = run.with_secrets(plan, options.paths)
    places = [(c.address.spec, c.address.region) for c in plan.changes]
    connections = run.connect(options, console, places, access)
    if plan.changes:
        console.say("Reading again what the plan touches ...")
        snapshot = refresh.read(
            staleness.touched(plan), route_changes.deleted_topics(plan), connections, options.parallelism
        )
        topics = {arn: change.address for arn, change in route_changes.deleted_topics(plan).items()}
        if topics:
            tell = run.looking_for_publishers(options, console)
            snapshot, unsure = dependents.users_of_topics(topics, snapshot, connections, options.parallelism, tell)
            console.problems(unsure)
            if any(p.severity == "error" for p in unsure):
                raise StalePlanError("what the saved plan deletes could not be looked at again; nothing was changed")
        sets = {key: change.address for key, change in route_changes.deleted_sets(plan).items()}
        if sets:
            tell = run.looking(options, console)
            snapshot = dependents.users_of_sets(sets, snapshot, connections, options.parallelism, tell)
        staleness.check(plan, snapshot)
        used = route_changes.used_again(plan, snapshot)
        if used:
            console.problems(used)
            raise StalePlanError("something that the saved plan deletes has come into use since; plan again")
    return _carry_out(options, console, plan, connections)


def _confirm(console: Console, report: Report, connections: Connections) -> None:
    from sesform.apply import read_back

    if report.interrupted:
        return
    missing = read_back.not_shown(report, connections)
    if missing:
        names = "\n".join(f"  {printable(str(change.address))}" for change in missing)
        console.warn(f"AWS took these settings and does not show them yet; SES may need a few minutes:\n{names}")


def _agreed(console: Console, destroy: bool) -> bool:
    deed = (
        "Do you really want to destroy all that the specs declare?"
        if destroy
        else "Do you want to perform these actions?"
    )
    return console.ask(f"{deed}\n  Only 'yes' will be accepted to approve.\n\n  Enter a value: ") == "yes"


def _carry_out(options: Options, console: Console, plan: Plan, connections: Connections) -> int:
    from sesform.apply import execute
    from sesform.render import json, markdown, text

    def progress(change: Change, outcome: Outcome | None) -> None:
        if outcome is None or outcome.result in ("done", "not tried"):
            console.say(text.step(change, outcome))
        elif outcome.result == "left":
            console.warn(text.step(change, outcome))
        else:
            console.error(text.step(change, outcome))

    connections.allow_writes()
    report = execute.run(plan, connections, parallelism=options.parallelism, progress=progress)
    if options.format is Format.json:
        out(json.report(report))
    elif options.format is Format.markdown:
        out(markdown.report(report))
    else:
        out("\n" + text.report(report, colour=coloured(sys.stdout, options.no_color)))
    _confirm(console, report, connections)
    return 0 if report.ok else 1
