"""The schema of the specs: every rule of every field, and its message."""

from __future__ import annotations

import pytest

from scenes import delegate, load, owner, problems
from sesform.specs import schema
from sesform.specs.schema import Delegate, Owner, did_you_mean

EXAMPLE = """\
kind: Owner
name: example-corp                      # unique over all loaded specs
account: "111111111111"                 # a quoted string of 12 digits; an int is refused with that hint
regions: [eu-west-1]                    # everything below exists once in each
credentials:                            # optional; default: the ambient AWS credential chain
  role_arn: arn:aws:iam::111111111111:role/sesform
  external_id: s3cr3t                   # or: profile: example-corp
defaults:
  identity:                             # merged key by key under every identity
    notifications:
      bounce: acme-mailer/feedback      # short for {topic: acme-mailer/feedback, headers: false}
      complaint: acme-mailer/feedback
identities:
  example.com:
    notifications:
      bounce: {topic: acme-mailer/feedback, headers: true}
      delivery: null                    # no topic: whatever is set gets removed
    feedback_forwarding: false          # left out: unmanaged
    authorize:                          # sending authorization policy, one for each delegate
      acme-mailer: {actions: [SendEmail, SendRawEmail]}
  old.example.com: absent               # all three topics null, headers off, forwarding back on
---
kind: Delegate
name: acme-mailer
account: "222222222222"
regions: [eu-west-1]
topics:
  feedback:                             # SNS name: the key, unless `name:` says otherwise
    display_name: SES feedback
    kms_key: alias/ses-feedback
    subscriptions:
      - {protocol: sqs, endpoint: arn:aws:sqs:eu-west-1:222222222222:feedback}
  legacy-bounces: {external: true}      # exists, managed elsewhere: read and checked, never written
configuration_sets:
  transactional:
    event_destinations:
      feedback: {events: [bounce, complaint, delivery_delay], sns: feedback}
      archive:
        events: all
        firehose:
          stream: "arn:aws:firehose:eu-west-1:222222222222:deliverystream/archive"
          role: "arn:aws:iam::222222222222:role/firehose"
        enabled: false
      metrics:  {events: [send, open], cloudwatch: [{dimension: campaign, source: message_tag, default: none}]}
      bus:      {events: [reject], eventbridge: default}
cross_account_notifications:            # legacy: the identity belongs to somebody else's account
  arn:aws:ses:eu-west-1:333333333333:identity/partner.example:
    bounce: feedback
    complaint: null                     # each type left out or null is removed; `absent` removes all three
"""


def test_the_example_loads() -> None:
    """An example with every field is read without a problem."""
    specs, wrong = schema.load(load(EXAMPLE)[0])

    assert wrong == []
    assert [Owner, Delegate] == [type(s.spec) for s in specs]


def told(text: str) -> list[str]:
    return [str(p) for p in problems(text)]


