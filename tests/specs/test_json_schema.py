"""The JSON Schema of the specs for editors."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import pytest

from sesform.specs.schema import json_schema


@cache
def described() -> dict[str, Any]:
    return json_schema()


def schemas(node: Any, path: str = "$") -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every subschema, without the names of properties and definitions."""
    if not isinstance(node, dict):
        return
    yield path, node
    for key in ("properties", "$defs", "patternProperties"):
        for name, inner in node.get(key, {}).items():
            yield from schemas(inner, f"{path}.{key}.{name}")
    for key in ("items", "additionalProperties", "propertyNames", "not"):
        yield from schemas(node.get(key), f"{path}.{key}")
    for key in ("anyOf", "oneOf", "allOf", "prefixItems"):
        for index, inner in enumerate(node.get(key, [])):
            yield from schemas(inner, f"{path}.{key}[{index}]")


KEYWORDS = {
    *(
        "$schema",
        "$id",
        "$ref",
        "$defs",
        "title",
        "description",
        "default",
        "type",
        "const",
        "enum",
        "properties",
        "required",
    ),
    *(
        "additionalProperties",
        "propertyNames",
        "patternProperties",
        "items",
        "minItems",
        "maxItems",
        "pattern",
        "anyOf",
        "oneOf",
    ),
    *("minLength", "maxLength", "uniqueItems", "examples"),
    *("markdownDescription", "patternErrorMessage"),  # yaml-language-server adds this one
}


def test_it_is_a_schema_of_draft_2020_12() -> None:
    """The schema names its draft."""
    assert described()["$schema"] == "https://json-schema.org/draft/2020-12/schema"


def test_it_uses_known_keywords_only() -> None:
    """The schema has only keywords that editors know."""
    assert {path: sorted(node.keys() - KEYWORDS) for path, node in schemas(described()) if node.keys() - KEYWORDS} == {}


def test_every_reference_has_a_definition() -> None:
    """Every reference has a definition."""
    wanted = {node["$ref"] for _, node in schemas(described()) if "$ref" in node}

    assert set() == wanted - {f"#/$defs/{name}" for name in described()["$defs"]}


def test_every_mapping_is_closed() -> None:
    """Unknown keys are an error in editors too."""
    assert [
        path for path, node in schemas(described()) if "properties" in node and node.get("additionalProperties")
    ] == []
    assert [
        path for path, node in schemas(described()) if "properties" in node and "additionalProperties" not in node
    ] == []


def test_every_field_has_a_description_and_no_title() -> None:
    """Every field has a description, and no title that only repeats its name."""
    fields = [
        (f"{path}.{name}", field)
        for path, node in schemas(described())
        for name, field in node.get("properties", {}).items()
    ]

    assert [] == [path for path, field in fields if "title" in field]
    assert [] == [path for path, field in fields if not field.get("description", "").endswith(".")]
    assert [] == [path for path, field in fields if field["description"] != field.get("markdownDescription")]


@pytest.mark.parametrize(
    ("expected", "definition"),
    [
        ({"kind", "name", "account", "regions"}, "Owner"),
        ({"kind", "name", "account", "regions"}, "Delegate"),
        ({"protocol", "endpoint"}, "Subscription"),
        ({"stream", "role"}, "Firehose"),
        ({"events"}, "EventDestination"),
    ],
)
def test_required_fields_are_required(expected: set[str], definition: str) -> None:
    """Required fields of the specs are required in the schema."""
    assert expected == set(described()["$defs"][definition]["required"])


def test_the_short_form_of_a_notification_is_offered() -> None:
    """The schema accepts a topic's name instead of a mapping."""
    bounce = described()["$defs"]["Notifications"]["properties"]["bounce"]

    assert "string" in [branch.get("type") for branch in bounce["anyOf"]]


def test_all_is_offered_for_events() -> None:
    """The schema accepts `events: all`."""
    events = described()["$defs"]["EventDestination"]["properties"]["events"]

    assert {"const": "all"} in [{k: v for k, v in branch.items() if k == "const"} for branch in events["anyOf"]]


def test_it_is_plain_json() -> None:
    """The schema is valid JSON and is the same when it is read again."""
    assert described() == json.loads(json.dumps(described()))


def test_it_is_the_same_every_time() -> None:
    """Two runs give the same text, so that users can compare a saved copy."""
    assert json.dumps(json_schema()) == json.dumps(json_schema())
