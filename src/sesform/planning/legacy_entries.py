"""Legacy cross-account entries: notification topics that an account holds for an identity of another account.

AWS makes no new ones. Source: AWS developer guide of SES, "Using sending authorization": configuration sets of the delegate, and
topics of the delegate that the owner sets, have replaced them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sesform.model import arns
from sesform.planning.handover import MAX_NAME, destination_names


def replacements(identity_arn: str, topics: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return spec lines, as data, of the two methods that replace an entry. `topics`: its topic ARNs by notification type.

    First the lines of the configuration set, for the spec of the account that holds the entry. Then the lines for the spec of the
    identity's owner, and those for the topics that the owner sets.
    """
    name = arns.resource(identity_arn).removeprefix("identity/")
    destinations = {
        destination: {"events": [type_ for type_, of in topics.items() if of == topic], "sns": topic}
        for topic, destination in destination_names(topics.values()).items()
    }
    set_name = re.sub(r"[^A-Za-z0-9_-]", "-", name)[:MAX_NAME]
    return (
        {"configuration_sets": {set_name: {"event_destinations": destinations}}},
        {"identities": {name: {"notifications": dict(topics)}}},
        {"topics": {arns.resource(topic): {"publishers": [identity_arn]} for topic in topics.values()}},
    )
