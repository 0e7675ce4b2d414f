"""Read the KMS keys of topics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from sesform.errors import AwsError, understood
from sesform.live.jobs import Job, side_by_side
from sesform.live.snapshot import SYMMETRIC, KeyFacts, Snapshot
from sesform.model import arns

if TYPE_CHECKING:
    from sesform.aws import Connection, Connections


def read(references: Iterable[str], snapshot: Snapshot, connections: Connections, parallelism: int = 10) -> Snapshot:
    """Return the snapshot with these keys, by ARN, for accounts and regions that a loaded spec has credentials for."""
    found: dict[str, KeyFacts] = {}

    def look_at(reference: str) -> None:
        arn = arns.parse(reference)
        connection = connections.in_scope(arn.scope) if arn else None
        where = f"{arn.account}/{arn.region}" if arn else reference
        found[reference] = (
            _facts(connection, reference) if connection else KeyFacts(refusal=f"no spec has credentials for {where}")
        )

    jobs = [Job(partial(look_at, reference)) for reference in sorted(set(references))]
    if jobs:
        side_by_side(jobs, connections, parallelism)
    return replace(snapshot, keys={**snapshot.keys, **found})


def _facts(connection: Connection, reference: str) -> KeyFacts:
    facts = KeyFacts()
    try:
        with understood():
            key = connection.call("kms", "DescribeKey", KeyId=reference)["KeyMetadata"]
            manager, state = key.get("KeyManager", ""), key.get("KeyState", "")
            facts = KeyFacts(key["Arn"], manager, state, key.get("KeySpec", SYMMETRIC))
            # GetKeyPolicy accepts a key's id or ARN, and no alias; the only policy is called "default".
            answer = connection.call("kms", "GetKeyPolicy", KeyId=key["Arn"], PolicyName="default")
            return replace(facts, policy=answer["Policy"])
    except AwsError as error:
        return KeyFacts() if error.code == "NotFoundException" else replace(facts, refusal=str(error))
