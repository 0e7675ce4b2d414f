"""The command drift: print differences, as text or as metrics, and tell notification services of changes.

Nothing that goes wrong with a notification changes the exit code: it is a warning.
"""

from __future__ import annotations

import shlex
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sesform.cli import github
from sesform.cli.console import out
from sesform.cli.options import Calls, Notifying, Removal, Selection, Specs
from sesform.cli.presenting import Notifier, View
from sesform.errors import AwsError, Problem, SesformError, SpecError, UsageError
from sesform.model.values import printable

if TYPE_CHECKING:
    from sesform.cli.notification_services import Service
    from sesform.engine import Settings
    from sesform.engine.progress import Event
    from sesform.model.address import Scope
    from sesform.model.quotas import Cost
    from sesform.planning.drift_history import Difference, Failure, History
    from sesform.planning.plan import Plan
    from sesform.render.notification import Advice


def detect(
    places: Sequence[str | Path], settings: Callable[[], Settings], view: View, calls: Calls, watch: Watch
) -> int:
    """Print the drift of specs, and tell it. Return 0 in sync, 1 error, 2 drift. Raises as `engine.drift` does."""
    from sesform import engine

    try:
        with Notifier(view, calls) as notify:
            found = engine.drift(places, settings(), partial(watch.note, notify))
    except Exception as error:
        watch.failed(error)
        raise
    well = view.problems_of(found) if watch.metrics else view.plan(found, drift=True)
    watch.finished(found)
    code = 1 if not well else 2 if found.changes or found.unheard else 0
    return github.planned(view, found, code, drift=True)


class Watch:
    """What one run of drift detection leaves: metrics, notifications and the history for the next run.

    `metrics`: print metrics to stdout. `advice`: returns what messages advise, from a remark. Raises ModuleNotFoundError if
    prometheus-client, which writes metrics, is missing.
    """

    def __init__(self, view: View, notifying: Notifying, advice: Callable[[str], Advice], *, metrics: bool) -> None:
        from sesform.planning.drift_history import History

        if metrics:
            import sesform.render.openmetrics  # noqa: F401  (before any call to AWS, because it may be missing)
        self.metrics = metrics
        self._warn, self._advice = view.console.warn, advice
        self._started = time.monotonic()
        self._costs: Callable[[], Mapping[Scope, Cost]] = dict
        self._services = self._known(notifying.notify or [])
        self._file = notifying.file
        self._history = History() if self._file is None else self._read(self._file)

    def _known(self, urls: Sequence[str]) -> tuple[Service, ...]:
        if not urls:
            return ()
        from sesform.cli.notification_services import services

        known = services(urls)
        for problem in known.problems:
            self._warn(problem)
        return known.found

    def _read(self, file: Path) -> History:
        from sesform.cli import drift_state
        from sesform.planning.drift_history import History

        try:
            return drift_state.read(file)
        except UsageError as error:
            self._warn(f"{error}. It is replaced, and all drift counts as new")
            return History()

    def note(self, notify: Callable[[Event], None], event: Event) -> None:
        """Pass an event on, and keep the costs of the run."""
        from sesform.engine.progress import Connected

        if isinstance(event, Connected):
            self._costs = event.costs
        notify(event)

    def failed(self, error: Exception) -> None:
        """Leave that a run could not detect drift, because of an exception."""
        problems = error.problems if isinstance(error, SpecError) else ()
        self._failed(_failure(error), sum(problem.severity == "error" for problem in problems) or 1)

    def finished(self, of: Plan) -> None:
        """Leave what a run found. A plan with errors is a failure: it does not know all drift."""
        from sesform.planning import drift_history

        if of.errors:
            failure = drift_history.Failure("checks", _texts(of.errors))
            self._failed(failure, len(of.errors))
            return
        now = int(time.time())
        found = drift_history.differences(of) if self._file else ()
        self._history = drift_history.after_success(self._history, found, now)
        self._print(of, now, 0)
        self._tell(found)

    def _failed(self, failure: Failure, errors: int) -> None:
        from sesform.planning import drift_history

        now = int(time.time())
        self._history = drift_history.after_failure(self._history, now)
        self._print(None, now, errors)
        self._tell(failure)

    def _print(self, of: Plan | None, now: int, errors: int) -> None:
        if not self.metrics:
            return
        from sesform.render import openmetrics

        throttled = sum(cost.throttled for cost in self._costs().values())
        seconds = round(time.monotonic() - self._started, 3)
        out(openmetrics.drift(of, openmetrics.Run(now, seconds, self._history.succeeded, errors, throttled)))

    def _tell(self, found: Iterable[Difference] | Failure) -> None:
        if self._file is None:
            return
        try:
            self._told(found, self._file)
        except Exception as error:  # of a library: the exit code stays that of drift; the text may hold a secret
            self._warn(f"the notifications failed with {type(error).__name__}; the next run tries again")

    def _told(self, found: Iterable[Difference] | Failure, file: Path) -> None:
        """Tell each service what is new to it, then write the history: after a crash in between, services are told again."""
        from sesform.cli import drift_state
        from sesform.cli.notification_services import send
        from sesform.planning import drift_history
        from sesform.render import notification

        remark = self._unwritable(file)
        due = {each: drift_history.news(self._history, each.name, found) for each in self._services}
        news = {service: each for service, each in due.items() if each is not None}
        advice = self._advice(remark)
        results = send({service: notification.message(each, advice) for service, each in news.items()})
        for service, problem in results.items():
            if problem:
                self._warn(f"notification service {service.name}: {problem}. The next run tells it again")
            else:
                self._history = drift_history.after_telling(self._history, service.name, news[service])
        if not remark:
            drift_state.write(file, self._history)

    def _unwritable(self, file: Path) -> str:
        """Return a remark for people if the history cannot be written, "" if it can. Warn of it."""
        from sesform.cli import drift_state

        try:
            drift_state.writable(file)
        except UsageError as error:
            remark = f"{error}, so every run sends the same notifications"
            self._warn(remark)
            return f"{remark}."
        return ""


def advice(specs: Specs, removal: Removal, selection: Selection, calls: Calls) -> Callable[[str], Advice]:
    """Return a function from a remark to what messages advise: to run the commands of these options."""
    words = [
        *(specs.paths or ()),
        *(["--since", removal.since] if removal.since else []),
        *(["--prune"] if removal.prune else []),
        *(word for glob in selection.only or () for word in ("--only", glob)),
        *(["--sandbox"] if calls.sandbox else []),
    ]

    def advised(remark: str) -> Advice:
        from sesform.render.notification import Advice

        apply, check = (printable(shlex.join(["sesform", command, *words])) for command in ("apply", "drift"))
        return Advice(apply, check, utc, calls.sandbox, remark)

    return advised


def utc(seconds: int) -> str:
    """Return a time since 1970 as text, in UTC, to the minute."""
    try:
        return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError, OSError):  # of a history that was edited
        return "an unknown time"


def _failure(error: Exception) -> Failure:
    from sesform.planning.drift_history import Failure

    kind = type(error).__name__
    if isinstance(error, SpecError):
        return Failure(kind, _texts(error.problems))
    if isinstance(error, AwsError):
        kind = f"{kind} {error.code}".rstrip()
    if isinstance(error, SesformError) or (isinstance(error, OSError) and error.strerror):
        return Failure(kind, (printable(str(error)),))
    return Failure(kind, (f"unexpected error: {kind}",))


def _texts(problems: Iterable[Problem]) -> tuple[str, ...]:
    return tuple(printable(str(problem)) for problem in problems if problem.severity == "error")
