"""`sesform iam-policy`: one account's policy on stdout, everything else on stderr."""

from __future__ import annotations

import json
from typing import Any

import pytest

from shell import SPECS, Shell

ROLE = "arn:aws:iam::111111111111:role/sesform"
OWNER = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1, us-east-1]
identities: {example.com: {default_configuration_set: s}}
"""


def actions(text: str) -> set[str]:
    document: dict[str, Any] = json.loads(text)
    return {a for s in document["Statement"] for a in s["Action"]}


def test_of_one_account_it_is_a_policy(shell: Shell) -> None:
    """Specs of a single account need no option, and the policy is all that stdout has."""
    shell.specs(OWNER)
    result = shell.run("iam-policy")

    assert (result.code, result.err) == (0, "")
    assert json.loads(result.out)["Statement"][0] == {
        "Sid": "ReadNotificationSettings",
        "Effect": "Allow",
        "Action": ["ses:GetIdentityNotificationAttributes", "ses:ListEmailIdentities"],
        "Resource": ["*"],
        "Condition": {"StringEquals": {"aws:RequestedRegion": ["eu-west-1", "us-east-1"]}},
    }


TOPICS = {"sns:GetSubscriptionAttributes", "sns:GetTopicAttributes", "sns:ListSubscriptionsByTopic"}
READING = {"ses:GetConfigurationSetEventDestinations", *TOPICS}
READING_REMOVAL = {"ses:GetEmailIdentity", "ses:ListEmailIdentities", "ses:ListResourceTenants"}
WRITING = {"ses:CreateConfigurationSet", "ses:DeleteConfigurationSetEventDestination"}


@pytest.mark.parametrize(
    ("options", "let"),
    [
        ((), READING),
        (("--destroy",), READING | READING_REMOVAL),
        (("--apply",), READING | WRITING),
        (("--apply", "--destroy"), READING | READING_REMOVAL | WRITING | {"ses:DeleteConfigurationSet"}),
    ],
)
def test_applying_and_removing_are_asked_for(shell: Shell, options: tuple[str, ...], let: set[str]) -> None:
    """Without --apply nothing can be written; --destroy adds what removing takes, to either."""
    shell.specs(OWNER.partition("identities")[0] + "configuration_sets: {s: {}}\n")

    assert actions(shell.run("iam-policy", *options).out) == let


def test_removing_what_carries_a_tag_is_asked_for(shell: Shell) -> None:
    """--prune adds permissions to find resources with the tag of these specs, and with --apply to delete them."""
    shell.specs(OWNER)
    planning, applying = shell.run("iam-policy", "--prune"), shell.run("iam-policy", "--prune", "--apply")
    deleting = [s for s in json.loads(applying.out)["Statement"] if "sns:DeleteTopic" in s["Action"]]

    assert "tag:GetResources" in actions(planning.out)
    assert {a for a in actions(planning.out) if "Get" not in a and "List" not in a} == set()
    assert [s["Condition"] for s in deleting] == [{"StringEquals": {"aws:ResourceTag/sesform:spec": ["corp"]}}]


def test_specs_of_several_accounts_need_a_choice(shell: Shell) -> None:
    """A policy is of one account: without a choice it is an error that lists them, with one the policy has nothing of others."""
    shell.specs(SPECS)
    unclear = shell.run("iam-policy")
    chosen = shell.run("iam-policy", "--account", "222222222222", "--apply")

    assert (unclear.code, unclear.out) == (1, "")
    assert "the specs have 2 accounts" in unclear.err
    assert "--account with one of 111111111111, 222222222222" in unclear.err
    assert chosen.code == 0
    assert "111111111111" not in chosen.out


def test_an_account_that_no_spec_is_of_is_an_error(shell: Shell) -> None:
    """The accounts that there are stand in the error."""
    shell.specs(OWNER)
    result = shell.run("iam-policy", "--account", "999999999999")

    assert (result.code, result.out) == (1, "")
    assert "'999999999999' is not an account of these specs; their accounts: 111111111111" in result.err


def test_invalid_specs_are_told_like_everywhere(shell: Shell) -> None:
    """At file, line and column, with exit code 1 and no policy."""
    shell.specs(OWNER.replace("default_configuration_set", "default_configuration_sett"))
    result = shell.run("iam-policy")

    assert (result.code, result.out) == (1, "")
    assert "specs.yaml:6:28" in result.err


def test_the_role_is_told_on_stderr(shell: Shell) -> None:
    """Which role the policy is for, and what it takes to get there, is no part of the JSON; -q keeps it back."""
    shell.specs(OWNER + f"credentials: {{role_arn: '{ROLE}'}}\n")
    result = shell.run("iam-policy")

    assert f"For {ROLE}: the caller needs sts:AssumeRole on it" in result.err
    assert "sts:AssumeRole" not in result.out
    assert shell.run("iam-policy", "-q").err == ""


def test_a_spec_that_asks_for_nothing_needs_no_policy(shell: Shell) -> None:
    """IAM accepts no policy without a statement: that is a warning and no error."""
    shell.specs('kind: Delegate\nname: mailer\naccount: "222222222222"\nregions: [eu-west-1]\n')
    result = shell.run("iam-policy", "--apply")

    assert (result.code, json.loads(result.out)["Statement"]) == (0, [])
    assert "the specs need no permissions" in result.err


def test_where_names_would_be_too_long_it_says_so(shell: Shell) -> None:
    """The policy of many identities has patterns instead of names, stays within IAM's quota, and a warning says what that means."""
    names = "".join(f"  mail-{n}.example.com: {{default_configuration_set: s}}\n" for n in range(200))
    shell.specs(OWNER.partition("identities")[0] + "identities:\n" + names)
    result = shell.run("iam-policy", "--apply")

    assert "it allows all identities, sets and topics of the account and regions instead" in result.err
    assert len("".join(result.out.split())) <= 6144
    assert "arn:aws:ses:eu-west-1:111111111111:identity/*" in result.out
    assert "mail-7" not in result.out
