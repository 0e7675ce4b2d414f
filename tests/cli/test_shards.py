"""--shard: one part of the specs, with every other option, and never another part than the one that was asked for."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest
import typer

from sesform.cli.sharding import chosen
from sesform.model.shard import Shard
from shell import Result, Shell

ACCOUNTS = tuple(f"{n:012}" for n in (100000000001, 100000000002, 100000000003))
KUBERNETES, BATCH, GITLAB = "JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX", "CI_NODE_INDEX"
SIZE, TOTAL = "AWS_BATCH_JOB_ARRAY_SIZE", "CI_NODE_TOTAL"


def _spec(number: int, *topics: str, tags: bool = False) -> str:
    return (
        f'kind: Owner\nname: corp-{number}\naccount: "{ACCOUNTS[number - 1]}"\nregions: [eu-west-1]\n'
        f"{'ownership_tags: true' if tags else ''}\ntopics: {{{', '.join(f'{t}: {{}}' for t in topics)}}}\n"
    )


@pytest.fixture
def many(shell: Shell) -> Shell:
    """Three specs of three accounts without a connection, each with a topic."""
    for number in (1, 2, 3):
        shell.specs(_spec(number, "feedback"), f"{number}.yaml")
    (shell.folder / "specs" / "specs.yaml").unlink()
    return shell


def _steps(result: Result) -> set[str]:
    return {step["address"] for step in json.loads(result.out)["sesform"]["steps"]}


def _topics(*numbers: int) -> set[str]:
    return {f"corp-{number}/eu-west-1/topic/feedback" for number in numbers}


# --- which part --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "variables", "shard"),
    [
        ("3/8", {}, "3/8"),
        ("3/8", {KUBERNETES: "0", GITLAB: "1"}, "3/8"),
        ("auto/8", {KUBERNETES: "0"}, "1/8"),
        ("auto/8", {KUBERNETES: "7"}, "8/8"),
        ("auto/8", {BATCH: "0"}, "1/8"),
        ("auto", {BATCH: "7", SIZE: "8"}, "8/8"),
        ("auto/8", {BATCH: "3", SIZE: "8"}, "4/8"),
        ("auto", {GITLAB: "1", TOTAL: "8"}, "1/8"),
        ("auto/8", {GITLAB: "8", TOTAL: "8"}, "8/8"),
        ("auto/8", {KUBERNETES: "2", TOTAL: "1"}, "3/8"),
    ],
)
def test_each_engine_counts_in_its_own_way(text: str, variables: dict[str, str], shard: str) -> None:
    """Kubernetes and AWS Batch count from 0, GitLab from 1; a part that is written out needs no engine."""
    assert chosen(text, variables) == Shard.parse(shard)


@pytest.mark.parametrize("variables", [{}, {GITLAB: "1", TOTAL: "8"}, {KUBERNETES: "1"}])
def test_variables_alone_change_nothing(variables: dict[str, str]) -> None:
    """A job that has the variables for another reason covers all specs: only --shard asks for a part."""
    assert chosen(None, variables) is None


@pytest.mark.parametrize(
    ("text", "variables", "reason"),
    [
        ("auto", {}, "has none of the variables"),
        ("auto/8", {TOTAL: "8"}, "has none of the variables"),
        ("auto/8", {KUBERNETES: "0", GITLAB: "1"}, "which of them counts"),
        ("auto/8", {KUBERNETES: "0", BATCH: "0"}, "which of them counts"),
        ("auto", {KUBERNETES: "0"}, "such as auto/8"),
        ("auto", {BATCH: "0"}, "such as auto/8"),
        ("auto/8", {KUBERNETES: "8"}, "counts 8 jobs from 0"),
        ("auto/8", {GITLAB: "0", TOTAL: "8"}, "counts 8 jobs from 1"),
        ("auto", {GITLAB: "9", TOTAL: "8"}, "counts 8 jobs from 1"),
        ("auto/8", {GITLAB: "1", TOTAL: "4"}, "CI_NODE_TOTAL is 4"),
        ("auto/8", {BATCH: "1", SIZE: "4"}, "AWS_BATCH_JOB_ARRAY_SIZE is 4"),
        ("auto/8", {KUBERNETES: ""}, "not a number"),
        ("auto/8", {KUBERNETES: "-1"}, "not a number"),
        ("auto/8", {KUBERNETES: "one"}, "not a number"),
        ("auto/0", {KUBERNETES: "0"}, "counts 0 jobs"),
        ("auto/", {KUBERNETES: "0"}, "such as 3/8"),
        ("0/8", {}, "numbered from 1 to 8"),
        ("9/8", {}, "numbered from 1 to 8"),
        ("", {}, "such as 3/8"),
        ("1", {}, "such as 3/8"),
    ],
)
def test_a_part_that_is_not_known_for_sure_is_an_error(text: str, variables: dict[str, str], reason: str) -> None:
    """No run covers a part that was guessed, nor all specs because the part was empty."""
    with pytest.raises(typer.BadParameter, match=reason):
        chosen(text, variables)


def test_the_part_can_be_in_the_environment(many: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """SESFORM_SHARD is the same as --shard; an engine's own variable counts only with auto."""
    monkeypatch.setenv("CI_NODE_INDEX", "2")
    monkeypatch.setenv("CI_NODE_TOTAL", "3")
    assert "3 specs" in many.run("validate").out
    monkeypatch.setenv("SESFORM_SHARD", "auto")
    assert _steps(many.run("plan", "--sandbox", "--format", "json")) == _topics(2)
    assert many.run("plan", "--sandbox", "--shard", "4/3").code == 1


