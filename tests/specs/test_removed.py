"""Removed resources: which are absent, under which address, and with which reason."""

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
    """The new specs, with the resources removed from the old ones absent."""
    return removed.since(compiled(old), compiled(new) if new else _nothing(), "c0ffee", RESOURCES)


def _nothing() -> Desired:
    return Desired({}, (), frozenset(), (), {}, ())


def leaving(old: str, new: str) -> dict[str, Any]:
    """What is wanted of each resource that the new specs do not declare themselves, by address."""
    own = compiled(new).declared if new else {}
    return {str(a): d.desired for a, d in since(old, new).declared.items() if a not in own}


TOPIC = "topics: {a: {}}\n"
NULLS = {
    f"corp/eu-west-1/{kind}/example.com/{type_}": None
    for kind in ("notification_topic", "notification_headers")
    for type_ in ("bounce", "complaint", "delivery")
}
FORWARDING = {"corp/eu-west-1/feedback_forwarding/example.com": {"identity": "example.com", "enabled": True}}


def test_an_identity_that_left_is_taken_back_whole() -> None:
    """All three topics null, headers off, forwarding on, even where only one type had a topic: as `absent` does."""
    old = owner(TOPIC + "identities: {example.com: {notifications: {bounce: a}}}")

    assert NULLS | FORWARDING == leaving(old, owner(TOPIC))


def test_what_was_unmanaged_of_an_identity_that_left_stays_unmanaged() -> None:
    """sesform never had it, so it does not take it back; it is still read, because it is a route."""
    settings = "{notifications: {bounce: a, delivery: unmanaged}, feedback_forwarding: unmanaged}"
    old, new = owner(TOPIC + f"identities: {{example.com: {settings}}}"), owner(TOPIC)
    rest = {address: want for address, want in NULLS.items() if not address.endswith("delivery")}

    assert rest == leaving(old, new)
    assert ["corp/eu-west-1/notification_topic/example.com/delivery"] == [
        str(d.address) for d in since(old, new).unmanaged
    ]


@pytest.mark.parametrize("settings", ["absent", "{}", "{notifications: {bounce: null}, feedback_forwarding: true}"])
def test_what_was_absent_is_nothing(settings: str) -> None:
    """Of an identity that had no setting to begin with nothing is left to take back."""
    assert {} == leaving(owner(f"identities: {{example.com: {settings}}}"), owner())


@pytest.mark.parametrize(
    "settings", ["absent", "{}", "{notifications: {bounce: unmanaged, complaint: unmanaged, delivery: unmanaged}}"]
)
def test_an_identity_that_is_named_has_not_left(settings: str) -> None:
    """Absent, null and unmanaged are all words about it."""
    old = owner(TOPIC + "identities: {example.com: {notifications: {bounce: {topic: a, headers: true}}}}")

    assert {} == leaving(old, owner(TOPIC + f"identities: {{example.com: {settings}}}"))


def test_case_and_defaults_do_not_make_an_identity_leave() -> None:
    """Domains are one whatever their case; where a setting stands does not matter."""
    old = owner(TOPIC + "identities: {Example.COM: {notifications: {bounce: a}}}")
    new = owner(TOPIC + "defaults: {identity: {notifications: {bounce: a}}}\nidentities: {example.com: {}}")

    assert {} == leaving(old, new)


def test_settings_that_are_left_out_of_an_identity_have_left() -> None:
    """A grant, a default set and forwarding off that were declared, and that the identity says nothing of now."""
    more = 'feedback_forwarding: false, default_configuration_set: main, authorize: {"222222222222": {}}'
    head = TOPIC + "configuration_sets: {main: {}}\nidentities: {example.com: {notifications: {bounce: a, complaint: a}"

    assert FORWARDING | {
        "corp/eu-west-1/sending_policy/example.com/sesform-222222222222": None,
        "corp/eu-west-1/default_configuration_set/example.com": None,
    } == leaving(owner(f"{head}, {more}}}}}"), owner(f"{head}}}}}"))


