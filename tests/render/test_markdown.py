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
from sesform.render.review import rows

HOSTILE = st.text("\n\r\x1b\u202e`*_[]()<>|~#!@&\\-+ab/ ", min_size=1, max_size=12)


def change(action: Action, key: str = "t", value: str = "x") -> Change:
    state = {"topic_arn": value}
    before, after = (None if action == "create" else state), (None if action == "delete" else state)
    if action == "update":
        after = {"topic_arn": f"{value}2"}
    return Change(Address("corp", "eu-west-1", "topic", key), OWNER_SCOPE, action, before, after, value, 2, ("sns:X",))


def folds(drawn: str) -> list[tuple[str, str, str]]:
    """The title, language and text of each folded block."""
    found = re.findall(r"<details><summary>([^<]*)</summary>\n\n(`{3,})(\w*)\n(.*?)\n\2\n", drawn, re.DOTALL)
    return [(title, language, body) for title, _, language, body in found]


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
    first, details = folds(markdown.plan(plan))

    assert ("Routes, hand-over and calls", "") == first[:2]
    assert text.tail(plan, 1).strip() == first[2].strip()
    assert ("Details", "diff") == details[:2]
    assert re.sub(r"\s|[~!]", "", "".join(text.blocks(rows(plan.changes)))) == re.sub(r"\s|[~!]", "", details[2])


def test_signs_stand_where_a_diff_is_coloured() -> None:
    """Added lines begin with a plus, removed ones with a minus, changed ones with an exclamation mark."""
    drawn = markdown.plan(Plan((change("create", "a"), change("update", "b"), change("delete", "c"))))
    _, _, body = folds(drawn)[-1]

    assert ["-   resource", "!   resource", "+   resource"] == re.findall(r"^[-+!] +resource", body, re.MULTILINE)
    assert [] == re.findall(r"^ +[-+~] ", body, re.MULTILINE)


def test_drift_is_told_in_its_own_words() -> None:
    """The block of a drift is that of the terminal's drift."""
    plan = plan_between(owner("topics: {t: {display_name: Old}}\n"), owner("topics: {t: {display_name: New}}\n"))

    assert 'display_name: declared "New", found "Old"' in folds(markdown.plan(plan, drift=True))[-1][2]


def test_the_rate_is_the_given_one() -> None:
    """The price of the plan is that of the account's own quota."""
    plan = Plan((Change(address("corp/eu-west-1/topic/t"), OWNER_SCOPE, "create", None, {}, "", 2, ("ses:X",) * 10),))

    assert "at least 4 s at 2.5 SES calls a second" in markdown.plan(plan, rate=2.5)


# --- what is destroyed ------------------------------------------------------------------------------------------------


def listed(title: str, plan: Plan) -> list[str]:
    """The lines of a list, without the escapes."""
    _, _, rest = markdown.plan(plan).partition(f"{title}: ")
    lines = rest.split("\n\n")[1].splitlines() if rest else []
    return [line.replace("\\", "") for line in lines]


def test_what_is_destroyed_is_named_before_the_fold() -> None:
    """Deletions are visible without unfolding the plan; each resource is named once, with the reason."""
    plan = Plan((change("delete", "b"), change("update", "x"), change("delete", "a")))

    assert "**Destroyed: 2**" in markdown.plan(plan)
    assert ["- corp/eu-west-1/topic/b (x)", "- corp/eu-west-1/topic/a (x)"] == listed("Destroyed", plan)


def test_what_changes_is_shown_before_and_after() -> None:
    """An update is one line with the values, without unfolding."""
    plan = plan_between(owner("topics: {t: {display_name: Old}}\n"), owner("topics: {t: {display_name: New}}\n"))

    assert ['- corp/eu-west-1/topic/t: display_name = "Old" -> "New"'] == [
        line.replace("&gt;", ">") for line in listed("Changed", plan)
    ]


def test_sections_without_lines_are_left_out() -> None:
    """A plan without deletions has no list of them."""
    drawn = markdown.plan(Plan((change("create", "a"), change("update", "b"))))

    assert "Destroyed" not in drawn
    assert "Attention" not in drawn


def test_a_long_list_is_folded_and_counted() -> None:
    """26 deletions are one line to unfold, and all of them are there."""
    plan = Plan(tuple(change("delete", f"{i:03}") for i in range(26)))

    assert "<details><summary><b>Destroyed: 26</b></summary>" in markdown.plan(plan)
    assert 26 == len(listed("Destroyed", plan))


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

    assert ["### Plan: 0 to add, 0 to change, 1 to destroy", "**Destroyed: 1**", "- corp"] == [
        line[:6] if line.startswith("- ") else line for line in head.splitlines() if line and line[0] != "|"
    ]


@given(st.text("`\nab", min_size=1, max_size=30))
def test_the_fence_is_longer_than_any_run_of_backticks(value: str) -> None:
    """No name ends the block that it stands in."""
    drawn = markdown.plan(Plan((change("create", value, value),)))
    *_, (_, _, body) = folds(drawn)
    fence = re.findall(r"`{3,}", drawn)[-1]

    assert [] == [run for run in re.findall(r"`{3,}", body) if len(run) >= len(fence)]


def test_the_fence_is_three_backticks_where_there_are_none() -> None:
    """A plan without backticks looks as everybody writes it."""
    assert "\n```diff\n" in markdown.plan(Plan((change("create"),)))


# --- size -------------------------------------------------------------------------------------------------------------


def large(count: int) -> Plan:
    return Plan(tuple(change("create", f"topic-{i}") for i in range(count)))


def test_a_plan_that_is_too_large_for_a_comment_is_cut() -> None:
    """What is posted stays below the limit, has whole blocks, and says how many are missing and where they are."""
    drawn = markdown.plan(large(1000))
    _, _, body = folds(drawn)[-1]
    shown = len(re.findall(r"will be created$", body, re.MULTILINE))

    assert len(drawn) <= MAX_CHARACTERS
    assert 0 < shown < 1000
    assert f"\n{1000 - shown} more resources have no room here. `--format text --full` shows all of it.\n" in drawn
    assert body.rstrip().endswith("}")


def test_a_cut_plan_keeps_its_title_and_its_fold() -> None:
    """The counts are those of the whole plan, and the comment ends as any other."""
    drawn = markdown.plan(large(1000))

    assert drawn.startswith("### Plan: 1000 to add, 0 to change, 0 to destroy\n")
    assert drawn.endswith("\n\n</details>\n")


def test_a_plan_that_fits_is_whole() -> None:
    """Nothing is cut without need."""
    drawn = markdown.plan(large(100))

    assert "no room here" not in drawn
    assert 100 == len(re.findall(r"will be created$", drawn, re.MULTILINE))


@given(st.lists(st.sampled_from(["create", "update", "delete"]), max_size=60), st.integers(1, 40))
def test_any_comment_has_the_size_that_github_takes(actions: list[Action], length: int) -> None:
    """Whatever a plan does, and however long its names are, its comment is posted."""
    plan = Plan(tuple(change(a, f"{i}-{'n' * length * 100}") for i, a in enumerate(actions)))

    assert len(markdown.plan(plan)) <= MAX_CHARACTERS


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
