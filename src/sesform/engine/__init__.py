"""The engine: every operation as a plain function. Settings in, frozen data out, progress through a callback.

The command line, the public Python API and the tests call these functions and nothing below them. The engine does not print, ask
questions, exit, or read the environment. The modules of the names in `__all__` are imported when a name is first used, so that
`validate` does not load the client of AWS.

    plan = engine.plan(["specs"])
    report = engine.apply(plan)
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sesform.engine.applies import Approve, apply, apply_saved, destroy, load_plan, plan_again, save_plan
    from sesform.engine.formatting import FormattedFile, fmt, fmt_text
    from sesform.engine.imports import (
        Imported,
        ImportedFromTerraform,
        ImportRequest,
        differences,
        import_live,
        import_terraform,
    )
    from sesform.engine.merging import Merged, merge
    from sesform.engine.plans import drift, drift_of, plan, plan_desired
    from sesform.engine.progress import Notify
    from sesform.engine.route_report import Routes, routes
    from sesform.engine.settings import EmulatedAws, Settings, keeping_logins
    from sesform.engine.sharding import matrix
    from sesform.engine.specs import Validation, compile_specs, handover, iam_policy, validate, with_removed
    from sesform.engine.verification import Cleaned, Preview, Verification, VerifyOptions, clean, verify

__all__ = [
    "Approve",
    "Cleaned",
    "EmulatedAws",
    "FormattedFile",
    "ImportRequest",
    "Imported",
    "ImportedFromTerraform",
    "Merged",
    "Notify",
    "Preview",
    "Routes",
    "Settings",
    "Validation",
    "Verification",
    "VerifyOptions",
    "apply",
    "apply_saved",
    "clean",
    "compile_specs",
    "destroy",
    "differences",
    "drift",
    "drift_of",
    "fmt",
    "fmt_text",
    "handover",
    "iam_policy",
    "import_live",
    "import_terraform",
    "keeping_logins",
    "load_plan",
    "matrix",
    "merge",
    "plan",
    "plan_again",
    "plan_desired",
    "routes",
    "save_plan",
    "validate",
    "verify",
    "with_removed",
]

_NAMES = {
    "applies": ("Approve", "apply", "apply_saved", "destroy", "load_plan", "plan_again", "save_plan"),
    "formatting": ("FormattedFile", "fmt", "fmt_text"),
    "imports": (
        *("ImportRequest", "Imported", "ImportedFromTerraform", "differences", "import_live", "import_terraform"),
    ),
    "merging": ("Merged", "merge"),
    "plans": ("drift", "drift_of", "plan", "plan_desired"),
    "progress": ("Notify",),
    "route_report": ("Routes", "routes"),
    "settings": ("EmulatedAws", "Settings", "keeping_logins"),
    "sharding": ("matrix",),
    "verification": ("Cleaned", "Preview", "Verification", "VerifyOptions", "clean", "verify"),
    "specs": ("Validation", "compile_specs", "handover", "iam_policy", "validate", "with_removed"),
}
_MODULES = {name: module for module, names in _NAMES.items() for name in names}


def __getattr__(name: str) -> Any:
    """Return a name of `__all__`; import its module."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    return globals()[name]
