"""Specs are written of live resources."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from scenes import DELEGATE, DELEGATE_SCOPE, OWNER, OWNER_SCOPE, identity_arn, topic_arn
from sesform.importer import spec_writer
from sesform.importer.spec_writer import Account, Note, SpecDraft
from sesform.model.address import Scope
from sesform.model.values import EVENT_TYPES
from sesform.policies import document as policy_document
from sesform.policies import topic_statements
from sesform.policies.document import Publisher
from sesform.resources.resource_type import Resource
from sesform.specs import yaml_writer
from sesform.specs.compiler import grant, policy_name, publishers_of
from sesform.specs.schema import Authorization

ACCOUNTS = {OWNER: Account("corp"), DELEGATE: Account("mailer")}
SCOPES = (OWNER_SCOPE, DELEGATE_SCOPE)
IRELAND, FRANKFURT = OWNER_SCOPE, Scope(OWNER, "eu-central-1")


def drafts_by_name(
    resources: Iterable[Resource], *, whole: bool = True, scopes: Iterable[Scope] = SCOPES
) -> dict[str, SpecDraft]:
    """Return the drafts by name."""
    return {d.name: d for d in spec_writer.specs(resources, ACCOUNTS, whole=whole, scopes=tuple(scopes))}


def data(resources: Iterable[Resource], name: str = "corp", *, whole: bool = True) -> Any:
    return drafts_by_name(resources, whole=whole)[name].data


def comments(resources: Iterable[Resource], name: str = "corp", *, whole: bool = True) -> list[str]:
    return [text for texts in drafts_by_name(resources, whole=whole)[name].comments.values() for text in texts]


def identity(name: str, scope: Scope = OWNER_SCOPE, *, forwarding: bool = True, **topics: str) -> list[Resource]:
    """Return an identity as SES has it: topics by type, forwarding on or off."""
    found: list[Resource] = [("feedback_forwarding", scope, {"identity": name, "enabled": forwarding})]
    return found + [
        ("notification_topic", scope, {"identity": name, "notification_type": t, "topic_arn": arn})
        for t, arn in topics.items()
    ]


def headers(name: str, type_: str, scope: Scope = OWNER_SCOPE) -> Resource:
    return "notification_headers", scope, {"identity": name, "notification_type": type_, "enabled": True}


def topic(name: str, scope: Scope = OWNER_SCOPE, *, document: Any = None, **settings: Any) -> list[Resource]:
    arn = topic_arn(name, scope.account, scope.region)
    kept = document or policy_document.default_topic_policy(arn)
    properties = {"topic_arn": arn, "name": name, "display_name": "", "kms_key": None, **settings}
    return [("topic", scope, properties), ("topic_policy", scope, {"topic_arn": arn, "policy": kept})]


def allowing(name: str, identity_: str, scope: Scope = OWNER_SCOPE) -> Any:
    """Return the policy that sesform keeps for a topic of the owner that one of its identities publishes to."""
    arn = topic_arn(name, scope.account, scope.region)
    return topic_statements.with_publishers(
        policy_document.default_topic_policy(arn), arn, publishers_of(scope, identity_)
    )


def destination(name: str = "d", *, set_name: str = "s", **properties: Any) -> list[Resource]:
    held = {"configuration_set": set_name, "name": name, "enabled": True, "events": ["BOUNCE"], **properties}
    return [
        ("configuration_set", OWNER_SCOPE, {"configuration_set": set_name}),
        ("event_destination", OWNER_SCOPE, held),
    ]


def sending(document: Any, name: str, identity_: str = "a.com") -> Resource:
    return "sending_policy", OWNER_SCOPE, {"identity": identity_, "name": name, "policy": document}


# --- kinds, names, references --------------------------------------------------------------------------------------------


def test_an_owner_and_its_delegate_get_a_spec_each() -> None:
    """Each account gets a spec of its kind, and specs refer to topics by short names."""
    arn = topic_arn("feedback", DELEGATE)
    allowing_policy = topic_statements.with_publishers(
        policy_document.default_topic_policy(arn), arn, publishers_of(OWNER_SCOPE, "a.com")
    )
    resources = [*identity("a.com", bounce=arn), *topic("feedback", DELEGATE_SCOPE, document=allowing_policy)]

    assert [d.data for d in spec_writer.specs(resources, ACCOUNTS, whole=True, scopes=SCOPES)] == [
        {
            "kind": "Owner",
            "name": "corp",
            "account": OWNER,
            "regions": ["eu-west-1"],
            "identities": {"a.com": {"notifications": {"bounce": "mailer/feedback"}, "feedback_forwarding": True}},
        },
        {
            "kind": "Delegate",
            "name": "mailer",
            "account": DELEGATE,
            "regions": ["eu-west-1"],
            "topics": {"feedback": {}},
        },
    ]


def test_a_topic_of_the_same_spec_is_referred_to_by_name() -> None:
    """A reference to a topic of the same spec has no spec name."""
    resources = [*identity("a.com", bounce=topic_arn("t")), *topic("t", document=allowing("t", "a.com"))]

    assert data(resources)["identities"]["a.com"]["notifications"] == {"bounce": "t"}


def test_a_topic_of_another_account_is_referred_to_by_arn() -> None:
    """A topic of an account that is not imported is referred to by its ARN."""
    arn = topic_arn("x", "333333333333")

    assert data(identity("a.com", bounce=arn))["identities"]["a.com"]["notifications"] == {"bounce": arn}


def test_a_topic_named_unmanaged_is_not_the_reserved_word() -> None:
    """A reference to a topic with the name unmanaged is written in the long form."""
    resources = [
        *identity("a.com", bounce=topic_arn("unmanaged")),
        *topic("unmanaged", document=allowing("unmanaged", "a.com")),
    ]
    expected = {"bounce": {"topic": "unmanaged", "headers": False}}

    assert expected == data(resources)["identities"]["a.com"]["notifications"]


def test_an_account_with_identities_and_legacy_entries_gets_two_specs() -> None:
    """The account gets an Owner with the topics, and a Delegate that refers to them."""
    partner = identity_arn("partner.example", "333333333333")
    entry = (
        "notification_topic",
        OWNER_SCOPE,
        {"identity": partner, "notification_type": "bounce", "topic_arn": topic_arn("t")},
    )
    found = drafts_by_name([*identity("a.com"), entry, *topic("t")])

    assert [(d.data["kind"], d.name) for d in found.values()] == [
        ("Owner", "corp"),
        ("Delegate", "corp-delegate"),
        ("Delegate", "mailer"),
    ]
    assert found["corp-delegate"].data["cross_account_notifications"] == {partner: {"bounce": "corp/t"}}


def test_an_account_without_resources_gets_an_empty_spec() -> None:
    """An account without resources gets an empty spec, because it was read."""
    found = drafts_by_name([])

    assert [d.data["kind"] for d in found.values()] == ["Delegate", "Delegate"]
    assert comments([]) == ["There are no resources for SES notifications in this account and region."]


def test_an_account_with_sets_only_is_a_delegate() -> None:
    """An account without identities gets a Delegate."""
    assert data(destination(eventbridge={"event_bus_arn": f"arn:aws:events:eu-west-1:{OWNER}:event-bus/default"})) == {
        "kind": "Delegate",
        "name": "corp",
        "account": OWNER,
        "regions": ["eu-west-1"],
        "configuration_sets": {"s": {"event_destinations": {"d": {"events": ["bounce"], "eventbridge": "default"}}}},
    }


def test_equal_resources_in_two_regions_are_one_spec() -> None:
    """Two regions with equal resources become one spec with both regions."""
    resources = [
        each
        for scope in (IRELAND, FRANKFURT)
        for each in [
            *identity("a.com", scope, bounce=topic_arn("t", OWNER, scope.region)),
            *topic("t", scope, document=allowing("t", "a.com", scope)),
        ]
    ]
    (only,) = spec_writer.specs(resources, {OWNER: Account("corp")}, whole=True, scopes=(IRELAND, FRANKFURT))

    assert only.data["regions"] == ["eu-central-1", "eu-west-1"]


def test_differences_between_regions_make_one_spec_for_each_region() -> None:
    """The first spec has the account's name; the other one has its region as a suffix."""
    resources = [*identity("a.com", FRANKFURT), *identity("b.com", IRELAND)]
    found = spec_writer.specs(resources, {OWNER: Account("corp")}, whole=True, scopes=(IRELAND, FRANKFURT))

    assert [(d.name, d.data["regions"]) for d in found] == [
        ("corp", ["eu-central-1"]),
        ("corp-eu-west-1", ["eu-west-1"]),
    ]


