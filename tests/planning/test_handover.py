"""Handover: what other organizations must set, from the specs alone, and the part that a plan's changes need."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from scenes import (
    DELEGATE,
    OWNER,
    bare,
    compiled,
    delegate,
    holding,
    identity_arn,
    owner,
    set_arn,
    topic_arn,
)
from sesform.model.address import Scope
from sesform.planning import handover, planner
from sesform.planning.handover import NO_HANDOVER, Handover, TopicOffer, TopicRequest
from sesform.policies.document import Publisher

# Two other accounts: of a delegate with topics, and of an owner with identities.
ONE, TWO = "333333333333", "444444444444"
X, Y = topic_arn("x", ONE), topic_arn("y", TWO)
OWN = topic_arn("t", DELEGATE)
A, B, SET = identity_arn("a.com"), identity_arn("b.com"), set_arn("s")
PARTNER, PARTNER_SET = identity_arn("partner.example", TWO), set_arn("main", ONE)
USING = owner(
    f"""\
configuration_sets: {{s: {{event_destinations: {{d: {{events: [bounce], sns: '{X}'}}}}}}}}
identities:
  b.com: {{notifications: {{bounce: '{X}', complaint: '{Y}'}}}}
  a.com: {{notifications: {{bounce: '{X}', complaint: mailer/t}}}}
"""
)
OFFERING = delegate(
    f"""\
topics:
  t:
    publishers: ['{PARTNER.replace("partner", "Partner")}', '{PARTNER_SET}', '{A}']
  other: {{name: named, publishers: ['{PARTNER}']}}
  gone: absent
  outside: {{external: true}}
"""
)
ALL = Handover(
    (
        TopicRequest(X, (Publisher(OWNER, SET), Publisher(OWNER, A), Publisher(OWNER, B))),
        TopicRequest(Y, (Publisher(OWNER, B),)),
    ),
    (
        TopicOffer(topic_arn("named", DELEGATE), PARTNER),
        TopicOffer(OWN, PARTNER_SET),
        TopicOffer(OWN, PARTNER),
    ),
)


def both() -> str:
    return f"{USING}---\n{OFFERING}"


# --- everything ----------------------------------------------------------------------------------------------------------


def test_the_handover_of_specs_has_topics_of_others_and_publishers_of_others() -> None:
    """Requests and offers are sorted; what a loaded spec covers itself is in neither."""
    assert ALL == handover.of_specs(compiled(both()))


def test_specs_that_cover_each_other_hand_nothing_over() -> None:
    """A spec for the account and region of the topic is enough, also one that declares nothing."""
    text = owner("identities: {a.com: {notifications: {bounce: mailer/t}}}\n")
    by_arn = text.replace("mailer/t", f"'{OWN}'")

    assert NO_HANDOVER == handover.of_specs(compiled(f"{text}---\n{delegate('topics: {t: {}}')}"))
    assert NO_HANDOVER == handover.of_specs(compiled(f"{by_arn}---\n{delegate()}"))


def test_a_topic_of_a_loaded_account_in_another_region_is_requested() -> None:
    """Accounts are covered region by region."""
    there = topic_arn("t", DELEGATE, "us-east-1")
    text = owner(f"identities: {{a.com: {{notifications: {{bounce: '{there}'}}}}}}\n").replace("eu-west-1", "us-east-1")
    publisher = Publisher(OWNER, identity_arn("a.com", region="us-east-1"))

    assert Handover((TopicRequest(there, (publisher,)),)) == handover.of_specs(compiled(f"{text}---\n{delegate()}"))


# --- one organization ----------------------------------------------------------------------------------------------------


def test_each_other_account_and_region_has_its_part() -> None:
    """The parts come in order of account and region, and together are the whole."""
    there = TopicRequest(topic_arn("z", ONE, "us-east-1"), (Publisher(OWNER, A),))
    whole = Handover((*ALL.requests, there), ALL.offers)

    assert [
        (Scope(ONE, "eu-west-1"), Handover(ALL.requests[:1], ALL.offers[1:2])),
        (Scope(ONE, "us-east-1"), Handover((there,))),
        (Scope(TWO, "eu-west-1"), Handover(ALL.requests[1:], (ALL.offers[0], ALL.offers[2]))),
    ] == list(whole.parties.items())
    assert Handover((ALL.requests[0], there), ALL.offers[1:2]) == whole.for_account(ONE)
    assert NO_HANDOVER == whole.for_account(OWNER)


def test_a_request_has_the_statement_for_the_topic() -> None:
    """The statement allows exactly the publishers of the request."""
    assert [
        {
            "Sid": f"SesformPublish{OWNER}",
            "Effect": "Allow",
            "Principal": {"Service": "ses.amazonaws.com"},
            "Action": "SNS:Publish",
            "Resource": X,
            "Condition": {"StringEquals": {"AWS:SourceAccount": OWNER, "AWS:SourceArn": [SET, A, B]}},
        }
    ] == ALL.requests[0].statements
    assert Scope(ONE, "eu-west-1") == ALL.requests[0].owner
    assert Scope(TWO, "eu-west-1") == ALL.offers[0].owner


# --- plans ---------------------------------------------------------------------------------------------------------------


def of_plan(after: str, before: str = "", *, without: str = "") -> Handover:
    """Return the handover of the plan from applied specs, without one resource, to other ones; from nothing by default."""
    wanted = compiled(after)
    if not before:
        return planner.plan(wanted, bare("a.com", "b.com")).handover
    held = holding(compiled(before), seen_by=wanted, instead={without: None} if without else None)
    return planner.plan(wanted, held).handover


def test_a_first_plan_hands_everything_over() -> None:
    """Everything is new, so all of it is needed."""
    assert ALL == of_plan(both())


def test_a_plan_without_changes_hands_nothing_over() -> None:
    """The other organization has set it already, whether the specs use topics of others, offer their own, or both."""
    assert [NO_HANDOVER] * 3 == [of_plan(text, text) for text in (both(), USING.replace("mailer/t", "null"), OFFERING)]


def test_a_plan_hands_over_only_the_topics_that_its_changes_use() -> None:
    """A request has all publishers of the topic, because its statement replaces the earlier one."""
    place = "corp/eu-west-1/notification_topic/b.com/bounce"

    assert Handover(ALL.requests[:1]) == of_plan(both(), both(), without=place)


def test_a_plan_that_removes_a_use_does_not_hand_it_over() -> None:
    """What is cleared needs nothing of the topic's owner."""
    less = both().replace(f", complaint: '{Y}'", "")

    assert NO_HANDOVER == of_plan(less, both())


