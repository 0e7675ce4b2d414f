"""Routes: the matrix, the changes of a plan, and gaps."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes import DELEGATE_SCOPE, OWNER_SCOPE, identity_arn, topic_arn
from sesform.live.snapshot import Subscriber
from sesform.model.address import Scope
from sesform.planning import routes
from sesform.planning.reception import Reception
from sesform.planning.routes import Gap, Received, Route, RouteChange, Subject
from sesform.policies.document import Publisher
from sesform.policies.verdict import ALLOWED, Verdict, denied, unknown
from sesform.resources.resource_type import Resource

T, U = topic_arn("t"), topic_arn("u")
PARTNER = identity_arn("partner.example", "333333333333")
BOUNCE, COMPLAINT, DELIVERY = (
    Subject(OWNER_SCOPE, "identity", "a.com", e) for e in ("bounce", "complaint", "delivery")
)
SET_BOUNCE, SET_COMPLAINT, SET_DELIVERY = (
    Subject(OWNER_SCOPE, "configuration set", "c", e) for e in ("bounce", "complaint", "delivery")
)
MAIL = Route("mail")


class Everywhere(Reception):
    """Reception of a world in which every event has a receiver."""

    def of(self, topic_arn: str, publishers: tuple[Publisher, ...], event: str, *, by_identity: bool) -> Verdict:
        return ALLOWED


def matrix(resources: Iterable[Resource]) -> routes.Matrix:
    return routes.matrix(resources, Everywhere({}, {}))


def change(subject: Subject, before: tuple[str, ...], after: tuple[str, ...]) -> RouteChange:
    """A change of routes that all count."""
    answers = (Received.YES if ways else Received.NO for ways in (before, after))
    return RouteChange(subject, before, after, *answers)


def topic(event: str, arn: str = T, identity: str = "a.com", scope: Scope = OWNER_SCOPE) -> Resource:
    return "notification_topic", scope, {"identity": identity, "notification_type": event, "topic_arn": arn}


def forwarding(enabled: bool, identity: str = "a.com") -> Resource:
    return "feedback_forwarding", OWNER_SCOPE, {"identity": identity, "enabled": enabled}


def default_set(name: str = "c", scope: Scope = OWNER_SCOPE) -> Resource:
    return "default_configuration_set", scope, {"identity": "a.com", "configuration_set": name}


def destination(
    *events: str, kind: str = "sns", name: str = "d", enabled: bool = True, scope: Scope = OWNER_SCOPE
) -> Resource:
    target: dict[str, Any] = {"sns": {"topic_arn": T}}.get(kind, {})
    own = {"configuration_set": "c", "name": name, "enabled": enabled, "events": list(events), kind: target}
    return "event_destination", scope, own


# --- the matrix -------------------------------------------------------------------------------------------------------


def test_a_topic_is_the_route_of_its_type_only() -> None:
    """A topic for bounces says nothing of complaints."""
    assert {BOUNCE: (Route("topic", T),)} == matrix([topic("bounce")])


def test_forwarding_is_a_route_for_bounces_and_complaints() -> None:
    """SES mails what goes wrong to the sender, and never a delivery."""
    assert {BOUNCE: (MAIL,), COMPLAINT: (MAIL,)} == matrix([forwarding(True)])


def test_an_identity_without_any_route_is_in_the_matrix() -> None:
    """A subject without routes is in the matrix."""
    assert {BOUNCE: (), COMPLAINT: ()} == matrix([forwarding(False)])


def test_a_destination_of_a_kind_that_is_not_known_is_a_route_all_the_same() -> None:
    """SES may add kinds: what goes there is not lost."""
    found = matrix([destination("BOUNCE", kind="carrier_pigeon")])

    assert ["destination d: unknown (unknown: sesform does not know this kind of destination)"] == [
        route.described for route in found[SET_BOUNCE]
    ]


def test_a_set_without_destinations_is_in_the_matrix() -> None:
    """A configuration set is a row, whatever it sends on."""
    resources = [("configuration_set", OWNER_SCOPE, {"configuration_set": "c"})]

    assert {SET_BOUNCE: (), SET_COMPLAINT: (), SET_DELIVERY: ()} == matrix(resources)


@pytest.mark.parametrize(
    ("expected", "kind"),
    [
        (Route("sns", T, "d"), "sns"),
        (Route("firehose", "", "d"), "firehose"),
        (Route("cloudwatch", "", "d"), "cloudwatch"),
        (Route("eventbridge", "", "d"), "eventbridge"),
        (Route("pinpoint", "", "d"), "pinpoint"),
    ],
)
def test_a_destination_is_a_route_of_its_set_for_the_events_that_it_takes(expected: Route, kind: str) -> None:
    """Each kind of destination carries the events that it lists, and no others."""
    assert {SET_BOUNCE: (expected,), SET_COMPLAINT: (), SET_DELIVERY: ()} == matrix(
        [destination("BOUNCE", "OPEN", kind=kind)]
    )


def test_a_destination_that_is_off_is_no_route() -> None:
    """What is not sent on goes nowhere."""
    assert {SET_BOUNCE: (), SET_COMPLAINT: (), SET_DELIVERY: ()} == matrix([destination("BOUNCE", enabled=False)])


def test_an_identity_has_the_routes_of_its_default_set() -> None:
    """Mail that names no set has the routes of the default set, which they name."""
    found = matrix([destination("BOUNCE"), default_set(), topic("bounce", U)])

    assert (Route("sns", T, "d", by_default="c"), Route("topic", U)) == found[BOUNCE]
    assert () == found[COMPLAINT]


def test_a_default_set_of_another_scope_is_another_set() -> None:
    """Sets of one name in two accounts have nothing to do with each other."""
    assert (
        ()
        == matrix([destination("BOUNCE"), default_set(scope=DELEGATE_SCOPE)])[
            Subject(DELEGATE_SCOPE, "identity", "a.com", "bounce")
        ]
    )


ALL: list[Resource] = [
    topic("bounce"),
    topic("complaint", U),
    topic("bounce", PARTNER, scope=DELEGATE_SCOPE),
    forwarding(True),
    default_set(),
    destination("BOUNCE", "COMPLAINT"),
    destination("DELIVERY", kind="eventbridge", name="e"),
]


@given(st.permutations(ALL))
def test_the_order_of_resources_does_not_matter(resources: list[Resource]) -> None:
    """The same state gives the same matrix, in whatever order AWS's answers came in."""
    assert matrix(ALL) == matrix(resources)


