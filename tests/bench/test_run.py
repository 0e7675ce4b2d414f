"""The benchmark as a program, and its parts that need no program."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import run
from measure import CALLER, Calls, summed
from plots import points
from table import SESFORM, TERRAFORM, Row, Sample
from terraform_config import configuration
from workloads import Suite, full, quick

ROOT = Path(__file__).parents[2]


def _record(account: str, service: str, error: str | None, count: int) -> dict[str, Any]:
    scope = {"account": account, "region": "eu-west-1", "service": service}
    return {**scope, "operation": "Any", "error": error, "count": count}


def test_calls_are_summed_by_scope() -> None:
    """The busiest scope has the most accepted calls to both versions of SES; calls of the benchmark itself do not count."""
    records = [
        _record("1", "ses", None, 3),
        _record("1", "sesv2", "NotFoundException", 2),
        _record("1", "ses", "Throttling", 7),
        _record("1", "sns", None, 20),
        _record("2", "sesv2", None, 4),
        _record("2", "sesv2", "TooManyRequestsException", 1),
        _record("888888888888", "ses", None, 100),
        {**_record("1", "ses", None, 50), "operation": "GetSendQuota"},
    ]

    assert Calls(all=37, throttled=8, busiest=5) == summed(records)


def test_terraform_gets_the_planned_resources() -> None:
    """Each planned resource is a block with the attributes that can be set, its provider, and what it comes after."""
    topic = {"id": "arn:t", "arn": "arn:t", "name": "t", "display_name": "", "kms_master_key_id": None}
    notification = {"id": "d|Bounce", "identity": "d", "topic_arn": "arn:t"}
    planned = [
        {"type": "aws_sns_topic", "index": "mailer/eu-west-1/topic/t", "values": topic},
        {
            "type": "aws_sns_topic_policy",
            "index": "mailer/eu-west-1/topic_policy/t",
            "values": {"id": "arn:t", "arn": "arn:t"},
        },
        {
            "type": "aws_ses_identity_notification_topic",
            "index": "corp/eu-west-1/notification_topic/d",
            "values": notification,
        },
    ]
    document = configuration(planned, {"corp": "111111111111", "mailer": "222222222222"})

    assert {
        "aws_sns_topic": {"mailer_0": {"provider": "aws.mailer", "name": "t", "display_name": ""}},
        "aws_sns_topic_policy": {
            "mailer_0": {"provider": "aws.mailer", "arn": "arn:t", "depends_on": ["aws_sns_topic.mailer_0"]}
        },
        "aws_ses_identity_notification_topic": {
            "corp_0": {
                "provider": "aws.corp",
                "identity": "d",
                "topic_arn": "arn:t",
                "depends_on": ["aws_sns_topic_policy.mailer_0"],
            }
        },
    } == document["resource"]
    assert [CALLER, CALLER] == [provider["access_key"] for provider in document["provider"]["aws"]]
    roles = [provider["assume_role"][0]["role_arn"] for provider in document["provider"]["aws"]]
    assert ["arn:aws:iam::111111111111:role/sesform", "arn:aws:iam::222222222222:role/sesform"] == roles


@pytest.mark.parametrize("suite", [full(), quick()])
def test_every_base_is_measured_before_what_is_compared_with_it(suite: Suite) -> None:
    """The names of workloads are unique, and the base of a ratio is in the table above it."""
    names = [workload.name for workload in suite.workloads]

    assert len(names) == len(set(names))
    assert [w.name for n, w in enumerate(suite.workloads) if w.base and w.base not in names[:n]] == []


def test_the_points_of_a_plot_are_sorted_by_size() -> None:
    """A plot has the medians of one tool, in the order of size, without rows that have none."""
    sample = Sample(1, 1, 1)
    rows = [Row("b", "b", SESFORM, (sample,), size=9), Row("a", "a", SESFORM, (sample,), size=2)]
    rows += [Row("c", "c", SESFORM, size=5), Row("a", "a", TERRAFORM, (sample,), size=2)]

    assert [(2, sample), (9, sample)] == points(rows, SESFORM)


def test_the_readme_shows_the_results() -> None:
    """The table and both plots replace the text between the marks, and nothing else changes."""
    readme = "# a\n<!-- results of make bench -->\nold\n<!-- end of results -->\nb\n"
    first = run.shown(readme, "new \\1\n")

    assert first.startswith("# a\n<!-- results of make bench -->\n\nnew \\1\n\n![")
    assert first.endswith(".svg)\n\n<!-- end of results -->\nb\n")
    assert ["size.svg", "accounts.svg"] == re.findall(r"/(\w+\.svg)\)", first)
    assert first == run.shown(first, "new \\1\n")


def test_the_readme_has_the_committed_results() -> None:
    """What `make bench` wrote last is in the README as it is in bench/results."""
    readme, results = (ROOT / "README.md").read_text(), ROOT / "bench" / "results" / "results.md"

    assert 1 == readme.count("<!-- results of make bench -->")
    expected = run.shown(readme, results.read_text()) if results.exists() else readme
    assert expected == readme


def test_the_smallest_workload_is_measured(tmp_path: Path) -> None:
    """The program runs sesform against a served sandbox, counts its calls, and writes both files."""
    options = ["--quick", "--only", "plan-5+2", "--no-terraform", "--no-plots", "--results", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, str(ROOT / "bench" / "run.py"), *options], capture_output=True, text=True, check=False
    )
    assert 0 == done.returncode, done.stderr
    (row,) = json.loads((tmp_path / "results.json").read_text())["rows"]
    (sample,) = row["samples"]

    assert (0, 0) == (sample["code"], sample["throttled"])
    assert 0 < sample["busiest"] < sample["calls"] < 40
    assert min(sample[figure] for figure in ("wall", "cpu", "memory")) > 0
    assert re.search(r"^\| 1 \| plan without changes, 5 identities × 3, .* \| sesform \|", done.stdout, re.MULTILINE)
