"""SES API version 1: sending authorization policies. Behaviour compared with AWS by floci-io/floci (pull request 1750)."""

from __future__ import annotations

from dataclasses import replace

from sesform.model import arns
from sesform_sandbox import identity_policy, rules
from sesform_sandbox.context import Context, Operation, Params, Result
from sesform_sandbox.identity_policy import BadPolicy
from sesform_sandbox.refusal import Refusal


def _put_identity_policy(context: Context, params: Params) -> Result:
    """Create or replace a policy. The document is checked before the identity."""
    name, target = params["PolicyName"], rules.find_identity(context, params["Identity"])
    if not rules.NAME.fullmatch(name):
        raise Refusal("InvalidParameterValue", f"sandbox: Invalid policy name {name}.")
    key = target.key if target else rules.identity_key(params["Identity"])
    try:
        text = identity_policy.accepted(
            params["Policy"], key if key.startswith("arn:") else arns.identity(context.scope, key)
        )
    except BadPolicy as error:
        raise Refusal("InvalidPolicy", str(error)) from None
    if target is None or target.foreign:
        raise Refusal("InvalidParameterValue", "Invalid identity. Must be a verified email address or domain.")
    identity = context.here.identities[target.key]
    policies = identity.policies | {name: text}
    if len(policies) > identity_policy.MAX_POLICIES:
        text = f"Number of policies for identity {target.key} exceeds max allowed {identity_policy.MAX_POLICIES}."
        raise Refusal("InvalidParameterValue", text)
    context.here.identities[target.key] = replace(identity, policies=policies)
    return {}


def _policies(context: Context, params: Params) -> dict[str, str]:
    # The identity need not exist.
    target = rules.find_identity(context, params["Identity"])
    return context.here.identities[target.key].policies if target and not target.foreign else {}


def _list_identity_policies(context: Context, params: Params) -> Result:
    return {"PolicyNames": sorted(_policies(context, params))}


def _get_identity_policies(context: Context, params: Params) -> Result:
    if len(params["PolicyNames"]) > identity_policy.MAX_POLICIES:
        constraint = f"Member must have length less than or equal to {identity_policy.MAX_POLICIES}"
        text = f"Value at 'policyNames' failed to satisfy constraint: {constraint}"
        raise Refusal("ValidationError", f"1 validation error detected: {text}")
    return {"Policies": {k: v for k, v in _policies(context, params).items() if k in params["PolicyNames"]}}


def _delete_identity_policy(context: Context, params: Params) -> Result:
    target = rules.find_identity(context, params["Identity"])
    if target and not target.foreign:
        identity = context.here.identities[target.key]
        rest = {k: v for k, v in identity.policies.items() if k != params["PolicyName"]}
        context.here.identities[target.key] = replace(identity, policies=rest)
    return {}


OPERATIONS: dict[str, Operation] = {
    "DeleteIdentityPolicy": _delete_identity_policy,
    "GetIdentityPolicies": _get_identity_policies,
    "ListIdentityPolicies": _list_identity_policies,
    "PutIdentityPolicy": _put_identity_policy,
}
