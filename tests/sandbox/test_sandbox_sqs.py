"""SQS: queues, what they receive from topics, and who may use them."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sesform_sandbox import Sandbox, SandboxServer

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"
QUEUE = f"arn:aws:sqs:{REGION}:{OWNER}:q"


def _queue(aws: Any, topic: str = "*", account: str = OWNER, **more: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": QUEUE.replace(OWNER, account),
        "Condition": {"ArnLike": {"aws:SourceArn": topic if topic != "*" else f"arn:aws:sns:{REGION}:{OWNER}:*"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    url: str = aws("sqs", account).create_queue(QueueName="q", Attributes={"Policy": policy, **more})["QueueUrl"]
    return url


def _subscribe(aws: Any, topic: str, **attributes: str) -> str:
    sns = aws("sns", topic.split(":")[4])
    arn: str = sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=QUEUE, Attributes=attributes)["SubscriptionArn"]
    return arn


def _received(aws: Any, url: str) -> list[str]:
    found = aws("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [message["Body"] for message in found.get("Messages", [])]


def test_a_queue_receives_the_envelope_of_sns(aws: Any) -> None:
    """The message is in a document that names its topic, and whose signature says that it is simulated."""
    url, topic = _queue(aws), aws.topic()
    _subscribe(aws, topic)
    aws("sns").publish(TopicArn=topic, Message="hello")
    (body,) = map(json.loads, _received(aws, url))

    assert (body["Type"], body["TopicArn"], body["Message"]) == ("Notification", topic, "hello")
    assert body["Signature"].startswith("sandbox: simulated")


def test_raw_delivery_is_the_message_alone(aws: Any) -> None:
    """With RawMessageDelivery there is no envelope."""
    url, topic = _queue(aws), aws.topic()
    _subscribe(aws, topic, RawMessageDelivery="true")
    aws("sns").publish(TopicArn=topic, Message="hello")

    assert _received(aws, url) == ["hello"]


@pytest.mark.parametrize(
    ("policy", "passes"),
    [
        ({"notificationType": ["Bounce"]}, True),
        ({"notificationType": ["Complaint"]}, False),
        ({"mail": {"destination": [{"suffix": "@simulator.amazonses.com"}]}}, True),
        ({"mail": {"destination": [{"suffix": "-other@simulator.amazonses.com"}]}}, False),
        ({"mail": {"sendingAccountId": [{"anything-but": OWNER}]}}, False),
        ({"notificationType": [{"exists": False}]}, False),
        ({"$or": [{"eventType": ["Bounce"]}, {"bounce": {"bounceType": [{"prefix": "Perm"}]}}]}, True),
    ],
)
def test_filter_policies_of_the_body_decide(aws: Any, policy: dict[str, Any], passes: bool) -> None:
    """A subscription receives what its filter policy accepts of SES's payload."""
    url, topic = _queue(aws), aws.topic()
    aws.identity()
    aws.set_topic("Bounce", topic)
    _subscribe(aws, topic, FilterPolicy=json.dumps(policy), FilterPolicyScope="MessageBody")
    aws.sandbox.send(OWNER, REGION, "example.com", "bounce")

    assert len(_received(aws, url)) == passes


def test_filter_policies_of_attributes_decide(aws: Any) -> None:
    """SES sets no message attributes, so a policy of attributes rejects its notifications."""
    url, topic = _queue(aws), aws.topic()
    _subscribe(aws, topic, FilterPolicy='{"kind": ["a"], "n": [{"numeric": [">", 1]}]}')
    aws("sns").publish(TopicArn=topic, Message="none")
    attributes = {
        "kind": {"DataType": "String", "StringValue": "a"},
        "n": {"DataType": "Number", "StringValue": "2"},
    }
    aws("sns").publish(TopicArn=topic, Message="both", MessageAttributes=attributes)

    assert [json.loads(body)["Message"] for body in _received(aws, url)] == ["both"]


def test_a_queue_policy_for_another_topic_receives_nothing(aws: Any) -> None:
    """SNS sends to a queue only what the policy of the queue allows."""
    url, topic = _queue(aws, f"arn:aws:sns:{REGION}:{OWNER}:other"), aws.topic()
    _subscribe(aws, topic)
    aws("sns").publish(TopicArn=topic, Message="hello")

    assert _received(aws, url) == []


