"""Compilation of specs: declared resources with resolved references."""

from __future__ import annotations

from typing import Any

import pytest

from scenes import (
    DELEGATE,
    OWNER,
    address,
    compiled,
    delegate,
    identity_arn,
    owner,
    problems,
    set_arn,
    topic_arn,
    wants,
)
from sesform.model.address import Access, Scope
from sesform.policies.document import Publisher

TYPES = ("bounce", "complaint", "delivery")
STREAM, ROLE = "arn:aws:firehose:eu-west-1:111111111111:deliverystream/s", "arn:aws:iam::111111111111:role/r"
APPLICATION = "arn:aws:mobiletargeting:eu-west-1:111111111111:apps/a"
FEEDBACK = delegate("topics: {feedback: {}}\n")


def both(owner_body: str, delegate_body: str = "topics: {feedback: {}}\n") -> str:
    return owner(owner_body) + "---\n" + delegate(delegate_body)


def notifications(text: str, identity: str = "a.com", spec: str = "corp") -> dict[str, Any]:
    """Return by type the topic and whether headers are included; None: no topic; unmanaged types are missing."""
    found = wants(compiled(text))
    result = {}
    for type_ in TYPES:
        topic = found.get(f"{spec}/eu-west-1/notification_topic/{identity}/{type_}", "unmanaged")
        headers = found.get(f"{spec}/eu-west-1/notification_headers/{identity}/{type_}", "unmanaged")
        if topic != "unmanaged":
            result[type_] = None if topic is None else (topic["topic_arn"].rsplit(":", 1)[1], headers is not None)
    return result


# --- defaults ------------------------------------------------------------------------------------------------------------

DEFAULTS = """\
topics: {t: {}, u: {}}
defaults: {identity: {notifications: {bounce: {topic: t, headers: true}, complaint: t, delivery: unmanaged}}}
identities: {a.com: {notifications: {%s}}}
"""
FROM_DEFAULTS: dict[str, Any] = {"bounce": ("t", True), "complaint": ("t", False)}


@pytest.mark.parametrize(
    ("expected", "own"),
    [
        (FROM_DEFAULTS, ""),
        (FROM_DEFAULTS | {"complaint": None}, "complaint: null"),
        (FROM_DEFAULTS | {"complaint": ("u", False)}, "complaint: u"),
        (FROM_DEFAULTS | {"bounce": ("u", False)}, "bounce: u"),
        (FROM_DEFAULTS | {"bounce": ("u", True)}, "bounce: {topic: u}"),
        (FROM_DEFAULTS | {"bounce": ("t", False)}, "bounce: {headers: false}"),
        (FROM_DEFAULTS | {"complaint": ("t", True)}, "complaint: {headers: true}"),
        (FROM_DEFAULTS | {"delivery": ("u", False)}, "delivery: u"),
        (FROM_DEFAULTS | {"delivery": None}, "delivery: null"),
        ({"complaint": ("t", False)}, "bounce: unmanaged"),
    ],
)
def test_an_identitys_own_settings_override_the_defaults_key_by_key(expected: dict[str, Any], own: str) -> None:
    """Values of an identity override the defaults; missing values come from the defaults."""
    assert expected == notifications(owner(DEFAULTS % own))


def test_an_undeclared_type_has_no_topic() -> None:
    """A type without a declaration has no topic and no header flag."""
    assert dict.fromkeys(TYPES) == notifications(owner("identities: {a.com: }\n"))


def test_undeclared_headers_are_off() -> None:
    """A live header flag that is not declared is planned for deletion."""
    found = wants(compiled(owner("topics: {t: {}}\nidentities: {a.com: {notifications: {bounce: t}}}\n")))

    assert found["corp/eu-west-1/notification_headers/a.com/bounce"] is None


def test_an_unmanaged_type_is_read_and_not_declared() -> None:
    """An unmanaged type is read, because it is a route, and not declared."""
    found = compiled(owner("identities: {a.com: {notifications: {bounce: unmanaged}}}\n"))

    assert [str(u.address) for u in found.unmanaged] == ["corp/eu-west-1/notification_topic/a.com/bounce"]
    assert not [a for a in wants(found) if a.endswith("bounce")]


def test_headers_over_no_default_topic_is_a_problem() -> None:
    """Headers of a type without a topic are a problem."""
    assert [str(p) for p in problems(owner("identities: {a.com: {notifications: {bounce: {headers: true}}}}\n"))] == [
        "specs.yaml:5:38: identities.a.com.notifications.bounce: topic is missing; name a topic here or under defaults"
    ]