def test_references_to_different_specs_make_different_specs() -> None:
    """Two regions with equal settings are two specs if their topics are in two specs."""
    resources: list[Resource] = []
    for region, display_name in (("eu-west-1", "one"), ("eu-central-1", "two")):
        scope, theirs = Scope(OWNER, region), Scope(DELEGATE, region)
        arn = topic_arn("t", DELEGATE, region)
        kept = topic_statements.with_publishers(
            policy_document.default_topic_policy(arn), arn, publishers_of(scope, "a.com")
        )
        resources += identity("a.com", scope, bounce=arn) + topic("t", theirs, document=kept, display_name=display_name)
    bounces = {
        n: d.data["identities"]["a.com"]["notifications"]["bounce"]
        for n, d in drafts_by_name(resources).items()
        if "corp" in n
    }

    assert bounces == {"corp": "mailer/t", "corp-eu-west-1": "mailer-eu-west-1/t"}


def test_credentials_are_written_with_their_comment() -> None:
    """The credentials of an account are written as given, with their comment."""
    role = {"role_arn": f"arn:aws:iam::{OWNER}:role/r"}
    (draft,) = spec_writer.specs(identity("a.com"), {OWNER: Account("corp", role, "Add external_id.")}, whole=True)

    assert draft.data["credentials"] == role
    assert draft.comments["credentials",] == ("Add external_id.",)


