"""sesform fmt: which files it changes, what it prints, and its exit codes."""

from __future__ import annotations

import builtins
import io
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from shell import Shell

TIDY = 'kind: Owner\nname: corp\naccount: "111111111111"\nregions: [eu-west-1]\ntopics:\n  feedback: {}\n'
UNTIDY = (
    "name: corp   # the owner\nkind: Owner\naccount: 111111111111\nregions: [eu-west-1]\ntopics:\n    feedback: {}\n"
)
FORMATTED = TIDY.replace("name: corp", "name: corp   # the owner")


@pytest.fixture
def file(shell: Shell) -> Path:
    """The only spec of the folder, which is not formatted."""
    shell.specs(UNTIDY)
    return shell.folder / "specs" / "specs.yaml"


def test_it_formats_the_files_and_names_them(shell: Shell, file: Path) -> None:
    """Files that differ are rewritten and named on stdout, and a second run changes nothing."""
    shell.specs(TIDY.replace("corp", "tidy"), "tidy.yaml")
    first, second = shell.run("fmt"), shell.run("fmt")

    assert (0, "specs/specs.yaml\n") == (first.code, first.out)
    assert "Formatted 1 file; 1 file without changes.\n" == first.err
    assert (0, "", "Nothing to format in 2 files.\n") == (second.code, second.out, second.err)
    assert FORMATTED == file.read_text(encoding="utf-8")


def test_check_changes_no_file(shell: Shell, file: Path) -> None:
    """With --check no file changes: exit code 2 and the files that differ, or 0."""
    differs = shell.run("fmt", "--check")
    before = file.read_text(encoding="utf-8")
    shell.run("fmt")

    assert (2, "specs/specs.yaml\n") == (differs.code, differs.out)
    assert "1 file to format, 0 files without changes. Run `sesform fmt`.\n" == differs.err
    assert UNTIDY == before
    assert (0, "") == (shell.run("fmt", "--check").code, shell.run("fmt", "--check", "-q").err)


def test_diff_prints_the_changes(shell: Shell, file: Path) -> None:
    """With --diff the changes are printed in the form of `diff -u`."""
    result = shell.run("fmt", "--check", "--diff")

    assert 2 == result.code
    assert result.out.startswith("--- specs/specs.yaml\n+++ specs/specs.yaml (formatted)\n@@ ")
    assert '\n-account: 111111111111\n+account: "111111111111"\n' in result.out
    assert UNTIDY == file.read_text(encoding="utf-8")


def test_standard_input_is_formatted_for_editors(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """`-` formats standard input, in UTF-8 whatever the locale; text with an error gives no output."""
    umlaut = UNTIDY.replace("the owner", "die Eigentümerin")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(umlaut.encode()), encoding="ascii"))
    good = shell.run("fmt", "-")
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"kind: ["), encoding="ascii"))
    bad = shell.run("fmt", "-")

    assert (0, FORMATTED.replace("the owner", "die Eigentümerin"), "") == (good.code, good.out, good.err)
    assert (1, "") == (bad.code, bad.out)
    assert bad.err.startswith("<stdin>:2:1: is not YAML")


