"""Building and parsing of ARNs."""

from __future__ import annotations

import pytest

from sesform.model import arns
from sesform.model.address import Scope
from sesform.model.arns import Arn


@pytest.mark.parametrize(
    ("expected", "region"),
    [
        ("aws", "eu-west-1"),
        ("aws", "us-east-1"),
        ("aws-cn", "cn-north-1"),
        ("aws-us-gov", "us-gov-west-1"),
        ("aws-eusc", "eusc-de-east-1"),
        ("aws-iso", "us-iso-east-1"),
        ("aws-iso-b", "us-isob-east-1"),
    ],
)
def test_the_region_determines_the_partition(expected: str, region: str) -> None:
    """The partition is derived from the region's name."""
    assert expected == arns.partition(region)


@pytest.mark.parametrize(
    ("expected", "made"),
    [
        ("arn:aws:sns:eu-west-1:111111111111:t", arns.topic(Scope("111111111111", "eu-west-1"), "t")),
        ("arn:aws-cn:sns:cn-north-1:111111111111:t", arns.topic(Scope("111111111111", "cn-north-1"), "t")),
        (
            "arn:aws-us-gov:ses:us-gov-west-1:111111111111:identity/a.com",
            arns.identity(Scope("111111111111", "us-gov-west-1"), "a.com"),
        ),
        (
            "arn:aws:ses:eu-west-1:111111111111:configuration-set/s",
            arns.configuration_set(Scope("111111111111", "eu-west-1"), "s"),
        ),
        (
            "arn:aws:events:eu-west-1:111111111111:event-bus/default",
            arns.event_bus(Scope("111111111111", "eu-west-1"), "default"),
        ),
        ("arn:aws-cn:iam::111111111111:root", arns.account_root("111111111111", "aws-cn")),
    ],
)
def test_arns_are_made_in_the_regions_partition(expected: str, made: str) -> None:
    """Each kind of ARN has AWS's format and the partition of its region."""
    assert expected == made


def test_a_parsed_arn_gives_the_same_text_again() -> None:
    """A parsed ARN has the same text form."""
    text = "arn:aws:ses:eu-west-1:111111111111:identity/a:b/c"

    assert Arn("aws", "ses", "eu-west-1", "111111111111", "identity/a:b/c") == arns.parse(text)
    assert text == str(arns.parse(text))


def test_an_arn_knows_its_scope() -> None:
    """The scope of an ARN consists of its account and its region."""
    arn = arns.parse("arn:aws:sns:eu-west-1:111111111111:t")

    assert arn is not None
    assert Scope("111111111111", "eu-west-1") == arn.scope


@pytest.mark.parametrize(
    "text",
    [
        "",
        "arn:aws:sns:eu-west-1:1111:t",
        "arn:aws:sns:eu-west-1:111111111111:",
        "arn:aws:sns:eu-west-1:111111111111:a b",
        "arn:aws:sns:eu-west-1:111111111111:t\n",
        "arn:gcp:sns:eu-west-1:111111111111:t",
        "xarn:aws:sns:eu-west-1:111111111111:t",
        "arn:aws:sns:eu-west-1",
    ],
)
def test_other_texts_are_no_arns(text: str) -> None:
    """Text that is not a complete ARN is not parsed as one."""
    assert arns.parse(text) is None


def test_an_arn_in_a_policy_is_escaped() -> None:
    """Characters that IAM interprets as wildcards or variables are escaped."""
    head = "arn:aws:ses:eu-west-1:111111111111:identity/"

    assert arns.literal(f"{head}a*${{b}}?@example.com") == head + "a${*}${$}{b}${?}@example.com"
    assert arns.literal(f"{head}example.com") == f"{head}example.com"
