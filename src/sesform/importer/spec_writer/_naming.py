"""Merge parts into specs: parts with equal content in several regions become one spec.

Then name the specs and resolve references.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sesform.importer.spec_writer._scope_spec import SECTIONS, Account, Loc, Reference, ScopeSpec
from sesform.model.address import Scope

_LONGEST_NAME = 64


@dataclass(frozen=True, slots=True)
class SpecDraft:
    """One spec: its document as plain data in the order of the schema, and comments by the path of an entry."""

    data: Mapping[str, Any]
    comments: Mapping[Loc, Sequence[str]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return str(self.data["name"])


@dataclass(slots=True)
class _Group:
    parts: list[ScopeSpec]
    name: str = ""

    @property
    def account(self) -> str:
        return self.parts[0].scope.account


def drafts(parts: Iterable[ScopeSpec], accounts: Mapping[str, Account]) -> tuple[SpecDraft, ...]:
    """Return all parts as specs: accounts in the given order, Owner before Delegate, then by region."""
    order = {account: position for position, account in enumerate(accounts)}
    every = sorted(parts, key=lambda p: (order[p.scope.account], p.kind == "Delegate", p.scope.region))
    groups = _grouped(every)
    _assign_names(groups, accounts)
    topic_specs = {p.scope: g.name for g in groups for p in g.parts if _declares_topics(p, every)}
    return tuple(_draft(group, topic_specs, accounts[group.account]) for group in groups)


def _declares_topics(part: ScopeSpec, every: Iterable[ScopeSpec]) -> bool:
    return part.kind == "Owner" or not any(p.scope == part.scope and p.kind == "Owner" for p in every)


def _grouped(parts: Sequence[ScopeSpec]) -> list[_Group]:
    """Return the parts grouped by account and content. Parts that refer to topics of different specs are in different groups."""
    keys: dict[int, Any] = {id(p): (p.scope.account, p.kind, _content(p)) for p in parts}
    topic_parts = {p.scope: p for p in parts if _declares_topics(p, parts)}
    while True:
        seen: dict[Any, int] = {}
        number = {i: seen.setdefault(key, len(seen)) for i, key in keys.items()}
        keys = {id(p): (number[id(p)], tuple(_referred_parts(p, topic_parts, number))) for p in parts}
        if len(set(keys.values())) == len(seen):
            break
    groups: dict[int, _Group] = {}
    for part in parts:
        groups.setdefault(number[id(part)], _Group([])).parts.append(part)
    return list(groups.values())


def _content(part: ScopeSpec) -> str:
    comments = sorted((list(map(str, loc)), texts) for loc, texts in part.comments.items() if texts)
    return json.dumps([part.sections, comments], default=lambda r: [r.account, r.topic])


def _referred_parts(
    part: ScopeSpec, topic_parts: Mapping[Scope, ScopeSpec], number: Mapping[int, int]
) -> Iterable[int]:
    for account in sorted({r.account for r in _references(part.sections)}):
        other = topic_parts.get(Scope(account, part.scope.region))
        yield number[id(other)] if other else -1


def _references(value: Any) -> Iterable[Reference]:
    if isinstance(value, Reference):
        yield value
    elif isinstance(value, dict | list):
        for inside in value.values() if isinstance(value, dict) else value:
            yield from _references(inside)


def _assign_names(groups: Iterable[_Group], accounts: Mapping[str, Account]) -> None:
    """Name the specs: the first spec of an account has the account's name, the others have a suffix."""
    taken = {a.name for a in accounts.values()}
    first: set[str] = set()
    kinds = [(g.account, g.parts[0].kind) for g in groups]
    for group in groups:
        base, kind = accounts[group.account].name, group.parts[0].kind
        if group.account not in first:
            first.add(group.account)
            group.name = base
            continue
        suffix = "-delegate" if kind == "Delegate" and (group.account, "Owner") in kinds else ""
        if kinds.count((group.account, kind)) > 1:
            suffix += f"-{group.parts[0].scope.region}"
        group.name = _free(base, suffix, taken)
        taken.add(group.name)


def _free(base: str, suffix: str, taken: set[str]) -> str:
    endings = (suffix, *(f"{suffix}-{n}" for n in range(2, 1000)))
    return next(n for e in endings if (n := base[: _LONGEST_NAME - len(e)] + e) not in taken)


def _draft(group: _Group, topic_specs: Mapping[Scope, str], account: Account) -> SpecDraft:
    part = group.parts[0]
    data: dict[str, Any] = {
        "kind": part.kind,
        "name": group.name,
        "account": part.scope.account,
        "regions": sorted(p.scope.region for p in group.parts),
    }
    comments = dict(part.comments)
    if account.credentials:
        data["credentials"] = dict(account.credentials)
    if account.remark:
        comments["credentials",] = [account.remark]

    def name_of(reference: Reference) -> str:
        spec = topic_specs[Scope(reference.account, part.scope.region)]
        return reference.topic if spec == group.name else f"{spec}/{reference.topic}"

    for section in SECTIONS:
        if part.sections[section]:
            data[section] = _resolved(part.sections[section], name_of)
    return SpecDraft(data, {loc: tuple(texts) for loc, texts in comments.items() if texts})


def _resolved(value: Any, name_of: Any, key: str = "") -> Any:
    if isinstance(value, Reference):
        name = name_of(value)
        # The long form, because the name of the topic is a reserved word.
        return {"topic": name, "headers": False} if name == "unmanaged" and key not in ("topic", "sns") else name
    if isinstance(value, dict):
        return {k: _resolved(v, name_of, k) for k, v in value.items()}
    return [_resolved(v, name_of) for v in value] if isinstance(value, list) else value
