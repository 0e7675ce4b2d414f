"""Scopes, which calls go to, and addresses, which name resources."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

from sesform.errors import UsageError
from sesform.model.masking import masked


class Scope(NamedTuple):
    """One account in one region: where calls go, and what the quota of SES counts. Part of most keys, so hashed very often."""

    account: str
    region: str

    def __str__(self) -> str:
        return f"{self.account}/{self.region}"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """The name of a resource in every output: `<spec>/<region>/<type>/<key>`. Only the key may contain slashes."""

    spec: str
    region: str
    type: str
    key: str

    def __str__(self) -> str:
        """Return the address in the form of every output, with secrets in URLs masked."""
        return f"{self.spec}/{self.region}/{self.type}/{masked(self.key)}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """Return the address of its text form. Raises UsageError if the text has fewer than four parts."""
        parts = text.split("/", 3)
        if len(parts) < 4 or not all(parts):
            raise UsageError(f"address {text!r} is not valid; write <spec>/<region>/<type>/<key>")
        return cls(*parts)


@dataclass(frozen=True, slots=True)
class Access:
    """How sesform logs in to the account of a spec: with a profile or the ambient credentials, and a role if one is given.

    `external_id` is a secret: no repr, file or message contains it. `external_id_env`: the environment variable that has it, which
    is read when sesform logs in.
    """

    account: str
    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = field(default=None, repr=False)
    external_id_env: str | None = None
