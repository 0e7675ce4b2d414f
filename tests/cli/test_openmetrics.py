"""drift --format openmetrics: what Prometheus reads, with zeros where nothing differs, also when drift fails."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from shell import Result, Shell

pytest.importorskip("prometheus_client")

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]
RUN = {"success", "errors", "throttled_calls", "duration_seconds", "last_run_timestamp_seconds"}


def drift(shell: Shell, *options: str) -> Result:
    return shell.run("drift", "--sandbox", "-q", "--format", "openmetrics", *options)


def samples(text: str) -> Samples:
    """Return the samples of a text, by name without prefix and labels; as OpenMetrics and as the older format, which must agree."""
    from prometheus_client import parser as older
    from prometheus_client.openmetrics import parser as openmetrics

    found: list[Samples] = []
    for families in (openmetrics.text_string_to_metric_families(text), older.text_string_to_metric_families(text)):
        found.append({})
        for family in families:
            assert "gauge" == family.type
            assert family.documentation
            for sample in family.samples:
                assert sample.timestamp is None
                key = sample.name.removeprefix("sesform_drift_"), tuple(sorted(sample.labels.items()))
                assert key not in found[-1]
                found[-1][key] = sample.value
    assert found[0] == found[1]
    return found[0]


def resources(of: Samples, **labels: str) -> float:
    """Return the sum of the drifted resources with these labels."""
    rows = [
        value for (name, found), value in of.items() if name == "resources" and labels.items() <= dict(found).items()
    ]
    assert rows
    return sum(rows)


def single(of: Samples, name: str) -> float:
    return of[name, ()]


def test_without_drift_every_type_of_every_spec_has_a_zero(shell: Shell) -> None:
    """In sync there is a sample for each spec, region and type, all 0, so that alerts can resolve."""
    shell.run("apply", "--sandbox", "--auto-approve")
    result = drift(shell)
    found = samples(result.out)

    assert (0, "") == (result.code, result.err)
    assert 0 == resources(found)
    for spec in ("corp", "mailer"):
        assert 0 == resources(found, spec=spec, region="eu-west-1", type="notification_topic")
    assert 1 == single(found, "success")
    assert 0 == single(found, "errors")
    assert single(found, "last_run_timestamp_seconds") == single(found, "last_success_timestamp_seconds") > 1.7e9
    assert result.out.endswith("\n# EOF\n")


def test_drift_is_counted_by_spec_region_and_type(shell: Shell) -> None:
    """A gauge counts drifted resources where they are; all other gauges stay 0. Healing brings it back to 0."""
    shell.run("apply", "--sandbox", "--auto-approve")
    for kind in ("Bounce", "Complaint"):
        shell.clear_in_console(type_=kind)
    result = drift(shell)
    found = samples(result.out)
    shell.run("apply", "--sandbox", "--auto-approve")

    assert 2 == result.code
    assert 2 == resources(found) == resources(found, spec="corp", region="eu-west-1", type="notification_topic")
    assert 0 == resources(found, spec="mailer")
    assert 0 == resources(samples(drift(shell).out))


def test_a_resource_with_two_steps_is_counted_once(shell: Shell) -> None:
    """The number is that of resources, as drift prints it, and not that of the steps to repair them."""
    result = drift(shell)
    printed = shell.run("drift", "--sandbox", "-q")

    assert f"AWS differs from the specs in {resources(samples(result.out)):g} resources." in printed.out


def test_identities_without_a_receiver_are_counted(shell: Shell) -> None:
    """What makes drift exit with 2 although nothing differs has a gauge of its own."""
    specs = (shell.folder / "specs" / "specs.yaml").read_text()
    shell.specs(specs.replace("  example.com:\n", "  example.com:\n    feedback_forwarding: false\n"))
    shell.run("apply", "--sandbox", "--auto-approve", "--allow-dark")
    result = drift(shell)
    found = samples(result.out)

    labels = (("account", "111111111111"), ("event", "bounce"), ("region", "eu-west-1"))
    assert (2, 0.0) == (result.code, resources(found))
    assert 1 == found["identities_without_receiver", labels]
    assert 0 == found["identities_without_receiver", (("account", "222222222222"), *labels[1:])]


@pytest.mark.parametrize("break_it", ["specs", "folder", "option"])
def test_a_failure_has_metrics_too(shell: Shell, break_it: str) -> None:
    """A run that fails prints valid metrics without resources, with the number of errors, and the error as always."""
    options = {"specs": (), "folder": ("nowhere",), "option": ("--only", "nothing")}[break_it]
    if break_it == "specs":
        shell.specs("kind: Owner\n", "broken.yaml")
    result = drift(shell, *options)
    found = samples(result.out)

    assert 1 == result.code
    assert {name for name, _ in found} == RUN
    assert 0 == single(found, "success")
    assert single(found, "errors") >= 1
    assert "rror" in result.err


def test_a_failure_keeps_the_last_success_in_the_state_file(shell: Shell) -> None:
    """With --notify-state, the time of the last success is known to a run that fails."""
    shell.run("apply", "--sandbox", "--auto-approve")
    before = samples(drift(shell, "--notify-state", "state.json").out)
    shell.specs("kind: Owner\n", "broken.yaml")
    failed = samples(drift(shell, "--notify-state", "state.json").out)

    assert single(before, "last_success_timestamp_seconds") == single(failed, "last_success_timestamp_seconds")
    assert json.loads(Path("state.json").read_text())["failing"]


def test_plan_errors_have_no_resources(shell: Shell) -> None:
    """Where something could not be read, no gauge says 0."""
    topic = "arn:aws:sns:eu-west-1:111111111111:none"
    shell.specs(
        'kind: Owner\nname: other\naccount: "111111111111"\nregions: [eu-west-1]\n'
        f"identities: {{a.example: {{notifications: {{bounce: {topic}}}}}}}\n",
        "other.yaml",
    )
    result = drift(shell)

    assert 1 == result.code
    assert {name for name, _ in samples(result.out)} == RUN
    assert topic in result.err


def test_a_missing_library_is_an_error_before_any_call(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the extra, the error says how to install it."""
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    for name in [n for n in sys.modules if n.startswith("prometheus_client.") or n == "sesform.render.openmetrics"]:
        monkeypatch.delitem(sys.modules, name)
    opened: list[Any] = []
    monkeypatch.setattr("sesform.cli.sandbox.open_sandbox", lambda *_: opened.append(1))
    result = drift(shell)

    assert (1, "", []) == (result.code, result.out, opened)
    assert "is not installed; run `pip install 'sesform[metrics]'`" in result.err


def test_other_commands_have_no_metrics(shell: Shell) -> None:
    """plan refuses the format, with the ones that it has."""
    assert 1 == shell.run("plan", "--format", "openmetrics").code
