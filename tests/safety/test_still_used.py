"""Resources that are planned for deletion while other resources use them."""

from __future__ import annotations

from pathlib import Path

import pytest

from sesform.apply import execute
from sesform.planning.plan import Plan
from shell import SPECS, Shell
from world import World

HEAD = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
"""
SET = "configuration_sets: {s: {event_destinations: {d: {events: [bounce, complaint], sns: t}}}}\n"


def default_set_only(world: World) -> None:
    """Create an identity whose only routes are its default set; SES v2 allows forwarding off without topics."""
    world.identity("example.com")
    world.converge(HEAD + "topics: {t: {}}\n" + SET + "identities: {example.com: {default_configuration_set: s}}\n")
    world.client("sesv2").put_email_identity_feedback_attributes(
        EmailIdentity="example.com", EmailForwardingEnabled=False
    )


def after(plan: Plan, later: str, earlier: str) -> bool:
    """Return whether every step of type `later` depends on all steps of type `earlier`."""
    first = {i for i, c in enumerate(plan.changes) if c.address.type == earlier}
    steps = [c for c in plan.changes if c.address.type == later]
    return bool(first) and bool(steps) and all(first <= set(c.depends_on) for c in steps)


def test_a_default_sets_destination_is_deleted_after_the_topics_are_set(world: World) -> None:
    """Destinations of a default set are deleted after the topics are set, and not at all if those steps fail."""
    default_set_only(world)
    topics = "identities: {example.com: {default_configuration_set: s, notifications: {bounce: t, complaint: t}}}\n"
    specs = HEAD + "topics: {t: {}}\nconfiguration_sets: {s: {}}\n" + topics
    plan = world.plan(specs)

    assert after(plan, "event_destination", "notification_topic")

    world.sandbox.fail("SetIdentityNotificationTopic", code="AccessDenied", status=403, times=9)
    report = execute.run(plan, world.connections(world.desired(specs), read_only=False))
    world.sandbox.mend()

    assert [o.result for o in report.outcomes if o.change.address.type == "event_destination"] == ["not tried"]
    world.converge(specs)


def test_a_default_set_is_replaced_after_the_topics_are_set(world: World) -> None:
    """A default set is replaced after the topics that replace its destinations are set."""
    default_set_only(world)
    topics = "identities: {example.com: {default_configuration_set: s2, notifications: {bounce: t, complaint: t}}}\n"
    sets = "configuration_sets: {s: {event_destinations: {d: {events: [bounce], sns: t}}}, s2: {}}\n"

    assert after(
        world.plan(HEAD + "topics: {t: {}}\n" + sets + topics), "default_configuration_set", "notification_topic"
    )


def test_a_topic_that_an_unmanaged_setting_uses_is_not_deleted(world: World) -> None:
    """The deletion of a topic that an unmanaged resource uses is an error that names the resource."""
    world.identity("example.com")
    body = "identities: {example.com: {notifications: {bounce: %s, complaint: u}, feedback_forwarding: false}}\n"
    world.converge(HEAD + "topics: {t: {}, u: {}}\n" + body % "t")
    plan = world.plan(HEAD + "topics: {t: absent, u: {}}\n" + body % "unmanaged")

    assert [p.summary for p in plan.errors] == [
        "is planned for deletion, and notification_topic example.com/bounce in 111111111111/eu-west-1 still uses it"
    ]


def test_a_set_that_is_the_default_of_an_identity_is_not_deleted(world: World) -> None:
    """The deletion of an identity's default set is an error before any write, because SES refuses that identity's mail."""
    world.identity("example.com")
    one = HEAD + "identities: {example.com: {default_configuration_set: s}}\n---\n"
    other = HEAD.replace("corp", "sets") + "configuration_sets: {s: %s}\n"
    world.converge(one + other % "{}")

    assert [p.summary for p in world.plan(one + other % "absent").errors] == [
        "is planned for deletion, and is the default configuration set of identity example.com in 111111111111/eu-west-1"
    ]


def test_an_undeclared_destination_keeps_its_permission_to_publish(world: World) -> None:
    """If a set is not exclusive, undeclared destinations may publish to the topic, so the topic's policy keeps the statement."""
    destinations = "{exclusive: false, event_destinations: {d: {events: [bounce], sns: %s}}}"
    specs = HEAD + "topics: {t: {}, u: {}}\nconfiguration_sets: {s: " + destinations + "}\n"
    world.converge(specs % "t")
    world.client("sesv2").create_configuration_set_event_destination(
        ConfigurationSetName="s",
        EventDestinationName="hand",
        EventDestination={
            "Enabled": True,
            "MatchingEventTypes": ["OPEN"],
            "SnsDestination": {"TopicArn": "arn:aws:sns:eu-west-1:111111111111:t"},
        },
    )
    plan = world.converge(specs % "u")

    assert [c.address.key for c in plan.changes if c.address.type == "topic_policy"] == ["u"]


