"""Plans with unusual consequences, each guard separately."""

from __future__ import annotations

import pytest

from scenes import DELEGATE_SCOPE, OWNER_SCOPE, identity_arn
from sesform.model.address import Address
from sesform.model.values import Properties
from sesform.planning import guards
from sesform.planning.guards import Allowed
from sesform.planning.plan import Action, Change, Plan, Unchanged
from sesform.planning.routes import Received, RouteChange, Subject

PARTNER = identity_arn("partner.example", "333333333333")
MAIL = ("mail to the sender",)


def change(action: Action, key: str) -> Change:
    place = Address("corp", "eu-west-1", "topic", key)
    before: Properties | None = None if action == "create" else {}
    after: Properties | None = None if action == "delete" else {}
    return Change(place, OWNER_SCOPE, action, before, after, "", 2, ())


def deleting(deleted: int, of: int) -> Plan:
    """A plan that deletes some settings of those that exist."""
    same = (Unchanged(Address("corp", "eu-west-1", "topic", f"same{i}"), {}) for i in range(of - deleted))
    return Plan(tuple(change("delete", f"gone{i}") for i in range(deleted)), tuple(same))


def changed(subject: Subject, before: tuple[str, ...], after: tuple[str, ...]) -> RouteChange:
    answers = (Received.YES if ways else Received.NO for ways in (before, after))
    return RouteChange(subject, before, after, *answers)


def losing(*events: str, name: str = "a.com", left: tuple[str, ...] = ()) -> Plan:
    """A plan after which an identity's events go other ways."""
    return Plan((), routes=tuple(changed(Subject(OWNER_SCOPE, "identity", name, e), MAIL, left) for e in events))


def emptying(name: str = PARTNER) -> Plan:
    lost = (changed(Subject(DELEGATE_SCOPE, "identity", name, e), ("x",), ()) for e in ("bounce", "delivery"))
    return Plan((), routes=tuple(lost), emptied=((DELEGATE_SCOPE, name),))


NONE = Allowed()
DARK, MASS, IRREVERSIBLE = losing("bounce"), deleting(10, 10), emptying()


def test_a_plan_that_loses_nothing_is_not_refused() -> None:
    """Creating and changing are what plans are for."""
    made = tuple(change("create", f"new{i}") for i in range(50))

    assert [] == guards.check(Plan((*made, change("update", "x"))), NONE)


@pytest.mark.parametrize(
    ("plan", "allowed", "flag"),
    [
        (DARK, Allowed(dark=True), "--allow-dark"),
        (MASS, Allowed(mass_change=True), "--allow-mass-change"),
        (IRREVERSIBLE, Allowed(irreversible=True), "--allow-irreversible"),
    ],
)
def test_each_refusal_names_the_flag_that_allows_it(plan: Plan, allowed: Allowed, flag: str) -> None:
    """Who means it is told how to say so, and is believed."""
    (refusal,) = guards.check(plan, NONE)

    assert refusal.hint.endswith(f"or pass {flag}")
    assert "error" == refusal.severity
    assert [] == guards.check(plan, allowed)


@pytest.mark.parametrize(
    ("plan", "allowed"),
    [
        (DARK, Allowed(mass_change=True, irreversible=True)),
        (MASS, Allowed(dark=True, irreversible=True)),
        (IRREVERSIBLE, Allowed(dark=True, mass_change=True)),
    ],
)
def test_a_flag_allows_nothing_but_its_own(plan: Plan, allowed: Allowed) -> None:
    """Whoever allows one thing has not allowed another."""
    assert 1 == len(guards.check(plan, allowed))


# --- in the dark ------------------------------------------------------------------------------------------------------


def test_an_identity_in_the_dark_is_one_refusal_with_all_that_it_loses() -> None:
    """Bounces and complaints of one identity are told together, with the ways that they take now."""
    (refusal,) = guards.check(losing("bounce", "complaint"), NONE)

    assert (
        "the plan leaves identity a.com in 111111111111/eu-west-1 with no receiver for "
        "bounces (now: mail to the sender; after the plan: no route) and "
        "complaints (now: mail to the sender; after the plan: no route)"
    ) == refusal.summary


