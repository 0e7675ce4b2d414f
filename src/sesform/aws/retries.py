"""Which failed calls are sent again, and for how long.

- **Throttled**: as long as AWS accepts other calls of the same quota, and 10 minutes more. Another program may use the quota.
- **Transient** faults of AWS or the network: six attempts.
- **Not yet**: answers that AWS gives while a change is not visible everywhere. They are retried for two minutes, only where this
  run made the change or a new IAM principal can be the cause, and only for texts that were seen on AWS.
"""

from __future__ import annotations

import random
import re
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from botocore import exceptions as boto

from sesform.aws.pacing import Timer
from sesform.model import arns

MAX_ATTEMPTS = 6  # for transient faults
MAX_STARVATION = 600.0  # seconds without any accepted call before a throttled one fails
MAX_SPREADING = 120.0  # seconds: Terraform's AWS provider waits as long for a principal (terraform-provider-aws#26041)
_MAX_PAUSE = 20.0

_THROTTLED = frozenset(
    {"Throttling", "ThrottlingException", "Throttled", "ThrottledException", "TooManyRequestsException"}
)
_TRANSIENT = frozenset({"RequestTimeout", "RequestTimeoutException", "PriorRequestNotComplete"})
_SERVER_FAULTS = frozenset({500, 502, 503, 504})

Params = Mapping[str, Any]


class ChangedTopics:
    """The topics that this run created, or whose attributes it set, and when. Safe to use from several threads."""

    def __init__(self, timer: Timer) -> None:
        self._timer = timer
        self._lock = threading.Lock()
        self._at: dict[str, float] = {}

    def note(self, operation: str, params: Params, answer: Params) -> None:
        """Record a call to SNS, once before it is sent, in case its answer is lost, and once with its answer."""
        if operation in ("CreateTopic", "SetTopicAttributes"):
            arn = answer.get("TopicArn") or params.get("TopicArn")
            with self._lock:
                self._at.update({str(arn): self._timer.now()} if arn else {})

    def recent(self, arn: str) -> bool:
        """Whether a change of the topic by this run may not be visible everywhere yet."""
        with self._lock:
            at = self._at.get(arn)
        return at is not None and self._timer.now() - at < MAX_SPREADING


class _NotYet(NamedTuple):
    """An answer that may change soon. `can_heal`: whether waiting can help, by the parameters of the call."""

    operations: tuple[str, ...]
    codes: tuple[str, ...]
    text: str  # a regular expression for AWS's text
    can_heal: Callable[[Params, ChangedTopics], bool]


def _topic_changed(params: Params, changed: ChangedTopics) -> bool:
    return changed.recent(params.get("SnsTopic", ""))


def _target_changed(params: Params, changed: ChangedTopics) -> bool:
    return changed.recent(params["EventDestination"].get("SnsDestination", {}).get("TopicArn", ""))


def _principal_may_be_new(params: Params, _: ChangedTopics) -> bool:
    """Whether the policy names a user or role, which may be new, and no deleted one, which AWS refuses for good."""
    names = re.findall(r'"((?:arn:|A)[^"]*)"', str(params.get("Policy") or params.get("AttributeValue")))
    return any(map(arns.is_iam_principal, names)) and not any(map(arns.is_deleted_principal, names))


_NOT_YET = (
    # "SNS topic … is invalid." for each reason why SES cannot publish to a topic: for "" in ansible-collections/community.aws#150,
    # for a key in binxio/cfn-ses-provider#16.
    _NotYet(
        ("SetIdentityNotificationTopic",), ("InvalidParameterValue",), r"^SNS topic \S* is invalid", _topic_changed
    ),
    # Seen for a topic's policy and its key, in READMEs of public Terraform modules for SES event destinations.
    _NotYet(
        ("CreateConfigurationSetEventDestination", "UpdateConfigurationSetEventDestination"),
        ("BadRequestException",),
        r"Could not publish message to SNS topic",
        _target_changed,
    ),
    # hashicorp/terraform-provider-aws#26041, hashicorp/terraform#31538.
    _NotYet(("SetTopicAttributes",), ("InvalidParameter",), r"PrincipalNotFound", _principal_may_be_new),
    # hashicorp/terraform-provider-aws#22549.
    _NotYet(
        ("CreateEmailIdentityPolicy", "UpdateEmailIdentityPolicy"),
        ("BadRequestException", "InvalidPolicy"),
        r"Policy contains an invalid principal",
        _principal_may_be_new,
    ),
)


def throttled(error: Exception) -> bool:
    """Return whether AWS refused the call because a quota is used up."""
    return _code(error) in _THROTTLED or _status(error) == 429


def transient(error: Exception) -> bool:
    """Return whether AWS or the network failed, rather than refused. The call may have been carried out."""
    # As botocore's standard mode; botocore.retries.standard, TransientRetryableChecker.
    return (
        isinstance(error, boto.ConnectionError | boto.HTTPClientError)
        or _code(error) in _TRANSIENT
        or _status(error) in _SERVER_FAULTS
    )


def not_yet(error: Exception, operation: str, params: Params, changed: ChangedTopics) -> bool:
    """Return whether AWS may accept the same call in a moment, because a change is not visible everywhere yet."""
    return any(
        operation in rule.operations
        and _code(error) in rule.codes
        and re.search(rule.text, _text(error)) is not None
        and rule.can_heal(params, changed)
        for rule in _NOT_YET
    )


def pause(attempt: int) -> float:
    """Return the seconds to wait after this attempt, counted from 1: exponential, with jitter, at most 20."""
    return random.uniform(0.5, 1.0) * min(float(2 ** min(attempt - 1, 10)), _MAX_PAUSE)


def _answer(error: Exception) -> Mapping[str, Any]:
    return error.response if isinstance(error, boto.ClientError) else {}


def _code(error: Exception) -> str:
    return str(_answer(error).get("Error", {}).get("Code", ""))


def _text(error: Exception) -> str:
    return str(_answer(error).get("Error", {}).get("Message", ""))


def _status(error: Exception) -> int:
    return int(_answer(error).get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
