"""Reading an account: lists page by page, and what could not be read."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import pytest

from scenes import OWNER, OWNER_SCOPE, identity_arn, topic_arn
from sesform import aws
from sesform.aws import Connection, Connections
from sesform.importer import account as inventory
from sesform.importer.account import Existing
from sesform.importer.spec_writer import Note
from sesform.live import listing
from sesform.model.address import Access, Scope
from sesform.policies import document as policy_document
from sesform.resources.reader import Reader
from world import DELEGATE, World

PARTNER = identity_arn("partner.example", "333333333333")


class Pages:
    """A connection that answers each operation with these pages, one after another, and keeps what it was asked."""

    scope = OWNER_SCOPE

    def __init__(self, **pages: list[dict[str, Any]]) -> None:
        self.pages, self.asked = pages, list[tuple[str, dict[str, Any]]]()

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        self.asked.append((f"{service}:{operation}", params))
        return self.pages[operation].pop(0)


def test_names_are_listed_page_by_page() -> None:
    """Each list goes on where the page before ended, and nothing is asked of any single thing."""
    found = Pages(
        ListEmailIdentities=[
            {"EmailIdentities": [{"IdentityName": "B.com", "VerificationStatus": "SUCCESS"}], "NextToken": "2"},
            {"EmailIdentities": [{"IdentityName": "A@a.com", "VerificationStatus": "TEMPORARY_FAILURE"}]},
        ],
        ListConfigurationSets=[{"ConfigurationSets": ["s"], "NextToken": "x"}, {"ConfigurationSets": ["r"]}],
        ListTopics=[{"Topics": [{"TopicArn": topic_arn("t")}], "NextToken": "y"}, {}],
    )

    assert inventory.names(cast(Connection, found)) == (
        Existing("identity", OWNER_SCOPE, "A@a.com"),
        Existing("identity", OWNER_SCOPE, "b.com"),
        Existing("configuration_set", OWNER_SCOPE, "r"),
        Existing("configuration_set", OWNER_SCOPE, "s"),
        Existing("topic", OWNER_SCOPE, topic_arn("t")),
    )
    assert found.asked == [
        ("sesv2:ListEmailIdentities", {"PageSize": 1000}),
        ("sesv2:ListEmailIdentities", {"PageSize": 1000, "NextToken": "2"}),
        ("sesv2:ListConfigurationSets", {}),
        ("sesv2:ListConfigurationSets", {"NextToken": "x"}),
        ("sns:ListTopics", {}),
        ("sns:ListTopics", {"NextToken": "y"}),
    ]


def test_the_status_of_an_identity_is_in_the_words_of_the_other_api() -> None:
    """SES v1 says TemporaryFailure where v2 says TEMPORARY_FAILURE."""
    each = {"IdentityName": "a.com", "VerificationStatus": "TEMPORARY_FAILURE"}

    assert listing.identities(cast(Connection, Pages(ListEmailIdentities=[{"EmailIdentities": [each]}]))) == {
        "a.com": "TemporaryFailure"
    }


# --- on the sandbox ------------------------------------------------------------------------------------------------------


def connected(world: World, *accounts: str) -> Connections:
    opened = aws.Settings(rate=None, open_session=lambda _, account: world.sandbox.botocore_session(account))
    places = [(account, OWNER_SCOPE.region) for account in accounts]
    return aws.connect(places, {account: Access(account) for account in accounts}, opened)


def keys(findings: inventory.AccountResources) -> Counter[str]:
    return Counter(kind for kind, _, _ in findings.resources)


def test_topics_that_ses_has_nothing_to_do_with_are_left_out_unless_asked_for(world: World) -> None:
    """An account may have thousands: their subscriptions are not even looked at."""
    sns = world.client("sns")
    for name in ("a", "b", "c"):
        sns.create_topic(Name=name)
        sns.subscribe(TopicArn=topic_arn(name), Protocol="sqs", Endpoint=f"arn:aws:sqs:eu-west-1:{OWNER}:q")
    world.identity("x.com")
    world.client("ses").set_identity_notification_topic(
        Identity="x.com", NotificationType="Bounce", SnsTopic=topic_arn("b")
    )
    world.sandbox.calls.clear()
    some = inventory.read(connected(world, OWNER))

    assert [p["topic_arn"] for kind, _, p in some.resources if kind == "topic"] == [topic_arn("b")]
    assert [c.operation for c in world.sandbox.calls].count("ListSubscriptionsByTopic") == 1

    every = inventory.read(connected(world, OWNER), all_topics=True)

    assert (keys(every)["topic"], keys(every)["subscription"]) == (3, 3)


def test_how_many_calls_a_scope_takes_is_told_once_it_is_known(world: World) -> None:
    """Those that were made already, one for a hundred identities, one for each identity, two for each set."""
    told: list[tuple[Scope, int]] = []
    world.identity(*(f"{n}.com" for n in range(101)))
    world.client("sesv2").create_configuration_set(ConfigurationSetName="s")
    connections = connected(world, OWNER)
    inventory.read(connections, expect=lambda scope, calls: told.append((scope, calls)))
    made = sum(n for (_, operation), n in connections.calls.items() if operation.startswith("ses:"))

    assert told == [(OWNER_SCOPE, made)]
    assert made == 2 + 2 + 101 + 2


def test_an_identity_that_is_listed_and_not_known_yet_is_noted_and_left_out(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A spec that names it would say that it has no topics, and the next plan would take them away."""
    world.identity("x.com", "new.com")
    world.client("sesv2").create_configuration_set(ConfigurationSetName="s")
    world.client("sesv2").put_email_identity_configuration_set_attributes(
        EmailIdentity="new.com", ConfigurationSetName="s"
    )
    whole = Reader.notification_attributes_of
    monkeypatch.setattr(
        Reader,
        "notification_attributes_of",
        lambda *asked: {name: a for name, a in whole(*asked).items() if name != "new.com"},
    )
    found = inventory.read(connected(world, OWNER))

    assert {p["identity"] for _, _, p in found.resources if "identity" in p} == {"x.com"}
    assert [(n.loc, n.text.partition(",")[0]) for n in found.notes] == [
        (
            ("identities", "new.com"),
            "new.com: skipped: SES lists it and returns no notification settings. If the identity is new",
        )
    ]


