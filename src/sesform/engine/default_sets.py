"""Read the default configuration sets of identities whose events seem to have no receiver: one SES call for each identity."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

from sesform.engine.settings import Settings
from sesform.live.snapshot import Snapshot
from sesform.model.address import Address, Scope
from sesform.planning.routes import VITAL, Matrix, Received, received
from sesform.specs.declared import Declared
from sesform.specs.desired import Desired

if TYPE_CHECKING:
    from sesform.aws import Connections


def unheard(matrix: Matrix, snapshot: Snapshot) -> set[tuple[Scope, str]]:
    """Return the identities whose bounces or complaints have no receiver, apart from their default sets."""
    return {
        (subject.scope, subject.name)
        for subject, routes in matrix.items()
        if subject.kind == "identity"
        and subject.event in VITAL
        and received(routes) is Received.NO
        and (subject.scope, subject.name) not in snapshot.sending
    }


def read_default_sets(
    identities: set[tuple[Scope, str]],
    desired: Desired,
    snapshot: Snapshot,
    connections: Connections,
    settings: Settings,
) -> Snapshot:
    """Return the snapshot with the default configuration sets of these identities, and with the topics of the sets.

    Identities that no spec names are left out. Each is one GetEmailIdentity call, each set that was not read one more.
    """
    from sesform.live import kms_keys, refresh
    from sesform.planning.checks.kms_keys import of_topics

    probes = list(_probes(desired, identities))
    if not probes:
        return snapshot
    found = refresh.read(probes, (), connections, settings.parallelism, identities=False, topics=False)
    names = {(p.scope, n): p for p in probes if (n := found.found.get(p.address, {}).get("configuration_set"))}
    sets = [
        replace(p, address=replace(p.address, type="configuration_set", key=n), key={"configuration_set": n})
        for (scope, n), p in names.items()
        if (scope, n) not in snapshot.configuration_sets
    ]
    further = refresh.read(sets, (), connections, settings.parallelism, identities=False)
    merged = replace(
        snapshot,
        found={**snapshot.found, **found.found, **further.found},
        sending={**found.sending, **snapshot.sending},
        configuration_sets=snapshot.configuration_sets | further.configuration_sets,
        topics={**further.topics, **snapshot.topics},
        subscribers={**further.subscribers, **snapshot.subscribers},
    )
    return kms_keys.read(of_topics(further) - snapshot.keys.keys(), merged, connections, settings.parallelism)


def _probes(desired: Desired, identities: set[tuple[Scope, str]]) -> Iterable[Declared]:
    asked = {(scope, name) for scope, name in identities if not name.startswith("arn:")}
    for declared in desired.declared.values():
        key = declared.scope, declared.key.get("identity", "")
        if key in asked:
            asked.discard(key)
            address = Address(declared.address.spec, declared.address.region, "default_configuration_set", key[1])
            yield replace(declared, address=address, key={"identity": key[1]}, desired=None)
