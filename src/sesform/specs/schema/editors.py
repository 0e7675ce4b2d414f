"""The JSON Schema of the specs for editors (yaml-language-server), where pydantic's own does not suit them."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from sesform import __version__
from sesform.specs.schema.specs import Delegate, Owner


class _ForEditors(GenerateJsonSchema):
    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        # An editor would complete `topic: null` otherwise, and merge the titles of both branches; the loader accepts null.
        return self.generate_inner(schema["schema"])


def describe() -> dict[str, Any]:
    """Return the schema of one document: an Owner or a Delegate."""
    schema = TypeAdapter(Owner | Delegate).json_schema(schema_generator=_ForEditors)
    _tidy(schema)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:sesform:spec:{__version__}",
        "title": "sesform spec",
        **schema,
    }


def _tidy(node: Any, *, names: bool = False) -> None:
    """Drop pydantic's titles, which editors show as headings, and copy descriptions to where editors show Markdown."""
    if isinstance(node, list):
        for item in node:
            _tidy(item)
    if not isinstance(node, dict):
        return
    if not names:
        node.pop("title", None)
        node.pop("discriminator", None)
        if isinstance(node.get("description"), str):
            node["markdownDescription"] = node["description"]
    for key, value in node.items():
        if names or key != "default":
            _tidy(value, names=not names and key in ("properties", "$defs"))
