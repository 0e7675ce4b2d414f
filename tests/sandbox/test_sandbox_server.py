"""The sandbox as an HTTP endpoint: boto3, the AWS CLI, Terraform."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import boto3
import pytest
from botocore import exceptions
from botocore.config import Config

from sesform_sandbox import Sandbox, SandboxServer

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"


@pytest.fixture
def server(sandbox: Sandbox) -> Iterator[SandboxServer]:
    with SandboxServer(sandbox) as running:
        yield running


def _client(server: SandboxServer, service: str, account: str = OWNER) -> Any:
    client: Any = boto3.Session(account, "x", region_name=REGION).client
    one_attempt = Config(retries={"total_max_attempts": 1}, proxies={})
    return client(service, endpoint_url=server.url, config=one_attempt)


def test_boto3_over_http(sandbox: Sandbox, server: SandboxServer, refused: Any) -> None:
    """Both versions of SES, SNS, STS and a service of moto's, at one endpoint."""
    sandbox.declare_identity(OWNER, REGION, "example.com")
    topic = _client(server, "sns").create_topic(Name="t")["TopicArn"]
    ses = _client(server, "ses")
    ses.set_identity_notification_topic(Identity="example.com", NotificationType="Bounce", SnsTopic=topic)
    v2 = _client(server, "sesv2")
    v2.create_configuration_set(ConfigurationSetName="tx")
    found = ses.get_identity_notification_attributes(Identities=["example.com"])["NotificationAttributes"]

    assert found["example.com"]["BounceTopic"] == topic
    assert v2.get_email_identity(EmailIdentity="example.com")["VerifiedForSendingStatus"] is True
    assert _client(server, "sts", DELEGATE).get_caller_identity()["Account"] == DELEGATE
    assert "Roles" in _client(server, "iam").list_roles()
    with refused("NotFoundException", "Configuration set <no> does not exist.", 404):
        v2.get_configuration_set(ConfigurationSetName="no")


def test_names_in_paths_are_decoded(server: SandboxServer) -> None:
    """Addresses with + and ARNs with slashes survive the way."""
    v2 = _client(server, "sesv2")
    v2.create_email_identity(EmailIdentity="a+b/c@example.com")
    arn = f"arn:aws:ses:{REGION}:{OWNER}:identity/a+b/c@example.com"
    v2.tag_resource(ResourceArn=arn, Tags=[{"Key": "ä b", "Value": "&<>"}])

    assert v2.get_email_identity(EmailIdentity="a+b/c@example.com")["Tags"] == [{"Key": "ä b", "Value": "&<>"}]
    assert v2.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "ä b", "Value": "&<>"}]


def test_lost_answer_closes_the_connection(sandbox: Sandbox, server: SandboxServer) -> None:
    """The client sees that no answer came, and the call was carried out."""
    sandbox.fail("CreateTopic", code="", lost_answer=True)
    with pytest.raises(exceptions.HTTPClientError):
        _client(server, "sns").create_topic(Name="t")

    assert len(_client(server, "sns").list_topics()["Topics"]) == 1


def _raw(
    server: SandboxServer, method: str, headers: dict[str, str], body: bytes = b"", path: str = "/"
) -> tuple[int, str]:
    parts = urlsplit(server.url)
    assert parts.hostname
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=10)
    try:
        connection.request(method, path, body, headers)
        response = connection.getresponse()
        return response.status, response.read().decode()
    finally:
        connection.close()