def test_every_route_of_an_event_in_the_dark_is_told() -> None:
    """Both routes before the plan, and both that have no receiver after it; the hint says what to keep."""
    subject = Subject(OWNER_SCOPE, "identity", "a.com", "bounce")
    lost = RouteChange(subject, (*MAIL, "topic x"), ("topic y (dead)", "topic z (dead)"), Received.YES, Received.NO)
    (refusal,) = guards.check(Plan((), routes=(lost,)), NONE)

    assert (
        "the plan leaves identity a.com in 111111111111/eu-west-1 with no receiver for "
        "bounces (now: mail to the sender, topic x; after the plan: topic y (dead), topic z (dead))"
    ) == refusal.summary
    assert (
        "keep forwarding, a topic with a confirmed subscription or a default configuration set, or pass --allow-dark"
        == refusal.hint
    )


def test_each_identity_in_the_dark_is_a_refusal() -> None:
    """One of them does not hide the other."""
    both = Plan((), routes=losing("bounce", name="a.com").routes + losing("bounce", name="b.com").routes)

    assert ["a.com", "b.com"] == [p.summary.split()[4] for p in guards.check(both, NONE)]


@pytest.mark.parametrize("plan", [losing("delivery"), losing("bounce", left=("x",)), losing("bounce", name=PARTNER)])
def test_what_is_not_in_the_dark(plan: Plan) -> None:
    """Deliveries are no duty, one way is enough, and the ways of a foreign identity are its owner's."""
    assert [] == guards.check(plan, NONE)


# --- many deletions ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("refused", "deleted", "existing"),
    [(False, 9, 9), (True, 10, 10), (True, 10, 33), (False, 10, 34), (False, 30, 100), (True, 31, 100)],
)
def test_many_deletions_are_ten_and_more_than_three_tenths(refused: bool, deleted: int, existing: int) -> None:
    """Few settings may all go, and a large specs may lose a few."""
    assert refused is bool(guards.check(deleting(deleted, existing), NONE))


def test_the_numbers_of_deletions_are_told() -> None:
    """Who reads the refusal sees how much would go."""
    (refusal,) = guards.check(deleting(12, 24), NONE)

    assert "the plan deletes 12 of 24 resources (50.0%; the limit is 30% from 10 deletions)" == refusal.summary


def test_what_is_created_does_not_count_as_existing() -> None:
    """Many new settings do not make many deletions few."""
    made = tuple(change("create", f"new{i}") for i in range(100))

    assert 1 == len(guards.check(Plan(deleting(10, 10).changes + made), NONE))


def test_what_is_changed_counts_as_existing() -> None:
    """A setting that is changed is one that is not lost."""
    changed = tuple(change("update", f"other{i}") for i in range(24))

    assert [] == guards.check(Plan(deleting(10, 10).changes + changed), NONE)


def test_a_replacement_is_no_deletion() -> None:
    """What goes and comes again is there afterwards."""
    replaced = tuple(change(action, f"x{i}") for i in range(20) for action in ("delete", "create"))

    assert [] == guards.check(Plan(replaced), NONE)


def test_a_setting_counts_once_however_many_steps_it_takes() -> None:
    """Nine settings are nine, also where something else happens to them first."""
    steps = tuple(change(action, f"x{i}") for i in range(9) for action in ("update", "delete"))

    assert [] == guards.check(Plan(steps), NONE)


# --- what cannot be made again ----------------------------------------------------------------------------------------


def test_an_emptied_entry_is_told_with_its_last_types() -> None:
    """Who reads the refusal sees what would be gone for good."""
    (refusal,) = guards.check(emptying(), NONE)

    assert (
        f"the plan clears the last types (bounce, delivery) of the cross-account entry {PARTNER}; "
        "AWS does not allow creating it again"
    ) == refusal.summary


def test_the_types_of_an_entry_are_those_of_its_own_scope() -> None:
    """What another delegate sets for the same identity is another entry."""
    elsewhere = changed(Subject(OWNER_SCOPE, "identity", PARTNER, "complaint"), ("x",), ())
    plan = Plan((), routes=(*emptying().routes, elsewhere), emptied=((DELEGATE_SCOPE, PARTNER),))
    (refusal,) = guards.check(plan, NONE)

    assert "(bounce, delivery)" in refusal.summary
