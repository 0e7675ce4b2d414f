"""SES API version 2: identities, their policies, tags and the account."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from sesform.model import arns
from sesform_sandbox import identity_policy, rules, ses_v1
from sesform_sandbox.context import Context, Operation, Params, Result
from sesform_sandbox.identity_policy import BadPolicy
from sesform_sandbox.refusal import Refusal
from sesform_sandbox.ses_v2_sets import configuration_set, page_size, tag_list, tags
from sesform_sandbox.state import Identity, SendingQuota

QUOTA = "quota"  # the only record of what an account may send
_MAX_TAGS = 50  # SES developer guide, "Tagging"; the text of the error is not documented


def _identity(context: Context, name: str) -> tuple[str, Identity]:
    key = rules.identity_key(name)
    try:
        return key, context.here.identities[key]
    except KeyError:
        raise Refusal("NotFoundException", f"Email identity {name} does not exist.") from None


# --- identities --------------------------------------------------------------------------------------------------------


def _create_email_identity(context: Context, params: Params) -> Result:
    """Register an identity. It counts as verified at once, because the sandbox has no DNS and no mail."""
    name = params["EmailIdentity"]
    try:
        key = rules.new_identity(context, name)
    except ValueError as error:
        raise Refusal("BadRequestException", str(error)) from None
    if key in context.here.identities:
        raise Refusal("AlreadyExistsException", f"Email identity {name} already exist.")
    default = params.get("ConfigurationSetName", "")
    if default:
        configuration_set(context, default)
    signing = {k: v for k, v in (params.get("DkimSigningAttributes") or {}).items() if k != "DomainSigningPrivateKey"}
    context.here.identities[key] = Identity(configuration_set=default, tags=tags(params), dkim=signing)
    shown = _get_email_identity(context, params)
    return {k: shown[k] for k in ("IdentityType", "VerifiedForSendingStatus", "DkimAttributes")}


def _get_email_identity(context: Context, params: Params) -> Result:
    key, found = _identity(context, params["EmailIdentity"])
    mail_from = {"MailFromDomainStatus": "SUCCESS", **found.mail_from} if found.mail_from.get("MailFromDomain") else {}
    return {
        "IdentityType": "EMAIL_ADDRESS" if "@" in key else "DOMAIN",
        "FeedbackForwardingStatus": found.forwarding,
        "VerifiedForSendingStatus": found.verified,
        "VerificationStatus": "SUCCESS" if found.verified else "PENDING",
        "DkimAttributes": _dkim(key, found),
        "MailFromAttributes": {
            "BehaviorOnMxFailure": found.mail_from.get("BehaviorOnMxFailure", "USE_DEFAULT_VALUE"),
            **mail_from,
        },
        "Policies": found.policies,
        "Tags": tag_list(found.tags),
        "ConfigurationSetName": found.configuration_set or None,
    }


def _dkim(key: str, found: Identity) -> Result:
    selector = found.dkim.get("DomainSigningSelector")
    length = found.dkim.get("NextSigningKeyLength", "RSA_2048_BIT")
    shown = {
        "SigningEnabled": found.dkim.get("SigningEnabled", True),
        "Status": "SUCCESS" if found.verified else "PENDING",
        "Tokens": [selector] if selector else ses_v1.tokens(key),
        "SigningAttributesOrigin": "EXTERNAL" if selector else "AWS_SES",
    }
    return shown if selector else shown | {"NextSigningKeyLength": length, "CurrentSigningKeyLength": length}


def _delete_email_identity(context: Context, params: Params) -> Result:
    key, _ = _identity(context, params["EmailIdentity"])
    del context.here.identities[key]
    return {}


def _list_email_identities(context: Context, params: Params) -> Result:
    identities = context.here.identities
    try:
        shown, token = rules.page(identities, page_size(params), params.get("NextToken"))
    except ValueError as error:
        raise Refusal("InvalidNextTokenException", str(error)) from None
    entries = [
        {
            "IdentityName": name,
            "IdentityType": "EMAIL_ADDRESS" if "@" in name else "DOMAIN",
            "SendingEnabled": identities[name].verified,
            "VerificationStatus": "SUCCESS" if identities[name].verified else "PENDING",
        }
        for name in shown
    ]
    return {"EmailIdentities": entries, "NextToken": token}


def _list_resource_tenants(context: Context, params: Params) -> Result:
    arn = params["ResourceArn"]
    found = [
        {"TenantName": name, "TenantId": f"tn-{name}", "ResourceArn": arn}
        for name, tenant in sorted(context.here.tenants.items())
        if arn in tenant.resources
    ]
    return {"ResourceTenants": found}


def _list_multi_region_endpoints(context: Context, params: Params) -> Result:
    found = [
        {"EndpointName": name, "EndpointId": f"{name}.id", "Status": "READY", "Regions": list(endpoint.regions)}
        for name, endpoint in sorted(context.here.endpoints.items())
    ]
    return {"MultiRegionEndpoints": found}


def _put_feedback_attributes(context: Context, params: Params) -> Result:
    """Set feedback forwarding. A missing value means false, and false needs no topics (seen on AWS: terraform-provider-aws).

    An unknown identity is a bad request here, not "not found" (compared with AWS by floci-io/floci).
    """
    target = rules.find_identity(context, params["EmailIdentity"])
    if target is None or target.foreign:
        raise Refusal("BadRequestException", rules.unknown_identity(params["EmailIdentity"]).message)
    found = context.here.identities[target.key]
    context.here.identities[target.key] = replace(found, forwarding=params.get("EmailForwardingEnabled", False))
    return {}


def _put_configuration_set_attributes(context: Context, params: Params) -> Result:
    """Set or, without a name, clear the default set. The set must exist (SES v2 API reference)."""
    key, found = _identity(context, params["EmailIdentity"])
    name = params.get("ConfigurationSetName", "")
    if name:
        configuration_set(context, name)
    context.here.identities[key] = replace(found, configuration_set=name)
    return {}


def _put_dkim_attributes(context: Context, params: Params) -> Result:
    key, found = _identity(context, params["EmailIdentity"])
    context.here.identities[key] = replace(
        found, dkim=found.dkim | {"SigningEnabled": params.get("SigningEnabled", False)}
    )
    return {}


def _put_dkim_signing_attributes(context: Context, params: Params) -> Result:
    key, found = _identity(context, params["EmailIdentity"])
    given = params.get("SigningAttributes") or {}
    kept = {k: v for k, v in found.dkim.items() if k == "SigningEnabled"}
    signing = {k: v for k, v in given.items() if k != "DomainSigningPrivateKey"}
    context.here.identities[key] = updated = replace(found, dkim=kept | signing)
    shown = _dkim(key, updated)
    return {"DkimStatus": shown["Status"], "DkimTokens": shown["Tokens"]}


def _put_mail_from_attributes(context: Context, params: Params) -> Result:
    key, found = _identity(context, params["EmailIdentity"])
    domain = params.get("MailFromDomain", "")
    if domain and not domain.lower().endswith("." + key.rpartition("@")[2].lower()):
        # SES v2 API reference: the MAIL FROM domain must be a subdomain of the identity.
        raise Refusal(
            "BadRequestException",
            f"Provided MAIL-FROM domain <{domain}> is not subdomain of the domain of the identity <{key}>.",
        )
    behavior = params.get("BehaviorOnMxFailure", "USE_DEFAULT_VALUE")
    kept = {"MailFromDomain": domain, "BehaviorOnMxFailure": behavior} if domain else {}
    context.here.identities[key] = replace(found, mail_from=kept)
    return {}


# --- policies ----------------------------------------------------------------------------------------------------------

_Change = Callable[[dict[str, str], str, str], None]


def _put_policy(check: _Change) -> Operation:
    """Create or update a policy. `check(policies, name, identity)` raises if the policy must not exist, or must exist."""

    def operation(context: Context, params: Params) -> Result:
        key, found = _identity(context, params["EmailIdentity"])
        name = params["PolicyName"]
        if not rules.NAME.fullmatch(name):
            raise Refusal("BadRequestException", f"sandbox: Invalid policy name {name}.")
        try:
            text = identity_policy.accepted(params["Policy"], rules.identity_arn(context, key))
        except BadPolicy as error:
            raise Refusal("BadRequestException", str(error)) from None
        check(found.policies, name, key)
        context.here.identities[key] = replace(found, policies=found.policies | {name: text})
        return {}

    return operation


def _new(policies: dict[str, str], name: str, identity: str) -> None:
    # Compared with AWS by floci-io/floci (pull request 1750), as the following; the model's text for updating and deleting
    # a missing policy differs.
    if name in policies:
        raise Refusal("AlreadyExistsException", f"Policy <{name}> already exists for identity <{identity}>.")
    if len(policies) >= identity_policy.MAX_POLICIES:
        text = f"Number of policies for identity {identity} exceeds max allowed {identity_policy.MAX_POLICIES}."
        raise Refusal("LimitExceededException", text)


def _there(policies: dict[str, str], name: str, identity: str) -> None:
    if name not in policies:
        raise Refusal("NotFoundException", f"Policy <{name}> does not exist for identity <{identity}>.")


def _delete_policy(context: Context, params: Params) -> Result:
    key, found = _identity(context, params["EmailIdentity"])
    _there(found.policies, params["PolicyName"], key)
    rest = {k: v for k, v in found.policies.items() if k != params["PolicyName"]}
    context.here.identities[key] = replace(found, policies=rest)
    return {}


def _get_policies(context: Context, params: Params) -> Result:
    return {"Policies": _identity(context, params["EmailIdentity"])[1].policies}


# --- tags and the account ----------------------------------------------------------------------------------------------


def _tagged(context: Context, arn_text: str) -> tuple[Any, str]:
    """Return the table and key of an ARN's resource. Raises Refusal if the caller has no such resource."""
    arn = arns.parse(arn_text)
    kind, _, name = arn.resource.partition("/") if arn else ("", "", "")
    if arn and arn.service == "ses" and arn.scope == context.scope:
        if kind == "identity" and rules.identity_key(name) in context.here.identities:
            return context.here.identities, rules.identity_key(name)
        if kind == "configuration-set" and name in context.here.configuration_sets:
            return context.here.configuration_sets, name
    raise Refusal("NotFoundException", f"sandbox: Resource <{arn_text}> does not exist.")


