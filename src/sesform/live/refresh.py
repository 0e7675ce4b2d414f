"""Read AWS in one bounded pass with threads, into a Snapshot of everything that planning needs. Only reads."""

from __future__ import annotations

import json
import math
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sesform.aws import Answers
from sesform.errors import AwsError, understood
from sesform.live import listing
from sesform.live.jobs import Job, side_by_side
from sesform.live.snapshot import (
    IdentityFacts,
    SendingFacts,
    Snapshot,
    Subscriber,
    TopicFacts,
    identity_facts,
    sending_facts,
)
from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import Properties
from sesform.resources import RESOURCES
from sesform.resources.reader import Forecast, Reader
from sesform.resources.resource_type import ResourceType
from sesform.resources.subscription import PENDING
from sesform.specs.declared import Declared

if TYPE_CHECKING:
    from sesform.aws import Connection, Connections


@dataclass(slots=True)
class _Pass:
    """The results so far. Each thread adds under its own keys, which Python's dicts allow."""

    answers: Answers
    found: dict[Address, Properties] = field(default_factory=dict)
    unreadable: dict[Address, str] = field(default_factory=dict)
    identities: dict[tuple[Scope, str], IdentityFacts] = field(default_factory=dict)
    listed: dict[Scope, Mapping[str, str]] = field(default_factory=dict)
    topics: dict[str, TopicFacts | None] = field(default_factory=dict)
    subscribers: dict[str, tuple[Subscriber, ...]] = field(default_factory=dict)
    configuration_sets: set[tuple[Scope, str]] = field(default_factory=set)
    sending: dict[tuple[Scope, str], SendingFacts] = field(default_factory=dict)


def read(
    wanted: Iterable[Declared],
    topic_arns: Iterable[str],
    connections: Connections,
    parallelism: int = 10,
    *,
    identities: bool = True,
    topics: bool = True,
    fresh: bool = False,
) -> Snapshot:
    """Return the state of the wanted resources and topics, with as few calls as possible.

    `identities`: also read what planning needs to know of their identities. `topics`: also read the topics that the identities and
    configuration sets publish to. `fresh`: read again what these connections have read before. A failed read is not raised but
    recorded in `unreadable`, so that one account does not hide another.
    """
    by_connection: dict[int, list[Declared]] = defaultdict(list)
    known: dict[int, Connection] = {}
    for declared in wanted:
        connection = connections.of(declared.address)
        known[id(connection)] = connection
        by_connection[id(connection)].append(declared)
    result = _Pass(Answers() if fresh else connections.answers)
    asked = set(topic_arns)
    places = _by_connection(asked, connections, known)
    jobs: list[Job] = []
    for key, connection in known.items():
        jobs += _jobs(connection, by_connection[key], places[key], result, identities)
    side_by_side(jobs, connections, parallelism)
    places = _by_connection(_published_to(result) - asked if topics else (), connections, known)
    side_by_side(
        [job for key, arns_ in places.items() for job in _jobs(known[key], [], arns_, result, identities)],
        connections,
        parallelism,
    )
    return Snapshot(
        result.found,
        result.unreadable,
        result.identities,
        result.topics,
        frozenset(result.configuration_sets),
        result.sending,
        subscribers=result.subscribers,
        listed=result.listed,
    )


def _by_connection(
    topic_arns: Iterable[str], connections: Connections, known: dict[int, Connection]
) -> dict[int, list[str]]:
    """Return the topics by connection, without those that no loaded spec has credentials for."""
    found: dict[int, list[str]] = defaultdict(list)
    for arn in sorted(topic_arns):
        parsed = arns.parse(arn)
        connection = connections.in_scope(parsed.scope) if parsed else None
        if connection is not None:
            known[id(connection)] = connection
            found[id(connection)].append(arn)
    return found


def _published_to(result: _Pass) -> set[str]:
    """Return the topics that the identities and configuration sets that were read publish to."""
    found = {arn for identity in result.identities.values() for arn in identity.topics.values()}
    return found | {p["sns"]["topic_arn"] for p in result.found.values() if "sns" in p}


