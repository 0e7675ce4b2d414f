"""Write the specs that the budgets are measured with: an owner with many identities and a delegate, or many accounts.

python bench/write_specs.py FOLDER IDENTITIES SETS
"""

from __future__ import annotations

import sys
from pathlib import Path

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"


def role(account: str) -> str:
    """Return the ARN of the role that the specs of an account name, if they name one."""
    return f"arn:aws:iam::{account}:role/sesform"


def numbered(index: int) -> str:
    """Return the number of one of many accounts."""
    return f"3{index:011}"


def _head(kind: str, name: str, account: str, roles: bool) -> str:
    credentials = f"credentials: {{role_arn: {role(account)}}}\n" if roles else ""
    return f'kind: {kind}\nname: {name}\naccount: "{account}"\nregions: [{REGION}]\n{credentials}'


def owner(identities: int, *, roles: bool = False) -> str:
    names = "\n".join(f"  d{i}.example.com: {{}}" for i in range(identities))
    return f"""{_head("Owner", "corp", OWNER, roles)}defaults:
  identity:
    notifications:
      bounce: {{topic: mailer/bounces, headers: true}}
      complaint: {{topic: mailer/complaints, headers: true}}
      delivery: {{topic: mailer/deliveries, headers: true}}
identities:
{names}
"""


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


def write(folder: Path, identities: int, sets: int, *, roles: bool = False) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "owner.yaml").write_text(owner(identities, roles=roles), encoding="utf-8")
    (folder / "delegate.yaml").write_text(delegate(sets, roles=roles), encoding="utf-8")


def write_accounts(folder: Path, accounts: int, identities: int) -> None:
    """Write a spec file for each of many accounts, `account-0000.yaml` and so on."""
    folder.mkdir(parents=True, exist_ok=True)
    for index in range(accounts):
        (folder / f"account-{index:04}.yaml").write_text(account(index, identities), encoding="utf-8")


if __name__ == "__main__":
    write(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
