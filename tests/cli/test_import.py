"""sesform import: specs on stdout, talk on stderr, exit codes, and options that fit together."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sesform.cli import sandbox as cli_sandbox
from sesform.resources.topic_policy import TopicPolicy
from sesform_sandbox import Sandbox
from shell import SPECS, Shell
from world import DELEGATE, OWNER, REGION

BOTH = ("--account", "111111111111", "--account", "222222222222", "--region", "eu-west-1")
NAMED = (*BOTH, "--name", "111111111111=corp", "--name", "222222222222=mailer")
OWNER_ROLE = "arn:aws:iam::111111111111:role/sesform"
TOPIC = "arn:aws:sns:eu-west-1:222222222222:feedback"
PARTNER = "arn:aws:ses:eu-west-1:333333333333:identity/partner.example"


@pytest.fixture
def applied(shell: Shell) -> Shell:
    """The shell's specs, applied in its sandbox."""
    assert shell.run("apply", "--sandbox", "--auto-approve", "-q").code == 0
    return shell


def test_what_is_imported_says_what_was_applied(applied: Shell) -> None:
    """The specs on stdout are those that were applied, in our own words; a plan on them changes nothing."""
    result = applied.run("import", "--sandbox", *NAMED)

    assert result.code == 0
    assert result.out == (
        """\
# yaml-language-server: $schema=sesform.schema.json
# Made by `sesform import --account 111111111111 --account 222222222222 --region eu-west-1 --name 111111111111=corp
# --name 222222222222=mailer`. A plan on it is empty.
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
identities:
  example.com:
    notifications:
      bounce: {topic: mailer/feedback, headers: true}
      complaint: mailer/feedback
    feedback_forwarding: true
---
kind: Delegate
name: mailer
account: "222222222222"
regions: [eu-west-1]
topics:
  feedback: {}
configuration_sets:
  main:
    event_destinations:
      feedback: {events: [bounce, complaint], sns: feedback}
"""
    )

    applied.specs(result.out)

    assert applied.run("plan", "--sandbox").out.startswith("No changes.")


def test_the_talk_is_on_stderr_and_quiet_silences_it(applied: Shell) -> None:
    """-q leaves the specs alone."""
    loud, quiet = applied.run("import", "--sandbox", *NAMED), applied.run("import", "--sandbox", *NAMED, "-q")

    assert "Found 1 identity, 1 configuration set, 1 topic.\n" in loud.err
    assert (quiet.code, quiet.out, quiet.err) == (0, loud.out, "")


def test_credentials_are_written_and_the_external_id_is_not(applied: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The secret comes from the environment and is used; the spec names the variable."""
    monkeypatch.setenv("THE_ID", "s3cr3t-id")
    options = ("--role-arn", OWNER_ROLE, "--external-id-env", "THE_ID", "--profile", "222222222222=mailer")
    result = applied.run("import", "--sandbox", *NAMED, *options)

    assert result.code == 0
    assert f"credentials:\n  role_arn: {OWNER_ROLE}\n  external_id_env: THE_ID\n" in result.out
    assert "credentials:\n  profile: mailer\n" in result.out
    assert "s3cr3t-id" not in result.out + result.err


def test_legacy_entries_are_found_by_the_policies_of_topics(applied: Shell) -> None:
    """AWS does not list legacy entries, so identities that a topic's policy names are read."""
    applied.legacy_entry(PARTNER, Bounce=TOPIC)
    applied.specs(SPECS + f"cross_account_notifications: {{'{PARTNER}': {{bounce: feedback}}}}\n")
    assert applied.run("apply", "--sandbox", "--auto-approve", "-q").code == 0
    found = applied.run("import", "--sandbox", *NAMED)

    assert f"cross_account_notifications:\n  {PARTNER}: {{bounce: feedback}}\n" in found.out
    assert "unmanaged" not in found.out


def test_legacy_entries_are_asked_for_by_their_arn(applied: Shell) -> None:
    """If no policy names the identity, an option must."""
    applied.legacy_entry(PARTNER, Bounce=TOPIC)
    applied.specs(SPECS + f"cross_account_notifications: {{'{PARTNER}': {{bounce: feedback}}}}\n")
    assert applied.run("apply", "--sandbox", "--auto-approve", "-q").code == 0
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": "SNS:Publish",
        "Resource": TOPIC,
    }
    sns: Any = applied.sandbox.session("222222222222", "eu-west-1").client("sns")
    sns.set_topic_attributes(
        TopicArn=TOPIC, AttributeName="Policy", AttributeValue=json.dumps({"Statement": [statement]})
    )
    without, asked = (applied.run("import", "--sandbox", *NAMED, *more) for more in ((), ("--identity-arn", PARTNER)))

    assert "cross_account_notifications" not in without.out
    assert f"cross_account_notifications:\n  {PARTNER}: {{bounce: feedback}}\n" in asked.out