# --- with every command and option -------------------------------------------------------------------------------------


def test_a_part_is_planned_applied_and_destroyed_alone(many: Shell) -> None:
    """Only the resources of the part are changed; the other parts still have their changes."""
    assert many.run("apply", "--sandbox", "--auto-approve", "--shard", "2/3").code == 0
    assert _steps(many.run("plan", "--sandbox", "--format", "json")) == _topics(1, 3)
    assert many.run("drift", "--sandbox", "--shard", "2/3").code == 0
    assert many.run("drift", "--sandbox", "--shard", "1/3").code == 2
    assert many.run("apply", "--sandbox", "--auto-approve").code == 0
    assert many.run("destroy", "--sandbox", "--auto-approve", "--shard", "1/3").code == 0
    assert _steps(many.run("plan", "--sandbox", "--format", "json")) == _topics(1)


def test_an_empty_part_succeeds(many: Shell) -> None:
    """A job beyond the number of components has nothing to do."""
    result = many.run("apply", "--sandbox", "--auto-approve", "--shard", "5/5")
    assert result.code == 0
    assert "Part 5/5: 0 of 3 specs." in result.err
    assert many.run("routes", "--sandbox", "--shard", "5/5").code == 0
    assert many.run("validate", "--shard", "5/5").code == 0


@pytest.mark.parametrize("shard", ["1/3", "2/3", "3/3", "7/7"])
def test_every_part_finds_errors_of_all_specs(many: Shell, shard: str) -> None:
    """A duplicate and an unknown name are found in each part, also if it has none of the two specs."""
    many.specs(_spec(2, "feedback").replace("corp-2", "corp-1"), "2.yaml")
    many.specs(_spec(3) + "identities: {x.com: {notifications: {bounce: nowhere/feedback}}}\n", "3.yaml")
    for command in ("validate", "plan", "apply", "drift", "routes"):
        result = many.run(command, "--shard", shard, *([] if command == "validate" else ["--sandbox"]))
        if command != "apply":
            assert "spec 'corp-1' is already declared" in result.err
            assert "nowhere" in result.err
        assert result.code == 1


def test_only_matches_addresses_of_all_specs(many: Shell) -> None:
    """A pattern of another part selects nothing here; a pattern that matches no spec is still an error."""
    asked = ("plan", "--sandbox", "--format", "json", "--only", "corp-2/*")
    assert [_steps(many.run(*asked, "--shard", f"{n}/3")) for n in (1, 2, 3)] == [set(), _topics(2), set()]
    result = many.run("plan", "--sandbox", "--only", "corp-9/*", "--shard", "1/3")
    assert (result.code, "matches no address" in result.err) == (1, True)


def test_prune_leaves_the_tags_of_other_parts(many: Shell) -> None:
    """Each part deletes the tagged resources of its own specs that no spec names, and no others."""
    for number in (1, 2, 3):
        many.specs(_spec(number, "feedback", "old", tags=True), f"{number}.yaml")
    assert many.run("apply", "--sandbox", "--auto-approve").code == 0
    for number in (1, 2, 3):
        many.specs(_spec(number, "feedback", tags=True), f"{number}.yaml")
    pruned = [
        _steps(many.run("plan", "--sandbox", "--prune", "--format", "json", "--shard", f"{n}/3")) for n in (1, 2, 3)
    ]
    assert pruned == [{f"corp-{n}/eu-west-1/topic/old"} for n in (1, 2, 3)]
    assert set.union(*pruned) == _steps(many.run("plan", "--sandbox", "--prune", "--format", "json"))


