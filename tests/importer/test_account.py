"""An account is read page by page; a resource that cannot be read is noted or an error."""

from __future__ import annotations

from collections import Counter
from typing import Any, cast

import pytest

from scenes import OWNER, OWNER_SCOPE, identity_arn, topic_arn
from sesform import aws
from sesform.aws import Connection, Connections
from sesform.importer import account as account_reader
from sesform.importer.account import Existing
from sesform.importer.spec_writer import Note
from sesform.live import listing
from sesform.model.address import Access
from sesform.policies import document as policy_document
from sesform.resources.reader import Reader
from world import DELEGATE, World

PARTNER = identity_arn("partner.example", "333333333333")


class Pages:
    """A connection that answers each operation with the given pages, in order, and records the calls."""

    scope = OWNER_SCOPE

    def __init__(self, **pages: list[dict[str, Any]]) -> None:
        self.pages, self.asked = pages, list[tuple[str, dict[str, Any]]]()

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        self.asked.append((f"{service}:{operation}", params))
        return self.pages[operation].pop(0)


def test_names_are_listed_page_by_page() -> None:
    """Lists follow the token of each page, and no call reads a single resource."""
    found = Pages(
        ListEmailIdentities=[
            {"EmailIdentities": [{"IdentityName": "B.com", "VerificationStatus": "SUCCESS"}], "NextToken": "2"},
            {"EmailIdentities": [{"IdentityName": "A@a.com", "VerificationStatus": "TEMPORARY_FAILURE"}]},
        ],
        ListConfigurationSets=[{"ConfigurationSets": ["s"], "NextToken": "x"}, {"ConfigurationSets": ["r"]}],
        ListTopics=[{"Topics": [{"TopicArn": topic_arn("t")}], "NextToken": "y"}, {}],
    )

    assert account_reader.names(cast(Connection, found)) == (
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


def test_the_verification_status_has_the_spelling_of_ses_v1() -> None:
    """TEMPORARY_FAILURE of SES v2 is converted to TemporaryFailure of SES v1."""
    each = {"IdentityName": "a.com", "VerificationStatus": "TEMPORARY_FAILURE"}

    assert listing.identities(cast(Connection, Pages(ListEmailIdentities=[{"EmailIdentities": [each]}]))) == {
        "a.com": "TemporaryFailure"
    }


# --- on the sandbox ------------------------------------------------------------------------------------------------------


def connected(world: World, *accounts: str) -> Connections:
    opened = aws.Settings(rate=None, open_session=lambda _, account: world.sandbox.botocore_session(account))
    places = [(account, OWNER_SCOPE.region) for account in accounts]
    return aws.connect(places, {account: Access(account) for account in accounts}, opened)


def keys(account: account_reader.AccountResources) -> Counter[str]:
    return Counter(kind for kind, _, _ in account.resources)


def test_topics_without_ses_are_read_only_with_all_topics(world: World) -> None:
    """Subscriptions of topics that SES does not publish to are not read without all_topics."""
    sns = world.client("sns")
    for name in ("a", "b", "c"):
        sns.create_topic(Name=name)
        sns.subscribe(TopicArn=topic_arn(name), Protocol="sqs", Endpoint=f"arn:aws:sqs:eu-west-1:{OWNER}:q")
    world.identity("x.com")
    world.client("ses").set_identity_notification_topic(
        Identity="x.com", NotificationType="Bounce", SnsTopic=topic_arn("b")
    )
    world.sandbox.calls.clear()
    some = account_reader.read(connected(world, OWNER))

    assert [p["topic_arn"] for kind, _, p in some.resources if kind == "topic"] == [topic_arn("b")]
    assert [c.operation for c in world.sandbox.calls].count("ListSubscriptionsByTopic") == 1

    every = account_reader.read(connected(world, OWNER), all_topics=True)

    assert (keys(every)["topic"], keys(every)["subscription"]) == (3, 3)


def test_the_number_of_calls_is_known_for_the_progress(world: World) -> None:
    """The expected number of SES calls is the number of calls that are made."""
    world.identity(*(f"{n}.com" for n in range(101)))
    world.client("sesv2").create_configuration_set(ConfigurationSetName="s")
    connections = connected(world, OWNER)
    account_reader.read(connections)
    made = sum(n for (_, operation), n in connections.calls.items() if operation.startswith("ses:"))

    assert [made] == [connection.expected for connection in connections.by_place.values()]
    assert made == 2 + 2 + 101 + 2


def test_an_identity_without_notification_settings_is_skipped_with_a_note(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A new identity whose topics SES does not return yet is skipped, because a spec would declare that it has none."""
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
    found = account_reader.read(connected(world, OWNER))

    assert {p["identity"] for _, _, p in found.resources if "identity" in p} == {"x.com"}
    assert [(n.loc, n.text.partition(",")[0]) for n in found.notes] == [
        (
            ("identities", "new.com"),
            "new.com: skipped: SES lists it and returns no notification settings. If the identity is new",
        )
    ]


def test_legacy_entries_of_identities_that_policies_name_are_read(world: World) -> None:
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
    world.legacy_entry(PARTNER, Complaint=arn)
    found = account_reader.read(connected(world, OWNER, DELEGATE))

    assert [(s.account, p["identity"]) for kind, s, p in found.resources if kind == "notification_topic"] == [
        (DELEGATE, PARTNER)
    ]


@pytest.mark.parametrize(
    ("code", "notes", "unreadable"),
    [("AuthorizationError", 1, 0), ("InternalError", 0, 1)],
)
def test_a_subscription_of_another_account_is_skipped_with_a_note(
    world: World, code: str, notes: int, unreadable: int
) -> None:
    """A subscription whose settings this account may not read is skipped with a note; any other failure is an error."""
    sns, arn = world.client("sns"), topic_arn("t")
    sns.create_topic(Name="t")
    sns.subscribe(TopicArn=arn, Protocol="sqs", Endpoint=f"arn:aws:sqs:eu-west-1:{OWNER}:q")
    world.sandbox.fail("GetSubscriptionAttributes", code=code, message="no", times=9)
    found = account_reader.read(connected(world, OWNER), all_topics=True)

    assert (len(found.notes), len(found.unreadable), keys(found)["subscription"]) == (notes, unreadable, 0)


@pytest.mark.parametrize(
    ("all_topics", "used", "notes", "unreadable"),
    [(False, False, 1, 0), (False, True, 0, 1), (True, False, 0, 1)],
)
def test_an_unreadable_topic_is_an_error_if_a_resource_publishes_to_it(
    world: World, all_topics: bool, used: bool, notes: int, unreadable: int
) -> None:
    """A topic that cannot be read is a note if no resource publishes to it, else an error; with all_topics always an error."""
    world.client("sns").create_topic(Name="t")
    world.identity("x.com")
    if used:
        ses = world.client("ses")
        ses.set_identity_notification_topic(Identity="x.com", NotificationType="Bounce", SnsTopic=topic_arn("t"))
    world.sandbox.fail("GetTopicAttributes", code="AuthorizationError", message="no", times=9)
    found = account_reader.read(connected(world, OWNER), all_topics=all_topics)

    assert (len(found.notes), len(found.unreadable)) == (notes, unreadable)


@pytest.mark.parametrize(("refused", "notes", "unreadable"), [(2, 0, 1), (1, 1, 0)])
def test_a_permission_that_is_missing_for_all_topics_is_an_error(
    world: World, refused: int, notes: int, unreadable: int
) -> None:
    """A missing permission is an error if no topic can be read, and a note if some topics can be read."""
    for name in ("t", "u"):
        world.client("sns").create_topic(Name=name)
    why = "not authorized to perform: SNS:GetTopicAttributes because no identity-based policy allows it"
    world.sandbox.fail("GetTopicAttributes", code="AuthorizationError", message=why, times=refused)
    found = account_reader.read(connected(world, OWNER))

    assert (len(found.notes), len(found.unreadable)) == (notes, unreadable)


def test_unsupported_settings_of_subscriptions_are_noted(world: World) -> None:
    """A note names the unsupported setting of a subscription, and shows no password."""
    sns, arn = world.client("sns"), topic_arn("t")
    sns.create_topic(Name="t")
    endpoint = "https://user:s3cr3t@x.example/"
    sns.subscribe(TopicArn=arn, Protocol="https", Endpoint=endpoint, Attributes={"DeliveryPolicy": '{"x": {}}'})
    world.sandbox.confirm(arn, endpoint)
    (note,) = account_reader.read(connected(world, OWNER), all_topics=True).notes

    assert note == (
        Note(
            OWNER_SCOPE,
            "https https://***@x.example/ has a DeliveryPolicy, which specs do not support. sesform does not change it.",
            ("topics", "t", "subscriptions"),
        )
    )
