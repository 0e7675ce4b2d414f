"""The connections of a run: it logs in to each account once, and checks that the credentials belong to it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from sesform.aws.clients import Clients, Login
from sesform.aws.connection import TAGGING, Connection, OnThrottled, is_aws
from sesform.aws.pacing import Pacer, Timer
from sesform.aws.retries import ChangedTopics
from sesform.aws.senders import Senders
from sesform.aws.sessions import OpenSession, log_in, open_session
from sesform.model.address import Access, Address, Scope
from sesform.model.quotas import LOOKUP, LOOKUPS_PER_SECOND, SES_CALLS_PER_SECOND, CallProgress, Cost, paced


@dataclass(frozen=True, slots=True)
class Settings:
    """How to connect.

    `rate`: SES calls a second in each scope, as for Pacer. `lookup_rate`: the same for lookups in CloudTrail. `parallelism`: the
    most calls in flight. `tags`: whether tags will be read or written. `open_session`: makes the session of a profile and an
    account. `timer`: the clock of the run, on which it waits and is stopped.
    """

    read_only: bool = True
    rate: float | None = SES_CALLS_PER_SECOND
    lookup_rate: float | None = LOOKUPS_PER_SECOND
    parallelism: int = 10
    tags: bool = False
    open_session: OpenSession = open_session
    timer: Timer = field(default_factory=Timer)


class Answers:
    """The answers to reads, by connection and by a key that the reader chooses. Safe to use from several threads."""

    def __init__(self) -> None:
        self._by_connection: dict[Connection, dict[tuple[str, ...], Any]] = {}

    def of(self, connection: Connection) -> dict[tuple[str, ...], Any]:
        """Return the answers to reads over a connection, to be added to."""
        return self._by_connection.setdefault(connection, {})


@dataclass(slots=True)
class Connections:
    """The connections of a pass over AWS, by spec and region. `answers`: what the pass has read, so that it reads nothing twice."""

    by_place: dict[tuple[str, str], Connection]
    warnings: list[str] = field(default_factory=list)
    answers: Answers = field(default_factory=Answers)

    def of(self, address: Address) -> Connection:
        return self.by_place[address.spec, address.region]

    def in_scope(self, scope: Scope) -> Connection | None:
        """Return any connection to that account and region, None if there is none."""
        return next((c for c in self.by_place.values() if c.scope == scope), None)

    @property
    def calls(self) -> Counter[tuple[Scope, str]]:
        """Attempts so far, by scope and operation."""
        total: Counter[tuple[Scope, str]] = Counter()
        for connection in {id(c): c for c in self.by_place.values()}.values():
            total.update({(connection.scope, operation): n for operation, n in connection.made().items()})
        return total

    def allow_writes(self) -> None:
        """Allow writing calls from now on. Only apply does this, after the plan was approved."""
        for connection in self.by_place.values():
            connection.read_only = False

    def permit(self, operations: Iterable[str]) -> None:
        """Allow these writing calls, in terms of IAM, and no others."""
        for connection in self.by_place.values():
            connection.permitted = frozenset(operations)

    def pace_sends(self, rates: Mapping[Scope, float]) -> None:
        """Send as many messages a second in each scope, whichever connection to it sends them."""
        pacers: dict[Scope, Pacer] = {}
        for connection in self.by_place.values():
            if connection.scope in rates:
                made = Pacer(rates[connection.scope], connection.pacer.timer)
                connection.sending = pacers.setdefault(connection.scope, made)

    def stop(self) -> None:
        for connection in self.by_place.values():
            connection.stop()


class Logins:
    """Connections that are kept, so that a run logs in to each account once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._shared = _Shared(settings)
        self._made: dict[tuple[Access, str], Connection] = {}

    def connect(
        self,
        places: Iterable[tuple[str, str]],
        access: Mapping[str, Access],
        *,
        tags: bool = False,
        on_throttled: OnThrottled = lambda throttled: None,
    ) -> Connections:
        """Return read-only connections for each (spec, region). `tags`: whether tags will be read or written.

        Raises CredentialsError, AwsError or AccountError before any other call is made.
        """
        wanted = {place: (access[place[0]], place[1]) for place in dict.fromkeys(places)}
        missing = {place: key for place, key in wanted.items() if key not in self._made}
        if missing:
            made = connect(missing, access, replace(self._settings, tags=tags), self._shared)
            self._made |= {key: made.by_place[place] for place, key in missing.items()}
        connections = Connections({place: self._made[key] for place, key in wanted.items()})
        for connection in connections.by_place.values():
            connection.read_only = True
            connection.permitted = frozenset()
            connection.on_throttled = on_throttled
        connections.warnings += _half_redirected(connections.by_place.values()) if missing else []
        return connections

    def costs(self) -> dict[Scope, Cost]:
        """Return what all connections cost so far, without the calls to STS that log in."""
        found: dict[Scope, Cost] = defaultdict(Cost)
        for connection in list(self._made.values()):
            calls, throttled = connection.made(), sum(connection.throttled.values())
            ses = sum(n for operation, n in calls.items() if paced(operation))
            own = Cost(ses, calls.total() - ses - calls[LOOKUP], throttled, calls[LOOKUP])
            found[connection.scope] = Cost(*(sum(pair) for pair in zip(found[connection.scope], own, strict=True)))
        return dict(found)

    def progress(self) -> dict[Scope, CallProgress]:
        """Return how far the reads of SES are, by scope."""
        found: dict[Scope, CallProgress] = {}
        for each in list(self._made.values()):
            before = found.get(each.scope, CallProgress())
            ended, expected = before.ended + each.ended, before.expected + each.expected
            found[each.scope] = CallProgress(ended, max(ended, expected), each.pacer.seconds)
        return found


