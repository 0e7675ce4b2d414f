"""Plan and drift: read AWS, compare, check. Only reads."""

from __future__ import annotations

import difflib
import fnmatch
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from sesform.engine.default_sets import read_default_sets, unheard
from sesform.engine.progress import (
    CoveringPart,
    Notify,
    ReadingDependents,
    ReadingResources,
    ReadingTags,
    ReadingUnmanaged,
    ignore,
)
from sesform.engine.settings import DEFAULT_PATHS, DEFAULTS, Paths, Settings, connect
from sesform.engine.specs import compile_specs
from sesform.errors import Problem, UsageError
from sesform.live.snapshot import Snapshot
from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import printable
from sesform.planning import guards, planner, prune, route_changes, routes
from sesform.planning.checks import kms_keys as kms_key_checks
from sesform.planning.checks import removed_by_ses
from sesform.planning.plan import Plan, PlanOptions
from sesform.specs.desired import Desired

if TYPE_CHECKING:
    from sesform.aws import Connections


def plan(
    paths: Paths = DEFAULT_PATHS, settings: Settings = DEFAULTS, notify: Notify = ignore, *, destroy: bool = False
) -> Plan:
    """Compare the specs with AWS; with `destroy`, plan to remove everything that they declare. Only reads AWS.

    Problems, and refusals of guards, are in the plan's diagnostics. Raises SpecError, UsageError, CredentialsError, AccountError
    and AwsError if no plan can be made.
    """
    allowed = guards.Allowed(
        settings.allow_dark,
        settings.allow_mass_change or destroy,
        settings.allow_irreversible,
        settings.allow_new_legacy,
    )
    made = plan_desired(compiled(paths, settings, notify, destroy=destroy), settings, notify)
    refusals = guards.check(made, allowed) if not made.errors else []
    options = PlanOptions(
        settings.only,
        destroy,
        settings.prune,
        settings.allow_dark,
        settings.allow_mass_change,
        settings.allow_irreversible,
        settings.allow_new_legacy,
        settings.sandbox is not None,
    )
    return replace(made, diagnostics=(*made.diagnostics, *refusals), options=options)


def compiled(paths: Paths, settings: Settings, notify: Notify, *, destroy: bool = False) -> Desired:
    """Return the desired state of the specs, or of the part that the settings name."""
    desired = compile_specs(paths, since=settings.since, destroy=destroy, shard=settings.shard)
    if desired.part is not None and desired.whole is not None:
        notify(CoveringPart(desired.part.shard, len(desired.access), len(desired.whole.access)))
    return desired


def plan_desired(desired: Desired, settings: Settings = DEFAULTS, notify: Notify = ignore) -> Plan:
    """Compare compiled specs with AWS, without guards. Raises as `plan` does."""
    desired, snapshot, connections = read(desired, settings, notify)
    desired, snapshot = _with_dependents(desired, snapshot, connections, settings, notify)
    made, snapshot = _planned(desired, snapshot, connections, settings)
    return _with_unmanaged(made, desired, snapshot, connections, settings, notify)


def drift(paths: Paths = DEFAULT_PATHS, settings: Settings = DEFAULTS, notify: Notify = ignore) -> Plan:
    """Return the differences between the specs and AWS as a plan, with warnings of topics that SES has removed. Only reads AWS.

    Raises as `plan` does.
    """
    made = drift_of(compiled(paths, settings, notify), settings, notify)
    return replace(made, part=made.part._replace(command="drift")) if made.part else made


def drift_of(desired: Desired, settings: Settings = DEFAULTS, notify: Notify = ignore) -> Plan:
    """Return the differences between compiled specs and AWS. Raises as `plan` does."""
    desired, snapshot, connections = read(desired, settings, notify)
    made, snapshot = _planned(desired, snapshot, connections, settings)
    if settings.blame:
        from sesform.engine.blame import with_blame

        made = with_blame(made, connections, settings, notify)
    recorded = {b.address for b in made.blame.resources if b.by == "call"} if made.blame else ()
    removed_topics = removed_by_ses.removed_by_ses(desired, snapshot, made.changes, recorded)
    made = replace(made, diagnostics=(*made.diagnostics, *removed_topics))
    return _with_unmanaged(made, desired, snapshot, connections, settings, notify)


def read(desired: Desired, settings: Settings, notify: Notify) -> tuple[Desired, Snapshot, Connections]:
    """Return the desired state, with `prune` including tagged resources, the live state, and the connections."""
    from sesform.live import kms_keys, refresh, tagged

    wanted = [*desired.declared.values(), *desired.unmanaged]
    places = [(d.address.spec, d.address.region) for d in wanted]
    if settings.prune or settings.unmanaged:  # a spec may declare nothing in one of its regions
        places += [(name, region) for name, loaded in desired.specs.items() for region in loaded.spec.regions]
    connections = connect(places, desired.access, settings, notify, desired)
    if settings.prune:
        notify(ReadingTags())
        desired = prune.pruned(desired, tagged.find(desired, connections))
        wanted = [*desired.declared.values(), *desired.unmanaged]
    scopes = tuple(sorted({c.scope for c in connections.by_place.values()}))
    notify(ReadingResources(len(desired.declared), scopes))
    snapshot = refresh.read(wanted, desired.topics_to_look_at, connections, settings.parallelism)
    keys = {*kms_key_checks.in_use(desired, snapshot).values(), *kms_key_checks.of_topics(snapshot)}
    return desired, kms_keys.read(keys, snapshot, connections, settings.parallelism), connections


