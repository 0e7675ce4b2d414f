"""Routes and plans as Mermaid flowcharts: what is drawn, what is cut, and that no name acts as markup."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given

import pictures
from pictures import HOSTILE, contents
from scenes import DELEGATE, OWNER, OWNER_SCOPE, REGION
from sesform.planning.plan import Plan
from sesform.planning.routes import Received, Route, RouteChange, Subject
from sesform.render import mermaid
from sesform.render.mermaid import MAX_CHARACTERS, MAX_EDGES

NODE = re.compile(r'  (n\d+)\["([A-Za-z0-9 ,:/.#;<>-]*)"\](?::::lost)?')
EDGE = re.compile(r'  n\d+ (?:-->|--x|-\.->|-\.-x|==>)(?:\|"[A-Za-z0-9 ,:/.#;<>-]*"\|)? n\d+')
STYLE = re.compile(r"  linkStyle \d+(,\d+)* stroke:#\w+,stroke-width:2px")


def edges(chart: str) -> list[str]:
    return [line for line in chart.splitlines() if EDGE.fullmatch(line)]


def readable(chart: str) -> str:
    """Return the chart with characters in place of their references."""
    return re.sub(r"#(\d+);", lambda found: chr(int(found[1])), chart)


def test_the_whole_chart() -> None:
    """Identities without a receiver first; a red edge for what is not received, and a red node where an event ends."""
    topic, queue = f"topic feedback<br/>{DELEGATE}/{REGION}", f"sqs<br/>arn:aws:sqs:{REGION}:{DELEGATE}:feedback"
    assert f"""\
flowchart LR
  classDef lost fill:#fdebea,stroke:#d9363b,color:#8c1015
  n0["identity dark.example<br/>{OWNER}/{REGION}"]
  n1["topic ops<br/>{OWNER}/{REGION}"]
  n0 --x|"bounce<br/>not received: it has no confirmed subscription"| n1
  n2["email<br/>ops#64;example.com"]
  n1 -.-x|"not confirmed"| n2
  n3["no receiver: no route"]:::lost
  n0 --x|"complaint"| n3
  n4["identity twice.example<br/>{OWNER}/{REGION}"]
  n5["{topic}"]
  n4 -->|"bounce and complaint"| n5
  n6["{queue}"]
  n5 --> n6
  n7["mail to the sender"]
  n4 -->|"bounce and complaint"| n7
  n8["gap: duplicate notices: by the topic and by mail to the sender"]:::lost
  n4 --x|"bounce and complaint"| n8
  n9["identity unread.example<br/>{OWNER}/{REGION}"]
  n9 -.->|"bounce and complaint<br/>unknown: the topic could not be read"| n5
  n10["identity example.com<br/>{OWNER}/{REGION}"]
  n10 -->|"bounce and complaint"| n5
  n11["configuration set main<br/>{DELEGATE}/{REGION}"]
  n11 -->|"bounce<br/>by event destination feedback"| n5
  n12["Firehose"]
  n11 -->|"complaint<br/>by event destination archive"| n12
  linkStyle 0,2,6 stroke:#d9363b,stroke-width:2px
  linkStyle 7 stroke:#c98a1b,stroke-width:2px
""" == mermaid.routes(*pictures.few())


def test_identities_with_the_same_routes_are_one_node() -> None:
    """A thousand identities are drawn as three nodes with their number and some names."""
    chart = readable(mermaid.routes(*pictures.many()))

    assert "980 identities<br/>d002.example, d003.example, d004.example and 977 more" in chart
    assert 10 > len(edges(chart))


def different(count: int) -> pictures.Content:
    """Identities with a topic each; every third has no receiver."""
    found: dict[Subject, tuple[Route, ...]] = {}
    for number in range(count):
        way = Route(
            "topic",
            f"{pictures.FEEDBACK}{number:03}",
            verdict=pictures.refused(f"d{number:03}.example") if number % 3 == 0 else pictures.GOOD.verdict,
        )
        found |= pictures.identity(f"d{number:03}.example", bounce=way, complaint=way)
    return pictures.content(found)


def test_what_does_not_fit_is_counted() -> None:
    """A large picture is cut after what is lost, and says how many identities it lacks."""
    chart = mermaid.routes(*different(300))
    lost = [line for line in edges(chart) if "--x" in line]

    assert MAX_EDGES == len(edges(chart))
    assert 100 == len(lost)
    assert '["150 more identities and sets are not drawn"]' in chart


def test_lost_identities_that_do_not_fit_are_counted() -> None:
    """Where not even all that is lost fits, only lost identities are drawn, and the last node counts the others."""
    chart = mermaid.routes(*different(1000))
    drawn = len(edges(chart))

    assert drawn == chart.count("--x") > 100
    assert f"{1000 - drawn} more identities and sets are not drawn, {334 - drawn} of them without a receiver" in chart


def test_long_names_are_cut() -> None:
    """Names of any length leave the chart within Mermaid's limit."""
    of = pictures.content(
        {
            s: w
            for n in range(400)
            for s, w in pictures.identity(f"{'a' * 300}{n:03}", bounce=Route("topic", f"{n}")).items()
        }
    )

    assert MAX_CHARACTERS + 1_000 > len(mermaid.routes(*of))