def test_a_plan_hands_over_only_the_publishers_that_it_allows_newly() -> None:
    """A publisher that the topic's policy allows already is known to the other side."""
    less = both().replace(f"'{PARTNER_SET}', ", "")

    assert Handover((), ALL.offers[1:2]) == of_plan(both(), less)


# --- names of destinations -----------------------------------------------------------------------------------------------


def test_a_destination_has_the_name_of_its_topic() -> None:
    """Topics of one name are numbered from 2 in their order, and a topic that comes again is not named again."""
    topics = [topic_arn("fb", account) for account in (OWNER, DELEGATE, ONE)]

    assert dict(zip(topics, ["fb", "fb-2", "fb-3"], strict=True)) == handover.destination_names([*topics, topics[0]])


# --- documents -----------------------------------------------------------------------------------------------------------


def test_a_handover_as_data() -> None:
    """The document has everything that the other side needs, and is read back as it was."""
    document = handover.document(ALL)

    assert {
        "topic_arn": Y,
        "publishers": [[OWNER, B, ""]],
        "statements": ALL.requests[1].statements,
    } == document["requests"][1]
    assert {"topic_arn": OWN, "publisher": PARTNER} == document["offers"][2]
    assert (2, 3) == (len(document["requests"]), len(document["offers"]))
    assert ALL == handover.loaded(document)


def damaged() -> Iterator[tuple[str, Any]]:
    """Yield documents that are not in the form of a handover."""
    request: dict[str, Any] = {"topic_arn": X, "publishers": [[OWNER, A, ""]]}
    offer: dict[str, Any] = {"topic_arn": X, "publisher": A}
    yield "no requests", {"offers": []}
    yield "no offers", {"requests": []}
    for name, value in (("not an ARN", "x"), ("a number", 1), ("nothing", None)):
        yield f"a topic that is {name}", {"requests": [{**request, "topic_arn": value}], "offers": []}
        yield f"an offered topic that is {name}", {"requests": [], "offers": [{**offer, "topic_arn": value}]}
        yield f"a publisher that is {name}", {"requests": [], "offers": [{**offer, "publisher": value}]}
    yield "an account that is a number", {"requests": [{**request, "publishers": [[1, A]]}], "offers": []}


@pytest.mark.parametrize("document", [pytest.param(value, id=name) for name, value in damaged()])
def test_a_document_in_another_form_is_refused(document: Any) -> None:
    """A damaged or edited handover in a plan file is not read."""
    with pytest.raises((LookupError, TypeError, ValueError)):
        handover.loaded(document)
