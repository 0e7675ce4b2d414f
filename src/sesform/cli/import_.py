"""The command import: print live resources as specs, after a plan on the same text."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sesform.cli.console import out
from sesform.cli.options import Calls
from sesform.cli.presenting import Notifier, View
from sesform.errors import UsageError
from sesform.model.address import Access
from sesform.model.values import printable

if TYPE_CHECKING:
    from sesform.engine import Imported
    from sesform.importer.spec_writer import Account


def _repeatable(option: str, help: str, metavar: str) -> Any:
    return typer.Option(option, metavar=metavar, help=f"{help} Repeatable.")


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """The options of import, as they were given."""

    account: Annotated[list[str] | None, _repeatable("--account", "An account to import from.", "A")] = None
    region: Annotated[list[str] | None, _repeatable("--region", "A region to import from, in each account.", "R")] = (
        None
    )
    role_arn: Annotated[
        list[str] | None, _repeatable("--role-arn", "The role to assume in the account of the ARN.", "ARN")
    ] = None
    profile: Annotated[
        list[str] | None, _repeatable("--profile", "The AWS profile for all accounts, or for A.", "[A=]NAME")
    ] = None
    external_id_env: Annotated[
        list[str] | None,
        _repeatable("--external-id-env", "The environment variable with the external id.", "[A=]VAR"),
    ] = None
    name: Annotated[list[str] | None, _repeatable("--name", "The name of the specs of account A.", "[A=]NAME")] = None
    identity_arn: Annotated[
        list[str] | None,
        _repeatable("--identity-arn", "Also import legacy entries for this identity of another account.", "ARN"),
    ] = None
    all_topics: Annotated[bool, typer.Option("--all-topics", help="Include topics that SES does not publish to.")] = (
        False
    )

    @staticmethod
    def _given(values: list[str] | None) -> tuple[str, ...]:
        """Return the values of a repeatable option. Exact duplicates are dropped."""
        return tuple(dict.fromkeys(values or ()))

    @property
    def accounts(self) -> tuple[str, ...]:
        return self._given(self.account)

    @property
    def regions(self) -> tuple[str, ...]:
        return self._given(self.region)

    @property
    def roles(self) -> tuple[str, ...]:
        return self._given(self.role_arn)

    @property
    def profiles(self) -> tuple[str, ...]:
        return self._given(self.profile)

    @property
    def external_ids(self) -> tuple[str, ...]:
        return self._given(self.external_id_env)

    @property
    def names(self) -> tuple[str, ...]:
        return self._given(self.name)

    @property
    def identity_arns(self) -> tuple[str, ...]:
        return self._given(self.identity_arn)


def import_live(asked: ImportOptions, calls: Calls, view: View) -> int:
    """Read the accounts and print their specs. Return 1 if something could not be read, or if a plan on them is not empty."""
    from sesform import engine

    accesses = _accesses(asked)
    request = engine.ImportRequest(
        accesses, _accounts(asked, accesses), asked.regions, _foreign(asked), asked.all_topics, _command(asked)
    )
    with Notifier(view, calls) as notify:
        found = engine.import_live(request, calls.settings(), notify)
    for text in (*found.unreadable, *found.differences):
        view.console.error(printable(text))
    if found.unreadable:
        view.console.error("Something could not be read, so nothing is printed: the result would be incomplete.")
        return 1
    if found.differences:
        view.console.error("The specs differ from AWS; the comments at their top say how.")
    out(found.text)
    view.console.problems(found.warnings)
    _summarize(view, found)
    return 1 if found.differences else 0


def _summarize(view: View, found: Imported) -> None:
    words = (("identity", "identities"), ("configuration set", "configuration sets"), ("topic", "topics"))
    said = ", ".join(f"{n} {one if n == 1 else more}" for n, (one, more) in zip(found.counts, words, strict=True))
    view.console.say(f"Found {said}.")


def _command(asked: ImportOptions) -> str:
    """Return the command line again, with the options that determine the result, without credentials."""
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
    """Return the head of each account's specs. Raises UsageError for options that contradict each other."""
    return _accounts(asked, _accesses(asked))


