"""Bulk reads that several resource types share: one call for a scope instead of one for a resource, wherever AWS has one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from sesform.errors import AwsError
from sesform.model.quotas import IDENTITIES_PER_CALL, RESOURCES_PER_PAGE
from sesform.model.values import OWNERSHIP_TAG
from sesform.resources.subscription import PENDING
from sesform.specs.declared import Declared, canonical_arn

if TYPE_CHECKING:
    from sesform.aws import Connection

DELETED = "Deleted"  # for some time after it was deleted (ansible/ansible#20086)


class Reader:
    """One pass over one connection. Each answer is read when first used, and kept.

    SES, SNS and tags each have a thread of their own, and no answer is used by two of them.
    """

    def __init__(self, connection: Connection, wanted: Iterable[Declared]) -> None:
        self.connection = connection
        self._wanted = tuple(wanted)
        self._suppression_options: dict[str, Mapping[str, Any] | None] = {}
        self._email_identities: dict[str, Mapping[str, Any]] = {}
        self._subscriptions: dict[str, Mapping[tuple[str, str], str]] = {}
        self._subscription_attributes: dict[str, Mapping[str, str]] = {}
        self._topics: dict[str, Mapping[str, str] | AwsError | None] = {}

    def _keys(self, name: str) -> list[str]:
        return list(dict.fromkeys(d.key[name] for d in self._wanted if name in d.key))

    @cached_property
    def notification_attributes(self) -> Mapping[str, Mapping[str, Any]]:
        """The attributes of the wanted identities, as `notification_attributes_of` returns them."""
        return self.notification_attributes_of(self._keys("identity"))

    def notification_attributes_of(self, identities: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the topics, header flags and forwarding of identities, by the name or ARN asked for, without unknown ones."""
        found: dict[str, Mapping[str, Any]] = {}
        for batch in batches(identities, IDENTITIES_PER_CALL):
            answer = self.connection.call("ses", "GetIdentityNotificationAttributes", Identities=batch)
            found.update(answer["NotificationAttributes"])
        return found

    @cached_property
    def event_destinations(self) -> Mapping[str, list[dict[str, Any]]]:
        """The event destinations of the wanted configuration sets, without sets that do not exist. One call for each set."""
        found: dict[str, list[dict[str, Any]]] = {}
        named = [
            d.desired["configuration_set"]
            for d in self._wanted
            if d.address.type == "default_configuration_set" and d.desired
        ]
        for name in dict.fromkeys([*self._keys("configuration_set"), *named]):
            try:
                answer = self.connection.call(
                    "sesv2", "GetConfigurationSetEventDestinations", ConfigurationSetName=name
                )
            except AwsError as error:
                if error.code != "NotFoundException":
                    raise
            else:
                found[name] = answer.get("EventDestinations", [])
        return found

    @cached_property
    def owners(self) -> Mapping[str, str]:
        """ARN → the spec that its ownership tag names, for all resources of the account in this region. One call for a hundred.

        Source: Resource Groups Tagging API reference, GetResources, and "Services that support the Resource Groups Tagging API".
        No resource type is named, because AWS refuses a filter that it does not know. The answer can be late, and can name
        resources that no longer exist ("previously tagged").
        """
        found: dict[str, str] = {}
        token: dict[str, str] = {}
        while True:
            page = self.connection.call(
                "resourcegroupstaggingapi",
                "GetResources",
                TagFilters=[{"Key": OWNERSHIP_TAG}],
                ResourcesPerPage=RESOURCES_PER_PAGE,
                **token,
            )
            for resource in page["ResourceTagMappingList"]:
                tags = {tag["Key"]: tag["Value"] for tag in resource["Tags"]}
                if OWNERSHIP_TAG in tags:
                    found[canonical_arn(resource["ResourceARN"])] = tags[OWNERSHIP_TAG]
            if not page.get("PaginationToken"):
                return found
            token = {"PaginationToken": page["PaginationToken"]}

    def suppression_options(self, name: str) -> Mapping[str, Any] | None:
        """Return the suppression options of a configuration set, None if it has none or does not exist. One call for each set."""
        if name not in self._suppression_options:
            try:
                answer = self.connection.call("sesv2", "GetConfigurationSet", ConfigurationSetName=name)
            except AwsError as error:
                if error.code != "NotFoundException":
                    raise
                answer = {}
            self._suppression_options[name] = answer.get("SuppressionOptions")
        return self._suppression_options[name]

    def topic_attributes(self, arn: str) -> Mapping[str, str] | None:
        """Return the attributes of a topic, None if it does not exist. One call for each topic. Raises AwsError."""
        if arn not in self._topics:
            try:
                self._topics[arn] = self.connection.call("sns", "GetTopicAttributes", TopicArn=arn)["Attributes"]
            except AwsError as error:
                self._topics[arn] = None if error.code in ("NotFound", "NotFoundException") else error
        answer = self._topics[arn]
        if isinstance(answer, AwsError):
            raise answer
        return answer

    def email_identity(self, name: str) -> Mapping[str, Any]:
        """Return SES v2's answer for an identity, with its policies and default set; {} if it does not exist.

        One call for each identity: no bulk call has these, so only identities that need them are read.
        """
        if name not in self._email_identities:
            try:
                self._email_identities[name] = self.connection.call("sesv2", "GetEmailIdentity", EmailIdentity=name)
            except AwsError as error:
                if error.code != "NotFoundException":
                    raise
                self._email_identities[name] = {}
        return self._email_identities[name]

    @property
    def email_identities(self) -> Mapping[str, Mapping[str, Any]]:
        """The answers to `email_identity` so far. Makes no call."""
        return self._email_identities

    def subscription_attributes(self, arn: str) -> Mapping[str, str]:
        """Return the attributes of a subscription; {} while it is pending, because SNS has none then. One call for each."""
        if arn not in self._subscription_attributes:
            answer = (
                {} if arn == PENDING else self.connection.call("sns", "GetSubscriptionAttributes", SubscriptionArn=arn)
            )
            self._subscription_attributes[arn] = answer.get("Attributes", {})
        return self._subscription_attributes[arn]

    def has_read(self, subscription_arn: str) -> bool:
        """Return whether a subscription's attributes were read: asking for them again makes no call."""
        return subscription_arn in self._subscription_attributes

    def subscriptions(self, topic_arn: str) -> Mapping[tuple[str, str], str]:
        """Return the subscriptions of a topic: (protocol, endpoint) → ARN or "PendingConfirmation"; {} if there is no topic."""
        if topic_arn not in self._subscriptions:
            found: dict[tuple[str, str], str] = {}
            token: dict[str, str] = {}
            while self.topic_attributes(topic_arn) is not None:
                page = self.connection.call("sns", "ListSubscriptionsByTopic", TopicArn=topic_arn, **token)
                for each in page["Subscriptions"]:
                    key, arn = (each["Protocol"], each["Endpoint"]), each["SubscriptionArn"]
                    if arn != DELETED and (arn != PENDING or key not in found):
                        found[key] = arn
                if not page.get("NextToken"):
                    break
                token = {"NextToken": page["NextToken"]}
            self._subscriptions[topic_arn] = found
        return self._subscriptions[topic_arn]


def batches(items: Sequence[str], size: int) -> Iterator[list[str]]:
    """Yield the items in lists of at most `size`."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
