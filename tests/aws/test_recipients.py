"""The only mail that sesform sends: no call reaches AWS that would send anything to another address than the simulator's."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sesform.aws import recipients
from sesform.errors import RecipientError
from sesform.model import simulator
from world import World

TO = "bounce+r1-7@simulator.amazonses.com"
CONTENT = {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}
MESSAGE: dict[str, Any] = {
    "FromEmailAddress": "jo@example.com",
    "Destination": {"ToAddresses": [TO]},
    "Content": CONTENT,
}


def refused(service: str = "sesv2", operation: str = "SendEmail", **params: Any) -> bool:
    try:
        recipients.check(service, operation, {**MESSAGE, **params})
    except RecipientError:
        return True
    return False


@pytest.mark.parametrize("event", ["bounce", "complaint", "delivery"])
def test_addresses_of_the_simulator_are_accepted(event: str) -> None:
    """Those that sesform makes, and those without a label."""
    assert not refused(Destination={"ToAddresses": [simulator.recipient(event, "0a1b-12")]})
    assert not refused(Destination={"ToAddresses": ["success@simulator.amazonses.com"]})


@pytest.mark.parametrize(
    "address",
    [
        "jo@example.com",
        "bounce@simulator.amazonses.com.example.com",
        "bounce@simulator.amazonses.co",
        "bounce@xsimulator.amazonses.com",
        "bounce@simulatorxamazonses.com",
        "ooto@simulator.amazonses.com",
        "suppressionlist@simulator.amazonses.com",
        "bounce@simulator.amazonses.com\n",
        "bounce@simulator.amazonses.com, jo@example.com",
        "jo@example.com,bounce@simulator.amazonses.com",
        "Jo <jo@example.com>",
        "jo@example.com <bounce@simulator.amazonses.com>",
        "bounce+a,jo@example.com@simulator.amazonses.com",
        "bounce+\u0430@simulator.amazonses.com",
        "bounce@SIMULATOR.amazonses.com",
        "",
        None,
        7,
        b"bounce@simulator.amazonses.com",
    ],
)
def test_any_other_address_is_refused(address: Any) -> None:
    """Also those that only look like one."""
    assert refused(Destination={"ToAddresses": [address]})


@pytest.mark.parametrize(
    "change",
    [
        {"Destination": {"ToAddresses": [TO, TO]}},
        {"Destination": {"ToAddresses": []}},
        {"Destination": {"ToAddresses": TO}},
        {"Destination": {"ToAddresses": (TO,)}},
        {"Destination": {"ToAddresses": [TO], "CcAddresses": ["jo@example.com"]}},
        {"Destination": {"ToAddresses": [TO], "BccAddresses": []}},
        {"Destination": {"BccAddresses": [TO]}},
        {"Destination": None},
        {"ReplyToAddresses": ["jo@example.com"]},
        {"FeedbackForwardingEmailAddress": "jo@example.com"},
        {"ListManagementOptions": {"ContactListName": "all"}},
        {"Content": {"Raw": {"Data": b"To: jo@example.com"}}},
        {"Content": {"Template": {"TemplateName": "t"}}},
        {"Content": {**CONTENT, "Raw": {"Data": b"x"}}},
        {"Content": {"Simple": {**CONTENT["Simple"], "Headers": [{"Name": "Bcc", "Value": "jo@example.com"}]}}},
        {"Content": {"Simple": {**CONTENT["Simple"], "Attachments": []}}},
        {"Content": None},
        {"FromEmailAddress": "jo@example.com,al@example.com"},
        {"FromEmailAddress": "Jo <jo@example.com>"},
        {"FromEmailAddress": "jo@example.com\nBcc: al@example.com"},
        {"FromEmailAddress": None},
    ],
)
def test_nothing_but_one_plain_message_to_one_address_is_sent(change: dict[str, Any]) -> None:
    """No copies, no replies, no feedback address, no headers, no attachments, no raw message."""
    assert refused(**change)


@given(address=st.text(), prefix=st.sampled_from(["", TO, "bounce@"]), suffix=st.sampled_from(["", TO]))
def test_no_text_around_an_address_is_accepted(address: str, prefix: str, suffix: str) -> None:
    """What is accepted ends with the domain of the simulator, and has nothing else that names a mailbox."""
    text = prefix + address + suffix
    accepted = not refused(Destination={"ToAddresses": [text]})

    assert accepted is (simulator.RECIPIENT.fullmatch(text) is not None)
    assert not accepted or (text.count("@") == 1 and text.endswith("@simulator.amazonses.com") and text.isascii())


SENDS: list[tuple[str, str, dict[str, Any]]] = [
    ("ses", "SendEmail", {"Source": "jo@example.com", "Destination": {"ToAddresses": [TO]}, "Message": CONTENT["Simple"]}),
    ("ses", "SendRawEmail", {"RawMessage": {"Data": b"x"}}),
    ("sesv2", "SendEmail", {**MESSAGE, "Destination": {"ToAddresses": ["jo@example.com"]}}),
    ("sesv2", "SendBulkEmail", {"DefaultContent": {}, "BulkEmailEntries": []}),
    ("sesv2", "SendCustomVerificationEmail", {"EmailAddress": "jo@example.com", "TemplateName": "t"}),
    ("sns", "Publish", {"TopicArn": "arn:aws:sns:eu-west-1:111111111111:t", "Message": "m"}),
    ("sqs", "SendMessage", {"QueueUrl": "https://sqs.eu-west-1.amazonaws.com/111111111111/q", "MessageBody": "m"}),
]  # fmt: skip


@pytest.mark.parametrize(("service", "operation", "params"), SENDS)
def test_the_client_itself_refuses(world: World, service: str, operation: str, params: dict[str, Any]) -> None:
    """Whoever calls it, whatever the connection may write: no request leaves."""
    world.identity("example.com")
    desired = world.desired('kind: Owner\nname: corp\naccount: "111111111111"\nregions: [eu-west-1]\n')
    connection = world.connections(desired, read_only=False).by_place["corp", "eu-west-1"]
    world.sandbox.calls.clear()
    calls: list[Callable[[], Any]] = [lambda: connection.call(service, operation, **params)]
    for call in calls:
        with pytest.raises(RecipientError):
            call()

    assert world.sandbox.calls == []


def test_a_message_is_not_sent_again_after_a_lost_answer(world: World) -> None:
    """It may have been sent: the limit of messages counts more than an answer."""
    from sesform.errors import AwsError

    world.identity("example.com")
    desired = world.desired('kind: Owner\nname: corp\naccount: "111111111111"\nregions: [eu-west-1]\n')
    connection = world.connections(desired, read_only=False).by_place["corp", "eu-west-1"]
    world.sandbox.fail("SendEmail", code="", lost_answer=True, times=3)
    with pytest.raises(AwsError) as caught:
        connection.call("sesv2", "SendEmail", **MESSAGE)

    assert caught.value.maybe_done
    assert sum(call.operation == "SendEmail" for call in world.sandbox.calls) == 1


def test_a_connection_that_only_reads_makes_permitted_calls_alone(world: World) -> None:
    """Permission for one writing call is no permission for another, and ends with the next connection."""
    from sesform.errors import ReadOnlyError

    desired = world.desired('kind: Owner\nname: corp\naccount: "111111111111"\nregions: [eu-west-1]\n')
    connections = world.connections(desired)
    connection = connections.by_place["corp", "eu-west-1"]
    connections.permit({"sqs:CreateQueue"})
    connection.call("sqs", "CreateQueue", QueueName="q")
    with pytest.raises(ReadOnlyError):
        connection.call("sns", "CreateTopic", Name="t")
    world.connections(desired)
    with pytest.raises(ReadOnlyError):
        connection.call("sqs", "CreateQueue", QueueName="q")
