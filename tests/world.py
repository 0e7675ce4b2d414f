"""A world for tests: accounts on the sandbox, and the way from specs to AWS and back without the command line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sesform import aws
from sesform.apply import execute
from sesform.aws import Connections
from sesform.live import dependents, kms_keys, refresh, tagged
from sesform.planning import planner, route_changes
from sesform.planning import prune as leftovers
from sesform.planning.checks import kms_keys as kms_key_checks
from sesform.planning.plan import Plan, Report
from sesform.specs import compiler, removed, schema, yaml_reader
from sesform.specs.desired import Desired
from sesform_sandbox import Sandbox

OWNER = "111111111111"
DELEGATE = "222222222222"
REGION = "eu-west-1"


class World:
    """A sandbox, and specs that are planned and applied on it."""

    def __init__(self, folder: Path) -> None:
        self.sandbox = Sandbox()
        self.folder = folder
        self._connections: dict[Any, Connections] = {}

    def identity(self, *names: str, account: str = OWNER, region: str = REGION, verified: bool = True) -> None:
        for name in names:
            self.sandbox.declare_identity(account, region, name, verified=verified)

    def client(self, service: str, account: str = OWNER, region: str = REGION) -> Any:
        return self.sandbox.session(account, region).client(service)  # type: ignore[call-overload]

    def desired(self, text: str, *, destroy: bool = False, since: str | None = None, prune: bool = False) -> Desired:
        """What the specs ask for; with `since`, older specs, that what left those be absent too; with `prune`, what is tagged."""
        if prune:
            wanted = self.desired(text, since=since)
            return leftovers.pruned(wanted, tagged.find(wanted, self.connections(wanted)))
        if since is not None:
            return removed.since(self.desired(since), self.desired(text), "c0ffee")
        file = self.folder / "specs.yaml"
        file.write_text(text, encoding="utf-8")
        documents, problems = yaml_reader.load([file])
        specs, more = schema.load(documents)
        return compiler.build(specs, [*problems, *more], destroy=destroy)

    def connections(self, desired: Desired, *, read_only: bool = True) -> Connections:
        wanted = [*desired.declared.values(), *desired.unmanaged]
        everywhere = [(name, region) for name, loaded in desired.specs.items() for region in loaded.spec.regions]
        places = tuple(dict.fromkeys([*((d.address.spec, d.address.region) for d in wanted), *everywhere]))
        key = places, tuple(desired.access.items())
        if key not in self._connections:
            settings_ = aws.Settings(rate=None, open_session=lambda _, account: self.sandbox.botocore_session(account))
            self._connections[key] = aws.connect(places, desired.access, settings_)
        for connection in self._connections[key].by_place.values():
            connection.read_only = read_only
        return self._connections[key]

    def plan(self, text: str, *, destroy: bool = False, since: str | None = None, prune: bool = False) -> Plan:
        return self.plan_of(self.desired(text, destroy=destroy, since=since, prune=prune))

    def plan_of(self, desired: Desired) -> Plan:
        wanted = [*desired.declared.values(), *desired.unmanaged]
        connections = self.connections(desired)
        snapshot = refresh.read(wanted, desired.topics_to_look_at, connections)
        snapshot = kms_keys.read(set(kms_key_checks.in_use(desired, snapshot).values()), snapshot, connections)
        plan = planner.plan(desired, snapshot)
        topics = {arn: change.address for arn, change in route_changes.deleted_topics(plan).items()}
        if topics:
            snapshot, problems = dependents.users_of_topics(topics, snapshot, connections, 10, lambda *_: None)
            desired = replace(desired, warnings=(*desired.warnings, *problems))
            plan = planner.plan(desired, snapshot)
        sets = {key: change.address for key, change in route_changes.deleted_sets(plan).items()}
        if not sets:
            return plan
        return planner.plan(desired, dependents.users_of_sets(sets, snapshot, connections, 10, lambda *_: None))

    def apply(self, text: str, plan: Plan, *, destroy: bool = False, since: str | None = None) -> Report:
        return execute.run(plan, self.connections(self.desired(text, destroy=destroy, since=since), read_only=False))

    def converge(self, text: str, *, destroy: bool = False, since: str | None = None, prune: bool = False) -> Plan:
        """Plans and applies; what is planned after that must be nothing. Returns the first plan."""
        plan = self.plan(text, destroy=destroy, since=since, prune=prune)
        assert plan.errors == ()
        report = self.apply(text, plan, destroy=destroy, since=since)
        assert [(o.result, o.error) for o in report.outcomes if o.result != "done"] == []
        again = self.plan(text, destroy=destroy, since=since, prune=prune)
        assert again.changes == ()
        assert again.errors == ()
        return plan

    def writes(self) -> Counter[str]:
        """The writing calls that the sandbox got so far, as `service:Operation`, and forgets them."""
        reads = ("Get", "List", "Describe", "AssumeRole")
        found = Counter(f"{c.service}:{c.operation}" for c in self.sandbox.calls if not c.operation.startswith(reads))
        self.sandbox.calls.clear()
        return found


def routes(world: World) -> Mapping[tuple[str, ...], set[str]]:
    """(account, "identity" or "set", name, event) → the ways that such an event takes, read from the sandbox's own state."""
    found: dict[tuple[str, ...], set[str]] = {}
    with world.sandbox._store.transaction() as state:
        for scope, here in state.scopes.items():
            for name, held in here.configuration_sets.items():
                for event in ("bounce", "complaint"):
                    found[scope.account, "set", name, event] = _destinations(held.destinations, event)
            for name, identity in here.identities.items():
                for event in ("bounce", "complaint"):
                    ways = {identity.topics[event.capitalize()]} if event.capitalize() in identity.topics else set()
                    ways |= {"mail"} if identity.forwarding else set()
                    ways |= found.get((scope.account, "set", identity.configuration_set, event), set())
                    found[scope.account, "identity", name, event] = ways
    return found


def _destinations(destinations: Mapping[str, Any], event: str) -> set[str]:
    return {
        f"destination {name}"
        for name, definition in destinations.items()
        if definition["Enabled"] and event.upper() in definition["MatchingEventTypes"]
    }
