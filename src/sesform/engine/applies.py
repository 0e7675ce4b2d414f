"""Apply and destroy: carry out a plan, and read back what AWS shows after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from sesform.engine.plans import look_up_dependents, plan
from sesform.engine.progress import Applied, Notify, ReadingAgain, StepFinished, StepStarted, Stopping, Warned, ignore
from sesform.engine.settings import DEFAULT_PATHS, DEFAULTS, Paths, Settings, connect
from sesform.engine.specs import compile_specs
from sesform.errors import PlanFileError, PlanRefusedError, StalePlanError
from sesform.model.address import Access
from sesform.model.quotas import SES_CALLS_PER_SECOND
from sesform.model.values import printable
from sesform.planning import route_changes
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
    """Carry out a saved plan if AWS is still as the plan found it. External ids come from the specs: plan files have none.

    Raises PlanFileError if the file was damaged, edited or refused; StalePlanError if AWS has changed; and as `apply` does.
    """
    plan = load_plan(file)
    if plan.errors:
        for problem in plan.errors:
            notify(Warned(printable(str(problem))))
        raise PlanFileError(f"{printable(str(file))}: this plan has errors. Plan again.")
    connections = _connect(plan, _with_secrets(plan, paths), settings, notify)
    if plan.changes:
        notify(ReadingAgain())
        _refuse_stale(plan, connections, settings, notify)
    return _carry_out(plan, connections, settings, notify)


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


def _with_secrets(plan: Plan, paths: Sequence[str | Path]) -> dict[str, Access]:
    """Return the accesses of a saved plan with the external ids of the specs, now and at the commit of its `--since`.

    Raises PlanFileError if a spec with an external id does not exist any more, or names another role.
    """
    if all(a.external_id is None for a in plan.access.values()):
        return dict(plan.access)
    specs = compile_specs(paths, since=plan.since or None).access
    found = {}
    for name, saved in plan.access.items():
        current = specs.get(name)
        if saved.external_id is not None and (
            current is None or replace(current, external_id=None) != replace(saved, external_id=None)
        ):
            raise PlanFileError(
                f"the plan needs the external id of spec {name!r}, and that spec does not exist or has changed. Plan again."
            )
        found[name] = current if current is not None and saved.external_id is not None else saved
    return found


def _refuse_stale(plan: Plan, connections: Connections, settings: Settings, notify: Notify) -> None:
    """Read again what the plan changes. Raises StalePlanError if AWS has changed, or if something now uses what is deleted."""
    from sesform.apply import staleness
    from sesform.live import refresh

    topics = {arn: change.address for arn, change in route_changes.deleted_topics(plan).items()}
    sets = {key: change.address for key, change in route_changes.deleted_sets(plan).items()}
    snapshot = refresh.read(staleness.touched(plan), topics, connections, settings.parallelism)
    snapshot, problems = look_up_dependents(topics, sets, snapshot, connections, settings, notify)
    for problem in problems:
        notify(Warned(printable(str(problem))))
    if any(p.severity == "error" for p in problems):
        raise StalePlanError("the resources that the saved plan deletes could not be read again; nothing was changed")
    staleness.check(plan, snapshot)
    used = route_changes.used_again(plan, snapshot)
    if used:
        raise StalePlanError(
            "resources that the saved plan deletes are used since it was made. Plan again.\n"
            + "\n".join(map(str, used))
        )


def _carry_out(plan: Plan, connections: Connections, settings: Settings, notify: Notify) -> Report:
    from sesform.apply import execute, interrupts, read_back

    def progress(change: Change, outcome: Outcome | None) -> None:
        notify(StepStarted(change) if outcome is None else StepFinished(outcome))

    connections.allow_writes()
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
        notify(Applied(report))
    if report.interrupted:
        return report
    if interrupt.requested:  # after the last step: its report is out
        raise KeyboardInterrupt
    if not settings.read_back:
        return report
    return replace(report, not_reflected=tuple(read_back.not_shown(report, connections)))
