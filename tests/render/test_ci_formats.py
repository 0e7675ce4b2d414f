"""Problems, drift and routes in the formats of CI systems: their form, hostile texts in them, and what is cut."""

from __future__ import annotations

import json
import re
from typing import Any, NamedTuple
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes import OWNER_SCOPE, address, owner, plan_between
from sesform.errors import Problem
from sesform.model.address import Address
from sesform.planning.plan import Change, Outcome, Plan, Report, Unchanged
from sesform.planning.routes import Gap, Received, RouteChange, Subject
from sesform.render import findings, github, gitlab, junit, review, sarif
from sesform.render.rules import RULES

SIGNS = "a :,%\n\r\x1b\x00\u202e\u2028\ufffe\ud800`*_[]()<>|~#!@&;=\"'\\]/"
HOSTILE = st.lists(
    st.sampled_from(["::error::x", "##[add-mask]x", "##vso[task.complete]x", "]]>", "%0A::notice::x", "EOF", *SIGNS]),
    max_size=8,
).map("".join)
COMMAND = re.compile(r"^::([a-z-]+)(?: (.*?))?::(.*)$")


class Command(NamedTuple):
    name: str
    properties: dict[str, str]
    message: str


def unescaped(text: str) -> str:
    for sign, code in (("\r", "%0D"), ("\n", "%0A"), (":", "%3A"), (",", "%2C"), ("%", "%25")):
        text = text.replace(code, sign)
    return text


def commands(text: str) -> list[Command]:
    """Return the workflow commands of a log as GitHub's runner reads them: by line, also `##[name]` inside a line."""
    found = []
    for line in text.split("\n"):
        assert "\r" not in line
        assert not re.search(r"##\[", line)
        match = COMMAND.match(line.lstrip())
        if match:
            pairs = (pair.split("=", 1) for pair in (match[2] or "").split(",") if pair)
            found.append(Command(match[1], {k: unescaped(v) for k, v in pairs}, unescaped(match[3])))
    return found


def output_values(text: str) -> dict[str, str]:
    """Return the step outputs of a file as GitHub's runner reads it."""
    values, lines = {}, iter(text.split("\n"))
    for line in lines:
        if line:
            name, delimiter = line.split("<<", 1)
            values[name] = "\n".join(iter(lambda: next(lines), delimiter))
    return values


def problem(n: int = 0, severity: Any = "error", text: str = "it is wrong") -> Problem:
    return Problem(text, f"a.b[{n}]", "specs/s.yaml", n + 1, 2, "correct it", severity, rule="schema")


def change(action: Any, key: str = "t") -> Change:
    before, after = (None if action == "create" else {"name": "x"}), (None if action == "delete" else {"name": "y"})
    return Change(Address("corp", "eu-west-1", "topic", key), OWNER_SCOPE, action, before, after, "why", 2, ())


# --- GitHub ------------------------------------------------------------------------------------------------------------


def test_an_annotation_has_the_place_and_the_message() -> None:
    """GitHub shows a problem at its line and column, with its rule as title."""
    place = {"file": "specs/s.yaml", "line": "1", "col": "2", "title": "sesform: Value not allowed"}

    assert [Command("error", place, "a.b[0]: it is wrong; correct it")] == commands(
        github.commands(findings.of_problems([problem()]))
    )


def test_at_most_ten_annotations_of_each_kind_and_the_rest_is_counted() -> None:
    """GitHub drops an eleventh annotation of a kind without a word, so sesform prints ten and counts the rest."""
    problems = [*(problem(n, "warning") for n in range(12)), *(problem(n) for n in range(31))]
    text = github.commands(findings.of_problems(problems))

    assert ["error"] * 10 + ["warning"] * 10 == [c.name for c in commands(text)]
    assert "Not annotated: 21 errors, 2 warnings. GitHub shows 10 annotations of each kind." == text.splitlines()[-1]