@pytest.mark.parametrize(
    ("expected", "defaults", "own"),
    [
        (None, "", ""),
        (True, "", "feedback_forwarding: true"),
        (False, "", "feedback_forwarding: false"),
        (True, "feedback_forwarding: true", ""),
        (False, "feedback_forwarding: true", "feedback_forwarding: false"),
        (None, "feedback_forwarding: true", "feedback_forwarding: unmanaged"),
        (None, "feedback_forwarding: unmanaged", ""),
    ],
)
def test_forwarding_is_the_identitys_else_the_defaults_else_unmanaged(
    expected: bool | None, defaults: str, own: str
) -> None:
    """Undeclared forwarding is unmanaged."""
    shared = f"{{identity: {{notifications: {{bounce: t, complaint: t}}, {defaults}}}}}"
    text = f"topics: {{t: {{}}}}\ndefaults: {shared}\nidentities: {{a.com: {{{own}}}}}\n"
    found = wants(compiled(owner(text.replace(", }", "}")))).get("corp/eu-west-1/feedback_forwarding/a.com")

    assert expected == (found and found["enabled"])


@pytest.mark.parametrize(
    ("missing", "settings"),
    [
        ("bounce and complaint", ""),
        ("bounce", "complaint: t"),
        ("complaint", "bounce: t, delivery: t"),
    ],
)
def test_forwarding_off_requires_topics_for_bounces_and_complaints(missing: str, settings: str) -> None:
    """SES refuses forwarding off if bounces or complaints have no topic, so sesform refuses it before any call."""
    text = owner(
        f"topics: {{t: {{}}}}\nidentities:\n  a.com:\n    notifications: {{{settings}}}\n    feedback_forwarding: false\n"
    )

    assert [
        (
            "specs.yaml:9:5: identities.a.com.feedback_forwarding: "
            "feedback_forwarding: false needs topics for bounce and complaint, or a default configuration set; "
            f"a.com has no topic for {missing}; "
            "name a topic, declare a default_configuration_set, or set feedback_forwarding to true"
        )
    ] == [str(p) for p in problems(text)]


def test_forwarding_off_without_topics_is_valid_with_a_default_configuration_set() -> None:
    """The set may carry bounces and complaints, so the plan checks it."""
    sets = "configuration_sets: {c: {}}\n"
    own = "identities: {a.com: {feedback_forwarding: false, default_configuration_set: c}}\n"
    defaults = (
        "defaults: {identity: {default_configuration_set: c}}\nidentities: {a.com: {feedback_forwarding: false}}\n"
    )

    assert [] == problems(owner(sets + own))
    assert [] == problems(owner(sets + defaults))
    assert 1 == len(problems(owner(sets + own.replace("set: c", "set: null"))))


def test_forwarding_off_with_unmanaged_types_is_checked_by_the_plan() -> None:
    """Only AWS knows whether an unmanaged type has a topic, so the plan checks it."""
    assert (
        problems(
            owner(
                "identities: {a.com: {notifications: {bounce: unmanaged, complaint: unmanaged}, feedback_forwarding: false}}\n"
            )
        )
        == []
    )


# --- absent --------------------------------------------------------------------------------------------------------------


def test_an_absent_identity_has_no_topics_and_forwarding_on() -> None:
    """An absent identity has no topics, no header flags, and forwarding on; the identity itself is not deleted."""
    found = wants(compiled(owner("identities: {a.com: absent}\n")))
    settings = [f"corp/eu-west-1/notification_{part}/a.com/{type_}" for type_ in TYPES for part in ("topic", "headers")]

    assert {
        **dict.fromkeys(settings),
        "corp/eu-west-1/feedback_forwarding/a.com": {"identity": "a.com", "enabled": True},
    } == found


def test_absent_topics_sets_and_destinations_must_not_exist() -> None:
    """A resource that is declared absent is desired as None."""
    text = owner(
        "topics: {t: absent}\nconfiguration_sets: {c: absent, d: {event_destinations: {e: absent}, exclusive: false}}\n"
    )

    assert wants(compiled(text)) == {
        "corp/eu-west-1/topic/t": None,
        "corp/eu-west-1/configuration_set/c": None,
        "corp/eu-west-1/configuration_set/d": {"configuration_set": "d"},
        "corp/eu-west-1/event_destination/d/e": None,
    }


@pytest.mark.parametrize(("expected", "body"), [(True, "c: "), (True, "c: absent"), (False, "c: {exclusive: false}")])
def test_a_set_is_exclusive_by_default(expected: bool, body: str) -> None:
    """Destinations that an exclusive set does not list are planned for deletion; an absent set is deleted with all of them."""
    found = compiled(owner(f"configuration_sets: {{{body}}}\n"))

    assert expected is (address("corp/eu-west-1/configuration_set/c") in found.exclusive)


# --- regions and identities ----------------------------------------------------------------------------------------------


