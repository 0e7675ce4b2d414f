"""`--format` for CI systems: what commands print, what they write for GitHub, and that no exit code changes."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from render.test_ci_formats import commands, output_values
from shell import SPECS, Result, Shell

ROOT = Path(__file__).parents[2]
WRONG = SPECS.replace("eu-west-1", "eu-wst-1", 1)
CASES = {
    "valid": (["validate"], 0),
    "plan": (["plan", "--sandbox"], 0),
    "changes": (["plan", "--sandbox", "--detailed-exitcode"], 2),
    "drift": (["drift", "--sandbox"], 2),
    "gaps": (["routes", "--sandbox"], 0),
    "apply": (["apply", "--sandbox", "--auto-approve", "--allow-dark"], 0),
}
COMMANDS = pytest.mark.parametrize(("arguments", "code"), CASES.values(), ids=CASES)


@pytest.fixture
def runner(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the files that GitHub's runner names."""
    folder = tmp_path / "runner"
    folder.mkdir()
    monkeypatch.setenv("GITHUB_OUTPUT", str(folder / "output"))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(folder / "summary"))
    return folder


def outputs(runner: Path) -> dict[str, str]:
    return output_values((runner / "output").read_text(encoding="utf-8"))


def shown(result: Result) -> list[Any]:
    """Return the workflow commands outside of what `stop-commands` covers."""
    open_ = re.sub(r"^::stop-commands::(\w+)\n.*?^::\1::\n", "", result.out, flags=re.DOTALL | re.MULTILINE)
    return commands(open_)


# --- GitHub ------------------------------------------------------------------------------------------------------------


@COMMANDS
def test_github_changes_no_exit_code(arguments: list[str], code: int, shell: Shell, runner: Path) -> None:
    """The format for GitHub gives every command the exit code that it has otherwise, and writes it as a step output."""
    result = shell.run(*arguments, "--format", "github")

    assert code == result.code
    assert str(code) == outputs(runner)["exitcode"]
    assert (runner / "summary").read_text(encoding="utf-8").startswith("### ")


def test_a_plan_has_its_counts_as_step_outputs(shell: Shell, runner: Path) -> None:
    """Later steps can ask for the numbers of a plan."""
    shell.run("plan", "--sandbox", "--format", "github")
    expected = {"has-changes": "true", "create": "7", "update": "0", "delete": "0", "exitcode": "0"}

    assert expected == outputs(runner)


def test_a_plan_without_changes_says_so(shell: Shell, runner: Path) -> None:
    """`has-changes` is false once everything is applied."""
    shell.run("apply", "--sandbox", "--auto-approve", "--allow-dark")
    result = shell.run("plan", "--sandbox", "--format", "github")

    assert ("false", "0") == (outputs(runner)["has-changes"], outputs(runner)["create"])
    assert [] == [each for each in shown(result) if each.name == "notice"]


def test_changes_are_annotated_at_their_declaration(shell: Shell, runner: Path) -> None:
    """A change has the file and line of the spec that declares it."""
    found = shown(shell.run("plan", "--sandbox", "--format", "github"))
    bounce = next(
        each for each in found if each.message.startswith("corp/eu-west-1/notification_topic/example.com/bounce")
    )

    assert ("specs/specs.yaml", "9") == (bounce.properties["file"], bounce.properties["line"])
    assert "      bounce:" == SPECS.splitlines()[8][:13]


def test_errors_of_specs_are_annotated(shell: Shell, runner: Path) -> None:
    """An invalid spec is an annotation at its line, and an item of the summary."""
    shell.specs(WRONG)
    for arguments in (["validate"], ["plan", "--sandbox"]):
        result = shell.run(*arguments, "--format", "github")
        [found] = shown(result)

        assert (1, "error", "5") == (result.code, found.name, found.properties["line"])
    assert "### 1 error\n\n- **Error:** specs/specs.yaml:5: regions" in (runner / "summary").read_text(encoding="utf-8")
    assert "1" == outputs(runner)["exitcode"]


def test_a_refused_plan_is_an_error_and_is_shown(shell: Shell, runner: Path) -> None:
    """A guard that refuses is an annotation, and stands in the summary before the plan."""
    entry = "cross_account_notifications:\n  arn:aws:ses:eu-west-1:333333333333:identity/partner.example: {bounce: feedback}\n"
    shell.specs(SPECS + entry)
    result = shell.run("plan", "--sandbox", "--format", "github")
    summary = (runner / "summary").read_text(encoding="utf-8")

    assert (1, "error") == (result.code, shown(result)[0].name)
    assert summary.startswith("### This plan cannot be applied\n\n- **Error:** the plan creates a cross-account entry")
    assert "### Plan: 8 to add, 0 to change, 0 to destroy" in summary
    assert ("8", "1") == (outputs(runner)["create"], outputs(runner)["exitcode"])


