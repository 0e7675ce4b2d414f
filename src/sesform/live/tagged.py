"""Read which resources carry an ownership tag."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from sesform.errors import understood
from sesform.live.snapshot import Tagged, TaggedResources, sending_facts
from sesform.model.address import Scope
from sesform.resources.reader import Reader
from sesform.specs.desired import Desired
from sesform.specs.schema import GRANT_PREFIX

if TYPE_CHECKING:
    from sesform.aws import Connections
from sesform.specs.desired import named_resources


def find(desired: Desired, connections: Connections) -> TaggedResources:
    """All tagged things of the accounts and regions that are connected to and that the specs do not name.

    One call for a hundred tagged things, and one to SES for each identity that is to be taken back. Raises AwsError.
    """
    ours: list[Tagged] = []
    others: dict[tuple[Scope, str], list[str]] = defaultdict(list)
    named = named_resources(desired)
    for scope, connection in {c.scope: c for c in connections.by_place.values()}.items():
        reading = Reader(connection, ())
        with understood(f"an answer in {scope}"):
            for tagged in _tagged(reading):
                if (tagged.kind, scope, tagged.name) in named:
                    continue
                place = connections.by_place.get((tagged.spec, scope.region))
                # With --since there are places of others.
                if tagged.spec in desired.specs and place is not None and place.scope == scope:
                    ours.append(_with_settings(tagged, reading))
                else:
                    others[scope, tagged.spec].append(tagged.arn)
    return TaggedResources(tuple(ours), {key: tuple(found) for key, found in sorted(others.items())})


def _tagged(reading: Reader) -> Iterator[Tagged]:
    """What carries a tag of ours in one account and region, and is of a kind that a spec could name."""
    every = (Tagged(reading.connection.scope, arn, spec) for arn, spec in sorted(reading.owners.items()))
    return (tagged for tagged in every if tagged.kind)


def _with_settings(tagged: Tagged, reading: Reader) -> Tagged:
    if tagged.kind != "identity":
        return tagged
    facts = sending_facts(reading.email_identity(tagged.name))
    policies = tuple(sorted(p for p in facts.policies if p.startswith(GRANT_PREFIX)))
    return replace(tagged, policies=policies, default_set=facts.default_set)