def test_everything_exists_once_in_each_region() -> None:
    """Names resolve to each region's own topic."""
    text = owner("topics: {t: {}}\nidentities: {a.com: {notifications: {bounce: t}}}\n").replace(
        "[eu", "[us-gov-west-1, eu"
    )
    found = wants(compiled(text))

    assert [
        found[f"corp/{region}/notification_topic/a.com/bounce"]["topic_arn"]
        for region in ("us-gov-west-1", "eu-west-1")
    ] == ["arn:aws-us-gov:sns:us-gov-west-1:111111111111:t", "arn:aws:sns:eu-west-1:111111111111:t"]


def test_domains_are_lower_case() -> None:
    """SES converts domains to lower case."""
    assert "corp/eu-west-1/notification_topic/example.com/bounce" in wants(
        compiled(owner("identities: {Example.COM: }\n"))
    )


def test_addresses_keep_their_case() -> None:
    """SES compares e-mail identities case-sensitively, including the domain."""
    assert "corp/eu-west-1/notification_topic/Me@A.com/bounce" in wants(compiled(owner("identities: {Me@A.com: }\n")))


def test_a_domain_in_two_cases_is_declared_twice() -> None:
    """Two spellings of one domain are the same identity and a duplicate declaration."""
    found = problems(owner("identities:\n  a.com:\n  A.com:\n"))

    assert "notification_topic a.com/bounce is already declared at specs.yaml:6" in [p.summary for p in found]
    assert {(7, 3)} == {(p.line, p.column) for p in found}


def test_identities_that_differ_in_case_only_are_a_warning() -> None:
    """E-mail identities that differ in case only are two identities to SES; a warning says so."""
    (warning,) = compiled(owner("identities:\n  a@a.com:\n  A@a.com:\n")).warnings

    assert (warning.severity, str(warning)) == (
        "warning",
        "specs.yaml:7:3: identities.A@a.com: differs from 'a@a.com' in case only; SES treats them as two identities; "
        "use one spelling",
    )


def test_spec_names_are_unique() -> None:
    """Addresses begin with the spec's name, so two specs cannot share one."""
    found = problems(owner() + "---\n" + owner())

    assert [str(p) for p in found] == [
        "specs.yaml:7:1: name: spec 'corp' is already declared at specs.yaml:2; give each spec a unique name"
    ]


def test_two_specs_cannot_declare_the_same_resource() -> None:
    """A resource that two specs declare is a problem that names the other declaration."""
    text = owner("topics: {t: {}}\n") + "---\n" + owner("topics: {t: {}}\n").replace("corp", "corp2")
    (topic, *_) = problems(text)

    assert f"topic {topic_arn('t')} is already declared at specs.yaml:5" == topic.summary
    assert (topic.path, topic.line, topic.hint) == ("corp2/eu-west-1/topic/t", 11, "declare it in one spec only")


def test_the_same_account_may_be_in_two_specs() -> None:
    """An Owner and a Delegate of one account may declare different resources."""
    assert problems(both("", "topics: {feedback: {}}\n").replace(DELEGATE, OWNER)) == []


def test_access_is_that_of_the_credentials() -> None:
    """Each spec name has the access of its credentials."""
    text = owner("credentials: {role_arn: 'arn:aws:iam::111111111111:role/r', external_id: abc, profile: p}\n")

    assert {
        "corp": Access(OWNER, "p", "arn:aws:iam::111111111111:role/r", "abc"),
        "mailer": Access(DELEGATE),
    } == compiled(text + "---\n" + FEEDBACK).access


# --- references ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "reference"),
    [
        (topic_arn("mine"), "mine"),
        (topic_arn("mine"), "corp/mine"),
        (topic_arn("feedback", DELEGATE), "mailer/feedback"),
        (topic_arn("real-name", DELEGATE), "mailer/named"),
        (topic_arn("theirs", DELEGATE), "mailer/theirs"),
        (topic_arn("feedback", DELEGATE), topic_arn("feedback", DELEGATE)),
        (topic_arn("anything", "333333333333"), topic_arn("anything", "333333333333")),
    ],
)
def test_a_reference_is_a_name_spec_and_name_or_an_arn(expected: str, reference: str) -> None:
    """Each form of reference resolves to the topic's ARN."""
    text = both(
        f"topics: {{mine: {{}}}}\nidentities: {{a.com: {{notifications: {{bounce: '{reference}'}}}}}}\n",
        "topics: {feedback: {}, named: {name: real-name}, theirs: {external: true}}\n",
    )

    assert expected == wants(compiled(text))["corp/eu-west-1/notification_topic/a.com/bounce"]["topic_arn"]


