"""List the unmanaged resources in the accounts and regions of the specs. Only reads."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import TYPE_CHECKING

from sesform.errors import AwsError, Problem, understood
from sesform.live import listing as listing_
from sesform.live.jobs import Job, side_by_side
from sesform.live.snapshot import Snapshot, UnmanagedResource
from sesform.model.masking import masked
from sesform.model.quotas import IDENTITIES_PER_CALL
from sesform.model.values import NOTIFICATION_TYPES
from sesform.resources import RESOURCES
from sesform.resources.reader import Reader
from sesform.specs.declared import covering_identity
from sesform.specs.desired import Desired, named_resources

if TYPE_CHECKING:
    from sesform.aws import Answers, Connection, Connections

Listed = tuple[tuple[UnmanagedResource, ...], tuple[Problem, ...]]


def find(desired: Desired, snapshot: Snapshot, connections: Connections, parallelism: int = 10) -> Listed:
    """Return the unmanaged resources of the connected accounts and regions, sorted, and warnings for failed lists.

    Unmanaged are identities with notification settings, topics and configuration sets that no spec names; of resources that specs
    name, destinations of sets that are not exclusive, subscriptions of managed topics, and policies of identities that were read.
    """
    found: list[UnmanagedResource] = [*_destinations(desired, snapshot), *_policies(desired, snapshot)]
    problems: list[Problem] = []
    named = named_resources(desired)

    def listing(connection: Connection, of: Callable[[Connection], Iterable[UnmanagedResource]]) -> Iterator[None]:
        if of is not of_sns:
            yield
        try:
            with understood(f"an answer in {connection.scope}"):
                found.extend(list(of(connection)))
        except AwsError as error:
            text = f"unmanaged resources could not all be listed: {error}"
            problems.append(Problem(text, severity="warning"))

    def of_identities(connection: Connection) -> Iterator[UnmanagedResource]:
        scope = connection.scope
        listed = snapshot.listed.get(scope) or listing_.identities(connection)
        ours = {name for kind, where, name in named if (kind, where) == ("identity", scope)}
        return _identities(connection, listed, ours)

    def of_sets(connection: Connection) -> Iterator[UnmanagedResource]:
        for name in listing_.configuration_sets(connection):
            if ("configuration-set", connection.scope, name) not in named:
                yield UnmanagedResource("configuration_set", connection.scope, name)

    def of_sns(connection: Connection) -> Iterator[UnmanagedResource]:
        for arn in listing_.topics(connection):
            if ("topic", connection.scope, arn.rpartition(":")[2]) not in named:
                yield UnmanagedResource("topic", connection.scope, arn)
        yield from _subscriptions(connection, desired, connections.answers)

    def of_endpoints(connection: Connection) -> Iterator[UnmanagedResource]:
        problems.extend(_global_endpoints(connection, desired))
        return iter(())

    every = {c.scope: c for c in connections.by_place.values()}.values()
    for connection in every:
        listed = snapshot.listed.get(connection.scope)
        connection.expect(2 + math.ceil(len(listed) / IDENTITIES_PER_CALL) if listed else 4)
    lists = (of_identities, of_sets, of_sns, of_endpoints)
    side_by_side([Job(partial(listing, c, of), c) for c in every for of in lists], connections, parallelism)
    return tuple(sorted(found)), tuple(sorted(problems, key=lambda p: p.summary))


def _global_endpoints(connection: Connection, desired: Desired) -> Iterator[Problem]:
    """Yield warnings of Global endpoints, which send mail from a second region: its settings are those of that region.

    Source: AWS developer guide of SES, "Global endpoints".
    """
    scope = connection.scope
    covered = {each.region for each in desired.scopes if each.account == scope.account}
    for name, regions in listing_.global_endpoints(connection).items():
        others = sorted(set(regions) - covered)
        if others:
            text = (
                f"the Global endpoint {name} of {scope} also sends mail from {', '.join(others)}, and the specs of the account "
                "have another region"
            )
            hint = "add the region to the spec, so that bounces and complaints have receivers there too"
            yield Problem(text, hint=hint, severity="warning")


def _identities(connection: Connection, listed: Iterable[str], named: set[str]) -> Iterator[UnmanagedResource]:
    """Yield identities with settings that a new identity does not have, and those that shadow a named one."""
    others = [name for name in listed if name not in named]
    attributes = Reader(connection, ()).notification_attributes_of(others)
    for name, held in attributes.items():
        parts = []
        for type_ in NOTIFICATION_TYPES:
            topic = held.get(f"{type_.capitalize()}Topic")
            headers = held.get(f"HeadersIn{type_.capitalize()}NotificationsEnabled")
            if topic or headers:
                parts.append(f"{type_} {topic or 'without a topic'}{' with headers' if headers else ''}")
        if not held["ForwardingEnabled"]:
            parts.append("e-mail forwarding off")
        wider = covering_identity(name, named)
        if wider:
            parts.append(f"its mail does not follow the settings of {wider}")
        if parts:
            yield UnmanagedResource("identity", connection.scope, name, "; ".join(parts))


def _subscriptions(connection: Connection, desired: Desired, answers: Answers) -> Iterator[UnmanagedResource]:
    reading, spoken_of = Reader(connection, (), answers), desired.named
    managed = [d for d in desired.of_type("topic") if d.desired is not None]
    for topic in managed:
        if topic.scope == connection.scope:
            arn = topic.key["topic_arn"]
            for protocol, endpoint in reading.subscriptions(arn):
                key = ("subscription", topic.scope, (arn, protocol, endpoint))
                if key not in spoken_of:
                    shown = masked(endpoint)
                    yield UnmanagedResource("subscription", topic.scope, f"{protocol} {shown}", f"of {arn}")


def _destinations(desired: Desired, snapshot: Snapshot) -> Iterator[UnmanagedResource]:
    """Yield the event destinations of sets that are not exclusive, which the specs do not list."""
    open_sets = {
        (d.address.spec, d.address.region, d.key["configuration_set"]): d.scope
        for d in desired.of_type("configuration_set")
        if d.desired is not None and d.address not in desired.exclusive
    }
    for address, prior in snapshot.found.items():
        if RESOURCES[address.type].listed_by is not None and address not in desired.declared:
            scope = open_sets.get((address.spec, address.region, prior["configuration_set"]))
            if scope is not None:
                yield UnmanagedResource(address.type, scope, f"{prior['configuration_set']}/{prior['name']}")


def _policies(desired: Desired, snapshot: Snapshot) -> Iterator[UnmanagedResource]:
    spoken_of = desired.named
    for (scope, identity), facts in snapshot.sending.items():
        for name in facts.policies:
            if ("sending_policy", scope, (identity, name)) not in spoken_of:
                yield UnmanagedResource("sending_policy", scope, f"{identity}/{name}")
