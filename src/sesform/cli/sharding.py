"""The part of the specs that a run covers: --shard, and the variables of the engines that start many jobs.

The variables are read only if `auto` asks for them. A job can have them for another reason: GitLab sets CI_NODE_INDEX in each job
with `parallel`, and a job that plans all specs twice must not plan two halves instead.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import typer

from sesform.model.shard import Shard
from sesform.model.values import printable


class Engine(NamedTuple):
    """An engine and the variables of its jobs.

    `variable`: has the number of the job. `first`: the number of the first one. `total`: the variable with the number of jobs,
    "" for none.
    """

    name: str
    variable: str
    first: int
    total: str = ""


# Sources: Kubernetes, "Jobs" (completion mode Indexed); AWS Batch user guide, "AWS Batch job environment variables";
# GitLab, "Predefined CI/CD variables reference".
ENGINES = (
    Engine("Kubernetes", "JOB_COMPLETION_INDEX", 0),
    Engine("AWS Batch", "AWS_BATCH_JOB_ARRAY_INDEX", 0, "AWS_BATCH_JOB_ARRAY_SIZE"),
    Engine("GitLab", "CI_NODE_INDEX", 1, "CI_NODE_TOTAL"),
)


def chosen(text: str | None, variables: Mapping[str, str]) -> Shard | None:
    """Return the part that --shard names, None without it. `variables`: the environment.

    Raises BadParameter for a part that does not exist, and if `auto` finds no engine, several, or no number of parts.
    """
    if text is None:
        return None
    found = re.fullmatch(r"auto(?:/([0-9]{1,6}))?", text)
    try:
        if found is None:
            return Shard.parse(text)
        return _of_job(int(found[1]) if found[1] else None, variables)
    except ValueError as error:
        raise typer.BadParameter(f"{printable(text)!r}: {error}", param_hint="--shard") from None


def _of_job(asked: int | None, variables: Mapping[str, str]) -> Shard:
    """Raise ValueError if the part of this job is not known for sure."""
    present = [engine for engine in ENGINES if engine.variable in variables]
    if not present:
        names = ", ".join(engine.variable for engine in ENGINES)
        raise ValueError(f"this job has none of the variables {names}; write the part, such as 3/8")
    if len(present) > 1:
        names = " and ".join(engine.variable for engine in present)
        raise ValueError(f"this job has {names}, and which of them counts is not known; write the part, such as 3/8")
    engine = present[0]
    stated = _number(engine.total, variables) if engine.total in variables else None
    total = stated if asked is None else asked
    if total is None:
        raise ValueError(f"{engine.name} does not state the number of jobs; write it, such as auto/8")
    if stated is not None and stated != total:
        raise ValueError(f"{engine.total} is {stated}, so {engine.name} runs another number of jobs")
    index = _number(engine.variable, variables)
    if not engine.first <= index < engine.first + total:
        raise ValueError(f"{engine.variable} is {index}, and {engine.name} counts {total} jobs from {engine.first}")
    return Shard.of(index - engine.first + 1, total)


def _number(name: str, variables: Mapping[str, str]) -> int:
    text = variables[name]
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise ValueError(f"{name} is {printable(text)!r}, which is not a number")
    return int(text)
