"""YAML read strictly, with the place of every value, and without ever falling over."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sesform.errors import Problem, UsageError
from sesform.specs import yaml_reader, yaml_scalars
from sesform.specs.document import Document, dotted
from sesform.specs.yaml_reader import MAX_ALIASED_NODES
from sesform.specs.yaml_scalars import MAX_DEPTH


def load(text: str | bytes) -> tuple[list[Document], list[Problem]]:
    Path("s.yaml").write_bytes(text.encode() if isinstance(text, str) else text)
    return yaml_reader.load(["s.yaml"])


def data(text: str) -> Any:
    (document,), problems = load(text)
    assert not problems
    return document.data


def bomb() -> str:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 7)]
    return "\n".join(lines)


def tower() -> str:
    """Nesting of which each anchor holds less than the limit, and the last one far more."""
    lines = ["a0: &a0 " + "[" * 30 + "x" + "]" * 30]
    lines += [f"a{n}: &a{n} " + "[" * 30 + f"*a{n - 1}" + "]" * 30 for n in range(1, 60)]
    return "\n".join(lines)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ("s.yaml:2:1: duplicate key 'a', first in line 1; remove one", "a: 1\na: 2"),
        ("s.yaml:2:4: duplicate key 'b', first in line 1; remove one", "- {b: 1,\n   b: 1}"),
        ("s.yaml:2:1: duplicate key 'a', first in line 1; remove one", "a: 1\n'a': 2"),
        ("s.yaml:1:4: the tag !secret is not supported; quote the value instead", "a: !secret b"),
        ("s.yaml:1:4: the tag tag:yaml.org,2002:int is not supported; quote the value instead", "a: !!int '1'"),
        ("s.yaml:1:4: the tag !x is not supported; remove the tag", "a: !x {b: 1}"),
        ("s.yaml:1:4: the tag !x is not supported; remove the tag", "a: !x [b]"),
        (
            "s.yaml:1:4: the tag tag:yaml.org,2002:python/object/apply:os.system is not supported; remove the tag",
            "a: !!python/object/apply:os.system ['true']",
        ),
        ("s.yaml:2:1: merge keys (<<) are not supported; use `defaults` instead", "a: &a {b: 1}\n<<: *a"),
        ("s.yaml:1:3: a key must be text, not a list or mapping", "? [a]\n: 1"),
        ("s.yaml:1:2: a key must be text, not a list or mapping", "{{a: 1}: 1}"),
        ("s.yaml:1:1: a key must be text", "'': 1"),
        ("s.yaml:1:4: alias *b has no anchor before it", "a: *b"),
        ("s.yaml:1:8: alias *a has no anchor before it", "a: &a [*a]"),
        ("s.yaml:3:4: alias *a has no anchor before it", "&a ~\n---\na: *a"),
        (f"s.yaml:1:{MAX_DEPTH + 1}: is nested deeper than {MAX_DEPTH} levels", "[" * 2000),
        (f"s.yaml:2:39: is nested deeper than {MAX_DEPTH} levels", tower()),
        (f"s.yaml:5:45: aliases repeat more than {MAX_ALIASED_NODES} values; use `defaults` instead", bomb()),
        ("s.yaml:2:1: is not UTF-8 (byte 0xe9); save it as UTF-8", b"a: 1\nb: caf\xe9\n"),
        ("s.yaml:1:1: is not UTF-8 (byte 0xff); save it as UTF-8", "a: 1".encode("utf-16")),
        ("s.yaml:1:1: is not UTF-8 (byte 0xff); save it as UTF-8", b"\xef\xbb\xbfa: \xff"),
        ("s.yaml:2:5: is not YAML: character #x001b is not allowed", "a: 1\nb: x\x1b[31m\n"),
    ],
)
def test_what_is_refused_and_where(expected: str, text: str | bytes) -> None:
    """Each thing that is not supported is one problem, at its line and column, with what to do instead."""
    documents, problems = load(text)

    assert ([], [expected]) == (documents, list(map(str, problems)))


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ((2, 1), "a: [1\nb: 2"),
        ((1, 5), "a: b: c"),
        ((2, 1), "a: 1\n\tb: 2"),
        ((1, 4), "a: 'b"),
        ((1, 4), "a: @b"),
        ((1, 1), "}"),
    ],
)
def test_a_syntax_error_has_its_place(place: tuple[int, int], text: str) -> None:
    """What is no YAML at all is one problem that says where it stops being it."""
    _, (problem,) = load(text)

    assert problem.summary.startswith("is not YAML: ")
    assert problem.line in (place[0], place[0] + 1)
    assert problem.column > 0


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file over the limit is not even parsed."""
    monkeypatch.setattr(yaml_reader, "MAX_BYTES", 1024 * 1024)
    documents, problems = load("a: " + "x" * 1024 * 1024)

    assert documents == []
    assert list(map(str, problems)) == ["s.yaml: is larger than 1 MiB; split it into several files"]


