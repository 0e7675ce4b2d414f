"""The content of one spec for one account and region, before specs have names."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sesform.model.address import Scope

Loc = tuple[int | str, ...]

SECTIONS = ("topics", "configuration_sets", "defaults", "identities", "cross_account_notifications")


@dataclass(frozen=True, slots=True)
class Reference:
    """A reference to a topic of a generated spec. The name of that spec is assigned later."""

    account: str
    topic: str


@dataclass(slots=True)
class ScopeSpec:
    """The sections of one spec for one region; `comments` name what specs do not support."""

    scope: Scope
    kind: str
    sections: dict[str, dict[str, Any]] = field(default_factory=lambda: {name: {} for name in SECTIONS})
    comments: dict[Loc, list[str]] = field(default_factory=lambda: defaultdict(list))

    def remark(self, text: str, *loc: int | str) -> None:
        self.comments[loc].append(text)


@dataclass(frozen=True, slots=True)
class Account:
    """The name of an account's specs, its credentials, and comments about them."""

    name: str
    credentials: Mapping[str, str] = field(default_factory=dict)
    remark: str = ""


@dataclass(frozen=True, slots=True)
class Note:
    """A comment about what was found. `loc`: the path of the entry within the spec, e.g. ("topics", "feedback")."""

    scope: Scope
    text: str
    loc: tuple[str, ...] = ()
