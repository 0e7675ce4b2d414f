"""The form of spec files: nothing but the form changes, whatever is formatted."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from damaged import damaged
from sesform import engine
from sesform.specs import compiler, schema, yaml_reader
from sesform.specs.desired import Desired
from sesform.specs.formatting import comments
from strategies import random_specs
from untidy import untidy


def formatted(text: str) -> str:
    made = engine.fmt_text("spec.yaml", text.encode())
    assert (True, ()) == (made.is_spec, made.problems), made.problems
    return made.after


def compiled(text: str) -> Desired:
    documents, problems = yaml_reader.parse([("spec.yaml", text.encode())])
    loaded, more = schema.load(documents)
    return compiler.build(loaded, [*problems, *more])


def declared(text: str) -> object:
    """Return all that specs declare, without its places in the file."""
    desired = compiled(text)
    return {key: (each.scope, each.desired) for key, each in desired.declared.items()}, desired.access


untidy_specs = st.builds(untidy, random_specs(), st.integers(0, 2**32))


@given(untidy_specs)
def test_the_same_resources_are_declared(text: str) -> None:
    """Specs compile to the same declared resources before and after."""
    assert declared(text) == declared(formatted(text))


@given(untidy_specs)
def test_a_second_run_changes_nothing(text: str) -> None:
    """A file that was formatted stays as it is."""
    once = formatted(text)

    assert once == formatted(once)


@given(untidy_specs)
def test_every_comment_stays_with_its_subject(text: str) -> None:
    """Comments survive: one above a field is above it after that, one beside it beside it, the head is at the top."""
    made = formatted(text)
    lines = made.split("\n")

    assert sorted(comments.found(text)) == sorted(comments.found(made))
    assert lines[0] == "# head of document 0"
    for number, line in enumerate(lines):
        if found := re.search(r"# (above|beside) (\S+) \(\d+\)$", line):
            subject = line if found[1] == "beside" else next(_data(lines[number:]))
            assert re.match(rf"""\s*(- +)?['"]?{re.escape(found[2])}['"]?:""", subject), (line, subject)


def _data(lines: list[str]) -> itertools.filterfalse[str]:
    return itertools.filterfalse(lambda line: not line.strip() or line.lstrip().startswith("#"), lines)


@given(untidy_specs)
def test_comments_are_indented_as_their_subject(text: str) -> None:
    """A comment above a field has the indentation of the field."""
    lines = formatted(text).split("\n")
    for number, line in enumerate(lines):
        if re.fullmatch(r" *# above \S+ \(\d+\)", line):
            subject = next(_data(lines[number:]))
            assert line.index("#") == len(subject) - len(subject.lstrip(" -")) or subject.lstrip().startswith("-")


@given(untidy_specs)
def test_fields_are_in_the_order_of_the_reference(text: str) -> None:
    """At each place the known fields come first, in the order in which the reference lists them."""
    documents, _ = yaml_reader.parse([("spec.yaml", formatted(text).encode())])
    for document in documents:
        for loc, names in _mappings(document.data, ()):
            known = schema.field_order(document.data["kind"], loc)
            expected = [name for name in known if name in names] + [name for name in names if name not in known]
            assert expected == names


def _mappings(value: Any, loc: tuple[int | str, ...]) -> Iterator[tuple[tuple[int | str, ...], list[str]]]:
    """Yield each mapping of a document: its place, and its keys."""
    if isinstance(value, dict):
        yield loc, list(value)
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for step, each in inside:
        yield from _mappings(each, (*loc, step))


@given(
    damaged() | st.text(st.sampled_from("kind: Ownernm\n-#&*{}[]'\"|>?!%@`\t\r\ufeff\u2028é1234567890ab,"), max_size=80)
)
def test_nothing_changes_the_meaning(text: str) -> None:
    """Whatever a file is, its formatted text has the same data and the same comments, and is its own form; or there is an error."""
    made = engine.fmt_text("spec.yaml", text.encode("utf-8", "replace"))
    again = engine.fmt_text("spec.yaml", made.after.encode())
    before, _ = yaml_reader.parse([("", made.before.encode())])
    after, problems = yaml_reader.parse([("", made.after.encode())])

    assert made.after == again.after
    assert made.failed or ([], [d.data for d in before]) == (problems, [d.data for d in after])
