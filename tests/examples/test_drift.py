"""The example for drift: its files are valid for their services, its scripts and its function run on the sandbox."""

from __future__ import annotations

import importlib.util
import json
import logging
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import botocore.session
import pytest
import yaml
from botocore import xform_name
from botocore.exceptions import ClientError
from botocore.validate import ParamValidator
from typer.main import get_command

from sesform.cli.app import app
from shell import Shell
from webhook import Webhook

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "drift"
LAMBDA, ECS = EXAMPLE / "lambda", EXAMPLE / "ecs"
HUB, REGION = "444444444444", "eu-west-1"
FILES = sorted(
    file for file in EXAMPLE.rglob("*") if file.suffix in (".yml", ".yaml", ".json") and file.parent.name != "specs"
)
PINS = {
    "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
    "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0",
    "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0",
    "aws-actions/configure-aws-credentials@e6de054238d6b7531b4efff3b6587d9aade6a06c # v6.2.3",
}


def content(file: Path) -> Any:
    text = file.read_text(encoding="utf-8")
    return json.loads(text) if file.suffix == ".json" else list(yaml.safe_load_all(text))


def texts(of: Any) -> Iterator[str]:
    if isinstance(of, str):
        yield of
    elif isinstance(of, list):
        if of and all(isinstance(each, str) for each in of):
            yield shlex.join(of)
        yield from (text for each in of for text in texts(each))
    elif isinstance(of, dict):
        yield from (text for each in of.values() for text in texts(each))


def script(file: Path, name: str) -> str:
    """Return the script of a step of a workflow."""
    (workflow,) = content(file)
    found: str = next(s["run"] for job in workflow["jobs"].values() for s in job["steps"] if s.get("name") == name)
    return found


# --- what the files are ------------------------------------------------------------------------------------------------


def test_commands_of_the_files_exist() -> None:
    """Every sesform command in the files exists, with all of its options."""
    found = [
        shlex.split(line.partition(" >")[0].partition("||")[0])
        for file in FILES
        for text in texts(content(file))
        for line in re.findall(r"(?:^|\s)sesform (drift .+)", text)
    ]
    task = content(ECS / "task-definition.json")["containerDefinitions"][0]["command"]
    for name, *words in [*found, task]:
        command = get_command(app).commands[name]  # type: ignore[attr-defined]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in words if word.startswith("-")} <= known

    assert 3 == len(found)


def test_the_workflow_is_careful() -> None:
    """Actions are pinned by commit, the job is bounded, has no more rights than it needs, and puts no text into scripts."""
    file = EXAMPLE / ".github" / "workflows" / "drift.yml"
    (workflow,) = content(file)
    (job,) = workflow["jobs"].values()

    assert {} == workflow["permissions"]
    assert {"actions": "read", "contents": "read", "id-token": "write"} == job["permissions"]
    assert "timeout-minutes" in job
    assert [] == [step["run"] for step in job["steps"] if "${{" in step.get("run", "")]
    assert PINS == set(re.findall(r"uses: (.*)", file.read_text(encoding="utf-8")))


@pytest.mark.parametrize(
    ("schema", "file"),
    [("vendor.github-workflows", ".github/workflows/drift.yml"), ("vendor.gitlab-ci", ".gitlab-ci.yml")],
)
def test_schedules_have_the_form_of_their_schema(schema: str, file: str) -> None:
    """GitHub's and GitLab's published schemas accept the files."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(EXAMPLE / file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert (0, "") == (done.returncode, done.stderr), done.stdout


def test_the_pod_has_no_rights() -> None:
    """The CronJob's pod is not root, has a read-only file system, no capabilities and no token, and one run at a time."""
    account, _, cron = content(EXAMPLE / "kubernetes" / "cronjob.yml")
    pod = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]
    (container,) = pod["containers"]

    assert "eks.amazonaws.com/role-arn" in account["metadata"]["annotations"]
    assert account["metadata"]["name"] == pod["serviceAccountName"]
    assert not pod["automountServiceAccountToken"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    } == container["securityContext"]
    assert "Forbid" == cron["spec"]["concurrencyPolicy"]
    assert {volume["name"] for volume in pod["volumes"]} == {mount["name"] for mount in container["volumeMounts"]}


