"""Checks of identities: identities and default sets that do not exist, and settings that SES refuses."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from sesform.errors import Problem
from sesform.live.snapshot import Snapshot
from sesform.model.address import Scope
from sesform.planning import shadowing
from sesform.planning.plan import Change, of_type
from sesform.planning.planned_state import PlannedState
from sesform.planning.routes import VITAL, Matrix, Route, Subject
from sesform.resources import RESOURCES
from sesform.specs.declared import Declared, covering_identity
from sesform.specs.desired import Desired

_VERIFIED = "Success"
_UNVERIFIED = "its settings are kept; SES does not send mail with it before it is verified"


_VERIFY = (
    "verify it there, correct the account or regions, or declare it absent. A new identity can take a minute to appear"
)


def is_missing(declared: Declared, snapshot: Snapshot) -> bool:
    """Return whether a resource belongs to an identity that SES does not know. Identities of other accounts are never missing."""
    identity = _identity_of(declared)
    return bool(identity) and not identity.startswith("arn:") and (declared.scope, identity) not in snapshot.identities


def _identity_of(declared: Declared) -> str:
    return RESOURCES[declared.address.type].identity(declared.key)


def identities(
    desired: Desired, snapshot: Snapshot, changes: Sequence[Change], state: PlannedState, routes: Matrix
) -> list[Problem]:
    """Return problems of identities that do not exist or are not verified, and of settings that SES refuses."""
    by_identity: dict[tuple[Scope, str], list[Declared]] = defaultdict(list)
    for declared in desired.declared.values():
        key = declared.scope, _identity_of(declared)
        if not key[1] or key[1].startswith("arn:") or declared.address in snapshot.unreadable:
            continue
        facts = snapshot.identities.get(key)
        if facts is None or facts.verification != _VERIFIED:
            by_identity[key].append(declared)
    verified = shadowing.verified_names(snapshot) if by_identity else {}
    found: list[Problem] = []
    for (scope, identity), settings in by_identity.items():
        facts = snapshot.identities.get((scope, identity))
        asking = [d for d in settings if _asks_for_something(d)]
        if facts is None and asking:
            # SES also returns nothing for an identity that was created a moment ago (ansible/ansible#36065).
            text = f"identity {identity} does not exist in {scope}"
            wider = covering_identity(identity, verified.get(scope, ()))
            problem = asking[0].problem(f"{text}; its mail follows the settings of {wider}" if wider else text, _VERIFY)
        elif facts is not None:
            # SES accepts settings of unverified identities (seen on AWS: hashicorp/terraform-provider-aws acceptance tests).
            text = f"identity {identity} is not verified in {scope} (SES status: {facts.verification or 'none'})"
            wider = covering_identity(identity, verified.get(scope, ()))
            covered = f"until it is verified, its mail follows the settings of {wider}, and not its own"
            problem = settings[0].problem(text, covered if wider else _UNVERIFIED, warning=True)
        else:
            continue
        found.append(replace(problem, concerns=tuple(str(d.address) for d in settings)))
    return found + list(_forwarding_off(desired, snapshot, changes, state, routes))


def configuration_sets(desired: Desired, snapshot: Snapshot, changes: Iterable[Change]) -> list[Problem]:
    """Return problems of default configuration sets that do not exist and that the plan does not create."""
    made = {(c.scope, c.after["configuration_set"]) for c in of_type(changes, "configuration_set") if c.after}
    known = snapshot.configuration_sets | made
    unread = {(a.spec, a.region) for a in snapshot.unreadable}
    found = []
    for declared in desired.declared.values():
        name = RESOURCES[declared.address.type].default_set(declared.desired) if declared.desired else ""
        if not name:
            continue
        if (declared.scope, name) not in known and (declared.address.spec, declared.address.region) not in unread:
            text = f"configuration set {name} does not exist in {declared.scope}"
            found.append(declared.problem(text, "declare it under `configuration_sets`, or correct the name"))
    return found


def _asks_for_something(declared: Declared) -> bool:
    # An absent identity has forwarding on; an identity that does not exist needs no step for that.
    return declared.desired not in (None, RESOURCES[declared.address.type].absent(declared.key))


def _forwarding_off(
    desired: Desired, snapshot: Snapshot, changes: Iterable[Change], state: PlannedState, routes: Matrix
) -> Iterable[Problem]:
    """Yield problems of identities with forwarding off and no topic for bounces or complaints.

    SES allows that where a default configuration set carries them (hashicorp/terraform-provider-aws#4182), and lets no topic be
    cleared while forwarding is off (SES API reference, SetIdentityNotificationTopic).
    """
    touched: dict[tuple[Scope, str], list[Change]] = defaultdict(list)
    for change in (*of_type(changes, "notification_topic"), *of_type(changes, "feedback_forwarding")):
        touched[change.scope, (change.after or change.before or {})["identity"]].append(change)
    for (scope, identity), found in touched.items():
        if (scope, identity) not in snapshot.identities or identity.startswith("arn:"):
            continue
        forwarding = state.after["feedback_forwarding", scope, (identity,)]["enabled"]
        dark = [t for t in VITAL if ("notification_topic", scope, (identity, t)) not in state.after]
        if forwarding or not dark:
            continue
        cleared = [c for c in found if c.after is None and c.before and c.before["notification_type"] in dark]
        text = f"identity {identity} would have e-mail forwarding off and no topic for {' and '.join(dark)}"
        if cleared:
            hint = "turn feedback_forwarding on with the plan that removes the topics, and off with the next one"
            yield desired.problem(cleared[0].address, f"{text}; SES refuses to clear a topic then", hint)
        elif not all(_by_default_set(routes[Subject(scope, "identity", identity, event)]) for event in dark):
            hint = "declare feedback_forwarding: true, a topic, or a default configuration set with event destinations"
            yield desired.problem(found[0].address, f"{text}, and no event destination for it", hint)


def _by_default_set(routes: Iterable[Route]) -> bool:
    return any(route.by_default and not route.verdict.denied for route in routes)
