"""The policies that `sesform iam-policy` prints are complete, so that every call is let, and nothing in them is spare."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings

from iam import Request, allows, covers, recorded
from sesform import iam_policy
from sesform.cli import main
from sesform.planning import prune as leftovers
from strategies import IDENTITIES, PARTNER_ACCOUNT, PARTNERS, random_specs
from world import DELEGATE, OWNER, REGION, World

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> World:
    return World(tmp_path_factory.mktemp("permissions"))


def policies(
    world: World,
    specs: str,
    *,
    apply: bool = False,
    destroy: bool = False,
    since: str | None = None,
    prune: bool = False,
) -> dict[str, Mapping[str, Any]]:
    """Account → its policy, as the options of the command have it."""
    desired = world.desired(specs, since=since)
    made = [desired, world.desired(specs, destroy=True)] if destroy else [desired]
    removed, pruned = [desired] if destroy else [], tuple(leftovers.anything(desired)) if prune else ()
    return {
        account: iam_policy.of_account(account, made, removed, pruned, writes=apply).document
        for account in iam_policy.accounts(desired)
    }


def refused(of: Mapping[str, Mapping[str, Any]], requests: list[Request]) -> set[Request]:
    return {request for request in requests if not allows(of[request.scope.account], request)}


@settings(max_examples=settings().max_examples // 2)
@given(first=random_specs(), second=random_specs())
def test_no_call_is_made_that_the_policies_do_not_let(shared: World, first: str, second: str) -> None:
    """Planning and applying any specs from any state, destroying them, and removing resources: the account's policy allows every
    call."""
    world = shared
    world.sandbox.reset()
    world.identity(*IDENTITIES)
    world.identity(*PARTNERS, account=PARTNER_ACCOUNT)
    assume(not world.plan(first).errors)
    world.converge(first)
    with recorded() as planning:
        plan = world.plan(second)
    assume(not plan.errors)
    with recorded() as applying:
        world.apply(replace(plan, diagnostics=()))
    with recorded() as planning_leave:
        leaving = world.plan(first, since=second)
    with recorded() as applying_leave:
        world.apply(replace(leaving, diagnostics=()))
    with recorded() as planning_removal:
        removal = world.plan(first, destroy=True)
    with recorded() as removing:
        world.apply(replace(removal, diagnostics=()))

    assert refused(policies(world, second), planning) == set()
    assert refused(policies(world, second, apply=True), planning + applying) == set()
    assert refused(policies(world, first, since=second), planning_leave) == set()
    assert refused(policies(world, first, since=second, apply=True), planning_leave + applying_leave) == set()
    assert refused(policies(world, first, destroy=True), planning_removal) == set()
    assert refused(policies(world, first, destroy=True, apply=True), planning_removal + removing) == set()


@pytest.mark.parametrize("folder", ["examples/gitops/specs", "examples/several-regions/specs"])
def test_every_command_stays_within_the_policies(
    folder: str, shared: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Plan, drift, routes, apply with its look afterwards, a saved plan and destroy, over several accounts and regions."""
    monkeypatch.setenv("SESFORM_SANDBOX_STATE", str(tmp_path / "sandbox.json"))
    specs = "\n---\n".join(f.read_text(encoding="utf-8") for f in sorted((ROOT / folder).glob("*.yaml")))
    arguments = [str(ROOT / folder), "--sandbox", "-q"]
    with recorded() as reading:
        main(["routes", *arguments])
        main(["plan", *arguments, "--out", str(tmp_path / "plan.json")])
    with recorded() as applying:
        assert main(["apply", str(ROOT / folder), "--sandbox", "--plan", str(tmp_path / "plan.json")]) == 0
    with recorded() as reading_again:
        assert main(["drift", *arguments]) == 0
        main(["routes", *arguments])
    with recorded() as destroying:
        assert main(["destroy", *arguments, "--auto-approve", "--allow-irreversible"]) == 0

    assert refused(policies(shared, specs), reading + reading_again) == set()
    assert refused(policies(shared, specs, apply=True), reading + applying) == set()
    assert refused(policies(shared, specs, apply=True, destroy=True), destroying) == set()


