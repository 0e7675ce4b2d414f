"""Who may send with an identity, and the default configuration set of its mail."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from typing import Any

from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.quotas import MAX_POLICIES_PER_IDENTITY
from sesform.policies import document as policy_document
from sesform.specs.compiler._compilation import Compilation
from sesform.specs.compiler._policies import check_partition, check_size, document_of
from sesform.specs.declared import Declared, Origin, canonical_identity
from sesform.specs.schema import GRANT_PREFIX, Authorization, Identity, LoadedSpec, Owner, SendingPolicy, did_you_mean

Loc = tuple[int | str, ...]


def declare_sending(work: Compilation, loaded: LoadedSpec, scope: Scope, name: str, identity: Identity) -> None:
    """Declare the sending policies and the default configuration set of one identity in one scope, with defaults merged."""
    if not isinstance(loaded.spec, Owner):
        return
    fallback = loaded.spec.defaults.identity
    grants = _merged(name, "authorize", fallback.authorize, identity.authorize)
    policies = _merged(name, "policies", fallback.policies, identity.policies)
    declared = sum(each != "absent" for each, _ in [*grants.values(), *policies.values()])
    if declared > MAX_POLICIES_PER_IDENTITY:
        text = (
            f"{name} has {declared} sending policies, including one for each delegate; "
            f"the quota is {MAX_POLICIES_PER_IDENTITY}"
        )
        hint = "authorize an account instead of each of its roles, or join policies"
        work.wrong(loaded, ("identities", name), text, hint)
    canonical = canonical_identity(name)
    for grantee, (authorization, loc) in grants.items():
        _declare_grant(work, loaded, scope, canonical, grantee, authorization, loc)
    for own_name, (written, loc) in policies.items():
        kept = isinstance(written, SendingPolicy) and not work.destroy
        document = document_of(work, loaded, scope, canonical, written, loc) if kept else None
        _declare_policy(work, loaded, scope, canonical, own_name, document, loc)
    _declare_default_set(work, loaded, scope, name, identity, fallback)


def _merged(name: str, field: str, fallback: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, tuple[Any, Loc]]:
    """Merge what an identity declares over the defaults, key by key, each with its place."""
    merged: dict[str, tuple[Any, Loc]] = {k: (v, ("defaults", "identity", field, k)) for k, v in fallback.items()}
    return merged | {k: (v, ("identities", name, field, k)) for k, v in own.items()}


def _declare_grant(
    work: Compilation, loaded: LoadedSpec, scope: Scope, identity: str, grantee: str, authorization: Any, loc: Loc
) -> None:
    principal, document = _principal(work, scope, grantee), None
    kept = isinstance(authorization, Authorization)
    if principal is None and not work.partial:
        hint = (
            did_you_mean(grantee, work.accounts) or "write a spec name, an account number of 12 digits, or an IAM ARN"
        )
        if grantee.endswith(".amazonaws.com"):
            hint = "declare an AWS service under `policies`, with `Principal: {Service: …}`"
        # The name of a policy is enough to withdraw it: the delegate's spec may no longer exist.
        work.wrong(loaded, loc, f"unknown delegate {grantee!r}", hint, warning=not kept)
    if principal is None and kept:
        return
    if principal is not None and kept and not work.destroy:
        check_partition(work, loaded, scope, principal, loc)
        document = grant(arns.identity(scope, identity), principal, authorization)
        check_size(work, loaded, loc, f"the policy for {grantee!r}", document)
    _declare_policy(work, loaded, scope, identity, policy_name(grantee), document, loc)


def _declare_policy(
    work: Compilation,
    loaded: LoadedSpec,
    scope: Scope,
    identity: str,
    name: str,
    document: policy_document.Policy | None,
    loc: Loc,
) -> None:
    key = {"identity": identity, "name": name}
    desired = None if document is None else {**key, "policy": document}
    says = "declares it" if desired else "is being destroyed" if work.destroy else "declares it absent"
    address = Address(loaded.spec.name, scope.region, "sending_policy", f"{identity}/{name}")
    work.declare(Declared(address, scope, key, desired, Origin(loaded.document, loc, says)))


def _principal(work: Compilation, scope: Scope, grantee: str) -> str | None:
    if grantee.startswith("arn:"):
        return grantee
    account = grantee if re.fullmatch(r"[0-9]{12}", grantee) else work.accounts.get(grantee)
    return arns.account_root(account, arns.partition(scope.region)) if account else None


def grant(identity_arn: str, principal: str, authorization: Authorization) -> policy_document.Policy:
    """Return the policy that allows a principal to send with an identity."""
    statement: dict[str, Any] = {
        "Sid": "SesformAuthorize",
        "Effect": "Allow",
        "Principal": {"AWS": principal},
        "Action": sorted(f"ses:{action}" for action in authorization.actions),
        "Resource": identity_arn,
    }
    if authorization.conditions:
        statement["Condition"] = authorization.conditions
    return {"Version": "2012-10-17", "Statement": [statement]}


def policy_name(grantee: str) -> str:
    """Return the name of a grantee's policy: readable, in the characters that SES accepts, and unique for each grantee."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", grantee.rsplit(":", 1)[-1])
    if plain == grantee and len(GRANT_PREFIX + plain) <= 64:
        return GRANT_PREFIX + plain
    digest = hashlib.sha256(grantee.encode()).hexdigest()[:8]
    return f"{(GRANT_PREFIX + plain)[: 64 - 9]}-{digest}"


def _declare_default_set(
    work: Compilation, loaded: LoadedSpec, scope: Scope, name: str, identity: Identity, fallback: Identity
) -> None:
    own = identity.declares("default_configuration_set")
    wanted = identity.default_configuration_set if own else fallback.default_configuration_set
    if wanted == "unmanaged":
        if own or fallback.declares("default_configuration_set"):
            work.left_alone.add(("default_configuration_set", scope, (canonical_identity(name),)))
        return
    loc: Loc = (*(("identities", name) if own else ("defaults", "identity")), "default_configuration_set")
    declared = loaded.spec.configuration_sets.get(wanted or "")
    if declared == "absent" and not work.destroy:
        work.wrong(
            loaded,
            loc,
            f"configuration set {wanted!r} is declared absent",
            "use another configuration set, or declare it",
        )
    key = {"identity": canonical_identity(name)}
    desired = {**key, "configuration_set": wanted} if wanted and not work.destroy else None
    says = "declares it" if desired else "is being destroyed" if work.destroy else "declares null"
    address = Address(loaded.spec.name, scope.region, "default_configuration_set", key["identity"])
    work.declare(Declared(address, scope, key, desired, Origin(loaded.document, loc, says)))
