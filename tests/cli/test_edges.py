"""The edges of the commands: what the machine refuses is one line on stderr and exit code 1, never a traceback."""

from __future__ import annotations

import errno
import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sesform.apply import saved_plan
from sesform.cli import main
from sesform.errors import UsageError
from shell import Shell

WITHOUT_MOTO = "import sys; sys.modules['moto'] = None; from sesform.cli import main; sys.exit(main(sys.argv[1:]))"


@pytest.mark.parametrize("arguments", [("plan", "--sandbox"), ("sandbox", "serve", "--port", "0")])
def test_the_sandbox_without_its_extra_says_what_to_install(shell: Shell, arguments: tuple[str, ...]) -> None:
    """Without the packages of the extra, the sandbox names the command that installs them."""
    done = subprocess.run([sys.executable, "-c", WITHOUT_MOTO, *arguments], capture_output=True, text=True, check=False)

    assert (1, "") == (done.returncode, done.stdout)
    assert "Error: the sandbox is not installed; run `pip install 'sesform[sandbox]'`\n" == done.stderr


def test_a_port_that_is_in_use_is_an_error(shell: Shell) -> None:
    """`sandbox serve` names the port that it cannot listen on."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = shell.run("sandbox", "serve", "--port", str(port))

    assert (1, "") == (result.code, result.out)
    assert f"Error: cannot listen on --host 127.0.0.1 --port {port}: Address already in use. " in result.err


@pytest.mark.parametrize("error", [socket.gaierror(socket.EAI_NONAME, "Name or service not known"), UnicodeError()])
def test_a_host_that_has_no_address_is_an_error(
    shell: Shell, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    """`sandbox serve` names the host that it cannot listen on."""

    def refuse(*_: Any) -> None:
        raise error

    monkeypatch.setattr(socket.socket, "bind", refuse)
    result = shell.run("sandbox", "serve", "--host", "nosuchhost.invalid", "--port", "0")

    assert (1, "") == (result.code, result.out)
    assert result.err.startswith("Error: cannot listen on --host nosuchhost.invalid --port 0: ")
    assert 1 == result.err.count("\n")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EMFILE, errno.ENAMETOOLONG, errno.ENOENT])
def test_errors_of_the_operating_system_are_one_line(shell: Shell, monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    """An error of the operating system that no command expects is one line with the file."""

    def refuse(*_: Any) -> None:
        raise OSError(code, os.strerror(code), "specs/x.yaml")

    monkeypatch.setattr("sesform.engine.validate", refuse)
    result = shell.run("validate")

    assert (1, "") == (result.code, result.out)
    hint = "check the path, its permissions and the free space"
    assert f"Error: specs/x.yaml: {os.strerror(code)}; {hint}\n" == result.err


def test_faults_of_sesform_keep_their_traceback(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception that is a bug is not hidden: its traceback is needed to mend it."""

    def fail(*_: Any) -> None:
        raise KeyError("x")

    monkeypatch.setattr("sesform.engine.validate", fail)
    with pytest.raises(KeyError):
        main(["validate"])


def test_two_specs_of_one_name_are_an_error(shell: Shell) -> None:
    """Two specs of one name are an error at the second one, whatever each declares."""
    head = 'kind: Owner\nname: x\naccount: "111111111111"\nregions: [eu-west-1]\n'
    shell.specs(f"{head}---\n{head}topics: {{t: {{}}}}\nidentities: {{a.com: {{notifications: {{bounce: u}}}}}}\n")
    result = shell.run("validate")

    lines = result.err.splitlines()
    assert 1 == result.code
    assert (
        "specs/specs.yaml:7:1: name: spec 'x' is already declared at specs/specs.yaml:2; give each spec a unique name"
        in lines
    )
    assert any("unknown topic 'u'" in line for line in lines)


# --- files that are written --------------------------------------------------------------------------------------------


