"""drift --notify: one message for each change, to each service; secrets stay secret, and exit codes are those of drift."""

from __future__ import annotations

import json
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sesform.cli import drift_state, notification_services
from sesform.cli import sandbox as cli_sandbox
from shell import Result, Shell
from webhook import Webhook

pytest.importorskip("apprise")

STATE = Path("state.json")
SECRET = "s3cr3t-tok3n"
BOUNCE, COMPLAINT = (f"corp/eu-west-1/notification_topic/example.com/{kind}" for kind in ("bounce", "complaint"))
HEADERS = "corp/eu-west-1/notification_headers/example.com/bounce"


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    with Webhook() as service:
        yield service


@pytest.fixture
def applied(shell: Shell) -> Shell:
    """A sandbox that matches the specs."""
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    return shell


def url(webhook: Webhook) -> str:
    return f"json://user:{SECRET}@{webhook.place}/{SECRET}?+X-Token={SECRET}"


def drift(shell: Shell, *urls: str) -> Result:
    notify = [word for each in urls for word in ("--notify", each)]
    return shell.run("drift", "--sandbox", "-q", *notify, "--notify-state", str(STATE))


def repair(shell: Shell) -> None:
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code


class Denied:
    """AWS refuses what drift reads, until the context ends."""

    def __init__(self, shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
        self._shell, self._patches = shell, monkeypatch

    def __enter__(self) -> None:
        sandbox = self._shell.sandbox
        sandbox.fail("GetIdentityNotificationAttributes", code="AccessDenied", message="no", status=403, times=99)
        self._before = cli_sandbox.open_sandbox
        self._patches.setattr(cli_sandbox, "open_sandbox", lambda *_: sandbox)

    def __exit__(self, *_: object) -> None:
        self._patches.setattr(cli_sandbox, "open_sandbox", self._before)


@pytest.fixture
def denied(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Denied:
    return Denied(shell, monkeypatch)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time of the history, which a test moves on."""
    now = [1_800_000_000.0]
    monkeypatch.setattr("sesform.cli.drift.time.time", lambda: now[0])
    return now


# --- changes -----------------------------------------------------------------------------------------------------------


def test_no_message_where_nothing_drifts(applied: Shell, webhook: Webhook) -> None:
    """The first run of a job in sync sends nothing."""
    assert 0 == drift(applied, url(webhook)).code
    assert [] == webhook.received


def test_one_message_for_new_drift(applied: Shell, webhook: Webhook) -> None:
    """Drift is told once, with the resource, the time since which it exists, the place in the specs and how to heal it."""
    applied.clear_in_console(type_="Complaint")
    codes = [drift(applied, url(webhook)).code for _ in range(3)]
    (message,) = webhook.received

    assert [2, 2, 2] == codes
    assert ("sesform (sandbox): SES settings have drifted: 1 difference", "warning") == (
        message["title"],
        message["type"],
    )
    since = json.loads(STATE.read_text())["differences"][COMPLAINT]["since"]
    assert (
        f"- {COMPLAINT}: missing in AWS (specs/specs.yaml:10 declares it; AWS has none), since 20" in message["message"]
    )
    assert since > 0
    assert "run `sesform apply --sandbox` to restore what the specs declare" in message["message"]


def test_more_drift_is_told_beside_the_old(applied: Shell, webhook: Webhook) -> None:
    """A second difference makes a second message, which has the first one as before."""
    applied.clear_in_console(type_="Complaint")
    drift(applied, url(webhook))
    applied.clear_in_console(type_="Bounce")
    drift(applied, url(webhook))
    text = webhook.received[1]["message"]
    new, _, before = text.partition("As before:")

    assert 2 == len(webhook.received)
    assert BOUNCE in new
    assert COMPLAINT not in new
    assert COMPLAINT in before


def test_another_value_of_the_same_resource_is_told(applied: Shell, webhook: Webhook) -> None:
    """A resource that drifts from one wrong value to another is told again."""
    sns: Any = applied.sandbox.session("111111111111", "eu-west-1").client("sns")
    ses: Any = applied.sandbox.session("111111111111", "eu-west-1").client("ses")
    for name in ("one", "two"):
        arn = sns.create_topic(Name=name)["TopicArn"]
        sns.set_topic_attributes(
            TopicArn=arn,
            AttributeName="Policy",
            AttributeValue=json.dumps(
                {
                    "Version": "2012-10-17",
                    "Statement": [
                        {
                            "Effect": "Allow",
                            "Principal": {"Service": "ses.amazonaws.com"},
                            "Action": "sns:Publish",
                            "Resource": arn,
                        }
                    ],
                }
            ),
        )
        ses.set_identity_notification_topic(Identity="example.com", NotificationType="Complaint", SnsTopic=arn)
        drift(applied, url(webhook))
    first, second = (message["message"] for message in webhook.received)

    assert "New:\n" in first
    assert f"Changed again:\n- {COMPLAINT}: topic_arn changed" in second


def test_healing_is_told_once(applied: Shell, webhook: Webhook) -> None:
    """When AWS matches the specs again, one message names what has healed."""
    applied.clear_in_console(type_="Complaint")
    drift(applied, url(webhook))
    repair(applied)
    codes = [drift(applied, url(webhook)).code for _ in range(2)]

    assert [0, 0] == codes
    assert ["sesform (sandbox): drift is healed"] == webhook.titles[1:]
    assert "success" == webhook.received[1]["type"]
    assert f"Healed:\n- {COMPLAINT}: differed since 20" in webhook.received[1]["message"]


def test_healing_in_part_is_told(applied: Shell, webhook: Webhook) -> None:
    """When one of two differences heals, the message has both: the healed one and the one that is left."""
    for kind in ("Complaint", "Bounce"):
        applied.clear_in_console(type_=kind)
    drift(applied, url(webhook))
    applied.run("apply", "--sandbox", "--auto-approve", "--only", COMPLAINT)
    drift(applied, url(webhook))

    assert "sesform (sandbox): drift is healed in part: 1 difference left" == webhook.titles[1]
    assert BOUNCE in webhook.received[1]["message"].partition("Healed:")[0]
    assert COMPLAINT in webhook.received[1]["message"].partition("Healed:")[2]


def test_a_topic_that_ses_removed_has_its_warning_in_the_message(applied: Shell, webhook: Webhook) -> None:
    """The message says what to look at before repairing a topic that SES has probably removed itself."""
    specs = (applied.folder / "specs" / "specs.yaml").read_text()
    queue = "arn:aws:sqs:eu-west-1:222222222222:feedback"
    specs = specs.replace(
        "{feedback: {}}", f"{{feedback: {{subscriptions: [{{protocol: sqs, endpoint: '{queue}'}}]}}}}"
    )
    applied.specs(specs.replace("  example.com:\n", "  example.com:\n    feedback_forwarding: false\n"))
    repair(applied)
    ses: Any = applied.sandbox.session("111111111111", "eu-west-1").client("ses")
    ses.set_identity_feedback_forwarding_enabled(Identity="example.com", ForwardingEnabled=True)
    applied.clear_in_console(type_="Complaint")
    drift(applied, url(webhook))

    assert "Read first: SES has probably removed the complaint topic" in webhook.received[0]["message"]


def test_an_identity_without_a_receiver_is_told(applied: Shell, webhook: Webhook) -> None:
    """What makes drift exit with 2 although nothing differs is told, and told as healed when there is a receiver."""
    specs = applied.folder / "specs" / "specs.yaml"
    dark = specs.read_text().replace("  example.com:\n", "  example.com:\n    feedback_forwarding: false\n")
    applied.specs(dark)
    applied.run("apply", "--sandbox", "--auto-approve", "--allow-dark")
    code = drift(applied, url(webhook)).code
    applied.specs(dark.replace("forwarding: false", "forwarding: true"))
    repair(applied)

    assert [2, 0] == [code, drift(applied, url(webhook)).code]
    name = "111111111111/eu-west-1/identity/example.com/bounce"
    assert f"- {name}: its bounces have no receiver, since 20" in webhook.received[0]["message"]
    assert f"Healed:\n- {name}: differed since 20" in webhook.received[1]["message"]


# --- errors ------------------------------------------------------------------------------------------------------------


def test_an_error_is_told_once_and_its_end_after_some_calm(
    applied: Shell, webhook: Webhook, denied: Denied, clock: list[float]
) -> None:
    """An error of drift itself is told once. Its end is told when an hour has passed without an error."""
    with denied:
        codes = [drift(applied, url(webhook)).code for _ in range(2)]
    codes.append(drift(applied, url(webhook)).code)
    told = list(webhook.titles)
    clock[0] += 3600
    codes.append(drift(applied, url(webhook)).code)

    assert [1, 1, 0, 0] == codes
    assert ["sesform (sandbox): drift detection fails"] == told
    assert ["sesform (sandbox): drift detection works again"] == webhook.titles[1:]
    assert "ses:GetIdentityNotificationAttributes" in webhook.received[0]["message"]
    assert "since 2027-01-15 08:00 UTC" in webhook.received[0]["message"]


def test_another_kind_of_error_is_told(applied: Shell, webhook: Webhook, denied: Denied) -> None:
    """Specs that are not valid are told after a refusal of AWS, and each of the two only once."""
    for _ in range(2):
        with denied:
            drift(applied, url(webhook))
        applied.specs("kind: Owner\n", "broken.yaml")
        drift(applied, url(webhook))
        (applied.folder / "specs" / "broken.yaml").unlink()

    assert 2 == len(webhook.received)
    assert "broken.yaml:1:1: " in webhook.received[1]["message"]


def test_a_flapping_error_does_not_spam(applied: Shell, webhook: Webhook, denied: Denied, clock: list[float]) -> None:
    """An error in every second run, each quarter of an hour, makes one message."""
    for _ in range(6):
        with denied:
            drift(applied, url(webhook))
        clock[0] += 900
        drift(applied, url(webhook))
        clock[0] += 900

    assert ["sesform (sandbox): drift detection fails"] == webhook.titles


def test_drift_survives_an_error_in_between(applied: Shell, webhook: Webhook, denied: Denied) -> None:
    """Drift that was told is not told again after a run that failed, and an error does not count as healing."""
    applied.clear_in_console(type_="Complaint")
    drift(applied, url(webhook))
    with denied:
        drift(applied, url(webhook))
    drift(applied, url(webhook))

    assert ["SES settings have drifted: 1 difference", "drift detection fails"] == [
        title.removeprefix("sesform (sandbox): ") for title in webhook.titles
    ]


def test_checks_that_fail_are_an_error(applied: Shell, webhook: Webhook) -> None:
    """A plan with errors is told as a failure of the detection, and not as drift or as in sync."""
    topic = "arn:aws:sns:eu-west-1:111111111111:none"
    applied.specs(
        'kind: Owner\nname: other\naccount: "111111111111"\nregions: [eu-west-1]\n'
        f"identities: {{a.example: {{notifications: {{bounce: {topic}}}}}}}\n",
        "other.yaml",
    )
    result = drift(applied, url(webhook))

    assert 1 == result.code
    assert ["sesform (sandbox): drift detection fails"] == webhook.titles
    assert topic in webhook.received[0]["message"]


# --- services ----------------------------------------------------------------------------------------------------------


def test_services_come_from_the_environment(applied: Shell, webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    """SESFORM_NOTIFY has one URL or several with spaces between them. The default state file is below .sesform."""
    monkeypatch.setenv("SESFORM_NOTIFY", f"{url(webhook)}\n {url(webhook)}")
    applied.clear_in_console()
    result = applied.run("drift", "--sandbox", "-q")

    assert 2 == result.code
    assert 2 == len(webhook.received)
    assert ["json", "json 2"] == list(json.loads(Path(".sesform/drift.json").read_text())["told"])


def test_a_service_that_fails_is_told_later_and_the_others_are_not_told_twice(applied: Shell, webhook: Webhook) -> None:
    """A service that answers with an error has a warning, and its message in the next run; the other one gets no second one."""
    applied.clear_in_console()
    with Webhook() as other:
        other.status = 503
        first = drift(applied, url(webhook), url(other))
        other.status = 200
        second = drift(applied, url(webhook), url(other))

    assert [2, 2] == [first.code, second.code]
    assert (
        "Warning: notification service json 2: it answered with HTTP status 503. The next run tells it again"
        in first.err
    )
    assert "notification" not in second.err
    assert [1, 2] == [len(webhook.received), len(other.received)]


def test_drift_that_heals_before_a_service_can_be_told_is_not_told(applied: Shell, webhook: Webhook) -> None:
    """A service that was out of reach is told what is so now, and not what has passed."""
    applied.clear_in_console()
    webhook.status = 500
    drift(applied, url(webhook))
    repair(applied)
    webhook.status = 200
    drift(applied, url(webhook))

    assert 1 == len(webhook.received)


def test_a_service_that_hangs_has_a_time_limit(
    applied: Shell, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that does not answer is given up, with a warning, and drift's exit code."""
    monkeypatch.setattr(notification_services, "SECONDS", 0.2)
    webhook.silent = True
    applied.clear_in_console()
    result = drift(applied, url(webhook))

    assert 2 == result.code
    assert (
        "Warning: notification service json: it has not answered within 0.2 s. The next run tells it again"
        in result.err
    )


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        (f"slak://{SECRET}", "notification URL 1 (scheme slak) is not used"),
        (SECRET, "notification URL 1 is not used"),
        (f"user:{SECRET}@host", "notification URL 1 is not used"),
        (f"slack://{SECRET}", "notification URL 1 (scheme slack) is not used"),
        ("", "notification URL 1 is not used"),
        (f"json://127.0.0.1:1/{SECRET}", "notification service json: it could not be reached, or refused the message"),
        (f"json://[{SECRET}", "notification URL 1 (scheme json) is not used"),
    ],
)
def test_a_wrong_url_is_a_warning(applied: Shell, webhook: Webhook, wrong: str, named: str) -> None:
    """A URL that cannot be used, or reached, is named by its position or scheme; the other services are told."""
    applied.clear_in_console()
    result = drift(applied, wrong, url(webhook))

    assert 2 == result.code
    assert f"Warning: {named}" in result.err
    assert 1 == len(webhook.received)
    assert SECRET not in result.out + result.err + STATE.read_text()


