"""Judge what came of the test messages: each expected notification, and why it did not come. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple

from sesform.model.address import Address
from sesform.planning.proof.causes import LiveState
from sesform.planning.proof.messages import Expected, Message, Proof
from sesform.planning.proof.senders import Sender
from sesform.planning.routes import Subject


class Notification(NamedTuple):
    """A notification that a temporary queue received. `seconds`: from the acceptance of the message to its publication."""

    topic_arn: str
    by_identity: bool
    event: str
    recipient: str
    identity_arn: str
    account: str
    headers: bool
    seconds: float


class Status(Enum):
    RECEIVED = "received"
    ACCEPTED = "accepted"
    NOT_PROVABLE = "not provable"
    NOT_RECEIVED = "not received"
    NO_RECEIVER = "no receiver"
    WRONG = "wrong"
    REFUSED = "refused"
    NOT_SENT = "not sent"

    @property
    def failed(self) -> bool:
        return self not in (Status.RECEIVED, Status.ACCEPTED, Status.NOT_PROVABLE)


class Result(NamedTuple):
    """What came of one route for one event. `detail`: the probable cause of a failure, or a remark.

    `way`: as in Route. `sender`: None if nothing was to be sent. `seconds`: until the notification was published, None if none
    came. `copies`: how many came.
    """

    subject: Subject
    address: Address
    status: Status
    way: str
    topic_arn: str = ""
    sender: Sender | None = None
    detail: str = ""
    seconds: float | None = None
    copies: int = 0


@dataclass(frozen=True, slots=True)
class Observed:
    """What happened. `blocked`: messages that were not sent, and why. `refused`: messages that SES refused, and its answer.

    `watched`: the topics that had a temporary queue. `unwatched`: the topics whose queue could not be made, and why.
    """

    notifications: tuple[Notification, ...] = ()
    blocked: Mapping[int, str] = field(default_factory=dict)
    refused: Mapping[int, str] = field(default_factory=dict)
    watched: frozenset[str] = frozenset()
    unwatched: Mapping[str, str] = field(default_factory=dict)


def obstacles(proof: Proof, live: LiveState) -> dict[int, str]:
    """Return the messages that must not or need not be sent, by number, with the reason: no notification of theirs can come."""
    expected: dict[int, list[Expected]] = {}
    for each in proof.expected:
        expected.setdefault(each.message, []).append(each)
    found = {}
    for message in proof.messages:
        faults = [live.fault(each) for each in expected[message.number]]
        reason = live.obstacle(message) or (faults[0] if all(faults) else "")
        if reason:
            found[message.number] = reason
    return found


def missing(proof: Proof, observed: Observed) -> list[Expected]:
    """Return the notifications that can still come, and have not."""
    came = _Came(proof, observed.notifications)
    sent = {m.number for m in proof.messages} - observed.blocked.keys() - observed.refused.keys()
    return [
        each
        for each in proof.expected
        if each.message in sent and each.topic_arn in observed.watched and not came.of(each)
    ]


class _Came:
    """The notifications that came, by topic and recipient."""

    def __init__(self, proof: Proof, notifications: Iterable[Notification]) -> None:
        self._recipients = {message.number: message.recipient for message in proof.messages}
        self._at: dict[tuple[str, str], list[Notification]] = defaultdict(list)
        for each in notifications:
            self._at[each.topic_arn, each.recipient].append(each)

    def at(self, expected: Expected) -> list[Notification]:
        """Return the notifications of this event that the topic received of the message, by whatever route."""
        found = self._at.get((expected.topic_arn, self._recipients[expected.message]), [])
        return [n for n in found if n.event == expected.subject.event]

    def of(self, expected: Expected) -> list[Notification]:
        return [n for n in self.at(expected) if n.by_identity is expected.by_identity]


def judge(proof: Proof, observed: Observed, before: LiveState, after: LiveState) -> tuple[Result, ...]:
    """Return a result for each expected notification, and for each route that no queue can prove, in order.

    `before`, `after`: the live resources before the first message and after the last.
    """
    messages = {message.number: message for message in proof.messages}
    came = _Came(proof, observed.notifications)
    found = [_judged(each, messages[each.message], came, observed, before, after) for each in proof.expected]
    for route in proof.elsewhere:
        checked = before.checked(route)
        found.append(Result(route.subject, route.address, Status.NOT_PROVABLE, route.way, detail=checked))
    return tuple(sorted(found, key=lambda r: (r.subject.kind != "identity", r.subject, r.address)))


def _judged(
    expected: Expected, message: Message, came: _Came, observed: Observed, before: LiveState, after: LiveState
) -> Result:
    way = "topic" if expected.by_identity else "sns"
    unknown = Result(expected.subject, expected.address, Status.ACCEPTED, way, expected.topic_arn, message.sender)
    if message.number in observed.blocked:
        reason = before.fault(expected) or observed.blocked[message.number]
        danger = before.obstacle(message)
        return unknown._replace(status=Status.NOT_SENT, detail=danger or reason)
    if message.number in observed.refused:
        text = f"{observed.refused[message.number]}. Probable cause: {before.refusal(message)}"
        return unknown._replace(status=Status.REFUSED, detail=text)
    if expected.topic_arn in observed.unwatched:
        return unknown._replace(status=Status.NOT_RECEIVED, detail=observed.unwatched[expected.topic_arn])
    if expected.topic_arn not in observed.watched:
        return unknown._replace(detail="SES accepted the message; reception cannot be seen from here")
    found = came.of(expected)
    if not found:
        return unknown._replace(status=Status.NOT_RECEIVED, detail=_cause(expected, message, before, after))
    timed = unknown._replace(seconds=min(n.seconds for n in found), copies=len(found))
    wrong = _wrong(expected, message, found[0], before)
    if wrong:
        return timed._replace(status=Status.WRONG, detail=wrong)
    heard = after.reception(expected)
    if heard.denied:
        text = f"the notification reached the topic, and nothing receives it there: {heard.reason}"
        return timed._replace(status=Status.NO_RECEIVER, detail=text)
    return timed._replace(status=Status.RECEIVED, detail=_copies(message, came.at(expected)))


def _cause(expected: Expected, message: Message, before: LiveState, after: LiveState) -> str:
    was, now = before.fault(expected), after.fault(expected)
    if was:
        return was
    if now and expected.by_identity and expected.subject.event != "delivery":
        return f"the route was in place before the message was sent. Now {now}"
    shadow = before.shadow(message)
    if now:
        return now
    if shadow:
        return f"{shadow} is an identity of its own, and mail follows its settings; pass --from with another address"
    return (
        "no fault is known: the settings, the topic's policy and its key are right. A change can take some minutes to act: "
        "try again in a few minutes"
    )


def _wrong(expected: Expected, message: Message, came: Notification, live: LiveState) -> str:
    sender = message.sender
    if came.identity_arn != sender.identity_arn:
        return f"the notification is for {came.identity_arn}, not for {sender.identity_arn}"
    if came.account != sender.scope.account:
        return f"the notification names account {came.account} as the sender, not {sender.scope.account}"
    if expected.headers is not None and came.headers is not expected.headers:
        has = (
            "has headers, and the specs do not include them"
            if came.headers
            else "lacks the headers that the specs include"
        )
        return f"the notification {has}. {live.headers(expected)}"
    return ""


def _copies(message: Message, came: Sequence[Notification]) -> str:
    """Return a remark if the topic received the event more than once."""
    if len(came) < 2:
        return ""
    if len({n.by_identity for n in came}) > 1:
        return f"the topic receives each {message.event} {len(came)} times: by the identity and by an event destination"
    return f"came {len(came)} times: SNS delivers at least once, and another route may lead to the topic"
