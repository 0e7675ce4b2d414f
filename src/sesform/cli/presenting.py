"""Print results to stdout, and progress to stderr."""

from __future__ import annotations

import math
import secrets
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from sesform.cli.console import Console, coloured, lines, out
from sesform.cli.formats import Format
from sesform.cli.options import Calls, Detail, Drawing, Terminal
from sesform.model.address import Scope
from sesform.model.quotas import CallProgress, Cost
from sesform.model.values import printable

if TYPE_CHECKING:
    from sesform.cli.progress import Applying
    from sesform.engine.progress import Event, ReadingDependents
    from sesform.errors import Problem
    from sesform.planning.plan import Outcome, Plan, Report
    from sesform.render.page import Made


class View:
    """How to print the results of one command.

    `quota`: SES calls per second for estimates. `full`: every step of a plan. `sandbox`: the results are the sandbox's. Raises
    ModuleNotFoundError for HTML without Jinja2.
    """

    def __init__(
        self,
        console: Console,
        format: Format = Format.text,
        *,
        no_color: bool = False,
        quota: float | None = None,
        full: bool = False,
        sandbox: bool = False,
    ) -> None:
        self.console, self.format, self.quota, self.full = console, format, quota, full
        self.colour = format is Format.text and coloured(sys.stdout, no_color)
        self._sandbox = sandbox
        if format is Format.html:
            from sesform.cli import page

            self.template = page.template()  # before any call to AWS, because Jinja2 may be missing

    def plan(self, plan: Plan, *, drift: bool = False, only_errors: bool = False) -> bool:
        """Print a plan and its diagnostics. Return whether it may be applied.

        A plan with preflight errors is not printed. A plan that a guard refuses is, so that it can be judged. With `only_errors` a
        plan without errors is not printed, because the report will be.
        """
        shown = bool(plan.errors) or not only_errors
        if self.format is Format.json and shown:
            out(self.plan_json(plan))
        if self.format is Format.junit or (self.format is not Format.json and shown and drawable(plan)):
            self.draw(plan, drift=drift)
        return self.problems_of(plan)

    def problems_of(self, plan: Plan) -> bool:
        """Print the diagnostics of a plan. Return whether it has no errors."""
        self.problems(plan.diagnostics)
        if plan.errors:
            n = len(plan.errors)
            self.console.error(f"{n} {'error' if n == 1 else 'errors'}; nothing was changed.")
        return not plan.errors

    def problems(self, found: Sequence[Problem]) -> None:
        """Print problems to stderr; for GitHub to stdout, where no text in them is a workflow command."""
        if self.format is not Format.github:
            self.console.problems(found)
        elif found:
            self.safely(lines(found))

    def safely(self, text: str) -> None:
        """Print text to stdout; for GitHub so that no line of it is a workflow command."""
        if self.format is Format.github:
            from sesform.render import github

            text = github.without_commands(text, secrets.token_hex(16))
        out(text)

    def draw(self, plan: Plan, *, drift: bool = False) -> None:
        """Print a plan in any format but JSON. A plan with errors has no counts for GitLab, so that its widget shows none."""
        from sesform.render import gitlab, junit

        if self.format is Format.html:
            from sesform.render import page

            out(page.plan(plan, self.template, self.made, drift=drift, rate=self.quota))
            return
        if self.format is Format.mermaid:
            from sesform.render import mermaid

            out(mermaid.plan(plan))
            return
        if self.format is Format.markdown:
            out(self.markdown(plan, drift=drift))
        elif self.format is Format.gitlab:
            out("" if plan.errors else gitlab.terraform_report(plan))
        elif self.format is Format.junit:
            out(junit.drift(plan))
        else:
            self.safely(self.text(plan, drift=drift))

    def text(self, plan: Plan, *, drift: bool = False) -> str:
        """Return a plan as text, with the resources that no spec names."""
        from sesform.render import compat, text, unmanaged

        full = self.full or self.console.compat
        if drift:
            drawn = text.drift(plan, colour=self.colour, full=full)
        else:
            drawn = text.plan(plan, colour=self.colour, rate=self.quota, full=full)
        if self.console.compat:
            drawn = compat.drift(drawn) if drift else compat.plan(drawn)
        return drawn + unmanaged.text(plan, colour=self.colour)

    def markdown(self, plan: Plan, *, drift: bool = False) -> str:
        """Return a plan as Markdown, with the resources that no spec names."""
        from sesform.render import markdown, unmanaged

        drawn = markdown.plan(plan, drift=drift, rate=self.quota)
        return drawn + unmanaged.markdown(plan, markdown.MAX_CHARACTERS - len(drawn))

    def shows_all(self, plan: Plan) -> bool:
        """Return whether a printed plan has the details of every resource."""
        from sesform.render import text

        return self.format in (Format.text, Format.github) and (self.full or self.console.compat or text.has_room(plan))

    def plan_json(self, plan: Plan) -> str:
        """Return a plan as JSON text."""
        from sesform.planning import plan_file

        return plan_file.text(self.document(plan))

    def document(self, plan: Plan) -> dict[str, Any]:
        """Return a plan as its JSON document."""
        from sesform.planning import plan_file

        return plan_file.document(plan, timestamp=now(), rate=self.quota)

    @property
    def made(self) -> Made:
        """When a page is made, and from what."""
        from sesform.render.page import Made

        return Made(now(), self._sandbox)

    def report(self, report: Report) -> None:
        """Print the report of a plan."""
        from sesform.render import json, markdown, text

        if self.format is Format.json:
            out(json.report(report))
        elif self.format is Format.markdown:
            out(markdown.report(report))
        else:
            self.safely("\n" + text.report(report, colour=self.colour, full=self.console.verbose))

    def step(self, outcome: Outcome) -> None:
        """Print how a step ended. Steps that were not tried are in the report."""
        if outcome.result == "not tried" and not self.console.verbose:
            return
        from sesform.render import text

        say: Callable[[str], None] = self.console.error
        if outcome.result in ("done", "not tried"):
            say = self.console.say
        elif outcome.result == "left":
            say = self.console.warn
        say(text.step(outcome.change, outcome))


