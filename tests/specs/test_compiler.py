"""What the specs ask for, references resolved."""

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
    """By type: the topic and whether headers are included; None: no topic; a type that is left alone is not there."""
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
    """What an identity says itself counts; the rest comes from the defaults."""
    assert expected == notifications(owner(DEFAULTS % own))


def test_what_neither_the_identity_nor_the_defaults_name_has_no_topic() -> None:
    """A spec declares its resources whole: an unnamed type has no topic and no header flag."""
    assert dict.fromkeys(TYPES) == notifications(owner("identities: {a.com: }\n"))


def test_left_out_headers_are_off() -> None:
    """A live header flag that is not declared is planned for deletion."""
    found = wants(compiled(owner("topics: {t: {}}\nidentities: {a.com: {notifications: {bounce: t}}}\n")))

    assert found["corp/eu-west-1/notification_headers/a.com/bounce"] is None


def test_an_unmanaged_type_is_read_and_not_declared() -> None:
    """What is unmanaged is a route all the same, so it is looked at and left alone."""
    found = compiled(owner("identities: {a.com: {notifications: {bounce: unmanaged}}}\n"))

    assert [str(u.address) for u in found.unmanaged] == ["corp/eu-west-1/notification_topic/a.com/bounce"]
    assert not [a for a in wants(found) if a.endswith("bounce")]


def test_headers_over_no_default_topic_is_a_problem() -> None:
    """Headers of a type without a topic mean nothing."""
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
def test_forwarding_off_needs_topics_for_bounces_and_complaints(missing: str, settings: str) -> None:
    """SES refuses forwarding off where a bounce or complaint would go nowhere, so it is refused before any call."""
    text = owner(
        f"topics: {{t: {{}}}}\nidentities:\n  a.com:\n    notifications: {{{settings}}}\n    feedback_forwarding: false\n"
    )

    assert [
        (
            "specs.yaml:9:5: identities.a.com.feedback_forwarding: "
            "feedback_forwarding: false needs topics for bounce and complaint; "
            f"a.com has none for {missing}; name a topic, or set feedback_forwarding to true"
        )
    ] == [str(p) for p in problems(text)]


def test_forwarding_off_beside_unmanaged_types_is_for_the_plan_to_judge() -> None:
    """Whether an unmanaged type has a topic only AWS knows."""
    assert (
        problems(
            owner(
                "identities: {a.com: {notifications: {bounce: unmanaged, complaint: unmanaged}, feedback_forwarding: false}}\n"
            )
        )
        == []
    )


# --- absent --------------------------------------------------------------------------------------------------------------


def test_an_absent_identity_has_nothing_set_and_forwarding_on() -> None:
    """`absent`: topics gone, header flags off, SES mails feedback again; the identity itself is not touched."""
    found = wants(compiled(owner("identities: {a.com: absent}\n")))
    settings = [f"corp/eu-west-1/notification_{part}/a.com/{type_}" for type_ in TYPES for part in ("topic", "headers")]

    assert {
        **dict.fromkeys(settings),
        "corp/eu-west-1/feedback_forwarding/a.com": {"identity": "a.com", "enabled": True},
    } == found


def test_absent_topics_sets_and_destinations_must_not_exist() -> None:
    """What is declared absent is named in the plan as a removal."""
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
def test_a_set_is_exclusive_unless_it_says_otherwise(expected: bool, body: str) -> None:
    """Destinations that an exclusive set does not list are planned for deletion; an absent set is deleted with all of them."""
    found = compiled(owner(f"configuration_sets: {{{body}}}\n"))

    assert expected is (address("corp/eu-west-1/configuration_set/c") in found.exclusive)


# --- regions and identities ----------------------------------------------------------------------------------------------


def test_everything_exists_once_in_each_region() -> None:
    """Names resolve to each region's own topic."""
    text = owner("topics: {t: {}}\nidentities: {a.com: {notifications: {bounce: t}}}\n").replace(
        "[eu", "[cn-north-1, eu"
    )
    found = wants(compiled(text))

    assert [
        found[f"corp/{region}/notification_topic/a.com/bounce"]["topic_arn"] for region in ("cn-north-1", "eu-west-1")
    ] == ["arn:aws-cn:sns:cn-north-1:111111111111:t", "arn:aws:sns:eu-west-1:111111111111:t"]


def test_domains_are_lower_case() -> None:
    """SES knows domains in lower case only."""
    assert "corp/eu-west-1/notification_topic/example.com/bounce" in wants(
        compiled(owner("identities: {Example.COM: }\n"))
    )


def test_addresses_keep_their_case() -> None:
    """SES tells e-mail identities by case, domain part and all."""
    assert "corp/eu-west-1/notification_topic/Me@A.com/bounce" in wants(compiled(owner("identities: {Me@A.com: }\n")))


