"""Shadowing: identities whose mail follows other settings than one would expect from the specs. Pure.

A verified subdomain or address has settings of its own, and none of its domain's; an address that is not verified has those of its
domain. Sources: AWS developer guide, "Creating and verifying identities in Amazon SES"; hashicorp/terraform-provider-aws#41634.
"""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

from sesform.errors import Problem
from sesform.live.snapshot import Snapshot
from sesform.model.address import Scope
from sesform.planning.routes import Matrix, Route, Subject
from sesform.specs.declared import covering_identity
from sesform.specs.desired import Desired

_VERIFIED = "Success"
_NAMED = 5  # identities that a message names; it counts the rest


class Shadowed(NamedTuple):
    """A declared identity, and the verified narrower ones that no spec names."""

    scope: Scope
    identity: str
    by: tuple[str, ...]

    def __str__(self) -> str:
        one = len(self.by) == 1
        more = f" and {len(self.by) - _NAMED} more" if len(self.by) > _NAMED else ""
        return (
            f"mail of {', '.join(self.by[:_NAMED])}{more} follows {'its' if one else 'their'} own settings and not those of "
            f"{self.identity}; no spec names {'it' if one else 'them'}"
        )


def shadowed(desired: Desired, snapshot: Snapshot) -> list[Shadowed]:
    """Return the declared identities that undeclared narrower ones shadow, in order."""
    found: dict[tuple[Scope, str], list[str]] = defaultdict(list)
    by_scope: dict[Scope, set[str]] = defaultdict(set)
    for where, name in desired.identities if snapshot.listed else ():
        by_scope[where].add(name)
    for scope, listed in snapshot.listed.items():
        declared = by_scope[scope]
        for name, status in listed.items():
            wider = covering_identity(name, declared) if status == _VERIFIED and name not in declared else ""
            if wider:
                found[scope, wider].append(name)
    return [Shadowed(scope, name, tuple(sorted(by))) for (scope, name), by in sorted(found.items())]


def warnings(desired: Desired, snapshot: Snapshot) -> list[Problem]:
    """Return a warning for each declared identity that undeclared narrower ones shadow."""
    found = shadowed(desired, snapshot)
    places = (
        {(d.scope, d.key["identity"]): d for d in desired.declared.values() if "identity" in d.key} if found else {}
    )
    hint = "declare them too, or delete them in SES"
    return [
        places[each.scope, each.identity].problem(str(each), hint, warning=True)
        if (each.scope, each.identity) in places
        else Problem(str(each), hint=hint, severity="warning")
        for each in found
    ]


def policies_at_both_levels(desired: Desired) -> list[Problem]:
    """Return warnings of identities that declare sending policies, as a domain that covers them does.

    AWS documents that those of an address override those of its domain. Users saw that SES consults those of the identity whose
    ARN the sender passes (awsdocs/amazon-ses-developer-guide#13).
    """
    declared = [d for d in desired.of_type("sending_policy") if d.desired is not None]
    names: dict[Scope, set[str]] = defaultdict(set)
    for each in declared:
        names[each.scope].add(each.key["identity"])
    found: dict[tuple[Scope, str], Problem] = {}
    for each in declared:
        identity = each.key["identity"]
        wider = covering_identity(identity, names[each.scope])
        if wider:
            text = f"identity {identity} and {wider}, which covers it, both have sending policies"
            hint = "SES consults the policies of the identity whose ARN a sender passes; declare them at one of the two"
            found.setdefault((each.scope, identity), each.problem(text, hint, warning=True))
    return list(found.values())


def verified_names(snapshot: Snapshot) -> dict[Scope, set[str]]:
    """Return the verified identities of each scope. Mail of an unverified or missing identity follows those that cover it."""
    return {
        scope: {name for name, status in listed.items() if status == _VERIFIED}
        for scope, listed in snapshot.listed.items()
    }


def effective(of: Matrix, snapshot: Snapshot) -> Matrix:
    """Return the routes with those of the wider identity in place of an unverified one's own."""
    verified = verified_names(snapshot)
    found: dict[Subject, tuple[Route, ...]] = {}
    for subject in of if verified else ():
        listed = snapshot.listed.get(subject.scope, {})
        if subject.kind == "identity" and listed.get(subject.name, _VERIFIED) != _VERIFIED:
            wider = covering_identity(subject.name, verified[subject.scope])
            if wider:
                found[subject] = of.get(subject._replace(name=wider), ())
    return {**of, **found} if found else of
