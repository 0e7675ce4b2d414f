"""Reception: whether an event that SES publishes to a topic has a receiver. Pure.

An event is received if the topic exists, its policy and its KMS key let SES publish for the identity or configuration set, and at
least one confirmed subscription has a filter policy that the event passes. Sources: AWS developer guide of SES, "Configuring
Amazon SNS notifications"; SNS developer guide, "Amazon SNS subscription filter policies".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from sesform.live.snapshot import KeyFacts, Snapshot, Subscriber
from sesform.model import arns
from sesform.model.address import Scope
from sesform.model.values import Properties
from sesform.planning.checks import kms_keys
from sesform.planning.planned_state import PlannedChange
from sesform.policies import document as policy_document
from sesform.policies import filter_policy
from sesform.policies.document import Publisher, PublishingRules
from sesform.policies.verdict import ALLOWED, Verdict, denied, unknown
from sesform.resources.subscription import PENDING, asks


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic before a plan or after it.

    `policy` is None if it cannot be parsed. `kms_key`: as the topic names it, "" for none. `all_read`: whether `subscribers` are
    all of its subscriptions.
    """

    policy: Mapping[str, object] | None
    kms_key: str = ""
    subscribers: tuple[Subscriber, ...] = ()
    all_read: bool = True


# By ARN. None: the topic does not exist. A topic that could not be read is missing.
Topics = Mapping[str, TopicState | None]


def live_topics(snapshot: Snapshot) -> dict[str, TopicState | None]:
    """Return the topics that were read, as they are."""
    found: dict[str, TopicState | None] = {}
    for arn, facts in snapshot.topics.items():
        listed = snapshot.subscribers.get(arn)
        known = listed or (), listed is not None
        found[arn] = TopicState(_parsed(facts.policy), facts.kms_key, *known) if facts else None
    return found


def planned_topics(live: Topics, changes: Iterable[PlannedChange]) -> dict[str, TopicState | None]:
    """Return the topics as the changes leave them."""
    found = dict(live)
    by_type: dict[str, list[PlannedChange]] = {type_: [] for type_ in _APPLY}
    for change in changes:
        if change.address.type in by_type:
            by_type[change.address.type].append(change)
    for type_, apply in _APPLY.items():
        for change in by_type[type_]:
            arn = str((change.after or change.before or {})["topic_arn"])
            state = found.get(arn, _NOT_READ)
            # Subscriptions of a topic that the plan deletes go with it.
            found[arn] = apply(state, change.before, change.after) if state or change.after else None
    return found


# A topic that was not read. What changes of it is known after the change, and the rest is not.
_NOT_READ = TopicState(None, all_read=False)


def _topic(state: TopicState | None, before: Properties | None, after: Properties | None) -> TopicState | None:
    if after is None:
        return None
    key = str(after.get("kms_key") or "")
    if before is None:  # with the policy that SNS gives it
        return TopicState(policy_document.default_topic_policy(after["topic_arn"]), key)
    return replace(state or _NOT_READ, kms_key=key)


def _policy(state: TopicState | None, before: Properties | None, after: Properties | None) -> TopicState | None:
    return replace(state or _NOT_READ, policy=after["policy"]) if after else state


def _subscription(state: TopicState | None, before: Properties | None, after: Properties | None) -> TopicState | None:
    state, own = state or _NOT_READ, after or before or {}
    others = tuple(s for s in state.subscribers if (s.protocol, s.endpoint) != (own["protocol"], own["endpoint"]))
    return replace(state, subscribers=others if after is None else (*others, _subscriber(before, after)))


def _subscriber(before: Properties | None, after: Properties) -> Subscriber:
    pending = before["arn"] == PENDING if before else asks(after)
    scope = str(after.get("filter_policy_scope") or filter_policy.ATTRIBUTES)
    return Subscriber(after["protocol"], after["endpoint"], pending, after.get("filter_policy") or {}, scope)


# By type, in the order in which they build on each other.
_APPLY = {"topic": _topic, "topic_policy": _policy, "subscription": _subscription}


def _parsed(text: str) -> policy_document.Policy | None:
    try:
        return policy_document.parse(text)
    except ValueError:
        return None


_UNREAD_TOPIC = unknown("the topic could not be read")
_UNREAD_POLICY = unknown("its policy could not be read")
_CONDITIONAL = unknown("its policy has conditions that only SNS can evaluate")
_NO_TOPIC = denied("the topic does not exist")
_NOBODY = Publisher("000000000000", "arn:aws:ses:::identity/*")