def test_nothing_found_is_a_spec_that_says_nothing(shell: Shell) -> None:
    """Exit code 0: there was a look, and nothing to see. What is printed is valid, and its plan is empty."""
    result = shell.run("import", "--sandbox", "--account", "444444444444", "--region", "eu-west-1", "--name", "empty")
    shell.specs(result.out)

    assert result.code == 0
    assert result.out.splitlines()[2:] == [
        "# There are no resources for SES notifications in this account and region.",
        "kind: Delegate",
        "name: empty",
        'account: "444444444444"',
        "regions: [eu-west-1]",
    ]
    assert shell.run("plan", "--sandbox").code == 0


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch, applied: Shell) -> Sandbox:
    """The sandbox that the commands of this test run against, to look at its calls and to make them fail."""
    sandbox = applied.sandbox
    monkeypatch.setattr(cli_sandbox, "open_sandbox", lambda rate=None: sandbox)
    return sandbox


def test_only_calls_that_read_are_made_and_no_more_than_needed(applied: Shell, opened: Sandbox) -> None:
    """Two lists, one call for all identities, one for each set and each identity, and those of the topics."""
    applied.run("import", "--sandbox", *NAMED)

    assert sorted(c.operation for c in opened.calls if c.account == "111111111111" and c.service != "sts") == [
        "GetEmailIdentity",
        "GetIdentityNotificationAttributes",
        "ListConfigurationSets",
        "ListEmailIdentities",
        "ListTopics",
    ]
    assert {c.operation for c in opened.calls if not c.operation.startswith(("Get", "List"))} == set()


def test_what_cannot_be_read_is_never_left_out(applied: Shell, opened: Sandbox) -> None:
    """One refused call: nothing on stdout, every refusal on stderr, exit code 1."""
    opened.fail("GetEmailIdentity", code="AccessDeniedException", message="no", times=9)
    opened.fail("ListTopics", code="AuthorizationError", message="no", times=9)
    result = applied.run("import", "--sandbox", *NAMED, "-q")

    assert (1, "") == (result.code, result.out)
    assert "ses:GetEmailIdentity in 111111111111/eu-west-1" in result.err
    assert "sns:ListTopics in 222222222222/eu-west-1" in result.err
    assert result.err.endswith(
        "Error: Something could not be read, so nothing is printed: the result would be incomplete.\n"
    )


