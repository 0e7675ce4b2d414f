"""Find the users of a topic or configuration set that a plan deletes.

SES removes a deleted topic from an identity by itself (AWS developer guide, "Configuring Amazon SNS notifications"). Events of
a configuration set are lost with their topic, and SES refuses mail of identities whose default configuration set does not
exist. SES has no call that lists users, so all identities and sets of the account and region are read: one
GetIdentityNotificationAttributes for each 100 identities, one GetConfigurationSetEventDestinations for each set, one
GetEmailIdentity for each identity. A plan that deletes no topic and no set makes none of these calls. Other accounts are not
read; a check reports those that the topic's policy names.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from sesform.errors import AwsError, Problem, Severity, understood
from sesform.live import listing
from sesform.live.jobs import Job, side_by_side
from sesform.live.snapshot import Snapshot, identity_facts, sending_facts
from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.quotas import IDENTITIES_PER_CALL
from sesform.policies import document as policy_document
from sesform.resources import RESOURCES
from sesform.resources.reader import Reader
from sesform.specs.declared import Declared

if TYPE_CHECKING:
    from sesform.aws import Connection, Connections

# Called before a scope is read, with the names of the topics or sets and the number of SES calls.
Announce = Callable[[Scope, list[str], int], None]


def users_of_topics(
    topics: Mapping[str, Address], snapshot: Snapshot, connections: Connections, parallelism: int, announce: Announce
) -> tuple[Snapshot, tuple[Problem, ...]]:
    """Return the snapshot with the topics of all identities and the destinations of all sets, where topics are deleted.

    Legacy entries for identities of other accounts cannot be listed: those that the topic's policy names are read. A missing
    permission is a warning, because the role of a delegate may lack all permissions for SES. Any other failure is an error,
    because the users of the topic are not known.
    """
    doomed: dict[Scope, dict[str, Address]] = defaultdict(dict)
    for arn, address in sorted(topics.items()):
        doomed[connections.of(address).scope][arn] = address
    identities, found, problems = dict(snapshot.identities), dict(snapshot.found), list[Problem]()

    def looked_up(scope: Scope, topics: Mapping[str, Address]) -> Job:
        addresses = list(topics.values())
        connection = connections.of(addresses[0])

        def job() -> Iterator[None]:
            try:
                with understood():
                    others, sets = yield from _unread(connection, snapshot)
                    others += sorted(_let_in(scope, topics, snapshot))
                    calls = math.ceil(len(others) / IDENTITIES_PER_CALL) + len(sets)
                    announce(scope, sorted(topics), calls)
                    connection.expect(calls)
                    wanted = [_set(addresses[0], scope, name) for name in sets]
                    reading = Reader(connection, wanted, connections.answers)
                    yield from reading.attributes_ahead(others)
                    for name, attributes in reading.notification_attributes_of(others).items():
                        identities[scope, name] = identity_facts(attributes)
                    yield from reading.destinations_ahead()
                    found.update(RESOURCES["event_destination"].read(reading, wanted))
            except AwsError as error:
                text = f"users of topics that will be deleted in {scope} could not be read: {error}"
                concerns = tuple(map(str, addresses))
                severity: Severity = "warning" if error.denied else "error"
                problems.append(Problem(text, concerns[0], severity=severity, concerns=concerns))

        return Job(job, connection)

    side_by_side([looked_up(scope, topics) for scope, topics in doomed.items()], connections, parallelism)
    return replace(snapshot, identities=identities, found=found), tuple(sorted(problems, key=lambda p: p.summary))


# Steps that yield before each call to SES, and return what they read.
_T = TypeVar("_T")
_Steps = Generator[None, None, _T]


def _identities(connection: Connection, snapshot: Snapshot) -> _Steps[list[str]]:
    """Return all identities of a scope. No call if they were listed before."""
    listed = snapshot.listed.get(connection.scope)
    if not listed:
        yield
        listed = listing.identities(connection)
    return list(listed)


def _unread(connection: Connection, snapshot: Snapshot) -> _Steps[tuple[list[str], list[str]]]:
    """Return the identities and configuration sets that were not read yet."""
    scope = connection.scope
    every = yield from _identities(connection, snapshot)
    others = [name for name in every if (scope, name) not in snapshot.identities]
    yield
    known = snapshot.configuration_sets
    return others, [name for name in listing.configuration_sets(connection) if (scope, name) not in known]


def _let_in(scope: Scope, topics: Iterable[str], snapshot: Snapshot) -> set[str]:
    """Return the identities of other accounts that the topics' policies name and that were not read yet."""
    found: set[str] = set()
    for facts in filter(None, map(snapshot.topics.get, topics)):
        with suppress(ValueError):  # a policy that cannot be parsed names no identity
            found |= policy_document.source_arns(policy_document.parse(facts.policy))
    named = {(text, arn) for text in found if "*" not in text and (arn := arns.parse(text)) is not None}
    foreign = {t for t, a in named if a.resource.startswith("identity/") and a.account != scope.account}
    return {t for t in foreign if f":{scope.region}:" in t and (scope, t) not in snapshot.identities}


