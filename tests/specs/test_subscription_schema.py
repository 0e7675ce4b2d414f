"""Errors of subscriptions that are found before any call to SNS."""

from __future__ import annotations

import pytest

from scenes import OWNER, REGION, owner, problems

SQS = f"protocol: sqs, endpoint: 'arn:aws:sqs:{REGION}:{OWNER}:q'"
ABSENT, BODY = f"{SQS}, absent: true", "filter_policy_scope: MessageBody"
FIFO = f"arn:aws:sqs:{REGION}:{OWNER}:d.fifo"
LAMBDA = f"arn:aws:lambda:{REGION}:{OWNER}:function:f"
DEAD = "arn:aws:sqs:{region}:{account}:{name}"


def told(subscription: str, regions: str = REGION) -> list[str]:
    text = owner(f"topics: {{t: {{subscriptions: [{{{subscription}}}]}}}}\n").replace(f"[{REGION}]", f"[{regions}]")
    return [f"{p.line}:{p.column}: {p.path}: {p.summary}" for p in problems(text)]


def at(text: str) -> list[str]:
    return [f"5:30: topics.t.subscriptions[0]: {text}"]


@pytest.mark.parametrize(
    ("expected", "subscription"),
    [
        (
            "an absent subscription accepts no filter_policy, raw_message_delivery",
            ABSENT + ", raw_message_delivery: true, filter_policy: {}",
        ),
        (
            "protocol email accepts no raw_message_delivery",
            "protocol: email, endpoint: a@b.c, raw_message_delivery: true",
        ),
        (
            "protocol lambda accepts no raw_message_delivery",
            f"protocol: lambda, endpoint: '{LAMBDA}', raw_message_delivery: true",
        ),
        (f"endpoint '{LAMBDA}' is not the ARN that protocol sqs needs", f"protocol: sqs, endpoint: '{LAMBDA}'"),
        (f"endpoint '{FIFO}' is not the ARN that protocol lambda needs", f"protocol: lambda, endpoint: '{FIFO}'"),
        ("endpoint 'arn:' is not the ARN that protocol firehose needs", "protocol: firehose, endpoint: 'arn:'"),
        (f"endpoint '{FIFO}' is a FIFO queue", f"protocol: sqs, endpoint: '{FIFO}'"),
        (
            "the URL of the endpoint contains a user name or a password",
            "protocol: https, endpoint: 'https://u:secret@example.com/x'",
        ),
        (
            "filter_policy has 6 keys; the quota is 5",
            f"{SQS}, filter_policy: {{a: [1], b: [1], c: [1], d: [1], e: [1], f: [1]}}",
        ),
        ("filter_policy.a is not a list of values", f"{SQS}, filter_policy: {{a: x}}"),
        ("filter_policy.a.b is not a list of values", f"{SQS}, {BODY}, filter_policy: {{a: {{b: x}}}}"),
        ("filter_policy.a is not a list of values", f"{SQS}, filter_policy: {{a: []}}"),
        (
            "filter_policy.a is a mapping, which a filter of message attributes does not support",
            f"{SQS}, filter_policy: {{a: {{b: [x]}}}}",
        ),
        (
            "filter_policy has 151 combinations of values; the quota is 150",
            f"{SQS}, filter_policy: {{a: {list(range(151))}, b: [1]}}",
        ),
        (f"dead_letter_queue '{FIFO}' is a FIFO queue", f"{SQS}, dead_letter_queue: '{FIFO}'"),
    ],
)
def test_a_subscription_that_sns_refuses_is_a_problem_at_its_place(expected: str, subscription: str) -> None:
    """Each documented rule of SNS is one problem at the entry's line and column."""
    assert at(expected) == told(subscription)


@pytest.mark.parametrize("protocol", ["https", "email", "sqs", "sms"])
@pytest.mark.parametrize("scheme", ["http", "HTTPS"])
def test_a_password_is_in_no_message(protocol: str, scheme: str) -> None:
    """A message about an endpoint with a password does not quote the endpoint."""
    (found,) = problems(
        owner(f"topics: {{t: {{subscriptions: [{{protocol: {protocol}, endpoint: '{scheme}://u:secret@h'}}]}}}}\n")
    )

    assert "the URL of the endpoint contains a user name or a password" == found.summary


@pytest.mark.parametrize(
    ("path", "topic"),
    [
        ("topics.t.kms_key", "kms_key: 'arn:aws-cn:kms:eu-west-1:111111111111:alias/k'"),
        (
            "topics.t.subscriptions[0].endpoint",
            "subscriptions: [{protocol: sqs, endpoint: 'arn:aws-us-gov:sqs:eu-west-1:111111111111:q'}]",
        ),
    ],
)
def test_arns_of_another_partition_are_problems(path: str, topic: str) -> None:
    """Keys and endpoints of another partition are refused, because partitions are isolated."""
    (found,) = problems(owner(f"topics: {{t: {{{topic}}}}}\n"))

    assert path == found.path
    assert f"{REGION} is in aws" in found.summary


@pytest.mark.parametrize(
    "subscription",
    [
        f"{SQS}, absent: true",
        f"{SQS}, absent: false, raw_message_delivery: true",
        "protocol: email, endpoint: a@b.c, raw_message_delivery: false",
        "protocol: https, endpoint: 'https://example.com/a@b'",
        f"{SQS}, filter_policy: {{a: {list(range(15))}, b: {list(range(10))}}}",
        f"{SQS}, filter_policy: {{a: {{b: [x], c: [y]}}}}, filter_policy_scope: MessageBody",
        f"{SQS}, filter_policy: {{a: [{{numeric: ['>', 0]}}, null, true]}}",
        f"{SQS}, dead_letter_queue: '{DEAD.format(region=REGION, account=OWNER, name='d')}'",
    ],
)
def test_subscriptions_that_sns_accepts_are_no_problem(subscription: str) -> None:
    """Subscriptions that SNS accepts are no problem."""
    assert told(subscription) == []


@pytest.mark.parametrize(("region", "account"), [("eu-west-2", OWNER), (REGION, "222222222222")])
def test_a_dead_letter_queue_is_in_the_scope_of_its_subscription(region: str, account: str) -> None:
    """SNS accepts only a dead-letter queue of the subscription's own account and region."""
    (found,) = told(f"{SQS}, dead_letter_queue: '{DEAD.format(region=region, account=account, name='d')}'")

    assert ": topics.t.subscriptions[0].dead_letter_queue: " in found
    assert f"the queue is in {account}/{region}, and the subscription is in {OWNER}/{REGION}" in found


def test_a_dead_letter_queue_cannot_serve_two_regions() -> None:
    """A dead-letter queue of one region is refused if the spec has two regions."""
    (found,) = told(
        f"{SQS}, dead_letter_queue: '{DEAD.format(region=REGION, account=OWNER, name='d')}'", f"{REGION}, eu-west-2"
    )

    assert f"the subscription is in {OWNER}/eu-west-2" in found


def test_the_same_endpoint_cannot_be_declared_twice() -> None:
    """Two entries with the same protocol and endpoint are a duplicate, because SNS identifies subscriptions by these."""
    text = owner(f"topics: {{t: {{subscriptions: [{{{SQS}}}, {{{SQS}, absent: true}}]}}}}\n")

    assert ["is declared twice"] == [p.summary[-17:] for p in problems(text)]
