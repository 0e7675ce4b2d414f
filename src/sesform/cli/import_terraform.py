"""The command `import --terraform`: specs to stdout, and blocks that remove the resources from Terraform. No call to AWS."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from sesform.cli.console import Console, out
from sesform.cli.import_ import ImportOptions, accounts_of
from sesform.errors import TerraformError, UsageError
from sesform.importer import terraform_state
from sesform.importer.spec_writer import Account
from sesform.model import arns
from sesform.model.address import Scope
from sesform.model.values import printable
from sesform.specs import schema

_STDIN = "-"


def import_state(console: Console, asked: ImportOptions, file: str, removed: Path | None) -> int:
    """Print the specs. The `removed` blocks go to a new file, or below the specs as comments.

    Raises TerraformError if the file is incomplete or has nothing that specs support, UsageError for options that contradict each
    other and files that cannot be used.
    """
    from sesform import engine

    account, region = _stand_ins(asked)
    shown = "standard input" if file == _STDIN else printable(file)
    try:
        found = engine.import_terraform(
            _read(file), partial(_accounts, asked), account=account, region=region, all_topics=asked.all_topics
        )
    except TerraformError as error:
        raise TerraformError(f"{shown}: {error}") from None
    if removed is not None:
        _write_new(removed, found.blocks)
    for warning in found.warnings:
        console.warn(warning)
    out(found.text if removed is not None else found.text + _commented(found.blocks))
    where = printable(str(removed)) if removed is not None else "the end of the output"
    if found.skipped_topics:
        console.say(
            f"{found.skipped_topics} topics were skipped because SES does not publish to them; --all-topics includes them."
        )
    console.say(f"{found.handed_over} resources handed over, {found.kept} remain in Terraform; {where} lists them.")
    return 0


def _stand_ins(asked: ImportOptions) -> tuple[str | None, str | None]:
    """Return the account and region for unplaced resources. Raises UsageError for options that do not apply to a state."""
    if asked.identity_arns:
        raise UsageError("--identity-arn cannot be used with --terraform: a state names the identities")
    found: list[str | None] = []
    for piece, values in (("account", asked.accounts), ("region", asked.regions)):
        if len(values) > 1:
            raise UsageError(
                f"--{piece} is repeated; with --terraform it is the one for resources that the state does not place"
            )
        wrong = schema.fault(piece, values[0]) if values else ""
        if wrong:
            raise UsageError(f"--{piece}: {wrong}")
        found.append(values[0] if values else None)
    return found[0], found[1]


def _accounts(asked: ImportOptions, scopes: Iterable[Scope]) -> Mapping[str, Account]:
    """Return the head of each account's specs. Raises UsageError for accounts without resources."""
    where = set(scopes)
    found, regions = sorted({s.account for s in where}), sorted({s.region for s in where})
    for option, values in (("--name", asked.names), ("--profile", asked.profiles), ("--role-arn", asked.roles)):
        for value in values:
            arn, one = arns.parse(value), re.match(r"([0-9]{12})=", value)
            account = one[1] if one else arn.account if arn else ""
            if account and found and account not in found:
                there = f"no resource of account {account} is handed over, only of {', '.join(found)}"
                raise UsageError(f"{option} {printable(value)}: {there}")
    return accounts_of(replace(asked, account=found, region=regions)) if found else {}


def _read(file: str) -> bytes:
    most = terraform_state.MAX_BYTES + 1
    if file == _STDIN:
        return sys.stdin.buffer.read(most)
    try:
        with Path(file).open("rb") as stream:
            return stream.read(most)
    except OSError as error:
        raise UsageError(f"{printable(file)}: {error.strerror}") from None


def _write_new(file: Path, text: str) -> None:
    """Write the file completely or not at all, and never over an existing file: that may hold blocks of an earlier hand-over."""
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.open("x").close()  # the name is reserved now
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(file)
        except BaseException:
            partial.unlink(missing_ok=True)
            file.unlink()
            raise
    except FileExistsError:
        raise UsageError(f"{printable(str(file))} exists. Remove it, or pass another name with --removed.") from None
    except OSError as error:
        raise UsageError(f"{printable(str(file))}: cannot be written: {error.strerror}") from None


def _commented(blocks: str) -> str:
    lines = ["", "removed.tf:", *blocks.splitlines()]
    return "".join(f"{line if line.startswith('#') else f'# {line}'.rstrip()}\n" for line in lines).removeprefix("#")
