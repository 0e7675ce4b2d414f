"""Checks of subscriptions that are not confirmed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from sesform.errors import Problem
from sesform.live.snapshot import Snapshot
from sesform.model.values import Properties
from sesform.planning.plan import Change
from sesform.resources.subscription import PENDING, asks
from sesform.specs.desired import Desired


def pending(desired: Desired, snapshot: Snapshot) -> list[Problem]:
    """Return warnings of pending subscriptions. They receive nothing; requesting them again would only send more mail."""
    found = []
    for declared in desired.of_type("subscription"):
        if snapshot.found.get(declared.address, {}).get("arn") != PENDING:
            continue
        text = f"subscription {declared.key['endpoint']} is not confirmed"
        hint = "the endpoint's owner confirms it with the link that SNS sent; SNS deletes a pending subscription after two days"
        if declared.desired is None:
            text += "; SNS cannot delete a pending subscription"
            hint = (
                "no action is needed: SNS deletes it after two days; if it is confirmed before, the next run deletes it"
            )
        found.append(declared.problem(text, hint, warning=True))
    return found


def unheard(desired: Desired, snapshot: Snapshot, changes: Iterable[Change]) -> list[Problem]:
    """Return warnings of moves to topics without a confirmed subscription: SNS delivers nothing there until one is confirmed."""
    heard: dict[str, list[bool]] = defaultdict(list)
    for declared in desired.of_type("subscription"):
        if declared.desired is not None:
            prior = snapshot.found.get(declared.address)
            confirmed = prior["arn"] != PENDING if prior else not asks(declared.desired)
            heard[declared.key["topic_arn"]].append(confirmed)
    found: dict[str, Problem] = {}
    for change in changes:
        old, new = _topic_of(change.before), _topic_of(change.after)
        if not old or not new or old == new or any(heard.get(new, [True])):
            continue
        text = (
            f"moves to topic {new}, which has no confirmed subscription; notifications are lost until one is confirmed"
        )
        hint = "create the topic with a separate plan, and move to it when its subscriptions are confirmed"
        problem = desired.problem(change.address, text, hint, warning=True)
        found.setdefault(new, problem)
    return list(found.values())


def _topic_of(properties: Properties | None) -> str | None:
    properties = properties or {}
    arn: str | None = properties.get("topic_arn") or properties.get("sns", {}).get("topic_arn")
    return arn
