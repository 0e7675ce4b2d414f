"""Plans that a guard refuses, on both sides of each limit."""

from __future__ import annotations

import pytest

from sesform.planning import guards
from sesform.planning.guards import Allowed
from world import World

TOPICS = 'topics: {a: {subscriptions: [{protocol: sqs, endpoint: "arn:aws:sqs:eu-west-1:111111111111:q"}]}}'
HEAD = f"""
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
{TOPICS}
"""
FOREIGN = """
kind: Delegate
name: mailer
account: "222222222222"
regions: [eu-west-1]
topics: {a: {}}
cross_account_notifications:
  arn:aws:ses:eu-west-1:333333333333:identity/partner.example: %s
"""


def refusals(world: World, specs: str, **allowed: bool) -> list[str]:
    return [str(p) for p in guards.check(world.plan(specs), Allowed(**allowed))]


def identity_with_default_set_only(world: World) -> str:
    """Create an identity whose only route for bounces is its default set: no topics, and forwarding off by the SES v2 call."""
    world.identity("example.com")
    before = HEAD + (
        "configuration_sets: {main: {event_destinations: {x: {events: [bounce, complaint], sns: a}}}}\n"
        "identities: {example.com: {default_configuration_set: main}}\n"
    )
    world.converge(before)
    v2 = world.client("sesv2")
    v2.put_email_identity_feedback_attributes(EmailIdentity="example.com", EmailForwardingEnabled=False)
    return before


def test_a_plan_that_removes_all_routes_of_an_identity_is_refused(world: World) -> None:
    """A plan without a route for bounces and complaints is refused with the lost routes, unless --allow-dark is set."""
    specs = identity_with_default_set_only(world).replace(
        "default_configuration_set: main", "default_configuration_set: null"
    )

    way = "destination x: topic arn:aws:sns:eu-west-1:111111111111:a (by default set main)"

    assert [
        "the plan leaves identity example.com in 111111111111/eu-west-1 with no receiver for "
        f"bounces (now: {way}; after the plan: no route) and complaints (now: {way}; after the plan: no route); "
        "keep forwarding, a topic with a confirmed subscription or a default configuration set, or pass --allow-dark"
    ] == refusals(world, specs)
    assert [] == refusals(world, specs, dark=True)


def test_a_plan_that_keeps_one_route_is_not_refused(world: World) -> None:
    """One route for bounces and one for complaints are sufficient."""
    specs = identity_with_default_set_only(world).replace(
        "default_configuration_set: main", "default_configuration_set: null, feedback_forwarding: true"
    )

    assert [] == refusals(world, specs)


@pytest.mark.parametrize(
    ("sets", "deleted", "refused"),
    [(40, 9, False), (30, 9, False), (30, 10, True), (34, 10, False), (33, 10, True)],
)
def test_many_deletions_are_refused(world: World, sets: int, deleted: int, refused: bool) -> None:
    """Plans that delete at least 10 resources and more than 30 % of the existing resources are refused, with the numbers."""
    names = [f"s{i}" for i in range(sets)]
    world.converge(HEAD.replace(TOPICS, f"configuration_sets: {{{', '.join(f'{n}: {{}}' for n in names)}}}"))
    declared = ", ".join(f"{n}: {'absent' if i < deleted else '{}'}" for i, n in enumerate(names))
    specs = HEAD.replace(TOPICS, f"configuration_sets: {{{declared}}}")
    found = refusals(world, specs)

    assert refused is bool(found)
    if refused:
        assert (
            f"the plan deletes {deleted} of {sets} resources ({deleted / sets:.1%}; the limit is 30% from 10 deletions)"
            in found[0]
        )
        assert "--allow-mass-change" in found[0]
        assert [] == refusals(world, specs, mass_change=True)


def test_clearing_the_last_type_of_a_cross_account_entry_is_refused(world: World) -> None:
    """AWS does not allow recreating such an entry, so the plan is refused, unless --allow-irreversible is set."""
    world.identity("partner.example", account="333333333333")
    world.converge(FOREIGN % "{bounce: a, complaint: a}")

    assert [] == refusals(world, FOREIGN % "{bounce: null, complaint: a}")
    assert [
        "the plan clears the last types (bounce, complaint) of the cross-account entry "
        "arn:aws:ses:eu-west-1:333333333333:identity/partner.example; AWS does not allow creating it again; "
        "keep one type, or pass --allow-irreversible"
    ] == refusals(world, FOREIGN % "absent")
    assert [] == refusals(world, FOREIGN % "absent", irreversible=True)


def test_a_type_that_is_unmanaged_keeps_the_entry(world: World) -> None:
    """An entry with another type, managed or unmanaged, is not cleared."""
    world.identity("partner.example", account="333333333333")
    world.converge(FOREIGN % "{bounce: a, complaint: a}")

    assert [] == refusals(world, FOREIGN % "{bounce: null, complaint: unmanaged}")
