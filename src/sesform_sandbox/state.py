"""The state of the sandbox: frozen records in tables, one set of tables for each account and region.

Records are never changed in place: an operation puts a new one into its table. So each table knows whether it has changed, and
which lines of the state file must be written again.
"""

from __future__ import annotations

import json
from collections import UserDict
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from sesform.model.address import Scope
from sesform_sandbox import policy

Record = TypeVar("Record")


@dataclass(frozen=True, slots=True)
class Identity:
    """A domain or an e-mail address. `topics`: notification type → topic ARN; `headers`: types that include headers.

    A new identity has no topics, no headers, and forwarding on. Seen on AWS: ansible-collections/community.aws, integration tests
    of ses_identity.
    """

    verified: bool = True
    topics: dict[str, str] = field(default_factory=dict)
    headers: tuple[str, ...] = ()
    forwarding: bool = True
    policies: dict[str, str] = field(default_factory=dict)
    configuration_set: str = ""
    tags: dict[str, str] = field(default_factory=dict)
    dkim: dict[str, Any] = field(default_factory=dict)
    mail_from: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ForeignIdentity:
    """A delegate's settings for an identity of another account, stored in the delegate's account under that ARN.

    Source: SES developer guide, "Delegate sender tasks: notifications" (the legacy cross-account procedure).
    """

    topics: dict[str, str] = field(default_factory=dict)
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ConfigurationSet:
    """A configuration set. `options`: block of SES v2 by name; `destinations`: EventDestinationDefinition of SES v2 by name."""

    options: dict[str, Any] = field(default_factory=dict)
    destinations: dict[str, Any] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Topic:
    """A topic. `attributes`: those that differ from SNS's defaults. `policy`: the text of the document."""

    policy: str
    attributes: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Subscription:
    """A subscription, stored with its topic.

    `owner`: the account that subscribed. `token`: confirms it while it is pending. `topic_deleted`: its topic is deleted, so it
    receives nothing; GetSubscriptionAttributes and ListSubscriptions may still show it (seen on AWS: localstack's recorded
    snapshots, test_delete_subscriptions_on_delete_topic).
    """

    topic_arn: str
    protocol: str
    endpoint: str
    owner: str
    pending: bool = False
    token: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    topic_deleted: bool = False


@dataclass(frozen=True, slots=True)
class Queue:
    """An SQS queue. `attributes`: those that were set. `messages`: by id, see `sqs`."""

    attributes: dict[str, str] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    messages: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SendingQuota:
    """What an account may send in a region. `rate`: messages a second; `production`: it is out of SES's own sandbox."""

    rate: float = 14.0
    production: bool = True
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Tenant:
    """A tenant. `resources`: the ARNs of the identities and configuration sets that it uses."""

    resources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class GlobalEndpoint:
    """A Global endpoint, stored in its first region. `regions`: those that it sends from."""

    regions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Key:
    """A KMS key, stored by its id. `state`: in KMS's terms. `aliases`: with their prefix `alias/`."""

    policy: str
    state: str = "Enabled"
    aliases: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Role:
    """A declared role. AssumeRole must present its external id, if it has one. `external_id`: a digest of it, see `sts.digest`."""

    external_id: str | None = None


@dataclass(frozen=True, slots=True)
class RecordedCall:
    """A call in CloudTrail's event history. `time`: RFC 3339. `identity`: its element userIdentity. `error`: "" if it succeeded."""

    source: str
    name: str
    time: str
    identity: dict[str, Any] = field(default_factory=dict)
    user_agent: str = ""
    address: str = ""
    parameters: dict[str, Any] = field(default_factory=dict)
    error: str = ""
    message: str = ""


class Table(UserDict[str, Record]):
    """Records by name. `changed` becomes true when a record is added, replaced by a different one, or removed."""

    def __init__(self) -> None:
        super().__init__()
        self.changed = False
        self._lines: dict[str, str] = {}

    def __setitem__(self, key: str, record: Record) -> None:
        if key in self.data and self.data[key] == record:
            return
        self.data[key] = record
        self._lines.pop(key, None)
        self.changed = True

    def __delitem__(self, key: str) -> None:
        del self.data[key]
        self._lines.pop(key, None)
        self.changed = True

    def lines(self) -> Iterator[str]:
        """Return one line of JSON for each record, sorted by name. A line is made once and kept until its record changes."""
        for key in sorted(self.data):
            line = self._lines.get(key)
            if line is None:
                line = self._lines[key] = f"{json.dumps(key)}: {json.dumps(encode(self.data[key]), sort_keys=True)}"
            yield line


