"""What a command imports before it does its work, which is most of the time of a short one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SPECS = Path(__file__).parents[2] / "specs"
LISTED = """
import sys
from sesform.cli import main
code = main(sys.argv[1:])
print(*sorted(sys.modules), file=sys.stderr)
sys.exit(code)
"""

AWS = ("boto3", "botocore", "moto", "sesform.aws", "sesform_sandbox")
PLANNING = ("deepdiff", "sesform.apply.execute", "sesform.importer", "sesform.planning.planner", "sesform.render")
SPEC_READING = ("pydantic", "yaml", "sesform.engine", "sesform.specs")


@pytest.mark.parametrize(
    ("arguments", "unused"),
    [
        (["--version"], (*AWS, *PLANNING, *SPEC_READING, "typer", "sesform.cli.app")),
        (["--help"], (*AWS, *PLANNING, *SPEC_READING, "rich")),
        (["plan", "--help"], (*AWS, *PLANNING, "yaml", "sesform.engine", "sesform.specs", "rich")),
        (["validate", str(SPECS)], (*AWS, *PLANNING, "rich", "sesform.resources")),
        (["validate", str(SPECS), "--format", "json"], (*AWS, "rich", "sesform.importer")),
    ],
)
def test_a_command_imports_only_what_it_uses(arguments: list[str], unused: tuple[str, ...]) -> None:
    """A command that calls no AWS loads no client of AWS, and one that reads no spec loads no parser."""
    command = [sys.executable, "-c", LISTED, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    loaded = done.stderr.split()

    assert (0, True) == (done.returncode, "sesform.cli" in loaded)
    assert [name for name in loaded if any(name == u or name.startswith(f"{u}.") for u in unused)] == []


def test_every_name_of_the_engine_is_found() -> None:
    """The engine imports the module of a name at its first use, and an unknown name is an AttributeError."""
    program = "from sesform import engine; print([n for n in engine.__all__ if getattr(engine, n) is None]); engine.x"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert "[]\n" == done.stdout
    assert "AttributeError: module 'sesform.engine' has no attribute 'x'" in done.stderr
