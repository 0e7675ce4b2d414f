"""iam-policy: the least policy that the specs need in one account, and on stderr what a JSON document has no place for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sesform.cli import run
from sesform.cli.console import Console, out
from sesform.cli.options import Options
from sesform.errors import UsageError
from sesform.model.values import printable

if TYPE_CHECKING:
    from sesform.iam_policy import AccountPolicy
    from sesform.specs.desired import Desired


def show_policy(options: Options, console: Console, *, account: str | None, apply: bool, destroy: bool) -> int:
    """Prints the policy of the account. Raises SpecError, and UsageError where it is not clear which account is meant."""
    from sesform import iam_policy
    from sesform.planning import prune

    desired = run.compile_specs(options)
    chosen = _account(iam_policy.accounts(desired), account)
    made = [desired, run.compile_specs(options, destroy=True)] if destroy else [desired]
    pruned = prune.anything(desired) if options.prune else ()
    policy = iam_policy.of_account(chosen, made, [desired] if destroy else [], pruned, writes=apply)
    out(json.dumps(policy.document, indent=2))
    console.problems(desired.warnings)
    _explain(console, chosen, desired, policy, iam_policy.MAX_CHARACTERS)
    return 0


def _account(known: tuple[str, ...], asked: str | None) -> str:
    if asked is not None and asked not in known:
        raise UsageError(
            f"--account {printable(asked)!r} is no account of these specs; they are of {', '.join(known) or 'none'}"
        )
    if asked is None and len(known) != 1:
        raise UsageError(
            f"the specs are of {len(known)} accounts, and each needs a policy of its own; pass --account with one of "
            + ", ".join(known)
        )
    return asked or known[0]


def _explain(console: Console, account: str, desired: Desired, policy: AccountPolicy, most: int) -> None:
    roles = sorted({a.role_arn for a in desired.access.values() if a.role_arn and a.account == account})
    for role in roles:
        console.say(
            f"For {printable(role)}: whoever takes that role needs sts:AssumeRole on it, and its trust policy's consent."
        )
    if not policy.document["Statement"]:
        console.warn(
            f"the specs ask for nothing in {account}: no policy is needed, and IAM takes none without a statement"
        )
    if policy.patterns:
        console.warn(
            f"with every name in it the policy would be longer than the {most} characters that a managed policy has; "
            "it lets in all identities, sets and topics of the account and regions instead"
        )
    if policy.size > most:
        console.warn(f"the policy has {policy.size} characters, and a managed policy has at most {most}; split it")
