"""An emulated AWS with SES's rules, to try sesform without an account, and for tests.

    sandbox = Sandbox()
    sandbox.declare_identity("111111111111", "eu-west-1", "example.com")
    ses = sandbox.session("111111111111", "eu-west-1").client("ses")

The product imports this package only for `--sandbox`. moto is imported when a Sandbox is made, not before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sesform_sandbox.context import Call, Published
from sesform_sandbox.control_plane import Sandbox
from sesform_sandbox.refusal import MotoVersionWarning, SandboxStateError

if TYPE_CHECKING:
    from sesform_sandbox.server import SandboxServer, serve

__all__ = [
    "Call",
    "MotoVersionWarning",
    "Published",
    "Sandbox",
    "SandboxServer",
    "SandboxStateError",
    "serve",
]


def __getattr__(name: str) -> Any:
    """Import `serve` and SandboxServer when first used: http.server takes long to import."""
    if name in ("SandboxServer", "serve"):
        from sesform_sandbox import server

        return getattr(server, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
