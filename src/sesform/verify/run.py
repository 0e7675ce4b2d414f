"""Send test messages, and receive their notifications in temporary queues."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sesform.aws import Senders
from sesform.errors import AwsError
from sesform.planning.proof import judgement
from sesform.planning.proof.judgement import Notification, Observed
from sesform.planning.proof.messages import Message, Proof
from sesform.verify.queues import TemporaryQueue

if TYPE_CHECKING:
    from sesform.aws import Connection, Connections, Timer

_SUBJECT = "Test message of sesform verify"
_BODY = "sesform verify sent this message to the mailbox simulator of Amazon SES, to prove that feedback arrives."

_LONGEST_WAIT = 5  # seconds of one ReceiveMessage, so that a run ends soon after its last notification
_PAUSE = 1.0  # seconds between two rounds at least
_LIKELY_COPY = 2.0  # seconds that a run waits for a second copy of what has come


def send(proof: Proof, blocked: Iterable[int], connections: Connections) -> dict[int, str]:
    """Send the messages that are not blocked, side by side in all accounts and regions, each at its sending rate.

    Returns the messages that SES refused, with its answer. A message without an answer may have been sent, and is not returned.
    After an interrupt no further message is sent.
    """
    stopped = threading.Event()
    refused: dict[int, str] = {}
    by_scope: dict[tuple[str, str], list[Message]] = defaultdict(list)
    for message in proof.messages:
        if message.number not in blocked:
            by_scope[message.sender.scope].append(message)

    def send_all(messages: list[Message]) -> None:
        for message in messages:
            if stopped.is_set():
                return
            connection = connections.by_place[message.sender.spec, message.sender.scope.region]
            try:
                _send(connection, message)
            except AwsError as error:
                if not error.maybe_done:
                    refused[message.number] = f"SES refused the message: {error.code or 'no answer'}: {error.message}"

    with Senders(max(1, len(by_scope))) as senders:
        try:
            for future in [senders.submit(_job(send_all, messages)) for messages in by_scope.values()]:
                future.result()
        finally:
            stopped.set()
    return refused


def _job(function: Callable[[list[Message]], None], messages: list[Message]) -> Callable[[], None]:
    return lambda: function(messages)


def _send(connection: Connection, message: Message) -> None:
    more: dict[str, Any] = {}
    if message.sender.foreign:
        more["FromEmailAddressIdentityArn"] = message.sender.identity_arn
    if message.configuration_set:
        more["ConfigurationSetName"] = message.configuration_set
    connection.call(
        "sesv2",
        "SendEmail",
        FromEmailAddress=message.sender.address,
        Destination={"ToAddresses": [message.recipient]},
        Content={"Simple": {"Subject": {"Data": _SUBJECT}, "Body": {"Text": {"Data": _BODY}}}},
        **more,
    )


def receive(
    proof: Proof, observed: Observed, queues: list[TemporaryQueue], timer: Timer, timeout: float, parallelism: int
) -> tuple[Notification, ...]:
    """Return the notifications that come within `timeout` seconds. Ends soon after the last expected one. Raises AwsError."""
    found: list[Notification] = []
    ends = timer.now() + timeout
    while True:
        began = timer.now()
        seen = Observed(tuple(found), observed.blocked, observed.refused, observed.watched, observed.unwatched)
        waiting = {each.topic_arn for each in judgement.missing(proof, seen)}
        if not waiting:
            ends = min(ends, began + _LIKELY_COPY)
        remaining = ends - began
        found += _round(queues, waiting, min(_LONGEST_WAIT, max(0, int(remaining))), parallelism)
        if timer.now() >= ends:
            return tuple(found)
        timer.wait(min(max(0.0, _PAUSE - (timer.now() - began)), max(0.0, ends - timer.now())))


def _round(queues: list[TemporaryQueue], waiting: set[str], seconds: int, parallelism: int) -> list[Notification]:
    """Return what has come to each queue; wait only for queues whose topic has something to come."""

    def receiving(queue: TemporaryQueue) -> Callable[[], list[Notification]]:
        return lambda: list(_all(queue, seconds if queue.topic_arn in waiting else 0))

    with Senders(parallelism) as senders:
        futures = [senders.submit(receiving(queue)) for queue in queues]
        return [notification for future in futures for notification in future.result()]


def _all(queue: TemporaryQueue, seconds: int) -> Iterator[Notification]:
    while bodies := queue.receive(seconds):
        seconds = 0
        for body in bodies:
            found = notification(queue.topic_arn, body)
            if found is not None:
                yield found


def notification(topic_arn: str, body: str) -> Notification | None:
    """Return the notification in a message of SNS; None if it has no notification of SES about one recipient.

    Source: SES developer guide, "Amazon SNS notification contents", and "Contents of event data that Amazon SES publishes".
    """
    try:
        envelope = json.loads(body)
        content = json.loads(envelope["Message"])
        mail = content["mail"]
        by_identity = "notificationType" in content
        event = str(content["notificationType" if by_identity else "eventType"]).lower()
        (recipient,) = mail["destination"]
        took = datetime.fromisoformat(envelope["Timestamp"]) - datetime.fromisoformat(mail["timestamp"])
        return Notification(
            topic_arn,
            by_identity,
            event,
            str(recipient),
            str(mail.get("sourceArn", "")),
            str(mail.get("sendingAccountId", "")),
            "headers" in mail,
            max(0.0, took.total_seconds()),
        )
    except (KeyError, TypeError, ValueError):
        return None
