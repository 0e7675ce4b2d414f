"""The fields of specs in the order of the reference. Names of the user's own, such as identities and topics, keep their order.

A field takes with it the comments directly above it, the comment behind it, and comments below it that are indented more. Blank
lines stay where they are, and so does a comment at the top of a document.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import zip_longest
from typing import NamedTuple

from sesform.specs.document import Loc
from sesform.specs.formatting.positions import Node, documents, end, has_aliases, start
from sesform.specs.formatting.undone import Undone


def arranged(text: str, fields: Callable[[str, Loc], Sequence[str]]) -> str:
    """Return the text of specs with their fields in order. Raises Undone for a text whose fields cannot be moved."""
    if has_aliases(text):
        raise Undone("an alias must stay below its anchor")
    made, position = [], 0
    for root in documents(text):
        document = _Document(text, fields)
        piece = document.piece(root, ())
        made += [text[position : piece.start], piece.text]
        position = piece.end
    return "".join([*made, text[position:]])


class _Piece(NamedTuple):
    """What replaces a part of the text."""

    start: int
    end: int
    text: str


class _Document:
    """One spec. Its pieces are made from the inside out."""

    def __init__(self, text: str, fields: Callable[[str, Loc], Sequence[str]]) -> None:
        self._text, self._fields, self._kind = text, fields, ""

    def piece(self, node: Node, loc: Loc) -> _Piece:
        """Return a value with everything inside in order."""
        if node.id == "scalar":
            return self._scalar(node)
        if node.id == "sequence":
            inside = [self.piece(item, (*loc, number)) for number, item in enumerate(node.value)]
            return self._around(node, inside)
        if not loc:
            self._kind = next((str(v.value) for k, v in node.value if k.value == "kind"), "")
        entries = [self._entry(key, value, loc) for key, value in node.value]
        order = self._order([key.value for key, _ in node.value], loc)
        if node.flow_style:
            return self._flow(node, entries, order)
        return self._block(entries, order, top=not loc)

    def _scalar(self, node: Node) -> _Piece:
        text = self._text[start(node) : end(node)]
        kept = text.rstrip("\n ") if node.style in ("|", ">") else text  # libyaml ends a block scalar at the next token
        return _Piece(start(node), start(node) + len(kept), kept)

    def _entry(self, key: Node, value: Node, loc: Loc) -> _Piece:
        piece = self.piece(value, (*loc, key.value))
        return _Piece(start(key), piece.end, self._text[start(key) : piece.start] + piece.text)

    def _order(self, keys: Sequence[str], loc: Loc) -> list[int]:
        """Return the positions of the entries in their order: known fields first, then the others as they are."""
        rank = {name: number for number, name in enumerate(self._fields(self._kind, loc))}
        return sorted(range(len(keys)), key=lambda n: rank.get(keys[n], len(rank)))

    def _around(self, node: Node, inside: Sequence[_Piece]) -> _Piece:
        """Return a list: its pieces, and the text between them as it is."""
        made, position = [], start(node)
        for piece in inside:
            made += [self._text[position : piece.start], piece.text]
            position = piece.end
        last = end(node) if node.flow_style else position
        return _Piece(start(node), last, "".join([*made, self._text[position:last]]))

    def _flow(self, node: Node, entries: Sequence[_Piece], order: Sequence[int]) -> _Piece:
        """Return a mapping in brackets: the entries change places, and what is between them stays."""
        if sorted(order) != list(order) and "#" in self._text[start(node) : end(node)]:
            raise Undone("there may be a comment between brackets")
        made, position = [], start(node)
        for slot, number in zip(entries, order, strict=True):
            made += [self._text[position : slot.start], entries[number].text]
            position = slot.end
        return _Piece(start(node), end(node), "".join([*made, self._text[position : end(node)]]))

    def _block(self, entries: Sequence[_Piece], order: Sequence[int], *, top: bool) -> _Piece:
        """Return a mapping of lines: the entries change places with their comments, and blank lines between them stay."""
        column = entries[0].start - self._line(entries[0].start)
        begin = self._above(entries[0].start, top)
        head = self._text[begin : entries[0].start]
        blanks, chunks = [""], [head.lstrip(" ") if head.strip() else ""]
        for entry, following in zip_longest(entries, entries[1:]):
            last = self._below(entry.end, column)
            chunks[-1] += entry.text + self._text[entry.end : last]
            if following is None:
                break
            gap = self._gap(last, following.start)
            comments = gap.lstrip("\n")
            blanks.append("\n" * (len(gap) - len(comments)))
            chunks.append(comments.lstrip(" "))
        indent = " " * column
        text = "" if begin == entries[0].start else indent
        text += chunks[order[0]]
        for number, blank in zip(order[1:], blanks[1:], strict=True):
            text += f"{blank}{indent}{chunks[number]}"
        return _Piece(begin, last, text)

    def _line(self, index: int) -> int:
        """Return the beginning of the line of an index."""
        return self._text.rfind("\n", 0, index) + 1

    def _line_end(self, index: int) -> int:
        """Return the end of the line of an index, without the line break."""
        found = self._text.find("\n", index)
        return len(self._text) if found < 0 else found

    def _above(self, index: int, top: bool) -> int:
        """Return where the first entry of a mapping begins: with the comments directly above it, if it has a line of its own."""
        line = self._line(index)
        if self._text[line:index].strip():
            return index
        first = line
        while first and self._text[self._line(first - 1) : first].lstrip().startswith("#"):
            first = self._line(first - 1)
        at_top = not first or self._text[self._line(first - 1) : first].startswith("---")
        return line if top and at_top else first

    def _below(self, index: int, column: int) -> int:
        """Return the end of an entry: that of its line, or of the last comment below that is indented more than its key."""
        last = end_of_line = self._line_end(index)
        while end_of_line < len(self._text):
            line, end_of_line = end_of_line + 1, self._line_end(end_of_line + 1)
            stripped = self._text[line:end_of_line].lstrip(" ")
            deep = end_of_line - line - len(stripped) > column
            if stripped and not (stripped.startswith("#") and deep):
                break
            last = end_of_line if stripped else last
        return last

    def _gap(self, begin: int, key: int) -> str:
        """Return the blank lines and comments between the end of an entry and the key of the next one."""
        gap = self._text[begin:key]
        if gap.rpartition("\n")[2].strip() or any(line.strip() and line.lstrip()[0] != "#" for line in gap.split("\n")):
            raise Undone("a key does not stand at the beginning of its line")
        return "\n".join(line.rstrip() for line in gap.split("\n")[:-1]) + "\n" + gap.rpartition("\n")[2]
