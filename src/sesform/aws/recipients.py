"""The only mail that sesform sends: messages to the mailbox simulator of SES. Everything else is refused before it is sent.

Every client of the package asks `check` about each call, with the parameters that will be sent. The addresses are those of
`model.simulator`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sesform.errors import RecipientError
from sesform.model.simulator import RECIPIENT

_SENDER = re.compile(r"[!-~]+@[A-Za-z0-9.-]+")
_OPERATION = ("sesv2", "SendEmail")
_MEMBERS = {"FromEmailAddress", "FromEmailAddressIdentityArn", "Destination", "Content", "ConfigurationSetName"}


def check(service: str, operation: str, params: Mapping[str, Any]) -> None:
    """Raise RecipientError if a call would send anything but one message to one address of the mailbox simulator.

    `service`, `operation`, `params`: as in botocore. A message to the simulator has one recipient and no copies, no headers or
    attachments of its own, and no addresses for replies and feedback, so that no one else can receive anything of it.
    """
    sends = operation.startswith("Send") or (service == "sns" and operation.startswith("Publish"))
    if not sends:
        return
    if (service, operation) != _OPERATION:
        raise RecipientError(f"{service}:{operation} is not a call that sesform makes; nothing was sent")
    extra = sorted(set(params) - _MEMBERS)
    if extra:
        raise RecipientError(f"a test message has no {', '.join(extra)}; nothing was sent")
    _check_destination(params.get("Destination"))
    _check_content(params.get("Content"))
    if not _matches(_SENDER, params.get("FromEmailAddress")) or "," in params["FromEmailAddress"]:
        raise RecipientError(f"{params.get('FromEmailAddress')!r} is not one sender's address; nothing was sent")


def _check_destination(destination: Any) -> None:
    members = set(destination) if isinstance(destination, Mapping) else set()
    addresses = destination["ToAddresses"] if members == {"ToAddresses"} else None
    if not isinstance(addresses, list) or len(addresses) != 1 or not _matches(RECIPIENT, addresses[0]):
        shown = destination if addresses is None else addresses
        raise RecipientError(f"{shown!r} is not one address of simulator.amazonses.com; nothing was sent")


def _check_content(content: Any) -> None:
    simple = content.get("Simple") if isinstance(content, Mapping) and set(content) == {"Simple"} else None
    if not isinstance(simple, Mapping) or set(simple) != {"Subject", "Body"}:
        raise RecipientError("a test message has a subject and a body, and nothing else; nothing was sent")


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return type(value) is str and pattern.fullmatch(value) is not None
