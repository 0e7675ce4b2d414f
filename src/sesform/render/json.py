"""Reports and problems as JSON documents. For plans see planning/plan_file."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sesform.errors import Problem
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
        }
    )


def problems(of: Iterable[Problem]) -> str:
    """Return the problems of specs on one line."""
    return _line({"version": 1, "problems": [p.as_dict() for p in of]})


def _line(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"))
