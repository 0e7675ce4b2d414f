"""The one place that talks to AWS: checked accounts, paced and retried calls, errors that say what to do. The only user of botocore
(and not of boto3, which adds a tenth of a second to every start and nothing that is needed here).

`connect` gives a Connection for each spec and region. Everything else in sesform calls AWS through `Connection.call`.
"""

from __future__ import annotations

import logging
import random
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import urlsplit

import botocore.session
from botocore import xform_name

from sesform.aws.failures import explain
from sesform.aws.pacing import Pacer, Stopped
from sesform.aws.sessions import OpenSession, config, log_in, open_session
from sesform.errors import AwsError, ReadOnlyError, SesformError
from sesform.model.address import Access, Address, Scope
from sesform.model.quotas import SES_CALLS_PER_SECOND
from sesform.model.values import printable

log = logging.getLogger("sesform.aws")

SERVICES = ("ses", "sesv2", "sns")
TAGGING = "resourcegroupstaggingapi"  # connected to when it is first needed, which in most runs it is not
_PACED = ("ses", "sesv2")
_READS = ("Get", "List", "Describe")

# Answers that mean "not yet" and that botocore does not retry by itself, by (code, part of the text). A topic policy or an IAM
# principal takes a while to spread (hashicorp/terraform-provider-aws#26041); SNS calls its throttling "Throttled".
_NOT_YET = (
    ("Throttled", ""),
    ("InvalidParameter", "PrincipalNotFound"),
    ("InvalidSNSDestination", "Could not publish"),
    ("BadRequestException", "Could not publish"),
    ("InvalidParameterValue", "Could not publish"),
)
_MAX_ATTEMPTS = 5
_MAKING = threading.Lock()


class Connection:
    """AWS as one spec sees it in one region. Safe to use from many threads."""

    def __init__(
        self, scope: Scope, session: botocore.session.Session, pacer: Pacer, *, read_only: bool, parallelism: int = 10
    ) -> None:
        self.scope = scope
        self.read_only = read_only
        self.calls: Counter[str] = Counter()
        self._pacer = pacer
        self._lock = threading.Lock()
        self._session, self._config = session, config(parallelism)
        self._clients: dict[str, Any] = {}
        for service in SERVICES:
            self.open(service)

    def open(self, service: str) -> Any:
        """The client of a service, made if it is not there yet."""
        with _MAKING:  # sessions are shared by connections, and make one client at a time
            if service not in self._clients:
                client = self._session.create_client(service, region_name=self.scope.region, config=self._config)
                self._watch(service, client)
                self._clients[service] = client
            return self._clients[service]

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """One call, e.g. `call("ses", "ListIdentities", MaxItems=10)` → AWS's answer. `service` is ses, sesv2, sns, kms or TAGGING.

        Waits for its turn, and retries throttling and transient faults with backoff, each attempt in its turn. Raises AwsError
        where AWS refuses or cannot be reached, ReadOnlyError where a connection that only reads is asked to write, Stopped
        after `stop`.
        """
        log.debug("%s:%s in %s%s", _prefix(service), operation, self.scope, _told(params))
        try:
            client = self._clients.get(service) or self._late(service)
            answer: dict[str, Any] = getattr(client, xform_name(operation))(**params)
        except (SesformError, Stopped):
            raise
        except Exception as error:
            raise explain(error, f"{_prefix(service)}:{operation}", str(self.scope)) from error
        return answer

    def made(self) -> Counter[str]:
        """The attempts so far by operation, as a copy: other threads go on counting."""
        with self._lock:
            return self.calls.copy()

    def stop(self) -> None:
        """No call that waits for its turn is sent any more; those under way finish."""
        self._pacer.stop()

    @property
    def endpoints(self) -> dict[str, str]:
        """Host of each service's endpoint."""
        return {service: urlsplit(client.meta.endpoint_url).hostname or "" for service, client in self._clients.items()}

    def _late(self, service: str) -> Any:
        """The client of a service that was not opened before its first call. Raises AwsError where that would tell of another AWS
        than the one that is asked: its endpoint is redirected and the others are not, or the other way round."""
        client = self.open(service)
        host = self.endpoints[service]
        if _is_aws(host) == _is_aws(self.endpoints["sns"]):
            return client
        del self._clients[service]
        one, other = ("AWS's", "are not") if _is_aws(host) else ("not AWS's", "are")
        raise AwsError(
            f"its endpoint {host} is {one}, and those of the other services {other}",
            operation=service,
            where=str(self.scope),
            hint=f"set AWS_ENDPOINT_URL, or AWS_ENDPOINT_URL_{service.upper()} as the others are set",
        )

    def _watch(self, service: str, client: Any) -> None:
        """Hooks into botocore, so that its own retries are paced, counted and kept read-only like first attempts."""

        def before_call(model: Any, **_: Any) -> None:
            if self.read_only and not model.name.startswith(_READS):
                raise ReadOnlyError(
                    f"{_prefix(service)}:{model.name} was asked of a connection that only reads; please report this"
                )

        def before_send(event_name: str, **_: Any) -> None:
            if service in _PACED:
                self._pacer.wait()
            operation = f"{_prefix(service)}:{event_name.rsplit('.', 1)[-1]}"
            with self._lock:
                self.calls[operation] += 1

        client.meta.events.register("before-call", before_call)
        client.meta.events.register_first("before-send", before_send)
        client.meta.events.register("needs-retry", _not_yet)


