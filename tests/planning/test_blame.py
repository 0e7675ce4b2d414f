"""Who changed what has drifted, from recorded calls alone."""

from __future__ import annotations

from typing import Any

import pytest

from sesform.errors import UsageError
from sesform.model.address import Address, Scope
from sesform.planning import blame
from sesform.planning.blame import Blame, BlameReport, Drifted, History
from sesform.planning.plan import Change
from sesform.resources import RESOURCES
from sesform.resources.traces import RecordedCall, Trace

HERE = Scope("111111111111", "eu-west-1")
TOPIC = "arn:aws:sns:eu-west-1:111111111111:t"
BOUNCE = Address.parse("corp/eu-west-1/notification_topic/example.com/bounce")
FORWARDING = Address.parse("corp/eu-west-1/feedback_forwarding/example.com")
KEY = {"identity": "example.com", "notification_type": "bounce"}
RECENT, EARLY, NOW = "2026-11-27T11:45:00Z", "2026-11-27T09:00:00Z", "2026-11-27T11:59:00Z"


def call(operation: str, time: str = EARLY, **parameters: Any) -> RecordedCall:
    return RecordedCall(operation, time, "arn:aws:iam::111111111111:user/bob", "Boto3 1", "192.0.2.1", parameters)


def set_topic(time: str = EARLY, **parameters: Any) -> RecordedCall:
    named = {"identity": "example.com", "notificationType": "Bounce"}
    return call("ses:SetIdentityNotificationTopic", time, **{**named, **parameters})


MISSING = Drifted(BOUNCE, HERE, True, RESOURCES["notification_topic"].traces(HERE, None, {**KEY, "topic_arn": TOPIC}))
OTHER = Drifted(
    BOUNCE,
    HERE,
    False,
    RESOURCES["notification_topic"].traces(HERE, {**KEY, "topic_arn": TOPIC + "2"}, {**KEY, "topic_arn": TOPIC}),
)


def judged(drifted: Drifted, *calls: RecordedCall, partial: bool = False, fits_ses: bool = False) -> Blame | None:
    """The blame of one resource, with the calls that touched it."""
    found = [(trace, made) for made in calls for trace in drifted.traces if trace.touched_by(made)]
    history = History({drifted.address: found}, frozenset({drifted.address} if partial else ()), RECENT)
    fits = {drifted.address: FORWARDING} if fits_ses else {}
    return next(iter(blame.blamed([drifted], history, fits, 7)), None)


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"identity": "EXAMPLE.com"},
        {"identity": "arn:aws:ses:eu-west-1:111111111111:identity/Example.com"},
        {"snsTopic": None},
    ],
)
def test_a_call_is_recognized_however_it_names_the_identity(parameters: dict[str, Any]) -> None:
    """By name in any case, or by ARN; `null` in place of a topic is no topic."""
    found = judged(MISSING, set_topic(**parameters))

    assert found is not None
    assert ("call", EARLY) == (found.by, found.time)


@pytest.mark.parametrize(
    "made",
    [
        set_topic(identity="sub.example.com"),
        set_topic(identity="arn:aws:ses:eu-west-1:333333333333:identity/example.com"),
        set_topic(notificationType="Complaint"),
        call("sns:SetIdentityNotificationTopic", identity="example.com", notificationType="Bounce"),
        call("ses:DeleteEmailIdentity", emailIdentity="a@example.com"),
        call("ses:DeleteIdentity", emailIdentity="example.com"),
    ],
)
def test_calls_for_others_are_not_taken_for_it(made: RecordedCall) -> None:
    """Another identity, type or account, another service, or a parameter of the other API."""
    found = judged(MISSING, made)

    assert found is not None
    assert ("unknown", "") == (found.by, found.time)


def test_the_newest_call_counts() -> None:
    """Whatever its name."""
    found = judged(MISSING, call("ses:DeleteIdentity", "2026-11-27T10:00:00Z", identity="example.com"), set_topic())

    assert found is not None
    assert ("ses:DeleteIdentity", "call") == (found.call, found.by)


def test_of_two_calls_in_one_second_the_one_that_explains_counts() -> None:
    """CloudTrail's times are whole seconds."""
    found = judged(MISSING, set_topic(snsTopic=TOPIC), call("ses:DeleteIdentity", identity="example.com"))

    assert found is not None
    assert ("ses:DeleteIdentity", "call") == (found.call, found.by)


def test_a_newest_call_that_left_something_else_explains_nothing() -> None:
    """It set another topic than the one that was found: a later change was not recorded."""
    found, explained = judged(OTHER, set_topic(snsTopic=TOPIC)), judged(OTHER, set_topic(snsTopic=TOPIC + "2"))

    assert found is not None
    assert explained is not None
    assert (("unknown", EARLY, ""), "call") == ((found.by, found.time, found.note), explained.by)


