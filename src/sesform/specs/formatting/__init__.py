"""The form of spec files: quotes of account numbers, order of fields, layout. From text to text; the meaning never changes.

Imports ruamel.yaml, which the extra `fmt` installs.

Each step is checked: if its result does not have the data and the comments of its input, the step is undone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from sesform.specs.document import Loc, Node
from sesform.specs.formatting import account_numbers, comments, field_order, layout
from sesform.specs.formatting.undone import Undone

Fields = Callable[[str, Loc], Sequence[str]]  # kind of spec, place in it → the fields of that place, in their order
Parse = Callable[[str], list[Node]]  # text → its documents; raises Undone for a text that is not valid


class Formatted(NamedTuple):
    """A formatted text, and why steps were undone."""

    text: str
    undone: tuple[str, ...] = ()


def formatted(text: str, fields: Fields, parse: Parse) -> Formatted:
    """Return the text of a file of specs in its form. Line ends become LF, and a byte order mark is removed.

    `text`: valid for `parse`.
    """
    made = text.removeprefix("\ufeff").replace("\r\n", "\n")
    steps = {
        "account numbers are not quoted": account_numbers.quoted,
        "the order of the fields is kept": lambda before: field_order.arranged(before, fields),
        "the layout is kept": layout.laid_out,
    }
    undone = []
    for what, step in steps.items():
        try:
            after = step(made)
            _check(made, after, parse)
        except Undone as reason:
            undone.append(f"{what}: {reason}")
        else:
            made = after
    return Formatted(made, tuple(undone))


def _check(before: str, after: str, parse: Parse) -> None:
    """Raise Undone if a text does not have the data and the comments of another one."""
    if before == after:
        return
    old, new = parse(before), parse(after)
    if len(old) != len(new) or not all(map(_same, old, new)):
        raise Undone("the data would change")
    if sorted(comments.found(before)) != sorted(comments.found(after)):
        raise Undone("a comment would be lost, as ruamel.yaml does with those between brackets")


def _same(old: Node, new: Node) -> bool:
    """Return whether two values are equal, whatever the order of keys and the quotes of account numbers."""
    if isinstance(old.value, dict) and isinstance(new.value, dict):
        inside, other = old.value, new.value
        return inside.keys() == other.keys() and all(
            _same(inside[key], other[key]) if key not in account_numbers.NOT_IN else _equal(inside[key], other[key])
            for key in inside
        )
    if isinstance(old.value, list) and isinstance(new.value, list):
        return len(old.value) == len(new.value) and all(map(_same, old.value, new.value))
    return _equal(old, new) or (account_numbers.is_one(old.text) and old.text == new.text)


def _equal(old: Node, new: Node) -> bool:
    """Return whether two values are equal, whatever the order of keys."""
    if isinstance(old.value, dict) and isinstance(new.value, dict):
        return old.value.keys() == new.value.keys() and all(_equal(old.value[k], new.value[k]) for k in old.value)
    if isinstance(old.value, list) and isinstance(new.value, list):
        return len(old.value) == len(new.value) and all(map(_equal, old.value, new.value))
    return type(old.value) is type(new.value) and old.value == new.value
