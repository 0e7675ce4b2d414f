"""The commands: their names, their options, their exit codes."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from sesform import __version__
from sesform.cli import completion as completing
from sesform.cli import github, many_machines, sandbox_commands
from sesform.cli.console import Console, out
from sesform.cli.fmt import fmt
from sesform.cli.formats import Format, HandoverFormat
from sesform.cli.import_ import ImportOptions
from sesform.cli.options import (
    Blame,
    Calls,
    Detail,
    Drawing,
    Guards,
    Listing,
    NoColor,
    Notifying,
    Removal,
    Selection,
    Sharding,
    Specs,
    Terminal,
    command,
)
from sesform.cli.presenting import Notifier, View, console, viewing
from sesform.cli.verify import VerifyFormat, Verifying

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

AutoApprove = Annotated[bool, typer.Option("--auto-approve", help="Do not ask before applying.")]

app = typer.Typer(
    name="sesform",
    help="Declare Amazon SES notification settings in YAML, show the differences to AWS, and apply them in a safe order.",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings=_SETTINGS,
)
sandbox_app = typer.Typer(
    help="The emulated AWS that --sandbox runs against.", rich_markup_mode=None, context_settings=_SETTINGS
)
app.add_typer(sandbox_app, name="sandbox")


def _version(asked: bool) -> None:
    if asked:
        out(f"sesform {__version__}")
        raise typer.Exit


def _not_stdout(option: str, file: Path, hint: str) -> None:
    """Raise BadParameter for the name `-`: standard output carries the result, so no file can be written there as well."""
    if str(file) == "-":
        raise typer.BadParameter(f"'-' is not the name of a file; {hint}", param_hint=option)


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


@command(app)
def validate(specs: Specs, sharding: Sharding, drawing: Drawing, terminal: Terminal) -> int:
    """Check the specs without AWS.  Exit codes: 0 valid, 1 invalid."""
    from sesform import engine

    found = engine.validate(specs.places, engine.Settings(shard=sharding.chosen))
    return many_machines.print_validation(viewing(drawing, terminal), found)


command(app)(fmt)


@command(app)
def plan(
    specs: Specs,
    removal: Removal,
    selection: Selection,
    sharding: Sharding,
    listing: Listing,
    guards: Guards,
    calls: Calls,
    drawing: Drawing,
    detail: Detail,
    terminal: Terminal,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Save the plan to this file, for `apply --plan`.")
    ] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Return exit code 2 if there are changes.")
    ] = False,
) -> int:
    """Show the changes that apply would make.  Exit codes: 0 success, 1 error; with --detailed-exitcode, 2 changes."""
    from sesform import engine

    if out is not None:
        _not_stdout("--out", out, "--format json prints the same document: `sesform plan --format json > FILE`")
    view = viewing(drawing, terminal, calls, detail)
    with Notifier(view, calls) as notify:
        made = engine.plan(specs.places, calls.settings(removal, selection, sharding, listing, guards), notify)
    if not view.plan(made):
        return github.planned(view, made, 1)
    if out is not None:
        engine.save_plan(made, out, view.quota)
        words = [*map(str, specs.paths or ()), *(["--sandbox"] if calls.sandbox else []), "--plan", str(out)]
        view.console.say(
            f"Saved the plan to: {out}\nTo perform exactly these actions, run: sesform apply {shlex.join(words)}"
        )
    return github.planned(view, made, 2 if detailed_exitcode and made.changes else 0)


@command(app)
def apply(
    specs: Specs,
    removal: Removal,
    selection: Selection,
    sharding: Sharding,
    guards: Guards,
    calls: Calls,
    drawing: Drawing,
    detail: Detail,
    terminal: Terminal,
    plan: Annotated[
        Path | None,
        typer.Option(
            "--plan", metavar="FILE", help="Apply exactly this saved plan, without asking. `apply FILE` does the same."
        ),
    ] = None,
    auto_approve: AutoApprove = False,
) -> int:
    """Plan, ask, and apply; or apply a saved plan.  Exit codes: 0 success, 1 error or steps that were not done."""
    from sesform.cli.apply import apply_file, apply_specs, saved_plan_among

    view = viewing(drawing, terminal, calls, detail)
    named, paths = saved_plan_among(specs.paths or ())
    if plan is not None and named is not None:
        raise typer.BadParameter(f"{named} is a saved plan too", param_hint="--plan")
    plan = plan or named
    if plan is None:
        settings = calls.settings(removal, selection, sharding, guards)
        return apply_specs(specs.places, settings, view, calls, auto_approve=auto_approve)
    if selection.only:
        raise typer.BadParameter("a saved plan is applied as a whole", param_hint="--only")
    if removal.since is not None or removal.prune:
        option = "--prune" if removal.since is None else "--since"
        raise typer.BadParameter("a saved plan already has its deletions", param_hint=option)
    return apply_file(plan, Specs(list(map(str, paths))).places, calls.settings(sharding), view, calls)


@command(app)
def drift(
    specs: Specs,
    removal: Removal,
    selection: Selection,
    sharding: Sharding,
    listing: Listing,
    blame: Blame,
    calls: Calls,
    drawing: Drawing,
    detail: Detail,
    notifying: Notifying,
    terminal: Terminal,
) -> int:
    """Show differences between AWS and the specs, for cron.

    Exit codes: 0 in sync, 1 error, 2 drift, or an identity whose bounces or complaints have no receiver.
    """
    from sesform.cli.drift import Watch, advice, detect

    if notifying.notify_state is not None:
        _not_stdout("--notify-state", notifying.notify_state, "the next run reads it")
    view = viewing(drawing, terminal, calls, detail)
    watch = Watch(view, notifying, advice(specs, removal, selection, calls), metrics=drawing.metrics)
    return detect(
        specs.places, lambda: calls.settings(removal, selection, sharding, listing, blame), view, calls, watch
    )


@command(app)
def destroy(
    specs: Specs,
    selection: Selection,
    sharding: Sharding,
    guards: Guards,
    calls: Calls,
    drawing: Drawing,
    detail: Detail,
    terminal: Terminal,
    auto_approve: AutoApprove = False,
) -> int:
    """Remove everything that the specs declare, after asking.  Exit codes: 0 success, 1 error or steps that were not done."""
    from sesform.cli.apply import apply_specs

    view = viewing(drawing, terminal, calls, detail)
    settings = calls.settings(selection, sharding, guards)
    return apply_specs(specs.places, settings, view, calls, auto_approve=auto_approve, destroy=True)


@command(app)
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan that `plan --out` saved.")],
    drawing: Drawing,
    detail: Detail,
    no_color: NoColor = False,
) -> int:
    """Show a saved plan."""
    from sesform import engine

    saved = engine.load_plan(file)
    if drawing.format is Format.json:
        out(file.read_text(encoding="utf-8"))
        return 0
    view = View(Console(no_color=no_color), drawing.format, no_color=no_color, quota=Calls().quota, full=detail.full)
    view.draw(saved)
    view.console.problems(saved.diagnostics)
    return 0


@command(app)
def routes(specs: Specs, sharding: Sharding, calls: Calls, drawing: Drawing, terminal: Terminal) -> int:
    """Show the routes of bounces, complaints and deliveries, and gaps.  Exit codes: 0 no gap, 1 error, 2 gaps."""
    from sesform.cli.routes import show_routes

    view = viewing(drawing, terminal, calls)
    return show_routes(specs.places, calls, sharding, view)


@command(app)
def verify(
    specs: Specs,
    verifying: Verifying,
    sharding: Sharding,
    calls: Calls,
    terminal: Terminal,
    auto_approve: Annotated[
        bool, typer.Option("--auto-approve", help="Do not ask before sending test messages.")
    ] = False,
    format: Annotated[VerifyFormat, typer.Option("--format", help="The format of the result.")] = VerifyFormat.text,
) -> int:
    """Prove with SES's mailbox simulator that feedback arrives, after asking.

    Exit codes: 0 all received, 1 error, 2 something was not received.
    """
    from sesform.cli import verify as verification

    view = View(console(terminal, calls), no_color=terminal.no_color, quota=calls.quota)
    settings = calls.settings(sharding)
    if verifying.clean:
        return verification.clean(specs.places, settings, view, calls)
    return verification.prove(specs.places, settings, view, calls, verifying, format, auto_approve=auto_approve)


@command(app, "import")
def import_(
    asked: ImportOptions,
    calls: Calls,
    terminal: Terminal,
    terraform: Annotated[
        str | None,
        typer.Option(
            "--terraform",
            metavar="FILE",
            help="Import from this output of `terraform show -json` instead of AWS; -: standard input.",
        ),
    ] = None,
    removed: Annotated[
        Path | None,
        typer.Option(
            "--removed", metavar="FILE", help="With --terraform: write the `removed` blocks to this new .tf file."
        ),
    ] = None,
) -> int:
    """Print specs of existing resources, on which a plan is empty.  Exit codes: 0 success, 1 error or an incomplete result."""
    from sesform.cli.import_ import import_live

    if terraform is not None:
        from sesform.cli.import_terraform import import_state

        if removed is not None:
            _not_stdout("--removed", removed, "without --removed the blocks are printed after the specs")
        return import_state(console(terminal, calls), asked, terraform, removed)
    if removed is not None:
        raise typer.BadParameter("it requires --terraform", param_hint="--removed")
    return import_live(asked, calls, View(console(terminal, calls), no_color=terminal.no_color, quota=calls.quota))


@command(app)
def handover(
    specs: Specs,
    terminal: Terminal,
    account: Annotated[
        str | None,
        typer.Option(
            "--account", metavar="ID", help="Only the part of this account.", autocompletion=completing.accounts
        ),
    ] = None,
    format: Annotated[
        HandoverFormat, typer.Option("--format", help="The format: yaml to paste into a spec, markdown for a ticket.")
    ] = HandoverFormat.text,
) -> int:
    """Print what other organizations must set, from the specs alone.  Exit codes: 0 success, 1 error."""
    from sesform import engine
    from sesform.render import handover as drawn

    formats = {"text": drawn.text, "yaml": drawn.yaml, "markdown": drawn.markdown, "json": drawn.json_text}
    out(formats[format.value](engine.handover(specs.places, account=account)))
    return 0


command(app)(many_machines.matrix)
command(app)(many_machines.merge)


@command(app)
def completion(
    shell: Annotated[completing.ShellName, typer.Argument(metavar="SHELL", help="bash, zsh or fish.")],
) -> int:
    """Print the script for completion with the tab key in a shell."""
    out(completing.script(shell))
    return 0


@command(app)
def schema() -> int:
    """Print the JSON Schema of specs, for editors."""
    import json

    from sesform.specs.schema import json_schema

    out(json.dumps(json_schema(), indent=2))
    return 0


@command(app)
def iam_policy(
    specs: Specs,
    terminal: Terminal,
    apply: Annotated[bool, typer.Option("--apply", help="Include the permissions to apply.")] = False,
    destroy: Annotated[
        bool, typer.Option("--destroy", help="Include the permissions to remove what the specs declare.")
    ] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Include the permissions to verify.")] = False,
    account: Annotated[
        str | None,
        typer.Option(
            "--account",
            metavar="ID",
            help="The account; required if the specs have several.",
            autocompletion=completing.accounts,
        ),
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="GIT_REF",
            autocompletion=completing.refs,
            help="Include the permissions to delete resources declared at this commit, branch or tag and no longer declared.",
        ),
    ] = None,
    prune: Annotated[
        bool,
        typer.Option(
            "--prune", help="Include the permissions to delete resources with the ownership tags of the specs."
        ),
    ] = False,
    blame: Annotated[bool, typer.Option("--blame", help="Include the permission for `drift --blame`.")] = False,
) -> int:
    """Print the least IAM policy that the specs need, by default for planning."""
    from sesform import engine
    from sesform.cli.iam_policy import show_policy

    settings = engine.Settings(since=since, prune=prune, blame=blame)
    return show_policy(
        specs.places, settings, console(terminal), account=account, apply=apply, destroy=destroy, verify=verify
    )


command(sandbox_app)(sandbox_commands.serve)
command(sandbox_app)(sandbox_commands.reset)