def test_a_domain_in_two_cases_is_declared_twice() -> None:
    """Two spellings of one domain would fight over its settings."""
    found = problems(owner("identities:\n  a.com:\n  A.com:\n"))

    assert "notification_topic a.com/bounce is already declared at specs.yaml:6" in [p.summary for p in found]
    assert {(7, 3)} == {(p.line, p.column) for p in found}


def test_addresses_that_differ_in_case_only_are_warned_about() -> None:
    """They are two identities to SES, and most likely one to their author."""
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


def test_two_specs_cannot_declare_the_same_thing() -> None:
    """One spec speaks for a thing; the other is told where."""
    text = owner("topics: {t: {}}\n") + "---\n" + owner("topics: {t: {}}\n").replace("corp", "corp2")
    (topic, *_) = problems(text)

    assert f"topic {topic_arn('t')} is already declared at specs.yaml:5" == topic.summary
    assert (topic.path, topic.line, topic.hint) == ("corp2/eu-west-1/topic/t", 11, "declare it in one spec only")


def test_the_same_account_may_be_in_two_specs() -> None:
    """An Owner and a Delegate of one account may declare different resources."""
    assert problems(both("", "topics: {feedback: {}}\n").replace(DELEGATE, OWNER)) == []


def test_access_is_that_of_the_credentials() -> None:
    """How an account is reached goes with its spec's name."""
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
    """Every way to name a topic leads to its ARN."""
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
def test_a_reference_that_leads_nowhere_is_a_problem(expected: str, reference: str) -> None:
    """Every reference that SES could not use is told with its place, and with what was meant where that can be guessed."""
    text = both(
        f"topics: {{feedback: {{}}, gone: absent}}\nidentities:\n  a.com:\n    notifications: {{bounce: '{reference}'}}\n"
    )
    away = delegate("topics: {t: {}}\n").replace("mailer", "away").replace("eu-west-1", "us-east-1")
    found = list(problems(text + "---\n" + away))

    assert [f"specs.yaml:8:21: identities.a.com.notifications.bounce: {expected}"] == [str(p) for p in found]


def test_an_arn_in_a_spec_of_several_regions_gets_a_hint() -> None:
    """One ARN cannot do for two regions: the name can."""
    text = owner(f"identities: {{a.com: {{notifications: {{bounce: '{topic_arn('t')}'}}}}}}\n").replace(
        "[", "[us-east-1, "
    )
    (problem,) = problems(text)

    assert problem.hint == "use a topic in the same region; refer to it by name, so that each region uses its own"


def test_an_unknown_topic_without_a_neighbour_is_to_be_declared() -> None:
    """Where there is nothing to guess from, the hint says where to declare it."""
    (problem,) = problems(owner("identities: {a.com: {notifications: {bounce: t}}}\n"))

    assert problem.hint == "declare it under topics of corp"


def test_a_managed_topic_that_another_spec_calls_external_is_managed() -> None:
    """The spec that manages a topic speaks for it, in whatever order the files come."""
    external = delegate("topics: {t: {external: true}}\n").replace(DELEGATE, OWNER)

    for text in (owner("topics: {t: {}}\n") + "---\n" + external, external + "---\n" + owner("topics: {t: {}}\n")):
        assert [a for a in wants(compiled(text)) if "/topic/" in a] == ["corp/eu-west-1/topic/t"]


def test_an_external_topic_is_no_fifo_topic_either() -> None:
    """SES publishes to no FIFO topic, whoever manages it."""
    assert [
        "specs.yaml:5:10: topics.x.fifo: 'x.fifo' is a FIFO topic; use a standard topic: SES does not publish to FIFO topics"
    ] == [str(p) for p in problems(owner("topics: {x.fifo: {external: true}}\n"))]


def test_an_external_topic_is_not_declared() -> None:
    """What is managed elsewhere is looked at only."""
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
    """Attributes that are left out stay as they are in AWS."""
    found = wants(compiled(owner(f"topics: {{t: {{{settings}}}}}\n")))["corp/eu-west-1/topic/t"]

    assert {"topic_arn": topic_arn("t"), "name": "t", **expected} == found


def test_a_subscription_is_declared_with_what_it_says() -> None:
    """A subscription is known by topic, protocol and endpoint, and manages the settings that it names."""
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
    """A destination is declared whole: enabled unless it says otherwise, events as AWS spells and sorts them, its target."""
    text = owner(
        f"topics: {{t: {{}}}}\nconfiguration_sets: {{c: {{event_destinations: {{d: {{events: [send, bounce], {settings}}}}}}}}}\n"
    )

    assert {"configuration_set": "c", "name": "d", "enabled": True, "events": ["BOUNCE", "SEND"], **expected} == wants(
        compiled(text)
    )["corp/eu-west-1/event_destination/c/d"]