def test_notes_become_comments() -> None:
    """A note becomes a comment at the entry that it names."""
    note = Note(OWNER_SCOPE, "Seen.", ("identities", "a.com"))
    (draft,) = spec_writer.specs(identity("a.com"), {OWNER: Account("corp")}, whole=True, notes=[note])

    assert draft.comments == {("identities", "a.com"): ("Seen.",)}


# --- identities ----------------------------------------------------------------------------------------------------------


def test_a_missing_topic_is_null_only_if_all_resources_are_known() -> None:
    """A notification type without a topic is null in an import of a whole account, and unmanaged in an import of a part."""
    arn = topic_arn("x", "333333333333")
    resources = identity("a.com", bounce=arn)[1:]

    assert data(resources)["identities"] == {"a.com": {"notifications": {"bounce": arn}}}
    assert data(resources, whole=False)["identities"] == {
        "a.com": {"notifications": {"bounce": arn, "complaint": "unmanaged", "delivery": "unmanaged"}}
    }


def test_headers_are_written_with_their_topic() -> None:
    """A topic with headers is written in the long form."""
    arn = topic_arn("x", "333333333333")
    resources = [*identity("a.com", bounce=arn), headers("a.com", "bounce")]

    assert data(resources)["identities"]["a.com"]["notifications"] == {"bounce": {"topic": arn, "headers": True}}


def test_unsupported_settings_of_identities_are_unmanaged_with_a_comment() -> None:
    """Headers without a topic, a deleted topic, and forwarding off without topics are left unmanaged, with a comment."""
    resources = [*identity("a.com", forwarding=False, complaint=topic_arn("gone")), headers("a.com", "bounce")]

    unmanaged = {"bounce": "unmanaged", "complaint": "unmanaged"}

    assert data(resources)["identities"] == {"a.com": {"notifications": unmanaged, "feedback_forwarding": False}}
    assert comments(resources) == [
        "Left unmanaged: headers are included, and there is no topic.",
        f"Left unmanaged: topic {topic_arn('gone')} does not exist.",
    ]
    assert data(identity("a.com", forwarding=False))["identities"] == {"a.com": {}}
    assert comments(identity("a.com", forwarding=False)) == [
        "E-mail forwarding is off, and bounces or complaints have no topic. Left unmanaged, because `false` "
        "requires both topics or a default configuration set."
    ]


