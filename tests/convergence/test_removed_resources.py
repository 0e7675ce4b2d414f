"""Resources removed from the specs are deleted with --since or --prune, and no route is interrupted."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from convergence.test_convergence import fresh
from sesform.apply import execute
from sesform.errors import SpecError
from sesform.planning.plan import Change, Outcome, Plan, Report
from sesform.specs.desired import Desired
from sesform_sandbox.state import ForeignIdentity, Identity
from strategies import random_specs
from world import World, routes


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> World:
    """One world for all examples."""
    return World(tmp_path_factory.mktemp("removed"))


@st.composite
def parts(draw: st.DrawFn) -> str:
    """Draw specs; one of them can be missing or renamed."""
    specs = draw(random_specs())
    owner, _, delegate = specs.partition("---\n")
    return draw(st.sampled_from([specs, specs, specs.replace('"name": "corp"', '"name": "renamed"'), owner, delegate]))


def _removed(old: Desired, new: Desired) -> set[str]:
    """Return the resources that the old specs declare and the new specs do not name."""
    return {
        f"{d.address.type} {d.scope.account} {'/'.join(d.key.values())}"
        for d in old.declared.values()
        if d.desired is not None and d.aws_key not in new.named and d.address.type != "topic_policy"
    }


def _live_resources(world: World) -> set[str]:
    """Return all resources in the sandbox, in the same form."""
    found: set[str] = set()
    with world.sandbox._store.transaction() as state:
        for scope, here in state.scopes.items():
            at = scope.account
            found |= {f"topic {at} arn:aws:sns:{scope.region}:{at}:{name}" for name in here.topics}
            found |= {f"configuration_set {at} {name}" for name in here.configuration_sets}
            found |= {
                f"subscription {at} {s.topic_arn}/{s.protocol}/{s.endpoint}"
                for s in here.subscriptions.values()
                if not s.topic_deleted
            }
            for set_name, live_set in here.configuration_sets.items():
                found |= {f"event_destination {at} {set_name}/{name}" for name in live_set.destinations}
            settings_: dict[str, Identity | ForeignIdentity] = {**here.identities, **here.foreign_identities}
            for name, identity in settings_.items():
                found |= {f"notification_topic {at} {name}/{t.lower()}" for t in identity.topics}
                found |= {f"notification_headers {at} {name}/{t.lower()}" for t in identity.headers}
            for name, own in here.identities.items():
                found |= {f"sending_policy {at} {name}/{p}" for p in own.policies}
                found |= set() if own.forwarding else {f"feedback_forwarding {at} {name}"}
                found |= {f"default_configuration_set {at} {name}"} if own.configuration_set else set()
    return found


def _confirm_all(world: World) -> None:
    """Confirm all pending subscriptions, because SNS does not delete pending ones."""
    with world.sandbox._store.transaction() as state:
        waiting = [(s.topic_arn, s.endpoint) for here in state.scopes.values() for s in here.subscriptions.values()]
    for topic_arn, endpoint in waiting:
        world.sandbox.confirm(topic_arn, endpoint)


@settings(max_examples=20)
@given(old=random_specs(), new=parts())
def test_removed_resources_are_deleted_and_routes_never_interrupted(shared: World, old: str, new: str) -> None:
    """With --since all resources that only the old specs declare are deleted.

    An identity or set with a route before and after the plan has one after each step.
    """
    world = fresh(shared)
    assume(not world.plan(old).errors)
    world.converge(old)
    _confirm_all(world)
    try:
        before, after = world.desired(old), world.desired(new)
    except SpecError:
        assume(False)  # the remaining spec refers to the missing one
    plan = world.plan(new, since=old)
    assume(not plan.errors)  # deleting a resource that is still used is an error
    seen: list[Mapping[tuple[str, ...], set[str]]] = [routes(world)]
    report = _apply_recording_routes(world, plan, world.desired(new, since=old), seen)
    lasting = {subject for subject, ways in seen[0].items() if ways and routes(world).get(subject)}

    assert report.ok
    for number, now in enumerate(seen):
        assert {s for s in lasting if not now.get(s)} == set(), f"before step {number}"
    assert _removed(before, after) & _live_resources(world) == set()
    assert world.plan(new, since=old).changes == ()


def _apply_recording_routes(
    world: World, plan: Plan, desired: Desired, seen: list[Mapping[tuple[str, ...], set[str]]]
) -> Report:
    """Apply one step after the other, and add the routes before each step to `seen`."""

    def look(change: Change, outcome: Outcome | None) -> None:
        if outcome is None:
            seen.append(routes(world))

    return execute.run(plan, world.connections(desired, read_only=False), parallelism=1, progress=look)


def _tagged(specs: str) -> str:
    return specs.replace('"regions":', '"ownership_tags": true,\n "regions":')


def _found_by_tag(old: Desired, new: Desired) -> set[str]:
    """Return those of the removed resources that tags identify: topics, sets, and settings of identities that no new spec names."""
    named = {
        (d.scope.account, d.key["identity"]) for d in (*new.declared.values(), *new.unmanaged) if "identity" in d.key
    }
    found = set()
    for text in _removed(old, new):
        kind, account, key = text.split(" ", 2)
        identity = key.split("/")[0]
        if kind in ("topic", "configuration_set"):
            found.add(text)
        elif kind in ("notification_topic", "notification_headers", "sending_policy", "feedback_forwarding"):
            theirs = kind == "sending_policy" and "/sesform-" not in key
            found |= {text} if not (theirs or key.startswith("arn:") or (account, identity) in named) else set()
    return found


@settings(max_examples=15)
@given(old=random_specs(), new=random_specs())
def test_tagged_resources_that_no_spec_names_are_pruned(shared: World, old: str, new: str) -> None:
    """With --prune tagged resources that no spec names are deleted without the old specs."""
    world, old, new = fresh(shared), _tagged(old), _tagged(new)
    assume(not world.plan(old).errors)
    world.converge(old)
    plan = world.plan(new, prune=True)
    assume(not plan.errors)
    before, after, seen = world.desired(old), world.desired(new), [routes(world)]
    report = _apply_recording_routes(world, plan, after, seen)
    lasting = {subject for subject, ways in seen[0].items() if ways and routes(world).get(subject)}

    assert report.ok
    for number, now in enumerate(seen):
        assert {s for s in lasting if not now.get(s)} == set(), f"before step {number}"
    assert _found_by_tag(before, after) & _live_resources(world) == set()
    assert world.plan(new, prune=True).changes == ()
