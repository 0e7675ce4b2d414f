"""Split the specs over several machines. No call to AWS."""

from __future__ import annotations

from sesform.engine.settings import DEFAULT_PATHS, Paths
from sesform.engine.specs import compile_specs
from sesform.errors import UsageError
from sesform.planning import shards
from sesform.planning.shards import Matrix


def matrix(paths: Paths = DEFAULT_PATHS, *, parts: int | None = None, since: str | None = None) -> Matrix:
    """Return the parts of the specs that runs with a shard cover.

    `parts`: how many, None for one for each thousand reads. There are never more parts than components. `since`: accounts that the
    specs at this git ref connect stay together too, as in runs with the same ref. Raises SpecError with every error of every file;
    UsageError if there is no spec, or `parts` is not positive.
    """
    if parts is not None and parts < 1:
        raise UsageError(f"{parts} parts are not possible; ask for 1 or more")
    return shards.matrix(compile_specs(paths, since=since), parts)
