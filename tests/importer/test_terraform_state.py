"""Terraform states are read as our resources, and `removed` blocks hand them over."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes import (
    DELEGATE,
    DELEGATE_SCOPE,
    OWNER,
    OWNER_SCOPE,
    REGION,
    compiled,
    delegate,
    identity_arn,
    owner,
    set_arn,
    topic_arn,
)
from sesform.errors import TerraformError
from sesform.importer import terraform_state
from sesform.importer.terraform_state import StateResources, hand_overs, removed_file
from sesform.model.address import Scope
from sesform.model.values import printable
from sesform.policies.document import default_topic_policy

TOPIC = topic_arn("feedback")
POLICY = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"AWS": DELEGATE}, "Action": "ses:*"}],
}


def resource(type_: str, values: dict[str, Any], name: str = "this", **more: Any) -> dict[str, Any]:
    frame = {"address": f"{type_}.{name}", "mode": "managed", "type": type_, "name": name, "values": values}
    return {**frame, "sensitive_values": {}, **more}


def state(*resources: dict[str, Any], modules: tuple[dict[str, Any], ...] = ()) -> dict[str, Any]:
    root = {"resources": list(resources), "child_modules": list(modules)}
    return {"format_version": "1.0", "terraform_version": "1.11.4", "values": {"root_module": root}}


def plan(document: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"format_version": "1.2", "planned_values": {}, "prior_state": document, **more}


def read(document: dict[str, Any], *place: str) -> StateResources:
    return terraform_state.inventory(json.dumps(document).encode(), *place, all_topics=True)


def refusal(document: Any, *place: str) -> str:
    content = document if isinstance(document, bytes) else json.dumps(document).encode()
    with pytest.raises(TerraformError) as caught:
        terraform_state.inventory(content, *place, all_topics=True)
    return str(caught.value)


def found(*resources: dict[str, Any], place: tuple[str, ...] = ()) -> list[Any]:
    return list(read(state(*resources), *place).resources)


def kept_reasons(*resources: dict[str, Any], place: tuple[str, ...] = ()) -> list[str]:
    return [item.kept_reason for item in read(state(*resources), *place).items if item.kept_reason]


def topic(name: str = "feedback", account: str = OWNER, called: str = "t", **values: Any) -> dict[str, Any]:
    arn = topic_arn(name, account)
    return resource("aws_sns_topic", {"arn": arn, "name": name, "display_name": "", **values}, called)


def domain(name: str = "example.com", account: str = OWNER, **more: Any) -> dict[str, Any]:
    values = {"domain": name, "arn": identity_arn(name, account)}
    return resource("aws_ses_domain_identity", values, "d", **more)


def notification(identity: str = "example.com", topic: str | None = TOPIC, **values: Any) -> dict[str, Any]:
    values = {"identity": identity, "notification_type": "Bounce", "topic_arn": topic, **values}
    return resource("aws_ses_identity_notification_topic", values)


def a_set(name: str = "tx", **values: Any) -> dict[str, Any]:
    return resource("aws_sesv2_configuration_set", {"configuration_set_name": name, "arn": set_arn(name), **values})


def destination(name: str = "tx", **values: Any) -> dict[str, Any]:
    block = {"enabled": True, "matching_event_types": ["SEND", "BOUNCE"], **values}
    whole = {"configuration_set_name": name, "event_destination_name": "d", "event_destination": [block]}
    return resource("aws_sesv2_configuration_set_event_destination", whole)


def subscription(**values: Any) -> dict[str, Any]:
    queue = f"arn:aws:sqs:{REGION}:{OWNER}:q"
    base = {"topic_arn": TOPIC, "protocol": "sqs", "endpoint": queue, "arn": f"{TOPIC}:1", "owner_id": OWNER}
    return resource("aws_sns_topic_subscription", {**base, "pending_confirmation": False, **values})


# --- identities --------------------------------------------------------------------------------------------------------

KEY = {"identity": "example.com", "notification_type": "bounce"}


def test_a_notification_topic_has_the_scope_of_its_identity() -> None:
    """The identity's ARN in the state sets the scope of a notification topic; the topic can belong to another account."""
    foreign = topic_arn("feedback", DELEGATE)

    assert [("notification_topic", OWNER_SCOPE, {**KEY, "topic_arn": foreign})] == found(
        domain(), notification(topic=foreign)
    )


def test_original_headers_are_a_separate_resource() -> None:
    """include_original_headers is read as a notification_headers resource if it is true."""
    headers = ("notification_headers", OWNER_SCOPE, {**KEY, "enabled": True})

    assert headers in found(domain(), notification(include_original_headers=True))
    assert headers not in found(domain(), notification(include_original_headers=False))


@pytest.mark.parametrize("nothing", [None, ""])
def test_a_notification_type_without_a_topic_is_imported(nothing: str | None) -> None:
    """A topic_arn of null or "" is read as no topic, as the provider does."""

    assert [("notification_topic", OWNER_SCOPE, {**KEY, "topic_arn": None})] == found(
        domain(), notification(topic=nothing)
    )


def test_headers_without_a_topic_are_kept() -> None:
    """Headers without a topic stay in Terraform, because specs do not support them."""

    assert ["it includes headers and has no topic"] == kept_reasons(
        domain(), notification(topic=None, include_original_headers=True)
    )


def test_domains_are_compared_in_lower_case() -> None:
    """Domains that differ only in case are the same identity, as in SES."""

    assert [KEY["identity"]] == [r[2]["identity"] for r in found(domain("Example.com"), notification("EXAMPLE.com"))]


def test_an_identity_without_an_account_in_the_state_requires_an_option() -> None:
    """The error names the resource and --account; the region is that of the topic, as SES requires."""
    text = refusal(state(notification()))

    assert "aws_ses_identity_notification_topic.this: the state does not show the account. Pass --account" in text
    assert [OWNER_SCOPE] == [r[1] for r in found(notification(), place=(OWNER,))]


