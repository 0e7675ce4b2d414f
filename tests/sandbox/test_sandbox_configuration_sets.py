"""Configuration sets and event destinations, by version 2 of the API."""

from __future__ import annotations

import json
from typing import Any

import pytest

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"

FRESH: dict[str, Any] = {
    "ReputationOptions": {"ReputationMetricsEnabled": True},
    "SendingOptions": {"SendingEnabled": True},
    "Tags": [],
}


@pytest.fixture
def v2(aws: Any) -> Any:
    client = aws("sesv2")
    client.create_configuration_set(ConfigurationSetName="tx")
    return client


def _get(v2: Any, name: str = "tx") -> dict[str, Any]:
    found = v2.get_configuration_set(ConfigurationSetName=name)
    return {k: v for k, v in found.items() if k not in ("ResponseMetadata", "ConfigurationSetName")}


def _destinations(v2: Any) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = v2.get_configuration_set_event_destinations(ConfigurationSetName="tx")[
        "EventDestinations"
    ]
    return found


def _create(v2: Any, name: str = "d", **definition: Any) -> None:
    v2.create_configuration_set_event_destination(
        ConfigurationSetName="tx", EventDestinationName=name, EventDestination=definition
    )


def _update(v2: Any, name: str = "d", **definition: Any) -> None:
    v2.update_configuration_set_event_destination(
        ConfigurationSetName="tx", EventDestinationName=name, EventDestination=definition
    )


def _bus(region: str = REGION, name: str = "default") -> dict[str, Any]:
    return {"EventBridgeDestination": {"EventBusArn": f"arn:aws:events:{region}:{OWNER}:event-bus/{name}"}}


def _dimensions(count: int, name: str = "d{}", default: str = "none") -> dict[str, Any]:
    dimensions = [
        {"DimensionName": name.format(n), "DimensionValueSource": "MESSAGE_TAG", "DefaultDimensionValue": default}
        for n in range(count)
    ]
    return {"CloudWatchDestination": {"DimensionConfigurations": dimensions}}


# --- sets --------------------------------------------------------------------------------------------------------------


def test_fresh_set_sends_and_has_metrics(v2: Any) -> None:
    """The defaults of a set made with its name alone."""

    assert _get(v2) == FRESH


def test_block_without_its_boolean_is_false(v2: Any) -> None:
    """`SendingOptions: {}` turns sending off."""
    v2.create_configuration_set(ConfigurationSetName="b", SendingOptions={}, ReputationOptions={})
    found = _get(v2, "b")

    assert (found["SendingOptions"], found["ReputationOptions"]) == (
        {"SendingEnabled": False},
        {"ReputationMetricsEnabled": False},
    )


def test_all_blocks_are_stored(v2: Any) -> None:
    """What is given comes back."""
    given = {
        "TrackingOptions": {"CustomRedirectDomain": "t.example.com", "HttpsPolicy": "REQUIRE"},
        "DeliveryOptions": {"TlsPolicy": "REQUIRE"},
        "SuppressionOptions": {"SuppressedReasons": ["BOUNCE"]},
        "VdmOptions": {"DashboardOptions": {"EngagementMetrics": "ENABLED"}},
        "Tags": [{"Key": "a", "Value": "b"}],
    }
    v2.create_configuration_set(ConfigurationSetName="full", **given)

    assert _get(v2, "full") == FRESH | given


def test_put_options_replace_their_block(v2: Any) -> None:
    """Each Put*Options sets its block; a boolean left out is false; tracking without a domain goes."""
    v2.put_configuration_set_sending_options(ConfigurationSetName="tx")
    v2.put_configuration_set_reputation_options(ConfigurationSetName="tx", ReputationMetricsEnabled=False)
    v2.put_configuration_set_delivery_options(ConfigurationSetName="tx", TlsPolicy="REQUIRE")
    v2.put_configuration_set_suppression_options(ConfigurationSetName="tx", SuppressedReasons=["COMPLAINT"])
    v2.put_configuration_set_vdm_options(
        ConfigurationSetName="tx", VdmOptions={"GuardianOptions": {"OptimizedSharedDelivery": "ENABLED"}}
    )
    v2.put_configuration_set_tracking_options(ConfigurationSetName="tx", CustomRedirectDomain="t.example.com")
    v2.put_configuration_set_tracking_options(ConfigurationSetName="tx")

    assert _get(v2) == {
        "DeliveryOptions": {"TlsPolicy": "REQUIRE"},
        "ReputationOptions": {"ReputationMetricsEnabled": False},
        "SendingOptions": {"SendingEnabled": False},
        "SuppressionOptions": {"SuppressedReasons": ["COMPLAINT"]},
        "VdmOptions": {"GuardianOptions": {"OptimizedSharedDelivery": "ENABLED"}},
        "Tags": [],
    }


