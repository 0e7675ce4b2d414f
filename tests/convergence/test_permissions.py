"""The policies of `sesform iam-policy` allow each call that sesform makes, and contain no unused permission."""

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
from sesform.planning import prune as prune_module
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
    """Return the policy of each account, for these options of the command."""
    desired = world.desired(specs, since=since)
    made = [desired, world.desired(specs, destroy=True)] if destroy else [desired]
    removed, pruned = [desired] if destroy else [], tuple(prune_module.anything(desired)) if prune else ()
    return {
        account: iam_policy.of_account(account, made, removed, pruned, writes=apply).document
        for account in iam_policy.accounts(desired)
    }


def denied(of: Mapping[str, Mapping[str, Any]], requests: list[Request]) -> set[Request]:
    return {request for request in requests if not allows(of[request.scope.account], request)}


@settings(max_examples=settings().max_examples // 2)
@given(first=random_specs(), second=random_specs())
def test_the_policies_allow_every_call(shared: World, first: str, second: str) -> None:
    """The policies allow each call of plan, apply, destroy and removals, for any specs and any state."""
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
    with recorded() as planning_since:
        since_plan = world.plan(first, since=second)
    with recorded() as applying_since:
        world.apply(replace(since_plan, diagnostics=()))
    with recorded() as planning_removal:
        removal = world.plan(first, destroy=True)
    with recorded() as removing:
        world.apply(replace(removal, diagnostics=()))

    assert denied(policies(world, second), planning) == set()
    assert denied(policies(world, second, apply=True), planning + applying) == set()
    assert denied(policies(world, first, since=second), planning_since) == set()
    assert denied(policies(world, first, since=second, apply=True), planning_since + applying_since) == set()
    assert denied(policies(world, first, destroy=True), planning_removal) == set()
    assert denied(policies(world, first, destroy=True, apply=True), planning_removal + removing) == set()


@pytest.mark.parametrize("folder", ["examples/gitops/specs", "examples/several-regions/specs"])
def test_the_policies_allow_the_calls_of_every_command(
    folder: str, shared: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The policies allow plan, drift, routes, apply with a saved plan, and destroy, for several accounts and regions."""
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

    assert denied(policies(shared, specs), reading + reading_again) == set()
    assert denied(policies(shared, specs, apply=True), reading + applying) == set()
    assert denied(policies(shared, specs, apply=True, destroy=True), destroying) == set()


ODD_ADDRESS = "c*${x}?@example.com"  # an e-mail address can contain wildcards of IAM
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
# The state before: all resources that the specs declare, with other values, and those that they declare absent.
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
# The specs without ownership tags and subscriptions, and the specs without any resource.
WITHOUT_TAGS = re.sub(
    r"(?ms)  feedback:\n.*?^cross", "  feedback: {}\ncross", EVERYTHING.replace("ownership_tags: true\n", "")
)
WITHOUT_TAGS = re.sub(r", subscriptions: \[.*\]", "", WITHOUT_TAGS)
NOTHING = "\n---\n".join(re.sub(r"(?ms)^(ownership_tags|topics).*", "", d) for d in EVERYTHING.split("---\n"))


def prepared(world: World) -> World:
    world.sandbox.reset()
    world.identity("a.example.com", "b.example.com", ODD_ADDRESS)
    world.identity("partner.example", account=PARTNER_ACCOUNT)
    world.client("sns").create_topic(Name="kept-elsewhere")
    world.client("sesv2", DELEGATE).create_configuration_set(ConfigurationSetName="of-others")
    world.sandbox.declare_key("arn:aws:kms:eu-west-1:111111111111:alias/ses")
    world.sandbox.declare_key("arn:aws:kms:eu-west-1:111111111111:key/0001")
    return world


def unused(of: Mapping[str, Mapping[str, Any]], made: list[Request]) -> set[tuple[str, str]]:
    """Return the pairs of action and resource in the policies that no call requires."""
    return {
        (action, resource)
        for account, policy in of.items()
        for statement in policy["Statement"]
        for action in statement["Action"]
        for resource in statement["Resource"]
        if not any(r.scope.account == account and r.action == action and covers(resource, r.resource) for r in made)
    }


def requests_of_routes(world: World, tmp_path: Path) -> list[Request]:
    """Return the requests of `routes`, with all resources as declared, and with identities that seem to have no route.

    For the latter, `routes` reads their default sets and the destinations of these sets.
    """
    (tmp_path / "specs.yaml").write_text(EVERYTHING, encoding="utf-8")
    arguments = ["routes", str(tmp_path / "specs.yaml"), "--sandbox", "-q"]
    with recorded() as reading, pytest.MonkeyPatch.context() as patching:
        patching.setattr("sesform.cli.sandbox.open_sandbox", lambda rate=None: world.sandbox)
        main(arguments)
        for name in ("a.example.com", "b.example.com", ODD_ADDRESS):
            world.client("ses").set_identity_feedback_forwarding_enabled(Identity=name, ForwardingEnabled=True)
            for type_ in ("Bounce", "Complaint", "Delivery"):
                world.client("ses").set_identity_notification_topic(Identity=name, NotificationType=type_)
            silent = {"EmailIdentity": name, "EmailForwardingEnabled": False}
            world.client("sesv2").put_email_identity_feedback_attributes(**silent)
        main(arguments)
    return reading


def test_the_policies_contain_no_unused_permission(shared: World, tmp_path: Path) -> None:
    """Each action on each resource is used by plan, routes, apply from two states, destroy or removals."""
    world = prepared(shared)
    with recorded() as reading:
        plan = world.plan(EVERYTHING)
    assert plan.errors == ()
    with recorded() as from_nothing:
        assert world.apply(plan).ok
    reading += requests_of_routes(world, tmp_path)
    world = prepared(world)
    world.converge(BEFORE)
    with recorded() as more:
        plan = world.plan(EVERYTHING)
    reading += more
    with recorded() as from_another:
        assert world.apply(plan).ok
    planning, removing = list(reading), list(reading)
    for after in (EVERYTHING, WITHOUT_TAGS, NOTHING):
        how: dict[str, Any] = {"destroy": True} if after is EVERYTHING else {"since": EVERYTHING}
        prepared(world).converge(BEFORE)
        with recorded() as more:
            plan = world.plan(after, **how)
        planning += more
        with recorded() as removal:
            assert world.apply(replace(plan, diagnostics=())).ok
        removing += [*more, *removal]

    made = reading + from_nothing + from_another
    assert unused(policies(world, EVERYTHING), reading) == set()
    assert unused(policies(world, EVERYTHING, destroy=True), planning) == set()
    assert unused(policies(world, EVERYTHING, apply=True), made) == set()
    assert unused(policies(world, EVERYTHING, apply=True, destroy=True), made + removing) == set()
    assert denied(policies(world, EVERYTHING, apply=True), made) == set()


def test_the_policy_for_planning_is_read_only(shared: World) -> None:
    """All actions of the policy for planning are Get, List or Describe, also for planning removals."""
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
REMAINING = PRUNED.partition("topics")[0].replace("ownership_tags: true\n", "")


def with_tags(requests: list[Request], tags: Mapping[str, str]) -> list[Request]:
    """Return the requests as IAM evaluates them if these resources have the ownership tag."""
    key = "aws:ResourceTag/sesform:spec"
    return [r._replace(context=(*r.context, (key, tags[r.resource]))) if r.resource in tags else r for r in requests]


def test_prune_may_write_only_tagged_resources(shared: World) -> None:
    """With --prune the policy allows each call, has no unused permission, and denies writes to resources without the tag."""
    world = prepared(shared)
    world.converge(PRUNED)
    found = world.client("resourcegroupstaggingapi").get_resources()["ResourceTagMappingList"]
    tags = {each["ResourceARN"]: "corp" for each in found}
    with recorded() as planning:
        plan = world.plan(REMAINING, prune=True)
    with recorded() as removing:
        assert world.apply(plan).ok
    assert len(tags) == 3

    reading, applying = policies(world, REMAINING, prune=True), policies(world, REMAINING, apply=True, prune=True)
    assert denied(reading, planning) == set()
    assert denied(applying, with_tags(planning + removing, tags)) == set()
    assert unused(reading, planning) == set()
    assert unused(applying, planning + removing) == set()
    named = [r for r in removing if r.resource != "*" and not r.action.endswith(":UntagResource")]
    for others in ({}, dict.fromkeys(tags, "other")):
        assert denied(applying, with_tags(named, others)) == set(with_tags(named, others))


def test_listing_resources_requires_the_documented_permissions(
    shared: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The documented policy has exactly the actions of import, and covers plan with --unmanaged but for one documented action."""
    world = prepared(shared)
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
    more = "ses:ListMultiRegionEndpoints"
    assert f"`{more}`" in page
    assert {r.action for r in listing if not allows(planning, r)} - set(statement["Action"]) == {more}
