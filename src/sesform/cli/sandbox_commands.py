"""The commands of the sandbox: serve it to other programs, and delete its state."""

from __future__ import annotations

from typing import Annotated

import typer

from sesform.cli.console import Console, out
from sesform.cli.options import SandboxRate
from sesform.errors import UsageError
from sesform.model.values import printable


def serve(
    rate: SandboxRate,
    host: Annotated[str, typer.Option("--host", help="The address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="The port; 0 for any free port.")] = 4566,
) -> int:
    """Serve the sandbox over HTTP, for the AWS CLI and Terraform, until interrupted."""
    from sesform.cli import sandbox
    from sesform_sandbox.server import serve as serve_sandbox

    def ready(url: str) -> None:
        out(f"export AWS_ENDPOINT_URL={url}")
        Console().say(
            f"Sandbox: serving {sandbox.state_file()} at {url}. The access key is a 12-digit account id. Ctrl-C stops it."
        )

    opened = sandbox.open_sandbox(rate.sandbox_rate)
    try:
        serve_sandbox(opened, host, port, ready)
    except (OSError, UnicodeError) as error:  # UnicodeError: a host that is no domain name
        reason = getattr(error, "strerror", None) or "it is not a host name"
        raise UsageError(
            f"cannot listen on --host {printable(host)} --port {port}: {reason}. Pass another --port or --host."
        ) from None
    return 0


def reset() -> int:
    """Delete the state of the sandbox."""
    from sesform.cli import sandbox

    sandbox.open_sandbox().reset()
    out(f"The sandbox is empty: {sandbox.state_file()} was deleted.")
    return 0
