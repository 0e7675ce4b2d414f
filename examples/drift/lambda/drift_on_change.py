"""AWS Lambda: run drift detection soon after a change of SES or SNS settings, and tell people of drift.

A queue collects the events, so that many changes at a time make one run. Each message of the queue has an event of CloudTrail, or
that of the schedule. The history of drift is kept in S3, because a function has no disk of its own. Run one function at a time.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import ClientError

from sesform.cli import main

SPECS = Path(__file__).parent / "specs"
ERROR = 1


def handle(event: Mapping[str, Any], context: object) -> dict[str, Any]:
    """Return the exit code of drift, 0 or 2, and the changes that led to the run; no code if there was no need to run.

    Raises RuntimeError if drift fails: then the queue sends the events again, and an alarm on the function's errors sees it.
    """
    messages = [json.loads(record["body"]) for record in event["Records"]]
    due = [message for message in messages if not _own(message)]
    changes = sorted({_described(message) for message in due if "detail" in message})
    if not due:
        return {"exitcode": None, "changes": []}
    code = _drift()
    if code == ERROR:
        raise RuntimeError("drift detection failed; the log has the error")
    return {"exitcode": code, "changes": changes}


def _own(message: Mapping[str, Any]) -> bool:
    """Return whether a change was made by the role with which `sesform apply` runs; a run in between would see half of it."""
    session = message.get("detail", {}).get("userIdentity", {}).get("sessionContext", {})
    role = session.get("sessionIssuer", {}).get("userName")
    return role is not None and role == os.environ.get("IGNORED_ROLE")


def _described(message: Mapping[str, Any]) -> str:
    detail = message["detail"]
    who = detail.get("userIdentity", {}).get("arn", "an unknown principal")
    return f"{detail['eventName']} in {message['account']}/{message['region']} by {who}"


def _drift() -> int:
    """Run `sesform drift` with the history of the last run, and keep its history for the next one. Return its exit code."""
    os.environ["SESFORM_NOTIFY"] = _secret(os.environ["NOTIFY_SECRET"])
    bucket, key = os.environ["STATE_BUCKET"], os.environ["STATE_KEY"]
    s3 = boto3.client("s3")
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder) / "drift.json"
        try:
            state.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        except ClientError as error:
            if error.response["Error"]["Code"] != "NoSuchKey":  # the first run
                raise
        code = main(["drift", str(SPECS), "--quiet", "--notify-state", str(state)])
        if state.exists():
            s3.put_object(Bucket=bucket, Key=key, Body=state.read_bytes())
    return code


def _secret(name: str) -> str:
    text: str = boto3.client("secretsmanager").get_secret_value(SecretId=name)["SecretString"]
    return text
