"""The changelog has the form of Keep a Changelog 1.1.0."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

from packaging.version import Version

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
RELEASES = re.findall(r"^## (.*)$", TEXT, re.MULTILINE)
KINDS = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")
LINKS = dict(re.findall(r"^\[(.+?)\]: (\S+)$", TEXT, re.MULTILINE))


def test_it_begins_with_what_is_not_released() -> None:
    """The first section is Unreleased; each other one has a version and a date, the newest first."""
    first, *released = RELEASES
    parsed = [re.fullmatch(r"\[(\d+\.\d+\.\d+)\] - (\d{4}-\d{2}-\d{2})", title) for title in released]
    versions = [Version(found[1]) for found in parsed if found]
    days = [date.fromisoformat(found[2]) for found in parsed if found]

    assert "[Unreleased]" == first
    assert len(released) == len(versions)
    assert sorted(versions, reverse=True) == versions
    assert sorted(days, reverse=True) == days


def test_every_version_has_a_link() -> None:
    """Each section's title is a link to its commits on the project's page."""
    wanted = {re.sub(r"\[(.*?)\].*", r"\1", title) for title in RELEASES}

    assert wanted == LINKS.keys()
    assert [url for url in LINKS.values() if not url.startswith("https://github.com/sesform/sesform/")] == []


def test_changes_are_grouped_by_their_kind() -> None:
    """Each section has the headings of the convention only, each once and in its order."""
    for section in re.split(r"^## .*$", TEXT, flags=re.MULTILINE)[1:]:
        headings = re.findall(r"^### (.*)$", section, re.MULTILINE)

        assert [kind for kind in KINDS if kind in headings] == headings
