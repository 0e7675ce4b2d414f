"""Plans, drift and reports as people, and the tools that read Terraform's output, see them."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenes import bare, compiled, delegate, holding, owner, plan_between
from sesform.model.address import Address, Scope
from sesform.planning import planner
from sesform.planning.plan import Action, Change, Outcome, Plan, Report, Result
from sesform.render import text

GOLDEN = Path(__file__).parent / "golden"

BEFORE = owner(
    """\
topics: {t: {display_name: Old}, x: {external: true}, y: {external: true}}
configuration_sets:
  c: {event_destinations: {d: {events: [bounce, open], eventbridge: default}}}
identities:
  a.com: {notifications: {bounce: x, complaint: {topic: x, headers: true}, delivery: x}, authorize: {'333333333333': }}
"""
)
AFTER = owner(
    """\
topics: {t: {display_name: New}, x: {external: true}, y: {external: true}}
configuration_sets:
  c: {event_destinations: {d: {events: [bounce, click], eventbridge: default}}}
identities:
  a.com:
    notifications: {bounce: y, complaint: {topic: x, headers: true}}
    authorize: {'333333333333': {conditions: {StringEquals: {'ses:FromAddress': me@a.com}}}}
"""
)
BOTH = (
    AFTER
    + "---\n"
    + delegate(
        """\
topics: {feedback: {subscriptions: [{protocol: email, endpoint: a@b.c}]}}
configuration_sets: {s: {event_destinations: {d: {events: [complaint], sns: feedback}}}}
"""
    )
)


def creation() -> Plan:
    return planner.plan(compiled(BOTH), bare("a.com"))


def update() -> Plan:
    return plan_between(BEFORE, AFTER)


def removal() -> Plan:
    return plan_between(AFTER, AFTER, destroy=True)


def unchanged() -> Plan:
    return plan_between(AFTER, AFTER)


def report(*results: Result, interrupted: bool = False) -> Report:
    errors: dict[Result, str] = {
        "failed": "ses:SetIdentityNotificationTopic in 111111111111/eu-west-1: InvalidParameterValue: no",
        "not tried": "the run was interrupted" if interrupted else "it depends on corp/eu-west-1/topic/u",
        "unknown": "no answer; the call may have been carried out; plan again to see",
    }
    changes = update().changes
    outcomes = (Outcome(c, r, errors.get(r, "")) for c, r in zip(changes, results, strict=False))
    return Report(tuple(outcomes), interrupted)


@pytest.mark.parametrize(
    ("name", "drawn"),
    [
        ("create", lambda: text.plan(creation())),
        ("update", lambda: text.plan(update())),
        ("update-in-full", lambda: text.plan(update(), full=True)),
        ("removal", lambda: text.plan(removal(), rate=0.5)),
        ("no-changes", lambda: text.plan(unchanged())),
        ("update-in-colour", lambda: text.plan(update(), colour=True)),
        ("drift", lambda: text.drift(update())),
        ("no-drift", lambda: text.drift(unchanged())),
        ("report-ok", lambda: text.report(report("done", "done", "done"))),
        ("report-failed", lambda: text.report(report("done", "failed", "not tried", "unknown", "done"))),
        ("report-interrupted", lambda: text.report(report("done", "not tried", "not tried", interrupted=True))),
    ],
)
def test_the_whole_text(name: str, drawn: object) -> None:
    """The text equals the reviewed file exactly. SESFORM_GOLDEN=1 writes the files again."""
    assert callable(drawn)
    actual, file = drawn(), GOLDEN / f"{name}.txt"
    if os.environ.get("SESFORM_GOLDEN"):
        file.write_text(actual, encoding="utf-8")

    assert file.read_text(encoding="utf-8") == actual


def test_a_report_that_is_well_names_what_aws_keeps_for_now() -> None:
    """What was left is no failure and not counted as destroyed, and does not go unsaid."""
    done, left = update().changes[:2]
    of = Report((Outcome(done, "done"), Outcome(left, "left", "SNS forgets it")))

    assert of.ok
    assert text.report(of).endswith(f" destroyed.\n\n  left       {left.address}: SNS forgets it\n")
    assert text.report(of).startswith("Apply complete! Resources: ")


def test_a_short_report_lists_ten_steps_that_were_not_tried() -> None:
    """The others are counted, and failed steps are listed first and all; a full report lists everything."""
    first = update().changes[0]
    outcomes = [Outcome(first, "not tried", "the run was interrupted")] * 12 + [Outcome(first, "failed", "no")] * 11
    of = Report(tuple(outcomes), interrupted=True)
    short = text.report(of, full=False)

    assert ["failed"] * 11 + ["not"] * 10 + ["2"] == [line.split()[0] for line in short.splitlines()[2:24]]
    assert "  2 more steps were not tried; with -v all are listed.\n\nOf 23 steps: 0 done, 11 failed" in short
    assert (12, 10) == (text.report(of).count("  not tried "), short.count("  not tried "))


# --- what tools read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "pattern"),
    [
        # tfcmt: https://github.com/suzuki-shunsuke/tfcmt, the parser of plans
        ({"created"}, r"^ *# .* will be (created)$"),
        ({"corp/eu-west-1/topic/t"}, r"^ *# (corp/eu-west-1/topic/t) will be created$"),
        ({"Plan: 12 to add, 0 to change, 0 to destroy."}, r"^(Plan: \d.*)$"),
        # Digger and Atlantis count with these
        ({("12", "0", "0")}, r"Plan: (\d+) to add, (\d+) to change, (\d+) to destroy\."),
        # Atlantis moves the sign of a block to the first column
        ({"+"}, r"^ {2}([+~-]) resource"),
    ],
)
def test_the_lines_that_tools_read_of_a_creation(expected: set[object], pattern: str) -> None:
    """Tools for Terraform find their lines by these expressions."""
    assert expected == set(re.findall(pattern, text.plan(creation()), re.MULTILINE))


@pytest.mark.parametrize(
    ("action", "header"),
    [("create", "will be created"), ("update", "will be updated in-place"), ("delete", "will be destroyed")],
)
def test_each_step_has_terraforms_header(action: Action, header: str) -> None:
    """Each step is a header line with nothing behind it, a reason and a block."""
    plans = (creation(), update(), removal())
    steps = [str(c.address) for p in plans for c in p.changes if c.action == action]
    drawn = "\n".join(text.plan(each, full=True) for each in plans)

    assert steps
    assert steps == re.findall(rf"^ *# (.*) {header}$", drawn, re.MULTILINE)


def test_the_legend_has_the_signs_in_use_only() -> None:
    """As Terraform does, only what occurs is explained."""
    assert re.findall(r"^  [+~-] (?:create|update in-place|destroy)$", text.plan(creation()), re.MULTILINE) == [
        "  + create"
    ]


def test_no_changes_is_the_whole_sentence() -> None:
    """Atlantis looks for this sentence, whole."""
    assert text.plan(unchanged()).splitlines()[0] == "No changes. Your infrastructure matches the configuration."


def test_apply_complete_is_the_line_that_tools_count_with() -> None:
    """Digger counts with what was added, changed and destroyed."""
    drawn = text.report(report("done"))

    assert re.findall(r"(\d+) added, (\d+) changed, (\d+) destroyed", drawn) == [("0", "1", "0")]
    assert drawn.startswith("Apply complete! Resources: ")


def test_a_report_that_is_not_ok_is_not_complete() -> None:
    """A failure cannot be mistaken for a success."""
    assert not [
        r
        for r in (report("failed"), report("not tried", interrupted=True), report("unknown"))
        if "complete!" in text.report(r)
    ]


# --- colour, and hostile names -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("plan", [creation, update, removal, unchanged])
def test_without_colour_there_is_no_escape(plan: object) -> None:
    """In a file, or a CI log, there is no control character but the line's end."""
    assert callable(plan)
    made = plan()

    assert not re.findall(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]", text.plan(made) + text.drift(made))


