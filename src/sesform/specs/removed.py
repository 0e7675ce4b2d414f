"""Resources declared at an earlier commit and no longer declared: planned for deletion. Pure: (earlier, current) to Desired."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple, Protocol

from sesform.model.address import Access, Address, Scope
from sesform.model.values import Properties
from sesform.specs.declared import Declared, Key
from sesform.specs.desired import Desired

_SAYS = "declared it at an earlier commit, and no spec declares it now"


class Parent(NamedTuple):
    """The resource that another one is a part of. `declared`: it counts only if a spec declares it."""

    type: str
    key: tuple[str, ...]
    declared: bool = True


class RemovalRules(Protocol):
    """What the removal of a resource means for its type. The resource types are such rules."""

    @property
    def listed_by(self) -> str | None: ...
    @property
    def removed_alone(self) -> bool: ...
    @property
    def reset_with_identity(self) -> bool: ...
    @property
    def forced_with_identity(self) -> bool: ...
    def removed_with(self, key: Mapping[str, str]) -> Parent | None: ...
    def absent(self, key: Mapping[str, str]) -> Properties | None: ...
    def for_accounts(self, desired: Properties, accounts: list[str]) -> Properties: ...


Rules = Mapping[str, RemovalRules]


def since(earlier: Desired, current: Desired, commit: str, rules: Rules) -> Desired:
    """Return `current` with everything absent that `earlier`, the specs at `commit`, declare and `current` does not name.

    Resources are compared by their key in AWS, not by their address: a resource that a spec of another name or file declares now is
    not removed. All managed settings of an identity that no spec names any more are reset. `rules`: by type.
    """
    removed = _Removed(earlier, current, rules)
    gone = {d.address: d for d in removed.declared()}
    accounts = sorted({a.account for of in (earlier, current) for a in of.access.values()})
    listing = {each.listed_by for each in rules.values()}
    return replace(
        current,
        # Publishers of an account whose last spec was removed may lose their right to publish.
        declared={a: _for_accounts(d, accounts, rules) for a, d in current.declared.items()} | gone,
        unmanaged=(*current.unmanaged, *removed.unmanaged()),
        exclusive=current.exclusive | {address for address in gone if address.type in listing},
        access={**removed.access, **current.access},
        since=commit,
    )


def _for_accounts(declared: Declared, accounts: list[str], rules: Rules) -> Declared:
    if declared.desired is None:
        return declared
    desired = rules[declared.address.type].for_accounts(declared.desired, accounts)
    return declared if desired is declared.desired else replace(declared, desired=desired)


class _Removed:
    """What the earlier specs declare and the current ones do not. `access`: of specs that no longer exist."""

    def __init__(self, earlier: Desired, current: Desired, rules: Rules) -> None:
        self.access: dict[str, Access] = {}
        self._earlier, self._current, self._rules = earlier, current, rules
        self._taken = set(current.declared)
        self._named = current.named
        self._identities = current.identities
        asking = ((_identity(d), d) for d in earlier.declared.values() if self._asks_for_something(d))
        # Identities with a setting in the earlier specs that no spec names now, with the first such setting.
        self._gone: dict[tuple[Scope, str], Declared] = {}
        for identity, declared in asking:
            if identity is not None and identity not in self._identities:
                self._gone.setdefault(identity, declared)
        self._staying = {d.aws_key: d for d in current.declared.values() if d.desired is not None}

    def declared(self) -> Iterator[Declared]:
        """Yield what must be absent. An identity whose settings were all null is not reset."""
        for each in self._earlier.declared.values():
            if each.aws_key not in self._named and self._is_removed(each):
                yield self._absent(each, self._address(each))
        forced = [name for name, rules in self._rules.items() if rules.forced_with_identity]
        for (scope, identity), first in self._gone.items():
            for type_ in forced if not identity.startswith("arn:") else ():
                if (type_, scope, (identity,)) not in self._earlier.left_alone:
                    address = replace(first.address, type=type_, key=identity)
                    setting = replace(first, address=address, key={"identity": identity})
                    yield self._absent(setting, self._address(setting))

    def unmanaged(self) -> Iterator[Declared]:
        """Yield the settings that are still unmanaged: a topic that one of them uses must keep allowing it."""
        for each in self._earlier.unmanaged:
            if _identity(each) not in self._identities:
                yield replace(each, address=self._address(each))

    def _is_removed(self, old: Declared) -> bool:
        rules, identity = self._rules[old.address.type], _identity(old)
        if rules.reset_with_identity:
            return identity in self._gone
        if rules.forced_with_identity:
            return identity in self._identities and self._asks_for_something(old)
        if old.desired is None or not rules.removed_alone:
            return False
        parent = rules.removed_with(old.key)
        return parent is None or self._stays(parent, old, rules)

    def _stays(self, parent: Parent, old: Declared, rules: RemovalRules) -> bool:
        """Whether a parent stays. A parent that is deleted is deleted with its parts."""
        key: Key = (parent.type, old.scope, parent.key)
        staying = self._staying.get(key)
        if staying is None:
            return not parent.declared and key in self._current.left_alone
        # An exclusive parent deletes by itself what it does not list.
        return rules.listed_by is None or staying.address not in self._current.exclusive

    def _absent(self, old: Declared, address: Address) -> Declared:
        origin = old.origin._replace(says=_SAYS) if old.origin else None
        return replace(old, address=address, desired=self._rules[address.type].absent(old.key), origin=origin)

    def _address(self, old: Declared) -> Address:
        """Return the old address, or another one if the old one has another meaning now."""
        values = tuple(old.key.values())
        parent = self._rules[old.address.type].removed_with(old.key)
        if parent is not None and parent.declared:
            staying = self._staying[parent.type, old.scope, parent.key].address
            return replace(old.address, spec=staying.spec, key="/".join([staying.key, *values[len(parent.key) :]]))
        names = [old.address.key, *(arn.rsplit(":", 1)[-1] for arn in values), "/".join(values)]
        addresses = [replace(old.address, spec=self._spec(old), key=name) for name in names]
        address = next(a for a in addresses if a not in self._taken)
        self._taken.add(address)
        return address

    def _spec(self, old: Declared) -> str:
        name, account = old.address.spec, old.scope.account
        if name not in self._current.access:
            self.access[name] = self._earlier.access[name]
        elif self._current.access[name].account != account:
            self.access[f"{name}@{account}"] = self._earlier.access[name]
            return f"{name}@{account}"  # a name that no spec can have
        return name

    def _asks_for_something(self, of: Declared) -> bool:
        return of.desired is not None and of.desired != self._rules[of.address.type].absent(of.key)


def _identity(of: Declared) -> tuple[Scope, str] | None:
    return (of.scope, of.key["identity"]) if "identity" in of.key else None