class ScopeState:
    """The state of one account in one region."""

    def __init__(self) -> None:
        self.identities: Table[Identity] = Table()
        self.foreign_identities: Table[ForeignIdentity] = Table()
        self.configuration_sets: Table[ConfigurationSet] = Table()
        self.topics: Table[Topic] = Table()
        self.subscriptions: Table[Subscription] = Table()
        self.queues: Table[Queue] = Table()
        self.sending: Table[SendingQuota] = Table()
        self.keys: Table[Key] = Table()
        self.tenants: Table[Tenant] = Table()
        self.endpoints: Table[GlobalEndpoint] = Table()
        self.trail: Table[RecordedCall] = Table()

    def subscriptions_of(self, topic_arn: str) -> dict[str, Subscription]:
        """Return the subscriptions of a topic that exists, by ARN."""
        return {
            arn: each
            for arn, each in self.subscriptions.items()
            if each.topic_arn == topic_arn and not each.topic_deleted
        }

    @property
    def tables(self) -> dict[str, Table[Any]]:
        return {name: getattr(self, name) for name in RECORDS}


# Table of a scope → type of its records. The names are also those of the attributes above and of the state file.
RECORDS: dict[str, type[Any]] = {
    "identities": Identity,
    "foreign_identities": ForeignIdentity,
    "configuration_sets": ConfigurationSet,
    "topics": Topic,
    "subscriptions": Subscription,
    "queues": Queue,
    "sending": SendingQuota,
    "keys": Key,
    "tenants": Tenant,
    "endpoints": GlobalEndpoint,
    "trail": RecordedCall,
}


class State:
    """The state of all accounts."""

    def __init__(self) -> None:
        self.scopes: dict[Scope, ScopeState] = {}
        self.roles: Table[Role] = Table()

    def at(self, account: str, region: str) -> ScopeState:
        """Return the state of an account in a region; an empty one is added if there is none."""
        return self.scopes.setdefault(Scope(account, region), ScopeState())

    @property
    def tables(self) -> Iterator[Table[Any]]:
        yield self.roles
        for scope in self.scopes.values():
            yield from scope.tables.values()

    @property
    def changed(self) -> bool:
        return any(table.changed for table in self.tables)

    def settle(self) -> None:
        """Count changes from the present state on."""
        for table in self.tables:
            table.changed = False


# --- records as JSON ---------------------------------------------------------------------------------------------------


def encode(record: Any) -> dict[str, Any]:
    """Return a record as a JSON object without fields that have their default."""
    values = ((name, getattr(record, name), default) for name, _, default in _schema(type(record)))
    return {
        name: list(value) if isinstance(value, tuple) else value for name, value, default in values if value != default
    }


def decode(kind: type[Record], value: object) -> Record:
    """Return the record of a JSON object. Raises ValueError, with the reason, if it is not exactly a record of this type."""
    if not isinstance(value, Mapping):
        raise ValueError("not an object")
    schema = {name: (hint, default) for name, hint, default in _schema(kind)}
    if unknown := sorted(set(value) - set(schema)):
        raise ValueError(f"unknown key {unknown[0]!r}")
    given = {}
    for name, (hint, default) in schema.items():
        if name in value:
            given[name] = _checked(value[name], hint, name)
        elif default is MISSING:
            raise ValueError(f"{name!r} is missing")
    record = kind(**given)
    if isinstance(record, Topic | Key):
        policy.parse(record.policy)
    if isinstance(record, ConfigurationSet):
        _check_set(record)
    return record


def _check_set(record: ConfigurationSet) -> None:
    for name, found in record.destinations.items():
        keys = set(found) if isinstance(found, dict) else set()
        good = (
            len(keys) == 3
            and isinstance(found.get("Enabled"), bool)
            and isinstance(found.get("MatchingEventTypes"), list)
        )
        if not good or not all(isinstance(found[k], dict) for k in keys - {"Enabled", "MatchingEventTypes"}):
            raise ValueError(f"event destination {name!r} is malformed")
    if not all(isinstance(block, dict) for block in record.options.values()):
        raise ValueError("'options' has the wrong type")


_SCHEMAS: dict[type[Any], tuple[tuple[str, Any, Any], ...]] = {}


def _schema(kind: type[Any]) -> tuple[tuple[str, Any, Any], ...]:
    """Return (name, type, default or MISSING) of each field."""
    if kind not in _SCHEMAS:
        hints = get_type_hints(kind)
        _SCHEMAS[kind] = tuple(
            (f.name, hints[f.name], f.default if f.default_factory is MISSING else f.default_factory())
            for f in fields(kind)
        )
    return _SCHEMAS[kind]


def _checked(value: Any, hint: Any, name: str) -> Any:
    if get_origin(hint) is dict:
        good = isinstance(value, dict) and (
            get_args(hint)[1] is not str or all(isinstance(v, str) for v in value.values())
        )
    elif get_origin(hint) is tuple:
        good = isinstance(value, list) and all(isinstance(v, str) for v in value)
        value = tuple(value) if good else value
    else:
        good = isinstance(value, hint)
    if not good:
        raise ValueError(f"{name!r} has the wrong type")
    return value
