"""Strict reading of YAML, with the place of every value, and without crashes."""

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
    """Return a document whose anchors are each within the nesting limit, but which exceeds it with its aliases."""
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
def test_unsupported_features_are_problems_at_their_place(expected: str, text: str | bytes) -> None:
    """Each unsupported feature is one problem at its line and column, with the remedy."""
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
    """A syntax error is one problem with its place."""
    _, (problem,) = load(text)

    assert problem.summary.startswith("is not YAML: ")
    assert problem.line in (place[0], place[0] + 1)
    assert problem.column > 0


def test_a_file_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file over the size limit is not parsed."""
    monkeypatch.setattr(yaml_reader, "MAX_BYTES", 1024 * 1024)
    documents, problems = load("a: " + "x" * 1024 * 1024)

    assert documents == []
    assert list(map(str, problems)) == ["s.yaml: is larger than 1 MiB; split it into several files"]


def test_a_file_at_the_limit_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of exactly the size limit is read."""
    monkeypatch.setattr(yaml_reader, "MAX_BYTES", 4)

    assert data("a: 1") == {"a": 1}


def test_nesting_up_to_the_limit_is_read() -> None:
    """A document with the maximum nesting is read completely."""
    text = "[" * MAX_DEPTH + "]" * MAX_DEPTH

    assert text == str(data(text)).replace(" ", "")


def test_documents_before_a_syntax_error_are_read() -> None:
    """Documents before a syntax error are read, so that one run reports their problems too."""
    documents, problems = load("a: 1\n---\na: [\n")

    assert [d.data for d in documents] == [{"a": 1}]
    assert len(problems) == 1


def test_a_file_with_a_syntax_error_does_not_hide_the_others() -> None:
    """One run reports the syntax errors of all files."""
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
    """Plain scalars have the types of YAML 1.2; no word of YAML 1.1 becomes a boolean."""
    found = data(f"a: {scalar}")["a"]

    assert (expected, type(expected)) == (found, type(found))


def test_keys_are_text_whatever_they_look_like() -> None:
    """A key is text with its original spelling."""
    assert data("on: 1\n012: 2\ntrue: 3\n1.0: 4") == {"on": 1, "012": 2, "true": 3, "1.0": 4}


def test_an_alias_repeats_its_anchor() -> None:
    """Anchors and aliases within the limit are read."""
    assert data("a: &a {x: [1]}\nb: *a") == {"a": {"x": [1]}, "b": {"x": [1]}}


def test_a_byte_order_mark_is_ignored() -> None:
    """A byte order mark, as Windows editors write it, is ignored."""
    assert data("\ufeffa: 1") == {"a": 1}


def test_a_file_has_several_documents_and_empty_ones_do_not_count() -> None:
    """Each document of a file is read; empty documents are ignored."""
    documents, _ = load("---\na: 1\n---\n---\n# nothing\n---\nb: 2\n...\n")

    assert [d.data for d in documents] == [{"a": 1}, {"b": 2}]


def test_every_value_remembers_its_place() -> None:
    """The place of a value is that of its key, of a list entry its own, and of a missing value that of its parent."""
    (document,), _ = load("a:\n  b: [1,\n      2]\n  c: x\n")

    assert [
        document.place(loc)
        for loc in (("a",), ("a", "b"), ("a", "b", 0), ("a", "b", 1), ("a", "c"), ("a", "missing"), ())
    ] == [(1, 1), (2, 3), (2, 7), (3, 7), (4, 3), (2, 3), (1, 1)]


def test_the_second_document_counts_lines_from_the_top_of_the_file() -> None:
    """Line numbers count from the start of the file, as in editors."""
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
def test_a_path_has_dots_and_brackets(expected: str, loc: tuple[int | str, ...]) -> None:
    """In a path, dots join keys, and positions have brackets."""
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
    """All YAML files below a folder are read, sorted by name; other files are not."""
    write("d/b.yaml", "d/a.yml", "d/sub/sub/c.yaml", "d/notes.txt", "d/b.json")

    assert names("d") == ["d/a.yml", "d/b.yaml", "d/sub/sub/c.yaml"]


