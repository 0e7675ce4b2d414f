"""Pending subscriptions: they are requested once, they block no run, and they are deleted as soon as SNS allows it."""

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
    """The absent subscription is found by protocol and endpoint; other subscriptions stay."""
    world.converge(listing(f"protocol: sqs, endpoint: '{QUEUE}'"))
    world.client("sns").subscribe(TopicArn=TOPIC, Protocol="sqs", Endpoint=QUEUE + "2")
    plan = world.converge(listing(f"protocol: sqs, endpoint: '{QUEUE}', absent: true"))

    assert [("delete", f"corp/eu-west-1/subscription/t/sqs/{QUEUE}")] == kinds(plan)
    assert [QUEUE + "2"] == endpoints(world)


def test_a_subscription_that_does_not_exist_needs_no_removal(world: World) -> None:
    """A subscription that does not exist needs no deletion."""
    world.converge(listing())

    assert world.plan(listing(f"{MAIL}, absent: true")).changes == ()


def test_a_pending_subscription_is_left_to_sns_with_a_warning(world: World) -> None:
    """SNS refuses to delete a pending subscription and deletes it by itself: a warning, no step, no error."""
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
    """A pending subscription that is declared absent is a warning of drift, with exit code 0."""
    shell.specs(listing(MAIL))
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.specs(listing(f"{MAIL}, absent: true"))
    result = shell.run("drift", "--sandbox")

    assert (0, True) == (result.code, "No drift." in result.out)
    assert "no action is needed: SNS deletes it after two days" in result.err


def test_a_subscription_that_was_confirmed_since_is_deleted_by_the_next_run(world: World) -> None:
    """A subscription that was confirmed later is deleted by the next run."""
    world.converge(listing(MAIL))
    world.converge(listing(f"{MAIL}, absent: true"))
    world.sandbox.confirm(TOPIC, "ops@example.com")

    assert [("delete", PLACE)] == kinds(world.converge(listing(f"{MAIL}, absent: true")))


def turned_pending(world: World) -> tuple[str, Plan]:
    """Return a plan that deletes a confirmed subscription that SNS has since made pending."""
    world.converge(listing(MAIL, f"protocol: sqs, endpoint: '{QUEUE}'"))
    world.sandbox.confirm(TOPIC, "ops@example.com")
    specs = listing(f"{MAIL}, absent: true", f"protocol: sqs, endpoint: '{QUEUE}', absent: true")
    plan = world.plan(specs)
    world.sandbox.fail("Unsubscribe", code=PENDING[0], message=PENDING_TEXT, after=0)
    return specs, plan


def test_a_subscription_that_became_pending_is_no_failure(world: World) -> None:
    """A subscription that becomes pending between plan and apply gets the result `left`; the other steps are done."""
    specs, plan = turned_pending(world)
    report = execute.run(plan, world.connections(world.desired(specs), read_only=False), parallelism=1)

    assert report.ok
    assert ["done", "left"] == sorted(o.result for o in report.outcomes)
    assert [True] == [
        "it deletes the subscription by itself after two days" in o.error for o in report.outcomes if o.result == "left"
    ]
    assert {"create": 0, "update": 0, "delete": 1} == report.done


def test_a_step_that_depends_on_a_pending_subscription_is_executed(world: World) -> None:
    """A step after a subscription with the result `left` is executed, because SNS deletes subscriptions with their topic."""
    specs, plan = turned_pending(world)
    first, second = plan.changes
    chained = Plan(
        (first, second.__class__(**{f: getattr(second, f) for f in second.__slots__} | {"depends_on": (0,)}))
    )
    report = execute.run(chained, world.connections(world.desired(specs), read_only=False), parallelism=1)

    assert ["left", "done"] == [o.result for o in report.outcomes]


def test_a_saved_plan_is_stale_if_the_subscription_became_pending(shell: Shell) -> None:
    """A saved plan is stale if the subscription it deletes has become pending."""
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
    assert "the plan is stale" in stale.err


# --- asking --------------------------------------------------------------------------------------------------------------


def test_a_pending_subscription_is_not_requested_again(world: World) -> None:
    """A pending subscription is not requested again if its attributes change, so its owner gets one mail."""
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
def test_a_plan_announces_confirmation_requests(world: World, says: bool, subscription: str) -> None:
    """The plan says if SNS sends a confirmation request to the endpoint's owner."""
    (step,) = [c for c in world.plan(listing(subscription)).changes if c.address.type == "subscription"]

    assert says == ("SNS sends a confirmation request to the endpoint" in step.reason)


def test_an_expired_subscription_is_requested_again(world: World) -> None:
    """An unconfirmed subscription that SNS has deleted after two days is drift."""
    world.converge(listing(MAIL))
    world.sandbox.confirm(TOPIC, "ops@example.com")
    found = world.client("sns").list_subscriptions_by_topic(TopicArn=TOPIC)["Subscriptions"]
    world.client("sns").unsubscribe(SubscriptionArn=found[0]["SubscriptionArn"])

    assert [("create", PLACE)] == kinds(world.converge(listing(MAIL)))


def test_endpoints_are_compared_exactly(world: World) -> None:
    """SNS compares endpoints case-sensitively."""
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
def test_a_confirmed_subscription_has_precedence(expected: str | None, listed: list[str]) -> None:
    """Deleted subscriptions are ignored, and a confirmed subscription has precedence over a pending one for the same endpoint."""
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
    """Filter policies are compared without the order of keys, and `true` differs from 1."""
    queue = f"protocol: sqs, endpoint: '{QUEUE}', filter_policy: "
    world.converge(listing(queue + "{a: [1, true], b: [{prefix: x, suffix: y}]}"))

    assert changes == bool(world.converge(listing(queue + other)).changes)
