"""Measure sesform, and Terraform where it is installed, against the same emulated AWS; write bench/results/ and the README's table.

python bench/run.py [--quick] [--runs N] [--only PATTERN] [--no-terraform] [--no-plots] [--results FOLDER]

The patterns are globs of workload names; `start` and `offline` name the processes without AWS. A run with --quick or --only writes
to build/bench/ and does not change the README.
"""

from __future__ import annotations

import argparse
import fnmatch
import json
import os
import platform
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from tempfile import TemporaryDirectory

import plots
import terraform_config
from measure import SESFORM as PROGRAM
from measure import PreparationError, emulated_aws, environment, run
from other_program import other_program
from prepare import TERRAFORM as TERRAFORM_COMMANDS
from prepare import Prepared
from table import SESFORM, TERRAFORM, Row, Sample, report, to_json
from workloads import STARTS, Scene, Suite, Workload, full, quick
from write_specs import OWNER

from sesform import __version__

HERE = Path(__file__).resolve().parent
README = HERE.parent / "README.md"
QUICKSTART = HERE.parent / "specs"
_FILES = "https://github.com/sesform/sesform/raw/main/bench/results"  # a README on PyPI has no relative links
_PLOTS = f"""![Calls, time and CPU time of a plan against the number of identities]({_FILES}/size.svg)

![Time of a plan against the number of accounts]({_FILES}/accounts.svg)
"""
_START_RUNS = 5  # for each run of a workload, because a start takes only a moment
_TABLE = re.compile(r"(<!-- results of make bench -->\n).*?(<!-- end of results -->)", re.DOTALL)


class Bench:
    """A run of the benchmark. Each scene is prepared once. `terraform_version`: of the Terraform that was measured, "" without."""

    def __init__(self, folder: Path, runs: int, *, terraform: bool) -> None:
        self._folder, self._runs, self._terraform = folder, runs, terraform
        self._prepared: dict[Scene, Prepared] = {}
        self.terraform_version = ""

    def rows(self, workloads: Sequence[Workload]) -> Iterator[Row]:
        """Measure each workload; the tools take turns, so that a change of the machine's load meets both."""
        for workload in workloads:
            try:
                yield from self._both(workload)
            except PreparationError as error:
                _say(str(error))
                yield _row(workload, SESFORM, (), "not measured: the preparation failed")

    def _both(self, workload: Workload) -> Iterator[Row]:
        sesform, terraform = [], []
        scene = self._scene(workload.scene)
        compared = self._terraform and workload.terraform_runs > 0
        missing = scene.terraform_missing if compared else ""
        if compared and not missing:
            self.terraform_version = terraform_config.version(scene.terraform)
        for number in range(self._runs):
            sesform.append(_sesform(scene, workload))
            if compared and not missing and number < workload.terraform_runs:
                terraform.append(_terraform(scene, workload))
        yield _row(workload, SESFORM, sesform)
        if compared:
            yield _row(workload, TERRAFORM, terraform, missing)

    def starts(self) -> Iterator[Row]:
        """Measure the commands that end without AWS."""
        for title, words in STARTS.items():
            command = [sys.executable, *(word.format(specs=QUICKSTART) for word in words)]
            yield self._without_aws(title, command, self._runs * _START_RUNS)

    def offline(self, identities: Sequence[int]) -> Iterator[Row]:
        """Measure load, compile and plan of many identities, which a program beside this one does."""
        for count in identities:
            command = [sys.executable, str(HERE / "offline.py"), str(count)]
            yield self._without_aws(f"load, compile and plan twice, {count:,} identities offline", command, self._runs)

    def _without_aws(self, title: str, command: Sequence[str], runs: int) -> Row:
        used = [run(command, self._folder, environment()) for _ in range(runs)]
        samples = tuple(Sample(u.wall, u.cpu, u.memory, code=u.code) for u in used)
        return Row(title, title, SESFORM, samples, aws=False, details=_figures(used[-1].output))

    def _scene(self, scene: Scene) -> Prepared:
        if scene not in self._prepared:
            _say(f"preparing {scene}")
            self._prepared[scene] = Prepared(scene, self._folder)
        return self._prepared[scene]


def _figures(output: str) -> str:
    """Return the lines with times of a program's output."""
    return "; ".join(line for line in output.strip().splitlines() if re.search(r"\d s\b", line))


def _row(workload: Workload, tool: str, samples: Sequence[Sample], missing: str = "") -> Row:
    size = workload.used or workload.scene.identities
    left = None if workload.taken else workload.rate  # what another program leaves is not known before
    return Row(
        *(workload.name, workload.title, tool, tuple(samples), left, workload.base),
        size=size,
        missing=missing,
    )


def _sesform(scene: Prepared, workload: Workload) -> Sample:
    specs = sorted(scene.specs.iterdir())[: workload.used]
    options = ["--auto-approve", "--allow-dark"] if workload.command == "apply" else ["--detailed-exitcode"]
    command = [*PROGRAM, workload.command, *map(str, specs), *options, "--rate", f"{workload.rate or 0:g}", "-q"]
    with emulated_aws(scene.applied if workload.command == "plan" else scene.verified, workload.rate) as aws:
        with _another_program(aws.url, workload):
            used = run(command, scene.folder, environment(AWS_ENDPOINT_URL=aws.url))
        calls = aws.calls()
    _say_failed(used.code, used.output)
    return Sample(used.wall, used.cpu, used.memory, calls.all, calls.throttled, calls.busiest, used.code)


