"""Legacy cross-account entries: new ones are refused with what replaces them, existing ones are changed and removed as before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from sesform.engine.specs import compile_text
from shell import Shell
from world import World

DELEGATE, REGION = "222222222222", "eu-west-1"
TOPIC = f"arn:aws:sns:{REGION}:{DELEGATE}:feedback"
IDENTITY = f"arn:aws:ses:{REGION}:333333333333:identity/partner.example"
HEAD = f'kind: Delegate\nname: mailer\naccount: "{DELEGATE}"\nregions: [{REGION}]\ntopics: {{feedback: {{}}, other: {{}}}}\n'
ENTRY = HEAD + f"cross_account_notifications: {{'{IDENTITY}': %s}}\n"
BOTH = "{bounce: feedback, complaint: feedback}"


def entry(shell: Shell) -> dict[str, Any]:
    """The settings of the entry, empty if there is none."""
    ses: Any = shell.sandbox.session(DELEGATE, REGION).client("ses")
    found = ses.get_identity_notification_attributes(Identities=[IDENTITY])["NotificationAttributes"]
    return {key: value for key, value in found.get(IDENTITY, {}).items() if key.endswith("Topic")}


# --- new entries -------------------------------------------------------------------------------------------------------


def test_a_new_entry_is_refused_before_anything_is_written(shell: Shell) -> None:
    """The refusal names the entry, its types and the flag; not even the topic is created."""
    shell.specs(ENTRY % BOTH)
    result = shell.run("apply", "--sandbox", "--auto-approve")

    assert 1 == result.code
    text = f"the plan creates a cross-account entry for {IDENTITY} (bounce, complaint); AWS makes no new ones"
    assert f"Error: {text}; " in result.err
    assert result.err.splitlines()[-2].endswith("or pass --allow-new-legacy")
    assert [] == shell.sandbox.session(DELEGATE, REGION).client("sns").list_topics()["Topics"]


def test_new_entries_of_two_delegates_are_two_refusals(shell: Shell) -> None:
    """Each refusal has the types that its own account would set."""
    other = HEAD.replace("mailer", "other").replace(DELEGATE, "444444444444")
    shell.specs(
        ENTRY % "{bounce: feedback}"
        + f"---\n{other}cross_account_notifications: {{'{IDENTITY}': {{complaint: feedback}}}}\n"
    )
    found = shell.run("plan", "--sandbox").err

    for type_ in ("bounce", "complaint"):
        assert f"the plan creates a cross-account entry for {IDENTITY} ({type_}); AWS makes no new ones" in found


def replacement_lines(shell: Shell) -> list[str]:
    """The three spec fragments of the refusal: for a configuration set, the owner's identity, and the topic."""
    (refusal,) = [line for line in shell.run("plan", "--sandbox").err.splitlines() if "cross-account entry" in line]
    by_set = refusal.partition(f"a configuration set of {DELEGATE}: ")[2].partition("; or let")[0]
    by_owner = refusal.partition("set your topic: ")[2].partition(" in the owner's spec and ")
    return [by_set, by_owner[0], by_owner[2].partition(" in yours")[0]]


def test_the_lines_of_the_refusal_make_the_replacement(shell: Shell) -> None:
    """Both methods, as the refusal writes them, carry the types of the entry to its topics."""
    shell.specs(ENTRY % "{bounce: feedback, complaint: feedback, delivery: other}")
    by_set, by_owner, by_topic = replacement_lines(shell)
    of_set = compile_text(f"{HEAD}{yaml.safe_dump(yaml.safe_load(by_set))}", "set.yaml")
    owner = f'kind: Owner\nname: o\naccount: "333333333333"\nregions: [{REGION}]\n'
    of_owner = compile_text(owner + yaml.safe_dump(yaml.safe_load(by_owner)), "owner.yaml")
    of_topic = compile_text(HEAD.partition("topics:")[0] + yaml.safe_dump(yaml.safe_load(by_topic)), "topic.yaml")

    destinations = {d.desired["name"]: d.desired for d in of_set.of_type("event_destination") if d.desired}
    assert {"feedback": ["BOUNCE", "COMPLAINT"], "other": ["DELIVERY"]} == {
        n: d["events"] for n, d in destinations.items()
    }
    topics = {
        d.desired["notification_type"]: d.desired["topic_arn"]
        for d in of_owner.of_type("notification_topic")
        if d.desired
    }
    assert {"bounce": TOPIC, "complaint": TOPIC, "delivery": TOPIC.replace("feedback", "other")} == topics
    allowed = {d.key["topic_arn"]: d.desired["publishers"] for d in of_topic.of_type("topic_policy") if d.desired}
    assert [[["333333333333", IDENTITY, DELEGATE]]] * 2 == list(allowed.values())


