"""The matrix of routes as text, as JSON and as Markdown."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes import OWNER_SCOPE, topic_arn
from sesform.live.snapshot import Subscriber
from sesform.planning.routes import Gap, Matrix, Route, Subject
from sesform.policies.verdict import denied
from sesform.render import routes as drawn

T, U = topic_arn("t"), topic_arn("u")
BOUNCE, COMPLAINT = (Subject(OWNER_SCOPE, "identity", "a.com", e) for e in ("bounce", "complaint"))
SET = Subject(OWNER_SCOPE, "configuration set", "a", "bounce")
QUEUE, WAITING = Subscriber("sqs", "q", False), Subscriber("email", "a@b.c", True)
MATRIX: Matrix = {
    SET: (Route("eventbridge", "", "bus"),),
    BOUNCE: (Route("mail"), Route("topic", T)),
    COMPLAINT: (Route("sns", U, "d", "c", denied("it has no subscription")),),
}
SUBSCRIBERS = {T: (QUEUE, WAITING), U: ()}
GAPS = [Gap(COMPLAINT, f"topic {U} has no subscription")]


# --- text -------------------------------------------------------------------------------------------------------------


def test_the_whole_text() -> None:
    """Identities before sets, each with its events in a fixed order and its receivers; then the gaps."""
    assert f"""\
identity a.com in 111111111111/eu-west-1
  bounce     mail to the sender
             topic {T} -> sqs q, email a@b.c (pending)
  complaint  destination d: topic {U} (by default set c) (not received: it has no subscription)
  delivery   no receiver

configuration set a in 111111111111/eu-west-1
  bounce     destination bus: eventbridge
  complaint  no receiver
  delivery   no receiver

1 gap:
  identity a.com, complaint: topic {U} has no subscription
""" == drawn.text(MATRIX, SUBSCRIBERS, GAPS)


@pytest.mark.parametrize(
    ("expected", "gaps"), [("No gaps.", []), ("1 gap:", GAPS), ("2 gaps:", [*GAPS, Gap(BOUNCE, "no route")])]
)
def test_the_number_of_gaps_is_said(expected: str, gaps: list[Gap]) -> None:
    """That nothing is missing is said too."""
    assert expected in drawn.text(MATRIX, SUBSCRIBERS, gaps).splitlines()


def test_a_topic_that_could_not_be_read_has_no_receivers_beside_it() -> None:
    """Unknown differs from no receiver."""
    assert f"  bounce     topic {T}" in drawn.text({BOUNCE: (Route("topic", T),)}, {}, []).splitlines()


def test_colour_is_all_that_colour_adds() -> None:
    """Whoever strips the colours has the same text."""
    plain, coloured = (drawn.text(MATRIX, SUBSCRIBERS, GAPS, colour=c) for c in (False, True))

    assert plain != coloured
    assert plain == re.sub(r"\x1b\[\d+m", "", coloured)


HOSTILE = st.text("\x1b[31m\n\r\x9b\u202e\u2028`|*_<>@#\\ab", min_size=1, max_size=12)


def hostile(value: str) -> tuple[Matrix, dict[str, tuple[Subscriber, ...]], list[Gap]]:
    """A matrix in which everything that comes from outside is the given text."""
    subject = Subject(OWNER_SCOPE, "identity", value, "bounce")
    ways = (Route("sns", value, value, value), Route("topic", value))
    return {subject: ways}, {value: (Subscriber("https", value, True),)}, [Gap(subject, value)]


@given(HOSTILE)
def test_hostile_text_acts_on_no_terminal_and_adds_no_line(value: str) -> None:
    """Names, endpoints and gaps are escaped, whatever is in them."""
    lines = drawn.text(*hostile(value)).split("\n")

    assert [] == [line for line in lines if not line.isprintable()]
    assert len(drawn.text(*hostile("ab")).split("\n")) == len(lines)


# --- JSON -------------------------------------------------------------------------------------------------------------


def test_the_matrix_as_json() -> None:
    """An entry a subject and event, each route with its parts and those who hear it; then the gaps."""
    document = json.loads(drawn.json_text(MATRIX, SUBSCRIBERS, GAPS))
    identity = {"account": "111111111111", "region": "eu-west-1", "kind": "identity", "name": "a.com"}

    blank = {"topic_arn": "", "destination": "", "by_default": "", "received": "yes", "reason": "", "subscribers": None}

    assert 1 == document["version"]
    assert {
        **identity,
        "event": "bounce",
        "routes": [
            {**blank, "way": "mail"},
            {
                **blank,
                "way": "topic",
                "topic_arn": T,
                "subscribers": [
                    {"protocol": "sqs", "endpoint": "q", "pending": False},
                    {"protocol": "email", "endpoint": "a@b.c", "pending": True},
                ],
            },
        ],
    } in document["routes"]
    place = {"rule": "not-received", "address": "", "file": "", "line": 0, "column": 0}
    assert [{**identity, "event": "complaint", "text": f"topic {U} has no subscription", **place}] == document["gaps"]


def test_no_subscription_and_unknown_differ_in_json() -> None:
    """A topic without subscriptions has an empty list; one that could not be read has null."""
    of: Matrix = {BOUNCE: (Route("topic", T), Route("topic", U))}
    (entry,) = json.loads(drawn.json_text(of, {U: ()}, []))["routes"]

    assert [None, []] == [route["subscribers"] for route in entry["routes"]]


def test_json_is_one_line_in_a_fixed_order() -> None:
    """The same state gives the same text, for tools that compare or read by the line."""
    backwards = dict(reversed(list(MATRIX.items())))

    assert drawn.json_text(MATRIX, SUBSCRIBERS, GAPS) == drawn.json_text(backwards, SUBSCRIBERS, GAPS)
    assert 1 == len(drawn.json_text(*hostile("a\nb")).splitlines())


# --- Markdown ---------------------------------------------------------------------------------------------------------


def test_the_whole_markdown() -> None:
    """A row an identity or set, a column an event; several ways stand one below the other; then the gaps."""
    t, u = T.replace("_", r"\_"), U.replace("_", r"\_")
    assert f"""\
| identity or set | bounce | complaint | delivery |
|---|---|---|---|
| identity a.com in 111111111111/eu-west-1 | mail to the sender<br>topic {t} -&gt; sqs q, email a\\@b.c (pending) \
| destination d: topic {u} (by default set c) (not received: it has no subscription) | no receiver |
| configuration set a in 111111111111/eu-west-1 | destination bus: eventbridge | no receiver | no receiver |

- **identity a.com, complaint**: topic {u} has no subscription
""" == drawn.markdown(MATRIX, SUBSCRIBERS, GAPS)


def test_markdown_without_gaps_says_so() -> None:
    """That nothing is missing is said too."""
    assert "No gaps." == drawn.markdown(MATRIX, SUBSCRIBERS, []).splitlines()[-1]


@given(HOSTILE)
def test_a_hostile_name_adds_no_cell_and_no_row(value: str) -> None:
    """The table keeps its four columns and its rows, whatever a name holds."""
    lines = drawn.markdown(*hostile(value)).split("\n")

    assert len(drawn.markdown(*hostile("ab")).split("\n")) == len(lines)
    assert [4, 4, 4] == [len(re.findall(r"(?<!\\)(?:\\\\)*\|", line)) - 1 for line in lines[:3]]


@given(HOSTILE)
def test_a_hostile_name_is_no_html(value: str) -> None:
    """The only tags are the breaks between ways."""
    assert {"<br>"} == set(re.findall(r"<[^>]*>?", drawn.markdown(*hostile(value))))