def test_tags_of_specs_in_other_parts_are_named_as_without_parts(many: Shell) -> None:
    """A resource with the tag of a spec of another account stays, and the warning says why, in each part alike."""
    sns: Any = many.sandbox.session(ACCOUNTS[0], "eu-west-1").client("sns")
    sns.create_topic(Name="moved", Tags=[{"Key": "sesform:spec", "Value": "corp-2"}])
    whole = json.loads(many.run("plan", "--sandbox", "--prune", "--format", "json").out)["sesform"]
    part = json.loads(many.run("plan", "--sandbox", "--prune", "--format", "json", "--shard", "1/3").out)["sesform"]
    assert [d["summary"] for d in part["diagnostics"]] == [d["summary"] for d in whole["diagnostics"]]
    assert "that spec does not have this account and region" in part["diagnostics"][0]["summary"]
    assert not any("moved" in step["address"] for step in part["steps"])


def test_unmanaged_resources_are_listed_by_one_part(many: Shell) -> None:
    """A resource that no spec names is listed by the part with its account, and by no other."""
    many.sandbox.session(ACCOUNTS[1], "eu-west-1").client("sns").create_topic(Name="by-hand")
    found = [
        json.loads(many.run("plan", "--sandbox", "--unmanaged", "--format", "json", "--shard", f"{n}/3").out)["sesform"]
        for n in (1, 2, 3)
    ]
    assert [[u["key"].rpartition(":")[2] for u in part["unmanaged"]] for part in found] == [[], ["by-hand"], []]


def test_removed_specs_are_deleted_by_one_part(many: Shell) -> None:
    """With --since, what a spec declared that no longer exists is in exactly one part."""
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "specs"]):
        identity = ["-c", "user.name=tester", "-c", "user.email=tester@example.com"]
        subprocess.run(["git", *identity, *words], cwd=many.folder, check=True)
    assert many.run("apply", "--sandbox", "--auto-approve").code == 0
    (many.folder / "specs" / "3.yaml").unlink()
    asked = ("plan", "--sandbox", "--since", "HEAD", "--format", "json")
    found = [_steps(many.run(*asked, "--shard", f"{n}/3")) for n in (1, 2, 3)]
    assert sorted(found, key=len) == [set(), set(), {"corp-3/eu-west-1/topic/feedback"}]
    assert "3 parts of 3 components" in many.run("matrix", "--parts", "3", "--since", "HEAD").out


# --- saved plans -------------------------------------------------------------------------------------------------------


def test_a_saved_plan_keeps_its_part(many: Shell, tmp_path: Path) -> None:
    """Applying a saved plan plans its part again, and changes nothing of the others."""
    file = str(tmp_path / "plan.json")
    assert many.run("plan", "--sandbox", "--shard", "2/3", "--out", file).code == 0
    assert json.loads(Path(file).read_text())["sesform"]["shard"]["index"] == 2
    assert many.run("apply", "--sandbox", "--plan", file).code == 0
    assert _steps(many.run("plan", "--sandbox", "--format", "json")) == _topics(1, 3)


def test_a_saved_plan_of_another_part_is_refused(many: Shell, tmp_path: Path) -> None:
    """A job that is given the plan of another job, or of all specs, changes nothing."""
    part, whole = str(tmp_path / "part.json"), str(tmp_path / "whole.json")
    many.run("plan", "--sandbox", "--shard", "2/3", "--out", part)
    many.run("plan", "--sandbox", "--out", whole)
    for file, made in ((part, "part 2/3"), (whole, "all specs")):
        result = many.run("apply", "--sandbox", "--plan", file, "--shard", "1/3")
        assert (result.code, f"made for {made}" in result.err) == (1, True)
    assert many.run("apply", "--sandbox", "--plan", part, "--shard", "2/3").code == 0


def test_a_plan_of_all_specs_has_no_part(many: Shell) -> None:
    """Documents without --shard are as they were."""
    assert "shard" not in json.loads(many.run("plan", "--sandbox", "--format", "json").out)["sesform"]
    assert "shard" not in json.loads(many.run("validate", "--format", "json").out)
    assert "shard" not in json.loads(many.run("routes", "--sandbox", "--format", "json").out)


# --- matrix ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["text", "json", "github", "gitlab", "batch", "kubernetes", "step-functions"])
def test_matrix_makes_no_call(many: Shell, format: str) -> None:
    """The parts are printed from the specs alone, the same in each run."""
    first = many.run("matrix", "--parts", "2", "--format", format)
    assert (first.code, first.err) == (0, "")
    assert many.run("matrix", "--parts", "2", "--format", format).out == first.out
    assert not (many.folder / ".sesform").exists()


def test_matrix_has_no_more_parts_than_components(many: Shell) -> None:
    """Parts without specs would be jobs without work; stderr says why there are fewer."""
    result = many.run("matrix", "--parts", "9", "--format", "json")
    assert json.loads(result.out)["total"] == 3
    assert "3 components" in result.err


def test_matrix_refuses_invalid_specs(many: Shell) -> None:
    """There is no matrix of a part of the specs."""
    many.specs("kind: Owner\n", "4.yaml")
    result = many.run("matrix")
    assert (result.code, result.out) == (1, "")
