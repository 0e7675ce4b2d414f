"""The test messages that verify plans from specs alone."""

from __future__ import annotations

import pytest

from proofs import ALONE, BOTH, IDENTITY
from scenes import compiled, delegate, owner, set_arn
from sesform.planning.proof import messages
from sesform.planning.proof.messages import Proof
from sesform.planning.proof.senders import covers

OWN_SETS = owner(
    "topics: {feedback: {}}\n"
    "configuration_sets: {tx: {event_destinations: {d: {events: all, sns: feedback}}}}\n"
    "identities: {a.example: {}, b.example: {default_configuration_set: tx}, jo@c.example: {}}\n"
)


def planned(text: str, from_address: str = "") -> Proof:
    return messages.plan(compiled(text), "r1", from_address=from_address)


def test_each_message_has_its_own_recipient() -> None:
    """With the number of the message and the run in its label."""
    found = planned(ALONE)

    assert [m.recipient for m in found.messages] == [
        "bounce+1-r1@simulator.amazonses.com",
        "complaint+2-r1@simulator.amazonses.com",
        "success+3-r1@simulator.amazonses.com",
    ]


def test_a_set_is_proven_with_an_identity_whose_default_it_is() -> None:
    """Otherwise with the one that --from belongs to."""
    named = [m for m in planned(OWN_SETS).messages if m.configuration_set]
    chosen = [m for m in planned(OWN_SETS, "x@mail.a.example").messages if m.configuration_set]

    assert {m.sender.address for m in named} == {"sesform-verify@b.example"}
    assert {m.sender.address for m in chosen} == {"x@mail.a.example"}
    assert [m.event for m in named] == ["bounce", "complaint", "delivery"]


@pytest.mark.parametrize(
    ("identity", "address", "belongs"),
    [
        ("example.com", "jo@example.com", True),
        ("example.com", "jo@Mail.EXAMPLE.com", True),
        ("example.com", "jo@badexample.com", False),
        ("jo@example.com", "jo@example.com", True),
        ("jo@example.com", "al@example.com", False),
    ],
)
def test_addresses_belong_to_domains_and_their_subdomains(identity: str, address: str, belongs: bool) -> None:
    """An address identity has itself only."""
    assert covers(identity, address) is belongs


@pytest.mark.parametrize(
    ("authorize", "accounts"),
    [
        ("{mailer: {actions: [SendEmail]}}", {"222222222222"}),
        ("{mailer: {actions: [SendRawEmail]}}", {"111111111111"}),
        ("{'arn:aws:iam::222222222222:role/app': {actions: [SendEmail]}}", {"222222222222"}),
        ("{'999999999999': {actions: [SendEmail]}}", {"111111111111"}),
    ],
)
def test_a_delegate_sends_if_its_spec_is_loaded_and_it_may(authorize: str, accounts: set[str]) -> None:
    """Otherwise the owner sends."""
    text = BOTH.replace("{mailer: {actions: [SendEmail]}}", authorize)

    assert {m.sender.scope.account for m in planned(text).messages} == accounts


def test_the_set_of_another_organization_is_not_provable() -> None:
    """Only its own account can name it in a message; an identity can be tried."""
    foreign = set_arn("theirs", "333333333333")
    found = planned(delegate(f"topics: {{feedback: {{publishers: ['{foreign}', '{IDENTITY}']}}}}\n"))

    assert {e.reason for e in found.elsewhere} == {"only 333333333333 can send with configuration set theirs"}
    assert [(m.event, m.sender.identity_arn) for m in found.messages] == [("bounce", IDENTITY), ("complaint", IDENTITY)]


def test_disabled_destinations_and_absent_topics_are_not_proven() -> None:
    """They are not routes."""
    text = owner(
        "topics: {feedback: {}}\n"
        "configuration_sets: {tx: {event_destinations: {d: {events: [bounce], sns: feedback, enabled: false}}}}\n"
        "identities: {a.example: {notifications: {bounce: null}}}\n"
    )

    assert planned(text) == Proof("r1", (), (), ())
