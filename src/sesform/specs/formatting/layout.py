"""The layout of a YAML text: two spaces for each level, one space after a colon. Written by ruamel.yaml, which keeps comments.

The nodes of ruamel.yaml are written, and not the data: so each scalar keeps its text and its quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.anchor import Anchor
from ruamel.yaml.error import YAMLError

from sesform.specs.formatting.undone import Undone

WIDTH = 120  # of a line that the layout joins from several
_MARGIN = 20  # for its white space
_NO_WIDTH = 1_000_000  # ruamel.yaml breaks lines with white space at their ends
_COMMENT = re.compile(r"[ ]*(-[ ]+)*#")  # alone on its line, or behind the dashes of a list
_BETWEEN_DOCUMENTS = re.compile(r"^(---[ \t]*(?:#[^\n]*)?\n)", re.MULTILINE)


def laid_out(text: str) -> str:
    """Return a YAML text in its layout. Raises Undone for a text that ruamel.yaml refuses."""
    parts = _BETWEEN_DOCUMENTS.split(text)
    return "".join(part if number % 2 else _document(part) for number, part in enumerate(parts))


def _document(text: str) -> str:
    if not any(line.strip() and not line.lstrip().startswith("#") for line in text.split("\n")):
        return text
    yaml: Any = YAML()
    yaml.width, yaml.encoding = _NO_WIDTH, None
    yaml.indent(mapping=2, sequence=4, offset=2)
    written = _Written()
    try:
        root = yaml.compose(text)
        _keep_anchors(root, set())
        yaml.serialize(root, written)
    except (YAMLError, AttributeError, NotImplementedError) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise Undone(f"ruamel.yaml refuses the file: {reason}") from None
    after = _with_moved_comments(text, "".join(written))
    if _long(after) - _long(text):
        raise Undone(f"brackets of several lines would not fit on one line of {WIDTH} characters")
    return after


def _long(text: str) -> set[str]:
    """Return the lines that are about as long as a line may be, or longer, without their white space."""
    return {"".join(line.split()) for line in text.split("\n") if len("".join(line.split())) > WIDTH - _MARGIN}


class _Written(list[str]):
    """What ruamel.yaml writes."""

    def write(self, text: str) -> None:
        self.append(text)


def _keep_anchors(node: Any, seen: set[int]) -> None:
    """Have anchors written with the names that they have: ruamel.yaml invents names for those of nodes."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if isinstance(node.anchor, str):
        name, node.anchor = node.anchor, Anchor()
        node.anchor.value, node.anchor.always_dump = name, True
    for inside in [] if isinstance(node.value, str) else node.value:
        for each in inside if isinstance(inside, tuple) else (inside,):
            _keep_anchors(each, seen)


def _with_moved_comments(before: str, after: str) -> str:
    """Return a text whose comments are indented as the lines of data whose indentation they had before."""
    old, new = list(_comments(before)), list(_comments(after))
    lines = after.split("\n")
    for was, now in zip(old, new, strict=True) if len(old) == len(new) else ():
        comment = lines[now.line].lstrip()
        lines[now.line] = (" " * _indentation(was, now) + comment).rstrip() if comment[0] == "#" else lines[now.line]
    return "\n".join(lines)


class _Comment(NamedTuple):
    """A comment that no data precedes on its line. `own`, `above`, `below`: the columns of it, and of the data around it."""

    line: int
    own: int
    above: int
    below: int


def _indentation(was: _Comment, now: _Comment) -> int:
    if was.own == was.below:
        return now.below
    if was.own < was.below:
        return min(was.own, now.below)
    return now.above + (2 if was.own > was.above else 0) if was.own >= was.above else now.below + 2


def _comments(text: str) -> Iterator[_Comment]:
    lines = text.split("\n")
    found = [_COMMENT.match(line) for line in lines]
    data = [len(line) - len(line.lstrip()) if line.strip() and not found[n] else None for n, line in enumerate(lines)]
    below = list(accumulate(reversed(data), lambda last, column: last if column is None else column, initial=0))
    above = list(accumulate(data, lambda last, column: last if column is None else column, initial=0))
    for number, match in enumerate(found):
        if match:
            yield _Comment(number, match.end() - 1, above[number] or 0, below[len(lines) - number - 1] or 0)
