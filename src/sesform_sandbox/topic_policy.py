"""Topic policies in SNS: the documents that it accepts, how it rewrites them, and what they allow other accounts."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from sesform.model import arns
from sesform_sandbox.context import Context
from sesform_sandbox.policy import compact, listed, parse, statements
from sesform_sandbox.refusal import Refusal

# SNS developer guide, "Amazon SNS API permissions": limits of a topic policy.
_MAX_BYTES, _MAX_STATEMENTS, _MAX_PRINCIPALS = 30 * 1024, 100, 200

# The actions that a topic policy may name (same page); Receive is in old policies, which Terraform restores.
ACTIONS = (
    "GetTopicAttributes",
    "SetTopicAttributes",
    "AddPermission",
    "RemovePermission",
    "DeleteTopic",
    "Subscribe",
    "ListSubscriptionsByTopic",
    "Publish",
    "Receive",
    "PublishBatch",
    "TagResource",
    "UntagResource",
    "ListTagsForResource",
    "GetDataProtectionPolicy",
    "PutDataProtectionPolicy",
)
_IN_SCOPE = re.compile("sns:(" + "|".join([*(a.lower() for a in ACTIONS), r"\*", r"[a-z]+\*"]) + ")")

_CONDITION_KEYS = ("aws:sourceowner", "aws:sourceaccount", "aws:principalaccount")


def accepted(text: str, topic_arn: str) -> str:
    """Return a policy text in the form that SNS stores. Raises Refusal if SNS refuses it.

    A policy cannot be emptied (cloud-custodian/cloud-custodian#1779). SNS returns a bare account id as the ARN of its root
    (hashicorp/terraform-provider-aws#1545). Sids are unique, and the only resource is the topic (SNS developer guide, as above).
    """
    try:
        policy = parse(text)
    except (ValueError, RecursionError):
        raise _refused("Policy Error: null") from None
    found = statements(policy)
    if not found or len(text.encode()) > _MAX_BYTES or len(found) > _MAX_STATEMENTS:
        raise _refused("Policy Error: null")
    sids = [s["Sid"] for s in found if s.get("Sid")]
    if len(set(map(str, sids))) != len(sids):
        raise Refusal("InvalidParameter", "sandbox: statement ids must be unique")
    arn = arns.parse(topic_arn)
    return compact({**policy, "Statement": [_statement(s, topic_arn, arn.partition if arn else "aws") for s in found]})


def _statement(statement: Mapping[str, Any], topic_arn: str, partition: str) -> dict[str, Any]:
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise _refused("Policy Error: null")
    actions = listed(statement.get("Action", statement.get("NotAction")))
    if not actions or not all(isinstance(a, str) and (a == "*" or _IN_SCOPE.fullmatch(a.lower())) for a in actions):
        raise _refused("Policy statement action out of service scope!")
    if listed(statement.get("Resource")) not in ([topic_arn], ["*"]):
        raise Refusal("InvalidParameter", "sandbox: the resource of a statement must be the topic, or *")
    conditions = statement.get("Condition", {})
    if not isinstance(conditions, dict) or not all(isinstance(tests, dict) for tests in conditions.values()):
        raise _refused("Policy Error: null")
    for key in ("Principal", "NotPrincipal"):
        if key in statement:
            return {**statement, key: _principal(statement[key], partition)}
    raise _refused("Policy Error: null")


def _principal(value: Any, partition: str) -> Any:
    if value == "*":
        return {"AWS": "*"}
    if not isinstance(value, dict) or not value or not set(value) <= {"AWS", "Service", "Federated", "CanonicalUser"}:
        raise _refused("Policy Error: null")
    names = listed(value.get("AWS"))
    if len(names) > _MAX_PRINCIPALS or not all(map(_known_principal, names)):
        raise _refused("Policy Error: PrincipalNotFound")
    rewritten = [arns.account_root(n, partition) if re.fullmatch("[0-9]{12}", n) else n for n in names]
    return {
        **value,
        **({"AWS": rewritten if isinstance(value["AWS"], list) else rewritten[0]} if rewritten else {}),
    }


def _known_principal(name: Any) -> bool:
    # Ids of deleted IAM entities (AIDA…, AROA…) are refused when sent back (hashicorp/terraform-provider-aws#29226).
    return isinstance(name, str) and bool(re.fullmatch(r"\*|[0-9]{12}|arn:aws[a-z-]*:(iam|sts)::[0-9]{12}:\S+", name))


def _refused(reason: str) -> Refusal:
    return Refusal("InvalidParameter", f"Invalid parameter: {reason}")


# --- other accounts ----------------------------------------------------------------------------------------------------


def authorize(context: Context, topic_arn: str, action: str, policy: str | None) -> None:
    """Allow the topic's own account everything, other accounts what the policy says. Raises Refusal (AuthorizationError, 403).

    `policy` is None if the topic does not exist: SNS does not tell other accounts which topics exist.
    """
    arn = arns.parse(topic_arn)
    if arn is None or arn.account == context.account:
        return
    if policy is None or not _allows(json.loads(policy), topic_arn, f"sns:{action}".lower(), context):
        caller = arns.account_root(context.account, context.partition)
        reason = f"because no resource-based policy allows the SNS:{action} action"
        raise Refusal(
            "AuthorizationError",
            f"User: {caller} is not authorized to perform: SNS:{action} on resource: {topic_arn} {reason}",
        )


def _allows(policy: Mapping[str, Any], topic_arn: str, action: str, context: Context) -> bool:
    """Evaluate a policy (IAM user guide, "Policy evaluation logic"). Unknown conditions never allow, and never prevent a denial."""
    verdicts = [(s.get("Effect"), _matches(s, topic_arn, action, context)) for s in statements(policy)]
    denied = any(effect == "Deny" and matches is not False for effect, matches in verdicts)
    return not denied and ("Allow", True) in verdicts


def _matches(statement: Mapping[str, Any], topic_arn: str, action: str, context: Context) -> bool | None:
    if not {"Principal", "Action"} <= set(statement):
        return None
    principal = statement["Principal"]
    names = listed(principal.get("AWS")) if isinstance(principal, dict) else [principal]
    roots = {"*", context.account, arns.account_root(context.account, context.partition)}
    if not roots & set(map(str, names)):
        return False
    if not any(_like(str(a).lower(), action) for a in listed(statement["Action"])):
        return False
    tests = [
        (op, key, values) for op, keys in (statement.get("Condition") or {}).items() for key, values in keys.items()
    ]
    verdicts = {_condition(op.lower(), key.lower(), listed(values), context.account) for op, key, values in tests}
    return False if False in verdicts else (None if None in verdicts else True)


def _condition(operator: str, key: str, values: Iterable[Any], account: str) -> bool | None:
    if key not in _CONDITION_KEYS or operator not in ("stringequals", "stringlike"):
        return None
    return any(_like(str(value), account) for value in values)


def _like(pattern: str, text: str) -> bool:
    return re.fullmatch("".join({"*": ".*", "?": "."}.get(c) or re.escape(c) for c in pattern), text) is not None
