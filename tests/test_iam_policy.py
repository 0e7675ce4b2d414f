"""IAM policies from specs: accounts, actions, resources, regions and statements."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from scenes import DELEGATE, OWNER, compiled, delegate, identity_arn, owner, set_arn, topic_arn
from sesform import iam_policy

BOTH = (
    owner(
        "topics: {own: {}, elsewhere: {external: true}}\n"
        "identities:\n"
        "  example.com: {notifications: {bounce: mailer/feedback, complaint: elsewhere}}\n"
    )
    + "---\n"
    + delegate("topics: {feedback: {}}\n")
)
ALIAS = {"ForAnyValue:StringEquals": {"kms:ResourceAliases": ["alias/ses"]}}


def statements(text: str, account: str = OWNER, *, apply: bool = False) -> list[Mapping[str, Any]]:
    desired = compiled(text)
    found = iam_policy.of_account(account, [desired], writes=apply).document
    return list(found["Statement"])


def allowed(text: str, action: str, account: str = OWNER, *, apply: bool = False) -> list[str]:
    """Return the resources for which an action is allowed."""
    return sorted(r for s in statements(text, account, apply=apply) if action in s["Action"] for r in s["Resource"])


def test_each_account_has_the_permissions_for_its_own_credentials() -> None:
    """A topic of another account is read and managed in that account only."""
    assert iam_policy.accounts(compiled(BOTH)) == (OWNER, DELEGATE)
    assert allowed(BOTH, "sns:GetTopicAttributes") == [topic_arn("*")]
    assert allowed(BOTH, "sns:GetTopicAttributes", DELEGATE) == [topic_arn("*", DELEGATE)]
    assert allowed(BOTH, "ses:GetIdentityNotificationAttributes", DELEGATE) == []


def test_topics_that_are_managed_elsewhere_are_never_written() -> None:
    """An external topic is read; only managed topics are created and changed."""
    assert allowed(BOTH, "sns:CreateTopic", apply=True) == [topic_arn("own")]
    assert allowed(BOTH, "sns:SetTopicAttributes", apply=True) == [topic_arn("own")]


def test_all_topics_of_the_account_may_be_read() -> None:
    """Live routes can lead to any topic of the account, and planning reads its policy and subscriptions."""
    for action in ("sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic", "sns:GetSubscriptionAttributes"):
        assert allowed(BOTH, action) == [topic_arn("*")]
        assert allowed(BOTH, action, DELEGATE) == [topic_arn("*", DELEGATE)]


def test_a_topic_without_managed_attributes_is_only_created() -> None:
    """A topic with an unmanaged policy and no attributes needs no permission to set attributes."""
    assert allowed(owner("topics: {t: {policy: unmanaged}}\n"), "sns:SetTopicAttributes", apply=True) == []
    named = owner("topics: {t: {policy: unmanaged, display_name: x}}\n")
    assert allowed(named, "sns:SetTopicAttributes", apply=True) == [topic_arn("t")]


def test_only_absent_resources_may_be_deleted() -> None:
    """Delete is allowed only for absent resources, and create only for the others."""
    specs = owner("topics: {kept: {}, gone: absent}\nconfiguration_sets: {kept: {}, gone: absent}\n")

    assert allowed(specs, "sns:DeleteTopic", apply=True) == [topic_arn("gone")]
    assert allowed(specs, "sns:CreateTopic", apply=True) == [topic_arn("kept")]
    assert allowed(specs, "ses:DeleteConfigurationSet", apply=True) == [set_arn("gone")]
    assert allowed(specs, "ses:CreateConfigurationSet", apply=True) == [set_arn("kept")]
    assert allowed(specs, "ses:CreateConfigurationSetEventDestination", apply=True) == []
    assert allowed(specs, "ses:DeleteConfigurationSetEventDestination", apply=True) == [
        set_arn("gone"),
        set_arn("kept"),
    ]


def test_declared_resources_may_be_deleted_later() -> None:
    """Each declared resource may be deleted later; planning may read all possible users of topics and sets."""
    desired = compiled(owner("topics: {t: {}}\nconfiguration_sets: {s: {}}\n"))
    planning = iam_policy.of_account(OWNER, [desired], [desired], writes=False).document
    applying = iam_policy.of_account(OWNER, [desired], [desired], writes=True).document

    assert {a for s in planning["Statement"] for a in s["Action"] if "Identit" in a} == {
        "ses:GetEmailIdentity",
        "ses:GetIdentityNotificationAttributes",
        "ses:ListEmailIdentities",
    }
    assert {a for s in applying["Statement"] for a in s["Action"] if ":Delete" in a} == {
        "ses:DeleteConfigurationSet",
        "ses:DeleteConfigurationSetEventDestination",
        "sns:DeleteTopic",
    }


def test_actions_of_the_first_api_have_no_resource_and_are_limited_to_the_regions() -> None:
    """Actions of the SES v1 API have the resource `*` and a condition for the regions of the specs; those of v2 have neither."""
    specs = owner("identities: {example.com: {authorize: {'333333333333': {}}}}\n").replace(
        "[eu-west-1]", "[us-east-1, eu-west-1]"
    )
    first, *others = statements(specs)

    assert first["Resource"] == ["*"]
    assert first["Condition"] == {"StringEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}}
    assert [s for s in others if "*" in s["Resource"] or "Condition" in s] == []
    both = [identity_arn("example.com", region=r) for r in ("eu-west-1", "us-east-1")]
    assert allowed(specs, "ses:GetEmailIdentity") == both


def test_only_notification_settings_of_a_foreign_identity_are_read() -> None:
    """An owner's identity is not read for verification, policies and default set."""
    specs = delegate(
        "topics: {feedback: {}}\n"
        f"cross_account_notifications: {{'{identity_arn('partner.example', '333333333333')}': {{bounce: feedback}}}}\n"
    )
    actions = {a for s in statements(specs, DELEGATE, apply=True) for a in s["Action"] if a.startswith("ses:")}

    assert actions == {
        "ses:GetIdentityNotificationAttributes",
        "ses:SetIdentityHeadersInNotificationsEnabled",
        "ses:SetIdentityNotificationTopic",
    }


