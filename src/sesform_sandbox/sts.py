"""STS: GetCallerIdentity and AssumeRole. Keys and tokens contain all that is needed (see accounts)."""

from __future__ import annotations

import datetime
import hashlib
import re
import secrets
from typing import Any

from sesform.model import arns
from sesform.model.arns import Arn
from sesform_sandbox import accounts
from sesform_sandbox.accounts import RoleSession
from sesform_sandbox.context import Context, Operation, Params, Result
from sesform_sandbox.refusal import Refusal

_LONGEST_CHAINED = 3600


def caller(context: Context) -> dict[str, str]:
    """Return the user id, account and ARN of the caller."""
    if context.session:
        return {
            "UserId": _role_user_id(context.session),
            "Account": context.account,
            "Arn": _session_arn(context, context.session),
        }
    return {
        "UserId": context.account,
        "Account": context.account,
        "Arn": arns.account_root(context.account, context.partition),
    }


def _get_caller_identity(context: Context, params: Params) -> Result:
    return {**caller(context)}


def digest(role_arn: str, external_id: str) -> str:
    """Return a digest of a role's external id: the id is a secret, and the state is a file."""
    return "sha256:" + hashlib.sha256(f"{role_arn}\n{external_id}".encode()).hexdigest()


def _assume_role(context: Context, params: Params) -> Result:
    """Return temporary credentials in the role's account. A role that was declared with an external id requires it."""
    _check(params)
    role_arn = params["RoleArn"]
    arn = arns.parse(role_arn)
    if arn is None or arn.service != "iam" or not arn.account or not arn.resource.startswith("role/"):
        raise Refusal("ValidationError", f"{role_arn} is invalid")
    declared = context.state.roles.get(role_arn)
    if arn.partition != context.partition or (
        declared and declared.external_id not in (None, digest(role_arn, params.get("ExternalId", "")))
    ):
        arn_of_caller = caller(context)["Arn"]
        raise Refusal(
            "AccessDenied",
            f"User: {arn_of_caller} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
            403,
        )
    duration = params.get("DurationSeconds", 3600)
    if context.session and duration > _LONGEST_CHAINED:
        # IAM user guide, "Role chaining": at most one hour.
        text = "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        raise Refusal("ValidationError", text)
    session = RoleSession(role_arn, params["RoleSessionName"])
    return {
        "Credentials": _credentials(arn.account, session, duration),
        "AssumedRoleUser": {"AssumedRoleId": _role_user_id(session), "Arn": _session_arn(context, session)},
        "PackedPolicySize": 6,
    }


def _check(params: Params) -> None:
    # STS API reference, AssumeRole.
    rules = (
        ("roleSessionName", params["RoleSessionName"], r"[\w+=,.@-]{2,64}"),
        ("externalId", params.get("ExternalId", "none"), r"[\w+=,.@:/-]{2,1224}"),
    )
    for name, value, pattern in rules:
        if not re.fullmatch(pattern, value, re.ASCII):
            constraint = f"Member must satisfy regular expression pattern: {pattern}"
            raise Refusal(
                "ValidationError",
                f"1 validation error detected: Value '{value}' at '{name}' failed to satisfy constraint: {constraint}",
            )
    if not 900 <= params.get("DurationSeconds", 3600) <= 43_200:
        constraint = "Member must be from 900 to 43200"
        text = f"Value '{params['DurationSeconds']}' at 'durationSeconds' failed to satisfy constraint: {constraint}"
        raise Refusal("ValidationError", f"1 validation error detected: {text}")


def _get_session_token(context: Context, params: Params) -> Result:
    return {"Credentials": _credentials(context.account, None, params.get("DurationSeconds", 43_200))}


def _get_access_key_info(context: Context, params: Params) -> Result:
    return {"Account": accounts.account_of(params["AccessKeyId"])}


def _credentials(account: str, session: RoleSession | None, seconds: int) -> dict[str, Any]:
    return {
        "AccessKeyId": accounts.temporary_access_key(account),
        "SecretAccessKey": secrets.token_urlsafe(30),
        "SessionToken": accounts.session_token(session) if session else secrets.token_urlsafe(60),
        "Expiration": datetime.datetime.now(datetime.UTC).replace(microsecond=0) + datetime.timedelta(seconds=seconds),
    }


def _session_arn(context: Context, session: RoleSession) -> str:
    role = arns.parse(session.role_arn)
    assert role is not None
    name = role.resource.rpartition("/")[2]
    return str(Arn(context.partition, "sts", "", role.account, f"assumed-role/{name}/{session.session_name}"))


def _role_user_id(session: RoleSession) -> str:
    name = session.role_arn.rpartition("/")[2]
    return f"AROA{(''.join(c for c in name.upper() if c.isalnum()) + 'X' * 17)[:17]}:{session.session_name}"


OPERATIONS: dict[str, Operation] = {
    "AssumeRole": _assume_role,
    "GetAccessKeyInfo": _get_access_key_info,
    "GetCallerIdentity": _get_caller_identity,
    "GetSessionToken": _get_session_token,
}