def test_an_identity_with_an_unsupported_name_is_skipped_with_a_comment() -> None:
    """An identity whose name specs do not support is skipped, and a comment says why."""
    found = drafts_by_name([*identity("localhost"), *identity("a.com")])["corp"]

    assert list(found.data["identities"]) == ["a.com"]
    assert found.comments["identities", "localhost"] == (
        "localhost: skipped: not supported in specs: 'localhost' is neither a domain nor an e-mail address.",
    )


def test_only_existing_default_configuration_sets_are_written() -> None:
    """An identity without a default set declares none, because null would cost one call for each identity and plan."""
    resources = [
        *identity("a.com"),
        *identity("b.com"),
        ("default_configuration_set", OWNER_SCOPE, {"identity": "a.com", "configuration_set": "s"}),
        ("configuration_set", OWNER_SCOPE, {"configuration_set": "s"}),
    ]

    assert data(resources)["identities"] == {"a.com": {"default_configuration_set": "s"}, "b.com": {}}


@pytest.mark.parametrize(("name", "why"), [("gone", "it does not exist"), ("unmanaged", "specs reserve this name")])
def test_an_unsupported_default_configuration_set_is_unmanaged(name: str, why: str) -> None:
    """A default set that does not exist, or has a reserved name, is left unmanaged with a comment."""
    resources = [
        *identity("a.com"),
        ("default_configuration_set", OWNER_SCOPE, {"identity": "a.com", "configuration_set": name}),
        ("configuration_set", OWNER_SCOPE, {"configuration_set": "unmanaged"}),
    ]

    assert comments(resources) == [f"The default configuration set {name} is left unmanaged: {why}."]


# --- defaults ------------------------------------------------------------------------------------------------------------

X, Y = topic_arn("x", "333333333333"), topic_arn("y", "333333333333")


def test_the_most_common_settings_become_defaults() -> None:
    """Identities declare only settings that differ from the defaults, including null and unmanaged."""
    resources = [
        *identity("a.com", bounce=X, complaint=X),
        *identity("b.com", bounce=X, complaint=X),
        *identity("c.com", bounce=X, complaint=X),
        *identity("d.com", forwarding=False, bounce=Y),
    ]

    found = data(resources)

    assert found["defaults"] == {
        "identity": {"notifications": {"bounce": X, "complaint": X}, "feedback_forwarding": True}
    }
    assert found["identities"] == {
        "a.com": {},
        "b.com": {},
        "c.com": {},
        "d.com": {"notifications": {"bounce": Y, "complaint": None}, "feedback_forwarding": "unmanaged"},
    }


@pytest.mark.parametrize(
    ("has_default", "topics"),
    [
        pytest.param(False, [X], id="one"),
        pytest.param(False, [X, Y], id="two that differ"),
        pytest.param(False, [X, X, None, None], id="two of four"),
        pytest.param(True, [X, X, X, None], id="three of four"),
        pytest.param(True, [X, X, X, Y, Y], id="the most common"),
    ],
)
def test_a_default_is_written_only_if_it_shortens_the_spec(has_default: bool, topics: list[str | None]) -> None:
    """A default is written if its line and the lines of differing identities are fewer than the lines without it."""
    resources = [
        r for n, arn in enumerate(topics) for r in (identity(f"{n}.com", bounce=arn) if arn else identity(f"{n}.com"))
    ]
    defaults = data(resources).get("defaults", {}).get("identity", {})

    assert has_default == ("notifications" in defaults)


# --- topics --------------------------------------------------------------------------------------------------------------


def test_only_settings_of_topics_that_differ_from_the_default_are_written() -> None:
    """A topic declares its display name and key only if they differ from the default of SNS."""
    resources = [*topic("t", display_name="SES", kms_key="alias/k"), *topic("u")]

    assert data(resources)["topics"] == {"t": {"display_name": "SES", "kms_key": "alias/k"}, "u": {}}