def drawable(plan: Plan) -> bool:
    """Return whether a plan can be shown. One with errors of single resources cannot; one that a guard refuses can."""
    return all(problem.path == "" for problem in plan.errors)


class Notifier:
    """Print progress of the engine to stderr. A context manager: a progress bar ends with it."""

    def __init__(self, view: View, calls: Calls) -> None:
        self._view, self._console, self._calls = view, view.console, calls
        from sesform.cli.progress import Progress  # the commands that call AWS show progress

        self._progress = Progress(view.console)
        self._applying: Applying | None = None
        self._connected = False
        self._started = time.monotonic()
        self._costs: Callable[[], Mapping[Scope, Cost]] | None = None
        self._made: Callable[[], Mapping[Scope, CallProgress]] = dict

    def __enter__(self) -> Notifier:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.end()
        if self._costs is not None and self._calls.verbose:
            from sesform.render import cost

            rate = self._calls.quota if self._calls.pace == math.inf else self._calls.pace
            self._console.say(cost.text(self._costs(), time.monotonic() - self._started, rate))

    def __call__(self, event: Event) -> None:
        from sesform.cli.progress import Applying, Reading
        from sesform.engine import progress as events

        match event:
            case events.Connecting():
                self._say_what_sandbox_is()
            case events.Connected(costs, made):
                self._costs, self._made = costs, made
            case events.ReadingResources() | events.ReadingAccounts():
                self._say(event)
                self._progress.begin(Reading("Reading", self._made))
            case events.Stopping(calls):
                self._progress.end()
                self._console.warn(_stopping(calls))
            case events.Applying(changes):
                self._applying = Applying(changes, self._made)
                self._progress.begin(self._applying)
            case events.StepFinished(outcome):
                if self._applying is not None:
                    self._applying.ended(outcome.change)
                self._view.step(outcome)
            case events.Applied(report):
                self._view.report(report)
                if not report.interrupted:
                    self._progress.begin(Reading("Reading the changes back", self._made))
            case events.Warned(warning):
                self._console.warn(warning)
            case _:
                self._say(event)

    def _say(self, event: Event) -> None:
        """Print an event that begins and ends nothing."""
        from sesform.engine import progress as events
        from sesform.render import text

        say = self._console.say
        match event:
            case events.ReadingResources(resources, scopes):
                say(f"Reading {resources} declared resources in {_names(scopes)} ...")
            case events.CoveringPart(shard, specs, all_specs):
                say(f"Part {shard}: {specs} of {all_specs} specs.")
            case events.ReadingTags():
                say("Reading ownership tags ...")
            case events.ReadingDependents():
                say(self._dependents(event))
            case events.ReadingUnmanaged():
                say("Reading resources that no spec names ...")
            case events.ReadingTrail(resources, calls):
                say(_looking_up(resources, calls))
            case events.ReadingAccounts(scopes):
                say(f"Reading all resources in {_names(scopes)} ...")
            case events.PlanningAgain():
                say("Planning again, to compare with the saved plan; this makes as many reads as a plan ...")
            case events.Sending(messages, seconds):
                least = f", at least {seconds} s" if seconds else ""
                say(f"Sending {_count(messages, 'test message')}{least} ...")
            case events.Receiving(expected, timeout):
                say(f"Waiting up to {timeout:g} s for {_count(expected, 'notification')} ...")
            case events.Removing(queues):
                say(f"Removing {_count(queues, 'temporary queue')} ...")
            case events.Throttled(scope, service, seconds):
                if self._calls.rate == math.inf and seconds < _LONG:
                    say(f"AWS accepts no more calls to {service} in {scope} for now, so the rate falls.")
                else:
                    self._console.warn(_throttled(scope, service, seconds))
            case events.StepStarted(change):
                say(text.step(change, None))

    def _say_what_sandbox_is(self) -> None:
        """Print it once in a run."""
        from sesform.cli.sandbox import state_file

        if self._calls.sandbox and not self._connected:
            self._console.say(
                f"Sandbox: this is a simulated AWS, kept in {state_file()}; no real account is read or changed."
            )
        self._connected = True

    def _dependents(self, event: ReadingDependents) -> str:
        from sesform.model.quotas import least_seconds
        from sesform.render.duration import duration

        seconds = least_seconds(event.calls, self._calls.quota)
        cost = f"{event.calls} call{'' if event.calls == 1 else 's'}" + (
            f", at least {duration(seconds)}" if seconds else ""
        )
        if event.type == "topic":
            return f"Reading users in {event.scope} of topics that will be deleted: {cost} ..."
        return (
            f"Reading identities in {event.scope} whose default set is {printable(', '.join(event.names))}: {cost} ..."
        )


