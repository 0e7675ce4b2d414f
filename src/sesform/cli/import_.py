"""import: what exists, printed as specs, after making sure that a plan on the very text would be empty."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sesform.cli import run
from sesform.cli.console import Console, out
from sesform.cli.options import Options
from sesform.cli.progress import Progress
from sesform.errors import SpecError, UsageError
from sesform.model.address import Access
from sesform.model.values import printable

if TYPE_CHECKING:
    from sesform.importer.account import AccountResources
    from sesform.importer.spec_writer import Account

_FILE = "import.yaml"  # what problems in the result are said to be in


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The options of the command, as they were given."""

    accounts: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    roles: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    external_ids: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    identity_arns: tuple[str, ...] = ()
    all_topics: bool = False

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> ImportOptions:
        """The command's parameters. What is there twice without saying more, is there once."""

        def given(name: str) -> tuple[str, ...]:
            return tuple(dict.fromkeys(parameters[name] or ()))

        return cls(
            given("account"),
            given("region"),
            given("role_arn"),
            given("profile"),
            given("external_id_env"),
            given("name"),
            given("identity_arn"),
            parameters["all_topics"],
        )


def import_live(options: Options, console: Console, asked: ImportOptions) -> int:
    """Reads the accounts and prints their specs. 1 where not all could be read, or a plan on the result would not be empty."""
    from sesform.importer import account as inventory
    from sesform.importer import spec_writer
    from sesform.specs import yaml_writer

    accesses = _accesses(asked)
    accounts = _accounts(asked, accesses)
    foreign = _foreign(asked)
    places = [(account, region) for account in asked.accounts for region in asked.regions]
    connections = run.connect(options, console, places, accesses)
    where = ", ".join(sorted({str(c.scope) for c in connections.by_place.values()}))
    console.say(f"Reading what exists in {where} ...")
    with Progress(console, lambda: connections.calls, options.pace) as progress:
        findings = inventory.read(
            connections,
            foreign,
            all_topics=asked.all_topics,
            parallelism=options.parallelism,
            expect=progress.expect,
        )
    if findings.unreadable:
        for text in findings.unreadable:
            console.error(printable(text))
        console.error("Not everything could be read, so nothing is printed: it would not be all that exists.")
        return 1
    drafts = spec_writer.specs(findings.resources, accounts, whole=True, scopes=findings.scopes, notes=findings.notes)
    documents = [(d.data, d.comments) for d in drafts]
    head = [f"Made by `{_command(asked)}`. A plan on it is empty."]
    wrong = differences(yaml_writer.text(documents, head), findings)
    if wrong:
        head = [f"Made by `{_command(asked)}`. A plan on it is not empty:", *wrong]
        for text in wrong:
            console.error(printable(text))
        console.error("What is printed does not say exactly what exists; see the comments at its top.")
    out(yaml_writer.text(documents, head))
    _summarize(console, findings)
    return 1 if wrong else 0


def differences(text: str, findings: AccountResources) -> list[str]:
    """Why a plan on these specs would not be empty, or could not be made; [] where it would be empty."""
    from sesform.importer import account as inventory
    from sesform.planning import planner
    from sesform.specs import compiler, schema, yaml_reader

    documents, problems = yaml_reader.parse([(_FILE, text.encode())])
    specs, more = schema.load(documents)
    try:
        wanted = compiler.build(specs, [*problems, *more])
    except SpecError as error:
        return [str(p) for p in error.problems if p.severity == "error"]
    plan = planner.plan(wanted, inventory.snapshot(wanted, findings))
    changes = [f"{c.address} would be {c.action}d: {c.reason}" for c in plan.changes]
    return [*map(str, plan.errors), *changes]


def _summarize(console: Console, findings: AccountResources) -> None:
    kinds = {
        "identity": len({(s, p["identity"]) for k, s, p in findings.resources if k == "feedback_forwarding"}),
        "configuration set": sum(k == "configuration_set" for k, _, _ in findings.resources),
        "topic": sum(k == "topic" for k, _, _ in findings.resources),
    }
    plural = {"identity": "identities"}
    said = ", ".join(f"{n} {kind if n == 1 else plural.get(kind, kind + 's')}" for kind, n in kinds.items())
    console.say(f"Found {said}.")


def _command(asked: ImportOptions) -> str:
    """The command line again, as far as it decides what is in the result: no credentials."""
    words = ["sesform", "import"]
    for option, values in (
        ("--account", asked.accounts),
        ("--region", asked.regions),
        ("--name", asked.names),
        ("--identity-arn", asked.identity_arns),
    ):
        words += [word for value in values for word in (option, value)]
    return shlex.join([*words, *(["--all-topics"] if asked.all_topics else [])])


# --- options -----------------------------------------------------------------------------------------------------------


