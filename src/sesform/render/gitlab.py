"""Reports of GitLab: the counts of a plan, and code quality.

Sources: GitLab documentation, "Terraform integration in merge requests" and "Code Quality".
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from sesform.errors import Problem
from sesform.model.values import printable
from sesform.planning.plan import Plan
from sesform.render.findings import identified, of_problems
from sesform.render.rules import rule_of

MAX_COUNT = 999_999  # GitLab refuses more
MAX_ISSUES = 5_000
_SEVERITIES = {"error": "major", "warning": "minor"}


def terraform_report(of: Plan) -> str:
    """Return the counts of a plan for the widget of a merge request. A replacement counts as a creation and a deletion."""
    counts = of.summary
    return json.dumps({name: min(counts[name], MAX_COUNT) for name in ("create", "update", "delete")})


def code_quality(problems: Iterable[Problem]) -> str:
    """Return problems as a code quality report, errors first; the first 5,000, and one entry that counts the rest."""
    found = identified([each.problem for each in of_problems(problems)])
    issues = [_issue(problem, fingerprint) for problem, fingerprint in found[:MAX_ISSUES]]
    rest = len(found) - len(issues)
    if rest:
        text = f"{rest} more problems are not in this report"
        issues.append(_entry(text, "run", f"{'0' * 32}:1", "info", ".", 1))
    return json.dumps(issues, separators=(",", ":"))


def _issue(of: Problem, fingerprint: str) -> dict[str, object]:
    name, _ = rule_of(of.rule)
    path = f"{of.path}: " if of.path else ""
    hint = f"; {of.hint}" if of.hint else ""
    severity = _SEVERITIES[of.severity]
    return _entry(f"{path}{of.summary}{hint}", name, fingerprint, severity, of.file or ".", of.line or 1)


def _entry(text: str, name: str, fingerprint: str, severity: str, file: str, line: int) -> dict[str, object]:
    return {
        "description": printable(text),
        "check_name": name,
        "fingerprint": fingerprint,
        "severity": severity,
        "location": {"path": printable(file), "lines": {"begin": line}},
    }
