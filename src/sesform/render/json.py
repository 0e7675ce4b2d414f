"""Reports and problems as JSON documents. A plan's JSON is its file's: see `plan_file`."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from sesform.errors import Problem
from sesform.planning import plan_file
from sesform.planning.plan import Report


def report(of: Report) -> str:
    """What became of a plan, on one line."""
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
    """What is wrong with the specs, on one line."""
    return _line({"version": 1, "problems": [p.as_dict() for p in of]})


def _line(content: Any) -> str:
    return json.dumps(content, separators=(",", ":"))
