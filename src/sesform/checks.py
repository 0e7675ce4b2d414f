"""What stands in the way of a plan, told before anything is written: unreadable state, identities and topics that will not do."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sesform.desired import Declared, Desired, Target
from sesform.errors import Problem
from sesform.live.snapshot import Snapshot
from sesform.model import arns
from sesform.model import arns as arns_
from sesform.model.address import Address, Scope
from sesform.model.values import NOTIFICATION_TYPES, Properties
from sesform.plan import Change
from sesform.planning.checks import kms_keys
from sesform.policies import document as policy_document
from sesform.policies import topic_statements
from sesform.resources import PENDING
from sesform.resources.subscription import asks

_UNVERIFIED = "its settings are kept, but nothing can be sent with it yet"
_VERIFY = "verify it there, correct the account or the regions, or declare it absent; one made just now takes a minute to show"


def readable(desired: Desired, snapshot: Snapshot) -> list[Problem]:
    """An error for each thing that could not be read: "could not look" is never "no changes"."""
    by_message: dict[tuple[str, str], list[Address]] = defaultdict(list)
    for address, message in snapshot.unreadable.items():
        by_message[message, address.type].append(address)
    found = []
    for (message, _), where in by_message.items():
        text = f"cannot be read{_and_more(where)}: {message}"
        problem = _problem(desired.declared.get(min(where)), str(min(where)), text)
        found.append(replace(problem, concerns=tuple(map(str, where))))
    return found


def _and_more(where: Sequence[Address]) -> str:
    return f" (nor {len(where) - 1} more)" if len(where) > 1 else ""


def is_missing(declared: Declared, snapshot: Snapshot) -> bool:
    """Whether it belongs to an identity that SES does not know. A foreign one is never missing: no entry is just no setting."""
    identity = _identity_of(declared)
    return bool(identity) and not identity.startswith("arn:") and (declared.scope, identity) not in snapshot.identities


def _identity_of(declared: Declared) -> str:
    """The identity that it is a setting, or the tag, of; "" where it is of none."""
    if declared.address.type == "ownership_tag":
        return declared.key["arn"].partition(":identity/")[2]
    return declared.key.get("identity", "")


def identities(desired: Desired, snapshot: Snapshot, changes: Sequence[Change]) -> list[Problem]:
    """Identities that do not exist or are not verified, and settings of theirs that SES refuses."""
    by_identity: dict[tuple[Scope, str], list[Declared]] = defaultdict(list)
    for declared in desired.declared.values():
        identity = _identity_of(declared)
        if identity and not identity.startswith("arn:") and declared.address not in snapshot.unreadable:
            by_identity[declared.scope, identity].append(declared)
    found: list[Problem] = []
    for (scope, identity), settings in by_identity.items():
        facts = snapshot.identities.get((scope, identity))
        asking = [d for d in settings if _asks_for_something(d)]
        if facts is None and asking:
            # "Missing" is also what SES says of an identity that was made a moment ago (ansible/ansible#36065).
            problem = _problem(
                asking[0], str(asking[0].address), f"identity {identity} does not exist in {scope}", _VERIFY
            )
        elif facts is not None and facts.verification != "Success":
            # Settings are kept all the same (seen on AWS: hashicorp/terraform-provider-aws acceptance tests).
            text = f"identity {identity} is not verified in {scope} (SES says {facts.verification or 'nothing'})"
            problem = _problem(settings[0], str(settings[0].address), text, _UNVERIFIED, warning=True)
        else:
            continue
        found.append(replace(problem, concerns=tuple(str(d.address) for d in settings)))
    return found + list(_dark_forwarding(desired, snapshot, changes))


def configuration_sets(desired: Desired, snapshot: Snapshot, changes: Iterable[Change]) -> list[Problem]:
    """Default configuration sets that neither exist nor are about to be made."""
    made = {
        (c.scope, c.after["configuration_set"]) for c in changes if c.address.type == "configuration_set" and c.after
    }
    unread = {(a.spec, a.region) for a in snapshot.unreadable}
    found = []
    for declared in desired.declared.values():
        if declared.address.type != "default_configuration_set" or declared.want is None:
            continue
        name = declared.want["configuration_set"]
        known = (declared.scope, name) in snapshot.configuration_sets | made
        if not known and (declared.address.spec, declared.address.region) not in unread:
            text = f"configuration set {name} does not exist in {declared.scope}"
            found.append(
                _problem(
                    declared, str(declared.address), text, "declare it under `configuration_sets`, or correct the name"
                )
            )
    return found


def pending(desired: Desired, snapshot: Snapshot) -> list[Problem]:
    """Subscriptions that nobody has confirmed yet: they get nothing, and asking again would only mail their owner again."""
    found = []
    for address, declared in desired.declared.items():
        if address.type != "subscription" or snapshot.found.get(address, {}).get("arn") != PENDING:
            continue
        text = f"subscription {declared.key['endpoint']} is not confirmed yet"
        hint = "its owner confirms it by the link that SNS sent; SNS forgets it after two days"
        if declared.want is None:
            text += ", and SNS does not let it be removed while it waits for that"
            hint = (
                "nothing to do: SNS forgets it after two days, and if it is confirmed before, the next run removes it"
            )
        found.append(_problem(declared, str(address), text, hint, warning=True))
    return found


def unheard(desired: Desired, snapshot: Snapshot, changes: Iterable[Change]) -> list[Problem]:
    """Topics to which something moves from another while each of their subscriptions waits for its owner to confirm it: SNS
    delivers nothing there until then, and the old topic may go in the same plan."""
    heard: dict[str, list[bool]] = defaultdict(list)
    for address, declared in desired.declared.items():
        if address.type == "subscription" and declared.want is not None:
            held = snapshot.found.get(address)
            confirmed = held["arn"] != PENDING if held else not asks(declared.want)
            heard[declared.key["topic_arn"]].append(confirmed)
    found: dict[str, Problem] = {}
    for change in changes:
        old, new = _topic_of(change.before), _topic_of(change.after)
        if not old or not new or old == new or any(heard.get(new, [True])):
            continue
        text = f"moves to topic {new}, of whose subscriptions none is confirmed: what comes there until one is, is lost"
        hint = "make the topic with a plan of its own, and move to it when its subscribers have confirmed"
        problem = _problem(desired.declared.get(change.address), str(change.address), text, hint, warning=True)
        found.setdefault(new, problem)
    return list(found.values())


def _topic_of(properties: Properties | None) -> str | None:
    properties = properties or {}
    arn: str | None = properties.get("topic_arn") or properties.get("sns", {}).get("topic_arn")
    return arn


def _asks_for_something(declared: Declared) -> bool:
    # `absent` asks for forwarding on, which an identity that does not exist needs as little as any other setting.
    return declared.want is not None and not (
        declared.address.type == "feedback_forwarding" and declared.want["enabled"]
    )


def _dark_forwarding(desired: Desired, snapshot: Snapshot, changes: Iterable[Change]) -> Iterable[Problem]:
    """Forwarding off while bounces or complaints have no topic.

    SES refuses that from either side: SES API reference, SetIdentityFeedbackForwardingEnabled.
    """
    touched: dict[tuple[Scope, str], list[Change]] = defaultdict(list)
    for change in changes:
        properties = change.after or change.before or {}
        if change.address.type in ("notification_topic", "feedback_forwarding"):
            touched[change.scope, properties["identity"]].append(change)
    for (scope, identity), steps in touched.items():
        facts = snapshot.identities.get((scope, identity))
        if facts is None or identity.startswith("arn:"):
            continue
        topics: dict[str, str | None] = {t: facts.topics.get(t) for t in NOTIFICATION_TYPES}
        forwarding = facts.forwarding
        for step in steps:
            if step.address.type == "notification_topic":
                topics[(step.after or step.before or {})["notification_type"]] = (
                    step.after["topic_arn"] if step.after else None
                )
            elif step.address.type == "feedback_forwarding" and step.after:
                forwarding = step.after["enabled"]
        dark = [t for t in ("bounce", "complaint") if not topics[t]]
        if dark and not forwarding:
            yield _problem(
                desired.declared.get(steps[0].address),
                str(steps[0].address),
                f"identity {identity} would have e-mail forwarding off and no topic for {' and '.join(dark)}, which SES refuses",
                "declare feedback_forwarding: true, or name a topic",
            )


def topics(desired: Desired, snapshot: Snapshot, changes: Iterable[Change]) -> list[Problem]:
    """Topics that something publishes to, and that SES may not or cannot publish to."""
    changing = {c.address for c in changes if c.after is not None}
    policies = {p["topic_arn"]: p["policy"] for a, p in snapshot.found.items() if a.type == "topic_policy"}
    policies |= {
        c.after["topic_arn"]: c.after["policy"] for c in changes if c.address.type == "topic_policy" and c.after
    }
    watched = set(desired.watched_topics)
    made = {c.after["topic_arn"] for c in changes if c.address.type == "topic" and c.before is None and c.after}
    unreadable = {desired.declared[a].key.get("topic_arn") for a in snapshot.unreadable if a in desired.declared}
    found = _too_long(changes)
    external = {arn: _parsed(facts.policy) for arn, facts in snapshot.topics.items() if facts}
    for target in desired.targets:
        facts = snapshot.topics.get(target.topic_arn)
        if target.topic_arn not in watched:
            if target.topic_arn not in unreadable:
                found += _denied(target, policies.get(target.topic_arn), target.user in changing)
        elif target.topic_arn in made:  # with the policy that SNS gives it
            document = policy_document.default_topic_policy(target.topic_arn)
            found += _refuses(target, document, target.user in changing, managed=False)
        elif target.topic_arn not in snapshot.topics:
            if target.user in changing:
                found.append(_unchecked(target))
        elif facts is None:
            hint = "create it first, or declare it under `topics`"
            found.append(_target_problem(target, f"topic {target.topic_arn} does not exist", hint))
        else:
            found += _refuses(target, external[target.topic_arn], target.user in changing, managed=False)
    return found


def removed_by_ses(desired: Desired, snapshot: Snapshot, changes: Sequence[Change]) -> list[Problem]:
    """Topics that SES probably took off an identity itself: gone, and forwarding back on, where the specs say otherwise.

    SES does that when publishing fails: AWS developer guide, "Configuring Amazon SNS notifications". To set the topic again
    without mending the cause only makes it happen again, so the warning says what is wrong with the topic, as far as it shows.
    """
    forwarding = {
        (c.scope, c.after["identity"])
        for c in changes
        if c.address.type == "feedback_forwarding" and c.after and not c.after["enabled"]
    }
    # SES leaves the header flags alone: where they are gone too, it was somebody's doing.
    touched = {_setting(c) for c in changes if c.address.type == "notification_headers" and c.after}
    causes = _causes(snapshot, changes)
    found = []
    for change in changes:
        if change.address.type != "notification_topic" or change.before is not None or change.after is None:
            continue
        identity, type_, arn = (change.after[k] for k in ("identity", "notification_type", "topic_arn"))
        if (
            (change.scope, identity) in forwarding
            and type_ in ("bounce", "complaint")
            and _setting(change) not in touched
        ):
            text = f"SES has probably removed the {type_} topic of {identity} itself, because publishing to it failed"
            cause = causes.get(arn)
            hint = (
                f"mend the topic first: {cause}"
                if cause
                else "the topic looks well now; see its policy and its KMS key"
            )
            found.append(_problem(desired.declared.get(change.address), str(change.address), text, hint, warning=True))
    return found


def _setting(change: Change) -> tuple[Scope, str, str]:
    properties = change.after or change.before or {}
    return change.scope, str(properties["identity"]), str(properties["notification_type"])


def _causes(snapshot: Snapshot, changes: Iterable[Change]) -> dict[str, str]:
    """Topic ARN → what is wrong with it."""
    found = dead_topics(snapshot.topics, snapshot)
    for address, properties in snapshot.found.items():
        if address.type == "topic" and properties.get("kms_key"):
            wrong = kms_keys.fault(arns_.topic_key(properties["topic_arn"], properties["kms_key"]), snapshot.keys)
            if wrong or wrong is None:
                untold = f"the policy of its KMS key {properties['kms_key']} may not let SES use it"
                found[properties["topic_arn"]] = wrong or untold
    for change in changes:
        if change.address.type == "topic" and change.before is None and change.after:
            found[change.after["topic_arn"]] = "the topic is gone"
        elif change.address.type == "topic_policy" and change.before is not None and change.after:
            found[change.after["topic_arn"]] = "its policy did not let SES publish"
    return found


def dead_topics(topic_arns: Iterable[str], snapshot: Snapshot) -> dict[str, str]:
    """Of the topics that could be looked at, those that do not exist or that SES cannot use, with the reason."""
    found: dict[str, str] = {}
    for arn in topic_arns:
        facts = snapshot.topics.get(arn)
        if arn in snapshot.topics and facts is None:
            found[arn] = "the topic does not exist"
        elif facts is not None and (
            wrong := facts.kms_key and kms_keys.fault(arns_.topic_key(arn, facts.kms_key), snapshot.keys)
        ):
            found[arn] = wrong
        elif facts is not None and not _lets_ses_in(_parsed(facts.policy)):
            found[arn] = "its policy does not let SES publish"
    return found


def _lets_ses_in(document: policy_document.Policy | None) -> bool:
    """Whether any statement lets SES, or the topic's own account, publish; for whom exactly is the plan's business."""
    allowing = [s for s in policy_document.statements(document or {}) if s.get("Effect") == "Allow"]
    return document is None or any(policy_document.names_ses(s.get("Principal")) for s in allowing)


def _too_long(changes: Iterable[Change]) -> list[Problem]:
    found = {}
    for change in changes:
        if change.address.type == "topic_policy" and change.after:
            size = len(policy_document.compact(change.after["policy"]))
            if size > topic_statements.MOST_BYTES:
                topic = change.after["topic_arn"]
                text = f"the policy of topic {topic} would be of {size} bytes, SNS takes {topic_statements.MOST_BYTES}"
                found[change.address] = Problem(
                    text, str(change.address), hint="remove statements of others, or use more topics"
                )
    return list(found.values())


def withdrawn(desired: Desired, snapshot: Snapshot, changes: Iterable[Change]) -> list[Problem]:
    """Publishers that lose their right to a topic, or the topic itself, though no spec speaks of them: they may still point at it.

    Of legacy entries of other accounts nothing else tells: AWS lists them nowhere.
    """
    named = {arns.identity(d.scope, d.key["identity"]) for d in desired.declared.values() if "identity" in d.key}
    named |= {d.key["identity"] for d in [*desired.declared.values(), *desired.unmanaged] if "identity" in d.key}
    named |= {
        arns.configuration_set(d.scope, d.key["configuration_set"])
        for d in desired.declared.values()
        if d.address.type == "configuration_set"
    }
    found = []
    for change in changes:
        lost: set[str] = set()
        if change.address.type == "topic_policy" and change.before and change.after:
            lost = topic_statements.withdrawn(change.before["policy"], change.after["policy"])
        elif change.address.type == "topic" and change.before and change.after is None:
            facts = snapshot.topics.get(change.before["topic_arn"])
            document = _parsed(facts.policy) if facts else None
            lost = {s for s in policy_document.source_arns(document or {}) if ":ses:" in s and "*" not in s}
        if lost - named:
            who = ", ".join(sorted(lost - named))
            text = f"SES may no longer publish to the topic for {who}, which no spec speaks of any more"
            hint = "if they still send there, SES will drop the topic from them: declare them, absent if need be"
            found.append(_problem(desired.declared.get(change.address), str(change.address), text, hint, warning=True))
    return found


def _parsed(text: str) -> policy_document.Policy | None:
    try:
        return policy_document.parse(text)
    except ValueError:
        return None  # not a policy that we can read: then whether it lets SES publish cannot be told


def _denied(target: Target, document: Properties | None, changing: bool) -> list[Problem]:
    """A managed topic's policy: our statements let in exactly who is declared, so that only somebody's Deny can be in the way."""
    if document is None or all(s.get("Effect") == "Allow" for s in policy_document.statements(document)):
        return []
    return _refuses(target, document, changing, managed=True)


def _refuses(target: Target, document: Properties | None, changing: bool, *, managed: bool) -> list[Problem]:
    """Whether the policy lets SES publish as any of the publishers; a setting that is already there is only warned about."""
    verdicts = [
        policy_document.may_publish(document, target.topic_arn, p) if document else None for p in target.publishers
    ]
    if True in verdicts:
        return []
    if None in verdicts:
        text = f"whether the policy of topic {target.topic_arn} lets SES publish cannot be told from its conditions"
        return [_target_problem(target, text, "make sure that it does", warning=True)] if changing else []
    who = " or ".join(sorted({p.arn for p in target.publishers}))
    hint = "remove the statement that denies it"
    if not managed:
        statement = topic_statements.with_publishers({}, target.topic_arn, target.publishers)["Statement"]
        hint = f"add to its policy: {json.dumps(statement[0])}"
    return [
        _target_problem(
            target,
            f"the policy of topic {target.topic_arn} does not let SES publish for {who}",
            hint,
            warning=not changing,
        )
    ]


def _unchecked(target: Target) -> Problem:
    text = f"topic {target.topic_arn} could not be checked: no spec has credentials that may read it"
    return _target_problem(target, text, "make sure that it exists and that its policy lets SES publish", warning=True)


def _target_problem(target: Target, summary: str, hint: str, *, warning: bool = False) -> Problem:
    line, column = target.origin.document.place(target.origin.loc)
    return Problem(
        summary, str(target.user), target.origin.document.file, line, column, hint, "warning" if warning else "error"
    )


def _problem(declared: Declared | None, path: str, summary: str, hint: str = "", *, warning: bool = False) -> Problem:
    file, line, column = "", 0, 0
    if declared is not None and declared.origin is not None:
        file = declared.origin.document.file
        line, column = declared.origin.document.place(declared.origin.loc)
    return Problem(summary, path, file, line, column, hint, "warning" if warning else "error")
