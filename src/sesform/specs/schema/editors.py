"""The JSON Schema of the specs for editors (yaml-language-server), where pydantic's own does not suit them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

from sesform.specs.schema.specs import Delegate, Owner

SPEC_FORMAT = 1  # of the specs, not of sesform: raised when a field is removed or gets another meaning


class _ForEditors(GenerateJsonSchema):
    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        """Return a schema that accepts null too, without a branch of its own where possible: editors show one per branch."""
        return _or_null(self.generate_inner(schema["schema"]))

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """Return a schema without the default null: an editor would insert `bounce: null`, which clears the topic."""
        made = super().default_schema(schema)
        return {key: value for key, value in made.items() if key != "default" or value is not None}


def _or_null(schema: JsonSchemaValue) -> JsonSchemaValue:
    if "const" in schema:
        return {
            **{key: value for key, value in schema.items() if key not in ("const", "type")},
            "enum": [schema["const"], None],
        }
    if isinstance(schema.get("type"), str):
        choices = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
        return {**schema, "type": [schema["type"], "null"], **choices}
    branches = schema.get("anyOf") or schema.get("oneOf")
    if branches is None:
        return {"anyOf": [schema, {"type": "null"}]}
    rest = {key: value for key, value in schema.items() if key not in ("anyOf", "oneOf", "discriminator")}
    return {"anyOf": [*branches, {"type": "null"}], **rest}


def describe() -> dict[str, Any]:
    """Return the schema of one document: an Owner or a Delegate."""
    schema = TypeAdapter(Owner | Delegate).json_schema(schema_generator=_ForEditors)
    _tidy(schema)
    _accept_empty_entries(schema, schema["$defs"])
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:sesform:spec:{SPEC_FORMAT}",
        "title": "sesform spec",
        **schema,
    }


def _accept_empty_entries(node: Any, definitions: Mapping[str, Any]) -> None:
    """Accept null where an entry may be empty, as in `example.com:`: a mapping without required fields, or the word absent."""
    if isinstance(node, list):
        for item in node:
            _accept_empty_entries(item, definitions)
    if not isinstance(node, dict):
        return
    branches = node.get("oneOf", ())
    named = [definitions[branch["$ref"].rpartition("/")[2]] for branch in branches if "$ref" in branch]
    if any(branch.get("const") == "absent" for branch in branches) and named and not named[0].get("required"):
        node["oneOf"] = [*branches, {"type": "null"}]
    for value in node.values():
        _accept_empty_entries(value, definitions)


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
