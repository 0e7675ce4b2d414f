"""The history of drift: which differences there are, since when, and what each notification service was told of them.

One run leaves it for the next.

Pure: the time comes in as seconds since 1970. A history holds addresses, digests and times, and no secret: digests are those of
masked values, and services go by the scheme of their URL.

Drift and failures of the detection are two states. Each service is told of the differences between what it was told last and what
is so now, so a service that could not be reached is told later, and never of what has passed in the meantime. A failure is told
once for each kind of error; its end only after some calm, which grows while failures return, so that a flapping error is not told
again and again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, NamedTuple

from sesform.model.masking import masked_values
from sesform.model.values import printable
from sesform.planning import diff, plan_file
from sesform.planning.plan import Plan, on_the_way

VERSION = 1
_HOUR, _DAY = 3600, 86400  # seconds: the least and the most calm before the end of a failure is told
_DIGEST_LENGTH = 16  # hexadecimal digits


class Difference(NamedTuple):
    """One difference between the specs and AWS.

    `name`: the address of a resource, or an event of an identity without receiver. `digest`: changes when the difference does.
    `detail`: the difference, for people. `warnings`: of the same resource.
    """

    name: str
    digest: str
    detail: str
    warnings: tuple[str, ...] = ()


class Failure(NamedTuple):
    """Why a run could not detect drift. `kind`: the sort of error, without its values. `texts`: for people."""

    kind: str
    texts: tuple[str, ...]


class Seen(NamedTuple):
    """A difference that an earlier run found. `since`: the time of the first run that found it."""

    digest: str
    since: int


class Failing(NamedTuple):
    """A time of failing runs. `wait`: the seconds without a failure after which it ends."""

    since: int
    last: int
    wait: int


class Recovery(NamedTuple):
    """The end of a time of failing runs. `wait`: what it waited for."""

    at: int
    wait: int


@dataclass(frozen=True, slots=True)
class Told:
    """What a service was told last: the differences, and the kinds of failures that are not over."""

    differences: Mapping[str, Seen] = field(default_factory=dict)
    failures: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """What runs have found so far. `succeeded`: the time of the last run that could detect drift. `told`: by service."""

    differences: Mapping[str, Seen] = field(default_factory=dict)
    succeeded: int | None = None
    failing: Failing | None = None
    recovery: Recovery | None = None
    told: Mapping[str, Told] = field(default_factory=dict)


class News(NamedTuple):
    """What a service has not been told yet. The differences have the time since which they exist."""

    new: tuple[tuple[Difference, int], ...] = ()
    changed: tuple[tuple[Difference, int], ...] = ()
    same: tuple[tuple[Difference, int], ...] = ()
    healed: tuple[tuple[str, int], ...] = ()
    recovered: bool = False
    failure: Failure | None = None
    failing_since: int = 0


# --- what a run has found ----------------------------------------------------------------------------------------------


def differences(of: Plan) -> tuple[Difference, ...]:
    """Return the differences of a plan that drift detection made, sorted by name; one for each resource."""
    passing = on_the_way(of.changes)
    warnings: dict[str, list[str]] = {}
    for problem in of.diagnostics:
        if problem.severity == "warning" and problem.path:
            hint = f"; {problem.hint}" if problem.hint else ""
            warnings.setdefault(problem.path, []).append(printable(problem.summary + hint))
    found = []
    changes = sorted((c for c in of.changes if c.address not in passing), key=lambda c: c.address)
    for address, steps in groupby(changes, key=lambda c: c.address):
        first, *_ = several = list(steps)
        before, after = first.before, several[-1].after
        why, _, _ = first.reason.partition("; step 1 of 2")
        name = str(address)
        text = f"{_difference(before, after)} ({printable(why)})"
        found.append(Difference(name, _digest([before, after]), text, tuple(warnings.get(name, ()))))
    for scope, kind, name, event in of.unheard:
        found.append(Difference(f"{scope}/{kind}/{name}/{event}", "", f"its {event}s have no receiver"))
    return tuple(sorted(found))


def _difference(before: Any, after: Any) -> str:
    if before is None:
        return "missing in AWS"
    if after is None:
        return "in AWS and not declared"
    fields = dict.fromkeys(change.path[0] for change in diff.changes(before, after))
    return f"{printable(', '.join(fields))} changed"


def _digest(values: Any) -> str:
    text = json.dumps(masked_values(plan_file.plain(values)), sort_keys=True)
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGEST_LENGTH]


def after_success(history: History, found: Iterable[Difference], now: int) -> History:
    """Return the history after a run that detected drift, or that there is none."""
    seen = {each.name: Seen(each.digest, _since(history.differences, each.name, now)) for each in found}
    failing = history.failing
    if failing is not None and now - failing.last >= failing.wait:
        return replace(history, differences=seen, succeeded=now, failing=None, recovery=Recovery(now, failing.wait))
    return replace(history, differences=seen, succeeded=now)


def _since(seen: Mapping[str, Seen], name: str, now: int) -> int:
    return seen[name].since if name in seen else now


def after_failure(history: History, now: int) -> History:
    """Return the history after a run that could not detect drift. What drifted before counts as it was."""
    if history.failing is not None:
        return replace(history, failing=history.failing._replace(last=now))
    recovery = history.recovery
    returns = recovery is not None and now - recovery.at < _DAY
    wait = min(2 * recovery.wait, _DAY) if recovery is not None and returns else _HOUR
    return replace(history, failing=Failing(now, now, wait))


# --- what to tell a service --------------------------------------------------------------------------------------------


def news(history: History, service: str, found: Iterable[Difference] | Failure) -> News | None:
    """Return what a service must be told after a run, None for nothing. `history`: with that run."""
    told = history.told.get(service, Told())
    if isinstance(found, Failure):
        since = history.failing.since if history.failing else 0
        return None if found.kind in told.failures else News(failure=found, failing_since=since)
    present = {each.name: (each, history.differences[each.name].since) for each in found}
    before = told.differences
    made = News(
        new=tuple(each for name, each in present.items() if name not in before),
        changed=tuple(e for name, e in present.items() if name in before and before[name].digest != e[0].digest),
        same=tuple(e for name, e in present.items() if name in before and before[name].digest == e[0].digest),
        healed=tuple((name, seen.since) for name, seen in sorted(before.items()) if name not in present),
        recovered=bool(told.failures) and history.failing is None,
    )
    return made if made.new or made.changed or made.healed or made.recovered else None


def after_telling(history: History, service: str, of: News) -> History:
    """Return the history after a service was told."""
    told = history.told.get(service, Told())
    if of.failure is not None:
        now = replace(told, failures=(*told.failures, of.failure.kind))
    else:
        now = Told(history.differences, told.failures if history.failing else ())
    return replace(history, told={**history.told, service: now})


# --- the document ------------------------------------------------------------------------------------------------------


def document(of: History) -> dict[str, Any]:
    """Return a history as plain data."""
    return {
        "version": VERSION,
        "differences": _seen_document(of.differences),
        "succeeded": of.succeeded,
        "failing": of.failing._asdict() if of.failing else None,
        "recovery": of.recovery._asdict() if of.recovery else None,
        "told": {
            service: {"differences": _seen_document(told.differences), "failures": list(told.failures)}
            for service, told in of.told.items()
        },
    }


def loaded(content: Any) -> History:
    """Return the history of a document. Raises ValueError if the document is not one, or of another version."""
    if not isinstance(content, dict) or "version" not in content:
        raise ValueError("it is not a history of drift")
    if content["version"] != VERSION:
        raise ValueError(f"it has version {content['version']!r}; this sesform reads version {VERSION}")
    try:
        succeeded, failing, recovery = content["succeeded"], content["failing"], content["recovery"]
        return History(
            _seen(content["differences"]),
            None if succeeded is None else _number(succeeded),
            None if failing is None else Failing(*(_number(failing[name]) for name in Failing._fields)),
            None if recovery is None else Recovery(*(_number(recovery[name]) for name in Recovery._fields)),
            {
                str(service): Told(_seen(told["differences"]), tuple(map(_text, told["failures"])))
                for service, told in content["told"].items()
            },
        )
    except (AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{type(error).__name__}: {error}") from None


def _seen_document(of: Mapping[str, Seen]) -> dict[str, Any]:
    return {name: seen._asdict() for name, seen in of.items()}


def _seen(content: Any) -> dict[str, Seen]:
    return {str(name): Seen(_text(each["digest"]), _number(each["since"])) for name, each in content.items()}


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError(f"{value!r} is not text")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise TypeError(f"{value!r} is not a time")
    return value