IDENTITY_HINT = "write it like arn:aws:ses:eu-west-1:111111111111:identity/example.com"
SUBSCRIPTION = "topics:\n  t:\n    subscriptions: [{%s}]\n"
DESTINATION = "configuration_sets:\n  c:\n    event_destinations:\n      d: {%s}\n"
AT = "specs.yaml:"


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        # the document
        (":1:1: a spec must be a mapping; begin with `kind: Owner` or `kind: Delegate`", "- a\n"),
        (":1:1: a spec must be a mapping; begin with `kind: Owner` or `kind: Delegate`", "text\n"),
        (":1:1: kind is missing; begin with `kind: Owner` or `kind: Delegate`", "name: x\n"),
        (":1:1: kind: unknown kind 'owner'; did you mean 'Owner'?", "kind: owner\n"),
        (":1:1: kind: unknown kind 'Zebra'; known: Delegate, Owner", "kind: Zebra\n"),
        (":1:1: kind: unknown kind '1'; known: Delegate, Owner", "kind: 1\n"),
        # name, account, regions
        (
            ":2:1: name: 'a/b' is not a spec name; use up to 64 letters, digits, - _ and .",
            owner().replace("corp", "a/b"),
        ),
        (":2:1: name: must be text, not null", owner().replace("corp", "")),
        (
            ':3:1: account: must be text, not the number 111111111111; quote it: "111111111111"',
            owner().replace('"', ""),
        ),
        (
            ':3:1: account: must be text, not the number 012345678901; quote it: "012345678901"',
            owner().replace('"111111111111"', "012345678901"),
        ),
        (":3:1: account: '1234' is not an account number of 12 digits", owner().replace("1" * 12, "1234")),
        (":4:1: regions: must be a list, not 'eu-west-1'", owner().replace("[", "").replace("]", "")),
        (":4:1: regions: must have at least 1 entry", owner().replace("eu-west-1", "")),
        (":4:1: regions: a region is listed twice; remove one", owner().replace("[", "[eu-west-1, ")),
        (
            ":4:11: regions[0]: 'Ireland' is not the name of an AWS region; write it like eu-west-1",
            owner().replace("eu-west-1", "Ireland"),
        ),
        # unknown keys, by their place
        (":5:1: identites: unknown key 'identites'; did you mean 'identities'?", owner("identites: {}\n")),
        (
            (":5:1: identities: unknown key 'identities'; it belongs to a spec of `kind: Owner`"),
            delegate("identities: {}\n"),
        ),
        (
            (
                ":6:11: identities.a.com.feedback: unknown key 'feedback'; "
                "known: authorize, default_configuration_set, feedback_forwarding, notifications, policies"
            ),
            owner("identities:\n  a.com: {feedback: true}\n"),
        ),
        (
            ":6:27: identities.a.com.notifications.bounces: unknown key 'bounces'; did you mean 'bounce'?",
            owner("identities:\n  a.com: {notifications: {bounces: x}}\n"),
        ),
        # credentials
        (
            (
                ":5:15: credentials.role_arn: 'x' is not the ARN of an iam role; "
                "write it like arn:aws:iam::111111111111:role/name"
            ),
            owner("credentials: {role_arn: x}\n"),
        ),
        (
            (
                ": role 'arn:aws:iam::222222222222:role/x' is in account 222222222222, and the spec's account is 111111111111; "
                "use a role of the spec's account"
            ),
            owner("credentials: {role_arn: 'arn:aws:iam::222222222222:role/x'}\n"),
        ),
        (":5:1: credentials: external_id needs a role_arn", owner("credentials: {external_id: abc}\n")),
        (":5:15: credentials.profile: ' x' is not a profile name", owner("credentials: {profile: ' x'}\n")),
        # identities
        (
            ":6:3: identities.a.com.: domain 'a.com.' ends in a dot; remove the dot",
            owner("identities:\n  a.com.:\n"),
        ),
        (
            ":6:3: identities.bücher.de: domain 'bücher.de' is not ASCII; write it in Punycode: xn--bcher-kva.de",
            owner("identities:\n  bücher.de:\n"),
        ),
        (":6:3: identities.a b: 'a b' is neither a domain nor an e-mail address", owner("identities:\n  a b:\n")),
        (
            ":6:3: identities.localhost: 'localhost' is neither a domain nor an e-mail address",
            owner("identities:\n  localhost:\n"),
        ),
        (
            ":6:3: identities.é@a.com: 'é@a.com' is not an e-mail address of 7-bit ASCII",
            owner("identities:\n  é@a.com:\n"),
        ),
        (
            (
                ":6:3: identities.arn:aws:ses:eu-west-1:111111111111:identity/a.com: "
                "'arn:aws:ses:eu-west-1:111111111111:identity/a.com' is an ARN, and the name of an identity is needed; "
                "declare identities of other accounts under cross_account_notifications"
            ),
            owner("identities:\n  arn:aws:ses:eu-west-1:111111111111:identity/a.com:\n"),
        ),
        (":6:3: identities.a.com: 'gone' is not one of absent", owner("identities:\n  a.com: gone\n")),
        (
            ":6:11: identities.a.com.feedback_forwarding: must be true or false, not 'no'; write true or false",
            owner("identities:\n  a.com: {feedback_forwarding: no}\n"),
        ),
        (
            ":6:27: identities.a.com.notifications.bounce: must be a mapping, not a list",
            owner("identities:\n  a.com: {notifications: {bounce: [t]}}\n"),
        ),
        (
            (
                ":6:27: identities.a.com.notifications.bounce: 'a b' is not a topic reference; "
                "write a name, spec/name, or a full ARN"
            ),
            owner("identities:\n  a.com: {notifications: {bounce: a b}}\n"),
        ),
        (
            (
                ":6:36: identities.a.com.notifications.bounce.topic: 'x/y/z' is not a topic reference; "
                "write a name, spec/name, or a full ARN"
            ),
            owner("identities:\n  a.com: {notifications: {bounce: {topic: x/y/z}}}\n"),
        ),
        (
            (
                ":6:27: identities.a.com.notifications.bounce: "
                "'arn:aws:sqs:eu-west-1:111111111111:q' is not the ARN of an SNS topic; "
                "write it like arn:aws:sns:eu-west-1:111111111111:name"
            ),
            owner("identities:\n  a.com: {notifications: {bounce: 'arn:aws:sqs:eu-west-1:111111111111:q'}}\n"),
        ),
        (
            (
                ":6:27: identities.a.com.notifications.bounce: "
                "'arn:aws:sns:eu-west-1::t' is not the ARN of an SNS topic; "
                "write it like arn:aws:sns:eu-west-1:111111111111:name"
            ),
            owner("identities:\n  a.com: {notifications: {bounce: 'arn:aws:sns:eu-west-1::t'}}\n"),
        ),
        (
            ":6:27: identities.a.com.notifications.bounce: 't.fifo' is a FIFO topic; use a standard topic: SES does "
            "not publish to FIFO topics",
            owner("identities:\n  a.com: {notifications: {bounce: 'arn:aws:sns:eu-west-1:111111111111:t.fifo'}}\n"),
        ),
        (
            ":6:46: identities.a.com.notifications.bounce.headers: must be true or false, not 1",
            owner("identities:\n  a.com: {notifications: {bounce: {topic: t, headers: 1}}}\ntopics: {t: {}}\n"),
        ),
        (
            (
                ":6:11: identities.a.com.default_configuration_set: 'a b' is not a name that SES accepts; "
                "use up to 64 letters, digits, - and _"
            ),
            owner("identities:\n  a.com: {default_configuration_set: a b}\n"),
        ),
        (
            (
                ":6:42: identities.a.com.authorize.mailer.actions[0]: 'SendMail' is not one of SendEmail, SendRawEmail, "
                "SendTemplatedEmail, SendBulkEmail, SendBulkTemplatedEmail; did you mean 'SendEmail'?"
            ),
            owner("identities:\n  a.com: {authorize: {mailer: {actions: [SendMail]}}}\n"),
        ),
        (
            ":6:32: identities.a.com.authorize.mailer.actions: must have at least 1 entry",
            owner("identities:\n  a.com: {authorize: {mailer: {actions: []}}}\n"),
        ),
        (
            (
                ":6:23: identities.a.com.authorize.arn:aws:s3:::b: 'arn:aws:s3:::b' is not the ARN of an IAM principal; "
                "write a spec name, an account number, or the ARN of a user, a role or an account's root, without wildcards"
            ),
            owner("identities:\n  a.com: {authorize: {'arn:aws:s3:::b': {}}}\n"),
        ),
        # topics
        (":6:3: topics.a b: 'a b' is not a topic's key; use letters, digits, - _ and .", owner("topics:\n  a b: {}\n")),
        (
            ":6:7: topics.t.name: 'x.fifo' is a FIFO topic; use a standard topic: SES does not publish to FIFO topics",
            owner("topics:\n  t: {name: x.fifo}\n"),
        ),
        (
            ":6:7: topics.t.name: 'a b' is not a topic name that SNS accepts; use up to 256 letters, digits, - and _",
            owner("topics:\n  t: {name: a b}\n"),
        ),
        (
            (
                ":6:7: topics.t.kms_key: SES cannot publish to a topic with the key 'alias/aws/sns'; "
                "use a key of your own whose policy allows ses.amazonaws.com"
            ),
            owner("topics:\n  t: {kms_key: alias/aws/sns}\n"),
        ),
        (
            (
                ":6:7: topics.t.kms_key: 'arn:aws:sns:eu-west-1:111111111111:k' is not the ARN of a KMS key; "
                "write it like arn:aws:kms:eu-west-1:111111111111:alias/name"
            ),
            owner("topics:\n  t: {kms_key: 'arn:aws:sns:eu-west-1:111111111111:k'}\n"),
        ),
        (
            ":6:3: topics.t: an external topic accepts no display_name, kms_key; remove external, or the settings",
            owner("topics:\n  t: {external: true, kms_key: null, display_name: x}\n"),
        ),
        (
            ":6:7: topics.t.external: must be true or false, not 'yes'; write true or false",
            owner("topics:\n  t: {external: yes}\n"),
        ),
        (
            ":6:3: topics.t: subscription email 'a@b.c' is declared twice; remove one",
            owner(
                "topics:\n  t: {subscriptions: [{protocol: email, endpoint: a@b.c}, {protocol: email, endpoint: a@b.c}]}\n"
            ),
        ),
        (
            (
                ":7:22: topics.t.subscriptions[0].protocol: 'mail' is not one of sqs, lambda, https, http, email, email-json, "
                "sms, firehose, application; did you mean 'email'?"
            ),
            owner(SUBSCRIPTION % "protocol: mail, endpoint: x"),
        ),
        (
            ":7:21: topics.t.subscriptions[0].endpoint: is missing; add `endpoint:`",
            owner(SUBSCRIPTION % "protocol: sms"),
        ),
        (
            ":7:21: topics.t.subscriptions[0]: endpoint 'x' is not the ARN that protocol sqs needs; "
            "write it like arn:aws:sqs:eu-west-1:111111111111:…",
            owner(SUBSCRIPTION % "protocol: sqs, endpoint: x"),
        ),
        (
            ":7:21: topics.t.subscriptions[0]: endpoint 'http://x' does not begin with 'https://', as protocol https needs",
            owner(SUBSCRIPTION % "protocol: https, endpoint: http://x"),
        ),
        (
            ":7:21: topics.t.subscriptions[0]: endpoint 'x' is not an e-mail address, as protocol email needs",
            owner(SUBSCRIPTION % "protocol: email, endpoint: x"),
        ),
        (
            ":7:21: topics.t.subscriptions[0]: protocol firehose needs a role",
            owner(
                SUBSCRIPTION
                % "protocol: firehose, endpoint: 'arn:aws:firehose:eu-west-1:111111111111:deliverystream/s'"
            ),
        ),
        (
            ":7:21: topics.t.subscriptions[0]: protocol sms accepts no role",
            owner(SUBSCRIPTION % "protocol: sms, endpoint: x, role: 'arn:aws:iam::111111111111:role/r'"),
        ),
        (
            (
                ":7:56: topics.t.subscriptions[0].dead_letter_queue: 'q' is not the ARN of an sqs resource; "
                "write it like arn:aws:sqs:eu-west-1:111111111111:name"
            ),
            owner(SUBSCRIPTION % "protocol: sms, endpoint: '+4912', dead_letter_queue: q"),
        ),
        # configuration sets
        (
            ":6:3: configuration_sets.a b: 'a b' is not a name that SES accepts; use up to 64 letters, digits, - and _",
            owner("configuration_sets:\n  a b: {}\n"),
        ),
        (
            (
                ":8:7: configuration_sets.c.event_destinations.d: needs exactly one of sns, firehose, cloudwatch, eventbridge, "
                "pinpoint, not none"
            ),
            owner(DESTINATION % "events: all"),
        ),
        (
            (
                ":8:7: configuration_sets.c.event_destinations.d: needs exactly one of sns, firehose, cloudwatch, eventbridge, "
                "pinpoint, not sns and eventbridge together"
            ),
            owner(DESTINATION % "events: all, sns: t, eventbridge: default"),
        ),
        (
            ":8:11: configuration_sets.c.event_destinations.d.events: must have at least 1 entry",
            owner(DESTINATION % "events: [], sns: t"),
        ),
        (
            ":8:11: configuration_sets.c.event_destinations.d.events: must be a list, not 'bounce'",
            owner(DESTINATION % "events: bounce, sns: t"),
        ),
        (
            (
                ":8:20: configuration_sets.c.event_destinations.d.events[0]: "
                "'bounces' is not one of send, reject, bounce, complaint, "
                "delivery, open, click, rendering_failure, delivery_delay, subscription; did you mean 'bounce'?"
            ),
            owner(DESTINATION % "events: [bounces], sns: t"),
        ),
        (
            (
                ":8:24: configuration_sets.c.event_destinations.d.eventbridge: 'mine' is not the default event bus; "
                "write default: SES accepts no other event bus"
            ),
            owner(DESTINATION % "events: all, eventbridge: mine"),
        ),
        (
            (
                ":8:24: configuration_sets.c.event_destinations.d.eventbridge: 'foo:event-bus/default' is not "
                "the default event bus; write default: SES accepts no other event bus"
            ),
            owner(DESTINATION % "events: all, eventbridge: 'foo:event-bus/default'"),
        ),
        (
            (
                ":8:7: configuration_sets.c.event_destinations.d: a pinpoint destination accepts neither delivery_delay nor "
                "subscription events; list the other events"
            ),
            owner(DESTINATION % "events: all, pinpoint: 'arn:aws:mobiletargeting:eu-west-1:111111111111:apps/a'"),
        ),
        (
            ":8:24: configuration_sets.c.event_destinations.d.cloudwatch: must have at least 1 entry",
            owner(DESTINATION % "events: all, cloudwatch: []"),
        ),
        (
            ":8:7: configuration_sets.c.event_destinations.d: cloudwatch has two dimensions of the same name; give "
            "each dimension a unique name",
            owner(
                DESTINATION
                % ("events: all, cloudwatch: [" + "{dimension: x, source: link_tag, default: y}, " * 2 + "]")
            ),
        ),
        (
            (
                ":8:38: configuration_sets.c.event_destinations.d.cloudwatch[0].dimension: "
                "'a b' is not a CloudWatch dimension name; "
                "use letters, digits, - _ and :"
            ),
            owner(DESTINATION % "events: all, cloudwatch: [{dimension: a b, source: link_tag, default: y}]"),
        ),
        (
            ":8:34: configuration_sets.c.event_destinations.d.firehose.role: is missing; add `role:`",
            owner(
                DESTINATION
                % "events: all, firehose: {stream: 'arn:aws:firehose:eu-west-1:111111111111:deliverystream/s'}"
            ),
        ),
        (
            ":6:3: configuration_sets.c: has 11 event destinations; the quota is 10; use a second configuration set",
            owner(
                "configuration_sets:\n  c:\n    event_destinations:\n"
                + "".join(f"      d{n}: {{events: all, eventbridge: default}}\n" for n in range(11))
            ),
        ),
        # cross-account entries
        (
            f":6:3: cross_account_notifications.a.com: 'a.com' is not the ARN of an SES identity; {IDENTITY_HINT}",
            delegate("cross_account_notifications:\n  a.com: absent\n"),
        ),
        (
            (
                ":6:3: cross_account_notifications.arn:aws:ses:eu-west-1::identity/a.com: "
                f"'arn:aws:ses:eu-west-1::identity/a.com' is not the ARN of an SES identity; {IDENTITY_HINT}"
            ),
            delegate("cross_account_notifications:\n  arn:aws:ses:eu-west-1::identity/a.com: absent\n"),
        ),
    ],
)
def test_each_rule_of_each_field(expected: str, text: str) -> None:
    """A value that breaks a rule is one problem with its place, its path, the error and the remedy."""
    if expected.startswith(": role"):  # a rule of the whole document has the place 1:1
        expected = ":1:1" + expected

    assert "specs.yaml" + expected in told(text)
    assert len([p for p in problems(text) if p.file and "unknown topic" not in p.summary]) == 1