def test_unmanaged_is_a_word_about_a_setting() -> None:
    """Forwarding and the default set that are said to be unmanaged stay as they are."""
    head = (
        TOPIC + "configuration_sets: {main: {}}\nidentities: {example.com: {notifications: {bounce: a, complaint: a}, "
    )
    old = owner(head + "feedback_forwarding: false, default_configuration_set: main}}")

    assert {} == leaving(old, owner(head + "feedback_forwarding: unmanaged, default_configuration_set: unmanaged}}"))


def test_topics_and_sets_take_along_what_is_part_of_them() -> None:
    """A topic's subscriptions and policy and a set's destinations are no steps of their own; the set's are deleted with it."""
    subscription = "{subscriptions: [{protocol: email, endpoint: ops@example.com}]}"
    sets = "configuration_sets: {main: {exclusive: false, event_destinations: {x: {events: [bounce], sns: a}}}}\n"
    result = since(owner(f"topics: {{a: {subscription}}}\n" + sets), owner())

    assert {"corp/eu-west-1/topic/a": None, "corp/eu-west-1/configuration_set/main": None} == {
        str(a): d.desired for a, d in result.declared.items()
    }
    assert {"corp/eu-west-1/configuration_set/main"} == set(map(str, result.exclusive))


def test_subscriptions_and_destinations_leave_by_themselves() -> None:
    """Of a topic and of a set that stay; an exclusive set deletes what it does not list anyway."""
    subscription = "{subscriptions: [{protocol: email, endpoint: ops@example.com}]}"
    sets = "configuration_sets: {main: {exclusive: %s, event_destinations: {x: {events: [bounce], sns: a}}}}\n"
    old = owner(f"topics: {{a: {subscription}}}\n" + sets % "false")
    gone = {
        "corp/eu-west-1/subscription/a/email/ops@example.com": None,
        "corp/eu-west-1/event_destination/main/x": None,
    }

    assert gone == leaving(old, owner(TOPIC + "configuration_sets: {main: {exclusive: false}}"))
    assert [*gone][:1] == [*leaving(old, owner(TOPIC + "configuration_sets: {main: {}}"))]


def test_an_external_topic_has_not_left() -> None:
    """A resource that is now managed elsewhere is not deleted, and its subscriptions stay."""
    old = owner("topics: {a: {subscriptions: [{protocol: email, endpoint: ops@example.com}]}}")

    assert {} == leaving(old, owner("topics: {b: {name: a, external: true}}"))
    assert {} == leaving(owner("topics: {a: {external: true}}"), owner())


def test_the_tag_of_a_topic_that_becomes_unmanaged_is_removed() -> None:
    """External now, it stays with whoever has it; by our tag --prune would delete it, once no spec names it."""
    old = owner("ownership_tags: true\ntopics: {a: {}}\n")

    assert {"corp/eu-west-1/ownership_tag/topic/a": None} == leaving(
        old, owner("ownership_tags: true\ntopics: {a: {external: true}}\n")
    )
    assert {"corp/eu-west-1/topic/a": None} == leaving(old, owner("ownership_tags: true\n"))


def test_a_spec_of_another_name_speaks_for_the_same_things() -> None:
    """Renaming a spec, or moving things to another of the same account, is no leaving."""
    body = TOPIC + "configuration_sets: {main: {}}\nidentities: {example.com: {notifications: {bounce: a}}}"

    assert {} == leaving(owner(body), owner(body).replace("name: corp", "name: renamed"))


def test_resources_of_a_renamed_spec_are_removed_under_their_parents_name() -> None:
    """A destination of a set, and a subscription of a topic, that another spec declares now."""
    rest = "exclusive: false, event_destinations: {y: {events: [bounce], sns: a}%s}"
    subscription = "{protocol: email, endpoint: ops@example.com}"
    text = "topics: {%s: {name: a, subscriptions: [%s]}}\nconfiguration_sets: {main: {" + rest + "}}"
    old = owner(text % ("a", subscription, ", x: {events: [send], sns: a}"))
    new = owner(text.replace("sns: a", "sns: b") % ("b", "", "")).replace("name: corp", "name: renamed")

    assert {
        "renamed/eu-west-1/subscription/b/email/ops@example.com": None,
        "renamed/eu-west-1/event_destination/main/x": None,
    } == leaving(old, new)


