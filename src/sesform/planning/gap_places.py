"""Where the specs declare what has a gap in its routes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from sesform.model.address import Scope
from sesform.planning.routes import Gap
from sesform.specs.declared import Declared
from sesform.specs.desired import Desired

_Place = tuple[Scope, str, str, str]  # scope, kind, name and event of a subject; "" for any event


def located(gaps: Sequence[Gap], desired: Desired) -> tuple[Gap, ...]:
    """Return the gaps with the address and the place of a resource that declares their subject.

    The setting of the same event comes first, then any other one of the same identity or configuration set.
    """
    places = _places((*desired.declared.values(), *desired.unmanaged)) if gaps else {}
    return tuple(_with_place(gap, places.get(gap.subject) or places.get((*gap.subject[:3], ""))) for gap in gaps)


def _places(declared: Iterable[Declared]) -> dict[_Place, Declared]:
    found: dict[_Place, Declared] = {}
    for each in declared:
        kind = next((name for name in ("identity", "configuration_set") if name in each.key), "")
        if kind and each.origin is not None:
            subject = (each.scope, kind.replace("_", " "), each.key[kind])
            found.setdefault((*subject, each.key.get("notification_type", "")), each)
            found.setdefault((*subject, ""), each)
    return found


def _with_place(gap: Gap, declared: Declared | None) -> Gap:
    if declared is None or declared.origin is None:
        return gap
    origin = declared.origin
    line, column = origin.document.place(origin.loc)
    return replace(gap, address=str(declared.address), file=origin.document.file, line=line, column=column)
