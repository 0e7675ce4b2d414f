"""The options that commands share, each written once."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    text = "text"
    json = "json"


Paths = Annotated[
    list[Path] | None,
    typer.Argument(metavar="[PATHS]...", help="Spec files and folders.  [default: specs]", show_default=False),
]
FormatOption = Annotated[Format, typer.Option("--format", help="How the result is written.")]
Only = Annotated[
    list[str] | None,
    typer.Option("--only", metavar="GLOB", help="Only addresses that match, and what they depend on. Repeatable."),
]
UseSandbox = Annotated[
    bool, typer.Option("--sandbox", envvar="SESFORM_SANDBOX", help="Run against the embedded control plane, not AWS.")
]
SandboxRate = Annotated[
    float | None,
    typer.Option(
        "--sandbox-rate", metavar="N", min=0.01, help="SES calls a second that the sandbox takes in each scope."
    ),
]
Rate = Annotated[
    float | None,
    typer.Option(
        "--rate",
        envvar="SESFORM_RATE",
        metavar="N",
        min=0.0,
        help="SES calls a second in each scope; 0: not paced.  [default: 1]",
    ),
]
Parallelism = Annotated[
    int, typer.Option("--parallelism", metavar="N", min=1, max=64, help="Steps and reads side by side.")
]
NoColor = Annotated[bool, typer.Option("--no-color", help="No colour, even on a terminal.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Only the result, and errors.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Tell every call to AWS.")]
AutoApprove = Annotated[bool, typer.Option("--auto-approve", help="Do not ask before applying.")]


@dataclass(frozen=True, slots=True)
class Options:
    """What one run was asked for."""

    paths: tuple[Path, ...]
    format: Format = Format.text
    only: tuple[str, ...] = ()
    sandbox: bool = False
    sandbox_rate: float | None = None
    rate: float | None = None
    parallelism: int = 10
    no_color: bool = False
    quiet: bool = False
    verbose: bool = False

    @property
    def quota(self) -> float | None:
        """SES calls a second that estimates are made for: AWS's, in the sandbox too, unless another pace was asked for."""
        from sesform.quota import SES_CALLS_A_SECOND

        return SES_CALLS_A_SECOND if self.rate is None else self.rate or None

    @property
    def pace(self) -> float | None:
        """SES calls a second, None for no pacing. The sandbox has no quota unless it is given one."""
        return self.sandbox_rate if self.sandbox and self.rate is None else self.quota
