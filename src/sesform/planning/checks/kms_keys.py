"""KMS keys of topics: whether SES may use them, told before it finds out by itself and drops the topic.

Source: AWS developer guide of SES, "Configuring Amazon SNS notifications" (an encrypted topic's key policy), and AWS KMS API
reference, DescribeKey and GetKeyPolicy.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from sesform.errors import Problem
from sesform.live.snapshot import SYMMETRIC, KeyFacts, Snapshot
from sesform.model.arns import topic_key
from sesform.planning.plan import Change
from sesform.policies import document as policy_document
from sesform.specs.declared import Target
from sesform.specs.desired import Desired

_ACTIONS = ("kms:GenerateDataKey", "kms:Decrypt")
STATEMENT: Mapping[str, Any] = {
    "Sid": "AllowSESToUseKMSKey",
    "Effect": "Allow",
    "Principal": {"Service": policy_document.SES_PRINCIPAL},
    "Action": list(_ACTIONS),
    "Resource": "*",
}
_AWS_KEY = "alias/aws/sns"


# --- reading -----------------------------------------------------------------------------------------------------------


def in_use(desired: Desired, snapshot: Snapshot) -> dict[str, str]:
    """Topic → the ARN of its key, as the plan leaves it, of the topics that the specs give one, or route something to.

    What routes to a topic may be nobody's here: of an owner whose specs are elsewhere, or unmanaged.
    """
    declared = {d.key["topic_arn"]: d for d in desired.declared.values() if d.address.type == "topic"}
    used = {}
    keyed = [arn for arn, d in declared.items() if d.desired and d.desired.get("kms_key")]
    for arn in dict.fromkeys([*(t.topic_arn for t in desired.targets), *keyed]):
        topic, facts = declared.get(arn), snapshot.topics.get(arn)
        if topic is not None and topic.desired is not None and "kms_key" in topic.desired:
            key = topic.desired["kms_key"]
        elif topic is not None and topic.address in snapshot.found:
            key = snapshot.found[topic.address].get("kms_key")
        else:
            key = facts.kms_key if facts else ""
        if key:
            used[arn] = topic_key(arn, key)
    return used


# --- judging -----------------------------------------------------------------------------------------------------------


def fault(reference: str, keys: Mapping[str, KeyFacts]) -> str | None:
    """Why SES can surely not use a key; "" where it can, None where that cannot be told."""
    facts = keys.get(reference)
    if reference.endswith(f":{_AWS_KEY}"):
        return f"the KMS key {_AWS_KEY} is AWS's own, and SES can never use it"
    if facts is None or (facts.refusal and not facts.arn):
        return None
    if not facts.arn:
        return f"the KMS key {reference} does not exist"
    if facts.manager == "AWS":
        return f"the KMS key {reference} is AWS's own, and its policy cannot be edited"
    if facts.state != "Enabled":
        return f"the KMS key {reference} is not enabled (KMS says {facts.state or 'nothing'})"
    if facts.spec != SYMMETRIC:
        return f"the KMS key {reference} is no symmetric key (KMS says {facts.spec})"
    return None if facts.refusal else _refused(reference, facts)


def _refused(reference: str, facts: KeyFacts) -> str | None:
    try:
        document = policy_document.parse(facts.policy)
    except ValueError:
        return None
    verdicts = {action: policy_document.allows_ses(document, action, facts.arn, {}) for action in _ACTIONS}
    refused = [action for action, verdict in verdicts.items() if verdict is False]
    if refused:
        return f"the policy of the KMS key {reference} does not let {policy_document.SES_PRINCIPAL} use {' and '.join(refused)}"
    return None if None in verdicts.values() else ""


def check(desired: Desired, snapshot: Snapshot, changes: Sequence[Change]) -> list[Problem]:
    """Topics whose key keeps SES out: an error where the plan changes what in the specs relies on them, else a warning.

    What could not be looked at is a warning where the plan changes something, and nothing to say otherwise.
    """
    changing = {c.address for c in changes if c.after is not None}
    encrypted = {
        c.after["topic_arn"]
        for c in changes
        if c.address.type == "topic" and c.after and c.after.get("kms_key") != (c.before or {}).get("kms_key")
    }
    users: dict[str, list[Target]] = defaultdict(list)
    for target in desired.targets:
        users[target.topic_arn].append(target)
    own = {d.key["topic_arn"]: d for d in desired.declared.values() if d.address.type == "topic"}
    found = []
    for topic_arn, key in in_use(desired, snapshot).items():
        relying = users[topic_arn]
        relied = topic_arn in encrypted or any(t.user in changing for t in relying)
        problem = _judged(topic_arn, key, snapshot, relied)
        if problem is None:
            continue
        topic = own.get(topic_arn)
        concerns = (*(str(t.user) for t in relying), *([str(topic.address)] if topic else []))
        path, origin = concerns[0], topic.origin if topic else None
        if relying:
            first = min(relying, key=lambda t: (t.user not in changing, t.user))
            path, origin = str(first.user), first.origin
        else:  # whether anything relies on it is not known here
            problem = replace(problem, severity="warning")
        line, column = origin.document.place(origin.loc) if origin else (0, 0)
        file = origin.document.file if origin else ""
        found.append(replace(problem, path=path, file=file, line=line, column=column, concerns=concerns))
    return found


def _judged(topic_arn: str, key: str, snapshot: Snapshot, relied: bool) -> Problem | None:
    wrong, facts = fault(key, snapshot.keys), snapshot.keys.get(key)
    if wrong:
        own = facts is not None and facts.manager != "AWS" and facts.state == "Enabled" and facts.arn
        hint = (
            f"add to the key's policy: {json.dumps(STATEMENT)}"
            if own and "policy" in wrong
            else "encrypt it with an enabled symmetric key of your own, whose policy lets ses.amazonaws.com use it"
        )
        text = f"SES cannot publish to topic {topic_arn}: {wrong}"
        return Problem(text, hint=hint, severity="error" if relied else "warning")
    if wrong is None and relied:
        unknown = "its policy has conditions that only KMS can test" if facts else "it was not looked at"
        why = facts.refusal if facts and facts.refusal else unknown
        text = f"whether the KMS key {key} of topic {topic_arn} lets SES publish could not be told: {why}"
        hint = f"make sure that its policy has: {json.dumps(STATEMENT)}"
        return Problem(text, hint=hint, severity="warning")
    return None
