"""Who changed the resources that have drifted: the newest recorded call, SES itself, or unknown. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from sesform.model import user_agent
from sesform.model.address import Address, Scope
from sesform.resources import RESOURCES
from sesform.resources.traces import RecordedCall, Trace

if TYPE_CHECKING:
    from sesform.planning.plan import Change

DELAY_MINUTES: Final = 15  # CloudTrail user guide, "How CloudTrail works": the typical time until an event is delivered
LATE: Final = f"CloudTrail shows calls up to {DELAY_MINUTES} minutes late"
_YOUNG = f"the change is less than {DELAY_MINUTES} minutes old, and {LATE}: run again later"
_PARTIAL = "not all calls of that time could be read"
By = Literal["call", "ses", "unknown"]


@dataclass(frozen=True, slots=True)
class Blame:
    """Who changed one drifted resource.

    `by`: "call": the recorded call left what was found. "ses": no call did, and the drift is as SES leaves it. "unknown": neither.
    The other fields are those of the newest recorded call that touched the resource, "" without one: its time (RFC 3339, UTC), its
    name in IAM's terms, the principal, the tool and the address that it came from. `note`: for people.
    """

    address: Address
    by: By
    time: str = ""
    call: str = ""
    principal: str = ""
    tool: str = ""
    source: str = ""
    note: str = ""

    @property
    def own_run(self) -> bool:
        """Whether the call was made by sesform, by its user agent."""
        return self.tool.partition(" ")[0] == user_agent.OWN

    def document(self) -> dict[str, Any]:
        """Return the machine-readable form."""
        names = ("by", "time", "call", "principal", "tool", "source", "note")
        return {"address": str(self.address), **{n: getattr(self, n) for n in names}, "own_run": self.own_run}


@dataclass(frozen=True, slots=True)
class BlameReport:
    """Who changed what has drifted. `days`: how far back CloudTrail was searched. `notes`: what could not be found out."""

    days: int
    resources: tuple[Blame, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def by_address(self) -> dict[Address, Blame]:
        return {blame.address: blame for blame in self.resources}

    def document(self) -> dict[str, Any]:
        """Return the machine-readable form."""
        return {"days": self.days, "resources": [b.document() for b in self.resources], "notes": list(self.notes)}


def loaded(saved: Mapping[str, Any]) -> BlameReport:
    """Return the report of a document. Raises LookupError, TypeError, ValueError or UsageError for another form."""
    return BlameReport(int(saved["days"]), tuple(map(_blame_in, saved["resources"])), tuple(map(str, saved["notes"])))


def _blame_in(saved: Mapping[str, Any]) -> Blame:
    if saved["by"] not in ("call", "ses", "unknown"):
        raise ValueError("a cause that no drift has")
    rest = {name: str(saved[name]) for name in ("time", "call", "principal", "tool", "source", "note")}
    return Blame(Address.parse(saved["address"]), saved["by"], **rest)


def joined(reports: Sequence[BlameReport]) -> BlameReport:
    """Return the report of all parts of the specs."""
    resources = sorted((b for report in reports for b in report.resources), key=lambda b: b.address)
    notes = tuple(dict.fromkeys(note for report in reports for note in report.notes))
    return BlameReport(max(report.days for report in reports), tuple(resources), notes)


class Drifted(NamedTuple):
    """A resource that differs from the specs, and how the calls that can have changed it appear in CloudTrail.

    `missing`: it was not found.
    """

    address: Address
    scope: Scope
    missing: bool
    traces: tuple[Trace, ...]


def drifted(changes: Iterable[Change]) -> list[Drifted]:
    """Return the resources that have drifted. Temporary replacements are left out: they do not exist yet."""
    steps: dict[Address, list[Change]] = defaultdict(list)
    for change in changes:
        steps[change.address].append(change)
    found = []
    for address, of_one in sorted(steps.items()):
        scope, before, after = of_one[0].scope, of_one[0].before, of_one[-1].after
        if before is not None or after is not None:
            found.append(Drifted(address, scope, before is None, RESOURCES[address.type].traces(scope, before, after)))
    return found


class History(NamedTuple):
    """What CloudTrail has.

    `calls`: by resource, the newest call of each trace. `partial`: resources whose history is not known whole. `recent`: calls
    from this time on may not all be delivered yet (RFC 3339, UTC).
    """

    calls: Mapping[Address, Sequence[tuple[Trace, RecordedCall]]]
    partial: frozenset[Address]
    recent: str


def blamed(
    resources: Iterable[Drifted], history: History, fits_ses: Mapping[Address, Address], days: int
) -> list[Blame]:
    """Return who changed each resource, without those of which nothing is known.

    `fits_ses`: topics that SES may have removed, each with the e-mail forwarding that it turned on: see `checks.removed_by_ses`.
    """
    known = [r for r in resources if r.address not in history.partial or history.calls.get(r.address)]
    explained = {r.address: b for r in known if (b := _by_call(r, history))}
    by_ses = {topic for topic in fits_ses if topic not in explained and topic not in history.partial}
    by_ses |= {fits_ses[topic] for topic in by_ses} - explained.keys()
    return [explained.get(r.address) or _unexplained(r, history, r.address in by_ses, days) for r in known]


def _newest(resource: Drifted, history: History) -> tuple[Trace, RecordedCall] | None:
    """Return the newest call. Of two calls in one second the one that left what was found is the later one."""
    calls = history.calls.get(resource.address, ())
    return max(calls, key=lambda found: (found[1].time, found[0].explains(found[1])), default=None)


def _by_call(resource: Drifted, history: History) -> Blame | None:
    """Return the blame of the newest call, None if it did not leave what was found."""
    newest = _newest(resource, history)
    if newest is None or not newest[0].explains(newest[1]):
        return None
    partial = _PARTIAL if resource.address in history.partial else ""
    return _of(resource.address, "call", newest[1], "; ".join(filter(None, [newest[0].remark, partial])))


def _unexplained(resource: Drifted, history: History, fits_ses: bool, days: int) -> Blame:
    newest = _newest(resource, history)
    made = newest[1] if newest else None
    if resource.address in history.partial:
        return _of(resource.address, "unknown", made, _PARTIAL)
    unrecorded = RESOURCES[resource.address.type].unrecorded if resource.missing and not fits_ses else ""
    young = made is not None and made.time >= history.recent
    notes = filter(None, [unrecorded, _YOUNG if young else ""])
    return _of(resource.address, "ses" if fits_ses else "unknown", made, "; ".join(notes))


def _of(address: Address, by: By, made: RecordedCall | None, note: str) -> Blame:
    if made is None:
        return Blame(address, by, note=note)
    return Blame(address, by, made.time, made.call, made.principal, made.tool, made.source, note)
