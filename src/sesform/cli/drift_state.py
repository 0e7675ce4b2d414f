"""The file in which drift detection keeps its history for the next run."""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

from sesform.errors import UsageError
from sesform.model.values import printable
from sesform.planning import drift_history
from sesform.planning.drift_history import History

DEFAULT_FILE = Path(".sesform") / "drift.json"
_MAX_BYTES = 64 * 1024 * 1024


def read(file: Path) -> History:
    """Return the history in a file; an empty one if the file does not exist.

    Raises UsageError if the file cannot be read or is damaged.
    """
    try:
        if file.stat().st_size > _MAX_BYTES:
            raise UsageError(f"{printable(str(file))}: is larger than {_MAX_BYTES // 1024 // 1024} MiB")
        return drift_history.loaded(json.loads(file.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return History()
    except OSError as error:
        raise UsageError(f"{printable(str(file))}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError) as error:
        reason = "it is not JSON" if isinstance(error, json.JSONDecodeError) else printable(str(error))
        raise UsageError(f"{printable(str(file))}: is damaged: {reason}") from None


def writable(file: Path) -> None:
    """Raise UsageError if a history could not be written to a file. Creates its folder."""
    target = file.resolve()
    try:
        if target.is_dir():
            raise UsageError(f"{printable(str(file))}: cannot be written: it is a folder")
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=target.parent):
            pass
    except OSError as error:
        raise UsageError(f"{printable(str(file))}: cannot be written: {error.strerror}") from None


def write(file: Path, history: History) -> None:
    """Write a history whole or not at all, readable by its owner only. Raises UsageError if it cannot be written."""
    target = file.resolve()  # follow a link, and do not replace it
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as stream:
                json.dump(drift_history.document(history), stream, indent=1)
                stream.write("\n")
                stream.flush()
                os.fsync(stream.fileno())  # the name must not be that of an empty file after a crash of the machine
            Path(name).replace(target)
        except BaseException:  # an interrupt too must leave nothing behind
            Path(name).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise UsageError(f"{printable(str(file))}: cannot be written: {error.strerror}") from None
