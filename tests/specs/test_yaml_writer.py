"""Data written as YAML, with comments, and read back."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sesform.specs import yaml_reader, yaml_writer

TRAPS = (
    "1e3", "089999999999", "012", "0x1f", "0o17", "1_000", "12:30:45", "2001-01-01", ".5", "+1", "-", "~", "null", "Null",
    "on", "Off", "yes", "n", "true", "TRUE", "", " ", " a", "a ", "#", "a #b", "a: b", "a:", ":a", "- a", "?", "? a", "!x",
    "&a", "*a", "%a", "@a", "`a", "|", ">", "'", '"', "{}", "[a]", "a, b", "=", "a\nb", "a\tb", "\x00", "\x7f", "\x85",
    "\u2028", "\ufeff", "\uffff", "é", "🐦", "---", "...", ".inf", ".nan", "<<", "111111111111", "arn:aws:sns:eu-west-1:1:x",
)  # fmt: skip
texts = st.sampled_from(TRAPS) | st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(10**16), 10**16)
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts
)
keys = texts.filter(lambda key: key not in ("", "<<"))
values = st.recursive(
    scalars, lambda inside: st.lists(inside, max_size=3) | st.dictionaries(keys, inside, max_size=3), max_leaves=12
)
named = keys | st.sampled_from(["topics", "notifications", "subscriptions"])
locs = st.lists(named | st.integers(0, 2), max_size=3).map(tuple)
comments = st.dictionaries(locs, st.lists(texts, max_size=2), max_size=3)


def read(text: str) -> list[Any]:
    documents, problems = yaml_reader.parse([("x.yaml", text.encode())])
    assert [str(p) for p in problems] == []
    return [d.data for d in documents]


@given(st.lists(st.tuples(st.dictionaries(named, values, min_size=1, max_size=4), comments), min_size=1, max_size=3))
def test_written_data_is_the_same_when_read_again(documents: list[tuple[dict[str, Any], dict[Any, list[str]]]]) -> None:
    """Any data with any comments is the same when it is read again."""
    written = yaml_writer.text(documents, ["a head", "\n---\nx: y"])

    assert [data for data, _ in documents] == read(written)


@pytest.mark.parametrize("trap", TRAPS)
def test_text_stays_text(trap: str) -> None:
    """Text that YAML would read as a number, a boolean, null or syntax is quoted, also between brackets."""
    assert [{"a": trap, "b": [{"c": trap}]}] == read(yaml_writer.text([({"a": trap, "b": [{"c": trap}]}, {})]))


@pytest.mark.parametrize(
    ("expected", "value"),
    [
        ("the number 1234567890123456789 is too long", {"a": [1234567890123456789]}),
        ("'' cannot be a key", {"": 1}),
        ("'<<' cannot be a key", [{"<<": 1}]),
        ("it holds half a surrogate pair", {"a": "\ud800"}),
        ("nan is not a number", float("nan")),
        ("", {"a": [1.5, True, None, "x"]}),
    ],
)
def test_values_that_cannot_be_written_are_refused(expected: str, value: Any) -> None:
    """A value that would not be the same when read again is refused with the reason."""
    assert expected == yaml_writer.why_not(value)


def test_data_that_is_nested_too_deeply_is_refused() -> None:
    """Data that is nested deeper than the 32 levels that yaml_source reads is refused."""
    value: Any = 1
    for _ in range(33):
        value = [value]

    assert yaml_writer.why_not(value) == "it is nested deeper than 32 levels"


def test_a_number_that_is_too_long_is_not_written_as_text() -> None:
    """A number that would be read as text is refused."""
    with pytest.raises(ValueError, match="too long"):
        yaml_writer.text([({"a": 10**20}, {})])


def test_the_layout_of_a_spec() -> None:
    """Small mappings are on one line, account numbers are quoted, and comments are before the lines they describe."""
    data = {
        "kind": "Owner",
        "account": "111111111111",
        "regions": ["eu-west-1"],
        "topics": {"t": {"subscriptions": [{"protocol": "sqs", "endpoint": "arn:aws:sqs:eu-west-1:1:q"}]}, "u": {}},
        "identities": {"a.com": {"notifications": {"bounce": {"topic": "t", "headers": True}}}},
    }
    comments: yaml_writer.Comments = {
        (): ["Of the spec."],
        ("topics", "u"): ["Of u."],
        ("topics", "gone"): ["Of what is not there."],
        ("identities", "a.com", "notifications", "bounce"): ["Of a type."],
    }

    assert yaml_writer.text([(data, comments)], ["Head."]) == (
        """\
# yaml-language-server: $schema=sesform.schema.json
# Head.
# Of the spec.
kind: Owner
account: "111111111111"
regions: [eu-west-1]
topics:
  t:
    subscriptions:
      - {protocol: sqs, endpoint: "arn:aws:sqs:eu-west-1:1:q"}
  # Of u.
  u: {}
  # Of what is not there.
identities:
  a.com:
    notifications:
      # Of a type.
      bounce: {topic: t, headers: true}
"""
    )


def test_a_long_setting_takes_several_lines() -> None:
    """A value that does not fit on a line is written as a block; in lists, the block begins after the dash."""
    long = "x" * 70
    data = {"subscriptions": [{"a": long, "b": long, "c": {"d": [1, 2]}}]}

    assert yaml_writer.text([(data, {})]).splitlines()[1:] == [
        "subscriptions:",
        f"  - a: {long}",
        f"    b: {long}",
        "    c: {d: [1, 2]}",
    ]
