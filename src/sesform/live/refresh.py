"""Read AWS in one bounded pass with threads, into a Snapshot of everything that planning needs. Only reads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sesform.errors import AwsError, understood
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
from sesform.resources.reader import Reader
from sesform.resources.subscription import PENDING
from sesform.specs.declared import Declared

if TYPE_CHECKING:
    from sesform.aws import Connection, Connections


def read_subscribers(topic_arns: Iterable[str], connections: Connections) -> dict[str, tuple[Subscriber, ...]]:
    """Return the subscribers of each topic, without topics that no loaded spec has credentials for."""
    found: dict[str, tuple[Subscriber, ...]] = {}
    for arn in dict.fromkeys(topic_arns):
        parsed = arns.parse(arn)
        connection = connections.in_scope(parsed.scope) if parsed else None
        if connection is None:
            continue
        with suppress(AwsError), understood():
            listed = Reader(connection, ()).subscriptions(arn)
            found[arn] = tuple(Subscriber(*who, pending=sub == PENDING) for who, sub in sorted(listed.items()))
    return found


@dataclass(slots=True)
class _Pass:
    """The results so far. Each thread adds under its own keys, which Python's dicts allow."""

    found: dict[Address, Properties] = field(default_factory=dict)
    unreadable: dict[Address, str] = field(default_factory=dict)
    identities: dict[tuple[Scope, str], IdentityFacts] = field(default_factory=dict)
    topics: dict[str, TopicFacts | None] = field(default_factory=dict)
    configuration_sets: set[tuple[Scope, str]] = field(default_factory=set)
    sending: dict[tuple[Scope, str], SendingFacts] = field(default_factory=dict)


def read(
    wanted: Iterable[Declared],
    topic_arns: Iterable[str],
    connections: Connections,
    parallelism: int = 10,
    *,
    facts: bool = True,
) -> Snapshot:
    """Return the state of the wanted resources and topics, with as few calls as possible.

    `facts`: also read what planning needs to know of their identities. A failed read is not raised but recorded in
    `unreadable`, so that one account does not hide another.
    """
    by_connection: dict[int, list[Declared]] = defaultdict(list)
    known: dict[int, Connection] = {}
    for declared in wanted:
        connection = connections.of(declared.address)
        known[id(connection)] = connection
        by_connection[id(connection)].append(declared)
    topics_by_connection: dict[int, list[str]] = defaultdict(list)
    for arn in dict.fromkeys(topic_arns):
        parsed = arns.parse(arn)
        reader = connections.in_scope(parsed.scope) if parsed else None
        if reader is not None:
            known[id(reader)] = reader
            topics_by_connection[id(reader)].append(arn)
    result = _Pass()
    jobs: list[Callable[[], None]] = []
    for key, connection in known.items():
        jobs += _jobs(connection, by_connection[key], topics_by_connection[key], result, facts)
    side_by_side(jobs, connections, parallelism)
    return Snapshot(
        result.found,
        result.unreadable,
        result.identities,
        result.topics,
        frozenset(result.configuration_sets),
        result.sending,
    )


def side_by_side(jobs: Sequence[Callable[[], None]], connections: Connections, parallelism: int) -> None:
    """Run the jobs in threads and wait for all. Raises the first exception of a job."""
    with ThreadPoolExecutor(max_workers=max(1, min(parallelism, len(jobs)))) as pool:
        try:
            waiting: list[Future[None]] = [pool.submit(job) for job in jobs]
            for future in waiting:
                future.result()
        except BaseException:
            connections.stop()  # an interrupt must not wait for calls that wait for their turn
            raise


def _jobs(
    connection: Connection, wanted: list[Declared], topic_arns: list[str], result: _Pass, facts: bool
) -> list[Callable[[], None]]:
    """Return the passes over one connection: one for SES, whose calls are paced anyway, one for SNS, and one for tags."""
    tags = [d for d in wanted if RESOURCES[d.address.type].service == "tagging"]
    ses = [d for d in wanted if RESOURCES[d.address.type].service == "ses"]
    sns = [d for d in wanted if RESOURCES[d.address.type].service == "sns"]

    def read_ses() -> None:
        reading = Reader(connection, ses)
        _read_types(reading, ses, result)
        if facts:
            _read_identities(reading, ses, result)
            _read_configuration_sets(reading, result)
            for name, answer in reading.email_identities.items():
                result.sending[connection.scope, name] = sending_facts(answer)

    def read_sns() -> None:
        reading = Reader(connection, sns)
        _read_types(reading, sns, result)
        _read_topics(reading, topic_arns, result)

    def read_tags() -> None:
        _read_types(Reader(connection, tags), tags, result)

    return [job for job, needed in ((read_ses, ses), (read_sns, sns or topic_arns), (read_tags, tags)) if needed]


def _read_types(reading: Reader, wanted: list[Declared], result: _Pass) -> None:
    by_type: dict[str, list[Declared]] = defaultdict(list)
    for declared in wanted:
        by_type[declared.address.type].append(declared)
    for name, kind in RESOURCES.items():
        of_type = by_type[name] + [d for whole in kind.part_of for d in by_type[whole]]
        if not of_type:
            continue
        try:
            with understood():
                result.found.update(kind.read(reading, of_type))
        except AwsError as error:
            result.unreadable.update({d.address: str(error) for d in of_type})


def _read_identities(reading: Reader, wanted: list[Declared], result: _Pass) -> None:
    try:
        with understood():
            for name, attributes in reading.notification_attributes.items():
                own = arns.parse(name) is None
                result.identities[reading.connection.scope, name] = identity_facts(
                    attributes, reading.verification.get(name, "") if own else ""
                )
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