class DiskFull:
    """A stream on a full disk."""

    def __enter__(self) -> DiskFull:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def write(self, text: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_a_plan_that_cannot_be_written_leaves_nothing_behind(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """A failed --out leaves neither a part of the plan nor a temporary file, and keeps an earlier plan."""
    Path("p.json").write_text("earlier", encoding="utf-8")
    before = sorted(p.name for p in shell.folder.iterdir())

    def full(handle: int, *_: Any, **__: Any) -> DiskFull:
        os.close(handle)
        return DiskFull()

    monkeypatch.setattr("os.fdopen", full)
    with pytest.raises(UsageError, match="No space left on device"):
        saved_plan.save(Path("p.json"), {})

    assert before == sorted(p.name for p in shell.folder.iterdir())
    assert "earlier" == Path("p.json").read_text(encoding="utf-8")


def test_an_out_that_is_a_folder_leaves_nothing_behind(shell: Shell) -> None:
    """--out with the name of a folder is an error, and no file is left."""
    Path("out").mkdir()
    result = shell.run("plan", "--sandbox", "--out", "out")

    assert 1 == result.code
    assert "Error: out: cannot be written: Is a directory" in result.err
    assert [] == list(Path("out").iterdir())
    assert [] == list(shell.folder.glob(".out.*"))


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        (("plan", "--sandbox", "--out", "-"), "`sesform plan --format json > FILE`"),
        (("import", "--terraform", "state.json", "--removed", "-"), "the blocks are printed after the specs"),
    ],
)
def test_a_dash_is_not_the_name_of_a_file(shell: Shell, arguments: tuple[str, ...], hint: str) -> None:
    """Options that write a file refuse `-` before any call, and say how to write to standard output."""
    result = shell.run(*arguments)

    assert (1, "") == (result.code, result.out)
    assert "'-' is not the name of a file" in result.err
    assert hint in result.err
    assert not Path("-").exists()


def test_a_plan_on_stdout_can_be_applied(shell: Shell) -> None:
    """`plan --format json > FILE` writes the file that `--out FILE` writes."""
    Path("p.json").write_text(shell.run("plan", "--sandbox", "--format", "json").out, encoding="utf-8")

    assert 0 == shell.run("apply", "--sandbox", "--plan", "p.json").code


# --- words of Terraform ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("plan", "-out=p"), "No such option: -out; write --out FILE"),
        (("plan", "-out", "p"), "No such option: -out; write --out FILE"),
        (("validate", "-json"), "No such option: -json; write --format json"),
        (("validate", "--json"), "No such option: --json; write --format json"),
        (("plan", "-detailed-exitcode"), "No such option: -detailed-exitcode; write --detailed-exitcode"),
        (("apply", "-auto-approve"), "No such option: -auto-approve; write --auto-approve"),
        (("plan", "-target=x"), "No such option: -target; write --only GLOB; a pattern matches addresses"),
        (("plan", "-destroy"), "No such option: -destroy; use `sesform destroy`"),
        (("plan", "-refresh-only"), "No such option: -refresh-only; use `sesform drift`"),
        (("plan", "-var", "a=b"), "No such option: -var; specs have no variables"),
        (("apply", "-parallelism=3"), "No such option: -parallelism; write --parallelism N"),
        (("init",), "No such command 'init'; sesform needs no initialization; start with `sesform plan`"),
        (("plan", "-x"), "No such option: -x; see `sesform --help`"),
    ],
)
def test_options_of_terraform_have_a_hint(shell: Shell, arguments: tuple[str, ...], expected: str) -> None:
    """An option or a command of Terraform is an error that says what to write in its place."""
    result = shell.run(*arguments)

    assert (1, f"Error: {expected}\n") == (result.code, result.err)


def test_the_hint_is_in_json_too(shell: Shell) -> None:
    """With --format json a wrong option is a problem in the document of the command."""
    document = json.loads(shell.run("validate", "--format", "json", "-detailed-exitcode").out)

    assert ["No such option: -detailed-exitcode"] == [p["summary"] for p in document["problems"]]


# --- what is probably meant --------------------------------------------------------------------------------------------

