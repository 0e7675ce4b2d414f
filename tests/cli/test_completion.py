"""Completion: what is offered for a command line, and what real shells make of it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys

import pytest

from pty_shell import SRC, Terminal
from sesform.cli import completion
from sesform.cli.completion import Typed
from sesform.cli.formats import FORMATS
from shell import SPECS, Shell

TYPES = ("bounce", "complaint", "delivery")
QUEUE = "{feedback: {subscriptions: [{protocol: sqs, endpoint: 'arn:aws:sqs:eu-west-1:222222222222:q'}]}}"
SUBSCRIPTION = "mailer/eu-west-1/subscription/feedback/sqs/arn:aws:sqs:eu-west-1:222222222222:q"
LISTED = """
import sys
from sesform.cli import main
main(["completion", "fish", "--line", sys.argv[1]])
print(*sorted(sys.modules), file=sys.stderr)
"""


def offered(shell: Shell, line: str, name: str = "fish") -> list[str]:
    """Return the first column of the reply to a shell; [] for nothing, or `files`."""
    result = shell.run("completion", name, "--line", line)
    kind, *lines = result.out.splitlines()

    assert (0, "") == (result.code, result.err)
    return ["files"] if kind == "files" else [each.partition("\t")[0] for each in lines]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("sesform pl", ["plan"]),
        ("sesform sandbox ", ["serve", "reset"]),
        ("sesform sandbox serve --h", ["--host", "--help"]),
        ("sesform --ver", ["--version"]),
        ("sesform completion ", ["bash", "zsh", "fish"]),
        ("sesform plan --allow-m", ["--allow-mass-change"]),
        ("sesform plan --format ", list(map(str, FORMATS["plan"]))),
        ("sesform plan --format=j", ["--format=json"]),
        ("sesform plan --rate ", ["auto", "0"]),
        ("sesform plan --shard a", ["auto"]),
        ("sesform plan --parallelism ", []),
        ("sesform plan --since ", []),
        ("sesform plan ", ["files"]),
        ("sesform plan specs --out ", ["files"]),
        ("sesform plan --out=x", ["files"]),
        ("sesform show ", ["files"]),
        ("sesform plan -- --f", ["files"]),
        ("sesform handover --account ", ["111111111111", "222222222222"]),
        ("sesform frob ", []),
        ("sesform ", None),
    ],
)
def test_commands_options_and_values_are_offered(shell: Shell, line: str, words: list[str] | None) -> None:
    """Commands and options by their beginning; values where an option has some; file names for paths."""
    found = offered(shell, line)

    assert found == words or (words is None and {"plan", "apply", "sandbox", "completion"} <= set(found))


@pytest.mark.parametrize(
    ("incomplete", "words"),
    [
        ("", ["corp/", "mailer/"]),
        ("co", [f"corp/eu-west-1/{type_}/" for type_ in ("notification_headers", "notification_topic")]),
        ("corp/eu-west-1/notification_t", [f"corp/eu-west-1/notification_topic/example.com/{t}" for t in TYPES]),
        ("mailer/eu-west-1/topic/", ["mailer/eu-west-1/topic/feedback"]),
        ("other/", []),
    ],
)
def test_addresses_are_offered_by_their_parts(shell: Shell, incomplete: str, words: list[str]) -> None:
    """Spec names come first; parts with only one continuation are completed at once."""
    assert words == offered(shell, f"sesform plan --only {incomplete}")
    assert [f"--only={word}" for word in words] == offered(shell, f"sesform plan --only={incomplete}")


def test_addresses_are_those_of_the_paths_on_the_line(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths before the cursor replace the default folder; ~ and variables in them have their values."""
    monkeypatch.setenv("HOME", str(shell.folder))
    shell.specs(
        "kind: Delegate\nname: only\naccount: '333333333333'\nregions: [eu-west-1]\ntopics: {a: {}}", "one.yaml"
    )

    for path in ("specs/one.yaml", "~/specs/one.yaml", "$HOME/specs/one.yaml"):
        assert "only/eu-west-1/topic/a" in offered(shell, f"sesform drift {path} --only only/eu-west-1/topic/")


def test_branches_and_tags_are_offered(shell: Shell) -> None:
    """`--since` accepts any ref; those with a name are offered."""
    git = ("git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")
    for arguments in (["init", "-q"], ["commit", "-q", "--allow-empty", "-m", "a"], ["tag", "v1"]):
        subprocess.run([*git, *arguments], check=True)

    assert ["main", "v1"] == offered(shell, "sesform plan --since ")


@pytest.mark.parametrize("text", ["kind: [", "kind: Owner\nname: x", ""])
def test_specs_that_are_not_valid_offer_nothing(shell: Shell, text: str) -> None:
    """A shell can show no error: nothing is printed, and commands are still completed."""
    shell.specs(text)

    assert [] == offered(shell, "sesform plan --only c")
    assert ["plan"] == offered(shell, "sesform pl")