def test_a_setting_without_a_topic_requires_the_region_too() -> None:
    """One error names both options and the number of other resources that require them."""
    forwarding = resource("aws_sesv2_email_identity_feedback_attributes", {"email_identity": "a.com"})
    text = refusal(state(forwarding, forwarding))

    assert "and 1 more: the state does not show the account and region" in text
    assert "Pass --account and --region" in text
    assert [Scope(DELEGATE, "us-east-1")] == [r[1] for r in found(forwarding, place=(DELEGATE, "us-east-1"))]


def test_the_topic_selects_the_region_of_an_identity_in_two_regions() -> None:
    """A setting of an identity in two regions has the region of its topic."""
    other = "us-east-1"
    elsewhere = resource(
        "aws_ses_domain_identity", {"domain": "example.com", "arn": identity_arn("example.com", region=other)}, "e"
    )
    settings = [notification(), notification(topic=topic_arn("f", region=other))]

    assert [REGION, other] == [r[1].region for r in found(domain(), elsewhere, *settings)]


@pytest.mark.parametrize("place", [(), (DELEGATE,), (OWNER, REGION)])
def test_a_setting_of_an_identity_in_two_accounts_is_kept(place: tuple[str, ...]) -> None:
    """The account of an identity that two accounts have is never guessed, and no option says which resource it is for."""
    made = read(state(domain(), domain(account=DELEGATE), notification()), *place)

    assert () == made.resources
    assert "its identity is in 111111111111/eu-west-1, 222222222222/eu-west-1" in made.items[0].kept_reason
    assert [f"aws_ses_identity_notification_topic.this stays in Terraform: {made.items[0].kept_reason}"] == [
        *made.warnings
    ]


def test_the_resource_that_a_setting_refers_to_places_it() -> None:
    """Of an identity in two accounts, depends_on shows which one a setting belongs to."""
    other = {**domain(account=DELEGATE), "address": "aws_ses_domain_identity.other", "name": "other"}
    both = [
        notification() | {"depends_on": [each]}
        for each in ("aws_ses_domain_identity.d", "aws_ses_domain_identity.other")
    ]

    assert [OWNER_SCOPE, DELEGATE_SCOPE] == [r[1] for r in found(domain(), other, *both)]


def test_a_setting_that_refers_to_two_identities_is_kept() -> None:
    """A reference to both identities of that name proves nothing."""
    other = {**domain(account=DELEGATE), "address": "aws_ses_domain_identity.other", "name": "other"}
    both = {"depends_on": ["aws_ses_domain_identity.d", "aws_ses_domain_identity.other"]}

    assert [] == found(domain(), other, notification() | both)


def test_the_region_attribute_of_a_resource_is_used() -> None:
    """The region attribute, which version 6 of the provider adds to each resource, sets the region."""
    forwarding = {"email_identity": "a.com", "email_forwarding_enabled": True, "region": "us-east-1"}

    assert [("feedback_forwarding", Scope(OWNER, "us-east-1"), {"identity": "a.com", "enabled": True})] == found(
        resource("aws_sesv2_email_identity_feedback_attributes", forwarding), place=(OWNER,)
    )


def test_data_sources_set_scopes_and_are_not_imported() -> None:
    """A data source of an identity sets the scope of its settings, and is not imported."""

    assert ["notification_topic"] == [r[0] for r in found(domain(mode="data"), notification())]


def test_an_identity_of_the_same_account_can_be_given_by_arn() -> None:
    """The ARN of an identity of the same account is read as its name."""

    assert [KEY["identity"]] == [r[2]["identity"] for r in found(domain(), notification(identity_arn("example.com")))]


def test_a_foreign_identity_by_its_arn_is_a_cross_account_entry() -> None:
    """The ARN of an identity of another account is a legacy cross-account entry; --account gives the account of the entry."""
    arn = identity_arn("Example.com")

    (reason,) = kept_reasons(topic(account=DELEGATE), notification(arn))

    assert "the state does not show the account. Pass --account" == reason
    assert [
        ("notification_topic", DELEGATE_SCOPE, {**KEY, "identity": identity_arn("example.com"), "topic_arn": TOPIC})
    ] == found(notification(arn), place=(DELEGATE,))


def test_sending_policies_of_both_ses_versions_are_imported() -> None:
    """Both SES versions give the identity by name or by ARN."""
    one = {"identity": identity_arn("example.com"), "name": "p", "policy": json.dumps(POLICY)}
    two = {"email_identity": "example.com", "policy_name": "q", "policy": json.dumps(POLICY)}

    assert [
        ("sending_policy", OWNER_SCOPE, {"identity": "example.com", "name": name, "policy": POLICY}) for name in "pq"
    ] == found(domain(), resource("aws_ses_identity_policy", one), resource("aws_sesv2_email_identity_policy", two))


def test_a_default_set_is_imported_and_its_identity_is_kept() -> None:
    """sesform does not create identities: Terraform keeps the identity, with ignore_changes for its default set."""
    values = {"email_identity": "example.com", "arn": identity_arn("example.com"), "configuration_set_name": "tx"}
    identity = resource("aws_sesv2_email_identity", values)

    assert [
        ("default_configuration_set", OWNER_SCOPE, {"identity": "example.com", "configuration_set": "tx"})
    ] == found(identity)
    assert "ignore_changes = [configuration_set_name]" in kept_reasons(identity)[0]


# --- configuration sets ------------------------------------------------------------------------------------------------


def test_a_destination_has_the_scope_of_its_set() -> None:
    """An event destination of SES v2 has no ARN, so it has the scope of its configuration set."""
    destination_properties = {"configuration_set": "tx", "name": "d", "enabled": True, "events": ["BOUNCE", "SEND"]}

    assert [
        ("configuration_set", OWNER_SCOPE, {"configuration_set": "tx"}),
        ("event_destination", OWNER_SCOPE, {**destination_properties, "sns": {"topic_arn": TOPIC}}),
    ] == found(a_set(), destination(sns_destination=[{"topic_arn": TOPIC}]))
    assert "Pass --account and --region" in refusal(
        state(destination(event_bridge_destination=[{"event_bus_arn": "b"}]))
    )


