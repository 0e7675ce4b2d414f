"""Write plain data as readable YAML that `yaml_reader` reads back as the same data. The only writer of YAML.

Text that YAML 1.1 or YAML 1.2 reads as something else (`on`, `1e3`, `089999999999`) is quoted, so that every reader agrees.
Comments stand before their subject.
"""

from __future__ import annotations

import re
import textwrap
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

import yaml

from sesform.model.values import printable
from sesform.specs.yaml_scalars import MAX_DEPTH, is_text

Loc = tuple[int | str, ...]
Comments = Mapping[Loc, Sequence[str]]

WIDTH = 120
SCHEMA_LINE = "# yaml-language-server: $schema=sesform.schema.json"

# Lists of named entries are written with one entry on a line, so that a change shows as a line.
_ONE_PER_LINE = frozenset(
    {
        "topics",
        "configuration_sets",
        "event_destinations",
        "identities",
        "defaults",
        "identity",
        "notifications",
        "authorize",
        "policies",
        "publishers",
        "subscriptions",
        "cross_account_notifications",
        "credentials",
    }
)
_LONGEST_INTEGER = 18  # characters: longer text is quoted
_CERTAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./@-]*")  # plain, unless it is one of the words below
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_UNWRITABLE = re.compile("[\ufffe\uffff]")  # not allowed in YAML, not even in comments


def text(documents: Iterable[tuple[Mapping[str, Any], Comments]], head: Iterable[str] = ()) -> str:
    """Return documents, with comments on their entries, as one YAML text. `head`: comments for the top.

    A comment on an entry that does not exist is placed at the end of its parent. Raises ValueError for data that YAML cannot hold;
    `why_not` tells that before.
    """
    lines = [SCHEMA_LINE, *(line for comment in head for line in _comment(comment, ""))]
    for index, (data, comments) in enumerate(documents):
        if index:
            lines.append("---")
        lines += _Writer(data, comments).lines()
    return "\n".join(lines) + "\n"


def fragment(data: Mapping[str, Any], head: Iterable[str] = ()) -> str:
    """Return a part of a spec as YAML text, to paste. `head`: comments for the top. Raises ValueError as `text` does."""
    lines = [line for comment in head for line in _comment(comment, "")]
    return "\n".join([*lines, *_Writer(data, {}).lines()]) + "\n"


def flow(value: Any) -> str:
    """Return a value as YAML on one line. Raises ValueError as `text` does."""
    return _flow(value)


def why_not(value: Any, depth: int = 1) -> str:
    """Return why a value cannot be written and read back, "" if it can."""
    if depth > MAX_DEPTH:
        return f"it is nested deeper than {MAX_DEPTH} levels"
    if isinstance(value, Mapping):
        wrong = next((k for k in value if not isinstance(k, str) or k in ("", "<<") or len(k) > 1000), None)
        if wrong is not None:
            return f"{str(wrong)[:40]!r} cannot be a key"
        return next((why for k, v in value.items() if (why := why_not(k) or why_not(v, depth + 1))), "")
    if isinstance(value, list | tuple):
        return next((why for v in value if (why := why_not(v, depth + 1))), "")
    if isinstance(value, str):
        return "it holds half a surrogate pair" if any("\ud800" <= c <= "\udfff" for c in value) else ""
    if isinstance(value, int) and len(str(value)) > _LONGEST_INTEGER:
        return f"the number {value} is too long"
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return f"{value} is not a number"
    return ""


