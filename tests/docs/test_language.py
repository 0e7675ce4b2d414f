"""Refuse phrasings that are hard to understand, in pages and in the texts of the code. CONTRIBUTING.md has the rules."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

import transcripts

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"
TESTS = ROOT / "tests"

# Below src/: packages whose strings and docstrings are held to the list.
CLEAN = ("sesform", "sesform_sandbox")

# Files beside the pages whose comments and messages are held to the same.
OTHER_FILES = (
    "Makefile",
    ".github/**/*.yml",
    "demo/*",
    "demo/**/*.yaml",
    "bench/*.py",
    "docs/*.py",
    "specs/*.yaml",
    "examples/**/*.yaml",
    "examples/**/*.yml",
    "examples/**/*.config",
    "examples/drift/**/*.py",
)

# A pattern, and what to write instead.
UNCLEAR = {
    r"\b(nobody|somebody|anybody)(['’]s)?\b": "name the actor, or use the passive voice",
    r"\bfor want of\b": "because … is missing",
    r"\banew\b": "again",
    r"\bbe (they|it|he)\b": "whether … or …",
    r"\b(is|are|stands?) there (twice|once|without)\b": "is duplicated",
    r"\b(let|lets|letting) (it |them |nothing |something |anyone )?(new )?(in|out)\b": "allow",
    r"\b(was|were|been|is|are) let (in|out)\b": "allowed",
    r"\blets? go of\b": "stop managing",
    r"(?<!there )\b(is|are) (?-i:none)\b": "does not exist, is not one",
    r"\bof whose\b": "which has … that",
    r"\bspoken of\b|\bspeaks? of\b": "declared",
    r"\b(is|are|was|were|be) to (be (absent|gone|deleted|removed)|go)\b": "must not exist; is planned for deletion",
    r"\bso that it is to be\b": "planned for deletion",
    r"\b(what|whatever) (left|has left|leaves|is there|comes there|differs|exists|no spec names)\b": "name the resources",
    r"\bwho (uses|gets|hears|loses) (it|them|what|which)\b": "users, receivers",
    r"\bstands? in the way\b": "problem found before any write",
    r"\bbusiness here\b": "not managed",
    r"\bis no way\b": "do not",
    r"\bletter by letter\b|\bto the letter\b": "exactly, case-sensitive",
    r"\bstumbled? over\b": "an error",
    r"\bforgets? it\b": "deletes it",
    r"\bfor a moment hold\b": "temporarily have",
    r"\bcannot say it\b|\bhas? no words for\b|\bhave no words for\b": "not supported in specs",
    r"\bthe truth about\b": "the outcome of",
    r"\bparted at\b|\bhas gone on since\b": "merge base, lacks commits",
    r"\bwas not asked\b": "no AWS calls were made",
    r"\b(go|goes) over\b": "is handed over",
    r"\bhas it otherwise\b": "AWS has …",
    r"\bas far as\b": "for … that",
    r"\b(and|,) is lost\b": "will be lost until …",
    r"\b(AWS|SES|SNS|IAM|KMS|STS|GitHub|Terraform|topic|set|option|command|plan|specs?) takes? "
    r"(no|none|only|its|one|each|it|them|the|a (?!while)|any|two|ten|neither|either|nothing|other)\b": "accepts; the quota is",
    r"\btakes no\b": "accepts no",
    r"\bneither asked for again\b": "not requested again",
    r"\b0 well\b": "0 success",
    r"(?<!sesform-)\bstand-in\b": "temporary replacement",
}


def unclear(text: str) -> list[str]:
    """Return what is wrong with a text: each phrase, with what to write instead."""
    found = []
    flat = re.sub(r"\s+", " ", text)
    for pattern, instead in UNCLEAR.items():
        for match in re.finditer(pattern, flat, re.IGNORECASE):
            around = flat[max(0, match.start() - 40) : match.end() + 40]
            found.append(f"{match[0]!r} in …{around}…: write {instead}")
    return found


def prose(page: Path) -> str:
    """Return the text of a page without outputs and generated tables: the code is the source of those."""
    text = re.sub(
        r"<!-- generated: .*?<!-- end of generated -->", "", page.read_text(encoding="utf-8"), flags=re.DOTALL
    )
    return re.sub(r"^ *(`{3,})console.*?^ *\1$", "", text, flags=re.MULTILINE | re.DOTALL)


def texts(source: str) -> Iterator[str]:
    """Yield every string of a module: messages, templates and docstrings."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(v.value) if isinstance(v, ast.Constant) else "…" for v in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _others() -> list[Path]:
    found = {file for pattern in OTHER_FILES for file in ROOT.glob(pattern) if file.is_file()}
    return sorted(file for file in found if file.suffix != ".md")


