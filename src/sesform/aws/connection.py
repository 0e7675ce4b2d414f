"""One account and region as one spec reaches it: every call, with its turn, its attempts and its check of the answer."""

from __future__ import annotations

import itertools
import logging
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from botocore import xform_name

from sesform.aws import answers, retries
from sesform.aws.clients import Clients, Hooks, Login, calling
from sesform.aws.failures import explain
from sesform.aws.pacing import Pacer, Stopped
from sesform.aws.retries import ChangedTopics
from sesform.errors import AwsError, ReadOnlyError, SesformError
from sesform.model.address import Scope
from sesform.model.quotas import SES_SENDS_PER_SECOND, is_send
from sesform.model.values import printable

log = logging.getLogger("sesform.aws")

SERVICES = ("ses", "sesv2", "sns")
TAGGING = "resourcegroupstaggingapi"  # the client is created when it is first needed, which most runs never do
CLOUDTRAIL = "cloudtrail"  # likewise: only `drift --blame` looks up events
_READS = ("Get", "List", "Describe", "LookupEvents")


class Throttled(NamedTuple):
    """AWS throttles a service in a scope. `seconds`: since when it has accepted no call."""

    scope: Scope
    service: str  # the prefix of its IAM actions: ses, sns, kms, tag or cloudtrail
    seconds: float


OnThrottled = Callable[[Throttled], None]


