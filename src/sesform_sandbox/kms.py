"""KMS for encrypted topics: keys, their policy and state, and aliases. It encrypts nothing.

Source: AWS KMS API reference.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from typing import NamedTuple

from sesform.model import arns
from sesform_sandbox.context import Context, Operation, Params, Result
from sesform_sandbox.policy import SES, parse
from sesform_sandbox.policy_evaluation import is_allowed
from sesform_sandbox.refusal import Refusal
from sesform_sandbox.state import Key, ScopeState

_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")


class Found(NamedTuple):
    home: ScopeState
    arn: str
    id: str
    key: Key


def find(context: Context, reference: str) -> Found | None:
    """Return the key of an id, an alias, or the ARN of either, in any account; None if it does not exist."""
    arn = arns.parse(arns.kms_key(context.scope, reference))
    home = context.state.scopes.get(arn.scope) if arn else None
    if arn is None or home is None:
        return None
    kind, _, name = arn.resource.partition("/")
    for id, key in home.keys.items():
        if arn.resource in key.aliases if kind == "alias" else id == name:
            return Found(home, arns.kms_key(arn.scope, id), id, key)
    return None


def default_policy(account: str, partition: str) -> str:
    """Return the policy of a new key: its account may do everything, services nothing."""
    principal = {"AWS": arns.account_root(account, partition)}
    statement = {"Sid": "Enable IAM User Permissions", "Effect": "Allow", "Principal": principal}
    return _policy({**statement, "Action": "kms:*", "Resource": "*"})


def policy_for_ses() -> str:
    statement = {"Sid": "AllowSESToUseKMSKey", "Effect": "Allow", "Principal": {"Service": SES}}
    return _policy({**statement, "Action": list(_ACTIONS), "Resource": "*"})


def _policy(statement: object) -> str:
    return json.dumps({"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]})


def lets_ses_in(context: Context, key_arn: str) -> bool:
    """Return whether SES can publish to a topic with this key. A key that the sandbox does not have allows SES.

    The policy of the key that AWS manages cannot be changed, so that key never allows SES (binxio/cfn-ses-provider#16).
    """
    if key_arn.endswith(":alias/aws/sns"):
        return False
    return lets_service_in(context, key_arn, SES)


def lets_service_in(context: Context, key_arn: str, service: str) -> bool:
    """Return whether a service can use a key for what it publishes. A key that the sandbox does not have allows every service."""
    found = find(context, key_arn)
    if found is None:
        return True
    document = parse(found.key.policy)
    return found.key.state == "Enabled" and all(
        is_allowed(document, action, found.arn, {}, service) for action in _ACTIONS
    )


# --- operations --------------------------------------------------------------------------------------------------------


def _known(context: Context, params: Params, name: str = "KeyId") -> Found:
    found = find(context, params[name])
    if found is None:
        kind = "Alias" if "alias/" in params[name] else "Key"
        raise Refusal("NotFoundException", f"{kind} {arns.kms_key(context.scope, params[name])} is not found.", 400)
    if arns.parse(found.arn).account != context.account:  # type: ignore[union-attr]  # made by us
        raise Refusal("AccessDeniedException", "sandbox: The key is of another account.", 400)
    return found


def _metadata(context: Context, id: str, key: Key) -> Result:
    return {
        "KeyMetadata": {
            "AWSAccountId": context.account,
            "KeyId": id,
            "Arn": arns.kms_key(context.scope, id),
            "Enabled": key.state == "Enabled",
            "KeyUsage": "ENCRYPT_DECRYPT",
            "KeyState": key.state,
            "Origin": "AWS_KMS",
            "KeyManager": "CUSTOMER",
            "KeySpec": "SYMMETRIC_DEFAULT",
        }
    }


def _create_key(context: Context, params: Params) -> Result:
    id = str(uuid.uuid4())
    policy = params.get("Policy") or default_policy(context.account, context.partition)
    key = context.here.keys[id] = Key(_accepted(policy))
    return _metadata(context, id, key)


def _accepted(policy: str) -> str:
    try:
        parse(policy)
    except (ValueError, RecursionError):
        raise Refusal("MalformedPolicyDocumentException", "sandbox: The policy is not a JSON document.", 400) from None
    return policy


def _describe_key(context: Context, params: Params) -> Result:
    found = _known(context, params)
    return _metadata(context, found.id, found.key)


def _get_key_policy(context: Context, params: Params) -> Result:
    if "alias/" in params["KeyId"]:
        raise Refusal("InvalidArnException", f"Invalid keyId {params['KeyId']}", 400)
    return {"Policy": _known(context, params).key.policy, "PolicyName": "default"}


def _put_key_policy(context: Context, params: Params) -> Result:
    return _changed(context, params, policy=_accepted(params["Policy"]))


def _disable_key(context: Context, params: Params) -> Result:
    return _changed(context, params, state="Disabled")


def _enable_key(context: Context, params: Params) -> Result:
    return _changed(context, params, state="Enabled")


def _schedule_key_deletion(context: Context, params: Params) -> Result:
    _changed(context, params, state="PendingDeletion")
    return {"KeyId": _known(context, params).arn, "KeyState": "PendingDeletion"}


def _changed(context: Context, params: Params, **to: str) -> Result:
    found = _known(context, params)
    found.home.keys[found.id] = replace(found.key, **to)  # type: ignore[arg-type]  # policy and state are texts
    return {}


def _create_alias(context: Context, params: Params) -> Result:
    name = params["AliasName"]
    if not name.startswith("alias/") or name.startswith("alias/aws/"):
        raise Refusal("InvalidAliasNameException", f"Invalid alias name {name}.", 400)
    if find(context, name):
        raise Refusal("AlreadyExistsException", f"An alias with the name {name} already exists.", 400)
    found = _known(context, params, "TargetKeyId")
    found.home.keys[found.id] = replace(found.key, aliases=(*found.key.aliases, name))
    return {}


OPERATIONS: dict[str, Operation] = {
    "CreateAlias": _create_alias,
    "CreateKey": _create_key,
    "DescribeKey": _describe_key,
    "DisableKey": _disable_key,
    "EnableKey": _enable_key,
    "GetKeyPolicy": _get_key_policy,
    "PutKeyPolicy": _put_key_policy,
    "ScheduleKeyDeletion": _schedule_key_deletion,
}
