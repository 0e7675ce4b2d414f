"""The promises for all specs and all states: plans reach the specs, an interruption loses nothing, no route is interrupted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sesform.apply import execute
from sesform.planning.plan import Change, Outcome, Plan
from strategies import DELEGATE_TOPICS, IDENTITIES, OWN_TOPICS, PARTNER_ACCOUNT, PARTNERS, random_specs
from world import DELEGATE, OWNER, REGION, World, heard, routes

TOPICS = [*((OWNER, name) for name in OWN_TOPICS), *((DELEGATE, name) for name in DELEGATE_TOPICS)]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One world for all examples: making clients is what takes the time."""
    return World(tmp_path_factory.mktemp("convergence"))


def fresh(world: World) -> World:
    world.sandbox.reset()
    world.identity(*IDENTITIES)
    world.identity(*PARTNERS, account=PARTNER_ACCOUNT)
    return world


def planned(world: World, specs: str) -> Plan:
    """The plan, where SES allows what is asked for: an unmanaged setting can make a valid spec impossible."""
    plan = world.plan(specs)
    assume(not plan.errors)
    return plan


@given(first=random_specs(), second=random_specs())
def test_any_specs_are_reached_from_any_state(shared: World, first: str, second: str) -> None:
    """From nothing to any specs, and from these to any others: plan, apply, and the next plan is empty."""
    world = fresh(shared)
    planned(world, first)
    world.converge(first)
    planned(world, second)
    world.converge(second)


@given(first=random_specs(), second=random_specs(), share=st.floats(0, 1))
def test_stopping_anywhere_leaves_a_state_from_which_the_next_run_converges(
    shared: World, first: str, second: str, share: float
) -> None:
    """However many steps of a plan were done, planning and applying again reaches the specs."""
    world = fresh(shared)
    planned(world, first)
    world.converge(first)
    plan = planned(world, second)
    done = plan.changes[: int(share * len(plan.changes))]
    report = world.apply(replace(plan, changes=done))

    assert report.ok

    world.converge(second)


@given(specs=random_specs())
def test_destroying_leaves_nothing_that_was_declared(shared: World, specs: str) -> None:
    """After destroy, the plan to destroy is empty, and no topic, set or null-able setting of the specs is left."""
    world = fresh(shared)
    planned(world, specs)
    world.converge(specs)
    assume(not world.plan(specs, destroy=True).errors)
    world.converge(specs, destroy=True)


@given(first=random_specs(), second=random_specs(), silent=st.sets(st.sampled_from(IDENTITIES)))
def test_routes_are_never_interrupted_by_a_plan(shared: World, first: str, second: str, silent: set[str]) -> None:
    """An identity or set with a route for bounces (complaints) before the plan and after it has one after every step between.

    The forwarding of some is off without topics, as SES v2 allows: then their default set alone carries their feedback.
    """
    world = fresh(shared)
    planned(world, first)
    world.converge(first)
    for name in sorted(silent):
        world.client("sesv2").put_email_identity_feedback_attributes(EmailIdentity=name, EmailForwardingEnabled=False)
    plan = planned(world, second)
    seen = [routes(world)]

    def look(change: Change, outcome: Outcome | None) -> None:
        if outcome is None:  # a step begins: with one worker, all before it are done
            seen.append(routes(world))

    connections = world.connections(world.desired(second), read_only=False)
    report = execute.run(plan, connections, parallelism=1, progress=look)
    seen.append(routes(world))
    lasting = {subject for subject, ways in seen[0].items() if ways and seen[-1].get(subject)}

    assert report.ok
    for number, now in enumerate(seen):
        assert {s for s in lasting if not now.get(s)} == set(), f"before step {number}"


