"""Find the calls that changed resources in CloudTrail's event history.

A lookup has one attribute. Events of SES have no resources (seen on AWS), so their names find nothing; the event source of SES also
finds each read of each program. So one name of a call is looked up at a time, once for each account and region, however many
resources it may have changed: one LookupEvents call for each name, and one more for each further 50 events. It ends as soon as
each of these resources has its newest call. Source: CloudTrail API reference, LookupEvents.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from sesform.aws import CLOUDTRAIL
from sesform.errors import AwsError, understood
from sesform.live.jobs import Job, side_by_side
from sesform.model import user_agent
from sesform.model.address import Address, Scope
from sesform.model.quotas import EVENTS_PER_LOOKUP, LOOKUP
from sesform.resources.traces import RecordedCall, Trace

if TYPE_CHECKING:
    from sesform.aws import Connection, Connections

MAX_EVENTS = 1000  # that are read of one name of a call in one account and region

Traces = Mapping[Address, Sequence[Trace]]


class Found(NamedTuple):
    """The newest recorded call of each resource, by trace; and why the history of a scope is not known, or only in part.

    `failed`: by scope, the error. `cut`: scopes and names of calls whose history has more events than were read.
    """

    calls: Mapping[Address, tuple[tuple[Trace, RecordedCall], ...]]
    failed: Mapping[Scope, AwsError]
    cut: tuple[tuple[Scope, str], ...]


def timestamp(time: datetime) -> str:
    """Return a time in the form of `RecordedCall.time`: RFC 3339, in UTC, to the second."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def names(traces: Traces) -> list[str]:
    """Return the names of calls to look up, the most likely ones first: the others are then looked up for a shorter time."""
    likely: dict[str, int] = {}
    for each in traces.values():
        for position, trace in enumerate(each):
            likely[trace.operation] = min(position, likely.get(trace.operation, position))
    return sorted(likely, key=lambda name: (likely[name], name))


def read(wanted: Mapping[Scope, Traces], since: datetime, connections: Connections, parallelism: int) -> Found:
    """Return the newest calls since a time that touched these resources. A failure is not raised but recorded."""
    passes = [_Pass(scope, traces, since) for scope, traces in sorted(wanted.items()) if traces]
    jobs = []
    for each in passes:
        reached = list({id(c): c for c in map(connections.of, each.traces)}.values())
        jobs.append(Job(_first_allowed(each, reached), reached[0], reached[0].lookups))
    side_by_side(jobs, connections, parallelism)
    return Found(
        {address: tuple(calls) for each in passes for address, calls in each.calls.items()},
        {each.scope: each.failure for each in passes if each.failure is not None},
        tuple((each.scope, name) for each in passes for name in each.cut),
    )


def _first_allowed(each: _Pass, connections: Sequence[Connection]) -> Any:
    """Return the steps of a pass: specs of one account may have different credentials, and the first that may look up do."""

    def steps() -> Iterator[None]:
        for connection in connections:
            each.failure = None
            try:
                with understood("an event", operation=LOOKUP, where=str(each.scope)):
                    yield from each.read(connection)
                return
            except AwsError as error:
                each.failure = error
                if not error.denied:
                    return

    return steps


class _Pass:
    """The lookups in one account and region, and what they found."""

    def __init__(self, scope: Scope, traces: Traces, since: datetime) -> None:
        self.scope, self.traces, self.since = scope, traces, since
        self.calls: dict[Address, list[tuple[Trace, RecordedCall]]] = defaultdict(list)
        self.failure: AwsError | None = None
        self.cut: list[str] = []

    def read(self, connection: Connection) -> Iterator[None]:
        """Look up each name; yield before each call. Raises AwsError."""
        for name in names(self.traces):
            by_address = {a: [t for t in each if t.operation == name] for a, each in self.traces.items()}
            waiting = {address: each for address, each in by_address.items() if each}
            begin, token = self._oldest_needed(waiting), ""
            for _ in range(MAX_EVENTS // EVENTS_PER_LOOKUP):
                yield
                events, token = _page(connection, name, begin, token)
                self._match(events, waiting)
                if not token or not waiting:
                    break
            else:
                self.cut.append(name)

    def _oldest_needed(self, waiting: Mapping[Address, object]) -> datetime:
        """Return the time from which on a call can be the newest of one of these resources."""
        newest = [max(made.time for _, made in self.calls[address]) for address in waiting if self.calls[address]]
        if len(newest) < len(waiting):
            return self.since
        return max(self.since, datetime.fromisoformat(min(newest)))

    def _match(self, events: Sequence[RecordedCall], waiting: dict[Address, list[Trace]]) -> None:
        """Give the events, newest first, to the resources that they touched; what has its newest call waits no longer."""
        for event in events:
            for address, each in list(waiting.items()):
                trace = next((t for t in each if t.touched_by(event)), None)
                if trace is not None:
                    self.calls[address].append((trace, event))
                    del waiting[address]


def _page(connection: Connection, name: str, begin: datetime, token: str) -> tuple[list[RecordedCall], str]:
    """Return the successful calls of one page, newest first, and the token of the next page, "" for none."""
    attribute = {"AttributeKey": "EventName", "AttributeValue": name}
    more = {"NextToken": token} if token else {}
    answer = connection.call(
        CLOUDTRAIL,
        "LookupEvents",
        LookupAttributes=[attribute],
        StartTime=begin,
        MaxResults=EVENTS_PER_LOOKUP,
        **more,
    )
    found = (_recorded(event) for event in answer.get("Events", ()))
    return [made for made in found if made is not None], answer.get("NextToken") or ""


def _recorded(event: Mapping[str, Any]) -> RecordedCall | None:
    """Return the call of an event; None if AWS refused it, so that it changed nothing."""
    document = json.loads(event["CloudTrailEvent"])
    if document.get("errorCode"):
        return None
    service = str(document["eventSource"]).partition(".")[0]
    from_console = str(document.get("sessionCredentialFromConsole", "")).lower() == "true"
    return RecordedCall(
        f"{service}:{event['EventName']}",
        timestamp(event["EventTime"]),
        _principal(document.get("userIdentity") or {}) or event.get("Username") or "",
        user_agent.program(document.get("userAgent") or "", from_console=from_console),
        document.get("sourceIPAddress") or "",
        document.get("requestParameters") or {},
    )


def _principal(identity: Mapping[str, Any]) -> str:
    """Return who called: an ARN, the service that called for someone, or an account."""
    for name in ("arn", "invokedBy", "userName", "principalId", "accountId"):
        if identity.get(name):
            return str(identity[name])
    return ""
