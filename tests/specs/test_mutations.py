"""Property tests: a damaged spec is an error with its place, or a valid spec, and never a traceback."""

from __future__ import annotations

from collections.abc import Iterable

from hypothesis import example, given
from hypothesis import strategies as st

from damaged import RICH, SPECS, damaged
from sesform.engine.specs import compile_text
from sesform.errors import Problem, SpecError

TWICE = """
kind: Owner
name: x
account: "111111111111"
regions: [eu-west-1]
---
kind: Owner
name: x
account: "111111111111"
regions: [eu-west-1]
ownership_tags: true
topics: {t: {}}
identities: {example.com: {notifications: {bounce: t}}}
"""


def problems(text: str) -> tuple[Problem, ...]:
    """Return the errors of specs, none if they are valid."""
    try:
        compile_text(text, "specs.yaml")
    except SpecError as error:
        return error.problems
    return ()


def without_a_place(found: Iterable[Problem]) -> list[str]:
    return [str(p) for p in found if p.file != "specs.yaml" or p.line < 1 or "\n" in str(p)]


@given(damaged())
@example(TWICE)
def test_specs_with_changed_values_are_valid_or_an_error_with_a_place(text: str) -> None:
    """A spec with deleted, exchanged or copied values is valid or has errors with their lines."""
    assert [] == without_a_place(problems(text))


@given(st.sampled_from([RICH, *SPECS]), st.data())
def test_specs_with_changed_characters_are_valid_or_an_error_with_a_place(text: str, data: st.DataObject) -> None:
    """A spec with deleted or inserted characters is valid or has errors with their lines."""
    for _ in range(data.draw(st.integers(1, 3))):
        start = data.draw(st.integers(0, len(text)))
        inserted = data.draw(
            st.sampled_from(["", "\t", ":", "- ", "{", "]", "'", '"', "&a ", "*a", "!x ", "\0", "é", "\n", "---\n"])
        )
        text = text[:start] + inserted + text[start + data.draw(st.integers(0, 6)) :]
    assert [] == without_a_place(problems(text))
