"""What else publishes to topics that are to go: looked for among all identities and sets of their account and region.

SES takes a topic that is gone off the identity itself (AWS developer guide, "Configuring Amazon SNS notifications"), and a set's
events are lost. A plan that deletes no topic makes none of these calls. Of other accounts the topic's own policy tells: whom it
lets publish may do so still.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING

from sesform import arns, estate, inventory, policy
from sesform.address import Address, Scope
from sesform.desired import Declared
from sesform.errors import AwsError, Problem
from sesform.live import Snapshot, identity_facts, side_by_side
from sesform.plan import Plan
from sesform.quota import IDENTITIES_A_CALL
from sesform.resources import RESOURCES, Reading

if TYPE_CHECKING:
    from sesform.aws import Connection, Connections

# Told of each account before its identities and sets are asked for: the scope, and the calls that it takes.
Tell = Callable[[Scope, int], None]


def look_up(
    of: Plan, snapshot: Snapshot, connections: Connections, parallelism: int, tell: Tell
) -> tuple[Snapshot, tuple[Problem, ...]]:
    """The snapshot, with the topics of all identities and the destinations of all sets where the plan deletes a topic.

    Where they may not be looked at there is a warning: a role of a delegate may have no right to SES at all.
    """
    doomed: dict[Scope, dict[str, Address]] = defaultdict(dict)
    for arn, change in sorted(estate.deleted_topics(of).items()):
        doomed[change.scope][arn] = change.address
    accounts = {connection.scope.account for connection in connections.by_place.values()}
    known = {name for _, name in snapshot.identities}
    identities, found, problems = dict(snapshot.identities), dict(snapshot.found), list[Problem]()

    def looked_up(scope: Scope, topics: Mapping[str, Address]) -> Callable[[], None]:
        addresses = list(topics.values())

        def job() -> None:
            connection = connections.of(addresses[0])
            try:
                reading = Reading(connection, ())
                for arn, address in topics.items():
                    let_in = _let_in(reading, arn, accounts) - known
                    problems.extend([_of_others(address, let_in)] if let_in else [])
                others, sets = _unread(connection, snapshot)
                tell(scope, math.ceil(len(others) / IDENTITIES_A_CALL) + len(sets))
                for name, attributes in reading.notification_attributes_of(others).items():
                    identities[scope, name] = identity_facts(attributes)
                wanted = [_set(addresses[0], scope, name) for name in sets]
                found.update(RESOURCES["event_destination"].read(Reading(connection, wanted), wanted))
            except AwsError as error:
                text = f"whether anything that no spec names uses the topics that go in {scope} could not be looked at: {error}"
                concerns = tuple(map(str, addresses))
                problems.append(Problem(text, concerns[0], severity="warning", concerns=concerns))

        return job

    side_by_side([looked_up(scope, topics) for scope, topics in doomed.items()], connections, parallelism)
    return replace(snapshot, identities=identities, found=found), tuple(sorted(problems, key=lambda p: p.summary))


def _let_in(reading: Reading, arn: str, accounts: Collection[str]) -> set[str]:
    """The identities and sets of other accounts that the topic's policy lets publish."""
    held = reading.topic_attributes(arn) or {}
    with suppress(ValueError):  # a policy that nobody can read names nobody
        sources = policy.source_arns(policy.parse(held.get("Policy", "")))
        return {s for s in sources if (of := arns.parse(s)) and of.service == "ses" and of.account not in accounts}
    return set()


def _of_others(address: Address, let_in: Collection[str]) -> Problem:
    text = (
        f"is to be deleted, and its policy lets {', '.join(sorted(let_in))} publish to it, of which no spec here speaks"
    )
    hint = "load the specs of their accounts too, or make sure that they have moved: SES drops a topic that is gone"
    return Problem(text, str(address), hint=hint, severity="warning")


def _unread(connection: Connection, snapshot: Snapshot) -> tuple[list[str], list[str]]:
    """The identities and the sets that were not read yet."""
    scope = connection.scope
    others = [name for name in inventory.identities(connection) if (scope, name) not in snapshot.identities]
    known = snapshot.configuration_sets
    return others, [name for name in inventory.configuration_sets(connection) if (scope, name) not in known]


def _set(beside: Address, scope: Scope, name: str) -> Declared:
    address = replace(beside, type="configuration_set", key=name)
    return Declared(address, scope, {"configuration_set": name}, None)
