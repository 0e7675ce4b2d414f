"""Routes and plans as HTML pages: what they say, and that they load nothing and run nothing of others."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise
from xml.etree.ElementTree import Element

import html5lib
import pytest
from hypothesis import given

import pictures
from pictures import HOSTILE, contents
from scenes import DELEGATE, OWNER, OWNER_SCOPE, REGION, delegate, identity_arn, owner, plan_between, topic_arn
from sesform.cli.page import template
from sesform.errors import Problem
from sesform.live.snapshot import Subscriber, UnmanagedResource
from sesform.model.values import printable
from sesform.planning.plan import Plan, PlanOptions
from sesform.planning.routes import Received, Route, RouteChange, Subject
from sesform.render import page
from sesform.render.page import Made

TEMPLATE = template()


def routes(of: pictures.Content, made: Made = page.UNDATED) -> str:
    return page.routes(*of, TEMPLATE, made)


def parsed(drawn: str) -> Element:
    """Return the document. Raises ParseError where it is not valid HTML."""
    return html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(drawn)  # type: ignore[no-any-return]


def shown(of: Element) -> str:
    """Return the text of an element as people read it, with single spaces."""
    return " ".join(" ".join(of.itertext()).split())


def find(of: Element, tag: str, **attributes: str) -> list[Element]:
    """Return the elements with this tag and these attributes; a class need only be among those of the element."""
    wanted = {name.strip("_").replace("_", "-"): value for name, value in attributes.items()}
    return [
        each
        for each in of.iter(tag)
        if all(
            value in each.get(name, "").split() if name == "class" else each.get(name) == value
            for name, value in wanted.items()
        )
    ]


def rows(of: Element) -> dict[str, str]:
    """Return the text of each row by the name or number in its heading, in their order."""
    return {shown(find(row, "h3")[0]): shown(row) for row in find(of, "li", class_="row")}


def sections(of: Element) -> list[str]:
    """Return the headings of the sections with their counts."""
    return [shown(each) for each in find(of, "h2")]


# --- routes ------------------------------------------------------------------------------------------------------------


def test_identities_without_a_receiver_come_first() -> None:
    """The heading has the loss, and the sections follow from the worst to the best."""
    document = parsed(routes(pictures.few()))

    assert "✕ Bounces or complaints of 1 of 5 identities and sets have no receiver" == shown(find(document, "h1")[0])
    assert ["No receiver 1", "Other gaps 1", "Not known 1", "No gaps 2"] == sections(document)
    assert ["dark.example", "twice.example", "unread.example", "example.com", "main"] == list(rows(document))


def test_a_row_leads_from_the_identity_to_the_receiver() -> None:
    """Events, topic with its account, and subscription stand in this order."""
    row = rows(parsed(routes(pictures.few())))["example.com"]

    assert re.search(
        rf"example.com identity in {OWNER}/{REGION} bounce complaint ✓ to topic feedback {DELEGATE}/{REGION} "
        rf"sqs arn:aws:sqs:eu-west-1:{DELEGATE}:feedback",
        row,
    )


def test_a_gap_is_told_with_its_reason() -> None:
    """A lost event says in words that it is lost, and why; colour only repeats it."""
    row = rows(parsed(routes(pictures.few())))["dark.example"]

    assert "bounce and complaint lost" in row
    assert "not received: it has no confirmed subscription" in row
    assert "email ops@example.com not confirmed" in row
    assert "complaint ✕ no receiver: no route" in row


def test_what_is_not_known_is_no_gap() -> None:
    """A topic that could not be read is marked as unknown, with the reason."""
    drawn = rows(parsed(routes(pictures.few())))["unread.example"]

    assert "unknown: the topic could not be read" in drawn
    assert "lost" not in drawn


def test_a_page_without_gaps_says_so() -> None:
    """That nothing is missing is said first."""
    of = pictures.content(pictures.identity("example.com", bounce=pictures.GOOD, complaint=pictures.GOOD))
    document = parsed(routes(of))

    assert "✓ No gaps" == shown(find(document, "h1")[0])
    assert ["No gaps 1"] == sections(document)


@pytest.mark.parametrize(
    ("expected", "bounce"),
    [
        (
            "✕ 1 gap; no bounces or complaints are known to be lost",
            (pictures.GOOD, Route("sns", pictures.FEEDBACK, "x", "main")),
        ),
        ("? 1 of 1 identity or set could not be read; no gaps are known", pictures.NOT_READ),
    ],
)
def test_the_heading_is_that_of_the_worst_section(expected: str, bounce: Route | tuple[Route, ...]) -> None:
    """Gaps without a loss, and routes that could not be read, are said where nothing worse is."""
    of = pictures.content(pictures.identity("a.example", bounce=bounce, complaint=pictures.GOOD))

    assert expected == shown(find(parsed(routes(of)), "h1")[0])


def test_a_page_without_identities_says_so() -> None:
    """An empty page says why it is empty."""
    assert "The specs name no identity and no configuration set." in shown(parsed(routes(pictures.content({}))))


def test_identities_with_the_same_routes_are_one_row() -> None:
    """A thousand identities of three kinds are three rows, and all their names are in the page."""
    document = parsed(routes(pictures.many()))
    names = {shown(each) for each in document.iter() if each.get("data-name") is not None}

    assert ["10 identities", "10 identities", "980 identities", "main"] == [
        shown(find(row, "h3")[0]) for row in find(document, "li", class_="row")
    ]
    assert {f"d{number:03}.example" for number in range(1000)} | {"main"} == names


def test_a_reason_that_names_the_identity_is_the_same_for_all() -> None:
    """The ARN of the own identity in a reason does not keep equal reasons apart; that of a longer name stays."""
    of = pictures.identity("a.example", bounce=Route("topic", pictures.OPS, verdict=pictures.refused("a.example")))
    longer = pictures.identity(
        "a.example", bounce=Route("topic", pictures.OPS, verdict=pictures.refused("a.example.net"))
    )

    assert "not allow SES to publish for this identity" in rows(parsed(routes(pictures.content(of))))["a.example"]
    assert identity_arn("a.example.net") in rows(parsed(routes(pictures.content(longer))))["a.example"]


@given(contents())
def test_all_gaps_and_their_reasons_are_in_the_row_of_their_identity(of: pictures.Content) -> None:
    """Whatever is missing, the row with the name has the reason, and is in a section of gaps."""
    document = parsed(routes(of))
    for gap in of.gaps:
        (row,) = [r for r in find(document, "li", class_="row") if _is_of(r, gap.subject)]
        own = identity_arn(gap.subject.name).replace("identity/", f"{gap.subject.kind.replace(' ', '-')}/")
        reason = gap.text.rpartition(": ")[2] if gap.text.startswith("not received by ") else gap.text
        assert reason.replace(own, f"this {gap.subject.kind}") in shown(row)
        assert gap.subject.event in shown(row)
        assert row.get("class") in ("row tone-lost", "row tone-gap")


def _is_of(row: Element, subject: Subject) -> bool:
    names = [shown(each) for each in row.iter() if each.get("data-name") is not None]
    return subject.name in names and f"{subject.kind} in {subject.scope}" in shown(row)


@given(contents())
def test_every_identity_and_set_is_in_one_row(of: pictures.Content) -> None:
    """Grouping loses no name and repeats none."""
    document = parsed(routes(of))
    names = [shown(each) for each in document.iter() if each.get("data-name") is not None]

    assert sorted(subject[2] for subject in {s[:3] for s in of.matrix}) == sorted(names)


# --- what a page may do ------------------------------------------------------------------------------------------------


@pytest.fixture(params=["few", "many", "plan", "drift"])
def drawn(request: pytest.FixtureRequest) -> str:
    """A page of each kind."""
    pages: dict[str, Callable[[], str]] = {
        "few": lambda: routes(pictures.few(), Made("2026-11-27T08:00:00Z", True)),
        "many": lambda: routes(pictures.many(300)),
        "plan": lambda: page.plan(changing(), TEMPLATE),
        "drift": lambda: page.plan(changing(), TEMPLATE, drift=True),
    }
    return pages[request.param]()


def changing() -> Plan:
    """A plan with every kind of section."""
    before = owner(f"identities:\n{_identity('a')}{_identity('b')}{_identity('c')}") + "---\n" + delegate(TOPIC)
    after = (
        owner(f"identities:\n{_identity('a', 'null')}{_identity('b', 'null')}")
        + "---\n"
        + delegate(TOPIC.replace("Old", "New") + SETS)
    )
    lost = RouteChange(
        Subject(OWNER_SCOPE, "identity", "b.example", "bounce"), ("mail",), (), Received.YES, Received.NO
    )
    made = plan_between(before, after)
    others = tuple(change for change in made.routes if change.subject != lost.subject)
    return replace(
        made,
        routes=(*others, lost),
        unheard=(lost.subject, Subject(OWNER_SCOPE, "identity", "dark.example", "bounce")),
        diagnostics=(*made.diagnostics, Problem("it is refused", hint="allow it")),
        unmanaged=(UnmanagedResource("topic", OWNER_SCOPE, "arn:x", "unused"),),
    )


def _identity(name: str, bounce: str = "mailer/feedback") -> str:
    return f"  {name}.example: {{notifications: {{bounce: {bounce}, complaint: mailer/feedback}}}}\n"


TOPIC = "topics: {feedback: {display_name: Old}}\n"
SETS = "configuration_sets: {main: {event_destinations: {bus: {events: [bounce], eventbridge: default}}}}\n"


def test_a_page_is_valid_html_with_unique_ids(drawn: str) -> None:
    """The document parses without an error, its ids are unique, and what refers to an id finds it."""
    document = parsed(drawn)
    ids = [each.get("id", "") for each in document.iter() if each.get("id")]
    used = [each.get("aria-labelledby", "") for each in document.iter() if each.get("aria-labelledby")]
    used += [each.get("href", "")[1:] for each in find(document, "a")]

    assert len(ids) == len(set(ids))
    assert set() == set(used) - set(ids)


def test_a_page_loads_nothing(drawn: str) -> None:
    """No element, style or script refers to anything outside of the page."""
    document = parsed(drawn)
    style, script = (shown(find(document, tag)[0]) for tag in ("style", "script"))
    loading = {"audio", "base", "embed", "frame", "iframe", "img", "image", "object", "source", "track", "use", "video"}

    assert set() == {each.tag for each in document.iter()} & loading
    assert ["data:,"] == [each.get("href") for each in find(document, "link")]
    assert [] == [a for a in find(document, "a") if not a.get("href", "").startswith("#")]
    assert [] == [each.tag for each in document.iter() if {"src", "srcset", "action", "style"} & set(each.keys())]
    assert [] == [key for each in document.iter() for key in list(each.keys()) if key.startswith("on")]
    assert [] == re.findall(r"url\(|@import|https?:", style)
    assert [] == re.findall(r"fetch|XMLHttpRequest|WebSocket|sendBeacon|import\(|https?:|innerHTML|eval", script)


def test_the_policy_allows_the_own_script_and_style_only() -> None:
    """The policy refuses everything but the two elements of the page, by the hashes of what is in them."""
    document = parsed(routes(pictures.few()))
    (policy,) = [
        m.get("content", "") for m in find(document, "meta") if m.get("http-equiv") == "Content-Security-Policy"
    ]
    hashes = {}
    for tag in ("style", "script"):
        (element,) = find(document, tag)
        hashes[tag] = b64encode(hashlib.sha256((element.text or "").encode()).digest()).decode()

    assert {
        "default-src 'none'",
        f"style-src 'sha256-{hashes['style']}'",
        f"script-src 'sha256-{hashes['script']}'",
        "img-src data:",
        "base-uri 'none'",
        "form-action 'none'",
    } == set(policy.split("; "))


@given(HOSTILE)
def test_hostile_texts_are_text(value: str) -> None:
    """Whatever a name, endpoint or reason holds, the page has the elements that it has for harmless ones, and shows the text."""
    document, harmless = (parsed(routes(pictures.hostile(text))) for text in (value, "ab"))

    assert [each.tag for each in harmless.iter()] == [each.tag for each in document.iter()]
    assert [sorted(each.keys()) for each in harmless.iter()] == [sorted(each.keys()) for each in document.iter()]
    assert " ".join(printable(value).split()) in shown(document)
    assert routes(pictures.hostile(value)).isascii()
    assert [] == [line for line in routes(pictures.hostile(value)).split("\n") if not line.isprintable()]


@given(HOSTILE)
def test_hostile_texts_of_a_plan_are_text(value: str) -> None:
    """The same holds for routes, resources, problems and unmanaged resources of a plan."""
    document, harmless = (parsed(page.plan(_hostile_plan(text), TEMPLATE)) for text in (value, "ab"))

    assert [each.tag for each in harmless.iter() if each.tag != "code"] == [
        each.tag for each in document.iter() if each.tag != "code"
    ]
    assert " ".join(printable(value).split()) in shown(document)


def _hostile_plan(value: str) -> Plan:
    made = plan_between(owner(TOPIC), owner(TOPIC.replace("Old", "New")))
    (change,) = made.changes
    assert change.before is not None
    assert change.after is not None
    before, after = ({**state, "display_name": f"{value}{n}"} for n, state in enumerate((change.before, change.after)))
    subject = Subject(OWNER_SCOPE, "identity", value, "bounce")
    return replace(
        made,
        changes=(replace(change, before=before, after=after, reason=value),),
        routes=(RouteChange(subject, (value,), (value, value), Received.YES, Received.NO),),
        diagnostics=(Problem(value, value, value, hint=value),),
        unmanaged=(UnmanagedResource(value, OWNER_SCOPE, value, value),),
    )


def test_secrets_of_endpoints_are_masked() -> None:
    """A URL's password and query are not in the page."""
    arn = topic_arn("t")
    of = pictures.identity("a.example", bounce=Route("topic", arn), complaint=Route("topic", arn))
    secret = Subscriber("https", "https://user:hidden@example.com/hook?token=hidden", False)
    drawn = routes(pictures.content(of, {arn: (secret,)}))

    assert "https://***@example.com/hook?token=***" in drawn
    assert "hidden@" not in drawn
    assert "token=hidden" not in drawn


