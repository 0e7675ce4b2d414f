"""The example for many accounts: its commands are understood, its parts are all that there are, and each engine joins them."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import botocore.session
import pytest
import yaml
from botocore.validate import ParamValidator
from moto import mock_aws
from typer.main import get_command

import sesform
from sesform.cli.app import app
from sesform.cli.sharding import chosen
from sesform.model.shard import Shard
from sesform.render import matrix as render
from shell import Shell

EXAMPLE = Path(__file__).parents[2] / "examples" / "many-accounts"
SPECS = str(EXAMPLE / "specs")
WORKFLOWS = sorted((EXAMPLE / ".github" / "workflows").glob("*.yml"))
GITLAB = EXAMPLE / ".gitlab-ci.yml"
BATCH, KUBERNETES, STEP_FUNCTIONS = (EXAMPLE / name for name in ("batch", "kubernetes", "step-functions"))
STATE_MACHINE = STEP_FUNCTIONS / "state-machine.asl.json"
FILES = sorted(
    file
    for file in EXAMPLE.rglob("*")
    if file.suffix in (".yml", ".json", ".sh") and file.parent.name not in ("specs", "iam")
)
PINS = {
    "actions/checkout": "3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
    "actions/setup-python": "5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0",
    "actions/upload-artifact": "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f # v7.0.0",
    "actions/download-artifact": "3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1",
    "aws-actions/configure-aws-credentials": "e6de054238d6b7531b4efff3b6587d9aade6a06c # v6.2.3",
}
VARIABLES = {
    "${since[@]}": "--since HEAD^",
    "$CI_MERGE_REQUEST_DIFF_BASE_SHA": "HEAD^",
    "$CI_NODE_INDEX": "1",
    "$INDEX": "1",
    "$SHARD": "1/4",
}
BUCKET = "sesform-results"


def _content(file: Path) -> Any:
    text = file.read_text(encoding="utf-8")
    return json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)


# --- commands ----------------------------------------------------------------------------------------------------------


def _commands(content: Any) -> Iterator[list[str]]:
    """Yield the sesform commands of the scripts and the lists of arguments in a file, also those that parts.py runs."""
    if isinstance(content, str) and content.startswith("States.Array("):
        yield from _commands(_array(content, {}))
    elif isinstance(content, str):
        for line in content.replace("\\\n", " ").splitlines():
            yield from (words[1:] for words in _simple_commands(line) if words[0] == "sesform" and words[1:])
    elif isinstance(content, list) and content[:2] == ["python", "/app/parts.py"]:
        name, _, *words = content[2:]
        yield [*words, "--format", "json"] if name == "run" else [name, "part-0.json", *words]
    elif isinstance(content, list | dict):
        for each in content.values() if isinstance(content, dict) else content:
            yield from _commands(each)


def _simple_commands(line: str) -> Iterator[list[str]]:
    """Yield the commands of a shell line, without operators, redirections and substitutions, and with values for variables."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words: list[list[str]] = [[]]
    for token in lexer:
        if set(token) <= set("|&;<>()"):
            words.append([])
        else:
            words[-1].extend(VARIABLES.get(token, token).split(" ") if token in VARIABLES else [token])
    yield from filter(None, words)


def _array(text: str, values: Mapping[str, str]) -> list[str]:
    """Return the list that the function States.Array makes of literals and paths."""
    found = re.fullmatch(r"States\.Array\((.*)\)", text)
    assert found
    return [values.get(each, each).strip("'") for each in found[1].split(", ")]


def _parsed(words: list[str]) -> dict[str, Any]:
    """Return the parameters of a command. Raises an error of click for an option or a value that does not exist."""
    command: Any = get_command(app).commands[words[0]]  # type: ignore[attr-defined]
    parameters: dict[str, Any] = command.make_context(words[0], words[1:]).params
    return parameters


def _found(file: Path) -> list[list[str]]:
    content = file.read_text(encoding="utf-8") if file.suffix == ".sh" else _content(file)
    comments = [content.get("Comment", "").partition(": ")[2]] if isinstance(content, dict) else []
    return [*_commands(content), *_commands("\n".join(comments))]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(EXAMPLE).as_posix())
def test_commands_of_the_files_are_those_of_sesform(file: Path) -> None:
    """The parser of sesform accepts every command in the files, with all options and values."""
    found = _found(file)
    for words in found:
        assert [word for word in words if "$" in word] == []
        parameters = _parsed(words)
        if parameters.get("shard"):
            chosen(parameters["shard"], {"CI_NODE_INDEX": "1", "CI_NODE_TOTAL": "4"})

    assert found or file.name == "task-definition.json"


