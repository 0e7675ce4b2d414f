"""Exceptions of botocore are converted to errors with a hint."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import exceptions as boto

from sesform.aws.failures import explain
from sesform.errors import AwsError, CredentialsError

WHERE = "111111111111/eu-west-1"
LOG_IN = "the credentials of the session have expired; log in again"
QUOTA = "another program uses the quota of one SES call a second; run sesform again when that program has finished"
KEY = "the access key does not exist, or belongs to another partition; correct the credentials"
REGION = "enable the region in this account, or remove it from the spec"
IDENTITY = "verify the identity in this account and region, or correct the spec's account or regions"
WRONG_REGION = "the topic is in another region or partition; correct the reference"
PRINCIPAL = (
    "a principal does not exist, was deleted or was created moments ago, or the region is disabled in its account"
)
KMS = "the key's policy must allow ses.amazonaws.com to use kms:GenerateDataKey and kms:Decrypt"
PUBLISH = "the topic's policy must allow ses.amazonaws.com to publish"
TOPIC = "create the topic in the same region, or correct the reference"

REFUSED = (
    "SES cannot publish to the topic. Make sure that it exists, in the same region, and is no FIFO topic; that its policy allows "
    "ses.amazonaws.com to publish for this identity; and, if it is encrypted, that the policy of its KMS key allows "
    "ses.amazonaws.com to use kms:GenerateDataKey and kms:Decrypt"
)


def refusal(code: str, message: str = "no") -> boto.ClientError:
    response: Any = {"Error": {"Code": code, "Message": message}}
    return boto.ClientError(response, "Op")


def explained(error: Exception, operation: str = "ses:Op") -> AwsError:
    ours = explain(error, operation, WHERE)
    assert isinstance(ours, AwsError)
    return ours


@pytest.mark.parametrize(
    ("expected", "code"),
    [
        (LOG_IN, "ExpiredToken"),
        (LOG_IN, "ExpiredTokenException"),
        ("log in again, and check the clock of this machine", "RequestExpired"),
        (KEY, "InvalidClientTokenId"),
        (KEY, "UnrecognizedClientException"),
        (
            "the secret access key does not match the access key, or the clock of this machine is wrong",
            "SignatureDoesNotMatch",
        ),
        (QUOTA, "Throttling"),
        (QUOTA, "ThrottlingException"),
        (QUOTA, "TooManyRequestsException"),
        (REGION, "RegionDisabledException"),
        (REGION, "OptInRequired"),
        ("these credentials lack the permission ses:Op", "AccessDenied"),
        ("these credentials lack the permission ses:Op", "AccessDeniedException"),
        ("these credentials lack the permission ses:Op", "AuthorizationError"),
        ("these credentials lack the permission ses:Op", "UnauthorizedOperation"),
        ("", "SomethingNew"),
        ("", ""),
    ],
)
def test_each_code_has_its_hint(expected: str, code: str) -> None:
    """The error explains known codes of AWS; an unknown code has no hint."""
    assert expected == explained(refusal(code)).hint


@pytest.mark.parametrize(
    ("operation", "code"), [("kms:DescribeKey", "ThrottlingException"), ("sns:Subscribe", "Throttled")]
)
def test_only_ses_has_the_quota_of_one_call_a_second(operation: str, code: str) -> None:
    """The hint names the quota that was exceeded."""
    expected = f"another program uses the quota of {operation}; run sesform again when that program has finished"

    assert expected == explained(refusal(code), operation).hint


@pytest.mark.parametrize(
    ("expected", "code", "message"),
    [
        (IDENTITY, "InvalidParameterValue", "Identity a.com is invalid. Must be a verified email address or domain."),
        (IDENTITY, "BadRequestException", "It must be a verified email address or domain."),
        (WRONG_REGION, "InvalidParameter", "Invalid parameter: TopicArn"),
        (PRINCIPAL, "InvalidParameter", "Invalid parameter: Policy Error: PrincipalNotFound"),
        (PRINCIPAL, "MalformedPolicy", "Invalid principal in policy"),
        (KMS, "InvalidSNSDestination", "Access denied to KMS key arn:aws:kms:eu-west-1:111111111111:key/k"),
        (PUBLISH, "InvalidSNSDestination", "Could not publish message to SNS topic <arn>."),
        (PUBLISH, "InvalidParameterValue", "Not authorized to publish to topic"),
        (TOPIC, "InvalidSNSDestination", "SNS topic <arn:aws:sns:eu-west-1:111111111111:t> not found."),
        (REFUSED, "InvalidParameterValue", "SNS topic  is invalid."),
        (REFUSED, "InvalidParameterValue", "SNS topic arn:aws:sns:eu-west-1:222222222222:kms is invalid."),
        ("", "InvalidParameterValue", "Something else"),
    ],
)
def test_each_text_has_its_hint(expected: str, code: str, message: str) -> None:
    """The message of AWS selects the hint if the code is too general."""
    assert expected == explained(refusal(code, message)).hint


def test_the_code_has_priority_over_the_text() -> None:
    """A denied call has the hint for a denial, whatever its message contains."""
    error = refusal("AccessDenied", "not authorized to publish to SNS topic")

    assert explained(error, "sns:Publish").hint == "these credentials lack the permission sns:Publish"


def test_a_role_that_cannot_be_assumed_has_a_hint_about_its_trust_policy() -> None:
    """The hint for a denied AssumeRole names the trust policy of the role."""
    assert (
        explained(refusal("AccessDenied"), "sts:AssumeRole").hint
        == "the role's trust policy must allow these credentials"
    )


def test_an_error_keeps_the_code_and_text_of_aws() -> None:
    """The error has the code, text, operation and scope as attributes and in its message."""
    error = explained(refusal("Throttling", "Rate exceeded"))

    assert (
        error.code,
        error.message,
        error.operation,
        error.where,
        error.maybe_done,
    ) == ("Throttling", "Rate exceeded", "ses:Op", WHERE, False)
    assert f"ses:Op in {WHERE}: Throttling: Rate exceeded; {QUOTA}" == str(error)


def test_a_failed_answer_without_an_error_code_is_an_error() -> None:
    """The failed answer of a proxy is an error without a traceback."""
    response: Any = {}

    assert (
        explained(boto.ClientError(response, "Op")).code,
        explained(boto.ClientError(response, "Op")).message,
    ) == ("", "")


@pytest.mark.parametrize(
    ("expected", "error"),
    [
        (
            f"{WHERE}: no AWS credentials were found; set a profile, a role or AWS_* variables, as for the AWS CLI",
            boto.NoCredentialsError(),
        ),
        (
            (
                f"{WHERE}: The config profile (p) could not be found; add the profile to the AWS configuration, or correct "
                "`credentials.profile`"
            ),
            boto.ProfileNotFound(profile="p"),
        ),
        (
            (
                f"{WHERE}: Partial credentials found in env, missing: AWS_SECRET_ACCESS_KEY; "
                "set both the access key and the secret key"
            ),
            boto.PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"),
        ),
        (
            f"{WHERE}: Error when retrieving token from sso: expired; run `aws sso login`",
            boto.TokenRetrievalError(provider="sso", error_msg="expired"),
        ),
        (
            f"{WHERE}: Error when retrieving credentials from x: y; check the profile's credential_process, role or token file",
            boto.CredentialRetrievalError(provider="x", error_msg="y"),
        ),
        (
            f"{WHERE}: Unable to parse config file: f; correct the AWS configuration",
            boto.ConfigParseError(path="f", error="e"),
        ),
        (
            f"{WHERE}: token does not exist; check AWS_WEB_IDENTITY_TOKEN_FILE and the AWS configuration",
            FileNotFoundError(2, "No such file or directory", "token"),
        ),
    ],
)
def test_unusable_credentials_are_an_error_with_a_hint(expected: str, error: Exception) -> None:
    """Missing or invalid credentials are an error that says how to correct them."""
    ours = explain(error, "ses:Op", WHERE)

    assert (CredentialsError, expected) == (type(ours), str(ours))


@pytest.mark.parametrize(
    "kind",
    [boto.UnauthorizedSSOTokenError, boto.SSOTokenLoadError, boto.InfiniteLoopConfigError, boto.InvalidConfigError],
)
def test_other_credential_failures_are_credential_errors(kind: type[Exception]) -> None:
    """Each credential exception of botocore is a credentials error, not an error of AWS."""
    error = kind.__new__(kind)

    assert isinstance(explain(error, "ses:Op", WHERE), CredentialsError)


@pytest.mark.parametrize(
    "error",
    [
        boto.ReadTimeoutError(endpoint_url="https://x", error="e"),
        boto.ConnectionClosedError(endpoint_url="https://x"),
        boto.IncompleteReadError(actual_bytes=1, expected_bytes=2),
        boto.ResponseStreamingError(error="e"),
    ],
)
def test_the_result_of_a_call_without_an_answer_is_unknown(error: Exception) -> None:
    """If a call was sent and no answer came, its result is unknown."""
    ours = explained(error)

    assert (ours.maybe_done, ours.hint) == (True, "the call may have been carried out; plan again to see")


@pytest.mark.parametrize(
    "error",
    [
        boto.EndpointConnectionError(endpoint_url="https://x", error="e"),
        boto.ConnectTimeoutError(endpoint_url="https://x", error="e"),
        boto.HTTPClientError(error="e"),
        ValueError("e"),
    ],
)
def test_a_call_that_was_not_sent_was_not_carried_out(error: Exception) -> None:
    """If no connection was made, AWS did not carry out the call."""
    assert explained(error).maybe_done is False


@pytest.mark.parametrize(
    "kind", [boto.EndpointConnectionError, boto.ConnectTimeoutError, boto.ProxyConnectionError, boto.SSLError]
)
def test_a_failed_connection_has_a_hint(kind: type[boto.BotoCoreError]) -> None:
    """The error for a failed connection says what to check."""
    error = kind(endpoint_url="https://x", proxy_url="p", error="e")

    assert "check the network, the proxy settings and AWS_ENDPOINT_URL" == explained(error).hint
