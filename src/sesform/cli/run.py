"""What commands do with their options: load, compile, connect, plan. Slow imports happen here, where they are needed."""

from __future__ import annotations

import difflib
import fnmatch
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sesform.cli.console import Console, out
from sesform.cli.options import Format, Options
from sesform.errors import PlanFileError, Problem, SpecError, UsageError
from sesform.model.address import Access, Scope
from sesform.model.values import printable

if TYPE_CHECKING:
    from sesform.aws import Connections
    from sesform.live.snapshot import Snapshot
    from sesform.planning.plan import Plan
    from sesform.specs.desired import Desired
    from sesform.specs.git_reader import SpecsAtRef
    from sesform_sandbox import Sandbox

_STATE = Path(".sesform") / "sandbox.json"
_SHORT = 12  # characters of a commit's name, as git shows it in large repositories


def compile_specs(options: Options, *, destroy: bool = False) -> Desired:
    """Specs → what they ask for; with --since, that what left them be absent too.

    Raises SpecError with every problem of every file, UsageError where there are no specs.
    """
    from sesform.specs import compiler, schema, yaml_reader

    then = _then(options)
    documents, problems = yaml_reader.load(options.paths, gone=then.paths if then else ())
    specs, more = schema.load(documents)
    if not specs and not problems and not more and not (then and then.files):
        raise UsageError(
            f"no spec in {printable(', '.join(map(str, options.paths)))}; a spec begins with `kind: Owner` or `kind: Delegate`"
        )
    now_ = compiler.build(specs, [*problems, *more], destroy=destroy)
    return _with_what_left(options, then, now_) if then else now_


def _then(options: Options) -> SpecsAtRef | None:
    if options.since is None:
        return None
    from sesform.specs import git_reader

    return git_reader.read(options.since, options.paths)


def _with_what_left(options: Options, then: SpecsAtRef, now_: Desired) -> Desired:
    from sesform.specs import compiler, removed, schema, yaml_reader

    documents, problems = yaml_reader.parse(then.files)
    specs, more = schema.load(documents)
    try:
        old = compiler.build(specs, [*problems, *more])
    except SpecError as error:
        text = f"the specs at {printable(str(options.since))} are not valid, so that what left them cannot be told"
        raise SpecError([*error.problems, Problem(text, hint="name a ref at which they were valid")]) from None
    found = removed.since(old, now_, then.commit)
    if not then.parted or found.declared.keys() == now_.declared.keys():
        return found
    base = then.parted[:_SHORT]
    text = (
        f"{printable(str(options.since))} has gone on since HEAD and it parted at {base}; "
        "what was added there meanwhile looks as if it had left"
    )
    parted = Problem(text, hint=f"on a branch, compare with --since {base}", severity="warning")
    return replace(found, warnings=(*found.warnings, parted))


def open_sandbox(rate: float | None = None) -> Sandbox:
    """The sandbox with its state between commands."""
    from sesform_sandbox import Sandbox

    return Sandbox(state_file(), rate=rate)


def state_file() -> Path:
    return Path(os.environ.get("SESFORM_SANDBOX_STATE") or _STATE)


def connect(
    options: Options,
    console: Console,
    places: Iterable[tuple[str, str]],
    access: Mapping[str, Access],
    desired: Desired | None = None,
) -> Connections:
    """Connections that only read, to AWS or to the sandbox; in the latter all that the specs name counts as there and verified."""
    from sesform import aws

    tags = options.prune or (desired is not None and any(a.type == "ownership_tag" for a in desired.declared))
    settings = aws.Settings(rate=options.pace, parallelism=options.parallelism, tags=tags)
    if options.sandbox:
        console.say(f"Sandbox: this is a simulated AWS, kept in {state_file()}; no real account is read or changed.")
        sandbox = open_sandbox(options.sandbox_rate)
        _furnish(sandbox, access, desired)
        settings = replace(settings, open_session=lambda profile, account: sandbox.botocore_session(account))
    connections = aws.connect(places, access, settings)
    for warning in connections.warnings:
        console.warn(warning)
    return connections


