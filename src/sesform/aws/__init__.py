"""The only place that calls AWS. It checks accounts, paces and retries calls, and raises errors that say what to do.

`Logins.connect` returns a Connection for each spec and region; everything else calls AWS through `Connection.call`. The rules:

- **Pacing.** SES accepts one call a second in each account and region. Every attempt of a call to SES waits for its turn in its
  scope; other services are not paced.
- **Retries.** Throttled calls, transient faults, and answers that mean "not yet" are sent again; `retries` says for how long.
  Every attempt is paced and counted like the first. botocore's own retries are off: they cannot be stopped.
- **Read-only.** A connection refuses writing calls before they are sent, until `Connections.allow_writes`.

Only this package uses botocore. It does not use boto3, whose import takes a tenth of a second.
"""

from __future__ import annotations

import itertools
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import botocore.session
from botocore import xform_name

from sesform.aws import answers, retries
from sesform.aws.failures import explain
from sesform.aws.pacing import Pacer, Stopped, Timer
from sesform.aws.retries import ChangedTopics
from sesform.aws.sessions import OpenSession, config, external_id, log_in, open_session
from sesform.aws.threads import Workers
from sesform.errors import AwsError, ReadOnlyError, SesformError
from sesform.model.address import Access, Address, Scope
from sesform.model.quotas import SES_CALLS_PER_SECOND
from sesform.model.values import printable

log = logging.getLogger("sesform.aws")

SERVICES = ("ses", "sesv2", "sns")
TAGGING = "resourcegroupstaggingapi"  # the client is created when it is first needed, which most runs never do
_PACED = ("ses", "sesv2")
_READS = ("Get", "List", "Describe")

_MAKING = threading.Lock()


class Throttled(NamedTuple):
    """AWS throttles a service in a scope. `seconds`: since when it has accepted no call."""

    scope: Scope
    service: str  # the prefix of its IAM actions: ses, sns, kms or tag
    seconds: float


OnThrottled = Callable[[Throttled], None]


