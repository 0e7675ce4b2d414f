"""The quotas of AWS that sesform respects.

Source: AWS developer guide, "Service quotas in Amazon SES"; SES API reference, GetIdentityNotificationAttributes; CloudTrail API
reference, LookupEvents.
"""

from __future__ import annotations

import math
from typing import Final, NamedTuple

SES_CALLS_PER_SECOND: Final = 1.0  # in each account and region, v1 and v2 together; AWS does not increase it
SES_SENDS_PER_SECOND: Final = 1.0  # the least that an account may send: in SES's own sandbox
IDENTITIES_PER_CALL: Final = 100  # in the v1 reads that accept a list of identities
MAX_DESTINATIONS_PER_SET: Final = 10  # also the CloudWatch dimensions of a destination
LOOKUP: Final = "cloudtrail:LookupEvents"
LOOKUPS_PER_SECOND: Final = 2.0  # in each account and region
EVENTS_PER_LOOKUP: Final = 50
MAX_LOOKUP_DAYS: Final = 90  # CloudTrail forgets older events
DEFAULT_BLAME_DAYS: Final = 7  # how far back `drift --blame` looks
RESOURCES_PER_PAGE: Final = 100  # of GetResources (Resource Groups Tagging API reference)

MAX_POLICIES_PER_IDENTITY: Final = 20  # sending authorization policies, whoever created them


class Cost(NamedTuple):
    """The calls of a run in a scope, with repeated ones: to SES, to other services, and how many of all AWS throttled.

    `lookups`: in CloudTrail, which do not count as those to other services.
    """

    ses: int = 0
    others: int = 0
    throttled: int = 0
    lookups: int = 0


class CallProgress(NamedTuple):
    """How far the reads of SES in a scope are.

    `ended`: calls that have their final answer; a repeated one counts once. `expected`: these and the ones that are known to
    follow. `seconds`: the time between two calls at the present rate, None if they are not paced.
    """

    ended: int = 0
    expected: int = 0
    seconds: float | None = None


def is_send(operation: str) -> bool:
    """Return whether an operation, in IAM's terms, sends mail, which has a quota of its own."""
    return operation.startswith("ses:Send")


def paced(operation: str) -> bool:
    """Return whether an operation, in IAM's terms, counts against the quota of calls to SES."""
    return operation.startswith("ses:") and not is_send(operation)


def least_seconds(calls: int, rate: float | None = SES_CALLS_PER_SECOND) -> int:
    """Return the least number of seconds for this many SES calls in one scope, rounded up; 0 without a rate."""
    return math.ceil(calls / rate) if rate else 0
