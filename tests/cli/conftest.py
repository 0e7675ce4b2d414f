"""The command line, apart from the environment that the tests run in."""

from __future__ import annotations

from pathlib import Path

import pytest

from shell import Shell

AWS_VARIABLES = ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
OWN_VARIABLES = ("SESFORM_SANDBOX", "SESFORM_SANDBOX_STATE", "SESFORM_RATE", "NO_COLOR", "FORCE_COLOR", "CI")


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.chdir(tmp_path)
    for name in AWS_VARIABLES + OWN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return Shell(tmp_path, capsys)
