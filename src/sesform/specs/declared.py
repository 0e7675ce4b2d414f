"""Declared resources, the places that declare them, and canonical names."""

from __future__ import annotations

from collections.abc import Container, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sesform.errors import Problem, Severity
from sesform.model.address import Address, Scope
from sesform.model.values import Properties
from sesform.policies.document import Publisher
from sesform.specs.document import Document

# What identifies a resource in AWS: its type, its scope, and the values of its key.
Key = tuple[str, Scope, tuple[str, ...]]


class Origin(NamedTuple):
    """The place of a declaration, and what it says there: "declares it", "declares null", …"""

    document: Document
    loc: tuple[int | str, ...]
    says: str

    def __str__(self) -> str:
        line, _ = self.document.place(self.loc)
        return f"{self.document.file}:{line} {self.says}"

    def problem(self, address: Address, summary: str, hint: str = "", *, warning: bool = False) -> Problem:
        """Return a problem of a resource, at this place."""
        severity: Severity = "warning" if warning else "error"
        return self.document.problem(self.loc, summary, hint, path=str(address), severity=severity)


@dataclass(frozen=True, slots=True)
class Declared:
    """One resource that the specs name.

    `key`: what identifies it in AWS. `desired`: its properties, the key included, or None if it must not exist. Properties that are
    left out are not managed.
    """

    address: Address
    scope: Scope
    key: Mapping[str, str]
    desired: Properties | None
    origin: Origin | None = None

    @property
    def aws_key(self) -> Key:
        return self.address.type, self.scope, tuple(self.key.values())

    def problem(self, summary: str, hint: str = "", *, warning: bool = False) -> Problem:
        """Return a problem of the resource, at the place where the specs declare it."""
        if self.origin is None:
            return Problem(summary, str(self.address), hint=hint, severity="warning" if warning else "error")
        return self.origin.problem(self.address, summary, hint, warning=warning)


class Origins:
    """The origins in one document. Equal ones are one object: most identities have their settings from the same defaults."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._made: dict[tuple[tuple[int | str, ...], str], Origin] = {}

    def at(self, loc: tuple[int | str, ...], says: str) -> Origin:
        """Return the origin at a place."""
        key = loc, says
        if key not in self._made:
            self._made[key] = Origin(self._document, loc, says)
        return self._made[key]


class Target(NamedTuple):
    """A topic that a resource publishes to. SES must be allowed to publish as one of the publishers."""

    topic_arn: str
    publishers: tuple[Publisher, ...]
    user: Address
    origin: Origin

    def problem(self, summary: str, hint: str = "", *, warning: bool = False) -> Problem:
        """Return a problem of the resource that publishes to the topic, at the place where the specs declare it."""
        return self.origin.problem(self.user, summary, hint, warning=warning)


def canonical_identity(name: str) -> str:
    """Return the canonical name of an identity.

    Domains are case-insensitive; e-mail identities are case-sensitive, domain included.

    Source: AWS developer guide, "Creating and verifying identities in Amazon SES".
    """
    return name if "@" in name else name.lower()


def canonical_arn(text: str) -> str:
    """Return the canonical ARN of an identity; any other text stays as it is."""
    head, separator, name = text.partition(":identity/")
    return f"{head}{separator}{canonical_identity(name)}" if separator else text


def covering_identity(name: str, others: Container[str]) -> str:
    """Return the nearest of the other identities whose settings mail of `name` follows without an identity of its own, "" for none.

    A domain covers its subdomains and addresses. Source: AWS developer guide, "Creating and verifying identities in Amazon SES".
    """
    labels = canonical_identity(name.rpartition("@")[2]).split(".")
    wider = [".".join(labels[start:]) for start in range(0 if "@" in name else 1, len(labels) - 1)]
    return next((domain for domain in wider if domain in others), "")
