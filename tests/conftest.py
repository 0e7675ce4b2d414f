"""Fixtures and settings of all tests."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from shell import Shell
from world import World

AWS_VARIABLES = ("AWS_PROFILE", "AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION")
OWN_VARIABLES = (
    "SESFORM_SANDBOX",
    "SESFORM_SANDBOX_STATE",
    "SESFORM_RATE",
    "SESFORM_SHARD",
    "SESFORM_COMPAT",
    "SESFORM_NOTIFY",
    "NO_COLOR",
    "FORCE_COLOR",
    "CI",
)

settings.register_profile(
    "default", deadline=None, max_examples=35, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.register_profile("ci", settings.get_profile("default"), derandomize=True)
settings.register_profile(
    "long", settings.get_profile("default"), max_examples=int(os.environ.get("HYPOTHESIS_EXAMPLES", "1000"))
)
settings.register_profile("mutants", settings.get_profile("default"), max_examples=10, derandomize=True, database=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or ("ci" if os.environ.get("CI") else "default"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The empty working directory of the test, so that places are `specs.yaml:4` in all messages."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Shell:
    monkeypatch.chdir(tmp_path)
    for name in AWS_VARIABLES + OWN_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    return Shell(tmp_path, capsys)
