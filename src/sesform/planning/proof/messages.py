"""The test messages that prove routes, and the notifications that each must make. Pure: specs in, messages out.

A route is proven by a message of a sender that uses it: the owner of an identity, or a delegate that may send with it; for an event
destination, a message that names its configuration set. Each event of a route is one message, so a route has at most three.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from sesform.model import arns, simulator
from sesform.model.address import Address, Scope
from sesform.model.values import NOTIFICATION_TYPES
from sesform.planning.proof.senders import Sender, Senders
from sesform.planning.routes import VITAL, Subject
from sesform.resources.event_destination import kind_of
from sesform.specs.declared import Declared
from sesform.specs.desired import Desired

Chosen = Callable[[str], bool]


class Message(NamedTuple):
    """One test message. `configuration_set`: the one that it names, "" for none."""

    number: int
    sender: Sender
    event: str
    recipient: str
    configuration_set: str = ""


class Expected(NamedTuple):
    """A notification that a message must make.

    `message`: the number of the message. `address`: the resource that routes the event. `by_identity`: a notification of the
    identity, not of an event destination. `headers`: whether it must have the headers of the message; None if both are right.
    `named`: the specs only name the identity as a publisher of the topic; its owner routes it there.
    """

    message: int
    subject: Subject
    address: Address
    topic_arn: str
    by_identity: bool
    headers: bool | None
    named: bool = False


class Elsewhere(NamedTuple):
    """A route that no queue can prove. `way`: as in Route, "" if no message can be sent. `reason`: why not."""

    subject: Subject
    address: Address
    way: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Proof:
    """What a run sends and expects. `run`: the text that is part of each recipient."""

    run: str
    messages: tuple[Message, ...]
    expected: tuple[Expected, ...]
    elsewhere: tuple[Elsewhere, ...]

    @property
    def topics(self) -> tuple[str, ...]:
        """The topics that must receive notifications."""
        return tuple(sorted({each.topic_arn for each in self.expected}))


class _Wanted(NamedTuple):
    """A notification to prove, with the sender of its message."""

    sender: Sender
    set_name: str
    subject: Subject
    address: Address
    topic_arn: str
    by_identity: bool
    headers: bool | None
    named: bool = False


def plan(desired: Desired, run: str, *, chosen: Chosen = lambda address: True, from_address: str = "") -> Proof:
    """Return the messages that prove the routes of the specs.

    `run`: lower-case letters and digits. `chosen`: whether the resource of an address is proven. `from_address`: the sender's
    address for the identities that it belongs to; others send as sesform-verify@ their domain.
    """
    senders = Senders(desired, from_address)
    found = [
        *_identity_topics(desired, senders),
        *_default_sets(desired, senders),
        *_destinations(desired, senders),
        *_named_publishers(desired, senders),
        *_mail(desired),
    ]
    found = [each for each in found if chosen(str(each.address))]
    wanted = [each for each in found if isinstance(each, _Wanted)]
    elsewhere = tuple(sorted({each for each in found if isinstance(each, Elsewhere)}))
    return _numbered(run, sorted(wanted, key=lambda each: (each.subject, each.sender, each.address)), elsewhere)


def _numbered(run: str, wanted: list[_Wanted], elsewhere: tuple[Elsewhere, ...]) -> Proof:
    """Give each message its number and recipient. Notifications of the same sender, subject, event and set share a message."""
    messages: dict[tuple[object, ...], Message] = {}
    expected = []
    for each in wanted:
        key = (each.sender[:4], each.subject, each.set_name)
        if key not in messages:
            number = len(messages) + 1
            recipient = simulator.recipient(each.subject.event, f"{number}-{run}")
            messages[key] = Message(number, each.sender, each.subject.event, recipient, each.set_name)
        number = messages[key].number
        expected.append(Expected(number, *each[2:]))
    return Proof(run, tuple(messages.values()), tuple(dict.fromkeys(expected)), elsewhere)


def _identity_topics(desired: Desired, senders: Senders) -> Iterator[_Wanted]:
    with_headers = {d.aws_key[1:] for d in desired.of_type("notification_headers") if d.desired}
    for declared in desired.of_type("notification_topic"):
        if declared.desired is None:
            continue
        identity, event = declared.key["identity"], declared.key["notification_type"]
        subject = Subject(declared.scope, "identity", identity, event)
        headers = declared.aws_key[1:] in with_headers
        for sender in senders.of_identity(declared):
            yield _Wanted(sender, "", subject, declared.address, declared.desired["topic_arn"], True, headers)


def _default_sets(desired: Desired, senders: Senders) -> Iterator[_Wanted | Elsewhere]:
    """Mail that names no set goes by the default set of its identity; the owner sends, as AWS does not say so of delegates."""
    for declared in desired.of_type("default_configuration_set"):
        if declared.desired is None:
            continue
        sender = senders.owner(declared)
        for destination, event in _events(desired, declared.scope, declared.desired["configuration_set"]):
            subject = Subject(declared.scope, "identity", declared.key["identity"], event)
            yield from _through(destination, subject, sender, "")


def _destinations(desired: Desired, senders: Senders) -> Iterator[_Wanted | Elsewhere]:
    for destination, event in _events(desired):
        name = destination.key["configuration_set"]
        subject = Subject(destination.scope, "configuration set", name, event)
        yield from _through(destination, subject, senders.of_set(destination), name)


def _events(desired: Desired, scope: Scope | None = None, set_name: str = "") -> Iterator[tuple[Declared, str]]:
    """Yield the enabled event destinations, of all sets or of one, with each event that the simulator can make."""
    for declared in desired.of_type("event_destination"):
        wanted = declared.desired
        if wanted is None or not wanted["enabled"]:
            continue
        if scope is not None and (declared.scope, declared.key["configuration_set"]) != (scope, set_name):
            continue
        yield from ((declared, event) for event in NOTIFICATION_TYPES if event.upper() in wanted["events"])


def _through(
    destination: Declared, subject: Subject, sender: Sender | None, set_name: str
) -> Iterator[_Wanted | Elsewhere]:
    properties = destination.desired or {}
    kind = kind_of(properties)
    if kind != "sns":
        yield Elsewhere(subject, destination.address, kind)
    elif sender is None:
        reason = "the specs name no identity that this account can send with; pass --from with an address of one"
        yield Elsewhere(subject, destination.address, "", reason)
    else:
        topic = properties["sns"]["topic_arn"]
        yield _Wanted(sender, set_name, subject, destination.address, topic, False, None)


def _named_publishers(desired: Desired, senders: Senders) -> Iterator[_Wanted | Elsewhere]:
    """Topics that identities of other organizations route to: their owners' specs are not loaded, and may route any event.

    Bounces and complaints are proven, because AWS reviews accounts by these.
    """
    routed = {(target.topic_arn, publisher.arn) for target in desired.targets for publisher in target.publishers}
    for declared in desired.of_type("topic_policy"):
        topic = declared.key["topic_arn"]
        for publisher in (declared.desired or {}).get("publishers", ()):
            arn = arns.parse(publisher[1])
            if arn is None or (topic, publisher[1]) in routed or arn.account == declared.scope.account:
                continue
            kind, _, name = arn.resource.partition("/")
            for event in VITAL:
                if kind != "identity":
                    subject = Subject(declared.scope, "configuration set", publisher[1], event)
                    reason = f"only {arn.account} can send with configuration set {name}"
                    yield Elsewhere(subject, declared.address, "", reason)
                    continue
                subject = Subject(declared.scope, "identity", publisher[1], event)
                sender = senders.foreign(declared, publisher[1])
                yield _Wanted(sender, "", subject, declared.address, topic, True, None, named=True)


def _mail(desired: Desired) -> Iterator[Elsewhere]:
    by_topic = {
        (d.scope, d.key["identity"], d.key["notification_type"])
        for d in desired.of_type("notification_topic")
        if d.desired
    }
    for declared in desired.of_type("feedback_forwarding"):
        identity = declared.key["identity"]
        for event in VITAL if (declared.desired or {}).get("enabled") else ():
            if (declared.scope, identity, event) not in by_topic:
                yield Elsewhere(Subject(declared.scope, "identity", identity, event), declared.address, "mail")
