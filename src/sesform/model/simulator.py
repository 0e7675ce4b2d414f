"""The addresses of SES's mailbox simulator. Source: SES developer guide, "Using the mailbox simulator", which keeps labels."""

from __future__ import annotations

import re

_LOCAL = {"bounce": "bounce", "complaint": "complaint", "delivery": "success"}

RECIPIENT = re.compile(r"(bounce|complaint|success)(\+[a-z0-9-]{1,40})?@simulator\.amazonses\.com")


def recipient(event: str, label: str) -> str:
    """Return the address that makes an event: bounce, complaint or delivery. `label`: lower-case letters, digits and `-`."""
    return f"{_LOCAL[event]}+{label}@simulator.amazonses.com"