def test_a_young_drift_says_so() -> None:
    """A change after a call of the last quarter of an hour may not be delivered yet."""
    found = judged(MISSING, set_topic(NOW, snsTopic=TOPIC), fits_ses=True)

    assert found is not None
    assert ("ses", True) == (found.by, "less than 15 minutes old" in found.note)


def test_ses_is_not_blamed_for_what_was_recorded_or_not_read() -> None:
    """Only if the whole history has no call that explains it."""
    recorded = judged(MISSING, set_topic(), fits_ses=True)
    partly = judged(MISSING, set_topic(snsTopic=TOPIC), fits_ses=True, partial=True)

    assert (recorded is not None, partly is not None) == (True, True)
    assert ("call", "unknown") == (recorded and recorded.by, partly and partly.by)
    assert judged(MISSING, fits_ses=True, partial=True) is None


def test_forwarding_is_put_down_to_ses_with_its_topic_only() -> None:
    """If a call removed the topic, SES did not turn forwarding on."""
    off, on = ({"identity": "example.com", "enabled": enabled} for enabled in (False, True))
    forwarding = Drifted(FORWARDING, HERE, False, RESOURCES["feedback_forwarding"].traces(HERE, on, off))
    calls = {BOUNCE: [(MISSING.traces[0], set_topic())]}
    fits = {BOUNCE: FORWARDING}
    by_call = blame.blamed([MISSING, forwarding], History(calls, frozenset(), RECENT), fits, 7)
    by_ses = blame.blamed([MISSING, forwarding], History({}, frozenset(), RECENT), fits, 7)

    assert ["call", "unknown"] == [b.by for b in by_call]
    assert ["ses", "ses"] == [b.by for b in by_ses]


def test_a_subscription_says_what_cloudtrail_does_not_record() -> None:
    """The subscription of a removal is not recorded, and neither is a removal with the link in a message."""
    address = Address.parse("corp/eu-west-1/subscription/t/email/a@example.com")
    desired = {"topic_arn": TOPIC, "protocol": "email", "endpoint": "a@example.com"}
    missing = Drifted(address, HERE, True, RESOURCES["subscription"].traces(HERE, None, desired))
    removed = judged(missing, call("sns:Unsubscribe", subscriptionArn=f"{TOPIC}:1"))
    unknown, other = judged(missing), judged(missing, call("sns:Unsubscribe", subscriptionArn=f"{TOPIC}2:1"))

    assert removed is not None
    assert unknown is not None
    assert ("call", "it removed a subscription of the topic; which one is not recorded") == (removed.by, removed.note)
    assert unknown == other
    assert "unsubscribes with the link in a message" in unknown.note


def test_a_drift_of_several_steps_is_one_resource() -> None:
    """From what was found to what is declared."""
    policy = {"topic_arn": TOPIC, "policy": {"Statement": []}}
    address = Address.parse("corp/eu-west-1/topic_policy/t")
    steps = [Change(address, HERE, "update", policy, policy, "", 2, ()) for _ in range(2)]
    (found,) = blame.drifted(steps)

    assert (address, False) == (found.address, found.missing)
    assert all(isinstance(trace, Trace) for trace in found.traces)


REPORT = BlameReport(
    7,
    (
        Blame(BOUNCE, "call", EARLY, "ses:DeleteIdentity", "arn:aws:iam::1:root", "sesform 0.1.0", "192.0.2.1", "n"),
        Blame(FORWARDING, "ses"),
    ),
    ("a note",),
)


def test_a_report_is_saved_and_loaded() -> None:
    """A part of a drift on several machines keeps it."""
    assert REPORT == blame.loaded(REPORT.document())
    assert [True, False] == [entry["own_run"] for entry in REPORT.document()["resources"]]


@pytest.mark.parametrize("field", ["by", "address", "time"])
def test_a_damaged_report_is_not_loaded(field: str) -> None:
    """A cause that no drift has, or a field that is missing."""
    document = REPORT.document()
    document["resources"][0][field] = "nobody" if field == "by" else "x"
    if field == "time":
        del document["resources"][0][field]
    with pytest.raises((ValueError, LookupError, UsageError)):
        blame.loaded(document)


def test_reports_of_parts_are_joined() -> None:
    """Sorted by address, with each note once."""
    one, other = (BlameReport(7, (entry,), REPORT.notes) for entry in REPORT.resources)

    assert BlameReport(7, tuple(reversed(REPORT.resources)), REPORT.notes) == blame.joined([one, other])