def test_an_answer_that_is_not_understood_is_no_answer(
    applied: Shell, opened: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An incomplete result is not printed."""

    def broken(*_: Any) -> Any:
        raise ValueError("a policy is a JSON object with a list of statements")

    monkeypatch.setattr(TopicPolicy, "read", broken)
    result = applied.run("import", "--sandbox", *NAMED, "-q")

    assert (1, "") == (result.code, result.out)
    assert "Error: an answer in 222222222222/eu-west-1 has an unexpected form (ValueError: a policy is" in result.err


def test_a_result_that_is_not_faithful_says_so(applied: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The specs are printed all the same, and say first what is wrong with them."""
    wrong = ["corp/x would be updated: so"]
    monkeypatch.setattr("sesform.engine.imports.checked", lambda text, findings: (wrong, ()))
    result = applied.run("import", "--sandbox", *NAMED)
    head = " ".join(line.removeprefix("# ") for line in result.out.split("kind:")[0].splitlines())

    assert result.code == 1
    assert head.endswith("A plan on it is not empty: corp/x would be updated: so")
    assert "Error: corp/x would be updated: so\n" in result.err


@pytest.mark.parametrize(
    ("expected", "arguments"),
    [
        ("--account is missing. import needs accounts (--account) and regions (--region).", "--region eu-west-1"),
        ("--region is missing. import needs accounts (--account) and regions (--region).", "--account 111111111111"),
        ("--account: '1' is not an account number of 12 digits", "--account 1 --region eu-west-1"),
        ("--region: 'ireland' is not the name of an AWS region", "--account 111111111111 --region ireland"),
        ("--role-arn: 'x' is not the ARN of an iam role", "{one} --role-arn x"),
        (
            "--role-arn arn:aws:iam::222222222222:role/r belongs to account 222222222222, which is not an --account",
            "{one} --role-arn arn:aws:iam::222222222222:role/r",
        ),
        (
            f"--role-arn {OWNER_ROLE}2: account 111111111111 already has the role {OWNER_ROLE}",
            f"{{one}} --role-arn {OWNER_ROLE} --role-arn {OWNER_ROLE}2",
        ),
        (
            "--external-id-env requires a --role-arn in 111111111111: an external id belongs to a role",
            "{one} --external-id-env HOME",
        ),
        (
            "--external-id-env NOT_SET_HERE: this environment variable is missing or empty",
            f"{{one}} --role-arn {OWNER_ROLE} --external-id-env NOT_SET_HERE",
        ),
        ("--name: 'a b' is not a spec name", "{one} --name a%b"),
        (
            "--name x would name the specs of two accounts. Write --name ACCOUNT=NAME for each.",
            "{one} --account 222222222222 --name x",
        ),
        (
            "--profile is repeated for all accounts. Write --profile ACCOUNT=... for each.",
            "{one} --profile a --profile b",
        ),
        ("--name 222222222222=x is for account 222222222222, which is not an --account", "{one} --name 222222222222=x"),
        (
            "--name is repeated for account 111111111111; pass it once",
            "{one} --name 111111111111=x --name 111111111111=y",
        ),
        ("--identity-arn: 'example.com' is not the ARN of an SES identity", "{one} --identity-arn example.com"),
        (
            "--identity-arn arn:aws:ses:eu-west-1:111111111111:identity/a.com belongs to an --account; "
            "the option is for identities of other accounts",
            "{one} --identity-arn arn:aws:ses:eu-west-1:111111111111:identity/a.com",
        ),
        (
            "--identity-arn arn:aws:ses:us-east-1:333333333333:identity/a.com is in us-east-1, which is not a --region",
            "{one} --identity-arn arn:aws:ses:us-east-1:333333333333:identity/a.com",
        ),
        (
            "--identity-arn arn:aws-cn:ses:eu-west-1:333333333333:identity/a.com: its region is not in its partition",
            "{one} --identity-arn arn:aws-cn:ses:eu-west-1:333333333333:identity/a.com",
        ),
    ],
)
def test_options_that_do_not_fit_together_are_refused(shell: Shell, expected: str, arguments: str) -> None:
    """Before any call, in one line that says which option, and what to do."""
    words = arguments.format(one="--account 111111111111 --region eu-west-1").split()
    result = shell.run("import", "--sandbox", *(word.replace("%", " ") for word in words))

    assert (1, "") == (result.code, result.out)
    assert f"Error: {expected}" == result.err.rstrip("\n").split("; use")[0].split("; write it like")[0]


def test_a_repeated_account_or_region_counts_once(shell: Shell) -> None:
    """People write a region beside each account."""
    once = shell.run("import", "--sandbox", "--account", OWNER, "--account", DELEGATE, "--region", REGION)
    beside = ("--account", OWNER, "--region", REGION, "--account", DELEGATE, "--region", REGION)

    assert once == shell.run("import", "--sandbox", *beside)
