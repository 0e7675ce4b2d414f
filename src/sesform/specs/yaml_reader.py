"""Read files and folders as YAML documents that know the place of each value. The only reader of YAML.

Stricter than YAML: no duplicate keys, tags or merge keys, and only text as keys. Scalars follow the core rules of YAML 1.2, so
that `on`, `no` and `012` keep their meaning. Specs are untrusted input: their size, their nesting and the repetition by aliases are
bounded, and nothing recurses over the depth of a document.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from pathlib import Path, PurePath
from typing import Any

import yaml

from sesform.errors import Problem, UsageError
from sesform.model.values import printable
from sesform.specs.document import Document, Node
from sesform.specs.yaml_scalars import MAX_DEPTH, resolve

MAX_BYTES = 16 * 1024 * 1024
MAX_ALIASED_NODES = 100_000

_LOADER: Any = getattr(
    yaml, "CSafeLoader", yaml.SafeLoader
)  # the wheels of PyYAML contain libyaml; the fallback is slower
_SUFFIXES = (".yaml", ".yml")
_STR_TAG = "tag:yaml.org,2002:str"


def load(paths: Iterable[str | Path], *, gone: Collection[str | Path] = ()) -> tuple[list[Document], list[Problem]]:
    """Return the documents of files and folders (*.yaml and *.yml in them), and their problems as YAML.

    `gone`: paths that existed at an earlier commit. Raises UsageError if any other path does not exist, or no YAML file is found.
    """
    return parse((str(file), file) for file in files(paths, gone=gone))


def parse(files: Iterable[tuple[str, Path | bytes]]) -> tuple[list[Document], list[Problem]]:
    """Return the documents of files, given as (name, path or content), and their problems as YAML."""
    documents: list[Document] = []
    problems: list[Problem] = []
    for name, content in files:
        try:
            raw = content if isinstance(content, bytes) else _content(content)
            _read(name, raw, documents)
        except _Wrong as wrong:
            problems.append(Problem(wrong.summary, "", name, wrong.line, wrong.column, wrong.hint, rule="yaml"))
    return documents, problems


def files(paths: Iterable[str | Path], *, gone: Collection[str | Path] = ()) -> list[Path]:
    """Return the files that `load` reads, each once. Raises as `load` does."""
    found: dict[Path, Path] = {}
    tried: list[str] = []
    for each in paths:
        if not str(each):
            raise UsageError("a path is empty; leave it out to read `specs`")
        path = Path(each)
        tried.append(str(path))
        try:
            if path.exists() or each not in gone:
                for file in _files_at(path):
                    found.setdefault(file.resolve(), file)  # a file that is named twice is read once
        except OSError as error:
            raise UsageError(f"{printable(str(path))}: {error.strerror}") from None
    if not found and not gone:
        raise UsageError(f"no YAML file in {printable(', '.join(tried))}; the names of specs end in .yaml or .yml")
    return list(found.values())


def _files_at(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted(p for p in path.rglob("*") if is_listed(p.relative_to(path)) and p.is_file())
    if not path.is_file():
        raise UsageError(f"{printable(str(path))}: no such file or folder")
    return [path]


def is_listed(inside: PurePath) -> bool:
    """Whether a file is read as part of a folder. A file that is named itself is always read."""
    return inside.suffix in _SUFFIXES and not any(part.startswith(".") for part in inside.parts)


class _Wrong(Exception):
    def __init__(self, summary: str, line: int = 0, column: int = 0, hint: str = "") -> None:
        self.summary, self.line, self.column, self.hint = summary, line, column, hint
        super().__init__(summary)


def _content(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            return stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise _Wrong(f"cannot be read: {error.strerror}") from None


def _read(name: str, raw: bytes, documents: list[Document]) -> None:
    if raw.startswith(b"PK\x03\x04"):
        raise _Wrong("is a zip file, such as a plan of Terraform, and not a spec", hint="name YAML files")
    if len(raw) > MAX_BYTES:
        raise _Wrong(f"is larger than {MAX_BYTES // 1024 // 1024} MiB", hint="split it into several files")
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object[: error.start].count(b"\n") + 1
        raise _Wrong(f"is not UTF-8 (byte 0x{error.object[error.start]:02x})", line, 1, "save it as UTF-8") from None
    for node in _compose(text):
        if node.value is not None:
            documents.append(Document(name, node))  # noqa: PERF401  # documents before a syntax error are kept


def _has_tab(text: str, line: int, column: int) -> bool:
    """Return whether a tab stands at a place, or in the indentation of its line."""
    lines = text.split("\n")
    found = lines[line - 1] if 0 < line <= len(lines) else ""
    return found[column - 1 : column] == "\t" or "\t" in found[: len(found) - len(found.lstrip())]


def _compose(text: str) -> Iterator[Node]:
    """Compose YAML events to one Node for each document, with a stack of its own, so that nesting cannot exhaust Python's."""
    composer = _Composer()
    try:
        for event in yaml.parse(text, Loader=_LOADER):
            node = composer.take(event)
            if node is not None:
                yield node
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (0, 0)
        if _has_tab(text, line, column):
            raise _Wrong("is not YAML: a tab is not allowed as indentation", line, column, "use spaces") from None
        raise _Wrong(f"is not YAML: {printable(error.problem or 'syntax error')}", line, column) from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        column = error.position - text.rfind("\n", 0, error.position)
        raise _Wrong(f"is not YAML: character #x{_code(error.character):04x} is not allowed", line, column) from None
    except yaml.YAMLError as error:
        raise _Wrong(f"is not YAML: {printable(str(error).splitlines()[0])}") from None