# --- the files of the engines ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", WORKFLOWS, ids=lambda file: file.name)
def test_workflows_are_careful(file: Path) -> None:
    """Actions are pinned by commit, jobs are bounded and have no more rights than they need, and no text is put into scripts."""
    workflow, text = _content(file), file.read_text(encoding="utf-8")
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]

    assert {} == workflow["permissions"]
    assert "${{ vars.PIP_INDEX_URL || 'https://pypi.org/simple' }}" == workflow["env"]["PIP_INDEX_URL"]
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())
    assert [] == [step["run"] for step in steps if "${{" in step.get("run", "")]
    used = set(re.findall(r"uses: (.*)", text))
    assert used <= {f"{action}@{pin}" for action, pin in PINS.items()}


@pytest.mark.parametrize("file", [GITLAB, *WORKFLOWS], ids=lambda file: file.name)
def test_pipelines_remove_what_the_specs_no_longer_declare(file: Path) -> None:
    """Each plan and apply of a pipeline has --since, and so has the matrix that it follows."""
    parsed = [_parsed(words) for words in _found(file) if words[0] in ("matrix", "plan", "apply")]
    assert all(parameters["since"] for parameters in parsed)
    assert parsed


@pytest.mark.parametrize(
    ("service", "operation", "file"),
    [
        ("batch", "RegisterJobDefinition", BATCH / "part.json"),
        ("batch", "RegisterJobDefinition", BATCH / "merge.json"),
        ("ecs", "RegisterTaskDefinition", STEP_FUNCTIONS / "task-definition.json"),
    ],
    ids=lambda value: value.name if isinstance(value, Path) else value,
)
def test_definitions_are_requests_that_aws_accepts(service: str, operation: str, file: Path) -> None:
    """The JSON files have the form that the model of the AWS API requires."""
    model = botocore.session.get_session().get_service_model(service).operation_model(operation)
    assert model.input_shape
    report = ParamValidator().validate(_content(file), model.input_shape)
    assert not report.has_errors(), report.generate_report()


def test_the_image_has_what_the_commands_name() -> None:
    """The image has the script and the specs at the paths of the commands, and does not run as root."""
    lines = (EXAMPLE / "Dockerfile").read_text(encoding="utf-8").splitlines()
    assert {"WORKDIR /app", "COPY parts.py ./", "COPY specs /specs", "USER 10001"} <= set(lines)


# --- the number of parts -----------------------------------------------------------------------------------------------


def _matrix(file: Path) -> Any:
    """Return what the `sesform matrix` of a file prints for the specs of the example."""
    [asked] = [_parsed(words) for words in _found(file) if words[0] == "matrix"]
    printed = getattr(render, asked["format"].name)(sesform.matrix([SPECS], parts=asked["parts"]))
    return yaml.safe_load(printed)


class Engine(NamedTuple):
    """What an engine runs: a command with an environment for each part, and a command that joins the results."""

    parts: list[dict[str, str]]
    run: list[str]
    merge: list[str]
    environment: dict[str, str]


def _pairs(variables: list[dict[str, str]]) -> dict[str, str]:
    return {each["name"]: each["value"] for each in variables if "value" in each}


def _batch() -> Engine:
    job = _matrix(BATCH / "submit.sh")
    shard, size = _pairs(job["containerOverrides"]["environment"]), job["arrayProperties"]["size"]
    part, merge = (_content(BATCH / name)["containerProperties"] for name in ("part.json", "merge.json"))
    parts = [{**shard, "AWS_BATCH_JOB_ARRAY_INDEX": str(i), "AWS_BATCH_JOB_ARRAY_SIZE": str(size)} for i in range(size)]
    run, join = ([word.replace("Ref::run", "drift-1") for word in each["command"]] for each in (part, merge))
    assert part["environment"] == merge["environment"]
    return Engine(parts, run, join, _pairs(part["environment"]))


def _kubernetes() -> Engine:
    patch = _matrix(KUBERNETES / "run.sh")["spec"]
    part, merge = (_content(KUBERNETES / name)["spec"] for name in ("parts.yml", "merge.yml"))
    assert not {"completions", "parallelism"} & set(part)
    pod, joining, patched = (each["template"]["spec"]["containers"][0] for each in (part, merge, patch))
    assert patch["completions"] == patch["parallelism"]
    assert pod["name"] == patched["name"]
    parts = [{**_pairs(patched["env"]), "JOB_COMPLETION_INDEX": str(i)} for i in range(patch["completions"])]
    run, join = (
        [re.sub(r"\$\(RUN\)|UID_OF_PARTS", "uid-1", word) for word in each["command"]] for each in (pod, joining)
    )
    return Engine(parts, run, join, _pairs(pod["env"]))


