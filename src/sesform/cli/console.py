"""The only module that prints: the result to stdout, everything else and the progress to stderr."""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import TextIO

from sesform.errors import Problem
from sesform.model.values import printable

_COLUMNS = 80  # of a terminal that does not say


def coloured(stream: TextIO, no_color: bool) -> bool:
    """Return whether a stream is coloured: a terminal is, unless the environment decides.

    Sources: no-color.org; bixense.com/clicolors; FORCE_COLOR as programs on Node.js read it, where 0 means off.
    """
    force, clicolor, forced = (os.environ.get(name, "") for name in ("FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE"))
    if no_color or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb" or "0" in (force, clicolor):
        return False
    return bool(force) or forced not in ("", "0") or stream.isatty()


def interactive() -> bool:
    """Return whether a person can answer a question."""
    return sys.stdin.isatty() and sys.stderr.isatty() and not os.environ.get("CI")


def has_status_line() -> bool:
    """Return whether stderr can show a line that is replaced while a command runs."""
    return sys.stderr.isatty() and os.environ.get("TERM") != "dumb" and not os.environ.get("CI")


def width() -> int:
    """Return the columns of a line on stderr: those of its terminal, or of COLUMNS, less one, in which some terminals wrap."""
    given = os.environ.get("COLUMNS", "")
    columns = int(given) if given.isdecimal() else 0
    if not columns:
        with suppress(OSError, ValueError):  # no terminal, or no file
            columns = os.get_terminal_size(sys.stderr.fileno()).columns
    return max(1, (columns or _COLUMNS) - 1)


class StatusLine:
    """The last line on a terminal, which is replaced while a command runs. Safe to use from several threads.

    Lines that are printed meanwhile stand above it. It ends when the result is printed or a question is asked.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self.open = False
        self._text = ""

    def begin(self) -> None:
        with self.lock:
            self.open = True

    def show(self, text: str) -> None:
        """Replace the line. No effect after `end`."""
        with self.lock:
            if self.open:
                self._text = text
                self._write(text)

    def end(self) -> None:
        """Clear the line, and show none until it begins again."""
        with self.lock:
            self.open = False
            if self._text:
                self._text = ""
                self._write("")

    def above(self, text: str) -> None:
        """Write text that ends with a line feed to stderr, above the line."""
        with self.lock:
            sys.stderr.write(f"\r\x1b[K{text}{self._text}" if self._text else text)
            sys.stderr.flush()

    @staticmethod
    def _write(text: str) -> None:
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


status = StatusLine()  # one for the process: it has one terminal


def out(text: str) -> None:
    """Print the result to stdout. The progress ends."""
    status.end()
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def lines(found: Iterable[Problem]) -> str:
    """Return problems as `Console.problems` prints them, without colours."""
    prefixes = {"warning": "Warning: ", "error": "Error: "}
    return "".join(f"{'' if p.file and p.severity == 'error' else prefixes[p.severity]}{_shown(p)}\n" for p in found)


def out_bytes(content: bytes) -> None:
    """Write bytes to stdout, whatever its encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def _shown(problem: Problem) -> str:
    """Return a problem as one line. A file whose name begins with `::` would give GitHub a command at the start of the line."""
    text = printable(str(problem))
    return f"./{text}" if text.startswith("::") else text


class _LogLines(logging.Handler):
    """Writes records of the log to stderr, above the progress."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            status.above(self.format(record) + "\n")
        except Exception:
            self.handleError(record)


class Console:
    """stderr, at the verbosity of the options. `compat`: print what tools for Terraform read, as SESFORM_COMPAT asks too."""

    def __init__(
        self, *, quiet: bool = False, verbose: bool = False, no_color: bool = False, compat: bool = False
    ) -> None:
        self.quiet, self.verbose = quiet, verbose
        self.compat = compat or os.environ.get("SESFORM_COMPAT") == "terraform"
        self._colour = coloured(sys.stderr, no_color)
        if verbose:
            handler = _LogLines()
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
        """Print one line each, `file:line:column: path: what is wrong; hint`, which editors and CI systems parse.

        For tools for Terraform each begins with `Error:`, because they show what follows the first such line.
        """
        for problem in found:
            text = _shown(problem)
            if problem.severity == "warning":
                self.warn(text)
            elif problem.file and not self.compat:
                self._write(text)
            else:
                self.error(text)

    def ask(self, question: str) -> str:
        """Return the answer to a question; "" for none. The progress ends."""
        status.end()
        sys.stderr.write(question)
        sys.stderr.flush()
        return sys.stdin.readline().strip()

    def _write(self, text: str) -> None:
        status.above(text + "\n")

    def _painted(self, text: str, code: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colour else text
