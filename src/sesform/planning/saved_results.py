"""Read the JSON documents of reports, validations and routes back, as render/json and render/routes write them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sesform.errors import Problem
from sesform.live.snapshot import Subscriber
from sesform.model.address import Address, Scope
from sesform.model.shard import Part
from sesform.planning.plan import Change, Outcome, Report
from sesform.planning.routes import Gap, Received, Route, Subject
from sesform.policies.verdict import ALLOWED, denied, unknown

# Each raises ArithmeticError, LookupError, TypeError, ValueError or UsageError for a document of another form.


class SavedRoutes(NamedTuple):
    """The routes of a document, the subscribers of its topics, and its gaps."""

    matrix: dict[Subject, tuple[Route, ...]]
    subscribers: dict[str, tuple[Subscriber, ...]]
    gaps: tuple[Gap, ...]


def part(content: Mapping[str, Any]) -> Part | None:
    """Return the part of a document, None if it covers all specs."""
    where = content.get("sesform", content)
    return Part.loaded(where["shard"]) if "shard" in where else None


def problems(saved: Any) -> tuple[Problem, ...]:
    """Return the problems of a list in a document."""
    return tuple(Problem(**each) for each in saved)


def report(content: Mapping[str, Any]) -> Report:
    """Return a report. Its changes have only what the document has: no state after the step, and no order of their own."""
    outcomes = tuple(_outcome(each) for each in content["outcomes"])
    return Report(outcomes, content["interrupted"] is True, part=part(content))


def _outcome(saved: Mapping[str, Any]) -> Outcome:
    address = Address.parse(saved["address"])
    change = Change(address, Scope("", address.region), saved["action"], saved["before"], None, "", 0, ())
    if saved["result"] not in ("done", "left", "failed", "not tried", "unknown"):
        raise ValueError("a result that no step has")
    return Outcome(change, saved["result"], str(saved["error"]))


def routes(content: Mapping[str, Any]) -> SavedRoutes:
    """Return the routes of `sesform routes --format json`."""
    matrix: dict[Subject, tuple[Route, ...]] = {}
    subscribers: dict[str, tuple[Subscriber, ...]] = {}
    for entry in content["routes"]:
        matrix[_subject(entry)] = tuple(map(_route, entry["routes"]))
        for saved in entry["routes"]:
            if saved["subscribers"] is not None:
                subscribers[saved["topic_arn"]] = tuple(
                    Subscriber(s["protocol"], s["endpoint"], s["pending"], None, "MessageAttributes")
                    for s in saved["subscribers"]
                )
    return SavedRoutes(matrix, subscribers, tuple(map(_gap, content["gaps"])))


def _gap(saved: Mapping[str, Any]) -> Gap:
    names = ("text", "rule", "address", "file", "line", "column")
    return Gap(_subject(saved), **{name: saved[name] for name in names})


def _subject(saved: Mapping[str, Any]) -> Subject:
    return Subject(Scope(saved["account"], saved["region"]), saved["kind"], saved["name"], saved["event"])


def _route(saved: Mapping[str, Any]) -> Route:
    verdicts = {Received.YES: lambda reason: ALLOWED, Received.NO: denied, Received.UNKNOWN: unknown}
    verdict = verdicts[Received(saved["received"])](saved["reason"])
    return Route(saved["way"], saved["topic_arn"], saved["destination"], saved["by_default"], verdict)
