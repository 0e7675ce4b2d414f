"""The options that commands share, each written once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

_SPECS = (Path("specs"),)


class Format(StrEnum):
    text = "text"
    json = "json"
    markdown = "markdown"


Paths = Annotated[
    list[str] | None,
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
Since = Annotated[
    str | None,
    typer.Option(
        "--since",
        metavar="GIT_REF",
        help="Remove what the specs at this commit, branch or tag declared, and no spec names any more.",
    ),
]
Prune = Annotated[
    bool,
    typer.Option("--prune", help="Remove what carries the ownership tag of a spec here, and no spec names any more."),
]
Unmanaged = Annotated[bool, typer.Option("--unmanaged", help="List what exists and no spec names, too.")]
AutoApprove = Annotated[bool, typer.Option("--auto-approve", help="Do not ask before applying.")]


AllowDark = Annotated[bool, typer.Option("--allow-dark", help="Allow identities to be left without a route.")]
AllowMassChange = Annotated[bool, typer.Option("--allow-mass-change", help="Allow many deletions at once.")]
AllowIrreversible = Annotated[
    bool, typer.Option("--allow-irreversible", help="Allow cross-account entries to be cleared for good.")
]


# --- of import ---------------------------------------------------------------------------------------------------------

Accounts = Annotated[
    list[str] | None, typer.Option("--account", metavar="A", help="An account to look at. Repeatable.")
]
Regions = Annotated[
    list[str] | None, typer.Option("--region", metavar="R", help="A region to look at in each account. Repeatable.")
]
RoleArns = Annotated[
    list[str] | None,
    typer.Option("--role-arn", metavar="ARN", help="The role to take in the account of the ARN. Repeatable."),
]
Profiles = Annotated[
    list[str] | None,
    typer.Option("--profile", metavar="[A=]NAME", help="The AWS profile for all accounts, or for A. Repeatable."),
]
ExternalIdVariables = Annotated[
    list[str] | None,
    typer.Option(
        "--external-id-env",
        metavar="[A=]VAR",
        help="The environment variable that holds the external id. Repeatable.",
    ),
]
SpecNames = Annotated[
    list[str] | None,
    typer.Option("--name", metavar="[A=]NAME", help="What the specs of account A are called. Repeatable."),
]
IdentityArns = Annotated[
    list[str] | None,
    typer.Option("--identity-arn", metavar="ARN", help="Ask for legacy entries for this foreign identity. Repeatable."),
]
AllTopics = Annotated[bool, typer.Option("--all-topics", help="Also topics that SES has nothing to do with.")]
TerraformFile = Annotated[
    str | None,
    typer.Option(
        "--terraform", metavar="FILE", help="Not AWS, but what `terraform show -json` printed; -: standard input."
    ),
]
RemovedFile = Annotated[
    Path | None,
    typer.Option("--removed", metavar="FILE", help="With --terraform: a new .tf file for the `removed` blocks."),
]


@dataclass(frozen=True, slots=True)
class Options:
    """What one run was asked for."""

    paths: tuple[str | Path, ...]
    format: Format = Format.text
    only: tuple[str, ...] = ()
    since: str | None = None
    prune: bool = False
    unmanaged: bool = False
    sandbox: bool = False
    sandbox_rate: float | None = None
    rate: float | None = None
    parallelism: int = 10
    no_color: bool = False
    quiet: bool = False
    verbose: bool = False
    allow_dark: bool = False
    allow_mass_change: bool = False
    allow_irreversible: bool = False

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> Options:
        """A command's parameters, of which those that are not options of a run are passed over."""
        known = {f.name: parameters[f.name] for f in fields(cls) if parameters.get(f.name) is not None}
        known["paths"] = tuple(known.get("paths") or _SPECS)
        return cls(**{**known, "only": tuple(known.get("only", ()))})

    @property
    def quota(self) -> float | None:
        """SES calls a second that estimates are made for: AWS's, in the sandbox too, unless another pace was asked for."""
        from sesform.model.quotas import SES_CALLS_PER_SECOND

        return SES_CALLS_PER_SECOND if self.rate is None else self.rate or None

    @property
    def pace(self) -> float | None:
        """SES calls a second, None for no pacing. The sandbox has no quota unless it is given one."""
        return self.sandbox_rate if self.sandbox and self.rate is None else self.quota