DIMENSION = {"dimension_name": "d", "dimension_value_source": "MESSAGE_TAG", "default_dimension_value": "n"}
STREAM, ROLE = f"arn:aws:firehose:{REGION}:{OWNER}:deliverystream/s", f"arn:aws:iam::{OWNER}:role/r"
BUS, APP = f"arn:aws:events:{REGION}:{OWNER}:event-bus/default", f"arn:aws:mobiletargeting:{REGION}:{OWNER}:apps/a"


@pytest.mark.parametrize(
    ("block", "expected"),
    [
        (
            {"kinesis_firehose_destination": [{"delivery_stream_arn": STREAM, "iam_role_arn": ROLE}]},
            {"firehose": {"stream_arn": STREAM, "role_arn": ROLE}},
        ),
        (
            {"cloud_watch_destination": [{"dimension_configuration": [DIMENSION]}]},
            {"cloudwatch": {"dimensions": [{"name": "d", "source": "MESSAGE_TAG", "default": "n"}]}},
        ),
        ({"event_bridge_destination": [{"event_bus_arn": BUS}]}, {"eventbridge": {"event_bus_arn": BUS}}),
        ({"pinpoint_destination": [{"application_arn": APP}]}, {"pinpoint": {"application_arn": APP}}),
    ],
)
def test_destinations_of_every_kind(block: dict[str, Any], expected: dict[str, Any]) -> None:
    """Each destination block is read as a destination of that kind."""
    made = found(a_set(), destination(**block))[1][2]

    assert expected == {name: made[name] for name in made.keys() & {*expected}}


def test_destinations_of_ses_v1() -> None:
    """Event types and sources in the spelling of SES v1 are converted; dimensions are sorted, as SES v2 returns them."""
    dimensions = [
        {"dimension_name": name, "value_source": "messageTag", "default_value": "none"} for name in ("b", "a")
    ]
    values = {
        "arn": f"{set_arn('old')}:event-destination/m",
        "configuration_set_name": "old",
        "name": "m",
        "enabled": False,
        "matching_types": ["renderingFailure", "click"],
        "cloudwatch_destination": dimensions,
    }

    assert found(resource("aws_ses_event_destination", values))[1][2] == {
        "configuration_set": "old",
        "name": "m",
        "enabled": False,
        "events": ["CLICK", "RENDERING_FAILURE"],
        "cloudwatch": {"dimensions": [{"name": n, "source": "MESSAGE_TAG", "default": "none"} for n in ("a", "b")]},
    }


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"delivery_options": [{"tls_policy": "REQUIRE"}]}, "delivery_options"),
        ({"tracking_options": [{"custom_redirect_domain": "x.example.com"}]}, "tracking_options"),
        ({"sending_options": [{"sending_enabled": False}]}, "sending_options"),
    ],
)
def test_a_set_with_unsupported_options_is_kept_and_imported(options: dict[str, Any], named: str) -> None:
    """Terraform keeps a set whose options specs do not support; the specs declare the set for its destinations."""

    assert named in kept_reasons(a_set(**options))[0]
    assert ["configuration_set"] == [r[0] for r in found(a_set(**options))]


@pytest.mark.parametrize("reasons", [[], ["BOUNCE"], ["COMPLAINT", "BOUNCE"]])
def test_suppression_options_are_imported_with_their_set(reasons: list[str]) -> None:
    """The suppression_options block is a separate resource; an empty list is imported, because it overrides the account."""
    resources = found(a_set(suppression_options=[{"suppressed_reasons": reasons}]))

    assert ["configuration_set", "suppression_options"] == [r[0] for r in resources]
    assert sorted(reason.lower() for reason in reasons) == resources[1][2]["reasons"]


def test_a_set_with_default_options_is_handed_over() -> None:
    """The option blocks that the provider reads for a plain set do not prevent the hand-over."""
    plain: dict[str, Any] = {
        "delivery_options": [{"tls_policy": "OPTIONAL", "sending_pool_name": "", "max_delivery_seconds": 0}],
        "reputation_options": [{"last_fresh_start": "", "reputation_metrics_enabled": True}],
        "sending_options": [{"sending_enabled": True}],
        "vdm_options": [],
    }

    assert [] == kept_reasons(a_set(**plain))


def test_a_set_of_ses_v1() -> None:
    """A set of SES v1 is handed over if it has no option that specs do not support."""
    values = {"name": "old", "arn": set_arn("old"), "sending_enabled": True, "reputation_metrics_enabled": False}

    assert [] == kept_reasons(resource("aws_ses_configuration_set", values))
    assert (
        "reputation_metrics_enabled"
        in kept_reasons(resource("aws_ses_configuration_set", {**values, "reputation_metrics_enabled": True}))[0]
    )


# --- topics ------------------------------------------------------------------------------------------------------------


def test_a_topic_with_its_subscription() -> None:
    """A topic and a subscription are read in the form that SNS returns."""
    dead = f"arn:aws:sqs:{REGION}:{OWNER}:dead"
    settings = {
        "raw_message_delivery": True,
        "filter_policy": '{"a": ["b"]}',
        "redrive_policy": json.dumps({"deadLetterTargetArn": dead}),
    }

    assert [
        ("topic", OWNER_SCOPE, {"topic_arn": TOPIC, "name": "feedback", "display_name": "SES", "kms_key": "k"}),
        (
            "subscription",
            OWNER_SCOPE,
            {
                "topic_arn": TOPIC,
                "protocol": "sqs",
                "endpoint": f"arn:aws:sqs:{REGION}:{OWNER}:q",
                "arn": f"{TOPIC}:1",
                "raw_message_delivery": True,
                "filter_policy": {"a": ["b"]},
                "filter_policy_scope": "MessageAttributes",
                "dead_letter_queue": dead,
                "role": None,
            },
        ),
    ] == found(topic(display_name="SES", kms_master_key_id="k"), subscription(**settings))


def test_a_pending_subscription_is_imported_as_pending() -> None:
    """The ARN of a pending subscription is not used, because SNS does not list it."""

    assert "PendingConfirmation" == found(topic(), subscription(pending_confirmation=True))[1][2]["arn"]