@pytest.mark.parametrize(
    ("file", "service", "operation"),
    [
        ("ecs/task-definition.json", "ecs", "RegisterTaskDefinition"),
        ("ecs/schedule.json", "scheduler", "CreateSchedule"),
        ("lambda/schedule.json", "scheduler", "CreateSchedule"),
        ("lambda/function.json", "lambda", "CreateFunction"),
        ("lambda/event-source.json", "lambda", "CreateEventSourceMapping"),
        ("lambda/queue.json", "sqs", "CreateQueue"),
    ],
)
def test_inputs_are_those_of_the_service(file: str, service: str, operation: str) -> None:
    """The AWS CLI accepts each file as the input of its command: names, types and required fields are right."""
    model = botocore.session.get_session().get_service_model(service)
    shape = model.operation_model(operation).input_shape
    assert shape is not None
    report = ParamValidator().validate(content(EXAMPLE / file), shape)

    assert "" == report.generate_report()


@pytest.mark.parametrize(("account", "name"), [("111111111111", "owner"), ("222222222222", "delegate")])
def test_policies_are_what_sesform_prints(shell: Shell, account: str, name: str) -> None:
    """The permissions of the roles in the accounts are exactly what `sesform iam-policy` prints."""
    printed = shell.run("iam-policy", str(EXAMPLE / "specs"), "--account", account, "-q").out

    assert printed == (EXAMPLE / "iam" / f"{name}.json").read_text(encoding="utf-8")


def test_roles_name_what_the_files_name() -> None:
    """The roles allow exactly the task, the function's queue, bucket, secret and log group, and the roles of the specs."""
    task = content(ECS / "task-definition.json")
    schedule = content(ECS / "schedule.json")["Target"]
    by_id = {s["Sid"]: s for s in content(ECS / "scheduler-role.json")["Statement"]}
    function = content(LAMBDA / "function.json")["Environment"]["Variables"]
    role = {s["Sid"]: s for s in content(LAMBDA / "role.json")["Statement"]}
    specs = [yaml.safe_load(file.read_text(encoding="utf-8")) for file in (EXAMPLE / "specs").iterdir()]

    assert by_id["RunTask"]["Resource"] == f"{schedule['EcsParameters']['TaskDefinitionArn']}:*"
    assert by_id["RunTask"]["Condition"]["ArnEquals"]["ecs:cluster"] == schedule["Arn"]
    assert by_id["PassRoles"]["Resource"] == [task["taskRoleArn"], task["executionRoleArn"]]
    assert role["KeepState"]["Resource"] == f"arn:aws:s3:::{function['STATE_BUCKET']}/{function['STATE_KEY']}"
    assert role["ReadEvents"]["Resource"] == content(LAMBDA / "event-source.json")["EventSourceArn"]
    for file in (EXAMPLE / "iam" / "drift-role.json", LAMBDA / "role.json", ECS / "task-role.json"):
        (assume,) = [s for s in content(file)["Statement"] if s["Action"] == "sts:AssumeRole"]
        assert sorted(assume["Resource"]) == sorted(spec["credentials"]["role_arn"] for spec in specs)


# --- events ------------------------------------------------------------------------------------------------------------


