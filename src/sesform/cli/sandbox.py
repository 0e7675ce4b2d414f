"""The sandbox of the commands: one state file, kept between commands."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sesform_sandbox import Sandbox

_STATE = Path(".sesform") / "sandbox.json"


def open_sandbox(rate: float | None = None) -> Sandbox:
    """Return the sandbox with its saved state. `rate`: SES calls per second that it allows, None for no quota."""
    from sesform_sandbox import Sandbox

    return Sandbox(state_file(), rate=rate)


def state_file() -> Path:
    """Return the state file of the sandbox: SESFORM_SANDBOX_STATE, or the default."""
    return Path(os.environ.get("SESFORM_SANDBOX_STATE") or _STATE)
