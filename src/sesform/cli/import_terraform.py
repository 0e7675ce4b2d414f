"""`import --terraform`: what Terraform holds → specs on stdout, and the blocks by which Terraform lets go of it. No call to AWS."""

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
    """Print the specs; the blocks go to a new file, or below the specs as comments.

    Raises TerraformError where the file says too little or nothing that specs can say, UsageError for options that do not fit
    and files that cannot be used.
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
            f"Topics that SES has nothing to do with: {found.skipped_topics}, passed over; --all-topics takes them too."
        )
    console.say(f"{found.handed_over} of Terraform's resources go over, {found.kept} stay; {where} says which and why.")
    return 0


def _stand_ins(asked: ImportOptions) -> tuple[str | None, str | None]:
    """The account and region for what the state places nowhere. Raises UsageError for options that do not go with a state."""
    if asked.identity_arns:
        raise UsageError("--identity-arn does not go with --terraform: a state names the identities")
    found: list[str | None] = []
    for piece, values in (("account", asked.accounts), ("region", asked.regions)):
        if len(values) > 1:
            raise UsageError(
                f"--{piece} is there twice; with --terraform it is the one for what the state does not place"
            )
        wrong = schema.fault(piece, values[0]) if values else ""
        if wrong:
            raise UsageError(f"--{piece}: {wrong}")
        found.append(values[0] if values else None)
    return found[0], found[1]


def _accounts(asked: ImportOptions, scopes: Iterable[Scope]) -> Mapping[str, Account]:
    """What the specs of each account are called, and how it is reached. Raises UsageError for accounts that are not there."""
    where = set(scopes)
    found, regions = sorted({s.account for s in where}), sorted({s.region for s in where})
    for option, values in (("--name", asked.names), ("--profile", asked.profiles), ("--role-arn", asked.roles)):
        for value in values:
            arn, one = arns.parse(value), re.match(r"([0-9]{12})=", value)
            account = one[1] if one else arn.account if arn else ""
            if account and found and account not in found:
                there = f"nothing goes over from account {account}, only from {', '.join(found)}"
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
    """Written whole or not at all, and never over what is there: the file may hold blocks of an earlier hand-over."""
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        file.open("x").close()  # the name is ours now
        try:
            partial.write_text(text, encoding="utf-8")
            partial.replace(file)
        except BaseException:
            partial.unlink(missing_ok=True)
            file.unlink()
            raise
    except FileExistsError:
        raise UsageError(f"{printable(str(file))} exists; remove it, or give --removed another name") from None
    except OSError as error:
        raise UsageError(f"{printable(str(file))}: cannot be written: {error.strerror}") from None


def _commented(blocks: str) -> str:
    lines = ["", "removed.tf:", *blocks.splitlines()]
    return "".join(f"{line if line.startswith('#') else f'# {line}'.rstrip()}\n" for line in lines).removeprefix("#")
