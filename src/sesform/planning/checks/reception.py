"""Checks of reception: identities whose bounces or complaints have no receiver."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from sesform.model.address import Scope
from sesform.planning.plan import Plan
from sesform.planning.routes import VITAL, Matrix, Received, Subject, received
from sesform.specs.declared import Declared
from sesform.specs.desired import Desired


def unheard(of: Matrix, desired: Desired) -> tuple[Subject, ...]:
    """Return the bounces and complaints of the specs' identities that have no receiver, without those that are not known."""
    found = [
        subject
        for subject, routes in of.items()
        if subject.kind == "identity"
        and subject.event in VITAL
        and received(routes) is Received.NO
        and not subject.name.startswith("arn:")
    ]
    declared = desired.identities if found else frozenset()
    return tuple(sorted(subject for subject in found if (subject.scope, subject.name) in declared))


def with_warnings(of: Plan, matrix: Matrix, desired: Desired) -> Plan:
    """Return the plan with a warning for each of its identities whose bounces or complaints have no receiver.

    `matrix`: the routes after the plan. Where the plan itself takes the last receiver away, a guard refuses it instead.
    """
    lost = {change.subject for change in of.routes if change.lost}
    by_identity: dict[tuple[Scope, str], list[Subject]] = defaultdict(list)
    for subject in of.unheard:
        if subject not in lost:
            by_identity[subject.scope, subject.name].append(subject)
    places = {(d.scope, d.key["identity"]): d for d in reversed(_of_identities(desired))} if by_identity else {}
    warnings = []
    for key, subjects in by_identity.items():
        events = " and ".join(f"{subject.event}s" for subject in subjects)
        reasons = dict.fromkeys(f"{r}{r.remark}" for s in subjects for r in matrix[s])
        text = f"{events} of identity {key[1]} have no receiver: {'; '.join(reasons) or 'no route'}"
        hint = "repair or add a route, or turn feedback_forwarding on"
        warnings.append(places[key].problem(text, hint, warning=True))
    return replace(of, diagnostics=(*of.diagnostics, *warnings))


def _of_identities(desired: Desired) -> list[Declared]:
    found: Iterable[Declared] = (*desired.declared.values(), *desired.unmanaged)
    return [declared for declared in found if "identity" in declared.key]
