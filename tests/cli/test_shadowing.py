"""Identities that shadow a declared one: plan, drift, routes and --unmanaged tell them."""

from __future__ import annotations

import pytest

from sesform import engine
from sesform.specs.declared import covering_identity
from shell import Shell
from world import World

SPECS = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
topics: {fb: {subscriptions: [{protocol: sqs, endpoint: "arn:aws:sqs:eu-west-1:111111111111:q"}]}}
identities:
  example.com: {notifications: {bounce: fb, complaint: fb}, feedback_forwarding: false}
"""
NARROWER = "  noreply@example.com: {}\n"
TEXT = "mail of noreply@example.com follows its own settings and not those of example.com; no spec names it"


@pytest.fixture
def shadowed(shell: Shell) -> Shell:
    """An address under a declared domain, which a spec named once and none names now (opengovsg/postmangovsg#777)."""
    shell.specs(SPECS + NARROWER)
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    shell.specs(SPECS)
    return shell


def identity(shell: Shell, name: str, *, verified: bool) -> None:
    shell.sandbox.declare_identity("111111111111", "eu-west-1", name, verified=verified)


@pytest.mark.parametrize("command", ["plan", "drift"])
def test_plan_and_drift_warn_of_a_narrower_identity(shadowed: Shell, command: str) -> None:
    """The warning names both identities, and changes no exit code."""
    result = shadowed.run(command, "--sandbox", "-q")

    assert (0, True) == (result.code, TEXT in result.err)


@pytest.mark.parametrize(
    ("names", "text"),
    [
        (["a", "b"], "mail of a@example.com, b@example.com follows"),
        (
            ["a", "b", "c", "d", "e"],
            "e@example.com follows their own settings and not those of example.com; no spec names them",
        ),
    ],
)
def test_the_warning_names_several_narrower_identities(shell: Shell, names: list[str], text: str) -> None:
    """One warning tells all narrower identities of a domain."""
    shell.specs(SPECS)
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    for name in names:
        identity(shell, f"{name}@example.com", verified=True)
    result = shell.run("plan", "--sandbox", "-q")

    assert text in result.err
    assert 1 == result.err.count("and not those of example.com")


def test_routes_count_a_narrower_identity_as_a_gap(shadowed: Shell) -> None:
    """Feedback of its mail does not reach the receivers of the domain."""
    result = shadowed.run("routes", "--sandbox")

    assert 2 == result.code
    assert f"identity example.com, bounce: {TEXT}" in result.out


def test_unmanaged_lists_a_narrower_identity(shadowed: Shell) -> None:
    """It is listed although it has no settings."""
    result = shadowed.run("plan", "--sandbox", "--unmanaged")

    assert "noreply@example.com" in result.out
    assert "its mail does not follow the settings of example.com" in result.out


def test_a_declared_narrower_identity_is_no_shadow(shadowed: Shell) -> None:
    """Its settings are declared on purpose."""
    shadowed.specs(SPECS + NARROWER)

    assert TEXT not in shadowed.run("plan", "--sandbox").err


def test_an_unverified_narrower_identity_is_no_shadow(shell: Shell) -> None:
    """Its mail follows the domain's settings until it is verified."""
    shell.specs(SPECS)
    shell.run("apply", "--sandbox", "--auto-approve")
    identity(shell, "noreply@example.com", verified=False)

    assert "noreply" not in shell.run("plan", "--sandbox").err
    assert 0 == shell.run("routes", "--sandbox").code


def test_many_narrower_identities_are_one_warning(shadowed: Shell) -> None:
    """Five are named, the rest is counted."""
    for number in range(9):
        identity(shadowed, f"a{number}@example.com", verified=True)
    warnings = [line for line in shadowed.run("plan", "--sandbox").err.splitlines() if "their own settings" in line]

    assert ["a0@example.com, a1@example.com, a2@example.com, a3@example.com, a4@example.com and 5 more"] == [
        line.partition("mail of ")[2].partition(" follows")[0] for line in warnings
    ]


def test_an_unverified_declared_address_follows_its_domain(world: World) -> None:
    """The warning says whose settings its mail follows, and routes shows the domain's routes for it."""
    world.identity("example.com")
    world.identity("noreply@example.com", verified=False)
    world.converge(SPECS + NARROWER)
    (warning,) = [d for d in world.plan(SPECS + NARROWER).diagnostics if "noreply" in d.summary]
    file = world.folder / "specs.yaml"
    file.write_text(SPECS + NARROWER, encoding="utf-8")
    matrix = engine.routes([file], world.settings()).matrix
    ways = {subject.name: routes for subject, routes in matrix.items() if subject.event == "bounce"}

    assert "until it is verified, its mail follows the settings of example.com, and not its own" in warning.hint
    assert ways["example.com"] == ways["noreply@example.com"] != ()


def test_a_missing_address_is_covered_by_its_domain(world: World) -> None:
    """The error says whose settings its mail follows."""
    world.identity("example.com")
    errors = world.plan(SPECS + "  other@example.com: {notifications: {bounce: fb}}\n").errors

    assert [
        "identity other@example.com does not exist in 111111111111/eu-west-1; its mail follows the settings of example.com"
    ] == [e.summary for e in errors]


@pytest.mark.parametrize(
    ("expected", "name"),
    [
        ("example.com", "a@example.com"),
        ("example.com", "mail.example.com"),
        ("mail.example.com", "a@x.mail.example.com"),
        ("example.com", "A@EXAMPLE.com"),
        ("", "example.com"),
        ("", "a@example.org"),
        ("", "notexample.com"),
    ],
)
def test_the_nearest_wider_identity_covers(expected: str, name: str) -> None:
    """A domain covers its subdomains and addresses, and the nearest one counts."""
    assert covering_identity(name, {"example.com", "mail.example.com"} - {name}) == expected


PENDING = "  noreply@example.com: {notifications: {bounce: deaf, complaint: deaf}, feedback_forwarding: false}\n"
DEAF = SPECS.replace("topics: {fb:", "topics: {deaf: {}, fb:")


def test_the_guard_judges_an_unverified_address_by_its_domain(world: World) -> None:
    """Its own topic has no receiver, and its mail follows the settings of the domain, which has one: nothing becomes dark."""
    world.identity("example.com")
    world.identity("noreply@example.com", verified=False)
    world.converge(DEAF)
    plan = world.plan(DEAF + PENDING)

    assert [] == [change for change in plan.routes if change.lost]
    assert () == plan.unheard


def test_the_guard_judges_a_verified_address_by_itself(world: World) -> None:
    """A verified address loses its last receiver, though its domain has one."""
    world.identity("example.com", "noreply@example.com")
    world.converge(DEAF)
    plan = world.plan(DEAF + PENDING)

    assert {"noreply@example.com"} == {change.subject.name for change in plan.routes if change.lost}


def test_an_unverified_address_is_dark_with_its_domain(world: World) -> None:
    """A topic of its own does not help it while the domain's bounces have no receiver."""
    world.identity("example.com")
    world.identity("noreply@example.com", verified=False)
    deaf = DEAF.replace("bounce: fb, complaint: fb", "bounce: deaf, complaint: deaf")
    plan = world.plan(deaf + "  noreply@example.com: {notifications: {bounce: fb, complaint: fb}}\n")

    assert {"example.com", "noreply@example.com"} == {change.subject.name for change in plan.routes if change.lost}
