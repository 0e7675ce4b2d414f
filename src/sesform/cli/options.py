"""The options of the commands. Each is declared once, in a group that commands name in their signature.

A group is a dataclass whose fields are annotated for typer. `command` registers a function as a command: it expands each
parameter whose type is a group into the group's options.
"""

from __future__ import annotations

import inspect
import math
import os
from collections.abc import Callable
from dataclasses import MISSING, dataclass, fields, is_dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar, get_type_hints

import typer

from sesform.cli import completion
from sesform.cli.formats import FORMATS, Format
from sesform.model.quotas import DEFAULT_BLAME_DAYS, MAX_LOOKUP_DAYS

if TYPE_CHECKING:
    from sesform.engine import EmulatedAws, Settings
    from sesform.model.shard import Shard

Command = TypeVar("Command", bound=Callable[..., int])


class Compat(StrEnum):
    terraform = "terraform"


NoColor = Annotated[bool, typer.Option("--no-color", help="Do not colour the output.")]


def _option(flag: str, help: str, *, metavar: str | None = None, complete: Any = None) -> Any:
    return typer.Option(flag, metavar=metavar, help=help, autocompletion=complete)


@dataclass(frozen=True, slots=True)
class Specs:
    """The spec files and folders that a command reads."""

    paths: Annotated[
        list[str] | None,
        typer.Argument(metavar="PATHS", help="Spec files and folders.  [default: specs]", show_default=False),
    ] = None

    @property
    def places(self) -> tuple[str | Path, ...]:
        """The given paths, or the default folder."""
        return tuple(self.paths or ("specs",))


@dataclass(frozen=True, slots=True)
class Drawing:
    """The format of the result. Each command has those of `FORMATS`."""

    format: Format = Format.text

    @staticmethod
    def of(command: str) -> Any:
        """Return the annotation of the option for a command."""
        known = FORMATS[command]

        def chosen(text: str) -> Format:
            if text not in known:
                names = ", ".join(f"'{each}'" for each in known)
                raise typer.BadParameter(f"{text!r} is not one of {names}.")
            return Format(text)

        def completed() -> list[str]:
            return list(map(str, known))

        metavar, help = f"<{'|'.join(known)}>", "The format of the result."
        option = typer.Option("--format", metavar=metavar, parser=chosen, autocompletion=completed, help=help)
        return Annotated[Format, option]

    @property
    def metrics(self) -> bool:
        """Whether the result is metrics for Prometheus."""
        return self.format is Format.openmetrics


@dataclass(frozen=True, slots=True)
class Detail:
    """How much of a plan is shown."""

    full: Annotated[
        bool,
        typer.Option("--full", help="Show every step in the order of apply, however many; only with --format text."),
    ] = False


@dataclass(frozen=True, slots=True)
class Notifying:
    """The services to notify of changes of drift."""

    notify: Annotated[
        list[str] | None,
        typer.Option(
            "--notify",
            envvar="SESFORM_NOTIFY",
            metavar="URL",
            help="Tell this service, by its apprise URL, when drift appears, changes or heals. Repeatable. URLs hold secrets: "
            "prefer the variable, with spaces between URLs.",
        ),
    ] = None
    notify_state: Annotated[
        Path | None,
        typer.Option(
            "--notify-state",
            metavar="FILE",
            help="Remember in this file when differences began, and what was told.  [default: .sesform/drift.json]",
            show_default=False,
        ),
    ] = None

    @property
    def file(self) -> Path | None:
        """The file of the history: the given one, or the default one if a service is to be notified, or None."""
        if self.notify_state is None and self.notify:
            from sesform.cli.drift_state import DEFAULT_FILE

            return DEFAULT_FILE
        return self.notify_state


@dataclass(frozen=True, slots=True)
class Terminal:
    """The form of messages and of texts."""

    no_color: NoColor = False
    compat: Annotated[
        Compat | None,
        typer.Option(
            "--compat",
            envvar="SESFORM_COMPAT",
            help="Print the lines that tools for Terraform look for, such as tfcmt and Atlantis.",
        ),
    ] = None
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Print only the result and errors.")] = False


@dataclass(frozen=True, slots=True)
class Removal:
    """The resources to delete because no spec declares them any more."""

    since: Annotated[
        str | None,
        _option(
            "--since",
            "Delete resources that specs declare at this commit, branch or tag and no longer declare.",
            metavar="GIT_REF",
            complete=completion.refs,
        ),
    ] = None
    prune: Annotated[
        bool,
        _option("--prune", "Delete resources that have the ownership tag of a loaded spec and that no spec names."),
    ] = False


@dataclass(frozen=True, slots=True)
class Selection:
    """The part of a plan to use."""

    only: Annotated[
        list[str] | None,
        _option(
            "--only",
            "Only addresses that match, with what they depend on. Repeatable.",
            metavar="GLOB",
            complete=completion.addresses,
        ),
    ] = None


@dataclass(frozen=True, slots=True)
class Sharding:
    """The part of the specs that one of several machines covers."""

    shard: Annotated[
        str | None,
        typer.Option(
            "--shard",
            envvar="SESFORM_SHARD",
            metavar="I/N",
            autocompletion=completion.shards,
            help="Cover only part I of N of the specs; auto or auto/N: the part of this job of Kubernetes, AWS Batch or GitLab.",
        ),
    ] = None

    @property
    def chosen(self) -> Shard | None:
        """The part, None for all specs. Raises BadParameter if it does not exist or is not known."""
        from sesform.cli.sharding import chosen

        return chosen(self.shard, os.environ)


@dataclass(frozen=True, slots=True)
class Listing:
    """Additions to a plan."""

    unmanaged: Annotated[bool, _option("--unmanaged", "Also list resources that no spec names.")] = False