def _accesses(asked: ImportOptions) -> dict[str, Access]:
    """Return the credentials of each account. Raises UsageError for options that contradict each other."""
    if not asked.accounts or not asked.regions:
        missing = "--account" if not asked.accounts else "--region"
        raise UsageError(f"{missing} is missing. import needs accounts (--account) and regions (--region).")
    for piece, option, values in (("account", "--account", asked.accounts), ("region", "--region", asked.regions)):
        _check(piece, option, values)
    profiles = _by_account("--profile", asked.profiles, asked.accounts)
    variables = _by_account("--external-id-env", asked.external_ids, asked.accounts)
    roles = _roles(asked)
    without = sorted(set(variables) - set(roles))
    if variables and (not roles or any(f"{account}=" in value for account in without for value in asked.external_ids)):
        raise UsageError(f"--external-id-env requires a --role-arn in {without[0]}: an external id belongs to a role")
    return {
        account: Access(
            account,
            profiles.get(account),
            roles.get(account),
            external_id_env=_variable(variables[account]) if account in variables and account in roles else None,
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
            raise UsageError(f"--role-arn {text} belongs to account {account}, which is not an --account")
        if account in found:
            raise UsageError(f"--role-arn {text}: account {account} already has the role {found[account]}")
        found[account] = text
    return found


def _variable(name: str) -> str:
    if not os.environ.get(name):
        raise UsageError(f"--external-id-env {printable(name)}: this environment variable is missing or empty")
    return name


def _accounts(asked: ImportOptions, accesses: Mapping[str, Access]) -> dict[str, Account]:
    from sesform.importer.spec_writer import Account

    names = {account: f"account-{account}" for account in asked.accounts}
    given = _by_account("--name", asked.names, asked.accounts)
    _check("name", "--name", given.values())
    names |= given
    twice = next((n for n in names.values() if list(names.values()).count(n) > 1), None)
    if twice:
        raise UsageError(f"--name {twice} would name the specs of two accounts. Write --name ACCOUNT=NAME for each.")
    found = {}
    for account, access in accesses.items():
        given = {name: getattr(access, name) for name in ("profile", "role_arn", "external_id_env")}
        found[account] = Account(names[account], {name: value for name, value in given.items() if value})
    return found


def _foreign(asked: ImportOptions) -> tuple[str, ...]:
    """Return the ARNs of identities of other accounts. Raises UsageError for ARNs that cannot have a legacy entry here."""
    from sesform.model import arns
    from sesform.specs.declared import canonical_arn

    _check("identity_arn", "--identity-arn", asked.identity_arns)
    for text in asked.identity_arns:
        arn = arns.parse(text)
        if arn is None or arn.partition != arns.partition(arn.region):
            raise UsageError(f"--identity-arn {text}: its region is not in its partition")
        if arn.region not in asked.regions:
            raise UsageError(f"--identity-arn {text} is in {arn.region}, which is not a --region")
        if set(asked.accounts) <= {arn.account}:
            raise UsageError(
                f"--identity-arn {text} belongs to an --account; the option is for identities of other accounts"
            )
    return tuple(dict.fromkeys(map(canonical_arn, asked.identity_arns)))


def _check(piece: str, option: str, values: Iterable[str]) -> None:
    from sesform.specs import schema

    for value in values:
        wrong = schema.fault(piece, value)
        if wrong:
            raise UsageError(f"{option}: {wrong}")


def _by_account(option: str, values: Sequence[str], accounts: Sequence[str]) -> dict[str, str]:
    """Return the values of `VALUE` for all accounts and `ACCOUNT=VALUE` for one.

    Raises UsageError for an account that is not imported, or for two values of one account.
    """
    found: dict[str, str] = {}
    for text in values:
        match = re.fullmatch(r"([0-9]{12})=(.+)", text)
        if match and match[1] not in accounts:
            raise UsageError(f"{option} {printable(text)} is for account {match[1]}, which is not an --account")
        if match and match[1] in found:
            raise UsageError(f"{option} is repeated for account {match[1]}; pass it once")
        if match:
            found[match[1]] = match[2]
    rest = [text for text in values if not re.fullmatch(r"[0-9]{12}=.+", text)]
    if len(rest) > 1 or "" in rest:
        raise UsageError(f"{option} is repeated for all accounts. Write {option} ACCOUNT=... for each.")
    return dict.fromkeys(accounts, rest[0]) | found if rest else found
