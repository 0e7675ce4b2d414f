"""Who uses a configuration set by default: looked for among all identities of an account, and only when the set is to go.

SES has no call that tells it. So each identity is asked for by itself, at one call a second (AWS developer guide, "Service quotas
in Amazon SES"); a plan that deletes no set makes none of these calls.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from sesform import estate
from sesform.errors import AwsError, understood
from sesform.live import listing
from sesform.live.refresh import side_by_side
from sesform.live.snapshot import SendingFacts, Snapshot, sending_facts
from sesform.model.address import Address, Scope
from sesform.plan import Plan
from sesform.resources import Reading

if TYPE_CHECKING:
    from sesform.aws import Connection, Connections

# Told of each account before its identities are asked for: the scope, its sets that are to go, and the calls that it takes.
Tell = Callable[[Scope, list[str], int], None]


def look_up(of: Plan, snapshot: Snapshot, connections: Connections, parallelism: int, tell: Tell) -> Snapshot:
    """The snapshot, with the default sets of all identities of each account and region where the plan deletes a set.

    Where they cannot be read, the set that is to go counts as unreadable: then nobody knows who uses it.
    """
    doomed: dict[Scope, dict[str, Address]] = defaultdict(dict)
    for (scope, name), change in estate.deleted_sets(of).items():
        doomed[scope][name] = change.address
    sending, unreadable = dict(snapshot.sending), dict(snapshot.unreadable)

    def looked_up(scope: Scope, sets: Mapping[str, Address]) -> Callable[[], None]:
        def job() -> None:
            connection = connections.of(min(sets.values()))
            known = {name for where, name in snapshot.sending if where == scope}
            try:
                with understood():
                    names = [name for name in listing.identities(connection) if name not in known]
                    tell(scope, sorted(sets), len(names))
                    for name, facts in _facts(connection, names):
                        sending[scope, name] = facts
            except AwsError as error:
                text = f"which identities use it by default is unknown: {error}"
                unreadable.update(dict.fromkeys(sets.values(), text))

        return job

    side_by_side([looked_up(scope, sets) for scope, sets in doomed.items()], connections, parallelism)
    return replace(snapshot, sending=sending, unreadable=unreadable)


def _facts(connection: Connection, names: Iterable[str]) -> Iterable[tuple[str, SendingFacts]]:
    reading = Reading(connection, ())
    for name in names:
        yield name, sending_facts(reading.email_identity(name))