class Connection:
    """AWS as one spec reaches it in one region. Safe to use from several threads.

    `changed`: the topics that the run has changed, shared by its connections. `on_throttled`: called now and then while AWS
    throttles calls, from any thread.
    """

    def __init__(
        self,
        scope: Scope,
        session: botocore.session.Session,
        pacer: Pacer,
        *,
        read_only: bool,
        parallelism: int = 10,
        changed: ChangedTopics | None = None,
    ) -> None:
        self.scope = scope
        self.read_only = read_only
        self.on_throttled: OnThrottled = lambda throttled: None
        self._changed = changed or ChangedTopics(pacer.timer)
        self.calls: Counter[str] = Counter()
        self._pacer = pacer
        self._lock = threading.Lock()
        self._session, self._config = session, config(parallelism, attempts=1)
        self._clients: dict[str, Any] = {}
        for service in SERVICES:
            self.open(service)

    def open(self, service: str) -> Any:
        """Return the client of a service, created if needed."""
        with _MAKING:  # connections share sessions, and a session creates one client at a time
            if service not in self._clients:
                client = self._session.create_client(service, region_name=self.scope.region, config=self._config)
                self._watch(service, client)
                self._clients[service] = client
            return self._clients[service]

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Make one call, e.g. `call("ses", "ListIdentities", MaxItems=10)`, and return AWS's answer.

        `service`: ses, sesv2, sns, kms or TAGGING. Waits for its turn, and retries as `retries` says. Raises AwsError if AWS
        refuses the call, cannot be reached or answers in an unexpected form, ReadOnlyError for a writing call on a connection
        that only reads, and Stopped after `stop`.
        """
        log.debug("%s:%s in %s%s", _prefix(service), operation, self.scope, _told(params))
        name, started = f"{_prefix(service)}:{operation}", self._pacer.timer.now()
        self._changed.note(operation, params, {})
        for attempt in itertools.count(1):
            try:
                answer = self._attempt(service, operation, params)
            except (SesformError, Stopped):
                raise
            except Exception as error:
                failure = explain(error, name, str(self.scope))
                if not self._retried(service, operation, params, error, attempt, started):
                    raise failure from error
                self._wait(retries.pause(attempt), failure)
            else:
                break
        self._changed.note(operation, params, answer)
        return answer

    def _attempt(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        client = self._clients.get(service) or self._late(service)
        answer: dict[str, Any] = getattr(client, xform_name(operation))(**params)
        self._pacer.quotas[_prefix(service)].accepted()
        shape = client.meta.service_model.operation_model(operation).output_shape
        name = f"{_prefix(service)}:{operation}"
        answers.check(answer, shape, name, str(self.scope), wrote=not operation.startswith(_READS))
        return answer

    def _retried(
        self, service: str, operation: str, params: Mapping[str, Any], error: Exception, attempt: int, started: float
    ) -> bool:
        """Return whether a failed attempt is followed by another one."""
        if retries.throttled(error):
            seconds, due = self._pacer.quotas[_prefix(service)].throttled()
            if due:
                self.on_throttled(Throttled(self.scope, _prefix(service), seconds))
            return seconds < retries.MAX_STARVATION
        if retries.transient(error):
            return attempt < retries.MAX_ATTEMPTS
        self._pacer.quotas[_prefix(service)].accepted()  # the quota let it through
        waited = self._pacer.timer.now() - started
        return waited < retries.MAX_SPREADING and retries.not_yet(error, operation, params, self._changed)

    def _wait(self, seconds: float, failure: SesformError) -> None:
        """Wait before another attempt. If the run is stopped meanwhile, raises Stopped.

        Raises the failure instead if the call may have been carried out.
        """
        try:
            self._pacer.timer.wait(seconds)
        except Stopped:
            if isinstance(failure, AwsError) and failure.maybe_done:
                raise failure from None
            raise

    def made(self) -> Counter[str]:
        """Return a copy of the number of attempts so far, by operation."""
        with self._lock:
            return self.calls.copy()

    def stop(self) -> None:
        """Send no call any more that waits for its turn. Calls under way finish."""
        self._pacer.stop()

    @property
    def endpoints(self) -> dict[str, str]:
        """The host of each service's endpoint."""
        return {service: urlsplit(client.meta.endpoint_url).hostname or "" for service, client in self._clients.items()}

    def _late(self, service: str) -> Any:
        """Return the client of a service that is first needed now.

        Raises AwsError if its endpoint is redirected and those of the other services are not, or the other way round: it would
        belong to another AWS.
        """
        client = self.open(service)
        host = self.endpoints[service]
        if _is_aws(host) == _is_aws(self.endpoints["sns"]):
            return client
        del self._clients[service]
        one, other = ("AWS's", "are not") if _is_aws(host) else ("not AWS's", "are")
        raise AwsError(
            f"endpoint {host} is {one}, and the endpoints of the other services {other}",
            operation=service,
            where=str(self.scope),
            hint=f"set AWS_ENDPOINT_URL, or set AWS_ENDPOINT_URL_{service.upper()} like those of the other services",
        )

    def _watch(self, service: str, client: Any) -> None:
        """Register hooks with botocore, so that its own retries are paced, counted and kept read-only, too."""

        def before_call(model: Any, **_: Any) -> None:
            if self.read_only and not model.name.startswith(_READS):
                raise ReadOnlyError(
                    f"{_prefix(service)}:{model.name} was called on a connection that only reads; please report this"
                )

        def before_send(event_name: str, **_: Any) -> None:
            if service in _PACED:
                self._pacer.wait()
            operation = f"{_prefix(service)}:{event_name.rsplit('.', 1)[-1]}"
            with self._lock:
                self.calls[operation] += 1

        client.meta.events.register("before-call", before_call)
        client.meta.events.register_first("before-send", before_send)


def _told(params: Mapping[str, Any]) -> str:
    """Return the parameters for the log. Long values (policies, lists, definitions) are cut."""
    texts = {name: printable(str(value)) for name, value in params.items()}
    return "".join(f" {name}={text[:60]}{'...' if len(text) > 60 else ''}" for name, text in texts.items())


def _prefix(service: str) -> str:
    return {"sesv2": "ses", TAGGING: "tag"}.get(service, service)  # the prefixes of IAM actions


