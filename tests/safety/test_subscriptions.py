"""Subscriptions between asking and confirming: never asked for twice, never stuck on, and gone when they can be."""

from __future__ import annotations

from typing import Any, cast

import pytest

from sesform.apply import execute
from sesform.aws import Connection
from sesform.planning.plan import Plan
from sesform.resources.reader import Reader
from shell import Shell
from world import DELEGATE, OWNER, REGION, World

HEAD = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
"""
TOPIC = f"arn:aws:sns:{REGION}:{OWNER}:t"
QUEUE = f"arn:aws:sqs:{REGION}:{OWNER}:q"
MAIL = "protocol: email, endpoint: ops@example.com"
PLACE = "corp/eu-west-1/subscription/t/email/ops@example.com"
PENDING = (
    "InvalidParameter",
    "Invalid parameter: SubscriptionArn Reason: This operation is not permitted: Cannot unsubscribe a ",
)
PENDING_TEXT = PENDING[1] + "subscription that is pending confirmation"


def listing(*subscriptions: str) -> str:
    return HEAD + "topics: {t: {subscriptions: [" + ", ".join(f"{{{s}}}" for s in subscriptions) + "]}}\n"


def kinds(of: Plan) -> list[tuple[str, str]]:
    return [(c.action, str(c.address)) for c in of.changes if c.address.type == "subscription"]


def endpoints(world: World) -> list[str]:
    listed = world.client("sns").list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    return sorted(s["Endpoint"] for s in listed)


# --- removal -------------------------------------------------------------------------------------------------------------


def test_a_subscription_that_is_declared_absent_is_removed(world: World) -> None:
    """By protocol and endpoint, whoever made it; the others stay."""
    world.converge(listing(f"protocol: sqs, endpoint: '{QUEUE}'"))
    world.client("sns").subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=QUEUE + "2")
    plan = world.converge(listing(f"protocol: sqs, endpoint: '{QUEUE}', absent: true"))

    assert [("delete", f"corp/eu-west-1/subscription/t/sqs/{QUEUE}")] == kinds(plan)
    assert [QUEUE + "2"] == endpoints(world)


def test_one_that_is_not_there_needs_no_removal(world: World) -> None:
    """Absent is a state, not a deed."""
    world.converge(listing())

    assert world.plan(listing(f"{MAIL}, absent: true")).changes == ()


def test_a_pending_one_is_left_to_sns_with_a_warning(world: World) -> None:
    """SNS refuses to delete it and deletes it by itself, so it is no step, not unchanged, and no error."""
    world.converge(listing(MAIL))
    world.writes()
    plan = world.converge(listing(f"{MAIL}, absent: true"))
    (warning,) = plan.diagnostics

    assert ("warning", PLACE) == (warning.severity, warning.path)
    assert "ops@example.com is not confirmed; SNS cannot delete a pending subscription" in warning.summary
    assert "SNS deletes it after two days" in warning.hint
    assert PLACE not in {str(u.address) for u in plan.unchanged}
    assert not world.writes()


def test_a_pending_subscription_planned_for_deletion_is_no_drift(shell: Shell) -> None:
    """Cron hears of it as a warning, exit code 0."""
    shell.specs(listing(MAIL))
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.specs(listing(f"{MAIL}, absent: true"))
    result = shell.run("drift", "--sandbox")

    assert (0, True) == (result.code, "No drift." in result.out)
    assert "no action is needed: SNS deletes it after two days" in result.err


def test_one_that_was_confirmed_since_is_removed_by_the_next_run(world: World) -> None:
    """The wait ends either way."""
    world.converge(listing(MAIL))
    world.converge(listing(f"{MAIL}, absent: true"))
    world.sandbox.confirm(TOPIC, "ops@example.com")

    assert [("delete", PLACE)] == kinds(world.converge(listing(f"{MAIL}, absent: true")))


def turned_pending(world: World) -> tuple[str, Plan]:
    """A plan that removes a confirmed subscription which SNS has made pending again since."""
    world.converge(listing(MAIL, f"protocol: sqs, endpoint: '{QUEUE}'"))
    world.sandbox.confirm(TOPIC, "ops@example.com")
    specs = listing(f"{MAIL}, absent: true", f"protocol: sqs, endpoint: '{QUEUE}', absent: true")
    plan = world.plan(specs)
    world.sandbox.fail("Unsubscribe", code=PENDING[0], message=PENDING_TEXT, after=0)
    return specs, plan


def test_one_that_came_to_wait_meanwhile_fails_nothing(world: World) -> None:
    """SNS may turn a subscription back between plan and apply: it is left, said, and the rest is done."""
    specs, plan = turned_pending(world)
    report = execute.run(plan, world.connections(world.desired(specs), read_only=False), parallelism=1)

    assert report.ok
    assert ["done", "left"] == sorted(o.result for o in report.outcomes)
    assert [True] == [
        "it deletes the subscription by itself after two days" in o.error for o in report.outcomes if o.result == "left"
    ]
    assert {"create": 0, "update": 0, "delete": 1} == report.done


def test_what_waits_for_one_that_was_left_goes_on(world: World) -> None:
    """A topic's subscriptions are deleted with it, so one that stays does not keep the topic."""
    specs, plan = turned_pending(world)
    first, second = plan.changes
    chained = Plan(
        (first, second.__class__(**{f: getattr(second, f) for f in second.__slots__} | {"depends_on": (0,)}))
    )
    report = execute.run(chained, world.connections(world.desired(specs), read_only=False), parallelism=1)

    assert ["left", "done"] == [o.result for o in report.outcomes]