@given(
    first=random_specs(),
    second=random_specs(),
    silent=st.sets(st.sampled_from(IDENTITIES)),
    broken=st.dictionaries(st.sampled_from(TOPICS), st.sampled_from(["deleted", "closed"]), max_size=2),
)
def test_receivers_are_never_lost_in_the_course_of_a_plan(
    shared: World, first: str, second: str, silent: set[str], broken: dict[tuple[str, str], str]
) -> None:
    """An identity or set whose bounces (complaints) have a receiver before the plan and after it has one after every step.

    Topics may be deleted or closed to SES before the plan, subscriptions pending or filtered, and destinations disabled.
    """
    world = fresh(shared)
    planned(world, first)
    world.converge(first)
    for name in sorted(silent):
        world.client("sesv2").put_email_identity_feedback_attributes(EmailIdentity=name, EmailForwardingEnabled=False)
    for (account, name), how in sorted(broken.items()):
        break_topic(world, account, name, how)
    plan = planned(world, second)
    seen = [heard(world)]

    def look(change: Change, outcome: Outcome | None) -> None:
        if outcome is None:
            seen.append(heard(world))

    report = execute.run(plan, world.connections(world.desired(second), read_only=False), parallelism=1, progress=look)
    seen.append(heard(world))
    lasting = {subject for subject, ways in seen[0].items() if ways and seen[-1].get(subject)}

    assert report.ok
    for number, now in enumerate(seen):
        assert {s for s in lasting if not now.get(s)} == set(), f"before step {number}"


def break_topic(world: World, account: str, name: str, how: str) -> None:
    """Delete a topic, or replace its policy by one that allows SES nothing."""
    sns, arn = world.client("sns", account), f"arn:aws:sns:{REGION}:{account}:{name}"
    if how == "deleted":
        sns.delete_topic(TopicArn=arn)
    elif arn in [t["TopicArn"] for t in sns.list_topics()["Topics"]]:
        reading = {
            "Effect": "Allow",
            "Principal": {"AWS": account},
            "Action": "sns:GetTopicAttributes",
            "Resource": arn,
        }
        sns.set_topic_attributes(
            TopicArn=arn, AttributeName="Policy", AttributeValue=json.dumps({"Statement": [reading]})
        )


def one_set(destinations: str) -> str:
    return f"""
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
topics: {{a: {{}}}}
configuration_sets: {{s1: {{event_destinations: {destinations}}}}}
"""


STREAM = "arn:aws:firehose:eu-west-1:111111111111:deliverystream/s"
FIREHOSE = f"firehose: {{stream: '{STREAM}', role: 'arn:aws:iam::111111111111:role/r'}}"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (
            "{x: {events: [bounce], sns: a}}",
            f"{{x: {{events: [bounce], enabled: false, {FIREHOSE}}}, y: {{events: [bounce], sns: a}}}}",
        ),
        (
            "{x: {events: [bounce, complaint], sns: a}}",
            f"{{x: {{events: [complaint], {FIREHOSE}}}, y: {{events: [bounce], sns: a}}}}",
        ),
        (
            "{x: {events: [bounce], sns: a}, y: {events: [complaint], sns: a}}",
            f"{{x: {{events: [complaint], {FIREHOSE}}}, y: {{events: [bounce], {FIREHOSE}}}}}",
        ),
        (
            "{x: {events: [bounce], sns: a}, y: {events: [complaint], sns: a}}",
            "{x: {events: [complaint], sns: a}, y: {events: [bounce], sns: a}}",
        ),
        ("{x: {events: [bounce], sns: a}}", "{y: {events: [bounce], sns: a}}"),
    ],
)
def test_a_set_keeps_its_events_however_its_destinations_change(shared: World, before: str, after: str) -> None:
    """Kinds changed, events swapped, a destination renamed: bounces and complaints are carried after every step."""
    world = fresh(shared)
    world.converge(one_set(before))
    specs = one_set(after)
    seen: list[Mapping[tuple[str, ...], set[str]]] = []

    def look(change: Change, outcome: Outcome | None) -> None:
        if outcome is None:
            seen.append(routes(world))

    plan, connections = world.plan(specs), world.connections(world.desired(specs), read_only=False)
    carried = {subject for subject, ways in routes(world).items() if ways}
    report = execute.run(plan, connections, parallelism=1, progress=look)

    assert report.ok
    for now in seen:
        assert {subject for subject in carried if not now.get(subject)} == set()
    world.converge(specs)