ODD = "c*${x}?@example.com"  # an address may have what IAM takes for wildcards
STREAM = (
    "{stream: 'arn:aws:firehose:eu-west-1:111111111111:deliverystream/s', role: 'arn:aws:iam::111111111111:role/ses'}"
)
QUEUE = "arn:aws:sqs:eu-west-1:111111111111:q"
FIREHOSE = "arn:aws:firehose:eu-west-1:222222222222:deliverystream/s"
EVERYTHING = f"""
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
ownership_tags: true
topics:
  own: {{display_name: SES, kms_key: alias/ses, subscriptions: [{{protocol: sqs, endpoint: "{QUEUE}"}}]}}
  kept-elsewhere: {{external: true}}
  gone: absent
configuration_sets:
  main:
    suppression: [bounce]
    event_destinations:
      a: {{events: [bounce, complaint], sns: own}}
      b: {{events: [send], firehose: {STREAM}}}
  shared: {{exclusive: false}}
  gone: absent
identities:
  a.example.com:
    notifications: {{bounce: {{topic: own, headers: true}}, complaint: mailer/feedback, delivery: kept-elsewhere}}
    feedback_forwarding: false
    default_configuration_set: main
    authorize: {{mailer: {{}}, "333333333333": absent}}
  b.example.com:
    notifications: {{bounce: own, complaint: own}}
    default_configuration_set: null
  "c*${{x}}?@example.com": absent
---
kind: Delegate
name: mailer
account: "222222222222"
regions: [eu-west-1]
topics:
  feedback:
    kms_key: arn:aws:kms:eu-west-1:111111111111:key/0001
    subscriptions:
      - {{protocol: sqs, endpoint: "arn:aws:sqs:eu-west-1:222222222222:q", raw_message_delivery: true}}
      - {{protocol: sqs, endpoint: "arn:aws:sqs:eu-west-1:222222222222:gone", absent: true}}
      - {{protocol: firehose, endpoint: "{FIREHOSE}", role: "arn:aws:iam::222222222222:role/sns"}}
cross_account_notifications:
  arn:aws:ses:eu-west-1:333333333333:identity/partner.example: {{bounce: {{topic: feedback, headers: true}}}}
"""
# The state before: all that the specs declare absent, and all that they declare, with other values.
BEFORE = (
    EVERYTHING.replace("  gone: absent\nconf", "  gone: {}\nconf")
    .replace(", absent: true", "")
    .replace("gone: absent", "gone: {event_destinations: {d: {events: [bounce], sns: own}}}")
    .replace('"333333333333": absent', '"333333333333": {}')
    .replace("mailer: {}", "mailer: {actions: [SendEmail]}")
    .replace('?@example.com": absent', '?@example.com": {notifications: {bounce: gone}}')
    .replace("default_configuration_set: null", "default_configuration_set: gone")
    .replace("display_name: SES", "display_name: other")
    .replace("suppression: [bounce]", "suppression: []")
    .replace("events: [send]", "events: [open]")
    .replace("a: {events: [bounce, complaint]", "z: {events: [bounce, complaint]")
    .replace("raw_message_delivery: true", "raw_message_delivery: false")
    .replace(
        "shared: {exclusive: false}", "shared: {event_destinations: {d-sesform-stand-in: {events: [bounce], sns: own}}}"
    )
)
# What is left when tags and subscriptions leave, and when everything does.
FEWER = re.sub(
    r"(?ms)  feedback:\n.*?^cross", "  feedback: {}\ncross", EVERYTHING.replace("ownership_tags: true\n", "")
)
FEWER = re.sub(r", subscriptions: \[.*\]", "", FEWER)
NOTHING = "\n---\n".join(re.sub(r"(?ms)^(ownership_tags|topics).*", "", d) for d in EVERYTHING.split("---\n"))