class _Shared:
    """What the connections of a run share."""

    def __init__(self, settings: Settings) -> None:
        self.clients = Clients(settings.parallelism)
        self.changed = ChangedTopics(settings.timer)
        self.pacers: dict[Scope, Pacer] = {}
        self.lookups: dict[Scope, Pacer] = {}
        self.logins: dict[Access, Login] = {}


def connect(
    places: Iterable[tuple[str, str]],
    access: Mapping[str, Access],
    settings: Settings,
    shared: _Shared | None = None,
) -> Connections:
    """Log in to the account of each (spec, region), check it, and connect. `shared`: by earlier connections of the run.

    Raises CredentialsError, AwsError or AccountError before any other call is made.
    """
    shared = shared or _Shared(settings)
    wanted = {place: (access[place[0]], place[1]) for place in dict.fromkeys(places)}
    _log_in(
        {who: region for who, region in reversed(list(wanted.values())) if who not in shared.logins}, settings, shared
    )
    made: dict[tuple[Access, str], Connection] = {}
    for who, region in wanted.values():
        if (who, region) not in made:
            scope = Scope(who.account, region)
            if scope not in shared.pacers:
                shared.pacers[scope] = Pacer(settings.rate, settings.timer)
                shared.lookups[scope] = Pacer(settings.lookup_rate, settings.timer)
            made[who, region] = Connection(
                scope,
                shared.logins[who],
                shared.pacers[scope],
                read_only=settings.read_only,
                clients=shared.clients,
                changed=shared.changed,
                lookups=shared.lookups[scope],
            )
    for connection in made.values() if settings.tags else ():
        connection.open(TAGGING)  # so that a redirection that lacks this service is reported
    connections = Connections({place: made[key] for place, key in wanted.items()})
    connections.warnings += _half_redirected(made.values())
    return connections


def _log_in(first_region: Mapping[Access, str], settings: Settings, shared: _Shared) -> None:
    """Log in to each account, in its first region."""
    with Senders(settings.parallelism) as senders:
        waiting = {
            who: senders.submit(partial(log_in, who, region, settings.open_session, shared.clients))
            for who, region in first_region.items()
        }
        shared.logins.update({who: future.result() for who, future in waiting.items()})


def _half_redirected(connections: Iterable[Connection]) -> list[str]:
    hosts = {f"{service}={host}": is_aws(host) for c in connections for service, host in c.endpoints.items()}
    if len(set(hosts.values())) < 2:
        return []
    real = sorted(service for service, is_aws in hosts.items() if is_aws)
    text = (
        f"only some endpoints are redirected; calls to {', '.join(real)} still go to AWS; "
        "set AWS_ENDPOINT_URL, or each of AWS_ENDPOINT_URL_SES, _SESV2, _SNS, _STS and _RESOURCE_GROUPS_TAGGING_API"
    )
    return [text]