@pytest.mark.parametrize(
    ("expected", "reference"),
    [
        ("unknown topic 'feedbak'; did you mean 'feedback'?", "feedbak"),
        ("unknown topic 'feedbak' of spec 'mailer'; did you mean 'feedback'?", "mailer/feedbak"),
        ("unknown topic 'zzz'; known: feedback, gone", "zzz"),
        ("unknown spec 'mailr' in 'mailr/feedback'; did you mean 'mailer'?", "mailr/feedback"),
        ("topic 'gone' is declared absent by spec 'corp'; use another topic, or declare it", "gone"),
        (
            f"topic '{topic_arn('gone')}' is declared absent by spec 'corp'; use another topic, or declare it",
            topic_arn("gone"),
        ),
        (
            (
                f"topic '{topic_arn('x', region='us-east-1')}' is in us-east-1, and the setting is in eu-west-1; "
                "use a topic in the same region"
            ),
            topic_arn("x", region="us-east-1"),
        ),
        (
            "topic 'arn:aws-cn:sns:cn-north-1:111111111111:x' is in partition aws-cn, and eu-west-1 is in aws",
            "arn:aws-cn:sns:cn-north-1:111111111111:x",
        ),
        (
            "topic 'away/t' is not in eu-west-1: spec 'away' is in us-east-1; use a topic in the same region",
            "away/t",
        ),
        ("'x.fifo' is a FIFO topic; use a standard topic: SES does not publish to FIFO topics", "x.fifo"),
    ],
)
def test_a_reference_that_cannot_be_resolved_is_a_problem(expected: str, reference: str) -> None:
    """A reference that SES cannot use is a problem with its place and, if possible, a suggestion."""
    text = both(
        f"topics: {{feedback: {{}}, gone: absent}}\nidentities:\n  a.com:\n    notifications: {{bounce: '{reference}'}}\n"
    )
    away = delegate("topics: {t: {}}\n").replace("mailer", "away").replace("eu-west-1", "us-east-1")
    found = list(problems(text + "---\n" + away))

    assert [f"specs.yaml:8:21: identities.a.com.notifications.bounce: {expected}"] == [str(p) for p in found]


def test_an_arn_in_a_spec_of_several_regions_gets_a_hint() -> None:
    """If a spec has several regions, the hint says to refer to the topic by name."""
    text = owner(f"identities: {{a.com: {{notifications: {{bounce: '{topic_arn('t')}'}}}}}}\n").replace(
        "[", "[us-east-1, "
    )
    (problem,) = problems(text)

    assert problem.hint == "use a topic in the same region; refer to it by name, so that each region uses its own"


def test_an_unknown_topic_without_a_similar_name_gets_a_hint() -> None:
    """If no topic has a similar name, the hint says where to declare the topic."""
    (problem,) = problems(owner("identities: {a.com: {notifications: {bounce: t}}}\n"))

    assert problem.hint == "declare it under topics of corp"


def test_a_managed_topic_that_another_spec_calls_external_is_managed() -> None:
    """A topic that one spec manages is managed, also if another spec calls it external, in any order of the files."""
    external = delegate("topics: {t: {external: true}}\n").replace(DELEGATE, OWNER)

    for text in (owner("topics: {t: {}}\n") + "---\n" + external, external + "---\n" + owner("topics: {t: {}}\n")):
        assert [a for a in wants(compiled(text)) if "/topic/" in a] == ["corp/eu-west-1/topic/t"]


def test_an_external_topic_is_no_fifo_topic_either() -> None:
    """SES publishes to no FIFO topic, so an external FIFO topic is a problem too."""
    assert [
        "specs.yaml:5:10: topics.x.fifo: 'x.fifo' is a FIFO topic; use a standard topic: SES does not publish to FIFO topics"
    ] == [str(p) for p in problems(owner("topics: {x.fifo: {external: true}}\n"))]


def test_an_external_topic_is_not_declared() -> None:
    """An external topic is read only."""
    assert wants(compiled(owner("topics: {t: {external: true}}\n"))) == {}


@pytest.mark.parametrize(
    ("expected", "settings"),
    [
        ({}, ""),
        ({"display_name": "D"}, "display_name: D"),
        ({"kms_key": "alias/k"}, "kms_key: alias/k"),
        ({"kms_key": None}, "kms_key: null"),
        ({"name": "other", "topic_arn": topic_arn("other")}, "name: other"),
    ],
)
def test_a_topics_settings_are_managed_where_they_are_declared(expected: dict[str, Any], settings: str) -> None:
    """Undeclared attributes are unmanaged."""
    found = wants(compiled(owner(f"topics: {{t: {{{settings}}}}}\n")))["corp/eu-west-1/topic/t"]

    assert {"topic_arn": topic_arn("t"), "name": "t", **expected} == found


def test_a_subscription_has_its_declared_attributes() -> None:
    """A subscription has its topic, protocol and endpoint, and manages the attributes that it declares."""
    text = owner("topics: {t: {subscriptions: [{protocol: email, endpoint: a@b.c, raw_message_delivery: false}]}}\n")

    assert {
        "topic_arn": topic_arn("t"),
        "protocol": "email",
        "endpoint": "a@b.c",
        "raw_message_delivery": False,
    } == wants(compiled(text))["corp/eu-west-1/subscription/t/email/a@b.c"]