@pytest.mark.parametrize(
    ("new", "key"),
    [
        ("topics: {b: {}}", "a"),
        ("topics: {a: {name: y}}", "x"),
        ("topics: {a: {name: y}, x: {name: z}}", topic_arn("x")),
    ],
)
def test_a_topic_whose_key_means_another_now_leaves_under_another_address(new: str, key: str) -> None:
    """The key; if that is taken, the name in SNS; if that is too, the ARN."""
    assert {f"corp/eu-west-1/topic/{key}": None} == leaving(owner("topics: {a: {name: x}}"), owner(new))


def test_a_region_that_is_taken_off_leaves_with_all_that_is_in_it() -> None:
    """The credentials are those of the spec that is still there."""
    old = owner(TOPIC).replace("[eu-west-1]", "[eu-west-1, us-east-1]")

    assert {"corp/us-east-1/topic/a": None} == leaving(old, owner(TOPIC))


def test_another_account_under_the_same_name_is_another_spec() -> None:
    """What is in the old account goes under a name of its own, with the old credentials."""
    old = owner("credentials: {profile: old}\n" + TOPIC)
    result = since(old, owner(TOPIC).replace(OWNER, DELEGATE))

    assert f"corp@{OWNER}/eu-west-1/topic/a" in map(str, result.declared)
    assert {"corp": Access(DELEGATE), f"corp@{OWNER}": Access(OWNER, "old")} == result.access


def test_a_spec_that_is_gone_is_reached_as_it_said() -> None:
    """Role and external id come from the old spec; those of a spec that is there are the new ones."""
    role = "credentials: {role_arn: 'arn:aws:iam::%s:role/%s', external_id: %s}\n"
    old = owner(role % (OWNER, "r", "s3cr3t") + TOPIC) + "---\n" + delegate(role % (DELEGATE, "old", "old") + TOPIC)
    result = since(old, delegate(role % (DELEGATE, "new", "new")))

    assert {
        "corp": Access(OWNER, None, f"arn:aws:iam::{OWNER}:role/r", "s3cr3t"),
        "mailer": Access(DELEGATE, None, f"arn:aws:iam::{DELEGATE}:role/new", "new"),
    } == result.access


def test_what_an_account_needed_that_left_may_be_withdrawn_from_topics() -> None:
    """The accounts of the earlier specs count too: their statements in a topic's policy are removed."""
    old = owner("identities: {example.com: {notifications: {bounce: mailer/a}}}\n") + "---\n" + delegate(TOPIC)
    result = since(old, delegate(TOPIC))
    (policy,) = [d for a, d in result.declared.items() if a.type == "topic_policy"]

    assert policy.desired is not None
    assert ([], [OWNER, DELEGATE]) == (policy.desired["publishers"], policy.desired["accounts"])


def test_a_cross_account_entry_that_left_is_cleared() -> None:
    """Topics and headers, as for an identity; forwarding is not the delegate's."""
    arn = f"arn:aws:ses:{REGION}:333333333333:identity/partner.example"
    old = delegate(TOPIC + f"cross_account_notifications: {{'{arn}': {{bounce: a}}}}")

    assert {a.replace("corp", "mailer").replace("example.com", arn) for a in NULLS} == set(
        leaving(old, delegate(TOPIC))
    )


def test_everything_may_have_left() -> None:
    """No spec is there any more: all that was declared goes, reached as it was."""
    result = since(owner(TOPIC), "")

    assert ({"corp/eu-west-1/topic/a": None}, {"corp"}, "c0ffee") == (
        {str(a): d.desired for a, d in result.declared.items()},
        set(result.access),
        result.since,
    )


def test_the_reason_names_the_old_place() -> None:
    """What a plan says of it can be looked up."""
    (declared,) = since(owner(TOPIC), owner()).declared.values()

    assert "specs.yaml:5 declared it at an earlier commit and no longer declared" == str(declared.origin)
    assert Scope(OWNER, REGION) == declared.scope


def test_specs_that_use_removed_topics_by_name_are_refused() -> None:
    """A reference to a topic that no spec declares is an error of the specs."""
    with pytest.raises(SpecError, match="unknown topic 'a'"):
        since(owner(TOPIC), owner("identities: {example.com: {notifications: {bounce: a}}}"))
