"""What can go wrong, as one tree.

SesformError                 anything of ours; the command line turns it into one line and exit code 1
├── SpecError                the specs are wrong; carries every Problem of every file
├── UsageError               the call itself is wrong: flags, paths, selectors, environment
├── CredentialsError         no credentials, or credentials that AWS refuses or cannot refresh
├── AccountError             the credentials belong to another account than the spec says
├── AwsError                 AWS refused a call or could not be reached
├── LeftError                AWS keeps a thing that was to go, and drops it by itself later
├── ReadOnlyError            a writing call on a connection that only reads
├── PlanFileError            a plan file that is damaged, edited, or of another version
├── TerraformError           what was given as Terraform's state or plan is none, or says too little
├── PlanRefusedError         a plan with errors, or one that was not approved
├── StalePlanError           what a saved plan saw is no longer what AWS holds
└── CycleError               steps that each wait for the other: a fault of ours
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Literal

Severity = Literal["error", "warning"]

# What AWS's services call it when the credentials lack a right.
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"})


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and where.

    `file` is the path as the user gave it ("" where no file is to blame), `line` and `column` count from 1 (0: unknown),
    `path` is the dotted way to the value within its document or an address, `hint` says what to do next.
    """

    summary: str
    path: str = ""
    file: str = ""
    line: int = 0
    column: int = 0
    hint: str = ""
    severity: Severity = "error"
    concerns: tuple[str, ...] = field(
        default=(), repr=False, compare=False
    )  # the addresses, where it speaks for more than `path`

    def as_dict(self) -> dict[str, str | int]:
        """What machines read of it."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "concerns"}

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.file and self.line else ""
        if self.file and not self.line:
            place = f"{self.file}: "
        path = f"{self.path}: " if self.path else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{place}{path}{self.summary}{hint}"


class SesformError(Exception):
    """The root: catch it to catch anything that sesform raises on purpose."""


class SpecError(SesformError):
    """The specs cannot be used. `problems` holds every Problem of every file, in order of place."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column, p.path, p.summary)))
        super().__init__("\n".join(map(str, self.problems)))


class UsageError(SesformError):
    """The call cannot be carried out as it was made: a flag, a path, a selector or a setting of the environment."""


class CredentialsError(SesformError):
    """There are no usable credentials for a scope."""


class AccountError(SesformError):
    """The credentials work, but belong to another account than the spec says. Nothing was read or written."""


class ReadOnlyError(SesformError):
    """A call that writes was asked of a connection that only reads: a fault of sesform, stopped before it was sent."""


class AwsError(SesformError):
    """AWS refused a call, or could not be reached.

    `code` is AWS's error code ("" where no answer came), `operation` e.g. "ses:SetIdentityNotificationTopic",
    `where` e.g. "111111111111/eu-west-1". `maybe_done`: no answer came, so the call may have been carried out all the same.
    """

    def __init__(
        self,
        message: str,
        *,
        code: str = "",
        operation: str = "",
        where: str = "",
        hint: str = "",
        maybe_done: bool = False,
    ) -> None:
        self.message, self.code, self.operation, self.where = message, code, operation, where
        self.hint, self.maybe_done = hint, maybe_done
        place = f"{operation} in {where}: " if operation else ""
        label = f"{code}: " if code else ""
        super().__init__(f"{place}{label}{message}" + (f"; {hint}" if hint else ""))

    @property
    def denied(self) -> bool:
        """Whether the credentials lack the right, as opposed to a call that failed."""
        return self.code in DENIED


@contextmanager
def understood(what: str = "the answer") -> Iterator[None]:
    """Raises AwsError where an answer of AWS's, read inside, is not of the form that AWS promises: it is no state to plan on."""
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise AwsError(f"{what} was not understood ({type(error).__name__}: {error})") from error


class LeftError(SesformError):
    """AWS does not let a thing go now and drops it by itself: nothing to do about it, and nothing has to wait for it."""


class PlanFileError(SesformError):
    """A plan file that cannot be trusted: damaged, edited by hand, or written by an incompatible version."""


class TerraformError(SesformError):
    """What was given as a state or plan of Terraform's is none, is damaged, or does not say what is needed."""


class PlanRefusedError(SesformError):
    """The plan has errors, or was not approved. Nothing was changed."""


class StalePlanError(SesformError):
    """AWS no longer holds what the saved plan saw, so carrying it out could undo somebody's work."""


class CycleError(SesformError):
    """The steps of a plan wait for each other in a circle."""
