"""The real yaml-language-server, which editors run, with the JSON Schema of the specs: diagnostics, completion, hover."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
CORPUS = Path(__file__).parent / "corpus"
SERVER = (
    ROOT / "build" / "yaml-language-server" / "node_modules" / "yaml-language-server" / "bin" / "yaml-language-server"
)
SCHEMA = (ROOT / "docs" / "sesform.schema.json").as_uri()
HEAD = 'kind: Owner\nname: corp\naccount: "111111111111"\nregions: [eu-west-1]\n'

pytestmark = pytest.mark.long


class LanguageServer:
    """A server that speaks the Language Server Protocol over its standard input and output."""

    def __init__(self, node: str, program: Path) -> None:
        self._process = subprocess.Popen(
            [node, str(program), "--stdio"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        )
        self._id = 0
        self._diagnostics: dict[str, list[Any]] = {}
        self.request("initialize", {"processId": None, "rootUri": None, "capabilities": {}})
        self.notify("initialized", {})
        yaml = {"schemas": {SCHEMA: "*.yaml"}, "validate": True, "completion": True, "hover": True}
        self._settings = {"yaml": yaml}
        self.notify("workspace/didChangeConfiguration", {"settings": self._settings})

    def notify(self, method: str, params: Any) -> None:
        self._send({"method": method, "params": params})

    def request(self, method: str, params: Any) -> Any:
        self._id += 1
        wanted = self._id
        self._send({"id": wanted, "method": method, "params": params})
        while (message := self._receive()).get("id") != wanted or "method" in message:
            self._handle(message)
        return message.get("result")

    def open(self, name: str, text: str) -> str:
        uri = f"file:///specs/{name}.yaml"
        document = {"uri": uri, "languageId": "yaml", "version": 1, "text": text}
        self.notify("textDocument/didOpen", {"textDocument": document})
        return uri

    def diagnostics(self, name: str, text: str) -> list[str]:
        """Return the messages that an editor shows in a document."""
        uri = self.open(name, text)
        while uri not in self._diagnostics:
            self._handle(self._receive())
        return [each["message"] for each in self._diagnostics[uri]]

    def complete(self, name: str, text: str) -> dict[str, str]:
        """Return what is offered at the end of a text: by label, what accepting it inserts."""
        position = {"line": text.count("\n"), "character": len(text.rpartition("\n")[2])}
        uri = self.open(name, text)
        found = self.request("textDocument/completion", {"textDocument": {"uri": uri}, "position": position})
        return {each["label"]: each.get("insertText") or each["textEdit"]["newText"] for each in found["items"]}

    def hover(self, name: str, text: str, word: str) -> str:
        """Return what is shown over the first occurrence of a word."""
        before = text.partition(word)[0]
        position = {"line": before.count("\n"), "character": len(before.rpartition("\n")[2]) + 1}
        uri = self.open(name, text)
        found = self.request("textDocument/hover", {"textDocument": {"uri": uri}, "position": position})
        return str(found["contents"]["value"] if found else "")

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate()

    def _send(self, message: dict[str, Any]) -> None:
        body = json.dumps({"jsonrpc": "2.0", **message}).encode()
        assert self._process.stdin is not None
        self._process.stdin.write(f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        self._process.stdin.flush()

    def _receive(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        length = 0
        while (line := self._process.stdout.readline().strip()) != b"":
            if line.lower().startswith(b"content-length:"):
                length = int(line.partition(b":")[2])
        assert length, "the language server has ended"
        message: dict[str, Any] = json.loads(self._process.stdout.read(length))
        return message

    def _handle(self, message: dict[str, Any]) -> None:
        if message.get("method") == "textDocument/publishDiagnostics":
            self._diagnostics[message["params"]["uri"]] = message["params"]["diagnostics"]
        elif message.get("method") == "workspace/configuration":
            sections = [item.get("section") for item in message["params"]["items"]]
            self._send({"id": message["id"], "result": [self._settings.get(section, {}) for section in sections]})
        elif "id" in message and "method" in message:
            self._send({"id": message["id"], "result": None})


@pytest.fixture(scope="module")
def server() -> Iterator[LanguageServer]:
    node = shutil.which("node")
    program = Path(os.environ.get("YAML_LANGUAGE_SERVER", SERVER))
    if node is None or not program.exists():
        pytest.skip("yaml-language-server is not installed: `make test-long` installs it with npm")
    started = LanguageServer(node, program)
    yield started
    started.stop()


def corpus(folder: str) -> list[Any]:
    return [pytest.param(file, id=file.stem) for file in sorted((CORPUS / folder).glob("*.yaml"))]


@pytest.mark.parametrize("file", [*corpus("good"), *corpus("beyond")])
def test_valid_specs_have_no_diagnostics(server: LanguageServer, file: Path) -> None:
    """An editor marks nothing in a spec that has no error of form."""
    assert [] == server.diagnostics(f"valid-{file.stem}", file.read_text(encoding="utf-8"))


@pytest.mark.parametrize("file", corpus("bad"))
def test_wrong_specs_have_diagnostics(server: LanguageServer, file: Path) -> None:
    """An editor marks each error of form."""
    assert [] != server.diagnostics(f"wrong-{file.stem}", file.read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {"kind", "name", "account", "regions", "topics", "identities", "configuration_sets"}),
        (HEAD, {"topics", "identities", "configuration_sets", "credentials", "defaults"}),
        (HEAD + "topics:\n  t:\n    ", {"display_name", "kms_key", "publishers", "subscriptions", "policy"}),
        (HEAD + "identities:\n  example.com:\n    ", {"notifications", "feedback_forwarding", "authorize"}),
        (HEAD + "identities:\n  example.com:\n    notifications:\n      ", {"bounce", "complaint", "delivery"}),
        (
            HEAD + "configuration_sets:\n  main:\n    event_destinations:\n      d:\n        ",
            {"events", "sns", "enabled"},
        ),
    ],
    ids=["empty", "top", "topic", "identity", "notifications", "destination"],
)
def test_the_fields_of_each_place_are_offered(server: LanguageServer, text: str, expected: set[str]) -> None:
    """Completion offers the fields of the place, at the top and inside."""
    offered = server.complete(f"offered-{abs(hash(text))}", text)

    assert expected - offered.keys() == set()


def test_no_completion_inserts_null(server: LanguageServer) -> None:
    """Accepting `bounce` does not clear its topic."""
    places = ("topics:\n  t:\n    ", "identities:\n  a.com:\n    ", "identities:\n  a.com:\n    notifications:\n      ")
    inserted = [server.complete(f"null-{n}", HEAD + place) for n, place in enumerate(places)]

    assert [] == [text for each in inserted for text in each.values() if "null" in text]


def test_examples_are_offered_as_they_are_written(server: LanguageServer) -> None:
    """Completion inserts the example of a field, to be typed over, and offers those of its value."""
    destination = "configuration_sets:\n  main:\n    event_destinations:\n      d:\n        "
    places = (
        "",
        destination,
        "identities:\n  a.com:\n    ",
        "identities:\n  a.com:\n    notifications:\n      bounce: ",
    )
    offered = [server.complete(f"example-{n}", HEAD + place) for n, place in enumerate(places)]

    assert (
        "topics: \n  ${1:feedback}:\n    ${2:display_name}: ${3:SES feedback}\n  ${4:old}: ${5:absent}\n"
        == offered[0]["topics"]
    )
    assert {"feedback", "acme-mailer/feedback", "unmanaged"} <= offered[-1].keys()
    assert [] == [text for each in offered for pair in each.items() for text in pair if "[object" in text]


@pytest.mark.parametrize(
    ("text", "word", "expected"),
    [
        (HEAD + "topics: {t: {kms_key: alias/k}}\n", "kms_key", "encrypts the topic"),
        (HEAD + "identities:\n  example.com:\n    feedback_forwarding: false\n", "feedback_forwarding", "mail"),
        (HEAD + "topics: {t: {publishers: []}}\n", "publishers", "another organization"),
        (
            HEAD + "topics: {t: {publishers: []}}\n",
            "publishers",
            "arn:aws:ses:eu-west-1:444444444444:identity/partner.example",
        ),
    ],
)
def test_descriptions_are_shown(server: LanguageServer, text: str, word: str, expected: str) -> None:
    """Hover shows the description of a field."""
    assert expected in server.hover(f"hover-{word}", text, word)
