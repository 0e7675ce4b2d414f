"""Suppression options of a configuration set: declared, overridden by an empty list, and given back to the account."""

from __future__ import annotations

from typing import Any

import pytest

from scenes import owner, problems
from sesform.engine import ImportRequest, import_live
from sesform.importer.spec_writer import Account
from sesform.model.address import Access
from world import OWNER, REGION, World

HEAD = f"""
kind: Owner
name: corp
account: "{OWNER}"
regions: [{REGION}]
"""
SET = HEAD + "configuration_sets: {main: {suppression: %s}}\n"


def options(world: World) -> Any:
    answer = world.client("sesv2").get_configuration_set(ConfigurationSetName="main")
    return answer.get("SuppressionOptions")


@pytest.mark.parametrize(
    ("declared", "held"), [("[]", []), ("[bounce]", ["BOUNCE"]), ("[complaint, bounce]", ["BOUNCE", "COMPLAINT"])]
)
def test_the_set_overrides_the_account(world: World, declared: str, held: list[str]) -> None:
    """The reasons are set as declared; an empty list is an override, too."""
    world.converge(SET % declared)

    assert {"SuppressedReasons": held} == options(world)


def test_null_gives_the_setting_back_to_the_account(world: World) -> None:
    """A set without reasons of its own has no suppression options."""
    world.converge(SET % "[bounce]")
    world.converge(SET % "null")

    assert options(world) is None


def test_options_that_specs_do_not_declare_stay(world: World) -> None:
    """The call that sets the reasons replaces all suppression options, so the others are sent back as they were."""
    world.converge(SET % "[bounce]")
    validation = {"ConditionThreshold": {"ConditionThresholdEnabled": "ENABLED"}}
    world.client("sesv2").put_configuration_set_suppression_options(
        ConfigurationSetName="main", SuppressedReasons=["BOUNCE"], ValidationOptions=validation
    )
    world.converge(SET % "[complaint]")

    assert {"SuppressedReasons": ["COMPLAINT"], "ValidationOptions": validation} == options(world)


@pytest.mark.parametrize("declared", ["{main: {}}", "{main: {suppression: unmanaged}}"])
def test_what_is_not_declared_is_neither_read_nor_changed(world: World, declared: str) -> None:
    """Left out or unmanaged, the setting costs no call."""
    world.converge(SET % "[bounce]")
    world.sandbox.calls.clear()
    plan = world.plan(HEAD + f"configuration_sets: {declared}\n")

    assert plan.changes == ()
    assert "GetConfigurationSet" not in {call.operation for call in world.sandbox.calls}


def test_a_set_that_declares_it_costs_one_call_more(world: World) -> None:
    """Each such set is read with one GetConfigurationSet."""
    world.converge(SET % "[bounce]")
    world.sandbox.calls.clear()
    world.plan(SET % "[bounce]")

    assert 1 == sum(call.operation == "GetConfigurationSet" for call in world.sandbox.calls)


def test_with_since_the_setting_goes_back_to_the_account(world: World) -> None:
    """A setting that is declared at an earlier commit and no longer declared is taken back; its set stays."""
    world.converge(SET % "[bounce]")
    world.converge(HEAD + "configuration_sets: {main: {}}\n", since=SET % "[bounce]")

    assert options(world) is None


def test_a_change_of_another_program_is_drift(world: World) -> None:
    """The console can change the reasons; drift shows both values."""
    world.converge(SET % "[bounce]")
    world.client("sesv2").put_configuration_set_suppression_options(ConfigurationSetName="main", SuppressedReasons=[])
    (change,) = world.drift(SET % "[bounce]").changes

    assert ([], ["bounce"]) == ((change.before or {})["reasons"], (change.after or {})["reasons"])


@pytest.mark.parametrize("reasons", [None, [], ["BOUNCE"], ["BOUNCE", "COMPLAINT"]])
def test_import_writes_it_as_it_is(world: World, reasons: list[str] | None) -> None:
    """A plan on the imported spec is empty, whatever the set has."""
    client = world.client("sesv2")
    given = {} if reasons is None else {"SuppressionOptions": {"SuppressedReasons": reasons}}
    client.create_configuration_set(ConfigurationSetName="main", **given)
    access = {OWNER: Access(OWNER)}
    found = import_live(ImportRequest(access, {OWNER: Account("corp")}, (REGION,)), world.settings())

    assert found.differences == ()
    assert ("suppression" in found.text) is (reasons is not None)
    assert world.plan(found.text).changes == ()


@pytest.mark.parametrize(
    ("value", "text"),
    [("[spam]", "suppression[0]"), ("bounce", "suppression"), ("{bounce: true}", "suppression")],
)
def test_other_values_are_errors(value: str, text: str) -> None:
    """The error names the place."""
    (problem,) = problems(owner(f"configuration_sets: {{main: {{suppression: {value}}}}}"))

    assert f"configuration_sets.main.{text}" in str(problem)