def test_a_file_at_the_limit_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The limit itself is allowed."""
    monkeypatch.setattr(yaml_reader, "MAX_BYTES", 4)

    assert data("a: 1") == {"a": 1}


def test_nesting_up_to_the_limit_is_read() -> None:
    """The deepest nesting that is allowed is read whole."""
    text = "[" * MAX_DEPTH + "]" * MAX_DEPTH

    assert text == str(data(text)).replace(" ", "")


def test_a_mistake_leaves_the_documents_before_it() -> None:
    """Documents that came before a mistake count, so that their own mistakes come out in the same run."""
    documents, problems = load("a: 1\n---\na: [\n")

    assert [d.data for d in documents] == [{"a": 1}]
    assert len(problems) == 1


def test_one_file_with_a_mistake_does_not_hide_the_others() -> None:
    """The mistakes of all files come out in one run."""
    for name in ("a", "b", "c"):
        Path(f"{name}.yaml").write_text("x: 1" if name == "b" else "x: [")

    documents, problems = yaml_reader.load(["a.yaml", "b.yaml", "c.yaml"])

    assert [d.file for d in documents] == ["b.yaml"]
    assert [p.file for p in problems] == ["a.yaml", "c.yaml"]


@pytest.mark.parametrize(
    ("expected", "scalar"),
    [
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("no", "no"),
        ("y", "y"),
        (12, "012"),
        ("1:30", "1:30"),
        ("1_000", "1_000"),
        ("2026-01-01", "2026-01-01"),
        ("=", "="),
        (None, "~"),
        (None, "null"),
        (None, "NULL"),
        (None, ""),
        ("nULL", "nULL"),
        (True, "true"),
        (True, "True"),
        (True, "TRUE"),
        ("tRue", "tRue"),
        (False, "false"),
        (-7, "-7"),
        (7, "+7"),
        (0.5, ".5"),
        (1500.0, "1.5e3"),
        ("1e999", "1e999"),
        ("012", '"012"'),
        ("null", "'null'"),
        ("true", '"true"'),
        ("1", "!!str 1"),
        ("a\nb\n", "|\n  a\n  b\n"),
        ("a b\n", ">\n  a\n  b\n"),
        ("9" * 30, "9" * 30),
    ],
)
def test_a_scalar_means_what_yaml_1_2_says(expected: object, scalar: str) -> None:
    """No word turns into a boolean, and no number into another one, behind the author's back."""
    found = data(f"a: {scalar}")["a"]

    assert (expected, type(expected)) == (found, type(found))


def test_keys_are_text_whatever_they_look_like() -> None:
    """A key keeps its spelling."""
    assert data("on: 1\n012: 2\ntrue: 3\n1.0: 4") == {"on": 1, "012": 2, "true": 3, "1.0": 4}


def test_an_alias_repeats_its_anchor() -> None:
    """Anchors and aliases within reason are fine."""
    assert data("a: &a {x: [1]}\nb: *a") == {"a": {"x": [1]}, "b": {"x": [1]}}


def test_a_byte_order_mark_is_passed_over() -> None:
    """A file that Windows wrote is a file."""
    assert data("\ufeffa: 1") == {"a": 1}


def test_a_file_has_several_documents_and_empty_ones_do_not_count() -> None:
    """Each document of a file counts; one with nothing in it does not."""
    documents, _ = load("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n...\n")

    assert [d.data for d in documents] == [{"a": 1}, {"b": 2}]


def test_every_value_remembers_its_place() -> None:
    """The place of a value is that of its key; of a list's entry its own; of what is missing that of what should hold it."""
    (document,), _ = load("a:\n  b: [1,\n      2]\n  c: x\n")

    assert [
        document.place(loc)
        for loc in (("a",), ("a", "b"), ("a", "b", 0), ("a", "b", 1), ("a", "c"), ("a", "missing"), ())
    ] == [(1, 1), (2, 3), (2, 7), (3, 7), (4, 3), (2, 3), (1, 1)]


def test_the_second_document_counts_lines_from_the_top_of_the_file() -> None:
    """Lines are those of the file, as editors count them."""
    documents, _ = load("a: 1\n---\nb: 2\n")

    assert documents[1].place(("b",)) == (3, 1)


@pytest.mark.parametrize(
    ("expected", "loc"),
    [
        ("", ()),
        ("a", ("a",)),
        ("a.b[0].c", ("a", "b", 0, "c")),
        ("identities.example.com", ("identities", "example.com")),
    ],
)
def test_a_way_reads_as_people_write_it(expected: str, loc: tuple[int | str, ...]) -> None:
    """Keys are joined by dots, positions stand in brackets."""
    assert expected == dotted(loc)


# --- files and folders ---------------------------------------------------------------------------------------------------


def write(*names: str) -> None:
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(f"name: {name}\n")


def names(*paths: str) -> list[str]:
    documents, _ = yaml_reader.load(paths)
    return [d.data["name"] for d in documents]