def test_the_event_pattern_has_every_call_that_sesform_writes(shell: Shell) -> None:
    """Each writing call to SES and SNS that specs can need starts a run when another principal makes it."""
    places = [str(folder) for folder in (ROOT / "examples").glob("*/specs")]
    actions: set[str] = set()
    for place in places:
        for account in ("111111111111", "222222222222", "333333333333"):
            printed = shell.run("iam-policy", place, "--account", account, "--apply", "--destroy", "-q")
            if printed.code == 0:
                actions |= {a for s in json.loads(printed.out)["Statement"] for a in s["Action"]}
    writing = {a.partition(":")[2] for a in actions if re.match(r"(ses|sns):(?!Get|List)", a)}
    names = set(content(LAMBDA / "event-pattern.json")["detail"]["eventName"])

    assert len(writing) > 15
    assert set() == writing - names


@pytest.mark.parametrize(
    ("change", "matches"),
    [
        ({}, True),
        ({"eventName": "GetIdentityNotificationAttributes"}, False),
        ({"eventName": "SendEmail"}, False),
        ({"errorCode": "AccessDenied"}, False),
        ({"eventSource": "sns.amazonaws.com", "eventName": "SetTopicAttributes"}, True),
        ({"eventSource": "sqs.amazonaws.com", "eventName": "TagResource"}, False),
    ],
)
def test_the_event_pattern_selects_changes(change: dict[str, str], matches: bool) -> None:
    """EventBridge's pattern matches writing calls that succeeded, and no reads, sends and refusals."""
    from moto.events.models import EventPattern

    event = content(LAMBDA / "sample-event.json")
    event["detail"] |= change
    pattern = (LAMBDA / "event-pattern.json").read_text(encoding="utf-8")

    assert matches is EventPattern.load(pattern).matches_event(event)


# --- what the scripts do -----------------------------------------------------------------------------------------------


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    pytest.importorskip("apprise")
    with Webhook() as service:
        yield service


