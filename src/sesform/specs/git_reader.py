"""Read spec files as they were at a git ref. The only module that runs git, or any program.

Nothing is checked out, and nothing in the repository or its working tree changes. Environment variables such as GIT_DIR mean what
they mean to git.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from sesform.errors import UsageError
from sesform.model.values import printable
from sesform.specs.yaml_reader import MAX_BYTES, is_listed

_LINK = "120000"  # the mode of symbolic links
# How `git cat-file --batch --follow-symlinks` reports a link that leads to no file.
_NOWHERE = (b"missing", b"dangling", b"loop", b"notdir")


class Entry(NamedTuple):
    """A file in a commit: its mode, its object, and its path from the top of the repository."""

    mode: str
    object: str
    size: int
    path: str


class SpecsAtRef(NamedTuple):
    """The specs of some paths at a ref: the commit, the paths that existed there, and the files as (name, content).

    `parted`: the merge base of HEAD and the commit, "" if it is the commit itself or not known.
    """

    commit: str
    paths: tuple[str | Path, ...]
    files: tuple[tuple[str, bytes], ...]
    parted: str = ""


def read(ref: str, paths: Sequence[str | Path]) -> SpecsAtRef:
    """Return the spec files of these paths, relative to the current folder, at `ref`. Their names are `ref:path`.

    Raises UsageError if there is no git, no repository or no such ref; for a path outside of the repository or inside another one;
    and for files that a sparse checkout excludes, because their resources would look removed.
    """
    top = Path(
        os.fsdecode(_git("rev-parse", "--show-toplevel", failure="--since needs a git repository").rstrip(b"\n"))
    )
    commit = _commit(ref)
    found: dict[str, Entry] = {}
    there: list[str | Path] = []
    for path in paths:
        inside = _inside(top, path)
        _check_checked_out(top, inside)
        listed = [e for e in _listed(commit, inside) if _is_read(e.path, inside)]
        found.update({e.path: e for e in listed})
        there += [path] if listed else []
    return SpecsAtRef(commit, tuple(there), tuple(_contents(ref, commit, list(found.values()))), _parted(commit))


def _commit(ref: str) -> str:
    if not ref or ref.startswith("-"):
        raise UsageError(f"--since {printable(ref)!r} is not a git ref; name a branch, a tag or a commit")
    done = _run("rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")
    if done.returncode == 0:
        return done.stdout.decode().strip()
    hint = "correct the name, or fetch it"
    if not ref.strip("0"):
        hint = "it consists of zeros only, which stands for no commit"
    elif _run("rev-parse", "--is-shallow-repository").stdout.strip() == b"true":
        hint = "this clone is shallow; fetch its history (`git fetch --unshallow`; actions/checkout: `fetch-depth: 0`)"
    raise UsageError(f"--since {printable(ref)!r} is not a commit of this repository; {hint}")


def _parted(commit: str) -> str:
    done = _run("merge-base", commit, "HEAD")  # fails without a HEAD, or without a merge base
    base = done.stdout.decode().strip()
    return base if done.returncode == 0 and base != commit else ""


def _inside(top: Path, path: str | Path) -> str:
    """Return the path from the top of the repository; "" for the top itself."""
    inside = Path(path).resolve()
    if not inside.is_relative_to(top.resolve()):
        raise UsageError(
            f"{printable(str(path))} is outside of the git repository {printable(str(top))}; --since cannot read it"
        )
    for folder in (inside, *inside.parents):
        if folder == top.resolve():
            break
        if (folder / ".git").exists():
            raise UsageError(
                f"{printable(str(path))} is in another git repository, {printable(str(folder))}; run sesform there"
            )
    text = inside.relative_to(top.resolve()).as_posix()
    return "" if text == "." else text


def _is_read(path: str, inside: str) -> bool:
    """Whether a file is read when this path is named. Both are relative to the top of the repository."""
    return path == inside or is_listed(PurePosixPath(path[len(inside) :].lstrip("/")))


def _check_checked_out(top: Path, inside: str) -> None:
    """Raise UsageError for a spec file of the repository that the working tree excludes."""
    # git-ls-files: names are relative to the current folder; S means "skip-worktree". Outside of the tree git prints nothing.
    done = _run("ls-files", "-t", "-z", "--full-name", "--", os.path.relpath(top.resolve() / inside))
    for line in done.stdout.split(b"\0"):
        path = os.fsdecode(line[2:])
        if line.startswith(b"S ") and _is_read(path, inside) and not (top / path).exists():
            raise UsageError(
                f"{printable(path)} is not checked out; its resources would look removed; "
                "check it out (`git sparse-checkout disable`)"
            )


def _listed(commit: str, inside: str) -> Iterator[Entry]:
    """Yield the files of the commit at this path or under it."""
    where = ("--", inside) if inside else ()
    for line in _git("ls-tree", "-r", "-z", "-l", "--full-tree", commit, *where).split(b"\0"):
        if line:
            facts, _, path = line.partition(b"\t")
            mode, kind, name, size = facts.decode().split()
            if kind == "commit":
                raise UsageError(
                    f"{printable(os.fsdecode(path))} is a submodule, which --since does not read; run sesform in the submodule"
                )
            if kind == "blob":
                yield Entry(mode, name, int(size), os.fsdecode(path))


def _contents(ref: str, commit: str, entries: Sequence[Entry]) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of each file. Links are followed within the commit; broken links are skipped."""
    for entry in entries:
        if entry.size > MAX_BYTES or "\n" in entry.path:
            what = "is larger than a spec may be" if entry.size > MAX_BYTES else "has a line break in its name"
            raise UsageError(f"{printable(f'{ref}:{entry.path}')} {what}; name a ref at which the specs were valid")
    asked = [f"{commit}:{e.path}" if e.mode == _LINK else e.object for e in entries]
    answer = _git("cat-file", "--batch", "--follow-symlinks", feed=os.fsencode("".join(f"{a}\n" for a in asked)))
    place = 0
    for entry in entries:
        end = answer.index(b"\n", place)
        words = answer[place:end].split()
        name = f"{ref}:{entry.path}"
        if words[-1] == b"missing":
            place = end + 1
            continue
        size = int(words[-1])
        content, place = answer[end + 1 : end + 1 + size], end + 2 + size
        if words[0] == b"symlink":
            raise UsageError(f"{printable(name)} is a link out of the repository; --since cannot follow it")
        if words[0] not in _NOWHERE and words[1] == b"blob":
            yield name, content


def refs() -> list[str]:
    """Return the names of branches and tags. Raises UsageError if there is no git or no repository."""
    listed = _git("for-each-ref", "--format=%(refname:short)", "refs/heads", "refs/remotes", "refs/tags")
    return os.fsdecode(listed).splitlines()


def _git(*arguments: str, feed: bytes = b"", failure: str = "--since cannot read the repository") -> bytes:
    done = _run(*arguments, feed=feed)
    if done.returncode != 0:
        said = done.stderr.decode("utf-8", "replace").strip().splitlines()
        raise UsageError(
            f"{failure}: git says {printable(said[0] if said else f'nothing, and exits with {done.returncode}')!r}"
        )
    return done.stdout


def _run(*arguments: str, feed: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    # Paths are names, not patterns; messages are not translated.
    environment = {**os.environ, "GIT_LITERAL_PATHSPECS": "1", "LC_ALL": "C"}
    try:
        return subprocess.run(("git", *arguments), input=feed, capture_output=True, env=environment, check=False)
    except FileNotFoundError:
        raise UsageError("--since needs git; install it, or add it to the PATH") from None
