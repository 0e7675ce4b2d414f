"""Existing sending policies: other programs' policies stay, deleted texts are kept, and the quota is respected."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sesform.planning.plan import Plan
from shell import Shell
from world import OWNER, World

HEAD = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
"""
RAW = '{Statement: [{Effect: Allow, Principal: {AWS: "%s"}, Action: ses:SendEmail}]}'
PLACE = "corp/eu-west-1/sending_policy/example.com/"


def text_of(account: str = "444444444444", sid: str = "theirs") -> str:
    """A policy as another program writes it, with its own whitespace and order."""
    arn = f"arn:aws:ses:eu-west-1:{OWNER}:identity/example.com"
    return (
        f'{{"Statement": [{{"Sid": "{sid}", "Resource": "{arn}", "Principal": {{"AWS": "{account}"}},\n'
        '  "Effect": "Allow", "Action": ["ses:SendRawEmail", "ses:SendEmail"]}], "Version": "2012-10-17", "Id": "by-hand"}'
    )


def put(client: Any, name: str, text: str) -> None:
    client.create_email_identity_policy(EmailIdentity="example.com", PolicyName=name, Policy=text)


def live_policies(client: Any) -> dict[str, str]:
    """Return the live policies by name."""
    found: dict[str, str] = client.get_email_identity_policies(EmailIdentity="example.com")["Policies"]
    return found


def others(world: World, number: int) -> None:
    for n in range(number):
        put(world.client("sesv2"), f"other-{n:02}", text_of())


def identity(settings: str) -> str:
    return HEAD + f"identities: {{example.com: {{{settings}}}}}\n"


def policy_steps(of: Plan) -> list[str]:
    return [f"{c.action} {c.address.key}" for c in of.changes if c.address.type == "sending_policy"]


# --- others' -------------------------------------------------------------------------------------------------------------


def test_undeclared_policies_are_not_changed(world: World) -> None:
    """Apply and destroy leave policies of other programs on the identity exactly as they are."""
    world.identity("example.com")
    put(world.client("sesv2"), "theirs", text_of())
    put(world.client("sesv2"), "sesform-like", text_of(sid="SesformAuthorize"))
    before = live_policies(world.client("sesv2"))
    specs = identity(f"authorize: {{'222222222222': }}, policies: {{mine: {RAW % '333333333333'}, gone: absent}}")
    world.converge(specs)

    assert {"mine", "sesform-222222222222"} == set(live_policies(world.client("sesv2"))) - set(before)

    world.converge(specs, destroy=True)

    assert before == live_policies(world.client("sesv2"))


def test_the_quota_is_checked_for_the_selected_part_of_a_plan(shell: Shell) -> None:
    """With 19 policies of other programs, two more are refused; one of them with --only is accepted."""
    shell.specs(identity(f"policies: {{a: {RAW % '333333333333'}, b: {RAW % '333333333333'}}}"))
    shell.run("plan", "--sandbox")  # creates the identity
    client = shell.sandbox.session(OWNER, "eu-west-1").client("sesv2")
    for n in range(19):
        put(client, f"other-{n:02}", text_of())

    assert 1 == shell.run("plan", "--sandbox").code
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve", "--only", f"{PLACE}a").code
    assert 20 == len(live_policies(client))


def test_a_policy_that_means_the_same_is_not_written(world: World) -> None:
    """An existing policy with the declared meaning is not written."""
    world.identity("example.com")
    put(world.client("sesv2"), "mine", text_of())
    statement = (
        '{Sid: theirs, Effect: Allow, Principal: {AWS: "444444444444"}, Action: [ses:SendEmail, ses:SendRawEmail]}'
    )

    assert (
        policy_steps(world.plan(identity(f"policies: {{mine: {{Version: 2012-10-17, Statement: {statement}}}}}"))) == []
    )


