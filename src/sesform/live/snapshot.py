"""The live resources at the time of a read: data only."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import NOTIFICATION_TYPES, Properties


@dataclass(frozen=True, slots=True)
class IdentityFacts:
    """An identity in SES, managed or not. `topics`: only types that have one. `verification`: "" for other accounts'."""

    topics: Mapping[str, str]
    forwarding: bool
    verification: str = ""


@dataclass(frozen=True, slots=True)
class TopicFacts:
    """A topic in SNS."""

    policy: str
    kms_key: str = ""


SYMMETRIC = "SYMMETRIC_DEFAULT"  # KMS's name for the only kind of key that SNS accepts


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """A key in KMS. Without an `arn` and a `refusal` it does not exist.

    `refusal`: why it could not be read, "" if it could; with an `arn`, why its policy could not be read.
    """

    arn: str = ""
    manager: str = "CUSTOMER"
    state: str = "Enabled"
    spec: str = SYMMETRIC
    policy: str = ""
    refusal: str = ""


@dataclass(frozen=True, slots=True)
class SendingFacts:
    """The sending facts of an identity: the names of its sending policies, and its default configuration set ("" for none)."""

    policies: frozenset[str] = frozenset()
    default_set: str = ""


class Subscriber(NamedTuple):
    """A subscription of a topic. `filter_policy`: {} for none, None if it was not read."""

    protocol: str
    endpoint: str
    pending: bool
    filter_policy: Mapping[str, Any] | None = None
    filter_policy_scope: str = "MessageAttributes"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """The live resources at the time of a read.

    A declared resource that is neither in `found` nor in `unreadable` does not exist. `identities` lacks those that SES does not
    know. `topics` has None for topics that do not exist, and lacks those that no loaded spec has credentials for.
    `configuration_sets` are those that exist, of all that were read. `sending` has the identities that were read one by one: those
    with such settings, and more where a plan needs them. `keys`: KMS keys of topics, by the ARN that the topic names.
    `subscribers`: by topic ARN; lacks topics whose subscriptions could not be read. `listed`: all identities of a scope, with
    their verification status; lacks scopes in which no identity is declared.
    """

    found: Mapping[Address, Properties] = field(default_factory=dict)
    unreadable: Mapping[Address, str] = field(default_factory=dict)
    identities: Mapping[tuple[Scope, str], IdentityFacts] = field(default_factory=dict)
    topics: Mapping[str, TopicFacts | None] = field(default_factory=dict)
    configuration_sets: frozenset[tuple[Scope, str]] = frozenset()
    sending: Mapping[tuple[Scope, str], SendingFacts] = field(default_factory=dict)
    keys: Mapping[str, KeyFacts] = field(default_factory=dict)
    subscribers: Mapping[str, tuple[Subscriber, ...]] = field(default_factory=dict)
    listed: Mapping[Scope, Mapping[str, str]] = field(default_factory=dict)

    def of_type(self, type_: str) -> list[Properties]:
        """Return the resources of a type that were found."""
        return [properties for address, properties in self.found.items() if address.type == type_]


def sending_facts(answer: Mapping[str, Any]) -> SendingFacts:
    """Return the facts of SES's answer to GetEmailIdentity, {} for an identity that does not exist."""
    return SendingFacts(frozenset(answer.get("Policies") or {}), answer.get("ConfigurationSetName") or "")


def identity_facts(attributes: Mapping[str, Any], verification: str = "") -> IdentityFacts:
    """Return the facts of one identity of SES's answer to GetIdentityNotificationAttributes."""
    topics = {t: attributes.get(f"{t.capitalize()}Topic") for t in NOTIFICATION_TYPES}
    return IdentityFacts(
        {t: arn for t, arn in topics.items() if arn}, bool(attributes.get("ForwardingEnabled")), verification
    )


class UnmanagedResource(NamedTuple):
    """A resource that exists and that no spec names. `key`: its name in AWS. `detail`: its settings."""

    type: str
    scope: Scope
    key: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Tagged:
    """A resource with an ownership tag. `policies`, `default_set`: of an identity that no spec names."""

    scope: Scope
    arn: str
    spec: str
    policies: tuple[str, ...] = ()
    default_set: str = ""

    @property
    def kind(self) -> str:
        """topic, configuration-set or identity; "" for any other resource with tags (contact lists, address pools, …)."""
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
    """Tagged resources that no spec names: `ours` of loaded specs, `others` of other specs."""

    ours: tuple[Tagged, ...] = ()
    others: Mapping[tuple[Scope, str], tuple[str, ...]] = field(default_factory=dict)  # (scope, spec) → ARNs