# --- event destinations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "settings"),
    [
        ({"sns": {"topic_arn": topic_arn("t")}}, "sns: t"),
        (
            {
                "firehose": {
                    "stream_arn": "arn:aws:firehose:eu-west-1:111111111111:deliverystream/s",
                    "role_arn": "arn:aws:iam::111111111111:role/r",
                }
            },
            f"firehose: {{stream: '{STREAM}', role: '{ROLE}'}}",
        ),
        (
            {
                "cloudwatch": {
                    "dimensions": [
                        {"name": "a", "source": "EMAIL_HEADER", "default": "x"},
                        {"name": "b", "source": "MESSAGE_TAG", "default": "y"},
                    ]
                }
            },
            "cloudwatch: [{dimension: b, source: message_tag, default: y}, {dimension: a, source: email_header, default: x}]",
        ),
        (
            {"eventbridge": {"event_bus_arn": "arn:aws:events:eu-west-1:111111111111:event-bus/default"}},
            "eventbridge: default",
        ),
        (
            {"pinpoint": {"application_arn": "arn:aws:mobiletargeting:eu-west-1:111111111111:apps/a"}},
            "pinpoint: 'arn:aws:mobiletargeting:eu-west-1:111111111111:apps/a'",
        ),
    ],
)
def test_each_kind_of_event_destination(expected: dict[str, Any], settings: str) -> None:
    """An event destination is enabled by default, has AWS's event types in AWS's order, and has its target."""
    text = owner(
        f"topics: {{t: {{}}}}\nconfiguration_sets: {{c: {{event_destinations: {{d: {{events: [send, bounce], {settings}}}}}}}}}\n"
    )

    assert {"configuration_set": "c", "name": "d", "enabled": True, "events": ["BOUNCE", "SEND"], **expected} == wants(
        compiled(text)
    )["corp/eu-west-1/event_destination/c/d"]


def test_pinpoint_is_a_warning() -> None:
    """A Pinpoint destination gets a warning, because AWS ends the service."""
    destination = f"{{events: [send], pinpoint: '{APPLICATION}'}}"
    text = f"configuration_sets: {{c: {{event_destinations: {{d: {destination}}}}}}}\n"

    assert [w.severity for w in compiled(owner(text)).warnings] == ["warning"]


@pytest.mark.parametrize("target", ["firehose", "pinpoint", "eventbridge"])
def test_a_destinations_target_is_in_the_sets_account_and_region(target: str) -> None:
    """SES does not deliver to a stream, application or bus of another account or region."""
    elsewhere = {
        "firehose": f"{{stream: '{STREAM.replace(OWNER, '333333333333')}', role: '{ROLE}'}}",
        "pinpoint": "'arn:aws:mobiletargeting:us-east-1:111111111111:apps/a'",
        "eventbridge": "'arn:aws:events:us-east-1:111111111111:event-bus/default'",
    }[target]
    found = problems(
        owner(f"configuration_sets: {{c: {{event_destinations: {{d: {{events: [send], {target}: {elsewhere}}}}}}}}}\n")
    )

    assert [p.hint for p in found] == ["use one in the account and region of the configuration set"]


def test_a_stream_of_another_partition_is_refused() -> None:
    """SES does not deliver to a stream of another partition."""
    stream = STREAM.replace("arn:aws:", "arn:aws-cn:")
    settings = f"{{events: all, firehose: {{stream: '{stream}', role: '{ROLE}'}}}}"
    (problem,) = problems(owner(f"configuration_sets: {{c: {{event_destinations: {{d: {settings}}}}}}}\n"))

    assert "configuration_sets.c.event_destinations.d.firehose.stream" == problem.path


# --- cross-account entries -----------------------------------------------------------------------------------------------

PARTNER = identity_arn("partner.example", "333333333333")


def test_a_cross_account_entry_is_in_the_delegates_scope() -> None:
    """A cross-account entry has the delegate's scope and the identity's ARN; undeclared types have no topic."""
    text = delegate(
        f"topics: {{t: {{}}}}\ncross_account_notifications: {{'{PARTNER}': {{bounce: t, delivery: unmanaged}}}}\n"
    )
    found = compiled(text)

    assert notifications(text, PARTNER, "mailer") == {"bounce": ("t", False), "complaint": None}
    assert (
        Scope(DELEGATE, "eu-west-1")
        == found.declared[address(f"mailer/eu-west-1/notification_topic/{PARTNER}/bounce")].scope
    )
    assert f"mailer/eu-west-1/feedback_forwarding/{PARTNER}" not in wants(found)


def test_an_absent_cross_account_entry_has_no_topics() -> None:
    """An absent entry has no topics and no headers; forwarding of another account's identity is not managed."""
    found = wants(compiled(delegate(f"cross_account_notifications: {{'{PARTNER}': absent}}\n")))

    assert {
        f"mailer/eu-west-1/notification_{part}/{PARTNER}/{t}": None for t in TYPES for part in ("topic", "headers")
    } == found