def test_deletions_are_annotated_before_other_changes() -> None:
    """The ten notices of a plan are its most severe changes."""
    plan = Plan((*(change("create", f"c{n}") for n in range(9)), change("update", "u"), change("delete", "d")))
    found = commands(github.commands(findings.of_plan(plan)))

    assert ["topic will be destroyed", "topic will be updated in-place", "topic will be created"] == list(
        dict.fromkeys(c.properties["title"].removeprefix("sesform: ") for c in found)
    )
    assert 10 == len(found)


def test_a_lost_receiver_is_a_warning() -> None:
    """A plan that leaves bounces without a receiver warns of it, even where that is allowed."""
    lost = RouteChange(Subject(OWNER_SCOPE, "identity", "a.com", "bounce"), ("topic t",), (), Received.YES, Received.NO)
    found = commands(github.commands(findings.of_plan(Plan((change("delete"),), routes=(lost,)))))

    assert ["warning", "notice"] == [c.name for c in found]
    assert "bounce of identity a.com in 111111111111/eu-west-1 has no receiver after the plan" in found[0].message


def test_a_configuration_set_that_is_deleted_loses_no_receiver() -> None:
    """The annotations have the same losses as the text: a set that the plan deletes needs no receiver."""
    lost = tuple(
        RouteChange(
            Subject(OWNER_SCOPE, "configuration set", name, "bounce"), ("topic t",), (), Received.YES, Received.NO
        )
        for name in ("gone", "kept")
    )
    before = {"configuration_set": "gone"}
    of_set = Change(
        Address("s", "eu-west-1", "configuration_set", "gone"), OWNER_SCOPE, "delete", before, None, "", 2, ()
    )
    plan = Plan((of_set,), routes=lost)

    assert ["kept"] == [route.subject.name for route in review.lost_receivers(plan)]
    assert ["warning", "notice"] == [each.level for each in findings.of_plan(plan)]


def test_steps_that_were_not_done_are_annotated() -> None:
    """A report has an error for a failure, a warning for a step that was not tried, and nothing for one that is done."""
    results: list[Any] = ["done", "not tried", "failed", "left", "unknown"]
    report = Report(tuple(Outcome(change("create", r), r, f"because {r}") for r in results))

    assert [("error", "failed"), ("error", "unknown"), ("warning", "not tried"), ("notice", "left")] == [
        (c.name, c.properties["title"].partition(": topic: ")[2])
        for c in commands(github.commands(findings.of_report(report)))
    ]


@given(HOSTILE, HOSTILE, HOSTILE)
def test_hostile_texts_give_github_no_command(summary: str, path: str, file: str) -> None:
    """A name that looks like a workflow command stays part of the one annotation that has it."""
    found = commands(github.commands(findings.of_problems([Problem(summary, path, file, 3, 4, rule="schema")])))

    assert ["error"] == [c.name for c in found]
    assert {"line", "col", "title"} <= found[0].properties.keys() <= {"file", "line", "col", "title"}
    assert "3" == found[0].properties["line"]


def test_a_long_message_is_cut_and_the_cut_counted() -> None:
    """GitHub limits the text of an annotation."""
    [found] = commands(github.commands(findings.of_problems([problem(text="x" * 5000)])))

    assert len(found.message) < 2100
    assert re.search(r"… \d{4} more characters$", found.message)


@given(st.dictionaries(st.sampled_from(["a", "b"]), HOSTILE))
def test_outputs_are_read_back_as_they_were(values: dict[str, str]) -> None:
    """A value with line breaks, `=` or `<<` sets no other output."""
    values = {name: text.replace("\r", "") for name, text in values.items()}

    assert values == output_values(github.outputs(values, "sesform-0123"))


def test_an_output_with_the_delimiter_is_refused() -> None:
    """A value cannot end its own block."""
    with pytest.raises(ValueError, match="delimiter"):
        github.outputs({"a": "x\nEND\nb<<END\ny"}, "END")