@pytest.mark.parametrize(
    "kept",
    [
        topic("orders.fifo", fifo_topic=True),
        topic(delivery_policy="{}"),
        topic(signature_version=2),
        topic(tracing_config="Active"),
        topic(lambda_failure_feedback_role_arn="arn:aws:iam::111111111111:role/r"),
        subscription(),
        resource("aws_sns_topic_policy", {"arn": TOPIC, "policy": json.dumps(default_topic_policy(TOPIC))}),
    ],
)
def test_unsupported_topics_are_kept(kept: dict[str, Any]) -> None:
    """Terraform keeps topics with unsupported settings, and the subscriptions and policies of kept topics."""

    assert 1 == len(kept_reasons(kept))
    assert [] == found(kept)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"delivery_policy": "{}"}, "delivery_policy"),
        ({"redrive_policy": '{"deadLetterTargetArn": "x", "more": 1}'}, "redrive_policy"),
        ({"owner_id": DELEGATE}, f"belongs to account {DELEGATE}, and its topic to account {OWNER}"),
    ],
)
def test_unsupported_subscriptions_are_kept(values: dict[str, Any], reason: str) -> None:
    """Terraform keeps a subscription that specs do not support, and the reason names the setting."""

    assert reason in kept_reasons(topic(), subscription(**values))[0]


def a_policy(*statements: dict[str, Any]) -> dict[str, Any]:
    document = {"Version": "2008-10-17", "Statement": list(statements)}
    return resource("aws_sns_topic_policy", {"arn": TOPIC, "policy": json.dumps(document)})


DEFAULT = default_topic_policy(TOPIC)
OURS = {"Sid": "SesformPublish1", "Effect": "Allow", "Principal": {"Service": "ses.amazonaws.com"}, "Resource": TOPIC}
THEIRS = {"Sid": "alarms", "Effect": "Allow", "Principal": {"Service": "cloudwatch.amazonaws.com"}, "Resource": TOPIC}


def test_a_policy_resource_overrides_the_policy_of_the_topic() -> None:
    """The policy resource is used, because the topic in the state can be older than its policy."""
    before = topic(policy=json.dumps(DEFAULT))
    made = found(before, a_policy(OURS))

    assert [OURS] == made[1][2]["policy"]["Statement"]
    assert DEFAULT == found(before)[1][2]["policy"]


@pytest.mark.parametrize("statements", [[OURS], [*DEFAULT["Statement"], OURS], DEFAULT["Statement"]])
def test_a_policy_that_sesform_would_keep_is_handed_over(statements: list[dict[str, Any]]) -> None:
    """A policy with statements of sesform and the default statement of SNS is handed over."""

    assert [] == kept_reasons(topic(), a_policy(*statements))


@pytest.mark.parametrize("statements", [[THEIRS], [OURS, THEIRS]])
def test_a_policy_with_other_statements_is_kept(statements: list[dict[str, Any]]) -> None:
    """Terraform keeps a policy with other statements, because the provider writes whole policies; specs do not declare it."""
    resources = (topic(policy=json.dumps(DEFAULT)), a_policy(*statements))

    assert ["it has statements that sesform did not write"] == kept_reasons(*resources)
    assert ["topic"] == [r[0] for r in found(*resources)]


def test_a_sensitive_policy_is_kept() -> None:
    """Terraform keeps a sensitive policy, and the policy of the topic is not used instead."""
    hidden = {**a_policy(OURS), "sensitive_values": {"policy": True}}

    assert ["topic"] == [r[0] for r in found(topic(policy=json.dumps(DEFAULT)), hidden)]


def test_topics_without_ses_are_skipped() -> None:
    """Only topics that a resource publishes to, or whose policy names SES, are read without --all-topics."""
    ses = {"Sid": "ses", "Effect": "Allow", "Principal": {"Service": "ses.amazonaws.com"}, "Resource": TOPIC}
    alarms, orders = topic("alarms", called="a"), topic("orders.fifo", called="o", fifo_topic=True)
    listener = subscription(topic_arn=topic_arn("alarms"))

    def imported(*resources: dict[str, Any]) -> tuple[list[str], int]:
        made = terraform_state.inventory(json.dumps(state(*resources)).encode())
        return [i.address for i in made.items], made.skipped_topics

    of_ses = [topic()["address"], notification()["address"]]
    assert (of_ses, 2) == imported(topic(), alarms, orders, listener, domain(), notification())
    assert ([topic()["address"], a_policy()["address"]], 1) == imported(topic(), alarms, a_policy(ses, THEIRS))
    assert [topic()["address"]] == imported(topic(policy=json.dumps({"Statement": [ses]})))[0]
    with pytest.raises(TerraformError, match="--all-topics includes its 2 topics"):
        imported(alarms, orders)


# --- documents ---------------------------------------------------------------------------------------------------------


def test_addresses_are_read_without_keys() -> None:
    """`removed` blocks have the address without the keys of modules and instances."""
    address = 'module.a["x.\\"]y"].module.b[0]'
    inner = {"address": address, "resources": [{**topic(), "address": f'{address}.aws_sns_topic.t["k"]', "index": "k"}]}
    outer = {"address": 'module.a["x.\\"]y"]', "child_modules": [inner]}

    assert [(f'{address}.aws_sns_topic.t["k"]', "module.a.module.b.aws_sns_topic.t")] == [
        (i.address, i.resource) for i in read(state(modules=(outer,))).items
    ]


def test_the_prior_state_of_a_plan_is_read() -> None:
    """The prior state of a plan is imported, with a warning about its changes."""
    changes = [{"address": "aws_sns_topic.t", "mode": "managed", "change": {"actions": ["update"]}}]
    made = read(plan(state(topic(display_name="now")), resource_changes=changes))

    assert "now" == made.resources[0][2]["display_name"]
    assert "the plan changes aws_sns_topic.t" in made.warnings[0]


def test_a_plan_before_the_first_apply_has_nothing_to_hand_over() -> None:
    """Planned resources that do not exist are not imported."""
    planned = {"root_module": {"resources": [topic()]}}

    assert "it has no configuration sets" in refusal({"format_version": "1.2", "planned_values": planned})


