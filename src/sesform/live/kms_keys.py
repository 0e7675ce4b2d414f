"""Read the KMS keys of topics."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from sesform.errors import AwsError, understood
from sesform.live.refresh import side_by_side
from sesform.live.snapshot import SYMMETRIC, KeyFacts, Snapshot
from sesform.model import arns

if TYPE_CHECKING:
    from sesform.aws import Connection, Connections


def read(references: Iterable[str], snapshot: Snapshot, connections: Connections, parallelism: int = 10) -> Snapshot:
    """The snapshot with these keys, given by ARN, as far as some spec's account and region is theirs."""
    found: dict[str, KeyFacts] = {}

    def look_at(reference: str) -> None:
        arn = arns.parse(reference)
        connection = connections.in_scope(arn.scope) if arn else None
        where = f"{arn.account}/{arn.region}" if arn else reference
        found[reference] = (
            _facts(connection, reference)
            if connection
            else KeyFacts(refusal=f"no spec has credentials for {where}, where it is")
        )

    jobs = [partial(look_at, reference) for reference in sorted(set(references))]
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
            # It takes the key's id or ARN, no alias, and its only policy's name is "default".
            answer = connection.call("kms", "GetKeyPolicy", KeyId=key["Arn"], PolicyName="default")
            return replace(facts, policy=answer["Policy"])
    except AwsError as error:
        return KeyFacts() if error.code == "NotFoundException" else replace(facts, refusal=str(error))
