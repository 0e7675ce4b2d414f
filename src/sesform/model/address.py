"""Names of things: the scope where calls go, and the address of a resource."""

from __future__ import annotations

from dataclasses import dataclass, field

from sesform.errors import UsageError


@dataclass(frozen=True, slots=True, order=True)
class Scope:
    """One account in one region: where calls go, and what AWS's quota counts."""

    account: str
    region: str

    def __str__(self) -> str:
        return f"{self.account}/{self.region}"


@dataclass(frozen=True, slots=True, order=True)
class Address:
    """The name of one resource in every output: `<spec>/<region>/<type>/<key>`. Only the key may itself hold slashes."""

    spec: str
    region: str
    type: str
    key: str

    def __str__(self) -> str:
        return f"{self.spec}/{self.region}/{self.type}/{self.key}"

    @classmethod
    def parse(cls, text: str) -> Address:
        """The text form → an Address. Raises UsageError where it has fewer than four parts."""
        parts = text.split("/", 3)
        if len(parts) < 4 or not all(parts):
            raise UsageError(f"address {text!r} is not of the form <spec>/<region>/<type>/<key>")
        return cls(*parts)


@dataclass(frozen=True, slots=True)
class Access:
    """How the account of a spec is reached: a role, taken from a profile or from the ambient credentials, or these alone.

    `external_id` is a secret: it is in no repr, no file and no message.
    """

    account: str
    profile: str | None = None
    role_arn: str | None = None
    external_id: str | None = field(default=None, repr=False)