def test_duplicate_set_is_refused(v2: Any, refused: Any) -> None:
    """AlreadyExistsException, 400."""
    with refused("AlreadyExistsException", "Configuration set <tx> already exists."):
        v2.create_configuration_set(ConfigurationSetName="tx")


def test_missing_set_is_refused(v2: Any, refused: Any) -> None:
    """NotFoundException, 404, for reading, deleting and its destinations."""
    for call in (v2.get_configuration_set, v2.delete_configuration_set, v2.get_configuration_set_event_destinations):
        with refused("NotFoundException", "Configuration set <no> does not exist.", 404):
            call(ConfigurationSetName="no")


@pytest.mark.parametrize("name", ["a b", "x" * 65, "ä", "a.b"])
def test_name_of_a_set_has_an_alphabet(v2: Any, refused: Any, name: str) -> None:
    """1 to 64 letters, digits, hyphens and underscores."""
    with refused("BadRequestException"):
        v2.create_configuration_set(ConfigurationSetName=name)


def test_sets_are_listed_in_pages(v2: Any, refused: Any) -> None:
    """Sorted, PageSize at a time, each once; an invented token is refused."""
    for name in ("b", "a", "c"):
        v2.create_configuration_set(ConfigurationSetName=name)
    first = v2.list_configuration_sets(PageSize=3)
    second = v2.list_configuration_sets(PageSize=3, NextToken=first["NextToken"])

    assert first["ConfigurationSets"] + second["ConfigurationSets"] == ["a", "b", "c", "tx"]
    assert "NextToken" not in second
    with refused("InvalidNextTokenException"):
        v2.list_configuration_sets(NextToken="ä")


def test_the_destinations_of_a_deleted_set_are_deleted(v2: Any) -> None:
    """A set of the same name starts empty."""
    _create(v2, MatchingEventTypes=["SEND"], **_bus())
    v2.delete_configuration_set(ConfigurationSetName="tx")
    v2.create_configuration_set(ConfigurationSetName="tx")

    assert _destinations(v2) == []


# --- destinations ------------------------------------------------------------------------------------------------------


def test_event_types_come_back_sorted_and_disabled_is_the_default(v2: Any) -> None:
    """MatchingEventTypes is a set, and Enabled left out is false."""
    _create(v2, MatchingEventTypes=["SEND", "BOUNCE", "DELIVERY_DELAY"], **_bus())

    assert _destinations(v2) == [
        {"Name": "d", "Enabled": False, "MatchingEventTypes": ["BOUNCE", "DELIVERY_DELAY", "SEND"], **_bus()}
    ]


def test_update_replaces_the_whole_definition(v2: Any) -> None:
    """What is left out is reset."""
    _create(v2, Enabled=True, MatchingEventTypes=["SEND"], **_bus())
    _update(v2, MatchingEventTypes=["OPEN"], **_bus())

    assert _destinations(v2) == [{"Name": "d", "Enabled": False, "MatchingEventTypes": ["OPEN"], **_bus()}]


def test_update_keeps_the_kind(aws: Any, v2: Any, refused: Any) -> None:
    """Another kind of target is refused."""
    _create(v2, MatchingEventTypes=["SEND"], **_bus())
    with refused("BadRequestException", "sandbox: The destination type of event destination <d> cannot be changed."):
        _update(v2, MatchingEventTypes=["SEND"], SnsDestination={"TopicArn": aws.topic()})


@pytest.mark.parametrize("kinds", [{}, _bus() | _dimensions(1)])
def test_exactly_one_kind(v2: Any, refused: Any, kinds: dict[str, Any]) -> None:
    """No target and two targets are refused."""
    with refused("BadRequestException"):
        _create(v2, MatchingEventTypes=["SEND"], **kinds)


@pytest.mark.parametrize("types", [{}, {"MatchingEventTypes": []}, {"MatchingEventTypes": ["send"]}])
def test_event_types_are_needed(v2: Any, refused: Any, types: dict[str, Any]) -> None:
    """None, an empty list, and an unknown type are refused."""
    with refused("BadRequestException"):
        _create(v2, **types, **_bus())


def test_ten_destinations_a_set(v2: Any, refused: Any) -> None:
    """The eleventh is refused."""
    for n in range(10):
        _create(v2, f"d{n}", MatchingEventTypes=["SEND"], **_bus())
    with refused("LimitExceededException"):
        _create(v2, "d10", MatchingEventTypes=["SEND"], **_bus())


@pytest.mark.parametrize("name", ["a b", "x" * 65, "ü"])
def test_name_of_a_destination_has_an_alphabet(v2: Any, refused: Any, name: str) -> None:
    """As a set's name."""
    with refused("BadRequestException"):
        _create(v2, name, MatchingEventTypes=["SEND"], **_bus())


