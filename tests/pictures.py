"""Routes for pages and diagrams: all kinds of gaps, few or many identities, and any names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from hypothesis import strategies as st

from scenes import DELEGATE, DELEGATE_SCOPE, OWNER_SCOPE, identity_arn, topic_arn
from sesform.live.snapshot import Subscriber
from sesform.model.values import NOTIFICATION_TYPES
from sesform.planning import routes
from sesform.planning.routes import Gap, Matrix, Route, Subject
from sesform.policies.verdict import Verdict, denied, unknown

FEEDBACK, OPS = topic_arn("feedback", DELEGATE), topic_arn("ops")
SUBSCRIBERS = {
    FEEDBACK: (Subscriber("sqs", f"arn:aws:sqs:eu-west-1:{DELEGATE}:feedback", False),),
    OPS: (Subscriber("email", "ops@example.com", True),),
}


class Content(NamedTuple):
    """What the command `routes` draws."""

    matrix: Matrix
    subscribers: Mapping[str, tuple[Subscriber, ...]]
    gaps: list[Gap]


def content(matrix: Matrix, subscribers: Mapping[str, tuple[Subscriber, ...]] = SUBSCRIBERS) -> Content:
    return Content(matrix, subscribers, routes.gaps(matrix, subscribers))


def identity(name: str, **ways: Route | tuple[Route, ...]) -> dict[Subject, tuple[Route, ...]]:
    """Return the routes of an identity by event."""
    return {
        Subject(OWNER_SCOPE, "identity", name, event): found if type(found) is tuple else (found,)  # type: ignore[misc]
        for event, found in ways.items()
    }


def refused(name: str) -> Verdict:
    return denied(f"its policy does not allow SES to publish for {identity_arn(name)}")


GOOD, MAIL = Route("topic", FEEDBACK), Route("mail")
UNHEARD = Route("topic", OPS, verdict=denied("it has no confirmed subscription"))
NOT_READ = Route("topic", FEEDBACK, verdict=unknown("the topic could not be read"))
SET = {
    Subject(DELEGATE_SCOPE, "configuration set", "main", "bounce"): (Route("sns", FEEDBACK, "feedback"),),
    Subject(DELEGATE_SCOPE, "configuration set", "main", "complaint"): (Route("firehose", "", "archive"),),
}


def few() -> Content:
    """Four identities and a set: no receiver, other gaps, not known, received."""
    return content(
        {
            **identity("dark.example", bounce=UNHEARD, complaint=()),
            **identity("twice.example", bounce=(GOOD, MAIL), complaint=(GOOD, MAIL)),
            **identity("unread.example", bounce=NOT_READ, complaint=NOT_READ),
            **identity("example.com", bounce=GOOD, complaint=GOOD),
            **SET,
        }
    )


def many(count: int = 1000) -> Content:
    """Many identities, of which every hundredth has no receiver, and the next one a topic that refuses SES."""
    found: dict[Subject, tuple[Route, ...]] = dict(SET)
    for number in range(count):
        name = f"d{number:03}.example"
        way = (
            Route("topic", OPS, verdict=refused(name)) if number % 100 == 1 else UNHEARD if number % 100 == 0 else GOOD
        )
        found |= identity(name, bounce=way, complaint=GOOD)
    return content(found)


HOSTILE = st.text("<>&\"'`=/ \n\r\x00\x1b\x9b\u202e\u2028{}%#;|[]()\\-.1ab", min_size=1, max_size=14)


def hostile(value: str) -> Content:
    """Routes in which every text from outside is the given one."""
    ways = (Route("sns", value, value, value), Route("topic", value, verdict=denied(value)), Route("mail"))
    subject = Subject(OWNER_SCOPE, "identity", value, "bounce")
    return Content({subject: ways}, {value: (Subscriber("https", value, True),)}, [Gap(subject, f"gap {value}")])


_VERDICTS = (denied("it has no subscription"), unknown("the topic could not be read"))


@st.composite
def contents(draw: st.DrawFn) -> Content:
    """Any routes of some identities and sets, with their gaps."""
    found: dict[Subject, tuple[Route, ...]] = {}
    for name in draw(st.sets(st.sampled_from(["a.example", "b.example", "c.example", "d@a.example"]), max_size=4)):
        kind = draw(st.sampled_from(["identity", "identity", "configuration set"]))
        for event in draw(st.sets(st.sampled_from(NOTIFICATION_TYPES), min_size=1)):
            ways = {MAIL: False, Route("firehose", "", "archive", "main"): False}
            for arn in (FEEDBACK, OPS):
                verdict = draw(st.sampled_from([refused(name), *_VERDICTS]))
                ways |= {Route("topic", arn): False, Route("sns", arn, "x", "main", verdict): False}
            chosen = draw(st.lists(st.sampled_from(list(ways)), max_size=3, unique=True))
            found[Subject(OWNER_SCOPE, kind, name, event)] = tuple(chosen)
    return content(found)
