"""Validate and compile specs, and make the IAM policy that they need. No call to AWS."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sesform.engine.settings import DEFAULT_PATHS, DEFAULTS, Paths, Settings
from sesform.errors import Problem, SpecError, UsageError
from sesform.model.shard import Part, Shard
from sesform.model.values import printable
from sesform.specs import compiler, schema
from sesform.specs.desired import Desired

# What only some of the functions use is imported there: `validate` runs in every commit hook.
if TYPE_CHECKING:
    from sesform.iam_policy import AccountPolicy
    from sesform.planning.handover import Handover
    from sesform.specs.git_reader import SpecsAtRef

_SHORT_COMMIT = 12  # characters of a shown commit, as git shows it in large repositories


@dataclass(frozen=True, slots=True)
class Validation:
    """The content of valid specs: the number of specs and resources, and warnings.

    `part`: which part it is, None for all. `files`: those that have the specs.
    """

    specs: int
    resources: int
    warnings: tuple[Problem, ...] = ()
    part: Part | None = None
    files: tuple[str, ...] = ()


def validate(paths: Paths = DEFAULT_PATHS, settings: Settings = DEFAULTS) -> Validation:
    """Check specs without AWS; with a shard in the settings, all of them too, and count those of the part.

    Raises SpecError with every error of every file; UsageError if there is no spec.
    """
    desired = compile_specs(paths, since=settings.since, shard=settings.shard)
    part = desired.part._replace(command="validate") if desired.part else None
    files = tuple(dict.fromkeys(each.document.file for each in desired.specs.values()))
    return Validation(len(desired.access), len(desired.declared), desired.warnings, part, files)


def compile_specs(
    paths: Paths = DEFAULT_PATHS, *, since: str | None = None, destroy: bool = False, shard: Shard | None = None
) -> Desired:
    """Return the desired state of the specs; with `destroy`, everything that they declare is absent.

    With `since`, resources declared at that git ref and no longer declared are absent too. With `shard`, all specs are loaded and
    checked, and only that part of them is returned. Raises as `validate` does.
    """
    desired = _compiled(paths, since, destroy)
    if shard is None:
        return desired
    from sesform.planning import shards

    return shards.part_of(desired, shard)


def _compiled(paths: Paths, since: str | None, destroy: bool) -> Desired:
    from sesform.specs import yaml_reader

    earlier = None if since is None else _at(since, paths)
    documents, problems = yaml_reader.load(paths, gone=earlier.paths if earlier else ())
    specs, more = schema.load(documents)
    if not specs and not problems and not more and not (earlier and earlier.files):
        raise UsageError(
            f"no spec in {printable(', '.join(map(str, paths)))}. A spec begins with `kind: Owner` or `kind: Delegate`."
        )
    desired = compiler.build(specs, [*problems, *more], destroy=destroy)
    return _with_removed(str(since), earlier, desired) if earlier else desired


def _at(ref: str, paths: Paths) -> SpecsAtRef:
    from sesform.specs import git_reader

    return git_reader.read(ref, paths)


def compile_text(text: str, name: str) -> Desired:
    """Return the desired state of specs given as text. `name`: the file name in errors. Raises SpecError."""
    from sesform.specs import yaml_reader

    documents, problems = yaml_reader.parse([(name, text.encode())])
    specs, more = schema.load(documents)
    return compiler.build(specs, [*problems, *more])


def with_removed(earlier: Desired, desired: Desired, commit: str) -> Desired:
    """Return the desired state with resources absent that the specs declare at an earlier commit, and no longer."""
    from sesform.resources import RESOURCES
    from sesform.specs import removed

    return removed.since(earlier, desired, commit, RESOURCES)


def _with_removed(ref: str, earlier: SpecsAtRef, desired: Desired) -> Desired:
    from sesform.planning import shards
    from sesform.specs import yaml_reader

    documents, problems = yaml_reader.parse(earlier.files)
    specs, more = schema.load(documents)
    try:
        old = compiler.build(specs, [*problems, *more])
    except SpecError as error:
        text = f"the specs at {printable(ref)} are not valid, so removed resources cannot be found"
        raise SpecError([*error.problems, Problem(text, hint="name a ref at which they are valid")]) from None
    found = replace(with_removed(old, desired, earlier.commit), linked=frozenset(shards.links(old)))
    if not earlier.parted or found.declared.keys() == desired.declared.keys():
        return found
    base = earlier.parted[:_SHORT_COMMIT]
    text = f"{printable(ref)} has commits that HEAD lacks (merge base {base}); resources added there would look deleted"
    parted = Problem(text, hint=f"on a branch, use --since {base}", severity="warning")
    return replace(found, warnings=(*found.warnings, parted))


def handover(paths: Paths = DEFAULT_PATHS, *, account: str | None = None) -> Handover:
    """Return what other organizations must set for these specs; with `account`, the part of that account. No call to AWS.

    Raises SpecError with every error of every file; UsageError if there is no spec, or nothing for that account.
    """
    from sesform.planning import handover as handovers

    found = handovers.of_specs(compile_specs(paths))
    if account is None:
        return found
    part = found.for_account(account)
    if not part.parties:
        known = ", ".join(sorted({scope.account for scope in found.parties})) or "none"
        raise UsageError(
            f"--account {printable(account)!r} has nothing to set for these specs; accounts that have: {known}"
        )
    return part


def iam_policy(
    paths: Paths = DEFAULT_PATHS,
    settings: Settings = DEFAULTS,
    *,
    account: str | None = None,
    apply: bool = False,
    destroy: bool = False,
    verify: bool = False,
) -> tuple[str, AccountPolicy, Desired]:
    """Return the least IAM policy of one account: the account, its policy, and the desired state.

    `apply`, `destroy`, `verify`: include the permissions to do that; `since`, `prune` and `blame` of the settings count too. Raises
    SpecError, and UsageError if `account` is missing and the specs have several accounts, or if it is not one of them.
    """
    from sesform import iam_policy as policies
    from sesform.planning import prune
    from sesform.planning.proof import messages

    desired = compile_specs(paths, since=settings.since)
    chosen = _account(policies.accounts(desired), account)
    made = [desired, compile_specs(paths, since=settings.since, destroy=True)] if destroy else [desired]
    pruned = prune.anything(desired) if settings.prune else ()
    removed, proof = [desired] if destroy else [], messages.plan(desired, "policy") if verify else None
    policy = policies.of_account(chosen, made, removed, pruned, proof, writes=apply, blame=settings.blame)
    return chosen, policy, desired


def _account(known: tuple[str, ...], asked: str | None) -> str:
    if asked is not None and asked not in known:
        raise UsageError(
            f"--account {printable(asked)!r} is not an account of these specs; their accounts: {', '.join(known) or 'none'}"
        )
    if asked is None and len(known) != 1:
        raise UsageError(
            f"the specs have {len(known)} accounts, and each needs its own policy. Pass --account with one of "
            + ", ".join(known)
        )
    return asked or known[0]
