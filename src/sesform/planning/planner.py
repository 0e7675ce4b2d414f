"""(desired, live) → Plan. Pure: no clock, no network, no environment; the same input gives the same plan, byte for byte."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from sesform.errors import Problem
from sesform.live.snapshot import Snapshot
from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.values import Properties
from sesform.planning import graph, route_changes
from sesform.planning.checks import identities, kms_keys, quotas, readable, subscriptions, topics
from sesform.planning.plan import Action, Change, Plan, Unchanged, on_the_way
from sesform.resources import RESOURCES, Phase
from sesform.resources.event_destination import is_temporary, sends_nothing, temporary_replacement
from sesform.specs.compiler import publishers_of
from sesform.specs.declared import Declared
from sesform.specs.desired import Desired

_RANK = {name: position for position, name in enumerate(RESOURCES)}


@dataclass(frozen=True, slots=True)
class Draft:
    """A change before it has its place. `follows` are positions of drafts of the same resource that must come first."""

    address: Address
    scope: Scope
    action: Action
    before: Properties | None
    after: Properties | None
    reason: str
    phase: Phase
    follows: tuple[int, ...] = ()


def plan(desired: Desired, snapshot: Snapshot) -> Plan:
    """The steps from what AWS holds to what is declared, in the order in which they are safe.

    What stands in the way is in the plan's diagnostics; then the plan is not applyable, and says what would be done otherwise.
    """
    problems = readable.readable(desired, snapshot)
    declared = _with_unmanaged_publishers(desired, snapshot)
    drafts: list[Draft] = []
    unchanged: list[Unchanged] = []
    names = {str(a) for a in [*snapshot.found, *desired.declared] if a.type == "event_destination"}
    for each in declared:
        if each.address in snapshot.unreadable or identities.is_missing(each, snapshot):
            continue
        have = snapshot.found.get(each.address)
        want = RESOURCES[each.address.type].planned_value(each.desired, have)
        steps = list(_steps(each, have, want, len(drafts), names))
        drafts += steps
        if not steps and want is not None and each.desired is not None:
            unchanged.append(Unchanged(each.address, want))
    drafts += _unlisted_destinations(desired, snapshot)
    drafts = _with_room_for_policies(drafts, snapshot)
    changes = _ordered(drafts, _followers(drafts, snapshot))
    problems += identities.identities(desired, snapshot, changes)
    problems += topics.topics(desired, snapshot, changes)
    problems += kms_keys.check(desired, snapshot, changes)
    problems += identities.configuration_sets(desired, snapshot, changes)
    problems += quotas.check(desired, snapshot, changes)
    problems += subscriptions.pending(desired, snapshot)
    problems += subscriptions.unheard(desired, snapshot, changes)
    problems += topics.withdrawn(desired, snapshot, changes)
    found = sorted({*desired.warnings, *problems}, key=lambda p: (p.severity, p.file, p.line, p.path, p.summary))
    same = tuple(sorted(unchanged, key=lambda u: _sort_key(u.address)))
    of = Plan(changes, same, tuple(found), access=desired.access, since=desired.since)
    return route_changes.routed(of, desired, snapshot)


def _sort_key(address: Address) -> tuple[str, str, int, str]:
    return address.spec, address.region, _RANK[address.type], address.key


def _with_unmanaged_publishers(desired: Desired, snapshot: Snapshot) -> Iterator[Declared]:
    """The declared resources; a managed topic that an unmanaged setting publishes to keeps letting it publish."""
    extra: dict[str, list[list[str]]] = defaultdict(list)
    for each in desired.unmanaged:
        facts = snapshot.identities.get((each.scope, each.key["identity"]))
        arn = facts.topics.get(each.key["notification_type"]) if facts else None
        if arn:
            extra[arn] += [list(p) for p in publishers_of(each.scope, each.key["identity"])]
    for scope, properties in _undeclared_destinations(desired, snapshot):
        source = arns.configuration_set(scope, properties["configuration_set"])
        extra[properties["sns"]["topic_arn"]].append([scope.account, source, ""])
    for each in desired.declared.values():
        if each.address.type == "topic_policy" and each.key["topic_arn"] in extra:
            want = each.desired or {}
            named = want["publishers"]
            publishers = sorted([*named, *(p for p in extra[each.key["topic_arn"]] if p not in named)])
            each = replace(each, desired={**want, "publishers": publishers})
        yield each


def _undeclared_destinations(desired: Desired, snapshot: Snapshot) -> Iterator[tuple[Scope, Properties]]:
    """The SNS destinations that nobody declared and that stay: those of sets that are not exclusive, stand-ins aside."""
    for address, properties in snapshot.found.items():
        stays = address not in desired.declared and address.type == "event_destination" and not is_temporary(properties)
        if stays and "sns" in properties:
            parent = Address(address.spec, address.region, "configuration_set", properties["configuration_set"])
            if parent in desired.declared and parent not in desired.exclusive:
                yield desired.declared[parent].scope, properties


def _steps(
    declared: Declared, have: Properties | None, want: Properties | None, position: int, names: set[str]
) -> Iterator[Draft]:
    """The steps of one resource; `position` is where the first of them will stand among the drafts.

    `names` are the addresses of event destinations that are in use; that of a stand-in is added.
    """
    kind = RESOURCES[declared.address.type]

    def draft(
        action: Action, before: Properties | None, after: Properties | None, reason: str, phase: Phase, *follows: int
    ) -> Draft:
        return Draft(declared.address, declared.scope, action, before, after, reason, phase, follows)

    if want is None:
        if have is not None:
            yield draft("delete", have, None, str(declared.origin), kind.phase(have, None))
        return
    if have is None:
        remark = kind.remark(None, want)
        reason = f"{declared.origin}, and AWS has none" + (f"; {remark}" if remark else "")
        yield draft("create", None, want, reason, kind.phase(None, want))
        return
    if kind.same(have, want):
        return
    replaced = kind.requires_replace(have, want)
    if replaced:
        yield from _replacement(declared, have, want, replaced, position, names)
        return
    between = kind.expanded(have, want)
    reason = f"{declared.origin}, and AWS has it otherwise"
    if not kind.same(between, have) and not kind.same(between, want):
        yield draft("update", have, between, f"{reason}; first both the old and the new", kind.phase(have, between))
        yield draft("update", between, want, f"{reason}; then the old no more", kind.phase(between, want), position)
        return
    yield draft("update", have, want, reason, kind.phase(have, want))


def _replacement(
    declared: Declared, have: Properties, want: Properties, why: str, position: int, names: set[str]
) -> Iterator[Draft]:
    """Delete and create, with a stand-in meanwhile where events would otherwise be lost."""
    address, scope = declared.address, declared.scope
    make, remove = Phase.EVENT_DESTINATIONS, Phase.CONFIGURATION_SETS_REMOVED
    siblings = str(replace(address, key=f"{have['configuration_set']}/"))
    stand_in = temporary_replacement(have, want, {n.removeprefix(siblings) for n in names if n.startswith(siblings)})
    if stand_in is None:
        # What it sends on now must be carried by others before it goes; what it will send on is nothing or new.
        phase = make if sends_nothing(have) else remove
        yield Draft(address, scope, "delete", have, None, why, phase)
        yield Draft(address, scope, "create", None, want, why, phase, (position,))
        return
    names.add(siblings + stand_in["name"])
    beside = replace(address, key=f"{stand_in['configuration_set']}/{stand_in['name']}")
    meanwhile = f"it stands in for {address.key} while that is replaced"
    yield Draft(beside, scope, "create", None, stand_in, meanwhile, make)
    yield Draft(address, scope, "delete", have, None, why, make, (position,))
    yield Draft(address, scope, "create", None, want, why, make, (position + 1,))
    yield Draft(beside, scope, "delete", stand_in, None, meanwhile, remove, (position + 2,))


def _unlisted_destinations(desired: Desired, snapshot: Snapshot) -> Iterator[Draft]:
    """Destinations that were found in an exclusive set and that it does not list."""
    kind = RESOURCES["event_destination"]
    for address, have in snapshot.found.items():
        if address.type != "event_destination" or address in desired.declared:
            continue
        parent = Address(address.spec, address.region, "configuration_set", have["configuration_set"])
        if parent in desired.exclusive or (parent in desired.declared and is_temporary(have)):
            owner = desired.declared[parent]
            reason = f"{owner.origin}" if owner.desired is None else f"{str(owner.origin).split()[0]} does not list it"
            yield Draft(address, owner.scope, "delete", have, None, reason, kind.phase(have, None))


def _with_room_for_policies(drafts: Sequence[Draft], snapshot: Snapshot) -> list[Draft]:
    """The drafts, where an identity has as many sending policies as it takes with new ones after old ones."""
    by_identity: dict[tuple[Scope, str], tuple[list[int], list[int]]] = defaultdict(lambda: ([], []))
    for position, draft in enumerate(drafts):
        if draft.address.type == "sending_policy" and draft.action != "update":
            properties = draft.after or draft.before or {}
            by_identity[draft.scope, properties["identity"]][draft.after is None].append(position)
    found = list(drafts)
    for key, (creates, deletes) in by_identity.items():
        facts = snapshot.sending.get(key)
        held = len(facts.policies) if facts else 0
        for position, first in quotas.make_room(held, creates, deletes).items():
            found[position] = replace(found[position], follows=first)
    return found


_Followers = dict[tuple[Scope, str], set[str]]


def _followers(drafts: Iterable[Draft], snapshot: Snapshot) -> _Followers:
    """(scope, configuration set) → the identities whose default it is, before the plan or after it."""
    found: _Followers = defaultdict(set)
    scopes = {(d.address.spec, d.address.region): d.scope for d in drafts}
    held = [
        (scopes.get((a.spec, a.region)), p) for a, p in snapshot.found.items() if a.type == "default_configuration_set"
    ]
    made = [(d.scope, d.after) for d in drafts if d.address.type == "default_configuration_set" and d.after]
    for scope, properties in [*held, *made]:
        if scope is not None:
            found[scope, properties["configuration_set"]].add(properties["identity"])
    for (scope, identity), facts in snapshot.sending.items():
        if facts.default_set:
            found[scope, facts.default_set].add(identity)
    return found


def _ordered(drafts: Sequence[Draft], followers: _Followers) -> tuple[Change, ...]:
    makers, added = _route_makers(drafts), _added_destinations(drafts)
    ordered = graph.order([_node(d, followers, makers, added) for d in drafts])
    return tuple(_change(drafts[position], depends_on) for position, depends_on in ordered)


_Positions = Mapping[tuple[Scope, str], tuple[int, ...]]


def _route_makers(drafts: Sequence[Draft]) -> _Positions:
    """(scope, identity) → the positions of the steps that give it a topic, or turn its forwarding on; by its ARN, of all steps."""
    found: dict[tuple[Scope, str], tuple[int, ...]] = defaultdict(tuple)
    for position, draft in enumerate(drafts):
        if draft.phase in (Phase.NOTIFICATION_TOPICS, Phase.FORWARDING_ON) and draft.after is not None:
            found[draft.scope, draft.after["identity"]] += (position,)
        properties = draft.before or draft.after or {}
        if "identity" in properties:
            found[draft.scope, arns.identity(draft.scope, properties["identity"])] += (position,)
    return found


def _added_destinations(drafts: Sequence[Draft]) -> _Positions:
    """(scope, configuration set) → the positions of the steps that make a destination in it before anything is removed."""
    found: dict[tuple[Scope, str], tuple[int, ...]] = defaultdict(tuple)
    for position, draft in enumerate(drafts):
        made = draft.address.type == "event_destination" and draft.phase is Phase.EVENT_DESTINATIONS
        if made and draft.action == "create" and draft.after is not None:
            found[draft.scope, draft.after["configuration_set"]] += (position,)
    return found


def _node(draft: Draft, followers: _Followers, makers: _Positions, added: _Positions) -> graph.Node:
    kind = RESOURCES[draft.address.type]
    first: tuple[int, ...] = ()
    if draft.address.type == "default_configuration_set":
        if draft.before is not None:
            # The set that is left may carry what these are to carry.
            first = makers.get((draft.scope, draft.before["identity"]), ())
        if draft.after is not None:
            # Nothing moves to a set that is not whole: its disabled destinations too are there first.
            first += added.get((draft.scope, draft.after["configuration_set"]), ())
    if draft.address.type == "ownership_tag" and draft.before is not None and draft.after is None:
        # By its tag an identity is found whose settings are taken back: it goes when they have gone.
        first = makers.get((draft.scope, draft.before["arn"]), ())

    def names(of: Callable[[Scope, Properties], frozenset[str]], properties: Properties | None) -> frozenset[str]:
        return frozenset() if properties is None else of(draft.scope, properties)

    def gives(properties: Properties | None) -> frozenset[str]:
        given = names(kind.provides, properties)
        if properties is None or draft.address.type != "event_destination" or not given:
            return given
        # What a destination carries, it carries for the identities whose default its set is.
        own = followers.get((draft.scope, properties["configuration_set"]), set())
        return given | {f"route {draft.scope} {identity}" for identity in own}

    rank, where = _RANK[draft.address.type], draft.address
    return graph.Node(
        rank=(
            int(draft.phase),
            -rank if draft.phase.removes else rank,
            where.spec,
            where.region,
            where.key,
            len(draft.follows),
        ),
        removes=draft.phase.removes and draft.action != "create",
        provides_before=gives(draft.before),
        provides_after=gives(draft.after),
        requires_before=names(kind.requires, draft.before),
        requires_after=names(kind.requires, draft.after),
        waits_for=draft.follows + first,
    )


def _change(draft: Draft, depends_on: tuple[int, ...]) -> Change:
    calls = RESOURCES[draft.address.type].calls(draft.before, draft.after)
    return Change(
        draft.address,
        draft.scope,
        draft.action,
        draft.before,
        draft.after,
        draft.reason,
        int(draft.phase),
        calls,
        depends_on,
    )


def part(of: Plan, desired: Desired, snapshot: Snapshot, matches: Callable[[str], bool]) -> Plan:
    """The part of a plan whose addresses match, with the routes that it changes and the limits that it meets by itself."""
    whole = set(quotas.check(desired, snapshot, of.changes))
    taken = chosen(of, matches)
    rest = tuple(d for d in taken.diagnostics if d not in whole)
    own = quotas.check(desired, snapshot, taken.changes)
    return route_changes.routed(replace(taken, diagnostics=(*rest, *own)), desired, snapshot)


def chosen(of: Plan, matches: Callable[[str], bool]) -> Plan:
    """The part of a plan whose addresses match, with the steps that these depend on: what is left out keeps its turn.

    Diagnostics stay where they concern something that matches or is chosen, or no address at all.
    """
    wanted = {i for i, change in enumerate(of.changes) if matches(str(change.address))}
    # What is made on the way is removed again, or it would stay: its removal belongs to it as what it depends on does.
    passing = on_the_way(of.changes)
    beside = {i for i in _needed(of, wanted) if of.changes[i].address in passing}
    kept = {of.changes[i].address for i in beside}
    wanted = _needed(of, wanted | {i for i, change in enumerate(of.changes) if change.address in kept})
    place = {position: new for new, position in enumerate(sorted(wanted))}
    changes = [
        replace(of.changes[p], depends_on=tuple(place[d] for d in of.changes[p].depends_on)) for p in sorted(wanted)
    ]
    unchanged = tuple(u for u in of.unchanged if matches(str(u.address)))
    touched = {str(c.address) for c in changes} | {str(u.address) for u in unchanged}
    diagnostics = tuple(d for d in of.diagnostics if _concerns(d, touched, matches))
    return replace(of, changes=tuple(changes), unchanged=unchanged, diagnostics=diagnostics)


def _needed(of: Plan, wanted: set[int]) -> set[int]:
    """The positions with those of all steps that they depend on."""
    found = set(wanted)
    for position in range(len(of.changes) - 1, -1, -1):
        if position in found:
            found.update(of.changes[position].depends_on)
    return found


def _concerns(problem: Problem, touched: set[str], matches: Callable[[str], bool]) -> bool:
    addresses = problem.concerns or (problem.path,)
    return problem.path.count("/") < 2 or any(a in touched or matches(a) for a in addresses)


__all__ = ["chosen", "part", "plan"]