def test_a_missing_library_is_named(shell: Shell, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without ruamel.yaml the extra to install is named, and no file changes."""
    real: Any = builtins.__import__

    def missing(name: str, *arguments: Any) -> Any:
        if name.partition(".")[0] == "ruamel":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real(name, *arguments)

    for name in [
        n for n in sys.modules if n.startswith(("ruamel", "sesform.specs.formatting", "sesform.engine.formatting"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("sesform.engine.fmt", raising=False)
    monkeypatch.delattr("sesform.specs.formatting", raising=False)
    monkeypatch.setattr(builtins, "__import__", missing)
    result = shell.run("fmt")

    assert (1, "") == (result.code, result.out)
    assert (
        "Error: ruamel.yaml, which sesform fmt needs, is not installed; run `pip install 'sesform[fmt]'`\n"
        == result.err
    )
    assert UNTIDY == file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("kind: Owner\nname: [\n", "specs/bad.yaml:3:1: is not YAML: did not find expected node content"),
        (
            "kind: Owner\n\tname: x\n",
            "specs/bad.yaml:2:1: is not YAML: a tab is not allowed as indentation; use spaces",
        ),
        (
            "base: &b {x: 1}\nkind: Owner\n<<: *b\n",
            "specs/bad.yaml:3:1: merge keys (<<) are not supported; use `defaults` instead",
        ),
        ("kind: Owner\nkind: Owner\n", "specs/bad.yaml:2:1: duplicate key 'kind', first in line 1; remove one"),
        (
            "kind: Owner\nname: !!binary aGk=\n",
            "specs/bad.yaml:2:7: the tag tag:yaml.org,2002:binary is not supported; quote the value instead",
        ),
    ],
)
def test_what_is_not_valid_is_an_error(shell: Shell, file: Path, text: str, error: str) -> None:
    """A file that cannot be read stays as it is, with its error; the other files are formatted."""
    shell.specs(text, "bad.yaml")
    result = shell.run("fmt")

    assert (1, "specs/specs.yaml\n", f"{error}\n") == (result.code, result.out, result.err)
    assert text == (file.parent / "bad.yaml").read_text(encoding="utf-8")
    assert FORMATTED == file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "text",
    [
        "on: push\njobs:   {}\n",
        "- kind:   Owner\n",
        "",
        "# nothing\n",
        f"{UNTIDY}---\nkind:   Deployment\n",
        "kind: [Owner]\nb:   1\n",
    ],
    ids=["workflow", "list", "empty", "comment", "mixed", "strange"],
)
def test_what_is_no_spec_stays_as_it_is(shell: Shell, text: str) -> None:
    """A file with a document that is not a spec is not changed, and said so."""
    shell.specs(text)
    result = shell.run("fmt")

    assert (0, "") == (result.code, result.out)
    assert "specs/specs.yaml is left as it is: it has a document that is not a spec, or none.\n" in result.err
    assert text == (shell.folder / "specs" / "specs.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (UNTIDY.replace("\n", "\r\n").encode(), FORMATTED.encode()),
        (b"\xef\xbb\xbf" + UNTIDY.encode(), FORMATTED.encode()),
        (UNTIDY.rstrip().encode(), FORMATTED.encode()),
        (f"{UNTIDY}---\n{UNTIDY}".encode(), f"{FORMATTED}---\n{FORMATTED}".encode()),
        (f"---\n{UNTIDY}--- # two\n{UNTIDY}".encode(), f"---\n{FORMATTED}--- # two\n{FORMATTED}".encode()),
        (b"kind: Owner\naccount: 012345678901\n", b'kind: Owner\naccount: "012345678901"\n'),
        (
            b"kind: Owner\nidentities: {a.com: {authorize: {222222222222: absent}}}\n",
            b'kind: Owner\nidentities: {a.com: {authorize: {"222222222222": absent}}}\n',
        ),
    ],
    ids=["CRLF", "BOM", "no line end", "two documents", "marks", "leading zero", "key"],
)
def test_forms_of_files(shell: Shell, text: bytes, expected: bytes) -> None:
    """Line ends become LF, a byte order mark goes, each document is formatted, and account numbers get quotes."""
    file = shell.folder / "specs" / "specs.yaml"
    file.write_bytes(text)

    assert 0 == shell.run("fmt").code
    assert expected == file.read_bytes()


def test_numbers_of_a_filter_stay_numbers(shell: Shell) -> None:
    """A filter policy compares numbers: one of twelve digits gets no quotes."""
    text = TIDY.replace("{}", "{subscriptions: [{protocol: sqs, endpoint: x, filter_policy: {a: [111111111111]}}]}")
    shell.specs(text)

    assert "Nothing to format in 1 file.\n" == shell.run("fmt").err


def test_what_cannot_be_kept_is_said(shell: Shell) -> None:
    """Fields are not moved where an alias would lose its anchor, and the layout stays where a comment would be lost."""
    shell.specs("topics: &t {a: {}}\nkind: Owner\nname:   corp\nidentities: {\n  # the domain\n  a.com: *t }\n")
    result = shell.run("fmt")

    assert (0, "") == (result.code, result.out)
    assert (
        "Warning: specs/specs.yaml: the order of the fields is kept: an alias must stay below its anchor\n"
        in result.err
    )
    assert (
        "Warning: specs/specs.yaml: the layout is kept: a comment would be lost, as ruamel.yaml does with those between"
        in result.err
    )


def test_anchors_keep_their_names(shell: Shell) -> None:
    """A file with anchors gets its layout, and the anchors have the names that they had."""
    shell.specs("kind: Owner\nname:   corp\nregions: &all [eu-west-1]\nx: *all\n")
    shell.run("fmt")

    assert (
        "kind: Owner\nname: corp\nregions: &all [eu-west-1]\nx: *all\n"
        == (shell.folder / "specs" / "specs.yaml").read_text()
    )


def test_the_mode_and_the_link_stay(shell: Shell, file: Path) -> None:
    """A file keeps its mode; a symbolic link stays a link, and its target is formatted."""
    target = shell.folder / "target.yaml"
    target.write_text(UNTIDY, encoding="utf-8")
    target.chmod(0o640)
    file.unlink()
    file.symlink_to(target)
    result = shell.run("fmt")

    assert (0, True) == (result.code, file.is_symlink())
    assert (FORMATTED, 0o640) == (target.read_text(encoding="utf-8"), stat.S_IMODE(target.stat().st_mode))
    assert ["specs.yaml"] == [each.name for each in file.parent.iterdir()]


def test_a_read_only_file_is_an_error(shell: Shell, file: Path) -> None:
    """A read-only file stays as it is, also for root; --check reads it."""
    file.chmod(0o444)
    result = shell.run("fmt")

    assert (1, "") == (result.code, result.out)
    assert "specs/specs.yaml: cannot be formatted: the file is read-only; check its permissions\n" in result.err
    assert UNTIDY == file.read_text(encoding="utf-8")
    assert 2 == shell.run("fmt", "--check").code


def test_a_failed_write_leaves_the_file(shell: Shell, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A full disk leaves the file as it was, and no other file beside it."""

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    result = shell.run("fmt")

    assert (1, "") == (result.code, result.out)
    assert "specs/specs.yaml: cannot be formatted: No space left on device" in result.err
    assert (UNTIDY, ["specs.yaml"]) == (file.read_text(encoding="utf-8"), [each.name for each in file.parent.iterdir()])


def test_what_import_writes_is_formatted(shell: Shell) -> None:
    """Specs that `import` writes are in their form already."""
    shell.run("apply", "--sandbox", "--auto-approve", "-q")
    imported = shell.run("import", "--sandbox", "--account", "111111111111", "--region", "eu-west-1")
    shell.specs(imported.out)

    assert 0 == imported.code
    assert (0, "Nothing to format in 1 file.\n") == (shell.run("fmt").code, shell.run("fmt").err)