def test_the_provider_configuration_of_a_plan_sets_the_account() -> None:
    """A resource has the account of the other resources of its provider configuration, because these share credentials."""
    alias = "aws.delegate"
    in_module = {"address": "module.m", "resources": [notification(identity_arn("example.com"))]}
    document = state(domain(), topic(account=DELEGATE), modules=(in_module,))
    module = {"resources": [{"address": notification()["address"], "provider_config_key": alias}]}
    configuration = {
        "provider_config": {alias: {"expressions": {"region": {"constant_value": REGION}}}},
        "root_module": {
            "resources": [{"address": "aws_sns_topic.t", "provider_config_key": alias}],
            "module_calls": {"m": {"module": module}},
        },
    }

    assert DELEGATE_SCOPE == read(plan(document, configuration=configuration)).resources[1][1]


def test_the_provider_configuration_of_a_plan_sets_the_region() -> None:
    """A constant region of the provider configuration sets the region."""
    forwarding = resource("aws_sesv2_email_identity_feedback_attributes", {"email_identity": "a.com"})
    configuration = {
        "provider_config": {"aws": {"expressions": {"region": {"constant_value": "us-east-1"}}}},
        "root_module": {"resources": [{"address": forwarding["address"], "provider_config_key": "aws"}]},
    }
    made = read(plan(state(forwarding), configuration=configuration), OWNER)

    assert Scope(OWNER, "us-east-1") == made.resources[0][1]


POLICY_V1 = resource("aws_ses_identity_policy", {"identity": "example.com", "name": "p", "policy": json.dumps(POLICY)})
POLICY_V2 = resource(
    "aws_sesv2_email_identity_policy",
    {"email_identity": "example.com", "policy_name": "p", "policy": json.dumps(POLICY, indent=1)},
)
PROOF = {"depends_on": ["aws_ses_domain_identity.d"]}


def test_two_resources_that_are_proven_to_be_one_are_imported_once() -> None:
    """The same sending policy of the same identity, declared for both SES versions, is imported once, and both are handed over."""
    made = read(state(domain(), POLICY_V1 | PROOF, POLICY_V2 | PROOF))

    assert ["sending_policy"] == [r[0] for r in made.resources]
    assert ["", ""] == [item.kept_reason for item in made.items]


def test_two_resources_with_different_values_are_kept() -> None:
    """Where both are proven to be the same in AWS, both stay, and no advice is given that cannot help."""
    other = POLICY_V2 | {"values": {**POLICY_V2["values"], "policy": json.dumps({**POLICY, "Statement": []})}}
    made = read(state(domain(), POLICY_V1 | PROOF, other | PROOF))

    assert () == made.resources
    why = "is the same sending policy in AWS, with different values. Remove one of them from the configuration"
    assert [f"aws_sesv2_email_identity_policy.this {why}", f"aws_ses_identity_policy.this {why}"] == [
        item.kept_reason for item in made.items
    ]


def test_two_resources_that_only_their_name_places_are_kept() -> None:
    """Two settings of one identity can belong to two regions, so equal values are no reason to merge them."""
    made = read(state(domain(), POLICY_V1, POLICY_V2))

    assert () == made.resources
    assert ["nothing shows which of them is there" in item.kept_reason for item in made.items] == [True, True]
    assert 2 == len(made.warnings)


def test_a_resource_that_is_proven_to_be_there_is_imported_beside_one_that_is_not() -> None:
    """Only the one whose place is not proven stays."""
    made = read(state(domain(), POLICY_V1 | PROOF, POLICY_V2))

    assert ["sending_policy"] == [r[0] for r in made.resources]
    assert [True, False] == [item.kept_reason == "" for item in made.items]


# --- provider configurations of plans ----------------------------------------------------------------------------------


def forwarding(name: str, identity: str = "example.com", **more: Any) -> dict[str, Any]:
    values = {"email_identity": identity, "email_forwarding_enabled": True}
    return resource("aws_sesv2_email_identity_feedback_attributes", values, name, **more)


def configuration(providers: dict[str, Any], **keys: str) -> dict[str, Any]:
    """A configuration: the expressions of provider configurations, and the provider key of each forwarding resource by name."""
    types = dict.fromkeys(keys, "aws_sesv2_email_identity_feedback_attributes")
    resources = [{"address": f"{types[n]}.{n}", "provider_config_key": key} for n, key in keys.items()]
    return {
        "provider_config": {key: {"name": "aws", "expressions": each} for key, each in providers.items()},
        "root_module": {"resources": resources, "variables": {"r": {}, "d": {"default": "ap-south-1"}}},
    }


def placed(expressions: dict[str, Any], **more: Any) -> list[Scope]:
    """The scopes of a forwarding resource whose provider has these expressions; the account is an option."""
    document = plan(state(forwarding("f")), configuration=configuration({"aws.x": expressions}, f="aws.x"), **more)
    return [r[1] for r in read(document, OWNER).resources]


@pytest.mark.parametrize(
    ("expression", "variables", "region"),
    [
        ({"constant_value": "us-east-1"}, {}, "us-east-1"),
        ({"references": ["var.r"]}, {"r": {"value": "us-west-2"}}, "us-west-2"),
        ({"references": ["var.d"]}, {}, "ap-south-1"),
        ({"references": ["var.d"]}, {"d": {"value": "us-west-2"}}, "us-west-2"),
    ],
)
def test_the_region_of_a_provider_configuration_is_a_constant_or_a_variable(
    expression: dict[str, Any], variables: dict[str, Any], region: str
) -> None:
    """A plan holds the values of its variables, and the configuration their defaults."""
    assert [Scope(OWNER, region)] == placed({"region": expression}, variables=variables)


@pytest.mark.parametrize(
    "expression",
    [
        {"references": ["var.r"]},
        {"references": ["local.region"]},
        {"references": ["var.r", "var.d"]},
        {"references": ["var.d", "each.key"]},
        {"constant_value": "not a region"},
        {"constant_value": None},
        {"references": "var.d"},
        None,
    ],
)
def test_other_expressions_of_a_region_prove_nothing(expression: Any) -> None:
    """An expression whose value the plan does not show leaves the resource unplaced."""
    document = plan(state(forwarding("f")), configuration=configuration({"aws.x": {"region": expression}}, f="aws.x"))

    assert "the state does not show the region" in refusal(document, OWNER)