@pytest.mark.parametrize(
    ("expected", "route"),
    [
        ("mail to the sender", MAIL),
        (f"topic {T}", Route("topic", T)),
        (f"destination d: topic {T}", Route("sns", T, "d")),
        ("destination d: firehose", Route("firehose", "", "d")),
        ("destination d: eventbridge (by default set c)", Route("eventbridge", "", "d", "c")),
    ],
)
def test_a_route_as_people_read_it(expected: str, route: Route) -> None:
    """A route names what carries it, through what, and by which default set."""
    assert expected == str(route)


# --- what a plan changes ----------------------------------------------------------------------------------------------


def test_only_subjects_whose_routes_differ_are_changes() -> None:
    """What goes the same way before and after is no change."""
    before, after = {BOUNCE: (MAIL,), COMPLAINT: (MAIL,)}, {BOUNCE: (Route("topic", T),), COMPLAINT: (MAIL,)}

    assert (change(BOUNCE, ("mail to the sender",), (f"topic {T}",)),) == routes.changes(before, after)


def test_a_subject_that_comes_or_goes_is_a_change() -> None:
    """A subject that is on one side only has no route on the other."""
    assert (
        change(BOUNCE, ("mail to the sender",), ()),
        change(COMPLAINT, (), ("mail to the sender",)),
    ) == routes.changes({BOUNCE: (MAIL,)}, {COMPLAINT: (MAIL,)})


def test_a_subject_without_routes_that_comes_or_goes_is_no_change() -> None:
    """A subject without routes before and after is no change."""
    assert () == routes.changes({BOUNCE: ()}, {COMPLAINT: ()})


def test_changes_come_in_order_of_subject() -> None:
    """The same plan tells its routes in the same order every time."""
    other = Subject(DELEGATE_SCOPE, "identity", "0.com", "bounce")
    after = dict.fromkeys((other, COMPLAINT, SET_BOUNCE, BOUNCE), (MAIL,))

    assert [SET_BOUNCE, BOUNCE, COMPLAINT, other] == [c.subject for c in routes.changes({}, after)]


