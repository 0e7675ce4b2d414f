"""The options of the commands: each is declared once, in a group that commands name in their signature.

A group is a dataclass whose fields are annotated as typer wants them. `command` registers a function as a command: it expands
each parameter whose type is a group into the group's options.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

import typer

if TYPE_CHECKING:
    from sesform.engine import EmulatedAws, Settings

Command = TypeVar("Command", bound=Callable[..., int])


class Format(StrEnum):
    text = "text"
    json = "json"
    markdown = "markdown"


NoColor = Annotated[bool, typer.Option("--no-color", help="No colour, even on a terminal.")]


def _option(flag: str, help: str, *, metavar: str | None = None) -> Any:
    return typer.Option(flag, metavar=metavar, help=help)


@dataclass(frozen=True, slots=True)
class Specs:
    """Which spec files and folders a command reads."""

    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="[PATHS]...", help="Spec files and folders.  [default: specs]", show_default=False),
    ] = None

    @property
    def places(self) -> tuple[str | Path, ...]:
        """The paths that were given, or the default folder."""
        return tuple(self.paths or ("specs",))


@dataclass(frozen=True, slots=True)
class Drawing:
    """How the result is written."""

    format: Annotated[Format, typer.Option("--format", help="How the result is written.")] = Format.text


@dataclass(frozen=True, slots=True)
class Terminal:
    """How much is said on the terminal, and how."""

    no_color: NoColor = False
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Only the result, and errors.")] = False


@dataclass(frozen=True, slots=True)
class Removal:
    """Which resources are deleted because no spec declares them any more."""

    since: Annotated[
        str | None,
        _option(
            "--since",
            "Remove what the specs at this commit, branch or tag declared, and no spec names any more.",
            metavar="GIT_REF",
        ),
    ] = None
    prune: Annotated[
        bool, _option("--prune", "Remove what carries the ownership tag of a spec here, and no spec names any more.")
    ] = False


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of a plan is meant."""

    only: Annotated[
        list[str] | None,
        _option("--only", "Only addresses that match, and what they depend on. Repeatable.", metavar="GLOB"),
    ] = None


@dataclass(frozen=True, slots=True)
class Listing:
    """What is listed beside a plan."""

    unmanaged: Annotated[bool, _option("--unmanaged", "List what exists and no spec names, too.")] = False


@dataclass(frozen=True, slots=True)
class Guards:
    """What the guards let pass."""

    allow_dark: Annotated[bool, _option("--allow-dark", "Allow identities to be left without a route.")] = False
    allow_mass_change: Annotated[bool, _option("--allow-mass-change", "Allow many deletions at once.")] = False
    allow_irreversible: Annotated[
        bool, _option("--allow-irreversible", "Allow cross-account entries to be cleared for good.")
    ] = False


@dataclass(frozen=True, slots=True)
class SandboxRate:
    """The quota that the sandbox keeps."""

    sandbox_rate: Annotated[
        float | None,
        typer.Option(
            "--sandbox-rate", metavar="N", min=0.01, help="SES calls a second that the sandbox takes in each scope."
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Calls(SandboxRate):
    """Which AWS is called, and how fast."""

    sandbox: Annotated[
        bool,
        typer.Option("--sandbox", envvar="SESFORM_SANDBOX", help="Run against the embedded control plane, not AWS."),
    ] = False
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate",
            envvar="SESFORM_RATE",
            metavar="N",
            min=0.0,
            help="SES calls a second in each scope; 0: not paced.  [default: 1]",
        ),
    ] = None
    parallelism: Annotated[
        int, typer.Option("--parallelism", metavar="N", min=1, max=64, help="Steps and reads side by side.")
    ] = 10
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell every call to AWS.")] = False

    @property
    def quota(self) -> float | None:
        """SES calls a second that estimates are made for: AWS's quota, in the sandbox too, unless `--rate` names another."""
        from sesform.model.quotas import SES_CALLS_PER_SECOND

        return SES_CALLS_PER_SECOND if self.rate is None else self.rate or None

    @property
    def pace(self) -> float | None:
        """SES calls a second, None for no pacing. The sandbox has no quota unless it is given one."""
        return self.sandbox_rate if self.sandbox and self.rate is None else self.quota

    def settings(self, *groups: Any) -> Settings:
        """The engine's settings of these options and of the other groups given; the sandbox is opened if it is asked for."""
        from sesform import engine

        known = {f.name for f in fields(engine.Settings)}
        given = {f.name: getattr(g, f.name) for g in groups for f in fields(g) if f.name in known}
        given["only"] = tuple(given.get("only") or ())
        return engine.keeping_logins(
            engine.Settings(**given, rate=self.pace, parallelism=self.parallelism, sandbox=self._emulated())
        )

    def _emulated(self) -> EmulatedAws | None:
        from sesform.cli import sandbox

        return sandbox.open_sandbox(self.sandbox_rate) if self.sandbox else None


def command(app: typer.Typer, name: str | None = None) -> Callable[[Command], Command]:
    """Register a function as a command: its name, its docstring as help, its own parameters and those of its groups as options."""

    def register(function: Command) -> Command:
        groups, parameters = _expanded(function)

        def run(**given: Any) -> int:
            made = {name: group(**{f.name: given.pop(f.name) for f in fields(group)}) for name, group in groups.items()}
            return function(**made, **given)

        run.__doc__, run.__name__ = function.__doc__, function.__name__
        run.__signature__ = inspect.Signature(parameters, return_annotation=int)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        app.command(name)(run)
        return function

    return register


def _expanded(function: Callable[..., Any]) -> tuple[dict[str, Any], list[inspect.Parameter]]:
    """The groups among a function's parameters, by name, and all parameters with the groups' fields in their place."""
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, Any] = {}
    found: list[inspect.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        annotation = hints[parameter.name]
        if is_dataclass(annotation):
            groups[parameter.name] = annotation
            found += _fields(annotation)
        else:
            found.append(parameter.replace(annotation=annotation, kind=inspect.Parameter.KEYWORD_ONLY))
    return groups, found


def _fields(group: Any) -> list[inspect.Parameter]:
    hints = get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            f.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if f.default is MISSING else f.default,
            annotation=hints[f.name],
        )
        for f in fields(group)
    ]