def test_the_neighbours_of_a_provider_configuration_prove_its_region() -> None:
    """Any resource of the same provider configuration with an ARN shows the account and region."""
    queue = resource("aws_sqs_queue", {"arn": f"arn:aws:sqs:us-east-1:{DELEGATE}:q"}, "q")
    frame = configuration({}, f="aws.x")
    frame["root_module"]["resources"].append({"address": "aws_sqs_queue.q", "provider_config_key": "aws.x"})

    assert [Scope(DELEGATE, "us-east-1")] == [
        r[1] for r in read(plan(state(forwarding("f"), queue), configuration=frame)).resources
    ]


def test_neighbours_that_contradict_the_provider_configuration_prove_nothing() -> None:
    """Two regions of one provider configuration are no proof of either."""
    queue = resource("aws_sqs_queue", {"arn": f"arn:aws:sqs:us-east-1:{OWNER}:q"}, "q")
    frame = configuration({"aws.x": {"region": {"constant_value": "eu-west-1"}}}, f="aws.x")
    frame["root_module"]["resources"].append({"address": "aws_sqs_queue.q", "provider_config_key": "aws.x"})

    assert "the state does not show the region" in refusal(plan(state(forwarding("f"), queue), configuration=frame))


def test_topics_of_others_prove_nothing() -> None:
    """A subscription has the ARN of its topic, which may belong to another account."""
    foreign = subscription(topic_arn=topic_arn("t", DELEGATE), arn=f"{topic_arn('t', DELEGATE)}:1")
    frame = configuration({"aws.x": {"region": {"constant_value": REGION}}}, f="aws.x")
    frame["root_module"]["resources"].append({"address": foreign["address"], "provider_config_key": "aws.x"})
    made = read(plan(state(forwarding("f"), foreign), configuration=frame), OWNER)

    assert [OWNER_SCOPE] == [r[1] for r in made.resources if r[0] == "feedback_forwarding"]


@pytest.mark.parametrize(
    "expressions",
    [
        {"assume_role": [{"role_arn": {"constant_value": f"arn:aws:iam::{DELEGATE}:role/r"}}]},
        {"allowed_account_ids": {"constant_value": [DELEGATE]}},
        {"assume_role": [{"role_arn": {"references": ["var.role"]}}]},
    ],
)
def test_the_role_or_the_allowed_account_of_a_provider_configuration_proves_its_account(
    expressions: dict[str, Any],
) -> None:
    """A provider configuration that assumes a role, or allows one account, has that account."""
    frame = configuration({"aws.x": {"region": {"constant_value": REGION}, **expressions}}, f="aws.x")
    frame["root_module"]["variables"]["role"] = {}
    values = {"role": {"value": f"arn:aws:iam::{DELEGATE}:role/r"}}

    assert [DELEGATE_SCOPE] == [
        r[1] for r in read(plan(state(forwarding("f")), configuration=frame, variables=values)).resources
    ]


def test_variables_of_modules_have_the_values_of_their_calls() -> None:
    """A provider configuration in a module refers to the module's variables, which the call sets."""
    inner = {
        "resources": [{"address": forwarding("f")["address"], "provider_config_key": "module.m:aws"}],
        "variables": {"where": {"default": "ap-south-1"}},
    }
    frame = {
        "provider_config": {
            "module.m:aws": {"module_address": "module.m", "expressions": {"region": {"references": ["var.where"]}}}
        },
        "root_module": {
            "variables": {"r": {}},
            "module_calls": {"m": {"module": inner, "expressions": {"where": {"references": ["var.r"]}}}},
        },
    }
    module = {"address": "module.m", "resources": [forwarding("f", address=f"module.m.{forwarding('f')['address']}")]}
    document = plan(state(modules=(module,)), configuration=frame, variables={"r": {"value": "us-west-2"}})

    assert [Scope(OWNER, "us-west-2")] == [r[1] for r in read(document, OWNER).resources]
    frame["root_module"]["module_calls"]["m"]["expressions"] = {"where": {"references": ["local.x"]}}  # type: ignore[index]
    assert "the state does not show the region" in refusal(document, OWNER)


# --- options -----------------------------------------------------------------------------------------------------------


def test_options_do_not_place_resources_where_the_document_shows_another_region() -> None:
    """With resources in two regions, --region would be a guess for each resource that nothing places."""
    there = topic(called="u") | {"values": {"arn": topic_arn("f", region="us-east-1"), "name": "f"}}
    made = read(state(topic(), there, forwarding("f")), OWNER, REGION)
    (item,) = [item for item in made.items if item.kept_reason]

    assert "there are resources in eu-west-1, us-east-1, so --region does not apply" in item.kept_reason


@given(st.data())
def test_each_resource_is_in_its_proven_place_or_named(data: st.DataObject) -> None:
    """Whatever proof is missing: nothing is written for another place than the true one, and nothing is lost without a word."""
    regions = ("eu-west-1", "us-east-1")
    identities, settings, truth = [], [], {}
    for number in range(data.draw(st.integers(1, 4))):
        region, name = data.draw(st.sampled_from(regions)), data.draw(st.sampled_from(["a.com", "b.com"]))
        values = {"email_identity": name, "arn": identity_arn(name, region=region)}
        identity = resource("aws_sesv2_email_identity", values, f"i{number}")
        shown = data.draw(st.booleans())
        if shown:
            identities.append(identity)
        depends = data.draw(st.booleans())
        setting = forwarding(f"f{number}", name, depends_on=[identity["address"]] if depends else [])
        settings.append(setting)
        truth[setting["address"]] = (Scope(OWNER, region), shown)
    place = (OWNER, data.draw(st.sampled_from(regions))) if data.draw(st.booleans()) else ()
    try:
        made = read(state(*identities, *settings), *place)
    except TerraformError:
        return
    kept = {item.address for item in made.items if item.kept_reason}
    assert {item.address for item in made.items} == truth.keys()
    assert {warning.split()[0] for warning in made.warnings} == kept
    for item in made.items:
        scope, shown = truth[item.address]
        if shown and not item.kept_reason and len(identities) == len(settings):
            assert [scope] == [r[1] for r in item.resources]


