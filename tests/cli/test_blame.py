"""`drift --blame`: who changed what has drifted, when, with what and from where."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.config import Config

from sesform_sandbox import Sandbox
from sesform_sandbox.throttle import Throttle
from shell import SPECS, Result, Shell

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"
TOPIC = f"arn:aws:sns:{REGION}:{DELEGATE}:feedback"
ALICE = f"arn:aws:sts::{OWNER}:assumed-role/admin/alice"
CLI = "aws-cli/2.17.3 md/awscrt#0.20.11 ua/2.0 os/linux"
BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0)"
QUEUE = "arn:aws:sqs:eu-west-1:222222222222:q"
HEARD = SPECS.replace("{feedback: {}}", f"{{feedback: {{subscriptions: [{{protocol: sqs, endpoint: '{QUEUE}'}}]}}}}")
QUIET = HEARD.replace(
    "      complaint: mailer/feedback\n", "      complaint: mailer/feedback\n    feedback_forwarding: false\n"
)
HOUR = timedelta(hours=1)

Opened = list[Sandbox]


def watched(shell: Shell, monkeypatch: pytest.MonkeyPatch, specs: str, ago: timedelta = HOUR) -> Opened:
    """Apply the specs some time ago, and return the sandboxes that commands open, in order."""
    found: Opened = []

    def open_sandbox(rate: float | None = None) -> Sandbox:
        found.append(at(shell, timedelta() if found else ago))
        return found[-1]

    monkeypatch.setattr("sesform.cli.sandbox.open_sandbox", open_sandbox)
    shell.specs(specs)
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    return found


@pytest.fixture
def opened(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """The sandboxes that commands open; an hour ago, specs that do not manage e-mail forwarding were applied."""
    return watched(shell, monkeypatch, HEARD)


@pytest.fixture
def quiet(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Opened:
    """The same; the specs turn forwarding off, so that the drift that SES leaves can be told."""
    return watched(shell, monkeypatch, QUIET)


def at(shell: Shell, ago: timedelta) -> Sandbox:
    """The sandbox of the commands, which records calls as if they were made that long ago."""
    sandbox = shell.sandbox
    sandbox.trail.clock = lambda: datetime.now(UTC) - ago
    return sandbox


def client(shell: Shell, service: str, who: str = "alice", agent: str = CLI, ago: timedelta = timedelta()) -> Any:
    """A client of a person who has assumed the role `admin` of the owner's account."""
    session: Any = at(shell, ago).session(OWNER, REGION)
    keys = session.client("sts").assume_role(RoleArn=f"arn:aws:iam::{OWNER}:role/admin", RoleSessionName=who)[
        "Credentials"
    ]
    return session.client(
        service,
        config=Config(user_agent=agent),
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def clear(shell: Shell, type_: str = "Bounce", **who: Any) -> None:
    client(shell, "ses", **who).set_identity_notification_topic(Identity="example.com", NotificationType=type_)


def blame(shell: Shell, *options: str) -> dict[str, Any]:
    result = shell.run("drift", "--sandbox", "--blame", "--format", "json", *options)
    found: dict[str, Any] = json.loads(result.out)["sesform"]["blame"]
    return found


def of(found: dict[str, Any], address: str) -> dict[str, Any]:
    """The entry of one resource, without its address."""
    (entry,) = [dict(e) for e in found["resources"] if e["address"] == address]
    del entry["address"]
    return entry


def lookups(sandbox: Sandbox) -> int:
    return sum(call.operation == "LookupEvents" for call in sandbox.calls)


BOUNCE = "corp/eu-west-1/notification_topic/example.com/bounce"
FORWARDING = "corp/eu-west-1/feedback_forwarding/example.com"


# --- who -----------------------------------------------------------------------------------------------------------------


def test_the_change_of_another_program_is_named(shell: Shell, opened: Opened) -> None:
    """The time, the principal, the tool, the address and the call, below the reason of the drift."""
    clear(shell, ago=timedelta(minutes=30))
    result = shell.run("drift", "--sandbox", "--blame")
    entry = of(blame(shell), BOUNCE)
    when = entry["time"].replace("T", " ").replace("Z", " UTC")

    assert 2 == result.code
    assert (
        f"  # {BOUNCE} has changed\n"
        "  # (specs/specs.yaml:9 declares it; AWS has none)\n"
        f"  # (changed {when} by {ALICE} with AWS CLI 2.17.3 from 127.0.0.1: SetIdentityNotificationTopic)\n"
    ) in result.out
    assert {
        "by": "call",
        "time": entry["time"],
        "call": "ses:SetIdentityNotificationTopic",
        "principal": ALICE,
        "tool": "AWS CLI 2.17.3",
        "source": "127.0.0.1",
        "note": "",
        "own_run": False,
    } == entry
    assert "Looking up who changed 1 resource in CloudTrail: at least 3 calls ..." in result.err


def test_markdown_has_it_too(shell: Shell, opened: Opened) -> None:
    """In the folded diff, as in the text."""
    clear(shell, agent=BROWSER)
    result = shell.run("drift", "--sandbox", "--blame", "--format", "markdown")

    assert f"by {ALICE} in the AWS console from 127.0.0.1: SetIdentityNotificationTopic)\n" in result.out


def test_of_several_calls_the_newest_is_named(shell: Shell, opened: Opened) -> None:
    """Neither an older call, nor a newer one that was refused, or that changed another type or identity."""
    ses = client(shell, "ses", "bob", ago=timedelta(minutes=30))
    ses.set_identity_notification_topic(Identity="example.com", NotificationType="Bounce")
    clear(shell, ago=timedelta(minutes=20))
    later = client(shell, "ses", "carol", ago=timedelta(minutes=10))
    with pytest.raises(later.exceptions.ClientError):
        later.set_identity_notification_topic(Identity="example.com", NotificationType="Bounce", SnsTopic="arn:no")
    later.set_identity_notification_topic(Identity="example.com", NotificationType="Complaint", SnsTopic=TOPIC)
    later.verify_domain_identity(Domain="other.example")
    later.set_identity_notification_topic(Identity="other.example", NotificationType="Bounce")

    assert ("call", ALICE) == (of(blame(shell), BOUNCE)["by"], of(blame(shell), BOUNCE)["principal"])


def test_an_identity_that_was_deleted_and_created_again_is_named(shell: Shell, quiet: Opened) -> None:
    """All of its settings are those of a new identity, which looks like what SES does."""
    v2 = client(shell, "sesv2")
    v2.delete_email_identity(EmailIdentity="EXAMPLE.com")
    v2.create_email_identity(EmailIdentity="example.com")
    found = blame(shell)

    assert {"ses:DeleteEmailIdentity"} == {entry["call"] for entry in found["resources"]}
    assert {"call"} == {entry["by"] for entry in found["resources"]}
    assert {BOUNCE, FORWARDING} < {entry["address"] for entry in found["resources"]}


def test_an_earlier_run_of_sesform_is_told_from_others(shell: Shell, opened: Opened) -> None:
    """If the specs have changed since, the newest call is that of the last apply."""
    shell.specs(HEARD.replace("complaint: mailer/feedback", "complaint: null"))
    result = shell.run("drift", "--sandbox", "--blame")
    entry = of(blame(shell), "corp/eu-west-1/notification_topic/example.com/complaint")

    assert (True, "call", True) == (entry["own_run"], entry["by"], entry["tool"].startswith("sesform "))
    assert f"by an earlier run of {entry['tool']} as arn:aws:iam::{OWNER}:root from 127.0.0.1: Set" in result.out


# --- SES itself ----------------------------------------------------------------------------------------------------------


def break_topic(shell: Shell, ago: timedelta) -> None:
    sns: Any = at(shell, ago).session(DELEGATE, REGION).client("sns")
    document = json.loads(sns.get_topic_attributes(TopicArn=TOPIC)["Attributes"]["Policy"])
    document["Statement"] = [s for s in document["Statement"] if not s["Sid"].startswith("Sesform")]
    sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="Policy", AttributeValue=json.dumps(document))
    shell.sandbox.send(OWNER, REGION, "example.com", "bounce")


