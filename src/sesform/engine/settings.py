"""The settings of a run, as plain data, and its connections to AWS."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sesform.engine.progress import Connected, Connecting, Notify, Throttled, Warned
from sesform.model import arns
from sesform.model.address import Access
from sesform.model.quotas import DEFAULT_BLAME_DAYS, LOOKUPS_PER_SECOND, SES_CALLS_PER_SECOND
from sesform.model.shard import Shard
from sesform.specs.desired import Desired

if TYPE_CHECKING:
    from sesform.aws import Connections, Logins

Paths = Sequence[str | Path]
DEFAULT_PATHS: Paths = ("specs",)


class EmulatedAws(Protocol):
    """An emulated AWS to run against, such as `sesform_sandbox.Sandbox`."""

    def botocore_session(self, account: str) -> Any: ...
    def declare_identity(self, account: str, region: str, name: str) -> None: ...
    def declare_role(self, arn: str, external_id: str | None = None) -> None: ...
    def declare_key(self, arn: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a run. The defaults are those of the command line.

    `only`: globs of addresses; the plan is limited to these and what they depend on. `since`: a git ref; resources declared
    there and no longer declared are deleted. `prune`: tagged resources that no spec names are deleted. `unmanaged`: the plan
    lists resources that no spec names. `allow_…`: turns a guard off. `rate`: SES calls per second in each account and region;
    None for no pacing; infinite for the quota of SES, and more for as long as AWS accepts it. `parallelism`: the most calls in
    flight. `read_back`: after applying, wait for up to a minute until AWS shows the changes. `sandbox`: run against this emulated
    AWS. `logins`: connections to use and to keep, so that several calls log in once; without it each call logs in.
    `shard`: cover this part of the specs only. `blame`: drift looks up in CloudTrail who changed what has drifted, in the last
    `blame_days`, at most 90.
    """

    only: tuple[str, ...] = ()
    since: str | None = None
    prune: bool = False
    unmanaged: bool = False
    allow_dark: bool = False
    allow_mass_change: bool = False
    allow_irreversible: bool = False
    allow_new_legacy: bool = False
    rate: float | None = SES_CALLS_PER_SECOND
    parallelism: int = 10
    read_back: bool = True
    sandbox: EmulatedAws | None = None
    logins: Logins | None = None
    shard: Shard | None = None
    blame: bool = False
    blame_days: int = DEFAULT_BLAME_DAYS


DEFAULTS = Settings()


def connect(
    places: Iterable[tuple[str, str]],
    access: Mapping[str, Access],
    settings: Settings,
    notify: Notify,
    desired: Desired | None = None,
) -> Connections:
    """Connect to the account of each (spec, region), for reading only.

    In a sandbox, the identities, roles and keys that the specs name are created first. Raises CredentialsError, AwsError or
    AccountError.
    """
    notify(Connecting())
    if settings.sandbox is not None:
        _declare_in(settings.sandbox, access, desired)
    logins = settings.logins or _logins(settings)
    tags = settings.prune or (desired is not None and desired.of_type("ownership_tag") != [])
    connections = logins.connect(places, access, tags=tags, on_throttled=lambda found: notify(Throttled(*found)))
    notify(Connected(logins.costs, logins.progress))
    for warning in connections.warnings:
        notify(Warned(warning))
    return connections


def keeping_logins(settings: Settings) -> Settings:
    """Return the settings with logins to share: plans and applies that use them log in to each account once."""
    return replace(settings, logins=_logins(settings))


def _logins(settings: Settings) -> Logins:
    from sesform import aws

    sandbox = settings.sandbox
    opener = aws.sessions_by_profile() if sandbox is None else lambda _, account: sandbox.botocore_session(account)
    # Only a sandbox without quotas accepts more lookups than CloudTrail.
    lookup_rate = None if sandbox is not None and settings.rate is None else LOOKUPS_PER_SECOND
    return aws.Logins(
        aws.Settings(rate=settings.rate, lookup_rate=lookup_rate, parallelism=settings.parallelism, open_session=opener)
    )


def _declare_in(sandbox: EmulatedAws, access: Mapping[str, Access], desired: Desired | None) -> None:
    """Create in the sandbox what the specs require: verified identities, roles and keys."""
    from sesform import aws

    for each in access.values():
        if each.role_arn:
            sandbox.declare_role(each.role_arn, aws.external_id(each))
    for declared in desired.of_type("topic") if desired else ():
        if declared.desired and declared.desired.get("kms_key"):
            sandbox.declare_key(arns.kms_key(declared.scope, declared.desired["kms_key"]))
    for declared in desired.declared.values() if desired else ():
        identity = declared.key.get("identity", "")
        foreign = arns.parse(identity)
        if foreign is not None:
            sandbox.declare_identity(foreign.account, foreign.region, foreign.resource.removeprefix("identity/"))
        elif identity:
            sandbox.declare_identity(declared.scope.account, declared.scope.region, identity)
