"""Checks of steps that AWS would refuse, as their resource types say."""

from __future__ import annotations

from collections.abc import Iterable

from sesform.errors import Problem
from sesform.model.address import Address
from sesform.planning.plan import Change
from sesform.resources import RESOURCES
from sesform.specs.desired import Desired


def refused(desired: Desired, changes: Iterable[Change]) -> list[Problem]:
    """Return errors of steps that AWS would refuse. Of several steps of one resource the last one tells."""
    found: dict[Address, list[Problem]] = {}
    for change in changes:
        refusals = RESOURCES[change.address.type].refusals(change.address, change.before, change.after)
        if refusals:
            found[change.address] = [desired.problem(change.address, text, hint) for text, hint in refusals]
    return [problem for problems in found.values() for problem in problems]