def test_the_summary_is_cut_by_problems_and_counts_them() -> None:
    """The list of problems has a fixed size, so that a summary fits a comment; errors stay and warnings are cut first."""
    problems = [*(problem(n, "warning") for n in range(900)), problem(1, text="the one error")]
    text = github.summary("901 problems", findings.of_problems(problems))

    assert len(text) < 4_200
    assert text.startswith("### 901 problems\n\n- **Error:** specs/s.yaml:2: a.b\\[1\\]: the one error; correct it\n")
    shown = text.count("- **Warning:**")
    assert f"- … and {900 - shown} warnings more. See the log of the job." == text.splitlines()[-1]


@given(HOSTILE)
def test_a_problem_is_one_item_of_the_summary(text: str) -> None:
    """Markup and line breaks of a message do nothing in the summary."""
    drawn = github.summary("", findings.of_problems([problem(text=text)]))

    assert 1 == len(drawn.splitlines())
    assert not re.search(r"(?<!\\)[<`|]", drawn)


# --- JUnit -------------------------------------------------------------------------------------------------------------


# The elements and attributes of junit-10.xsd, the schema of Jenkins' xunit plugin, that the reports use.
ALLOWED = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time"},
    "testcase": {"name", "classname", "time", "group"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "system-out": set[str](),
}


def suite(text: str) -> ElementTree.Element:
    for element in ElementTree.fromstring(text).iter():
        assert element.attrib.keys() <= ALLOWED[element.tag]
    [found] = ElementTree.fromstring(text)
    cases = found.findall("testcase")
    assert found.get("tests") == str(len(cases))
    assert found.get("failures") == str(sum(case.find("failure") is not None for case in cases))
    assert found.get("errors") == str(sum(case.find("error") is not None for case in cases))
    return found


def failing(text: str) -> dict[str, str]:
    cases = suite(text).findall("testcase")
    return {str(c.get("name")): "".join(c.itertext()).strip() for c in cases if len(c)}


def test_each_file_of_specs_is_a_case() -> None:
    """A file with errors fails with all of them; a file without passes; warnings fail nothing."""
    text = junit.validation(
        [problem(1), problem(2), Problem("w", "", "b.yaml", severity="warning")], ["a.yaml", "b.yaml"]
    )

    assert ["specs/s.yaml", "b.yaml", "a.yaml"] == [c.get("name") for c in suite(text).findall("testcase")]
    lines = "specs/s.yaml:2:2: a.b[1]: it is wrong; correct it\nspecs/s.yaml:3:2: a.b[2]: it is wrong; correct it"
    assert {"specs/s.yaml": lines} == failing(text)
    assert "b.yaml: w" == suite(text).findtext("system-out")


def test_each_resource_is_a_case_of_drift() -> None:
    """A resource that differs fails, with declared and found values; one that is as declared passes."""
    plan = plan_between(
        owner("topics: {t: {display_name: Old}, u: {}}\n"), owner("topics: {t: {display_name: New}, u: {}}\n")
    )
    text = junit.drift(plan)

    assert {"corp/eu-west-1/topic/t", "corp/eu-west-1/topic/u"} <= {
        c.get("name") for c in suite(text).findall("testcase")
    }
    assert ["corp/eu-west-1/topic/t"] == list(failing(text))
    assert 'display_name: declared "New", found "Old"' in failing(text)["corp/eu-west-1/topic/t"]


def test_an_event_without_receiver_is_a_failure_of_drift() -> None:
    """`drift` exits with 2 for it, so the report fails too, though every resource is as declared."""
    same = Unchanged(address("corp/eu-west-1/topic/t"), {})
    text = junit.drift(Plan((), (same,), unheard=(Subject(OWNER_SCOPE, "identity", "a.com", "bounce"),)))

    assert {"a.com bounce": "bounce of identity a.com in 111111111111/eu-west-1 has no receiver"} == failing(text)


def test_warnings_of_a_report_are_cut() -> None:
    """The output of a suite has a largest size, and says how much is missing."""
    warnings = [problem(n, "warning", "x" * 100) for n in range(2_000)]
    output = suite(junit.validation(warnings)).findtext("system-out") or ""

    assert len(output) < 100_100
    assert re.search(r"\n\d+ more characters$", output)


