"""A plan in the words of Terraform's AWS provider: the form that scanners and policies for Terraform plans read."""

from __future__ import annotations

import json
from typing import Any

import pytest

from scenes import OWNER, bare, compiled, holding, identity_arn, owner, plan_between, topic_arn
from sesform.planning import planner, terraform_json
from sesform.planning.plan import Plan

NOW = "2026-01-02T03:04:05Z"
EVERYTHING = """\
topics:
  t: {subscriptions: [{protocol: email, endpoint: a@b.c}]}
configuration_sets:
  c: {suppression: [bounce, complaint], event_destinations: {d: {events: [bounce], sns: t}}}
identities:
  a.com:
    notifications: {bounce: {topic: t, headers: true}, complaint: t}
    feedback_forwarding: false
    authorize: {'333333333333': {}}
    default_configuration_set: c
"""


def document(plan: Plan) -> dict[str, Any]:
    return terraform_json.document(plan, NOW)


def changes(plan: Plan) -> dict[str, Any]:
    """The change of each setting, by type and index."""
    return {f"{c['type']} {c['index']}": c["change"] for c in document(plan)["resource_changes"]}


def created() -> Plan:
    return planner.plan(compiled(owner(EVERYTHING)), bare("a.com"))


def unchanged() -> Plan:
    desired = compiled(owner(EVERYTHING))
    return planner.plan(desired, holding(desired))


def test_what_consumers_ask_of_the_document() -> None:
    """Each key that a known consumer needs is there, in the form that it needs."""
    made = document(created())

    assert (made["format_version"], made["timestamp"]) == ("1.2", NOW)
    assert made["terraform_version"].startswith("1.")
    assert made["planned_values"]["root_module"]["resources"]
    assert made["configuration"]["root_module"] == {}
    assert (made["applyable"], made["complete"], made["errored"]) == (True, True, False)


def test_an_errored_plan_says_so() -> None:
    """A plan with errors is not complete, not applyable, and errored."""
    made = document(planner.plan(compiled(owner(EVERYTHING)), bare()))

    assert (made["applyable"], made["complete"], made["errored"]) == (False, False, True)


def test_each_resource_change_has_the_keys_that_consumers_index() -> None:
    """Consumers index these keys without asking."""
    for plan in (created(), unchanged()):
        for change in document(plan)["resource_changes"]:
            assert {"address", "mode", "type", "name", "index", "provider_name", "change"} == change.keys()
            assert {"actions", "before", "after", "after_unknown", "before_sensitive", "after_sensitive"} == change[
                "change"
            ].keys()
            assert (change["mode"], change["provider_name"]) == ("managed", "registry.terraform.io/hashicorp/aws")


def test_addresses_are_unique() -> None:
    """Every setting has an address of its own, as an index of its type."""
    addresses = [c["address"] for c in document(created())["resource_changes"]]

    assert len(addresses) == len(set(addresses))
    assert 'aws_ses_identity_notification_topic.this["corp/eu-west-1/notification_topic/a.com/bounce"]' in addresses


def test_a_quote_in_an_address_is_escaped() -> None:
    """An index is a string as Terraform writes it."""
    text = owner("""topics: {t: {}}\nidentities: {'a"b@a.com': {notifications: {bounce: t}}}\n""")
    made = document(planner.plan(compiled(text), bare('a"b@a.com')))

    assert r'aws_ses_identity_notification_topic.this["corp/eu-west-1/notification_topic/a\"b@a.com/bounce"]' in [
        c["address"] for c in made["resource_changes"]
    ]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        (
            "aws_sns_topic corp/eu-west-1/topic/t",
            {"id": topic_arn("t"), "arn": topic_arn("t"), "name": "t", "display_name": "", "kms_master_key_id": None},
        ),
        (
            "aws_sns_topic_subscription corp/eu-west-1/subscription/t/email/a@b.c",
            {
                "topic_arn": topic_arn("t"),
                "protocol": "email",
                "endpoint": "a@b.c",
                "raw_message_delivery": False,
                "filter_policy": None,
                "filter_policy_scope": None,
                "redrive_policy": None,
            },
        ),
        (
            "aws_sesv2_configuration_set corp/eu-west-1/configuration_set/c",
            {
                "id": "c",
                "configuration_set_name": "c",
                "suppression_options": [{"suppressed_reasons": ["BOUNCE", "COMPLAINT"]}],
            },
        ),
        (
            "aws_sesv2_configuration_set_event_destination corp/eu-west-1/event_destination/c/d",
            {
                "id": "c|d",
                "configuration_set_name": "c",
                "event_destination_name": "d",
                "event_destination": [
                    {
                        "enabled": True,
                        "matching_event_types": ["BOUNCE"],
                        "sns_destination": [{"topic_arn": topic_arn("t")}],
                        "kinesis_firehose_destination": [],
                        "cloud_watch_destination": [],
                        "event_bridge_destination": [],
                        "pinpoint_destination": [],
                    }
                ],
            },
        ),
        (
            "aws_ses_identity_notification_topic corp/eu-west-1/notification_topic/a.com/bounce",
            {
                "id": "a.com|Bounce",
                "identity": "a.com",
                "notification_type": "Bounce",
                "topic_arn": topic_arn("t"),
                "include_original_headers": True,
            },
        ),
        (
            "aws_ses_identity_notification_topic corp/eu-west-1/notification_topic/a.com/complaint",
            {
                "id": "a.com|Complaint",
                "identity": "a.com",
                "notification_type": "Complaint",
                "topic_arn": topic_arn("t"),
                "include_original_headers": False,
            },
        ),
        (
            "aws_sesv2_email_identity_feedback_attributes corp/eu-west-1/feedback_forwarding/a.com",
            {"id": "a.com", "email_identity": "a.com", "email_forwarding_enabled": False},
        ),
        (
            "aws_sesv2_email_identity corp/eu-west-1/default_configuration_set/a.com",
            {"id": "a.com", "email_identity": "a.com", "configuration_set_name": "c"},
        ),
    ],
)
def test_each_type_in_the_attributes_of_the_provider(name: str, expected: dict[str, Any]) -> None:
    """Types and attributes are those of the AWS provider, so that existing policies apply."""
    change = changes(created())[name]

    assert (change["actions"], change["before"], change["before_sensitive"]) == (["create"], None, False)
    assert expected == change["after"]


