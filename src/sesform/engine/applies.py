"""Apply and destroy: carry out a plan, and read back what AWS shows after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sesform.engine.plans import plan
from sesform.engine.progress import (
    Applied,
    Applying,
    Notify,
    PlanningAgain,
    StepFinished,
    StepStarted,
    Stopping,
    Warned,
    ignore,
)
from sesform.engine.settings import DEFAULT_PATHS, DEFAULTS, Paths, Settings, connect
from sesform.errors import PlanFileError, PlanRefusedError
from sesform.model.address import Access
from sesform.model.quotas import SES_CALLS_PER_SECOND
from sesform.model.values import printable
from sesform.planning.plan import Change, Outcome, Plan, Report

if TYPE_CHECKING:
    from sesform.aws import Connections

Approve = Callable[[Plan], bool]


def apply(plan: Plan, settings: Settings = DEFAULTS, notify: Notify = ignore) -> Report:
    """Carry out a plan that was made a moment ago, without reading AWS again; for an older plan use `apply_saved`.

    AWS's answers are in the report and not raised. After the last step AWS is read for up to a minute; steps that it does not show
    by then are in the report's `not_reflected`. Raises PlanRefusedError if the plan has errors, and CredentialsError, AccountError
    or AwsError if no connection can be made; then nothing was changed.
    """
    _refuse_errors(plan)
    return _carry_out(plan, _connect(plan, plan.access, settings, notify), settings, notify)


def save_plan(plan: Plan, file: str | Path, rate: float | None = SES_CALLS_PER_SECOND) -> None:
    """Write a plan to a file for `apply_saved`. `rate`: SES calls per second, for the estimate in the file.

    The file has no external id. It is written completely or not at all, and only its owner can read it. Raises UsageError if it
    cannot be written.
    """
    from sesform.apply import saved_plan
    from sesform.planning import plan_file

    timestamp = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    saved_plan.save(Path(file), plan_file.document(plan, timestamp=timestamp, rate=rate))


def load_plan(file: str | Path) -> Plan:
    """Return the plan that `save_plan` wrote.

    Raises PlanFileError if the file was damaged or edited, UsageError if it cannot be read.
    """
    from sesform.apply import saved_plan

    return saved_plan.load(Path(file))


def apply_saved(
    file: str | Path, paths: Paths = DEFAULT_PATHS, settings: Settings = DEFAULTS, notify: Notify = ignore
) -> Report:
    """Plan again with the specs and the options of a saved plan, and carry the new plan out if it has the same steps.

    Nothing in the file is carried out, so an edited file can do nothing that the specs do not declare. Planning again makes as many
    reads as `plan` does. Raises PlanFileError if the file was damaged, edited or refused; StalePlanError if the steps differ;
    PlanRefusedError if the plan is of another kind of AWS, of another part than the settings name, or if the new plan has errors;
    and as `plan` and `apply` do.
    """
    saved = load_plan(file)
    shown = printable(str(file))
    if saved.errors:
        for problem in saved.errors:
            notify(Warned(printable(str(problem))))
        raise PlanFileError(f"{shown}: this plan has errors. Plan again.")
    if saved.options.sandbox is not (settings.sandbox is not None):
        made, now = ("with", "without") if saved.options.sandbox else ("without", "with")
        raise PlanRefusedError(
            f"{shown}: this plan was made {made} --sandbox and cannot be applied {now} it. Plan again."
        )
    if settings.shard is not None and settings.shard != (saved.part.shard if saved.part else None):
        made_for = f"part {saved.part.shard}" if saved.part else "all specs"
        raise PlanRefusedError(
            f"{shown}: this plan was made for {made_for}, and this run is for part {settings.shard}. Give it the plan of its part."
        )
    notify(PlanningAgain())
    return apply(plan_again(saved, paths, settings, notify), settings, notify)


def plan_again(
    earlier: Plan, paths: Paths = DEFAULT_PATHS, settings: Settings = DEFAULTS, notify: Notify = ignore
) -> Plan:
    """Return a new plan with the specs and the options of an earlier one.

    Raises StalePlanError with each difference if the steps differ, PlanRefusedError if there are errors, and as `plan` does.
    """
    from sesform.apply import staleness

    chosen = asdict(earlier.options)
    del chosen["sandbox"]
    destroy = chosen.pop("destroy")
    shard = earlier.part.shard if earlier.part else None
    now = plan(paths, replace(settings, since=earlier.since or None, shard=shard, **chosen), notify, destroy=destroy)
    staleness.check(earlier, now)
    _refuse_errors(now)
    return now


def destroy(
    paths: Paths = DEFAULT_PATHS,
    settings: Settings = DEFAULTS,
    notify: Notify = ignore,
    *,
    approve: Approve = lambda plan: True,
) -> Report:
    """Remove everything that the specs declare, if `approve` accepts the plan.

    Raises PlanRefusedError if the plan has errors or was not approved, and as `plan` and `apply` do.
    """
    made = plan(paths, settings, notify, destroy=True)
    _refuse_errors(made)
    if not approve(made):
        raise PlanRefusedError("the plan was not approved; nothing was changed")
    return apply(made, settings, notify)


def _refuse_errors(plan: Plan) -> None:
    if plan.errors:
        raise PlanRefusedError("\n".join(["the plan has errors; nothing was changed", *map(str, plan.errors)]))


def _connect(plan: Plan, access: Mapping[str, Access], settings: Settings, notify: Notify) -> Connections:
    places = [(c.address.spec, c.address.region) for c in plan.changes]
    return connect(places, access, settings, notify)


def _carry_out(plan: Plan, connections: Connections, settings: Settings, notify: Notify) -> Report:
    from sesform.apply import execute, interrupts, read_back

    def progress(change: Change, outcome: Outcome | None) -> None:
        notify(StepStarted(change) if outcome is None else StepFinished(outcome))

    connections.allow_writes()
    notify(Applying(plan.changes))
    interrupt = interrupts.Interrupt()
    with interrupts.handled(interrupt.request):
        report = execute.run(
            plan,
            connections,
            parallelism=settings.parallelism,
            progress=progress,
            interrupt=interrupt,
            stopping=lambda calls: notify(Stopping(calls)),
        )
        report = replace(report, part=plan.part._replace(command="apply") if plan.part else None, origins=plan.origins)
        notify(Applied(report))
    if report.interrupted:
        return report
    if interrupt.requested:  # after the last step: its report is out
        raise KeyboardInterrupt
    if not settings.read_back:
        return report
    return replace(report, not_reflected=tuple(read_back.not_shown(report, connections)))