def test_an_unsupported_key_is_unmanaged() -> None:
    """The AWS managed key of SNS, with which SES cannot publish, is left unmanaged with a comment."""
    resources = topic("t", kms_key="alias/aws/sns")

    assert data(resources)["topics"] == {"t": {}}
    assert comments(resources) == [
        "kms_key is left unmanaged: kms_key: SES cannot publish to a topic with the key 'alias/aws/sns'."
    ]


def test_a_key_of_another_region_is_unmanaged() -> None:
    """A key of another region is left unmanaged, and the rest of the topic is imported."""
    resources = topic("t", kms_key=f"arn:aws:kms:us-east-1:{OWNER}:key/k")

    assert data(resources)["topics"] == {"t": {}}
    assert comments(resources) == [
        "kms_key is left unmanaged: the key is in us-east-1; specs support keys of the topic's region only."
    ]


def test_a_policy_that_sesform_would_change_is_unmanaged() -> None:
    """A policy that sesform would change is left unmanaged, and the comment says what sesform would change."""
    resources = [*identity("a.com", bounce=topic_arn("t")), *topic("t"), *topic("u", document=allowing("u", "b.com"))]

    assert data(resources)["topics"] == {"t": {"policy": "unmanaged"}, "u": {"policy": "unmanaged"}}
    assert comments(resources) == [
        "The policy is left unmanaged. Without `policy: unmanaged`, sesform would allow " + identity_arn("a.com") + ".",
        "The policy is left unmanaged. Without `policy: unmanaged`, sesform would remove "
        + identity_arn("b.com")
        + ".",
    ]


def test_a_policy_that_sesform_would_not_change_is_managed() -> None:
    """A policy is managed if it allows exactly the publishers of the topic, or none if there are none."""
    resources = [
        *identity("a.com", bounce=topic_arn("t")),
        *topic("t", document=allowing("t", "a.com")),
        *topic("u"),
    ]

    assert data(resources)["topics"] == {"t": {}, "u": {}}


def test_an_unknown_policy_is_unmanaged() -> None:
    """The policy of a topic is left unmanaged if it was not read."""
    resources = topic("t")[:1]

    assert data(resources, whole=False)["topics"] == {"t": {"policy": "unmanaged"}}


def test_a_policy_for_publishers_that_specs_do_not_support_is_unmanaged() -> None:
    """A policy is left unmanaged if it allows a publisher that specs do not support, because sesform would remove its statement."""
    resources = [*identity("localhost", bounce=topic_arn("t")), *topic("t", document=allowing("t", "localhost"))]

    assert data(resources)["topics"] == {"t": {"policy": "unmanaged"}}


PARTNER_IDENTITY = "arn:aws:ses:eu-west-1:333333333333:identity/partner.example"


@pytest.mark.parametrize("whole", [True, False])
@pytest.mark.parametrize("sid", ["ByHand", f"SesformPublish{OWNER}For333333333333"])
def test_a_statement_for_an_identity_of_another_account_is_written_as_a_publisher(sid: str, whole: bool) -> None:
    """A statement that allows an identity of an account that is not imported becomes a publisher, whoever wrote it."""
    (statement,) = topic_statements.with_publishers(
        {}, topic_arn("t"), [Publisher("333333333333", PARTNER_IDENTITY, OWNER)]
    )["Statement"]
    document = {"Version": "2012-10-17", "Statement": [{**statement, "Sid": sid}]}
    resources = topic("t", document=document)

    assert data(resources, whole=whole)["topics"] == {"t": {"publishers": [PARTNER_IDENTITY]}}


def test_a_statement_with_a_further_condition_is_not_written_as_a_publisher() -> None:
    """A part of an account's import leaves a policy unmanaged whose statements specs cannot express."""
    (statement,) = topic_statements.with_publishers(
        {}, topic_arn("t"), [Publisher("333333333333", PARTNER_IDENTITY, OWNER)]
    )["Statement"]
    condition = {**statement["Condition"], "Bool": {"aws:SecureTransport": "true"}}
    document = {"Version": "2012-10-17", "Statement": [{**statement, "Sid": "ByHand", "Condition": condition}]}

    assert data(topic("t", document=document), whole=False)["topics"] == {"t": {"policy": "unmanaged"}}