def test_a_foreign_domain_is_lower_case_too() -> None:
    """The identity in the ARN is spelled as in SES."""
    text = delegate(f"cross_account_notifications: {{'{PARTNER.replace('partner', 'Partner')}': absent}}\n")

    assert f"mailer/eu-west-1/notification_topic/{PARTNER}/bounce" in wants(compiled(text))


@pytest.mark.parametrize(
    ("expected", "arn"),
    [
        (
            f"the identity belongs to {DELEGATE}, the spec's own account; declare it under identities of an Owner spec",
            identity_arn("a.com", DELEGATE),
        ),
        (
            "the identity is in us-east-1, and the spec is in eu-west-1; add the region to the spec's regions",
            identity_arn("a.com", "333333333333", "us-east-1"),
        ),
        (
            "eu-west-1 is in partition aws, not in aws-cn; write arn:aws:…",
            "arn:aws-cn:ses:eu-west-1:333333333333:identity/a.com",
        ),
    ],
)
def test_an_invalid_cross_account_entry_is_a_problem(expected: str, arn: str) -> None:
    """The account's own identities, and those of other regions and partitions, are refused."""
    assert [f"specs.yaml:6:3: cross_account_notifications.{arn}: {expected}"] == [
        str(p) for p in problems(delegate(f"cross_account_notifications:\n  {arn}: absent\n"))
    ]


# --- publishers ----------------------------------------------------------------------------------------------------------


def publishers(text: str, key: str = "mailer/eu-west-1/topic_policy/feedback") -> list[Publisher]:
    want = wants(compiled(text))[key]
    return [Publisher(*p) for p in want["publishers"]] if want else []


def test_the_publishers_of_a_topic_are_its_users() -> None:
    """Identities, configuration sets and legacy entries that use a topic may publish; for legacy entries both accounts."""
    text = both(
        "identities: {a.com: {notifications: {bounce: mailer/feedback, complaint: mailer/feedback}}}\n",
        f"topics: {{feedback: {{}}}}\n"
        f"configuration_sets: {{c: {{event_destinations: {{d: {{events: all, sns: feedback, enabled: false}}}}}}}}\n"
        f"cross_account_notifications: {{'{PARTNER}': {{bounce: feedback}}}}\n",
    )

    assert [
        Publisher(OWNER, identity_arn("a.com")),
        Publisher(DELEGATE, set_arn("c", DELEGATE)),
        Publisher(DELEGATE, PARTNER),
        Publisher("333333333333", PARTNER, DELEGATE),
    ] == publishers(text)


def test_an_arn_of_a_managed_topic_counts_as_a_reference() -> None:
    """A reference to a topic by its ARN allows publishing as well."""
    text = both(f"identities: {{a.com: {{notifications: {{bounce: '{topic_arn('feedback', DELEGATE)}'}}}}}}\n")

    assert [Publisher(OWNER, identity_arn("a.com"))] == publishers(text)


def test_a_topic_that_nothing_publishes_to_allows_no_publisher() -> None:
    """A managed topic without users has no statement of sesform."""
    assert publishers(FEEDBACK) == []


def test_an_external_topic_has_no_declared_policy() -> None:
    """The policy of an external topic is not changed."""
    text = owner("topics: {t: {external: true}}\nidentities: {a.com: {notifications: {bounce: t}}}\n")

    assert [a for a in wants(compiled(text)) if "topic_policy" in a] == []
    assert [topic_arn("t")] == [t.topic_arn for t in compiled(text).targets]


def test_a_topic_with_an_unmanaged_policy_has_no_declared_policy() -> None:
    """The unmanaged policy of a managed topic is read and checked, as that of an external topic is."""
    text = owner("topics: {t: {policy: unmanaged}}\nidentities: {a.com: {notifications: {bounce: t}}}\n")
    done = compiled(text)

    assert [] == [a for a in wants(done) if "topic_policy" in a]
    assert {"topic_arn": topic_arn("t"), "name": "t"} == wants(done)["corp/eu-west-1/topic/t"]
    assert (topic_arn("t"),) == done.watched_topics


def test_only_unmanaged_policies_are_watched() -> None:
    """Only policies that sesform does not manage are watched, each once."""
    theirs = topic_arn("x", "333333333333")
    notifications = f"{{bounce: t, complaint: '{theirs}', delivery: '{theirs}'}}"
    text = owner(f"topics: {{t: {{}}}}\nidentities: {{a.com: {{notifications: {notifications}}}}}\n")

    assert (theirs,) == compiled(text).watched_topics


# --- sending policies and default configuration sets ---------------------------------------------------------------------

GRANT = "corp/eu-west-1/sending_policy/a.com/"