def test_tags_are_read_in_bulk_and_set_on_each_resource() -> None:
    """Permissions for tags are included only if the specs have ownership_tags."""
    specs = owner("ownership_tags: true\ntopics: {t: {}}\nconfiguration_sets: {s: {}}\n")
    (reading,) = [s for s in statements(specs) if "tag:GetResources" in s["Action"]]

    assert (reading["Sid"], reading["Resource"]) == ("ReadTags", ["*"])
    assert allowed(specs, "sns:TagResource", apply=True) == [topic_arn("t")]
    assert allowed(specs, "ses:TagResource", apply=True) == [set_arn("s")]
    assert allowed(specs.replace("true", "false"), "tag:GetResources", apply=True) == []


def test_the_keys_of_topics_are_read_in_their_own_account() -> None:
    """A key is allowed by its ARN, or by a condition for its alias, because KMS checks the key that has the alias."""
    specs = owner(
        "topics: {a: {kms_key: alias/ses}, none: {kms_key: null}}\n"
        "identities: {example.com: {notifications: {bounce: a, complaint: mailer/feedback}}}\n"
    )
    specs += "---\n" + delegate(f"topics: {{feedback: {{kms_key: 'arn:aws:kms:eu-west-1:{OWNER}:key/1'}}}}\n")
    found = [s for s in statements(specs) if "kms:DescribeKey" in s["Action"]]

    assert [(s["Sid"], s["Action"], s["Resource"], s.get("Condition")) for s in found] == [
        ("ReadKeys", ["kms:DescribeKey", "kms:GetKeyPolicy"], [f"arn:aws:kms:eu-west-1:{OWNER}:key/*"], ALIAS),
        ("ReadKeys2", ["kms:DescribeKey", "kms:GetKeyPolicy"], [f"arn:aws:kms:eu-west-1:{OWNER}:key/1"], None),
    ]
    assert allowed(specs, "kms:DescribeKey", DELEGATE) == []


