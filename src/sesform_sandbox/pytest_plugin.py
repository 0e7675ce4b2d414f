"""A pytest fixture for the users of sesform and for its own tests:

pytest_plugins = ["sesform_sandbox.pytest_plugin"]
"""

from __future__ import annotations

import pytest

from sesform_sandbox.control_plane import Sandbox


@pytest.fixture
def ses_sandbox() -> Sandbox:
    """Return a new, empty sandbox in memory."""
    return Sandbox()