def test_a_page_can_be_used_without_a_mouse_and_without_seeing_it() -> None:
    """Headings do not skip a level, inputs have labels, regions have names, and symbols are hidden from screen readers."""
    document = parsed(routes(pictures.few()))
    levels = [int(each.tag[1]) for each in document.iter() if re.fullmatch(r"h[1-6]", str(each.tag))]
    labelled = {id(field) for label in find(document, "label") for field in label.iter()}
    first = next(each for each in find(document, "body")[0].iter() if each.tag in ("a", "input", "button", "select"))

    assert 1 == levels[0] == levels.count(1)
    assert [] == [(a, b) for a, b in pairwise(levels) if b > a + 1]
    assert [] == [f for tag in ("input", "select") for f in find(document, tag) if id(f) not in labelled]
    assert "#content" == first.get("href")
    assert [] == [each for each in find(document, "span", class_="sign") if each.get("aria-hidden") != "true"]
    assert [] == [each for each in document.iter() if int(each.get("tabindex", "0")) > 0]
    assert "en" == find(document, "html")[0].get("lang")


def test_a_page_says_when_it_was_made_and_from_what() -> None:
    """The time is there for a page that is kept, and content of the sandbox is marked."""
    made = shown(parsed(routes(pictures.few(), Made("2026-11-27T08:00:00Z", True))))

    assert "as of 2026-11-27T08:00:00Z" in made
    assert "sandbox: a simulated AWS, no real account" in made
    assert "sandbox" not in shown(find(parsed(routes(pictures.few())), "body")[0])


