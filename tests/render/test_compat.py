"""The texts with Terraform's lines, read as other tools read them.

Regular expressions: tfcmt, pkg/terraform/parser.go (0b9a6a66); Atlantis, server/events/models/models.go.
"""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from sesform.planning.plan import Plan
from sesform.render import compat, text
from world import World

BEFORE = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
topics: {feedback: {}, other: {}}
identities:
  example.com: {notifications: {bounce: {topic: feedback, headers: true}, complaint: feedback}}
"""
AFTER = BEFORE.replace("complaint: feedback", "complaint: other").replace("headers: true", "headers: false")

CREATE, UPDATE, DELETE = (
    re.compile(pattern, re.MULTILINE)
    for pattern in (
        r"^ *# (.*) will be created$",
        r"^ *# (.*) will be updated in-place$",
        r"^ *# (.*) will be destroyed$",
    )
)
PASS, FAIL = re.compile(r"(?m)^(Plan: \d|No changes.)"), re.compile(r"(?m)^([│|] )?(Error: )")
HAS_DESTROY = re.compile(r"(?m)([1-9][0-9]* to destroy.)")
HAS_NO_CHANGES = re.compile(r"(?m)^(No changes.)")
PLAN_CHANGES = re.compile(r"Plan: (?:(\d+) to import, )?(\d+) to add, (\d+) to change, (\d+) to destroy.")
NO_CHANGES = re.compile(r"No changes. (Infrastructure is up-to-date|Your infrastructure matches the configuration).")
CHANGES_OUTSIDE = re.compile(r"Note: Objects have changed outside of Terraform")


def creation(world: World) -> Plan:
    world.identity("example.com")
    return world.plan(BEFORE)


def update(world: World) -> Plan:
    world.identity("example.com")
    world.converge(BEFORE)
    return world.plan(AFTER)


def removal(world: World) -> Plan:
    world.identity("example.com")
    world.converge(BEFORE)
    return world.plan(BEFORE, destroy=True)


PLANS = pytest.mark.parametrize("made", [creation, update, removal])


def cut_out(drawn: str, begin: str, end: str) -> list[str]:
    """Return the lines between two, as tfcmt cuts them out: `begin` is a whole line, `end` the beginning of one."""
    lines = drawn.split("\n")
    start = lines.index(begin) + 1
    stop = next((n for n, line in enumerate(lines) if n > start and line.startswith(end)), len(lines))
    return lines[start:stop]


@PLANS
def test_tfcmt_finds_the_changes_of_a_plan(world: World, made: Callable[[World], Plan]) -> None:
    """The section after Terraform's opening line has the blocks of all changes, and the lists have their addresses."""
    plan = made(world)
    drawn = compat.plan(text.plan(plan))
    section = "\n".join(cut_out(drawn, "Terraform will perform the following actions:", "─────"))
    listed = [address for pattern in (CREATE, UPDATE, DELETE) for address in pattern.findall(section)]

    assert {str(change.address) for change in plan.changes} == set(listed)
    assert PASS.search(drawn)
    assert not FAIL.search(drawn)
    assert bool(plan.summary["delete"]) == bool(HAS_DESTROY.search(drawn))
    assert "sesform will perform" not in drawn


@PLANS
def test_atlantis_counts_the_changes_of_a_plan(world: World, made: Callable[[World], Plan]) -> None:
    """Its summary has the numbers of resources."""
    plan = made(world)
    found = PLAN_CHANGES.search(compat.plan(text.plan(plan)))
    numbers = [str(plan.summary[action]) for action in ("create", "update", "delete")]

    assert found is not None
    assert (None, *numbers) == found.groups()


def test_both_see_that_nothing_changes(world: World) -> None:
    """Plans and drift without differences have Terraform's whole sentence on a line of its own."""
    creation(world)
    world.converge(BEFORE)
    same = world.plan(BEFORE)
    for drawn in (compat.plan(text.plan(same)), compat.drift(text.drift(same))):
        assert HAS_NO_CHANGES.search(drawn)
        assert NO_CHANGES.search(drawn)
        assert not CHANGES_OUTSIDE.search(drawn)


@pytest.mark.parametrize("colour", [False, True])
def test_both_see_drift_as_changes_outside_of_terraform(world: World, colour: bool) -> None:
    """tfcmt folds the lines between the note and the line that ends it; without that line it fails."""
    drawn = compat.drift(text.drift(update(world), colour=colour))
    end = "Unless you have made equivalent changes to your configuration"
    section = cut_out(drawn, "Note: Objects have changed outside of Terraform", end)

    assert CHANGES_OUTSIDE.search(drawn)
    assert f"\n{end}" in drawn
    assert sum("has changed" in line for line in section) == sum("has changed" in line for line in drawn.split("\n"))
    assert "to change" not in "\n".join(section)


def test_the_name_of_a_resource_cannot_be_an_opening_line() -> None:
    """Only the line of the plan itself is replaced."""
    drawn = f"  # a\n{text.OPENER}\n  + {text.OPENER}\n{text.OPENER}\n"

    assert 1 == compat.plan(drawn).count("Terraform will perform")