def _throttled(scope: Scope, service: str, seconds: float) -> str:
    from sesform.render.duration import duration

    since = f" for {duration(seconds)}" if seconds >= 1 else ""
    return (
        f"AWS throttles calls to {service} in {scope}{since}: another program uses the same quota. sesform sends them again, "
        "and gives up after 10 minutes without an accepted call."
    )


def _looking_up(resources: int, calls: int) -> str:
    what = f"{resources} resource{'' if resources == 1 else 's'}"
    return f"Looking up who changed {what} in CloudTrail: at least {calls} call{'' if calls == 1 else 's'} ..."


def _stopping(calls: int) -> str:
    if not calls:
        return "Interrupted. No further call is sent."
    under_way = f"{calls} step{' is' if calls == 1 else 's are'} under way and {'has' if calls == 1 else 'have'}"
    return f"Interrupted. No further call is sent. {under_way} a few seconds to finish; interrupt again to end at once."


_MAX_NAMES = 4
_LONG = 10.0  # seconds without an accepted call, after which --rate auto is not the reason


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _names(scopes: tuple[Scope, ...]) -> str:
    """Return the scopes for a message; a few of many."""
    named = ", ".join(map(str, scopes[:_MAX_NAMES])) or "no account"
    return f"{named} and {len(scopes) - _MAX_NAMES} more accounts and regions" if len(scopes) > _MAX_NAMES else named


def console(terminal: Terminal, calls: Calls | None = None) -> Console:
    """Return the console that these options ask for."""
    return Console(
        quiet=terminal.quiet,
        verbose=calls is not None and calls.verbose,
        no_color=terminal.no_color,
        compat=terminal.compat is not None,
    )


def now() -> str:
    """Return the time as RFC 3339, in UTC, to the second."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def viewing(drawing: Drawing, terminal: Terminal, calls: Calls | None = None, detail: Detail | None = None) -> View:
    """Return how these options ask for results to be printed. Raises ModuleNotFoundError for HTML without Jinja2."""
    return View(
        console(terminal, calls),
        drawing.format,
        no_color=terminal.no_color,
        quota=(calls or Calls()).quota,
        full=detail is not None and detail.full,
        sandbox=calls is not None and calls.sandbox,
    )