# --- plans -------------------------------------------------------------------------------------------------------------


def test_a_plan_shows_lost_receivers_then_problems_then_routes_then_resources() -> None:
    """The page of a plan begins with what matters most, and deletions come before other changes."""
    document = parsed(page.plan(changing(), TEMPLATE))
    found = [heading.rpartition(" ")[0] for heading in sections(document)]

    assert "✕ Bounces or complaints of 1 identity lose their receiver" == shown(find(document, "h1")[0])
    assert ["Receivers lost", "Still no receiver", "Errors and warnings", "Routes that change"] == found[:4]
    assert ["Destroyed", "Changed", "Added", "Not named by any spec"] == found[4:8]


def test_a_plan_shows_routes_before_and_after() -> None:
    """The row of an identity has what receives its events now, and what will."""
    (row,) = [text for name, text in rows(parsed(page.plan(changing(), TEMPLATE))).items() if name == "b.example"]

    assert "bounce lost" in row
    assert "bounce before ✓ mail after ✕ no receiver" in row


def test_a_plan_shows_fields_before_and_after() -> None:
    """An update has a table with the fields that differ, and the reason with its line of the spec."""
    plan = plan_between(owner(TOPIC), owner(TOPIC.replace("Old", "New")))
    row = rows(parsed(page.plan(plan, TEMPLATE)))["feedback"]

    assert re.search(r"~ change topic because specs.yaml:\d+ .* field before after display_name \"Old\" \"New\"", row)


