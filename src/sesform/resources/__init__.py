"""The resource types, one file each. Adding one is a new file and a line in RESOURCES."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Final

from sesform.model.address import Address, Scope
from sesform.model.values import Properties
from sesform.resources.configuration_set import ConfigurationSet
from sesform.resources.default_configuration_set import DefaultConfigurationSet
from sesform.resources.event_destination import EventDestination
from sesform.resources.feedback_forwarding import FeedbackForwarding
from sesform.resources.notification_headers import NotificationHeaders
from sesform.resources.notification_topic import NotificationTopic
from sesform.resources.ownership_tag import OwnershipTag
from sesform.resources.resource_type import Permission, Phase, ResourceType
from sesform.resources.sending_policy import SendingPolicy
from sesform.resources.subscription import Subscription
from sesform.resources.suppression_options import SuppressionOptions
from sesform.resources.topic import Topic
from sesform.resources.topic_policy import TopicPolicy
from sesform.specs.declared import Declared, Key

# The order of creation within a phase; removals are in reverse order.
RESOURCES: Final[Mapping[str, ResourceType]] = {
    "topic": Topic(),
    "topic_policy": TopicPolicy(),
    "subscription": Subscription(),
    "configuration_set": ConfigurationSet(),
    "suppression_options": SuppressionOptions(),
    "event_destination": EventDestination(),
    "default_configuration_set": DefaultConfigurationSet(),
    "notification_topic": NotificationTopic(),
    "notification_headers": NotificationHeaders(),
    "feedback_forwarding": FeedbackForwarding(),
    "sending_policy": SendingPolicy(),
    "ownership_tag": OwnershipTag(),
}


def without_settings(declared: Iterable[Declared]) -> dict[tuple[Scope, str], list[Address]]:
    """Return the identities that keep no setting, by scope and name, with the addresses of their absent settings."""
    kept: set[tuple[Scope, str]] = set()
    found: dict[tuple[Scope, str], list[Address]] = defaultdict(list)
    for each in declared:
        kind = RESOURCES[each.address.type]
        identity = kind.identity(each.key)
        if not identity or identity.startswith("arn:"):
            continue
        if each.desired not in (None, kind.absent(each.key)):
            kept.add((each.scope, identity))
        elif each.desired is None:
            found[each.scope, identity].append(each.address)
    return {key: addresses for key, addresses in found.items() if key not in kept}


def aws_key(kind: str, scope: Scope, properties: Properties) -> Key:
    """Return what identifies a resource in AWS: the same as `Declared.aws_key` of its declaration."""
    return kind, scope, tuple([str(properties[name]) for name in RESOURCES[kind].key])


__all__ = ["RESOURCES", "Permission", "Phase", "ResourceType", "aws_key"]
