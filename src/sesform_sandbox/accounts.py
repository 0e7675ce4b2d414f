"""Find the account of a request from its access key alone, so that no process keeps sessions.

A 12-digit access key id is the account itself (the convention of LocalStack). AssumeRole returns keys that contain the role's
account, as real access keys do, and session tokens that contain the role and session name.
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
    """The role session of temporary credentials."""

    role_arn: str
    session_name: str


def account_of(access_key: str) -> str:
    """Return the account of an access key id. Keys that the sandbox did not make belong to the default account."""
    if _ACCOUNT.fullmatch(access_key):
        return access_key
    if re.fullmatch(_MARK + "[A-Z2-7]{12}", access_key):
        return f"{int.from_bytes(base64.b32decode(access_key[8:16]), 'big'):012d}"
    return DEFAULT_ACCOUNT


def temporary_access_key(account: str) -> str:
    """Return a new access key id of temporary credentials, which contains the account."""
    inside = base64.b32encode(int(account).to_bytes(5, "big")).decode()
    return f"{_MARK}{inside}{base64.b32encode(secrets.token_bytes(5)).decode()[:4]}"


def session_token(session: RoleSession) -> str:
    return base64.urlsafe_b64encode(json.dumps(asdict(session)).encode()).decode()


def read_session_token(token: str) -> RoleSession | None:
    """Return the session of a token, None if the sandbox did not make it."""
    try:
        session = RoleSession(**json.loads(base64.urlsafe_b64decode(token)))
    except (ValueError, TypeError, binascii.Error):
        return None
    return session if isinstance(session.role_arn, str) and arns.parse(session.role_arn) else None
