"""CloudTrail's event history: which calls it has, what it says of them, and how LookupEvents finds them."""

from __future__ import annotations

import http.client
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from sesform_sandbox import Sandbox, SandboxServer

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)


@pytest.fixture
def time(sandbox: Sandbox) -> list[datetime]:
    """The time of the sandbox: a list whose only entry a test changes."""
    now = [NOW]
    sandbox.trail.clock = lambda: now[0]
    return now


def lookup(aws: Any, account: str = OWNER, region: str = REGION, **params: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = aws("cloudtrail", account, region).lookup_events(**params)["Events"]
    return found


def names(aws: Any, account: str = OWNER, region: str = REGION, **params: Any) -> list[str]:
    return [event["EventName"] for event in lookup(aws, account, region, **params)]


def by(key: str, value: str) -> dict[str, Any]:
    return {"LookupAttributes": [{"AttributeKey": key, "AttributeValue": value}]}


def parameters(event: dict[str, Any]) -> Any:
    return json.loads(event["CloudTrailEvent"])["requestParameters"]


def test_writing_calls_are_recorded_with_aws_names(aws: Any) -> None:
    """Both APIs of SES have one event source, and parameters begin with a small letter; keys of maps stay as they are."""
    aws.identity()
    topic = aws.topic()
    aws("sns").subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{REGION}:{OWNER}:q",
        Attributes={"RawMessageDelivery": "true"},
    )
    aws.set_topic("Bounce", topic)
    aws("sesv2").put_email_identity_feedback_attributes(EmailIdentity="example.com", EmailForwardingEnabled=True)
    aws("sesv2").create_configuration_set(ConfigurationSetName="main")
    found = lookup(aws)

    assert [(e["EventSource"], e["EventName"], parameters(e)) for e in found] == [
        ("ses.amazonaws.com", "CreateConfigurationSet", {"configurationSetName": "main"}),
        (
            "ses.amazonaws.com",
            "PutEmailIdentityFeedbackAttributes",
            {"emailIdentity": "example.com", "emailForwardingEnabled": True},
        ),
        (
            "ses.amazonaws.com",
            "SetIdentityNotificationTopic",
            {"identity": "example.com", "notificationType": "Bounce", "snsTopic": topic},
        ),
        (
            "sns.amazonaws.com",
            "Subscribe",
            {
                "topicArn": topic,
                "protocol": "sqs",
                "endpoint": f"arn:aws:sqs:{REGION}:{OWNER}:q",
                "attributes": {"RawMessageDelivery": "true"},
            },
        ),
        ("sns.amazonaws.com", "CreateTopic", {"name": "feedback"}),
    ]
    assert {("false", "[]")} == {(e["ReadOnly"], str(e["Resources"])) for e in found}


def test_reads_sends_and_what_ses_does_are_not_recorded(aws: Any) -> None:
    """No read, no message, and no topic that SES removes because it cannot publish."""
    aws.identity()
    topic = aws.topic()
    aws.set_topic("Bounce", topic)
    aws("sns").delete_topic(TopicArn=topic)
    before = names(aws)
    aws.notifications()
    body = {"Simple": {"Subject": {"Data": "s"}, "Body": {"Text": {"Data": "t"}}}}
    aws("sesv2").send_email(
        FromEmailAddress="a@example.com", Destination={"ToAddresses": ["b@example.com"]}, Content=body
    )
    aws.sandbox.send(OWNER, REGION, "example.com", "bounce")

    assert "BounceTopic" not in aws.notifications()
    assert before == names(aws) == ["DeleteTopic", "SetIdentityNotificationTopic", "CreateTopic"]


def test_a_refused_call_is_recorded_with_its_error(aws: Any, refused: Any) -> None:
    """CloudTrail has the calls that failed, too."""
    with refused("NotFoundException", status=404):
        aws("sesv2").delete_configuration_set(ConfigurationSetName="no")
    (event,) = lookup(aws)
    document = json.loads(event["CloudTrailEvent"])

    assert ("NotFoundException", {"configurationSetName": "no"}) == (document["errorCode"], parameters(event))


def test_the_caller_is_recorded(aws: Any, sandbox: Sandbox, time: list[datetime]) -> None:
    """The principal, the user agent, the address and the time of the call."""
    aws.topic("mine")
    role = f"arn:aws:iam::{OWNER}:role/admin"
    keys = aws("sts").assume_role(RoleArn=role, RoleSessionName="alice")["Credentials"]
    secrets = {
        "aws_access_key_id": keys["AccessKeyId"],
        "aws_secret_access_key": keys["SecretAccessKey"],
        "aws_session_token": keys["SessionToken"],
    }
    sandbox.session(OWNER, REGION).client("sns", **secrets).create_topic(Name="hers")
    hers, mine = lookup(aws)
    first, second = (json.loads(event["CloudTrailEvent"]) for event in (mine, hers))

    assert (f"arn:aws:iam::{OWNER}:root", "Root", "root") == (
        first["userIdentity"]["arn"],
        first["userIdentity"]["type"],
        mine["Username"],
    )
    assert (f"arn:aws:sts::{OWNER}:assumed-role/admin/alice", "AssumedRole", "admin") == (
        second["userIdentity"]["arn"],
        second["userIdentity"]["type"],
        hers["Username"],
    )
    assert ("127.0.0.1", "2026-11-27T12:00:00Z", NOW) == (
        first["sourceIPAddress"],
        first["eventTime"],
        mine["EventTime"],
    )
    assert first["userAgent"].startswith("Boto3/")


