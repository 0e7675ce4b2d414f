"""Who sends a test message: the account, the identity, and the address. Pure."""

from __future__ import annotations

import fnmatch
from collections import defaultdict
from collections.abc import Mapping
from typing import Any, NamedTuple

from sesform.model import arns
from sesform.model.address import Scope
from sesform.specs.declared import Declared, canonical_identity
from sesform.specs.desired import Desired

_LOCAL_PART = "sesform-verify"


class Sender(NamedTuple):
    """The sender of a message. `spec`: whose credentials. `identity_arn`: of the identity. `foreign`: of another account.

    `policy`: the address of the sending policy that allows it, "" if it is the owner or no loaded spec has the policy.
    """

    spec: str
    scope: Scope
    address: str
    identity_arn: str
    foreign: bool = False
    policy: str = ""

    @property
    def identity(self) -> str:
        return self.identity_arn.partition(":identity/")[2]


class Senders:
    """The senders of the specs. `from_address`: the address for the identities that it belongs to."""

    def __init__(self, desired: Desired, from_address: str = "") -> None:
        self._desired, self._from = desired, from_address
        self._delegates = _delegates(desired)
        self._own: dict[Scope, list[Declared]] = defaultdict(list)  # in the order of the specs
        self._foreign: dict[Scope, list[Sender]] = defaultdict(list)
        for declared in desired.declared.values():
            identity = declared.key.get("identity")
            if identity and not identity.startswith("arn:"):
                self._own[declared.scope].append(declared)
            elif identity:
                self._foreign[declared.scope].append(self.foreign(declared, identity))
        for (scope, identity), found in self._delegates.items():
            for spec, where, policy in found:
                self._foreign[where].append(self._sender(spec, where, arns.identity(scope, identity), policy))

    def of_identity(self, declared: Declared) -> list[Sender]:
        """Return who sends with the identity of a notification topic: the delegates that may, or else its account."""
        identity = declared.key["identity"]
        if identity.startswith("arn:"):
            return [self.foreign(declared, identity)]
        arn = arns.identity(declared.scope, identity)
        found = self._delegates.get((declared.scope, identity), ())
        return [self._sender(spec, scope, arn, policy) for spec, scope, policy in found] or [self.owner(declared)]

    def owner(self, declared: Declared) -> Sender:
        arn = arns.identity(declared.scope, declared.key["identity"])
        return Sender(declared.address.spec, declared.scope, self._address(declared.key["identity"]), arn)

    def foreign(self, declared: Declared, identity_arn: str) -> Sender:
        """Return the account of a declared resource as the sender with another account's identity."""
        return self._sender(declared.address.spec, declared.scope, identity_arn, "")

    def of_set(self, destination: Declared) -> Sender | None:
        """Return who sends a message that names the set of a destination; None if no identity is known for its account.

        The identity that `from_address` belongs to, else one whose default the set is, else any of the account, else one that
        it may send with.
        """
        own = self._own[destination.scope]
        defaults = {
            d.key["identity"]
            for d in self._desired.of_type("default_configuration_set")
            if d.scope == destination.scope
            and (d.desired or {}).get("configuration_set") == destination.key["configuration_set"]
        }
        candidates = [self.owner(d) for d in own if d.key["identity"] in defaults]
        candidates += [self.owner(d) for d in own]
        candidates += self._foreign[destination.scope]
        fitting = [sender for sender in candidates if sender.address == self._from]
        return next(iter([*fitting, *candidates]), None)

    def _sender(self, spec: str, scope: Scope, identity_arn: str, policy: str) -> Sender:
        address = self._address(identity_arn.partition(":identity/")[2])
        return Sender(spec, scope, address, identity_arn, True, policy)

    def _address(self, identity: str) -> str:
        if self._from and covers(identity, self._from):
            return self._from
        return identity if "@" in identity else f"{_LOCAL_PART}@{identity}"


def covers(identity: str, address: str) -> bool:
    """Return whether an address belongs to an identity: it is the identity, or is of its domain or a subdomain."""
    if "@" in identity:
        return identity == address
    domain = canonical_identity(address.rpartition("@")[2])
    return domain == identity or domain.endswith(f".{identity}")


_Delegate = tuple[str, Scope, str]  # spec, scope, and the address of the policy


def _delegates(desired: Desired) -> dict[tuple[Scope, str], list[_Delegate]]:
    """Return, by identity, the accounts of loaded specs that its declared sending policies let send."""
    specs: dict[tuple[str, str], str] = {}
    for name in sorted(desired.specs):
        spec = desired.specs[name].spec
        for region in spec.regions:
            specs.setdefault((spec.account, region), name)
    found: dict[tuple[Scope, str], list[_Delegate]] = defaultdict(list)
    for declared in desired.of_type("sending_policy"):
        known = found[declared.scope, declared.key["identity"]]
        for account in _allowed_accounts((declared.desired or {}).get("policy", {})):
            spec_name = specs.get((account, declared.scope.region))
            scope = Scope(account, declared.scope.region)
            if spec_name and scope != declared.scope and scope not in {each[1] for each in known}:
                known.append((spec_name, scope, str(declared.address)))
    return {key: delegates for key, delegates in found.items() if delegates}


def _allowed_accounts(policy: Mapping[str, Any]) -> list[str]:
    """Return the accounts that a policy allows to send simple messages, in order."""
    found: dict[str, None] = {}
    for statement in _listed(policy.get("Statement")):
        actions = [str(action).lower() for action in _listed(statement.get("Action"))]
        allows = statement.get("Effect") == "Allow" and any(fnmatch.fnmatchcase("ses:sendemail", a) for a in actions)
        principal = statement.get("Principal")
        for name in _listed(principal.get("AWS")) if allows and isinstance(principal, Mapping) else ():
            arn = arns.parse(str(name))
            found[arn.account if arn else str(name)] = None
    return list(found)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [] if value is None else [value]