def _step_functions() -> Engine:
    parts = [{"SESFORM_SHARD": item["shard"]} for item in _matrix(STATE_MACHINE)["items"]]
    states = _content(STATE_MACHINE)["States"]
    part = states["Parts"]["ItemProcessor"]["States"]["Part"]
    values = {"$.run": "execution-1", "$$.Execution.Name": "execution-1"}
    run, join = (
        _array(each["Parameters"]["Overrides"]["ContainerOverrides"][0]["Command.$"], values)
        for each in (part, states["Merge"])
    )
    container = _content(STEP_FUNCTIONS / "task-definition.json")["containerDefinitions"][0]
    assert states["Parts"]["ItemSelector"] == {"shard.$": "$$.Map.Item.Value.shard", "run.$": "$$.Execution.Name"}
    return Engine(parts, run, join, _pairs(container["environment"]))


ENGINES = {"batch": _batch, "kubernetes": _kubernetes, "step-functions": _step_functions}


@pytest.mark.parametrize("name", ENGINES)
def test_each_engine_starts_a_job_for_every_part(name: str) -> None:
    """The jobs of an engine, each with its own variables, cover every part once."""
    parts = ENGINES[name]().parts
    shards = [chosen(part["SESFORM_SHARD"], part) for part in parts]
    assert shards == [Shard(number, 4) for number in range(1, 5)]


def test_pipelines_start_a_job_for_every_part() -> None:
    """GitLab starts as many jobs as it says to each of them; both workflows of GitHub ask for the same number of parts."""
    jobs = _content(GITLAB)["plan"]["parallel"]
    [words] = [words for words in _found(GITLAB) if words[0] == "plan"]
    shard = _parsed(words)["shard"]
    shards = [chosen(shard, {"CI_NODE_INDEX": str(n), "CI_NODE_TOTAL": str(jobs)}) for n in range(1, jobs + 1)]
    assert shards == [Shard(number, 4) for number in range(1, 5)]
    asked = [_parsed(words)["parts"] for file in WORKFLOWS for words in _found(file) if words[0] == "matrix"]
    assert asked == [4, 4]


# --- running the parts -------------------------------------------------------------------------------------------------


@pytest.fixture
def parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The script of the image, with the sandbox for SES and an emulated S3 with the bucket of the results."""
    spec = importlib.util.spec_from_file_location("parts", EXAMPLE / "parts.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    spec.loader.exec_module(module)
    for name in [name for name in os.environ if name.startswith(("AWS_", "SESFORM_"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("SESFORM_SANDBOX", "1")
    monkeypatch.setenv("SESFORM_SANDBOX_STATE", str(tmp_path / "sandbox.json"))
    monkeypatch.setenv("RESULTS", BUCKET)
    before = signal.getsignal(signal.SIGTERM)
    with mock_aws():
        module._s3().create_bucket(Bucket=BUCKET)
        yield module
    signal.signal(signal.SIGTERM, before)


def _play(module: Any, monkeypatch: pytest.MonkeyPatch, command: list[str], variables: Mapping[str, str]) -> int:
    """Return the exit code of a container of the image."""
    python, script, name, run, *words = command
    assert (python, script) == ("python", "/app/parts.py")
    with monkeypatch.context() as patched:
        for variable, value in variables.items():
            patched.setenv(variable, value)
        code: int = getattr(module, name)(run, [SPECS if word == "/specs" else word for word in words])
    return code


@pytest.mark.parametrize("name", ENGINES)
def test_each_engine_joins_the_results_of_all_parts(
    name: str, parts: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Parts with drift are no failed jobs, and the last job reports the drift of all of them."""
    engine = ENGINES[name]()
    for part in engine.parts:
        assert _play(parts, monkeypatch, engine.run, {**engine.environment, **part}) == 0
    assert _play(parts, monkeypatch, engine.merge, engine.environment) == 2
    assert "AWS differs from the specs in 16 resources" in capfd.readouterr().out


