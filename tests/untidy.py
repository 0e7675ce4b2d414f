"""Specs as people write them: fields in any order, any indentation, comments everywhere. Each comment names its subject."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import yaml

from sesform.specs import yaml_writer


def untidy(specs: str, seed: int) -> str:
    """Return the documents of a text with other layouts, orders and quotes, and with comments."""
    dice = random.Random(seed)
    documents = [document for document in yaml.safe_load_all(specs) if document]
    return "---\n".join(
        "\n".join(_Untidy(dice, number).lines(document)) + "\n" for number, document in enumerate(documents)
    )


class _Untidy:
    def __init__(self, dice: random.Random, number: int) -> None:
        self._dice, self._number, self._comments = dice, number, 0
        self._step = dice.choice([1, 2, 2, 3, 4, 8])

    def lines(self, data: dict[str, Any]) -> Iterator[str]:
        yield f"# head of document {self._number}"
        yield ""
        yield from self._mapping(data, 0)

    def _mapping(self, data: dict[str, Any], column: int) -> Iterator[str]:
        fields = list(data.items())
        self._dice.shuffle(fields)
        for name, value in fields:
            yield from self._between(name, column)
            yield from self._entry(
                f"{' ' * column}{self._key(name)}:{' ' * self._dice.choice([1, 1, 3])}", name, value, column
            )

    def _list(self, data: list[Any], column: int) -> Iterator[str]:
        for value in data:
            if isinstance(value, dict) and value and self._maybe():
                gap = self._dice.choice([1, 1, 3])
                first, *rest = self._mapping(value, column + 1 + gap)
                while not first.strip() or first.lstrip().startswith("#"):  # a comment or a blank line before the dash
                    yield " " * column + first.strip().replace("# above", "# item with")
                    first, *rest = rest
                yield f"{' ' * column}-{' ' * gap}{first.lstrip()}"
                yield from rest
            else:
                yield f"{' ' * column}- {self._flow(value)}"

    def _entry(self, begin: str, name: str, value: Any, column: int) -> Iterator[str]:
        beside = self._comment("beside", name) if self._maybe() else ""
        if not isinstance(value, dict | list) or not value or self._maybe():
            yield f"{begin}{self._flow(value)}{'  ' if beside else ''}{beside}"
        else:
            yield begin.rstrip() + ("  " if beside else "") + beside
            inside = column + self._step
            yield from self._mapping(value, inside) if isinstance(value, dict) else self._list(value, inside)
        if self._dice.random() < 0.1:
            yield " " * (column + self._step) + self._comment("below", name)

    def _between(self, name: str, column: int) -> Iterator[str]:
        while self._dice.random() < 0.2:
            yield ""
        if self._dice.random() < 0.3:
            yield " " * column + self._comment("above", name)

    def _comment(self, where: str, name: str) -> str:
        self._comments += 1
        return f"# {where} {name} ({self._comments})"

    def _maybe(self) -> bool:
        return self._dice.random() < 0.3

    def _key(self, name: str) -> str:
        return name if name.isdigit() and self._maybe() else yaml_writer.flow(name)

    def _flow(self, value: Any) -> str:
        written = yaml_writer.flow(value)
        return written.replace(": ", ":  ").replace("{", "{ ") if self._maybe() and '"' not in written else written