@dataclass(frozen=True, slots=True)
class Settings:
    """How to connect.

    `rate`: SES calls a second in each scope, None for no pacing. `tags`: whether tags will be read or written. `open_session`:
    makes the session of a profile and an account. `timer`: the clock of the run, on which it waits and is stopped.
    """

    read_only: bool = True
    rate: float | None = SES_CALLS_PER_SECOND
    parallelism: int = 10
    tags: bool = False
    open_session: OpenSession = open_session
    timer: Timer = field(default_factory=Timer)


@dataclass(slots=True)
class Connections:
    """The connections of a run, by spec and region."""

    by_place: dict[tuple[str, str], Connection]
    warnings: list[str] = field(default_factory=list)

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

    def stop(self) -> None:
        for connection in self.by_place.values():
            connection.stop()


class Logins:
    """Connections that are kept, so that a run logs in to each account once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: dict[tuple[Access, str], Connection] = {}
        self._pacers: dict[Scope, Pacer] = {}
        self._changed = ChangedTopics(settings.timer)

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
            settings = replace(self._settings, tags=tags)
            made = connect(missing, access, settings, self._pacers, self._changed)
            self._made |= {key: made.by_place[place] for place, key in missing.items()}
        connections = Connections({place: self._made[key] for place, key in wanted.items()})
        for connection in connections.by_place.values():
            connection.read_only = True
            connection.on_throttled = on_throttled
        connections.warnings += _half_redirected(connections.by_place.values()) if missing else []
        return connections


def connect(
    places: Iterable[tuple[str, str]],
    access: Mapping[str, Access],
    settings: Settings,
    pacers: dict[Scope, Pacer] | None = None,
    changed: ChangedTopics | None = None,
) -> Connections:
    """Log in to the account of each (spec, region), check it, and connect. `pacers`, `changed`: those of earlier connections.

    Raises CredentialsError, AwsError or AccountError before any other call is made.
    """
    pacers = {} if pacers is None else pacers
    changed = changed or ChangedTopics(settings.timer)
    wanted = {place: (access[place[0]], place[1]) for place in dict.fromkeys(places)}
    sessions: dict[Access, botocore.session.Session] = {}
    first_region = dict(reversed(list(wanted.values())))
    with Workers(len(first_region)) as pool:
        waiting = {who: pool.submit(log_in, who, region, settings.open_session) for who, region in first_region.items()}
        sessions = {who: future.result() for who, future in waiting.items()}
    made: dict[tuple[Access, str], Connection] = {}
    for who, region in wanted.values():
        if (who, region) not in made:
            scope = Scope(who.account, region)
            made[who, region] = Connection(
                scope,
                sessions[who],
                pacers.setdefault(scope, Pacer(settings.rate, settings.timer)),
                read_only=settings.read_only,
                parallelism=settings.parallelism,
                changed=changed,
            )
    for connection in made.values() if settings.tags else ():
        connection.open(TAGGING)  # so that a redirection that lacks this service is reported
    connections = Connections({place: made[key] for place, key in wanted.items()})
    connections.warnings += _half_redirected(made.values())
    return connections


def _is_aws(host: str) -> bool:
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu"))


def _half_redirected(connections: Iterable[Connection]) -> list[str]:
    hosts = {f"{service}={host}": _is_aws(host) for c in connections for service, host in c.endpoints.items()}
    if len(set(hosts.values())) < 2:
        return []
    real = sorted(service for service, is_aws in hosts.items() if is_aws)
    text = (
        f"only some endpoints are redirected; calls to {', '.join(real)} still go to AWS; "
        "set AWS_ENDPOINT_URL, or each of AWS_ENDPOINT_URL_SES, _SESV2, _SNS, _STS and _RESOURCE_GROUPS_TAGGING_API"
    )
    return [text]


__all__ = [
    "TAGGING",
    "Connection",
    "Connections",
    "Logins",
    "OpenSession",
    "Pacer",
    "Settings",
    "Stopped",
    "Throttled",
    "Timer",
    "Workers",
    "connect",
    "external_id",
    "open_session",
]