def test_a_fifo_topic_is_skipped_with_a_comment() -> None:
    """A FIFO topic is skipped, because SES cannot publish to it."""
    assert comments(topic("t.fifo")) == ["t.fifo: skipped: it is a FIFO topic, which SES cannot publish to."]


def subscription(**properties: Any) -> Resource:
    unset = {"raw_message_delivery": False, "filter_policy": {}, "filter_policy_scope": "MessageAttributes"}
    held = {"topic_arn": topic_arn("t"), "arn": f"{topic_arn('t')}:1", **unset, "dead_letter_queue": None, "role": None}
    return "subscription", OWNER_SCOPE, held | properties


QUEUE = f"arn:aws:sqs:eu-west-1:{OWNER}:q"


@pytest.mark.parametrize(
    ("expected", "held"),
    [
        pytest.param({}, {}, id="defaults of SNS"),
        pytest.param(
            {"raw_message_delivery": True, "filter_policy": {"a": ["b"]}, "filter_policy_scope": "MessageBody"},
            {"raw_message_delivery": True, "filter_policy": {"a": ["b"]}, "filter_policy_scope": "MessageBody"},
            id="all settings",
        ),
        pytest.param({"dead_letter_queue": QUEUE}, {"dead_letter_queue": QUEUE}, id="a dead letter queue"),
        pytest.param({}, {"arn": "PendingConfirmation", "raw_message_delivery": True}, id="pending"),
    ],
)
def test_subscriptions_have_only_settings_that_differ_from_the_default(
    expected: dict[str, Any], held: dict[str, Any]
) -> None:
    """A subscription declares only settings that differ from the defaults of SNS."""
    resources = [*topic("t"), subscription(protocol="sqs", endpoint=QUEUE, **held)]

    assert data(resources)["topics"]["t"]["subscriptions"] == [{"protocol": "sqs", "endpoint": QUEUE, **expected}]


def test_a_dead_letter_queue_of_another_scope_is_unmanaged() -> None:
    """A dead-letter queue of another scope is left unmanaged, and the subscription is imported."""
    queue = f"arn:aws:sqs:us-east-1:{OWNER}:q"
    resources = [*topic("t"), subscription(protocol="sqs", endpoint=QUEUE, dead_letter_queue=queue)]

    assert data(resources)["topics"]["t"]["subscriptions"] == [{"protocol": "sqs", "endpoint": QUEUE}]
    assert comments(resources) == [
        f"Its dead-letter queue {queue} is left unmanaged: it is in {OWNER}/us-east-1; specs support queues of the "
        f"topic's scope only."
    ]


@pytest.mark.parametrize(
    ("expected", "held"),
    [
        (
            "https https://***@x.example/: skipped: its endpoint contains a user or a password.",
            {"protocol": "https", "endpoint": "https://user:s3cr3t@x.example/"},
        ),
        (
            "https https://***@x.example/a@b: skipped: its endpoint contains a user or a password.",
            {"protocol": "https", "endpoint": "https://user:s3@cr3t@x.example/a@b"},
        ),
        (
            "https https://***@x.example/: skipped: its endpoint contains a user or a password.",
            {"protocol": "https", "endpoint": "https://t0k3n@x.example/"},
        ),
        (
            "carrier-pigeon loft: skipped: not supported in specs: protocol: 'carrier-pigeon' is unknown.",
            {"protocol": "carrier-pigeon", "endpoint": "loft"},
        ),
        (
            f"sqs {QUEUE}: skipped: not supported in specs: the number {10**20} is too long.",
            {"protocol": "sqs", "endpoint": QUEUE, "filter_policy": {"a": [{"numeric": ["=", 10**20]}]}},
        ),
    ],
)
def test_an_unsupported_subscription_is_skipped_with_a_comment(expected: str, held: dict[str, Any]) -> None:
    """A subscription that specs do not support is skipped; its comment shows no password."""
    resources = [*topic("t"), subscription(**held)]

    assert data(resources)["topics"] == {"t": {}}
    assert comments(resources) == [expected]


