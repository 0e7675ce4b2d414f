"""Saved plans are promises: apply makes the plan again and carries it out only if it has the same steps."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from sesform.cli import apply as command
from sesform.planning import plan_file
from shell import Shell

QUEUE = "arn:aws:sqs:eu-west-1:111111111111:q"
SPECS = f"""
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
topics: {{fb: {{subscriptions: [{{protocol: sqs, endpoint: "{QUEUE}"}}]}}}}
identities:
  example.com: {{notifications: {{bounce: fb, complaint: fb}}, feedback_forwarding: true}}
"""


@pytest.fixture
def saved(shell: Shell) -> Shell:
    """A saved plan that turns forwarding off, which the topic `fb` allows."""
    shell.specs(SPECS)
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.specs(SPECS.replace("feedback_forwarding: true", "feedback_forwarding: false"))
    assert 0 == shell.run("plan", "--sandbox", "--out", "p.json").code
    return shell


def forwarding(shell: Shell) -> bool:
    sesv2: Any = shell.sandbox.session("111111111111", "eu-west-1").client("sesv2")
    return bool(sesv2.get_email_identity(EmailIdentity="example.com")["FeedbackForwardingStatus"])


def edit(shell: Shell, change: Callable[[dict[str, Any]], object]) -> None:
    """Change what is ours in the file, with a digest that fits."""
    file = shell.folder / "p.json"
    content = json.loads(file.read_text())
    change(content["sesform"])
    content["sesform"]["digest"] = plan_file.digest(content)
    file.write_text(json.dumps(content))


def test_a_saved_plan_is_applied_if_nothing_has_changed(saved: Shell) -> None:
    """The same steps are planned again and carried out."""
    assert 0 == saved.run("apply", "--sandbox", "--plan", "p.json").code
    assert not forwarding(saved)


def test_what_a_plan_relies_on_is_checked_again(saved: Shell) -> None:
    """The plan changes forwarding only; the topic that it relies on was deleted since, so it is refused."""
    sns: Any = saved.sandbox.session("111111111111", "eu-west-1").client("sns")
    sns.delete_topic(TopicArn="arn:aws:sns:eu-west-1:111111111111:fb")

    assert 1 == saved.run("apply", "--sandbox", "--plan", "p.json").code
    assert forwarding(saved)


def test_a_plan_of_other_specs_is_refused(saved: Shell) -> None:
    """Specs that changed since the plan are a difference, named with what was and what is now."""
    saved.specs(SPECS)
    result = saved.run("apply", "--sandbox", "--plan", "p.json")

    assert 1 == result.code
    assert "feedback_forwarding/example.com: was update (" in result.err
    assert forwarding(saved)


GRANT: dict[str, Any] = {
    "address": "corp/eu-west-1/sending_policy/example.com/sesform-999999999999",
    "account": "111111111111",
    "action": "create",
    "before": None,
    "after": {"identity": "example.com", "name": "sesform-999999999999", "policy": {"Statement": []}},
    "reason": "x",
    "phase": 9,
    "depends_on": [],
}


@pytest.mark.parametrize(
    "change",
    [
        lambda own: own["steps"].append(GRANT),
        lambda own: own["steps"].clear(),
        lambda own: own["steps"][0].update(account="999999999999"),
        lambda own: own["access"].clear() or own["steps"].append(GRANT),
    ],
)
def test_an_edited_plan_with_a_fitting_digest_does_nothing(
    saved: Shell, change: Callable[[dict[str, Any]], object]
) -> None:
    """Steps that were added, removed or moved to another account are differences to what the specs ask for."""
    edit(saved, change)
    result = saved.run("apply", "--sandbox", "--plan", "p.json")
    sesv2: Any = saved.sandbox.session("111111111111", "eu-west-1").client("sesv2")

    assert 1 == result.code
    assert "Traceback" not in result.err
    assert forwarding(saved)
    assert {} == sesv2.get_email_identity_policies(EmailIdentity="example.com")["Policies"]


@pytest.mark.parametrize(
    "change",
    [
        lambda own: own["routes"][0].update(before=[7]),
        lambda own: own["routes"][0].update(account="\x1b[31m"),
        lambda own: own["routes"][0].update(region="\n::error::x"),
        lambda own: own["routes"][0].update(kind="::error::x"),
        lambda own: own["routes"][0].update(event="::error::x"),
        lambda own: own["steps"][0].update(account="\n::error::x"),
        lambda own: own["options"].update(prune="yes"),
        lambda own: own["options"].update(unknown=True),
        lambda own: own["options"].update(only=[1]),
    ],
)
def test_a_file_that_no_plan_could_be_is_refused(saved: Shell, change: Callable[[dict[str, Any]], object]) -> None:
    """Values of another form end neither in a traceback nor on the terminal or in a CI log."""
    edit(saved, change)
    for arguments in (("apply", "--sandbox", "--plan", "p.json"), ("show", "p.json")):
        result = saved.run(*arguments)

        assert 1 == result.code
        assert "the plan is incomplete" in result.err
        assert all(
            line.isprintable() and not line.lstrip().startswith("::") for line in (result.out + result.err).splitlines()
        )


def test_a_plan_of_the_sandbox_is_not_applied_to_aws(saved: Shell) -> None:
    """The file says that it was made with --sandbox, and the reverse."""
    result = saved.run("apply", "--plan", "p.json")

    assert 1 == result.code
    assert "p.json: this plan was made with --sandbox and cannot be applied without it. Plan again." in result.err

    edit(saved, lambda own: own["options"].update(sandbox=False))
    result = saved.run("apply", "--sandbox", "--plan", "p.json")
    assert 1 == result.code
    assert "this plan was made without --sandbox and cannot be applied with it" in result.err


def test_a_plan_is_made_again_with_its_options(saved: Shell) -> None:
    """The part of a plan that --only selects stays that part."""
    saved.specs(
        SPECS.replace("feedback_forwarding: true", "feedback_forwarding: false").replace(
            "fb: {", "fb: {display_name: x, "
        )
    )
    saved.run("plan", "--sandbox", "--only", "*/topic/*", "--out", "p.json")
    result = saved.run("apply", "--sandbox", "--plan", "p.json")

    assert 0 == result.code
    assert "Resources: 0 added, 1 changed, 0 destroyed" in result.out
    assert forwarding(saved)


def test_a_late_answer_makes_the_plan_again(saved: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """If more than a minute passes before `yes`, the plan must still have the same steps."""
    now = [0.0]

    def answer(*_: object) -> bool:
        now[0] += 61.0
        saved.specs(SPECS)
        return True

    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr(command, "_agreed", answer)
    monkeypatch.setattr(command, "interactive", lambda: True)
    result = saved.run("apply", "--sandbox")

    assert 1 == result.code
    assert "the plan is stale" in result.err
    assert forwarding(saved)