class Connection:
    """AWS as one spec reaches it in one region. Safe to use from several threads.

    `pacer`: gives the turns of calls to SES. `lookups`: those of lookups in CloudTrail; without it they are not paced. `sending`:
    those of messages, which have a quota of their own. `permitted`: the writing calls, in terms of IAM, that are allowed though the
    connection only reads. `changed`: the topics that the run has changed, shared by its connections. `on_throttled`: called now
    and then while AWS throttles calls, from any thread.
    """

    def __init__(
        self,
        scope: Scope,
        login: Login,
        pacer: Pacer,
        *,
        read_only: bool,
        clients: Clients | None = None,
        changed: ChangedTopics | None = None,
        lookups: Pacer | None = None,
    ) -> None:
        self.scope = scope
        self.read_only = read_only
        self.permitted: frozenset[str] = frozenset()
        self.on_throttled: OnThrottled = lambda throttled: None
        self._changed = changed or ChangedTopics(pacer.timer)
        self.calls: Counter[str] = Counter()
        self.throttled: Counter[str] = Counter()
        self.ended = self.expected = 0  # of the reads of SES
        self.pacer = pacer
        self.lookups = lookups or Pacer(None, pacer.timer)
        self.sending = Pacer(SES_SENDS_PER_SECOND, pacer.timer)
        self._turns = {"ses": pacer, "sesv2": pacer, CLOUDTRAIL: self.lookups}
        self._lock, self._by_thread = threading.Lock(), threading.local()
        self._login, self._shared = login, clients or Clients()
        self._clients: dict[str, Any] = {}
        for service in SERVICES:
            self.open(service)

    def open(self, service: str) -> Any:
        """Return the client of a service, made if needed."""
        if service not in self._clients:
            self._clients[service] = self._shared.of(self._login.session, service, self.scope.region)
        return self._clients[service]

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        """Make one call, e.g. `call("ses", "ListIdentities", MaxItems=10)`, and return AWS's answer.

        `service`: ses, sesv2, sns, sqs, kms, TAGGING or CLOUDTRAIL. Waits for its turn, and retries as `retries` says. Raises
        AwsError if AWS refuses the call, cannot be reached or answers in an unexpected form, ReadOnlyError for a writing call on a
        connection that only reads. After `stop` raises Stopped, or the AwsError of an earlier attempt that may have been carried
        out.
        """
        try:
            return self._call(service, operation, params)
        finally:
            if self._turns.get(service) is self.pacer and operation.startswith(_READS):
                with self._lock:
                    self.ended += 1

    def _call(self, service: str, operation: str, params: dict[str, Any]) -> dict[str, Any]:
        log.debug("%s:%s in %s%s", _prefix(service), operation, self.scope, _told(params))
        name, started = f"{_prefix(service)}:{operation}", self.pacer.timer.now()
        self._changed.note(operation, params, {})
        in_doubt: AwsError | None = None  # the last attempt that may have been carried out
        for attempt in itertools.count(1):
            try:
                answer = self._attempt(service, operation, params)
            except SesformError:
                raise
            except Stopped:
                if in_doubt is not None:
                    raise in_doubt from None
                raise
            except Exception as error:
                failure = explain(error, name, str(self.scope))
                if isinstance(failure, AwsError) and failure.maybe_done:
                    in_doubt = failure
                if not self._retried(service, operation, params, error, attempt, started):
                    raise failure from error
                turns = self._turns_of(service, operation)
                if not (
                    retries.throttled(error) and turns is not None and turns.paced
                ):  # a paced call waits for its turn
                    self._wait(retries.pause(attempt), in_doubt)
            else:
                break
        self._changed.note(operation, params, answer)
        self._by_thread.writes = self.writes_of_thread + (not operation.startswith(_READS))
        return answer

    @property
    def writes_of_thread(self) -> int:
        """How many writing calls of the current thread AWS has carried out."""
        writes: int = getattr(self._by_thread, "writes", 0)
        return writes

    def _attempt(self, service: str, operation: str, params: Mapping[str, Any]) -> dict[str, Any]:
        client = self._clients.get(service) or self._late(service)
        throttled = failed = False
        try:
            with calling(self._login.credentials, self._hooks(service)):
                answer: dict[str, Any] = getattr(client, xform_name(operation))(**params)
        except Exception as error:
            throttled = retries.throttled(error)
            failed = not throttled and retries.transient(error)
            raise
        finally:
            turns = self._turns_of(service, operation)
            if turns is not None:
                turns.answered(operation, throttled=throttled, failed=failed)
        self.pacer.quotas[_prefix(service)].accepted()
        shape = client.meta.service_model.operation_model(operation).output_shape
        name = f"{_prefix(service)}:{operation}"
        answers.check(answer, shape, name, str(self.scope), wrote=not operation.startswith(_READS))
        return answer

    def _hooks(self, service: str) -> Hooks:
        def made(operation: str) -> None:
            name = f"{_prefix(service)}:{operation}"
            if self.read_only and not operation.startswith(_READS) and name not in self.permitted:
                raise ReadOnlyError(f"{name} was called on a connection that only reads; please report this")

        def sent(operation: str) -> None:
            turns = self._turns_of(service, operation)
            if turns is not None:
                turns.wait()
            else:
                self.pacer.timer.wait(0)  # raises Stopped after a stop
            with self._lock:
                self.calls[f"{_prefix(service)}:{operation}"] += 1

        return Hooks(made, sent)

    def _turns_of(self, service: str, operation: str) -> Pacer | None:
        """Return what gives a call its turn, None for a call that needs none."""
        return self.sending if is_send(f"{_prefix(service)}:{operation}") else self._turns.get(service)

    def _retried(
        self, service: str, operation: str, params: Mapping[str, Any], error: Exception, attempt: int, started: float
    ) -> bool:
        """Return whether a failed attempt is followed by another one."""
        if retries.throttled(error):
            with self._lock:
                self.throttled[f"{_prefix(service)}:{operation}"] += 1
            seconds, due = self.pacer.quotas[_prefix(service)].throttled()
            if due:
                self.on_throttled(Throttled(self.scope, _prefix(service), seconds))
            return seconds < retries.MAX_STARVATION
        if retries.transient(error):
            if is_send(f"{_prefix(service)}:{operation}"):
                return False  # it may have been sent, and none is sent twice
            return attempt < retries.MAX_ATTEMPTS
        self.pacer.quotas[_prefix(service)].accepted()  # the quota let it through
        waited = self.pacer.timer.now() - started
        return waited < retries.MAX_SPREADING and retries.not_yet(error, operation, params, self._changed)

    def _wait(self, seconds: float, in_doubt: AwsError | None) -> None:
        """Wait before another attempt. If the run is stopped meanwhile, raises `in_doubt`, or else Stopped."""
        try:
            self.pacer.timer.wait(seconds)
        except Stopped:
            if in_doubt is not None:
                raise in_doubt from None
            raise

    def made(self) -> Counter[str]:
        """Return a copy of the number of attempts so far, by operation."""
        with self._lock:
            return self.calls.copy()

    def expect(self, calls: int) -> None:
        """Record that this many reads of SES will be made, for the progress of the run."""
        with self._lock:
            self.expected += calls

    def stop(self) -> None:
        """Send no call any more that waits for its turn. Calls under way finish."""
        self.pacer.stop()

    @property
    def endpoints(self) -> dict[str, str]:
        """The host of each service's endpoint."""
        return {
            service: urlsplit(client.meta.endpoint_url).hostname or ""
            for service, client in list(self._clients.items())
        }

    def _late(self, service: str) -> Any:
        """Return the client of a service that is first needed now.

        Raises AwsError if its endpoint is redirected and those of the other services are not, or the other way round: it would
        belong to another AWS.
        """
        client = self.open(service)
        host = self.endpoints[service]
        if is_aws(host) == is_aws(self.endpoints["sns"]):
            return client
        self._clients.pop(service, None)  # another thread may have found the same
        one, other = ("AWS's", "are not") if is_aws(host) else ("not AWS's", "are")
        raise AwsError(
            f"endpoint {host} is {one}, and the endpoints of the other services {other}",
            operation=service,
            where=str(self.scope),
            hint=f"set AWS_ENDPOINT_URL, or set AWS_ENDPOINT_URL_{service.upper()} like those of the other services",
        )


def _told(params: Mapping[str, Any]) -> str:
    """Return the parameters for the log. Long values (policies, lists, definitions) are cut."""
    texts = {name: printable(str(value)) for name, value in params.items()}
    return "".join(f" {name}={text[:60]}{'...' if len(text) > 60 else ''}" for name, text in texts.items())


def _prefix(service: str) -> str:
    return {"sesv2": "ses", TAGGING: "tag"}.get(service, service)  # the prefixes of IAM actions


def is_aws(host: str) -> bool:
    """Return whether a host belongs to AWS."""
    return host.endswith((".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu"))
