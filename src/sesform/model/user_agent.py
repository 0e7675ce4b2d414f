"""Name the program of a user agent, as CloudTrail records it."""

from __future__ import annotations

import re
from typing import Final

OWN: Final = "sesform"  # the program's name in its own user agent
CONSOLE: Final = "the AWS console"
_MAX_LENGTH = 80

# The first of these programs that a user agent names, wherever it does; others are named by what it begins with.
_PROGRAMS = (
    (OWN, OWN),
    ("Terraform", "Terraform"),
    ("OpenTofu", "OpenTofu"),
    ("Pulumi", "Pulumi"),
    ("Ansible", "Ansible"),
    ("Crossplane", "crossplane"),
    ("AWS CLI", "aws-cli"),
)
_SERVICES = {
    "cloudformation.amazonaws.com": "AWS CloudFormation",
    "console.amazonaws.com": CONSOLE,
    "signin.amazonaws.com": CONSOLE,
}


def program(user_agent: str, *, from_console: bool = False) -> str:
    """Return the program and its version, e.g. "Terraform 1.11.0"; "" for an empty user agent.

    `from_console`: the credentials are those of a console session (`sessionCredentialFromConsole` of a CloudTrail record).
    """
    for name, token in _PROGRAMS:
        found = re.search(rf"(?<![\w-]){re.escape(token)}/([\w.+-]+)", user_agent, re.IGNORECASE)
        if found is not None:
            return f"{name} {found[1]}"[:_MAX_LENGTH]
    if from_console or user_agent.startswith("Mozilla/"):
        return CONSOLE
    if user_agent in _SERVICES:
        return _SERVICES[user_agent]
    first = user_agent.strip("[]").partition(" ")[0]
    return first.replace("/", " ", 1)[:_MAX_LENGTH]