def test_an_encrypted_queue_needs_a_key_that_sns_can_use(aws: Any) -> None:
    """A key without a statement for SNS keeps its messages out."""
    key = aws("kms").create_key()["KeyMetadata"]["KeyId"]
    url, topic = _queue(aws, KmsMasterKeyId=key), aws.topic()
    _subscribe(aws, topic)
    aws("sns").publish(TopicArn=topic, Message="hello")

    assert _received(aws, url) == []


def test_a_received_message_is_hidden_until_its_timeout(aws: Any) -> None:
    """It comes again after the visibility timeout, unless it was deleted."""
    time = [1000.0]
    aws.sandbox.set_clock(lambda: time[0])
    url = _queue(aws)
    aws("sqs").send_message(QueueUrl=url, MessageBody="hello")

    assert (_received(aws, url), _received(aws, url)) == (["hello"], [])

    time[0] += 31
    (again,) = aws("sqs").receive_message(QueueUrl=url)["Messages"]
    aws("sqs").delete_message(QueueUrl=url, ReceiptHandle=again["ReceiptHandle"])
    time[0] += 31

    assert _received(aws, url) == []


def test_queues_are_found_by_prefix_and_have_tags(aws: Any) -> None:
    """Creating a queue again with the same attributes changes nothing."""
    url = _queue(aws)
    aws("sqs").create_queue(QueueName="other", tags={"a": "b"})
    aws("sqs").tag_queue(QueueUrl=url, Tags={"c": "d"})

    assert aws("sqs").list_queues(QueueNamePrefix="q")["QueueUrls"] == [url]
    assert aws("sqs").list_queue_tags(QueueUrl=url)["Tags"] == {"c": "d"}
    assert _queue(aws) == url


@pytest.mark.parametrize(
    ("call", "code"),
    [
        (lambda sqs: sqs.get_queue_url(QueueName="no"), "AWS.SimpleQueueService.NonExistentQueue"),
        (lambda sqs: sqs.create_queue(QueueName="a b"), "InvalidParameterValue"),
        (lambda sqs: sqs.create_queue(QueueName="q", Attributes={"No": "1"}), "InvalidAttributeName"),
        (lambda sqs: sqs.create_queue(QueueName="q", Attributes={"DelaySeconds": "901"}), "InvalidAttributeValue"),
        (lambda sqs: sqs.create_queue(QueueName="q", tags={"a": "<"}), "InvalidParameterValue"),
    ],
)
def test_sqs_refuses_what_it_does_not_accept(aws: Any, refused: Any, call: Callable[[Any], Any], code: str) -> None:
    """With the codes that clients of SQS know."""
    with refused(code):
        call(aws("sqs"))


def test_another_account_has_no_access_to_a_queue(aws: Any, refused: Any) -> None:
    """The URL names the account of the queue."""
    url = _queue(aws)
    with refused("AccessDenied", status=403):
        aws("sqs", DELEGATE).receive_message(QueueUrl=url)


def test_queues_and_messages_are_kept_in_the_state_file(tmp_path: Any) -> None:
    """Another process finds them."""
    file = tmp_path / "state.json"
    url = Sandbox(file).session(OWNER, REGION).client("sqs").create_queue(QueueName="q", tags={"a": "b"})["QueueUrl"]
    Sandbox(file).session(OWNER, REGION).client("sqs").send_message(QueueUrl=url, MessageBody="hello")
    (message,) = Sandbox(file).session(OWNER, REGION).client("sqs").receive_message(QueueUrl=url)["Messages"]

    assert message["Body"] == "hello"


def test_queues_work_over_http(sandbox: Sandbox) -> None:
    """For the AWS CLI and other programs."""
    with SandboxServer(sandbox) as server:
        sqs = sandbox.session(OWNER, REGION).client("sqs", endpoint_url=server.url)
        url = sqs.create_queue(QueueName="q")["QueueUrl"]

        assert sqs.list_queues()["QueueUrls"] == [url]
