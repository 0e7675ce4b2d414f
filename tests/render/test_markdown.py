"""Plans and reports as a comment on a pull request."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes import OWNER_SCOPE, address, owner, plan_between
from sesform.model.address import Address
from sesform.model.values import printable
from sesform.planning.plan import Action, Change, Outcome, Plan, Report, Unchanged
from sesform.render import markdown, text
from sesform.render._escape import cell
from sesform.render.markdown import MAX_CHARACTERS

HOSTILE = st.text("\n\r\x1b\u202e`*_[]()<>|~#!@&\\-+ab/ ", min_size=1, max_size=12)


def change(action: Action, key: str = "t", value: str = "x") -> Change:
    state = {"topic_arn": value}
    before, after = (None if action == "create" else state), (None if action == "delete" else state)
    if action == "update":
        after = {"topic_arn": f"{value}2"}
    return Change(Address("corp", "eu-west-1", "topic", key), OWNER_SCOPE, action, before, after, value, 2, ("sns:X",))


def folded(drawn: str) -> tuple[str, str, str]:
    """What stands before the fold, the language of the block, and the block."""
    head, _, rest = drawn.partition("<details>")
    match = re.search(r"^(`{3,})(\w*)\n(.*)\n\1\n", rest, re.MULTILINE | re.DOTALL)
    assert match is not None
    return head, match[2], match[3]


# --- what is said -----------------------------------------------------------------------------------------------------


def test_the_title_has_the_counts() -> None:
    """Who reads the first line only knows how much would change."""
    plan = Plan((change("create", "a"), change("create", "b"), change("update", "c"), change("delete", "d")))

    assert "### Plan: 2 to add, 1 to change, 1 to destroy" == markdown.plan(plan).splitlines()[0]
    assert "### Drift: 2 to add, 1 to change, 1 to destroy" == markdown.plan(plan, drift=True).splitlines()[0]


@pytest.mark.parametrize(("expected", "drift"), [(text.NO_CHANGES, False), (text.NO_DRIFT, True)])
def test_no_changes_is_one_line(expected: str, drift: bool) -> None:
    """Where there is nothing to see there is nothing to unfold."""
    plan = Plan((), (Unchanged(address("corp/eu-west-1/topic/t"), {}),))

    assert f"### {expected}\n" == markdown.plan(plan, drift=drift)


def test_the_whole_plan_is_folded_away() -> None:
    """Everything that the terminal shows is there, for whoever wants to see it."""
    plan = plan_between(owner("topics: {t: {display_name: Old}}\n"), owner("topics: {t: {display_name: New}}\n"))
    _, language, body = folded(markdown.plan(plan))

    assert "diff" == language
    assert re.sub(r"\s|[~!]", "", text.plan(plan)) == re.sub(r"\s|[~!]", "", body)


def test_signs_stand_where_a_diff_is_coloured() -> None:
    """Added lines begin with a plus, removed ones with a minus, changed ones with an exclamation mark."""
    _, _, body = folded(markdown.plan(Plan((change("create", "a"), change("update", "b"), change("delete", "c")))))

    assert ["+   resource", "!   resource", "-   resource"] == re.findall(r"^[-+!] +resource", body, re.MULTILINE)
    assert [] == re.findall(r"^ +[-+~] ", body, re.MULTILINE)


def test_drift_is_told_in_its_own_words() -> None:
    """The block of a drift is that of the terminal's drift."""
    plan = plan_between(owner("topics: {t: {display_name: Old}}\n"), owner("topics: {t: {display_name: New}}\n"))

    assert 'display_name: declared "New", found "Old"' in folded(markdown.plan(plan, drift=True))[2]


def test_the_rate_is_the_given_one() -> None:
    """The price of the plan is that of the account's own quota."""
    plan = Plan((Change(address("corp/eu-west-1/topic/t"), OWNER_SCOPE, "create", None, {}, "", 2, ("ses:X",) * 10),))

    assert "at least 4 s at 2.5 SES calls a second" in markdown.plan(plan, rate=2.5)


# --- what is destroyed ------------------------------------------------------------------------------------------------


def destroyed(plan: Plan) -> list[str]:
    """The paragraphs that warn of a removal, without the escapes."""
    head, _, _ = folded(markdown.plan(plan))
    return [line.replace("\\", "") for line in head.splitlines() if line.startswith("**Destroyed:**")]


def test_what_is_destroyed_is_named_before_the_fold() -> None:
    """Deletions are visible without unfolding the plan; each resource is named once, in order."""
    plan = Plan((change("delete", "b"), change("update", "x"), change("delete", "a")))

    assert ["**Destroyed:** corp/eu-west-1/topic/a, corp/eu-west-1/topic/b"] == destroyed(plan)


def test_where_nothing_is_destroyed_nothing_is_said_of_it() -> None:
    """A plan without deletions has no warning."""
    assert [] == destroyed(Plan((change("create", "a"), change("update", "b"))))


@pytest.mark.parametrize(("expected", "count"), [("", 10), (" and 1 more", 11), (" and 90 more", 100)])
def test_of_many_that_are_destroyed_ten_are_named(expected: str, count: int) -> None:
    """The list stays short, and says how many it leaves out."""
    names = ", ".join(f"corp/eu-west-1/topic/{i:03}" for i in range(10))

    assert [f"**Destroyed:** {names}{expected}"] == destroyed(
        Plan(tuple(change("delete", f"{i:03}") for i in range(count)))
    )


