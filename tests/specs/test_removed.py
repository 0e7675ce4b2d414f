"""Removed resources: which are declared absent, their addresses, and their reasons."""

from __future__ import annotations

from typing import Any

import pytest

from scenes import DELEGATE, OWNER, REGION, compiled, delegate, owner, topic_arn
from sesform.errors import SpecError
from sesform.model.address import Access, Scope
from sesform.resources import RESOURCES
from sesform.specs import removed
from sesform.specs.desired import Desired


def since(old: str, new: str) -> Desired:
    """Return the new specs, with removed resources of the old specs as absent."""
    return removed.since(compiled(old), compiled(new) if new else _nothing(), "c0ffee", RESOURCES)


def _nothing() -> Desired:
    return Desired({}, (), frozenset(), (), {}, ())


def removed_resources(old: str, new: str) -> dict[str, Any]:
    """Return the desired properties of each resource that the new specs do not declare, by address."""
    own = compiled(new).declared if new else {}
    return {str(a): d.desired for a, d in since(old, new).declared.items() if a not in own}


TOPIC = "topics: {a: {}}\n"
NULLS = {
    f"corp/eu-west-1/{kind}/example.com/{type_}": None
    for kind in ("notification_topic", "notification_headers")
    for type_ in ("bounce", "complaint", "delivery")
}
FORWARDING = {"corp/eu-west-1/feedback_forwarding/example.com": {"identity": "example.com", "enabled": True}}


def test_a_removed_identity_is_reset_completely() -> None:
    """A removed identity has no topics and headers, and forwarding on, as with `absent`."""
    old = owner(TOPIC + "identities: {example.com: {notifications: {bounce: a}}}")

    assert NULLS | FORWARDING == removed_resources(old, owner(TOPIC))


def test_unmanaged_resources_of_a_removed_identity_stay_unmanaged() -> None:
    """Unmanaged resources of a removed identity stay unmanaged; they are read, because they are routes."""
    settings = "{notifications: {bounce: a, delivery: unmanaged}, feedback_forwarding: unmanaged}"
    old, new = owner(TOPIC + f"identities: {{example.com: {settings}}}"), owner(TOPIC)
    rest = {address: want for address, want in NULLS.items() if not address.endswith("delivery")}

    assert rest == removed_resources(old, new)
    assert ["corp/eu-west-1/notification_topic/example.com/delivery"] == [
        str(d.address) for d in since(old, new).unmanaged
    ]


@pytest.mark.parametrize("settings", ["absent", "{}", "{notifications: {bounce: null}, feedback_forwarding: true}"])
def test_removal_of_an_absent_identity_plans_nothing(settings: str) -> None:
    """Removal of an identity without managed resources plans nothing."""
    assert {} == removed_resources(owner(f"identities: {{example.com: {settings}}}"), owner())


@pytest.mark.parametrize(
    "settings", ["absent", "{}", "{notifications: {bounce: unmanaged, complaint: unmanaged, delivery: unmanaged}}"]
)
def test_a_named_identity_is_not_removed(settings: str) -> None:
    """An identity that is declared absent, null or unmanaged is not removed."""
    old = owner(TOPIC + "identities: {example.com: {notifications: {bounce: {topic: a, headers: true}}}}")

    assert {} == removed_resources(old, owner(TOPIC + f"identities: {{example.com: {settings}}}"))


def test_case_and_defaults_do_not_remove_an_identity() -> None:
    """Domains are compared without case, and a declaration may move between identity and defaults."""
    old = owner(TOPIC + "identities: {Example.COM: {notifications: {bounce: a}}}")
    new = owner(TOPIC + "defaults: {identity: {notifications: {bounce: a}}}\nidentities: {example.com: {}}")

    assert {} == removed_resources(old, new)


def test_undeclared_settings_of_an_identity_are_removed() -> None:
    """A sending policy, a default set and forwarding off that an identity no longer declares are removed."""
    more = 'feedback_forwarding: false, default_configuration_set: main, authorize: {"222222222222": {}}'
    head = TOPIC + "configuration_sets: {main: {}}\nidentities: {example.com: {notifications: {bounce: a, complaint: a}"

    assert FORWARDING | {
        "corp/eu-west-1/sending_policy/example.com/sesform-222222222222": None,
        "corp/eu-west-1/default_configuration_set/example.com": None,
    } == removed_resources(owner(f"{head}, {more}}}}}"), owner(f"{head}}}}}"))


