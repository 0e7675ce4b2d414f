"""Quotes around account numbers: YAML reads a number without quotes as an integer, and drops its leading zeros."""

from __future__ import annotations

import re
from collections.abc import Iterator

from sesform.specs.formatting.positions import Node, documents, end

_NUMBER = re.compile(r"[0-9]{12}")
NOT_IN = frozenset({"filter_policy"})  # a filter compares numbers as numbers


def is_one(text: str) -> bool:
    """Return whether a scalar is an account number."""
    return _NUMBER.fullmatch(text) is not None


def quoted(text: str) -> str:
    """Return a text of specs with double quotes around the account numbers that have none, as keys and as values."""
    places = sorted({place for root in documents(text) for place in _plain(root, set())}, reverse=True)
    for place in places:
        text = f'{text[: place - 12]}"{text[place - 12 : place]}"{text[place:]}'
    return text


def _plain(node: Node, seen: set[int]) -> Iterator[int]:
    """Yield the end of each account number without quotes. `seen`: nodes that an alias may repeat."""
    if id(node) in seen:
        return
    seen.add(id(node))
    if node.id == "scalar":
        if not node.style and is_one(node.value):
            yield end(node)
    elif node.id == "sequence":
        for inside in node.value:
            yield from _plain(inside, seen)
    else:
        for key, inside in node.value:
            yield from _plain(key, seen)
            if key.value not in NOT_IN:
                yield from _plain(inside, seen)