def _furnish(sandbox: Sandbox, access: Mapping[str, Access], desired: Desired | None) -> None:
    from sesform.model import arns

    for each in access.values():
        if each.role_arn:
            sandbox.declare_role(each.role_arn, each.external_id)
    for declared in desired.declared.values() if desired else ():
        identity = declared.key.get("identity", "")
        if declared.address.type == "topic" and declared.desired and declared.desired.get("kms_key"):
            key = arns.kms_key(declared.scope, declared.desired["kms_key"])
            sandbox.declare_key(key)
        foreign = arns.parse(identity)
        if foreign is not None:
            sandbox.declare_identity(foreign.account, foreign.region, foreign.resource.removeprefix("identity/"))
        elif identity:
            sandbox.declare_identity(declared.scope.account, declared.scope.region, identity)


def read_aws(options: Options, console: Console, desired: Desired) -> tuple[Desired, Snapshot, Connections]:
    """What AWS holds of all that the specs speak of; with --prune, they speak of what they have left behind too."""
    from sesform.live import kms_keys, refresh
    from sesform.planning.checks import kms_keys as kms_key_checks

    places = [(d.address.spec, d.address.region) for d in [*desired.declared.values(), *desired.unmanaged]]
    if (
        options.prune or options.unmanaged
    ):  # what exists is looked for wherever a spec is, though it may declare nothing there
        places += [(name, region) for name, loaded in desired.specs.items() for region in loaded.spec.regions]
    connections = connect(options, console, places, desired.access, desired)
    if options.prune:
        from sesform.live import tagged
        from sesform.planning import prune

        console.say("Looking for what carries the tags of these specs ...")
        desired = prune.pruned(desired, tagged.find(desired, connections))
    wanted = [*desired.declared.values(), *desired.unmanaged]
    scopes = {c.scope for c in connections.by_place.values()}
    where = ", ".join(map(str, sorted(scopes))) or "no account"
    console.say(f"Reading {len(desired.declared)} declared settings in {where} ...")
    snapshot = refresh.read(wanted, desired.topics_to_look_at, connections, options.parallelism)
    used = set(kms_key_checks.in_use(desired, snapshot).values())
    return desired, kms_keys.read(used, snapshot, connections, options.parallelism), connections


def make_plan(options: Options, console: Console, desired: Desired) -> tuple[Plan, Connections]:
    """Reads AWS and plans; with --only, the part of the plan that matches. Where that deletes topics or configuration sets, their
    users are looked for too."""
    from sesform.live import dependents
    from sesform.planning import route_changes

    desired, snapshot, connections = read_aws(options, console, desired)
    plan = _planned(options, desired, snapshot)
    topics = {arn: change.address for arn, change in route_changes.deleted_topics(plan).items()}
    if topics:
        tell = looking_for_publishers(options, console)
        snapshot, problems = dependents.users_of_topics(topics, snapshot, connections, options.parallelism, tell)
        desired = replace(desired, warnings=(*desired.warnings, *problems))
        plan = _planned(options, desired, snapshot)
    sets = {key: change.address for key, change in route_changes.deleted_sets(plan).items()}
    if sets:
        tell = looking(options, console)
        snapshot = dependents.users_of_sets(sets, snapshot, connections, options.parallelism, tell)
        plan = _planned(options, desired, snapshot)
    return with_unnamed(options, console, plan, desired, snapshot, connections), connections


def with_unnamed(
    options: Options, console: Console, plan: Plan, desired: Desired, snapshot: Snapshot, connections: Connections
) -> Plan:
    """The plan; with --unmanaged, with what exists and no spec names."""
    if not options.unmanaged:
        return plan
    from sesform.live import unmanaged

    console.say("Looking for what no spec names ...")
    found, problems = unmanaged.find(desired, snapshot, connections, options.parallelism)
    return replace(plan, unmanaged=found, diagnostics=(*plan.diagnostics, *problems))


def looking(options: Options, console: Console) -> Callable[[Scope, list[str], int], None]:
    """What says that all identities of an account are asked for, and how long that takes."""

    def tell(scope: Scope, sets: list[str], calls: int) -> None:
        names, n = printable(", ".join(sets)), _so_many(calls, options)
        console.say(f"Looking for identities of {scope} that use {names} by default: {n} ...")

    return tell


def looking_for_publishers(options: Options, console: Console) -> Callable[[Scope, list[str], int], None]:
    """What says that all identities and sets of an account are asked for, and how long that takes."""

    def tell(scope: Scope, topics: list[str], calls: int) -> None:
        console.say(f"Looking for what else in {scope} uses topics that go: {_so_many(calls, options)} ...")

    return tell


def _so_many(calls: int, options: Options) -> str:
    from sesform.model.quotas import least_seconds
    from sesform.render.text import duration

    seconds = least_seconds(calls, options.quota)
    return f"{calls} call{'' if calls == 1 else 's'}" + (f", at least {duration(seconds)}" if seconds else "")