def test_tainted_and_deposed_instances_are_kept() -> None:
    """Tainted and deposed instances are not imported, because Terraform will destroy them."""
    tainted, deposed = {**topic(), "tainted": True}, {**topic(), "deposed_key": "12ab34cd"}

    assert ["it is tainted: Terraform will replace it"] == kept_reasons(tainted)
    assert ["it is deposed: Terraform will destroy it"] == kept_reasons(deposed)
    assert [] == found(tainted, deposed)


def test_a_resource_with_a_sensitive_value_is_kept() -> None:
    """A sensitive value is not written to specs."""
    hidden = subscription(protocol="https", endpoint="https://user:secret@example.com")
    made = read(state(topic(), {**hidden, "sensitive_values": {"endpoint": True}}))

    assert "its endpoint is sensitive" == made.items[1].kept_reason
    assert "secret" not in repr(made)


def test_a_sensitive_block_that_is_damaged_is_not_quoted() -> None:
    """An error does not quote a sensitive value."""
    values = {"configuration_set_name": "tx", "event_destination_name": "d", "event_destination": "s3cr3t"}
    hidden = resource("aws_sesv2_configuration_set_event_destination", values)

    assert ["its event_destination is sensitive"] == kept_reasons(
        a_set(), {**hidden, "sensitive_values": {"event_destination": True}}
    )


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "not JSON"),
        (b'{"@level":"info"}\n{"@level":"info"}\n', "not JSON"),
        (b"\xff\xfe\x00", "not JSON"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "neither a state nor a plan"),
        (b"{}", "JSON, but neither a state nor a plan: format_version is missing"),
        (b'{"version": 4, "serial": 1, "lineage": "x", "resources": []}', "a raw state file"),
        (b'{"format_version": "2.0"}', "format_version is '2.0'"),
        (b'{"format_version": 1}', "format_version is 1"),
        (b'{"format_version": "1.0", "provider_schemas": {}}', "neither a state nor a plan"),
        (b'{"format_version": "1.0"}', "it has no configuration sets"),
        (b'{"format_version": "1.0", "values": []}', "values: [] is not an object"),
        (b'{"format_version": "1.0", "values": {"root_module": {"resources": 5}}}', "5 is not a list"),
    ],
)
def test_other_documents_are_refused(content: bytes, reason: str) -> None:
    """The error gives one reason why the document is not a state or a plan."""

    assert reason in refusal(content)