def test_unsigned_requests_are_refused(sandbox: Sandbox, server: SandboxServer) -> None:
    """As on AWS; a web page in a browser cannot sign, so it cannot change the state either."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    status, body = _raw(server, "POST", form, b"Action=CreateTopic&Name=t")

    assert (status, "MissingAuthenticationToken" in body) == (403, True)
    assert sandbox.calls[-1].error == "MissingAuthenticationToken"


def test_calls_are_counted_for_each_scope(sandbox: Sandbox, server: SandboxServer) -> None:
    """GET /_sandbox/calls returns the number of calls by account, region, service, operation and error."""
    sandbox.throttle.rate, sandbox.throttle.clock = 1, lambda: 0.0
    for account in (OWNER, OWNER, DELEGATE):
        with suppress(exceptions.ClientError):
            _client(server, "ses", account).list_identities()
    status, body = _raw(server, "GET", {}, path="/_sandbox/calls")
    first = {
        "account": OWNER,
        "region": REGION,
        "service": "ses",
        "operation": "ListIdentities",
        "error": None,
        "count": 1,
    }
    expected = [first, {**first, "error": "Throttling"}, {**first, "account": DELEGATE}]

    assert (200, {"calls": expected}) == (status, json.loads(body))
    assert len(sandbox.calls) == 3


def test_oversized_and_chunked_bodies_are_refused(server: SandboxServer) -> None:
    """Before they are read."""

    assert _raw(server, "POST", {"Content-Length": "99999999999"})[0] == 413
    assert _raw(server, "POST", {"Transfer-Encoding": "chunked"})[0] == 411


def test_garbage_is_answered(server: SandboxServer) -> None:
    """Bodies that are not of the protocol get a 400."""
    signature = f"AWS4-HMAC-SHA256 Credential={OWNER}/20260101/{REGION}/ses/aws4_request, Signature=x"
    for body in (b"", b"Action=", b"Action=Nothing", b"\xff\xfe", b"Action=SetIdentityNotificationTopic"):
        assert _raw(server, "POST", {"Authorization": signature}, body)[0] == 400


def test_unusable_state_is_told_to_clients(tmp_path: Path) -> None:
    """With the message that names the file."""
    (tmp_path / "s.json").write_text("{")
    with SandboxServer(Sandbox(tmp_path / "s.json")) as running:
        signature = f"AWS4-HMAC-SHA256 Credential={OWNER}/20260101/{REGION}/sns/aws4_request, Signature=x"
        status, body = _raw(running, "POST", {"Authorization": signature}, b"Action=ListTopics")

    assert (status, "sesform sandbox reset" in body) == (500, True)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_serve_says_when_it_listens_and_stops_cleanly(tmp_path: Path, stop: signal.Signals) -> None:
    """`ready` gets the URL; SIGTERM and Ctrl-C end with exit code 0 and the port free."""
    code = (
        "import sys, pathlib; from sesform_sandbox import Sandbox, serve\n"
        "serve(Sandbox(pathlib.Path(sys.argv[1])), port=0, ready=lambda url: print(url, flush=True))"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "s.json")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        url = process.stdout.readline().strip()
        client: Any = boto3.Session(OWNER, "x", region_name=REGION).client
        client("sns", endpoint_url=url).create_topic(Name="t")
        process.send_signal(stop)

        assert (process.wait(timeout=20), process.stderr.read()) == (0, "")
    assert '"t"' in (tmp_path / "s.json").read_text()
    with socket.socket() as probe:
        assert probe.connect_ex((urlsplit(url).hostname or "", urlsplit(url).port or 0)) != 0


def test_taken_port_is_an_oserror(sandbox: Sandbox, server: SandboxServer) -> None:
    """For the command line to explain."""
    from sesform_sandbox import serve

    with pytest.raises(OSError, match="in use"):
        serve(sandbox, port=urlsplit(server.url).port or 0)


# --- other programs ----------------------------------------------------------------------------------------------------


def _environment(server: SandboxServer, tmp_path: Path) -> dict[str, str]:
    """No configuration of this machine, and no way to AWS."""
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "TF_")) and not k.lower().endswith("_proxy")
    }
    return kept | {
        "AWS_ACCESS_KEY_ID": OWNER,
        "AWS_SECRET_ACCESS_KEY": "x",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ENDPOINT_URL": server.url,
        "AWS_CONFIG_FILE": str(tmp_path / "none"),
        "AWS_SHARED_CREDENTIALS_FILE": str(tmp_path / "none"),
        "AWS_EC2_METADATA_DISABLED": "true",
    }


@pytest.mark.skipif(shutil.which("aws") is None, reason="the AWS CLI is not installed")
def test_aws_cli(sandbox: Sandbox, server: SandboxServer, tmp_path: Path) -> None:
    """Sets a topic and reads it."""
    sandbox.declare_identity(OWNER, REGION, "example.com")
    environment = _environment(server, tmp_path)

    def run(*words: str) -> Any:
        command = ["aws", "--endpoint-url", server.url, "--region", REGION, "--output", "json", *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if "command not found" in done.stderr or "No module named" in done.stderr:
            pytest.skip("the AWS CLI does not run here")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "{}")

    topic = run("sns", "create-topic", "--name", "t")["TopicArn"]
    setting = ("--identity", "example.com", "--notification-type", "Bounce", "--sns-topic", topic)
    run("ses", "set-identity-notification-topic", *setting)
    found = run("ses", "get-identity-notification-attributes", "--identities", "example.com")

    assert found["NotificationAttributes"]["example.com"]["BounceTopic"] == topic
    assert run("sesv2", "list-email-identities")["EmailIdentities"][0]["IdentityName"] == "example.com"


TERRAFORM = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region = "eu-west-1"
}

resource "aws_sns_topic" "feedback" {
  name         = "feedback"
  display_name = "SES feedback"
}

data "aws_iam_policy_document" "feedback" {
  statement {
    actions   = ["SNS:Publish"]
    resources = [aws_sns_topic.feedback.arn]
    principals {
      type        = "Service"
      identifiers = ["ses.amazonaws.com"]
    }
    condition {
      test     = "StringEquals"
      variable = "AWS:SourceAccount"
      values   = ["111111111111"]
    }
  }
}

resource "aws_sns_topic_policy" "feedback" {
  arn    = aws_sns_topic.feedback.arn
  policy = data.aws_iam_policy_document.feedback.json
}

resource "aws_sns_topic_subscription" "queue" {
  topic_arn = aws_sns_topic.feedback.arn
  protocol  = "sqs"
  endpoint  = "arn:aws:sqs:eu-west-1:111111111111:feedback"
}

resource "aws_sesv2_configuration_set" "tx" {
  configuration_set_name = "tx"
  sending_options { sending_enabled = true }
}

resource "aws_sesv2_configuration_set_event_destination" "feedback" {
  configuration_set_name = aws_sesv2_configuration_set.tx.configuration_set_name
  event_destination_name = "feedback"
  event_destination {
    enabled              = true
    matching_event_types = ["BOUNCE", "COMPLAINT"]
    sns_destination { topic_arn = aws_sns_topic_policy.feedback.arn }
  }
}

resource "aws_sesv2_email_identity" "domain" {
  email_identity         = "example.com"
  configuration_set_name = aws_sesv2_configuration_set.tx.configuration_set_name
}

resource "aws_ses_identity_notification_topic" "feedback" {
  for_each                 = toset(["Bounce", "Complaint"])
  identity                 = aws_sesv2_email_identity.domain.email_identity
  notification_type        = each.key
  topic_arn                = aws_sns_topic_policy.feedback.arn
  include_original_headers = true
}
"""