def _tag_resource(context: Context, params: Params) -> Result:
    table, key = _tagged(context, params["ResourceArn"])
    merged = table[key].tags | tags(params)
    if len(merged) > _MAX_TAGS:
        raise Refusal("BadRequestException", f"sandbox: A resource can have at most {_MAX_TAGS} tags.")
    table[key] = replace(table[key], tags=merged)
    return {}


def _untag_resource(context: Context, params: Params) -> Result:
    table, key = _tagged(context, params["ResourceArn"])
    table[key] = replace(table[key], tags={k: v for k, v in table[key].tags.items() if k not in params["TagKeys"]})
    return {}


def _list_tags_for_resource(context: Context, params: Params) -> Result:
    table, key = _tagged(context, params["ResourceArn"])
    return {"Tags": tag_list(table[key].tags)}


def _get_account(context: Context, params: Params) -> Result:
    quota = context.here.sending.get(QUOTA, SendingQuota())
    return {
        "DedicatedIpAutoWarmupEnabled": False,
        "EnforcementStatus": "HEALTHY",
        "ProductionAccessEnabled": quota.production,
        "SendQuota": {
            "Max24HourSend": 50_000.0 if quota.production else 200.0,
            "MaxSendRate": quota.rate,
            "SentLast24Hours": 0.0,
        },
        "SendingEnabled": quota.enabled,
        "SuppressionAttributes": {"SuppressedReasons": ["BOUNCE", "COMPLAINT"]},
    }


OPERATIONS: dict[str, Operation] = {
    "CreateEmailIdentity": _create_email_identity,
    "CreateEmailIdentityPolicy": _put_policy(_new),
    "DeleteEmailIdentity": _delete_email_identity,
    "DeleteEmailIdentityPolicy": _delete_policy,
    "GetAccount": _get_account,
    "GetEmailIdentity": _get_email_identity,
    "GetEmailIdentityPolicies": _get_policies,
    "ListEmailIdentities": _list_email_identities,
    "ListMultiRegionEndpoints": _list_multi_region_endpoints,
    "ListResourceTenants": _list_resource_tenants,
    "ListTagsForResource": _list_tags_for_resource,
    "PutEmailIdentityConfigurationSetAttributes": _put_configuration_set_attributes,
    "PutEmailIdentityDkimAttributes": _put_dkim_attributes,
    "PutEmailIdentityDkimSigningAttributes": _put_dkim_signing_attributes,
    "PutEmailIdentityFeedbackAttributes": _put_feedback_attributes,
    "PutEmailIdentityMailFromAttributes": _put_mail_from_attributes,
    "TagResource": _tag_resource,
    "UntagResource": _untag_resource,
    "UpdateEmailIdentityPolicy": _put_policy(_there),
}
