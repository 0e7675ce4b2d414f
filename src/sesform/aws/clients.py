"""botocore clients that all accounts of a run share, because making one costs more than ten calls and half a megabyte."""

from __future__ import annotations

import json
import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NamedTuple

import botocore.session
from botocore.config import Config
from botocore.credentials import Credentials

from sesform import __version__
from sesform.aws import recipients

_USER_AGENT = f"sesform/{__version__}"
# Settings of profiles that say who calls, and not how. Each call has its own credentials and each client its own region.
_WHO = (
    "aws_",
    "credential_",
    "duration_seconds",
    "external_id",
    "mfa_serial",
    "output",
    "region",
    "role_",
    "source_profile",
    "sso_",
    "web_identity_token_file",
)


class Login(NamedTuple):
    """A session with the settings of a profile, and the credentials for its calls."""

    session: botocore.session.Session
    credentials: Credentials


class Hooks(NamedTuple):
    """What to do with a call: before its request is made, with the operation's name, and right before the request is sent."""

    made: Callable[[str], None]
    sent: Callable[[str], None]


_NO_HOOKS = Hooks(lambda operation: None, lambda operation: None)
_call = threading.local()  # the credentials and hooks of this thread's call


class Clients:
    """The clients of a run, by settings of the profile, service and region. Safe to use from several threads."""

    def __init__(self, parallelism: int = 10) -> None:
        self._parallelism = parallelism
        self._lock = threading.Lock()  # a session makes one client at a time, and accounts share sessions
        self._clients: dict[tuple[str, str, str], Any] = {}
        self._loading: defaultdict[botocore.session.Session, threading.Lock] = defaultdict(threading.Lock)

    def credentials(self, session: botocore.session.Session, region: str) -> Credentials | None:
        """Return the credentials of a session, None if there are none. `region`: for a role that the profile itself assumes.

        Several accounts can share a session. It loads its files and credentials once, and botocore does not lock that.
        """
        with self._lock:
            loading = self._loading[session]
        with loading:
            session.set_config_variable("region", region)
            return session.get_credentials()

    def of(self, session: botocore.session.Session, service: str, region: str) -> Any:
        """Return the client for a service in a region, made if needed."""
        key = _settings(session), service, region
        with self._lock:
            if key not in self._clients:
                attempts = 6 if service == "sts" else 1  # calls to other services are retried by sesform
                client = session.create_client(service, region_name=region, config=_config(self._parallelism, attempts))
                client.meta.events.register_last("before-parameter-build", _before_parameters)
                client.meta.events.register("before-call", _before_call)
                client.meta.events.register_first("before-send", _before_send)
                self._clients[key] = client
            return self._clients[key]


@contextmanager
def calling(credentials: Credentials, hooks: Hooks = _NO_HOOKS) -> Iterator[None]:
    """Sign this thread's calls with these credentials, and run the hooks for each. Nested: the innermost counts."""
    before = getattr(_call, "now", None)
    _call.now = credentials, hooks
    try:
        yield
    finally:
        _call.now = before


def _before_parameters(params: dict[str, Any], model: Any, **_: Any) -> None:
    recipients.check(model.service_model.service_name, model.name, params)


def _before_call(model: Any, context: dict[str, Any], **_: Any) -> None:
    credentials, hooks = _call.now
    hooks.made(model.name)
    context.setdefault("signing", {})["request_credentials"] = credentials


def _before_send(event_name: str, **_: Any) -> None:
    _call.now[1].sent(event_name.rsplit(".", 1)[-1])


def _settings(session: botocore.session.Session) -> str:
    settings: Mapping[str, Any] = session.get_scoped_config()
    return json.dumps({k: v for k, v in settings.items() if not k.startswith(_WHO)}, sort_keys=True)


def _config(parallelism: int, attempts: int) -> Config:
    """Return the settings of a client: short timeouts, and botocore's standard retries with backoff and jitter."""
    return Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=10,
        read_timeout=30,
        max_pool_connections=max(parallelism, 10),
        user_agent_extra=_USER_AGENT,
    )