@pytest.mark.parametrize(
    ("name", "resource"),
    [
        ("aws_sns_topic_policy corp/eu-west-1/topic_policy/t", topic_arn("t")),
        ("aws_ses_identity_policy corp/eu-west-1/sending_policy/a.com/sesform-333333333333", identity_arn("a.com")),
    ],
)
def test_policies_are_json_text(name: str, resource: str) -> None:
    """Scanners parse the policy themselves."""
    after = changes(created())[name]["after"]

    assert {resource} == {s["Resource"] for s in json.loads(after["policy"])["Statement"]}


def test_a_value_that_aws_decides_is_unknown() -> None:
    """Unknown values are left out of `after` and named in `after_unknown`."""
    change = changes(created())["aws_sns_topic_subscription corp/eu-west-1/subscription/t/email/a@b.c"]

    assert change["after_unknown"] == {"id": True, "arn": True}
    assert not {"id", "arn"} & change["after"].keys()


@pytest.mark.parametrize(
    ("expected", "destination"),
    [
        (
            {
                "kinesis_firehose_destination": [
                    {
                        "delivery_stream_arn": "arn:aws:firehose:eu-west-1:111111111111:deliverystream/s",
                        "iam_role_arn": "arn:aws:iam::111111111111:role/r",
                    }
                ]
            },
            (
                "firehose: {stream: 'arn:aws:firehose:eu-west-1:111111111111:deliverystream/s', "
                "role: 'arn:aws:iam::111111111111:role/r'}"
            ),
        ),
        (
            {
                "cloud_watch_destination": [
                    {
                        "dimension_configuration": [
                            {
                                "dimension_name": "x",
                                "dimension_value_source": "LINK_TAG",
                                "default_dimension_value": "y",
                            }
                        ]
                    }
                ]
            },
            "cloudwatch: [{dimension: x, source: link_tag, default: y}]",
        ),
        (
            {"event_bridge_destination": [{"event_bus_arn": f"arn:aws:events:eu-west-1:{OWNER}:event-bus/default"}]},
            "eventbridge: default",
        ),
        (
            {"pinpoint_destination": [{"application_arn": "arn:aws:mobiletargeting:eu-west-1:111111111111:apps/a"}]},
            "pinpoint: 'arn:aws:mobiletargeting:eu-west-1:111111111111:apps/a'",
        ),
    ],
)
def test_each_kind_of_destination_is_a_block_of_its_own(expected: dict[str, Any], destination: str) -> None:
    """The block of the kind is filled, the others are empty."""
    text = owner(f"configuration_sets: {{c: {{event_destinations: {{d: {{events: [send], {destination}}}}}}}}}\n")
    (block,) = changes(planner.plan(compiled(text), bare()))[
        "aws_sesv2_configuration_set_event_destination corp/eu-west-1/event_destination/c/d"
    ]["after"]["event_destination"]

    assert expected == {k: v for k, v in block.items() if k.endswith("_destination") and v}


# --- actions -------------------------------------------------------------------------------------------------------------

BOUNCE = "aws_ses_identity_notification_topic corp/eu-west-1/notification_topic/a.com/bounce"
SETTING = "topics: {t: {}, u: {}}\nidentities: {a.com: {notifications: {%s}}}\n"


