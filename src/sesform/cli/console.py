"""The only module that prints: the result to stdout, everything else to stderr."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterable
from typing import TextIO

from sesform.errors import Problem
from sesform.model.values import printable


def coloured(stream: TextIO, no_color: bool) -> bool:
    """Return whether a stream is coloured: a terminal is, unless the environment decides (no-color.org, FORCE_COLOR)."""
    if no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    if os.environ.get("FORCE_COLOR") or os.environ.get("CLICOLOR_FORCE"):
        return True
    return stream.isatty()


def interactive() -> bool:
    """Return whether a person can answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty() and not os.environ.get("CI")


def out(text: str) -> None:
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


class Console:
    """stderr, at the verbosity of the options."""

    def __init__(self, *, quiet: bool = False, verbose: bool = False, no_color: bool = False) -> None:
        self.quiet, self._colour = quiet, coloured(sys.stderr, no_color)
        if verbose:
            handler = logging.StreamHandler(sys.stderr)
            handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
            logger = logging.getLogger("sesform")
            logger.handlers, logger.propagate = [handler], False
            logger.setLevel(logging.DEBUG)

    def say(self, text: str) -> None:
        """Print a line that -q suppresses."""
        if not self.quiet:
            self._write(text)

    def warn(self, text: str) -> None:
        self._write(f"{self._painted('Warning:', '33')} {text}")

    def error(self, text: str) -> None:
        self._write(f"{self._painted('Error:', '31')} {text}")

    def problems(self, found: Iterable[Problem]) -> None:
        """Print one line each, `file:line:column: path: what is wrong; hint`, which editors and CI systems parse."""
        for problem in found:
            text = printable(str(problem))
            if problem.severity == "warning":
                self.warn(text)
            elif problem.file:
                self._write(text)
            else:
                self.error(text)

    def ask(self, question: str) -> str:
        """Return the answer to a question; "" for none."""
        sys.stderr.write(question)
        sys.stderr.flush()
        return sys.stdin.readline().strip()

    def _write(self, text: str) -> None:
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def _painted(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text
