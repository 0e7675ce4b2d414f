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
    """Return all tagged resources of the connected accounts and regions that the specs do not name.

    One call for 100 tagged resources, and one call to SES for each of the identities with a loaded spec's tag. Raises AwsError.
    """
    ours: list[Tagged] = []
    others: dict[tuple[Scope, str], list[str]] = defaultdict(list)
    named = named_resources(desired)
    for scope, connection in {c.scope: c for c in connections.by_place.values()}.items():
        reading = Reader(connection, (), connections.answers)
        with understood(f"an answer in {scope}"):
            for tagged in _tagged(reading):
                if (tagged.kind, scope, tagged.name) in named:
                    continue
                place = connections.by_place.get((tagged.spec, scope.region))
                # With --since, specs that no longer exist have connections, too.
                if tagged.spec in desired.specs and place is not None and place.scope == scope:
                    ours.append(_with_settings(tagged, reading))
                else:
                    others[scope, tagged.spec].append(tagged.arn)
    return TaggedResources(tuple(ours), {key: tuple(found) for key, found in sorted(others.items())})


def _tagged(reading: Reader) -> Iterator[Tagged]:
    """Yield the resources with our tag in one account and region, of the kinds that a spec can name."""
    every = (Tagged(reading.connection.scope, arn, spec) for arn, spec in sorted(reading.owners.items()))
    return (tagged for tagged in every if tagged.kind)


def _with_settings(tagged: Tagged, reading: Reader) -> Tagged:
    if tagged.kind != "identity":
        return tagged
    facts = sending_facts(reading.email_identity(tagged.name))
    policies = tuple(sorted(p for p in facts.policies if p.startswith(GRANT_PREFIX)))
    return replace(tagged, policies=policies, default_set=facts.default_set)
