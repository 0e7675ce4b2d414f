"""sesform: declare Amazon SES notification settings in YAML, plan, apply in a safe order, detect drift.

    import sesform

    plan = sesform.plan(["specs"])
    if not plan.errors:
        report = sesform.apply(plan)

The names in `__all__` are the public API and follow semantic versioning. They are loaded when they are first used, so that
importing the package costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sesform.engine import (
        EmulatedAws,
        Merged,
        Notify,
        Routes,
        Settings,
        Validation,
        Verification,
        VerifyOptions,
        apply,
        apply_saved,
        destroy,
        drift,
        handover,
        load_plan,
        matrix,
        merge,
        plan,
        routes,
        save_plan,
        validate,
        verify,
    )
    from sesform.errors import (
        AccountError,
        AwsError,
        CredentialsError,
        PlanFileError,
        PlanRefusedError,
        Problem,
        SesformError,
        SpecError,
        StalePlanError,
        UsageError,
    )
    from sesform.model.shard import Shard
    from sesform.planning.plan import Change, Outcome, Plan, Report
    from sesform.planning.shards import Matrix

    __version__: str

__all__ = [
    "AccountError",
    "AwsError",
    "Change",
    "CredentialsError",
    "EmulatedAws",
    "Matrix",
    "Merged",
    "Notify",
    "Outcome",
    "Plan",
    "PlanFileError",
    "PlanRefusedError",
    "Problem",
    "Report",
    "Routes",
    "SesformError",
    "Settings",
    "Shard",
    "SpecError",
    "StalePlanError",
    "UsageError",
    "Validation",
    "Verification",
    "VerifyOptions",
    "__version__",
    "apply",
    "apply_saved",
    "destroy",
    "drift",
    "handover",
    "load_plan",
    "matrix",
    "merge",
    "plan",
    "routes",
    "save_plan",
    "validate",
    "verify",
]

_MODULES = (
    "sesform.errors",
    "sesform.model.shard",
    "sesform.planning.plan",
    "sesform.engine",
    "sesform.planning.shards",
)

# The packages `sesform.apply` and `sesform.verify` share their names with functions. Python binds a package to its parent when it
# is first imported, and never again: each is imported here and unbound, and from then on its name means the function.
for _name in ("apply", "verify"):
    import_module(f"sesform.{_name}")
    del globals()[_name]


def _version() -> str:
    """Return the version that the build wrote, "0+unknown" in a source tree that was never built.

    The metadata of the installed package has it too, but takes 40 ms to read.
    """
    try:
        with open(f"{__path__[0]}/version.txt", encoding="utf-8") as file:  # noqa: PTH123  # pathlib takes long to import
            return file.read().strip()
    except FileNotFoundError:
        return "0+unknown"


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used."""
    if name == "__version__":
        globals()[name] = _version()
        return globals()[name]
    if name in __all__:
        for module in map(import_module, _MODULES):
            if hasattr(module, name):
                globals()[name] = getattr(module, name)
                return globals()[name]
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