def _code(character: Any) -> int:
    return (
        character if isinstance(character, int) else ord(character)
    )  # libyaml gives a number, Python's version a character


class _Composer:
    """Composes a document from events. Open collections are on the stack, each with the key that waits for its value."""

    def __init__(self) -> None:
        self._stack: list[tuple[Node, str | None]] = []  # the open collection, and its key without a value
        self._anchors: dict[str, Node] = {}
        self._opened: list[str | None] = []
        self._aliased = 0

    def take(self, event: Any) -> Node | None:
        """Take one event; return the document if it is complete."""
        if isinstance(event, yaml.ScalarEvent):
            return self._finish(_scalar(event), event.anchor)
        if isinstance(event, yaml.AliasEvent):
            return self._finish(self._alias(event), None)
        if isinstance(event, yaml.MappingStartEvent | yaml.SequenceStartEvent):
            self._open(event)
        elif isinstance(event, yaml.MappingEndEvent | yaml.SequenceEndEvent):
            node, _ = self._stack.pop()
            return self._finish(node, self._opened.pop())
        elif isinstance(event, yaml.DocumentStartEvent):
            self._anchors.clear()
        return None

    def _open(self, event: Any) -> None:
        line, column = _mark(event)
        if event.tag is not None:
            raise _Wrong(f"the tag {printable(event.tag)} is not supported", line, column, "remove the tag")
        if len(self._stack) >= MAX_DEPTH:
            raise _Wrong(f"is nested deeper than {MAX_DEPTH} levels", line, column)
        if self._expects_key():
            raise _Wrong("a key must be text, not a list or mapping", line, column)
        self._stack.append((Node(line, column, {} if isinstance(event, yaml.MappingStartEvent) else [], depth=1), None))
        self._opened.append(event.anchor)

    def _expects_key(self) -> bool:
        return bool(self._stack) and isinstance(self._stack[-1][0].value, dict) and self._stack[-1][1] is None

    def _alias(self, event: Any) -> Node:
        line, column = _mark(event)
        target = self._anchors.get(event.anchor)
        if target is None:
            raise _Wrong(f"alias *{event.anchor} has no anchor before it", line, column)
        if len(self._stack) + target.depth > MAX_DEPTH:
            raise _Wrong(f"is nested deeper than {MAX_DEPTH} levels", line, column)
        self._aliased += target.size
        if self._aliased > MAX_ALIASED_NODES:
            raise _Wrong(f"aliases repeat more than {MAX_ALIASED_NODES} values", line, column, "use `defaults` instead")
        return target

    def _finish(self, node: Node, anchor: str | None) -> Node | None:
        if anchor is not None:
            self._anchors[anchor] = node
        if not self._stack:
            return node
        parent, key = self._stack[-1]
        parent.size += node.size
        parent.depth = max(parent.depth, node.depth + 1)
        if isinstance(parent.value, list):
            parent.value.append(node)
        elif key is None:
            self._stack[-1] = (parent, self._key(parent, node))
        else:
            parent.value[key] = node
            self._stack[-1] = (parent, None)
        return None

    def _key(self, parent: Node, node: Node) -> str:
        key = node.text
        if isinstance(node.value, dict | list) or not key:
            raise _Wrong("a key must be text", node.line, node.column)
        if key == "<<":
            raise _Wrong("merge keys (<<) are not supported", node.line, node.column, "use `defaults` instead")
        if key in parent.keys:
            line, _ = parent.keys[key]
            raise _Wrong(
                f"duplicate key {printable(key)!r}, first in line {line}", node.line, node.column, "remove one"
            )
        parent.keys[key] = (node.line, node.column)
        return key


def _mark(event: Any) -> tuple[int, int]:
    return event.start_mark.line + 1, event.start_mark.column + 1


def _scalar(event: Any) -> Node:
    line, column = _mark(event)
    if event.tag not in (None, _STR_TAG):
        raise _Wrong(f"the tag {printable(event.tag)} is not supported", line, column, "quote the value instead")
    plain = event.style is None or event.style == ""
    value = resolve(event.value) if plain and event.tag is None else event.value
    return Node(line, column, value, event.value)
