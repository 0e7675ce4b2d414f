"""merge: the results of all parts are the result of one run, or an error."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from shell import Result, Shell

TIMESTAMP = re.compile(r'"timestamp":"[^"]*"')


def _account(number: int) -> str:
    return f"{100000000000 + number}"


def _pair(number: int, identities: int) -> str:
    """An owner that uses a topic of its own for bounces and a delegate's topic for complaints; every third stands alone."""
    owner, delegate = _account(2 * number), _account(2 * number + 1)
    complaint = "own" if number % 3 == 2 else f"mailer-{number}/feedback"
    names = "".join(f"  d{i}.corp{number}.example: {{feedback_forwarding: false}}\n" for i in range(identities))
    return (
        f'kind: Owner\nname: corp-{number}\naccount: "{owner}"\nregions: [eu-west-1]\n'
        f'topics: {{own: {{subscriptions: [{{protocol: sqs, endpoint: "arn:aws:sqs:eu-west-1:{owner}:q"}}]}}}}\n'
        f"defaults: {{identity: {{notifications: {{bounce: own, complaint: {complaint}}}}}}}\nidentities:\n{names}"
        f'---\nkind: Delegate\nname: mailer-{number}\naccount: "{delegate}"\nregions: [eu-west-1]\n'
        f'topics: {{feedback: {{subscriptions: [{{protocol: sqs, endpoint: "arn:aws:sqs:eu-west-1:{delegate}:q"}}]}}}}\n'
        "configuration_sets: {main: {event_destinations: {all: {events: [bounce, complaint], sns: feedback}}}}\n"
    )


def _write(folder: Path, pairs: int, identities: int) -> None:
    (folder / "specs").mkdir(exist_ok=True)
    for number in range(pairs):
        (folder / "specs" / f"{number:03}.yaml").write_text(_pair(number, identities), encoding="utf-8")


def _without_time(text: str) -> str:
    return TIMESTAMP.sub("", text)


# --- as one run --------------------------------------------------------------------------------------------------------


