"""Checks of topics: whether they exist, and whether their policies allow SES to publish."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sesform.errors import Problem
from sesform.live.snapshot import Snapshot
from sesform.model import arns
from sesform.model.values import Properties
from sesform.planning.plan import Change, of_type
from sesform.planning.planned_state import PlannedState
from sesform.policies import document as policy_document
from sesform.policies import topic_statements
from sesform.policies.verdict import unknown
from sesform.resources import RESOURCES
from sesform.specs.declared import Target
from sesform.specs.desired import Desired


def topics(desired: Desired, snapshot: Snapshot, changes: Sequence[Change], state: PlannedState) -> list[Problem]:
    """Return problems of topics that SES cannot, or may not be able to, publish to."""
    changing = {c.address for c in changes if c.after is not None}
    policies = {p["topic_arn"]: p["policy"] for _, p in state.values("topic_policy")}
    watched = set(desired.watched_topics)
    made = {c.after["topic_arn"] for c in of_type(changes, "topic") if c.before is None and c.after}
    unreadable = {desired.declared[a].key.get("topic_arn") for a in snapshot.unreadable if a in desired.declared}
    found: list[Problem] = []
    denying = {arn: document for arn, document in policies.items() if _may_deny(document)}
    external = {arn: _parsed(facts.policy) for arn, facts in snapshot.topics.items() if facts}
    unchecked: dict[str, list[Target]] = defaultdict(list)
    for target in desired.targets:
        facts = snapshot.topics.get(target.topic_arn)
        if target.topic_arn not in watched:
            # sesform's statements allow all declared publishers; only a Deny can refuse.
            if target.topic_arn in denying and target.topic_arn not in unreadable:
                found += _refuses(target, denying[target.topic_arn], target.user in changing, managed=True)
        elif target.topic_arn in made:  # with the default policy of SNS
            document = policy_document.default_topic_policy(target.topic_arn)
            found += _refuses(target, document, target.user in changing, managed=False)
        elif target.topic_arn not in snapshot.topics:
            if target.user in changing:
                unchecked[target.topic_arn].append(target)
        elif facts is None:
            hint = "create it first, or declare it under `topics`"
            found.append(target.problem(f"topic {target.topic_arn} does not exist", hint))
        else:
            found += _refuses(target, external[target.topic_arn], target.user in changing, managed=False)
    return [*found, *map(_unchecked, unchecked.values())]


def withdrawn(desired: Desired, snapshot: Snapshot, changes: Iterable[Change]) -> list[Problem]:
    """Return warnings of publishers that lose their right to a topic, or the topic, and that no spec names.

    They may still publish to it. AWS does not list the legacy entries of other accounts.
    """
    losing = [(change, lost) for change in changes if (lost := _lost(change, snapshot))]
    named = _named(desired) if losing else set()
    found = []
    for change, lost in losing:
        if lost - named:
            who = ", ".join(sorted(lost - named))
            text = f"SES may no longer publish to the topic for {who}, which no spec names any more"
            hint = (
                "if they still publish to it, SES will remove the topic from them. Declare them, `absent` if they "
                "no longer publish"
            )
            found.append(desired.problem(change.address, text, hint, warning=True))
    return found


def _named(desired: Desired) -> set[str]:
    """Return the ARNs of the identities and configuration sets that the specs name."""
    named = {arns.identity(d.scope, d.key["identity"]) for d in desired.declared.values() if "identity" in d.key}
    named |= {d.key["identity"] for d in [*desired.declared.values(), *desired.unmanaged] if "identity" in d.key}
    return named | {
        arns.configuration_set(d.scope, d.key["configuration_set"]) for d in desired.of_type("configuration_set")
    }


def _lost(change: Change, snapshot: Snapshot) -> set[str]:
    """Return the ARNs that may no longer publish after a change of a topic or its policy."""
    if change.before and change.after:
        return {arn for _, arn in RESOURCES[change.address.type].allows_more(change.before, change.after)}
    if change.address.type != "topic" or change.before is None:
        return set()
    facts = snapshot.topics.get(change.before["topic_arn"])
    document = _parsed(facts.policy) if facts else None
    return {s for s in policy_document.source_arns(document or {}) if ":ses:" in s and "*" not in s}


def _parsed(text: str) -> policy_document.Policy | None:
    try:
        return policy_document.parse(text)
    except ValueError:
        return None  # whether such a policy allows SES to publish is not known


def _may_deny(document: Properties) -> bool:
    return any(s.get("Effect") != "Allow" for s in policy_document.statements(document))


def _refuses(target: Target, document: Properties | None, changing: bool, *, managed: bool) -> list[Problem]:
    """Return a problem if the policy allows none of the publishers; a warning if the setting does not change."""
    verdicts = [
        policy_document.may_publish(document, target.topic_arn, p) if document else unknown("it cannot be parsed")
        for p in target.publishers
    ]
    if any(verdict.allowed for verdict in verdicts):
        return []
    if any(verdict.unknown for verdict in verdicts):
        text = (
            f"the policy of topic {target.topic_arn} has conditions that only SNS can evaluate; SES may not be "
            f"allowed to publish"
        )
        return [target.problem(text, "check that it allows SES to publish", warning=True)] if changing else []
    who = target.publishers[0].arn  # of a legacy entry, both publishers have the same
    hint = "remove the statement that denies it"
    if not managed:
        statement = topic_statements.with_publishers({}, target.topic_arn, target.publishers)["Statement"]
        hint = f"add to its policy: {json.dumps(statement[0])}"
    return [
        target.problem(
            f"the policy of topic {target.topic_arn} does not allow SES to publish for {who}",
            hint,
            warning=not changing,
        )
    ]


def _unchecked(targets: Sequence[Target]) -> Problem:
    """Return the warning about one topic whose account no spec covers. `targets`: the changes that use it."""
    text = f"topic {targets[0].topic_arn} could not be checked: no spec has credentials for its account"
    hint = "it must exist and allow SES to publish; send its owner what `sesform handover` prints"
    concerns = tuple(str(target.user) for target in targets)
    return replace(targets[0].problem(text, hint, warning=True), concerns=concerns)