def test_a_document_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A document above the size limit is refused before it is parsed."""
    monkeypatch.setattr("sesform.importer.terraform_state._document.MAX_BYTES", 10)

    assert "larger than" in refusal(state(topic()))


def test_utf_16_is_read() -> None:
    """UTF-16 is read, because `>` in PowerShell writes it."""
    content = json.dumps(state(topic())).encode("utf-16")

    assert 1 == len(terraform_state.inventory(content, all_topics=True).resources)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        (topic(arn=None), "arn is missing"),
        (topic(arn="x"), "arn is 'x', not an ARN of sns"),
        (topic(display_name=5), "display_name is 5, not text"),
        (topic(policy="{"), "policy is not valid in AWS"),
        (topic(policy="[]"), "policy is '[]', not a JSON object"),
        (topic(policy='{"Statement": [1]}'), "policy is not valid in AWS: a policy is a JSON object"),
        (notification(notification_type="Open"), "notification_type is 'open'"),
        (subscription(filter_policy="5"), "filter_policy is '5', not a JSON object"),
        (subscription(raw_message_delivery="yes"), "raw_message_delivery is 'yes', not true or false"),
        (destination(), "it has 0 destinations; it must have one"),
        (destination(matching_event_types=5), "matching_event_types is 5, not a list of strings"),
        (destination(sns_destination=[5]), "sns_destination is [5], not a list of blocks"),
        ({**topic(), "name": "a\nb"}, "has no valid Terraform type and name"),
        ({**topic(), "address": None}, "has no address"),
    ],
)
def test_a_damaged_resource_is_named(wrong: dict[str, Any], reason: str) -> None:
    """The error for a damaged resource names the attribute and the value."""

    assert reason in refusal(state(wrong), OWNER, REGION)


@pytest.mark.parametrize("address", ["module", "module.a b", 'module.a["x]', "module.a.b", None, 5, ""])
def test_an_invalid_module_address_is_refused(address: Any) -> None:
    """An invalid module address is refused, because it would be part of a `removed` block."""

    assert "is not the address of a module" in refusal(state(modules=({"address": address, "resources": [topic()]},)))


# --- what Terraform may forget -----------------------------------------------------------------------------------------


def test_a_declared_resource_is_handed_over() -> None:
    """A resource that the specs declare gets a `removed` block without keys, which Terraform requires."""
    made = read(state(topic()))

    assert [True] == [v.handed_over for v in hand_overs(made, compiled(owner("topics: {feedback: {}}")))]
    assert "removed {\n  from = aws_sns_topic.t\n\n  lifecycle {\n    destroy = false\n  }\n}\n" in removed_file(
        hand_overs(made, compiled(owner("topics: {feedback: {}}")))
    )


def test_a_resource_with_other_values_is_kept() -> None:
    """Terraform keeps a resource that the specs do not declare, or declare with other values."""
    made = read(state(topic()))
    different = compiled(owner("topics: {feedback: {display_name: other}}"))

    assert [("aws_sns_topic.t: the specs do not declare its topic completely; a comment in the specs says why",)] == [
        v.reasons for v in hand_overs(made, different)
    ]
    assert [False] == [v.handed_over for v in hand_overs(made, compiled(delegate("topics: {feedback: {}}")))]


def test_a_resource_with_an_omitted_setting_is_kept() -> None:
    """Terraform keeps a topic with a setting that the spec omits, and the subscriptions of this topic."""
    made = read(state(topic(kms_master_key_id="k"), subscription(raw_message_delivery=True)))
    queue = f"{{protocol: sqs, endpoint: 'arn:aws:sqs:{REGION}:{OWNER}:q'"
    bare = compiled(owner(f"topics: {{feedback: {{subscriptions: [{queue}}}]}}}}"))
    whole = compiled(
        owner(f"topics: {{feedback: {{kms_key: k, subscriptions: [{queue}, raw_message_delivery: true}}]}}}}")
    )

    assert [False, False] == [v.handed_over for v in hand_overs(made, bare)]
    assert [True, True] == [v.handed_over for v in hand_overs(made, whole)]


def test_no_topic_is_handed_over_if_the_specs_declare_null() -> None:
    """A notification type without a topic is kept if the spec declares unmanaged or a topic, else handed over."""
    made = read(state(domain(), notification(topic=None)))
    handed_over = {
        text: [
            v.handed_over
            for v in hand_overs(made, compiled(owner(f"topics: {{t: {{}}}}\nidentities:\n  example.com: {text}")))
        ]
        for text in (
            "{}",
            "{notifications: {bounce: null}}",
            "{notifications: {bounce: unmanaged}}",
            "{notifications: {bounce: t}}",
        )
    }

    assert [[True], [True], [False], [False]] == list(handed_over.values())


def test_a_resource_is_kept_if_one_instance_is_kept() -> None:
    """Terraform keeps all instances of a resource if it keeps one of them."""
    one = {**topic(), "address": "aws_sns_topic.t[0]"}
    two = {**topic("orders.fifo"), "address": "aws_sns_topic.t[1]"}
    made = hand_overs(read(state(one, two)), compiled(owner("topics: {feedback: {}}")))

    assert [("aws_sns_topic.t[1]: it is a FIFO topic; SES publishes to standard topics only",)] == [
        v.reasons for v in made
    ]
    assert "removed {" not in removed_file(made)
    assert "# - aws_sns_topic.t[1]: it is a FIFO topic" in removed_file(made)


def test_a_resource_is_kept_if_one_instance_is_skipped() -> None:
    """Terraform keeps all instances if one is skipped, because a block would remove that instance too."""
    topics = [
        {**topic("feedback"), "address": "aws_sns_topic.t[0]"},
        {**topic("orders"), "address": "aws_sns_topic.t[1]"},
        {**topic("orders.fifo"), "address": "aws_sns_topic.t[2]"},
    ]
    queues = [
        {**subscription(topic_arn=topic_arn(n)), "address": f"aws_sns_topic_subscription.this[{i}]"}
        for i, n in enumerate(("feedback", "orders"))
    ]
    made = terraform_state.inventory(json.dumps(state(*topics, *queues, domain(), notification())).encode())
    queue = f"arn:aws:sqs:{REGION}:{OWNER}:q"
    specs = owner(
        f"topics: {{feedback: {{subscriptions: [{{protocol: sqs, endpoint: '{queue}'}}]}}}}\n"
        "identities: {example.com: {notifications: {bounce: feedback}}}"
    )
    why = "SES does not publish to its topic; --all-topics includes it"

    assert {
        "aws_sns_topic.t": (
            f"aws_sns_topic.t[1]: {why}",
            "aws_sns_topic.t[2]: it is a FIFO topic; SES publishes to standard topics only",
        ),
        "aws_sns_topic_subscription.this": (f"aws_sns_topic_subscription.this[1]: {why}",),
        "aws_ses_identity_notification_topic.this": (),
    } == {v.resource: v.reasons for v in hand_overs(made, compiled(specs))}


def test_tags_are_noted() -> None:
    """A resource with tags is handed over, and a comment handed_over that the tags are no longer managed."""
    made = hand_overs(read(state(topic(tags={"a": "b"}))), compiled(owner("topics: {feedback: {}}")))

    assert "  # its tags remain in AWS and are no longer managed\n  from = aws_sns_topic.t" in removed_file(made)


# --- hostile documents -------------------------------------------------------------------------------------------------

ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.sampled_from([TOPIC, OWNER, "1.0"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
VALID = (
    domain(),
    notification(include_original_headers=True),
    a_set(),
    destination(sns_destination=[{"topic_arn": TOPIC}]),
    topic(policy=json.dumps(POLICY)),
    subscription(filter_policy='{"a": ["b"]}'),
)


@given(st.data())
def test_any_value_anywhere_is_read_or_refused(data: st.DataObject) -> None:
    """Any value in any attribute is read, or refused with TerraformError."""
    resources = [json.loads(json.dumps(r)) for r in VALID]
    target = data.draw(st.sampled_from(resources))
    part = data.draw(st.sampled_from([target, target["values"]]))
    part[data.draw(st.sampled_from(sorted(part)))] = data.draw(ANYTHING)
    items: tuple[terraform_state.Item, ...] = ()
    message = ""
    try:
        items = read(state(*resources), OWNER, REGION).items
    except TerraformError as error:
        message = str(error)

    assert printable(message) == message
    assert [] == [i for i in items if not i.resources and not i.kept_reason]


NASTY = st.text(st.sampled_from("a\"\\\n\r\x00\x1b\u2028\u202e${}%#]'") | st.characters(), max_size=12)


@given(st.lists(NASTY, min_size=1, max_size=3))
def test_names_cannot_add_lines_to_the_blocks(names: list[str]) -> None:
    """Each line of the file is a line of a `removed` block or a comment, whatever the names in the state."""
    keyed = [{**topic("o.fifo"), "address": f"aws_sns_topic.t[{json.dumps(n, ensure_ascii=False)}]"} for n in names]
    named = [
        {**topic(f"u{i}", display_name=n), "address": f"aws_sns_topic.u{i}", "name": f"u{i}"}
        for i, n in enumerate(names)
    ]
    text = removed_file(hand_overs(read(state(*keyed, *named)), compiled(owner("topics: {feedback: {}}"))))

    lines = {"removed {", "", "  lifecycle {", "    destroy = false", "  }", "}"}
    lines |= {f"  from = aws_sns_topic.u{i}" for i in range(len(names))}
    assert [] == [line for line in text.splitlines() if line not in lines and not line.startswith("#")]
    assert printable(text.replace("\n", "")) == text.replace("\n", "")