@pytest.mark.parametrize("plan", [creation, update, removal, unchanged])
def test_colour_is_all_that_colour_adds(plan: object) -> None:
    """Whoever strips the colours has the same text."""
    assert callable(plan)
    made = plan()

    assert text.plan(made) == re.sub(r"\x1b\[\d+m", "", text.plan(made, colour=True))
    assert text.drift(made) == re.sub(r"\x1b\[\d+m", "", text.drift(made, colour=True))


HOSTILE = st.text("\x1b[31m\n\r\t\x00\x9b\u202e\u2028\u200bab\"\\${}'", min_size=1, max_size=12)
SCOPE = Scope("111111111111", "eu-west-1")


def hostile(value: str, *, before: bool, after: bool) -> Change:
    """A change in which everything that comes from outside is the given text."""
    address = Address("corp", "eu-west-1", "topic", value)
    states = (
        ({"topic_arn": "t", "display_name": f"{value}1", "x": [value], "y": {value: value}} if before else None),
        (
            {"topic_arn": "t", "display_name": f"{value}2", "x": [f"{value}2"], "y": {value: f"{value}2"}}
            if after
            else None
        ),
    )
    action: Action = "update" if before and after else "create" if after else "delete"
    return Change(address, SCOPE, action, *states, value, 2, ("sns:CreateTopic",))


