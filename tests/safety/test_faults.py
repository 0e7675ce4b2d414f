"""Faults and concurrent runs: the report is correct, the next run converges, and no resource is created twice."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from sesform.apply import execute
from sesform.model.address import Address
from sesform.planning.plan import Report
from strategies import IDENTITIES, PARTNER_ACCOUNT, PARTNERS, random_specs
from world import World


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("faults"))


def fresh(world: World) -> World:
    world.sandbox.reset()
    world.identity(*IDENTITIES)
    world.identity(*PARTNERS, account=PARTNER_ACCOUNT)
    return world


# Faults of AWS or the network: (code, status, number of calls, whether AWS executes the calls all the same).
FAULTS = st.sampled_from(
    [
        ("AccessDenied", 403, 1, False),
        ("AccessDenied", 403, 1000, False),
        ("ExpiredToken", 403, 1000, False),
        ("Throttling", 400, 3, False),
        ("Throttling", 400, 1000, False),
        ("InternalFailure", 500, 4, False),
        ("EndpointConnectionError", 0, 1000, False),
        ("ReadTimeoutError", 0, 1, True),
        ("ReadTimeoutError", 0, 1000, True),
    ]
)


def apply_with_a_fault(world: World, specs: str, at: int, fault: tuple[str, int, int, bool]) -> Report:
    """Apply the specs; the fault begins at the call with the number `at`."""
    plan = world.plan(specs)
    assume(plan.applyable)
    code, status, times, lost_answer = fault
    world.sandbox.fail("*", code=code, status=status, times=times, lost_answer=lost_answer, after=at)
    return world.apply(plan)


def check_the_report(world: World, specs: str, report: Report) -> None:
    """Check that no step reported as done is planned again, and that each step that failed or was not tried is."""
    planned = {c.address for c in world.plan(specs).changes}
    by_address: dict[Address, set[str]] = {}
    for outcome in report.outcomes:
        by_address.setdefault(outcome.change.address, set()).add(outcome.result)
    # A temporary replacement that is no longer needed is a separate step of the next plan, in either case.
    rest = {a: found for a, found in by_address.items() if "-sesform-stand-in" not in a.key}

    assert {a for a, found in rest.items() if found == {"done"}} & planned == set()
    assert {a for a, found in rest.items() if found <= {"failed", "not tried"}} - planned == set()


@given(first=random_specs(), second=random_specs(), at=st.integers(0, 25), fault=FAULTS)
def test_after_any_fault_the_report_is_correct_and_the_next_run_converges(
    shared: World, first: str, second: str, at: int, fault: tuple[str, int, int, bool]
) -> None:
    """After a fault at any call of any plan between any two specs, the report is correct and the next run converges."""
    world = fresh(shared)
    assume(not world.plan(first).errors)
    world.converge(first)
    report = apply_with_a_fault(world, second, at, fault)
    world.sandbox.mend()
    check_the_report(world, second, report)
    world.converge(second)


class Killed(BaseException):
    """The end of the process, after which no code runs."""


@given(first=random_specs(), second=random_specs(), at=st.integers(0, 25), carried_out=st.booleans())
def test_after_being_killed_at_any_call_the_next_run_converges(
    shared: World, first: str, second: str, at: int, carried_out: bool
) -> None:
    """kill -9 before a call, or between a call and its response, loses no resource and creates none twice."""
    world = fresh(shared)
    assume(not world.plan(first).errors)
    world.converge(first)
    plan = world.plan(second)
    assume(plan.applyable)

    def die() -> None:
        raise Killed

    world.sandbox.fail(
        "*", code="ReadTimeoutError", lost_answer=carried_out, before=None if carried_out else die, after=at
    )
    if carried_out:
        world.sandbox.fail("*", code="", times=1000, before=die, after=at + 1)
    with suppress(Killed):
        execute.run(plan, world.connections(world.desired(second), read_only=False), parallelism=1)
    world.sandbox.mend()
    world.converge(second)


@given(specs=random_specs(), at=st.integers(0, 20))
def test_two_applies_at_once_end_in_what_is_declared(shared: World, specs: str, at: int) -> None:
    """Two applies of the same specs at the same time converge, and the next plan is empty."""
    world = fresh(shared)
    plan = world.plan(specs)
    assume(plan.applyable)
    other = World(world.folder)
    other.sandbox = world.sandbox

    def meanwhile() -> None:
        other.apply(other.plan(specs))

    world.sandbox.fail("*", code="EndpointConnectionError", before=meanwhile, after=at)
    world.apply(plan)
    world.sandbox.mend()
    world.converge(specs)
