"""Problems as SARIF 2.1.0, which GitHub code scanning and editors show at their lines.

Sources: OASIS, "Static Analysis Results Interchange Format (SARIF) Version 2.1.0"; GitHub documentation, "SARIF support for code
scanning", which also has the limits.
"""

from __future__ import annotations

import json
import string
from collections.abc import Sequence
from typing import Any

from sesform import __version__
from sesform.errors import Problem
from sesform.model.values import printable
from sesform.render.findings import identified, of_problems
from sesform.render.rules import PAGE, RULES, rule_of

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
MAX_RESULTS = 5_000  # GitHub keeps no more of a run
_SAFE = frozenset(f"{string.ascii_letters}{string.digits}-._~/")
_NAMES = list(RULES)


def text(command: str, problems: Sequence[Problem]) -> str:
    """Return problems on one line, errors first; the first 5,000, and a notification that counts the rest.

    A problem without a place in a file is a notification too: code scanning shows no result without a file.
    """
    ordered = [each.problem for each in of_problems(problems)]
    placed = [problem for problem in ordered if problem.file]
    notes = [_notification(p.severity, _message(p)) for p in ordered if not p.file]
    results = [_result(*each) for each in identified(placed)[:MAX_RESULTS]]
    if len(placed) > MAX_RESULTS:
        notes.append(_notification("warning", f"{len(placed) - MAX_RESULTS} more problems are not in this report"))
    ran = not any(problem.rule == "run" for problem in ordered)
    run = {
        "tool": {"driver": _driver()},
        "automationDetails": {"id": f"sesform/{command}/"},
        "originalUriBaseIds": {"%SRCROOT%": {"description": {"text": "The root of the repository."}}},
        "invocations": [{"executionSuccessful": ran, "toolExecutionNotifications": notes}],
        "results": results,
        "columnKind": "unicodeCodePoints",
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, separators=(",", ":"))


def _driver() -> dict[str, Any]:
    return {
        "name": "sesform",
        "version": __version__,
        "semanticVersion": __version__,
        "informationUri": "https://github.com/sesform/sesform",
        "rules": [_rule(name) for name in _NAMES],
    }


def _rule(name: str) -> dict[str, Any]:
    rule = RULES[name]
    return {
        "id": name,
        "name": "".join(word.capitalize() for word in rule.title.split()),
        "shortDescription": {"text": f"{rule.title}."},
        "fullDescription": {"text": rule.meaning},
        "help": {"text": rule.help, "markdown": f"{rule.help} [All rules]({PAGE}#rules)."},
        "helpUri": rule.described(name),
        "defaultConfiguration": {"level": rule.level},
        "properties": {"tags": ["ses", "notifications"]},
    }


def _result(of: Problem, fingerprint: str) -> dict[str, Any]:
    name, _ = rule_of(of.rule)
    region = {"startLine": max(of.line, 1), **({"startColumn": of.column} if of.column else {})}
    artifact = {"uri": uri(of.file), "uriBaseId": "%SRCROOT%"}
    location: dict[str, Any] = {"physicalLocation": {"artifactLocation": artifact, "region": region}}
    if of.path:
        location["logicalLocations"] = [{"fullyQualifiedName": printable(of.path), "kind": "resource"}]
    return {
        "ruleId": name,
        "ruleIndex": _NAMES.index(name),
        "level": of.severity,
        "message": {"text": _message(of)},
        "locations": [location],
        "partialFingerprints": {"primaryLocationLineHash": fingerprint, "sesformAddress/v1": fingerprint},
    }


def _message(of: Problem) -> str:
    path = f"{of.path}: " if of.path else ""
    hint = f"; {of.hint}" if of.hint else ""
    return printable(f"{path}{of.summary}{hint}")


def _notification(level: str, message: str) -> dict[str, Any]:
    return {"level": level, "message": {"text": printable(message)}}


def uri(file: str) -> str:
    """Return a relative path as a URI reference, percent-encoded as RFC 3986 says."""
    encoded = file.encode("utf-8", "surrogateescape")
    return "".join(chr(byte) if chr(byte) in _SAFE else f"%{byte:02X}" for byte in encoded)
