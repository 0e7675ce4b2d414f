"""Shards: which part of the specs a run covers."""

from __future__ import annotations

import re
from typing import Any, NamedTuple


class Shard(NamedTuple):
    """One of `total` parts of the specs. `number` counts from 1."""

    number: int
    total: int

    def __str__(self) -> str:
        return f"{self.number}/{self.total}"

    @classmethod
    def of(cls, number: int, total: int) -> Shard:
        """Return the shard. Raises ValueError for a number that is not from 1 to `total`."""
        if not 1 <= number <= total:
            raise ValueError(f"part {number} of {total} does not exist; parts are numbered from 1 to {max(total, 1)}")
        return cls(number, total)

    @classmethod
    def parse(cls, text: str) -> Shard:
        """Return the shard of a text such as `3/8`. Raises ValueError."""
        found = re.fullmatch(r"([0-9]{1,6})/([0-9]{1,6})", text)
        if found is None:
            raise ValueError("write the number of the part and of all parts, such as 3/8")
        return cls.of(int(found[1]), int(found[2]))


class Part(NamedTuple):
    """What a result covers, for `merge`.

    `specs`: a digest of all loaded specs and of how they were split. `command`: the command that made the result.
    """

    shard: Shard
    specs: str
    command: str = "plan"

    def document(self) -> dict[str, Any]:
        """Return the part as plain data for JSON."""
        return {"index": self.shard.number, "total": self.shard.total, "specs": self.specs, "command": self.command}

    @classmethod
    def loaded(cls, saved: Any) -> Part:
        """Return the part of a document. Raises LookupError, TypeError or ValueError for another form."""
        index, total, specs, command = (saved[name] for name in ("index", "total", "specs", "command"))
        if type(index) is not int or type(total) is not int or not isinstance(specs, str):
            raise TypeError("a part of another form")
        if command not in COMMANDS or not re.fullmatch(r"sha256:[0-9a-f]{64}", specs):
            raise ValueError("a part of another form")
        return cls(Shard.of(index, total), specs, command)


COMMANDS = ("validate", "plan", "apply", "drift", "routes")
