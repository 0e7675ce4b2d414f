"""The quotas of AWS that sesform respects.

Source: AWS developer guide, "Service quotas in Amazon SES"; SES API reference, GetIdentityNotificationAttributes.
"""

from __future__ import annotations

import math
from typing import Final

SES_CALLS_PER_SECOND: Final = 1.0  # in each account and region, v1 and v2 together; AWS does not increase it
IDENTITIES_PER_CALL: Final = 100  # in the v1 reads that accept a list of identities
MAX_DESTINATIONS_PER_SET: Final = 10  # also the CloudWatch dimensions of a destination
RESOURCES_PER_PAGE: Final = 100  # of GetResources (Resource Groups Tagging API reference)

MAX_POLICIES_PER_IDENTITY: Final = 20  # sending authorization policies, whoever created them


def least_seconds(calls: int, rate: float | None = SES_CALLS_PER_SECOND) -> int:
    """Return the least number of seconds for this many SES calls in one scope, rounded up; 0 without a rate."""
    return math.ceil(calls / rate) if rate else 0