def test_topics_of_interest_have_publishers_or_name_ses() -> None:
    """Topics of interest are those that a resource publishes to, or whose policy names SES."""
    named = {"Statement": {"Effect": "Deny", "Principal": {"Service": ["x.amazonaws.com", "ses.amazonaws.com"]}}}
    resources = [
        *identity("a.com", bounce=topic_arn("t")),
        *destination(sns={"topic_arn": topic_arn("d")}),
        *topic("t"),
        *topic("named", document=named),
        *topic("other"),
    ]

    assert spec_writer.of_interest(spec_writer.LiveResources(resources)) == {
        topic_arn("t"),
        topic_arn("d"),
        topic_arn("named"),
    }


# --- configuration sets --------------------------------------------------------------------------------------------------


def test_destinations_of_all_kinds() -> None:
    """Event destinations of each kind are written as the schema declares them."""
    role, stream = f"arn:aws:iam::{OWNER}:role/r", f"arn:aws:firehose:eu-west-1:{OWNER}:deliverystream/s"
    app = f"arn:aws:mobiletargeting:eu-west-1:{OWNER}:apps/a"
    dimension = {"name": "d", "source": "MESSAGE_TAG", "default": "n"}
    resources = [
        *destination("a", sns={"topic_arn": X}, enabled=False),
        *destination("b", firehose={"stream_arn": stream, "role_arn": role}, events=list(EVENT_TYPES)),
        *destination("c", cloudwatch={"dimensions": [dimension]}),
        *destination("d", eventbridge={"event_bus_arn": f"arn:aws:events:eu-west-1:{OWNER}:event-bus/default"}),
        *destination("e", pinpoint={"application_arn": app}),
    ]

    assert data(resources)["configuration_sets"]["s"] == {
        "event_destinations": {
            "a": {"events": ["bounce"], "enabled": False, "sns": X},
            "b": {"events": "all", "firehose": {"stream": stream, "role": role}},
            "c": {
                "events": ["bounce"],
                "cloudwatch": [{"dimension": "d", "source": "message_tag", "default": "n"}],
            },
            "d": {"events": ["bounce"], "eventbridge": "default"},
            "e": {"events": ["bounce"], "pinpoint": app},
        }
    }


@pytest.mark.parametrize(
    ("why", "held"),
    [
        ("specs do not support its kind", {}),
        (f"topic {topic_arn('gone')} does not exist", {"sns": {"topic_arn": topic_arn("gone")}}),
        (
            "events[0]: 'telepathy' is unknown",
            {"events": ["TELEPATHY"], "sns": {"topic_arn": X}},
        ),
        (
            "eventbridge: 'arn:aws:events:eu-west-1:111111111111:event-bus/other' is not the default event bus",
            {"eventbridge": {"event_bus_arn": "arn:aws:events:eu-west-1:111111111111:event-bus/other"}},
        ),
        (
            "arn:aws:events:eu-west-1:999999999999:event-bus/default is not in 111111111111/eu-west-1",
            {"eventbridge": {"event_bus_arn": "arn:aws:events:eu-west-1:999999999999:event-bus/default"}},
        ),
    ],
)
def test_a_set_with_an_unsupported_destination_is_not_exclusive(why: str, held: dict[str, Any]) -> None:
    """A set with an unsupported destination is not exclusive, because sesform would delete this destination."""
    resources = destination(**held)

    assert data(resources)["configuration_sets"] == {"s": {"exclusive": False}}
    assert comments(resources) == [f"d is left unmanaged: {why}."]


def test_a_set_is_not_exclusive_if_not_all_resources_are_known() -> None:
    """A set from an import of a part is not exclusive, because it can have other destinations."""
    resources = [("configuration_set", OWNER_SCOPE, {"configuration_set": "s"})]

    assert data(resources, whole=True)["configuration_sets"] == {"s": {}}
    assert data(resources, whole=False)["configuration_sets"] == {"s": {"exclusive": False}}


# --- sending policies ----------------------------------------------------------------------------------------------------

ARN = identity_arn("a.com")
ROOT, ROLE = f"arn:aws:iam::{DELEGATE}:root", f"arn:aws:iam::{DELEGATE}:role/sender"