def test_a_missing_apprise_is_a_warning(applied: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, drift says how to install it, and keeps its exit code."""
    monkeypatch.setitem(sys.modules, "apprise", None)
    result = drift(applied, "json://127.0.0.1:1")

    assert 0 == result.code
    assert (
        "Warning: no notification is sent: apprise is not installed; run `pip install 'sesform[notify]'`" in result.err
    )


def test_no_secret_of_a_url_is_shown_or_saved(
    applied: Shell, webhook: Webhook, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """User, password, path and query of notification URLs are in no output, log or file, whether the service works or fails."""
    monkeypatch.setenv("SESFORM_NOTIFY", url(webhook))
    applied.clear_in_console()
    shown = []
    for status in (404, 200):
        webhook.status = status
        for options in ("-v", "--format=json", "--format=markdown"):
            result = applied.run("drift", "--sandbox", "--notify-state", str(STATE), options)
            shown += [result.out, result.err]
    planned = applied.run("plan", "--sandbox", "--out", "plan.json")
    files = [file.read_text() for file in (STATE, Path("plan.json"), Path(".sesform/sandbox.json"))]

    assert webhook.received
    assert [] == [text for text in [*shown, planned.out, planned.err, *files, caplog.text] if SECRET in text]


# --- the state file ----------------------------------------------------------------------------------------------------


def test_only_its_owner_can_read_the_state(applied: Shell, webhook: Webhook) -> None:
    """The state file has mode 600, and no other file is left beside it."""
    applied.clear_in_console()
    drift(applied, url(webhook))

    assert 0o600 == stat.S_IMODE(STATE.stat().st_mode)
    assert [] == [file.name for file in Path().iterdir() if file.name.startswith(f".{STATE.name}")]


def test_after_a_crash_between_sending_and_writing_the_message_is_sent_again(
    applied: Shell, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A message is sent at least once: what was sent and not remembered is sent again, then no more."""
    applied.clear_in_console()

    def crash(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(drift_state, "write", crash)
        assert 1 == drift(applied, url(webhook)).code
    codes = [drift(applied, url(webhook)).code for _ in range(2)]

    assert [2, 2] == codes
    assert 2 == len(webhook.received)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "null",
        '{"version": 2}',
        '{"version": 1}',
        '{"version": 1, "differences": {"a": 1}, "succeeded": null, "failing": null, "recovery": null, "told": {}}',
        '{"version": 1, "differences": {}, "succeeded": true, "failing": null, "recovery": null, "told": {}}',
        '{"version": 1, "differences": {}, "succeeded": null, "failing": {}, "recovery": null, "told": {}}',
        '{"version": 1, "differences": {}, "succeeded": null, "failing": null, "recovery": null, "told": []}',
        "[" * 100_000,
        "\x00\xff",
    ],
)
def test_a_damaged_state_is_replaced(applied: Shell, webhook: Webhook, content: str) -> None:
    """A state file that is damaged or of another version is a warning; drift counts as new, and the file is written again."""
    STATE.write_text(content, encoding="latin-1")
    applied.clear_in_console()
    first, second = drift(applied, url(webhook)), drift(applied, url(webhook))

    assert [2, 2] == [first.code, second.code]
    assert "Warning: state.json: is damaged: " in first.err
    assert "It is replaced, and all drift counts as new" in first.err
    assert "" == second.err
    assert 1 == len(webhook.received)


def test_a_state_that_cannot_be_written_is_a_warning(applied: Shell, webhook: Webhook) -> None:
    """Drift tells all the same, says in the message that it will be repeated, and keeps its exit code."""
    STATE.mkdir()
    applied.clear_in_console()
    result = drift(applied, url(webhook))

    assert 2 == result.code
    assert (
        "Warning: state.json: cannot be written: it is a folder, so every run sends the same notifications"
        in result.err
    )
    assert "so every run sends the same notifications." in webhook.received[0]["message"]


def test_standard_input_is_no_state_file(applied: Shell) -> None:
    """`--notify-state -` is refused before any call."""
    assert 1 == applied.run("drift", "--sandbox", "--notify-state", "-").code


def test_a_state_without_services_remembers_since_when(applied: Shell) -> None:
    """With --notify-state alone, the file has the beginning of each difference, for services that are named later."""
    applied.clear_in_console()
    assert 2 == drift(applied).code
    before = json.loads(STATE.read_text())["differences"]
    assert 2 == drift(applied).code

    assert before == json.loads(STATE.read_text())["differences"]
    assert BOUNCE in before