def test_pinpoint_is_warned_about() -> None:
    """A service that ends is pointed out."""
    destination = f"{{events: [send], pinpoint: '{APPLICATION}'}}"
    text = f"configuration_sets: {{c: {{event_destinations: {{d: {destination}}}}}}}\n"

    assert [w.severity for w in compiled(owner(text)).warnings] == ["warning"]


@pytest.mark.parametrize("target", ["firehose", "pinpoint", "eventbridge"])
def test_a_destinations_target_is_in_the_sets_account_and_region(target: str) -> None:
    """SES reaches no stream, application or bus of another account or region."""
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
    """Account and region do not make an ARN one that SES reaches: the partition counts too."""
    stream = STREAM.replace("arn:aws:", "arn:aws-cn:")
    settings = f"{{events: all, firehose: {{stream: '{stream}', role: '{ROLE}'}}}}"
    (problem,) = problems(owner(f"configuration_sets: {{c: {{event_destinations: {{d: {settings}}}}}}}\n"))

    assert "configuration_sets.c.event_destinations.d.firehose.stream" == problem.path


# --- cross-account entries -----------------------------------------------------------------------------------------------

PARTNER = identity_arn("partner.example", "333333333333")


def test_a_cross_account_entry_is_in_the_delegates_scope() -> None:
    """The delegate's own calls set topics of a foreign identity, named by its ARN; types left out are to have none."""
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


def test_an_absent_cross_account_entry_has_nothing_set() -> None:
    """Forwarding of another account's identity is not managed."""
    found = wants(compiled(delegate(f"cross_account_notifications: {{'{PARTNER}': absent}}\n")))

    assert {
        f"mailer/eu-west-1/notification_{part}/{PARTNER}/{t}": None for t in TYPES for part in ("topic", "headers")
    } == found


def test_a_foreign_domain_is_lower_case_too() -> None:
    """The identity within the ARN is spelled as SES knows it."""
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
def test_a_cross_account_entry_that_cannot_be(expected: str, arn: str) -> None:
    """The account's own identities and those of other regions do not belong here."""
    assert [f"specs.yaml:6:3: cross_account_notifications.{arn}: {expected}"] == [
        str(p) for p in problems(delegate(f"cross_account_notifications:\n  {arn}: absent\n"))
    ]


# --- publishers ----------------------------------------------------------------------------------------------------------


def publishers(text: str, key: str = "mailer/eu-west-1/topic_policy/feedback") -> list[Publisher]:
    want = wants(compiled(text))[key]
    return [Publisher(*p) for p in want["publishers"]] if want else []


def test_the_publishers_of_a_topic_follow_from_who_routes_to_it() -> None:
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
    """A managed topic without users has none of our statements."""
    assert publishers(FEEDBACK) == []


def test_an_external_topic_has_no_policy_of_ours() -> None:
    """The policy of a topic that is managed elsewhere is not touched."""
    text = owner("topics: {t: {external: true}}\nidentities: {a.com: {notifications: {bounce: t}}}\n")

    assert [a for a in wants(compiled(text)) if "topic_policy" in a] == []
    assert [topic_arn("t")] == [t.topic_arn for t in compiled(text).targets]


def test_a_topic_with_an_unmanaged_policy_has_none_of_ours() -> None:
    """The topic is managed, its policy is not: it is watched, as that of an external topic is."""
    text = owner("topics: {t: {policy: unmanaged}}\nidentities: {a.com: {notifications: {bounce: t}}}\n")
    done = compiled(text)

    assert [] == [a for a in wants(done) if "topic_policy" in a]
    assert {"topic_arn": topic_arn("t"), "name": "t"} == wants(done)["corp/eu-west-1/topic/t"]
    assert (topic_arn("t"),) == done.watched_topics


def test_only_policies_that_others_keep_are_watched() -> None:
    """What sesform keeps itself need not be looked at once more; what it does not is looked at once."""
    theirs = topic_arn("x", "333333333333")
    notifications = f"{{bounce: t, complaint: '{theirs}', delivery: '{theirs}'}}"
    text = owner(f"topics: {{t: {{}}}}\nidentities: {{a.com: {{notifications: {notifications}}}}}\n")

    assert (theirs,) == compiled(text).watched_topics


# --- sending policies and default configuration sets ---------------------------------------------------------------------

GRANT = "corp/eu-west-1/sending_policy/a.com/"


