"""--unmanaged: existing resources that no spec names, listed after the plan and without effect on it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sesform.cli import sandbox as cli_sandbox
from sesform_sandbox import Sandbox
from shell import Shell

HEAD = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
"""
SPECS = HEAD + (
    "topics: {t: {}}\n"
    "configuration_sets: {open: {exclusive: false}, closed: {}}\n"
    'identities: {example.com: {notifications: {bounce: t}, authorize: {"222222222222": {}}}}\n'
)
TOPIC = "arn:aws:sns:eu-west-1:111111111111"


@pytest.fixture
def others(shell: Shell) -> Shell:
    """The specs are applied, and other resources were created beside them."""
    shell.specs(SPECS)
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    sandbox = shell.sandbox
    session = sandbox.session("111111111111", "eu-west-1")
    ses, ses_v2, sns = (client(session, name) for name in ("ses", "sesv2", "sns"))
    for name in ("plain.example.com", "theirs.example.com", "quiet.example.com"):
        sandbox.declare_identity("111111111111", "eu-west-1", name)
    theirs = sns.create_topic(Name="theirs")["TopicArn"]
    sns.subscribe(TopicArn=f"{TOPIC}:t", Protocol="email", Endpoint="ops@example.com")
    ses.set_identity_notification_topic(Identity="theirs.example.com", NotificationType="Bounce", SnsTopic=theirs)
    ses.set_identity_headers_in_notifications_enabled(
        Identity="theirs.example.com", NotificationType="Bounce", Enabled=True
    )
    ses_v2.put_email_identity_feedback_attributes(EmailIdentity="quiet.example.com", EmailForwardingEnabled=False)
    ses_v2.create_configuration_set(ConfigurationSetName="theirs")
    ses_v2.create_configuration_set_event_destination(
        ConfigurationSetName="open",
        EventDestinationName="extra",
        EventDestination={
            "MatchingEventTypes": ["BOUNCE"],
            "SnsDestination": {"TopicArn": f"{TOPIC}:t"},
            "Enabled": True,
        },
    )
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::333333333333:root"},
        "Action": "ses:SendEmail",
        "Resource": "arn:aws:ses:eu-west-1:111111111111:identity/example.com",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    ses_v2.create_email_identity_policy(EmailIdentity="example.com", PolicyName="theirs", Policy=policy)
    shell.run("apply", "--sandbox", "--auto-approve")  # the topic also allows the open set's other destination
    return shell


def client(session: Any, name: str) -> Any:
    return session.client(name)


SHADOW = "its mail does not follow the settings of example.com"
EXPECTED = [
    ("configuration_set", "theirs", ""),
    ("event_destination", "open/extra", ""),
    ("identity", "plain.example.com", SHADOW),
    ("identity", "quiet.example.com", f"e-mail forwarding off; {SHADOW}"),
    ("identity", "theirs.example.com", f"bounce {TOPIC}:theirs with headers; {SHADOW}"),
    ("sending_policy", "example.com/theirs", ""),
    ("subscription", "email ops@example.com", f"of {TOPIC}:t"),
    ("topic", f"{TOPIC}:theirs", ""),
]


def test_unmanaged_resources_are_listed(others: Shell) -> None:
    """Each kind of resource is listed once, with the settings of identities and the identities that they shadow."""
    result = others.run("plan", "--sandbox", "--unmanaged", "--format", "json", "--detailed-exitcode")
    listed = json.loads(result.out)["sesform"]["unmanaged"]

    assert (0, EXPECTED) == (result.code, [(u["type"], u["key"], u["detail"]) for u in listed])
    assert {("111111111111", "eu-west-1")} == {(u["account"], u["region"]) for u in listed}


def test_it_stands_behind_the_plan(others: Shell) -> None:
    """As text, with exit codes as they are without it."""
    for command, code, first in (("plan", 0, "No changes."), ("drift", 0, "No drift.")):
        result = others.run(command, "--sandbox", "--unmanaged")

        assert (code, True) == (result.code, result.out.startswith(first))
        assert (
            "\nNot named by any spec, and left alone:\n  in 111111111111/eu-west-1\n    configuration_set theirs\n"
            in result.out
        )
        assert f"    identity quiet.example.com (e-mail forwarding off; {SHADOW})\n" in result.out


