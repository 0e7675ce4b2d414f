"""The state file: read when another process has changed it, replaced atomically, under a lock file.

It has one line for each identity, configuration set, topic, subscription and role, sorted, so that people can read and compare it.
A process that is killed leaves either the old file or the new one.
"""

from __future__ import annotations

import contextlib
import json
import os
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sesform_sandbox.refusal import SandboxStateError
from sesform_sandbox.state import RECORDS, Role, State, Table, decode

try:
    import fcntl
except ImportError:  # pragma: no cover  (Windows: one process at a time)
    fcntl = None  # type: ignore[assignment]

FORMAT, VERSION = "sesform-sandbox", 1
DEFAULT_FOLDER = ".sesform"  # of the command line
_LARGEST = 512 * 1024 * 1024

Fingerprint = tuple[int, ...] | None


class Store:
    """One state, in memory or in a file that processes may share. Not thread-safe: the sandbox has a lock."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._state = State()
        self._seen: Fingerprint = None
        self._lock_fd: int | None = None
        self._depth = 0

    @contextmanager
    def transaction(self) -> Iterator[State]:
        """Yield the newest state, to read and change. Changes are in the file when the block ends. Nests.

        Raises SandboxStateError if the file cannot be read, parsed or written.
        """
        if self.path is None or self._depth:
            yield self._state
            return
        with self._locked(self.path):
            self._refresh(self.path)
            self._depth += 1
            try:
                yield self._state
            finally:
                self._depth -= 1
                self._save(self.path)

    def forget(self) -> None:
        """Delete all state and the file, whatever it contains."""
        self._state = State()
        if self.path is None:
            return
        with self._locked(self.path):
            with _explained(self.path, "removed"):
                self.path.unlink(missing_ok=True)
            self._seen = None

    # --- the file ------------------------------------------------------------------------------------------------------

    @contextmanager
    def _locked(self, path: Path) -> Iterator[None]:
        with _explained(path, "locked"):
            self._lock_fd = _lock(path.with_name(path.name + ".lock"), self._lock_fd)
        try:
            yield
        finally:
            if fcntl is not None:
                fcntl.flock(self._lock_fd, fcntl.LOCK_UN)

    def __del__(self) -> None:
        if self._lock_fd is not None:
            with contextlib.suppress(OSError):
                os.close(self._lock_fd)

    def _fingerprint(self, path: Path) -> Fingerprint:
        # The counter in the lock file distinguishes two writes within one tick of the file system's clock.
        assert self._lock_fd is not None
        try:
            found = path.stat()
        except FileNotFoundError:
            return None
        if not stat.S_ISREG(found.st_mode):
            raise _unusable(path, "it is not a file")
        return found.st_mtime_ns, found.st_size, found.st_ino, self._count()

    def _count(self) -> int:
        assert self._lock_fd is not None
        text = os.pread(self._lock_fd, 20, 0)
        return int(text) if text.isdigit() else 0

    def _refresh(self, path: Path) -> None:
        with _explained(path, "read"):
            now = self._fingerprint(path)
            if now == self._seen:
                return
            self._state = State() if now is None else load(path)
            self._seen = now

    def _save(self, path: Path) -> None:
        if not self._state.changed:
            return
        assert self._lock_fd is not None
        temporary = path.with_name(path.name + ".tmp")
        self._seen = ()  # matches no file: if the write fails, the next call reads the file again
        with _explained(path, "written"):
            temporary.unlink(missing_ok=True)
            handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(dump(self._state))
            os.pwrite(self._lock_fd, str(self._count() + 1).zfill(20).encode(), 0)
            temporary.replace(path)
            self._seen = self._fingerprint(path)
        self._state.settle()


def _lock(path: Path, held: int | None) -> int:
    """Lock the lock file; wait while another process has it. `held`: its descriptor, used again if it is still that file."""
    while True:
        if held is None:
            path.parent.mkdir(parents=True, exist_ok=True)
            _keep_out_of_git(path.parent)
            held = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if fcntl is not None:
            fcntl.flock(held, fcntl.LOCK_EX)
        with contextlib.suppress(FileNotFoundError):
            if os.path.samestat(os.fstat(held), path.stat()):
                return held
        os.close(held)  # another process removed it, and others may already lock a new one
        held = None


def _keep_out_of_git(folder: Path) -> None:
    """Give the default folder of the state a .gitignore, so that it is never committed."""
    file = folder / ".gitignore"
    if folder.name == DEFAULT_FOLDER and not file.exists():
        file.write_text("*\n", encoding="utf-8")


def dump(state: State) -> str:
    """Return the state as the text of a state file."""
    accounts: dict[str, dict[str, str]] = {}
    for scope in sorted(state.scopes):
        tables = {name: _object(table.lines(), 5) for name, table in state.scopes[scope].tables.items() if table}
        if tables:
            regions = accounts.setdefault(scope.account, {})
            regions[scope.region] = _object((f'"{name}": {text}' for name, text in tables.items()), 4)
    per_account = (
        f'"{account}": {_object((f"{json.dumps(r)}: {t}" for r, t in regions.items()), 3)}'
        for account, regions in accounts.items()
    )
    parts = [
        f'"format": "{FORMAT}"',
        f'"version": {VERSION}',
        f'"roles": {_object(state.roles.lines(), 2)}',
        f'"accounts": {_object(per_account, 2)}',
    ]
    return _object(parts, 1) + "\n"


def _object(members: Iterable[str], depth: int) -> str:
    lines = ",\n".join(" " * depth + member for member in members)
    return f"{{\n{lines}\n{' ' * (depth - 1)}}}" if lines else "{}"


def load(path: Path) -> State:
    """Return the state of a state file. Raises SandboxStateError if this version did not write the file."""
    try:
        with path.open("rb") as file:
            text = file.read(_LARGEST + 1)
        if len(text) > _LARGEST:
            raise ValueError(f"it is larger than {_LARGEST // 1024**2} MB")
        document = json.loads(text.decode("utf-8"))
        return _parsed(document)
    except ValueError as error:
        raise _unusable(path, str(error)) from None
    except RecursionError:
        raise _unusable(path, "it is nested too deeply") from None


def _parsed(document: Any) -> State:
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise ValueError("it is not a state file of sesform's sandbox")
    if document.get("version") != VERSION:
        raise ValueError(f"it has version {document.get('version')!r}, this sesform writes version {VERSION}")
    state = State()
    _fill(state.roles, Role, document.get("roles", {}), "roles")
    for account, regions in _members(document.get("accounts", {}), "accounts"):
        for region, tables in _members(regions, account):
            for name, records in _members(tables, f"{account}/{region}"):
                if name not in RECORDS:
                    raise ValueError(f"{account}/{region}: unknown key {name!r}")
                _fill(
                    state.at(account, region).tables[name],
                    RECORDS[name],
                    records,
                    f"{account}/{region}/{name}",
                )
    state.settle()
    return state


def _fill(table: Table[Any], kind: type[Any], records: Any, where: str) -> None:
    for key, value in _members(records, where):
        try:
            table[key] = decode(kind, value)
        except ValueError as error:
            raise ValueError(f"{where}/{key}: {error}") from None


def _members(value: Any, where: str) -> Iterable[tuple[str, Any]]:
    if not isinstance(value, dict):
        raise ValueError(f"{where} is not an object")
    return value.items()


def _unusable(path: Path, reason: str) -> SandboxStateError:
    return SandboxStateError(
        f"{path}: the state of the sandbox cannot be used: {reason}. `sesform sandbox reset` deletes it."
    )


@contextmanager
def _explained(path: Path, verb: str) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise SandboxStateError(
            f"{path}: the state of the sandbox cannot be {verb}: {error.strerror or error}. "
            "Check the path and its permissions, or delete it with `sesform sandbox reset`."
        ) from None