def test_what_is_unchanged_is_a_no_op() -> None:
    """Unchanged settings are listed too, the same before and after."""
    found = changes(unchanged())

    assert {("no-op",)} == {tuple(c["actions"]) for c in found.values()}
    assert changes(created()).keys() == found.keys()
    assert [c for c in found.values() if c["before"] != c["after"]] == []


@pytest.mark.parametrize(
    ("actions", "headers", "before", "after"),
    [
        (["create"], (None, False), "", "bounce: t"),
        (["create"], (None, True), "", "bounce: {topic: t, headers: true}"),
        (["update"], (False, False), "bounce: t", "bounce: u"),
        (["update"], (False, True), "bounce: t", "bounce: {topic: t, headers: true}"),
        (["update"], (True, False), "bounce: {topic: t, headers: true}", "bounce: t"),
        (["delete"], (False, None), "bounce: t", ""),
        (["delete"], (True, None), "bounce: {topic: t, headers: true}", ""),
    ],
)
def test_topic_and_headers_of_a_type_are_one_entry(
    actions: list[str], headers: tuple[bool | None, bool | None], before: str, after: str
) -> None:
    """To the provider the header flag is an attribute of the notification topic."""
    found = changes(plan_between(owner(SETTING % before), owner(SETTING % after)))
    change = found[BOUNCE]

    assert actions == change["actions"]
    assert headers == tuple(
        state and state["include_original_headers"] for state in (change["before"], change["after"])
    )
    assert [name for name in found if "headers" in name] == []


def test_what_is_deleted_is_not_among_the_planned_values() -> None:
    """The planned values are what there will be."""
    plan = plan_between(owner(SETTING % "bounce: t"), owner(SETTING % ""))
    planned = [r["address"] for r in document(plan)["planned_values"]["root_module"]["resources"]]

    assert (changes(plan)[BOUNCE]["after_sensitive"], changes(plan)[BOUNCE]["after"]) == (False, None)
    assert not [a for a in planned if "notification_topic" in a]
    assert [a for a in planned if "aws_sns_topic." in a]


def test_planned_values_are_the_values_after() -> None:
    """Who reads planned values only sees the same as who reads the changes."""
    made = document(created())
    planned = {r["address"]: r["values"] for r in made["planned_values"]["root_module"]["resources"]}

    assert {c["address"]: c["change"]["after"] for c in made["resource_changes"]} == planned


def test_a_replacement_is_delete_and_create() -> None:
    """A destination whose kind changes is replaced, with the state before and the state after."""
    text = owner("topics: {t: {}}\nconfiguration_sets: {c: {event_destinations: {d: {events: all, %s}}}}\n")
    change = changes(plan_between(text % "eventbridge: default, enabled: false", text % "sns: t"))[
        "aws_sesv2_configuration_set_event_destination corp/eu-west-1/event_destination/c/d"
    ]

    assert change["actions"] == ["delete", "create"]
    assert tuple(
        len(s["event_destination"][0]["event_bridge_destination"]) for s in (change["before"], change["after"])
    ) == (1, 0)


def test_what_is_made_and_removed_on_the_way_is_no_change() -> None:
    """A temporary replacement has no state before and none after, so it is not listed."""
    text = owner("topics: {t: {}}\nconfiguration_sets: {c: {event_destinations: {d: {events: all, %s}}}}\n")
    found = changes(plan_between(text % "eventbridge: default", text % "sns: t"))

    assert [] == [name for name, change in found.items() if change["before"] is None and change["after"] is None]
    assert [] == [name for name in found if "stand-in" in name]


def test_two_steps_are_one_update_from_the_first_state_to_the_last() -> None:
    """The intermediate state is not part of the document."""
    text = owner("configuration_sets: {c: {event_destinations: {d: {events: [%s], eventbridge: default}}}}\n")
    change = changes(plan_between(text % "bounce", text % "open"))[
        "aws_sesv2_configuration_set_event_destination corp/eu-west-1/event_destination/c/d"
    ]

    assert change["actions"] == ["update"]
    assert tuple(s["event_destination"][0]["matching_event_types"] for s in (change["before"], change["after"])) == (
        ["BOUNCE"],
        ["OPEN"],
    )


def test_it_is_plain_json() -> None:
    """The document can be written as JSON and is the same when read again."""
    assert document(created()) == json.loads(json.dumps(document(created())))


def test_a_tag_has_a_type_of_our_own() -> None:
    """Terraform's provider has no resource for a tag of SES's: the type says whose it is, the attributes what it is."""
    desired = compiled(owner("ownership_tags: true\ntopics: {t: {}}\n"))
    change = changes(planner.plan(desired, bare()))["sesform_ownership_tag corp/eu-west-1/ownership_tag/topic/t"]

    assert {
        "id": topic_arn("t"),
        "resource_arn": topic_arn("t"),
        "key": "sesform:spec",
        "value": "corp",
    } == change["after"]
