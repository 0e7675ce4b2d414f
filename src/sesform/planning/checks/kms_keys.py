"""Checks of KMS keys of topics: whether SES can use them.

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
from sesform.planning.plan import Change, of_type
from sesform.policies import document as policy_document
from sesform.policies.verdict import ALLOWED, Verdict, denied, unknown
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
    """Return the ARN of each topic's key after the plan, for topics that specs give a key, publish to or name publishers of.

    Specs that are not loaded, and unmanaged resources, may also publish to a topic with a declared key.
    """
    declared = {d.key["topic_arn"]: d for d in desired.of_type("topic")}
    used = {}
    keyed = [arn for arn, d in declared.items() if d.desired and d.desired.get("kms_key")]
    opened = [d.key["topic_arn"] for d in desired.of_type("topic_policy") if d.desired and d.desired["publishers"]]
    for arn in dict.fromkeys([*(t.topic_arn for t in desired.targets), *keyed, *opened]):
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


def of_topics(snapshot: Snapshot) -> set[str]:
    """Return the ARNs of the keys of all topics that were read."""
    return {topic_key(arn, facts.kms_key) for arn, facts in snapshot.topics.items() if facts and facts.kms_key}


# --- judging -----------------------------------------------------------------------------------------------------------


def usable(reference: str, keys: Mapping[str, KeyFacts]) -> Verdict:
    """Return whether SES can use a key."""
    facts = keys.get(reference)
    if reference.endswith(f":{_AWS_KEY}"):
        return denied(f"SES cannot use the KMS key {_AWS_KEY}, which AWS manages")
    if facts is None:
        return unknown("it was not read")
    if facts.refusal and not facts.arn:
        return unknown(facts.refusal)
    if not facts.arn:
        return denied(f"the KMS key {reference} does not exist")
    if facts.manager == "AWS":
        return denied(f"AWS manages the KMS key {reference}, and its policy cannot be changed")
    if facts.state != "Enabled":
        return denied(f"the KMS key {reference} is not enabled (state: {facts.state or 'none'})")
    if facts.spec != SYMMETRIC:
        return denied(f"the KMS key {reference} is not symmetric (spec: {facts.spec})")
    return unknown(facts.refusal) if facts.refusal else _by_policy(reference, facts)


_UNTOLD = unknown("its policy has conditions that only KMS can evaluate")


def _by_policy(reference: str, facts: KeyFacts) -> Verdict:
    try:
        document = policy_document.parse(facts.policy)
    except ValueError:
        return _UNTOLD
    verdicts = {action: policy_document.allows_ses(document, action, facts.arn, {}) for action in _ACTIONS}
    refused = [action for action, verdict in verdicts.items() if verdict.denied]
    if refused:
        return denied(
            f"the policy of the KMS key {reference} does not allow {policy_document.SES_PRINCIPAL} to use {' and '.join(refused)}"
        )
    return ALLOWED if all(verdict.allowed for verdict in verdicts.values()) else _UNTOLD


def check(desired: Desired, snapshot: Snapshot, changes: Sequence[Change]) -> list[Problem]:
    """Return problems of keys that SES cannot use: errors if the plan changes something that relies on them, else warnings.

    A key that could not be read is a warning if the plan changes something that relies on it, and no problem otherwise.
    """
    changing = {c.address for c in changes if c.after is not None}
    encrypted = {
        c.after["topic_arn"]
        for c in of_type(changes, "topic")
        if c.after and c.after.get("kms_key") != (c.before or {}).get("kms_key")
    }
    users: dict[str, list[Target]] = defaultdict(list)
    for target in desired.targets:
        users[target.topic_arn].append(target)
    own = {d.key["topic_arn"]: d for d in desired.of_type("topic")}
    found = []
    for topic_arn, key in in_use(desired, snapshot).items():
        relying = users[topic_arn]
        relied = topic_arn in encrypted or any(t.user in changing for t in relying)
        judged = _judged(topic_arn, key, snapshot, relied)
        if judged is None:
            continue
        topic = own.get(topic_arn)
        concerns = (*(str(t.user) for t in relying), *([str(topic.address)] if topic else []))
        first = min(relying, key=lambda t: (t.user not in changing, t.user), default=None)
        make = first.problem if first else topic.problem if topic else None
        # An error only if SES is certainly refused, and the plan changes something that relies on the key.
        text, hint, refused = judged
        if make is not None:
            found.append(replace(make(text, hint, warning=not (refused and relied and relying)), concerns=concerns))
    return found


def _judged(topic_arn: str, key: str, snapshot: Snapshot, relied: bool) -> tuple[str, str, bool] | None:
    """Return what is wrong with a topic's key, what to do, and whether SES is certainly refused; None for no problem."""
    verdict, facts = usable(key, snapshot.keys), snapshot.keys.get(key)
    if verdict.denied:
        own = facts is not None and facts.manager != "AWS" and facts.state == "Enabled" and facts.arn
        hint = (
            f"add to the key's policy: {json.dumps(STATEMENT)}"
            if own and "policy" in verdict.reason
            else (
                "encrypt the topic with an enabled symmetric key that you manage, and allow ses.amazonaws.com to use "
                "it in the key's policy"
            )
        )
        return f"SES cannot publish to topic {topic_arn}: {verdict.reason}", hint, True
    if verdict.unknown and relied:
        text = f"it is not known whether the KMS key {key} of topic {topic_arn} allows SES to publish: {verdict.reason}"
        return text, f"check that its policy has: {json.dumps(STATEMENT)}", False
    return None