def test_in_markdown_it_is_folded_away(others: Shell) -> None:
    """With names escaped."""
    result = others.run("drift", "--sandbox", "--unmanaged", "--format", "markdown")

    assert f"<details><summary>Not named by any spec: {len(EXPECTED)}</summary>" in result.out
    assert "- 111111111111/eu-west-1: configuration\\_set theirs\n" in result.out


def test_a_saved_plan_shows_it(others: Shell) -> None:
    """What was listed when the plan was made."""
    others.run("plan", "--sandbox", "--unmanaged", "--out", "plan.json")

    assert "    configuration_set theirs\n" in others.run("show", "plan.json").out


def test_where_all_is_named_it_says_so(shell: Shell) -> None:
    """Nothing found is told from not looked for."""
    shell.specs(SPECS)
    shell.run("apply", "--sandbox", "--auto-approve")

    assert "Everything that exists here is named by a spec." in shell.run("plan", "--sandbox", "--unmanaged").out
    assert "named by" not in shell.run("plan", "--sandbox").out
    assert "unmanaged" not in json.loads(shell.run("plan", "--sandbox", "--format", "json").out)["sesform"]


def test_specs_that_declare_nothing_are_looked_around_too(others: Shell) -> None:
    """The account and regions of a spec count, not what it declares there: it may be the first thing that is written."""
    others.specs(HEAD.replace("[eu-west-1]", "[eu-west-1, eu-central-1]"))
    result = others.run("plan", "--sandbox", "--unmanaged")

    assert "    identity example.com (bounce " in result.out
    assert f"    topic {TOPIC}:t\n" in result.out


def test_no_password_is_shown(shell: Shell) -> None:
    """An endpoint may contain a token; neither the list nor a plan file shows it."""
    shell.specs(SPECS)
    shell.run("apply", "--sandbox", "--auto-approve")
    endpoint = "https://bob:hunter2@example.com/x"
    sns = client(shell.sandbox.session("111111111111", "eu-west-1"), "sns")
    sns.subscribe(TopicArn=f"{TOPIC}:t", Protocol="https", Endpoint=endpoint)
    result = shell.run("plan", "--sandbox", "--unmanaged", "--out", "plan.json")

    assert "    subscription https https://***@example.com/x (of " in result.out
    assert "hunter2" not in result.out + result.err + (shell.folder / "plan.json").read_text(encoding="utf-8")


def test_what_is_external_unmanaged_or_referred_to_is_named(others: Shell) -> None:
    """A word about a thing is enough."""
    alone = "{bounce: unmanaged, complaint: unmanaged, delivery: unmanaged}"
    quiet = f"quiet.example.com: {{notifications: {alone}, default_configuration_set: theirs}}"
    specs = SPECS.replace("{t: {}}", "{t: {}, x: {name: theirs, external: true}}")
    others.specs(specs.replace("identities: {", f"identities: {{{quiet}, "))
    result = others.run("plan", "--sandbox", "--unmanaged", "--format", "json")
    listed = {u["key"] for u in json.loads(result.out)["sesform"]["unmanaged"]}

    assert set() == listed & {f"{TOPIC}:theirs", "quiet.example.com", "theirs"}


def test_a_list_that_is_refused_is_a_warning(others: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The plan is a plan all the same; what could not be looked at is said."""

    def failing(rate: float | None = None) -> Sandbox:
        sandbox = Sandbox(cli_sandbox.state_file())
        sandbox.fail("ListTopics", code="AuthorizationError", message="no", status=403, times=9)
        return sandbox

    monkeypatch.setattr(cli_sandbox, "open_sandbox", failing)
    result = others.run("plan", "--sandbox", "--unmanaged")

    assert 0 == result.code
    assert (
        "Warning: unmanaged resources could not all be listed: sns:ListTopics in 111111111111/eu-west-1" in result.err
    )
    assert "configuration_set theirs" in result.out