def test_a_grant_is_a_policy_for_exactly_that_delegate() -> None:
    """The delegate's account may call the listed actions for that identity under the declared conditions."""
    text = both(
        "identities: {a.com: {authorize: {mailer: "
        "{actions: [SendRawEmail], conditions: {StringLike: {'ses:FromAddress': '*@a.com'}}}}}}\n"
    )

    assert {
        "identity": "a.com",
        "name": "sesform-mailer",
        "policy": {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Sid": "SesformAuthorize",
                    "Effect": "Allow",
                    "Principal": {"AWS": f"arn:aws:iam::{DELEGATE}:root"},
                    "Action": ["ses:SendRawEmail"],
                    "Resource": identity_arn("a.com"),
                    "Condition": {"StringLike": {"ses:FromAddress": "*@a.com"}},
                }
            ],
        },
    } == wants(compiled(text))[GRANT + "sesform-mailer"]


@pytest.mark.parametrize(
    ("expected", "grantee"),
    [
        (f"arn:aws:iam::{DELEGATE}:root", "mailer"),
        ("arn:aws:iam::333333333333:root", "333333333333"),
        ("arn:aws:iam::333333333333:role/r", "arn:aws:iam::333333333333:role/r"),
    ],
)
def test_a_delegate_is_a_spec_an_account_or_a_principal(expected: str, grantee: str) -> None:
    """Each form of delegate results in one principal."""
    found = wants(compiled(both(f"identities: {{a.com: {{authorize: {{'{grantee}': }}}}}}\n")))
    (policy,) = [w["policy"] for a, w in found.items() if a.startswith(GRANT)]

    assert {"AWS": expected} == policy["Statement"][0]["Principal"]
    assert policy["Statement"][0]["Action"] == ["ses:SendEmail", "ses:SendRawEmail"]


def test_a_grant_of_the_defaults_can_be_removed() -> None:
    """An identity's entry for a delegate replaces that of the defaults; other delegates stay."""
    text = both(
        "defaults: {identity: {authorize: {mailer: , '333333333333': }}}\nidentities: {a.com: {authorize: {mailer: absent}}}\n"
    )
    found = wants(compiled(text))

    assert found[GRANT + "sesform-mailer"] is None
    assert found[GRANT + "sesform-333333333333"] is not None


def test_an_unknown_delegate_is_a_problem() -> None:
    """A delegate that is not a known spec is a problem with a suggestion."""
    found = problems(both("identities: {a.com: {authorize: {mailr: }}}\n"))

    assert [str(p) for p in found] == [
        "specs.yaml:5:34: identities.a.com.authorize.mailr: unknown delegate 'mailr'; did you mean 'mailer'?"
    ]


@pytest.mark.parametrize(("text", "written"), [("true", "true"), ("5", "5"), ("[5, x, false]", ["5", "x", "false"])])
def test_the_values_of_a_grants_conditions_are_texts_as_in_a_policy(text: str, written: object) -> None:
    """IAM compares condition values as text, so booleans and numbers need no quotes."""
    conditions = f"{{Bool: {{'aws:SecureTransport': {text}}}}}"
    made = wants(
        compiled(owner(f"identities: {{a.com: {{authorize: {{'222222222222': {{conditions: {conditions}}}}}}}}}\n"))
    )
    want = made[GRANT + "sesform-222222222222"]

    assert want is not None
    assert {"Bool": {"aws:SecureTransport": written}} == want["policy"]["Statement"][0]["Condition"]


def test_a_grant_to_a_removed_spec_can_be_removed() -> None:
    """A grant to an unknown spec may be declared absent; a warning reports a possible typing error."""
    desired = compiled(owner("identities: {a.com: {authorize: {gone: absent}}}\n"))

    assert {GRANT + "sesform-gone": None} == {a: want for a, want in wants(desired).items() if a.startswith(GRANT)}
    assert [("warning", "unknown delegate 'gone'")] == [(w.severity, w.summary) for w in desired.warnings]


def test_no_more_than_twenty_policies() -> None:
    """The quota of SES is twenty sending policies for each identity."""
    grants = ", ".join(f"'{n:012}': " for n in range(21))

    assert [p.summary for p in problems(owner(f"identities: {{a.com: {{authorize: {{{grants}}}}}}}\n"))] == [
        "a.com has 21 sending policies, including one for each delegate; the quota is 20"
    ]


def test_a_policy_that_is_too_large_is_a_problem() -> None:
    """The quota of SES is four kilobytes for each sending policy."""
    values = ", ".join(f"'{n:060}@a.com'" for n in range(70))
    conditions = f"{{StringLike: {{'aws:username': [{values}]}}}}"
    text = owner(f"identities: {{a.com: {{authorize: {{'333333333333': {{conditions: {conditions}}}}}}}}}\n")

    assert [p.summary for p in problems(text)] == ["the policy for '333333333333' has 5120 bytes; the quota is 4096"]