def test_over_http_the_address_is_that_of_the_client(aws: Any, sandbox: Sandbox) -> None:
    """The server passes on who called."""
    credential = f"AWS4-HMAC-SHA256 Credential={OWNER}/20261127/{REGION}/sns/aws4_request"
    with SandboxServer(sandbox) as server:
        parts = urlsplit(server.url)
        assert parts.hostname is not None
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10, source_address=("127.0.0.2", 0))
        headers = {"Authorization": credential, "User-Agent": "curl/8.5.0"}
        connection.request("POST", "/", "Action=CreateTopic&Name=a&Version=2010-03-31", headers)
        assert 200 == connection.getresponse().status
        connection.close()
    (event,) = lookup(aws)
    document = json.loads(event["CloudTrailEvent"])

    assert ("127.0.0.2", "curl/8.5.0") == (document["sourceIPAddress"], document["userAgent"])


def test_lookups_are_by_one_attribute_and_by_time(aws: Any, time: list[datetime], refused: Any) -> None:
    """By name, by source, by id, and within a time; two attributes, or a time that ends before it begins, are refused."""
    aws.topic("a")
    time[0] += timedelta(hours=1)
    aws.topic("b")
    aws("sesv2").create_configuration_set(ConfigurationSetName="main")
    first = lookup(aws)[0]

    assert ["CreateTopic", "CreateTopic"] == names(aws, **by("EventName", "CreateTopic"))
    assert ["CreateConfigurationSet"] == names(aws, **by("EventSource", "ses.amazonaws.com"))
    assert ["CreateConfigurationSet"] == names(aws, **by("EventId", first["EventId"]))
    assert [] == names(aws, **by("ReadOnly", "true"))
    assert ["CreateConfigurationSet", "CreateTopic"] == names(aws, StartTime=NOW + timedelta(minutes=1))
    assert ["CreateTopic"] == names(aws, EndTime=NOW)
    two = [by("EventName", "CreateTopic")["LookupAttributes"][0]] * 2
    with refused("InvalidLookupAttributesException"):
        lookup(aws, LookupAttributes=two)
    with refused("InvalidTimeRangeException"):
        lookup(aws, StartTime=NOW, EndTime=NOW - timedelta(hours=1))
    with refused("InvalidMaxResultsException"):
        lookup(aws, MaxResults=51)
    assert [] == names(aws, EventCategory="insight")


def test_pages_have_at_most_fifty_events_newest_first(aws: Any, refused: Any) -> None:
    """A token belongs to the parameters of the first page."""
    for n in range(60):
        aws.topic(f"t{n}")
    client = aws("cloudtrail")
    first = client.lookup_events(**by("EventName", "CreateTopic"))
    second = client.lookup_events(**by("EventName", "CreateTopic"), NextToken=first["NextToken"])
    found = [parameters(e)["name"] for e in first["Events"] + second["Events"]]

    assert (50, 10, False) == (len(first["Events"]), len(second["Events"]), "NextToken" in second)
    assert [f"t{n}" for n in reversed(range(60))] == found
    with refused("InvalidNextTokenException"):
        client.lookup_events(NextToken=first["NextToken"])


def test_calls_are_found_after_the_delay_and_for_ninety_days(aws: Any, sandbox: Sandbox, time: list[datetime]) -> None:
    """With the delay of AWS a call is found a quarter of an hour later."""
    sandbox.trail.delay = 900
    aws.topic()
    early = names(aws)
    time[0] += timedelta(minutes=15)
    later = names(aws)
    time[0] += timedelta(days=90)

    assert ([], ["CreateTopic"], []) == (early, later, names(aws))


def test_each_account_and_region_has_its_own_history(aws: Any) -> None:
    """As on AWS."""
    aws.topic("a")
    aws.topic("b", DELEGATE)
    aws.topic("c", region="eu-central-1")

    assert (["a"], ["b"], ["c"]) == (
        [parameters(e)["name"] for e in lookup(aws)],
        [parameters(e)["name"] for e in lookup(aws, DELEGATE)],
        [parameters(e)["name"] for e in lookup(aws, region="eu-central-1")],
    )


def test_the_newest_thousand_calls_are_kept_in_the_state(tmp_path: Path) -> None:
    """Another process finds them, and the file does not grow for ever."""
    file = tmp_path / "sandbox.json"
    memory = Sandbox()
    sns: Any = memory.session(OWNER, REGION).client("sns")
    for n in range(1003):
        sns.create_topic(Name=f"t{n}")
    with memory._context(OWNER, REGION) as context:
        kept = list(context.here.trail)
    Sandbox(file).session(OWNER, REGION).client("sns").create_topic(Name="kept")
    other: Any = Sandbox(file).session(OWNER, REGION).client("cloudtrail")

    assert (1000, "000000000004", "000000001003") == (len(kept), kept[0], kept[-1])
    assert ["kept"] == [parameters(e)["name"] for e in other.lookup_events()["Events"]]


def test_two_lookups_a_second_are_allowed(aws: Any, refused: Any) -> None:
    """The quota counts for each account and region, and apart from that of SES."""
    sandbox = Sandbox(rate=1.0)
    now = [0.0]
    sandbox.trail.throttle.clock = lambda: now[0]
    client: Any = sandbox.session(OWNER, REGION).client("cloudtrail")
    client.lookup_events()
    with refused("ThrottlingException", "Rate exceeded"):
        client.lookup_events()
    now[0] += 0.5

    assert [] == client.lookup_events()["Events"]
