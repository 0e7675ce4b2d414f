"""AWS's quotas that shape what sesform does, as numbers.

Source: AWS developer guide, "Service quotas in Amazon SES"; SES API reference, GetIdentityNotificationAttributes.
"""

from __future__ import annotations

import math
from typing import Final

SES_CALLS_PER_SECOND: Final = 1.0  # for each account and region, v1 and v2 together; AWS does not raise it
IDENTITIES_PER_CALL: Final = 100  # in the v1 reads that take a list of identities
MAX_DESTINATIONS_PER_SET: Final = (
    10  # event destinations of a configuration set, and CloudWatch dimensions of a destination
)
RESOURCES_PER_PAGE: Final = 100  # of the Resource Groups Tagging API's GetResources (its API reference)

MAX_POLICIES_PER_IDENTITY: Final = 20  # sending authorization policies, whoever made them


def least_seconds(calls: int, rate: float | None = SES_CALLS_PER_SECOND) -> int:
    """The seconds that so many SES calls in one scope take at least at that pace, rounded up; None: no pace, no time."""
    return math.ceil(calls / rate) if rate else 0