def test_an_account_id_as_root_arn_is_no_change_in_other_partitions(world: World) -> None:
    """AWS returns an account id as the root of the region's partition; that is no change."""
    region = "us-gov-west-1"
    world.identity("example.com", region=region)
    specs = identity(f"policies: {{mine: {RAW % '333333333333'}}}").replace("eu-west-1", region)
    world.converge(specs)
    client = world.client("sesv2", region=region)
    kept = live_policies(client)["mine"].replace('"333333333333"', '"arn:aws-us-gov:iam::333333333333:root"')
    client.update_email_identity_policy(EmailIdentity="example.com", PolicyName="mine", Policy=kept)

    assert "aws-us-gov:iam" in live_policies(client)["mine"]
    assert policy_steps(world.plan(specs)) == []


def test_a_policy_created_after_the_plan_is_not_overwritten(world: World) -> None:
    """A policy that was created after the plan is not overwritten, because its text could not be recovered; the step fails."""
    world.identity("example.com")
    specs = identity(f"policies: {{mine: {RAW % '333333333333'}}}")
    plan = world.plan(specs)
    put(world.client("sesv2"), "mine", text_of())
    before = live_policies(world.client("sesv2"))
    (outcome,) = world.apply(plan).outcomes

    assert "failed" == outcome.result
    assert outcome.error.endswith("; another program created this policy after the plan was made. Plan again.")
    assert before == live_policies(world.client("sesv2"))
    assert ["update example.com/mine"] == policy_steps(world.plan(specs))


def test_a_policy_that_already_exists_as_planned_is_done(world: World) -> None:
    """A policy that already exists as planned, after an interrupted run or a lost response, counts as done."""
    world.identity("example.com")
    specs = identity(f"policies: {{mine: {RAW % '333333333333'}}}")
    plan = world.plan(specs)
    world.converge(specs)

    assert ["done"] == [o.result for o in world.apply(plan).outcomes]


# --- room ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("of_others", "waits"), [(16, [0, 0]), (17, [0, 1]), (18, [1, 2])])
def test_new_policies_wait_for_deletions_only_if_the_quota_requires_it(
    world: World, of_others: int, waits: list[int]
) -> None:
    """New policies are created first if the quota of twenty allows it; otherwise each waits for as many deletions as required."""
    world.identity("example.com")
    others(world, of_others)
    specs = identity("policies: {old1: %s, old2: %s, new1: %s, new2: %s}")
    there = RAW % "333333333333"
    world.converge(specs % (there, there, "absent", "absent"))
    plan = world.converge(specs % ("absent", "absent", there, there))

    assert waits == [
        len(c.depends_on) for c in plan.changes if c.address.type == "sending_policy" and c.action == "create"
    ]


def test_at_the_limit_one_plan_swaps_policies(world: World) -> None:
    """With twenty policies, the old policy is deleted first and the new one created in the same run."""
    world.identity("example.com")
    others(world, 18)
    specs = identity("authorize: {'222222222222': %s, '333333333333': %s, '555555555555': {}}")
    world.converge(specs % ("{}", "absent"))
    plan = world.converge(specs % ("absent", "{}"))

    assert [
        "delete example.com/sesform-222222222222",
        "create example.com/sesform-333333333333",
    ] == policy_steps(plan)


def test_undeclared_policies_count_for_the_quota(world: World) -> None:
    """The quota of twenty policies is checked before any write; the error counts undeclared policies."""
    world.identity("example.com")
    others(world, 19)
    plan = world.plan(identity(f"policies: {{a: {RAW % '333333333333'}, b: {RAW % '333333333333'}}}"))
    (problem,) = plan.errors

    assert (
        "identity example.com would have 21 sending policies; the quota is 20; specs do not declare 19 of them"
        == problem.summary
    )
    assert (6, PLACE + "a") == (problem.line, problem.path)
    assert "delete some of other-00, other-01, " in problem.hint


