"""What a run reports while it goes on: one small value an event, handed to a callback."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from typing import NamedTuple

from sesform.model.address import Scope
from sesform.planning.plan import Change, Outcome, Report


class Connecting(NamedTuple):
    """AWS, or the sandbox in its place, is about to be called."""


class ReadingResources(NamedTuple):
    """The declared resources are being read. `resources` counts them."""

    resources: int
    scopes: tuple[Scope, ...]


class ReadingTags(NamedTuple):
    """Resources with ownership tags are being listed."""


class ReadingDependents(NamedTuple):
    """Before topics or configuration sets are deleted, their users are being looked for. `calls` counts calls to SES."""

    scope: Scope
    type: str  # "topic" or "configuration_set"
    names: tuple[str, ...]
    calls: int


class ReadingUnmanaged(NamedTuple):
    """Resources that no spec names are being listed."""


class ReadingAccounts(NamedTuple):
    """Everything that exists in these scopes is being read. `expected`: SES calls a scope takes, once known; it grows.

    `made`: returns the calls made so far, by scope and operation.
    """

    scopes: tuple[Scope, ...]
    expected: Mapping[Scope, int]
    made: Callable[[], Counter[tuple[Scope, str]]]


class ReadingAgain(NamedTuple):
    """Before a saved plan is applied, what it changes is being read again."""


class Warned(NamedTuple):
    """Something that the user should know, and that does not stop the run."""

    text: str


class StepStarted(NamedTuple):
    change: Change


class StepFinished(NamedTuple):
    outcome: Outcome


class Applied(NamedTuple):
    """Every step has its outcome. What AWS shows is being read back."""

    report: Report


Event = (
    Connecting
    | ReadingResources
    | ReadingTags
    | ReadingDependents
    | ReadingUnmanaged
    | ReadingAccounts
    | ReadingAgain
    | Warned
    | StepStarted
    | StepFinished
    | Applied
)
Notify = Callable[[Event], None]


def ignore(event: Event) -> None:
    """Take no notice of progress."""