def test_unmanaged_settings_are_not_removed() -> None:
    """Forwarding and a default set that become unmanaged are not removed."""
    head = (
        TOPIC + "configuration_sets: {main: {}}\nidentities: {example.com: {notifications: {bounce: a, complaint: a}, "
    )
    old = owner(head + "feedback_forwarding: false, default_configuration_set: main}}")

    assert {} == removed_resources(
        old, owner(head + "feedback_forwarding: unmanaged, default_configuration_set: unmanaged}}")
    )


def test_topics_and_sets_are_removed_with_their_parts() -> None:
    """Subscriptions and policy of a removed topic are no steps; a removed set deletes its destinations."""
    subscription = "{subscriptions: [{protocol: email, endpoint: ops@example.com}]}"
    sets = "configuration_sets: {main: {exclusive: false, event_destinations: {x: {events: [bounce], sns: a}}}}\n"
    result = since(owner(f"topics: {{a: {subscription}}}\n" + sets), owner())

    assert {"corp/eu-west-1/topic/a": None, "corp/eu-west-1/configuration_set/main": None} == {
        str(a): d.desired for a, d in result.declared.items()
    }
    assert {"corp/eu-west-1/configuration_set/main"} == set(map(str, result.exclusive))


def test_subscriptions_and_destinations_are_removed_individually() -> None:
    """Undeclared subscriptions of a topic and destinations of a set are removed; exclusive sets delete destinations themselves."""
    subscription = "{subscriptions: [{protocol: email, endpoint: ops@example.com}]}"
    sets = "configuration_sets: {main: {exclusive: %s, event_destinations: {x: {events: [bounce], sns: a}}}}\n"
    old = owner(f"topics: {{a: {subscription}}}\n" + sets % "false")
    expected = {
        "corp/eu-west-1/subscription/a/email/ops@example.com": None,
        "corp/eu-west-1/event_destination/main/x": None,
    }

    assert expected == removed_resources(old, owner(TOPIC + "configuration_sets: {main: {exclusive: false}}"))
    assert [*expected][:1] == [*removed_resources(old, owner(TOPIC + "configuration_sets: {main: {}}"))]


def test_an_external_topic_is_not_removed() -> None:
    """A topic that becomes external is not deleted, and its subscriptions stay."""
    old = owner("topics: {a: {subscriptions: [{protocol: email, endpoint: ops@example.com}]}}")

    assert {} == removed_resources(old, owner("topics: {b: {name: a, external: true}}"))
    assert {} == removed_resources(owner("topics: {a: {external: true}}"), owner())


def test_the_tag_of_a_topic_that_becomes_unmanaged_is_removed() -> None:
    """A topic that becomes external loses its ownership tag, because --prune would delete it later."""
    old = owner("ownership_tags: true\ntopics: {a: {}}\n")

    assert {"corp/eu-west-1/ownership_tag/topic/a": None} == removed_resources(
        old, owner("ownership_tags: true\ntopics: {a: {external: true}}\n")
    )
    assert {"corp/eu-west-1/topic/a": None} == removed_resources(old, owner("ownership_tags: true\n"))


def test_resources_that_another_spec_declares_are_not_removed() -> None:
    """Resources that move to another spec of the same account are not removed."""
    body = TOPIC + "configuration_sets: {main: {}}\nidentities: {example.com: {notifications: {bounce: a}}}"

    assert {} == removed_resources(owner(body), owner(body).replace("name: corp", "name: renamed"))


def test_resources_of_a_renamed_spec_are_removed_under_their_parents_name() -> None:
    """A removed child resource of a renamed spec has the address of its parent in the new spec."""
    rest = "exclusive: false, event_destinations: {y: {events: [bounce], sns: a}%s}"
    subscription = "{protocol: email, endpoint: ops@example.com}"
    text = "topics: {%s: {name: a, subscriptions: [%s]}}\nconfiguration_sets: {main: {" + rest + "}}"
    old = owner(text % ("a", subscription, ", x: {events: [send], sns: a}"))
    new = owner(text.replace("sns: a", "sns: b") % ("b", "", "")).replace("name: corp", "name: renamed")

    assert {
        "renamed/eu-west-1/subscription/b/email/ops@example.com": None,
        "renamed/eu-west-1/event_destination/main/x": None,
    } == removed_resources(old, new)


