"""Topics that undeclared resources still publish to are not deleted."""

from __future__ import annotations

import pytest

from sesform.planning.plan import Plan
from shell import Shell
from world import DELEGATE, OWNER, REGION, World

HEAD = f"""
kind: Owner
name: corp
account: "{OWNER}"
regions: [{REGION}]
ownership_tags: true
"""
WITH = HEAD + "topics: {t: {}}\n"
ARN = f"arn:aws:sns:{REGION}:{OWNER}:t"
WAYS = {
    "since": lambda world: world.plan(HEAD, since=WITH),
    "prune": lambda world: world.plan(HEAD, prune=True),
    "absent": lambda world: world.plan(HEAD + "topics: {t: absent}\n"),
    "destroy": lambda world: world.plan(WITH, destroy=True),
}


def used(world: World) -> None:
    """Create an undeclared identity and an undeclared configuration set that publish to the topic."""
    world.converge(WITH)
    world.identity("theirs.example.com", "other.example.com")
    world.client("ses").set_identity_notification_topic(
        Identity="theirs.example.com", NotificationType="Bounce", SnsTopic=ARN
    )
    ses = world.client("sesv2")
    ses.create_configuration_set(ConfigurationSetName="theirs")
    ses.create_configuration_set_event_destination(
        ConfigurationSetName="theirs",
        EventDestinationName="d",
        EventDestination={"MatchingEventTypes": ["BOUNCE"], "SnsDestination": {"TopicArn": ARN}, "Enabled": True},
    )
    world.sandbox.calls.clear()


@pytest.mark.parametrize("way", WAYS)
def test_a_topic_that_an_undeclared_resource_uses_is_not_deleted(world: World, way: str) -> None:
    """For each way to delete the topic, the errors name its users."""
    used(world)
    plan: Plan = WAYS[way](world)

    assert [
        f"is planned for deletion, and event_destination theirs/d in {OWNER}/{REGION} still uses it",
        f"is planned for deletion, and notification_topic theirs.example.com/bounce in {OWNER}/{REGION} still uses it",
    ] == sorted(d.summary for d in plan.errors)
    assert ["delete corp/eu-west-1/topic/t"] == [f"{c.action} {c.address}" for c in plan.changes]


def test_users_of_other_topics_do_not_prevent_the_deletion(world: World) -> None:
    """Resources that use other topics do not prevent the deletion; the plan has no steps or routes for them."""
    used(world)
    world.client("sns").create_topic(Name="u")
    world.client("ses").set_identity_notification_topic(
        Identity="theirs.example.com", NotificationType="Bounce", SnsTopic=ARN.removesuffix(":t") + ":u"
    )
    world.client("sesv2").delete_configuration_set(ConfigurationSetName="theirs")
    plan = world.converge(HEAD, since=WITH)

    assert (["corp/eu-west-1/topic/t"], ()) == ([str(c.address) for c in plan.changes], plan.routes)


def test_the_search_costs_one_call_for_a_hundred_identities(world: World) -> None:
    """The search costs one call for a hundred identities, and none if no topic is deleted; resources are not read twice."""
    world.converge(WITH)
    world.identity(*(f"i{n}.example.com" for n in range(101)))
    world.sandbox.calls.clear()
    world.plan(WITH)
    without = [c.operation for c in world.sandbox.calls if c.service.startswith("ses")]
    world.plan(HEAD, since=WITH)

    assert [] == without
    assert ["GetIdentityNotificationAttributes"] * 2 + ["ListConfigurationSets", "ListEmailIdentities"] == sorted(
        c.operation for c in world.sandbox.calls if c.service.startswith("ses")
    )


def test_a_missing_permission_to_read_users_is_a_warning(world: World) -> None:
    """A role without SES permissions can delete topics; a warning says that their users could not be read."""
    text = WITH.replace("Owner", "Delegate").replace(OWNER, DELEGATE)
    world.converge(text)
    world.sandbox.fail("ListEmailIdentities", code="AccessDeniedException", message="no", status=403, times=9)
    plan = world.plan(text.partition("topics")[0], since=text)

    assert (["corp/eu-west-1/topic/t"], ()) == ([str(c.address) for c in plan.changes], plan.errors)
    assert [True] == [
        d.summary.startswith(f"users of topics that will be deleted in {DELEGATE}/{REGION} could not")
        for d in plan.diagnostics
    ]


def test_publishers_of_accounts_that_are_not_loaded_are_named(world: World) -> None:
    """If only the delegate's spec is loaded, the topic's policy names the owner's identity and the plan warns about it."""
    mailer = WITH.replace("Owner", "Delegate").replace(OWNER, DELEGATE).replace("corp", "mailer")
    world.identity("example.com")
    world.converge(mailer + "---\n" + HEAD + "identities: {example.com: {notifications: {bounce: mailer/t}}}\n")
    plan = world.plan(mailer.partition("topics")[0], prune=True)
    identity = f"arn:aws:ses:{REGION}:{OWNER}:identity/example.com"

    assert ["delete mailer/eu-west-1/topic/t"] == [f"{c.action} {c.address}" for c in plan.changes]
    assert [("warning", f"SES may no longer publish to the topic for {identity}, which no spec names any more")] == [
        (d.severity, d.summary) for d in plan.diagnostics
    ]
    assert () == world.plan(mailer, destroy=True).errors


def point(shell: Shell) -> None:
    """Set the topic as the bounce topic of an undeclared identity."""
    sandbox = shell.sandbox
    sandbox.declare_identity(OWNER, REGION, "theirs.example.com")
    sandbox.session(OWNER, REGION).client("ses").set_identity_notification_topic(
        Identity="theirs.example.com", NotificationType="Bounce", SnsTopic=ARN
    )


def test_the_command_line_announces_the_search(shell: Shell) -> None:
    """plan announces the search for users on stderr; a plan with errors is not saved."""
    shell.specs(WITH)
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.specs(HEAD)
    point(shell)
    result = shell.run("plan", "--sandbox", "--prune", "--out", "plan.json")

    assert (1, False) == (result.code, (shell.folder / "plan.json").exists())
    assert f"Reading users in {OWNER}/{REGION} of topics that will be deleted: 1 call" in result.err
    assert "notification_topic theirs.example.com/bounce in 111111111111/eu-west-1 still uses it" in result.err


def test_a_saved_plan_is_refused_if_its_topic_is_used_now(shell: Shell) -> None:
    """Apply reads the users of the topic again; if there is one, nothing is written."""
    shell.specs(WITH)
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.specs(HEAD)
    saved = shell.run("plan", "--sandbox", "--prune", "--out", "plan.json")
    point(shell)
    refused = shell.run("apply", "--sandbox", "--plan", "plan.json")

    assert (0, 1) == (saved.code, refused.code)
    assert "notification_topic theirs.example.com/bounce in 111111111111/eu-west-1 still uses it" in refused.err
    assert "the plan has errors; nothing was changed" in refused.err
    assert [{"TopicArn": ARN}] == shell.sandbox.session(OWNER, REGION).client("sns").list_topics()["Topics"]