def test_drift_is_told_in_its_own_words() -> None:
    """The page of a drift says what is declared and what was found, and which identities have no receiver now."""
    dark = RouteChange(
        Subject(OWNER_SCOPE, "identity", "a.example", "bounce"), (), ("mail",), Received.NO, Received.YES
    )
    plan = replace(plan_between(owner(TOPIC), owner(TOPIC.replace("Old", "New"))), routes=(dark,))
    document = parsed(page.plan(plan, TEMPLATE, drift=True))

    assert "✕ Bounces or complaints of 1 identity have no receiver now" == shown(find(document, "h1")[0])
    assert 'field found declared display_name "Old" "New"' in rows(document)["feedback"]
    assert "Receivers lost" not in shown(find(document, "main")[0])


def test_drift_without_a_loss_says_that_aws_differs() -> None:
    """Where only settings differ, the heading says so, with the summary below it."""
    plan = plan_between(owner(TOPIC), owner(TOPIC.replace("Old", "New")))
    document = parsed(page.plan(plan, TEMPLATE, drift=True))

    assert "≠ AWS differs from the specs" == shown(find(document, "h1")[0])
    assert "Plan: 0 to add, 1 to change, 0 to destroy." == shown(find(document, "p", class_="summary")[0])


@pytest.mark.parametrize(
    ("drift", "expected"),
    [
        (False, "✕ Bounces or complaints of 1 identity have no receiver, before and after"),
        (True, "✕ Bounces or complaints of 1 identity have no receiver now"),
    ],
)
def test_an_identity_that_stays_without_a_receiver_is_said_first(drift: bool, expected: str) -> None:
    """A plan without changes is no good news for an identity without a receiver."""
    plan = replace(
        plan_between(owner(TOPIC), owner(TOPIC)), unheard=(Subject(OWNER_SCOPE, "identity", "a.example", "bounce"),)
    )
    document = parsed(page.plan(plan, TEMPLATE, drift=drift))

    assert expected == shown(find(document, "h1")[0])
    assert ["Still no receiver 1"] == sections(document)
    assert "before ✕ no receiver" in rows(document)["a.example"].replace("found", "before")


