"""What left the specs: declared once and spoken of no more, so that it is to be absent. Pure: (old, new) → Desired."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from sesform.model.address import Access, Address, Scope
from sesform.specs.declared import Declared, Key
from sesform.specs.desired import Desired

_SAYS = "declared it, and no spec does any more"
_NOTIFICATIONS = ("notification_topic", "notification_headers")


def since(old: Desired, new: Desired, commit: str) -> Desired:
    """What `new` asks for, and that all be absent which `old`, the specs at `commit`, asked for and of which `new` says nothing.

    A thing is known by what AWS knows it by, not by its address: what a spec of another name or file speaks of has not left. Of an
    identity that no spec names any more, all that the old specs managed is taken back, as `absent` does.
    """
    leaving = _Leaving(old, new)
    gone = {d.address: d for d in leaving.declared()}
    accounts = sorted({a.account for of in (old, new) for a in of.access.values()})
    return replace(
        new,
        # What was let in to a topic for an account whose last spec has left may go too.
        declared={a: _for_accounts(d, accounts) for a, d in new.declared.items()} | gone,
        unmanaged=(*new.unmanaged, *leaving.unmanaged()),
        exclusive=new.exclusive | {address for address in gone if address.type == "configuration_set"},
        access={**leaving.access, **new.access},
        since=commit,
    )


def _for_accounts(declared: Declared, accounts: list[str]) -> Declared:
    if declared.address.type != "topic_policy" or declared.desired is None:
        return declared
    return replace(declared, desired={**declared.desired, "accounts": accounts})


class _Leaving:
    """What the old specs have and the new ones do not. `access` is that of the specs that are there no more."""

    def __init__(self, old: Desired, new: Desired) -> None:
        self.access: dict[str, Access] = {}
        self._old, self._new = old, new
        self._taken = set(new.declared)
        self._named = new.named
        self._identities = {(key[1], key[2][0]) for key in self._named if key[0] == "notification_topic"}
        asking = ((_identity(d), d) for d in old.declared.values() if _asks_for_something(d))
        # The identities that the old specs asked something for and that no spec names now, with the first thing asked.
        self._gone: dict[tuple[Scope, str], Declared] = {}
        for identity, declared in asking:
            if identity is not None and identity not in self._identities:
                self._gone.setdefault(identity, declared)
        self._staying = {d.aws_key: d for d in new.declared.values() if d.desired is not None}

    def declared(self) -> Iterator[Declared]:
        """What is to be absent. Of an identity that had no setting but null, nothing is."""
        for each in self._old.declared.values():
            if each.aws_key not in self._named and self._leaves(each):
                yield self._absent(each, self._address(each))
        for (scope, identity), first in self._gone.items():
            key = ("feedback_forwarding", scope, (identity,))
            if key not in self._old.left_alone and not identity.startswith("arn:"):
                address = replace(first.address, type="feedback_forwarding", key=identity)
                forwarding = replace(first, address=address, key={"identity": identity})
                yield self._absent(forwarding, self._address(forwarding))

    def unmanaged(self) -> Iterator[Declared]:
        """The settings that were left alone and are so still: a topic that one of them names must go on letting it publish."""
        for each in self._old.unmanaged:
            if _identity(each) not in self._identities:
                yield replace(each, address=self._address(each))

    def _leaves(self, old: Declared) -> bool:
        kind, identity = old.address.type, _identity(old)
        if kind in _NOTIFICATIONS:
            return identity in self._gone
        if kind == "feedback_forwarding":
            return identity in self._identities and old.desired is not None and not old.desired["enabled"]
        if old.desired is None or kind == "topic_policy":  # a policy goes with its topic only
            return False
        if kind == "subscription":  # a topic takes its subscriptions along
            return ("topic", old.scope, (old.key["topic_arn"],)) in self._staying
        if kind == "event_destination":  # as do sets; and exclusive ones let no other destination be
            parent = self._staying.get(("configuration_set", old.scope, (old.key["configuration_set"],)))
            return parent is not None and parent.address not in self._new.exclusive
        if kind == "ownership_tag" and ":identity/" not in old.key["arn"]:
            return self._stays_tagged(old)
        return True

    def _stays_tagged(self, old: Declared) -> bool:
        """Whether a topic or set whose tag has left stays itself, ours or not; if it goes, it takes the tag along."""
        arn = old.key["arn"]
        key: Key = ("topic", old.scope, (arn,))
        if ":configuration-set/" in arn:
            key = ("configuration_set", old.scope, (arn.partition("/")[2],))
        return key in self._staying or key in self._new.left_alone

    def _absent(self, old: Declared, address: Address) -> Declared:
        origin = old.origin._replace(says=_SAYS) if old.origin else None
        want = {**old.key, "enabled": True} if address.type == "feedback_forwarding" else None
        return replace(old, address=address, desired=want, origin=origin)

    def _address(self, old: Declared) -> Address:
        """Its old address; another where that means something else now, or the spec of that name is of another account."""
        key = old.key
        if old.address.type == "event_destination":
            parent = self._staying["configuration_set", old.scope, (key["configuration_set"],)].address
            return replace(old.address, spec=parent.spec)
        if old.address.type == "subscription":
            topic = self._staying["topic", old.scope, (key["topic_arn"],)].address
            return replace(old.address, spec=topic.spec, key=f"{topic.key}/{key['protocol']}/{key['endpoint']}")
        names = [old.address.key, *(arn.rsplit(":", 1)[-1] for arn in key.values()), "/".join(key.values())]
        addresses = [replace(old.address, spec=self._spec(old), key=name) for name in names]
        address = next(a for a in addresses if a not in self._taken)
        self._taken.add(address)
        return address

    def _spec(self, old: Declared) -> str:
        name, account = old.address.spec, old.scope.account
        if name not in self._new.access:
            self.access[name] = self._old.access[name]
        elif self._new.access[name].account != account:
            self.access[f"{name}@{account}"] = self._old.access[name]
            return f"{name}@{account}"  # no spec can have such a name
        return name


def _identity(of: Declared) -> tuple[Scope, str] | None:
    return (of.scope, of.key["identity"]) if "identity" in of.key else None


def _asks_for_something(of: Declared) -> bool:
    return of.desired is not None and not (of.address.type == "feedback_forwarding" and of.desired["enabled"])
