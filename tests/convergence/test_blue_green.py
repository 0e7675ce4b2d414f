"""The blue/green examples are one plan each, create before they delete, and can be interrupted and reverted."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import yaml
from hypothesis import assume, given, settings

from sesform.apply import execute
from sesform.model import arns
from sesform.model.address import Scope
from sesform.planning.plan import Change, Outcome
from sesform.policies import document as policy_document
from strategies import IDENTITIES, PARTNER_ACCOUNT, PARTNERS, random_specs
from world import World, routes

EXAMPLES = Path(__file__).parents[2] / "examples" / "blue-green"
MOVES = (
    ("topic", "before", "after"),
    ("configuration-set", "before", "after"),
    ("configuration-set", "before", "between"),
    ("configuration-set", "between", "after"),
    ("destination", "before", "after"),
    ("delegate", "before", "after"),
    ("event-publishing", "before", "after"),
)
Specs = Mapping[str, dict[str, Any]]  # by name


def load(folder: Path) -> Specs:
    documents = [d for f in sorted(folder.glob("*.yaml")) for d in yaml.safe_load_all(f.read_text(encoding="utf-8"))]
    return {d["name"]: d for d in documents}


def text(specs: Specs) -> str:
    return "\n---\n".join(json.dumps(d, indent=1) for d in specs.values())


def reverting(first: Specs, second: Specs) -> Specs:
    """Return the first specs, with each topic and set that only the second specs declare as absent."""
    found = json.loads(json.dumps(first))
    for name, spec in second.items():
        for section in ("topics", "configuration_sets"):
            for key in spec.get(section, {}).keys() - found[name].get(section, {}).keys():
                found[name].setdefault(section, {})[key] = "absent"
    return found  # type: ignore[no-any-return]


class Move(NamedTuple):
    """A change from some specs to others."""

    before: Specs
    after: Specs


def _moves() -> Iterator[Any]:
    for name, one, other in MOVES:
        first, second = load(EXAMPLES / name / one), load(EXAMPLES / name / other)
        yield pytest.param(Move(first, second), id=f"{name}-{one}-{other}")
        yield pytest.param(Move(second, reverting(first, second)), id=f"{name}-{other}-{one}")


every_move = pytest.mark.parametrize("move", list(_moves()))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("blue-green"))


def start(world: World, move: Move) -> None:
    """Create the resources of the specs before the move."""
    world.sandbox.reset()
    for spec in move.before.values():
        world.identity(*spec.get("identities", {}), account=spec["account"])
    world.converge(text(move.before))
    world.writes()


class Moment(NamedTuple):
    """The routes, topics and problems between two steps."""

    routes: Mapping[tuple[str, ...], set[str]]
    topics: Mapping[tuple[str, str], str | None]  # (identity, type) → topic
    incomplete: list[str]


def observe(world: World, move: Move) -> Moment:
    subscriptions = declared_subscriptions(move)
    topics: dict[tuple[str, str], str | None] = {}
    incomplete: list[str] = []
    with world.sandbox._store.transaction() as state:
        users: list[tuple[str, policy_document.Publisher]] = []
        for scope, here in state.scopes.items():
            for name, identity in here.identities.items():
                publisher = policy_document.Publisher(scope.account, arns.identity(scope, name))
                topics.update({(name, t): identity.topics.get(t) for t in ("Bounce", "Complaint", "Delivery")})
                users += [(arn, publisher) for arn in identity.topics.values()]
                chosen = identity.configuration_set
                if chosen:
                    destinations = (
                        here.configuration_sets[chosen].destinations if chosen in here.configuration_sets else {}
                    )
                    incomplete += [
                        f"{name}: {chosen}/{d}" for d in new_destinations(move, scope, chosen) - destinations.keys()
                    ]
            for name, found in here.configuration_sets.items():
                publisher = policy_document.Publisher(scope.account, arns.configuration_set(scope, name))
                targets = (d["SnsDestination"] for d in found.destinations.values() if "SnsDestination" in d)
                users += [(t["TopicArn"], publisher) for t in targets]
        for arn, publisher in users:
            scope_, topic = Scope(*arn.split(":")[4:2:-1]), arn.rsplit(":", 1)[-1]
            live_topic = state.scopes[scope_].topics.get(topic)
            confirmed = {
                s.endpoint for s in state.scopes[scope_].subscriptions.values() if s.topic_arn == arn and not s.pending
            }
            if live_topic is None:
                incomplete.append(f"{publisher.arn}: {arn} does not exist")
                continue
            document = policy_document.parse(live_topic.policy)
            if not policy_document.may_publish(document, arn, publisher).allowed:
                incomplete.append(f"{publisher.arn}: lacks permission to publish to {arn}")
            # A plan does not wait until the owner of an e-mail address confirms.
            missing = {e for e in subscriptions.get(arn, set()) - confirmed if "@" not in e}
            incomplete += [f"{arn}: {e} is not subscribed" for e in sorted(missing)]
    return Moment(routes(world), topics, incomplete)


def declared_subscriptions(move: Move) -> dict[str, set[str]]:
    """Return the endpoints that the specs before or after the move declare, by topic ARN."""
    found: dict[str, set[str]] = {}
    for spec in [*move.before.values(), *move.after.values()]:
        for key, topic in spec.get("topics", {}).items():
            if topic != "absent":
                arn = arns.topic(Scope(spec["account"], spec["regions"][0]), key)
                found[arn] = {s["endpoint"] for s in topic.get("subscriptions", [])}
    return found


def new_destinations(move: Move, scope: Scope, name: str) -> set[str]:
    """Return the destinations that a set must have once an identity uses it, if the move creates the set; else an empty set."""
    old = [d["configuration_sets"].get(name) for d in move.before.values() if "configuration_sets" in d]
    new = [d.get("configuration_sets", {}).get(name) for d in move.after.values() if d["account"] == scope.account]
    made = [d for d in new if isinstance(d, dict) and not any(isinstance(o, dict) for o in old)]
    declared = [each for d in made for each in d["event_destinations"].items()]
    return {name for name, destination in declared if destination != "absent"}


@every_move
def test_a_move_is_one_plan_that_creates_before_it_deletes(shared: World, move: Move) -> None:
    """After each step of a move all identities and sets have a route to a complete topic or set.

    No topic of an identity is cleared before its new topic is set. Afterwards the plan is empty and the old resources are deleted.
    """
    start(shared, move)
    specs = text(move.after)
    seen: list[Moment] = []

    def look(change: Change, outcome: Outcome | None) -> None:
        if outcome is None:  # a step begins: with parallelism 1, all earlier steps are done
            seen.append(observe(shared, move))

    plan = shared.plan(specs)
    assert plan.errors == ()
    report = execute.run(plan, shared.connections(shared.desired(specs), read_only=False), parallelism=1, progress=look)
    seen.append(observe(shared, move))
    assert report.ok
    assert len(seen) == len(plan.changes) + 1

    lasting = {subject for subject, ways in seen[0].routes.items() if ways and seen[-1].routes.get(subject)}
    moved = {k for k, arn in seen[0].topics.items() if seen[-1].topics[k] != arn}
    for number, moment in enumerate(seen):
        assert {s for s in lasting if not moment.routes.get(s)} == set(), f"after step {number}"
        assert moment.incomplete == [], f"after step {number}"
        for key in moment.topics:
            assert moment.topics[key] in (seen[0].topics[key], seen[-1].topics[key]), f"after step {number}"
    assert shared.writes()["ses:SetIdentityNotificationTopic"] == len(moved)
    assert shared.plan(specs).changes == ()
    assert undeclared(shared, move.after) == set()


def undeclared(world: World, specs: Specs) -> set[str]:
    """Return the topics, sets and subscriptions in AWS that the specs do not declare."""
    found: set[str] = set()
    with world.sandbox._store.transaction() as state:
        for scope, here in state.scopes.items():
            for section, live in (("topics", here.topics), ("configuration_sets", here.configuration_sets)):
                named = [s.get(section, {}) for s in specs.values() if s["account"] == scope.account]
                declared = {key for each in named for key, value in each.items() if value != "absent"}
                found |= {f"{scope} {section} {name}" for name in live.keys() - declared}
            found |= {
                f"{scope} subscription of {s.topic_arn}"
                for s in here.subscriptions.values()
                if s.topic_arn.rsplit(":", 1)[-1] not in here.topics and not s.topic_deleted
            }
    return found


@every_move
def test_an_interrupted_move_is_completed_by_the_next_apply(shared: World, move: Move) -> None:
    """After any number of steps, the next plan and apply reach the same state as the whole plan."""
    start(shared, move)
    specs = text(move.after)
    whole = shared.plan(specs)
    for done in range(1, len(whole.changes)):
        start(shared, move)
        assert shared.apply(replace(whole, changes=whole.changes[:done])).ok
        shared.converge(specs)
        assert undeclared(shared, move.after) == set()


@every_move
def test_the_steps_of_a_move_are_ordered_by_dependencies(shared: World, move: Move) -> None:
    """A step depends on all steps that create its target, and a deletion on all steps that move away from the resource."""
    start(shared, move)
    plan = shared.plan(text(move.after))
    for position, change in enumerate(plan.changes):
        ordered = {plan.changes[p].address for p in dependencies(plan.changes, position)}
        assert required_steps(change, plan.changes) - ordered == set(), change.address


def dependencies(changes: tuple[Change, ...], position: int) -> set[int]:
    found: set[int] = set()
    for each in changes[position].depends_on:
        found |= {each, *dependencies(changes, each)}
    return found


PUBLISHING = ("notification_topic", "event_destination")


def required_steps(change: Change, changes: tuple[Change, ...]) -> set[Any]:
    """Return the addresses of the steps that must be done before this one, derived from the values before and after."""
    return {c.address for c in changes if creates_requirement(c, change) or moves_away_from(c, change)}


def creates_requirement(one: Change, other: Change) -> bool:
    """Return whether one step creates a part of the target of the other step, or a replacement of what the other step clears."""
    if one.before is not None or one.after is None:
        return False
    kinds = one.address.type, other.address.type
    if kinds[1] in PUBLISHING and kinds[0] in ("topic", "topic_policy", "subscription"):
        return topic_of(one.after) == topic_of(other.after) != topic_of(other.before)
    if (
        kinds[1] == "default_configuration_set"
        and other.after
        and kinds[0] in ("configuration_set", "event_destination")
    ):
        return set_of(one.after) == set_of(other.after)
    clears = other.after is None and {*kinds} == {"default_configuration_set", "notification_topic"}
    return clears and one.after["identity"] == (other.before or {}).get("identity")


def moves_away_from(one: Change, other: Change) -> bool:
    """Return whether one step moves away from the resource that the other step deletes."""
    if other.after is not None or other.before is None or one.before is None:
        return False
    kinds = one.address.type, other.address.type
    if kinds[1] == "topic":
        return kinds[0] in PUBLISHING and topic_of(one.before) == topic_of(other.before) != topic_of(one.after)
    if kinds[1] == "configuration_set" or (kinds[1] == "event_destination" and other.before["enabled"]):
        moves = set_of(one.before) == set_of(other.before) != set_of(one.after)
        return kinds[0] == "default_configuration_set" and moves
    return False


def set_of(properties: Mapping[str, Any] | None) -> str | None:
    return (properties or {}).get("configuration_set")


def topic_of(properties: Mapping[str, Any] | None) -> str | None:
    properties = properties or {}
    found: str | None = properties.get("topic_arn") or properties.get("sns", {}).get("topic_arn")
    return found


@pytest.mark.parametrize(("name", "one", "other"), MOVES)
def test_with_since_old_resources_need_not_be_declared_absent(shared: World, name: str, one: str, other: str) -> None:
    """With --since, resources that are removed from the specs are deleted in the same plan and the same order."""
    move = Move(load(EXAMPLES / name / one), load(EXAMPLES / name / other))
    start(shared, move)
    with_absent = shared.plan(text(move.after))
    for spec in move.after.values():
        for section in ("topics", "configuration_sets"):
            spec[section] = {k: v for k, v in spec.get(section, {}).items() if v != "absent"}
    plan = shared.plan(text(move.after), since=text(move.before))

    assert [(c.action, c.address) for c in plan.changes] == [(c.action, c.address) for c in with_absent.changes]
    assert shared.apply(plan).ok
    assert undeclared(shared, move.after) == set()


def with_confirmed_subscribers(text_: str) -> str:
    """Return the specs with subscribers that need no confirmation."""
    owner, divider, delegate = text_.partition("---")
    return owner + divider + delegate.replace("sqs:eu-west-1:111111111111", "sqs:eu-west-1:222222222222")


def renamed(text_: str) -> str:
    """Return the specs with other topic names, and without unmanaged settings that would keep the old topics."""
    new = re.sub(r"\b([od][12])\b", r"\1-new", text_)
    new = re.sub(r'"(bounce|complaint|delivery)": "unmanaged"', r'"\1": null', new)
    return new.replace('"exclusive": false', '"exclusive": true')


def named(text_: str) -> Specs:
    return {d["name"]: d for d in yaml.safe_load_all(text_)}


@settings(max_examples=settings().max_examples // 4)
@given(first=random_specs(), second=random_specs())
def test_renaming_every_topic_leaves_no_incomplete_route(shared: World, first: str, second: str) -> None:
    """After each step each publisher has a topic with all subscribers, and permission to publish to it."""
    first, second = with_confirmed_subscribers(first), renamed(with_confirmed_subscribers(second))
    shared.sandbox.reset()
    shared.identity(*IDENTITIES)
    shared.identity(*PARTNERS, account=PARTNER_ACCOUNT)
    assume(not shared.plan(first).errors)
    shared.converge(first)
    plan = shared.plan(second, since=first)
    assume(not plan.errors)
    move = Move(named(first), named(second))
    seen: list[Moment] = []

    def look(change: Change, outcome: Outcome | None) -> None:
        if outcome is not None:
            seen.append(observe(shared, move))

    connections = shared.connections(shared.desired(second, since=first), read_only=False)
    assert execute.run(plan, connections, parallelism=1, progress=look).ok

    missing = [m.incomplete for m in seen]
    assert missing == [[]] * len(plan.changes)
    assert shared.plan(second, since=first).changes == ()
    live = {topic for each in ("111111111111", "222222222222") for topic in topic_names(shared, each)}
    assert live == {"o1-new", "o2-new", "d1-new", "d2-new"}


def topic_names(world: World, account: str) -> set[str]:
    listed = world.client("sns", account).list_topics()["Topics"]
    return {topic["TopicArn"].rpartition(":")[2] for topic in listed}


def test_every_example_is_tested() -> None:
    """Each folder of the examples is part of a tested move."""
    tested = {f"{name}/{state}" for name, *states in MOVES for state in states}
    assert tested == {p.relative_to(EXAMPLES).as_posix() for p in EXAMPLES.glob("*/*")}


@pytest.mark.parametrize("forwarding", [False, None])
def test_topics_are_not_removed_while_forwarding_is_off(shared: World, forwarding: bool | None) -> None:
    """SES refuses to clear a topic while forwarding is off, so a move to event publishing turns it on first."""
    move = Move(load(EXAMPLES / "event-publishing" / "before"), load(EXAMPLES / "event-publishing" / "after"))
    start(shared, move)
    identity = move.after["example-corp"]["identities"]["example.com"]
    del identity["feedback_forwarding"]
    if forwarding is not None:
        identity["feedback_forwarding"] = forwarding
    assert [p.summary for p in shared.plan(text(move.after)).errors] == [
        "identity example.com would have e-mail forwarding off and no topic for bounce and complaint; "
        "SES refuses to clear a topic then"
    ]

    identity["feedback_forwarding"] = True
    shared.converge(text(move.after))
    identity["feedback_forwarding"] = False
    shared.converge(text(move.after))


def test_a_changed_topic_name_leaves_the_old_topic_without_since(shared: World) -> None:
    """A topic with another `name` replaces the old topic, which is deleted only with --since."""
    move = Move(load(EXAMPLES / "topic" / "before"), load(EXAMPLES / "topic" / "before"))
    start(shared, move)
    move.after["example-corp"]["topics"]["feedback"]["name"] = "ses-feedback"
    shared.converge(text(move.after))

    assert "111111111111/eu-west-1 topics feedback" in undeclared(shared, {})

    shared.converge(text(move.after), since=text(load(EXAMPLES / "topic" / "before")))

    assert "111111111111/eu-west-1 topics feedback" not in undeclared(shared, {})


def test_a_move_to_a_topic_without_confirmed_subscription_is_a_warning(shared: World) -> None:
    """A move to a topic without a confirmed subscription is one warning, until a subscription is confirmed."""
    before = load(EXAMPLES / "topic" / "before")
    mail = {"protocol": "email", "endpoint": "postmaster@example.com"}
    start(shared, Move(before, before))
    after = load(EXAMPLES / "topic" / "after")
    after["example-corp"]["topics"]["ses-feedback"]["subscriptions"] = [mail]
    new = "arn:aws:sns:eu-west-1:111111111111:ses-feedback"

    warning = (
        f"moves to topic {new}, which has no confirmed subscription; notifications are lost until one is confirmed"
    )
    assert [p.summary for p in shared.plan(text(after)).diagnostics] == [warning]

    before["example-corp"]["topics"]["ses-feedback"] = {"subscriptions": [mail]}
    shared.apply(shared.plan(text(before)))
    assert warning in [p.summary for p in shared.plan(text(after)).diagnostics]

    shared.sandbox.confirm(new, mail["endpoint"])
    assert shared.converge(text(after)).diagnostics == ()
