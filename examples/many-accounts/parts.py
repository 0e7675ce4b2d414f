"""Run sesform on one part and keep its result in S3, or join the results of all parts.

    parts.py run RUN drift --quiet /specs   exits with 0 once the result is in S3, whatever it says: engines repeat failed jobs
    parts.py merge RUN                      exits as `sesform merge`: 2 for drift, 1 for an error or a missing part

RUN is a name of the run that no other run has. The environment variable RESULTS is the bucket, and SESFORM_SHARD the part, as for
sesform. Needs s3:PutObject, s3:GetObject and s3:ListBucket.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory
from typing import Any

import botocore.session

SESFORM = (sys.executable, "-m", "sesform")
RESULT = (0, 1, 2)  # the exit codes of sesform; another one is that of a process that was killed
INDEXES = ("JOB_COMPLETION_INDEX", "AWS_BATCH_JOB_ARRAY_INDEX")


def run(name: str, command: list[str]) -> int:
    """Store the JSON result of a command; return 0 if there is one. A repeated part replaces the result of its first attempt."""
    part = _part()
    stopped: list[int] = []
    with subprocess.Popen([*SESFORM, *command, "--format", "json"], stdout=subprocess.PIPE) as process:

        def stop(number: int, _: Any) -> None:  # without it, sesform would not hear of the end of its container
            stopped.append(number)
            process.send_signal(number)

        signal.signal(signal.SIGTERM, stop)
        result, _ = process.communicate()
    if process.returncode not in RESULT or not result:
        sys.stderr.write(f"part {part} has no result: sesform ended with {process.returncode}\n")
        return 128 + stopped[0] if stopped else 1
    _s3().put_object(Bucket=os.environ["RESULTS"], Key=f"{name}/part-{part}.json", Body=result)
    return 128 + stopped[0] if stopped else 0


def merge(name: str, options: list[str]) -> int:
    """Print the joined result of a run; return the exit code of `sesform merge`."""
    s3, bucket = _s3(), os.environ["RESULTS"]
    with TemporaryDirectory() as folder:
        files = []
        for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{name}/"):
            for stored in page.get("Contents", ()):
                files.append(Path(folder, PurePosixPath(stored["Key"]).name))
                files[-1].write_bytes(s3.get_object(Bucket=bucket, Key=stored["Key"])["Body"].read())
        if not files:
            sys.stderr.write(f"no part has a result in s3://{bucket}/{name}/\n")
            return 1
        return subprocess.run([*SESFORM, "merge", *map(str, files), *options], check=False).returncode


def _part() -> str:
    """Return the number of this part, as its engine counts."""
    shard = os.environ.get("SESFORM_SHARD", "")
    if not shard:
        sys.exit("SESFORM_SHARD is not set, so this job would cover all specs. `sesform matrix` prints its value")
    indexes = [os.environ[name] for name in INDEXES if name in os.environ]
    return indexes[0] if shard.startswith("auto") and indexes else shard.partition("/")[0]


def _s3() -> Any:
    return botocore.session.get_session().create_client("s3")


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in ("run", "merge"):
        sys.exit(__doc__)
    sys.exit({"run": run, "merge": merge}[sys.argv[1]](sys.argv[2], sys.argv[3:]))