def test_duplicate_destination_is_refused(v2: Any, refused: Any) -> None:
    """AlreadyExistsException, 400."""
    _create(v2, MatchingEventTypes=["SEND"], **_bus())
    with refused("AlreadyExistsException"):
        _create(v2, MatchingEventTypes=["SEND"], **_bus())


def test_missing_destination_is_refused(v2: Any, refused: Any) -> None:
    """NotFoundException, 404, for update and delete."""
    with refused("NotFoundException", status=404):
        _update(v2, MatchingEventTypes=["SEND"], **_bus())
    with refused("NotFoundException", status=404):
        v2.delete_configuration_set_event_destination(ConfigurationSetName="tx", EventDestinationName="d")


def test_destination_is_deleted(v2: Any) -> None:
    """And only that one."""
    for name in ("a", "b"):
        _create(v2, name, MatchingEventTypes=["SEND"], **_bus())
    v2.delete_configuration_set_event_destination(ConfigurationSetName="tx", EventDestinationName="a")

    assert [d["Name"] for d in _destinations(v2)] == ["b"]


@pytest.mark.parametrize(
    "target",
    [
        _bus(name="other"),
        _bus(region="us-east-1"),
        _dimensions(11),
        _dimensions(0),
        _dimensions(2, name="same"),
        _dimensions(1, name="with space"),
        _dimensions(1, default="ä"),
        {"KinesisFirehoseDestination": {"IamRoleArn": "arn:aws:iam::111111111111:role/r", "DeliveryStreamArn": "s"}},
        {
            "KinesisFirehoseDestination": {
                "IamRoleArn": "r",
                "DeliveryStreamArn": "arn:aws:firehose:eu-west-1:111111111111:deliverystream/s",
            }
        },
        {"PinpointDestination": {"ApplicationArn": "x"}},
    ],
)
def test_bad_targets_are_refused(v2: Any, refused: Any, target: dict[str, Any]) -> None:
    """Other bus, other region, limits and characters of dimensions, texts that are no ARNs."""
    with refused("BadRequestException"):
        _create(v2, MatchingEventTypes=["SEND"], **target)


@pytest.mark.parametrize("event", ["DELIVERY_DELAY", "SUBSCRIPTION"])
def test_pinpoint_lacks_two_types(v2: Any, refused: Any, event: str) -> None:
    """Pinpoint takes the others."""
    target: dict[str, Any] = {
        "PinpointDestination": {"ApplicationArn": f"arn:aws:mobiletargeting:{REGION}:{OWNER}:apps/a"}
    }
    _create(v2, MatchingEventTypes=["SEND"], **target)
    with refused("BadRequestException"):
        _update(v2, MatchingEventTypes=["SEND", event], **target)


def test_colons_in_dimension_names_work(v2: Any) -> None:
    """As in ses:source-ip."""
    _create(v2, MatchingEventTypes=["SEND"], **_dimensions(10, name="ses:source-ip{}"))

    assert len(_destinations(v2)) == 1


# --- SNS destinations --------------------------------------------------------------------------------------------------


def test_sns_destination_publishes_a_plain_text(aws: Any, v2: Any) -> None:
    """At creation and at update; the text is not JSON."""
    topic = aws.topic()
    _create(v2, MatchingEventTypes=["SEND"], SnsDestination={"TopicArn": topic})
    _update(v2, MatchingEventTypes=["OPEN"], SnsDestination={"TopicArn": topic})
    text = "Successfully validated SNS topic for Amazon SES event publishing."

    assert aws.sandbox.published == [(topic, text)] * 2


def test_topic_must_let_ses_publish(aws: Any, v2: Any, refused: Any) -> None:
    """The configuration set's ARN counts, not an identity's."""
    topic = aws.topic(account=DELEGATE)
    with refused("BadRequestException", f"Could not publish message to SNS topic <{topic}>."):
        _create(v2, MatchingEventTypes=["SEND"], SnsDestination={"TopicArn": topic})
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": "SNS:Publish",
        "Resource": topic,
        "Condition": {"StringEquals": {"AWS:SourceArn": f"arn:aws:ses:{REGION}:{OWNER}:configuration-set/tx"}},
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws("sns", DELEGATE).set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    _create(v2, MatchingEventTypes=["SEND"], SnsDestination={"TopicArn": topic})

    assert len(_destinations(v2)) == 1


def test_fifo_and_encrypted_topics_are_refused(aws: Any, v2: Any, refused: Any) -> None:
    """A FIFO topic, and one with the AWS-managed key."""
    fifo = aws("sns").create_topic(Name="q.fifo", Attributes={"FifoTopic": "true"})["TopicArn"]
    locked = aws("sns").create_topic(Name="t", Attributes={"KmsMasterKeyId": "alias/aws/sns"})["TopicArn"]
    for topic in (fifo, locked):
        with refused("BadRequestException"):
            _create(v2, MatchingEventTypes=["SEND"], SnsDestination={"TopicArn": topic})
