"""iam-policy: the least policy that the specs need in one account, and on stderr what a JSON document has no place for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from sesform.cli.console import Console, out
from sesform.cli.options import Removal
from sesform.model.values import printable

if TYPE_CHECKING:
    from sesform.iam_policy import AccountPolicy
    from sesform.specs.desired import Desired


def show_policy(
    paths: tuple[str | Path, ...],
    removal: Removal,
    console: Console,
    *,
    account: str | None,
    apply: bool,
    destroy: bool,
) -> int:
    """Prints the policy of the account. Raises SpecError, and UsageError where it is not clear which account is meant."""
    from sesform import engine

    settings = engine.Settings(since=removal.since, prune=removal.prune)
    chosen, policy, desired = engine.iam_policy(paths, settings, account=account, apply=apply, destroy=destroy)
    out(json.dumps(policy.document, indent=2))
    console.problems(desired.warnings)
    _explain(console, chosen, desired, policy)
    return 0


def _explain(console: Console, account: str, desired: Desired, policy: AccountPolicy) -> None:
    from sesform.iam_policy import MAX_CHARACTERS

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
            f"with every name in it the policy would be longer than the {MAX_CHARACTERS} characters that a managed policy has; "
            "it lets in all identities, sets and topics of the account and regions instead"
        )
    if policy.size > MAX_CHARACTERS:
        console.warn(
            f"the policy has {policy.size} characters, and a managed policy has at most {MAX_CHARACTERS}; split it"
        )