def _processes(folder: Path, commands: Sequence[Sequence[str]]) -> list[bytes]:
    """Run sesform in two processes at a time, and return what each printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "SESFORM_"))}
    printed = []
    for start in range(0, len(commands), 2):
        running = [
            subprocess.Popen(
                [sys.executable, "-m", "sesform", *words], cwd=folder, env=environment, stdout=subprocess.PIPE
            )
            for words in commands[start : start + 2]
        ]
        for each in running:
            printed.append(each.communicate()[0])
            assert each.returncode == 0
    return printed


@pytest.mark.parametrize(
    ("pairs", "identities", "total"),
    [(3, 2, 3), pytest.param(100, 10, 8, marks=pytest.mark.long)],
    ids=["6 accounts in 3 parts", "200 accounts in 8 parts"],
)
def test_parts_in_processes_join_to_the_plan_of_one_run(
    tmp_path: Path, pairs: int, identities: int, total: int
) -> None:
    """The joined plan of processes that each cover a part is that of one process, byte for byte but for the time."""
    _write(tmp_path, pairs, identities)
    plan = ("plan", "--sandbox", "-q", "--format", "json")
    *parts, whole = _processes(tmp_path, [*((*plan, "--shard", f"{n}/{total}") for n in range(1, total + 1)), plan])
    files = [f"part-{n}.json" for n in range(total)]
    for name, printed in zip(files, parts, strict=True):
        (tmp_path / name).write_bytes(printed)
    (merged,) = _processes(tmp_path, [("merge", *reversed(files), "--format", "json")])
    assert _without_time(merged.decode()) == _without_time(whole.decode())
    assert len(json.loads(whole)["sesform"]["steps"]) > pairs * identities


@pytest.fixture
def many(shell: Shell) -> Shell:
    """Three owners and their delegates in six accounts."""
    (shell.folder / "specs" / "specs.yaml").unlink()
    _write(shell.folder, 3, 2)
    return shell


Parts = Callable[..., tuple[str, ...]]


@pytest.fixture
def parts(many: Shell) -> Parts:
    """Run a command for each part, and return the files with what it printed."""

    def run(*words: str, total: int = 3, codes: set[int] | None = None) -> tuple[str, ...]:
        files = []
        for number in range(1, total + 1):
            result = many.run(*words, "--shard", f"{number}/{total}", "--format", "json")
            assert result.code in (codes or {0})
            files.append(f"{words[0]}-{number}-of-{total}.json")
            (many.folder / files[-1]).write_text(result.out, encoding="utf-8")
        return tuple(files)

    return run


def _same(merged: Result, whole: Result) -> None:
    assert (merged.code, _without_time(merged.out)) == (whole.code, _without_time(whole.out))


@pytest.mark.parametrize("format", ["text", "json", "markdown"])
def test_the_joined_plan_is_that_of_one_run(many: Shell, parts: Parts, format: str) -> None:
    """Changes, drift, exit codes and every format are those of a run over all specs."""
    plan, drift = parts("plan", "--sandbox"), parts("drift", "--sandbox", codes={2})
    of_one = ("--sandbox", "-q", "--format", format)
    _same(many.run("merge", *plan, "--format", format), many.run("plan", *of_one))
    detailed = many.run("plan", *of_one, "--detailed-exitcode")
    _same(many.run("merge", *plan, "--format", format, "--detailed-exitcode"), detailed)
    _same(many.run("merge", *drift, "--format", format), many.run("drift", *of_one))


@pytest.mark.parametrize("format", ["text", "json", "markdown"])
def test_joined_routes_and_validations_are_those_of_one_run(many: Shell, parts: Parts, format: str) -> None:
    """Gaps, counts and warnings are those of a run over all specs."""
    many.run("apply", "--sandbox", "--auto-approve")
    routes, validate = parts("routes", "--sandbox"), parts("validate")
    _same(many.run("merge", *routes, "--format", format), many.run("routes", "--sandbox", "-q", "--format", format))
    _same(many.run("merge", *validate, "--format", format), many.run("validate", "--format", format))


def test_joined_reports_have_every_step(many: Shell, parts: Parts) -> None:
    """The report of all parts counts their steps together; it fails if a step of one part was not done."""
    applied = parts("apply", "--sandbox", "--auto-approve")
    result = many.run("merge", *applied, "--format", "json")
    found = json.loads(result.out)
    assert (result.code, found["ok"], "shard" in found) == (0, True, False)
    alone = [json.loads((many.folder / file).read_text()) for file in applied]
    assert found["done"]["create"] == sum(each["done"]["create"] for each in alone)
    alone[1]["outcomes"][0]["result"] = "failed"
    (many.folder / applied[1]).write_text(json.dumps(alone[1]))
    failed = many.run("merge", *applied)
    assert (failed.code, "Apply incomplete." in failed.out) == (1, True)


def test_the_joined_plan_is_a_plan_file(many: Shell, parts: Parts) -> None:
    """One machine can apply what many planned."""
    plan = many.run("merge", *parts("plan", "--sandbox"), "--format", "json").out
    (many.folder / "joined.json").write_text(plan)
    assert many.run("apply", "--sandbox", "--plan", "joined.json").code == 0
    assert many.run("plan", "--sandbox", "--detailed-exitcode").code == 0


def test_many_deletions_are_judged_together(many: Shell, parts: Parts) -> None:
    """Deletions that are few in each part and many in all are refused, and the reverse is allowed, as in one run."""
    topics = ", ".join(f"t{n}: {{}}" for n in range(4))
    for number in range(3):
        head = f'kind: Owner\nname: corp-{number}\naccount: "{_account(number)}"\nregions: [eu-west-1]\n'
        many.specs(f"{head}topics: {{{topics}}}\n", f"{number:03}.yaml")
    many.run("apply", "--sandbox", "--auto-approve")
    for number in range(3):
        file = many.folder / "specs" / f"{number:03}.yaml"
        file.write_text(file.read_text().replace("{}", "absent"))
    merged = many.run("merge", *parts("plan", "--sandbox"), "--format", "json")
    _same(merged, many.run("plan", "--sandbox", "--format", "json"))
    assert (merged.code, "--allow-mass-change" in merged.out) == (1, True)


# --- what does not belong together -------------------------------------------------------------------------------------


def test_missing_and_repeated_parts_are_errors(many: Shell, parts: Parts) -> None:
    """No result is printed of less or more than all specs."""
    one, two, three = parts("plan", "--sandbox")
    for files, reason in (
        ((one, three), "part 2 is missing"),
        ((one, two, two, three), "part 2 is given 2 times"),
        ((one, one), "part 1 is given 2 times, part 2 is missing, part 3 is missing"),
    ):
        result = many.run("merge", *files)
        assert (result.code, result.out) == (1, "")
        assert reason in result.err


def test_parts_of_other_runs_are_errors(many: Shell, parts: Parts) -> None:
    """Parts of another number, of other specs, of another command or with other options do not belong together."""
    one, two, three = parts("plan", "--sandbox")
    whole = many.run("plan", "--sandbox", "--format", "json").out
    (many.folder / "whole.json").write_text(whole)
    others = {
        "is one of 2 parts": parts("plan", "--sandbox", total=2)[1],
        "is a result of drift": parts("drift", "--sandbox", codes={2})[1],
        "covers all specs": "whole.json",
    }
    many.run("plan", "--sandbox", "--shard", "2/3", "--allow-dark", "--out", "option.json")
    others["has the options allow_dark"] = "option.json"
    many.specs(_pair(9, 1), "009.yaml")
    many.run("plan", "--sandbox", "--shard", "2/3", "--out", "specs.json")
    others["was made from specs sha256:"] = "specs.json"
    for reason, file in others.items():
        result = many.run("merge", one, file, three)
        assert (result.code, result.out) == (1, "")
        assert reason in result.err
    assert many.run("merge", one, two, three).code == 0


def test_a_part_that_failed_fails_all(many: Shell, parts: Parts) -> None:
    """The errors of parts that made no result are printed once, and the exit code is 1."""
    one, two, _ = parts("plan", "--sandbox")
    many.specs("kind: Owner\n", "wrong.yaml")
    failed = parts("plan", "--sandbox", codes={1})
    for files in (failed, (one, two, failed[2])):
        result = many.run("merge", *files)
        assert (result.code, result.out) == (1, "")
        assert result.err.count("wrong.yaml:1:1: name: ") == 1
    found = json.loads(many.run("merge", *failed, "--format", "json").out)
    assert (found["errored"], len(found["sesform"]["diagnostics"]) > 0) == (True, True)
    invalid = parts("validate", codes={1})
    assert json.loads(many.run("merge", *invalid, "--format", "json").out)["valid"] is False


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", "null", "7", '{"version":2,"outcomes":[]}', '{"version":1,"outcomes":7}']
)
def test_files_of_another_form_are_errors(shell: Shell, text: str) -> None:
    """A file that is no result is named in one line."""
    (shell.folder / "part.json").write_text(text)
    result = shell.run("merge", "part.json")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("Error: part.json: ")


def test_edited_plans_are_errors(many: Shell, parts: Parts) -> None:
    """A part of a plan that was edited is refused, as a saved plan is."""
    one, two, three = parts("plan", "--sandbox")
    file = many.folder / two
    file.write_text(file.read_text().replace("corp", "other"))
    assert "changed or damaged" in many.run("merge", one, two, three).err
