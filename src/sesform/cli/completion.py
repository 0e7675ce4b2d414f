"""What a shell offers for an incomplete command line. The scripts in `shells` ask for it with `sesform completion SHELL --line`."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import typer

_SAFE = re.compile(r"[^A-Za-z0-9_@%+=:,./-]")  # what is not literal in an unquoted word of a shell
_MAX_HELP = 76  # characters


class ShellName(StrEnum):
    bash = "bash"
    zsh = "zsh"
    fish = "fish"


class Typed(NamedTuple):
    """A command line up to the cursor: the words before the incomplete one, and that one, with the quotation mark that is open."""

    words: list[str]
    incomplete: str
    quote: str = ""


class Offered(NamedTuple):
    """What can follow, as words that replace the incomplete one, each with its meaning. `files`: a file name can."""

    words: tuple[tuple[str, str], ...] = ()
    files: bool = False


def script(shell: ShellName) -> str:
    """Return the script that sets up completion in a shell."""
    return (Path(__file__).parent / "shells" / f"sesform.{shell}").read_text(encoding="utf-8")


def answer(shell: str, line: str = "") -> str:
    """Return what the script of a shell reads: `files` or `words`, then a line for each word."""
    from typer.main import get_command

    from sesform.cli.app import app

    here = typed(line)
    offered = offers(get_command(app), here)
    if offered.files:
        return "files\n"
    words = (_for_bash(v, here) for v, _ in offered.words) if shell == "bash" else map("\t".join, offered.words)
    return "".join(f"{word}\n" for word in ("words", *words) if word)


def typed(line: str) -> Typed:
    """Split a command line up to the cursor as a shell does. Its first word is the program."""
    lexer: Any = shlex.shlex(line, posix=True)
    lexer.whitespace_split, lexer.commenters = True, ""
    words: list[str] = []
    try:
        words.extend(lexer)
    except ValueError:  # a quotation mark is open, or the line ends with a backslash
        return Typed(words[1:], lexer.token or "", lexer.state if lexer.state in ("'", '"') else "")
    blank = line[-1:].isspace() and not line.endswith("\\ ")
    return Typed(words[1:], "") if blank or not words else Typed(words[1:-1], words[-1])


def offers(root: Any, line: Typed) -> Offered:
    """Return what can follow in a command line of the group `root`."""
    command, words = _command(root, line.words)
    if command is None:
        return Offered()
    given = _given(command, words)
    context = typer.Context(command, resilient_parsing=True)
    context.params["paths"] = given.arguments
    option, incomplete = given.option, line.incomplete
    before = ""
    if incomplete.startswith("-") and option is None and not given.ended:
        name, equals, value = incomplete.partition("=")
        option = _options(command).get(name) if equals else None
        if option is None:
            return Offered(_listed((item.value, item.help) for item in command.shell_complete(context, incomplete)))
        before, incomplete = name + equals, value
    if hasattr(command, "commands"):
        known = command.commands.items()
        return Offered(_listed((name, each.help) for name, each in known if name.startswith(incomplete)))
    parameter = option or _next_argument(command, len(given.arguments))
    if parameter is None:
        return Offered()
    found = _listed((item.value, item.help) for item in parameter.shell_complete(context, incomplete))
    if not found and re.search("FILE|PATH", parameter.metavar or ""):
        return Offered(files=True)
    return Offered(tuple((before + value, meaning) for value, meaning in found))


def _command(root: Any, words: list[str]) -> tuple[Any, list[str]]:
    """Return the command that the words name, None for an unknown one, and the words that follow it."""
    command, rest = root, list(words)
    while hasattr(command, "commands"):
        position = next((n for n, word in enumerate(rest) if not word.startswith("-")), None)
        if position is None:
            break
        command, rest = command.commands.get(rest[position]), rest[position + 1 :]
    return command, rest


class _Given(NamedTuple):
    """The words after a command. `option`: the one whose value comes next. `ended`: whether `--` has ended the options."""

    arguments: list[str]
    option: Any
    ended: bool


def _given(command: Any, words: list[str]) -> _Given:
    options, arguments, option, ended = _options(command), list[str](), None, False
    for word in words:
        if option is not None:
            option = None
        elif ended or not word.startswith("-"):
            arguments.append(word)
        elif word == "--":
            ended = True
        else:
            option = options.get(word)
    return _Given(arguments, option, ended)


def _options(command: Any) -> dict[str, Any]:
    """Return the options of a command that have values, by each of their spellings."""
    valued = (p for p in command.params if p.param_type_name == "option" and not p.is_flag and not p.hidden)
    return {name: p for p in valued for name in p.opts}


def _next_argument(command: Any, number: int) -> Any:
    """Return the argument at a position; None if the command has no more."""
    arguments = [p for p in command.params if p.param_type_name == "argument"]
    if arguments and arguments[-1].nargs == -1:
        number = min(number, len(arguments) - 1)
    return arguments[number] if number < len(arguments) else None


def _listed(items: Iterable[tuple[str, str | None]]) -> tuple[tuple[str, str], ...]:
    """Return values with the first sentence of their help, without those that a terminal cannot show."""
    return tuple((value, _cut(" ".join((text or "").split()))) for value, text in items if value.isprintable())


def _cut(text: str) -> str:
    text = re.split(r"[.;] ", text + " ")[0].rstrip()
    return text if len(text) <= _MAX_HELP else text[: _MAX_HELP - 3].rstrip() + "..."


def _for_bash(value: str, line: Typed) -> str:
    """Return the part of a value that bash puts in the place of the incomplete word, quoted; "" for none.

    Bash splits unquoted words at = and : and completes only the last piece. In quotation marks it completes the whole, and a value
    with characters that have a meaning there is not offered.
    """
    if line.quote:
        return "" if _SAFE.search(value.replace(" ", "")) else value
    done = max(line.incomplete.rfind(mark) for mark in "=:") + 1
    return _SAFE.sub(r"\\\g<0>", value[done:])


def addresses(context: typer.Context, incomplete: str) -> list[str]:
    """Return the addresses of the specs that begin so, up to the next slash. [] if the specs are not valid."""
    known = [a for a in _addresses(context) if a.startswith(incomplete)]
    found = incomplete
    while True:
        parts = sorted({_up_to_slash(a, len(found)) for a in known})
        if len(parts) != 1 or not parts[0].endswith("/") or parts[0] in known:
            return parts
        found = parts[0]


def _up_to_slash(address: str, start: int) -> str:
    end = address.find("/", start)
    return address if end < 0 else address[: end + 1]


def accounts(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    """Return the accounts of the specs with the names of their specs; [] if the specs are not valid."""
    found: dict[str, list[str]] = {}
    for name, access in _specs(context).items():
        found.setdefault(access.account, []).append(name)
    return [(account, ", ".join(names)) for account, names in sorted(found.items())]


def _addresses(context: typer.Context) -> list[str]:
    desired = _compiled(context)
    return [str(address) for address in desired.declared] if desired else []


def _specs(context: typer.Context) -> Any:
    desired = _compiled(context)
    return desired.access if desired else {}


def _compiled(context: typer.Context) -> Any:
    """Return what the specs on the command line declare; None if they are not valid, because a shell can show no error."""
    from os.path import expandvars

    from sesform import engine
    from sesform.errors import SesformError

    paths = [Path(expandvars(path)).expanduser() for path in context.params.get("paths") or ("specs",)]
    try:
        return engine.compile_specs(paths)
    except (SesformError, OSError):
        return None


def refs(context: typer.Context, incomplete: str) -> list[str]:
    """Return the branches and tags of the git repository; [] without one."""
    from sesform.errors import SesformError
    from sesform.specs import git_reader

    try:
        return git_reader.refs()
    except SesformError:
        return []


def rates(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    return [("auto", "begin with 1 and find out what AWS accepts"), ("0", "no pacing")]


def shards(context: typer.Context, incomplete: str) -> list[tuple[str, str]]:
    return [("auto", "the part of this job of Kubernetes, AWS Batch or GitLab")]