def _not_yet(response: Any, attempts: int, **_: Any) -> float | None:
    """botocore's needs-retry hook: the seconds to wait before another attempt, or None for no opinion."""
    if response is None or attempts >= _MAX_ATTEMPTS:
        return None
    error = response[1].get("Error", {})
    code, message = str(error.get("Code", "")), str(error.get("Message", ""))
    if not any(code == c and text.lower() in message.lower() for c, text in _NOT_YET):
        return None
    return random.uniform(0.5, 1.0) * float(2 ** (attempts - 1))


def _told(params: Mapping[str, Any]) -> str:
    """The parameters in short: long ones (policies, lists of identities, definitions) are cut."""
    shown = (f" {name}={str(value)[:60]}{'...' if len(str(value)) > 60 else ''}" for name, value in params.items())
    return printable("".join(shown))


def _prefix(service: str) -> str:
    return {"sesv2": "ses", TAGGING: "tag"}.get(service, service)  # IAM's names


@dataclass(frozen=True, slots=True)
class Settings:
    """How to connect. `rate`: SES calls a second in each scope (None: not paced); `tags`: whether tags will be asked for;
    `open_session` decides what answers."""

    read_only: bool = True
    rate: float | None = SES_CALLS_PER_SECOND
    parallelism: int = 10
    tags: bool = False
    open_session: OpenSession = open_session


@dataclass(slots=True)
class Connections:
    """The connections of a run, by spec and region."""

    by_place: dict[tuple[str, str], Connection]
    warnings: list[str] = field(default_factory=list)

    def of(self, address: Address) -> Connection:
        return self.by_place[address.spec, address.region]

    def in_scope(self, scope: Scope) -> Connection | None:
        """Any connection to that account and region."""
        return next((c for c in self.by_place.values() if c.scope == scope), None)

    @property
    def calls(self) -> Counter[tuple[Scope, str]]:
        """Attempts made so far, by scope and operation."""
        total: Counter[tuple[Scope, str]] = Counter()
        for connection in {id(c): c for c in self.by_place.values()}.values():
            total.update({(connection.scope, operation): n for operation, n in connection.made().items()})
        return total

    def allow_writes(self) -> None:
        """From here on calls may write: only apply says so, and only when it has been agreed to."""
        for connection in self.by_place.values():
            connection.read_only = False

    def stop(self) -> None:
        for connection in self.by_place.values():
            connection.stop()


class Logins:
    """Connections that are kept: one account is logged in to once, however often its connections are asked for."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._made: dict[tuple[Access, str], Connection] = {}
        self._pacers: dict[Scope, Pacer] = {}

    def connect(
        self, places: Iterable[tuple[str, str]], access: Mapping[str, Access], *, tags: bool = False
    ) -> Connections:
        """Return connections, which only read, for each (spec, region). `tags`: whether tags will be read or written.

        Raises CredentialsError, AwsError or AccountError before anything else has been called.
        """
        wanted = {place: (access[place[0]], place[1]) for place in dict.fromkeys(places)}
        missing = {place: key for place, key in wanted.items() if key not in self._made}
        if missing:
            settings = replace(self._settings, tags=tags)
            made = connect(missing, access, settings, self._pacers)
            self._made |= {key: made.by_place[place] for place, key in missing.items()}
        connections = Connections({place: self._made[key] for place, key in wanted.items()})
        for connection in connections.by_place.values():
            connection.read_only = True
        connections.warnings += _half_redirected(connections.by_place.values()) if missing else []
        return connections


def connect(
    places: Iterable[tuple[str, str]],
    access: Mapping[str, Access],
    settings: Settings,
    pacers: dict[Scope, Pacer] | None = None,
) -> Connections:
    """Logs in to the account of each (spec, region), checks it, and connects. `pacers` are those of earlier connections.

    Raises CredentialsError, AwsError or AccountError before anything else has been called.
    """
    pacers = {} if pacers is None else pacers
    wanted = {place: (access[place[0]], place[1]) for place in dict.fromkeys(places)}
    sessions: dict[Access, botocore.session.Session] = {}
    first_region = dict(reversed(list(wanted.values())))
    with ThreadPoolExecutor(max_workers=max(1, len(first_region))) as pool:
        waiting = {who: pool.submit(log_in, who, region, settings.open_session) for who, region in first_region.items()}
        sessions = {who: future.result() for who, future in waiting.items()}
    made: dict[tuple[Access, str], Connection] = {}
    for who, region in wanted.values():
        if (who, region) not in made:
            scope = Scope(who.account, region)
            pacer = pacers.setdefault(scope, Pacer(settings.rate))
            made[who, region] = Connection(
                scope, sessions[who], pacer, read_only=settings.read_only, parallelism=settings.parallelism
            )
    for connection in made.values() if settings.tags else ():
        connection.open(TAGGING)  # so that a redirection that leaves it out is warned of
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
        f"only some endpoints are redirected; these still go to AWS: {', '.join(real)}; "
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
    "connect",
    "open_session",
]