def furnished(world: World) -> World:
    world.sandbox.reset()
    world.identity("a.example.com", "b.example.com", ODD)
    world.identity("partner.example", account=PARTNER_ACCOUNT)
    world.client("sns").create_topic(Name="kept-elsewhere")
    world.client("sesv2", DELEGATE).create_configuration_set(ConfigurationSetName="of-others")
    world.sandbox.declare_key("arn:aws:kms:eu-west-1:111111111111:alias/ses")
    world.sandbox.declare_key("arn:aws:kms:eu-west-1:111111111111:key/0001")
    return world


def spare(of: Mapping[str, Mapping[str, Any]], made: list[Request]) -> set[tuple[str, str]]:
    """The pairs of action and resource in the policies that no call needed."""
    return {
        (action, resource)
        for account, policy in of.items()
        for statement in policy["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
        if not any(r.scope.account == account and r.action == action and covers(resource, r.resource) for r in made)
    }


def routes_reads(world: World, tmp_path: Path) -> list[Request]:
    """What `routes` reads, while all is as declared, and where identities seem to have no route: then it asks for their default
    sets, and what these send on."""
    (tmp_path / "specs.yaml").write_text(EVERYTHING, encoding="utf-8")
    arguments = ["routes", str(tmp_path / "specs.yaml"), "--sandbox", "-q"]
    with recorded() as reading, pytest.MonkeyPatch.context() as patching:
        patching.setattr("sesform.cli.sandbox.open_sandbox", lambda rate=None: world.sandbox)
        main(arguments)
        for name in ("a.example.com", "b.example.com", ODD):
            world.client("ses").set_identity_feedback_forwarding_enabled(Identity=name, ForwardingEnabled=True)
            for type_ in ("Bounce", "Complaint", "Delivery"):
                world.client("ses").set_identity_notification_topic(Identity=name, NotificationType=type_)
            silent = {"EmailIdentity": name, "EmailForwardingEnabled": False}
            world.client("sesv2").put_email_identity_feedback_attributes(**silent)
        main(arguments)
    return reading


def test_nothing_in_the_policies_is_spare(shared: World, tmp_path: Path) -> None:
    """Each action on each resource of a policy is used: by planning or routes, by applying from nothing and from another state, by
    destroying, or by removing resources."""
    world = furnished(shared)
    with recorded() as reading:
        plan = world.plan(EVERYTHING)
    assert plan.errors == ()
    with recorded() as from_nothing:
        assert world.apply(plan).ok
    reading += routes_reads(world, tmp_path)
    world = furnished(world)
    world.converge(BEFORE)
    with recorded() as more:
        plan = world.plan(EVERYTHING)
    reading += more
    with recorded() as from_another:
        assert world.apply(plan).ok
    planning, removing = list(reading), list(reading)
    for after in (EVERYTHING, FEWER, NOTHING):
        how: dict[str, Any] = {"destroy": True} if after is EVERYTHING else {"since": EVERYTHING}
        furnished(world).converge(BEFORE)
        with recorded() as more:
            plan = world.plan(after, **how)
        planning += more
        with recorded() as removal:
            assert world.apply(replace(plan, diagnostics=())).ok
        removing += [*more, *removal]

    made = reading + from_nothing + from_another
    assert spare(policies(world, EVERYTHING), reading) == set()
    assert spare(policies(world, EVERYTHING, destroy=True), planning) == set()
    assert spare(policies(world, EVERYTHING, apply=True), made) == set()
    assert spare(policies(world, EVERYTHING, apply=True, destroy=True), made + removing) == set()
    assert refused(policies(world, EVERYTHING, apply=True), made) == set()


def test_the_policy_for_planning_lets_nothing_be_written(shared: World) -> None:
    """All its actions are Get, List or Describe, those for planning removals too."""
    for account in (OWNER, DELEGATE):
        actions = {a for s in policies(shared, EVERYTHING, destroy=True)[account]["Statement"] for a in s["Action"]}
        assert actions
        assert {a for a in actions if not re.fullmatch(r"\w+:(Get|List|Describe)\w+", a)} == set()


PRUNED = f"""
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
ownership_tags: true
topics: {{t: {{subscriptions: [{{protocol: sqs, endpoint: "{QUEUE}"}}]}}}}
configuration_sets: {{s: {{event_destinations: {{d: {{events: [bounce], sns: t}}}}}}}}
identities:
  a.example.com:
    notifications: {{bounce: {{topic: t, headers: true}}, complaint: t}}
    feedback_forwarding: false
    default_configuration_set: s
    authorize: {{"222222222222": {{}}}}
"""
LEFT = PRUNED.partition("topics")[0].replace("ownership_tags: true\n", "")


def with_tags(requests: list[Request], tags: Mapping[str, str]) -> list[Request]:
    """The requests, as IAM sees them where these things carry the ownership tag."""
    key = "aws:ResourceTag/sesform:spec"
    return [r._replace(context=(*r.context, (key, tags[r.resource]))) if r.resource in tags else r for r in requests]


def test_what_carries_a_tag_can_be_found_and_removed_and_nothing_else(shared: World) -> None:
    """With --prune each call is let, nothing in the policy is spare, and what carries no tag of these specs cannot be written."""
    world = furnished(shared)
    world.converge(PRUNED)
    found = world.client("resourcegroupstaggingapi").get_resources()["ResourceTagMappingList"]
    tags = {each["ResourceARN"]: "corp" for each in found}
    with recorded() as planning:
        plan = world.plan(LEFT, prune=True)
    with recorded() as removing:
        assert world.apply(plan).ok
    assert len(tags) == 3

    reading, applying = policies(world, LEFT, prune=True), policies(world, LEFT, apply=True, prune=True)
    assert refused(reading, planning) == set()
    assert refused(applying, with_tags(planning + removing, tags)) == set()
    assert spare(reading, planning) == set()
    assert spare(applying, planning + removing) == set()
    named = [r for r in removing if r.resource != "*" and not r.action.endswith(":UntagResource")]
    for others in ({}, dict.fromkeys(tags, "other")):
        assert refused(applying, with_tags(named, others)) == set(with_tags(named, others))


def test_listing_resources_needs_the_documented_permissions(
    shared: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Import makes every kind of call of that policy and no other; --unmanaged makes no other beside those of planning."""
    world = furnished(shared)
    world.converge(EVERYTHING)
    monkeypatch.setattr("sesform.cli.sandbox.open_sandbox", lambda rate=None: world.sandbox)
    page = (
        (ROOT / "docs" / "reference" / "permissions.md")
        .read_text(encoding="utf-8")
        .partition("## Listing existing resources")[2]
    )
    (statement,) = json.loads(page.partition("```json")[2].partition("```")[0])["Statement"]
    with recorded() as importing:
        assert main(["import", "--sandbox", "-q", "--account", OWNER, "--account", DELEGATE, "--region", REGION]) == 0
    few = "kind: Delegate\nname: mailer\naccount: '222222222222'\nregions: [eu-west-1]\ntopics: {feedback: {}}\n"
    (tmp_path / "specs.yaml").write_text(few, encoding="utf-8")
    with recorded() as listing:
        assert main(["plan", str(tmp_path / "specs.yaml"), "--unmanaged", "--sandbox", "-q"]) == 0

    assert set(statement["Action"]) == {request.action for request in importing}
    assert statement["Resource"] == "*"
    planning = policies(world, few)[DELEGATE]
    assert {r.action for r in listing if not allows(planning, r)} <= set(statement["Action"])
