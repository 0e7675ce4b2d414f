"""For every resource type, states one after another: each is planned, applied, read back, and planned again: empty."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from textwrap import indent

import pytest

from sesform import engine
from sesform.planning.plan import on_the_way
from sesform.resources import RESOURCES
from world import World

HEAD = """
kind: {kind}
name: {name}
account: "{account}"
regions: [eu-west-1]
"""
OWNER_HEAD = HEAD.format(kind="Owner", name="corp", account="111111111111")
DELEGATE_HEAD = HEAD.format(kind="Delegate", name="mailer", account="222222222222")
TOPICS = "topics: {a: {}, b: {}}\n"


def owner(identity: str, more: str = TOPICS) -> str:
    return OWNER_HEAD + more + "identities:\n  example.com:\n" + indent(identity, "    ")


def corp_set(destinations: str, more: str = TOPICS) -> str:
    return (
        OWNER_HEAD + more + "configuration_sets:\n  main:\n    event_destinations:\n" + indent(destinations, "      ")
    )


def foreign(entry: str) -> str:
    return (
        DELEGATE_HEAD
        + TOPICS
        + "cross_account_notifications:\n  arn:aws:ses:eu-west-1:333333333333:identity/partner.example:"
        + entry
    )


def tagged(body: str, name: str = "corp") -> str:
    return OWNER_HEAD.replace("name: corp", f"name: {name}") + "ownership_tags: true\n" + body


@dataclass(frozen=True)
class Step:
    """A state to reach, and the (action, key) of every change of the type under test that leads there."""

    specs: str
    expect: tuple[str, ...]


FIREHOSE = (
    "{stream: 'arn:aws:firehose:eu-west-1:111111111111:deliverystream/%s', role: 'arn:aws:iam::111111111111:role/ses'}"
)

RAW = "policies: {mine: {Statement: [{Effect: Allow, Principal: {AWS: %s}, Action: ses:SendEmail}]}}"

SCENARIOS: dict[str, list[Step]] = {
    "topic": [
        Step(OWNER_HEAD + "topics: {a: {}}", ("create a",)),
        Step(OWNER_HEAD + "topics: {a: {display_name: SES}}", ("update a",)),
        Step(OWNER_HEAD + "topics: {a: {display_name: SES, kms_key: alias/mine}}", ("update a",)),
        Step(OWNER_HEAD + "topics: {a: {display_name: Other, kms_key: null}}", ("update a",)),
        Step(OWNER_HEAD + "topics: {a: {}}", ()),
        Step(OWNER_HEAD + "topics: {a: absent}", ("delete a",)),
        Step(OWNER_HEAD + "topics: {a: {name: other, display_name: X}}", ("create a",)),
    ],
    "topic_policy": [
        Step(owner("notifications: {bounce: a}"), ("create a",)),
        Step(owner("notifications: {bounce: a, complaint: a}"), ()),
        Step(owner("notifications: {bounce: b}"), ("update b", "update a")),
        Step(
            corp_set("x: {events: [bounce], sns: a}") + "\nidentities: {example.com: {notifications: {bounce: a}}}",
            ("update a", "update b"),
        ),
        Step(
            OWNER_HEAD + TOPICS + "identities: {example.com: absent}\nconfiguration_sets: {main: absent}", ("update a",)
        ),
    ],
    "subscription": [
        Step(
            OWNER_HEAD
            + "topics: {a: {subscriptions: [{protocol: sqs, endpoint: 'arn:aws:sqs:eu-west-1:111111111111:q'}]}}",
            ("create a/sqs/arn:aws:sqs:eu-west-1:111111111111:q",),
        ),
        Step(
            OWNER_HEAD
            + "topics: {a: {subscriptions: [{protocol: sqs, endpoint: 'arn:aws:sqs:eu-west-1:111111111111:q', "
            "raw_message_delivery: true, filter_policy: {kind: [x]}}]}}",
            ("update a/sqs/arn:aws:sqs:eu-west-1:111111111111:q",),
        ),
        Step(
            OWNER_HEAD
            + "topics: {a: {subscriptions: [{protocol: sqs, endpoint: 'arn:aws:sqs:eu-west-1:111111111111:q', "
            "raw_message_delivery: false, filter_policy: {mail: {x: [y]}}, filter_policy_scope: MessageBody, "
            "dead_letter_queue: 'arn:aws:sqs:eu-west-1:111111111111:dead'}]}}",
            ("update a/sqs/arn:aws:sqs:eu-west-1:111111111111:q",),
        ),
        Step(
            OWNER_HEAD
            + "topics: {a: {subscriptions: [{protocol: sqs, endpoint: 'arn:aws:sqs:eu-west-1:111111111111:q', "
            "filter_policy: {}, dead_letter_queue: null}]}}",
            ("update a/sqs/arn:aws:sqs:eu-west-1:111111111111:q",),
        ),
        Step(
            OWNER_HEAD + "topics: {a: {subscriptions: [{protocol: email, endpoint: ops@example.com}]}}",
            ("create a/email/ops@example.com",),
        ),
    ],
    "configuration_set": [
        Step(OWNER_HEAD + "configuration_sets: {main: {}, other: {}}", ("create main", "create other")),
        Step(OWNER_HEAD + "configuration_sets: {main: {}, other: absent}", ("delete other",)),
        Step(OWNER_HEAD + "configuration_sets: {main: absent}", ("delete main",)),
        Step(OWNER_HEAD + "configuration_sets: {main: absent}", ()),
    ],
    "suppression_options": [
        Step(OWNER_HEAD + "configuration_sets: {main: {}}", ()),
        Step(OWNER_HEAD + "configuration_sets: {main: {suppression: [bounce]}}", ("create main",)),
        Step(OWNER_HEAD + "configuration_sets: {main: {suppression: [complaint, bounce]}}", ("update main",)),
        Step(OWNER_HEAD + "configuration_sets: {main: {suppression: []}}", ("update main",)),
        Step(OWNER_HEAD + "configuration_sets: {main: {suppression: unmanaged}}", ()),
        Step(OWNER_HEAD + "configuration_sets: {main: {suppression: null}}", ("delete main",)),
        Step(OWNER_HEAD + "configuration_sets: {main: {suppression: [bounce]}, o: {}}", ("create main",)),
        Step(OWNER_HEAD + "configuration_sets: {main: absent}", ()),
    ],
    "event_destination": [
        Step(corp_set("x: {events: [bounce, complaint], sns: a}"), ("create main/x",)),
        Step(corp_set("x: {events: [bounce, complaint, open], sns: a}"), ("update main/x",)),
        Step(corp_set("x: {events: [send], sns: b}"), ("update main/x", "update main/x")),
        Step(corp_set("x: {events: [send], sns: b, enabled: false}"), ("update main/x",)),
        Step(
            corp_set(f"x: {{events: [send], firehose: {FIREHOSE % 'one'}, enabled: false}}"),
            ("delete main/x", "create main/x"),
        ),
        Step(corp_set(f"x: {{events: [send], firehose: {FIREHOSE % 'two'}}}"), ("update main/x",)),
        Step(
            corp_set("x: {events: all, cloudwatch: [{dimension: d, source: message_tag, default: n}]}"),
            ("create main/x-sesform-stand-in", "delete main/x", "create main/x", "delete main/x-sesform-stand-in"),
        ),
        Step(
            corp_set(
                "x: {events: all, cloudwatch: [{dimension: e, source: link_tag, default: n}, "
                "{dimension: d, source: email_header, default: m}]}"
            ),
            ("update main/x",),
        ),
        Step(
            corp_set("x: {events: [reject], eventbridge: default}"),
            ("create main/x-sesform-stand-in", "delete main/x", "create main/x", "delete main/x-sesform-stand-in"),
        ),
        Step(
            corp_set("y: {events: [send], cloudwatch: [{dimension: d, source: message_tag, default: n}]}"),
            ("create main/y", "delete main/x"),
        ),
        Step(corp_set("y: absent"), ("delete main/y",)),
    ],
    "default_configuration_set": [
        Step(
            owner("default_configuration_set: main", "configuration_sets: {main: {}, other: {}}\n"),
            ("create example.com",),
        ),
        Step(
            owner("default_configuration_set: other", "configuration_sets: {main: {}, other: {}}\n"),
            ("update example.com",),
        ),
        Step(
            owner("default_configuration_set: null", "configuration_sets: {main: absent, other: {}}\n"),
            ("delete example.com",),
        ),
        Step(owner("{}", "configuration_sets: {other: {}}\n"), ()),
    ],
    "notification_topic": [
        Step(
            owner("notifications: {bounce: a, complaint: a}"),
            ("create example.com/bounce", "create example.com/complaint"),
        ),
        Step(
            owner("notifications: {bounce: b, complaint: a, delivery: {topic: b}}"),
            ("create example.com/delivery", "update example.com/bounce"),
        ),
        Step(
            owner("notifications: {bounce: b, complaint: unmanaged, delivery: null}"), ("delete example.com/delivery",)
        ),
        Step(owner("notifications: {complaint: unmanaged}"), ("delete example.com/bounce",)),
        Step(OWNER_HEAD + TOPICS + "identities: {example.com: absent}", ("delete example.com/complaint",)),
    ],
    "notification_headers": [
        Step(owner("notifications: {bounce: {topic: a, headers: true}}"), ("create example.com/bounce",)),
        Step(
            owner("notifications: {bounce: {topic: a, headers: false}, complaint: {topic: b, headers: true}}"),
            ("create example.com/complaint", "delete example.com/bounce"),
        ),
        Step(owner("notifications: {bounce: a}"), ("delete example.com/complaint",)),
    ],
    "feedback_forwarding": [
        Step(owner("notifications: {bounce: a, complaint: a}\nfeedback_forwarding: true"), ()),
        Step(owner("notifications: {bounce: a, complaint: a}\nfeedback_forwarding: false"), ("update example.com",)),
        Step(owner("notifications: {bounce: a, complaint: a}"), ()),
        Step(owner("feedback_forwarding: true"), ("update example.com",)),
        Step(owner("notifications: {bounce: a, complaint: a}\nfeedback_forwarding: false"), ("update example.com",)),
        Step(OWNER_HEAD + TOPICS + "identities: {example.com: absent}", ("update example.com",)),
    ],
    "sending_policy": [
        Step(owner('authorize: {"222222222222": {}}'), ("create example.com/sesform-222222222222",)),
        Step(
            owner(
                'authorize: {"222222222222": {actions: [SendRawEmail], '
                'conditions: {StringLike: {"ses:FromAddress": "*@example.com"}}}}'
            ),
            ("update example.com/sesform-222222222222",),
        ),
        Step(
            owner('authorize: {"222222222222": absent}\n' + RAW % '"222222222222"'),
            ("create example.com/mine", "delete example.com/sesform-222222222222"),
        ),
        Step(owner(RAW % "arn:aws:iam::222222222222:root"), ()),
        Step(owner(RAW % "['222222222222', '333333333333']"), ("update example.com/mine",)),
        Step(owner("policies: {mine: absent}"), ("delete example.com/mine",)),
    ],
    "ownership_tag": [
        Step(owner("{}"), ()),
        Step(
            tagged(
                "topics: {a: {}, b: {external: true}}\nconfiguration_sets: {main: {}}\nidentities: {example.com: {}}"
            ),
            ("create configuration_set/main", "create identity/example.com", "create topic/a"),
        ),
        Step(
            tagged(
                "topics: {a: {}}\nconfiguration_sets: {main: absent}\nidentities: {example.com: {}}", name="renamed"
            ),
            ("update identity/example.com", "update topic/a"),
        ),
        Step(OWNER_HEAD + "topics: {a: {}}\nidentities: {example.com: {}}", ()),
        Step(
            tagged("topics: {a: absent}\nidentities: {example.com: absent}", name="renamed"),
            ("delete identity/example.com",),
        ),
    ],
}


@pytest.mark.parametrize("type_", RESOURCES)
def test_every_state_is_reached_and_then_nothing_is_left_to_do(world: World, type_: str) -> None:
    """Each step makes exactly the expected changes, costs the calls that the plan said, and the plan after it is empty."""
    world.identity("example.com")
    for number, step in enumerate(SCENARIOS[type_]):
        plan = world.plan(step.specs)
        found = tuple(sorted(f"{c.action} {c.address.key}" for c in plan.changes if c.address.type == type_))

        assert tuple(sorted(step.expect)) == found, f"step {number}"

        world.writes()
        world.converge(step.specs)
        expected = sum(sum(calls.values()) for calls in plan.calls.values())

        assert expected == world.writes().total(), f"step {number}"


@pytest.mark.parametrize("type_", RESOURCES)
def test_the_calls_that_changed_a_resource_are_found_in_cloudtrail(world: World, type_: str) -> None:
    """After each step, drift from the state before it is due to a recorded call of sesform, whatever the type and the change."""
    world.identity("example.com")
    settings, found = replace(world.settings(), blame=True), 0
    for before, after in itertools.pairwise(SCENARIOS[type_]):
        world.converge(before.specs)
        world.converge(after.specs)
        drift = engine.drift_of(world.desired(before.specs), settings)
        addresses = {change.address for change in drift.changes if change.address not in on_the_way(drift.changes)}
        assert drift.blame is not None
        by = {blame.address: blame for blame in drift.blame.resources if blame.address in addresses}

        assert {(a, "call", True) for a in addresses} == {(a, b.by, b.own_run) for a, b in by.items()}

        found += sum(a.type == type_ for a in addresses)

    assert found


def test_every_type_has_its_table() -> None:
    """A resource type cannot be added without states that prove it."""
    assert set(RESOURCES) == set(SCENARIOS)


def test_cross_account_entry_is_set_changed_and_removed_type_by_type(world: World) -> None:
    """A legacy entry is settings of a foreign identity's ARN in the delegate's own scope; removal is one null call a type."""
    world.identity("partner.example", account="333333333333")
    world.converge(foreign(" {bounce: a, complaint: {topic: a, headers: true}, delivery: b}"))
    world.writes()

    plan = world.converge(foreign(" absent"))

    assert ["notification_headers", "notification_topic", "notification_topic", "notification_topic"] == [
        c.address.type for c in plan.changes if c.address.type.startswith("notification")
    ]
    assert {"ses:SetIdentityNotificationTopic": 3, "ses:SetIdentityHeadersInNotificationsEnabled": 1} == {
        k: n for k, n in world.writes().items() if k.startswith("ses:")
    }