def _jobs(
    connection: Connection, wanted: list[Declared], topic_arns: list[str], result: _Pass, identities: bool
) -> list[Job]:
    """Return the passes over one connection: one for SES, one for SNS, and one for tags."""
    by_service: dict[str, list[Declared]] = defaultdict(list)
    for declared in wanted:
        by_service[RESOURCES[declared.address.type].service].append(declared)
    ses, sns, tags = by_service["ses"], by_service["sns"], by_service["tagging"]

    def read_ses() -> Iterator[None]:
        reading = Reader(connection, ses, result.answers)
        for kind, of_type in _by_type(ses):
            yield from kind.ahead(reading, of_type)
        if identities:
            yield from reading.attributes_ahead()
        _read_types(reading, ses, result)
        if identities:
            yield from _read_identities(reading, ses, result)
        _read_configuration_sets(reading, result)
        for name, answer in reading.email_identities.items():
            result.sending[connection.scope, name] = sending_facts(answer)

    def read_sns() -> None:
        reading = Reader(connection, sns, result.answers)
        _read_types(reading, sns, result)
        _read_topics(reading, topic_arns, result)

    def read_tags() -> None:
        _read_types(Reader(connection, tags, result.answers), tags, result)

    found = [Job(read_ses, connection)] if ses else []
    found += [Job(read_sns)] if sns or topic_arns else []
    if ses:
        connection.expect(_ses_calls(connection, ses, result.answers, identities))
    return found + ([Job(read_tags)] if tags else [])


def _ses_calls(connection: Connection, wanted: list[Declared], answers: Answers, identities: bool) -> int:
    """Return the number of SES calls that reading these resources makes; what they lead to is not known yet."""
    forecast = Forecast(connection, wanted, answers)
    for kind, of_type in _by_type(wanted):
        deque(kind.ahead(forecast, of_type), maxlen=0)
    listed = 0
    if identities:
        deque(forecast.attributes_ahead(), maxlen=0)
        own = {d.key["identity"] for d in wanted if "identity" in d.key and arns.parse(d.key["identity"]) is None}
        listed = math.ceil(len(own) / listing.IDENTITIES_PER_PAGE)
    return len(forecast.calls) + listed


def _by_type(wanted: Iterable[Declared]) -> Iterator[tuple[ResourceType, list[Declared]]]:
    """Yield the types, each with its wanted resources and those whose parts it reads."""
    by_type: dict[str, list[Declared]] = defaultdict(list)
    for declared in wanted:
        by_type[declared.address.type].append(declared)
    for name, kind in RESOURCES.items():
        of_type = by_type[name] + [d for whole in kind.part_of for d in by_type[whole]]
        if of_type:
            yield kind, of_type


def _read_types(reading: Reader, wanted: list[Declared], result: _Pass) -> None:
    for kind, of_type in _by_type(wanted):
        try:
            with understood():
                result.found.update(kind.read(reading, of_type))
        except AwsError as error:
            result.unreadable.update({d.address: str(error) for d in of_type})


def _read_identities(reading: Reader, wanted: list[Declared], result: _Pass) -> Iterator[None]:
    try:
        with understood():
            scope, attributes = reading.connection.scope, reading.notification_attributes
            own = any(arns.parse(name) is None for name in attributes)
            if own:
                yield
                result.listed[scope] = listing.identities(reading.connection)
            listed = result.listed[scope] if own else {}
            for name, found in attributes.items():
                result.identities[scope, name] = identity_facts(found, listed.get(name, ""))
    except AwsError as error:
        result.unreadable.update({d.address: str(error) for d in wanted if "identity" in d.key})


def _read_configuration_sets(reading: Reader, result: _Pass) -> None:
    with suppress(AwsError), understood():  # already recorded for each resource that could not be read
        result.configuration_sets |= {(reading.connection.scope, name) for name in reading.event_destinations}


def _read_topics(reading: Reader, topic_arns: list[str], result: _Pass) -> None:
    for arn in topic_arns:
        # The planner reports a topic that these credentials may not read.
        with suppress(AwsError), understood():
            attributes = reading.topic_attributes(arn)
            result.topics[arn] = (
                TopicFacts(attributes["Policy"], attributes.get("KmsMasterKeyId", "")) if attributes else None
            )
            result.subscribers[arn] = tuple(_subscribers(reading, arn))


def _subscribers(reading: Reader, topic_arn: str) -> Iterator[Subscriber]:
    """Yield the subscriptions of a topic. Filter policies are read until one confirmed subscription has none: no more is needed."""
    listed = reading.subscriptions(topic_arn)
    heard = False
    for (protocol, endpoint), arn in sorted(listed.items(), key=lambda item: (not reading.has_read(item[1]), item)):
        attributes = None
        if arn != PENDING and (not heard or reading.has_read(arn)):
            with suppress(AwsError), understood():
                attributes = reading.subscription_attributes(arn)
        policy = json.loads(attributes.get("FilterPolicy") or "{}") if attributes else None
        scope = attributes.get("FilterPolicyScope") if attributes else None
        heard = heard or policy == {}
        yield Subscriber(protocol, endpoint, arn == PENDING, policy, scope or "MessageAttributes")
