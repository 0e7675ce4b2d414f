"""Subscriptions that are not confirmed."""

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
    """Subscriptions that nobody has confirmed yet: they get nothing, and asking again would only mail their owner again."""
    found = []
    for declared in desired.of_type("subscription"):
        if snapshot.found.get(declared.address, {}).get("arn") != PENDING:
            continue
        text = f"subscription {declared.key['endpoint']} is not confirmed yet"
        hint = "its owner confirms it by the link that SNS sent; SNS forgets it after two days"
        if declared.desired is None:
            text += ", and SNS does not let it be removed while it waits for that"
            hint = (
                "nothing to do: SNS forgets it after two days, and if it is confirmed before, the next run removes it"
            )
        found.append(declared.problem(text, hint, warning=True))
    return found


def unheard(desired: Desired, snapshot: Snapshot, changes: Iterable[Change]) -> list[Problem]:
    """Topics to which something moves from another while each of their subscriptions waits for its owner to confirm it: SNS
    delivers nothing there until then, and the old topic may go in the same plan."""
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
        text = f"moves to topic {new}, of whose subscriptions none is confirmed: what comes there until one is, is lost"
        hint = "make the topic with a plan of its own, and move to it when its subscribers have confirmed"
        problem = desired.problem(change.address, text, hint, warning=True)
        found.setdefault(new, problem)
    return list(found.values())


def _topic_of(properties: Properties | None) -> str | None:
    properties = properties or {}
    arn: str | None = properties.get("topic_arn") or properties.get("sns", {}).get("topic_arn")
    return arn