def _clean() -> list[Path]:
    found = [SOURCE / name for name in CLEAN]
    return sorted(file for path in found for file in ([path] if path.is_file() else path.rglob("*.py")))


@pytest.mark.parametrize("page", transcripts.pages(), ids=_name)
def test_pages_are_plain_english(page: Path) -> None:
    """No page has a phrasing of the list outside of recorded outputs."""
    assert unclear(prose(page)) == []


@pytest.mark.parametrize("file", _others(), ids=_name)
def test_comments_and_scripts_are_plain_english(file: Path) -> None:
    """Specs, workflows, scripts and the Makefile are read like pages."""
    source = file.read_text(encoding="utf-8")
    lines = [*texts(source), *re.findall(r"#.*", source)] if file.suffix == ".py" else [source]
    assert [problem for text in lines for problem in unclear(text)] == []


@pytest.mark.parametrize("file", _clean(), ids=_name)
def test_texts_of_the_code_are_plain_english(file: Path) -> None:
    """The strings and docstrings of the packages in CLEAN have no phrasing of the list."""
    assert [problem for text in texts(file.read_text(encoding="utf-8")) for problem in unclear(text)] == []


@pytest.mark.parametrize("file", sorted(TESTS.rglob("*.py")), ids=_name)
def test_tests_are_described_in_plain_english(file: Path) -> None:
    """Docstrings, comments and function names of tests have no phrasing of the list; expected texts are not part of this."""
    source = file.read_text(encoding="utf-8")
    comments = [] if file == Path(__file__) else _comments(source)
    assert [problem for text in (*_described(source), *comments) for problem in unclear(text)] == []


def _comments(source: str) -> Iterator[str]:
    """Return the comments of a module, including those at the end of a line of code."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return (token.string for token in tokens if token.type == tokenize.COMMENT)


def _described(source: str) -> Iterator[str]:
    """Yield the docstrings of a module, and the names of its functions as words."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
            yield ast.get_docstring(node) or ""
        if isinstance(node, ast.FunctionDef):
            yield node.name.replace("_", " ")


def test_every_clean_package_exists() -> None:
    """CLEAN names files and folders that exist."""
    assert [name for name in CLEAN if not (SOURCE / name).exists()] == []


@pytest.mark.parametrize(
    "text",
    [
        "declared once and spoken of no more, so that it is to be absent",
        "moves to topic T, of whose subscriptions none is confirmed: what comes there until one is, is lost",
        "What stands in the way of a plan, told before anything is written",
        "Their options are nobody's business here",
        "What is there twice without saying more, is there once",
        "0 well, 1 not, 2 differs",
        "the subscription is to be gone",
        "To delete the resources without blocks is no way",
        "an address, letter by letter",
        "neither asked for again nor stumbled over: SNS does not let it go, and forgets it",
        "set S would for a moment hold 11 event destinations, SES takes 10",
        "left out, because the specs cannot say it",
        "… and the truth about every one",
        "main has gone on since HEAD and it parted at X; what was added there looks as if it had left",
        "3 problems in the specs; AWS was not asked.",
        "5 of Terraform's resources go over, 2 stay",
        "because specs/owner.yaml:23 says false, and AWS has it otherwise",
        "as far as some spec's account and region is theirs",
        "for want of a topic",
        "the next apply asks anew",
        "all identities, be they named or not",
        "a region is there twice",
        "what was let in for an account",
        "an external topic takes no other settings",
    ],
)
def test_unclear_phrasings_are_found(text: str) -> None:
    """The list finds each of these."""
    assert unclear(text) != []


def test_plain_phrasings_pass() -> None:
    """The list does not refuse ordinary sentences."""
    plain = "Apply takes ten seconds. It takes about 15 minutes. The policy allows SES. No plan is refused."
    assert unclear(plain) == []
