"""Accounts on the sandbox, and plan and apply on them without the command line."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from clock import Clock
from sesform import aws, engine
from sesform.aws import Connections
from sesform.planning.plan import Plan, Report
from sesform.specs.desired import Desired
from sesform_sandbox import Sandbox
from sesform_sandbox.policy import Source
from sesform_sandbox.policy_evaluation import may_publish

OWNER = "111111111111"
DELEGATE = "222222222222"
REGION = "eu-west-1"


class World:
    """A sandbox, and specs that the engine plans and applies on it."""

    def __init__(self, folder: Path) -> None:
        self.sandbox = Sandbox()
        self.folder = folder
        self.clock = Clock()
        opener = aws.Settings(
            rate=None,
            lookup_rate=None,
            open_session=lambda _, account: self.sandbox.botocore_session(account),
            timer=self.clock,
        )
        self._logins = aws.Logins(opener)

    def identity(self, *names: str, account: str = OWNER, region: str = REGION, verified: bool = True) -> None:
        for name in names:
            self.sandbox.declare_identity(account, region, name, verified=verified)

    def client(self, service: str, account: str = OWNER, region: str = REGION) -> Any:
        return self.sandbox.session(account, region).client(service)  # type: ignore[call-overload]

    def login(self, account: str = OWNER) -> aws.Login:
        session = self.sandbox.botocore_session(account)
        credentials = session.get_credentials()
        assert credentials is not None
        return aws.Login(session, credentials)

    def settings(self, *, prune: bool = False) -> engine.Settings:
        """Return the engine's settings for this sandbox, without reading back after apply, which would only last longer."""
        return engine.Settings(prune=prune, rate=None, read_back=False, logins=self._logins)

    def desired(self, text: str, *, destroy: bool = False, since: str | None = None) -> Desired:
        """Return the compiled specs; with `since`, resources that only the earlier specs declare are absent."""
        file = self.folder / "specs.yaml"
        if since is not None:
            return engine.with_removed(self.desired(since), self.desired(text), "c0ffee")
        file.write_text(text, encoding="utf-8")
        return engine.compile_specs([file], destroy=destroy)

    def connections(self, desired: Desired, *, read_only: bool = True) -> Connections:
        wanted = [*desired.declared.values(), *desired.unmanaged]
        everywhere = [(name, region) for name, loaded in desired.specs.items() for region in loaded.spec.regions]
        places = [*((d.address.spec, d.address.region) for d in wanted), *everywhere]
        connections = self._logins.connect(places, desired.access)
        if not read_only:
            connections.allow_writes()
        return connections

    def plan(self, text: str, *, destroy: bool = False, since: str | None = None, prune: bool = False) -> Plan:
        return self.plan_of(self.desired(text, destroy=destroy, since=since), prune=prune)

    def plan_of(self, desired: Desired, *, prune: bool = False) -> Plan:
        """Return a plan of compiled specs. Legacy entries that they declare exist before it, because AWS makes no new ones."""
        plan = engine.plan_desired(desired, self.settings(prune=prune))
        if not plan.new_entries:
            return plan
        for scope, identity in plan.new_entries:
            self.legacy_entry(identity, scope.account)
        return engine.plan_desired(desired, self.settings(prune=prune))

    def legacy_entry(self, identity: str, account: str = DELEGATE, **topics: str) -> None:
        """Give an account an old entry for an identity of another account, by default with an unused topic."""
        region = identity.split(":")[3]
        old = {"Bounce": f"arn:aws:sns:{region}:{account}:of-an-old-entry"}
        self.sandbox.declare_legacy_entry(account, identity, topics or old)

    def drift(self, text: str) -> Plan:
        return engine.drift_of(self.desired(text), self.settings())

    def apply(self, plan: Plan) -> Report:
        return engine.apply(plan, self.settings())

    def converge(self, text: str, *, destroy: bool = False, since: str | None = None, prune: bool = False) -> Plan:
        """Plan and apply, check that the next plan is empty, and return the first plan."""
        plan = self.plan(text, destroy=destroy, since=since, prune=prune)
        assert plan.errors == ()
        report = self.apply(plan)
        assert [(o.result, o.error) for o in report.outcomes if o.result != "done"] == []
        again = self.plan(text, destroy=destroy, since=since, prune=prune)
        assert again.changes == ()
        assert again.errors == ()
        return plan

    def writes(self) -> Counter[str]:
        """Return the number of write calls by `service:Operation` since the last call, and clear the list of calls."""
        reads = ("Get", "List", "Describe", "AssumeRole")
        found = Counter(f"{c.service}:{c.operation}" for c in self.sandbox.calls if not c.operation.startswith(reads))
        self.sandbox.calls.clear()
        return found


