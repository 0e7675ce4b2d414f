"""The exceptions of sesform, as one tree.

SesformError                 any error that sesform raises on purpose; the command line prints one line and exits with 1
├── SpecError                the specs are not valid; carries every Problem of every file
├── UsageError               the command is not valid: an option, a path, a glob or an environment variable
├── CredentialsError         there are no credentials, or AWS refuses them
├── AccountError             the credentials belong to another account than the spec names
├── AwsError                 AWS refused a call or could not be reached
├── NotDeletableError        AWS keeps a resource that was deleted, and deletes it by itself later
├── ReadOnlyError            a writing call on a connection that only reads
├── RecipientError           a message to another address than the mailbox simulator's
├── PlanFileError            a plan file is damaged, edited, or of another version
├── TerraformError           a Terraform state or plan is not valid, or lacks what is needed
├── PlanRefusedError         the plan has errors, or was not approved
├── StalePlanError           the specs or AWS have changed since a plan was made
└── CycleError               the steps of a plan depend on each other in a circle: a fault of sesform
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from typing import Literal

Severity = Literal["error", "warning"]

# The error codes of AWS services for missing permissions.
DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "UnauthorizedOperation"})


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem, and where it is.

    `file`: the path as the user gave it, "" if no file is concerned. `line`, `column`: counted from 1, 0 if unknown. `path`: the
    dotted path of the value in its document, or the address of a resource. `hint`: what to do. `concerns`: all addresses, where
    the problem concerns more than `path`. `rule`: the kind of problem, a key of `render.rules`, "" if it has none.
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
    )  # not compared: the same problem may concern more resources
    rule: str = field(default="", compare=False)

    def as_dict(self) -> dict[str, str | int]:
        """Return the fields of the machine-readable form."""
        return {f.name: getattr(self, f.name) for f in fields(self) if f.name != "concerns"}

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}: " if self.file and self.line else ""
        if self.file and not self.line:
            place = f"{self.file}: "
        path = f"{self.path}: " if self.path else ""
        hint = f"; {self.hint}" if self.hint else ""
        return f"{place}{path}{self.summary}{hint}"


class SesformError(Exception):
    """Any error that sesform raises on purpose."""


class SpecError(SesformError):
    """The specs are not valid. `problems`: every Problem of every file, sorted by file and line."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda p: (p.file, p.line, p.column, p.path, p.summary)))
        super().__init__("\n".join(map(str, self.problems)))


class UsageError(SesformError):
    """The command is not valid as given: an option, a path, a glob, a git ref or an environment variable."""


class CredentialsError(SesformError):
    """There are no usable credentials for an account."""


class AccountError(SesformError):
    """The credentials belong to another account than the spec names. Nothing was read or changed."""


class ReadOnlyError(SesformError):
    """A writing call was made on a connection that only reads. It was stopped before it was sent: a fault of sesform."""


class RecipientError(SesformError):
    """A call would send something else than a message to SES's mailbox simulator. It was stopped: a fault of sesform."""


class AwsError(SesformError):
    """AWS refused a call, or could not be reached.

    `code`: AWS's error code, "" if there was no answer. `operation`: e.g. "ses:SetIdentityNotificationTopic". `where`: e.g.
    "111111111111/eu-west-1". `maybe_done`: there was no answer, so the call may have been carried out. `topic_refused`: SES
    refused the topic of the call.
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
        topic_refused: bool = False,
    ) -> None:
        self.message, self.code, self.operation, self.where = message, code, operation, where
        self.hint, self.maybe_done, self.topic_refused = hint, maybe_done, topic_refused
        place = f"{operation} in {where}: " if operation else ""
        label = f"{code}: " if code else ""
        super().__init__(f"{place}{label}{message}" + (f"; {hint}" if hint else ""))

    @property
    def denied(self) -> bool:
        """Whether the credentials lack a permission, as opposed to any other failure."""
        return self.code in DENIED


@contextmanager
def understood(what: str = "the answer", *, operation: str = "", where: str = "") -> Iterator[None]:
    """Raise AwsError if an answer of AWS that is read inside this context has an unexpected form.

    `what`: names the answer. `operation`, `where`: as in AwsError.
    """
    try:
        yield
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        text = f"{what} has an unexpected form ({type(error).__name__}: {error})"
        raise AwsError(text, operation=operation, where=where) from error


class NotDeletableError(SesformError):
    """AWS does not delete a resource now and deletes it by itself later. Other steps need not wait for it."""


class PlanFileError(SesformError):
    """A plan file that cannot be trusted: damaged, edited, or written by an incompatible version."""


class TerraformError(SesformError):
    """A Terraform state or plan that is not valid, is damaged, or lacks what is needed."""


class PlanRefusedError(SesformError):
    """The plan has errors, or was not approved. Nothing was changed."""


class StalePlanError(SesformError):
    """A plan that is made again has other steps: the specs or AWS have changed. Nothing was changed."""


class CycleError(SesformError):
    """The steps of a plan depend on each other in a circle: a fault of sesform."""