def test_a_folder_is_searched_through_in_a_fixed_order() -> None:
    """All YAML files below a folder are read, by name, and others are not."""
    write("d/b.yaml", "d/a.yml", "d/sub/sub/c.yaml", "d/notes.txt", "d/b.json")

    assert names("d") == ["d/a.yml", "d/b.yaml", "d/sub/sub/c.yaml"]


def test_hidden_files_and_folders_are_skipped() -> None:
    """What is hidden (.git, editors' leftovers) is no spec."""
    write("d/.git/x.yaml", "d/.hidden.yaml", "d/sub/.x/y.yaml", "d/seen.yaml")

    assert names("d") == ["d/seen.yaml"]


def test_a_folder_that_is_hidden_itself_can_be_named() -> None:
    """What is named outright is read, hidden or not."""
    write(".specs/a.yaml", ".one.yaml")

    assert names(".specs", ".one.yaml") == [".specs/a.yaml", ".one.yaml"]


def test_a_file_that_is_named_needs_no_suffix() -> None:
    """A file that is named outright is read whatever it is called."""
    write("spec.txt")

    assert names("spec.txt") == ["spec.txt"]


def test_a_file_is_read_once_however_often_it_is_named() -> None:
    """A file that is named and found in a folder as well is one file."""
    write("d/a.yaml")

    assert names("d", "d/a.yaml", "./d") == ["d/a.yaml"]


def test_a_missing_path_is_a_usage_error() -> None:
    """A path that does not exist is said to be missing."""
    with pytest.raises(UsageError, match=r"^nowhere: no such file or folder$"):
        yaml_reader.load(["nowhere"])


def test_a_path_that_is_too_long_is_a_usage_error() -> None:
    """A path that the system refuses is told in one line."""
    with pytest.raises(UsageError, match=r"^a{300}: .*name too long$"):
        yaml_reader.load(["a" * 300])


def test_a_folder_without_yaml_is_a_usage_error() -> None:
    """Nothing to read is no empty success."""
    write("d/notes.txt", "e/x.json")

    with pytest.raises(UsageError, match=r"^no YAML file in d, e; the names of specs end in .yaml or .yml$"):
        yaml_reader.load(["d", "e"])


def test_a_hostile_path_is_escaped() -> None:
    """A path cannot act on the terminal that shows it."""
    with pytest.raises(UsageError, match=r"^\\x1b\[31m: no such file or folder$"):
        yaml_reader.load(["\x1b[31m"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_problem() -> None:
    """A file without permission is a problem of that file, not the end of the run."""
    write("a.yaml")
    Path("a.yaml").chmod(0)

    assert list(map(str, yaml_reader.load(["a.yaml"])[1])) == ["a.yaml: cannot be read: Permission denied"]


# --- whatever comes ------------------------------------------------------------------------------------------------------

YAMLISH = st.text("ab:-[]{}&*!|>'\"#%@,?~<. \n\t0\x00\x1b\u2028é\ufeff", max_size=80)


@given(st.binary(max_size=200) | YAMLISH.map(lambda t: t.encode()) | st.text(max_size=80).map(lambda t: t.encode()))
def test_no_bytes_make_it_fall_over(content: bytes) -> None:
    """Whatever a file holds, documents and problems come back, each problem with its file."""
    documents, problems = load(content)

    assert {"s.yaml"} >= {d.file for d in documents} | {p.file for p in problems}
    assert len(problems) <= 1
    assert [d for d in documents if d.data is None] == []


@given(YAMLISH)
def test_a_problem_is_one_safe_line(text: str) -> None:
    """No file can write more than one line into a report, or act on a terminal through it."""
    _, problems = load(text)

    assert [p for p in problems if not str(p).isprintable()] == []


json_like = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**16), 10**16) | st.text("abc ~01:#\"'\n", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("abc ", min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=10,
)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=4), json_like, min_size=1, max_size=3))
def test_json_is_yaml(value: dict[str, object]) -> None:
    """Whatever JSON can say is read as JSON means it."""
    assert value == data(json.dumps(value))


def test_text_that_is_in_no_file_is_read_the_same() -> None:
    """Its problems carry the name that it will have."""
    documents, problems = yaml_reader.parse([("later.yaml", b"a: 1\n---\nb: [")])

    assert [({"a": 1}, "later.yaml")] == [(d.data, d.file) for d in documents]
    assert ["later.yaml"] == [p.file for p in problems]


@pytest.mark.parametrize("scalar", ["1", "1e3", "089999999999", "-1.5", "true", "NULL", "~", ""])
def test_what_is_read_as_something_else_is_no_text(scalar: str) -> None:
    """Numbers, truth values, null."""
    assert not yaml_scalars.is_text(scalar)


@pytest.mark.parametrize("scalar", ["on", "no", "1.2.3", "1e", "0x1f", "1234567890123456789", "tRue"])
def test_what_is_read_as_it_stands_is_text(scalar: str) -> None:
    """YAML 1.1's words and numbers are texts, and so is a number that is too long to be one."""
    assert yaml_scalars.is_text(scalar)
