"""The examples of blue/green changes: one plan each, make before break, from any stop onward, and back again."""

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


def back_to(first: Specs, second: Specs) -> Specs:
    """The first specs, with all that only the second ones have declared absent: what the way back is written as."""
    found = json.loads(json.dumps(first))
    for name, spec in second.items():
        for section in ("topics", "configuration_sets"):
            for key in spec.get(section, {}).keys() - found[name].get(section, {}).keys():
                found[name].setdefault(section, {})[key] = "absent"
    return found  # type: ignore[no-any-return]


class Move(NamedTuple):
    """From some specs to others."""

    before: Specs
    after: Specs


def _moves() -> Iterator[Any]:
    for name, one, other in MOVES:
        first, second = load(EXAMPLES / name / one), load(EXAMPLES / name / other)
        yield pytest.param(Move(first, second), id=f"{name}-{one}-{other}")
        yield pytest.param(Move(second, back_to(first, second)), id=f"{name}-{other}-{one}")


every_move = pytest.mark.parametrize("move", list(_moves()))


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("blue-green"))


def start(world: World, move: Move) -> None:
    """AWS as the specs before the move have it."""
    world.sandbox.reset()
    for spec in move.before.values():
        world.identity(*spec.get("identities", {}), account=spec["account"])
    world.converge(text(move.before))
    world.writes()


class Moment(NamedTuple):
    """What is seen between two steps."""

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
                    held = here.configuration_sets[chosen].destinations if chosen in here.configuration_sets else {}
                    incomplete += [f"{name}: {chosen}/{d}" for d in new_destinations(move, scope, chosen) - held.keys()]
            for name, found in here.configuration_sets.items():
                publisher = policy_document.Publisher(scope.account, arns.configuration_set(scope, name))
                targets = (d["SnsDestination"] for d in found.destinations.values() if "SnsDestination" in d)
                users += [(t["TopicArn"], publisher) for t in targets]
        for arn, publisher in users:
            scope_, topic = Scope(*arn.split(":")[4:2:-1]), arn.rsplit(":", 1)[-1]
            held_topic = state.scopes[scope_].topics.get(topic)
            confirmed = {
                s.endpoint for s in state.scopes[scope_].subscriptions.values() if s.topic_arn == arn and not s.pending
            }
            if held_topic is None:
                incomplete.append(f"{publisher.arn}: {arn} does not exist")
                continue
            document = policy_document.parse(held_topic.policy)
            if not policy_document.may_publish(document, arn, publisher).allowed:
                incomplete.append(f"{publisher.arn}: may not publish to {arn}")
            # A plan cannot wait until the owner of an e-mail address has confirmed.
            missing = {e for e in subscriptions.get(arn, set()) - confirmed if "@" not in e}
            incomplete += [f"{arn}: {e} does not listen" for e in sorted(missing)]
    return Moment(routes(world), topics, incomplete)


def declared_subscriptions(move: Move) -> dict[str, set[str]]:
    """Topic → the endpoints that either specs declare for it."""
    found: dict[str, set[str]] = {}
    for spec in [*move.before.values(), *move.after.values()]:
        for key, topic in spec.get("topics", {}).items():
            if topic != "absent":
                arn = arns.topic(Scope(spec["account"], spec["regions"][0]), key)
                found[arn] = {s["endpoint"] for s in topic.get("subscriptions", [])}
    return found


def new_destinations(move: Move, scope: Scope, name: str) -> set[str]:
    """The destinations that a set has as soon as anything uses it, if it is made by the move; else none in particular."""
    old = [d["configuration_sets"].get(name) for d in move.before.values() if "configuration_sets" in d]
    new = [d.get("configuration_sets", {}).get(name) for d in move.after.values() if d["account"] == scope.account]
    made = [d for d in new if isinstance(d, dict) and not any(isinstance(o, dict) for o in old)]
    declared = [each for d in made for each in d["event_destinations"].items()]
    return {name for name, destination in declared if destination != "absent"}


@every_move
def test_a_move_is_one_plan_that_makes_before_it_breaks(shared: World, move: Move) -> None:
    """After every single step each identity and set still has its routes, each leads to something that is complete, and no
    topic of an identity is cleared on the way to another; then nothing is left to do, and nothing of the old is left."""
    start(shared, move)
    specs = text(move.after)
    seen: list[Moment] = []

    def look(change: Change, outcome: Outcome | None) -> None:
        if outcome is None:  # a step begins: with one worker, all before it are done
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
    assert leftovers(shared, move.after) == set()


def leftovers(world: World, specs: Specs) -> set[str]:
    """The topics and sets that AWS holds and the specs do not keep."""
    found: set[str] = set()
    with world.sandbox._store.transaction() as state:
        for scope, here in state.scopes.items():
            for section, held in (("topics", here.topics), ("configuration_sets", here.configuration_sets)):
                named = [s.get(section, {}) for s in specs.values() if s["account"] == scope.account]
                kept = {key for each in named for key, value in each.items() if value != "absent"}
                found |= {f"{scope} {section} {name}" for name in held.keys() - kept}
            found |= {
                f"{scope} subscription of {s.topic_arn}"
                for s in here.subscriptions.values()
                if s.topic_arn.rsplit(":", 1)[-1] not in here.topics
            }
    return found


@every_move
def test_a_move_that_was_cut_off_is_carried_on_with(shared: World, move: Move) -> None:
    """After any number of its steps, planning and applying again ends where the whole plan would have ended."""
    start(shared, move)
    specs = text(move.after)
    whole = shared.plan(specs)
    for done in range(1, len(whole.changes)):
        start(shared, move)
        assert shared.apply(replace(whole, changes=whole.changes[:done])).ok
        shared.converge(specs)
        assert leftovers(shared, move.after) == set()


