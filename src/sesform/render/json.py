"""Reports and problems as JSON documents. For plans see planning/plan_file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sesform.errors import Problem
from sesform.model.masking import masked_values
from sesform.model.shard import Part
from sesform.planning import plan_file
from sesform.planning.plan import Report


def report(of: Report) -> str:
    """Return a report on one line."""
    return _line(
        {
            "version": 1,
            "ok": of.ok,
            "interrupted": of.interrupted,
            "done": of.done,
            "outcomes": [
                {
                    "address": str(o.change.address),
                    "action": o.change.action,
                    "result": o.result,
                    "error": o.error,
                    "before": plan_file.plain(o.change.before),
                }
                for o in of.outcomes
            ],
            **part_of(of.part),
        }
    )


def validation(problems: Iterable[Problem], *, specs: int = 0, resources: int = 0, part: Part | None = None) -> str:
    """Return the result of `validate` on one line, of the same form whether the specs are valid or not.

    `specs`, `resources`: how many valid specs declare; 0 if there are errors. `part`: which part of the specs they are.
    """
    found = [p.as_dict() for p in problems]
    errors = sum(p["severity"] == "error" for p in found)
    return _line(
        {
            "version": 1,
            "valid": errors == 0,
            "error_count": errors,
            "warning_count": len(found) - errors,
            "specs": specs,
            "resources": resources,
            "problems": found,
            **part_of(part),
        }
    )


def part_of(part: Part | None) -> dict[str, Any]:
    """Return the entry that says which part of the specs a document covers; nothing for all specs."""
    return {} if part is None else {"shard": part.document()}


def _line(content: Any) -> str:
    return json.dumps(masked_values(content), separators=(",", ":"))