def test_twenty_policies_are_within_the_quota(world: World) -> None:
    """A twentieth policy is within the quota."""
    world.identity("example.com")
    others(world, 19)
    world.converge(identity(f"policies: {{a: {RAW % '333333333333'}}}"))


# --- the old text --------------------------------------------------------------------------------------------------------


@pytest.fixture
def replaced(shell: Shell) -> dict[str, Any]:
    """Two policies of another program under declared names, one to update and one to delete; returns the live documents."""
    shell.specs(identity(f"policies: {{changed: {RAW % '333333333333'}, gone: absent}}"))
    shell.sandbox.declare_identity(OWNER, "eu-west-1", "example.com")
    client = shell.sandbox.session(OWNER, "eu-west-1").client("sesv2")
    put(client, "changed", text_of(sid="__default_statement_ID"))
    put(client, "gone", text_of("555555555555"))
    return live_policies(client)


def old_texts(replaced: dict[str, Any]) -> list[str]:
    return [json.dumps(json.loads(replaced[name]), separators=(",", ":")) for name in ("changed", "gone")]


def test_a_saved_plan_has_the_old_documents(shell: Shell, replaced: dict[str, Any], tmp_path: Path) -> None:
    """SES does not return deleted policies, so the plan file keeps their exact text."""
    shell.run("plan", "--sandbox", "--out", "p.json")
    steps = json.loads((tmp_path / "p.json").read_text(encoding="utf-8"))["sesform"]["steps"]

    assert {name: json.loads(text) for name, text in replaced.items()} == {
        s["before"]["name"]: s["before"]["policy"] for s in steps if s["action"] != "create"
    }


@pytest.mark.parametrize("arguments", [("plan",), ("apply", "--auto-approve"), ("plan", "--format", "markdown")])
def test_a_printed_plan_shows_the_old_documents(
    shell: Shell, replaced: dict[str, Any], arguments: tuple[str, ...]
) -> None:
    """The plan shows policies that are updated or deleted in full, as text that can be restored."""
    result = shell.run(arguments[0], "--sandbox", *arguments[1:])

    assert [True, True] == [text in result.out for text in old_texts(replaced)]


@pytest.mark.parametrize("format", ["json", "markdown"])
def test_apply_without_a_printed_plan_prints_the_old_documents_first(
    shell: Shell, replaced: dict[str, Any], format: str
) -> None:
    """If no complete plan is printed, apply prints the old policies to stderr before the first call, also with --quiet."""
    result = shell.run("apply", "--sandbox", "--auto-approve", "-q", "--format", format)

    assert result.code == 0
    assert [True, True] == [
        f"{PLACE}{name}: the present text, to restore it: {text}" in result.err
        for name, text in zip(("changed", "gone"), old_texts(replaced), strict=True)
    ]


def test_a_json_report_has_the_prior_documents(shell: Shell, replaced: dict[str, Any]) -> None:
    """The JSON report of apply has the prior documents."""
    report = json.loads(shell.run("apply", "--sandbox", "--auto-approve", "--format", "json").out)

    assert {name: json.loads(text) for name, text in replaced.items()} == {
        o["before"]["name"]: o["before"]["policy"] for o in report["outcomes"] if o["before"]
    }


def test_specs_that_exceed_the_quota_together_are_an_error(world: World) -> None:
    """Two specs that are each within the quota, but not together, are an error."""
    world.identity("example.com")
    many = ", ".join(f"p{n}: {RAW % '333333333333'}" for n in range(11))
    left = "notifications: {bounce: unmanaged, complaint: unmanaged, delivery: unmanaged}"
    other = identity(f"{left}, policies: {{{many.replace(' p', ' q').replace('p0', 'q0')}}}").replace("corp", "other")
    (problem,) = world.plan(identity(f"policies: {{{many}}}") + "---\n" + other).errors

    assert problem.summary.startswith(
        "identity example.com would have 22 sending policies; the quota is 20; specs do not declare 0 of them"
    )
    assert problem.hint == "declare fewer"
