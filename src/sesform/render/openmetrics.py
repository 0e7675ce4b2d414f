"""Drift as metrics in the OpenMetrics text format, which the textfile collector of the Prometheus node exporter reads as well.

All metrics are gauges: the older text format of Prometheus, which the collector parses, has them in the same form. No sample has a
time, because the collector refuses those. Everything that is loaded has a sample, 0 where nothing differs, so that alerts resolve.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.openmetrics.exposition import generate_latest

from sesform.planning.plan import Plan, on_the_way
from sesform.planning.routes import VITAL
from sesform.resources import RESOURCES


class Run(NamedTuple):
    """A run of drift detection. Times are seconds since 1970. `succeeded`: the last run without errors, None if not known.

    `errors`: 0 if this run could detect drift. `throttled`: the calls that AWS throttled.
    """

    ended: float
    seconds: float
    succeeded: float | None
    errors: int
    throttled: int


def drift(of: Plan | None, run: Run) -> str:
    """Return the metrics of a run. `of`: None if it could not detect drift; then there are no samples of resources."""
    metrics = [*(_of_plan(of) if of is not None else ()), *_of_run(run)]
    text: bytes = generate_latest(_Collected(metrics))
    return text.decode("utf-8")


class _Collected(NamedTuple):
    """Metrics in the form of a registry of prometheus_client."""

    metrics: list[Metric]

    def collect(self) -> list[Metric]:
        return self.metrics


def _of_plan(of: Plan) -> Iterator[Metric]:
    passing = on_the_way(of.changes)
    drifted = {change.address for change in of.changes} - passing
    places = sorted({(a.spec, a.region) for a in (*drifted, *(u.address for u in of.unchanged))})
    numbers = Counter((address.spec, address.region, address.type) for address in drifted)
    resources = GaugeMetricFamily(
        "sesform_drift_resources",
        "Resources that differ between AWS and the specs.",
        labels=["spec", "region", "type"],
    )
    for spec, region in places:
        for type_ in RESOURCES:
            resources.add_metric([spec, region, type_], numbers[spec, region, type_])
    yield resources
    unheard = Counter((subject.scope.account, subject.scope.region, subject.event) for subject in of.unheard)
    identities = GaugeMetricFamily(
        "sesform_drift_identities_without_receiver",
        "Identities of the specs whose bounces or complaints have no receiver.",
        labels=["account", "region", "event"],
    )
    scopes = {(of.access[spec].account, region) for spec, region in places if spec in of.access}
    for account, region in sorted(scopes | {key[:2] for key in unheard}):
        for event in VITAL:
            identities.add_metric([account, region, event], unheard[account, region, event])
    yield identities


def _of_run(run: Run) -> Iterator[Metric]:
    yield _single("success", "Whether the last run could detect drift: 1 or 0.", 0 if run.errors else 1)
    yield _single("errors", "Errors of the last run.", run.errors)
    yield _single("throttled_calls", "Calls of the last run that AWS throttled.", run.throttled)
    yield _single("duration_seconds", "Duration of the last run.", run.seconds)
    yield _single("last_run_timestamp_seconds", "End of the last run, in seconds since 1970.", run.ended)
    if run.succeeded is not None:
        text = "End of the last run that could detect drift, in seconds since 1970."
        yield _single("last_success_timestamp_seconds", text, run.succeeded)


def _single(name: str, text: str, value: float) -> Metric:
    return GaugeMetricFamily(f"sesform_drift_{name}", text, value=value)
