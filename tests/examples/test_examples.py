"""The shipped specs and examples do on the sandbox what their pages say."""

from __future__ import annotations

import logging
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sesform.cli import main
from sesform_sandbox import Sandbox

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
CONVERGING = [
    "specs",
    *(
        f"examples/{name}/specs"
        for name in (
            *("atlantis", "drift", "event-publishing", "gitlab", "gitops", "jenkins-azure", "many-accounts", "policy"),
            *("several-regions", "two-accounts"),
        )
    ),
]
LEGACY = EXAMPLES / "legacy-removal"
TWO_ORGANIZATIONS = EXAMPLES / "two-organizations"  # applied in either order in tests/cli/test_two_organizations.py
BLUE_GREEN = EXAMPLES / "blue-green"  # walked step by step in tests/convergence/test_blue_green.py
FOREIGN = [
    "arn:aws:ses:eu-west-1:333333333333:identity/" + name for name in ("newsletter@partner.example", "partner.example")
]


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sandbox's state file, which the commands of the test use."""
    file = tmp_path / "sandbox.json"
    for name in ("SESFORM_SANDBOX", "SESFORM_RATE", "SESFORM_SHARD"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SESFORM_SANDBOX_STATE", str(file))
    monkeypatch.setattr(logging.getLogger("sesform"), "propagate", True)  # -v turns it off for the whole process
    return file


def _codes(specs: Path, *allowed: str) -> list[int]:
    """The exit codes of validate, apply, plan and drift, one after the other."""
    return [
        main(["validate", str(specs)]),
        main(["apply", str(specs), "--sandbox", "--auto-approve", *allowed]),
        main(["plan", str(specs), "--sandbox", "--detailed-exitcode"]),
        main(["drift", str(specs), "--sandbox"]),
    ]


@pytest.mark.parametrize("specs", CONVERGING)
def test_specs_are_valid_and_apply_to_the_end(specs: str, state: Path) -> None:
    """Shipped specs validate and apply; then nothing is left to change, and there is no drift."""
    assert _codes(ROOT / specs) == [0, 0, 0, 0]


@pytest.mark.parametrize("specs", CONVERGING)
def test_specs_can_be_taken_back(specs: str, state: Path, caplog: pytest.LogCaptureFixture) -> None:
    """What shipped specs made, destroy removes, and then finds nothing more to do; all their calls are listed as permissions."""
    arguments = [str(ROOT / specs), "--sandbox", "--auto-approve"]
    with caplog.at_level(logging.DEBUG, "sesform.aws"):
        assert main(["apply", *arguments]) == 0
        Sandbox(state).confirm("arn:aws:sns:eu-west-1:111111111111:postmaster", "postmaster@example.com")
        Sandbox(state).confirm("arn:aws:sns:eu-west-1:222222222222:feedback", "https://feedback.acme.example/ses")
        assert main(["destroy", *arguments]) == 0
        before = state.read_bytes()
        assert main(["destroy", *arguments]) == 0
    assert state.read_bytes() == before
    listed = (ROOT / "docs" / "reference" / "permissions.md").read_text(encoding="utf-8")
    assert {m.split()[0] for m in caplog.messages} - set(re.findall(r"`(\w+:\w+)`", listed)) == set()


def test_every_example_is_tested_and_explained() -> None:
    """Each folder of examples has a page, is linked from the list of examples, and its specs are among those tested here."""
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    elsewhere = {LEGACY.name, BLUE_GREEN.name, TWO_ORGANIZATIONS.name}
    assert folders == {Path(s).parent.name for s in CONVERGING if s != "specs"} | elsewhere
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert all((EXAMPLES / name / "README.md").is_file() and f"({name}/README.md)" in listed for name in folders)


def test_legacy_entries_are_removed_type_by_type(
    state: Path, caplog: pytest.LogCaptureFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    """From before to after, each legacy type goes by one call of its own, and is gone; then there is nothing more to do."""
    runpy.run_path(str(LEGACY / "old_entries.py"))
    assert _codes(LEGACY / "before") == [0, 0, 0, 0]
    assert all(_topics(state)[identity] == ["Bounce", "Complaint", "Delivery"] for identity in FOREIGN)
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "sesform.aws"):
        assert _codes(LEGACY / "after", "--allow-irreversible") == [0, 0, 0, 0]
    assert sum("ses:SetIdentityNotificationTopic " in message for message in caplog.messages) == 6
    assert _topics(state) == {identity: [] for identity in FOREIGN}
    assert "No changes." in capsys.readouterr().out


@pytest.mark.parametrize("specs", sorted(p.relative_to(BLUE_GREEN) for p in BLUE_GREEN.glob("*/*")), ids=str)
def test_specs_of_moves_are_valid_and_linked(specs: Path, state: Path) -> None:
    """Each state of a blue/green example validates by itself, and its files are linked from the page."""
    page = (BLUE_GREEN / "README.md").read_text(encoding="utf-8")
    assert main(["validate", str(BLUE_GREEN / specs)]) == 0
    assert f"]({specs.as_posix()}/" in page


def _topics(state: Path) -> dict[str, list[str]]:
    """Of each foreign identity, the types that have a topic; none may have headers on without one."""
    ses = Sandbox(state).session("222222222222", "eu-west-1").client("ses")
    found = ses.get_identity_notification_attributes(Identities=FOREIGN)["NotificationAttributes"]
    types = ("Bounce", "Complaint", "Delivery")
    for each in found.values():
        assert not [t for t in types if each.get(f"HeadersIn{t}NotificationsEnabled") and f"{t}Topic" not in each]
    return {identity: [t for t in types if f"{t}Topic" in found.get(identity, {})] for identity in FOREIGN}


@pytest.mark.long
def test_the_demo_comes_to_its_end(tmp_path: Path) -> None:
    """The demo exits with 0, which it does only if each of its commands exits as it should, and leaves nothing behind."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("the demo is a bash script")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = {**os.environ, "PATH": path, "TMPDIR": str(tmp_path)}
    done = subprocess.run([bash, ROOT / "demo" / "demo.sh"], env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("No changes. Your infrastructure matches the configuration.") == 3
    assert "(exit code 2)" in done.stdout
    assert list(tmp_path.iterdir()) == []
