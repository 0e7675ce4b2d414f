"""User agents name programs, as CloudTrail records them."""

from __future__ import annotations

import pytest

from sesform.model import user_agent

SDK_OF_TERRAFORM = "APN/1.0 HashiCorp/1.0 Terraform/1.11.4 (+https://www.terraform.io) aws-sdk-go-v2/1.36.3"


@pytest.mark.parametrize(
    ("text", "from_console", "expected"),
    [
        ("Botocore/1.40.1 md/awscrt ua/2.1 os/linux sesform/0.1.0", False, "sesform 0.1.0"),
        (SDK_OF_TERRAFORM, False, "Terraform 1.11.4"),
        ("aws-cli/2.17.3 md/awscrt#0.20.11 ua/2.0", False, "AWS CLI 2.17.3"),
        ("aws-cli/2.17.3 exec-env/CloudShell", True, "AWS CLI 2.17.3"),
        ("Boto3/1.44.5 md/Botocore#1.44.5 ua/2.1", False, "Boto3 1.44.5"),
        ("aws-sdk-go-v2/1.36.3 os/linux", False, "aws-sdk-go-v2 1.36.3"),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101", False, "the AWS console"),
        ("AWS Internal", True, "the AWS console"),
        ("cloudformation.amazonaws.com", False, "AWS CloudFormation"),
        ("config.amazonaws.com", False, "config.amazonaws.com"),
        ("[S3Console/0.4]", False, "S3Console 0.4"),
        ("my-sesform/2 x", False, "my-sesform 2"),
        ("x" * 500, False, "x" * 80),
        ("", False, ""),
    ],
)
def test_a_program_is_named(text: str, from_console: bool, expected: str) -> None:
    """The program that people know, not the library that it uses; the name is short."""
    assert expected == user_agent.program(text, from_console=from_console)
