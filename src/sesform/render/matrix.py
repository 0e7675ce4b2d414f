"""The parts of the specs as text, JSON, and in the form that each engine reads.

Sources: GitHub, "Running variations of jobs in a workflow"; GitLab, "CI/CD YAML syntax reference", parallel:matrix; AWS Batch API
reference, SubmitJob; Kubernetes, "Jobs", completion mode Indexed; AWS Step Functions developer guide, "Distributed Map".
"""

from __future__ import annotations

import json
from typing import Any

from sesform.errors import UsageError
from sesform.planning.shards import Matrix

MAX_GITHUB_JOBS = 256
MAX_GITLAB_JOBS = 200
MAX_BATCH_JOBS = 10_000
_VARIABLE = "SESFORM_SHARD"


def text(of: Matrix) -> str:
    """Return a table of the parts, and what limits the split."""
    rows = [("part", "accounts", "specs", "reads")]
    rows += [(p["shard"], *(str(n) for n in (len(p["accounts"]), len(p["specs"]), p["reads"]))) for p in _parts(of)]
    lines = ["  ".join(cell.rjust(max(len(row[i]) for row in rows)) for i, cell in enumerate(row)) for row in rows]
    found = of.components
    total, largest = sum(c.reads for c in found), max((c.reads for c in found), default=0)
    n, k = len(of.parts), len(found)
    head = (
        f"{n} {'part' if n == 1 else 'parts'} of {k} {'component' if k == 1 else 'components'}, {total} reads in all."
    )
    rest = f"The largest component has {largest} of {total} reads; a component cannot be split.\n"
    return head + "\n\n" + "\n".join(lines) + "\n\n" + rest


def json_text(of: Matrix) -> str:
    """Return one line: `total`, the digest of the specs, and each part."""
    return _line({"version": 1, "total": len(of.parts), "specs": of.specs, "parts": _parts(of)})


def github(of: Matrix) -> str:
    """Return one line for `strategy.matrix`, by fromJSON. Raises UsageError for more jobs than GitHub runs."""
    _check(of, MAX_GITHUB_JOBS, "GitHub")
    include = [{"shard": p["shard"], "index": p["index"], "total": p["total"]} for p in _parts(of)]
    return _line({"include": include})


def gitlab(of: Matrix) -> str:
    """Return YAML with a job to extend, for a child pipeline. Raises UsageError for more jobs than GitLab runs."""
    _check(of, MAX_GITLAB_JOBS, "GitLab")
    shards = "".join(f'          - "{p["shard"]}"\n' for p in _parts(of))
    return f".sesform-parts:\n  parallel:\n    matrix:\n      - {_VARIABLE}:\n{shards}"


def batch(of: Matrix) -> str:
    """Return JSON for `aws batch submit-job --cli-input-json`. Raises UsageError for more jobs than AWS Batch runs.

    An array has at least two jobs, so one part is a job without an array.
    """
    _check(of, MAX_BATCH_JOBS, "AWS Batch")
    n = len(of.parts)
    variable = {"name": _VARIABLE, "value": f"auto/{n}" if n > 1 else "1/1"}
    array = {"arrayProperties": {"size": n}} if n > 1 else {}
    return json.dumps({**array, "containerOverrides": {"environment": [variable]}}, indent=2)


def kubernetes(of: Matrix) -> str:
    """Return a patch for a Job named `sesform` with a container of that name."""
    n = len(of.parts)
    return (
        "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: sesform\nspec:\n  completionMode: Indexed\n"
        f"  completions: {n}\n  parallelism: {n}\n  template:\n    spec:\n      containers:\n        - name: sesform\n"
        f'          env:\n            - name: {_VARIABLE}\n              value: "auto/{n}"\n'
    )


def step_functions(of: Matrix) -> str:
    """Return one line: the input of an execution, with an item for each part."""
    return _line({"items": [{"shard": p["shard"], "index": p["index"], "total": p["total"]} for p in _parts(of)]})


def _parts(of: Matrix) -> list[dict[str, Any]]:
    total = len(of.parts)
    return [
        {
            "shard": f"{number}/{total}",
            "index": number,
            "total": total,
            "accounts": sorted(a for component in part for a in component.accounts),
            "specs": sorted(s for component in part for s in component.specs),
            "reads": sum(component.reads for component in part),
        }
        for number, part in enumerate(of.parts, 1)
    ]


def _check(of: Matrix, most: int, engine: str) -> None:
    if len(of.parts) > most:
        raise UsageError(f"{engine} runs at most {most} jobs, and these are {len(of.parts)} parts. Pass --parts {most}")


def _line(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"))