def test_a_temporary_replacement_is_deleted_with_its_permission_to_publish(world: World) -> None:
    """One plan deletes the temporary replacement of an interrupted run and the set's permission to publish."""
    specs = HEAD + "topics: {t: {}}\nconfiguration_sets: {s: %s}\n"
    world.converge(specs % "{event_destinations: {d-sesform-stand-in: {events: [bounce], sns: t}}}")
    plan = world.converge(specs % "{exclusive: false}")

    assert [c.address.type for c in plan.changes] == ["event_destination", "topic_policy"]


def test_withdrawing_a_permission_from_an_undeclared_resource_is_a_warning(world: World) -> None:
    """The plan warns before it withdraws the permission of an identity that is no longer declared."""
    world.identity("example.com")
    body = "topics: {t: {}}\n"
    world.converge(HEAD + body + "identities: {example.com: {notifications: {bounce: t}}}\n")
    plan = world.plan(HEAD + body)

    assert [p.severity for p in plan.diagnostics] == ["warning"]
    assert "identity/example.com, which no spec names any more" in plan.diagnostics[0].summary


ENTRY = "arn:aws:ses:eu-west-1:333333333333:identity/partner.example"
ENTRIES = (
    'kind: Delegate\nname: mailer\naccount: "222222222222"\nregions: [eu-west-1]\nownership_tags: true\n'
    f"topics: {{t: {{}}}}\ncross_account_notifications: {{{ENTRY}: {{bounce: t}}}}\n"
)


@pytest.mark.parametrize(
    ("topics", "entries", "prune", "used"),
    [
        ("", "", True, True),
        ("topics: {t: absent}\n", "", False, True),
        ("topics: {t: absent}\n", f"cross_account_notifications: {{{ENTRY}: absent}}\n", False, False),
    ],
)
def test_a_topic_that_a_legacy_entry_uses_is_not_deleted(
    world: World, topics: str, entries: str, prune: bool, used: bool
) -> None:
    """AWS does not list legacy entries, so undeclared ones that the topic's policy names are read."""
    world.identity("partner.example", account="333333333333")
    world.converge(ENTRIES)
    plan = world.plan(ENTRIES.partition("topics")[0] + topics + entries, prune=prune)

    user = f"notification_topic {ENTRY}/bounce in 222222222222/eu-west-1"
    assert [c.address.key for c in plan.changes if c.address.type == "topic"] == ["t"]
    assert [p.summary for p in plan.errors] == ([f"is planned for deletion, and {user} still uses it"] if used else [])


def test_a_topic_that_a_legacy_entry_may_still_use_is_warned_about(world: World) -> None:
    """An entry without a topic is no user; the warning names its identity, which another account may still use."""
    world.identity("partner.example", account="333333333333")
    world.converge(ENTRIES)
    delegate = world.client("ses", "222222222222")
    delegate.set_identity_notification_topic(Identity=ENTRY, NotificationType="Bounce")
    plan = world.plan(ENTRIES.partition("topics")[0], prune=True)

    text = f"SES may no longer publish to the topic for {ENTRY}, which no spec names any more"
    assert [(p.severity, p.summary) for p in plan.diagnostics] == [("warning", text)]


def test_a_plan_that_was_refused_is_not_applied_from_its_file(shell: Shell, tmp_path: Path) -> None:
    """apply --plan refuses the JSON of a refused plan too, and show prints the reason."""
    legacy = "cross_account_notifications: {arn:aws:ses:eu-west-1:333333333333:identity/partner.example: %s}\n"
    shell.specs(SPECS + legacy % "{bounce: feedback}")
    topic = "arn:aws:sns:eu-west-1:222222222222:feedback"
    shell.legacy_entry("arn:aws:ses:eu-west-1:333333333333:identity/partner.example", Bounce=topic)
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.specs(SPECS + legacy % "absent")
    refused = shell.run("plan", "--sandbox", "--format", "json")
    (tmp_path / "p.json").write_text(refused.out, encoding="utf-8")
    applied = shell.run("apply", "--sandbox", "--plan", "p.json")

    assert (refused.code, applied.code, applied.out) == (1, 1, "")
    assert "--allow-irreversible" in applied.err
    assert "--allow-irreversible" in shell.run("show", "p.json").err


@pytest.mark.parametrize("paths", [("specs", "specs"), ("specs", "specs/specs.yaml")])
def test_a_file_that_is_named_twice_is_read_once(shell: Shell, paths: tuple[str, str]) -> None:
    """A file that is given by two paths is read once."""
    assert shell.run("validate", *paths).code == 0


def test_an_empty_path_is_an_error(shell: Shell) -> None:
    """An empty path is an error, because an empty variable in a script must not mean the current folder."""
    result = shell.run("validate", "")

    assert result.code == 1
    assert "a path is empty" in result.err
