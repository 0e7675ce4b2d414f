"""Compilation of specs from text, and snapshots of AWS after they were applied, for unit tests."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sesform.errors import Problem, SpecError
from sesform.live.snapshot import IdentityFacts, Snapshot, Subscriber, TopicFacts
from sesform.model.address import Address, Scope
from sesform.model.values import UNKNOWN
from sesform.planning import planner
from sesform.planning.plan import Change, Plan
from sesform.policies import document as policy_document
from sesform.resources import RESOURCES
from sesform.specs import compiler, schema, yaml_reader
from sesform.specs import document as document_
from sesform.specs.declared import Declared
from sesform.specs.desired import Desired

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"
OWNER_SCOPE, DELEGATE_SCOPE = Scope(OWNER, REGION), Scope(DELEGATE, REGION)

OWNER_HEAD = f"""\
kind: Owner
name: corp
account: "{OWNER}"
regions: [{REGION}]
"""
DELEGATE_HEAD = f"""\
kind: Delegate
name: mailer
account: "{DELEGATE}"
regions: [{REGION}]
"""


def owner(body: str = "") -> str:
    """Return an Owner document: four lines of head, then the body."""
    return OWNER_HEAD + body


def delegate(body: str = "") -> str:
    """Return a Delegate document: four lines of head, then the body."""
    return DELEGATE_HEAD + body


def topic_arn(name: str, account: str = OWNER, region: str = REGION) -> str:
    return f"arn:aws:sns:{region}:{account}:{name}"


def identity_arn(name: str, account: str = OWNER, region: str = REGION) -> str:
    return f"arn:aws:ses:{region}:{account}:identity/{name}"


def set_arn(name: str, account: str = OWNER, region: str = REGION) -> str:
    return f"arn:aws:ses:{region}:{account}:configuration-set/{name}"


def load(text: str) -> tuple[list[document_.Document], list[Problem]]:
    """Return the documents of a file `specs.yaml` with this text."""
    Path("specs.yaml").write_text(text, encoding="utf-8")
    return yaml_reader.load(["specs.yaml"])


def problems(text: str) -> list[Problem]:
    """Return all problems of the specs, sorted by place."""
    documents, found = load(text)
    specs, more = schema.load(documents)
    try:
        compiler.build(specs, [*found, *more])
    except SpecError as error:
        return list(error.problems)
    return []


def compiled(text: str, *, destroy: bool = False) -> Desired:
    """Return the compiled specs."""
    documents, found = load(text)
    specs, more = schema.load(documents)
    return compiler.build(specs, [*found, *more], destroy=destroy)


def address(text: str) -> Address:
    return Address.parse(text)


def wants(of: Desired) -> dict[str, Any]:
    """Return the desired properties by address; None: the resource must not exist."""
    return {str(a): d.desired for a, d in of.declared.items()}


def holding(done: Desired, *, seen_by: Desired | None = None, instead: Mapping[str, Any] | None = None) -> Snapshot:
    """The live state after `done` was applied, for what `seen_by` reads (all that `done` declares).

    `instead` replaces the properties at an address; None: it does not exist.
    """
    found = {a: _as_found(d) for a, d in done.declared.items()}
    for text, properties in (instead or {}).items():
        found[address(text)] = properties
    existing = {a: p for a, p in found.items() if p is not None}
    identities = _identities(done, existing)
    for each in (seen_by or done).declared.values():
        _always_there(each, existing, identities)
    looked_at = (seen_by or done).declared
    sets = {a for a in looked_at if a.type == "configuration_set"}
    existing = {a: p for a, p in existing.items() if a in looked_at or _parent(a) in sets}
    topics = _topics(done, seen_by or done, existing)
    made = frozenset((done.declared[a].scope, p["configuration_set"]) for a, p in existing.items() if a in sets)
    return Snapshot(existing, {}, identities, topics, made, subscribers=dict.fromkeys(topics, (QUEUE,)))


# Every topic that exists has this subscription, so that its routes count.
QUEUE = Subscriber("sqs", f"arn:aws:sqs:{REGION}:{OWNER}:queue", False, {})


def _topics(done: Desired, seen_by: Desired, existing: Mapping[Address, Any]) -> dict[str, TopicFacts | None]:
    """The topics that SES publishes to before or after, with the policies that `done` leads to."""
    managed = {p["topic_arn"]: p["policy"] for a, p in existing.items() if a.type == "topic_policy"}
    found: dict[str, TopicFacts | None] = {}
    for of in (done, seen_by):
        for target in of.targets:
            arn = target.topic_arn
            if arn in managed:
                found[arn] = TopicFacts(policy_document.compact(managed[arn]))
            elif arn in of.watched_topics:
                allowing = _allowing(arn, [list(p) for p in target.publishers])
                found[arn] = TopicFacts(policy_document.compact(allowing))
    return found


def _parent(of: Address) -> Address:
    return Address(of.spec, of.region, "configuration_set", of.key.split("/")[0])


def _allowing(arn: str, publishers: list[list[str]]) -> policy_document.Policy:
    settled = RESOURCES["topic_policy"].planned_value(
        {"topic_arn": arn, "publishers": publishers, "accounts": None}, None
    )
    assert settled is not None
    document: policy_document.Policy = settled["policy"]
    return document


def _as_found(declared: Declared) -> Any:
    if declared.desired is None:
        return None
    kind = declared.address.type
    settled = RESOURCES[kind].planned_value(declared.desired, None)
    if settled is None:
        return None
    if kind == "topic":
        return {"display_name": "", "kms_key": None, **settled}
    if kind == "subscription":
        unset = {"raw_message_delivery": False, "filter_policy": {}, "filter_policy_scope": "MessageAttributes"}
        return {**unset, "dead_letter_queue": None, "role": None, **settled, "arn": f"{settled['topic_arn']}:0001"}
    return {k: v for k, v in settled.items() if v is not UNKNOWN}


def _identities(done: Desired, found: Mapping[Address, Any]) -> dict[tuple[Scope, str], IdentityFacts]:
    facts: dict[tuple[Scope, str], IdentityFacts] = {}
    for each in done.declared.values():
        name = each.key.get("identity")
        if name is None or (each.scope, name) in facts:
            continue
        ours = [p for a, p in found.items() if p.get("identity") == name and done.declared[a].scope == each.scope]
        topics = {p["notification_type"]: p["topic_arn"] for p in ours if "topic_arn" in p}
        forwarding = all(p["enabled"] for p in ours if p.keys() == {"identity", "enabled"})
        facts[each.scope, name] = IdentityFacts(topics, forwarding, "" if name.startswith("arn:") else "Success")
    return facts


def _always_there(
    each: Declared, found: dict[Address, Any], identities: Mapping[tuple[Scope, str], IdentityFacts]
) -> None:
    """Topic policies exist with their topics, forwarding with its identity, whether or not they were declared."""
    kind = each.address.type
    if each.address in found:
        return
    topic = Address(each.address.spec, each.address.region, "topic", each.address.key)
    if kind == "topic_policy" and topic in found:
        arn = each.key["topic_arn"]
        found[each.address] = {"topic_arn": arn, "policy": policy_document.default_topic_policy(arn)}
    facts = identities.get((each.scope, each.key.get("identity", "")))
    if kind == "feedback_forwarding" and facts is not None:
        found[each.address] = {"identity": each.key["identity"], "enabled": facts.forwarding}


def bare(*identities: str, scope: Scope = OWNER_SCOPE) -> Snapshot:
    """Return the snapshot of an account with these verified identities and no other resources."""
    facts = {(scope, name): IdentityFacts({}, True, "Success") for name in identities}
    return Snapshot(identities=facts)


def plan_between(before: str, after: str, *, destroy: bool = False) -> Plan:
    """Plan the specs `after` on the snapshot that the applied specs `before` result in."""
    wanted = compiled(after, destroy=destroy)
    return planner.plan(wanted, holding(compiled(before), seen_by=wanted))


def steps(of: Plan) -> list[tuple[str, str]]:
    """Return the (action, address) of each step, in order."""
    return [(c.action, str(c.address)) for c in of.changes]


def step(of: Plan, text: str, action: str = "") -> Change:
    """Return the only step at this address, or the only one with that action."""
    (found,) = [c for c in of.changes if str(c.address) == text and c.action.startswith(action)]
    return found


def in_full(of: Plan) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return each diagnostic as users read it: severity, text with place and hint, and the addresses that it concerns."""
    return [(problem.severity, str(problem), problem.concerns) for problem in of.diagnostics]