def test_only_what_should_be_received_is_marked_as_lost() -> None:
    """A delivery without a topic is no loss, nor is a configuration set before it has a destination."""
    of_set = Subject(OWNER_SCOPE, "configuration set", "s", "bounce")
    changes = (
        RouteChange(
            Subject(OWNER_SCOPE, "identity", "a.example", "delivery"), ("mail",), (), Received.YES, Received.NO
        ),
        RouteChange(of_set, (), ("destination d",), Received.NO, Received.YES),
        RouteChange(of_set._replace(name="t"), ("destination d",), (), Received.YES, Received.NO),
    )
    found = rows(parsed(page.plan(replace(Plan(()), routes=changes), TEMPLATE)))

    assert found["a.example"].endswith("delivery before ✓ mail after – not sent anywhere")
    assert found["s"].endswith("bounce before – not sent anywhere after ✓ destination d")
    assert found["t"].endswith("bounce before ✓ destination d after ✕ no receiver")


def test_each_route_of_a_change_has_its_own_state() -> None:
    """A route without a receiver is marked, with its reason, although another route of the event is received."""
    after = ("mail", "topic t (not received: it has no subscription)", "topic u (unknown: it could not be read)")
    change = RouteChange(
        Subject(OWNER_SCOPE, "identity", "a.example", "bounce"), ("mail",), after, Received.YES, Received.YES
    )
    row = rows(parsed(page.plan(replace(Plan(()), routes=(change,)), TEMPLATE)))["a.example"]

    assert "after ✓ mail ✕ topic t not received: it has no subscription ? topic u unknown: it could not be read" in row