@pytest.mark.parametrize("line", ["sesform plan --form", "sesform plan --only corp/"])
def test_completion_imports_no_client_of_aws(shell: Shell, line: str) -> None:
    """Only values that come from specs load the reader of specs, and nothing loads a client of AWS, rich or the planner."""
    done = subprocess.run(
        [sys.executable, "-c", LISTED, line],
        capture_output=True,
        text=True,
        check=True,
        cwd=shell.folder,
        env={**os.environ, "PYTHONPATH": str(SRC)},
    )
    loaded = set(done.stderr.split())

    assert set() == loaded & {"boto3", "botocore", "rich", "deepdiff", "sesform.aws", "sesform.planning.planner"}
    assert {"--only" in line} == {name in loaded for name in ("yaml", "pydantic", "sesform.engine")}


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("sesform ", Typed([], "")),
        ("sesform plan", Typed([], "plan")),
        ("sesform plan 'a b", Typed(["plan"], "a b", "'")),
        ('sesform plan "a b', Typed(["plan"], "a b", '"')),
        ("sesform plan 'a b' ", Typed(["plan", "a b"], "")),
        ("sesform plan a\\ ", Typed(["plan"], "a ")),
        ("sesform plan a#b", Typed(["plan"], "a#b")),
    ],
)
def test_a_line_is_split_as_a_shell_does(line: str, expected: Typed) -> None:
    """Quotation marks may be open, and blanks may be escaped."""
    assert expected == completion.typed(line)


@pytest.mark.parametrize(
    ("line", "value", "expected"),
    [
        ("sesform plan --only a:b", "a:bc/x", "bc/x"),
        ("sesform plan --only=a", "--only=abc", "abc"),
        ("sesform plan --only 'a:b", "a:bc", "a:bc"),
        ("sesform plan --only ", "$(id)@x.com", "\\$\\(id\\)@x.com"),
        ("sesform plan --only '", "$(id)@x.com", ""),
        ("sesform plan --only ", "a b", "a\\ b"),
    ],
)
def test_bash_gets_the_rest_of_a_word_quoted(line: str, value: str, expected: str) -> None:
    """Bash replaces the part after the last = or :, and a name in a spec cannot become a command."""
    assert expected == completion._for_bash(value, completion.typed(line))


def test_words_that_a_terminal_cannot_show_are_not_offered() -> None:
    """A control character in a name would act on the terminal."""
    assert (("ok", "Fine"),) == completion._listed([("ok", "Fine. And more."), ("a\x1b[2J", ""), ("a\nb", "")])


# --- real shells -------------------------------------------------------------------------------------------------------

# How each shell is started with this file as its settings, and what the file has.
STARTED = {
    "bash": (["bash", "--rcfile", "rc", "-i"], "rc", """eval "$(sesform completion bash)"; PS1='READY> '"""),
    "zsh": (
        ["zsh", "-i"],
        ".zshrc",
        """autoload -Uz compinit; compinit -u; eval "$(sesform completion zsh)"; PS1='READY> '""",
    ),
    "fish": (
        ["fish", "-i"],
        "fish/config.fish",
        "sesform completion fish | source; function fish_prompt; echo -n 'READY> '; end",
    ),
}
LINES = [
    ("sesform pl\t --form\tj\t", "sesform plan --format json"),
    (
        "sesform plan --only co\th\tb\t",
        "sesform plan --only corp/eu-west-1/notification_headers/example.com/bounce",
    ),
    ("sesform plan --only=mailer/eu-west-1/subs\t", f"sesform plan --only={SUBSCRIPTION}"),
    (
        "sesform plan --only mailer/eu-west-1/subscription/feedback/sqs/arn:aws:s\t",
        f"sesform plan --only {SUBSCRIPTION}",
    ),
    ('sesform plan --only "mailer/eu-west-1/subs\t', f"sesform plan --only {SUBSCRIPTION}"),
    ("sesform handover --account 2\t", "sesform handover --account 222222222222"),
    ("sesform validate sp\t", "sesform validate specs"),
    ("sesform plan --out=sp\t", "sesform plan --out=specs"),
]


@pytest.mark.parametrize(
    "name", ["bash", pytest.param("zsh", marks=pytest.mark.long), pytest.param("fish", marks=pytest.mark.long)]
)
def test_a_real_shell_completes_lines(shell: Shell, name: str) -> None:
    """A person types the beginnings and the tab key on a terminal, and the shell has the whole words."""
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    command, file, settings = STARTED[name]
    shell.specs(SPECS.replace("{feedback: {}}", QUEUE))
    program = shell.folder / "bin" / "sesform"
    for path, text in ((shell.folder / file, settings), (program, f'#!/bin/sh\nexec {sys.executable} -m sesform "$@"')):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text + "\n", encoding="utf-8")
    program.chmod(0o755)
    folders = dict.fromkeys(("ZDOTDIR", "XDG_CONFIG_HOME", "XDG_DATA_HOME"), str(shell.folder))
    terminal = Terminal(shell.folder, 200, {"PATH": f"{program.parent}:{os.environ['PATH']}", **folders})
    # Ctrl-A goes to the beginning of the line: the shell prints its words instead of running them.
    keys = [f"{line}\x01echo M''ARK{n} \n" for n, (line, _) in enumerate(LINES)]
    shown = terminal.run(
        command, *zip(["READY> ", *(f"MARK{n} " for n in range(len(LINES)))], [*keys, "exit\n"], strict=True)
    )
    found = {words[0]: " ".join(words[1:]).rstrip("/") for line in shown.lines if (words := line.split())[:1] != []}

    assert [expected for _, expected in LINES] == [found.get(f"MARK{n}", shown.raw) for n in range(len(LINES))]
