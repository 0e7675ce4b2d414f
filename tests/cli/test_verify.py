"""sesform verify: the preview, the question, formats and exit codes."""

from __future__ import annotations

import json
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

from proofs import BOTH, FEEDBACK
from sesform.aws import Timer
from shell import Shell


@pytest.fixture(autouse=True)
def time_passes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock moves only where something waits."""
    now = [1000.0]

    def wait(self: Timer, seconds: float) -> None:
        now[0] += max(seconds, 0)

    monkeypatch.setattr(Timer, "now", lambda self: now[0])
    monkeypatch.setattr(Timer, "wait", wait)


@pytest.fixture
def applied(shell: Shell) -> Shell:
    shell.specs(BOTH)
    assert shell.run("apply", "--sandbox", "--auto-approve").code == 0
    return shell


def _break(shell: Shell) -> None:
    """Replace the policy of the topic by one without SES, as a person does in the console."""
    statement = {"Effect": "Allow", "Principal": {"AWS": "222222222222"}, "Action": "SNS:Publish", "Resource": FEEDBACK}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns: Any = shell.sandbox.session("222222222222", "eu-west-1").client("sns")
    sns.set_topic_attributes(TopicArn=FEEDBACK, AttributeName="Policy", AttributeValue=policy)


def test_everything_received_exits_0(applied: Shell) -> None:
    """Before it sends, it says what, to whom else, and for how much."""
    result = applied.run("verify", "--sandbox", "--auto-approve")

    assert (result.code, result.out.splitlines()[-1]) == (
        0,
        "Verify: 2 received, 0 not received. 2 test messages sent.",
    )
    assert "sesform will send 2 test messages to SES's mailbox simulator:" in result.err
    assert "bounce, complaint from sesform-verify@example.com, sent by mailer" in result.err
    assert "Its other subscribers receive the test notifications too: sqs" in result.err
    assert "Cost: 2 messages, at least 7 calls" in result.err


def test_something_not_received_exits_2_and_says_why(applied: Shell) -> None:
    """And after apply it is received again."""
    _break(applied)
    result = applied.run("verify", "--sandbox", "--auto-approve")

    assert (result.code, result.out.splitlines()[-1]) == (
        2,
        "Verify: 0 received, 2 not received. 0 test messages sent.",
    )
    assert "not sent: topic arn:aws:sns:eu-west-1:222222222222:feedback" in result.out
    assert "its policy does not allow SES to publish" in result.out

    applied.run("apply", "--sandbox", "--auto-approve")

    assert applied.run("verify", "--sandbox", "--auto-approve").code == 0


def test_without_a_terminal_it_sends_nothing(applied: Shell) -> None:
    """The question needs an answer, or --auto-approve."""
    result = applied.run("verify", "--sandbox")

    assert (result.code, "verify asks before it sends anything" in result.err) == (1, True)


@pytest.mark.parametrize(("answer", "code"), [("yes", 0), ("no", 1)])
def test_it_asks_before_it_sends(applied: Shell, monkeypatch: pytest.MonkeyPatch, answer: str, code: int) -> None:
    """Only yes sends."""
    from sesform.cli.console import Console

    monkeypatch.setattr("sesform.cli.verify.interactive", lambda: True)
    monkeypatch.setattr(Console, "ask", lambda self, question: answer if "test messages" in question else "")
    result = applied.run("verify", "--sandbox", "-q")

    assert result.code == code
    assert ("Verify cancelled; nothing was sent." in result.err) is (answer == "no")


def test_json_has_each_route(applied: Shell) -> None:
    """With the status, the seconds, the sender and the cause."""
    document = json.loads(applied.run("verify", "--sandbox", "--auto-approve", "--format", "json").out)
    first = document["results"][0]

    assert (document["sent"], len(document["results"])) == (2, 2)
    assert (first["name"], first["event"], first["status"], first["failed"]) == (
        "example.com",
        "bounce",
        "received",
        False,
    )
    assert first["sender"] == {"spec": "mailer", "account": "222222222222", "address": "sesform-verify@example.com"}
    assert first["address"] == "corp/eu-west-1/notification_topic/example.com/bounce"


def test_markdown_is_a_table(applied: Shell) -> None:
    """With the failures in bold."""
    _break(applied)
    out = applied.run("verify", "--sandbox", "--auto-approve", "--format", "markdown").out

    assert out.splitlines()[0] == "| identity or set | event | result | detail |"
    assert "| bounce | **not sent**: topic" in out


def test_junit_has_a_case_for_each_route(applied: Shell) -> None:
    """With the time that it took, or the cause of the failure."""
    received = ElementTree.fromstring(applied.run("verify", "--sandbox", "--auto-approve", "--format", "junit").out)
    _break(applied)
    failed = ElementTree.fromstring(applied.run("verify", "--sandbox", "--auto-approve", "--format", "junit").out)

    assert [case.get("time") for case in received.iter("testcase")] == ["0.000", "0.000"]
    assert [suite.get("failures") for suite in failed.iter("testsuite")] == ["2"]
    assert all("its policy does not allow SES" in str(f.get("message")) for f in failed.iter("failure"))


def test_clean_says_what_it_removed(applied: Shell) -> None:
    """A queue that has expired is removed; another one may be in use."""
    sqs: Any = applied.sandbox.session("222222222222", "eu-west-1").client("sqs")
    for name, year in (("sesform-verify-old-1", 2020), ("sesform-verify-new-1", 2999)):
        tags = {"sesform:verify-expires": f"{year}-01-01T00:00:00Z", "sesform:verify-topic": FEEDBACK}
        sqs.create_queue(QueueName=name, tags=tags)
    result = applied.run("verify", "--clean", "--sandbox")

    assert (result.code, result.out) == (0, "Removed arn:aws:sqs:eu-west-1:222222222222:sesform-verify-old-1.\n")
    assert "sesform-verify-new-1 may belong to a run that is going on" in result.err
    assert applied.run("verify", "--clean", "--sandbox", "-q").out == "Nothing to remove.\n"