@pytest.mark.parametrize(("drift", "expected"), [(False, "✓ No changes."), (True, "✓ No drift.")])
def test_an_empty_plan_says_so(drift: bool, expected: str) -> None:
    """Where nothing differs, the page says this and how much was compared."""
    plan = plan_between(owner(TOPIC), owner(TOPIC))
    document = parsed(page.plan(plan, TEMPLATE, drift=drift))

    assert shown(find(document, "h1")[0]).startswith(expected)
    assert f"{len(plan.unchanged)} resources of the specs are as declared." in shown(document)


def test_a_refused_plan_says_so_first() -> None:
    """Errors are counted in the heading, and come before warnings."""
    plan = plan_between(owner(TOPIC), owner(TOPIC.replace("Old", "New")))
    plan = replace(
        plan, diagnostics=(Problem("careful", severity="warning"), Problem("it is refused", hint="allow it"))
    )
    document = parsed(page.plan(plan, TEMPLATE))

    assert "✕ Refused: 1 error" == shown(find(document, "h1")[0])
    assert "Errors and warnings 2 error it is refused; allow it warning careful" in shown(document)


def test_equal_changes_of_identities_are_one_row() -> None:
    """A hundred identities that get the same topics are two rows; each name has the line of its spec."""
    names = [f"d{number:02}" for number in range(100)]
    before = owner("identities:\n" + "".join(f"  {n}.example: {{notifications: {{}}}}\n" for n in names))
    after = owner("identities:\n" + "".join(map(_identity, names))) + "---\n" + delegate(TOPIC)
    document = parsed(page.plan(plan_between(before + "---\n" + delegate(TOPIC), after), TEMPLATE))
    added = [
        shown(row) for row in find(document, "li", class_="tone-add") if shown(find(row, "h3")[0]) == "100 identities"
    ]

    assert ["bounce", "complaint"] == [re.search(r"add notification topic (\w+)", row)[1] for row in added]  # type: ignore[index]
    assert "d99.example specs.yaml:105" in added[0]
    assert "because the line at each name declares it; AWS has none" in added[0]


def test_a_plan_of_the_sandbox_says_so() -> None:
    """A saved plan knows whether it was made on the sandbox."""
    plan = replace(plan_between(owner(TOPIC), owner(TOPIC)), options=PlanOptions(sandbox=True))

    assert "sandbox: a simulated AWS" in page.plan(plan, TEMPLATE)


def test_a_plan_has_what_other_organizations_must_set_and_its_calls() -> None:
    """The end of the page has the handover and the price of applying."""
    foreign = topic_arn("theirs", "999999999999")
    before, after = (
        owner(f"identities: {{a.example: {{notifications: {{{ways}}}}}}}\n")
        for ways in ("", f"bounce: '{foreign}', complaint: '{foreign}'")
    )
    drawn = shown(parsed(page.plan(plan_between(before, after), TEMPLATE)))

    assert "For account 999999999999 in eu-west-1" in drawn
    assert "Applying makes 2 calls" in drawn
