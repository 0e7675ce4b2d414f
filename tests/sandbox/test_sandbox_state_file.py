"""The state file: what it keeps, who may share it, and what is said of files that cannot be used."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sesform_sandbox import Sandbox, SandboxStateError

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "sandbox.json"


def _client(sandbox: Sandbox, service: str, account: str = OWNER) -> Any:
    client: Any = sandbox.session(account, REGION).client
    return client(service)


def _scene(sandbox: Sandbox) -> None:
    """One of everything."""
    sandbox.declare_identity(OWNER, REGION, "example.com")
    sandbox.declare_identity(OWNER, REGION, "new.example", verified=False)
    sandbox.declare_role(f"arn:aws:iam::{DELEGATE}:role/sesform", "s3cr3t")
    ses, v2, sns = (_client(sandbox, name) for name in ("ses", "sesv2", "sns"))
    topic = sns.create_topic(Name="feedback", Attributes={"DisplayName": "Hello"}, Tags=[{"Key": "a", "Value": "b"}])
    arn = topic["TopicArn"]
    statement = {"Sid": "s", "Effect": "Allow", "Principal": "*", "Action": "SNS:Publish", "Resource": arn}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=arn, AttributeName="Policy", AttributeValue=policy)
    sns.subscribe(TopicArn=arn, Protocol="email", Endpoint="a@b.example")
    sns.subscribe(
        TopicArn=arn,
        Protocol="sqs",
        Endpoint=f"arn:aws:sqs:{REGION}:{OWNER}:q",
        Attributes={"RawMessageDelivery": "true", "FilterPolicy": '{"a":["b"]}'},
    )
    for kind in ("Bounce", "Complaint"):
        ses.set_identity_notification_topic(Identity="example.com", NotificationType=kind, SnsTopic=arn)
    ses.set_identity_headers_in_notifications_enabled(Identity="example.com", NotificationType="Bounce", Enabled=True)
    ses.set_identity_feedback_forwarding_enabled(Identity="example.com", ForwardingEnabled=False)
    v2.create_configuration_set(ConfigurationSetName="tx", Tags=[{"Key": "c", "Value": "d"}])
    v2.create_configuration_set_event_destination(
        ConfigurationSetName="tx",
        EventDestinationName="d",
        EventDestination={"Enabled": True, "MatchingEventTypes": ["BOUNCE"], "SnsDestination": {"TopicArn": arn}},
    )
    v2.put_email_identity_configuration_set_attributes(EmailIdentity="example.com", ConfigurationSetName="tx")
    identity = f"arn:aws:ses:{REGION}:{OWNER}:identity/example.com"
    allow = {"Effect": "Allow", "Principal": {"AWS": DELEGATE}, "Action": "ses:SendEmail", "Resource": identity}
    text = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    v2.create_email_identity_policy(EmailIdentity="example.com", PolicyName="p", Policy=text)
    sandbox.declare_legacy_entry(DELEGATE, identity, {"Bounce": arn})


def _view(sandbox: Sandbox) -> dict[str, Any]:
    """The whole state that can be read, without values that differ between calls."""
    ses, v2, sns = (_client(sandbox, name) for name in ("ses", "sesv2", "sns"))
    arn, name = f"arn:aws:sns:{REGION}:{OWNER}:feedback", "example.com"
    subscriptions = sns.list_subscriptions_by_topic(TopicArn=arn)["Subscriptions"]
    confirmed = [s["SubscriptionArn"] for s in subscriptions if ":" in s["SubscriptionArn"]]
    identity = f"arn:aws:ses:{REGION}:{OWNER}:identity/example.com"
    delegate = _client(sandbox, "ses", DELEGATE)
    answers = [
        ses.get_identity_notification_attributes(Identities=[name, "new.example"]),
        ses.get_identity_verification_attributes(Identities=[name, "new.example"]),
        delegate.get_identity_notification_attributes(Identities=[identity]),
        v2.get_email_identity(EmailIdentity=name),
        v2.get_configuration_set(ConfigurationSetName="tx"),
        v2.get_configuration_set_event_destinations(ConfigurationSetName="tx"),
        sns.get_topic_attributes(TopicArn=arn),
        sns.list_tags_for_resource(ResourceArn=arn),
        {"Subscriptions": subscriptions},
        *(sns.get_subscription_attributes(SubscriptionArn=c) for c in confirmed),
    ]
    return {str(n): {k: v for k, v in a.items() if k != "ResponseMetadata"} for n, a in enumerate(answers)}


def test_everything_is_kept(file: Path) -> None:
    """A sandbox on the same file answers as the first one did, external ids of roles included."""
    first = Sandbox(file)
    _scene(first)
    second = Sandbox(file)

    assert _view(second) == _view(first)
    with pytest.raises(Exception, match="AccessDenied"):
        _client(second, "sts").assume_role(RoleArn=f"arn:aws:iam::{DELEGATE}:role/sesform", RoleSessionName="xx")


def _without_trail(text: str) -> list[str]:
    """The lines of a state file without the recorded calls."""
    return [line for line in text.splitlines() if '"user_agent": ' not in line]


def test_file_is_readable_sorted_and_private(file: Path) -> None:
    """JSON, one line for each thing, mode 0600, made with its folder; the same state gives the same text."""
    _scene(sandbox := Sandbox(file))
    text = file.read_text()
    document = json.loads(text)
    names = list(document["accounts"][OWNER][REGION]["identities"])

    assert (document["format"], document["version"]) == ("sesform-sandbox", 1)
    assert names == sorted(names)
    assert sum('"new.example": ' in line for line in text.splitlines()) == 1
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    sandbox.declare_identity(OWNER, REGION, "z.example")
    _client(sandbox, "sesv2").delete_email_identity(EmailIdentity="z.example")
    assert _without_trail(file.read_text()) == _without_trail(text)


def test_two_sandboxes_see_each_others_writes(file: Path) -> None:
    """In turns, both ways, deletions too."""
    one, two = Sandbox(file), Sandbox(file)
    ses_one, ses_two = _client(one, "ses"), _client(two, "ses")
    for n in range(5):
        one.declare_identity(OWNER, REGION, f"a{n}.example")
        two.declare_identity(OWNER, REGION, f"b{n}.example")
    ses_one.delete_identity(Identity="b0.example")

    assert len(ses_one.list_identities()["Identities"]) == 9
    assert ses_one.list_identities()["Identities"] == ses_two.list_identities()["Identities"]


def test_processes_lose_nothing_to_each_other(file: Path) -> None:
    """Writes of several processes at once all arrive."""
    code = (
        "import sys, pathlib; from sesform_sandbox import Sandbox\n"
        "sandbox = Sandbox(pathlib.Path(sys.argv[1]))\n"
        "for n in range(20): sandbox.declare_identity('111111111111', 'eu-west-1', f'p{sys.argv[2]}-{n}.example')"
    )
    workers = [subprocess.Popen([sys.executable, "-c", code, str(file), str(n)]) for n in range(3)]

    assert [worker.wait() for worker in workers] == [0, 0, 0]
    assert len(_client(Sandbox(file), "ses").list_identities()["Identities"]) == 60


def test_reading_does_not_write(file: Path) -> None:
    """Neither does the declaration of an identity that exists."""
    _scene(sandbox := Sandbox(file))
    before = file.stat()
    _view(sandbox)
    sandbox.declare_identity(OWNER, REGION, "example.com")

    after = file.stat()
    assert (after.st_ino, after.st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


def test_nothing_is_written_before_there_is_something(file: Path) -> None:
    """Looking at an empty sandbox makes no state file."""

    assert _client(Sandbox(file), "ses").list_identities()["Identities"] == []
    assert not file.exists()


def test_killed_writer_leaves_a_valid_file(file: Path) -> None:
    """A half-written temporary file is neither read nor in the way."""
    sandbox = Sandbox(file)
    sandbox.declare_identity(OWNER, REGION, "a.example")
    file.with_name(file.name + ".tmp").write_text('{"format": "sesf')
    other = Sandbox(file)
    other.declare_identity(OWNER, REGION, "b.example")

    assert _client(sandbox, "ses").list_identities()["Identities"] == ["a.example", "b.example"]


def test_failed_write_is_not_half_believed(file: Path) -> None:
    """What could not be written is not there afterwards either."""
    sandbox = Sandbox(file)
    sandbox.declare_identity(OWNER, REGION, "a.example")
    blocker = file.with_name(file.name + ".tmp")
    blocker.mkdir()
    with pytest.raises(SandboxStateError, match="cannot be written"):
        sandbox.declare_identity(OWNER, REGION, "b.example")
    blocker.rmdir()

    assert _client(sandbox, "ses").list_identities()["Identities"] == ["a.example"]


def test_reset_removes_the_file_for_everybody(file: Path) -> None:
    """Others find themselves in an empty sandbox."""
    one, two = Sandbox(file), Sandbox(file)
    one.declare_identity(OWNER, REGION, "a.example")
    assert _client(two, "ses").list_identities()["Identities"] == ["a.example"]
    one.reset()

    assert not file.exists()
    assert _client(two, "ses").list_identities()["Identities"] == []


def test_folder_that_vanished_comes_back(file: Path) -> None:
    """The lock file too."""
    sandbox = Sandbox(file)
    sandbox.declare_identity(OWNER, REGION, "a.example")
    for found in list(file.parent.iterdir()):
        found.unlink()
    file.parent.rmdir()
    sandbox.declare_identity(OWNER, REGION, "b.example")

    assert _client(Sandbox(file), "ses").list_identities()["Identities"] == ["b.example"]


def _document(**identity: Any) -> str:
    accounts = {OWNER: {REGION: {"identities": {"example.com": identity}}}}
    return json.dumps({"format": "sesform-sandbox", "version": 1, "roles": {}, "accounts": accounts})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "Expecting value"),
        (b"{", "Expecting property name"),
        (b"\xff\xfe", "utf-8"),
        (b"[" * 100_000, "nested too deeply"),
        (b"[]", "not a state file"),
        (b'{"accounts": {}}', "not a state file"),
        (b'{"format": "sesform-sandbox", "version": 2}', "version 2"),
        (b'{"format": "sesform-sandbox", "version": 1, "accounts": []}', "accounts is not an object"),
        (
            b'{"format": "sesform-sandbox", "version": 1, "accounts": {"1": {"r": {"shelves": {}}}}}',
            "unknown key 'shelves'",
        ),
        (_document(verified="yes").encode(), "'verified' has the wrong type"),
        (_document(topics=["x"]).encode(), "'topics' has the wrong type"),
        (_document(topics={"Bounce": 1}).encode(), "'topics' has the wrong type"),
        (_document(headers="Bounce").encode(), "'headers' has the wrong type"),
        (_document(colour="red").encode(), "unknown key 'colour'"),
        (_document().replace('"identities"', '"topics"').encode(), "'policy' is missing"),
        (_document(policy="{").replace('"identities"', '"topics"').encode(), "Expecting property name"),
        (_document(policy="[]").replace('"identities"', '"topics"').encode(), "policy"),
        (_document(destinations={"d": 1}).replace('"identities"', '"configuration_sets"').encode(), "malformed"),
    ],
)
def test_unusable_file_is_named_with_the_reason_and_the_way_out(file: Path, content: bytes, reason: str) -> None:
    """At the first use; the file stays as it is until it is reset."""
    file.parent.mkdir()
    file.write_bytes(content)
    sandbox = Sandbox(file)
    with pytest.raises(SandboxStateError) as caught:
        _client(sandbox, "ses").list_identities()
    message = str(caught.value)

    assert message.startswith(f"{file}: ")
    assert reason in message
    assert message.endswith("`sesform sandbox reset` deletes it.")
    assert file.read_bytes() == content

    sandbox.reset()

    assert _client(sandbox, "ses").list_identities()["Identities"] == []


def test_a_path_that_is_no_file(tmp_path: Path) -> None:
    """A folder or a pipe in the file's place is said to be none, and is not waited for."""
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(SandboxStateError, match="not a file"):
            Sandbox(path).declare_identity(OWNER, REGION, "a.example")


def test_ten_thousand_identities(file: Path) -> None:
    """AWS's limit is no trouble: reading them and writing one stay quick."""
    accounts: dict[str, Any] = {OWNER: {REGION: {"identities": {f"d{n:05}.example": {} for n in range(10_000)}}}}
    text = json.dumps({"format": "sesform-sandbox", "version": 1, "roles": {}, "accounts": accounts})
    file.parent.mkdir()
    file.write_text(text)
    sandbox = Sandbox(file)
    sandbox.declare_identity(OWNER, REGION, "d00000.example", verified=False)
    start = time.perf_counter()
    for n in range(10):
        sandbox.declare_identity(OWNER, REGION, f"d{n:05}.example", verified=n % 2 == 0)

    assert (time.perf_counter() - start) / 10 < 0.25