def test_legacy_entries_of_identities_that_policies_name_are_asked_for(world: World) -> None:
    """Legacy entries are read by the accounts that the identity does not belong to; patterns and other regions are ignored."""
    world.identity("partner.example", account="333333333333")
    sns, arn = world.client("sns", DELEGATE), topic_arn("t", DELEGATE)
    sns.create_topic(Name="t")
    named = [PARTNER, identity_arn("*", "333333333333"), identity_arn("x.com", "333333333333", "us-east-1")]
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": policy_document.SES_PRINCIPAL},
        "Action": "SNS:Publish",
        "Resource": arn,
        "Condition": {"ArnLike": {"aws:SourceArn": named}},
    }
    sns.set_topic_attributes(
        TopicArn=arn, AttributeName="Policy", AttributeValue=policy_document.compact({"Statement": [statement]})
    )
    world.client("ses", DELEGATE).set_identity_notification_topic(
        Identity=PARTNER, NotificationType="Complaint", SnsTopic=arn
    )
    found = inventory.read(connected(world, OWNER, DELEGATE))

    assert [(s.account, p["identity"]) for kind, s, p in found.resources if kind == "notification_topic"] == [
        (DELEGATE, PARTNER)
    ]


@pytest.mark.parametrize(
    ("code", "notes", "unreadable"),
    [("AuthorizationError", 1, 0), ("InternalError", 0, 1)],
)
def test_a_subscription_of_another_account_is_noted_and_skipped(
    world: World, code: str, notes: int, unreadable: int
) -> None:
    """Whose settings may not be read is not listed, with a note; what fails otherwise could not be looked at."""
    sns, arn = world.client("sns"), topic_arn("t")
    sns.create_topic(Name="t")
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=f"arn:aws:sqs:eu-west-1:{OWNER}:q")
    world.sandbox.fail("GetSubscriptionAttributes", code=code, message="no", times=9)
    found = inventory.read(connected(world, OWNER), all_topics=True)

    assert (len(found.notes), len(found.unreadable), keys(found)["subscription"]) == (notes, unreadable, 0)


@pytest.mark.parametrize(
    ("all_topics", "used", "notes", "unreadable"),
    [(False, False, 1, 0), (False, True, 0, 1), (True, False, 0, 1)],
)
def test_a_topic_that_may_not_be_looked_at_matters_where_something_publishes_to_it(
    world: World, all_topics: bool, used: bool, notes: int, unreadable: int
) -> None:
    """Of the others a note says that there is one; where all are asked for, all must be seen."""
    world.client("sns").create_topic(Name="t")
    world.identity("x.com")
    if used:
        ses = world.client("ses")
        ses.set_identity_notification_topic(Identity="x.com", NotificationType="Bounce", SnsTopic=topic_arn("t"))
    world.sandbox.fail("GetTopicAttributes", code="AuthorizationError", message="no", times=9)
    found = inventory.read(connected(world, OWNER), all_topics=all_topics)

    assert (len(found.notes), len(found.unreadable)) == (notes, unreadable)


@pytest.mark.parametrize(("refused", "notes", "unreadable"), [(2, 0, 1), (1, 1, 0)])
def test_a_right_that_is_missing_for_all_topics_is_no_matter_of_the_topics(
    world: World, refused: int, notes: int, unreadable: int
) -> None:
    """Nothing would be known of any policy, nor of the legacy entries that those name; a right to some of them is enough."""
    for name in ("t", "u"):
        world.client("sns").create_topic(Name=name)
    why = "not authorized to perform: SNS:GetTopicAttributes because no identity-based policy allows it"
    world.sandbox.fail("GetTopicAttributes", code="AuthorizationError", message=why, times=refused)
    found = inventory.read(connected(world, OWNER))

    assert (len(found.notes), len(found.unreadable)) == (notes, unreadable)


def test_unsupported_settings_of_subscriptions_are_noted(world: World) -> None:
    """They stay as they are, and no password is shown."""
    sns, arn = world.client("sns"), topic_arn("t")
    sns.create_topic(Name="t")
    endpoint = "https://user:s3cr3t@x.example/"
    sns.subscribe(TopicArn=arn, Protocol="https", Endpoint=endpoint, Attributes={"DeliveryPolicy": '{"x": {}}'})
    world.sandbox.confirm(arn, endpoint)
    (note,) = inventory.read(connected(world, OWNER), all_topics=True).notes

    assert note == (
        Note(
            OWNER_SCOPE,
            "https https://***@x.example/ has a DeliveryPolicy, which specs do not support. It stays unchanged.",
            ("topics", "t", "subscriptions"),
        )
    )
