"""A pseudo-terminal for programs, and the screen that a person sees on it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

SRC = Path(__file__).resolve().parents[1] / "src"
SESFORM = (sys.executable, "-m", "sesform")
# Makes stdin the controlling terminal, so that Ctrl-C reaches the program, and becomes the program.
_TAKE_TERMINAL = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""
_LIMIT = 180.0  # seconds after which a program that hangs is killed
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b[=>]|\x1b\][^\x07]*\x07|\x1b\([A-Z]")


@dataclass(frozen=True)
class Shown:
    """The result on a terminal. `raw`: everything that was written to it. `stdout`: of the program, if it was redirected."""

    code: int
    raw: str
    stdout: str = ""

    @property
    def lines(self) -> list[str]:
        """The lines on the screen at the end, without colours and blanks at their ends."""
        return [_overwritten(line).rstrip() for line in self.raw.replace("\r\n", "\n").split("\n")]


def _overwritten(line: str) -> str:
    """Return a line as a terminal shows it after carriage returns, backspaces and erasures (`\\x1b[K`)."""
    shown: list[str] = []
    at = 0
    for token in re.findall(rf"{_ESCAPE.pattern}|.", line, re.DOTALL):
        if token == "\r":
            at = 0
        elif token == "\b":
            at = max(0, at - 1)
        elif token in ("\x1b[K", "\x1b[J"):
            del shown[at:]
        elif not token.startswith("\x1b") and token >= " ":
            shown[at : at + 1] = [token]
            at += 1
    return "".join(shown)


@dataclass
class Terminal:
    """A terminal with so many columns, in a folder. `env`: added to a small environment."""

    folder: Path
    columns: int = 100
    env: Mapping[str, str] = field(default_factory=dict)

    def run(self, command: Sequence[str], *keys: tuple[str, str], stdout: Path | None = None) -> Shown:
        """Run a program to its end. `keys`: type these when this text has appeared, in order. `stdout`: redirect it there."""
        master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, self.columns, 0, 0))
        out = stdout.open("wb") if stdout else None
        base = {"PATH": os.environ["PATH"], "PYTHONPATH": str(SRC), "TERM": "xterm", "HOME": str(self.folder)}
        environment = base | {"LC_ALL": "C.UTF-8"} | dict(self.env)
        with subprocess.Popen(
            [sys.executable, "-c", _TAKE_TERMINAL, *command],
            stdin=slave,
            stdout=out or slave,
            stderr=slave,
            cwd=self.folder,
            env=environment,
            start_new_session=True,
        ) as process:
            os.close(slave)
            try:
                raw = _conversation(master, list(keys))
            finally:
                if process.poll() is None and not _ends(process):
                    process.kill()
                os.close(master)
        if out:
            out.close()
        return Shown(process.returncode, raw, stdout.read_text(encoding="utf-8") if stdout else "")


def _ends(process: subprocess.Popen[bytes]) -> bool:
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        return False
    return True


def _conversation(master: int, keys: list[tuple[str, str]]) -> str:
    """Read until the program closes the terminal, and type what is due."""
    raw = b""
    begun, seen = time.monotonic(), 0
    while time.monotonic() - begun < _LIMIT:
        while keys and (at := raw.find(keys[0][0].encode(), seen)) >= 0:
            seen = at + len(keys[0][0].encode())
            os.write(master, keys.pop(0)[1].encode())
        if not select.select([master], [], [], 0.1)[0]:
            continue
        try:
            read = os.read(master, 65536)
        except OSError:  # Linux: the other end was closed
            break
        if not read:
            break
        raw += read
    return raw.decode(errors="replace")
