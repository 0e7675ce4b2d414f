"""Which module may import which, and which modules must be pure, including indirect imports."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path

import pytest

import sesform
from sesform.resources import RESOURCES

SOURCE = Path(sesform.__file__).parents[1]
PACKAGES = ("sesform", "sesform_sandbox")

# From the lowest to the highest. Packages on one line do not import each other.
LAYERS = (
    ("errors",),
    ("model",),
    ("aws", "policies"),
    ("specs",),
    ("resources",),
    ("live",),
    ("planning", "importer"),
    ("iam_policy", "apply", "render", "verify"),
    ("engine",),
    ("sandbox",),
    ("cli",),
    ("__main__",),
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}
API = "__init__"  # the public API of the package: it imports the engine when it is used, and holds the version

# Modules that the sandbox imports from the product.
SHARED_WITH_SANDBOX = {"errors", "model"}

ONLY_IN = {
    "yaml": {"sesform.specs"},
    "ruamel": {"sesform.specs"},
    "subprocess": {"sesform.specs"},
    "boto3": {"sesform_sandbox"},
    "botocore": {"sesform.aws", "sesform_sandbox"},
    "pydantic": {"sesform.specs"},
    "pydantic_core": {"sesform.specs"},
    "deepdiff": {"sesform.planning"},
    "typer": {"sesform.cli"},
    "click": {"sesform.cli"},
    "rich": set[str](),
    "jinja2": {"sesform.cli"},
    "moto": {"sesform_sandbox"},
    "apprise": {"sesform.cli"},
    "prometheus_client": {"sesform.render"},
    "sesform_sandbox": {"sesform.cli", "sesform.engine", "sesform.sandbox", "sesform_sandbox"},
}

# Pure packages: no clock, network, threads, environment, files or random numbers, also not through imports.
PURE = (
    "sesform.planning",
    "sesform.specs",
    "sesform.policies",
    "sesform.render",
    "sesform.iam_policy",
    "sesform.model",
)
READERS = ("sesform.specs.yaml_reader", "sesform.specs.git_reader")  # the modules of specs/ that read files
IMPURE = {
    *("asyncio", "concurrent", "multiprocessing", "queue", "sched", "selectors", "signal", "threading"),
    *("datetime", "random", "secrets", "time", "uuid"),
    *("ftplib", "http", "smtplib", "socket", "ssl", "subprocess", "urllib", "boto3", "botocore", "requests"),
    *("io", "os", "pathlib", "platform", "shutil", "sys", "tempfile", "getpass", "locale", "logging"),
}
# Modules that read AWS: a pure package that imports one of them could read while it plans.
READS_AWS = (
    *("sesform.aws", "sesform.live", "sesform.resources.reader", "sesform.importer.account"),
    *("sesform.apply", "sesform.engine", "sesform_sandbox"),
)
DATA_ONLY = {"sesform.live", "sesform.live.snapshot"}  # these only hold data

Sources = Mapping[str, str]  # dotted module name → its source


@cache
def sources() -> dict[str, str]:
    """All modules of both packages."""
    found = {}
    for package in PACKAGES:
        for file in sorted((SOURCE / package).rglob("*.py")):
            parts = file.relative_to(SOURCE).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = file.read_text(encoding="utf-8")
    return found


@cache
def tree(source: str) -> ast.Module:
    return ast.parse(source)


@cache
def imported(source: str, *, for_types: bool) -> set[str]:
    """Return the dotted names of everything that a module imports; with `for_types`, also imports for type checkers."""
    nodes = list(ast.walk(tree(source)))
    guarded = {
        id(inner)
        for node in nodes
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for statement in node.body
        for inner in ast.walk(statement)
    }
    found = set()
    for node in nodes:
        if id(node) in guarded and not for_types:
            continue
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"imports are absolute: {ast.unparse(node)}"
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def own_module(name: str, modules: Iterable[str]) -> str | None:
    """Return the module of this project that an imported name belongs to, or None for a library."""
    parts = name.split(".")
    heads = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((head for head in heads if head in modules), None)


def closure(module: str, code: Sources) -> dict[str, str]:
    """Return every module that importing a module can run, with its importer; includes the parent packages."""
    found, waiting = {module: ""}, [module]
    while waiting:
        current = waiting.pop()
        names = {own_module(name, code) for name in imported(code[current], for_types=False)} - {None}
        parents = {current.rsplit(".", 1)[0]} if "." in current else set()
        for name in sorted(str(n) for n in names | parents):
            if name not in found and name in code and name != "sesform":  # the package itself imports lazily
                found[name] = current
                waiting.append(name)
    return found


def within(module: str, packages: Iterable[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)


def impurities(code: Sources) -> list[str]:
    """Return every import chain by which a pure module is impure, as `module: name, through module`."""
    found = []
    for module in sorted(code):
        if not within(module, PURE) or module in READERS:
            continue
        for reached in closure(module, code):
            if reached in READERS or (within(reached, READS_AWS) and reached not in DATA_ONLY):
                found.append(f"{module}: {reached}")
            libraries = {name.split(".")[0] for name in imported(code[reached], for_types=False)}
            found += [f"{module}: {library}, through {reached}" for library in sorted(libraries & IMPURE)]
            found += [f"{module}: open(), through {reached}"] if "open" in calls(code[reached]) else []
    return found


def unit(module: str) -> str:
    """Return the package, or the top-level module, of sesform that a module belongs to."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else API


