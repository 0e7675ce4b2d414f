"""A folder with specs and its own sandbox, in which tests run the command line."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from sesform.cli import main
from sesform_sandbox import Sandbox

SPECS = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
identities:
  example.com:
    notifications:
      bounce: {topic: mailer/feedback, headers: true}
      complaint: mailer/feedback
---
kind: Delegate
name: mailer
account: "222222222222"
regions: [eu-west-1]
topics: {feedback: {}}
configuration_sets:
  main:
    event_destinations:
      feedback: {events: [bounce, complaint], sns: feedback}
"""


@dataclass(frozen=True)
class Result:
    code: int
    out: str
    err: str


class Shell:
    """A command line in its own folder: `run("plan", "--sandbox")` is the command of a user."""

    def __init__(self, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.specs(SPECS)

    def specs(self, text: str, name: str = "specs.yaml") -> None:
        file = self.folder / "specs" / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(text, encoding="utf-8")

    def run(self, *arguments: str) -> Result:
        self._capsys.readouterr()
        log = logging.getLogger(
            "sesform"
        )  # with -v, the handler of an earlier run writes to a stream that is closed now
        log.handlers.clear()
        log.setLevel(logging.NOTSET)
        code = main(arguments)
        captured = self._capsys.readouterr()
        return Result(code, captured.out, captured.err)

    @property
    def sandbox(self) -> Sandbox:
        """Return the sandbox that --sandbox uses here, for another program."""
        return Sandbox(self.folder / ".sesform" / "sandbox.json")

    def legacy_entry(self, identity: str, account: str = "222222222222", **topics: str) -> None:
        """Give an account an entry for an identity of another account that AWS made before."""
        self.sandbox.declare_legacy_entry(account, identity, topics)

    def clear_in_console(self, identity: str = "example.com", type_: str = "Bounce") -> None:
        ses: Any = self.sandbox.session("111111111111", "eu-west-1").client("ses")
        ses.set_identity_notification_topic(Identity=identity, NotificationType=type_)
