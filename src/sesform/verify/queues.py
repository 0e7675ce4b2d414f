"""Temporary queues that receive test notifications: one for each topic, for the time of a run, and their removal.

A queue is tagged when it is created, with its topic and the time after which no run needs it, and its subscription is removed
before the queue. So a run that was killed at any call leaves nothing that `clean` does not find.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sesform.errors import AwsError
from sesform.model import arns

if TYPE_CHECKING:
    from sesform.aws import Connection

PREFIX = "sesform-verify-"
EXPIRES, TOPIC = "sesform:verify-expires", "sesform:verify-topic"

# What a run may write, in terms of IAM. Everything else stays refused.
PERMITTED = frozenset(
    {
        "ses:SendEmail",
        "sns:Subscribe",
        "sns:Unsubscribe",
        "sqs:CreateQueue",
        "sqs:DeleteQueue",
        "sqs:ReceiveMessage",
        "sqs:DeleteMessage",
    }
)
TO_CLEAN = frozenset({"sns:Unsubscribe", "sqs:DeleteQueue"})

_KEPT = "3600"  # seconds that a queue keeps a message
_NO_QUEUE = ("AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist")


@dataclass(slots=True)
class TemporaryQueue:
    """A queue for one topic. `url`, `subscription`: "" until they exist, or if it is not known whether they do."""

    connection: Connection
    topic_arn: str
    name: str
    url: str = ""
    subscription: str = ""

    @property
    def arn(self) -> str:
        return arns.queue(self.connection.scope, self.name)

    def create(self, expires: float) -> None:
        """Create the queue, with the policy that lets SNS send from this topic alone. Raises AwsError."""
        answer = self.connection.call(
            "sqs",
            "CreateQueue",
            QueueName=self.name,
            Attributes={"Policy": _policy(self.arn, self.topic_arn), "MessageRetentionPeriod": _KEPT},
            tags={EXPIRES: _text(expires), TOPIC: self.topic_arn},
        )
        self.url = answer["QueueUrl"]

    def subscribe(self, run: str) -> None:
        """Subscribe the queue to the test messages of a run: no other notification reaches it. Raises AwsError."""
        # Suffix matching: SNS developer guide, "Filter policy operators"; a list passes if one of its values does.
        policy = {"mail": {"destination": [{"suffix": f"-{run}@simulator.amazonses.com"}]}}
        answer = self.connection.call(
            "sns",
            "Subscribe",
            TopicArn=self.topic_arn,
            Protocol="sqs",
            Endpoint=self.arn,
            Attributes={"FilterPolicy": json.dumps(policy), "FilterPolicyScope": "MessageBody"},
            ReturnSubscriptionArn=True,
        )
        self.subscription = answer["SubscriptionArn"]

    def receive(self, seconds: int) -> list[str]:
        """Return the bodies of messages that have come, and delete these. Wait up to `seconds` for the first. Raises AwsError."""
        answer = self.connection.call(
            "sqs", "ReceiveMessage", QueueUrl=self.url, MaxNumberOfMessages=10, WaitTimeSeconds=seconds
        )
        messages = answer.get("Messages", [])
        for each in messages:
            self.connection.call("sqs", "DeleteMessage", QueueUrl=self.url, ReceiptHandle=each["ReceiptHandle"])
        return [each["Body"] for each in messages]

    def remove(self) -> None:
        """Remove the subscription, then the queue, whether or not they exist. Raises AwsError."""
        for subscription in [self.subscription] if self.subscription else list(self._subscriptions()):
            self.connection.call("sns", "Unsubscribe", SubscriptionArn=subscription)
        try:
            self.url = self.url or self.connection.call("sqs", "GetQueueUrl", QueueName=self.name)["QueueUrl"]
            self.connection.call("sqs", "DeleteQueue", QueueUrl=self.url)
        except AwsError as error:
            if error.code not in _NO_QUEUE:
                raise

    def _subscriptions(self) -> Iterator[str]:
        """Yield the subscriptions of the queue to its topic; none if the topic does not exist."""
        more: dict[str, Any] = {}
        while True:
            try:
                answer = self.connection.call("sns", "ListSubscriptionsByTopic", TopicArn=self.topic_arn, **more)
            except AwsError as error:
                if error.code in ("NotFound", "NotFoundException"):
                    return
                raise
            for each in answer["Subscriptions"]:
                if each["Endpoint"] == self.arn and each["SubscriptionArn"].startswith("arn:"):
                    yield each["SubscriptionArn"]
            if not answer.get("NextToken"):
                return
            more = {"NextToken": answer["NextToken"]}


def name_of(run: str, number: int) -> str:
    return f"{PREFIX}{run}-{number}"


def left(connection: Connection) -> Iterator[tuple[TemporaryQueue, float]]:
    """Yield the temporary queues of an account and region that runs have left, each with its expiry. Raises AwsError.

    A queue without our tags is not ours, whatever its name.
    """
    more: dict[str, Any] = {}
    while True:
        answer = connection.call("sqs", "ListQueues", QueueNamePrefix=PREFIX, MaxResults=1000, **more)
        for url in answer.get("QueueUrls", []):
            found = _tagged(connection, url)
            if found is not None:
                yield found
        if not answer.get("NextToken"):
            return
        more = {"NextToken": answer["NextToken"]}


def _tagged(connection: Connection, url: str) -> tuple[TemporaryQueue, float] | None:
    try:
        tags = connection.call("sqs", "ListQueueTags", QueueUrl=url).get("Tags", {})
    except AwsError as error:
        if error.code in _NO_QUEUE:  # lists show deleted queues for a while
            return None
        raise
    expires = _time(tags.get(EXPIRES, ""))
    if expires is None or TOPIC not in tags:
        return None
    return TemporaryQueue(connection, tags[TOPIC], url.rpartition("/")[2], url), expires


def _policy(queue_arn: str, topic_arn: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue_arn,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _text(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _time(text: str) -> float | None:
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return None