@pytest.mark.long
@pytest.mark.skipif(shutil.which("terraform") is None, reason="Terraform is not installed")
def test_terraform(sandbox: Sandbox, server: SandboxServer, tmp_path: Path) -> None:
    """Applies a configuration, finds nothing more to do, and destroys it."""
    (tmp_path / "main.tf").write_text(TERRAFORM)
    environment = _environment(server, tmp_path) | {"TF_IN_AUTOMATION": "1", "CHECKPOINT_DISABLE": "1"}
    mirror = os.environ.get("SESFORM_TF_PLUGIN_MIRROR")
    if mirror:
        config = tmp_path / "terraformrc"
        config.write_text(f'provider_installation {{\n  filesystem_mirror {{ path = "{mirror}" }}\n}}\n')
        environment["TF_CLI_CONFIG_FILE"] = str(config)

    def terraform(*words: str) -> subprocess.CompletedProcess[str]:
        command = ["terraform", *words, "-no-color", "-input=false"]
        return subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)

    started = terraform("init")
    if started.returncode:
        pytest.skip(f"no AWS provider: {started.stderr.strip()[-300:]}")
    applied = terraform("apply", "-auto-approve")
    assert applied.returncode == 0, applied.stderr
    again = terraform("plan", "-detailed-exitcode")
    assert again.returncode == 0, again.stdout + again.stderr
    ses = sandbox.session(OWNER, REGION).client("ses")
    found = ses.get_identity_notification_attributes(Identities=["example.com"])["NotificationAttributes"]
    assert found["example.com"].get("HeadersInBounceNotificationsEnabled") is True
    destroyed = terraform("destroy", "-auto-approve")
    assert destroyed.returncode == 0, destroyed.stderr
    assert ses.list_identities()["Identities"] == []