@dataclass(frozen=True, slots=True)
class Blame:
    """The search for who changed what has drifted."""

    blame: Annotated[
        bool, _option("--blame", "Look up in CloudTrail who changed each drifted resource, when, and with what.")
    ] = False
    days: Annotated[
        int | None,
        typer.Option(
            "--blame-days",
            metavar="N",
            min=1,
            max=MAX_LOOKUP_DAYS,
            help="With --blame: search the calls of the last N days.  [default: 7]",
        ),
    ] = None

    @property
    def blame_days(self) -> int:
        """How far back to search. Raises BadParameter for days without --blame."""
        if self.days is not None and not self.blame:
            raise typer.BadParameter("it requires --blame", param_hint="--blame-days")
        return DEFAULT_BLAME_DAYS if self.days is None else self.days


@dataclass(frozen=True, slots=True)
class Guards:
    """The guards to turn off."""

    allow_dark: Annotated[bool, _option("--allow-dark", "Allow identities to lose their last route.")] = False
    allow_mass_change: Annotated[bool, _option("--allow-mass-change", "Allow many deletions at once.")] = False
    allow_irreversible: Annotated[
        bool, _option("--allow-irreversible", "Allow cross-account entries to be cleared for good.")
    ] = False
    allow_new_legacy: Annotated[
        bool, _option("--allow-new-legacy", "Try to create cross-account entries, which AWS no longer makes.")
    ] = False


@dataclass(frozen=True, slots=True)
class SandboxRate:
    """The quota of the sandbox."""

    sandbox_rate: Annotated[
        float | None,
        typer.Option(
            "--sandbox-rate", metavar="N", min=0.01, help="SES calls per second that the sandbox allows in each scope."
        ),
    ] = None


def _rate(text: str) -> float:
    """Return calls a second; infinite for "auto". Raises BadParameter."""
    try:
        rate = math.inf if text == "auto" else float(text)
    except ValueError:
        rate = -1.0
    if math.isnan(rate) or rate < 0 or (rate == math.inf and text != "auto"):
        raise typer.BadParameter(f"{text!r} is not a number of at least 0, nor auto.")
    return rate


@dataclass(frozen=True, slots=True)
class Calls(SandboxRate):
    """The AWS to call, and the pace of calls."""

    sandbox: Annotated[
        bool,
        typer.Option("--sandbox", envvar="SESFORM_SANDBOX", help="Run against the emulated AWS."),
    ] = False
    rate: Annotated[
        float | None,
        typer.Option(
            "--rate",
            envvar="SESFORM_RATE",
            metavar="N",
            autocompletion=completion.rates,
            parser=_rate,
            help="SES calls per second in each scope; 0 for no pacing; auto to begin with 1 and to find out what AWS accepts."
            "  [default: 1]",
        ),
    ] = None
    parallelism: Annotated[
        int,
        typer.Option(
            "--parallelism", metavar="N", min=1, max=256, help="The most calls in flight, in all scopes together."
        ),
    ] = 10
    verbose: Annotated[
        bool, typer.Option("--verbose", "-v", help="Print every call to AWS, and at the end what the run cost.")
    ] = False

    @property
    def quota(self) -> float | None:
        """SES calls per second for estimates: AWS's quota, also for the sandbox, unless `--rate` names another one."""
        from sesform.model.quotas import SES_CALLS_PER_SECOND

        return SES_CALLS_PER_SECOND if self.rate in (None, math.inf) else self.rate or None

    @property
    def pace(self) -> float | None:
        """SES calls per second, None for no pacing. The sandbox has no quota unless one is given."""
        if self.rate is None:
            return self.sandbox_rate if self.sandbox else self.quota
        return self.rate or None

    def settings(self, *groups: Any) -> Settings:
        """Return the engine's settings of these options and of the other groups; open the sandbox if it is used."""
        from sesform import engine

        known = {f.name for f in fields(engine.Settings)}
        given = {f.name: getattr(g, f.name) for g in groups for f in fields(g) if f.name in known}
        given["only"] = tuple(given.get("only") or ())
        given["shard"] = next((g.chosen for g in groups if isinstance(g, Sharding)), None)
        days = next((g.blame_days for g in groups if isinstance(g, Blame)), DEFAULT_BLAME_DAYS)
        return engine.keeping_logins(
            engine.Settings(
                **given,
                blame_days=days,
                rate=self.pace,
                parallelism=self.parallelism,
                sandbox=self._emulated(),
            )
        )

    def _emulated(self) -> EmulatedAws | None:
        from sesform.cli import sandbox

        return sandbox.open_sandbox(self.sandbox_rate) if self.sandbox else None


def command(app: typer.Typer, name: str | None = None) -> Callable[[Command], Command]:
    """Register a function as a command. Its name, docstring, parameters, and those of its groups, become the command's."""

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
    """Return the groups among a function's parameters, by name, and all parameters with the groups' fields in their place."""
    hints = get_type_hints(function, include_extras=True)
    groups: dict[str, Any] = {}
    found: list[inspect.Parameter] = []
    for parameter in inspect.signature(function).parameters.values():
        annotation = hints[parameter.name]
        if is_dataclass(annotation):
            groups[parameter.name] = annotation
            found += _fields(annotation, function.__name__)
        else:
            found.append(parameter.replace(annotation=annotation, kind=inspect.Parameter.KEYWORD_ONLY))
    return groups, found


def _fields(group: Any, command: str) -> list[inspect.Parameter]:
    hints = {"format": Drawing.of(command)} if group is Drawing else get_type_hints(group, include_extras=True)
    return [
        inspect.Parameter(
            f.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=inspect.Parameter.empty if f.default is MISSING else f.default,
            annotation=hints[f.name],
        )
        for f in fields(group)
    ]
