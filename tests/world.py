"""A world for tests: accounts on the sandbox, and the way from specs to AWS and back without the command line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from sesform import apply, aws, estate, keys, live, planner, schema, set_users, yaml_source
from sesform import desired as desired_state
from sesform.aws import Connections
from sesform.desired import Desired
from sesform.plan import Plan, Report
from sesform.sandbox import Sandbox

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

    def desired(self, text: str, *, destroy: bool = False) -> Desired:
        file = self.folder / "specs.yaml"
        file.write_text(text, encoding="utf-8")
        documents, problems = yaml_source.load([file])
        specs, more = schema.load(documents)
        return desired_state.build(specs, [*problems, *more], destroy=destroy)

    def connections(self, desired: Desired, *, read_only: bool = True) -> Connections:
        wanted = [*desired.declared.values(), *desired.unmanaged]
        places = tuple(dict.fromkeys((d.address.spec, d.address.region) for d in wanted))
        key = places, tuple(desired.access.items())
        if key not in self._connections:
            settings_ = aws.Settings(rate=None, open_session=lambda _, account: self.sandbox.botocore_session(account))
            self._connections[key] = aws.connect(places, desired.access, settings_)
        for connection in self._connections[key].by_place.values():
            connection.read_only = read_only
        return self._connections[key]

    def plan(self, text: str, *, destroy: bool = False) -> Plan:
        desired = self.desired(text, destroy=destroy)
        wanted = [*desired.declared.values(), *desired.unmanaged]
        connections = self.connections(desired)
        snapshot = live.read(wanted, desired.watched_topics, connections)
        snapshot = keys.read(desired, snapshot, connections)
        plan = planner.plan(desired, snapshot)
        if not estate.deleted_sets(plan):
            return plan
        return planner.plan(desired, set_users.look_up(plan, snapshot, connections, 10, lambda *_: None))

    def apply(self, text: str, plan: Plan, *, destroy: bool = False) -> Report:
        return apply.run(plan, self.connections(self.desired(text, destroy=destroy), read_only=False))

    def converge(self, text: str, *, destroy: bool = False) -> Plan:
        """Plans and applies; what is planned after that must be nothing. Returns the first plan."""
        plan = self.plan(text, destroy=destroy)
        assert plan.errors == ()
        report = self.apply(text, plan, destroy=destroy)
        assert [(o.result, o.error) for o in report.outcomes if o.result != "done"] == []
        again = self.plan(text, destroy=destroy)
        assert again.changes == ()
        assert again.errors == ()
        return plan

    def writes(self) -> Counter[str]:
        """The writing calls that the sandbox got so far, as `service:Operation`, and forgets them."""
        reads = ("Get", "List", "Describe", "AssumeRole")
        found = Counter(f"{c.service}:{c.operation}" for c in self.sandbox.calls if not c.operation.startswith(reads))
        self.sandbox.calls.clear()
        return found
