"""The formats of CI systems are read by programs that others wrote, and are valid against published schemas."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from ci_tools import node_package, python_with, run
from shell import SPECS, Shell

pytestmark = pytest.mark.long

WRONG = SPECS.replace("eu-west-1", "eu-wst-1", 1) + "  <b>&`%: {}\n"
REPORTS = {
    "invalid": (WRONG, ["validate"]),
    "valid": (SPECS, ["validate"]),
    "routes": (SPECS, ["routes", "--sandbox"]),
    "no specs": (SPECS, ["validate", "nowhere"]),
}
REPORT = pytest.mark.parametrize(("specs", "arguments"), REPORTS.values(), ids=REPORTS)


def written(shell: Shell, specs: str, arguments: list[str], format: str, name: str) -> Path:
    """Return a file with the report of a command, for specs that were applied before."""
    shell.run("apply", "--sandbox", "--auto-approve", "--allow-dark")
    shell.specs(specs)
    file = shell.folder / name
    file.write_text(shell.run(*arguments, "--format", format).out, encoding="utf-8")
    return file


@REPORT
def test_sarif_is_valid_against_the_schema(specs: str, arguments: list[str], shell: Shell) -> None:
    """The schema of SARIF 2.1.0, as Microsoft ships it, accepts the reports."""
    schema = node_package("@microsoft/jest-sarif", "lib/schemas/sarif-2.1.0-rtm.5.json")
    report = written(shell, specs, arguments, "sarif", "report.sarif")

    jsonschema.validate(json.loads(report.read_text()), json.loads(schema.read_text()))


@REPORT
def test_sarif_passes_the_rules_of_code_scanning(specs: str, arguments: list[str], shell: Shell) -> None:
    """Microsoft's multitool has the rules of the format and those of GitHub's code scanning, and reports no violation."""
    tool = node_package("@microsoft/sarif-multitool-linux", "Sarif.Multitool")
    report = written(shell, specs, arguments, "sarif", "report.sarif")
    found = shell.folder / "found.sarif"
    done = run(tool, "validate", report, "--rule-kind", "Sarif;Ghas", "--output", found, "--log", "ForceOverwrite")
    results = json.loads(found.read_text(encoding="utf-8-sig"))["runs"][0].get("results", [])

    assert [] == [(r["ruleId"], r["message"]) for r in results if r.get("level", "warning") in ("error", "warning")], (
        done
    )


@pytest.mark.parametrize(
    ("specs", "arguments", "counts"),
    [
        (WRONG, ["validate"], [1, 1, 0]),
        (SPECS, ["validate"], [1, 0, 0]),
        (SPECS, ["drift", "--sandbox"], [7, 0, 0]),
        (SPECS, ["routes", "--sandbox"], [5, 4, 0]),
        (SPECS, ["drift", "nowhere", "--sandbox"], [1, 0, 1]),
    ],
)
def test_junit_is_read_by_junitparser(specs: str, arguments: list[str], counts: list[int], shell: Shell) -> None:
    """Another program counts the same tests, failures and errors as the report says."""
    python = python_with("junitparser")
    report = written(shell, specs, arguments, "junit", "report.xml")
    program = (
        "import sys, junitparser as j; [s] = j.JUnitXml.fromfile(sys.argv[1]); said = [s.tests, s.failures, s.errors];"
        "s.update_statistics(); print([s.tests, s.failures, s.errors] if said == [s.tests, s.failures, s.errors] else said)"
    )

    assert f"{counts}\n" == run(python, "-c", program, report).stdout