def out_of_order(code: Sources) -> list[str]:
    """Return every import that is against the order of the packages; includes imports for type checkers."""
    found = []
    for module in sorted(code):
        if not within(module, ("sesform",)) or module in ("sesform", "sesform.sandbox"):
            continue
        for name in sorted(imported(code[module], for_types=True)):
            other = own_module(name, code)
            if other is None or not within(other, ("sesform",)) or other == "sesform":
                continue
            if unit(other) != unit(module) and RANK[unit(other)] >= RANK[unit(module)]:
                found.append(f"{module} imports {other}")
    return found


def with_line(module: str, line: str) -> dict[str, str]:
    """Return all sources, with one more import in a module."""
    code = dict(sources())
    anchor = "from __future__ import annotations\n"
    assert anchor in code[module]
    code[module] = code[module].replace(anchor, f"{anchor}{line}\n", 1)
    return code


# --- order -------------------------------------------------------------------------------------------------------------


def test_every_package_has_a_layer() -> None:
    """Every package has its place in the order."""
    assert {API} == {unit(module) for module in sources() if within(module, ("sesform",))} - RANK.keys()


def test_imports_are_from_lower_layers_only() -> None:
    """No package imports a package of a higher layer."""
    assert out_of_order(sources()) == []


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("sesform.planning.planner", "from sesform.apply import execute"),
        ("sesform.planning.planner", "from sesform.importer import account"),
        ("sesform.importer.account", "from sesform.planning import planner"),
        ("sesform.render.text", "from sesform.apply import execute"),
        ("sesform.apply.execute", "from sesform.render import text"),
        ("sesform.live.refresh", "from sesform.planning.plan import Plan"),
    ],
)
def test_an_import_from_a_higher_layer_is_found(module: str, line: str) -> None:
    """The test of the order fails for an import in the wrong direction."""
    assert [found for found in out_of_order(with_line(module, line)) if found.startswith(f"{module} imports")]


def test_the_sandbox_shares_only_the_model_and_errors() -> None:
    """The sandbox imports only the model and errors, so that an error in the product's rules cannot hide in the emulation."""
    found = {
        f"{module} imports {name}"
        for module in sources()
        if within(module, ("sesform_sandbox",))
        for name in imported(sources()[module], for_types=True)
        if name.split(".")[0] == "sesform" and name.split(".")[1] not in SHARED_WITH_SANDBOX
    }

    assert set() == found


@pytest.mark.parametrize(("library", "users"), sorted(ONLY_IN.items()))
def test_a_library_is_imported_in_one_place_only(library: str, users: set[str]) -> None:
    """Each library is imported in one place, so that it can be replaced."""
    found = {
        module
        for module, source in sources().items()
        if library in {name.split(".")[0] for name in imported(source, for_types=True)} and not within(module, users)
    }

    assert set() == found


# --- purity ------------------------------------------------------------------------------------------------------------


def test_pure_packages_are_pure() -> None:
    """Pure packages give the same output for the same input."""
    assert impurities(sources()) == []


