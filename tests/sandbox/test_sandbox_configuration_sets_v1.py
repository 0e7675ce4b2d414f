"""Configuration sets and event destinations by version 1 of the API, on the store of version 2."""

from __future__ import annotations

from typing import Any

import pytest

OWNER, REGION = "111111111111", "eu-west-1"


@pytest.fixture
def v2(aws: Any) -> Any:
    client = aws("sesv2")
    client.create_configuration_set(ConfigurationSetName="tx")
    return client


@pytest.fixture
def v1(aws: Any) -> Any:
    return aws("ses")


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


def _dimensions(count: int, name: str = "d{}", default: str = "none") -> dict[str, Any]:
    dimensions = [
        {"DimensionName": name.format(n), "DimensionValueSource": "MESSAGE_TAG", "DefaultDimensionValue": default}
        for n in range(count)
    ]
    return {"CloudWatchDestination": {"DimensionConfigurations": dimensions}}


def _create_v1(v1: Any, name: str = "d1", **target: Any) -> None:
    definition = {"Name": name, "MatchingEventTypes": ["bounce", "renderingFailure"], **target}
    v1.create_configuration_set_event_destination(ConfigurationSetName="tx", EventDestination=definition)


def _describe(v1: Any, *names: str) -> dict[str, Any]:
    found = v1.describe_configuration_set(ConfigurationSetName="tx", ConfigurationSetAttributeNames=names)
    return {k: v for k, v in found.items() if k not in ("ResponseMetadata", "ConfigurationSet")}


def test_versions_share_the_sets(v2: Any, v1: Any) -> None:
    """A set made by one version is listed and deleted by the other."""
    v1.create_configuration_set(ConfigurationSet={"Name": "old"})

    assert v2.list_configuration_sets()["ConfigurationSets"] == ["old", "tx"]
    assert v1.list_configuration_sets()["ConfigurationSets"] == [{"Name": "old"}, {"Name": "tx"}]

    v1.delete_configuration_set(ConfigurationSetName="tx")

    assert v2.list_configuration_sets()["ConfigurationSets"] == ["old"]


def test_destination_of_version_1_in_version_2(aws: Any, v2: Any, v1: Any) -> None:
    """Spelled as version 2 has it."""
    _create_v1(v1, SNSDestination={"TopicARN": (topic := aws.topic())})

    assert _destinations(v2) == [
        {
            "Name": "d1",
            "Enabled": False,
            "MatchingEventTypes": ["BOUNCE", "RENDERING_FAILURE"],
            "SnsDestination": {"TopicArn": topic},
        }
    ]


def test_destinations_of_version_2_in_version_1(v2: Any, v1: Any) -> None:
    """In the spelling of version 1, without what it lacks."""
    _create(v2, "cw", MatchingEventTypes=["SEND", "SUBSCRIPTION"], **_dimensions(1))
    firehose = {
        "IamRoleArn": f"arn:aws:iam::{OWNER}:role/r",
        "DeliveryStreamArn": f"arn:aws:firehose:{REGION}:{OWNER}:deliverystream/s",
    }
    _create(v2, "fh", Enabled=True, MatchingEventTypes=["SEND"], KinesisFirehoseDestination=firehose)
    dimension = {"DimensionName": "d0", "DimensionValueSource": "messageTag", "DefaultDimensionValue": "none"}

    assert _describe(v1, "eventDestinations")["EventDestinations"] == [
        {
            "Name": "cw",
            "Enabled": False,
            "MatchingEventTypes": ["send"],
            "CloudWatchDestination": {"DimensionConfigurations": [dimension]},
        },
        {
            "Name": "fh",
            "Enabled": True,
            "MatchingEventTypes": ["send"],
            "KinesisFirehoseDestination": {
                "IAMRoleARN": firehose["IamRoleArn"],
                "DeliveryStreamARN": firehose["DeliveryStreamArn"],
            },
        },
    ]


