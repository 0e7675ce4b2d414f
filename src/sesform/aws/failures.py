"""Convert botocore's exceptions to AwsError and CredentialsError, each with what to do."""

from __future__ import annotations

import re

from botocore import exceptions as boto
from botocore.parsers import ResponseParserError

from sesform.aws.retries import throttled
from sesform.errors import DENIED, AwsError, CredentialsError, SesformError

_HINTS = {
    "ExpiredToken": "the credentials of the session have expired; log in again",
    "ExpiredTokenException": "the credentials of the session have expired; log in again",
    "RequestExpired": "log in again, and check the clock of this machine",
    "InvalidClientTokenId": "the access key does not exist, or belongs to another partition; correct the credentials",
    "UnrecognizedClientException": "the access key does not exist, or belongs to another partition; correct the credentials",
    "SignatureDoesNotMatch": "the secret access key does not match the access key, or the clock of this machine is wrong",
    "RegionDisabledException": "enable the region in this account, or remove it from the spec",
    "OptInRequired": "enable the region in this account, or remove it from the spec",
}

# SES has one text for all of these causes. Sources: AWS developer guide of SES, "Configuring Amazon SNS notifications";
# ansible-collections/community.aws#150 and binxio/cfn-ses-provider#16 for the text.
_TOPIC_REFUSED = (
    "SES cannot publish to the topic. Make sure that it exists, in the same region, and is no FIFO topic; that its policy allows "
    "ses.amazonaws.com to publish for this identity; and, if it is encrypted, that the policy of its KMS key allows "
    "ses.amazonaws.com to use kms:GenerateDataKey and kms:Decrypt"
)

# AWS developer guide of SES, "Using sending authorization": configuration sets and topics that the owner sets replace the entries.
_FOREIGN_IDENTITY = (
    "the identity must exist in its own account. AWS makes no new notification settings for identities of other accounts: use a "
    "configuration set of your own, or let the owner of the identity set your topic"
)
_COULD_NOT_PUBLISH = r"could not publish|not authorized to publish|publish to (the )?SNS topic"

# (pattern in AWS's text, what to do). Sources: boto/boto3#2645 (identity), terraform-provider-aws#26041 (principal),
# AWS developer guide, "Configuring Amazon SNS notifications" (topic policy and key policy).
_TEXTS = (
    (
        r"Identity arn:\S+ is invalid. (It must|Must) be a verified email address or domain",
        _FOREIGN_IDENTITY,
    ),
    (
        r"must be a verified email address or domain",
        "verify the identity in this account and region, or correct the spec's account or regions",
    ),
    (
        r"Invalid parameter: TopicArn",
        "the topic is in another region or partition; correct the reference",
    ),
    (
        r"PrincipalNotFound|invalid principal",
        "a principal does not exist, was deleted or was created moments ago, or the region is disabled in its account",
    ),
    (r"^SNS topic \S* is invalid", _TOPIC_REFUSED),
    (r"KMS|encrypted", "the key's policy must allow ses.amazonaws.com to use kms:GenerateDataKey and kms:Decrypt"),
    (_COULD_NOT_PUBLISH, "the topic's policy must allow ses.amazonaws.com to publish"),
    (
        r"SNS topic .* (not found|does not exist)",
        "create the topic in the same region, or correct the reference",
    ),
)
_REFUSES_TOPIC = re.compile(rf"^SNS topic .* (is invalid|not found|does not exist)|{_COULD_NOT_PUBLISH}", re.IGNORECASE)

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
    (boto.InfiniteLoopConfigError, None, "remove the circle of source_profile entries"),
    (boto.InvalidConfigError, None, "correct the AWS configuration"),
    (boto.ConfigParseError, None, "correct the AWS configuration"),
)
_NO_CONNECTION = (boto.HTTPClientError, boto.ConnectionError, boto.SSLError, boto.ProxyConnectionError)
_NO_ANSWER = (boto.ReadTimeoutError, boto.ConnectionClosedError, boto.IncompleteReadError, boto.ResponseStreamingError)

_NOT_UNDERSTOOD = (
    ResponseParserError,
    AttributeError,
    KeyError,
    TypeError,
)  # botocore raises these for a malformed answer


def explain(error: Exception, operation: str, where: str) -> SesformError:
    """Return sesform's error for an exception of a call.

    `operation`: e.g. "ses:SetIdentityNotificationTopic". `where`: e.g. "111111111111/eu-west-1".
    """
    if isinstance(error, boto.ClientError):
        return _refused(error, operation, where)
    for kind, text, hint in _CREDENTIALS:
        if isinstance(error, kind):
            return CredentialsError(f"{where}: {text or error}; {hint}")
    if isinstance(error, FileNotFoundError):  # botocore raises this for a web identity token file that does not exist
        return CredentialsError(
            f"{where}: {error.filename} does not exist; check AWS_WEB_IDENTITY_TOKEN_FILE and the AWS configuration"
        )
    if isinstance(error, _NO_ANSWER):
        hint = "the call may have been carried out; plan again to see"
        return AwsError(str(error), operation=operation, where=where, hint=hint, maybe_done=True)
    if isinstance(error, _NO_CONNECTION):
        hint = "check the network, the proxy settings and AWS_ENDPOINT_URL"
        return AwsError(str(error), operation=operation, where=where, hint=hint)
    if isinstance(error, _NOT_UNDERSTOOD):
        text = f"the answer has an unexpected form ({type(error).__name__}: {error})"
        hint = "check the endpoint and the proxy that answer in AWS's place; the call may have been carried out"
        return AwsError(text, operation=operation, where=where, hint=hint, maybe_done=True)
    return AwsError(str(error), operation=operation, where=where)


def _refused(error: boto.ClientError, operation: str, where: str) -> AwsError:
    answer = error.response.get("Error", {})
    code, message = str(answer.get("Code", "")), str(answer.get("Message", ""))
    hint = _HINTS.get(code, "")
    if code in DENIED:
        hint = (
            f"these credentials lack the permission {operation}"
            if not operation.startswith("sts:")
            else "the role's trust policy must allow these credentials"
        )
    if throttled(error):
        quota = "the quota of one SES call a second" if operation.startswith("ses:") else f"the quota of {operation}"
        hint = f"another program uses {quota}; run sesform again when that program has finished"
    for pattern, text in _TEXTS:
        if not hint and re.search(pattern, message, re.IGNORECASE):
            hint = text
    refused = _REFUSES_TOPIC.search(message) is not None
    return AwsError(message, code=code, operation=operation, where=where, hint=hint, topic_refused=refused)
