"""botocore's exceptions → AwsError and CredentialsError, with what to do about each."""

from __future__ import annotations

import re

from botocore import exceptions as boto

from sesform.errors import DENIED, AwsError, CredentialsError, SesformError

_HINTS = {
    "ExpiredToken": "log in again: the session's credentials have expired",
    "ExpiredTokenException": "log in again: the session's credentials have expired",
    "RequestExpired": "log in again, and check this machine's clock",
    "InvalidClientTokenId": "the access key does not exist (any more), or belongs to another partition",
    "UnrecognizedClientException": "the access key does not exist (any more), or belongs to another partition",
    "SignatureDoesNotMatch": "the secret access key does not belong to the access key, or this machine's clock is wrong",
    "RegionDisabledException": "turn the region on in this account, or remove it from the spec",
    "OptInRequired": "turn the region on in this account, or remove it from the spec",
}
_THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "Throttled", "ThrottledException", "TooManyRequestsException"}
)

# (pattern in AWS's text, what to do). Sources: boto/boto3#2645 (identity), terraform-provider-aws#26041 (principal),
# AWS developer guide, "Configuring Amazon SNS notifications" (topic policy and key policy).
_TEXTS = (
    (
        r"must be a verified email address or domain",
        "verify the identity in this account and region, or correct the spec's account or regions",
    ),
    (r"Invalid parameter: TopicArn", "the topic is of another region or partition: correct the reference"),
    (
        r"PrincipalNotFound|invalid principal",
        "the principal does not exist, is too new, or its account has the region turned off",
    ),
    (r"KMS|encrypted", "the key's policy must let ses.amazonaws.com use kms:GenerateDataKey and kms:Decrypt"),
    (
        r"could not publish|not authorized to publish|publish to (the )?SNS topic",
        "the topic's policy must let ses.amazonaws.com publish",
    ),
    (
        r"SNS topic .* (not found|does not exist|is invalid)",
        "create the topic in the same region, or correct the reference",
    ),
)

_CREDENTIALS = (
    (
        boto.NoCredentialsError,
        "no AWS credentials were found",
        "set a profile, a role or AWS_* variables, as for the AWS CLI",
    ),
    (boto.ProfileNotFound, None, "add the profile to the AWS configuration, or correct `credentials.profile`"),
    (boto.PartialCredentialsError, None, "set both the access key and the secret key"),
    (boto.TokenRetrievalError, None, "run `aws sso login`"),
    (boto.UnauthorizedSSOTokenError, None, "run `aws sso login`"),
    (boto.SSOTokenLoadError, None, "run `aws sso login`"),
    (boto.CredentialRetrievalError, None, "check the profile's credential_process, role or token file"),
    (boto.InfiniteLoopConfigError, None, "break the circle of source_profile entries"),
    (boto.InvalidConfigError, None, "correct the AWS configuration"),
    (boto.ConfigParseError, None, "correct the AWS configuration"),
)
_NO_CONNECTION = (boto.HTTPClientError, boto.ConnectionError, boto.SSLError, boto.ProxyConnectionError)
_NO_ANSWER = (boto.ReadTimeoutError, boto.ConnectionClosedError, boto.IncompleteReadError, boto.ResponseStreamingError)


def explain(error: Exception, operation: str, where: str) -> SesformError:
    """An exception of a call → ours. `operation` e.g. "ses:SetIdentityNotificationTopic", `where` e.g. "111111111111/eu-west-1"."""
    if isinstance(error, boto.ClientError):
        return _refused(error, operation, where)
    for kind, text, hint in _CREDENTIALS:
        if isinstance(error, kind):
            return CredentialsError(f"{where}: {text or error}; {hint}")
    if isinstance(error, FileNotFoundError):  # a web identity token file that is not there surfaces as this
        return CredentialsError(
            f"{where}: {error.filename}: no such file; check AWS_WEB_IDENTITY_TOKEN_FILE and the AWS configuration"
        )
    if isinstance(error, _NO_ANSWER):
        hint = "whether the call was carried out is unknown; plan again to see"
        return AwsError(str(error), operation=operation, where=where, hint=hint, maybe_done=True)
    if isinstance(error, _NO_CONNECTION):
        hint = "check the network, the proxy settings and AWS_ENDPOINT_URL"
        return AwsError(str(error), operation=operation, where=where, hint=hint)
    return AwsError(str(error), operation=operation, where=where)


def _refused(error: boto.ClientError, operation: str, where: str) -> AwsError:
    answer = error.response.get("Error", {})
    code, message = str(answer.get("Code", "")), str(answer.get("Message", ""))
    hint = _HINTS.get(code, "")
    if code in DENIED:
        hint = (
            f"these credentials lack {operation}"
            if not operation.startswith("sts:")
            else "the role's trust policy must let these credentials in"
        )
    if code in _THROTTLED:
        quota = "the quota of one SES call a second" if operation.startswith("ses:") else f"the quota of {operation}"
        hint = f"another program uses up {quota}; run sesform when it does not"
    for pattern, text in _TEXTS:
        if not hint and re.search(pattern, message, re.IGNORECASE):
            hint = text
    return AwsError(message, code=code, operation=operation, where=where, hint=hint)