def _another_program(url: str, workload: Workload) -> AbstractContextManager[None]:
    taken = workload.taken * (workload.rate or 0)
    return other_program(url, OWNER, taken) if taken else nullcontext()


def _terraform(scene: Prepared, workload: Workload) -> Sample:
    state = scene.terraform_applied if workload.command == "plan" else scene.verified
    scene.reset_terraform(workload.command)
    with emulated_aws(state, workload.rate) as aws:
        env = terraform_config.terraform_environment(AWS_ENDPOINT_URL=aws.url)
        used = run(TERRAFORM_COMMANDS[workload.command], scene.terraform, env)
        calls = aws.calls()
    _say_failed(used.code, used.output)
    return Sample(used.wall, used.cpu, used.memory, calls.all, calls.throttled, calls.busiest, used.code)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _say_failed(code: int, output: str) -> None:
    if code:
        _say(f"exit code {code}:\n{output[-2000:]}")


def _collected(rows: Iterator[Row]) -> list[Row]:
    """Return all rows, and print each as soon as it is measured."""
    found = []
    for row in rows:
        median = row.median
        figures = f"{median.wall:.2f} s, {median.cpu:.2f} s CPU, {median.calls:g} calls" if median else row.missing
        _say(f"{row.tool}: {row.title}: {figures}")
        found.append(row)
    return found


def _machine() -> str:
    """Return the processor and the number of cores."""
    cpuinfo = Path("/proc/cpuinfo")
    text = cpuinfo.read_text(encoding="utf-8") if cpuinfo.exists() else ""
    model = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return f"{os.cpu_count()} cores of {model[1] if model else platform.processor() or platform.machine()}"


def _versions(terraform: str) -> str:
    measured = [f"sesform {__version__}", f"Python {platform.python_version()}"]
    return " and ".join([", ".join(measured), f"Terraform {terraform}"] if terraform else measured)


def _selected(workloads: Sequence[Workload], pattern: str) -> list[Workload]:
    return [w for w in workloads if fnmatch.fnmatch(w.name, pattern)]


def measure(suite: Suite, bench: Bench, pattern: str) -> dict[str, list[Row]]:
    """Return the rows of the table and of both plots."""
    rows = _collected(bench.rows(_selected(suite.workloads, pattern)))
    rows += _collected(bench.starts()) if fnmatch.fnmatch("start", pattern) else []
    rows += _collected(bench.offline(suite.offline)) if fnmatch.fnmatch("offline", pattern) else []
    return {
        "rows": rows,
        "sizes": _collected(bench.rows(_selected(suite.sizes, pattern))),
        "accounts": _collected(bench.rows(_selected(suite.accounts, pattern))),
    }


def write(found: dict[str, list[Row]], folder: Path, versions: str, *, draw: bool) -> str:
    """Write the results into a folder; return the report."""
    folder.mkdir(parents=True, exist_ok=True)
    records = {name: [to_json(row) for row in rows] for name, rows in found.items()}
    machine = _machine()
    document = {"machine": machine, "versions": versions, **records}
    (folder / "results.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    text = report(found["rows"], machine, versions)
    (folder / "results.md").write_text(text, encoding="utf-8")
    if draw:
        plots.draw_sizes(found["sizes"], folder / "size.svg")
        rate = next((row.rate for row in found["accounts"] if row.rate), None)
        title = "Plan without changes" + (f", {rate:g} call/s in each account" if rate else "")
        plots.draw_accounts(found["accounts"], folder / "accounts.svg", title)
    return text


def shown(readme: str, text: str) -> str:
    """Return the README with these results and the plots between its two marks."""
    return _TABLE.sub(lambda marks: f"{marks[1]}\n{text}\n{_PLOTS}\n{marks[2]}", readme)


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small workloads, each run once")
    parser.add_argument("--runs", type=int, help="runs of each workload")
    parser.add_argument("--only", default="*", metavar="PATTERN", help="workloads whose name matches")
    parser.add_argument("--no-terraform", action="store_true", help="do not run Terraform")
    parser.add_argument("--no-plots", action="store_true", help="do not draw the plots, which needs matplotlib")
    parser.add_argument("--results", type=Path, metavar="FOLDER", help="where to write, without a change of the README")
    given = parser.parse_args(arguments)
    partial = given.quick or given.only != "*"
    suite = quick() if given.quick else full()
    with TemporaryDirectory() as scenes:
        bench = Bench(Path(scenes), given.runs or suite.runs, terraform=not given.no_terraform)
        found = measure(suite, bench, given.only)
    folder = given.results or (HERE.parent / "build" / "bench" if partial else HERE / "results")
    text = write(found, folder, _versions(bench.terraform_version), draw=not given.no_plots)
    if not partial and given.results is None:
        README.write_text(shown(README.read_text(encoding="utf-8"), text), encoding="utf-8")
    print(text)


if __name__ == "__main__":
    main()
