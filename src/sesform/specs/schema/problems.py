"""Convert pydantic's errors to problems: with line and column, in plain words, and the nearest known name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from typing import Annotated, Any, get_args, get_origin

from pydantic import BaseModel, ValidationError

from sesform.errors import Problem
from sesform.model.values import printable
from sesform.specs.document import Document, Loc, child, dotted


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return a hint: the nearest known name, or all names if they are few, or nothing."""
    names = sorted(map(str, known))
    near = _nearest(name, names)
    if near:
        return f"did you mean {near!r}?"
    return f"known: {', '.join(names)}" if 0 < len(names) <= 12 else ""


def _nearest(name: str, names: Sequence[str]) -> str:
    """Return the nearest of the names, whatever the case of the letters; "" for none."""
    exact = difflib.get_close_matches(str(name), names, n=1)
    lower = {each.lower(): each for each in names}
    near = difflib.get_close_matches(str(name).lower(), list(lower), n=1)
    return exact[0] if exact else lower[near[0]] if near else ""


def of_validation(document: Document, error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Return everything that one validation found, without duplicates."""
    found = (_problem(document, line, model) for line in error.errors(include_url=False))
    return list(dict.fromkeys(found))


def in_words(error: ValidationError) -> str:
    """Return the first problem of a validation without a document."""
    first = error.errors(include_url=False)[0]
    kind, where, value = first["type"], dotted([s for s in first["loc"] if "<" not in str(s)]), first["input"]
    before = f"{where}: " if where else ""
    if kind == "sesform":
        return before + str(first["ctx"]["summary"])
    if kind in ("literal_error", "missing", "extra_forbidden"):
        return before + {"missing": "is missing", "extra_forbidden": "is unknown"}.get(
            kind, f"{_shown(value)} is unknown"
        )
    expected = _EXPECTED.get(kind)
    if expected:
        return f"{before}must be {expected}, not {_shown(value)}"
    return before + _COUNTS.get(kind, first["msg"]).format(**first.get("ctx", {}))


def _problem(document: Document, error: Any, model: type[BaseModel]) -> Problem:
    kind, ctx = error["type"], error.get("ctx", {})
    loc = _within(document, error["loc"], kind)
    node = document.at(loc)
    if loc[-1:] == ("external_id",) and kind != "extra_forbidden":
        return document.problem(loc, "is not an external id that STS accepts", _EXTERNAL_ID)  # a secret: never shown
    if kind == "sesform":
        return document.problem(loc, ctx["summary"], ctx["hint"])
    if kind == "missing":
        return document.problem(loc, "is missing", f"add `{loc[-1]}:`")
    if kind == "extra_forbidden":
        hint = _other_kind(loc, model) or did_you_mean(str(loc[-1]), fields_at(model, loc[:-1]))
        return document.problem(loc, f"unknown key {printable(str(loc[-1]))!r}", hint)
    if kind == "literal_error":
        known = [k.strip("'") for k in ctx["expected"].replace(" or ", ", ").split(", ")]
        return document.problem(loc, f"{_shown(node.value)} is not one of {', '.join(known)}", _near(node.value, known))
    if kind == "string_type" and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        return document.problem(loc, f"must be text, not the number {node.text}", f'quote it: "{node.text}"')
    expected = _EXPECTED.get(kind)
    if expected:
        hint = "write true or false" if kind == "bool_type" and isinstance(node.value, str) else ""
        return document.problem(loc, f"must be {expected}, not {_shown(node.value)}", hint)
    return document.problem(loc, _COUNTS.get(kind, error["msg"]).format(**ctx))


def _other_kind(loc: Loc, model: type[BaseModel]) -> str:
    """Return the kind of spec that an unknown key at the top belongs to, as a hint; "" for none."""
    from sesform.specs.schema.specs import Delegate, Owner

    for kind in (Owner, Delegate) if len(loc) == 1 else ():
        if kind is not model and loc[0] in kind.model_fields:
            return f"it belongs to a spec of `kind: {kind.__name__}`"
    return ""


# STS API reference, AssumeRole.
_EXTERNAL_ID = "quote it, and use 2 to 1,224 letters, digits and _+=,.@:/-"
_EXPECTED = {
    "string_type": "text",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping",
    "model_attributes_type": "a mapping",
    "list_type": "a list",
    "int_type": "a number",
}
_COUNTS = {"too_short": "must have at least {min_length} entry", "too_long": "must have at most {max_length} entries"}


def _within(document: Document, loc: Sequence[int | str], kind: str) -> Loc:
    """Return pydantic's location without steps that are not in the document: tags of unions, `[key]`, expanded shorthand."""
    node, way = document.node, list[int | str]()
    for index, step in enumerate(loc):
        inside = child(node, step)
        if inside is not None:
            node = inside
            way.append(step)
        elif kind == "missing" and index == len(loc) - 1:
            way.append(step)
    return tuple(way)


def _near(value: Any, known: Sequence[str]) -> str:
    return did_you_mean(str(value), known) if _nearest(str(value), known) else ""


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list):
        return "a list"
    if value is None:
        return "null"
    return printable(str(value).lower() if isinstance(value, bool) else repr(value))


def fields_at(model: type[BaseModel], loc: Loc) -> list[str]:
    """Return the keys that the models at this place know, in the order of their fields."""
    types: list[Any] = [model]
    for step in loc:
        types = [leaf for t in types for leaf in _step(t, step)]
    types = [leaf for t in types for leaf in (_leaves(get_args(t)[0]) if get_origin(t) is list else [t])]
    models = [t for t in types if isinstance(t, type) and issubclass(t, BaseModel)]
    return list(dict.fromkeys(name for each in models for name in each.model_fields))


def _step(of: Any, step: int | str) -> list[Any]:
    if isinstance(of, type) and issubclass(of, BaseModel):
        field = of.model_fields.get(str(step))
        return _leaves(field.annotation) if field else []
    if get_origin(of) is dict:
        return _leaves(get_args(of)[1])
    if get_origin(of) is list:
        inside = _leaves(get_args(of)[0])
        # A single value may stand for a list (`OneOrMore`): then the steps have no number.
        return inside if isinstance(step, int) else [leaf for each in inside for leaf in _step(each, step)]
    return []


def _leaves(annotation: Any) -> list[Any]:
    """Return a type without its Annotated and Union wrappers."""
    origin = get_origin(annotation)
    if origin is Annotated:
        return _leaves(get_args(annotation)[0])
    if origin in (dict, list) or isinstance(annotation, type):
        return [annotation]
    return [leaf for part in get_args(annotation) for leaf in _leaves(part)]
