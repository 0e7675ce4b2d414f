"""The context of an operation: the caller, the scope, and the state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sesform.model import arns
from sesform.model.address import Scope
from sesform_sandbox.accounts import RoleSession
from sesform_sandbox.simulator import Simulator
from sesform_sandbox.state import ScopeState, State
from sesform_sandbox.throttle import Throttle

Params = Mapping[str, Any]
Result = dict[str, Any]


class Published(NamedTuple):
    """One message to a topic, from SES or from a caller of SNS."""

    topic_arn: str
    message: str


class Call(NamedTuple):
    """One request, with the code of its error, if any. `service` is "ses", "sesv2", "sns", "sts", …"""

    account: str
    region: str
    service: str
    operation: str
    error: str | None


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class Trail:
    """How calls are recorded and found in CloudTrail. Tests may replace each.

    `delay`: the seconds until LookupEvents shows a call; AWS promises up to 15 minutes. `clock`: the time of recorded calls.
    `throttle`: the quota of lookups.
    """

    delay: float = 0.0
    clock: Callable[[], datetime] = _now
    throttle: Throttle = field(default_factory=lambda: Throttle(None))


@dataclass(frozen=True, slots=True)
class Context:
    """One call: the caller's account and region, the state, the record of published messages, and CloudTrail.

    `now`: the time in seconds since 1970. `simulator`: how the mailbox simulator answers.
    """

    state: State
    account: str
    region: str
    published: list[Published] = field(default_factory=list)
    session: RoleSession | None = None
    trail: Trail = field(default_factory=Trail)
    now: float = 0.0
    simulator: Simulator = field(default_factory=Simulator)

    @property
    def scope(self) -> Scope:
        return Scope(self.account, self.region)

    @property
    def here(self) -> ScopeState:
        return self.state.at(self.account, self.region)

    @property
    def partition(self) -> str:
        return arns.partition(self.region)


Operation = Callable[[Context, Params], Result]
