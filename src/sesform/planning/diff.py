"""The differences between two states of a resource. The only user of deepdiff, which is imported when first used."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from sesform.model.values import Properties, Value


class _Absent:
    def __repr__(self) -> str:
        return "ABSENT"


ABSENT: Final = _Absent()  # no such field; None is a value


@dataclass(frozen=True, slots=True)
class FieldChange:
    """One field. `path` leads to it; an entry of a list is identified by its Sid, its name, or its value: order is ignored."""

    path: tuple[str, ...]
    before: Value
    after: Value


def changes(before: Properties, after: Properties) -> tuple[FieldChange, ...]:
    """Return the fields that differ, sorted by path."""
    if before == after:
        return ()
    from deepdiff import DeepDiff

    tree = DeepDiff(
        _keyed(before),
        _keyed(after),
        view="tree",
        verbose_level=2,
        ignore_private_variables=False,  # Sids of AWS begin with two underscores
        threshold_to_diff_deeper=0,  # compare all fields, however many differ
    )
    paths = {tuple(map(str, item.path(output_format="list"))) for kind in tree.values() for item in kind}
    return tuple(FieldChange(path, _at(before, path), _at(after, path)) for path in sorted(paths))


def _at(value: Any, path: tuple[str, ...]) -> Value:
    """Return the value at a path of the keyed form, in its original form."""
    for step in path:
        if isinstance(value, Mapping):
            value = value.get(step, ABSENT)
        elif isinstance(value, list | tuple):
            value = next((v for i, v in enumerate(value) if _name(v, i) == step), ABSENT)
        else:
            return ABSENT
    return value


def _keyed(value: Any) -> Any:
    """Return lists as dicts by the key of each entry, so that deepdiff compares entries of the same key."""
    if isinstance(value, Mapping):
        return {key: _keyed(v) for key, v in value.items()}
    if isinstance(value, list | tuple):
        return {_name(v, i): _keyed(v) for i, v in enumerate(value)}
    return value


def _name(value: Any, index: int) -> str:
    if isinstance(value, Mapping):
        return str(value.get("Sid") or value.get("name") or index)
    return str(value)