def _set(beside: Address, scope: Scope, name: str) -> Declared:
    address = replace(beside, type="configuration_set", key=name)
    return Declared(address, scope, {"configuration_set": name}, None)


def users_of_sets(
    sets: Mapping[tuple[Scope, str], Address],
    snapshot: Snapshot,
    connections: Connections,
    parallelism: int,
    announce: Announce,
) -> Snapshot:
    """Return the snapshot with the default sets of all identities of each scope in which sets are deleted.

    If they cannot be read, the deleted set counts as unreadable, because its users are not known.
    """
    doomed: dict[Scope, dict[str, Address]] = defaultdict(dict)
    for (scope, name), address in sets.items():
        doomed[scope][name] = address
    sending, unreadable = dict(snapshot.sending), dict(snapshot.unreadable)

    def looked_up(scope: Scope, sets: Mapping[str, Address]) -> Job:
        connection = connections.of(min(sets.values()))

        def job() -> Iterator[None]:
            known = {name for where, name in snapshot.sending if where == scope}
            try:
                with understood():
                    every = yield from _identities(connection, snapshot)
                    names = [name for name in every if name not in known]
                    announce(scope, sorted(sets), len(names))
                    connection.expect(len(names))
                    reading = Reader(connection, (), connections.answers)
                    for name in names:
                        yield from reading.email_identity_ahead(name)
                        sending[scope, name] = sending_facts(reading.email_identity(name))
            except AwsError as error:
                text = f"identities that use it as default configuration set could not be read: {error}"
                unreadable.update(dict.fromkeys(sets.values(), text))

        return Job(job, connection)

    side_by_side([looked_up(scope, sets) for scope, sets in doomed.items()], connections, parallelism)
    return replace(snapshot, sending=sending, unreadable=unreadable)


def tenants_of(resources: Mapping[str, Address], connections: Connections, parallelism: int) -> tuple[Problem, ...]:
    """Return warnings of tenants that use identities and configuration sets whose settings are removed. One call for each.

    `resources`: by ARN. Source: AWS developer guide of SES, "Tenants".
    """
    found: list[Problem] = []

    def looked_up(arn: str, address: Address) -> Job:
        connection = connections.of(address)

        def job() -> Iterator[None]:
            what = arns.spoken(arn)
            connection.expect(1)
            yield
            try:
                with understood():
                    names = listing.tenants(connection, arn)
            except AwsError as error:
                text = f"whether tenants use {what} is not known: {error}"
                found.append(Problem(text, str(address), severity="warning"))
                return
            if names:
                text = f"{_tenants(names)} {what}, whose settings are removed"
                hint = "give the tenants another identity or configuration set first"
                found.append(Problem(text, str(address), hint=hint, severity="warning"))

        return Job(job, connection)

    side_by_side([looked_up(arn, address) for arn, address in sorted(resources.items())], connections, parallelism)
    return tuple(sorted(found, key=lambda p: (p.path, p.summary)))


def _tenants(names: list[str]) -> str:
    return f"tenant {names[0]} uses" if len(names) == 1 else f"tenants {', '.join(names)} use"
