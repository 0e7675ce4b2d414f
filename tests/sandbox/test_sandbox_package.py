"""The sandbox as a package of its own: its names, the deprecated alias, and the versions of moto."""

from __future__ import annotations

import subprocess
import sys

import pytest

from sesform_sandbox import moto_version
from sesform_sandbox.refusal import MotoVersionWarning


def run(program: str, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *options, "-c", program], capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "program",
    [
        "from sesform.sandbox import Sandbox; import sesform_sandbox as new; assert Sandbox is new.Sandbox",
        "import sesform.sandbox; sesform.sandbox.Sandbox()",
        "from sesform.sandbox.pytest_plugin import ses_sandbox",
        "from sesform.sandbox.server import serve",
    ],
)
def test_the_old_name_still_works_and_says_what_replaces_it(program: str) -> None:
    """Existing imports of sesform.sandbox go on working, with a deprecation warning."""
    done = run(program, "-W", "default")

    assert (0, True) == (done.returncode, "DeprecationWarning: sesform.sandbox is deprecated" in done.stderr)
    assert "import sesform_sandbox instead" in done.stderr


def test_the_new_name_warns_of_nothing() -> None:
    """The package is imported without the product and without a warning."""
    program = "import sys, sesform_sandbox; assert 'sesform.engine' not in sys.modules and 'moto' not in sys.modules"

    assert (0, "") == (run(program, "-W", "error").returncode, run(program, "-W", "error").stderr)


@pytest.mark.parametrize("version", ["4.2.14", "6.0.0"])
def test_an_unproven_moto_is_warned_about(monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    """What the sandbox uses of moto is not public, so that another version may behave differently."""
    monkeypatch.setattr("importlib.metadata.version", lambda name: version)
    with pytest.warns(MotoVersionWarning, match=f"moto {version} is installed"):
        moto_version.check()