def test_what_ses_did_itself_is_said_so(shell: Shell, quiet: Opened) -> None:
    """No call removed the topic or turned forwarding on; the call that broke the topic's policy is named."""
    break_topic(shell, timedelta(minutes=30))
    found, result = blame(shell), shell.run("drift", "--sandbox", "--blame")

    assert {
        "corp/eu-west-1/feedback_forwarding/example.com": "ses",
        BOUNCE: "ses",
        "mailer/eu-west-1/topic_policy/feedback": "call",
    } == {e["address"]: e["by"] for e in found["resources"]}
    assert (
        "  # (changed by SES itself, which removes a topic that it cannot publish to and turns e-mail forwarding on: "
        "no call that did it was recorded since 20"
    ) in result.out
    assert (
        "Note: CloudTrail shows calls up to 15 minutes late, so a change of the last 15 minutes may not be recorded yet.\n"
        in (result.out)
    )
    assert "SES has probably removed the bounce topic of example.com" in result.err


def test_a_recorded_change_is_not_taken_for_that_of_ses(shell: Shell, quiet: Opened) -> None:
    """Someone who clears the topic and turns forwarding on leaves what SES leaves; with --blame the warning is left out."""
    ses = client(shell, "ses", agent=BROWSER)
    ses.set_identity_feedback_forwarding_enabled(Identity="example.com", ForwardingEnabled=True)
    clear(shell, agent=BROWSER)
    without, result = shell.run("drift", "--sandbox"), shell.run("drift", "--sandbox", "--blame")

    assert {("call", "the AWS console")} == {(e["by"], e["tool"]) for e in blame(shell)["resources"]}
    assert ("SES has probably removed" in without.err, "SES has probably removed" in result.err) == (True, False)