def test_paths_are_relative_to_the_repository(shell: Shell, runner: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """GitHub finds a file by its path from the root of the repository, wherever the command runs."""
    shell.specs(WRONG)
    (shell.folder / ".git").mkdir()
    monkeypatch.chdir(shell.folder / "specs")
    [found] = shown(shell.run("validate", "specs.yaml", "--format", "github"))
    [issue] = json.loads(shell.run("validate", "specs.yaml", "--format", "codequality").out)

    assert "specs/specs.yaml" == found.properties["file"] == issue["location"]["path"]


@COMMANDS
def test_without_the_files_of_the_runner_it_says_so(
    arguments: list[str], code: int, shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Outside of GitHub the annotations are printed, and the rest is left out with a message."""
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        monkeypatch.delenv(name, raising=False)
    result = shell.run(*arguments, "--format", "github")

    assert code == result.code
    assert "GITHUB_OUTPUT is not set, so the step outputs are not written." in result.err
    assert "GITHUB_STEP_SUMMARY is not set, so the step summary is not written." in result.err


@pytest.mark.parametrize("name", ["runner", "missing/output"])
@COMMANDS
def test_a_file_that_cannot_be_written_is_a_warning(
    arguments: list[str], code: int, name: str, shell: Shell, runner: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder, or a path that does not exist, changes nothing but adds a warning."""
    monkeypatch.setenv("GITHUB_OUTPUT", str(shell.folder / name))
    result = shell.run(*arguments, "--format", "github")

    assert code == result.code
    assert re.search("Warning: GITHUB_OUTPUT: .*; the step outputs could not be written.", result.err)


def test_a_full_summary_is_left_as_it_is(shell: Shell, runner: Path) -> None:
    """GitHub refuses a summary of more than 1 MiB as a whole, so nothing is added that would pass it."""
    (runner / "summary").write_text("x" * (1024 * 1024 - 10))
    result = shell.run("plan", "--sandbox", "--format", "github")

    assert (0, 1024 * 1024 - 10) == (result.code, (runner / "summary").stat().st_size)
    assert "Warning: the step summary would have more than 1048576 bytes" in result.err


def test_a_huge_plan_fits_a_comment(shell: Shell, runner: Path) -> None:
    """The summary of 1,500 changes has fewer characters than a comment may have, and ten annotations."""
    topics = "".join(f"  topic-{n}: {{display_name: {'x' * 50}}}\n" for n in range(1500))
    shell.specs('kind: Owner\nname: big\naccount: "111111111111"\nregions: [eu-west-1]\ntopics:\n' + topics)
    result = shell.run("plan", "--sandbox", "--format", "github")

    assert 10 == len(shown(result))
    assert "Not annotated: 1490 changes." in result.out
    assert len((runner / "summary").read_text(encoding="utf-8")) < 65_536
    assert "1500" == outputs(runner)["create"]


def test_hostile_names_are_inert_in_the_log(shell: Shell, runner: Path) -> None:
    """A display name that looks like a command of GitHub or Azure is text, in every format and on stderr."""
    for name in ("%0A::error::x", "##[add-mask]x", "##vso[task.complete]", "]]>&<x>"):
        shell.specs(SPECS.replace("{feedback: {}}", f"{{feedback: {{display_name: '{name}'}}}}"))
        for format in ("text", "github", "markdown"):
            result = shell.run("plan", "--sandbox", "--format", format)
            assert 0 == result.code
            assert not re.search(r"##(vso)?\[|^::error::x", result.out + result.err, re.MULTILINE)
        assert {"notice"} == {each.name for each in shown(shell.run("plan", "--sandbox", "--format", "github"))}
        ElementTree.fromstring(shell.run("drift", "--sandbox", "--format", "junit").out)


def test_a_file_named_like_a_command_begins_no_line(shell: Shell, runner: Path) -> None:
    """The name of a file is chosen by whoever opens a pull request."""
    (shell.folder / "::stop-commands::x.yaml").write_text("kind: Nothing\n")
    for format in ("text", "github"):
        result = shell.run("validate", "::stop-commands::x.yaml", "--format", format)
        lines = [*result.err.splitlines(), *result.out.splitlines()]

        assert 1 == result.code
        assert [] == [line for line in lines if line.startswith("::") and not line.startswith("::error file=")]


# --- reports -----------------------------------------------------------------------------------------------------------


def test_gitlab_reads_the_counts_of_a_plan(shell: Shell) -> None:
    """Plan, drift and a saved plan have the same report for the widget of a merge request."""
    shell.run("plan", "--sandbox", "--out", "saved.json")
    expected = {"create": 7, "update": 0, "delete": 0}
    for arguments in (["plan", "--sandbox"], ["drift", "--sandbox"], ["show", "saved.json"]):
        assert expected == json.loads(shell.run(*arguments, "--format", "gitlab").out)


def test_a_plan_with_errors_has_no_counts(shell: Shell) -> None:
    """GitLab shows that a report is missing rather than a plan without changes."""
    shell.specs(WRONG)
    result = shell.run("plan", "--sandbox", "--format", "gitlab")

    assert (1, "") == (result.code, result.out)


@pytest.mark.parametrize("command", ["validate", "routes --sandbox"])
def test_reports_of_invalid_specs_are_complete(command: str, shell: Shell) -> None:
    """A run that fails writes a report of the usual form with the error in it."""
    shell.specs(WRONG)
    reports = {f: shell.run(*command.split(), "--format", f) for f in ("junit", "sarif", "codequality")}

    assert {1} == {result.code for result in reports.values()}
    [case] = ElementTree.fromstring(reports["junit"].out).iter("testcase")
    assert "is not a region of SES" in "".join(case.itertext())
    [result] = json.loads(reports["sarif"].out)["runs"][0]["results"]
    assert ("schema", 5) == (result["ruleId"], result["locations"][0]["physicalLocation"]["region"]["startLine"])
    [issue] = json.loads(reports["codequality"].out)
    assert ("schema", 5) == (issue["check_name"], issue["location"]["lines"]["begin"])


def test_gaps_are_findings_at_their_declaration(shell: Shell) -> None:
    """A topic without a subscription is a finding of the identity that uses it, at its line in the specs."""
    shell.run("apply", "--sandbox", "--auto-approve", "--allow-dark")
    result = shell.run("routes", "--sandbox", "--format", "codequality")
    found = {(i["check_name"], i["location"]["path"], i["location"]["lines"]["begin"]) for i in json.loads(result.out)}

    assert 2 == result.code
    assert ("not-received", "specs/specs.yaml", 9) in found


def test_a_failure_without_specs_is_a_report(shell: Shell) -> None:
    """Wrong paths and other errors before a result are in the reports too."""
    junit = shell.run("drift", "nowhere", "--sandbox", "--format", "junit")
    sarif = shell.run("validate", "nowhere", "--format", "sarif")

    assert (1, 1) == (junit.code, sarif.code)
    assert 1 == len(list(ElementTree.fromstring(junit.out).iter("error")))
    assert not json.loads(sarif.out)["runs"][0]["invocations"][0]["executionSuccessful"]


def test_joined_parts_have_these_formats_too(shell: Shell, runner: Path) -> None:
    """`merge` writes the report of all parts; a format that their command does not have is refused."""
    for part in ("1", "2"):
        for command in ("validate", "plan --sandbox", "drift --sandbox", "routes --sandbox"):
            out = shell.run(*command.split(), "--shard", f"{part}/2", "--format", "json").out
            (shell.folder / f"{command.split()[0]}-{part}.json").write_text(out, encoding="utf-8")

    def merged(command: str, format: str) -> Result:
        return shell.run("merge", f"{command}-1.json", f"{command}-2.json", "--format", format)

    assert [] == json.loads(merged("validate", "codequality").out)
    assert {"create": 7, "update": 0, "delete": 0} == json.loads(merged("plan", "gitlab").out)
    assert (2, "7") == (merged("drift", "github").code, outputs(runner)["create"])
    assert "2" == outputs(runner)["exitcode"]
    assert merged("routes", "junit").out.startswith("<?xml")
    refused = merged("plan", "sarif")
    assert (1, True) == (refused.code, "--format sarif is not a format of plan" in refused.err)


@pytest.mark.parametrize(("command", "format"), [("plan", "sarif"), ("validate", "gitlab"), ("apply", "junit")])
def test_a_format_that_a_command_lacks_is_refused(command: str, format: str, shell: Shell) -> None:
    """The error names the formats that there are."""
    result = shell.run(command, "--format", format)

    assert 1 == result.code
    assert f"'{format}' is not one of 'text', 'json', 'markdown', '" in result.err


# --- the problem matcher -------------------------------------------------------------------------------------------------


def test_the_problem_matcher_matches_the_output_of_validate(shell: Shell) -> None:
    """GitHub's runner turns every error and warning of `validate` into an annotation, and no other line."""
    twice = SPECS.replace("kind: Owner", "kind: Owner\nzzz: 1") + "  other: {unknown: 1}\n"
    shell.specs(twice)
    [matcher] = json.loads((ROOT / "problem-matcher.json").read_text(encoding="utf-8"))["problemMatcher"]
    [pattern] = matcher["pattern"]
    error_lines = shell.run("validate").err.splitlines()
    lines = [*error_lines, "Warning: specs/specs.yaml:7:3: a: b"]
    found = [match for line in lines if (match := re.match(pattern["regexp"], line))]
    fields = [{k: match[n] for k, n in pattern.items() if k != "regexp"} for match in found]

    assert ("sesform", "error") == (matcher["owner"], matcher["severity"])
    assert len(error_lines) == len(found)  # all but the count of errors, and the warning
    assert {"specs/specs.yaml"} == {each["file"] for each in fields}
    assert ["Warning"] == [each["severity"] for each in fields if each["severity"]]
    assert all(each["line"].isdigit() and each["column"].isdigit() and each["message"] for each in fields)