def test_hidden_files_and_folders_are_skipped() -> None:
    """Hidden files and folders, such as .git, are skipped."""
    write("d/.git/x.yaml", "d/.hidden.yaml", "d/sub/.x/y.yaml", "d/seen.yaml")

    assert names("d") == ["d/seen.yaml"]


def test_a_hidden_path_can_be_named() -> None:
    """A hidden path that is given by name is read."""
    write(".specs/a.yaml", ".one.yaml")

    assert names(".specs", ".one.yaml") == [".specs/a.yaml", ".one.yaml"]


def test_a_file_that_is_named_needs_no_suffix() -> None:
    """A file that is given by name is read with any suffix."""
    write("spec.txt")

    assert names("spec.txt") == ["spec.txt"]


def test_a_file_is_read_once_however_often_it_is_named() -> None:
    """A file that is given by name and found in a folder is read once."""
    write("d/a.yaml")

    assert names("d", "d/a.yaml", "./d") == ["d/a.yaml"]


def test_a_missing_path_is_a_usage_error() -> None:
    """A path that does not exist is a usage error."""
    with pytest.raises(UsageError, match=r"^nowhere: no such file or folder$"):
        yaml_reader.load(["nowhere"])


def test_a_path_that_is_too_long_is_a_usage_error() -> None:
    """A path that the system refuses is a usage error of one line."""
    with pytest.raises(UsageError, match=r"^a{300}: .*name too long$"):
        yaml_reader.load(["a" * 300])


def test_a_folder_without_yaml_is_a_usage_error() -> None:
    """Folders without YAML files are a usage error."""
    write("d/notes.txt", "e/x.json")

    with pytest.raises(UsageError, match=r"^no YAML file in d, e; the names of specs end in .yaml or .yml$"):
        yaml_reader.load(["d", "e"])


def test_a_hostile_path_is_escaped() -> None:
    """Control characters of a path are escaped in messages."""
    with pytest.raises(UsageError, match=r"^\\x1b\[31m: no such file or folder$"):
        yaml_reader.load(["\x1b[31m"])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_problem() -> None:
    """A file without read permission is a problem of that file; other files are read."""
    write("a.yaml")
    Path("a.yaml").chmod(0)

    assert list(map(str, yaml_reader.load(["a.yaml"])[1])) == ["a.yaml: cannot be read: Permission denied"]


# --- whatever comes ------------------------------------------------------------------------------------------------------

YAMLISH = st.text("ab:-[]{}&*!|>'\"#%@,?~<. \n\t0\x00\x1b\u2028é\ufeff", max_size=80)


@given(st.binary(max_size=200) | YAMLISH.map(lambda t: t.encode()) | st.text(max_size=80).map(lambda t: t.encode()))
def test_no_content_raises_an_error(content: bytes) -> None:
    """Any content results in documents and problems; each problem has its file."""
    documents, problems = load(content)

    assert {"s.yaml"} >= {d.file for d in documents} | {p.file for p in problems}
    assert len(problems) <= 1
    assert [d for d in documents if d.data is None] == []


@given(YAMLISH)
def test_a_problem_is_one_safe_line(text: str) -> None:
    """Any content results in messages of one line without control characters."""
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
    """Any JSON document has the same meaning as YAML."""
    assert value == data(json.dumps(value))


def test_text_without_a_file_is_read() -> None:
    """Problems of text that is not in a file have the given name."""
    documents, problems = yaml_reader.parse([("later.yaml", b"a: 1\n---\nb: [")])

    assert [({"a": 1}, "later.yaml")] == [(d.data, d.file) for d in documents]
    assert ["later.yaml"] == [p.file for p in problems]


@pytest.mark.parametrize("scalar", ["1", "1e3", "089999999999", "-1.5", "true", "NULL", "~", ""])
def test_scalars_of_other_types_are_no_text(scalar: str) -> None:
    """Numbers, booleans and null need quotes to be text."""
    assert not yaml_scalars.is_text(scalar)


@pytest.mark.parametrize("scalar", ["on", "no", "1.2.3", "1e", "0x1f", "1234567890123456789", "tRue"])
def test_scalars_that_are_read_as_text(scalar: str) -> None:
    """Words and numbers of YAML 1.1, and numbers that are too long, are text."""
    assert yaml_scalars.is_text(scalar)
