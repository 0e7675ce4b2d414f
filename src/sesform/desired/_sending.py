"""Who may send with an identity, and the configuration set that its mail uses by default."""

from __future__ import annotations

import hashlib
import re
from typing import Any

from sesform import arns, policy
from sesform.address import Address, Scope
from sesform.desired._compilation import Compilation, Declared, Origin, canonical_identity
from sesform.schema import Authorization, Identity, LoadedSpec, Owner, did_you_mean

Loc = tuple[int | str, ...]

# AWS developer guide, "Amazon SES sending authorization policies": what an identity takes.
MOST_POLICIES = 20
MOST_BYTES = 4096

_PREFIX = "sesform-"


def declare_sending(work: Compilation, loaded: LoadedSpec, scope: Scope, name: str, identity: Identity) -> None:
    """The sending policies and the default configuration set of one identity in one scope, defaults merged under them."""
    if not isinstance(loaded.spec, Owner):
        return
    fallback = loaded.spec.defaults.identity
    grants: dict[str, tuple[Any, Loc]] = {
        g: (a, ("defaults", "identity", "authorize", g)) for g, a in fallback.authorize.items()
    }
    grants |= {g: (a, ("identities", name, "authorize", g)) for g, a in identity.authorize.items()}
    declared = sum(a != "absent" for a, _ in grants.values())
    if declared > MOST_POLICIES:
        text = f"{name} authorizes {declared} delegates, SES takes {MOST_POLICIES} policies an identity"
        work.wrong(loaded, ("identities", name), text, "authorize an account rather than each of its roles")
    for grantee, (authorization, loc) in grants.items():
        _declare_policy(work, loaded, scope, canonical_identity(name), grantee, authorization, loc)
    _declare_default_set(work, loaded, scope, name, identity, fallback)


def _declare_policy(
    work: Compilation, loaded: LoadedSpec, scope: Scope, identity: str, grantee: str, authorization: Any, loc: Loc
) -> None:
    principal = _principal(work, scope, grantee)
    if principal is None:
        if work.partial:
            return
        hint = (
            did_you_mean(grantee, work.accounts) or "write a spec name, an account number of 12 digits, or an IAM ARN"
        )
        work.wrong(loaded, loc, f"unknown delegate {grantee!r}", hint)
        return
    key = {"identity": identity, "name": policy_name(grantee)}
    want = None
    says = "is being destroyed" if work.destroy else "declares it absent"
    if isinstance(authorization, Authorization) and not work.destroy:
        document = grant(arns.identity(scope, identity), principal, authorization)
        if len(policy.compact(document)) > MOST_BYTES:
            work.wrong(
                loaded, loc, f"the policy for {grantee!r} is larger than {MOST_BYTES} bytes", "use fewer conditions"
            )
        want, says = {**key, "policy": document}, "declares it"
    address = Address(loaded.spec.name, scope.region, "sending_policy", f"{identity}/{key['name']}")
    work.declare(Declared(address, scope, key, want, Origin(loaded.document, loc, says)))


def _principal(work: Compilation, scope: Scope, grantee: str) -> str | None:
    if grantee.startswith("arn:"):
        return grantee
    account = grantee if re.fullmatch(r"[0-9]{12}", grantee) else work.accounts.get(grantee)
    return arns.account_root(account, arns.partition(scope.region)) if account else None


def grant(identity_arn: str, principal: str, authorization: Authorization) -> policy.Policy:
    """The policy that lets a principal send with an identity."""
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
    """The name of a grantee's policy: legible, of SES's alphabet, and distinct for distinct grantees."""
    plain = re.sub(r"[^A-Za-z0-9_-]", "-", grantee.rsplit(":", 1)[-1])
    if plain == grantee and len(_PREFIX + plain) <= 64:
        return _PREFIX + plain
    digest = hashlib.sha256(grantee.encode()).hexdigest()[:8]
    return f"{(_PREFIX + plain)[: 64 - 9]}-{digest}"


def _declare_default_set(
    work: Compilation, loaded: LoadedSpec, scope: Scope, name: str, identity: Identity, fallback: Identity
) -> None:
    own = identity.declares("default_configuration_set")
    wanted = identity.default_configuration_set if own else fallback.default_configuration_set
    if wanted == "unmanaged":
        return
    loc: Loc = (*(("identities", name) if own else ("defaults", "identity")), "default_configuration_set")
    declared = loaded.spec.configuration_sets.get(wanted or "")
    if declared == "absent" and not work.destroy:
        work.wrong(
            loaded, loc, f"configuration set {wanted!r} is declared absent", "use another set, or declare it again"
        )
    key = {"identity": canonical_identity(name)}
    want = {**key, "configuration_set": wanted} if wanted and not work.destroy else None
    says = "declares it" if want else "is being destroyed" if work.destroy else "says null"
    address = Address(loaded.spec.name, scope.region, "default_configuration_set", key["identity"])
    work.declare(Declared(address, scope, key, want, Origin(loaded.document, loc, says)))