@pytest.mark.parametrize(
    ("new", "key"),
    [
        ("topics: {b: {}}", "a"),
        ("topics: {a: {name: y}}", "x"),
        ("topics: {a: {name: y}, x: {name: z}}", topic_arn("x")),
    ],
)
def test_a_removed_topic_whose_key_is_reused_has_another_address(new: str, key: str) -> None:
    """A removed topic has its key in its address; if another topic has that key, its SNS name; then its ARN."""
    assert {f"corp/eu-west-1/topic/{key}": None} == removed_resources(owner("topics: {a: {name: x}}"), owner(new))


def test_resources_in_a_removed_region_are_removed() -> None:
    """Resources in a removed region are deleted with the credentials of the spec."""
    old = owner(TOPIC).replace("[eu-west-1]", "[eu-west-1, us-east-1]")

    assert {"corp/us-east-1/topic/a": None} == removed_resources(old, owner(TOPIC))


def test_another_account_under_the_same_name_is_another_spec() -> None:
    """Resources in the old account of a spec have their own spec name and the old credentials."""
    old = owner("credentials: {profile: old}\n" + TOPIC)
    result = since(old, owner(TOPIC).replace(OWNER, DELEGATE))

    assert f"corp@{OWNER}/eu-west-1/topic/a" in map(str, result.declared)
    assert {"corp": Access(DELEGATE), f"corp@{OWNER}": Access(OWNER, "old")} == result.access


def test_a_removed_spec_has_its_old_access() -> None:
    """A removed spec has the access of the old specs; a spec that still exists has the new access."""
    role = "credentials: {role_arn: 'arn:aws:iam::%s:role/%s', external_id: %s}\n"
    old = owner(role % (OWNER, "r", "s3cr3t") + TOPIC) + "---\n" + delegate(role % (DELEGATE, "old", "old") + TOPIC)
    result = since(old, delegate(role % (DELEGATE, "new", "new")))

    assert {
        "corp": Access(OWNER, None, f"arn:aws:iam::{OWNER}:role/r", "s3cr3t"),
        "mailer": Access(DELEGATE, None, f"arn:aws:iam::{DELEGATE}:role/new", "new"),
    } == result.access


def test_statements_for_a_removed_account_are_removed_from_topics() -> None:
    """Statements for accounts of the earlier specs are removed from topic policies."""
    old = owner("identities: {example.com: {notifications: {bounce: mailer/a}}}\n") + "---\n" + delegate(TOPIC)
    result = since(old, delegate(TOPIC))
    (policy,) = [d for a, d in result.declared.items() if a.type == "topic_policy"]

    assert policy.desired is not None
    assert ([], [OWNER, DELEGATE]) == (policy.desired["publishers"], policy.desired["accounts"])


def test_a_removed_cross_account_entry_is_cleared() -> None:
    """A removed cross-account entry has no topics and headers; the delegate does not manage forwarding."""
    arn = f"arn:aws:ses:{REGION}:333333333333:identity/partner.example"
    old = delegate(TOPIC + f"cross_account_notifications: {{'{arn}': {{bounce: a}}}}")

    assert {a.replace("corp", "mailer").replace("example.com", arn) for a in NULLS} == set(
        removed_resources(old, delegate(TOPIC))
    )


def test_all_specs_may_be_removed() -> None:
    """Without new specs, all declared resources are removed with the old access."""
    result = since(owner(TOPIC), "")

    assert ({"corp/eu-west-1/topic/a": None}, {"corp"}, "c0ffee") == (
        {str(a): d.desired for a, d in result.declared.items()},
        set(result.access),
        result.since,
    )


def test_the_reason_names_the_old_place() -> None:
    """The reason of a removal names the old file and line."""
    (declared,) = since(owner(TOPIC), owner()).declared.values()

    assert "specs.yaml:5 declared it at an earlier commit, and no spec declares it now" == str(declared.origin)
    assert Scope(OWNER, REGION) == declared.scope


def test_specs_that_use_removed_topics_by_name_are_refused() -> None:
    """A reference to a removed topic by name is an error of the specs."""
    with pytest.raises(SpecError, match="unknown topic 'a'"):
        since(owner(TOPIC), owner("identities: {example.com: {notifications: {bounce: a}}}"))
