"""Format spec files. No call to AWS."""

from __future__ import annotations

import errno
import os
import stat
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from sesform.engine.settings import DEFAULT_PATHS, Paths
from sesform.errors import Problem
from sesform.specs import formatting, schema, yaml_reader
from sesform.specs.document import Node
from sesform.specs.formatting.undone import Undone


@dataclass(frozen=True, slots=True)
class FormattedFile:
    """A file before and after. `problems`: errors, for which it stays as it is, and warnings of what could not be formatted."""

    name: str
    before: str = ""
    after: str = ""
    is_spec: bool = True
    problems: tuple[Problem, ...] = ()

    @property
    def differs(self) -> bool:
        """Whether the file is not in its form."""
        return self.before != self.after

    @property
    def failed(self) -> bool:
        """Whether the file could not be read or written."""
        return any(problem.severity == "error" for problem in self.problems)


def fmt(paths: Paths = DEFAULT_PATHS, *, write: bool = True) -> list[FormattedFile]:
    """Format the files of specs, and return all files. With `write`, those that differ are replaced.

    A file is replaced whole or not at all; its mode and symbolic links to it stay. Raises UsageError if there is no file, and
    ModuleNotFoundError if ruamel.yaml is not installed.
    """
    return [_file(path, write) for path in yaml_reader.files(paths)]


def fmt_text(name: str, content: bytes) -> FormattedFile:
    """Format the content of a file of specs. Raises ModuleNotFoundError if ruamel.yaml is not installed."""
    documents, problems = yaml_reader.parse([(name, content)])
    if problems:
        return FormattedFile(name, problems=tuple(problems))
    text = content.decode("utf-8")
    if not documents or not all(_is_spec(document.node) for document in documents):
        return FormattedFile(name, text, text, is_spec=False)
    made = formatting.formatted(text, schema.field_order, _parsed)
    warnings = (Problem(reason, file=name, severity="warning") for reason in made.undone)
    return FormattedFile(name, text, made.text, problems=tuple(warnings))


def _file(path: Path, write: bool) -> FormattedFile:
    try:
        with path.open("rb") as stream:
            made = fmt_text(str(path), stream.read(yaml_reader.MAX_BYTES + 1))
        if write and made.differs:
            _replace(path.resolve(), made.after)  # a symbolic link stays a link
    except OSError as error:
        problem = Problem(f"cannot be formatted: {error.strerror}", file=str(path), hint="check its permissions")
        return FormattedFile(str(path), problems=(problem,))
    return made


def _is_spec(node: Node) -> bool:
    return isinstance(node.value, dict) and "kind" in node.value and node.value["kind"].text in schema.KINDS


def _parsed(text: str) -> list[Node]:
    documents, problems = yaml_reader.parse([("", text.encode())])
    if problems:
        raise Undone("the result would not be valid")
    return [document.node for document in documents]


def _replace(file: Path, text: str) -> None:
    """Replace a file whole or not at all. Its owner and mode stay. Raises OSError, also for a file that is read-only."""
    before = file.stat()
    if not before.st_mode & 0o222:
        raise PermissionError(errno.EACCES, "the file is read-only", str(file))
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as stream:
            stream.write(text)
        with suppress(PermissionError):  # only root can give a file to another user
            os.chown(name, before.st_uid, before.st_gid)
        Path(name).chmod(stat.S_IMODE(before.st_mode))
        Path(name).replace(file)
    except BaseException:  # an interrupt too must leave nothing behind
        Path(name).unlink(missing_ok=True)
        raise
