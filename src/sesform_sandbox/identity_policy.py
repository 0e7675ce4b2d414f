"""Sending authorization policies: the ones that SES accepts. Both API versions share one store.

Source: SES developer guide, "Sending authorization policy anatomy" and "Quotas".
"""

from __future__ import annotations

import re
from typing import Any

from sesform.model import condition_keys
from sesform.model.quotas import MAX_POLICIES_PER_IDENTITY
from sesform_sandbox.policy import compact, listed, parse, statements

MAX_POLICIES = MAX_POLICIES_PER_IDENTITY
_MAX_BYTES = 4096


class BadPolicy(ValueError):
    """A policy that SES refuses."""


def accepted(text: str, identity_arn: str) -> str:
    """Return a policy text without insignificant white space (compared with AWS by floci-io/floci). Raises BadPolicy.

    The order of the checks is that of AWS: syntax, then principals.
    """
    if len(text.encode()) > _MAX_BYTES:
        raise BadPolicy(f"sandbox: Policy exceeds max allowed size {_MAX_BYTES} bytes.")
    try:
        policy = parse(text)
    except (ValueError, RecursionError):
        raise BadPolicy("sandbox: Policy is not valid JSON.") from None
    found = statements(policy)
    if not found:
        raise BadPolicy("sandbox: Policy has no statement.")
    sids = [str(s["Sid"]) for s in found if s.get("Sid")]
    if len(set(sids)) != len(sids):
        raise BadPolicy("sandbox: Statement IDs (SID) in a single policy must be unique.")
    for statement in found:
        _check(statement, identity_arn)
    for statement in found:
        _check_principal(statement["Principal"])
    return compact(policy)


def _check(statement: dict[str, Any], identity_arn: str) -> None:
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise BadPolicy("sandbox: Statement has no valid Effect.")
    if not statement.get("Principal"):
        raise BadPolicy("sandbox: Missing required field Principal.")
    actions = listed(statement.get("Action"))
    if not actions or not all(isinstance(a, str) and re.fullmatch(r"(?i)ses:[a-z*?]+", a) for a in actions):
        raise BadPolicy("sandbox: Policy contains an invalid action.")
    resources = listed(statement.get("Resource"))
    if len(resources) != 1 or not _covers(str(resources[0]), identity_arn):
        raise BadPolicy(f"sandbox: Policy must contain exactly one resource, {identity_arn}.")
    conditions = statement.get("Condition", {})
    if not isinstance(conditions, dict) or not all(isinstance(tests, dict) for tests in conditions.values()):
        raise BadPolicy("sandbox: Condition is not an object of objects.")
    for key in (key for tests in conditions.values() for key in tests):
        if not condition_keys.is_known(key):
            # Seen on AWS: awsdocs/amazon-cognito-developer-guide#41.
            raise BadPolicy(f"Unknown or unapplicable condition field '{key}'.")


def _covers(resource: str, identity_arn: str) -> bool:
    """Return whether a resource is the identity's ARN, or that ARN with a wildcard for its region."""
    return resource == identity_arn or (
        resource.split(":")[:3] + resource.split(":")[4:] == (identity_arn.split(":")[:3] + identity_arn.split(":")[4:])
        and resource.split(":")[3] == "*"
    )


def _check_principal(principal: Any) -> None:
    # Text seen on AWS (hashicorp/terraform-provider-aws#22549). Ids of deleted IAM entities (AIDA…, AROA…) are invalid too.
    if principal == "*":
        return
    kinds = principal if isinstance(principal, dict) else {"": [principal]}
    known = set(kinds) <= {"AWS", "Service"}
    if not known or not all(_known(kind, name) for kind, names in kinds.items() for name in listed(names)):
        raise BadPolicy("Policy contains an invalid principal.")


def _known(kind: str, name: Any) -> bool:
    pattern = (
        r"[a-z0-9.-]+\.amazonaws\.com" if kind == "Service" else r"\*|[0-9]{12}|arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:\S+"
    )
    return isinstance(name, str) and re.fullmatch(pattern, name) is not None
