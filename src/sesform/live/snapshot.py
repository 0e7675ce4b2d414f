"""What AWS held when it was read. Data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import NOTIFICATION_TYPES, Properties


@dataclass(frozen=True, slots=True)
class IdentityFacts:
    """What SES holds of an identity, managed or not. `topics` has only types that have one; foreign ones have no `verification`."""

    topics: Mapping[str, str]
    forwarding: bool
    verification: str = ""


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """What SNS holds of a topic."""

    policy: str
    kms_key: str = ""


SYMMETRIC = "SYMMETRIC_DEFAULT"  # KMS's name for the only kind of key that SNS takes


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """What KMS holds of a key. `refusal` is why it could not be looked at, "" where it could; with an `arn` that is only of its
    policy. Without either there is none."""

    arn: str = ""
    manager: str = "CUSTOMER"
    state: str = "Enabled"
    spec: str = SYMMETRIC
    policy: str = ""
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class SendingFacts:
    """What SES v2 holds of an identity: the names of its sending policies, and its default configuration set ("": none)."""

    policies: frozenset[str] = frozenset()
    default_set: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What AWS held when it was looked at.

    A declared resource that is neither in `found` nor in `unreadable` does not exist. `identities` lacks those that SES does not
    know; `topics` says None of those that SNS does not know, and lacks those that nobody here has credentials to look at.
    `configuration_sets` are those that exist, of all that were asked for. `sending` has the identities that were asked for it,
    one call each: those that declare some of it, and more where a plan needs to know. `keys` are the KMS keys of topics that SES
    is to publish to, by the ARN that they are called by there.
    """

    found: Mapping[Address, Properties] = field(default_factory=dict)
    unreadable: Mapping[Address, str] = field(default_factory=dict)
    identities: Mapping[tuple[Scope, str], IdentityFacts] = field(default_factory=dict)
    topics: Mapping[str, TopicFacts | None] = field(default_factory=dict)
    configuration_sets: frozenset[tuple[Scope, str]] = frozenset()
    sending: Mapping[tuple[Scope, str], SendingFacts] = field(default_factory=dict)
    keys: Mapping[str, KeyFacts] = field(default_factory=dict)

    def of_type(self, type_: str) -> list[Properties]:
        """Return the resources of a type that were found."""
        return [properties for address, properties in self.found.items() if address.type == type_]


def sending_facts(answer: Mapping[str, Any]) -> SendingFacts:
    """SES's answer to GetEmailIdentity, {} where there is no such identity, → facts."""
    return SendingFacts(frozenset(answer.get("Policies") or {}), answer.get("ConfigurationSetName") or "")


def identity_facts(attributes: Mapping[str, Any], verification: str = "") -> IdentityFacts:
    """One identity of SES's answer to GetIdentityNotificationAttributes → facts."""
    topics = {t: attributes.get(f"{t.capitalize()}Topic") for t in NOTIFICATION_TYPES}
    return IdentityFacts(
        {t: arn for t, arn in topics.items() if arn}, bool(attributes.get("ForwardingEnabled")), verification
    )


class Subscriber(NamedTuple):
    protocol: str
    endpoint: str
    pending: bool


class UnmanagedResource(NamedTuple):
    """Something that exists and that no spec names. `key` is what AWS calls it, `detail` what is set on it."""

    type: str
    scope: Scope
    key: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Tagged:
    """Something that carries an ownership tag. `policies` and `default_set` are an identity's that no spec names."""

    scope: Scope
    arn: str
    spec: str
    policies: tuple[str, ...] = ()
    default_set: str = ""

    @property
    def kind(self) -> str:
        """topic, configuration-set or identity; "" of all else that may carry tags (contact lists, pools of addresses, …)."""
        parsed = arns.parse(self.arn)
        if parsed is None:
            return ""
        head, slash, _ = parsed.resource.partition("/")
        if parsed.service == "sns":
            return "" if slash else "topic"
        return head if parsed.service == "ses" and head in ("configuration-set", "identity") else ""

    @property
    def name(self) -> str:
        return self.arn.rpartition(":")[2] if self.kind == "topic" else self.arn.partition("/")[2]


@dataclass(frozen=True, slots=True)
class TaggedResources:
    """What no spec names: that of loaded specs, and that of others, by what is the matter with them."""

    ours: tuple[Tagged, ...] = ()
    others: Mapping[tuple[Scope, str], tuple[str, ...]] = field(default_factory=dict)  # (scope, spec) → ARNs