def test_a_grant_is_a_policy_for_exactly_that_delegate() -> None:
    """A spec's account may do what is listed, with that identity, under those conditions."""
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
    """Whoever is authorized ends as one principal."""
    found = wants(compiled(both(f"identities: {{a.com: {{authorize: {{'{grantee}': }}}}}}\n")))
    (policy,) = [w["policy"] for a, w in found.items() if a.startswith(GRANT)]

    assert {"AWS": expected} == policy["Statement"][0]["Principal"]
    assert policy["Statement"][0]["Action"] == ["ses:SendEmail", "ses:SendRawEmail"]


def test_a_grant_of_the_defaults_can_be_taken_back() -> None:
    """An identity's entry for a delegate replaces that of the defaults, one delegate at a time."""
    text = both(
        "defaults: {identity: {authorize: {mailer: , '333333333333': }}}\nidentities: {a.com: {authorize: {mailer: absent}}}\n"
    )
    found = wants(compiled(text))

    assert found[GRANT + "sesform-mailer"] is None
    assert found[GRANT + "sesform-333333333333"] is not None


def test_an_unknown_delegate_is_a_problem() -> None:
    """A grantee that no spec bears the name of is not guessed at."""
    found = problems(both("identities: {a.com: {authorize: {mailr: }}}\n"))

    assert [str(p) for p in found] == [
        "specs.yaml:5:34: identities.a.com.authorize.mailr: unknown delegate 'mailr'; did you mean 'mailer'?"
    ]


@pytest.mark.parametrize(("text", "written"), [("true", "true"), ("5", "5"), ("[5, x, false]", ["5", "x", "false"])])
def test_the_values_of_a_grants_conditions_are_texts_as_in_a_policy(text: str, written: object) -> None:
    """IAM compares texts, so that a switch or a number need no quotes."""
    conditions = f"{{Bool: {{'aws:SecureTransport': {text}}}}}"
    made = wants(
        compiled(owner(f"identities: {{a.com: {{authorize: {{'222222222222': {{conditions: {conditions}}}}}}}}}\n"))
    )
    want = made[GRANT + "sesform-222222222222"]

    assert want is not None
    assert {"Bool": {"aws:SecureTransport": written}} == want["policy"]["Statement"][0]["Condition"]


def test_a_grant_to_a_spec_that_has_gone_can_be_taken_back() -> None:
    """Its policy has the grantee's name, and nothing else need be known of it; it may be a slip, so that it is warned of."""
    desired = compiled(owner("identities: {a.com: {authorize: {gone: absent}}}\n"))

    assert {GRANT + "sesform-gone": None} == {a: want for a, want in wants(desired).items() if a.startswith(GRANT)}
    assert [("warning", "unknown delegate 'gone'")] == [(w.severity, w.summary) for w in desired.warnings]


def test_no_more_than_twenty_policies() -> None:
    """SES takes twenty sending policies an identity."""
    grants = ", ".join(f"'{n:012}': " for n in range(21))

    assert [p.summary for p in problems(owner(f"identities: {{a.com: {{authorize: {{{grants}}}}}}}\n"))] == [
        "a.com has 21 sending policies, including one for each delegate; the quota is 20"
    ]


def test_a_policy_that_is_too_large_is_a_problem() -> None:
    """SES takes sending policies of up to four kilobytes."""
    values = ", ".join(f"'{n:060}@a.com'" for n in range(70))
    text = owner(
        f"identities: {{a.com: {{authorize: {{'333333333333': {{conditions: {{StringLike: {{k: [{values}]}}}}}}}}}}}}\n"
    )

    assert [p.summary for p in problems(text)] == ["the policy for '333333333333' has 5109 bytes; the quota is 4096"]


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
    """Mail of an identity whose default set is gone is refused by SES."""
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


def test_destroy_leaves_alone_what_is_unmanaged() -> None:
    """What the specs leave alone, destroying leaves alone."""
    text = owner("identities: {a.com: {notifications: {bounce: unmanaged}, feedback_forwarding: unmanaged}}\n")
    found = wants(compiled(text, destroy=True))

    assert not [a for a in found if a.endswith(("bounce", "feedback_forwarding/a.com"))]
    assert "corp/eu-west-1/notification_topic/a.com/complaint" in found


def test_destroy_takes_all_destinations_of_a_set_along() -> None:
    """A set that goes takes its destinations along, so they are steps of the plan, exclusive or not."""
    found = compiled(owner("configuration_sets: {c: {exclusive: false}}\n"), destroy=True)

    assert {address("corp/eu-west-1/configuration_set/c")} == found.exclusive


def test_the_origin_says_where_and_what() -> None:
    """A reason in a plan leads to the line that asks for it."""
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
    """SNS takes keys of the topic's region only; of which account does not matter."""
    text = owner(f"topics: {{t: {{kms_key: '{key}'}}}}\n").replace("[eu-west-1]", f"[{regions}]")

    assert expected == list(map(str, problems(text)))