@pytest.mark.parametrize("missing", ["name", "account", "regions"])
def test_a_missing_required_field_is_a_problem(missing: str) -> None:
    """A missing required field is a problem with its name."""
    text = "".join(line for line in owner().splitlines(keepends=True) if not line.startswith(missing))

    assert [f"specs.yaml:1:1: {missing}: is missing; add `{missing}:`"] == told(text)


@pytest.mark.parametrize(
    "body",
    [
        "identities: {a.com: }\n",
        "identities: {_dmarc.example.com: {}, a-b.co.uk: {}, 'a+b@example.com': {}}\n",
        "topics: {t: }\n",
        "topics: {t: absent}\n",
        "configuration_sets: {c: }\n",
        "configuration_sets: {c: absent}\n",
        "topics: {t: {subscriptions: [{protocol: lambda, endpoint: 'arn:aws:lambda:eu-west-1:111111111111:function:f'}]}}\n",
        DESTINATION % "events: all, cloudwatch: [{dimension: 'ses:source-ip', source: message_tag, default: none}]",
        "credentials: {profile: my profile}\n",
        "identities: {a.com: {default_configuration_set: null}}\n",
    ],
)
def test_what_is_allowed(body: str) -> None:
    """Common forms that AWS accepts are no problem."""
    assert told(owner(body)) == []


