"""A pass over AWS reads nothing twice, whatever it looks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from sesform import aws, engine
from sesform.engine import Settings
from world import World

SPECS = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
ownership_tags: true
topics: {a: {}, b: {subscriptions: [{protocol: sqs, endpoint: 'arn:aws:sqs:eu-west-1:111111111111:q'}]}}
configuration_sets:
  main: {suppression: [bounce], event_destinations: {x: {events: [bounce, complaint], sns: a}}}
  other: {event_destinations: {x: {events: [bounce], sns: b}}}
identities:
  one.example.com:
    default_configuration_set: main
    notifications: {bounce: {topic: a, headers: true}, complaint: a}
    policies: {mine: {Statement: [{Effect: Allow, Principal: {AWS: "222222222222"}, Action: ses:SendEmail}]}}
  two.example.com: {notifications: {bounce: a}}
"""
LESS = SPECS.replace("  other: {event_destinations: {x: {events: [bounce], sns: b}}}\n", "").replace(
    "  two.example.com: {notifications: {bounce: a}}\n", ""
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the calls from now on, each with its scope and parameters."""
    found: list[str] = []
    call = aws.Connection.call

    def noting(self: aws.Connection, service: str, operation: str, **params: Any) -> dict[str, Any]:
        found.append(f"{self.scope} {operation} {params}")
        return call(self, service, operation, **params)

    monkeypatch.setattr(aws.Connection, "call", noting)
    return found


@pytest.fixture
def live(world: World) -> World:
    """Return an account in which an identity has no receiver, apart from what its default set may have."""
    world.identity("one.example.com", "two.example.com", "three.example.com")
    world.converge(SPECS)
    world.client("ses").set_identity_notification_topic(Identity="one.example.com", NotificationType="Complaint")
    world.client("sesv2").put_email_identity_feedback_attributes(
        EmailIdentity="one.example.com", EmailForwardingEnabled=False
    )
    return world


Run = Callable[[list[Path], Settings], object]
RUNS: dict[str, Run] = {
    "plan": engine.plan,
    "plan --prune --unmanaged": lambda paths, settings: engine.plan(
        paths, replace(settings, prune=True, unmanaged=True)
    ),
    "plan --destroy": lambda paths, settings: engine.plan(paths, settings, destroy=True),
    "drift --unmanaged": lambda paths, settings: engine.drift(paths, replace(settings, unmanaged=True)),
    "routes": engine.routes,
}


@pytest.mark.parametrize("specs", [SPECS, LESS], ids=["all", "less"])
@pytest.mark.parametrize("run", RUNS.values(), ids=RUNS)
def test_no_call_is_made_twice(live: World, asked: list[str], run: Run, specs: str) -> None:
    """No call has the scope, the operation and the parameters of another one."""
    file = live.folder / "specs.yaml"
    file.write_text(specs)
    asked.clear()
    run([file], live.settings())

    assert len(asked) > 5
    assert sorted(set(asked)) == sorted(asked)
