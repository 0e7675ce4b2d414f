"""Write the specs that the budgets are measured with: an owner with many identities and a delegate, or many accounts.

python bench/write_specs.py FOLDER IDENTITIES SETS
"""

from __future__ import annotations

import sys
from pathlib import Path

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"
MAX_IDENTITIES = 10_000  # in one region: AWS developer guide, "Service quotas in Amazon SES"
_TOPICS = {"bounce": "bounces", "complaint": "complaints", "delivery": "deliveries"}


def role(account: str) -> str:
    """Return the ARN of the role that the specs of an account name, if they name one."""
    return f"arn:aws:iam::{account}:role/sesform"


def numbered(index: int) -> str:
    """Return the number of one of many accounts."""
    return f"3{index:011}"


def _head(kind: str, name: str, account: str, roles: bool) -> str:
    credentials = f"credentials: {{role_arn: {role(account)}}}\n" if roles else ""
    return f'kind: {kind}\nname: {name}\naccount: "{account}"\nregions: [{REGION}]\n{credentials}'


def _notifications(indent: str) -> str:
    return f"{indent}notifications:\n" + "".join(
        f"{indent}  {type_}: {{topic: mailer/{topic}, headers: true}}\n" for type_, topic in _TOPICS.items()
    )


def owner(identities: int, *, roles: bool = False, number: int = 0, named: bool = False) -> str:
    """Return the spec of an owner.

    `number`: makes its name, its account and its identities different from those of others. `named`: each identity declares its
    settings by itself, not by the defaults of its owner.
    """
    suffix = f"-{number}" if number else ""
    settings = f"\n{_notifications('    ')}" if named else " {}\n"
    names = "".join(f"  d{i}{suffix}.example.com:{settings}" for i in range(identities))
    defaults = "" if named else f"defaults:\n  identity:\n{_notifications('    ')}"
    return f"""{_head("Owner", f"corp{suffix}", str(int(OWNER) + number), roles)}{defaults}identities:
{names}"""


def delegate(sets: int, *, roles: bool = False) -> str:
    declared = "\n".join(
        f"  set-{i}:\n    event_destinations:\n      feedback: {{events: [bounce, complaint], sns: bounces}}"
        for i in range(sets)
    )
    return f"""{_head("Delegate", "mailer", DELEGATE, roles)}topics: {{bounces: {{}}, complaints: {{}}, deliveries: {{}}}}
configuration_sets:
{declared}
"""


def account(index: int, identities: int) -> str:
    """Return the spec of one of many accounts: its identities, and a topic for their bounces and complaints."""
    names = "\n".join(f"  d{i}.a{index}.example.com: {{}}" for i in range(identities))
    return f"""{_head("Owner", f"account-{index:04}", numbered(index), True)}topics: {{feedback: {{}}}}
defaults: {{identity: {{notifications: {{bounce: feedback, complaint: feedback}}}}}}
identities:
{names}
"""


def write(folder: Path, identities: int, sets: int, *, roles: bool = False, named: bool = False) -> None:
    """Write the owners, each with up to 10,000 identities and in a file of its own, and the delegate."""
    folder.mkdir(parents=True, exist_ok=True)
    for number, first in enumerate(range(0, max(identities, 1), MAX_IDENTITIES)):
        spec = owner(min(MAX_IDENTITIES, identities - first), roles=roles, number=number, named=named)
        (folder / (f"owner-{number}.yaml" if number else "owner.yaml")).write_text(spec, encoding="utf-8")
    (folder / "delegate.yaml").write_text(delegate(sets, roles=roles), encoding="utf-8")


def write_accounts(folder: Path, accounts: int, identities: int) -> None:
    """Write a spec file for each of many accounts, `account-0000.yaml` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(accounts):
        (folder / f"account-{index:04}.yaml").write_text(account(index, identities), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
