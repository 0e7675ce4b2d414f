"""The commands: their words, their options, their exit codes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sesform import __version__
from sesform.cli import apply as applying
from sesform.cli import run
from sesform.cli.console import Console, out
from sesform.cli.options import (
    Accounts,
    AllowDark,
    AllowIrreversible,
    AllowMassChange,
    AllTopics,
    AutoApprove,
    ExternalIdVariables,
    Format,
    FormatOption,
    IdentityArns,
    NoColor,
    Only,
    Options,
    Parallelism,
    Paths,
    Profiles,
    Prune,
    Quiet,
    Rate,
    Regions,
    RemovedFile,
    RoleArns,
    SandboxRate,
    Since,
    SpecNames,
    TerraformFile,
    Unmanaged,
    UseSandbox,
    Verbose,
)

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}

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


def _talk(options: Options) -> Console:
    return Console(quiet=options.quiet, verbose=options.verbose, no_color=options.no_color)


@app.command()
def validate(
    context: typer.Context,
    paths: Paths = None,
    format: FormatOption = Format.text,
    no_color: NoColor = False,
    quiet: Quiet = False,
) -> int:
    """Check the specs, without AWS.  Exit code 0: valid, 1: not."""
    options = Options.of(context.params)
    desired = run.compile_specs(options)
    if format is Format.json:
        from sesform.render import json

        out(json.problems(desired.warnings))
        return 0
    _talk(options).problems(desired.warnings)
    n, m = len(desired.access), len(desired.declared)
    out(f"Success! The configuration is valid: {n} {'spec' if n == 1 else 'specs'}, {m} settings.")
    return 0


@app.command()
def plan(
    context: typer.Context,
    paths: Paths = None,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Save the plan, for `apply --plan`.")
    ] = None,
    detailed_exitcode: Annotated[
        bool, typer.Option("--detailed-exitcode", help="Exit code 2 where there are changes.")
    ] = False,
    format: FormatOption = Format.text,
    only: Only = None,
    since: Since = None,
    prune: Prune = False,
    unmanaged: Unmanaged = False,
    sandbox: UseSandbox = False,
    sandbox_rate: SandboxRate = None,
    rate: Rate = None,
    parallelism: Parallelism = 10,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    allow_dark: AllowDark = False,
    allow_mass_change: AllowMassChange = False,
    allow_irreversible: AllowIrreversible = False,
) -> int:
    """Show what applying would change.  Exit code 0; 1: error; 2 with --detailed-exitcode: changes."""
    options = Options.of(context.params)
    console = _talk(options)
    made, _ = run.make_plan(options, console, run.compile_specs(options))
    if not run.present(options, console, run.guarded(options, made)):
        return 1
    if out is not None:
        from sesform.apply import saved_plan
        from sesform.planning import plan_file

        saved_plan.save(out, plan_file.document(made, timestamp=run.now(), rate=options.quota))
        where = "--sandbox " if options.sandbox else ""
        console.say(
            f"Saved the plan to: {out}\nTo perform exactly these actions, run: sesform apply {where}--plan {out}"
        )
    return 2 if detailed_exitcode and made.changes else 0


@app.command()
def apply(
    context: typer.Context,
    paths: Paths = None,
    plan: Annotated[
        Path | None, typer.Option("--plan", metavar="FILE", help="Apply exactly this saved plan, without asking.")
    ] = None,
    auto_approve: AutoApprove = False,
    format: FormatOption = Format.text,
    only: Only = None,
    since: Since = None,
    prune: Prune = False,
    sandbox: UseSandbox = False,
    sandbox_rate: SandboxRate = None,
    rate: Rate = None,
    parallelism: Parallelism = 10,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    allow_dark: AllowDark = False,
    allow_mass_change: AllowMassChange = False,
    allow_irreversible: AllowIrreversible = False,
) -> int:
    """Plan, ask, and apply; or exactly a saved plan.  Exit code 0; 1: error, or not everything was done."""
    options = Options.of(context.params)
    if plan is None:
        return applying.apply_specs(options, _talk(options), auto_approve=auto_approve)
    if only:
        raise typer.BadParameter("a saved plan is applied whole", param_hint="--only")
    if since is not None or prune:
        option = "--prune" if since is None else "--since"
        raise typer.BadParameter("a saved plan says itself what it removes", param_hint=option)
    return applying.apply_file(options, _talk(options), plan)


@app.command()
def drift(
    context: typer.Context,
    paths: Paths = None,
    format: FormatOption = Format.text,
    only: Only = None,
    since: Since = None,
    prune: Prune = False,
    unmanaged: Unmanaged = False,
    sandbox: UseSandbox = False,
    sandbox_rate: SandboxRate = None,
    rate: Rate = None,
    parallelism: Parallelism = 10,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Tell where AWS differs from the specs, for cron.  Exit code 0: in sync, 2: drift, 1: error."""
    options = Options.of(context.params)
    console = _talk(options)
    made = run.find_drift(options, console, run.compile_specs(options))
    if not run.present(options, console, made, drift=True):
        return 1
    return 2 if made.changes else 0


