"""Ownership tags: when they are written and removed, the number of calls, and delayed reads."""

from __future__ import annotations

import botocore.session
import pytest

from sesform import aws
from sesform.apply import execute, staleness
from sesform.errors import StalePlanError
from sesform.model.address import Access
from world import OWNER, REGION, World

HEAD = f"""
kind: Owner
name: corp
account: "{OWNER}"
regions: [{REGION}]
ownership_tags: true
"""
ALL = HEAD + (
    "topics: {t: {}}\nconfiguration_sets: {s: {}}\n"
    "identities: {Example.com: {notifications: {bounce: t, complaint: t}, feedback_forwarding: false}}\n"
)
IDENTITY = f"arn:aws:ses:{REGION}:{OWNER}:identity/example.com"


def tags(world: World) -> dict[str, str]:
    """Return the spec that each resource's tag names, by the short form of its ARN."""
    found = world.client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "sesform:spec"}])
    return {
        r["ResourceARN"].rpartition(":")[2]: t["Value"]
        for r in found["ResourceTagMappingList"]
        for t in r["Tags"]
        if t["Key"] == "sesform:spec"
    }


def test_managed_resources_are_tagged_with_the_spec(world: World) -> None:
    """Topics, sets and identities; tags of others stay beside it."""
    world.identity("example.com")
    world.client("sesv2").tag_resource(ResourceArn=IDENTITY, Tags=[{"Key": "team", "Value": "mail"}])
    world.converge(ALL)

    assert {"t": "corp", "configuration-set/s": "corp", "identity/example.com": "corp"} == tags(world)
    assert {"team", "sesform:spec"} == {
        t["Key"] for t in world.client("sesv2").list_tags_for_resource(ResourceArn=IDENTITY)["Tags"]
    }


@pytest.mark.parametrize(
    ("also", "tagged"),
    [
        ("", set()),
        (", default_configuration_set: null", {"identity/example.com"}),
        (', authorize: {"222222222222": {}}', {"identity/example.com"}),
    ],
)
def test_an_unmanaged_identity_has_no_tag(world: World, also: str, tagged: set[str]) -> None:
    """An unmanaged identity has no tag; with a tag, --prune would reset resources of other programs."""
    world.identity("example.com")
    alone = "{bounce: unmanaged, complaint: unmanaged, delivery: unmanaged}"
    world.converge(HEAD + f"identities: {{example.com: {{notifications: {alone}{also}}}}}\n")

    assert tagged == set(tags(world))


def test_without_ownership_tags_no_call_is_made(world: World) -> None:
    """Without ownership_tags, the tagging API is not called or connected to."""
    world.identity("example.com")
    specs = ALL.replace("ownership_tags: true\n", "")
    world.converge(specs)
    connection = world.connections(world.desired(specs)).by_place["corp", REGION]

    assert not [c for c in world.sandbox.calls if c.service == "tagging" or "Tag" in c.operation]
    assert {"ses", "sesv2", "sns"} == set(connection.endpoints)


def test_one_call_reads_the_tags_of_a_hundred_resources(world: World) -> None:
    """One call to the tagging API reads the tags of all resources; it does not count for the SES quota."""
    world.identity("example.com")
    world.converge(ALL)
    world.sandbox.calls.clear()
    world.plan(ALL)

    assert 1 == sum(c.service == "tagging" for c in world.sandbox.calls)


def test_all_pages_of_tags_are_read(world: World) -> None:
    """All pages of tags are read."""
    specs = HEAD + "topics: {" + ", ".join(f"t{i}: {{}}" for i in range(101)) + "}\n"
    world.converge(specs)

    assert () == world.plan(specs).changes


def test_tags_stay_if_ownership_tags_is_turned_off(world: World) -> None:
    """Without ownership_tags, tags are no longer managed; with --since they are removed."""
    world.identity("example.com")
    world.converge(ALL)
    off = ALL.replace("ownership_tags: true\n", "")
    world.converge(off)

    assert 3 == len(tags(world))

    world.converge(off, since=ALL)

    assert {} == tags(world)


def test_the_tag_of_an_identity_is_removed_last(world: World) -> None:
    """The tag of an identity is removed last, so an interrupted run can be found by it; a failed step keeps the tag."""
    world.identity("example.com")
    world.converge(ALL)
    absent = HEAD + "identities: {example.com: absent}\n"
    plan = world.plan(absent)
    (untag,) = [c for c in plan.changes if c.address.type == "ownership_tag"]
    others = {i for i, c in enumerate(plan.changes) if "identity" in (c.before or {})}

    assert others == set(untag.depends_on)

    world.sandbox.fail("SetIdentityNotificationTopic", code="AccessDenied", status=403, times=1)
    report = execute.run(plan, world.connections(world.desired(absent), read_only=False))

    assert "not tried" == next(o.result for o in report.outcomes if o.change is untag)
    world.converge(absent)
    assert "identity/example.com" not in tags(world)


def test_destroy_removes_the_tags_of_identities(world: World) -> None:
    """Destroy removes the tag of an identity; the tags of topics and sets are deleted with them."""
    world.identity("example.com")
    world.converge(ALL)
    world.converge(ALL, destroy=True)

    assert {} == tags(world)


def test_an_identity_that_does_not_exist_gets_no_tag(world: World) -> None:
    """An identity that does not exist is an error of the plan and gets no tag."""
    plan = world.plan(HEAD + "identities: {example.com: {}}\n")

    assert [f"identity example.com does not exist in {OWNER}/{REGION}"] == [e.summary for e in plan.errors]
    assert () == plan.changes


def test_a_tag_with_the_planned_value_makes_no_plan_stale(world: World) -> None:
    """A tag that already has the planned value does not make a plan stale, because AWS documents no delay; another value does."""
    world.identity("example.com")
    plan = world.plan(ALL)

    _tag(world, "corp")
    staleness.check(plan, world.plan(ALL))
    _tag(world, "other")
    with pytest.raises(StalePlanError, match=r"identity/example\.com: was create .*; is now update .*spec='other'"):
        staleness.check(plan, world.plan(ALL))


def _tag(world: World, value: str) -> None:
    world.client("sesv2").tag_resource(ResourceArn=IDENTITY, Tags=[{"Key": "sesform:spec", "Value": value}])


def test_a_redirection_without_the_tagging_api_is_a_warning(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The warning is printed only if ownership tags are read."""
    for service in ("SES", "SESV2", "SNS", "STS"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", "http://127.0.0.1:4566")

    def attached(profile: str | None, account: str) -> botocore.session.Session:
        session = botocore.session.Session()
        session.set_credentials(account, "x")
        world.sandbox.attach(session)
        return session

    warnings = [
        aws.connect(
            [("corp", REGION)],
            {"corp": Access(OWNER)},
            aws.Settings(rate=None, tags=tags_, open_session=attached),
        ).warnings
        for tags_ in (False, True)
    ]

    assert [] == warnings[0]
    assert "calls to resourcegroupstaggingapi=tagging.eu-west-1.amazonaws.com still go to AWS" in warnings[1][0]