@given(HOSTILE, st.sampled_from([(True, True), (True, False), (False, True)]))
def test_hostile_text_acts_on_no_terminal(value: str, sides: tuple[bool, bool]) -> None:
    """Names, values, reasons and AWS's messages are escaped, whatever is in them."""
    change = hostile(value, before=sides[0], after=sides[1])
    plan = Plan((change,))
    outcomes = (Outcome(change, "failed", value),)
    drawn = (
        text.plan(plan)
        + text.drift(plan)
        + text.report(Report(outcomes))
        + text.step(change, outcomes[0])
        + text.step(change, None)
    )

    assert [line for line in drawn.split("\n") if not line.isprintable()] == []


@given(HOSTILE)
def test_hostile_text_adds_no_line(value: str) -> None:
    """No name can forge a line of the plan, such as its summary."""
    harmless, change = hostile("ab", before=False, after=True), hostile(value, before=False, after=True)

    assert len(re.findall(r"^Plan: ", text.plan(Plan((change,))), re.MULTILINE)) == 1
    assert text.step(harmless, None).count("\n") == text.step(change, None).count("\n")


# --- details -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "calls", "rate"),
    [
        ("Applying makes 1 call, at least 1 s at 1 SES call a second:", 1, 1.0),
        ("Applying makes 119 calls, at least 119 s at 1 SES call a second:", 119, 1.0),
        ("Applying makes 121 calls, at least 2 min 1 s at 1 SES call a second:", 121, 1.0),
        ("Applying makes 10 calls, at least 4 s at 2.5 SES calls a second:", 10, 2.5),
        ("Applying makes 10 calls:", 10, None),
    ],
)
def test_the_price_of_a_plan(expected: str, calls: int, rate: float | None) -> None:
    """Before approval, the plan says how long the quota of SES makes it take."""
    change = replace(hostile("a", before=False, after=True), calls=("ses:X",) * calls)

    assert expected in text.plan(Plan((change,)), rate=rate).splitlines()
    assert f"  111111111111/eu-west-1: {calls} to SES, 0 to SNS" in text.plan(Plan((change,)), rate=rate).splitlines()


@pytest.mark.parametrize(
    ("expected", "action", "outcome"),
    [
        ("corp/eu-west-1/topic/a: Creating...", "create", None),
        ("corp/eu-west-1/topic/a: Modifying...", "update", None),
        ("corp/eu-west-1/topic/a: Destroying...", "delete", None),
        ("corp/eu-west-1/topic/a: Creation complete", "create", "done"),
        ("corp/eu-west-1/topic/a: Modification complete", "update", "done"),
        ("corp/eu-west-1/topic/a: Destruction complete", "delete", "done"),
        ("corp/eu-west-1/topic/a: failed: no", "create", "failed"),
        ("corp/eu-west-1/topic/a: not tried: no", "create", "not tried"),
        ("corp/eu-west-1/topic/a: unknown: no", "create", "unknown"),
    ],
)
def test_the_line_of_a_step(expected: str, action: Action, outcome: Result | None) -> None:
    """Each step is told as it begins and as it ends."""
    change = Change(Address("corp", "eu-west-1", "topic", "a"), SCOPE, action, {}, {}, "", 2, ())

    assert expected == text.step(change, Outcome(change, outcome, "no") if outcome else None)


def test_the_number_of_settings_is_in_the_right_number() -> None:
    """One setting is not `1 settings`."""
    desired = compiled(owner("configuration_sets: {c: }\n"))

    assert "sesform compared 1 declared resource with AWS. All are as declared." in text.plan(
        planner.plan(desired, holding(desired))
    )


def test_an_unknown_value_is_known_after_apply() -> None:
    """As Terraform says it."""
    assert "arn" in text.plan(creation())
    assert re.search(r"^      \+ arn +\= \(known after apply\)$", text.plan(creation()), re.MULTILINE)


def test_a_stand_in_is_no_drift() -> None:
    """What a plan makes and removes again is nothing that AWS and the specs differ in."""
    body = "topics: {t: {}}\nconfiguration_sets: {c: {event_destinations: {d: {events: [bounce], %s}}}}\n"
    plan = plan_between(owner(body % "eventbridge: default"), owner(body % "sns: t"))

    assert "stand-in" in text.plan(plan, full=True)
    assert "stand-in" not in text.drift(plan)


def test_an_entry_of_a_list_says_which_list() -> None:
    """An entry that comes or goes is told with the way to its list."""
    body = "identities: {a.com: {authorize: {'333333333333': {actions: [%s]}}}}\n"
    plan = plan_between(owner(body % "SendEmail, SendRawEmail"), owner(body % "SendEmail"))

    assert '          - Statement.SesformAuthorize.Action: "ses:SendRawEmail"' in text.plan(plan).splitlines()
