"""What the tests of the sandbox share: a sandbox, clients of two accounts, and AWS's refusals."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any, NamedTuple

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from sesform_sandbox import Sandbox

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"

# One attempt: the tests want to see each answer, not botocore's retries.
ONE_ATTEMPT = Config(retries={"total_max_attempts": 1})


class Aws:
    """Clients of a sandbox, and the few steps that most scenes begin with."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self._sessions: dict[tuple[str, str], Any] = {}
        self._clients: dict[tuple[str, str, str], Any] = {}

    def __call__(self, service: str, account: str = OWNER, region: str = REGION, **more: Any) -> Any:
        """A client, made once unless `more` asks for one of its own."""
        scope, key = (account, region), (service, account, region)
        if scope not in self._sessions:
            self._sessions[scope] = self.sandbox.session(account, region)
        if more:
            return self._sessions[scope].client(service, config=ONE_ATTEMPT, **more)
        if key not in self._clients:
            self._clients[key] = self._sessions[scope].client(service, config=ONE_ATTEMPT)
        return self._clients[key]

    def topic(self, name: str = "feedback", account: str = OWNER, region: str = REGION) -> str:
        arn: str = self("sns", account, region).create_topic(Name=name)["TopicArn"]
        return arn

    def identity(self, name: str = "example.com", account: str = OWNER, region: str = REGION) -> str:
        """Declares an identity; returns its ARN."""
        self.sandbox.declare_identity(account, region, name)
        return f"arn:aws:ses:{region}:{account}:identity/{name}"

    def notifications(self, identity: str = "example.com", account: str = OWNER) -> dict[str, Any]:
        ses = self("ses", account)
        found: dict[str, Any] = ses.get_identity_notification_attributes(Identities=[identity])
        return dict(found["NotificationAttributes"][identity])

    def entry(self, identity: str, account: str = DELEGATE, **topics: str) -> None:
        """Gives the account an old entry for an identity of another account, by default for deliveries."""
        self.sandbox.declare_legacy_entry(account, identity, topics or {"Delivery": self.topic("old", account)})

    def set_topic(self, kind: str, topic: str | None, identity: str = "example.com", account: str = OWNER) -> None:
        given = {"SnsTopic": topic} if topic is not None else {}
        self("ses", account).set_identity_notification_topic(Identity=identity, NotificationType=kind, **given)


class Answer(NamedTuple):
    code: str
    message: str
    status: int


@pytest.fixture
def sandbox() -> Sandbox:
    return Sandbox()


@pytest.fixture
def aws(sandbox: Sandbox) -> Aws:
    return Aws(sandbox)


@contextmanager
def _refused(code: str, message: str | None = None, status: int = 400) -> Iterator[None]:
    with pytest.raises(ClientError) as caught:
        yield
    error = caught.value.response
    got = Answer(error["Error"]["Code"], error["Error"]["Message"], error["ResponseMetadata"]["HTTPStatusCode"])
    assert got == Answer(code, got.message if message is None else message, status)


@pytest.fixture
def refused() -> Callable[..., AbstractContextManager[None]]:
    """`with refused(code, message, status):` what stands below must be refused so."""
    return _refused
