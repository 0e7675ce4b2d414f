"""Which account a request belongs to, told from its access key alone, so that no process needs to remember sessions.

A 12-digit access key id is the account itself (the convention of LocalStack). AssumeRole hands out keys with the role's
account inside, as real access keys have it, and session tokens with the role and session name inside.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import secrets
from dataclasses import asdict, dataclass

from sesform.model import arns

DEFAULT_ACCOUNT = "123456789012"

_ACCOUNT = re.compile(r"[0-9]{12}")
_MARK = "ASIASBOX"


@dataclass(frozen=True, slots=True)
class RoleSession:
    """Who a set of temporary credentials is."""

    role_arn: str
    session_name: str


def account_of(access_key: str) -> str:
    """The account that an access key id stands for; keys that are not the sandbox's belong to the default account."""
    if _ACCOUNT.fullmatch(access_key):
        return access_key
    if re.fullmatch(_MARK + "[A-Z2-7]{12}", access_key):
        return f"{int.from_bytes(base64.b32decode(access_key[8:16]), 'big'):012d}"
    return DEFAULT_ACCOUNT


def temporary_access_key(account: str) -> str:
    """A new access key id of temporary credentials, with the account inside."""
    inside = base64.b32encode(int(account).to_bytes(5, "big")).decode()
    return f"{_MARK}{inside}{base64.b32encode(secrets.token_bytes(5)).decode()[:4]}"


def session_token(session: RoleSession) -> str:
    return base64.urlsafe_b64encode(json.dumps(asdict(session)).encode()).decode()


def read_session_token(token: str) -> RoleSession | None:
    """The session that a token was made for, or None where it is not one of the sandbox's."""
    try:
        session = RoleSession(**json.loads(base64.urlsafe_b64decode(token)))
    except (ValueError, TypeError, binascii.Error):
        return None
    return session if isinstance(session.role_arn, str) and arns.parse(session.role_arn) else None
