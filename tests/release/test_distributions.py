"""The wheel and the sdist of a release, built from a tag and installed in a clean environment."""

from __future__ import annotations

import email
import json
import zipfile
from pathlib import Path
from typing import NamedTuple

import pytest

from release.distributions import WHEELS, build, environment, git, repository, run, unpacked

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not WHEELS.exists(), reason="the dependencies are not downloaded: `make test-long` downloads them"
    ),
]
VERSION = "9.8.7"


class Release(NamedTuple):
    """The files of a release, and the programs of an environment in which its wheel is installed with the sandbox."""

    sdist: Path
    wheel: Path
    programs: Path
    folder: Path


@pytest.fixture(scope="module")
def release(tmp_path_factory: pytest.TempPathFactory) -> Release:
    """Build the sdist of a tag, the wheel from the sdist, without git, and install it."""
    folder = tmp_path_factory.mktemp("release")
    sdist = build("sdist", repository(folder / "repository", f"v{VERSION}"), folder / "sdist")
    wheel = build("wheel", unpacked(sdist, folder), folder / "wheel")
    programs = environment(folder / "environment")
    run(programs / "pip", "install", "--quiet", f"{wheel}[sandbox]", folder=folder)
    return Release(sdist, wheel, programs, folder)


def metadata(wheel: Path) -> email.message.Message:
    with zipfile.ZipFile(wheel) as archive:
        name = next(n for n in archive.namelist() if n.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_the_version_is_that_of_the_tag(release: Release) -> None:
    """Both files, and the installed command, have the version of the tag."""
    assert f"sesform-{VERSION}.tar.gz" == release.sdist.name
    assert f"sesform-{VERSION}-py3-none-any.whl" == release.wheel.name
    assert f"sesform {VERSION}\n" == run(release.programs / "sesform", "--version", folder=release.folder)


def test_a_shallow_clone_without_tags_builds(release: Release) -> None:
    """Without tags the version is one of development, with the commit."""
    source = (release.folder / "repository").as_uri()
    git("clone", "--quiet", "--depth=1", "--no-tags", source, "shallow", folder=release.folder)
    commit = git("rev-parse", "--short=7", "HEAD", folder=release.folder / "shallow").strip()
    wheel = build("wheel", release.folder / "shallow", release.folder / "shallow-dist")

    assert wheel.name.startswith("sesform-0.0.1.dev1+g" + commit)


def test_an_archive_of_a_tag_builds_without_git(release: Release) -> None:
    """The archive that GitHub offers for a tag has the version of the tag."""
    source = release.folder / "sesform-archive"
    source.mkdir()
    git("archive", "--output=archive.tar", "HEAD", folder=release.folder / "repository")
    run("tar", "-xf", release.folder / "repository" / "archive.tar", folder=source)

    assert f"sesform-{VERSION}-py3-none-any.whl" == build("wheel", source, release.folder / "archive-dist").name


def test_the_installed_command_works(release: Release) -> None:
    """In an empty folder, with nothing else installed, the command validates and plans on the sandbox."""
    spec = 'kind: Owner\nname: corp\naccount: "111111111111"\nregions: [eu-west-1]\ntopics: {feedback: {}}\n'
    folder = release.folder / "work"
    folder.mkdir()
    (folder / "spec.yaml").write_text(spec, encoding="utf-8")
    command = release.programs / "sesform"

    assert "1 spec, 2 resources" in run(command, "validate", "spec.yaml", folder=folder)
    assert "Plan: 1 to add" in run(command, "plan", "spec.yaml", "--sandbox", folder=folder)
    assert "sesform spec" == json.loads(run(command, "schema", folder=folder))["title"]


def test_the_package_data_is_installed(release: Release) -> None:
    """Type checkers find the types, and both packages are complete."""
    program = "from importlib.resources import files; print((files('sesform') / 'py.typed').is_file())"
    source = release.folder / "repository" / "src"
    written = {file.relative_to(source).as_posix() for file in source.rglob("*.*") if file.suffix != ".pyc"}
    with zipfile.ZipFile(release.wheel) as archive:
        packed = set(archive.namelist())

    assert "True\n" == run(release.programs / "python", "-c", program, folder=release.folder)
    assert set() == written - packed


def test_only_the_packages_are_installed(release: Release) -> None:
    """The wheel has no tests and no documentation; the sdist has them, so that packagers can run the tests."""
    with zipfile.ZipFile(release.wheel) as archive:
        top = {name.split("/")[0] for name in archive.namelist()}
    source = release.folder / f"sesform-{VERSION}"

    assert {"sesform", "sesform_sandbox", f"sesform-{VERSION}.dist-info"} == top
    assert all(
        (source / name).exists() for name in ("tests", "docs", "examples", "Makefile", "CHANGELOG.md", "PKG-INFO")
    )


def test_every_extra_resolves(release: Release) -> None:
    """Each extra has versions that fit together, among those that the development dependencies pin."""
    extras = metadata(release.wheel).get_all("Provides-Extra") or []

    assert {"dev", "fmt", "sandbox"} <= set(extras)
    for extra in extras:
        run(
            release.programs / "pip",
            "install",
            "--quiet",
            "--dry-run",
            f"{release.wheel}[{extra}]",
            folder=release.folder,
        )


def test_the_metadata_is_what_pypi_shows(release: Release) -> None:
    """PyPI finds the readme, the licence and the links; the metadata is of a version that the publishing action reads."""
    found = metadata(release.wheel)
    shown = [found[name] for name in ("Description-Content-Type", "License", "Metadata-Version")]
    links = {url.split(",")[0] for url in found.get_all("Project-URL") or []}

    assert ["text/markdown", "MIT", "2.3"] == shown
    assert {"Homepage", "Documentation", "Changelog", "Issues", "Source"} == links
    assert str(found.get_payload()).lstrip().startswith("# sesform")
