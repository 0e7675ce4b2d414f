"""The command line. Only here is anything printed or asked, or an exit code chosen (0 success, 1 error, 2 changes pending)."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from io import TextIOWrapper

from sesform import __version__

ERROR = 1
_INTERRUPTED = 130  # typer's exit code for an interrupt


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code. Errors that sesform foresees end without a traceback."""
    argv = list(sys.argv[1:] if arguments is None else arguments)
    _mend_streams()
    if argv == ["--version"]:
        sys.stdout.write(f"sesform {__version__}\n")  # without typer, which takes long to import
        return 0
    if argv[:1] == ["completion"] and argv[2:3] == [
        "--line"
    ]:  # each press of the tab key: it skips typer's validation too
        from sesform.cli import completion

        sys.stdout.write(completion.answer(*argv[1:2], *argv[3:4]))
        return 0
    from sesform.apply import interrupts
    from sesform.cli.collection import rare_garbage_collection

    with interrupts.handled(interrupts.raise_interrupt), rare_garbage_collection():
        return _run(argv)


def _run(argv: list[str]) -> int:
    try:
        code = _reported(argv)
        sys.stdout.flush()
    except OSError:  # a reader that has closed the output, or a full disk, of which the error has been printed
        # Nothing may be written any more, not even at exit, where Python would return another code.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ERROR
    return code


def _reported(argv: list[str]) -> int:
    """Run one command, print its error, and return the exit code. Raises BrokenPipeError."""
    import typer
    from typer.main import get_command

    from sesform.cli.app import app
    from sesform.cli.errors import report

    try:
        if not argv:
            argv = ["--help"]
            get_command(app).main(argv, prog_name="sesform", standalone_mode=False)
            return ERROR
        code = get_command(app).main(argv, prog_name="sesform", standalone_mode=False)
        if code == _INTERRUPTED:
            raise KeyboardInterrupt
        return int(code or 0)
    except BrokenPipeError:
        raise
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("\nInterrupted.\n")
        return ERROR
    except Exception as error:
        return report(error, argv)


def _mend_streams() -> None:
    """Replace closed streams by /dev/null, and escape characters that a stream's encoding lacks."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, os.O_RDWR), mode, encoding="utf-8"))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def entry() -> None:
    """Run the console script."""
    sys.exit(main())