@app.command()
def destroy(
    context: typer.Context,
    paths: Paths = None,
    auto_approve: AutoApprove = False,
    format: FormatOption = Format.text,
    only: Only = None,
    sandbox: UseSandbox = False,
    sandbox_rate: SandboxRate = None,
    rate: Rate = None,
    parallelism: Parallelism = 10,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    allow_dark: AllowDark = False,
    allow_mass_change: AllowMassChange = False,
    allow_irreversible: AllowIrreversible = False,
) -> int:
    """Remove everything that the specs declare, after asking.  Exit code 0; 1: error, or not everything was done."""
    options = Options.of(context.params)
    return applying.apply_specs(options, _talk(options), auto_approve=auto_approve, destroy=True)


@app.command()
def show(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A plan that `plan --out` saved.")],
    format: FormatOption = Format.text,
    no_color: NoColor = False,
) -> int:
    """Draw a saved plan."""
    from sesform.apply import saved_plan

    saved = saved_plan.load(file)
    if format is Format.json:
        out(file.read_text(encoding="utf-8"))
    else:
        run.draw(Options((), no_color=no_color), saved)
        Console(no_color=no_color).problems(saved.diagnostics)
    return 0


@app.command()
def routes(
    context: typer.Context,
    paths: Paths = None,
    format: FormatOption = Format.text,
    sandbox: UseSandbox = False,
    sandbox_rate: SandboxRate = None,
    rate: Rate = None,
    parallelism: Parallelism = 10,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Show who gets which feedback, and what is missing.  Exit code 0: no gap, 2: gaps, 1: error."""
    from sesform.cli.routes import show_routes

    options = Options.of(context.params)
    return show_routes(options, _talk(options))


@app.command("import")
def import_(
    context: typer.Context,
    account: Accounts = None,
    region: Regions = None,
    role_arn: RoleArns = None,
    profile: Profiles = None,
    external_id_env: ExternalIdVariables = None,
    name: SpecNames = None,
    identity_arn: IdentityArns = None,
    all_topics: AllTopics = False,
    terraform: TerraformFile = None,
    removed: RemovedFile = None,
    sandbox: UseSandbox = False,
    sandbox_rate: SandboxRate = None,
    rate: Rate = None,
    parallelism: Parallelism = 10,
    no_color: NoColor = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
) -> int:
    """Print what exists as specs on which a plan is empty.  Exit code 0; 1: error, or not all could be said so."""
    from sesform.cli import import_ as importing

    options = Options.of(context.params)
    asked = importing.ImportOptions.of(context.params)
    if terraform is not None:
        from sesform.cli import import_terraform

        return import_terraform.import_state(_talk(options), asked, terraform, removed)
    if removed is not None:
        raise typer.BadParameter("it goes with --terraform", param_hint="--removed")
    return importing.import_live(options, _talk(options), asked)


@app.command()
def schema() -> int:
    """Print the JSON Schema of the specs, for editors."""
    import json

    from sesform.specs.schema import json_schema

    out(json.dumps(json_schema(), indent=2))
    return 0


@app.command()
def iam_policy(
    context: typer.Context,
    paths: Paths = None,
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
    no_color: NoColor = False,
    quiet: Quiet = False,
) -> int:
    """Print the least IAM policy that the specs need, for planning unless told otherwise."""
    from sesform.cli.iam_policy import show_policy

    options = Options.of(context.params)
    return show_policy(options, _talk(options), account=account, apply=apply, destroy=destroy)


@sandbox_app.command()
def serve(
    host: Annotated[str, typer.Option("--host", help="Where to listen.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port; 0: any free one.")] = 4566,
    sandbox_rate: SandboxRate = None,
) -> int:
    """Serve the sandbox over HTTP, for the AWS CLI and Terraform, until interrupted."""
    from sesform_sandbox.server import serve as serve_sandbox

    def ready(url: str) -> None:
        out(f"export AWS_ENDPOINT_URL={url}")
        Console().say(
            f"Sandbox: serving {run.state_file()} at {url}; an access key of 12 digits is the account. Ctrl-C stops it."
        )

    serve_sandbox(run.open_sandbox(sandbox_rate), host, port, ready)
    return 0


@sandbox_app.command()
def reset() -> int:
    """Forget everything that the sandbox holds."""
    run.open_sandbox().reset()
    out(f"The sandbox is empty: {run.state_file()} is gone.")
    return 0
