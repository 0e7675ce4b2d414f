"""Topics that SES has probably removed from an identity."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence

from sesform.errors import Problem
from sesform.live.snapshot import Snapshot
from sesform.model import arns
from sesform.model.address import Address
from sesform.planning.checks import kms_keys
from sesform.planning.plan import Change, of_type
from sesform.planning.reception import Reception, live_topics
from sesform.specs.compiler import publishers_of
from sesform.specs.desired import Desired


def fitting(changes: Sequence[Change]) -> dict[Address, Address]:
    """Return the topics that SES has probably removed, each with the e-mail forwarding of its identity, which SES turned on.

    The topic is missing and forwarding is on, against the specs. Source: AWS developer guide of SES, "Configuring Amazon SNS
    notifications".
    """
    forwarding = {
        (c.scope, c.after["identity"]): c.address
        for c in of_type(changes, "feedback_forwarding")
        if c.after and not c.after["enabled"]
    }
    # SES does not change the header flags: if they are missing too, SES did not do it.
    touched = {
        (c.scope, c.after["identity"], c.after["notification_type"])
        for c in of_type(changes, "notification_headers")
        if c.after
    }
    found = {}
    for change in of_type(changes, "notification_topic"):
        if change.before is not None or change.after is None:
            continue
        identity, type_ = change.after["identity"], change.after["notification_type"]
        turned_on = forwarding.get((change.scope, identity))
        if turned_on and type_ in ("bounce", "complaint") and (change.scope, identity, type_) not in touched:
            found[change.address] = turned_on
    return found


def removed_by_ses(
    desired: Desired, snapshot: Snapshot, changes: Sequence[Change], recorded: Container[Address] = ()
) -> list[Problem]:
    """Return warnings of topics that SES has probably removed: see `fitting`. If the cause remains, SES removes the topic again.

    The warning says what is wrong with the topic, if that is known. `recorded`: topics that a recorded call removed.
    """
    causes = _causes(snapshot, changes)
    reception = Reception(live_topics(snapshot), snapshot.keys)
    fits = fitting(changes)
    found = []
    for change in of_type(changes, "notification_topic"):
        if change.address not in fits or change.address in recorded or change.after is None:
            continue
        identity, type_, arn = (change.after[k] for k in ("identity", "notification_type", "topic_arn"))
        text = f"SES has probably removed the {type_} topic of {identity} because publishing to it failed"
        publishing = reception.may_publish(arn, publishers_of(change.scope, identity))
        cause = causes.get(arn, publishing.reason if publishing.denied else "")
        hint = (
            f"repair the topic first: {cause}"
            if cause
            else "the topic has no known fault now; check its policy and its KMS key"
        )
        found.append(desired.problem(change.address, text, hint, warning=True))
    return found


def _causes(snapshot: Snapshot, changes: Iterable[Change]) -> dict[str, str]:
    """Return what is wrong with the key or the policy of topics, by ARN."""
    found: dict[str, str] = {}
    for properties in snapshot.of_type("topic"):
        if properties.get("kms_key"):
            verdict = kms_keys.usable(arns.topic_key(properties["topic_arn"], properties["kms_key"]), snapshot.keys)
            if not verdict.allowed:
                untold = f"the policy of its KMS key {properties['kms_key']} may not allow SES to use it"
                found[properties["topic_arn"]] = verdict.reason if verdict.denied else untold
    for change in of_type(changes, "topic_policy"):
        if change.before is not None and change.after:
            found[change.after["topic_arn"]] = "its policy did not allow SES to publish"
    return found
