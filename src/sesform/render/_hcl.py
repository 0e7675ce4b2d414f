"""Blocks, attributes and values in Terraform's form."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import groupby

from sesform.model.values import UNKNOWN, Properties, Value, printable
from sesform.planning.diff import ABSENT, FieldChange

# SGR codes of the five coloured kinds of text.
_CODES = {"create": "32", "update": "33", "delete": "31", "replace": "31", "bold": "1", "faint": "2"}
SYMBOLS = {"create": "+", "update": "~", "delete": "-", "replace": "-/+"}

Paint = Callable[[str, str], str]


def painter(colour: bool) -> Paint:
    """Return a function from (text, one of create, update, delete, replace, bold, faint) to the text, coloured or not."""
    if not colour:
        return lambda text, style: text
    return lambda text, style: f"\x1b[{_CODES[style]}m{text}\x1b[0m"


def value(of: Value, indent: int = 0) -> str:
    """Return a value as HCL. Text from outside is escaped, so that no name can act on a terminal or a CI log."""
    if of is UNKNOWN:
        return "(known after apply)"
    if isinstance(of, str):
        return printable(json.dumps(of, ensure_ascii=False))
    if isinstance(of, Mapping | list | tuple):
        line = _on_one_line(of)
        return line if len(line) <= _WIDTH else _nested(of, indent)
    return json.dumps(of)


_WIDTH = 72


def _on_one_line(of: Value) -> str:
    if isinstance(of, Mapping):
        return "{ " + ", ".join(f"{_key(k)} = {_on_one_line(v)}" for k, v in of.items()) + " }" if of else "{}"
    if isinstance(of, list | tuple):
        return "[" + ", ".join(map(_on_one_line, of)) + "]"
    return value(of)


def _key(name: object) -> str:
    text = str(name)
    return text if text.isidentifier() else value(text)


def _nested(of: Mapping[str, Value] | Sequence[Value], indent: int) -> str:
    if isinstance(of, Mapping):
        width = max(len(_key(k)) for k in of)
        lines = [f"{_key(k).ljust(width)} = {value(v, indent + 4)}" for k, v in of.items()]
    else:
        lines = [f"{value(v, indent + 4)}," for v in of]
    opening, closing = "{}" if isinstance(of, Mapping) else "[]"
    inside = "".join(f"{' ' * (indent + 4)}{line}\n" for line in lines)
    return f"{opening}\n{inside}{' ' * indent}{closing}"


def whole(properties: Properties, action: str, paint: Paint) -> Iterator[str]:
    """Yield every attribute of a resource that is created or destroyed."""
    properties = {name: of for name, of in properties.items() if of is not None}
    width = max(map(len, properties), default=0)
    sign = paint(SYMBOLS[action], action)
    arrow = " -> null" if action == "delete" else ""
    for name, of in properties.items():
        text = value(of, 8)
        yield f"      {sign} {name.ljust(width)} = {text}{arrow}"


def differing(changes: Sequence[FieldChange], paint: Paint) -> Iterator[str]:
    """Yield every field that changes: whole values as `old -> new`, entries of lists and mappings as lines added or removed."""
    for (name,), group in groupby(changes, key=lambda c: c.path[:1]):
        fields = list(group)
        if len(fields) == 1 and len(fields[0].path) == 1:
            yield f"      {_line(fields[0], name, paint, 8)}"
            continue
        yield f"      {paint('~', 'update')} {name} = {{"
        for change in fields:
            yield f"          {_line(change, path_text(change.path[1:]), paint, 12)}"
        yield "        }"


def path_text(path: Sequence[str]) -> str:
    """Return the path of a field: names with dots between them, other keys in brackets."""
    text = ""
    for step in path:
        text += f"[{value(step)}]" if not step.isidentifier() else f".{step}" if text else step
    return text


def _line(change: FieldChange, name: str, paint: Paint, indent: int) -> str:
    if change.before is ABSENT or change.after is ABSENT:
        action, of = ("create", change.after) if change.before is ABSENT else ("delete", change.before)
        text = f"{name} = {value(of, indent)}"
        if isinstance(of, str) and change.path[-1] == of:  # an entry of a list of strings
            text = f"{path_text(change.path[1:-1])}: {value(of)}" if len(change.path) > 2 else value(of)
        return f"{paint(SYMBOLS[action], action)} {text}"
    return f"{paint('~', 'update')} {name} = {value(change.before, indent)} {paint('->', 'faint')} {value(change.after, indent)}"
