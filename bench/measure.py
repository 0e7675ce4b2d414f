"""Run programs and measure them: wall time, CPU time and memory of the process, and the calls that the emulated AWS received."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile
from typing import Any

from other_program import OPERATION as OF_ANOTHER_PROGRAM

from sesform_sandbox.server import CALLS_PATH

SESFORM = (sys.executable, "-m", "sesform")
CALLER = "999999999999"  # the account whose credentials the environment has; it assumes a role in each other account
_WARMING = "888888888888"  # the account of the calls that let the emulated AWS load its service models
_THROTTLED = ("Throttling", "TooManyRequestsException")
_UNITS_PER_MB = 1024**2 if sys.platform == "darwin" else 1024  # of ru_maxrss
_LIMIT = 3600.0  # seconds; a program that takes longer is ended

_FIRST_CALLS = (  # region and service, method, path, body; two regions, because SES has one quota for both versions
    ("eu-west-1/ses", "POST", "/", b"Action=ListIdentities"),
    ("eu-west-2/ses", "GET", "/v2/email/identities", None),
    ("eu-west-1/sns", "POST", "/", b"Action=ListTopics"),
    ("eu-west-1/sts", "POST", "/", b"Action=GetCallerIdentity"),
)


class PreparationError(Exception):
    """A program that a measurement needs failed."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What one process took.

    `cpu`: seconds in user and system mode. `memory`: the peak of its largest process in MB; 0 if it is less than that of this
    process, because Linux counts the memory of the parent until the program starts.
    """

    code: int
    wall: float
    cpu: float
    memory: float
    output: str


def run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> Usage:
    """Run a program to its end and return what it took. The figures include processes that it started and waited for."""
    with TemporaryFile() as output:
        start = time.perf_counter()
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT
        )
        limit = threading.Timer(_LIMIT, process.kill)
        limit.start()
        _, status, used = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        limit.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)  # so that Popen does not wait for it again
        output.seek(0)
        text = output.read().decode("utf-8", "replace")
    peak = used.ru_maxrss / _UNITS_PER_MB
    return Usage(process.returncode, wall, used.ru_utime + used.ru_stime, peak if peak > _own_peak() else 0.0, text)


def _own_peak() -> float:
    """Return the peak memory of this process in MB."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage would count the memory of this process's own parent
        found = re.search(r"^VmHWM:\s*(\d+) kB$", status.read_text(encoding="ascii"), re.MULTILINE)
        return int(found[1]) / 1024 if found else 0.0
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / _UNITS_PER_MB


def environment(**more: str) -> dict[str, str]:
    """Return the environment of measured programs: no configuration of AWS and none of sesform, and bytecode is kept."""
    dropped = ("AWS_", "TF_", "SESFORM_", "PYTHONDONTWRITEBYTECODE")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(dropped) and not k.lower().endswith("_proxy")}
    return kept | {
        "AWS_ACCESS_KEY_ID": CALLER,
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "AWS_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        **more,
    }


@dataclass(frozen=True, slots=True)
class Calls:
    """The calls that the emulated AWS received. `busiest`: the most accepted SES calls in one account and region."""

    all: int
    throttled: int
    busiest: int


def summed(records: Sequence[Mapping[str, Any]]) -> Calls:
    """Return the sums of the records of /_sandbox/calls, but not those of the benchmark itself."""
    counted = [r for r in records if r["account"] != _WARMING and r["operation"] != OF_ANOTHER_PROGRAM]
    throttled = sum(r["count"] for r in counted if r["error"] in _THROTTLED)
    scopes: dict[tuple[str, str], int] = {}
    for record in counted:
        if record["service"] in ("ses", "sesv2") and record["error"] not in _THROTTLED:
            scope = (record["account"], record["region"])
            scopes[scope] = scopes.get(scope, 0) + record["count"]
    return Calls(sum(r["count"] for r in counted), throttled, max(scopes.values(), default=0))


class EmulatedAws:
    """`sesform sandbox serve` in a process of its own."""

    def __init__(self, url: str) -> None:
        self.url = url

    def calls(self) -> Calls:
        with urllib.request.urlopen(self.url + CALLS_PATH, timeout=60) as answer:
            return summed(json.load(answer)["calls"])

    def warm_up(self) -> None:
        """Call each service once, so that the first measured call does not wait for its model."""
        for service, method, path, body in _FIRST_CALLS:
            scope = f"{_WARMING}/20260101/{service}/aws4_request"
            headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"}
            request = urllib.request.Request(self.url + path, data=body, headers=headers, method=method)
            with urllib.request.urlopen(request, timeout=60):
                pass


@contextmanager
def emulated_aws(state: Path, rate: float | None, keep: Path | None = None) -> Iterator[EmulatedAws]:
    """Serve a copy of a state file. `rate`: SES calls a second in each scope, None for no quota; `keep`: save the state here."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "state.json"
        shutil.copyfile(state, copy)
        quota = [] if rate is None else ["--sandbox-rate", str(rate)]
        command = [*SESFORM, "sandbox", "serve", "--port", "0", *quota]
        with subprocess.Popen(
            command,
            env=environment(SESFORM_SANDBOX_STATE=str(copy)),
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as server:
            assert server.stdout is not None
            try:
                served = EmulatedAws(server.stdout.readline().strip().partition("=")[2])
                if not served.url:
                    raise PreparationError(f"the sandbox does not start: {' '.join(command)}")
                served.warm_up()
                yield served
            finally:
                server.terminate()
        if keep is not None:
            shutil.copyfile(copy, keep)
