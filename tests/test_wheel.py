"""The wheel that users install."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_wheel_has_the_templates_of_pages(tmp_path: Path) -> None:
    """The files that pages are made from are in the package."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()

    folder = ROOT / "src" / "sesform" / "render" / "templates"
    assert {f"sesform/render/templates/{file.name}" for file in folder.iterdir()} == {
        name for name in names if "/templates/" in name
    }
