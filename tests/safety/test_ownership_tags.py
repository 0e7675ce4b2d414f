"""Ownership tags: when they are written and removed, what they cost, and what comes of their being read late."""

from __future__ import annotations

from dataclasses import replace

import botocore.session
import pytest

from sesform import aws
from sesform.apply import execute, staleness
from sesform.errors import StalePlanError
from sesform.live import refresh
from sesform.model.address import Access, Address
from sesform.planning.plan import Plan
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
    """ARN → the spec that its tag names."""
    found = world.client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "sesform:spec"}])
    return {
        r["ResourceARN"].rpartition(":")[2]: t["Value"]
        for r in found["ResourceTagMappingList"]
        for t in r["Tags"]
        if t["Key"] == "sesform:spec"
    }


def test_what_a_spec_manages_carries_its_name(world: World) -> None:
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
def test_an_identity_that_is_unmanaged_whole_carries_no_tag(world: World, also: str, tagged: set[str]) -> None:
    """A tag on an unmanaged identity would let --prune reset settings of others."""
    world.identity("example.com")
    alone = "{bounce: unmanaged, complaint: unmanaged, delivery: unmanaged}"
    world.converge(HEAD + f"identities: {{example.com: {{notifications: {alone}{also}}}}}\n")

    assert tagged == set(tags(world))


def test_without_the_field_no_call_is_made_for_it(world: World) -> None:
    """Neither is the tagging API asked, nor even connected to."""
    world.identity("example.com")
    specs = ALL.replace("ownership_tags: true\n", "")
    world.converge(specs)
    connection = world.connections(world.desired(specs)).by_place["corp", REGION]

    assert not [c for c in world.sandbox.calls if c.service == "tagging" or "Tag" in c.operation]
    assert {"ses", "sesv2", "sns"} == set(connection.endpoints)


def test_one_call_reads_the_tags_of_a_hundred_things(world: World) -> None:
    """However many things are declared, and in the quota of SES not at all."""
    world.identity("example.com")
    world.converge(ALL)
    world.sandbox.calls.clear()
    world.plan(ALL)

    assert 1 == sum(c.service == "tagging" for c in world.sandbox.calls)


def test_more_than_a_page_is_read_whole(world: World) -> None:
    """The second page is asked for."""
    specs = HEAD + "topics: {" + ", ".join(f"t{i}: {{}}" for i in range(101)) + "}\n"
    world.converge(specs)

    assert () == world.plan(specs).changes


def test_tags_that_are_asked_for_no_more_stay(world: World) -> None:
    """Turning the field off stops managing tags; with --since the tags are removed."""
    world.identity("example.com")
    world.converge(ALL)
    off = ALL.replace("ownership_tags: true\n", "")
    world.converge(off)

    assert 3 == len(tags(world))

    world.converge(off, since=ALL)

    assert {} == tags(world)


def test_an_identity_loses_its_tag_last(world: World) -> None:
    """Stopped anywhere, what is still to be taken back can be found by its tag; a failed step keeps the tag."""
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


def test_destroy_takes_the_tag_of_what_stays(world: World) -> None:
    """Topics and sets take theirs along."""
    world.identity("example.com")
    world.converge(ALL)
    world.converge(ALL, destroy=True)

    assert {} == tags(world)


def test_an_identity_that_does_not_exist_gets_no_tag(world: World) -> None:
    """It is an error of the plan, as for any setting."""
    plan = world.plan(HEAD + "identities: {example.com: {}}\n")

    assert [f"identity example.com does not exist in {OWNER}/{REGION}"] == [e.summary for e in plan.errors]
    assert () == plan.changes


def test_a_tag_that_shows_late_makes_no_plan_stale(world: World) -> None:
    """What the plan wants may be there by now: AWS names no time within which a tag reflected. Another spec's tag is a surprise."""
    world.identity("example.com")
    plan = world.plan(ALL)
    tag = Address("corp", REGION, "ownership_tag", "identity/example.com")
    only = replace(plan, changes=tuple(c for c in plan.changes if c.address == tag))

    _tag(world, "corp")
    _check(world, only)
    _tag(world, "other")
    with pytest.raises(StalePlanError, match=r"expected nothing, found arn='.*', spec='other'"):
        _check(world, only)


def _tag(world: World, value: str) -> None:
    world.client("sesv2").tag_resource(ResourceArn=IDENTITY, Tags=[{"Key": "sesform:spec", "Value": value}])


def _check(world: World, plan: Plan) -> None:
    staleness.check(plan, refresh.read(staleness.touched(plan), (), world.connections(world.desired(ALL))))


def test_a_redirection_that_leaves_the_tagging_api_out_is_warned_of(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only where tags will be asked for."""
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