@pytest.mark.parametrize(
    ("expected", "defaults", "own"),
    [
        ("left alone", "", ""),
        ("c", "", "default_configuration_set: c"),
        (None, "", "default_configuration_set: null"),
        ("c", "default_configuration_set: c", ""),
        (None, "default_configuration_set: c", "default_configuration_set: null"),
        ("left alone", "default_configuration_set: c", "default_configuration_set: unmanaged"),
    ],
)
def test_the_default_set_is_the_identitys_else_the_defaults_else_unmanaged(
    expected: str | None, defaults: str, own: str
) -> None:
    """An undeclared default configuration set is unmanaged; null removes it."""
    text = f"configuration_sets: {{c: }}\ndefaults: {{identity: {{{defaults}}}}}\nidentities: {{a.com: {{{own}}}}}\n"
    found = wants(compiled(owner(text))).get(
        "corp/eu-west-1/default_configuration_set/a.com", {"configuration_set": "left alone"}
    )

    assert expected == (found and found["configuration_set"])


def test_a_default_set_that_is_declared_absent_is_a_problem() -> None:
    """SES refuses mail of an identity whose default set does not exist, so an absent default set is a problem."""
    text = owner("configuration_sets: {c: absent}\nidentities: {a.com: {default_configuration_set: c}}\n")

    assert [p.summary for p in problems(text)] == ["configuration set 'c' is declared absent"]


# --- destroy -------------------------------------------------------------------------------------------------------------


def test_destroy_declares_everything_absent() -> None:
    """All declared resources are planned for deletion, and forwarding is turned on."""
    text = both(
        "topics: {t: {}}\nconfiguration_sets: {c: {event_destinations: {d: {events: all, sns: t}}}}\n"
        "identities: {a.com: {notifications: {bounce: t, complaint: t}, feedback_forwarding: false, authorize: {mailer: },"
        " default_configuration_set: c}}\n",
        f"cross_account_notifications: {{'{PARTNER}': {{}}}}\n",
    )
    found = wants(compiled(text, destroy=True))

    assert {a: want for a, want in found.items() if want is not None} == {
        "corp/eu-west-1/feedback_forwarding/a.com": {"identity": "a.com", "enabled": True}
    }
    assert {
        "topic",
        "configuration_set",
        "notification_topic",
        "notification_headers",
        "feedback_forwarding",
        "sending_policy",
        "default_configuration_set",
    } == {address(a).type for a in found}


def test_destroy_does_not_change_unmanaged_resources() -> None:
    """Destroy does not change unmanaged resources."""
    text = owner("identities: {a.com: {notifications: {bounce: unmanaged}, feedback_forwarding: unmanaged}}\n")
    found = wants(compiled(text, destroy=True))

    assert not [a for a in found if a.endswith(("bounce", "feedback_forwarding/a.com"))]
    assert "corp/eu-west-1/notification_topic/a.com/complaint" in found


def test_destroy_deletes_all_destinations_of_a_set() -> None:
    """Destroy makes each set exclusive, so that all its destinations are steps of the plan."""
    found = compiled(owner("configuration_sets: {c: {exclusive: false}}\n"), destroy=True)

    assert {address("corp/eu-west-1/configuration_set/c")} == found.exclusive


def test_the_origin_says_where_and_what() -> None:
    """The origin of a resource names its line and the declared value."""
    text = owner(
        "topics: {t: {}}\ndefaults: {identity: {notifications: {bounce: t}}}\n"
        "identities:\n  a.com:\n    notifications:\n      complaint: null\n"
    )
    found = compiled(text).declared

    assert [str(found[address(f"corp/eu-west-1/notification_topic/a.com/{t}")].origin) for t in TYPES] == [
        "specs.yaml:6 declares it",
        "specs.yaml:10 declares null",
        "specs.yaml:8 names no topic for delivery",
    ]


@pytest.mark.parametrize(
    ("expected", "regions", "key"),
    [
        ([], "eu-west-1", "arn:aws:kms:eu-west-1:333333333333:alias/k"),
        ([], "eu-west-1, eu-west-2", "alias/k"),
        (
            [
                "specs.yaml:5:14: topics.t.kms_key: the key is in eu-west-1, and the topic is in eu-west-2; use a key "
                "in the region "
                "of the topic; name it by an alias, so that each region has its own"
            ],
            "eu-west-1, eu-west-2",
            "arn:aws:kms:eu-west-1:111111111111:alias/k",
        ),
    ],
)
def test_a_key_is_in_its_topics_region(expected: list[str], regions: str, key: str) -> None:
    """SNS accepts only keys of the topic's region, of any account."""
    text = owner(f"topics: {{t: {{kms_key: '{key}'}}}}\n").replace("[eu-west-1]", f"[{regions}]")

    assert expected == list(map(str, problems(text)))
