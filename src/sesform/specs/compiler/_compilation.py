"""The state of a compilation: what was declared and which problems were found so far."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from sesform.errors import Problem
from sesform.model.address import Address, Scope
from sesform.specs.declared import Declared, Key, Target
from sesform.specs.schema import LoadedSpec


@dataclass(slots=True)
class Compilation:
    """The state of a compilation. Every part adds to it, and none removes anything."""

    destroy: bool = False
    partial: bool = False  # some specs could not be loaded: an unknown spec is then no error
    accounts: dict[str, str] = field(default_factory=dict)  # the account of each spec
    declared: dict[Address, Declared] = field(default_factory=dict)
    unmanaged: list[Declared] = field(default_factory=list)
    exclusive: set[Address] = field(default_factory=set)
    left_alone: set[Key] = field(default_factory=set)
    targets: list[Target] = field(default_factory=list)
    problems: dict[Problem, None] = field(default_factory=dict)
    _by_key: dict[tuple[str, Scope], dict[tuple[str, ...], Declared]] = field(default_factory=dict)

    def wrong(
        self, loaded: LoadedSpec, loc: Sequence[int | str], summary: str, hint: str = "", *, warning: bool = False
    ) -> None:
        self.problems[loaded.document.problem(loc, summary, hint, severity="warning" if warning else "error")] = None

    def declare(self, declared: Declared) -> None:
        """Add a resource. Two declarations of the same resource in AWS are a problem, whatever their spelling."""
        type_, scope, key = declared.aws_key
        first = self._by_key.setdefault((type_, scope), {}).setdefault(key, declared)
        if first is not declared and declared.origin and first.origin:
            name, elsewhere = "/".join(declared.key.values()), str(first.origin).split()[0]
            text = f"{declared.address.type} {name} is already declared at {elsewhere}"
            self.problems[declared.problem(text, "declare it in one spec only")] = None
            return
        self.declared[declared.address] = declared
