"""A YAML document as data that remembers where each value stands."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from sesform.errors import Problem, Severity

Loc = tuple[int | str, ...]


@dataclass(slots=True)
class Node:
    """One value with its place: lines and columns count from 1. `value` holds Nodes where it is a dict or a list."""

    line: int
    column: int
    value: Any = None
    text: str = ""
    size: int = 1
    depth: int = 0  # levels of lists and mappings inside it, its own among them
    keys: dict[str, tuple[int, int]] = field(default_factory=dict)


def child(node: Node, step: int | str) -> Node | None:
    """The value under a key or at a position; None where there is none."""
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
        """The deepest node that the way leads to; steps that lead nowhere (a missing key) are passed over."""
        node = self.node
        for step in loc:
            node = child(node, step) or node
        return node

    def place(self, loc: Sequence[int | str]) -> tuple[int, int]:
        """Line and column of the key that the way ends in, or of the deepest value before it."""
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
        """Return a problem at that place. `path`: what it concerns, the way to the place if it is left out."""
        line, column = self.place(loc)
        return Problem(summary, dotted(loc) if path is None else path, self.file, line, column, hint, severity)


def dotted(loc: Sequence[int | str]) -> str:
    """A way into a document as people write it: `identities.example.com.notifications`, `regions[0]`."""
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