def _with_dependents(
    desired: Desired, snapshot: Snapshot, connections: Connections, settings: Settings, notify: Notify
) -> tuple[Desired, Snapshot]:
    """Return the same with the users of topics and configuration sets that will be deleted. No call if nothing is deleted."""
    topic_arns, sets = route_changes.deletions(desired, snapshot)
    matches = partial(_matches, settings.only)
    tenants = _tenants(desired, snapshot, sets, matches, connections, settings)
    snapshot, problems = look_up_dependents(
        {arn: address for arn, address in topic_arns.items() if matches(str(address))},
        {key: address for key, address in sets.items() if matches(str(address))},
        snapshot,
        connections,
        settings,
        notify,
    )
    return replace(desired, warnings=(*desired.warnings, *problems, *tenants)), snapshot


_MAX_IDENTITIES = 10  # whose tenants are looked up: one call for each


def _tenants(
    desired: Desired,
    snapshot: Snapshot,
    sets: Mapping[tuple[Scope, str], Address],
    matches: Callable[[str], bool],
    connections: Connections,
    settings: Settings,
) -> tuple[Problem, ...]:
    """Return warnings of tenants that use what the plan removes. No call if it removes no set and no settings of an identity."""
    from sesform.live import dependents

    identities = {k: a for k, a in route_changes.reset_identities(desired, snapshot).items() if matches(str(a))}
    found = {arns.configuration_set(*key): address for key, address in sets.items() if matches(str(address))}
    skipped: tuple[Problem, ...] = ()
    if len(identities) > _MAX_IDENTITIES:
        text = f"tenants of {len(identities)} identities whose settings are removed were not looked up"
        hint = "this takes one call for each; remove fewer at once to have them checked"
        skipped = (Problem(text, hint=hint, severity="warning"),)
    else:
        found |= {arns.identity(*key): address for key, address in identities.items()}
    return (*skipped, *(dependents.tenants_of(found, connections, settings.parallelism) if found else ()))


def look_up_dependents(
    topic_arns: Mapping[str, Address],
    sets: Mapping[tuple[Scope, str], Address],
    snapshot: Snapshot,
    connections: Connections,
    settings: Settings,
    notify: Notify,
) -> tuple[Snapshot, tuple[Problem, ...]]:
    """Return the snapshot with the users of these topics and configuration sets, and what could not be read."""
    from sesform.live import dependents

    def announce(type_: str) -> dependents.Announce:
        return lambda scope, names, calls: notify(ReadingDependents(scope, type_, tuple(names), calls))

    problems: tuple[Problem, ...] = ()
    if topic_arns:
        snapshot, problems = dependents.users_of_topics(
            topic_arns, snapshot, connections, settings.parallelism, announce("topic")
        )
    if sets:
        snapshot = dependents.users_of_sets(
            sets, snapshot, connections, settings.parallelism, announce("configuration_set")
        )
    return snapshot, problems


def _with_unmanaged(
    made: Plan, desired: Desired, snapshot: Snapshot, connections: Connections, settings: Settings, notify: Notify
) -> Plan:
    if not settings.unmanaged:
        return made
    from sesform.live import unmanaged

    notify(ReadingUnmanaged())
    found, problems = unmanaged.find(desired, snapshot, connections, settings.parallelism)
    return replace(made, unmanaged=found, diagnostics=(*made.diagnostics, *problems))


def _planned(
    desired: Desired, snapshot: Snapshot, connections: Connections, settings: Settings
) -> tuple[Plan, Snapshot]:
    """Return the plan and what it was made from.

    Before an identity counts as dark, its default configuration set is read, and the plan made again.
    """
    made = planner.plan(desired, snapshot)
    silent = {(c.subject.scope, c.subject.name) for c in routes.dark(made.routes)} - snapshot.sending.keys()
    narrowed = {c.subject.scope for c in made.routes if c.subject.kind == "configuration set" and c.lost}
    if narrowed:  # identities that only these sets may serve
        live = route_changes.live_routes(desired, snapshot)
        silent |= {key for key in unheard(live, snapshot) if key[0] in narrowed}
    if silent:
        snapshot = read_default_sets(silent, desired, snapshot, connections, settings)
        made = planner.plan(desired, snapshot)
    made = _chosen(made, desired, snapshot, settings.only)
    origins = {c.address: d.origin for c in made.changes if (d := desired.declared.get(c.address)) and d.origin}
    return replace(made, origins=origins), snapshot


def _chosen(made: Plan, desired: Desired, snapshot: Snapshot, only: Sequence[str]) -> Plan:
    if not only:
        return made
    known = {str(a) for a in (desired.whole or desired).declared} | {str(c.address) for c in made.changes}
    for glob in only:
        if not fnmatch.filter(known, glob):
            near = difflib.get_close_matches(glob, sorted(known), n=1, cutoff=0.4)
            raise UsageError(
                f"--only {printable(glob)!r} matches no address" + (f"; the nearest is {near[0]}" if near else "")
            )
    return planner.part(made, desired, snapshot, partial(_matches, only))


def _matches(globs: Sequence[str], address: str) -> bool:
    return not globs or any(fnmatch.fnmatchcase(address, glob) for glob in globs)