def test_a_plan_with_errors_is_a_report_with_errors() -> None:
    """A drift that could not be found out is no pass."""
    text = junit.drift(Plan((), (Unchanged(address("corp/eu-west-1/topic/t"), {}),), (problem(),)))

    assert ("2", "1") == (suite(text).get("tests"), suite(text).get("errors"))


def test_each_event_is_a_case_of_routes() -> None:
    """Every event of an identity is a test; its gaps are the reasons of the failure."""
    subjects = [Subject(OWNER_SCOPE, "identity", "a.com", event) for event in ("bounce", "complaint")]
    text = junit.routes(dict.fromkeys(subjects, ()), [Gap(subjects[0], "no route"), Gap(subjects[0], "and more")])

    assert {"a.com bounce": "no route\nand more"} == failing(text)
    assert "2" == suite(text).get("tests")


@given(HOSTILE, HOSTILE)
def test_hostile_texts_leave_junit_well_formed(text: str, name: str) -> None:
    """A parser of XML reads every text, also control characters and `]]>`, and sees one case."""
    drawn = junit.validation([Problem(text, name, name or "f"), Problem(text, severity="warning")])

    assert 1 == len(failing(drawn))


def test_cases_that_do_not_fit_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    """A huge report is cut; failures stay longest, and the report says how many cases are missing."""
    monkeypatch.setattr(junit, "MAX_CASES", 5)
    same = tuple(Unchanged(address(f"corp/eu-west-1/topic/{n}"), {}) for n in range(10))
    text = junit.drift(Plan((change("create", "x"), change("create", "y")), same))

    assert ("5", "2") == (suite(text).get("tests"), suite(text).get("failures"))
    assert "7 more cases are not in this report: 0 that fail, 7 that pass." == suite(text).findtext("system-out")


def test_a_report_has_a_largest_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """GitLab refuses reports of more than 30 MiB."""
    monkeypatch.setattr(junit, "MAX_BYTES", 1_000)
    text = junit.validation(Problem("x" * 100, file=f"f{n}") for n in range(100))

    assert len(text) < 1_500
    assert re.search(r"\d+ more cases are not in this report: \d+ that fail, 0 that pass\.", text)


# --- SARIF and code quality ----------------------------------------------------------------------------------------------


def results(problems: list[Problem]) -> Any:
    [run] = json.loads(sarif.text("validate", problems))["runs"]
    return run


def test_a_result_has_rule_place_and_fingerprint() -> None:
    """Code scanning shows a problem at its line under its rule."""
    [result] = results([problem()])["results"]
    physical = result["locations"][0]["physicalLocation"]

    assert ("schema", "error", "a.b[0]: it is wrong; correct it") == (
        result["ruleId"],
        result["level"],
        result["message"]["text"],
    )
    assert {"uri": "specs/s.yaml", "uriBaseId": "%SRCROOT%"} == physical["artifactLocation"]
    assert {"startLine": 1, "startColumn": 2} == physical["region"]
    assert "schema" == results([])["tool"]["driver"]["rules"][result["ruleIndex"]]["id"]


def test_every_rule_is_described() -> None:
    """Every rule has an id, descriptions, help and a level."""
    rules = results([])["tool"]["driver"]["rules"]

    assert list(RULES) == [rule["id"] for rule in rules]
    for rule in rules:
        texts = (rule["shortDescription"]["text"], rule["fullDescription"]["text"], rule["help"]["text"])
        assert all(text.endswith(".") for text in texts)
        assert rule["defaultConfiguration"]["level"] in ("error", "warning")
        assert rule["helpUri"].endswith(f"#{rule['id']}")


def fingerprints(problems: list[Problem]) -> list[list[str]]:
    of_sarif = [r["partialFingerprints"]["sesformAddress/v1"] for r in results(problems)["results"]]
    return [of_sarif, [issue["fingerprint"] for issue in json.loads(gitlab.code_quality(problems))]]