class _Writer:
    """Write one document. Comments are placed first: before an entry, or after the last entry of a collection."""

    def __init__(self, data: Mapping[str, Any], comments: Comments) -> None:
        self._data = data
        self._before: dict[Loc, list[str]] = defaultdict(list)
        self._after: dict[Loc, list[str]] = defaultdict(list)
        self._inside: set[Loc] = set()  # collections with a comment in them: these are not put on one line
        for loc, texts in comments.items():
            found = self._existing(loc)
            (self._before if found == loc else self._after)[found] += texts
            self._inside |= {found[:n] for n in range(len(found) + (found != loc))}

    def _existing(self, loc: Loc) -> Loc:
        """Return the longest beginning of the path that leads to an entry."""
        value: Any = self._data
        for position, step in enumerate(loc):
            inside = isinstance(value, Mapping) and step in value
            if not inside and not (isinstance(value, list) and isinstance(step, int) and step < len(value)):
                return loc[:position]
            value = value[step]
        return loc

    def lines(self) -> Iterator[str]:
        for comment in self._before[()]:
            yield from _comment(comment, "")
        yield from self._mapping(self._data, (), "")

    def _mapping(self, value: Mapping[str, Any], loc: Loc, indent: str) -> Iterator[str]:
        for key, inside in value.items():
            yield from self._entry(f"{indent}{_scalar(key)}:", inside, (*loc, key), indent)
        yield from self._last(loc, indent)

    def _list(self, value: Sequence[Any], loc: Loc, indent: str) -> Iterator[str]:
        for position, inside in enumerate(value):
            yield from self._entry(f"{indent}-", inside, (*loc, position), indent)
        yield from self._last(loc, indent)

    def _last(self, loc: Loc, indent: str) -> Iterator[str]:
        for comment in self._after[loc]:
            yield from _comment(comment, indent)

    def _entry(self, start: str, value: Any, loc: Loc, indent: str) -> Iterator[str]:
        for comment in self._before[loc]:
            yield from _comment(comment, indent)
        if isinstance(value, str):
            yield f"{start} {_scalar(value)}"
            return
        line = f"{start} {_flow(value)}" if self._fits_a_line(value, loc, len(start)) else ""
        if line and (len(line) <= WIDTH or not isinstance(value, Mapping | list)):
            yield line
            if isinstance(value, Mapping | list):
                yield from self._last(loc, indent + "  ")
            return
        if start.endswith("-") and isinstance(value, Mapping):
            # A mapping in a list begins on the line of its dash.
            first, *rest = list(self._mapping(value, loc, indent + "  "))
            yield f"{start} {first.removeprefix(indent + '  ')}"
            yield from rest
            return
        yield start
        nested = self._mapping(value, loc, indent + "  ") if isinstance(value, Mapping) else None
        yield from nested if nested is not None else self._list(value, loc, indent + "  ")

    def _fits_a_line(self, value: Any, loc: Loc, column: int) -> bool:
        if not isinstance(value, Mapping | list) or not value:
            return True
        if loc in self._inside or loc[-1] in _ONE_PER_LINE:
            return False
        named = isinstance(value, Mapping) and not _ONE_PER_LINE.isdisjoint(value)
        return not named and _depth(value) <= 3 and len(str(value)) + column < 2 * WIDTH


def _depth(value: Any) -> int:
    if isinstance(value, Mapping):
        return 1 + max(map(_depth, value.values()), default=0)
    return 1 + max(map(_depth, value), default=0) if isinstance(value, list) else 0


def _comment(text: str, indent: str) -> list[str]:
    """Return a comment on lines of its own. Nothing in its text can end the comment."""
    safe = _UNWRITABLE.sub("?", printable(text))
    lines = textwrap.wrap(safe, WIDTH - len(indent) - 2, break_long_words=False, break_on_hyphens=False)
    return [f"{indent}# {line}" for line in lines]


def _flow(value: Any) -> str:
    """Return a value on one line."""
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{_scalar(k, flow=True)}: {_flow(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    if isinstance(value, str):
        return _scalar(value, flow=True)
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    why = why_not(value)
    if why:
        raise ValueError(why)
    return repr(value)


@lru_cache(maxsize=65536)
def _scalar(value: str, flow: bool = False) -> str:
    """Return text as a scalar for a key or a value; with `flow` also between brackets."""
    if _CERTAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    why = why_not(value)
    if why:
        raise ValueError(why)
    dumped = _dumped(value, flow)
    return dumped if dumped[0] not in "'|>" else _dumped(_Quoted(value), flow)


def _dumped(value: str, flow: bool) -> str:
    text = yaml.dump([value], Dumper=_Dumper, default_flow_style=flow, allow_unicode=True, width=float("inf")).strip()
    return text[1:-1] if flow else text.removeprefix("- ")


class _Quoted(str):
    """Return text between double quotes."""


class _Dumper(yaml.SafeDumper):
    """PyYAML's dumper, which also quotes what YAML 1.2 reads as something else, and never breaks a text over lines."""


def _text(dumper: _Dumper, value: str) -> yaml.ScalarNode:
    plain = not isinstance(value, _Quoted) and value.isprintable() and is_text(value)
    return dumper.represent_scalar("tag:yaml.org,2002:str", str(value), style=None if plain else '"')


_Dumper.add_representer(str, _text)
_Dumper.add_representer(_Quoted, _text)