def test_one_run_reports_all_problems_of_all_documents() -> None:
    """One run reports every problem, sorted by place."""
    text = owner("topics: {t: {extrenal: true}}\nidentities:\n  a.com: {notifications: {bounce: {headers: 1}}}\n")
    text += "---\n" + delegate("cross_account_notifications: {x: absent}\ntopic: {}\n").replace("[eu-west-1]", "[x]")

    assert [(p.line, p.column) for p in problems(text)] == [(5, 14), (7, 36), (12, 11), (13, 31), (14, 1)]


def test_a_yaml_error_does_not_hide_other_problems() -> None:
    """A YAML error in one document does not hide the problems of the document before it."""
    found = problems(owner().replace("name: corp\n", "") + "---\na: [\n")

    assert [(p.line, p.summary.split(":")[0]) for p in found] == [(1, "is missing"), (6, "is not YAML")]


@pytest.mark.parametrize(
    ("expected", "name", "known"),
    [
        ("did you mean 'bounce'?", "bounces", ["bounce", "complaint"]),
        ("known: bounce, complaint", "zzz", ["complaint", "bounce"]),
        ("", "zzz", []),
        ("", "zzz", [str(n) for n in range(13)]),
    ],
)
def test_did_you_mean(expected: str, name: str, known: list[str]) -> None:
    """The hint has the nearest name, or all names if they are few, or is empty."""
    assert expected == did_you_mean(name, known)


