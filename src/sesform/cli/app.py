"""The commands: their names, their options, their exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sesform import __version__
from sesform.cli.console import Console, out
from sesform.cli.import_ import ImportOptions
from sesform.cli.options import (
    Calls,
    Drawing,
    Format,
    Guards,
    Listing,
    NoColor,
    Removal,
    SandboxRate,
    Selection,
    Specs,
    Terminal,
    command,
)
from sesform.cli.presenting import Notifier, View, console

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

AutoApprove = Annotated[bool, typer.Option("--auto-approve", help="Do not ask before applying.")]

app = typer.Typer(
    name="sesform",
    help="Declare Amazon SES notification settings in YAML; see what differs, and apply it in a safe order.",
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings=_SETTINGS,
)
sandbox_app = typer.Typer(
    help="The embedded control plane that --sandbox runs against.", rich_markup_mode=None, context_settings=_SETTINGS
)
app.add_typer(sandbox_app, name="sandbox")


def _version(asked: bool) -> None:
    if asked:
        out(f"sesform {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="The version, and exit.")
    ] = False,
) -> None:
    pass


@command(app)
def validate(specs: Specs, drawing: Drawing, terminal: Terminal) -> int:
    """Check the specs, without AWS.  Exit code 0: valid, 1: not."""
    from sesform import engine

    found = engine.validate(specs.places)
    if drawing.format is Format.json:
        from sesform.render import json

        out(json.problems(found.warnings))
        return 0
    console(terminal).problems(found.warnings)
    n = found.specs
    out(f"Success! The configuration is valid: {n} {'spec' if n == 1 else 'specs'}, {found.resources} settings.")
    return 0


@command(app)
def plan(
    specs: Specs,
    removal: Removal,
    selection: Selection,
    listing: Listing,
    guards: Guards,
    calls: Calls,
    drawing: Drawing,
    terminal: Terminal,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Save the plan, for `apply --plan`.")
    ] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit code 2 where there are changes.")
    ] = False,
) -> int:
    """Show what applying would change.  Exit code 0; 1: error; 2 with --detailed-exitcode: changes."""
    from sesform import engine

    view = View(console(terminal, calls), drawing.format, no_color=terminal.no_color, quota=calls.quota)
    with Notifier(view, calls) as notify:
        made = engine.plan(specs.places, calls.settings(removal, selection, listing, guards), notify)
    if not view.plan(made):
        return 1
    if out is not None:
        engine.save_plan(made, out, view.quota)
        where = "--sandbox " if calls.sandbox else ""
        view.console.say(
            f"Saved the plan to: {out}\nTo perform exactly these actions, run: sesform apply {where}--plan {out}"
        )
    return 2 if detailed_exitcode and made.changes else 0


@command(app)
def apply(
    specs: Specs,
    removal: Removal,
    selection: Selection,
    guards: Guards,
    calls: Calls,
    drawing: Drawing,
    terminal: Terminal,
    plan: Annotated[
        Path | None, typer.Option("--plan", metavar="FILE", help="Apply exactly this saved plan, without asking.")
    ] = None,
    auto_approve: AutoApprove = False,
) -> int:
    """Plan, ask, and apply; or exactly a saved plan.  Exit code 0; 1: error, or not everything was done."""
    from sesform.cli.apply import apply_file, apply_specs

    view = View(console(terminal, calls), drawing.format, no_color=terminal.no_color, quota=calls.quota)
    if plan is None:
        settings = calls.settings(removal, selection, guards)
        return apply_specs(specs.places, settings, view, calls, auto_approve=auto_approve)
    if selection.only:
        raise typer.BadParameter("a saved plan is applied whole", param_hint="--only")
    if removal.since is not None or removal.prune:
        option = "--prune" if removal.since is None else "--since"
        raise typer.BadParameter("a saved plan says itself what it removes", param_hint=option)
    return apply_file(plan, specs.places, calls.settings(), view, calls)


@command(app)
def drift(
    specs: Specs,
    removal: Removal,
    selection: Selection,
    listing: Listing,
    calls: Calls,
    drawing: Drawing,
    terminal: Terminal,
) -> int:
    """Tell where AWS differs from the specs, for cron.  Exit code 0: in sync, 2: drift, 1: error."""
    from sesform import engine

    view = View(console(terminal, calls), drawing.format, no_color=terminal.no_color, quota=calls.quota)
    with Notifier(view, calls) as notify:
        found = engine.drift(specs.places, calls.settings(removal, selection, listing), notify)
    if not view.plan(found, drift=True):
        return 1
    return 2 if found.changes else 0


@command(app)
def destroy(
    specs: Specs,
    selection: Selection,
    guards: Guards,
    calls: Calls,
    drawing: Drawing,
    terminal: Terminal,
    auto_approve: AutoApprove = False,
) -> int:
    """Remove everything that the specs declare, after asking.  Exit code 0; 1: error, or not everything was done."""
    from sesform.cli.apply import apply_specs

    view = View(console(terminal, calls), drawing.format, no_color=terminal.no_color, quota=calls.quota)
    settings = calls.settings(selection, guards)
    return apply_specs(specs.places, settings, view, calls, auto_approve=auto_approve, destroy=True)


@command(app)
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan that `plan --out` saved.")],
    drawing: Drawing,
    no_color: NoColor = False,
) -> int:
    """Draw a saved plan."""
    from sesform import engine

    saved = engine.load_plan(file)
    if drawing.format is Format.json:
        out(file.read_text(encoding="utf-8"))
        return 0
    view = View(Console(no_color=no_color), no_color=no_color, quota=Calls().quota)
    view.draw(saved)
    view.console.problems(saved.diagnostics)
    return 0


@command(app)
def routes(specs: Specs, calls: Calls, drawing: Drawing, terminal: Terminal) -> int:
    """Show who gets which feedback, and what is missing.  Exit code 0: no gap, 2: gaps, 1: error."""
    from sesform.cli.routes import show_routes

    view = View(console(terminal, calls), drawing.format, no_color=terminal.no_color, quota=calls.quota)
    return show_routes(specs.places, calls, view)


@command(app, "import")
def import_(
    asked: ImportOptions,
    calls: Calls,
    terminal: Terminal,
    terraform: Annotated[
        str | None,
        typer.Option(
            "--terraform", metavar="FILE", help="Not AWS, but what `terraform show -json` printed; -: standard input."
        ),
    ] = None,
    removed: Annotated[
        Path | None,
        typer.Option("--removed", metavar="FILE", help="With --terraform: a new .tf file for the `removed` blocks."),
    ] = None,
) -> int:
    """Print what exists as specs on which a plan is empty.  Exit code 0; 1: error, or not all could be said so."""
    from sesform.cli.import_ import import_live

    if terraform is not None:
        from sesform.cli.import_terraform import import_state

        return import_state(console(terminal, calls), asked, terraform, removed)
    if removed is not None:
        raise typer.BadParameter("it goes with --terraform", param_hint="--removed")
    return import_live(asked, calls, View(console(terminal, calls), no_color=terminal.no_color, quota=calls.quota))


@command(app)
def schema() -> int:
    """Print the JSON Schema of the specs, for editors."""
    import json

    from sesform.specs.schema import json_schema

    out(json.dumps(json_schema(), indent=2))
    return 0


@command(app)
def iam_policy(
    specs: Specs,
    terminal: Terminal,
    apply: Annotated[bool, typer.Option("--apply", help="Also what applying needs, not only planning.")] = False,
    destroy: Annotated[bool, typer.Option("--destroy", help="Also for removing what they declare.")] = False,
    account: Annotated[
        str | None, typer.Option("--account", metavar="ID", help="Of which account; needed where there are several.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since", metavar="GIT_REF", help="Also for removing what has left them since this commit or branch."
        ),
    ] = None,
    prune: Annotated[bool, typer.Option("--prune", help="Also for removing what carries their ownership tag.")] = False,
) -> int:
    """Print the least IAM policy that the specs need, for planning unless told otherwise."""
    from sesform.cli.iam_policy import show_policy

    removal = Removal(since, prune)
    return show_policy(specs.places, removal, console(terminal), account=account, apply=apply, destroy=destroy)


@command(sandbox_app)
def serve(
    rate: SandboxRate,
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0: any free one.")] = 4566,
) -> int:
    """Serve the sandbox over HTTP, for the AWS CLI and Terraform, until interrupted."""
    from sesform.cli import sandbox
    from sesform_sandbox.server import serve as serve_sandbox

    def ready(url: str) -> None:
        out(f"export AWS_ENDPOINT_URL={url}")
        Console().say(
            f"Sandbox: serving {sandbox.state_file()} at {url}; an access key of 12 digits is the account. Ctrl-C stops it."
        )

    serve_sandbox(sandbox.open_sandbox(rate.sandbox_rate), host, port, ready)
    return 0


@command(sandbox_app)
def reset() -> int:
    """Forget everything that the sandbox holds."""
    from sesform.cli import sandbox

    sandbox.open_sandbox().reset()
    out(f"The sandbox is empty: {sandbox.state_file()} is gone.")
    return 0