@pytest.mark.parametrize(
    ("module", "line", "expected"),
    [
        ("sesform.planning.checks.quotas", "import time", "sesform.planning.checks.quotas: time"),
        ("sesform.planning.route_changes", "from os import environ", "sesform.planning.route_changes: os"),
        ("sesform.planning.planner", "from sesform.live.listing import identities", "sesform.planning.planner: "),
        ("sesform.planning.planner", "from sesform.resources.reader import Reader", "sesform.planning.planner: "),
        ("sesform.specs.declared", "from sesform.specs import yaml_reader", "sesform.planning.planner: "),
        ("sesform.policies.document", "import random", "sesform.render.text: random"),
        ("sesform.resources.topic", "import time", "sesform.planning.planner: time"),
    ],
)
def test_an_impurity_is_found(module: str, line: str, expected: str) -> None:
    """The test of purity fails for a direct or indirect import of a clock, the environment or a module that reads AWS."""
    found = impurities(with_line(module, line))

    assert [each for each in found if each.startswith(expected)]


# --- what else every module keeps to -------------------------------------------------------------------------------------


@cache
def calls(source: str) -> frozenset[str]:
    """Return names that are called, and attributes that are used, as dotted text."""
    nodes = list(ast.walk(tree(source)))
    called = (node.func.id for node in nodes if isinstance(node, ast.Call) and isinstance(node.func, ast.Name))
    return frozenset([*called, *(ast.unparse(node) for node in nodes if isinstance(node, ast.Attribute))])


@pytest.mark.parametrize("name", ["print", "sys.stdout", "sys.stderr", "sys.exit", "exit", "quit", "input"])
def test_only_the_command_line_prints_and_exits(name: str) -> None:
    """Only the command line prints and exits; other modules return results or raise errors."""
    found = {module for module, source in sources().items() if name in calls(source)}

    assert set() == {unit(module) for module in found} - {"cli", "__main__"}


@pytest.mark.parametrize("name", ["eval", "exec", "__import__", "breakpoint", "os.system"])
def test_no_module_executes_text(name: str) -> None:
    """No module executes text from specs, plans or AWS."""
    assert [module for module, source in sources().items() if name in calls(source)] == []


def type_tests(source: str) -> list[str]:
    """Return the comparisons of a module with the name of a resource type."""
    found = []
    for node in ast.walk(tree(source)):
        for side in (node.left, *node.comparators) if isinstance(node, ast.Compare) else ():
            values = side.elts if isinstance(side, ast.Tuple | ast.Set | ast.List) else [side]
            if any(isinstance(value, ast.Constant) and value.value in RESOURCES for value in values):
                found.append(ast.unparse(node))
    return found


@pytest.mark.parametrize("module", ["sesform.planning.planner", "sesform.specs.removed"])
def test_planning_and_removal_name_no_type(module: str) -> None:
    """Planning and removal name no resource type: differences are in the types."""
    names = [n.value for n in ast.walk(tree(sources()[module])) if isinstance(n, ast.Constant) and n.value in RESOURCES]

    assert names == []


def test_few_modules_compare_with_the_name_of_a_type() -> None:
    """Few modules compare with the name of a resource type, so that a new type needs few changes."""
    assert sum(len(type_tests(source)) for source in sources().values()) < 23


BANNED = ("manager", "handler", "processor", "helper", "utils", "common", "core")


def test_names_are_specific() -> None:
    """Names of modules and public classes are specific."""
    classes = [n.name for source in sources().values() for n in ast.walk(tree(source)) if isinstance(n, ast.ClassDef)]
    names = [*(name for name in classes if not name.startswith("_")), *(m.rsplit(".", 1)[-1] for m in sources())]

    assert [name for name in names if name.lower().strip("_").endswith(BANNED)] == []


def test_no_module_is_too_long_to_read() -> None:
    """No module has more than 400 lines."""
    assert [module for module, source in sources().items() if len(source.splitlines()) > 400] == []


def test_no_function_is_too_long_to_read() -> None:
    """No function has more than 50 lines."""
    functions = [
        (module, node)
        for module, source in sources().items()
        for node in ast.walk(tree(source))
        if isinstance(node, ast.FunctionDef)
    ]
    found = [f"{m}.{n.name}" for m, n in functions if (n.end_lineno or 0) - n.lineno + 1 > 50]

    assert found == []
