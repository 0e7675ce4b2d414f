"""The sandbox: several AWS accounts in one process, which answer the clients of a botocore session."""

from __future__ import annotations

import io
import os
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sesform.model import arns
from sesform_sandbox import events, kms, moto_version, sending, sts
from sesform_sandbox.context import Call, Context, Published, Trail
from sesform_sandbox.faults import Fault
from sesform_sandbox.rules import NOTIFICATION_TYPES, identity_key
from sesform_sandbox.ses_v2 import QUOTA
from sesform_sandbox.simulator import Disturbance, Event
from sesform_sandbox.state import ForeignIdentity, GlobalEndpoint, Identity, Key, Role, SendingQuota, Tenant
from sesform_sandbox.store import Store

if TYPE_CHECKING:
    import boto3
    import botocore.session
    from botocore.awsrequest import AWSPreparedRequest, AWSResponse

    from sesform_sandbox.simulator import Simulator
    from sesform_sandbox.throttle import Throttle
    from sesform_sandbox.wire import Answer, Request


class Sandbox:
    """An emulated AWS: SES v1 and v2, SNS, SQS, STS, KMS and LookupEvents of CloudTrail with AWS's rules; moto answers for others.

    `state`: the file that keeps it between processes (JSON, replaced atomically after each call that changes something; processes
    may share it); None keeps it in memory. `rate`: SES calls per second for each account and region, versions 1 and 2 together;
    None for no quota. Thread-safe.

    Warns with MotoVersionWarning if the sandbox was not tested with the installed moto. Raises ModuleNotFoundError if moto is not
    installed (it comes with `sesform[sandbox]`). An unusable state file raises SandboxStateError at the first use, not here, so
    that `reset` can always be called.
    """

    def __init__(self, state: Path | None = None, *, rate: float | None = None) -> None:
        moto_version.check()
        from sesform_sandbox import dispatch  # imports moto

        self._store = Store(state)
        self._dispatcher = dispatch.Dispatcher(self._store, rate)

    # --- looking in ----------------------------------------------------------------------------------------------------

    @property
    def calls(self) -> list[Call]:
        """All requests so far, in order."""
        return self._dispatcher.calls

    @property
    def published(self) -> list[Published]:
        """All messages to topics, in order."""
        return self._dispatcher.published

    @property
    def throttle(self) -> Throttle:
        """The quota. Tests may replace `throttle.clock`."""
        return self._dispatcher.throttle

    @property
    def trail(self) -> Trail:
        """CloudTrail: its delay, its clock and its quota. The quota of two lookups a second counts if the sandbox has a `rate`."""
        return self._dispatcher.trail

    @property
    def simulator(self) -> Simulator:
        """The mailbox simulator. Tests may set `simulator.seconds`, which each notification needs."""
        return self._dispatcher.simulator

    def set_clock(self, clock: Callable[[], float]) -> None:
        """Let this function tell the time, in seconds since 1970."""
        self._dispatcher.clock = clock

    # --- setting the scene ---------------------------------------------------------------------------------------------

    def declare_identity(self, account: str, region: str, identity: str, *, verified: bool = True) -> None:
        """Create an identity, verified or not. Settings of an existing one stay."""
        with self._context(account, region) as context:
            key, identities = identity_key(identity), context.here.identities
            identities[key] = replace(identities.get(key, Identity()), verified=verified)

    def declare_legacy_entry(
        self, account: str, identity_arn: str, topics: Mapping[str, str], headers: Iterable[str] = ()
    ) -> None:
        """Give the account an old entry for an identity of another account, in the identity's region, as AWS once made them.

        `topics`: topic ARNs by type ("Bounce", "Complaint", "Delivery"). `headers`: the types with header inclusion. No call makes
        such an entry any more. Raises ValueError if the ARN is not that of an identity of another account, or without a topic.
        """
        arn = arns.parse(identity_arn)
        if arn is None or not arn.resource.startswith("identity/") or arn.account in ("", account):
            raise ValueError(f"{identity_arn!r} is not the ARN of an identity of another account than {account}")
        if not topics or not {*topics, *headers} <= set(NOTIFICATION_TYPES):
            raise ValueError(f"a legacy entry has topics for some of {', '.join(NOTIFICATION_TYPES)}")
        name = identity_key(arn.resource.removeprefix("identity/"))
        with self._context(arn.account, arn.region) as context:
            if name not in context.here.identities:
                context.here.identities[name] = Identity()
        with self._context(account, arn.region) as context:
            key = arns.identity(arn.scope, name)
            context.here.foreign_identities[key] = ForeignIdentity(dict(topics), tuple(sorted(headers)))

    def declare_tenant(self, account: str, region: str, name: str, *resource_arns: str) -> None:
        """Create a tenant that uses these identities and configuration sets, by ARN."""
        with self._context(account, region) as context:
            context.here.tenants[name] = Tenant(resource_arns)

    def declare_global_endpoint(self, account: str, name: str, *regions: str) -> None:
        """Create a Global endpoint that sends from these regions; the first one keeps it."""
        with self._context(account, regions[0]) as context:
            context.here.endpoints[name] = GlobalEndpoint(regions)

    def declare_key(self, key_arn: str) -> None:
        """Create a KMS key, by its ARN or an alias's. A new key allows SES to use it; an existing one stays."""
        arn = arns.parse(key_arn)
        if arn is None or not arn.account or not arn.region:
            return
        with self._context(arn.account, arn.region) as context:
            kind, _, name = arn.resource.partition("/")
            if name and not arn.resource.startswith("alias/aws/") and kms.find(context, key_arn) is None:
                id, aliases = (name, ()) if kind == "key" else (str(uuid.uuid4()), (arn.resource,))
                context.here.keys[id] = Key(kms.policy_for_ses(), aliases=aliases)

    def declare_sending(
        self, account: str, region: str, *, rate: float = 1.0, production: bool = True, enabled: bool = True
    ) -> None:
        """Let an account send this many messages a second. `production`: it is out of SES's own sandbox. `enabled`: it may send.

        An account for which nothing is declared has 14 messages a second, and is never throttled.
        """
        with self._context(account, region) as context:
            context.here.sending[QUOTA] = SendingQuota(rate, production, enabled)

    def declare_role(self, role_arn: str, external_id: str | None = None) -> None:
        """Let AssumeRole of this role require the external id. Any caller can assume roles that are not declared."""
        with self._dispatcher.lock, self._store.transaction() as state:
            state.roles[role_arn] = Role(None if external_id is None else sts.digest(role_arn, external_id))

    # --- what happens --------------------------------------------------------------------------------------------------

    def send(
        self, account: str, region: str, identity: str, event: Event, configuration_set: str | None = None
    ) -> list[str]:
        """Report one bounce, complaint or delivery of mail that the account sent, and publish it as on AWS.

        `identity`: an identity's name or ARN, or an address of a verified domain. `configuration_set`: the one that the send named.
        Returns the ARNs of the topics that received it (see also `published`). If SES cannot publish to a bounce or complaint
        topic, it removes the topic from the identity and turns on its e-mail forwarding. Raises ValueError if the account has no
        such identity.
        """
        with self._context(account, region) as context:
            target = sending.sender(context, identity, identity if identity.startswith("arn:") else None)
            if target is None:
                raise ValueError(f"{identity!r} is not an identity of {account} in {region}")
            return events.happen(context, target, event, configuration_set or "")

    def disturb(
        self, topic_arn: str, *, copies: int = 1, late: float = 0.0, headers: bool = True, times: int = 1
    ) -> None:
        """Disturb the next `times` notifications of SES to a topic.

        `copies`: how often each comes, 0 for never. `late`: more seconds that each needs. `headers`: False leaves headers out.
        """
        self.simulator.disturb(Disturbance(topic_arn, copies, late, headers, times))

    def confirm(self, topic_arn: str, endpoint: str) -> None:
        """Confirm the pending subscriptions of an endpoint, as its owner does with the link that SNS sends."""
        arn = arns.parse(topic_arn)
        assert arn is not None, topic_arn
        with self._context(arn.account, arn.region) as context:
            for name, found in list(context.here.subscriptions_of(topic_arn).items()):
                if found.endpoint == endpoint:
                    context.here.subscriptions[name] = replace(found, pending=False)

    def delete_principal(self, arn: str, unique_id: str) -> None:
        """Delete an IAM user or role: topic policies show its unique id (`AIDA…`, `AROA…`) in place of its ARN from now on.

        Source: hashicorp/terraform-provider-aws#29226.
        """
        with self._dispatcher.lock, self._store.transaction() as state:
            for here in state.scopes.values():
                for name, topic in list(here.topics.items()):
                    here.topics[name] = replace(topic, policy=topic.policy.replace(f'"{arn}"', f'"{unique_id}"'))

    def fail(
        self,
        operation: str,
        *,
        code: str,
        message: str = "",
        status: int = 400,
        times: int = 1,
        lost_answer: bool = False,
        before: Callable[[], Any] | None = None,
        after: int = 0,
    ) -> None:
        """Let the next `times` calls of an operation (its name, `service:name`, or `*`) fail.

        `lost_answer`: carry out the call and then raise a connection error, as if no answer came. A `code` that names a connection
        error of botocore (EndpointConnectionError, …) is raised instead of an answer. `after`: the number of calls that succeed
        first. `before`: called just before each failure, to act as another program does; its exceptions are raised.
        """
        self._dispatcher.faults.add(Fault(operation, code, message, status, times, lost_answer, before, after))

    def answer_with(self, operation: str, body: str, *, status: int = 200, times: int = 1, after: int = 0) -> None:
        """Make the next `times` calls of an operation answer this body, as it is, and carry none of them out.

        `operation`, `times` and `after`: as of `fail`. For answers that AWS does not give: malformed ones, those of a proxy.
        """
        fault = Fault(operation, "", "", status, times, False, None, after, body.encode())
        self._dispatcher.faults.add(fault)

    def mend(self) -> None:
        """Cancel the faults that have not happened yet."""
        self._dispatcher.faults.clear()
        self.simulator.clear()

    def reset(self) -> None:
        """Delete all state and the state file, even one that cannot be read."""
        with self._dispatcher.lock:
            self._store.forget()
            self._dispatcher.faults.clear()
            self.calls.clear()
            self.published.clear()

    # --- clients -------------------------------------------------------------------------------------------------------

    def attach(self, session: botocore.session.Session) -> None:
        """Let the sandbox answer every client that this session makes after this call. None of them reaches the network.

        Credentials stay: the access key determines the account (see sesform_sandbox.accounts).
        """
        session.get_component("event_emitter").register("before-send", self._before_send)

    def session(self, account: str, region: str) -> boto3.Session:
        """Return a session with credentials of an account, whatever the environment and the AWS configuration files say."""
        import boto3

        return boto3.Session(account, "sandbox", region_name=region, botocore_session=self.botocore_session(account))

    def botocore_session(self, account: str) -> botocore.session.Session:
        """Return the same without boto3 and without a region."""
        import botocore.session

        isolated = {
            "profile": (None, None, None, None),
            "config_file": (None, None, os.devnull, None),
            "credentials_file": (None, None, os.devnull, None),
            "ignore_configured_endpoint_urls": (None, None, True, None),
        }
        session = botocore.session.Session(session_vars=isolated)
        session.register_component("data_loader", _shared_loader())
        self.attach(session)
        session.set_credentials(account, "sandbox")
        return session

    def answer(self, request: Request) -> Answer:
        """Return the response to one HTTP request. `attach` and the HTTP endpoint use it."""
        return self._dispatcher.answer(request)

    def _before_send(self, request: AWSPreparedRequest, **_: Any) -> AWSResponse:
        from botocore.awsrequest import AWSResponse

        from sesform_sandbox.wire import Request

        headers = {str(k).lower(): v.decode() if isinstance(v, bytes) else str(v) for k, v in request.headers.items()}
        answer = self.answer(Request(request.method or "POST", request.url or "", headers, _body(request.body)))
        return AWSResponse(request.url or "", answer.status, answer.headers, _Raw(answer.body))  # type: ignore[arg-type]

    @contextmanager
    def _context(self, account: str, region: str) -> Iterator[Context]:
        with self._dispatcher.lock, self._store.transaction() as state:
            yield self._dispatcher.context(state, account, region)


class _Raw(io.BytesIO):
    """A body that botocore can read from."""

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        while chunk := self.read(65536):
            yield chunk


def _body(body: Any) -> bytes:
    if body is None:
        return b""
    if hasattr(body, "read"):
        body = body.read()
    return body.encode() if isinstance(body, str) else bytes(body)


_LOADER: Any = None


def _shared_loader() -> Any:
    """Return one loader of botocore's models for all sessions: reading them from disk for each client is slow."""
    global _LOADER
    if _LOADER is None:
        import botocore.loaders

        _LOADER = botocore.loaders.create_loader(os.environ.get("AWS_DATA_PATH"))
    return _LOADER
