"""The Resource Groups Tagging API: GetResources over the sandbox's own topics, configuration sets and identities."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from sesform_sandbox import Sandbox, SandboxServer

SPEC = {"Key": "sesform:spec", "Value": "corp"}
TAGGING: Any = "resourcegroupstaggingapi"


@pytest.fixture
def tagged(aws: Any) -> list[str]:
    """A topic, a set and an identity with a tag, and as many without; the ARNs of those with it, in order."""
    aws.identity("plain.example.com")
    aws.topic("plain")
    ses, sns, identity, topic = aws("sesv2"), aws("sns"), aws.identity(), aws.topic()
    ses.create_configuration_set(ConfigurationSetName="main", Tags=[SPEC, {"Key": "team", "Value": "mail"}])
    ses.tag_resource(ResourceArn=identity, Tags=[SPEC])
    sns.tag_resource(ResourceArn=topic, Tags=[SPEC])
    return ["arn:aws:ses:eu-west-1:111111111111:configuration-set/main", identity, topic]


def arns(aws: Any, **params: Any) -> list[str]:
    return [r["ResourceARN"] for r in aws(TAGGING).get_resources(**params)["ResourceTagMappingList"]]


def test_what_has_tags_is_listed_with_all_of_them(aws: Any, tagged: list[str]) -> None:
    """Things without tags are not; each has all its tags, whatever was asked for."""
    found = aws(TAGGING).get_resources(TagFilters=[{"Key": "sesform:spec"}])

    assert tagged == [r["ResourceARN"] for r in found["ResourceTagMappingList"]]
    assert [SPEC, {"Key": "team", "Value": "mail"}] == found["ResourceTagMappingList"][0]["Tags"]
    assert "" == found["PaginationToken"]


def test_filters_narrow_by_tag_and_by_type(aws: Any, tagged: list[str]) -> None:
    """Several filters must all hold, of several values and types one; types are services or kinds within them."""
    configuration_set, identity, topic = tagged

    assert [configuration_set] == arns(
        aws, TagFilters=[{"Key": "sesform:spec"}, {"Key": "team", "Values": ["x", "mail"]}]
    )
    assert [] == arns(aws, TagFilters=[{"Key": "sesform:spec", "Values": ["other"]}])
    assert [topic] == arns(aws, ResourceTypeFilters=["sns"])
    assert [identity, topic] == arns(aws, ResourceTypeFilters=["ses:identity", "sns", "ec2:instance"])
    assert [identity] == arns(aws, ResourceARNList=[identity])


def test_pages_are_followed_by_their_tokens(aws: Any, tagged: list[str]) -> None:
    """Each page says where the next begins; the last says nothing."""
    paginator = aws(TAGGING).get_paginator("get_resources")
    pages = list(paginator.paginate(ResourcesPerPage=1))

    assert [[arn] for arn in tagged] == [[r["ResourceARN"] for r in p["ResourceTagMappingList"]] for p in pages]


def test_accounts_and_regions_see_their_own(aws: Any, tagged: list[str]) -> None:
    """Tags of one account are not visible to another."""
    assert [] == aws(TAGGING, "222222222222").get_resources()["ResourceTagMappingList"]
    assert [] == aws(TAGGING, "111111111111", "us-east-1").get_resources()["ResourceTagMappingList"]


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"ResourcesPerPage": 101}, "InvalidParameterException"),
        ({"ResourceARNList": ["arn:x"], "ResourceTypeFilters": ["sns"]}, "InvalidParameterException"),
        ({"PaginationToken": "a"}, "PaginationTokenExpiredException"),
    ],
)
def test_what_makes_no_sense_is_refused(aws: Any, refused: Any, params: dict[str, Any], code: str) -> None:
    """Too large a page, a list beside filters, an unknown token."""
    with refused(code):
        aws(TAGGING).get_resources(**params)


def test_operations_that_it_lacks_are_refused(aws: Any, refused: Any) -> None:
    """It is said, not answered with nothing."""
    with refused("InvalidAction", "sandbox: tagging:GetTagKeys is not emulated"):
        aws(TAGGING).get_tag_keys()


def test_it_is_served_over_http(sandbox: Sandbox, aws: Any, tagged: list[str]) -> None:
    """The AWS CLI and others reach it as they do SES."""
    with SandboxServer(sandbox) as server:
        session = boto3.Session("111111111111", "x", region_name="eu-west-1")
        client = session.client(TAGGING, endpoint_url=server.url)

        assert tagged == [r["ResourceARN"] for r in client.get_resources()["ResourceTagMappingList"]]


@pytest.mark.parametrize("service", ["ses", "sns"])
def test_fifty_tags_are_the_most(aws: Any, refused: Any, tagged: list[str], service: str) -> None:
    """A resource accepts no more than the quota of tags; existing tags stay."""
    arn = next(a for a in tagged if f":{service}:" in a)
    client = aws("sns" if service == "sns" else "sesv2")
    client.tag_resource(ResourceArn=arn, Tags=[{"Key": f"t{i}", "Value": ""} for i in range(48)])
    with refused("TagLimitExceeded" if service == "sns" else "BadRequestException"):
        client.tag_resource(ResourceArn=arn, Tags=[{"Key": f"u{i}", "Value": ""} for i in range(2)])

    assert len(aws(TAGGING).get_resources(ResourceARNList=[arn])["ResourceTagMappingList"][0]["Tags"]) <= 50
