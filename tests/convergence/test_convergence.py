"""Any plan reaches the specs from any state, can be interrupted, and interrupts no route."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from graphlib import TopologicalSorter
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from sesform.apply import execute
from sesform.planning.plan import Change, Outcome, Plan
from strategies import DELEGATE_TOPICS, IDENTITIES, OWN_TOPICS, PARTNER_ACCOUNT, PARTNERS, random_specs
from world import DELEGATE, OWNER, REGION, World, heard, routes

TOPICS = [*((OWNER, name) for name in OWN_TOPICS), *((DELEGATE, name) for name in DELEGATE_TOPICS)]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One world for all examples, because creating clients is slow."""
    return World(tmp_path_factory.mktemp("convergence"))


def fresh(world: World) -> World:
    world.sandbox.reset()
    world.identity(*IDENTITIES)
    world.identity(*PARTNERS, account=PARTNER_ACCOUNT)
    return world


def planned(world: World, specs: str) -> Plan:
    """Return the plan; skip specs that SES refuses because of an unmanaged setting."""
    plan = world.plan(specs)
    assume(not plan.errors)
    return plan


@given(first=random_specs(), second=random_specs())
def test_any_specs_are_reached_from_any_state(shared: World, first: str, second: str) -> None:
    """After apply the next plan is empty, from no resources and from the resources of any other specs."""
    world = fresh(shared)
    planned(world, first)
    world.converge(first)
    planned(world, second)
    world.converge(second)


@given(first=random_specs(), second=random_specs(), share=st.floats(0, 1))
def test_an_apply_that_stops_at_any_step_is_completed_by_the_next_run(
    shared: World, first: str, second: str, share: float
) -> None:
    """After any number of steps, the next plan and apply reach the specs."""
    world = fresh(shared)
    planned(world, first)
    world.converge(first)
    plan = planned(world, second)
    done = plan.changes[: int(share * len(plan.changes))]
    report = world.apply(replace(plan, changes=done))

    assert report.ok

    world.converge(second)


@given(specs=random_specs())
def test_destroy_deletes_all_declared_resources(shared: World, specs: str) -> None:
    """After destroy the next destroy plan is empty, and no topic, set or setting that can be null remains."""
    world = fresh(shared)
    planned(world, specs)
    world.converge(specs)
    assume(not world.plan(specs, destroy=True).errors)
    world.converge(specs, destroy=True)


# The guarantee that everything else serves: more cases than other properties have, also in the normal suite.
MANY = settings(max_examples=max(100, settings().max_examples))
SILENT = st.sets(st.sampled_from(IDENTITIES))
BROKEN = st.dictionaries(st.sampled_from(TOPICS), st.sampled_from(["deleted", "closed"]), max_size=2)


@MANY
@given(random_specs(), random_specs(), SILENT, st.randoms(use_true_random=False), st.booleans())
def test_routes_are_never_interrupted_by_a_plan(
    shared: World, first: str, second: str, silent: set[str], random: Random, removals_first: bool
) -> None:
    """A bounce or complaint route that exists before and after the plan exists after each step, in any order that it allows.

    Forwarding of some identities is off without topics, which SES v2 allows; these have routes by their default set only.
    """
    world = started(shared, first, silent)
    plan = in_any_order(planned(world, second), random, removals_first)

    hold_lasting(world, plan, second, routes)


@MANY
@given(random_specs(), random_specs(), SILENT, BROKEN, st.randoms(use_true_random=False), st.booleans())
def test_receivers_are_never_lost_during_a_plan(
    shared: World,
    first: str,
    second: str,
    silent: set[str],
    broken: dict[tuple[str, str], str],
    random: Random,
    removals_first: bool,
) -> None:
    """A receiver of bounces or complaints that exists before and after the plan exists after each step, in any order.

    Before the plan, topics can be deleted or deny SES, subscriptions pending or filtered, and destinations disabled.
    """
    world = started(shared, first, silent)
    for (account, name), how in sorted(broken.items()):
        break_topic(world, account, name, how)
    plan = in_any_order(planned(world, second), random, removals_first)

    hold_lasting(world, plan, second, heard)


def started(shared: World, first: str, silent: set[str]) -> World:
    """Return the world with the first specs applied, and with e-mail forwarding of some identities off."""
    world = fresh(shared)
    planned(world, first)
    world.converge(first)
    for name in sorted(silent):
        world.client("sesv2").put_email_identity_feedback_attributes(EmailIdentity=name, EmailForwardingEnabled=False)
    return world


def in_any_order(plan: Plan, random: Random, removals_first: bool) -> Plan:
    """Return the plan with its steps one after the other, in one of the orders that their dependencies allow."""
    sorter = TopologicalSorter({number: change.depends_on for number, change in enumerate(plan.changes)})
    sorter.prepare()
    ready, order = list(sorter.get_ready()), list[int]()
    while ready:
        removing = [n for n in ready if plan.changes[n].after is None] if removals_first else []
        order.append(random.choice(removing or ready))
        ready.remove(order[-1])
        sorter.done(order[-1])
        ready += sorter.get_ready()
    steps = (replace(plan.changes[n], depends_on=(place - 1,) if place else ()) for place, n in enumerate(order))
    return replace(plan, changes=tuple(steps))


def hold_lasting(
    world: World, plan: Plan, specs: str, look: Callable[[World], Mapping[tuple[str, ...], set[str]]]
) -> None:
    """Apply a plan and assert that routes which exist before it and after it exist after each step."""
    seen = [look(world)]

    def progress(change: Change, outcome: Outcome | None) -> None:
        if outcome is None:  # a step begins: with parallelism 1, all earlier steps are done
            seen.append(look(world))

    connections = world.connections(world.desired(specs), read_only=False)
    report = execute.run(plan, connections, parallelism=1, progress=progress)
    seen.append(look(world))
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
def test_a_set_publishes_its_events_during_changes_of_destinations(shared: World, before: str, after: str) -> None:
    """Bounces and complaints are published after each step if kinds change, events are swapped or a destination is renamed."""
    world = fresh(shared)
    world.converge(one_set(before))
    specs = one_set(after)
    seen: list[Mapping[tuple[str, ...], set[str]]] = []

    def look(change: Change, outcome: Outcome | None) -> None:
        if outcome is None:
            seen.append(routes(world))

    plan, connections = world.plan(specs), world.connections(world.desired(specs), read_only=False)
    published = {subject for subject, ways in routes(world).items() if ways}
    report = execute.run(plan, connections, parallelism=1, progress=look)

    assert report.ok
    for now in seen:
        assert {subject for subject in published if not now.get(subject)} == set()
    world.converge(specs)
