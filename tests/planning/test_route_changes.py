"""Whose routes a plan changes, and which foreign entries it leaves empty."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given

from scenes import (
    DELEGATE_SCOPE,
    OWNER_SCOPE,
    bare,
    compiled,
    delegate,
    holding,
    identity_arn,
    owner,
    plan_between,
    topic_arn,
)
from sesform.live.snapshot import IdentityFacts, Snapshot
from sesform.model.address import Scope
from sesform.planning import planner, route_changes
from sesform.planning.plan import Plan
from sesform.planning.planned_state import live_resources, planned_state
from sesform.planning.routes import Received, Route, RouteChange, Subject
from sesform.specs.desired import Desired
from strategies import random_specs

T, U = topic_arn("t"), topic_arn("u")


def changed(subject: Subject, before: tuple[str, ...], after: tuple[str, ...]) -> RouteChange:
    """A change of routes that count unless they say that they do not."""

    def received(texts: tuple[str, ...]) -> Received:
        return Received.YES if any("(not received: " not in text for text in texts) else Received.NO

    return RouteChange(subject, before, after, received(before), received(after))


PARTNER = identity_arn("partner.example", "333333333333")
BOUNCE, COMPLAINT, DELIVERY = (
    Subject(OWNER_SCOPE, "identity", "a.com", e) for e in ("bounce", "complaint", "delivery")
)
MAIL = "mail to the sender"
SETTING = "topics: {t: {}, u: {}}\nidentities: {a.com: {%s}}\n"


def between(before: str, after: str) -> Plan:
    return plan_between(owner(SETTING % before), owner(SETTING % after))


# --- routes -----------------------------------------------------------------------------------------------------------


def test_the_routes_of_a_plan_are_those_before_and_those_after() -> None:
    """A topic that moves is told with both ways, beside the mail that stays."""
    plan = between("notifications: {bounce: t}", "notifications: {bounce: u}")

    assert (changed(BOUNCE, (MAIL, f"topic {T}"), (MAIL, f"topic {U}")),) == plan.routes


def test_a_plan_that_moves_no_feedback_has_no_routes() -> None:
    """Headers and policies change, and everybody hears what they heard."""
    plan = between("notifications: {bounce: t}", "notifications: {bounce: {topic: t, headers: true}}")

    assert plan.changes
    assert () == plan.routes


def test_forwarding_that_goes_off_is_a_route_that_goes() -> None:
    """Mail to the sender is a way like any other."""
    both = "notifications: {bounce: t, complaint: t}"
    plan = between(f"{both}, feedback_forwarding: true", f"{both}, feedback_forwarding: false")

    assert (
        changed(BOUNCE, (MAIL, f"topic {T}"), (f"topic {T}",)),
        changed(COMPLAINT, (MAIL, f"topic {T}"), (f"topic {T}",)),
    ) == plan.routes


def test_a_destination_changes_the_routes_of_the_identities_that_its_set_is_the_default_of() -> None:
    """Whose mail takes another way is told for the set, and for the identity that sends by it."""
    text = owner(
        "topics: {t: {}}\nconfiguration_sets: {c: {event_destinations: {%s}}}\n"
        "identities: {a.com: {default_configuration_set: c}}\n"
    )
    plan = plan_between(text % "", text % "d: {events: [delivery], sns: t}")

    assert (
        changed(Subject(OWNER_SCOPE, "configuration set", "c", "delivery"), (), (f"destination d: topic {T}",)),
        changed(DELIVERY, (), (f"destination d: topic {T} (by default set c)",)),
    ) == plan.routes


def test_a_replaced_destination_is_not_told_by_its_stand_in() -> None:
    """Only the ways before the first step and after the last one count."""
    text = owner("topics: {t: {}}\nconfiguration_sets: {c: {event_destinations: {d: {events: [bounce], %s}}}}\n")
    plan = plan_between(text % "eventbridge: default", text % "sns: t")

    assert (
        changed(
            Subject(OWNER_SCOPE, "configuration set", "c", "bounce"),
            ("destination d: eventbridge",),
            (f"destination d: topic {T}",),
        ),
    ) == plan.routes


def test_an_unmanaged_topic_is_a_route_before_and_after() -> None:
    """What sesform leaves alone carries feedback all the same."""
    desired = compiled(owner(SETTING % "notifications: {bounce: unmanaged, delivery: u}"))
    held = Snapshot(identities={(OWNER_SCOPE, "a.com"): IdentityFacts({"bounce": T}, True, "Success")})
    plan = planner.plan(desired, held)

    found = [(c.subject, c.before, c.after) for c in plan.routes if c.subject == DELIVERY]

    assert [(DELIVERY, (), (f"topic {U} (not received: it has no subscription)",))] == found
    assert (MAIL, f"topic {T}") == tuple(map(str, route_changes.live_routes(desired, held)[BOUNCE]))


def routed(of: Plan, desired: Desired, held: Snapshot, plan: Plan) -> Plan:
    """The plan with the routes that the changes of another plan lead to."""
    state = planned_state(live_resources(desired, held), held, plan.changes)
    return route_changes.routed(of, state, route_changes.planned_routes(state, held, plan.changes), desired, held)


def test_a_part_of_a_plan_has_the_routes_of_that_part() -> None:
    """What was not chosen keeps its ways."""
    desired, held = compiled(owner(SETTING % "notifications: {bounce: t, complaint: t}")), bare("a.com")
    part = planner.chosen(planner.plan(desired, held), lambda address: address.endswith("/bounce"))

    assert [BOUNCE] == [c.subject for c in routed(part, desired, held, part).routes]


def test_routes_as_they_are_come_from_all_that_was_found() -> None:
    """Topics, destinations, forwarding and default sets are read together."""
    text = owner(
        "topics: {t: {}}\nconfiguration_sets: {c: {event_destinations: {d: {events: [bounce], sns: t}}}}\n"
        "identities: {a.com: {notifications: {complaint: t}, default_configuration_set: c}}\n"
    )
    desired = compiled(text)
    found = route_changes.live_routes(desired, holding(desired))

    assert (Route("mail"), Route("sns", T, "d", "c")) == found[BOUNCE]
    assert (Route("mail"), Route("topic", T)) == found[COMPLAINT]


# --- emptied entries --------------------------------------------------------------------------------------------------

OTHER_SCOPE = Scope("444444444444", "eu-west-1")
ENTRY = f"topics: {{f: {{}}}}\ncross_account_notifications: {{'{PARTNER}': %s}}\n"


def two_delegates(one: str, other: str) -> str:
    second = delegate(ENTRY % other).replace(DELEGATE_SCOPE.account, OTHER_SCOPE.account).replace("mailer", "other")
    return delegate(ENTRY % one) + "---\n" + second


def test_an_entry_that_loses_its_last_topic_is_emptied() -> None:
    """A foreign identity for which nothing is set any more is told, with the scope that had set it."""
    plan = plan_between(delegate(ENTRY % "{bounce: f, complaint: f}"), delegate(ENTRY % "absent"))

    assert ((DELEGATE_SCOPE, PARTNER),) == plan.emptied


def test_an_entry_that_keeps_a_topic_is_not_emptied() -> None:
    """One type is enough to change the entry later."""
    before = delegate(ENTRY % "{bounce: f, complaint: f}")

    assert () == plan_between(before, delegate(ENTRY % "{complaint: f}")).emptied
    assert () == plan_between(before, delegate(ENTRY % "{delivery: f}")).emptied


def test_an_entry_that_keeps_an_unmanaged_topic_is_not_emptied() -> None:
    """What sesform leaves alone keeps the entry too."""
    desired = compiled(delegate(ENTRY % "{bounce: null, complaint: unmanaged}"))
    held = holding(compiled(delegate(ENTRY % "{bounce: f, complaint: f}")), seen_by=desired)

    assert () == planner.plan(desired, held).emptied


def test_an_identity_of_ones_own_is_never_emptied() -> None:
    """Its settings can be made again at any time."""
    assert () == between("notifications: {bounce: t}", "").emptied


def test_two_delegates_of_one_foreign_identity_are_told_apart() -> None:
    """Each delegate has an entry of its own: that of one is gone for good, whatever the other one keeps."""
    before = two_delegates("{bounce: f}", "{bounce: f}")

    assert ((DELEGATE_SCOPE, PARTNER),) == plan_between(before, two_delegates("absent", "{bounce: f}")).emptied
    assert ((OTHER_SCOPE, PARTNER),) == plan_between(before, two_delegates("{bounce: f}", "absent")).emptied


def test_the_entries_of_two_delegates_have_routes_of_their_own() -> None:
    """The topic of one delegate is no route of the other."""
    plan = plan_between(two_delegates("absent", "{bounce: f}"), two_delegates("{bounce: f}", "{bounce: f}"))

    assert [Subject(DELEGATE_SCOPE, "identity", PARTNER, "bounce")] == [c.subject for c in plan.routes]


def test_routing_again_tells_the_same() -> None:
    """Routes and emptied entries follow from the steps, not from what was said of them before."""
    desired = compiled(delegate(ENTRY % "absent"))
    held = holding(compiled(delegate(ENTRY % "{bounce: f}")), seen_by=desired)
    plan = planner.plan(desired, held)

    assert plan == routed(replace(plan, routes=(), emptied=()), desired, held, plan)


# --- deletions --------------------------------------------------------------------------------------------------------


@given(before=random_specs(), after=random_specs())
def test_deletions_are_those_of_the_plan(before: str, after: str) -> None:
    """What a plan deletes is known before it is made, and is the same."""
    everything = compiled(before, destroy=True)
    desired = compiled(after)

    for of, held in ((desired, holding(compiled(before), seen_by=desired)), (everything, holding(compiled(before)))):
        plan = planner.plan(of, held)
        topics = {arn: change.address for arn, change in route_changes.deleted_topics(plan).items()}
        sets = {key: change.address for key, change in route_changes.deleted_sets(plan).items()}

        assert (topics, sets) == route_changes.deletions(of, held)
