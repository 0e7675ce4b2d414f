"""--prune deletes undeclared resources that have the tag of a loaded spec, and no other resources."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sesform.errors import AwsError
from sesform.live import snapshot, tagged
from sesform.planning import prune
from sesform.resources.reader import Reader
from shell import Shell
from world import DELEGATE, OWNER, REGION, World

HEAD = f"""
kind: Owner
name: corp
account: "{OWNER}"
regions: [{REGION}]
ownership_tags: true
"""
FULL = HEAD + (
    "topics: {t: {subscriptions: [{protocol: sqs, endpoint: 'arn:aws:sqs:eu-west-1:111111111111:q'}]}, u: {}}\n"
    "configuration_sets: {s: {event_destinations: {d: {events: [bounce], sns: t}}}}\n"
    "identities:\n  example.com:\n    notifications: {bounce: {topic: t, headers: true}, complaint: t}\n"
    '    feedback_forwarding: false\n    default_configuration_set: s\n    authorize: {"222222222222": {}}\n'
)


def steps(world: World, specs: str) -> set[str]:
    """Return the action, type and key of each step of a pruning plan."""
    plan = world.plan(specs, prune=True)
    assert () == plan.errors
    return {f"{c.action} {c.address.type}/{c.address.key}" for c in plan.changes}


def test_undeclared_tagged_resources_are_deleted(world: World) -> None:
    """Undeclared topics, sets and all resources of an identity are deleted, the tag last; the next plan is empty."""
    world.identity("example.com")
    world.converge(FULL)

    assert {
        "delete topic/t",
        "delete topic/u",
        "delete configuration_set/s",
        "delete event_destination/s/d",
        "delete notification_topic/example.com/bounce",
        "delete notification_topic/example.com/complaint",
        "delete notification_headers/example.com/bounce",
        "update feedback_forwarding/example.com",
        "delete default_configuration_set/example.com",
        "delete sending_policy/example.com/sesform-222222222222",
        "delete ownership_tag/identity/example.com",
    } == steps(world, HEAD)

    plan = world.converge(HEAD, prune=True)

    assert "specs.yaml:3 does not name it; it has the tag sesform:spec=corp" in plan.changes[0].reason
    untag = next(c for c in plan.changes if c.address.type == "ownership_tag")
    assert {i for i, c in enumerate(plan.changes) if "identity" in (c.before or {})} == set(untag.depends_on)


def test_the_default_set_of_an_undeclared_identity_goes_with_the_set(world: World) -> None:
    """A set that the specs declare absent is deleted, so it is no default any more; another set stays the default."""
    world.identity("example.com")
    world.converge(FULL + "---\n" + HEAD.replace("corp", "other") + "configuration_sets: {kept: {}}\n")
    absent = steps(world, HEAD + "configuration_sets: {s: absent}\n")
    world.client("sesv2").put_email_identity_configuration_set_attributes(
        EmailIdentity="example.com", ConfigurationSetName="kept"
    )
    kept = steps(world, HEAD + "configuration_sets: {s: absent}\n")

    assert "delete default_configuration_set/example.com" in absent
    assert "delete default_configuration_set/example.com" not in kept


def test_all_that_pruning_may_delete_is_named_by_a_wildcard(world: World) -> None:
    """An IAM policy for --prune is made of these, in each region of the spec."""
    found = list(prune.anything(world.desired(HEAD.replace(f"[{REGION}]", f"[{REGION}, us-east-1]"))))
    here = [d for d in found if d.scope.region == REGION]
    identity = {"identity": "*"}
    types = [{**identity, "notification_type": type_} for type_ in ("bounce", "complaint", "delivery")]

    assert [
        ("topic", "*", {"topic_arn": f"arn:aws:sns:{REGION}:{OWNER}:*"}),
        ("configuration_set", "*", {"configuration_set": "*"}),
        *(
            (f"notification_{kind}", f"*/{key['notification_type']}", key)
            for key in types
            for kind in ("topic", "headers")
        ),
        ("feedback_forwarding", "*", identity),
        ("sending_policy", "*/*", {**identity, "name": "*"}),
        ("default_configuration_set", "*", identity),
        ("ownership_tag", "identity/*", {"arn": f"arn:aws:ses:{REGION}:{OWNER}:identity/*"}),
    ] == [(d.address.type, d.address.key, dict(d.key)) for d in here]
    assert [d.address for d in here] == [replace(d.address, region=REGION) for d in found[len(here) :]]


@pytest.mark.parametrize(
    "named",
    [
        "topics: {x: {name: t, external: true}}\n",
        "topics: {x: {name: t, policy: unmanaged}}\n",
        f"configuration_sets: {{c: {{event_destinations: {{d: {{events: [bounce], sns: 'arn:aws:sns:{REGION}:{OWNER}:t'}}}}}}}}\n",
    ],
)
def test_a_topic_that_is_named_is_not_deleted(world: World, named: str) -> None:
    """A topic that is external, has an unmanaged policy, or is referred to by its ARN is not deleted."""
    world.converge(HEAD + "topics: {t: {}}\n")

    assert "delete topic/t" not in steps(world, HEAD + named)


def test_unmanaged_identities_and_named_default_sets_stay(world: World) -> None:
    """Unmanaged resources are not reset, and a set that a spec names as a default is not deleted."""
    world.identity("example.com")
    world.converge(FULL)
    unmanaged = "{bounce: unmanaged, complaint: unmanaged, delivery: unmanaged}"
    identity = f"identities: {{example.com: {{notifications: {unmanaged}, default_configuration_set: s}}}}\n"

    plan = world.plan(HEAD + "topics: {t: {}, u: {}}\n" + identity, prune=True)

    assert () == plan.errors
    assert [] == [c.address for c in plan.changes if c.action == "delete"]


def test_resources_of_other_programs_are_not_changed(world: World) -> None:
    """Resources without the ownership tag, and undeclared policies and default sets of a tagged identity, are not changed."""
    world.identity("example.com", "other.example.com")
    world.client("sns").create_topic(Name="theirs", Tags=[{"Key": "spec", "Value": "corp"}])
    ses = world.client("sesv2")
    ses.create_configuration_set(ConfigurationSetName="theirs")
    world.converge(HEAD + "identities: {example.com: {}}\n")
    ses.put_email_identity_configuration_set_attributes(EmailIdentity="example.com", ConfigurationSetName="theirs")

    assert {"delete ownership_tag/identity/example.com"} == steps(world, HEAD)


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:ses:{REGION}:{OWNER}:contact-list/example.com",
        f"arn:aws:ses:{REGION}:{OWNER}:dedicated-ip-pool/example.com",
        f"arn:aws:sns:{REGION}:{OWNER}:app/GCM/t",
        f"arn:aws:elsewhere:{REGION}:{OWNER}:identity/other.example.com",
        "no ARN at all",
    ],
)
def test_tagged_resources_of_other_types_are_ignored(world: World, monkeypatch: pytest.MonkeyPatch, arn: str) -> None:
    """Resources of other types with the ownership tag are ignored, such as a contact list with the name of an identity."""
    world.identity("example.com")
    specs = HEAD + "topics: {t: {}}\nidentities: {example.com: {notifications: {bounce: t}}}\n"
    world.converge(specs)
    monkeypatch.setattr(Reader, "owners", {arn: "corp"})

    assert snapshot.TaggedResources() == tagged.find(world.desired(specs), world.connections(world.desired(specs)))


def test_resources_of_specs_that_are_not_loaded_are_a_warning(world: World) -> None:
    """Each spec that is not loaded gets one warning, which does not change the exit code."""
    world.converge(HEAD.replace("corp", "gone") + "topics: {a: {}, b: {}, c: {}, d: {}}\n")
    plan = world.plan(HEAD, prune=True)
    arn = f"arn:aws:sns:{REGION}:{OWNER}"

    assert () == plan.changes
    assert [
        f"not deleted in {OWNER}/{REGION}, because of the tag sesform:spec=gone, and no spec of that name is loaded: "
        f"{arn}:a, {arn}:b, {arn}:c and 1 more"
    ] == [d.summary for d in plan.diagnostics]
    assert [
        ("warning", "load that spec too. If it was deleted, name a commit that has it with --since, or remove the tag")
    ] == [(d.severity, d.hint) for d in plan.diagnostics]
    world.client("sns").delete_topic(TopicArn=f"{arn}:d")
    assert [f"{arn}:a, {arn}:b, {arn}:c"] == [
        d.summary.partition("is loaded: ")[2] for d in world.plan(HEAD, prune=True).diagnostics
    ]


def test_resources_in_the_old_account_of_a_moved_spec_are_not_deleted(world: World) -> None:
    """Resources in the old account of a moved spec are not deleted; a warning names them."""
    world.converge(HEAD + "topics: {a: {}}\n")
    moved = HEAD.replace(OWNER, DELEGATE) + "---\n" + HEAD.replace("name: corp", "name: other")
    plan = world.plan(moved, prune=True)

    assert () == plan.changes
    assert "and that spec does not have this account and region" in plan.diagnostics[0].summary


def test_a_topic_whose_name_is_the_key_of_another_has_its_arn_as_key(world: World) -> None:
    """A topic whose name is the key of another topic has its ARN as its key, so that addresses are unique."""
    world.converge(HEAD + "topics: {a: {}}\n")
    world.converge(HEAD + "topics: {a: {name: b}}\n")

    assert {f"delete topic/arn:aws:sns:{REGION}:{OWNER}:a"} == steps(world, HEAD + "topics: {a: {name: b}}\n")


def test_a_tag_of_a_deleted_resource_plans_nothing(world: World) -> None:
    """The tagging API is eventually consistent: resources that are already deleted are not planned."""
    world.identity("example.com")
    world.converge(FULL)
    desired = world.desired(HEAD)
    found = tagged.find(desired, world.connections(desired))
    world.sandbox.reset()

    assert 4 == len(found.ours)
    assert () == world.plan_of(prune.pruned(desired, found)).changes


def test_with_older_specs_both_are_removed(world: World) -> None:
    """A resource that --since finds is planned once."""
    world.converge(HEAD + "topics: {a: {}}\n")
    world.converge(HEAD + "topics: {b: {}}\n")
    plan = world.plan(HEAD, since=HEAD + "topics: {b: {}}\n", prune=True)

    assert ["a", "b"] == sorted(c.address.key for c in plan.changes)
    assert {
        "declared it at an earlier commit, and no spec declares it now",
        "does not name it; it has the tag sesform:spec=corp",
    } == {c.reason.partition(" ")[2] for c in plan.changes}


def test_tagged_resources_of_a_removed_spec_are_a_warning(world: World) -> None:
    """Of a removed spec, --since deletes only resources that the older specs declare; a warning names the other tagged ones."""
    gone = HEAD.replace("corp", "gone")
    world.converge(gone + "topics: {a: {}, b: {}}\n")
    plan = world.plan(HEAD, since=gone + "topics: {b: {}}\n", prune=True)

    assert ["gone/eu-west-1/topic/b"] == [str(c.address) for c in plan.changes]
    assert [f"no spec of that name is loaded: arn:aws:sns:{REGION}:{OWNER}:a"] == [
        d.summary.partition(" and ")[2] for d in plan.diagnostics
    ]


def test_a_missing_permission_to_read_tags_is_an_error(world: World) -> None:
    """Without the permission to read tags, --prune is an error."""
    world.sandbox.fail("GetResources", code="AccessDeniedException", message="no", status=400, times=9)
    with pytest.raises(AwsError, match="these credentials lack the permission tag:GetResources"):
        world.plan(HEAD, prune=True)


def test_from_the_command_line(shell: Shell) -> None:
    """plan, drift and apply accept --prune; --only and guards apply to it; a saved plan includes it."""
    shell.specs(HEAD + "topics: {" + ", ".join(f"t{i}: {{}}" for i in range(12)) + "}\n")
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.specs(HEAD)
    drift = shell.run("drift", "--sandbox", "--prune")
    refused = shell.run("plan", "--sandbox", "--prune")
    part = shell.run("plan", "--sandbox", "--prune", "--only", "*/topic/t1", "--out", "plan.json")
    both = shell.run("apply", "--plan", "plan.json", "--prune")
    applied = shell.run("apply", "--sandbox", "--plan", "plan.json")
    rest = shell.run("apply", "--sandbox", "--prune", "--auto-approve", "--allow-mass-change")
    again = shell.run("drift", "--sandbox", "--prune")

    assert (2, 1, 0, 1, 0, 0, 0) == tuple(r.code for r in (drift, refused, part, both, applied, rest, again))
    assert "--allow-mass-change" in refused.err
    assert "Resources: 0 added, 0 changed, 1 destroyed." in applied.out
    assert "Resources: 0 added, 0 changed, 11 destroyed." in rest.out
