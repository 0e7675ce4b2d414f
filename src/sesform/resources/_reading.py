"""Bulk reads that several resource types share: each kind of call is made once for a scope, not once for a resource."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Any

from sesform import arns
from sesform.desired import Declared
from sesform.errors import AwsError
from sesform.quota import IDENTITIES_A_CALL

if TYPE_CHECKING:
    from sesform.aws import Connection


class Reading:
    """One pass over one connection. What is asked for is known from the start; each answer is fetched when first looked at.

    Used by one thread for SES and by another for SNS; no answer is looked at by both.
    """

    def __init__(self, connection: Connection, wanted: Iterable[Declared]) -> None:
        self.connection = connection
        self._wanted = tuple(wanted)
        self._topics: dict[str, Mapping[str, str] | AwsError | None] = {}

    def _keys(self, name: str, *types: str) -> list[str]:
        keys = (d.key[name] for d in self._wanted if name in d.key and (not types or d.address.type in types))
        return list(dict.fromkeys(keys))

    @cached_property
    def notification_attributes(self) -> Mapping[str, Mapping[str, Any]]:
        """Identity as asked for → topics, header flags and forwarding; identities that SES does not know are left out."""
        found: dict[str, Mapping[str, Any]] = {}
        for batch in batches(self._keys("identity"), IDENTITIES_A_CALL):
            answer = self.connection.call("ses", "GetIdentityNotificationAttributes", Identities=batch)
            found.update(answer["NotificationAttributes"])
        return found

    @cached_property
    def verification(self) -> Mapping[str, str]:
        """Own identity → its verification status; identities that SES does not know are left out."""
        found: dict[str, str] = {}
        own = [name for name in self._keys("identity") if arns.parse(name) is None]
        for batch in batches(own, IDENTITIES_A_CALL):
            answer = self.connection.call("ses", "GetIdentityVerificationAttributes", Identities=batch)
            found.update({name: a["VerificationStatus"] for name, a in answer["VerificationAttributes"].items()})
        return found

    @cached_property
    def event_destinations(self) -> Mapping[str, list[dict[str, Any]]]:
        """Configuration set → its event destinations; sets that do not exist are left out. One call a set tells both."""
        found: dict[str, list[dict[str, Any]]] = {}
        for name in self._keys("configuration_set", "configuration_set", "event_destination"):
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

    def topic_attributes(self, arn: str) -> Mapping[str, str] | None:
        """A topic's attributes; None where there is no such topic. One call a topic, whoever asks. Raises AwsError."""
        if arn not in self._topics:
            try:
                self._topics[arn] = self.connection.call("sns", "GetTopicAttributes", TopicArn=arn)["Attributes"]
            except AwsError as error:
                self._topics[arn] = None if error.code in ("NotFound", "NotFoundException") else error
        answer = self._topics[arn]
        if isinstance(answer, AwsError):
            raise answer
        return answer


def batches(items: Sequence[str], size: int) -> Iterator[list[str]]:
    """The items in lists of at most `size`."""
    rest = iter(items)
    while batch := list(islice(rest, size)):
        yield batch