@pytest.mark.parametrize(
    ("expected", "chart"),
    [
        ("The specs name no identity and no configuration set.", mermaid.routes({}, {}, [])),
        ("No routes change.", mermaid.plan(Plan(()))),
    ],
)
def test_an_empty_chart_says_so(expected: str, chart: str) -> None:
    """A chart is never without a node."""
    assert expected in readable(chart)


@given(contents())
def test_every_identity_and_every_gap_is_drawn(of: pictures.Content) -> None:
    """Each name has a node, and each gap an edge that ends in a cross."""
    chart = readable(mermaid.routes(*of))

    assert [] == [subject.name for subject in of.matrix if subject.name not in chart]
    assert not of.gaps or "--x" in chart or "-.-x" in chart
    assert of.gaps or "--x" not in chart


@given(HOSTILE)
def test_hostile_texts_are_labels(value: str) -> None:
    """Whatever a text holds, each line is a node, an edge or a style, and labels have no markup but line breaks."""
    subject = Subject(OWNER_SCOPE, "identity", value, "bounce")
    change = RouteChange(subject, (value,), (f"{value}2",), Received.YES, Received.NO)
    for chart in (mermaid.routes(*pictures.hostile(value)), mermaid.plan(replace(Plan(()), routes=(change,)))):
        lines = chart.splitlines()[2:]
        assert [] == [line for line in lines if not any(p.fullmatch(line) for p in (NODE, EDGE, STYLE))]
        assert {"<br/>"} >= set(re.findall(r"<[^>]*>?", chart))
        assert [] == re.findall(r"[.-](?= )(?=[^\n]*\")(?<!--)", re.sub(r" (-->|--x|-\.->|-\.-x|==>)", "", chart))


def test_a_route_of_a_plan_without_a_receiver_is_crossed_out() -> None:
    """The reason stands at the arrow."""
    subject = Subject(OWNER_SCOPE, "identity", "a.example", "bounce")
    change = RouteChange(subject, (), ("topic t (not received: it has no subscription)",), Received.NO, Received.NO)

    assert ['  n0 --x|"bounce<br/>after<br/>not received: it has no subscription"| n1'] == edges(
        mermaid.plan(replace(Plan(()), routes=(change,)))
    )


def test_a_plan_has_dotted_arrows_for_before_and_thick_ones_for_after() -> None:
    """Each route that changes is drawn; a lost receiver ends in a red node."""
    moved = Subject(OWNER_SCOPE, "identity", "a.example", "bounce")
    lost = Subject(OWNER_SCOPE, "identity", "b.example", "bounce")
    changes = (
        RouteChange(moved, ("mail", "kept"), ("kept", "topic t"), Received.YES, Received.YES),
        RouteChange(lost, ("mail",), (), Received.YES, Received.NO),
    )
    chart = mermaid.plan(replace(Plan(()), routes=changes))

    assert [
        '  n0 -.->|"bounce<br/>before"| n1',
        '  n0 --x|"bounce<br/>after"| n2',
        '  n3 -.->|"bounce<br/>before"| n1',
        '  n3 -->|"bounce<br/>before and after"| n4',
        '  n3 ==>|"bounce<br/>after"| n5',
    ] == edges(chart)
    assert '  n2["no receiver"]:::lost' in chart.splitlines()