class Reception:
    """The topics of one state, and whether events that SES publishes to them are received."""

    def __init__(self, topics: Topics, keys: Mapping[str, KeyFacts]) -> None:
        self._topics = topics
        self._keys = keys
        self._rules: dict[str, PublishingRules] = {}
        self._hearing: dict[tuple[str, str, bool], Verdict] = {}
        self._texts: dict[str, str | None] = {}  # the policy of a topic, None where any account may publish

    def of(self, topic_arn: str, publishers: tuple[Publisher, ...], event: str, *, by_identity: bool) -> Verdict:
        """Return whether an event is received that SES publishes to a topic as one of the publishers.

        `event`: a notification type or event type in lower case. `by_identity`: a notification of an identity, not of an event
        destination. A denied verdict says why it has no receiver, an unknown one what could not be read.
        """
        publishing = self.may_publish(topic_arn, publishers)
        if publishing.denied:
            return publishing
        hearing = self._heard(topic_arn, event, by_identity)
        return publishing if publishing.unknown and not hearing.denied else hearing

    def may_publish(self, topic_arn: str, publishers: tuple[Publisher, ...]) -> Verdict:
        """Return whether SES can publish to a topic as one of the publishers: it exists, and its policy and key allow it."""
        if topic_arn not in self._topics:
            return _UNREAD_TOPIC
        state = self._topics[topic_arn]
        if state is None:
            return _NO_TOPIC
        by_key = self._by_key(topic_arn, state.kms_key)
        by_policy = self._by_policy(topic_arn, state, publishers)
        return next((v for v in (by_policy, by_key) if v.denied), by_key if by_policy.allowed else by_policy)

    def is_open_to(self, topic_arn: str, scope: Scope) -> bool:
        """Return whether identities of a scope may use a topic: it is in the scope, or its policy lets the account in."""
        where = arns.parse(topic_arn)
        if where is None or where.region != scope.region:
            return False
        return where.account == scope.account or self._names(topic_arn, scope.account)

    def _names(self, topic_arn: str, account: str) -> bool:
        """Return whether a topic's policy names an account, or lets all in, or could not be read."""
        if topic_arn not in self._texts:
            state, text = self._topics.get(topic_arn), None
            if state and state.policy is not None and self._by_policy(topic_arn, state, (_NOBODY,)).denied:
                text = policy_document.compact(state.policy)
            self._texts[topic_arn] = text
        text = self._texts[topic_arn]
        return text is None or account in text

    def _by_policy(self, topic_arn: str, state: TopicState, publishers: tuple[Publisher, ...]) -> Verdict:
        if state.policy is None:
            return _UNREAD_POLICY
        if topic_arn not in self._rules:
            self._rules[topic_arn] = PublishingRules(state.policy, topic_arn)
        verdicts = [self._rules[topic_arn].verdict(publisher) for publisher in publishers]
        if any(verdict.allowed for verdict in verdicts):
            return ALLOWED
        if any(verdict.unknown for verdict in verdicts):
            return _CONDITIONAL
        return denied(
            f"its policy does not allow SES to publish for {' or '.join(sorted({p.arn for p in publishers}))}"
        )

    def _by_key(self, topic_arn: str, key: str) -> Verdict:
        return kms_keys.usable(arns.topic_key(topic_arn, key), self._keys) if key else ALLOWED

    def _heard(self, topic_arn: str, event: str, by_identity: bool) -> Verdict:
        key = topic_arn, event, by_identity
        if key not in self._hearing:
            self._hearing[key] = _heard(self._topics.get(topic_arn), event, by_identity)
        return self._hearing[key]


def _heard(state: TopicState | None, event: str, by_identity: bool) -> Verdict:
    if state is None:
        return unknown("its subscriptions could not be read")
    confirmed = [s for s in state.subscribers if not s.pending]
    verdicts = [_passes(subscriber, event, by_identity) for subscriber in confirmed]
    if any(verdict.allowed for verdict in verdicts):
        return ALLOWED
    if not state.all_read:
        return unknown("its subscriptions could not be read")
    if not confirmed:
        return denied("it has no confirmed subscription" if state.subscribers else "it has no subscription")
    undecided = [verdict for verdict in verdicts if verdict.unknown]
    if undecided:
        return unknown(f"{confirmed[verdicts.index(undecided[0])].endpoint}: {undecided[0].reason}")
    return denied(f"the filter policy of each confirmed subscription rejects {event} notifications")


def _passes(subscriber: Subscriber, event: str, by_identity: bool) -> Verdict:
    if subscriber.filter_policy is None:
        return unknown("its filter policy could not be read")
    scope = subscriber.filter_policy_scope
    return filter_policy.passes(subscriber.filter_policy, scope, event, by_identity=by_identity)