def test_describe_shows_what_is_asked_for(v2: Any, v1: Any) -> None:
    """Options in version 1's words, and the three calls that change them."""
    v1.update_configuration_set_sending_enabled(ConfigurationSetName="tx", Enabled=False)
    v1.update_configuration_set_reputation_metrics_enabled(ConfigurationSetName="tx", Enabled=False)
    v1.put_configuration_set_delivery_options(ConfigurationSetName="tx", DeliveryOptions={"TlsPolicy": "Require"})

    assert _describe(v1) == {}
    assert _describe(v1, "deliveryOptions", "reputationOptions", "trackingOptions") == {
        "DeliveryOptions": {"TlsPolicy": "Require"},
        "ReputationOptions": {"SendingEnabled": False, "ReputationMetricsEnabled": False},
    }


def test_fresh_set_of_version_1(v2: Any, v1: Any) -> None:
    """It has no reputation metrics, unlike one of version 2, and neither has delivery options."""
    v1.create_configuration_set(ConfigurationSet={"Name": "old"})

    assert _get(v2, "old")["ReputationOptions"] == {"ReputationMetricsEnabled": False}
    assert _describe(v1, "deliveryOptions", "reputationOptions") == {
        "ReputationOptions": {"SendingEnabled": True, "ReputationMetricsEnabled": True}
    }


def test_errors_of_version_1(v2: Any, v1: Any, aws: Any, refused: Any) -> None:
    """Each code as version 1 has it."""
    sns: dict[str, Any] = {"SNSDestination": {"TopicARN": aws.topic()}}
    with refused("ConfigurationSetDoesNotExist", "Configuration set <no> does not exist."):
        v1.describe_configuration_set(ConfigurationSetName="no")
    with refused("ConfigurationSetAlreadyExists"):
        v1.create_configuration_set(ConfigurationSet={"Name": "tx"})
    with refused("InvalidConfigurationSet"):
        v1.create_configuration_set(ConfigurationSet={"Name": "a b"})
    _create_v1(v1, **sns)
    with refused("EventDestinationAlreadyExists"):
        _create_v1(v1, **sns)
    with refused("EventDestinationDoesNotExist"):
        v1.delete_configuration_set_event_destination(ConfigurationSetName="tx", EventDestinationName="no")
    with refused("InvalidCloudWatchDestination"):
        _create_v1(v1, "cw", CloudWatchDestination={"DimensionConfigurations": []})


def test_event_types_of_version_1(v2: Any, v1: Any, refused: Any) -> None:
    """Version 1 lacks two types, and says which there are."""
    with refused("ValidationError"):
        v1.create_configuration_set_event_destination(
            ConfigurationSetName="tx", EventDestination={"Name": "d", "MatchingEventTypes": ["deliveryDelay"]}
        )


def test_version_1_updates_and_deletes(v2: Any, v1: Any, aws: Any) -> None:
    """Update replaces, delete removes."""
    topic = aws.topic()
    _create_v1(v1, SNSDestination={"TopicARN": topic})
    definition = {"Name": "d1", "Enabled": True, "MatchingEventTypes": ["send"], "SNSDestination": {"TopicARN": topic}}
    v1.update_configuration_set_event_destination(ConfigurationSetName="tx", EventDestination=definition)

    assert _describe(v1, "eventDestinations")["EventDestinations"] == [definition]

    v1.delete_configuration_set_event_destination(ConfigurationSetName="tx", EventDestinationName="d1")

    assert _describe(v1, "eventDestinations")["EventDestinations"] == []


def test_missing_topic_is_refused(v2: Any, v1: Any, refused: Any) -> None:
    """BadRequestException in v2, InvalidSNSDestination in v1, one text."""
    topic = f"arn:aws:sns:{REGION}:{OWNER}:no"
    with refused("BadRequestException", f"SNS topic <{topic}> not found."):
        _create(v2, MatchingEventTypes=["SEND"], SnsDestination={"TopicArn": topic})
    with refused("InvalidSNSDestination", f"SNS topic <{topic}> not found."):
        _create_v1(v1, SNSDestination={"TopicARN": topic})
