"""Join the JSON results of all parts of the specs into the result of one run. No call to AWS."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sesform.engine.route_report import Routes
from sesform.engine.specs import Validation
from sesform.errors import PlanFileError, Problem, SesformError, UsageError
from sesform.model.shard import Part
from sesform.model.values import printable
from sesform.planning import joined, plan_file, saved_results
from sesform.planning.plan import Plan, Report


@dataclass(frozen=True, slots=True)
class Merged:
    """The result of all parts, as the command that made them returns it.

    `result`: a plan of `plan`, `apply`, `destroy` or `drift`, a report of `apply` or `destroy`, a validation, or routes; None if
    parts failed, whose errors are in `problems`. `document`: the JSON document of a plan.
    """

    command: str
    result: Plan | Report | Validation | Routes | None
    problems: tuple[Problem, ...] = ()
    document: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class _Result:
    file: str
    content: Mapping[str, Any]
    part: Part | None
    value: Plan | Report | Validation | Routes | None  # None: the run failed before it had a result
    problems: tuple[Problem, ...] = ()


def merge(files: Sequence[str | Path]) -> Merged:
    """Return the joined result of the parts in these files, each the output of a command with `--shard` and `--format json`.

    Raises UsageError if a part is missing or given twice, if the parts are of different commands, options or numbers of parts, or
    were made from other specs, or if a file cannot be read; PlanFileError if one is damaged.
    """
    found = [_load(Path(file)) for file in files]
    failed = [each for each in found if each.value is None]
    if failed:
        command = "validate" if any("valid" in each.content for each in failed) else _command(found)
        return Merged(command, None, tuple(joined.problems(each.problems for each in failed)))
    _check(found)
    found.sort(key=lambda each: each.part.shard if each.part else (0, 0))
    plans = [each.value for each in found if isinstance(each.value, Plan)]
    if len(plans) == len(found):
        whole = joined.joined(plans)
        return Merged(_command(found), whole, whole.diagnostics, joined.document(whole, [f.content for f in found]))
    if plans:  # parts of an apply that was refused
        return Merged("apply", None, tuple(joined.problems(plan.errors for plan in plans)))
    return _joined_results(found)


def _joined_results(found: Sequence[_Result]) -> Merged:
    values = [each.value for each in found]
    reports = [value for value in values if isinstance(value, Report)]
    if reports:
        outcomes = tuple(outcome for report in reports for outcome in report.outcomes)
        return Merged("apply", Report(outcomes, any(report.interrupted for report in reports)))
    checked = [value for value in values if isinstance(value, Validation)]
    if checked:
        warnings = tuple(joined.problems(each.warnings for each in checked))
        numbers = sum(each.specs for each in checked), sum(each.resources for each in checked)
        return Merged("validate", Validation(*numbers, warnings), warnings)
    routes = [value for value in values if isinstance(value, Routes)]
    matrix = {subject: ways for each in routes for subject, ways in each.matrix.items()}
    subscribers = {arn: heard for each in routes for arn, heard in each.subscribers.items()}
    gaps = sorted((gap for each in routes for gap in each.gaps), key=lambda gap: gap.subject)
    return Merged("routes", Routes(matrix, subscribers, tuple(gaps)))


# --- what fits together ------------------------------------------------------------------------------------------------


def _command(found: Iterable[_Result]) -> str:
    return next((each.part.command for each in found if each.part), "plan")


def _check(found: Sequence[_Result]) -> None:
    """Raise UsageError with everything that does not fit together."""
    whole = [each.file for each in found if each.part is None]
    if whole:
        raise UsageError(f"{whole[0]}: covers all specs and is no part. Merge results of runs with --shard")
    parts = [(each.file, each.part) for each in found if each.part]
    _same(
        [(file, part.shard.total) for file, part in parts], "is one of {} parts", "Run all parts with the same number"
    )
    _same([(file, part.specs) for file, part in parts], "was made from specs {}", "Run all parts on the same specs")
    commands = [(file, part.command) for file, part in parts]
    if {command for _, command in commands} != {"plan", "apply"}:  # an apply that is refused prints its plan
        _same(commands, "is a result of {}", "Merge results of one command")
    options = [(e.file, _options(e.value)) for e in found if isinstance(e.value, Plan)]
    _same(options, "has the options {}", "Run all parts with the same options")
    count = Counter(part.shard.number for _, part in parts)
    total = parts[0][1].shard.total
    twice = [f"part {number} is given {times} times" for number, times in sorted(count.items()) if times > 1]
    missing = [f"part {number} is missing" for number in range(1, total + 1) if number not in count]
    if twice or missing:
        raise UsageError(f"{', '.join([*twice, *missing])} of {total} parts. Give each part once")


def _same(values: Sequence[tuple[str, Any]], text: str, hint: str) -> None:
    different = dict(reversed([(value, file) for file, value in values]))
    if len(different) > 1:
        lines = "; ".join(f"{file} {text.format(value)}" for value, file in list(different.items())[:2])
        raise UsageError(f"the parts do not belong together: {lines}. {hint}")


def _options(plan: Plan) -> str:
    chosen = plan_file.options(plan)
    given = [name for name, value in chosen.items() if value] + ([f"since {plan.since}"] if plan.since else [])
    return ", ".join(f"{name} {' '.join(chosen[name])}" if name == "only" else name for name in given) or "none"


# --- files -------------------------------------------------------------------------------------------------------------


def _load(file: Path) -> _Result:
    shown = printable(str(file))
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UsageError(f"{shown}: cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise PlanFileError(f"{shown}: is not JSON; write it with --format json") from None
    if not isinstance(content, dict):
        raise PlanFileError(f"{shown}: is not a result of sesform; write it with --format json")
    try:
        return _result(shown, content)
    except PlanFileError:
        raise
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError, SesformError) as error:
        raise PlanFileError(
            f"{shown}: the result is incomplete ({type(error).__name__}). Run the part again."
        ) from None


def _result(file: str, content: Mapping[str, Any]) -> _Result:
    read: dict[str, Callable[[Mapping[str, Any]], Report | Validation | Routes]] = {
        "outcomes": saved_results.report,
        "valid": _validation,
        "gaps": _routes,
    }
    kind = next((name for name in read if name in content), "")
    if not kind:
        return _plan(file, content)
    if content["version"] != 1:
        raise PlanFileError(
            f"{file}: version {content['version']!r}; this sesform reads version 1. Run the part again."
        )
    if kind == "valid" and content["valid"] is not True:
        return _Result(file, content, None, None, saved_results.problems(content["problems"]))
    return _Result(file, content, saved_results.part(content), read[kind](content))


def _plan(file: str, content: Mapping[str, Any]) -> _Result:
    own = content.get("sesform")
    if isinstance(own, dict) and "steps" not in own and content.get("errored") is True:
        return _Result(file, content, None, None, saved_results.problems(own["diagnostics"]))
    plan = plan_file.loaded(content, file)
    return _Result(file, content, plan.part, plan, plan.errors)


def _validation(content: Mapping[str, Any]) -> Validation:
    return Validation(content["specs"], content["resources"], saved_results.problems(content["problems"]))


def _routes(content: Mapping[str, Any]) -> Routes:
    return replace(Routes(*saved_results.routes(content)), part=saved_results.part(content))