def routes(world: World) -> Mapping[tuple[str, ...], set[str]]:
    """Return the routes of bounces and complaints by (account, "identity" or "set", name, event), from the sandbox's state."""
    found: dict[tuple[str, ...], set[str]] = {}
    with world.sandbox._store.transaction() as state:
        for scope, here in state.scopes.items():
            for name, held in here.configuration_sets.items():
                for event in EVENTS:
                    found[scope.account, "set", name, event] = _destinations(held.destinations, event)
            for name, identity in here.identities.items():
                for event in EVENTS:
                    ways = {identity.topics[event.capitalize()]} if event.capitalize() in identity.topics else set()
                    ways |= {"mail"} if identity.forwarding else set()
                    ways |= found.get((scope.account, "set", identity.configuration_set, event), set())
                    found[scope.account, "identity", name, event] = ways
    return found


def heard(world: World) -> Mapping[tuple[str, ...], set[str]]:
    """The same routes without those that have no receiver, by the sandbox's own policy evaluator."""
    found: dict[tuple[str, ...], set[str]] = {}
    with world.sandbox._store.transaction() as state:
        for scope, here in state.scopes.items():
            for name, held in here.configuration_sets.items():
                source = f"arn:aws:ses:{scope.region}:{scope.account}:configuration-set/{name}"
                for event in EVENTS:
                    carrying = _destinations(held.destinations, event)
                    found[scope.account, "set", name, event] = {
                        way
                        for way in carrying
                        if _received(state, held.destinations[way.split()[1]], Source(scope.account, source), event)
                    }
            for name, identity in here.identities.items():
                source = f"arn:aws:ses:{scope.region}:{scope.account}:identity/{name}"
                for event in EVENTS:
                    topic = identity.topics.get(event.capitalize())
                    by_topic = {"SnsDestination": {"TopicArn": topic}} if topic else {}
                    by_identity = by_topic and _received(
                        state, by_topic, Source(scope.account, source), event, "notification"
                    )
                    ways = ({topic} if topic and by_identity else set()) | ({"mail"} if identity.forwarding else set())
                    ways |= found.get((scope.account, "set", identity.configuration_set, event), set())
                    found[scope.account, "identity", name, event] = ways
    return found


EVENTS = ("bounce", "complaint")


def _received(state: Any, definition: Mapping[str, Any], source: Source, event: str, kind: str = "event") -> bool:
    if "SnsDestination" not in definition:
        return True
    arn = definition["SnsDestination"]["TopicArn"]
    _, _, _, region, account, name = arn.split(":")
    here = state.at(account, region)
    topic = here.topics.get(name)
    listening = [s for s in here.subscriptions_of(arn).values() if not s.pending]
    return (
        topic is not None
        and may_publish(json.loads(topic.policy), arn, source)
        and any(_accepts(s.attributes, event, kind) for s in listening)
    )


def _accepts(attributes: Mapping[str, str], event: str, kind: str) -> bool:
    """Whether a subscription gets an event: the tests' filter policies have one key with exact values."""
    policy = json.loads(attributes.get("FilterPolicy") or "{}")
    payload = {f"{kind}Type": event.capitalize()} if attributes.get("FilterPolicyScope") == "MessageBody" else {}
    return all(payload.get(key) in values for key, values in policy.items())


def _destinations(destinations: Mapping[str, Any], event: str) -> set[str]:
    return {
        f"destination {name}"
        for name, definition in destinations.items()
        if definition["Enabled"] and event.upper() in definition["MatchingEventTypes"]
    }
