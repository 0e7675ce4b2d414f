"""A YAML document as data, with the place of each value."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sesform.errors import Problem, Severity

Loc = tuple[int | str, ...]


@dataclass(slots=True)
class Node:
    """One value with its place. Lines and columns count from 1. `value` holds Nodes if it is a dict or a list."""

    line: int
    column: int
    value: Any = None
    text: str = ""
    size: int = 1
    depth: int = 0  # levels of lists and mappings in it, itself included
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)


def child(node: Node, step: int | str) -> Node | None:
    """Return the value under a key or at a position; None if there is none."""
    if isinstance(node.value, dict):
        return node.value.get(str(step))
    if isinstance(node.value, list) and isinstance(step, int) and step < len(node.value):
        found: Node = node.value[step]
        return found
    return None


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document of one file."""

    file: str
    node: Node

    @property
    def data(self) -> Any:
        """The document as plain dicts, lists and scalars."""
        return _plain(self.node)

    def at(self, loc: Sequence[int | str]) -> Node:
        """Return the deepest node on the path. Steps that do not exist, such as a missing key, are skipped."""
        node = self.node
        for step in loc:
            node = child(node, step) or node
        return node

    def place(self, loc: Sequence[int | str]) -> tuple[int, int]:
        """Return line and column of the last key of the path, or of the deepest value before it."""
        parent = self.at(loc[:-1])
        if loc and isinstance(parent.value, dict) and loc[-1] in parent.keys:
            return parent.keys[str(loc[-1])]
        node = self.at(loc)
        return node.line, node.column

    def problem(
        self,
        loc: Sequence[int | str],
        summary: str,
        hint: str = "",
        *,
        path: str | None = None,
        severity: Severity = "error",
    ) -> Problem:
        """Return a problem at that place. `path`: what it concerns; by default the path of the place."""
        line, column = self.place(loc)
        return Problem(summary, dotted(loc) if path is None else path, self.file, line, column, hint, severity)


def dotted(loc: Sequence[int | str]) -> str:
    """Return a path as text: `identities.example.com.notifications`, `regions[0]`."""
    text = ""
    for step in loc:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def _plain(node: Node) -> Any:
    # Depth is bounded by MAX_DEPTH when the node was composed, and repetition by MAX_ALIASED_NODES.
    if isinstance(node.value, dict):
        return {key: _plain(child) for key, child in node.value.items()}
    if isinstance(node.value, list):
        return [_plain(child) for child in node.value]
    return node.value