HEAD = 'kind: Owner\nname: corp\naccount: "111111111111"\nregions: [eu-west-1]\n'
DELEGATE_HEAD = HEAD.replace("Owner", "Delegate")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{HEAD}topics:\n\tt: {{}}\n", "6:1: is not YAML: a tab is not allowed as indentation; use spaces"),
        (f"{HEAD}topics:\n  t:\n  \tname: x\n", "is not YAML: a tab is not allowed as indentation; use spaces"),
        (f"{DELEGATE_HEAD}identities: {{}}\n", "unknown key 'identities'; it belongs to a spec of `kind: Owner`"),
        (f"{DELEGATE_HEAD}defaults: {{}}\n", "unknown key 'defaults'; it belongs to a spec of `kind: Owner`"),
        (
            f"{HEAD}cross_account_notifications: {{}}\n",
            "unknown key 'cross_account_notifications'; it belongs to a spec of `kind: Delegate`",
        ),
        (f"{HEAD}identities: {{a.com: {{notifications: {{BOUNCE: t}}}}}}\n", "'BOUNCE'; did you mean 'bounce'?"),
        (f"{HEAD}Topics: {{}}\n", "unknown key 'Topics'; did you mean 'topics'?"),
        (
            f"{HEAD}configuration_sets: {{m: {{event_destinations: {{d: {{events: [Bounce], sns: t}}}}}}}}\n",
            "did you mean 'bounce'?",
        ),
        (HEAD.replace("Owner", "OWNER"), "unknown kind 'OWNER'; did you mean 'Owner'?"),
        (HEAD.replace("eu-west-1", "eu-west-9"), "'eu-west-9' is not a region of SES; did you mean 'eu-west-"),
        (HEAD.replace("eu-west-1", "us-east"), "'us-east' is not the name of an AWS region"),
        (
            f"{HEAD}identities: {{a.com: {{authorize: {{cognito-idp.amazonaws.com: {{}}}}}}}}\n",
            "unknown delegate 'cognito-idp.amazonaws.com'; declare an AWS service under `policies`",
        ),
    ],
)
def test_errors_say_what_is_probably_meant(shell: Shell, text: str, expected: str) -> None:
    """A common mistake is an error with its place and what to write."""
    shell.specs(text)
    result = shell.run("validate")

    assert 1 == result.code
    assert expected in result.err.splitlines()[0]


@pytest.mark.parametrize("command", [("destroy", "--auto-approve"), ("plan",), ("validate",)])
def test_a_plan_that_is_given_as_a_spec_is_explained(shell: Shell, command: tuple[str, ...]) -> None:
    """The error of a saved plan says to use --plan; a binary plan of Terraform is named as such."""
    sandbox = () if command == ("validate",) else ("--sandbox",)
    assert 0 == shell.run("plan", "--sandbox", "--out", "saved.tfplan").code
    Path("binary.tfplan").write_bytes(b"PK\x03\x04\x14")
    saved, binary = (shell.run(*command, *sandbox, f"{name}.tfplan") for name in ("saved", "binary"))

    assert (1, 1) == (saved.code, binary.code)
    assert "is a plan or a state, and not a spec; apply a saved plan with `sesform apply --plan FILE`" in saved.err
    assert "is a zip file, such as a plan of Terraform, and not a spec" in binary.err


WITHOUT_READER = """\
import io, os, sys
read, write = os.pipe()
os.close(read)
sys.stdout = io.TextIOWrapper(os.fdopen(write, "wb"))
from sesform.cli import main
code = main(sys.argv[1:])
os._exit(code)
"""


@pytest.mark.parametrize("format", ["json", "github"])
def test_the_document_of_an_error_without_a_reader_leaves_no_traceback(shell: Shell, format: str) -> None:
    """The reader of stdout may be gone before an error is printed there."""
    Path("specs").mkdir(exist_ok=True)
    Path("specs/bad.yaml").write_text("kind: Owner\n", encoding="utf-8")
    command = [sys.executable, "-c", WITHOUT_READER, "validate", "--format", format]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (1, "") == (done.returncode, done.stderr)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("format", ["text", "json", "github"])
def test_a_full_disk_behind_stdout_is_an_error_of_one_line(shell: Shell, format: str) -> None:
    """What cannot be written to stdout is an error on stderr, also if the error has a document on stdout."""
    command = [sys.executable, "-m", "sesform", "plan", "--sandbox", "-q", "--format", format]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)

    assert 1 == done.returncode
    assert "Error: No space left on device" in done.stderr
    assert "Traceback" not in done.stderr
