"""Progress events: small values that a run passes to a callback."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from sesform.model.address import Scope
from sesform.model.quotas import CallProgress, Cost
from sesform.model.shard import Shard

if TYPE_CHECKING:
    from sesform.planning.plan import Change, Outcome, Report


class Connecting(NamedTuple):
    """The first call to AWS, or to the sandbox in its place, comes next."""


class Connected(NamedTuple):
    """The accounts are connected.

    `costs`: returns the calls that the run has made so far, by scope, without those that log in. `progress`: returns how far the
    reads of SES are, by scope. Both can be called from any thread.
    """

    costs: Callable[[], Mapping[Scope, Cost]]
    progress: Callable[[], Mapping[Scope, CallProgress]]


class CoveringPart(NamedTuple):
    """The run covers one part of the loaded specs. `specs`, `all_specs`: how many the part has, and how many were loaded."""

    shard: Shard
    specs: int
    all_specs: int


class ReadingResources(NamedTuple):
    """The declared resources are being read. `resources`: their number."""

    resources: int
    scopes: tuple[Scope, ...]


class ReadingTags(NamedTuple):
    """Resources with ownership tags are being listed."""


class ReadingDependents(NamedTuple):
    """Users of topics or configuration sets that will be deleted are being read. `calls`: the number of SES calls."""

    scope: Scope
    type: str  # "topic" or "configuration_set"
    names: tuple[str, ...]
    calls: int


class ReadingUnmanaged(NamedTuple):
    """Resources that no spec names are being listed."""


class ReadingTrail(NamedTuple):
    """Who changed resources is being looked up in CloudTrail. `calls`: the least number of lookups."""

    resources: int
    calls: int


class ReadingAccounts(NamedTuple):
    """All resources in these scopes are being read."""

    scopes: tuple[Scope, ...]


class PlanningAgain(NamedTuple):
    """A plan is made again, to compare it with a saved one before it is applied."""


class Sending(NamedTuple):
    """Test messages are being sent. `seconds`: how long that takes at least."""

    messages: int
    seconds: int


class Receiving(NamedTuple):
    """All test messages are sent. `expected`: the number of notifications that must come. `timeout`: seconds to wait for them."""

    expected: int
    timeout: float


class Removing(NamedTuple):
    """Temporary queues and subscriptions are being removed."""

    queues: int


class Warned(NamedTuple):
    """A warning that does not stop the run."""

    text: str


class Throttled(NamedTuple):
    """AWS throttles calls; they are sent again. Reported once a minute at most. May come from any thread.

    `service`: as in IAM actions, e.g. "ses". `seconds`: since when AWS has accepted no call, 0 for the first.
    """

    scope: Scope
    service: str
    seconds: float


class Stopping(NamedTuple):
    """An interrupt was received. No call is sent any more; `calls` steps under way have a few seconds to finish."""

    calls: int


class Applying(NamedTuple):
    """The steps of a plan are about to be carried out."""

    changes: tuple[Change, ...]


class StepStarted(NamedTuple):
    change: Change


class StepFinished(NamedTuple):
    outcome: Outcome


class Applied(NamedTuple):
    """Every step has its outcome. The changes are being read back."""

    report: Report


Event = (
    Connecting
    | Connected
    | CoveringPart
    | ReadingResources
    | ReadingTags
    | ReadingDependents
    | ReadingUnmanaged
    | ReadingTrail
    | ReadingAccounts
    | PlanningAgain
    | Sending
    | Receiving
    | Removing
    | Warned
    | Throttled
    | Stopping
    | Applying
    | StepStarted
    | StepFinished
    | Applied
)
Notify = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Ignore progress."""