def test_a_part_with_an_error_is_an_error_of_the_run(
    parts: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """An error of sesform is a result, so the engine does not repeat the part; the last job prints the error and fails."""
    monkeypatch.setenv("SESFORM_SHARD", "1/4")
    assert parts.run("run-1", ["drift", "nowhere"]) == 0
    assert parts.merge("run-1", []) == 1
    assert "nowhere: no such file or folder" in capfd.readouterr().err


def test_a_missing_part_is_an_error_of_the_run(
    parts: Any, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The last job fails and names the part without a result; a run without any result fails too."""
    monkeypatch.setenv("SESFORM_SHARD", "2/2")
    assert parts.run("run-1", ["drift", SPECS]) == 0
    assert parts.merge("run-1", []) == 1
    assert "part 1 is missing of 2 parts" in capfd.readouterr().err
    assert parts.merge("run-2", []) == 1
    assert "no part has a result in s3://sesform-results/run-2/" in capfd.readouterr().err


def test_a_part_that_is_stopped_fails(parts: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The script hands SIGTERM of the engine to sesform, and ends with a code for which engines repeat the part."""
    program = "import os, signal; os.kill(os.getppid(), signal.SIGTERM); signal.pause()"
    monkeypatch.setattr(parts, "SESFORM", (sys.executable, "-c", program))
    monkeypatch.setenv("SESFORM_SHARD", "1/4")
    assert parts.run("run-1", ["drift"]) == 128 + signal.SIGTERM
    assert parts.merge("run-1", []) == 1


def test_a_job_without_a_part_covers_nothing(parts: Any) -> None:
    """A job whose engine names no part does not cover all specs instead."""
    with pytest.raises(SystemExit, match="SESFORM_SHARD is not set"):
        parts.run("run-1", ["drift"])


# --- the scripts that start the engines --------------------------------------------------------------------------------


def _start(script: Path, folder: Path, program: str, text: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run a script with a program in place of the client of the engine, which records its arguments."""
    if shutil.which("sh") is None:
        pytest.skip("the scripts that start the engines are for sh")
    programs = folder / "bin"
    programs.mkdir(exist_ok=True)
    (programs / program).write_text(f'#!/bin/sh\necho "$*" >> "$CALLS"\n{text}', encoding="utf-8")
    (programs / program).chmod(0o755)
    path = os.pathsep.join([str(programs), str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "CALLS": str(folder / "calls.txt"), **variables}
    return subprocess.run(["sh", script], env=environment, cwd=folder, capture_output=True, text=True)


def test_batch_starts_the_join_after_all_parts(shell: Shell) -> None:
    """The array job and the job that joins have one run, and the second depends on the first."""
    done = _start(BATCH / "submit.sh", shell.folder, "aws", 'echo "job-of-$4"\n')
    assert (done.returncode, done.stdout) == (0, "job-of-sesform-merge\n")
    calls = (shell.folder / "calls.txt").read_text(encoding="utf-8")
    assert len(set(re.findall(r"--parameters run=(drift-[0-9TZ]+)", calls))) == 1
    assert '"size": 4' in calls
    assert "--depends-on jobId=job-of-sesform-part " in calls


KUBECTL = """
case "$*" in
  *metadata.uid*) echo uid-1 ;;
  *status.succeeded*) echo "$SUCCEEDED" ;;
  *conditions*) echo "$CONDITIONS" ;;
  patch*) cat parts.yml ;;
  create*) cat >> "$CREATED" ;;
  logs*) echo "Drift: 1 to add" ;;
esac
"""


@pytest.mark.parametrize(
    ("conditions", "succeeded", "code"),
    [("SuccessCriteriaMet Complete", "1", 0), ("FailureTarget Failed", "", 1)],
)
def test_kubernetes_joins_whatever_became_of_the_parts(
    shell: Shell, conditions: str, succeeded: str, code: int
) -> None:
    """The results are joined also if a part failed, and the script exits as the Job that joins them."""
    created = shell.folder / "created.yml"
    variables = {"CONDITIONS": conditions, "SUCCEEDED": succeeded, "CREATED": str(created)}
    done = _start(KUBERNETES / "run.sh", shell.folder, "kubectl", KUBECTL, **variables)
    assert (done.returncode, done.stdout) == (code, "Drift: 1 to add\n"), done.stderr
    assert "merge, uid-1]" in created.read_text(encoding="utf-8")
    assert "completions: 4" in (shell.folder / "calls.txt").read_text(encoding="utf-8")


# --- the joined plan ---------------------------------------------------------------------------------------------------


def test_the_joined_plan_of_the_parts_is_that_of_one_run(shell: Shell) -> None:
    """The steps and routes of all parts together are those of a run over all specs."""
    matrix = json.loads(shell.run("matrix", SPECS, "--parts", "4", "--format", "github").out)
    parts = []
    for job in matrix["include"]:
        result = shell.run("plan", SPECS, "--sandbox", "--format", "json", "--shard", job["shard"])
        parts.append(shell.folder / f"part-{job['index']}.json")
        parts[-1].write_text(result.out, encoding="utf-8")
    joined = json.loads(shell.run("merge", *map(str, parts), "--format", "json").out)
    single = json.loads(shell.run("plan", SPECS, "--sandbox", "--format", "json").out)

    assert 4 == len(parts)
    assert single["resource_changes"] == joined["resource_changes"]
    assert single["sesform"]["routes"] == joined["sesform"]["routes"]