def test_a_secret_is_in_no_repr() -> None:
    """The repr of a spec does not contain the external id."""
    specs, _ = schema.load(load(EXAMPLE)[0])

    assert "s3cr3t" not in repr(specs[0].spec)


@pytest.mark.parametrize("written", ["'s3cr3t 73312'", "73312", "[s3cr3t]"])
def test_a_secret_is_in_no_problem(written: str) -> None:
    """A message about an invalid external id does not quote it."""
    role = "arn:aws:iam::111111111111:role/x"

    assert [
        "specs.yaml:5:61: credentials.external_id: is not an external id that STS accepts; "
        "quote it, and use 2 to 1,224 letters, digits and _+=,.@:/-"
    ] == told(owner(f"credentials: {{role_arn: '{role}', external_id: {written}}}\n"))


def test_hostile_text_in_a_spec_is_escaped_in_its_problem() -> None:
    """A message about a spec has no control characters, which could affect the terminal."""
    (problem,) = problems(owner('"\\e[31m\\u202E": 1\n'))

    assert problem.summary.isprintable()


# --- pieces --------------------------------------------------------------------------------------------------------------

QUEUE = {"protocol": "sqs", "endpoint": "arn:aws:sqs:eu-west-1:111111111111:q"}


@pytest.mark.parametrize(
    ("expected", "piece", "value"),
    [
        ("", "identity", "example.com"),
        ("'localhost' is neither a domain nor an e-mail address", "identity", "localhost"),
        ("", "subscription", QUEUE),
        ("endpoint: is missing", "subscription", {"protocol": "sqs"}),
        ("protocol: 'pigeon' is unknown", "subscription", QUEUE | {"protocol": "pigeon"}),
        ("rwa: is unknown", "subscription", QUEUE | {"rwa": True}),
        (
            "raw_message_delivery: must be true or false, not 'yes'",
            "subscription",
            QUEUE | {"raw_message_delivery": "yes"},
        ),
        ("events: must have at least 1 entry", "event_destination", {"events": [], "eventbridge": "default"}),
        ("must be text, not null", "region", None),
        (
            "Statement[0].Effect: 'Maybe' is unknown",
            "sending_policy",
            {"Statement": {"Effect": "Maybe", "Principal": "*", "Action": "ses:SendEmail"}},
        ),
    ],
)
def test_a_single_field(expected: str, piece: str, value: object) -> None:
    """`schema.fault` returns the message for an invalid value of one field, and an empty text for a valid value."""
    assert expected == schema.fault(piece, value)