@pytest.mark.parametrize(
    ("expected", "subject", "before", "after"),
    [
        (True, BOUNCE, ("x",), ()),
        (True, COMPLAINT, ("x",), ()),
        (False, DELIVERY, ("x",), ()),
        (False, BOUNCE, ("x",), ("y",)),
        (False, BOUNCE, (), ("x",)),
        (False, BOUNCE, (), ()),
        (False, SET_BOUNCE, ("x",), ()),
    ],
)
def test_dark_is_who_loses_the_last_route_for_bounces_or_complaints(
    expected: bool, subject: Subject, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    """An identity that had a way for what an account is judged by, and has none after the plan."""
    found = change(subject, before, after)

    assert ([found] if expected else []) == routes.dark([found])


# --- gaps -------------------------------------------------------------------------------------------------------------

QUEUE, WAITING = Subscriber("sqs", "q", False), Subscriber("email", "a@b.c", True)


def texts(of: routes.Matrix, subscribers: Any = None) -> list[str]:
    return [gap.text for gap in routes.gaps(of, subscribers or {})]


def test_nothing_is_missing_where_each_way_is_heard() -> None:
    """A topic with a subscription has no gap."""
    assert [] == routes.gaps({BOUNCE: (Route("topic", T),), COMPLAINT: (MAIL,)}, {T: (QUEUE,)})


def test_no_route_for_bounces_or_complaints_is_a_gap() -> None:
    """Missing routes for bounces and complaints are gaps; missing routes for deliveries are not."""
    assert [Gap(BOUNCE, "no route", "no-route"), Gap(COMPLAINT, "no route", "no-route")] == routes.gaps(
        {COMPLAINT: (), DELIVERY: (), BOUNCE: ()}, {}
    )


def test_a_foreign_identity_without_a_route_is_no_gap() -> None:
    """Its owner's routes are not ours to see."""
    assert [] == routes.gaps({Subject(DELEGATE_SCOPE, "identity", PARTNER, "bounce"): ()}, {})


def test_a_route_without_receiver_is_a_gap_with_the_reason() -> None:
    """A topic that has no receiver is one gap, by whichever way events get there."""
    found = {SET_BOUNCE: (Route("sns", T, "d", verdict=denied("it has no subscription")),)}

    assert [f"not received by destination d: topic {T}: it has no subscription"] == texts(found, {T: ()})


def test_a_pending_subscription_beside_a_confirmed_one_is_a_gap() -> None:
    """The event is received, and the pending subscription lacks it."""
    found = {BOUNCE: (Route("topic", T),)}

    assert [f"subscription a@b.c of {T} is not confirmed"] == texts(found, {T: (QUEUE, WAITING)})
    assert [] == texts(found, {T: (QUEUE,)})


def test_an_unknown_route_is_no_gap() -> None:
    """A topic that could not be read may have receivers."""
    assert [] == texts({BOUNCE: (Route("topic", T, verdict=unknown("it could not be read")),)}, {T: (WAITING,)})


@pytest.mark.parametrize(
    ("expected", "verdicts"),
    [
        (Received.YES, (ALLOWED, denied("x"), unknown("y"))),
        (Received.UNKNOWN, (denied("x"), unknown("y"))),
        (Received.NO, (denied("x"),)),
        (Received.NO, ()),
    ],
)
def test_an_event_is_received_by_one_route_that_counts(expected: Received, verdicts: tuple[Verdict, ...]) -> None:
    """One route is enough; without one, an unknown route leaves the answer unknown."""
    assert expected is routes.received(Route("topic", T, verdict=verdict) for verdict in verdicts)


@pytest.mark.parametrize(
    ("expected", "subject", "ways"),
    [
        (["duplicate notices: by the topic and by mail to the sender"], BOUNCE, (MAIL, Route("topic", T))),
        ([], BOUNCE, (MAIL, Route("sns", T, "d", "c"))),
        (
            [f"duplicate notices: topic {T} receives each event twice"],
            BOUNCE,
            (Route("sns", T, "d", "c"), Route("topic", T)),
        ),
        (
            [f"duplicate notices: topic {T} receives each event twice"],
            SET_DELIVERY,
            (Route("sns", T, "d"), Route("sns", T, "e")),
        ),
        ([], BOUNCE, (Route("sns", T, "d", "c"), Route("topic", U))),
    ],
)
def test_who_hears_of_the_same_thing_twice(expected: list[str], subject: Subject, ways: tuple[Route, ...]) -> None:
    """A topic beside forwarding, or one topic by two ways, is a gap; two topics are two readers."""
    assert expected == texts({subject: ways})


def test_gaps_come_in_order_of_subject() -> None:
    """The same state is told in the same order every time."""
    of: routes.Matrix = dict.fromkeys([COMPLAINT, BOUNCE, Subject(DELEGATE_SCOPE, "identity", "0.com", "bounce")], ())

    assert sorted(of) == [gap.subject for gap in routes.gaps(of, {})]
