"""What changed in which field."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sesform.planning.diff import ABSENT, FieldChange, changes

values = st.recursive(
    st.none() | st.booleans() | st.text("ab", max_size=3),
    lambda inner: st.dictionaries(st.sampled_from(["p", "q", "r"]), inner, max_size=3) | st.lists(inner, max_size=3),
    max_leaves=6,
)
properties = st.dictionaries(st.sampled_from(["x", "y", "z"]), values, max_size=3)


@given(properties)
def test_equal_states_have_no_changes(state: dict[str, Any]) -> None:
    """Nothing differs from itself."""
    assert changes(state, dict(state)) == ()


@given(properties, properties)
def test_changes_read_backwards(before: dict[str, Any], after: dict[str, Any]) -> None:
    """The way back has the same changes with their sides swapped."""
    assert sorted(changes(before, after), key=repr) == sorted(
        (FieldChange(c.path, c.after, c.before) for c in changes(after, before)), key=repr
    )


texts = st.dictionaries(st.sampled_from("xyz"), st.text("ab"), max_size=3)


@given(texts, texts)
def test_exactly_the_fields_that_differ_are_told(before: dict[str, str], after: dict[str, str]) -> None:
    """Each field that differs is one change with its two values, by name; those that do not are not told."""
    key = {"identity": "a.com", "notification_type": "bounce", "topic_arn": "t"}
    differing = sorted(k for k in {*before, *after} if before.get(k) != after.get(k))

    assert [FieldChange((k,), before.get(k, ABSENT), after.get(k, ABSENT)) for k in differing] == list(
        changes(key | before, key | after)
    )


@pytest.mark.parametrize(
    ("expected", "before", "after"),
    [
        ([FieldChange(("a",), 1, 2)], {"a": 1}, {"a": 2}),
        ([FieldChange(("a",), ABSENT, None)], {}, {"a": None}),
        ([FieldChange(("a",), None, ABSENT)], {"a": None}, {}),
        ([FieldChange(("a",), None, "x")], {"a": None}, {"a": "x"}),
        ([FieldChange(("a", "b"), 1, 2)], {"a": {"b": 1, "c": 3}}, {"a": {"b": 2, "c": 3}}),
        ([FieldChange(("events", "OPEN"), ABSENT, "OPEN")], {"events": ["BOUNCE"]}, {"events": ["BOUNCE", "OPEN"]}),
        (
            [FieldChange(("events", "A"), "A", ABSENT), FieldChange(("events", "C"), ABSENT, "C")],
            {"events": ["A", "B"]},
            {"events": ["B", "C"]},
        ),
        ([FieldChange(("s", "two", "v"), 1, 2)], {"s": [{"Sid": "two", "v": 1}]}, {"s": [{"Sid": "two", "v": 2}]}),
        (
            [FieldChange(("s", "one"), ABSENT, {"Sid": "one"})],
            {"s": [{"Sid": "two", "v": 1}]},
            {"s": [{"Sid": "one"}, {"Sid": "two", "v": 1}]},
        ),
        (
            [FieldChange(("d", "x", "source"), "A", "B")],
            {"d": [{"name": "w"}, {"name": "x", "source": "A"}]},
            {"d": [{"name": "x", "source": "B"}, {"name": "w"}]},
        ),
        ([FieldChange(("s", "0", "v"), 1, 2)], {"s": [{"v": 1}]}, {"s": [{"v": 2}]}),
    ],
)
def test_how_a_change_is_told(expected: list[FieldChange], before: dict[str, Any], after: dict[str, Any]) -> None:
    """A path leads to the field; entries of lists are named by Sid, name or themselves, for their order means nothing."""
    assert expected == list(changes(before, after))


def test_a_statement_with_the_sid_that_aws_gives_is_told() -> None:
    """AWS's own Sids begin with two underscores and are seen like any other."""
    default = {"Sid": "__default_statement_ID"}

    assert (FieldChange(("policy", "Statement", "__default_statement_ID"), ABSENT, default),) == changes(
        {"policy": {"Statement": [{"Sid": "x"}]}}, {"policy": {"Statement": [{"Sid": "x"}, default]}}
    )


def test_a_value_is_told_as_it_is() -> None:
    """What is told of an entry is the entry itself, its lists still lists."""
    added = {"Sid": "b", "Action": ["x", "y"]}
    (change,) = changes({"s": [{"Sid": "a"}]}, {"s": [{"Sid": "a"}, added]})

    assert added == change.after


def test_changes_are_told_field_by_field_however_much_differs() -> None:
    """Two states with nothing in common differ in each field, not as a whole."""
    assert [("x",), ("y",)] == [c.path for c in changes({}, {"x": "", "y": ""})]


def test_the_order_of_a_list_is_no_change() -> None:
    """Lists are sets here."""
    assert changes({"events": ["A", "B"]}, {"events": ["B", "A"]}) == ()


def test_changes_come_in_order_of_path() -> None:
    """The same difference reads the same every time."""
    assert [c.path for c in changes({"d": 1, "b": {"c": 1}, "a": 1}, {"a": 2, "b": {"c": 2}, "d": 2})] == [
        ("a",),
        ("b", "c"),
        ("d",),
    ]


def test_deepdiff_is_imported_only_where_something_differs() -> None:
    """A plan without changes does not pay for a library that it does not need."""
    script = (
        "import sys; from sesform.planning.diff import changes\n"
        "changes({'a': 1}, {'a': 1}); print('deepdiff' in sys.modules)\n"
        "changes({'a': 1}, {'a': 2}); print('deepdiff' in sys.modules)\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert run.stdout.split() == ["False", "True"]
