"""Resources removed from the specs, on the sandbox: unusual removals, and resources that must stay."""

from __future__ import annotations

from sesform.planning import guards
from world import DELEGATE, OWNER, REGION, World

OWNER_HEAD = f"""
kind: Owner
name: corp
account: "{OWNER}"
regions: [{REGION}]
"""
DELEGATE_HEAD = f"""
---
kind: Delegate
name: mailer
account: "{DELEGATE}"
regions: [{REGION}]
"""
TOPIC = f"arn:aws:sns:{REGION}:{OWNER}:t"


def names(world: World, account: str = OWNER, region: str = REGION) -> set[str]:
    """Return the names of all topics."""
    topics = world.client("sns", account, region).list_topics()["Topics"]
    return {t["TopicArn"].rpartition(":")[2] for t in topics}


def test_a_renamed_topic_replaces_the_old_one(world: World) -> None:
    """If a topic's name changes, --since deletes the old topic after its users have moved to the new one."""
    world.identity("example.com")
    old = OWNER_HEAD + "topics: {a: {name: x}}\nidentities: {example.com: {notifications: {bounce: a}}}\n"
    new = old.replace("name: x", "name: y")
    world.converge(old)
    plan = world.converge(new, since=old)
    moves, removal = (
        next(i for i, c in enumerate(plan.changes) if str(c.address).endswith(end)) for end in ("bounce", "topic/x")
    )

    assert moves in plan.changes[removal].depends_on
    assert {"y"} == names(world)


def test_resources_in_old_accounts_and_regions_are_deleted(world: World) -> None:
    """Resources in the old account and the old region of a spec are deleted with the old credentials."""
    for account, region in ((OWNER, REGION), (OWNER, "us-east-1"), (DELEGATE, REGION)):
        world.identity("example.com", account=account, region=region)
    body = "topics: {t: {}}\nidentities: {example.com: {notifications: {bounce: t}}}\n"
    old = OWNER_HEAD.replace(f"[{REGION}]", f"[{REGION}, us-east-1]") + body
    new = OWNER_HEAD.replace(OWNER, DELEGATE) + body
    world.converge(old)
    plan = world.converge(new, since=old)

    assert (set(), set(), {"t"}) == (names(world), names(world, region="us-east-1"), names(world, DELEGATE))
    assert {"corp", f"corp@{OWNER}"} == {c.address.spec for c in plan.changes}


def test_a_deleted_identity_needs_no_removal(world: World) -> None:
    """Notification resources of a deleted identity are not planned for deletion."""
    world.identity("example.com")
    old = OWNER_HEAD + "topics: {t: {}}\nidentities: {example.com: {notifications: {bounce: t}}}\n"
    world.converge(old)
    world.client("sesv2").delete_email_identity(EmailIdentity="example.com")
    plan = world.plan(OWNER_HEAD + "topics: {t: {}}\n", since=old)

    assert () == plan.errors
    assert {"topic_policy"} == {c.address.type for c in plan.changes}


def test_a_topic_that_is_still_referred_to_is_not_deleted(world: World) -> None:
    """A topic that a declared or unmanaged resource uses is not deleted; the error names the user and what to do."""
    world.identity("example.com")
    identity = "identities: {{example.com: {{notifications: {{bounce: {}}}}}}}\n"
    old = OWNER_HEAD + "topics: {t: {}}\n" + identity.format("t")
    world.converge(old)
    user = f"notification_topic example.com/bounce in {OWNER}/{REGION}"

    for setting in (TOPIC, "unmanaged"):
        plan = world.plan(OWNER_HEAD + identity.format(f"'{setting}'"), since=old)

        assert [
            f"corp/{REGION}/topic/t: is planned for deletion, and {user} still uses it; move or remove that resource first, "
            f"or keep this one"
        ] == [str(e) for e in plan.errors]


def test_a_set_that_an_identity_uses_by_default_is_not_deleted(world: World) -> None:
    """A default set that an identity names is not declared by that; its deletion is an error."""
    world.identity("example.com")
    identity = "identities: {example.com: {default_configuration_set: s}}\n"
    old = OWNER_HEAD + "configuration_sets: {s: {}}\n" + identity
    world.converge(old)
    plan = world.plan(OWNER_HEAD + identity, since=old)

    assert [f"corp/{REGION}/configuration_set/s"] == [e.path for e in plan.errors]
    assert "is the default configuration set of identity example.com" in plan.errors[0].summary


def test_statements_for_a_removed_account_are_deleted(world: World) -> None:
    """The statement for the owner's account is deleted from the delegate's topic after the owner's identity is cleared."""
    world.identity("example.com")
    owner = OWNER_HEAD + "identities: {example.com: {notifications: {bounce: mailer/t}}}\n"
    old, new = owner + DELEGATE_HEAD + "topics: {t: {}}\n", DELEGATE_HEAD + "topics: {t: {}}\n"
    world.converge(old)
    alone = world.plan(new)
    plan = world.converge(new, since=old)
    clearing = next(i for i, c in enumerate(plan.changes) if c.address.type == "notification_topic")
    narrowing = next(c for c in plan.changes if c.address.type == "topic_policy")

    assert () == alone.changes
    assert clearing in narrowing.depends_on


def test_clearing_a_cross_account_entry_requires_its_flag(world: World) -> None:
    """The guard for irreversible changes counts absent and removed resources alike."""
    world.identity("partner.example", account="333333333333")
    arn = f"arn:aws:ses:{REGION}:333333333333:identity/partner.example"
    topics = DELEGATE_HEAD + "topics: {t: {}}\n"
    old = topics + f"cross_account_notifications: {{'{arn}': {{bounce: t}}}}\n"
    world.converge(old)
    (refusal,) = guards.check(world.plan(topics, since=old), guards.Allowed())

    assert f"clears the last types (bounce) of the cross-account entry {arn}" in refusal.summary