def accounts_of(asked: ImportOptions) -> dict[str, Account]:
    """What is asked for about each account's specs. Raises UsageError for options that do not fit together."""
    return _accounts(asked, _accesses(asked))


def _accesses(asked: ImportOptions) -> dict[str, Access]:
    """How each account is reached. Raises UsageError for options that do not fit together."""
    if not asked.accounts or not asked.regions:
        missing = "--account" if not asked.accounts else "--region"
        raise UsageError(f"{missing} is missing; import looks at accounts (--account) in regions (--region)")
    for piece, option, values in (("account", "--account", asked.accounts), ("region", "--region", asked.regions)):
        _check(piece, option, values)
    profiles = _by_account("--profile", asked.profiles, asked.accounts)
    variables = _by_account("--external-id-env", asked.external_ids, asked.accounts)
    roles = _roles(asked)
    without = sorted(set(variables) - set(roles))
    if variables and (not roles or any(f"{account}=" in value for account in without for value in asked.external_ids)):
        raise UsageError(f"--external-id-env needs a --role-arn in {without[0]}: an external id goes with a role")
    return {
        account: Access(
            account,
            profiles.get(account),
            roles.get(account),
            _secret(variables[account]) if account in variables and account in roles else None,
        )
        for account in asked.accounts
    }


def _roles(asked: ImportOptions) -> dict[str, str]:
    from sesform.model import arns

    _check("role_arn", "--role-arn", asked.roles)
    found: dict[str, str] = {}
    for text in asked.roles:
        arn = arns.parse(text)
        account = arn.account if arn else ""
        if account not in asked.accounts:
            raise UsageError(f"--role-arn {text} is of account {account}, which no --account names")
        if account in found:
            raise UsageError(f"--role-arn {text}: account {account} has a role already, {found[account]}")
        found[account] = text
    return found


def _secret(variable: str) -> str:
    value = os.environ.get(variable)
    if not value:
        raise UsageError(
            f"--external-id-env {printable(variable)}: there is no such environment variable, or it is empty"
        )
    return value


def _accounts(asked: ImportOptions, accesses: Mapping[str, Access]) -> dict[str, Account]:
    from sesform.importer.spec_writer import Account

    names = {account: f"account-{account}" for account in asked.accounts}
    given = _by_account("--name", asked.names, asked.accounts)
    _check("name", "--name", given.values())
    names |= given
    twice = next((n for n in names.values() if list(names.values()).count(n) > 1), None)
    if twice:
        raise UsageError(f"--name {twice} would be the name of two accounts' specs; write --name ACCOUNT=NAME for each")
    found = {}
    for account, access in accesses.items():
        credentials = {"profile": access.profile, "role_arn": access.role_arn}
        remark = "The external id is a secret, so it is not here: add external_id." if access.external_id else ""
        found[account] = Account(names[account], {k: v for k, v in credentials.items() if v}, remark)
    return found


def _foreign(asked: ImportOptions) -> tuple[str, ...]:
    """The ARNs to ask for. Raises UsageError for one that nobody would ask for."""
    from sesform.model import arns
    from sesform.specs.declared import canonical_arn

    _check("identity_arn", "--identity-arn", asked.identity_arns)
    for text in asked.identity_arns:
        arn = arns.parse(text)
        if arn is None or arn.partition != arns.partition(arn.region):
            raise UsageError(f"--identity-arn {text}: its region is not in its partition")
        if arn.region not in asked.regions:
            raise UsageError(f"--identity-arn {text} is in {arn.region}, which no --region names")
        if set(asked.accounts) <= {arn.account}:
            raise UsageError(f"--identity-arn {text} is the account's own; it is for identities of other accounts")
    return tuple(dict.fromkeys(map(canonical_arn, asked.identity_arns)))


def _check(piece: str, option: str, values: Iterable[str]) -> None:
    from sesform.specs import schema

    for value in values:
        wrong = schema.fault(piece, value)
        if wrong:
            raise UsageError(f"{option}: {wrong}")


def _by_account(option: str, values: Sequence[str], accounts: Sequence[str]) -> dict[str, str]:
    """`VALUE` for all accounts, `ACCOUNT=VALUE` for one. Raises UsageError for an account that is not looked at, or twice."""
    found: dict[str, str] = {}
    for text in values:
        match = re.fullmatch(r"([0-9]{12})=(.+)", text)
        if match and match[1] not in accounts:
            raise UsageError(f"{option} {printable(text)} is for account {match[1]}, which no --account names")
        if match and match[1] in found:
            raise UsageError(f"{option} is there twice for account {match[1]}; give it once")
        if match:
            found[match[1]] = match[2]
    rest = [text for text in values if not re.fullmatch(r"[0-9]{12}=.+", text)]
    if len(rest) > 1 or "" in rest:
        raise UsageError(f"{option} is there more than once for all accounts; write {option} ACCOUNT=... for each")
    return dict.fromkeys(accounts, rest[0]) | found if rest else found