def test_a_saved_plan_is_stale_where_the_subscription_has_come_to_wait(shell: Shell) -> None:
    """What was seen confirmed and now waits is a difference: planning again says that there is nothing to do."""
    shell.specs(listing(MAIL))
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.sandbox.confirm(TOPIC, "ops@example.com")
    shell.specs(listing(f"{MAIL}, absent: true"))
    sns: Any = shell.sandbox.session(OWNER, REGION).client("sns")
    shell.run("plan", "--sandbox", "--out", "p.json")
    sns.unsubscribe(
        SubscriptionArn=sns.list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"][0]["SubscriptionArn"]
    )
    sns.subscribe(TopicArn=TOPIC, Protocol="email", Endpoint="ops@example.com")
    stale = shell.run("apply", "--sandbox", "--plan", "p.json")

    assert stale.code == 1
    assert "the saved plan is stale" in stale.err


# --- asking --------------------------------------------------------------------------------------------------------------


def test_a_pending_one_is_never_asked_for_again(world: World) -> None:
    """Whatever changes about it, its owner gets one mail."""
    world.converge(listing(MAIL))
    world.writes()
    world.converge(listing(f"{MAIL}, filter_policy: {{kind: [x]}}"))

    assert world.writes() == {}


@pytest.mark.parametrize(
    ("says", "subscription"),
    [
        (True, MAIL),
        (True, "protocol: https, endpoint: 'https://example.com/x'"),
        (True, f"protocol: sqs, endpoint: '{QUEUE.replace(OWNER, DELEGATE)}'"),
        (False, f"protocol: sqs, endpoint: '{QUEUE}'"),
        (False, "protocol: sms, endpoint: '+10005550100'"),
    ],
)
def test_a_plan_says_whom_sns_will_ask(world: World, says: bool, subscription: str) -> None:
    """Each request is mailed to the endpoint's owner, so the plan says so: for the first one, and after it has expired."""
    (step,) = [c for c in world.plan(listing(subscription)).changes if c.address.type == "subscription"]

    assert says == ("SNS sends a confirmation request to the endpoint" in step.reason)


def test_an_expired_subscription_is_requested_again(world: World) -> None:
    """After two days without an answer it is drift like any other."""
    world.converge(listing(MAIL))
    world.sandbox.confirm(TOPIC, "ops@example.com")
    found = world.client("sns").list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    world.client("sns").unsubscribe(SubscriptionArn=found[0]["SubscriptionArn"])

    assert [("create", PLACE)] == kinds(world.converge(listing(MAIL)))


def test_endpoints_are_compared_exactly(world: World) -> None:
    """An address in another case is another subscription to SNS."""
    world.converge(listing(MAIL))
    plan = world.converge(listing(MAIL.replace("ops@", "Ops@")))

    assert [("create", PLACE.replace("ops@", "Ops@"))] == kinds(plan)
    assert ["Ops@example.com", "ops@example.com"] == endpoints(world)


class Listed:
    """An account whose SNS lists these subscription ARNs for one endpoint."""

    def __init__(self, *listed: str) -> None:
        self.listed = listed

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        if operation == "GetTopicAttributes":
            return {"Attributes": {}}
        return {
            "Subscriptions": [{"Protocol": "email", "Endpoint": "a@b.c", "SubscriptionArn": a} for a in self.listed]
        }


@pytest.mark.parametrize(
    ("expected", "listed"),
    [
        (None, ["Deleted"]),
        ("PendingConfirmation", ["Deleted", "PendingConfirmation"]),
        ("arn:x", ["arn:x", "PendingConfirmation"]),
        ("arn:x", ["PendingConfirmation", "arn:x"]),
    ],
)
def test_what_is_listed_twice_is_what_delivers(expected: str | None, listed: list[str]) -> None:
    """SNS lists removed ones for a while, and one that waits beside one that is confirmed: that one counts."""
    found = Reader(cast(Connection, Listed(*listed)), ()).subscriptions(TOPIC)

    assert expected == found.get(("email", "a@b.c"))


# --- settings ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "other"),
    [
        (False, "{b: [{prefix: x, suffix: y}], a: [1, true]}"),
        (False, "{a: [1, true], b: [{suffix: y, prefix: x}]}"),
        (True, "{a: [true, 1], b: [{prefix: x, suffix: y}]}"),
        (True, "{a: [1, 1], b: [{prefix: x, suffix: y}]}"),
    ],
)
def test_filters_are_compared_as_json(world: World, changes: bool, other: str) -> None:
    """The order of keys means nothing; `true` is not 1."""
    queue = f"protocol: sqs, endpoint: '{QUEUE}', filter_policy: "
    world.converge(listing(queue + "{a: [1, true], b: [{prefix: x, suffix: y}]}"))

    assert changes == bool(world.converge(listing(queue + other)).changes)