@pytest.fixture
def drifted(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """The sandbox with the example's specs applied, and with the change of the sample event."""
    monkeypatch.setenv("SESFORM_SANDBOX_STATE", str(shell.folder / ".sesform" / "sandbox.json"))
    assert 0 == shell.run("apply", str(EXAMPLE / "specs"), "--sandbox", "--auto-approve").code
    event = content(LAMBDA / "sample-event.json")["detail"]
    ses: Any = shell.sandbox.session(event["recipientAccountId"], event["awsRegion"]).client("ses")
    parameters = {name[0].upper() + name[1:]: value for name, value in event["requestParameters"].items()}
    getattr(ses, xform_name(event["eventName"]))(**parameters)
    return shell


def run(command: list[str], folder: Path, **environment: str) -> int:
    """Run a script with this sesform on the path and the sandbox for AWS. Return its exit code."""
    if shutil.which(command[0]) is None:
        pytest.skip(f"the script runs with {command[0]}")
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    variables = {**os.environ, "PATH": path, "SESFORM_SANDBOX": "1", **environment}
    return subprocess.run(command, cwd=folder, env=variables, capture_output=True, check=False).returncode


def test_the_workflow_tells_once_and_does_not_fail_for_drift(drifted: Shell, webhook: Webhook) -> None:
    """The step Drift tells the service, writes the summary and the state, and succeeds; the next run tells nothing."""
    steps = script(EXAMPLE / ".github" / "workflows" / "drift.yml", "Drift")
    (drifted.folder / "state").mkdir()
    shutil.rmtree(drifted.folder / "specs")
    shutil.copytree(EXAMPLE / "specs", drifted.folder / "specs")
    summary = drifted.folder / "summary.md"
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", steps]
    variables = {"SESFORM_NOTIFY": f"json://{webhook.place}", "GITHUB_STEP_SUMMARY": str(summary)}
    codes = [run(command, drifted.folder, **variables) for _ in range(2)]

    assert [0, 0] == codes
    assert 1 == len(webhook.received)
    assert "### Drift: 0 to add, 1 to change" in summary.read_text(encoding="utf-8")
    assert (drifted.folder / "state" / "drift.json").exists()


@pytest.mark.parametrize(
    ("artifacts", "downloaded"),
    [
        ([], ""),
        ([{"id": 3}, {"id": 2}], "run download 3 --name drift-state --dir state"),
        ([{"id": 3, "head_repository_id": 9}, {"id": 2}], "run download 2 --name drift-state --dir state"),
        ([{"id": 3, "head_branch": "feature"}], ""),
        ([{"id": 3, "expired": True}], ""),
    ],
)
def test_the_workflow_reads_the_state_of_its_own_runs(
    tmp_path: Path, artifacts: list[dict[str, Any]], downloaded: str
) -> None:
    """The step State downloads the newest artifact of the branch main, and none of a fork, of another branch or expired."""
    if shutil.which("jq") is None:
        pytest.skip("gh has jq's language inside; here jq stands in for it")
    own = {"head_branch": "main", "head_repository_id": 1, "repository_id": 1}
    runs = [{"expired": a.pop("expired", False), "workflow_run": own | a} for a in map(dict, artifacts)]
    (tmp_path / "artifacts.json").write_text(json.dumps({"artifacts": runs}))
    gh = tmp_path / "gh"
    gh.write_text(
        '#!/bin/sh\nif [ "$1" = api ]; then exec jq -r "$4" artifacts.json; fi\nprintf "%s" "$*" > called.txt\n'
    )
    gh.chmod(0o755)
    steps = script(EXAMPLE / ".github" / "workflows" / "drift.yml", "State")
    path = os.pathsep.join([str(tmp_path), os.environ["PATH"]])
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", f"PATH={shlex.quote(path)}\n{steps}"]
    called = tmp_path / "called.txt"

    assert 0 == run(command, tmp_path, GH_REPO="example-org/ses-settings", GH_TOKEN="-")
    assert downloaded == (called.read_text() if called.exists() else "")


@pytest.mark.parametrize(("specs", "code"), [("specs", 0), ("nowhere", 1)])
def test_the_cronjob_fails_for_errors_and_not_for_drift(
    drifted: Shell, webhook: Webhook, specs: str, code: int
) -> None:
    """The container's command exits with 0 where drift was found and told, and with 1 on an error."""
    *_, cron = content(EXAMPLE / "kubernetes" / "cronjob.yml")
    (container,) = cron["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]
    (line,) = container["args"]
    line = line.replace("/state/", f"{drifted.folder}/").replace("/specs", str(EXAMPLE / specs))

    assert code == run([*container["command"], line], drifted.folder, SESFORM_NOTIFY=f"json://{webhook.place}")
    assert 1 == len(webhook.received)


# --- the function ------------------------------------------------------------------------------------------------------


class Stores:
    """The calls to S3 and Secrets Manager that the function makes. Requests are checked against botocore's models."""

    def __init__(self, secret: str) -> None:
        self.secret, self.objects = secret, dict[tuple[str, str], bytes]()

    def client(self, service: str) -> Any:
        model = botocore.session.get_session().get_service_model(service)
        return _Client(self, model)


class _Client:
    def __init__(self, stores: Stores, model: Any) -> None:
        self._stores, self._model = stores, model

    def _check(self, operation: str, given: dict[str, Any]) -> None:
        report = ParamValidator().validate(given, self._model.operation_model(operation).input_shape)
        assert "" == report.generate_report()

    def get_secret_value(self, **given: Any) -> dict[str, Any]:
        self._check("GetSecretValue", given)
        return {"SecretString": self._stores.secret}

    def get_object(self, **given: Any) -> dict[str, Any]:
        self._check("GetObject", given)
        found = self._stores.objects.get((given["Bucket"], given["Key"]))
        if found is None:
            raise ClientError({"Error": {"Code": "NoSuchKey", "Message": "no"}}, "GetObject")
        return {"Body": _Body(found)}

    def put_object(self, **given: Any) -> None:
        self._check("PutObject", given)
        self._stores.objects[given["Bucket"], given["Key"]] = given["Body"]


class _Body:
    def __init__(self, content: bytes) -> None:
        self._content = content

    def read(self) -> bytes:
        return self._content


@pytest.fixture
def function(drifted: Shell, webhook: Webhook, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Any, Stores]:
    """The function as it is packaged, with the variables of function.json, and its stores."""
    package = tmp_path / "package"
    shutil.copytree(EXAMPLE / "specs", package / "specs")
    file = shutil.copy(LAMBDA / "drift_on_change.py", package)
    for name, value in content(LAMBDA / "function.json")["Environment"]["Variables"].items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("SESFORM_SANDBOX", "1")
    monkeypatch.setenv("SESFORM_NOTIFY", "")
    spec = importlib.util.spec_from_file_location("drift_on_change", file)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    stores = Stores(f"json://{webhook.place}")
    monkeypatch.setattr(module, "boto3", stores)
    logging.getLogger("sesform").handlers.clear()
    return module, stores


def batch(*messages: Any) -> dict[str, Any]:
    return {"Records": [{"messageId": str(n), "body": json.dumps(each)} for n, each in enumerate(messages)]}


def test_a_change_in_the_console_is_told(function: tuple[Any, Stores], webhook: Webhook, drifted: Shell) -> None:
    """The sample event makes one message that names the resource; the history in S3 keeps the next event from telling again."""
    module, stores = function
    event = content(LAMBDA / "sample-event.json")
    results = [module.handle(batch(event, event), None) for _ in range(2)]
    assert 0 == drifted.run("apply", str(EXAMPLE / "specs"), "--sandbox", "--auto-approve").code
    healed = module.handle(batch({"scheduled": True}), None)

    who = "arn:aws:sts::111111111111:assumed-role/Administrator/alice"
    changes = [f"SetIdentityFeedbackForwardingEnabled in 111111111111/eu-west-1 by {who}"]
    assert [{"exitcode": 2, "changes": changes}] * 2 == results
    assert {"exitcode": 0, "changes": []} == healed
    assert ["SES settings have drifted: 1 difference", "drift is healed"] == [
        title.removeprefix("sesform (sandbox): ") for title in webhook.titles
    ]
    assert "example-corp/eu-west-1/feedback_forwarding/example.com: enabled changed" in webhook.received[0]["message"]
    assert [("example-sesform-drift", "drift.json")] == list(stores.objects)


def test_changes_by_apply_start_no_run(function: tuple[Any, Stores], webhook: Webhook) -> None:
    """Events of the role that applies are ignored, because a run could see half of an apply."""
    module, stores = function
    event = content(LAMBDA / "sample-event.json")
    event["detail"]["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] = "sesform-apply"

    assert {"exitcode": None, "changes": []} == module.handle(batch(event), None)
    assert ([], {}) == (webhook.received, stores.objects)


def test_a_change_by_the_root_user_starts_a_run(function: tuple[Any, Stores], webhook: Webhook) -> None:
    """Events without a session, as those of the root user and of IAM users, count as changes."""
    module, _ = function
    event = content(LAMBDA / "sample-event.json")
    event["detail"]["userIdentity"] = {"type": "Root", "arn": "arn:aws:iam::111111111111:root"}

    assert 2 == module.handle(batch(event), None)["exitcode"]
    assert 1 == len(webhook.received)


def test_an_error_is_told_kept_and_raised(function: tuple[Any, Stores], webhook: Webhook, tmp_path: Path) -> None:
    """Where drift fails, the message is sent, the history is kept, and the function fails so that its alarm sees it."""
    module, stores = function
    (tmp_path / "package" / "specs" / "broken.yaml").write_text("kind: Owner\n")
    for _ in range(2):
        with pytest.raises(RuntimeError, match="drift detection failed"):
            module.handle(batch(content(LAMBDA / "sample-event.json")), None)

    assert ["sesform (sandbox): drift detection fails"] == webhook.titles
    assert 1 == len(stores.objects)