def find_drift(options: Options, console: Console, desired: Desired) -> Plan:
    """The plan as drift: with what SES has probably done itself among its warnings."""
    from sesform.planning.checks import removed_by_ses

    desired, snapshot, connections = read_aws(options, console, desired)
    plan = _planned(options, desired, snapshot)
    plan = replace(
        plan, diagnostics=(*plan.diagnostics, *removed_by_ses.removed_by_ses(desired, snapshot, plan.changes))
    )
    return with_unnamed(options, console, plan, desired, snapshot, connections)


def _planned(options: Options, desired: Desired, snapshot: Snapshot) -> Plan:
    from sesform.planning import planner

    plan = planner.plan(desired, snapshot)
    if not options.only:
        return plan
    known = {str(a) for a in desired.declared} | {str(c.address) for c in plan.changes}
    for glob in options.only:
        if not fnmatch.filter(known, glob):
            near = difflib.get_close_matches(glob, sorted(known), n=1, cutoff=0.4)
            raise UsageError(
                f"--only {printable(glob)!r} matches no address" + (f"; the nearest is {near[0]}" if near else "")
            )
    return planner.part(plan, desired, snapshot, partial(_matches, options.only))


def _matches(globs: Sequence[str], address: str) -> bool:
    return any(fnmatch.fnmatchcase(address, glob) for glob in globs)


def guarded(options: Options, plan: Plan) -> Plan:
    """The plan with what refuses it among its diagnostics, unless it was allowed."""
    from sesform.planning import guards

    allowed = guards.Allowed(options.allow_dark, options.allow_mass_change, options.allow_irreversible)
    refusals = guards.check(plan, allowed) if not plan.errors else []
    return replace(plan, diagnostics=(*plan.diagnostics, *refusals))


def present(options: Options, console: Console, plan: Plan, *, drift: bool = False, only_errors: bool = False) -> bool:
    """The plan on stdout, warnings and errors on stderr; whether it may be gone on with.

    A plan that something stands in the way of is not drawn; one that a guard refuses is, to be judged. With `only_errors` a plan
    that may be gone on with is not written, because something else will be.
    """
    if options.format is Format.json and (plan.errors or not only_errors):
        out(plan_text(options, plan))
    if options.format is not Format.json and all(d.path == "" for d in plan.errors):
        draw(options, plan, drift=drift)
    console.problems(plan.diagnostics)
    if plan.errors:
        n = len(plan.errors)
        console.error(f"{n} {'problem stands' if n == 1 else 'problems stand'} in the way; nothing was changed.")
    return not plan.errors


def draw(options: Options, plan: Plan, *, drift: bool = False) -> None:
    """The plan on stdout as people read it."""
    import sys

    from sesform.cli.console import coloured
    from sesform.render import markdown, text
    from sesform.render import unmanaged as unnamed

    if options.format is Format.markdown:
        drawn = markdown.plan(plan, drift=drift, rate=options.quota)
        out(drawn + unnamed.markdown(plan, markdown.MAX_CHARACTERS - len(drawn)))
        return
    colour = coloured(sys.stdout, options.no_color)
    drawn = text.drift(plan, colour=colour) if drift else text.plan(plan, colour=colour, rate=options.quota)
    out(drawn + unnamed.text(plan, colour=colour))


def plan_text(options: Options, plan: Plan) -> str:
    from sesform.planning import plan_file

    return plan_file.text(plan_file.document(plan, timestamp=now(), rate=options.quota))


def now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def with_secrets(plan: Plan, paths: Sequence[str | Path]) -> dict[str, Access]:
    """A saved plan's accesses, with the external ids that the file does not hold taken from the specs: those of now, and those at
    the commit that the plan was made with.

    Raises PlanFileError where a spec that has one is not there any more, or means another role.
    """
    if all(a.external_id is None for a in plan.access.values()):
        return dict(plan.access)
    specs = compile_specs(Options(tuple(paths), since=plan.since or None)).access
    found = {}
    for name, saved in plan.access.items():
        now_ = specs.get(name)
        if saved.external_id is not None and (
            now_ is None or replace(now_, external_id=None) != replace(saved, external_id=None)
        ):
            raise PlanFileError(
                f"the plan needs the external id of spec {name!r}, and the specs do not have that spec as it was; plan again"
            )
        found[name] = now_ if now_ is not None and saved.external_id is not None else saved
    return found
