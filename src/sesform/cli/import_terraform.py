"""`import --terraform`: what Terraform holds → specs on stdout, and the blocks by which Terraform lets go of it. No call to AWS."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from sesform.cli.console import Console, out
from sesform.cli.import_ import ImportOptions, accounts_of
from sesform.errors import SpecError, TerraformError, UsageError
from sesform.importer import spec_writer, terraform_state
from sesform.importer.terraform_state import StateResources
from sesform.model import arns
from sesform.model.values import printable
from sesform.specs import compiler, schema, yaml_reader, yaml_writer
from sesform.specs.desired import Desired

_STDIN = "-"


def import_state(console: Console, asked: ImportOptions, file: str, removed: Path | None) -> int:
    """Prints the specs; the blocks go to a new file, or below the specs as comments.

    Raises TerraformError where the file says too little or nothing that specs can say, UsageError for options that do not fit
    and files that cannot be used.
    """
    account, region = _stand_ins(asked)
    shown = "standard input" if file == _STDIN else printable(file)
    try:
        inventory = terraform_state.inventory(_read(file), account, region, all_topics=asked.all_topics)
    except TerraformError as error:
        raise TerraformError(f"{shown}: {error}") from None
    drafts = spec_writer.specs(inventory.resources, _accounts(inventory, asked), whole=False)
    text = yaml_writer.text((draft.data, draft.comments) for draft in drafts)
    compiled = _compiled(text)
    if not compiled.declared:
        stay = [f"{item.address}: {item.stays}" for item in inventory.items if item.stays]
        remarks = [remark for draft in drafts for texts in draft.comments.values() for remark in texts]
        raise TerraformError("\n".join([f"{shown}: nothing in it goes into specs:", *stay, *remarks]))
    verdicts = terraform_state.verdicts(inventory, compiled)
    blocks = terraform_state.removed_file(verdicts)
    if removed is not None:
        _write_new(removed, blocks)
    for warning in inventory.warnings:
        console.warn(warning)
    out(text if removed is not None else text + _commented(blocks))
    going = sum(v.goes for v in verdicts)
    where = printable(str(removed)) if removed is not None else "the end of the output"
    if inventory.passed_over:
        console.say(
            f"Topics that SES has nothing to do with: {inventory.passed_over}, passed over; --all-topics takes them too."
        )
    console.say(f"{going} of Terraform's resources go over, {len(verdicts) - going} stay; {where} says which and why.")
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


def _accounts(inventory: StateResources, asked: ImportOptions) -> Mapping[str, spec_writer.Account]:
    """What the specs of each account are called, and how it is reached. Raises UsageError for accounts that are not there."""
    scopes = {scope for _, scope, _ in inventory.resources}
    found, regions = sorted({s.account for s in scopes}), sorted({s.region for s in scopes})
    for option, values in (("--name", asked.names), ("--profile", asked.profiles), ("--role-arn", asked.roles)):
        for value in values:
            arn, one = arns.parse(value), re.match(r"([0-9]{12})=", value)
            account = one[1] if one else arn.account if arn else ""
            if account and found and account not in found:
                there = f"nothing goes over from account {account}, only from {', '.join(found)}"
                raise UsageError(f"{option} {printable(value)}: {there}")
    return accounts_of(replace(asked, accounts=tuple(found), regions=tuple(regions))) if found else {}


def _read(file: str) -> bytes:
    most = terraform_state.MAX_BYTES + 1
    if file == _STDIN:
        return sys.stdin.buffer.read(most)
    try:
        with Path(file).open("rb") as stream:
            return stream.read(most)
    except OSError as error:
        raise UsageError(f"{printable(file)}: {error.strerror}") from None


def _compiled(text: str) -> Desired:
    """The specs as `sesform plan` will understand them: what they say is what Terraform may forget, and nothing else."""
    documents, problems = yaml_reader.parse([("the specs made of it", text.encode())])
    specs, more = schema.load(documents)
    try:
        return compiler.build(specs, [*problems, *more])
    except SpecError as error:
        raise TerraformError("the state makes no valid specs:\n" + "\n".join(map(str, error.problems))) from None


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