def test_the_set_of_an_address_has_a_name_that_ses_accepts(shell: Shell) -> None:
    """The name has the letters and digits of the identity, and a hyphen for each other character."""
    shell.specs((ENTRY % BOTH).replace("identity/partner.example", "identity/Sales_1@partner-shop.example"))
    (by_set, *_) = replacement_lines(shell)

    assert ["Sales_1-partner-shop-example"] == list(yaml.safe_load(by_set)["configuration_sets"])


def test_topics_of_one_name_stay_apart_in_the_replacement(shell: Shell) -> None:
    """An entry may have topics of two accounts: each event goes to its own topic, though both have the same name."""
    theirs = TOPIC.replace(DELEGATE, "333333333333")
    shell.specs(ENTRY % f"{{bounce: feedback, complaint: '{theirs}'}}")
    (by_set, *_) = replacement_lines(shell)
    ((_, found),) = yaml.safe_load(by_set)["configuration_sets"].items()

    assert [(["bounce"], TOPIC), (["complaint"], theirs)] == [
        (each["events"], each["sns"]) for each in found["event_destinations"].values()
    ]


def test_allow_new_legacy_tries_all_the_same(shell: Shell) -> None:
    """With the flag the call is made; the sandbox refuses it, and the error names both replacements."""
    shell.specs(ENTRY % BOTH)
    result = shell.run("apply", "--sandbox", "--auto-approve", "--allow-new-legacy")

    assert 1 == result.code
    assert "ses:SetIdentityNotificationTopic" in result.err
    assert "verify the identity in this account" not in result.err
    assert {} == entry(shell)


def test_the_error_of_aws_for_an_unknown_foreign_identity_names_the_replacements(tmp_path: Path) -> None:
    """AWS's text for an unknown identity does not lead to verifying another account's domain in the own account."""
    world = World(tmp_path)
    text = f"Identity {IDENTITY} is invalid. Must be a verified email address or domain."
    plan = world.plan(ENTRY % BOTH)
    world.sandbox.fail("SetIdentityNotificationTopic", code="InvalidParameterValue", message=text, status=400, times=9)
    errors = [o.error for o in world.apply(plan).outcomes if o.result == "failed"]

    assert ["use a configuration set of your own, or let the owner" in error for error in errors] == [True] * len(
        errors
    )
    assert errors != []


def test_the_flag_is_kept_in_a_saved_plan(shell: Shell) -> None:
    """A plan that was saved with the flag is not refused by the guard when it is applied."""
    shell.specs(ENTRY % BOTH)
    assert 0 == shell.run("plan", "--sandbox", "--allow-new-legacy", "--out", "p.json").code
    document = json.loads(Path("p.json").read_text(encoding="utf-8"))["sesform"]

    assert document["options"]["allow_new_legacy"] is True
    assert [{"account": DELEGATE, "region": REGION, "identity": IDENTITY}] == document["new_entries"]
    assert "cross-account entry" not in shell.run("apply", "--sandbox", "--plan", "p.json").err


# --- existing entries --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "expected"),
    [
        ("{bounce: feedback, complaint: feedback, delivery: other}", {"Bounce", "Complaint", "Delivery"}),
        ("{bounce: {topic: other, headers: true}}", {"Bounce"}),
        ("{complaint: feedback}", {"Complaint"}),
        ("{bounce: unmanaged, complaint: feedback}", {"Bounce", "Complaint"}),
    ],
)
def test_an_existing_entry_is_edited(shell: Shell, declared: str, expected: set[str]) -> None:
    """Types are added, moved, exchanged and cleared in an entry that exists, without a flag."""
    shell.specs(HEAD)
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    shell.legacy_entry(IDENTITY, Bounce=TOPIC)
    shell.specs(ENTRY % declared)

    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    assert {f"{type_}Topic" for type_ in expected} == entry(shell).keys()
    assert 0 == shell.run("drift", "--sandbox").code


def test_an_existing_entry_is_removed_for_good_with_its_flag(shell: Shell) -> None:
    """One call a type clears the entry; a plan that would bring it back is refused."""
    shell.legacy_entry(IDENTITY, Bounce=TOPIC, Complaint=TOPIC)
    shell.specs(ENTRY % BOTH)
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code
    shell.specs(ENTRY % "{bounce: null, complaint: null}")

    assert 1 == shell.run("apply", "--sandbox", "--auto-approve").code
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve", "--allow-irreversible").code
    assert {} == entry(shell)
    shell.specs(ENTRY % BOTH)
    assert 1 == shell.run("plan", "--sandbox").code


def test_an_entry_that_could_not_be_read_is_neither_new_nor_existing(tmp_path: Path) -> None:
    """A refused read is an error of the plan, and the guard says nothing of the entry."""
    world = World(tmp_path)
    world.sandbox.fail("GetIdentityNotificationAttributes", code="AccessDenied", message="no", status=403, times=9)
    plan = world.plan(ENTRY % BOTH)

    assert () == plan.new_entries
    assert plan.errors != ()
    assert [True] * len(plan.errors) == ["AccessDenied" in p.summary for p in plan.errors]
