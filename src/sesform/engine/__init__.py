"""The engine: every operation as a plain function. Settings in, frozen data out, progress through a callback.

The command line, the public Python API and the tests call these functions and nothing below them. The engine does not print, ask
questions, exit, or read the environment.

    plan = engine.plan(["specs"])
    report = engine.apply(plan)
"""

from __future__ import annotations

from sesform.engine.applies import Approve, apply, apply_saved, destroy, load_plan, plan_again, save_plan
from sesform.engine.imports import (
    Imported,
    ImportedFromTerraform,
    ImportRequest,
    differences,
    import_live,
    import_terraform,
)
from sesform.engine.plans import drift, drift_of, plan, plan_desired
from sesform.engine.progress import Notify
from sesform.engine.route_report import Routes, routes
from sesform.engine.settings import EmulatedAws, Settings, keeping_logins
from sesform.engine.specs import Validation, compile_specs, handover, iam_policy, validate, with_removed

__all__ = [
    "Approve",
    "EmulatedAws",
    "ImportRequest",
    "Imported",
    "ImportedFromTerraform",
    "Notify",
    "Routes",
    "Settings",
    "Validation",
    "apply",
    "apply_saved",
    "compile_specs",
    "destroy",
    "differences",
    "drift",
    "drift_of",
    "handover",
    "iam_policy",
    "import_live",
    "import_terraform",
    "keeping_logins",
    "load_plan",
    "plan",
    "plan_again",
    "plan_desired",
    "routes",
    "save_plan",
    "validate",
    "with_removed",
]