def test_fingerprints_stay_when_lines_and_texts_change() -> None:
    """A finding is the same one after lines were added above it, so that it stays dismissed."""
    before = [Problem("old text", "a", "f", 3, 1, rule="schema"), Problem("x", "b", "f", 9, 1, rule="schema")]
    after = [Problem("new text", "a", "f", 40, 7, rule="schema"), Problem("y", "b", "f", 90, 1, rule="schema")]

    assert fingerprints(before) == fingerprints(after)


def test_fingerprints_differ_between_findings() -> None:
    """Two problems of one address, and the same problem of two addresses, are different findings."""
    found = [problem(1), problem(1, text="another"), problem(2), Problem("x", "a.b[1]", "other.yaml", rule="schema")]

    assert [4, 4] == [len(set(each)) for each in fingerprints(found)]


def test_a_problem_without_a_file_is_a_notification() -> None:
    """Code scanning refuses results without a file; a failed run is no result but says so."""
    run = results([Problem("no credentials", rule="run")])

    assert [] == run["results"]
    assert not run["invocations"][0]["executionSuccessful"]
    assert ["no credentials"] == [n["message"]["text"] for n in run["invocations"][0]["toolExecutionNotifications"]]


@pytest.mark.parametrize(
    ("file", "uri"), [("a b/ü.yaml", "a%20b/%C3%BC.yaml"), ("a:b#c?d%e", "a%3Ab%23c%3Fd%25e"), ("\udcff", "%FF")]
)
def test_paths_are_uris(file: str, uri: str) -> None:
    """Names of files are percent-encoded, whatever they consist of."""
    assert uri == sarif.uri(file)


def test_at_most_5000_results_and_the_rest_is_counted() -> None:
    """GitHub keeps 5,000 results; errors come first, and the report says how many are missing."""
    problems = [*(problem(n, "warning") for n in range(6000)), problem(7, text="the one error")]
    run, issues = results(problems), json.loads(gitlab.code_quality(problems))

    assert (5000, "error") == (len(run["results"]), run["results"][0]["level"])
    [note] = run["invocations"][0]["toolExecutionNotifications"]
    assert "1001 more problems are not in this report" == note["message"]["text"]
    assert (5001, "major") == (len(issues), issues[0]["severity"])
    assert "1001 more problems are not in this report" == issues[-1]["description"]


@given(HOSTILE, HOSTILE, HOSTILE)
def test_hostile_texts_are_texts_in_json(text: str, path: str, file: str) -> None:
    """Reports are valid Unicode without control characters, whatever a name holds."""
    found = [Problem(text, path, file.replace("\ud800", "\udcff"), rule="schema")]
    for drawn in (sarif.text("validate", found), gitlab.code_quality(found)):
        everything = json.dumps(json.loads(drawn), ensure_ascii=False)
        assert not re.search("[\x00-\x1f\x7f\u202e\ud800-\udfff]|##\\[", everything)


# What GitLab documents as required, "Code Quality: Code Quality report format".
SEVERITIES = {"info", "minor", "major", "critical", "blocker"}


@given(st.lists(st.builds(Problem, HOSTILE, HOSTILE, HOSTILE, st.integers(0, 9)), max_size=3))
def test_code_quality_has_what_gitlab_requires(problems: list[Problem]) -> None:
    """Every issue has a description, a check, a fingerprint of its own, a severity and a line."""
    issues = json.loads(gitlab.code_quality(problems))

    assert len(problems) == len(issues) == len({issue["fingerprint"] for issue in issues})
    for issue in issues:
        assert {"description", "check_name", "fingerprint", "severity", "location"} == issue.keys()
        assert issue["severity"] in SEVERITIES
        assert issue["location"]["path"]
        assert issue["location"]["lines"]["begin"] >= 1


def test_the_terraform_report_has_three_counts() -> None:
    """GitLab's widget reads create, update and delete, each at most 999,999."""
    plan = Plan((change("create", "a"), change("create", "b"), change("update", "c"), change("delete", "d")))

    assert {"create": 2, "update": 1, "delete": 1} == json.loads(gitlab.terraform_report(plan))
