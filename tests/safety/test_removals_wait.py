"""What a plan removes waits for what takes its place, also for identities that sesform does not read."""

from __future__ import annotations

from sesform.planning.plan import Plan
from world import DELEGATE, OWNER, REGION, World

SPEC = """
kind: Owner
name: {name}
account: "{account}"
regions: [{region}]
{body}
"""
HEARD = "{subscriptions: [{protocol: sqs, endpoint: 'arn:aws:sqs:eu-west-1:111111111111:feedback'}]}"
SET = "configuration_sets: {{main: {{event_destinations: {destinations}}}}}"


def owner(*body: str) -> str:
    return SPEC.format(name="corp", account=OWNER, region=REGION, body="\n".join(body))


def waits(plan: Plan, removal: str, step: str) -> bool:
    """Return whether the deletion of a resource waits, at one or more removes, for the creation of another one."""
    (position,) = [n for n, c in enumerate(plan.changes) if str(c.address) == removal and c.after is None]
    (awaited,) = [n for n, c in enumerate(plan.changes) if str(c.address) == step and c.action == "create"]
    reached, left = set[int](), [position]
    while left:
        for each in plan.changes[left.pop()].depends_on:
            if each not in reached:
                reached.add(each)
                left.append(each)
    return awaited in reached


def test_a_destination_of_another_kind_stays_until_others_have_taken_over(world: World) -> None:
    """The new kind of x publishes to a topic without subscription: the old x stays until y has the bounces."""
    stream, role = f"arn:aws:firehose:{REGION}:{OWNER}:deliverystream/s", f"arn:aws:iam::{OWNER}:role/r"
    firehose = f"firehose: {{stream: '{stream}', role: '{role}'}}"
    world.converge(owner("topics: {silent: {}}", SET.format(destinations=f"{{x: {{events: [bounce], {firehose}}}}}")))
    after = f"{{x: {{events: [bounce], sns: silent}}, y: {{events: [bounce], {firehose}}}}}"
    plan = world.plan(owner("topics: {silent: {}}", SET.format(destinations=after)))

    destination = f"corp/{REGION}/event_destination/main"
    assert waits(plan, f"{destination}/x", f"{destination}/y")


def test_a_destination_stays_until_new_topics_have_their_receivers(world: World) -> None:
    """An undeclared identity may have the set as its default, and a topic that the plan creates as its own."""
    before = owner(f"topics: {{t: {HEARD}}}", SET.format(destinations="{x: {events: [bounce], sns: t}}"))
    world.converge(before)
    plan = world.plan(owner(f"topics: {{t: {HEARD}, new: {HEARD}}}", SET.format(destinations="{x: absent}")))

    destination = f"corp/{REGION}/event_destination/main/x"
    assert waits(plan, destination, f"corp/{REGION}/topic/new")
    assert waits(plan, destination, f"corp/{REGION}/subscription/new/sqs/arn:aws:sqs:{REGION}:{OWNER}:feedback")


def test_a_topic_stays_until_new_destinations_publish(world: World) -> None:
    """An undeclared identity may have the topic as its own, and the set that gets a destination as its default."""
    world.converge(owner(f"topics: {{old: {HEARD}, t: {HEARD}}}", SET.format(destinations="{}")))
    plan = world.plan(
        owner(f"topics: {{old: absent, t: {HEARD}}}", SET.format(destinations="{x: {events: [bounce], sns: t}}"))
    )

    assert waits(plan, f"corp/{REGION}/topic/old", f"corp/{REGION}/event_destination/main/x")


def test_a_receiver_stays_until_the_destination_has_a_successor(world: World) -> None:
    """The subscription of topic t gets a filter that rejects bounces: not before destination y has taken them over from x."""
    plain = f"topics: {{t: {HEARD}}}"
    filtered = plain.replace("feedback'}", "feedback', filter_policy: {tenant: [a]}}")
    world.converge(owner(plain, SET.format(destinations="{x: {events: [bounce], sns: t}}")))
    after = "{y: {events: [bounce], cloudwatch: [{dimension: d, source: message_tag, default: n}]}}"
    plan = world.plan(owner(filtered, SET.format(destinations=after)))
    (filtering,) = [n for n, c in enumerate(plan.changes) if c.address.type == "subscription"]
    (successor,) = [n for n, c in enumerate(plan.changes) if str(c.address).endswith("/main/y")]

    assert successor in plan.changes[filtering].depends_on


def test_a_removal_does_not_wait_for_topics_that_are_closed_to_its_account(world: World) -> None:
    """A topic of another account or region can serve no identity of this account, so a failure there stops nothing here."""
    destinations = SET.format(destinations="{x: {events: [bounce], sns: t}}")
    other = SPEC.format(name="other", account=DELEGATE, region=REGION, body=f"topics: {{new: {HEARD}}}")
    abroad = SPEC.format(name="abroad", account=OWNER, region="us-east-1", body="topics: {new: {}}")
    world.converge(owner(f"topics: {{t: {HEARD}}}", destinations))
    plan = world.plan(
        "---".join([owner(f"topics: {{t: {HEARD}}}", SET.format(destinations="{x: absent}")), other, abroad])
    )

    destination = f"corp/{REGION}/event_destination/main/x"
    assert not waits(plan, destination, f"other/{REGION}/topic/new")
    assert not waits(plan, destination, "abroad/us-east-1/topic/new")