@every_move
def test_the_steps_of_a_move_wait_for_each_other_whatever_runs_side_by_side(shared: World, move: Move) -> None:
    """What moves waits for every step that makes what it moves to; what goes waits for every step that moves away from it."""
    start(shared, move)
    plan = shared.plan(text(move.after))
    for position, change in enumerate(plan.changes):
        waited = {plan.changes[p].address for p in waits_for(plan.changes, position)}
        assert must_come_before(change, plan.changes) - waited == set(), change.address


def waits_for(changes: tuple[Change, ...], position: int) -> set[int]:
    found: set[int] = set()
    for each in changes[position].depends_on:
        found |= {each, *waits_for(changes, each)}
    return found


PUBLISHING = ("notification_topic", "event_destination")


def must_come_before(change: Change, changes: tuple[Change, ...]) -> set[Any]:
    """The addresses of the steps that must be done before this one, read off the steps' own before and after."""
    return {c.address for c in changes if makes_what_is_needed(c, change) or moves_away_from(c, change)}


def makes_what_is_needed(one: Change, other: Change) -> bool:
    """Whether the one makes a part of what the other moves to, or of what takes over from what the other clears."""
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
    """Whether the one leaves what the other removes."""
    if other.after is not None or other.before is None or one.before is None:
        return False
    kinds = one.address.type, other.address.type
    if kinds[1] == "topic":
        return kinds[0] in PUBLISHING and topic_of(one.before) == topic_of(other.before) != topic_of(one.after)
    if kinds[1] == "configuration_set" or (kinds[1] == "event_destination" and other.before["enabled"]):
        leaves = set_of(one.before) == set_of(other.before) != set_of(one.after)
        return kinds[0] == "default_configuration_set" and leaves
    return False


def set_of(properties: Mapping[str, Any] | None) -> str | None:
    return (properties or {}).get("configuration_set")


def topic_of(properties: Mapping[str, Any] | None) -> str | None:
    properties = properties or {}
    found: str | None = properties.get("topic_arn") or properties.get("sns", {}).get("topic_arn")
    return found


@pytest.mark.parametrize(("name", "one", "other"), MOVES)
def test_with_since_the_old_need_not_be_declared_absent(shared: World, name: str, one: str, other: str) -> None:
    """What is just deleted from the specs goes as well, in the same plan, and last."""
    move = Move(load(EXAMPLES / name / one), load(EXAMPLES / name / other))
    start(shared, move)
    with_absent = shared.plan(text(move.after))
    for spec in move.after.values():
        for section in ("topics", "configuration_sets"):
            spec[section] = {k: v for k, v in spec.get(section, {}).items() if v != "absent"}
    plan = shared.plan(text(move.after), since=text(move.before))

    assert [(c.action, c.address) for c in plan.changes] == [(c.action, c.address) for c in with_absent.changes]
    assert shared.apply(plan).ok
    assert leftovers(shared, move.after) == set()


def heard(text_: str) -> str:
    """The same specs with subscribers that need not confirm."""
    owner, divider, delegate = text_.partition("---")
    return owner + divider + delegate.replace("sqs:eu-west-1:111111111111", "sqs:eu-west-1:222222222222")


def renamed(text_: str) -> str:
    """The same specs with other names of topics, and nothing that goes on using the old."""
    new = re.sub(r"\b([od][12])\b", r"\1-new", text_)
    new = re.sub(r'"(bounce|complaint|delivery)": "unmanaged"', r'"\1": null', new)
    return new.replace('"exclusive": false', '"exclusive": true')


def named(text_: str) -> Specs:
    return {d["name"]: d for d in yaml.safe_load_all(text_)}


@settings(max_examples=settings().max_examples // 4)
@given(first=random_specs(), second=random_specs())
def test_renaming_every_topic_between_any_specs_leads_nothing_to_what_is_not_complete(
    shared: World, first: str, second: str
) -> None:
    """Whatever else changes in that plan: after each step all that publishes has a topic, the right, and its subscribers."""
    first, second = heard(first), renamed(heard(second))
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
    held = {topic for each in ("111111111111", "222222222222") for topic in topic_names(shared, each)}
    assert held == {"o1-new", "o2-new", "d1-new", "d2-new"}


def topic_names(world: World, account: str) -> set[str]:
    listed = world.client("sns", account).list_topics()["Topics"]
    return {topic["TopicArn"].rpartition(":")[2] for topic in listed}


def test_every_state_of_the_examples_is_moved_through() -> None:
    """No example stands beside the tests."""
    walked = {f"{name}/{state}" for name, *states in MOVES for state in states}
    assert walked == {p.relative_to(EXAMPLES).as_posix() for p in EXAMPLES.glob("*/*")}


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


def test_another_name_under_the_same_key_forgets_the_old_topic(shared: World) -> None:
    """A key with another `name` is another topic: all is moved to it, and the old one stays in AWS, as the page warns,
    unless `--since` tells what was."""
    move = Move(load(EXAMPLES / "topic" / "before"), load(EXAMPLES / "topic" / "before"))
    start(shared, move)
    move.after["example-corp"]["topics"]["feedback"]["name"] = "ses-feedback"
    shared.converge(text(move.after))

    assert "111111111111/eu-west-1 topics feedback" in leftovers(shared, {})

    shared.converge(text(move.after), since=text(load(EXAMPLES / "topic" / "before")))

    assert "111111111111/eu-west-1 topics feedback" not in leftovers(shared, {})


def test_a_move_to_a_topic_without_confirmed_subscription_is_a_warning(shared: World) -> None:
    """Subscribers that must confirm hear nothing of a new topic until they have: one warning a topic, gone when one has."""
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