# --- hostile names ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "hostile"),
    [
        (r"a\|b", "a|b"),
        (r"\*\*a\*\* \_b\_ \~\~c\~\~", "**a** _b_ ~~c~~"),
        (r"\[a\](https://b) \!\[c\](d)", "[a](https://b) ![c](d)"),
        ("&lt;img src=x&gt;&amp;amp;", "<img src=x>&amp;"),
        (r"\# a \`b\` \@c", "# a `b` @c"),
        (r"a\\\|b", "a\\|b"),
        (r"a\\nb\\x1b\\u202e", "a\nb\x1b\u202e"),
        ("corp/eu-west-1/topic/t", "corp/eu-west-1/topic/t"),
    ],
)
def test_a_cell_is_the_text_and_nothing_else(expected: str, hostile: str) -> None:
    """No name is Markdown, HTML or a second line, and plain names stay as they are."""
    assert expected == cell(hostile)


@given(HOSTILE)
def test_a_cell_has_no_sign_that_means_something(value: str) -> None:
    """Whatever is in a name, each sign of Markdown has its backslash, and no tag can begin."""
    drawn = cell(value)

    assert "" == re.sub(r"\\[\\`*_\[\]|~#!@]|[^\\`*_\[\]|~#!@<>\n\r]", "", drawn)
    assert drawn.isprintable()


@given(HOSTILE)
def test_a_cell_says_what_the_name_is(value: str) -> None:
    """Escaping changes how a name is written and not what it reads."""
    read = html.unescape(re.sub(r"\\(.)", r"\1", cell(value)))

    assert printable(value) == read


@given(HOSTILE)
def test_a_hostile_name_adds_no_heading_and_no_line_before_the_fold(value: str) -> None:
    """Only the title is a heading, and only the list names what is destroyed."""
    head, _, _ = folded(markdown.plan(Plan((change("delete", value, value),))))

    assert ["### Plan: 0 to add, 0 to change, 1 to destroy", "", "**Destroyed:**"] == [
        line[:45] if i < 2 else line[:14] for i, line in enumerate(head.splitlines())
    ]


@given(st.text("`\nab", min_size=1, max_size=30))
def test_the_fence_is_longer_than_any_run_of_backticks(value: str) -> None:
    """No name ends the block that it stands in."""
    drawn = markdown.plan(Plan((change("create", value, value),)))
    opening, *inside, closing = re.findall(r"`{3,}", drawn)

    assert opening == closing
    assert [] == [run for run in inside if len(run) >= len(opening)]


def test_the_fence_is_three_backticks_where_there_are_none() -> None:
    """A plan without backticks looks as everybody writes it."""
    assert "\n```diff\n" in markdown.plan(Plan((change("create"),)))


# --- size -------------------------------------------------------------------------------------------------------------


def large(count: int) -> Plan:
    return Plan(tuple(change("create", f"topic-{i}") for i in range(count)))


def test_a_plan_that_is_too_large_for_a_comment_is_cut() -> None:
    """What is posted stays below the limit, is whole lines, and says that it was cut and where the rest is."""
    drawn = markdown.plan(large(1000))
    _, _, body = folded(drawn)
    *kept, last = body.splitlines()

    assert len(drawn) <= MAX_CHARACTERS
    assert re.fullmatch(r"\.\.\. \d+ more characters were cut\. See the log of the job\.", last)
    assert kept == folded_whole(large(1000))[: len(kept)]


def folded_whole(plan: Plan) -> list[str]:
    """The lines of a plan as a diff, however many they are."""
    return re.sub(r"^( +)([+~-])", r"\2\1", text.plan(plan), flags=re.MULTILINE).splitlines()


def test_a_cut_plan_keeps_its_title_and_its_fold() -> None:
    """The counts are those of the whole plan, and the comment ends as any other."""
    drawn = markdown.plan(large(1000))

    assert drawn.startswith("### Plan: 1000 to add, 0 to change, 0 to destroy\n")
    assert drawn.endswith("\n```\n\n</details>\n")


def test_a_plan_that_fits_is_whole() -> None:
    """Nothing is cut without need."""
    assert "were cut" not in markdown.plan(large(100))
    assert folded_whole(large(100)) == folded(markdown.plan(large(100)))[2].splitlines()


# --- reports ----------------------------------------------------------------------------------------------------------


def test_a_report_that_is_ok_is_its_closing_line() -> None:
    """Where everything was done there is nothing to unfold."""
    done = Report((Outcome(change("create"), "done"),))

    assert "### Apply complete\\! Resources: 1 added, 0 changed, 0 destroyed.\n" == markdown.report(done)


def test_a_report_that_is_not_ok_has_what_was_not_done_in_the_fold() -> None:
    """Each step that was not done is there, with AWS's own words, whatever is in them."""
    head, language, body = folded(markdown.report(Report((Outcome(change("create"), "failed", "no ``` </details>"),))))

    assert ("### Apply incomplete. Resources: 0 added, 0 changed, 0 destroyed.\n", "") == (head, language)
    assert "  failed     corp/eu-west-1/topic/t: no ``` </details>" in body.splitlines()