@pytest.mark.parametrize(
    ("body", "service"),
    [
        (
            "configuration_sets: {s: {event_destinations: {d: {events: all, firehose: "
            "{stream: 'arn:aws:firehose:eu-west-1:111111111111:deliverystream/s', role: ROLE}}}}}\n",
            "ses.amazonaws.com",
        ),
        (
            "topics: {t: {subscriptions: [{protocol: firehose, role: ROLE, "
            "endpoint: 'arn:aws:firehose:eu-west-1:111111111111:deliverystream/s'}]}}\n",
            "sns.amazonaws.com",
        ),
    ],
)
def test_a_role_may_be_passed_to_the_service_that_uses_it(body: str, service: str) -> None:
    """Passing a role is allowed for that role and that service, and only for apply."""
    role = "arn:aws:iam::111111111111:role/to-firehose"
    specs = owner(body.replace("ROLE", f"'{role}'"))
    passing = [s for s in statements(specs, apply=True) if "iam:PassRole" in s["Action"]]

    assert passing == [
        {
            "Sid": "PassRoles",
            "Effect": "Allow",
            "Action": ["iam:PassRole"],
            "Resource": [role],
            "Condition": {"StringEquals": {"iam:PassedToService": [service]}},
        }
    ]
    assert allowed(specs, "iam:PassRole") == []


def test_statements_have_unique_sids_and_a_fixed_order() -> None:
    """Sids are unique, as IAM requires, and the statements do not depend on the order of the specs."""
    one, other = BOTH.split("---\n")
    found = statements(BOTH, apply=True)
    sids = [s["Sid"] for s in found]

    assert sorted(set(sids)) == sorted(sids)
    assert all(sid.isalnum() for sid in sids)
    assert found == statements(f"{other}---\n{one}", apply=True)


def test_a_policy_that_would_be_too_long_has_patterns() -> None:
    """If a policy exceeds the quota, patterns of the same type, account and region replace names of topics."""
    desired = compiled(owner("topics:\n" + "".join(f"  topic-number-{n}: {{}}\n" for n in range(200))))
    found = iam_policy.of_account(OWNER, [desired], writes=True)

    assert found.patterns
    assert found.size <= iam_policy.MAX_CHARACTERS
    assert {r for s in found.document["Statement"] for r in s["Resource"]} == {topic_arn("*")}


@pytest.mark.parametrize(
    ("expected", "key", "uses"),
    [
        (["arn:aws:kms:eu-west-1:111111111111:key/*"], "alias/k", True),
        (["arn:aws:kms:eu-west-1:111111111111:key/abc"], "abc", True),
        (["arn:aws:kms:eu-west-1:111111111111:key/*"], "alias/k", False),
        ([], "arn:aws:kms:eu-west-1:333333333333:alias/k", True),
        ([], "null", True),
    ],
)
def test_keys_of_topics_are_read(expected: list[str], key: str, uses: bool) -> None:
    """Keys may be read in accounts that a spec has credentials for; an alias requires permission for all keys."""
    identities = "identities: {example.com: {notifications: {bounce: t, complaint: t}}}\n" if uses else ""
    text = owner(f"topics: {{t: {{kms_key: '{key}'}}}}\n{identities}".replace("'null'", "null"))

    assert expected == allowed(text, "kms:DescribeKey")
    assert expected == allowed(text, "kms:GetKeyPolicy")


def test_where_names_are_too_long_all_identities_share_one_pattern() -> None:
    """An identity's address may contain slashes, so the pattern covers all identities and not a common prefix."""
    names = "".join(f"  dept-{n}/mail@example.com: {{policies: {{p: absent}}}}\n" for n in range(120))
    found = iam_policy.of_account(OWNER, [compiled(owner(f"identities:\n{names}"))], writes=True)

    assert found.patterns
    assert {r for s in found.document["Statement"] for r in s["Resource"] if ":identity/" in r} == {identity_arn("*")}
