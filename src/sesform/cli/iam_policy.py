"""The command iam-policy: the least policy of one account, and notes on stderr."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from sesform.cli.console import Console, out
from sesform.model.values import printable

if TYPE_CHECKING:
    from sesform.engine import Settings
    from sesform.iam_policy import AccountPolicy
    from sesform.specs.desired import Desired


def show_policy(
    paths: tuple[str | Path, ...],
    settings: Settings,
    console: Console,
    *,
    account: str | None,
    apply: bool,
    destroy: bool,
    verify: bool,
) -> int:
    """Print the policy of an account. Raises SpecError, and UsageError if the account is not clear."""
    from sesform import engine

    chosen, policy, desired = engine.iam_policy(
        paths, settings, account=account, apply=apply, destroy=destroy, verify=verify
    )
    out(json.dumps(policy.document, indent=2))
    console.problems(desired.warnings)
    _explain(console, chosen, desired, policy)
    return 0


def _explain(console: Console, account: str, desired: Desired, policy: AccountPolicy) -> None:
    from sesform.iam_policy import MAX_CHARACTERS

    roles = sorted({a.role_arn for a in desired.access.values() if a.role_arn and a.account == account})
    for role in roles:
        console.say(
            f"For {printable(role)}: the caller needs sts:AssumeRole on it, and the role's trust policy must allow the caller."
        )
    if not policy.document["Statement"]:
        console.warn(f"the specs need no permissions in {account}, and IAM accepts no policy without a statement")
    if policy.patterns:
        console.warn(
            f"with all names the policy would exceed the {MAX_CHARACTERS} characters of a managed policy; "
            "it allows all identities, sets and topics of the account and regions instead"
        )
    if policy.size > MAX_CHARACTERS:
        console.warn(
            f"the policy has {policy.size} characters; the quota of a managed policy is {MAX_CHARACTERS}. Split it."
        )