@pytest.mark.parametrize(
    ("expected", "name", "principal", "rights"),
    [
        pytest.param({"mailer": {}}, "sesform-mailer", ROOT, {}, id="a spec of the run"),
        pytest.param({DELEGATE: {}}, f"sesform-{DELEGATE}", ROOT, {}, id="an account"),
        pytest.param({ROLE: {}}, policy_name(ROLE), ROLE, {}, id="a principal"),
        pytest.param(
            {"mailer": {"actions": ["SendRawEmail"], "conditions": {"StringEquals": {"ses:FromAddress": "x@a.com"}}}},
            "sesform-mailer",
            ROOT,
            {"actions": ["SendRawEmail"], "conditions": {"StringEquals": {"ses:FromAddress": "x@a.com"}}},
            id="some rights",
        ),
    ],
)
def test_a_policy_that_authorize_makes_is_written_as_authorize(
    expected: dict[str, Any], name: str, principal: str, rights: dict[str, Any]
) -> None:
    """A policy that `authorize` makes for a spec, an account or a principal is written as `authorize`."""
    document = grant(ARN, principal, Authorization(**rights))
    resources = [*identity("a.com"), *topic("t", DELEGATE_SCOPE), sending(document, name)]

    assert data(resources)["identities"]["a.com"]["authorize"] == expected


def test_another_policy_is_written_under_policies() -> None:
    """A policy that `authorize` does not make is written under `policies`, without its resource."""
    statement = {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": ["ses:*"], "Resource": ARN}
    document = {"Version": "2012-10-17", "Id": "x", "Statement": [statement]}
    statement_without_resource = {k: v for k, v in statement.items() if k != "Resource"}

    assert data([*identity("a.com"), sending(document, "by-hand")])["identities"]["a.com"]["policies"] == {
        "by-hand": {"Version": "2012-10-17", "Id": "x", "Statement": [statement_without_resource]}
    }


@pytest.mark.parametrize(
    ("why", "name", "statement"),
    [
        pytest.param(
            "`authorize` does not produce this policy for any account or spec here",
            "sesform-x",
            {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "ses:*", "Resource": ARN},
            id="a name of sesform",
        ),
        pytest.param(
            "Statement[0].Principal: is missing",
            "odd",
            {"Effect": "Deny", "NotPrincipal": {"AWS": ROOT}, "Action": "ses:*", "Resource": ARN},
            id="an element that specs do not support",
        ),
        pytest.param(
            f"the resource of a policy of this identity must be {ARN}, not '*'",
            "odd",
            {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "ses:*", "Resource": "*"},
            id="another resource",
        ),
        pytest.param(
            "specs would write it in another form, which might have another meaning",
            "odd",
            {"Effect": "Allow", "Principal": {"AWS": ROOT}, "Action": "ses:*", "Resource": identity_arn("A.com")},
            id="the identity in another case",
        ),
        pytest.param(
            "the policy 'odd' has 4097 bytes; the quota is 4096",
            "odd",
            {
                "Effect": "Allow",
                "Principal": {"AWS": ROOT},
                "Action": "ses:*",
                "Resource": ARN,
                "Condition": {"StringLike": {"ses:FromAddress": "x" * 3874}},
            },
            id="a policy that is too long",
        ),
    ],
)
def test_an_unsupported_policy_is_unmanaged_with_a_comment(why: str, name: str, statement: dict[str, Any]) -> None:
    """A sending policy that specs do not support is left unmanaged, and a comment says why."""
    resources = [*identity("a.com"), sending({"Statement": [statement]}, name)]

    assert data(resources)["identities"] == {"a.com": {"feedback_forwarding": True}}
    assert comments(resources) == [f"Sending policy {name} is left unmanaged: {why}."]


def test_drafts_can_be_written_as_yaml() -> None:
    """Drafts are plain data that can be written as YAML."""
    resources = [
        *identity("a.com", bounce=topic_arn("t")),
        *topic("t"),
        *destination(sns={"topic_arn": topic_arn("t")}),
    ]
    drafts = spec_writer.specs(resources, ACCOUNTS, whole=True, scopes=SCOPES)

    assert yaml_writer.text((d.data, d.comments) for d in drafts).count("\nkind: ") == len(drafts)