def test_a_change_of_the_last_minutes_may_not_be_recorded_yet(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The newest call is a few seconds old, so the drift is as young, and CloudTrail may not show the call yet."""
    shell.specs(QUIET)
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.sandbox.send(OWNER, REGION, "example.com", "bounce")
    break_topic(shell, timedelta())
    young = "the change is less than 15 minutes old, and CloudTrail shows calls up to 15 minutes late: run again later"

    assert ("ses", young) == (of(blame(shell), BOUNCE)["by"], of(blame(shell), BOUNCE)["note"])


def test_a_call_that_is_not_delivered_yet_is_unknown(
    shell: Shell, opened: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest delivered call set the topic, so that it does not explain why the topic is missing."""
    clear(shell)

    def late(rate: float | None = None) -> Sandbox:
        sandbox = at(shell, timedelta())
        sandbox.trail.delay = 900
        return sandbox

    monkeypatch.setattr("sesform.cli.sandbox.open_sandbox", late)
    result = shell.run("drift", "--sandbox", "--blame")
    entry = of(blame(shell), BOUNCE)

    assert (2, "unknown", True) == (result.code, entry["by"], entry["own_run"])
    assert "(no recorded call left it as it is; the newest one is of 20" in result.out
    assert "may not be recorded yet" in result.out


# --- what can go wrong ---------------------------------------------------------------------------------------------------


def failing(shell: Shell, monkeypatch: pytest.MonkeyPatch, **fault: Any) -> Callable[..., Result]:
    """Let every lookup fail, and return how to run drift."""

    def open_sandbox(rate: float | None = None) -> Sandbox:
        sandbox = at(shell, timedelta())
        sandbox.fail("LookupEvents", times=9, **fault)
        return sandbox

    monkeypatch.setattr("sesform.cli.sandbox.open_sandbox", open_sandbox)
    return lambda *options: shell.run("drift", "--sandbox", *options)


def test_a_missing_permission_is_a_note(shell: Shell, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """The exit code and everything else stay as they are without --blame."""
    clear(shell)
    drift = failing(shell, monkeypatch, code="AccessDeniedException", message="not authorized", status=400)
    without, with_ = drift(), drift("--blame")
    document = json.loads(drift("--blame", "--format", "json").out)
    note = (
        "who changed resources in 111111111111/eu-west-1 is not known: cloudtrail:LookupEvents in 111111111111/eu-west-1: "
        "AccessDeniedException: not authorized; these credentials lack the permission cloudtrail:LookupEvents"
    )

    assert (2, 2) == (without.code, with_.code)
    assert without.out.replace("Plan: ", f"Note: {note}.\n\nPlan: ") == with_.out
    assert {"days": 7, "resources": [], "notes": [note]} == document["sesform"]["blame"]
    assert ([], False) == (document["sesform"]["diagnostics"], document["errored"])
    assert "Error" not in with_.err + with_.out


@pytest.mark.parametrize(
    "fault",
    [
        {"code": "EndpointConnectionError"},
        {"code": "InternalFailure", "status": 500},
        {"code": "InvalidTimeRangeException", "message": "no"},
    ],
)
def test_any_failure_of_a_lookup_is_a_note(
    shell: Shell, opened: Opened, monkeypatch: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    """Drift is found, whatever CloudTrail answers."""
    clear(shell)
    monkeypatch.setattr("sesform.aws.retries.pause", lambda attempt: 0.0)
    result = failing(shell, monkeypatch, **fault)("--blame")

    assert 2 == result.code
    assert "Note: who changed resources in 111111111111/eu-west-1 is not known: " in result.out


@pytest.mark.parametrize(
    "event",
    [
        "{}",
        '{"EventTime": 1, "EventName": "SetIdentityNotificationTopic", "CloudTrailEvent": "no"}',
        '{"EventTime": 1, "EventName": "SetIdentityNotificationTopic", "CloudTrailEvent": "[]"}',
        '{"EventTime": 1, "EventName": "SetIdentityNotificationTopic", "CloudTrailEvent": "{\\"userIdentity\\": 3}"}',
    ],
)
def test_malformed_events_are_a_note(shell: Shell, opened: Opened, monkeypatch: pytest.MonkeyPatch, event: str) -> None:
    """An event that cannot be read says so, and drift goes on."""
    clear(shell)

    def open_sandbox(rate: float | None = None) -> Sandbox:
        sandbox = at(shell, timedelta())
        sandbox.answer_with("LookupEvents", f'{{"Events": [{event}]}}', times=9)
        return sandbox

    monkeypatch.setattr("sesform.cli.sandbox.open_sandbox", open_sandbox)
    result = shell.run("drift", "--sandbox", "--blame")

    assert 2 == result.code
    assert "is not known: cloudtrail:LookupEvents in 111111111111/eu-west-1: " in result.out


def test_no_value_of_a_call_is_shown(shell: Shell, opened: Opened) -> None:
    """Parameters can hold secrets, such as the token in the URL of an endpoint; control characters act on no terminal."""
    sns: Any = shell.sandbox.session(DELEGATE, REGION).client(
        "sns", config=Config(user_agent="evil\x1b[31m/1 \x07`**x**`")
    )
    sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="DisplayName", AttributeValue="hunter2-in-a-parameter")
    shell.specs(HEARD.replace("{feedback: {", "{feedback: {display_name: ours, "))
    result = shell.run("drift", "--sandbox", "--blame", "--format", "json")
    text = shell.run("drift", "--sandbox", "--blame").out
    shown = json.dumps(json.loads(result.out)["sesform"]["blame"])

    assert "hunter2" not in shown
    assert "\x1b" not in text
    assert "evil" in text


# --- bounds --------------------------------------------------------------------------------------------------------------


def test_the_days_bound_what_is_found(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven days unless --blame-days says otherwise."""
    watched(shell, monkeypatch, HEARD, timedelta(days=9))
    clear(shell, ago=timedelta(days=8))
    short, long = blame(shell), blame(shell, "--blame-days", "10")
    text = shell.run("drift", "--sandbox", "--blame").out

    assert (7, 10) == (short["days"], long["days"])
    assert ("unknown", "call") == (of(short, BOUNCE)["by"], of(long, BOUNCE)["by"])
    assert "(no call that changed it was recorded in the last 7 days)" in text


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--blame", "--blame-days", "91"), "less than or equal to 90"),
        (("--blame", "--blame-days", "0"), "greater than or equal to 1"),
        (("--blame-days", "3"), "it requires --blame"),
    ],
)
def test_days_out_of_bounds_are_refused(shell: Shell, options: tuple[str, ...], expected: str) -> None:
    """From 1 to 90, and only with --blame."""
    result = shell.run("drift", "--sandbox", *options)

    assert (1, True) == (result.code, expected in result.err)


def test_without_drift_nothing_is_looked_up(shell: Shell, opened: Opened) -> None:
    """Neither is anything without --blame, and the document has no such field."""
    result = shell.run("drift", "--sandbox", "--blame")
    clear(shell)
    document = json.loads(shell.run("drift", "--sandbox", "--format", "json").out)

    assert (0, 0, 0) == (result.code, lookups(opened[-2]), lookups(opened[-1]))
    assert "blame" not in document["sesform"]


def test_the_number_of_lookups_does_not_grow_with_the_resources(shell: Shell, opened: Opened) -> None:
    """Each name of a call is looked up once for an account and region: here for 41 topics."""
    names = "".join(f"  d{n}.example.com: {{}}\n" for n in range(40))
    both = "{bounce: mailer/feedback, complaint: mailer/feedback}"
    shell.specs(
        HEARD.replace("identities:\n", f"defaults: {{identity: {{notifications: {both}}}}}\nidentities:\n{names}")
    )
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    ses = client(shell, "ses")
    for name in ("example.com", *(f"d{n}.example.com" for n in range(40))):
        ses.set_identity_notification_topic(Identity=name, NotificationType="Bounce")
    found = blame(shell)

    assert (41, {"call"}) == (len(found["resources"]), {e["by"] for e in found["resources"]})
    # That which sets topics, and those of both APIs that delete identities.
    assert 3 == lookups(opened[-1])


def test_pages_are_read_until_each_resource_has_its_call(shell: Shell, opened: Opened) -> None:
    """Sixty newer calls for another identity stand before the one that is looked for: one page more, of this name only."""
    clear(shell, ago=timedelta(minutes=30))
    ses = client(shell, "ses", "bob")
    ses.verify_domain_identity(Domain="busy.example")
    for _ in range(60):
        ses.set_identity_notification_topic(Identity="busy.example", NotificationType="Bounce")
    found = blame(shell)

    assert ALICE == of(found, BOUNCE)["principal"]
    assert 4 == lookups(opened[-1])


def test_lookups_keep_to_the_quota_of_cloudtrail(shell: Shell, opened: Opened, monkeypatch: pytest.MonkeyPatch) -> None:
    """Against a sandbox with quotas no lookup is throttled; here ten times as many are allowed, so that the test is short."""
    clear(shell)
    monkeypatch.setattr("sesform.engine.settings.LOOKUPS_PER_SECOND", 20.0)

    def open_sandbox(rate: float | None = None) -> Sandbox:
        opened.append(at(shell, timedelta()))
        opened[-1].trail.throttle = Throttle(20.0)
        return opened[-1]

    monkeypatch.setattr("sesform.cli.sandbox.open_sandbox", open_sandbox)
    result = shell.run("drift", "--sandbox", "--blame", "--sandbox-rate", "100")

    assert (2, [None] * 3) == (result.code, [c.error for c in opened[-1].calls if c.operation == "LookupEvents"])


def test_a_history_that_is_too_long_is_read_in_part(
    shell: Shell, quiet: Opened, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest thousand calls of a name are read; what they do not explain is not put down to SES."""
    monkeypatch.setattr("sesform.live.trail.MAX_EVENTS", 50)
    break_topic(shell, timedelta(minutes=30))
    ses = client(shell, "ses", "bob")
    ses.verify_domain_identity(Domain="busy.example")
    for _ in range(60):
        ses.set_identity_notification_topic(Identity="busy.example", NotificationType="Bounce")
    found = blame(shell)

    assert [BOUNCE] == sorted({BOUNCE, FORWARDING} - {e["address"] for e in found["resources"]})
    assert "unknown" == of(found, FORWARDING)["by"]
    assert found["notes"][0] == (
        "111111111111/eu-west-1 has more than 50 recorded calls of SetIdentityNotificationTopic; older ones were not read"
    )


# --- parts and permissions -----------------------------------------------------------------------------------------------


def test_the_parts_of_several_machines_are_joined(shell: Shell, opened: Opened) -> None:
    """merge prints what one run prints."""
    lone = 'kind: Owner\nname: lone\naccount: "333333333333"\nregions: [eu-west-1]\nconfiguration_sets: {main: {}}\n'
    shell.specs(f"{HEARD}---\n{lone}")
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    clear(shell)
    other: Any = shell.sandbox.session("333333333333", REGION).client("sesv2")
    other.delete_configuration_set(ConfigurationSetName="main")
    for n in (1, 2):
        part = shell.run("drift", "--sandbox", "--blame", "--shard", f"{n}/2", "--format", "json").out
        (shell.folder / f"{n}.json").write_text(part, encoding="utf-8")
    merged = shell.run("merge", "1.json", "2.json", "--format", "json")
    text = shell.run("merge", "1.json", "2.json").out

    assert blame(shell) == json.loads(merged.out)["sesform"]["blame"]
    assert text == shell.run("drift", "--sandbox", "--blame").out


def test_iam_policy_allows_it(shell: Shell) -> None:
    """One statement that only reads, in the regions of the specs."""
    plain = json.loads(shell.run("iam-policy", "--account", OWNER).out)["Statement"]
    with_blame = json.loads(shell.run("iam-policy", "--account", OWNER, "--blame").out)["Statement"]

    assert [
        {
            "Sid": "ReadEvents",
            "Effect": "Allow",
            "Action": ["cloudtrail:LookupEvents"],
            "Resource": ["*"],
            "Condition": {"StringEquals": {"aws:RequestedRegion": [REGION]}},
        }
    ] == [statement for statement in with_blame if statement not in plain]
