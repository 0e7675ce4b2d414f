"""Parts of specs in the form of each engine."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
import yaml

from sesform.errors import UsageError
from sesform.planning.shards import Component, Matrix
from sesform.render import matrix


def _matrix(*reads: int) -> Matrix:
    return Matrix(
        tuple((Component((f"{i:012}",), (f"spec-{i}",), n),) for i, n in enumerate(reads)), "sha256:" + "0" * 64
    )


def test_text_is_a_table() -> None:
    """The table has a line for each part, and names the component that limits the split."""
    assert matrix.text(_matrix(10, 5)) == (
        "2 parts of 2 components, 15 reads in all.\n\n"
        "part  accounts  specs  reads\n"
        " 1/2         1      1     10\n"
        " 2/2         1      1      5\n\n"
        "The largest component has 10 of 15 reads; a component cannot be split.\n"
    )


def test_json_has_the_accounts_and_specs_of_each_part() -> None:
    """A script can see which part covers an account."""
    found = json.loads(matrix.json_text(_matrix(10, 5)))
    assert (found["version"], found["total"], found["specs"]) == (1, 2, "sha256:" + "0" * 64)
    assert found["parts"][1] == {
        "shard": "2/2",
        "index": 2,
        "total": 2,
        "accounts": ["000000000001"],
        "specs": ["spec-1"],
        "reads": 5,
    }


def test_github_reads_one_line() -> None:
    """The line is the value of `strategy.matrix`; a step output has one line."""
    line = matrix.github(_matrix(1, 1))
    assert json.loads(line) == {
        "include": [{"shard": "1/2", "index": 1, "total": 2}, {"shard": "2/2", "index": 2, "total": 2}]
    }
    assert "\n" not in line


def test_gitlab_reads_texts() -> None:
    """The values are quoted: YAML would read some as something else than text."""
    found = yaml.safe_load(matrix.gitlab(_matrix(1, 1)))
    assert found == {".sesform-parts": {"parallel": {"matrix": [{"SESFORM_SHARD": ["1/2", "2/2"]}]}}}


def test_batch_has_no_array_of_one() -> None:
    """AWS Batch refuses an array of one job, and gives a job without an array no index."""
    two, one = (json.loads(matrix.batch(_matrix(*reads))) for reads in ((1, 1), (1,)))
    assert two["arrayProperties"] == {"size": 2}
    assert two["containerOverrides"]["environment"] == [{"name": "SESFORM_SHARD", "value": "auto/2"}]
    assert one == {"containerOverrides": {"environment": [{"name": "SESFORM_SHARD", "value": "1/1"}]}}


def test_kubernetes_reads_a_patch() -> None:
    """The patch sets the number of pods and tells each pod how many there are."""
    found = yaml.safe_load(matrix.kubernetes(_matrix(1, 1, 1)))
    spec = found["spec"]
    assert (found["kind"], spec["completionMode"], spec["completions"], spec["parallelism"]) == ("Job", "Indexed", 3, 3)
    (container,) = spec["template"]["spec"]["containers"]
    assert container["env"] == [{"name": "SESFORM_SHARD", "value": "auto/3"}]


def test_step_functions_reads_items() -> None:
    """The input of an execution has an item for each part."""
    assert json.loads(matrix.step_functions(_matrix(1)))["items"] == [{"shard": "1/1", "index": 1, "total": 1}]


@pytest.mark.parametrize(("drawn", "most"), [(matrix.github, 256), (matrix.gitlab, 200)])
def test_no_engine_is_given_too_many_jobs(drawn: Callable[[Matrix], str], most: int) -> None:
    """An engine that would refuse the matrix, or run a part of it, is not given one."""
    drawn(_matrix(*[1] * most))
    with pytest.raises(UsageError, match=f"--parts {most}"):
        drawn(_matrix(*[1] * (most + 1)))
