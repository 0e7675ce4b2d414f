"""Bulk reads that several resource types share: one call for a scope instead of one for a resource, wherever AWS has one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import cached_property, partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from sesform.errors import AwsError, understood
from sesform.model.quotas import IDENTITIES_PER_CALL, RESOURCES_PER_PAGE
from sesform.model.values import OWNERSHIP_TAG
from sesform.resources.subscription import PENDING
from sesform.specs.declared import Declared, canonical_arn

if TYPE_CHECKING:
    from sesform.aws import Answers, Connection

_NO_SUCH = ("NotFoundException",)
DELETED = "Deleted"  # for some time after it was deleted (ansible/ansible#20086)


class Reader:
    """One pass over one connection. Each answer, or AWS's refusal, is read when first used, and kept.

    SES, SNS and tags each have a pass of their own. `answers`: those of earlier readers, not asked for again.
    """

    def __init__(self, connection: Connection, wanted: Iterable[Declared], answers: Answers | None = None) -> None:
        self.connection = connection
        self._wanted = tuple(wanted)
        self._kept: dict[tuple[str, ...], Any] = {} if answers is None else answers.of(connection)

    def _ask(self, *key: str, absent: tuple[str, ...] = (), of: Callable[[], Any]) -> Any:
        """Return the kept answer with this key, asked for at first; None after an error with one of the codes `absent`."""
        if key not in self._kept:
            try:
                with understood():
                    self._kept[key] = of()
            except AwsError as error:
                self._kept[key] = None if error.code in absent else error
        if isinstance(self._kept[key], AwsError):
            raise self._kept[key]
        return self._kept[key]

    def _keys(self, name: str) -> list[str]:
        return list(dict.fromkeys(d.key[name] for d in self._wanted if name in d.key))

    # The iterators `..._ahead` yield before each call that they make, so that it can be made in a turn of its own. They raise
    # nothing: a refusal is kept with the answers.

    def attributes_ahead(self, identities: Sequence[str] | None = None) -> Iterator[None]:
        wanted = self._keys("identity") if identities is None else identities
        for batch in batches(wanted, IDENTITIES_PER_CALL):
            yield from self._ahead(("attributes", *batch), partial(self._attributes, batch))

    def destinations_ahead(self) -> Iterator[None]:
        for name in self._sets():
            yield from self._ahead(("destinations", name), partial(self._destinations, name))

    def suppression_options_ahead(self, name: str) -> Iterator[None]:
        if self._exists(name):
            yield from self._ahead(("suppression", name), partial(self.suppression_options, name))

    def _exists(self, configuration_set: str) -> bool:
        """Return whether a set that was read exists."""
        return isinstance(self._kept.get(("destinations", configuration_set)), list)

    def email_identity_ahead(self, name: str) -> Iterator[None]:
        yield from self._ahead(("identity", name), partial(self.email_identity, name))

    def _ahead(self, key: tuple[str, ...], ask: Callable[[], object]) -> Iterator[None]:
        if key not in self._kept:
            yield
            with suppress(AwsError):
                ask()

    @cached_property
    def notification_attributes(self) -> Mapping[str, Mapping[str, Any]]:
        """The attributes of the wanted identities, as `notification_attributes_of` returns them."""
        return self.notification_attributes_of(self._keys("identity"))

    def notification_attributes_of(self, identities: Sequence[str]) -> Mapping[str, Mapping[str, Any]]:
        """Return the topics, header flags and forwarding of identities, by the name or ARN asked for, without unknown ones."""
        found: dict[str, Mapping[str, Any]] = {}
        for batch in batches(identities, IDENTITIES_PER_CALL):
            found.update(self._attributes(batch))
        return found

    def _attributes(self, batch: list[str]) -> Mapping[str, Mapping[str, Any]]:
        def answer() -> Any:
            return self.connection.call("ses", "GetIdentityNotificationAttributes", Identities=batch)[
                "NotificationAttributes"
            ]

        found: Mapping[str, Mapping[str, Any]] = self._ask("attributes", *batch, of=answer)
        return found

    def _sets(self) -> list[str]:
        named = [
            d.desired["configuration_set"]
            for d in self._wanted
            if d.address.type == "default_configuration_set" and d.desired
        ]
        return list(dict.fromkeys([*self._keys("configuration_set"), *named]))

    @cached_property
    def event_destinations(self) -> Mapping[str, list[dict[str, Any]]]:
        """The event destinations of the wanted configuration sets, without sets that do not exist. One call for each set."""
        found = {name: self._destinations(name) for name in self._sets()}
        return {name: destinations for name, destinations in found.items() if destinations is not None}

    def _destinations(self, name: str) -> list[dict[str, Any]] | None:
        def answer() -> Any:
            found = self.connection.call("sesv2", "GetConfigurationSetEventDestinations", ConfigurationSetName=name)
            return found.get("EventDestinations", [])

        destinations: list[dict[str, Any]] | None = self._ask("destinations", name, absent=_NO_SUCH, of=answer)
        return destinations

    @property
    def owners(self) -> Mapping[str, str]:
        """ARN → the spec that its ownership tag names, for all resources of the account in this region. One call for a hundred.

        Source: Resource Groups Tagging API reference, GetResources, and "Services that support the Resource Groups Tagging API".
        No resource type is named, because AWS refuses a filter that it does not know. The answer can be late, and can name
        resources that no longer exist ("previously tagged").
        """

        def answer() -> Any:
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

        owners: Mapping[str, str] = self._ask("owners", of=answer)
        return owners

    def suppression_options(self, name: str) -> Mapping[str, Any] | None:
        """Return the suppression options of a configuration set, None if it has none or does not exist. One call for each set."""

        def answer() -> Any:
            found = self.connection.call("sesv2", "GetConfigurationSet", ConfigurationSetName=name)
            return found.get("SuppressionOptions")

        options: Mapping[str, Any] | None = self._ask("suppression", name, absent=_NO_SUCH, of=answer)
        return options

    def topic_attributes(self, arn: str) -> Mapping[str, str] | None:
        """Return the attributes of a topic, None if it does not exist. One call for each topic. Raises AwsError."""

        def answer() -> Any:
            return self.connection.call("sns", "GetTopicAttributes", TopicArn=arn)["Attributes"]

        attributes: Mapping[str, str] | None = self._ask("topic", arn, absent=("NotFound", *_NO_SUCH), of=answer)
        return attributes

    def email_identity(self, name: str) -> Mapping[str, Any]:
        """Return SES v2's answer for an identity, with its policies and default set; {} if it does not exist.

        One call for each identity: no bulk call has these, so only identities that need them are read.
        """

        def answer() -> Any:
            return self.connection.call("sesv2", "GetEmailIdentity", EmailIdentity=name)

        return self._ask("identity", name, absent=_NO_SUCH, of=answer) or {}

    @property
    def email_identities(self) -> Mapping[str, Mapping[str, Any]]:
        """The answers to `email_identity` so far. Makes no call."""
        kept = {key[1]: answer for key, answer in list(self._kept.items()) if key[0] == "identity"}
        return {name: answer or {} for name, answer in kept.items() if not isinstance(answer, AwsError)}

    def subscription_attributes(self, arn: str) -> Mapping[str, str]:
        """Return the attributes of a subscription; {} while it is pending, because SNS has none then. One call for each."""

        def answer() -> Any:
            found = self.connection.call("sns", "GetSubscriptionAttributes", SubscriptionArn=arn)
            return found.get("Attributes", {})

        attributes: Mapping[str, str] = {} if arn == PENDING else self._ask("subscription", arn, of=answer)
        return attributes

    def has_read(self, subscription_arn: str) -> bool:
        """Return whether a subscription's attributes were read: asking for them again makes no call."""
        return self._kept.get(("subscription", subscription_arn)) is not None

    def subscriptions(self, topic_arn: str) -> Mapping[tuple[str, str], str]:
        """Return the subscriptions of a topic: (protocol, endpoint) → ARN or "PendingConfirmation"; {} if there is no topic."""

        def answer() -> Any:
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
            return found

        listed: Mapping[tuple[str, str], str] = self._ask("subscriptions", topic_arn, of=answer)
        return listed


class Forecast(Reader):
    """Makes no call: its iterators `..._ahead` record the SES calls that those of a Reader would make. All sets exist.

    `calls`: the keys of their answers.
    """

    def __init__(self, connection: Connection, wanted: Iterable[Declared], answers: Answers | None = None) -> None:
        super().__init__(connection, wanted, answers)
        self.calls: set[tuple[str, ...]] = set()

    def _exists(self, configuration_set: str) -> bool:
        return True

    def _ahead(self, key: tuple[str, ...], ask: Callable[[], object]) -> Iterator[None]:
        if key not in self._kept:
            self.calls.add(key)
        return iter(())


def batches(items: Sequence[str], size: int) -> Iterator[list[str]]:
    """Yield the items in lists of at most `size`."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
