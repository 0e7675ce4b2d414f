"""What the commands never do, whatever they are given."""

from __future__ import annotations

import json
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sesform.cli import main
from sesform_sandbox import Sandbox
from shell import SPECS, Shell

READS = ("Get", "List", "Describe", "AssumeRole")


def watch(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> list[Sandbox]:
    """The sandboxes that commands open from now on, in order, to see what was asked of them."""
    opened: list[Sandbox] = []

    def open_sandbox(rate: float | None = None) -> Sandbox:
        opened.append(Sandbox(shell.folder / ".sesform" / "sandbox.json", rate=rate))
        return opened[-1]

    monkeypatch.setattr("sesform.cli.sandbox.open_sandbox", open_sandbox)
    return opened


@pytest.mark.parametrize(
    "command", ["plan", "plan --out p.tfplan", "drift", "plan --format json", "drift --only corp/*"]
)
def test_planning_issues_no_writing_call(shell: Shell, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """plan and drift call only Get, List and Describe operations, with and without changes to make."""
    opened = watch(shell, monkeypatch)
    shell.run(*command.split(), "--sandbox")
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.clear_in_console()
    shell.run(*command.split(), "--sandbox")
    first, _, last = opened
    calls = [*first.calls, *last.calls]

    assert len(calls) > 8
    assert {c.operation for c in calls if not c.operation.startswith(READS)} == set()


def test_a_plan_that_is_empty_applies_without_a_writing_call(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing differs nothing is written: each Set would mail a test message to every subscriber."""
    opened = watch(shell, monkeypatch)
    shell.run("apply", "--sandbox", "--auto-approve")
    shell.run("apply", "--sandbox", "--auto-approve")

    assert {c.operation for c in opened[1].calls if not c.operation.startswith(READS)} == set()


def test_validate_and_show_need_no_aws(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """validate, show and schema never connect."""
    shell.run("plan", "--sandbox", "--out", "p.tfplan")
    monkeypatch.setattr("sesform.aws.connect", lambda *_: pytest.fail("connected"))

    assert [0, 0, 0] == [shell.run(*c.split()).code for c in ("validate", "show p.tfplan", "schema")]


def test_a_plan_of_two_hundred_identities_takes_as_few_calls_as_aws_allows(
    shell: Shell, monkeypatch: pytest.MonkeyPatch
) -> None:
    """200 identities with three types each, 20 sets, 3 topics, 2 accounts: each term of the budget, and nothing more."""
    types = "{bounce: {topic: mailer/b, headers: true}, complaint: mailer/c, delivery: mailer/d}"
    names = "".join(f"  d{i}.example.com: {{}}\n" for i in range(200))
    sets = "".join(f"  s{i}: {{event_destinations: {{f: {{events: [bounce], sns: b}}}}}}\n" for i in range(20))
    shell.specs(
        f'kind: Owner\nname: corp\naccount: "111111111111"\nregions: [eu-west-1]\n'
        f"defaults: {{identity: {{notifications: {types}}}}}\nidentities:\n{names}---\n"
        f'kind: Delegate\nname: mailer\naccount: "222222222222"\nregions: [eu-west-1]\n'
        f"topics: {{b: {{}}, c: {{}}, d: {{}}}}\nconfiguration_sets:\n{sets}"
    )
    opened = watch(shell, monkeypatch)
    shell.run("apply", "--sandbox", "--auto-approve", "-q")
    result = shell.run("plan", "--sandbox", "--detailed-exitcode")

    assert 0 == result.code
    assert {
        "GetCallerIdentity": 2,
        "GetIdentityNotificationAttributes": 2,  # a hundred identities a call
        "ListEmailIdentities": 1,
        "GetConfigurationSetEventDestinations": 20,
        "GetTopicAttributes": 3,
        "ListSubscriptionsByTopic": 3,
    } == Counter(call.operation for call in opened[1].calls)


def test_the_estimate_of_calls_is_what_apply_makes(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """The calls that the plan counts are those that the sandbox gets."""
    opened = watch(shell, monkeypatch)
    document = json.loads(shell.run("plan", "--sandbox", "--format", "json").out)
    shell.run("apply", "--sandbox", "--auto-approve")
    written = [c for c in opened[1].calls if not c.operation.startswith(READS)]

    assert document["sesform"]["api_calls"]["total"] == len(written)
    assert 3 == document["sesform"]["api_calls"]["least_seconds"]


YAML_SCRAPS = st.sampled_from(
    [
        "kind: Owner\n", "kind: Delegate\n", "name: x\n", 'account: "111111111111"\n', "account: 1\n", "regions: [eu-west-1]\n",
        "regions: x\n", "topics:\n", "  a: {}\n", "identities: {example.com: {notifications: {bounce: a}}}\n", "---\n", "- x\n",
        "&a [*a]\n", "? x\n", "\t\n", "{", "}", "[", "]", "!!python/object:os.system x\n", "<<: *x\n", "\x00", "\x1b[31m\n",
        "topics: {a: {subscriptions: [{}]}}\n", "configuration_sets: {s: {event_destinations: {d: {events: all}}}}\n",
        "cross_account_notifications: {x: absent}\n", "credentials: {role_arn: x}\n", "null\n", "~: ~\n", "\ufeff", "\u202e",
    ]
)  # fmt: skip


@settings(max_examples=200)
@given(
    content=st.one_of(st.binary(max_size=300), st.lists(YAML_SCRAPS, max_size=12).map(lambda s: "".join(s).encode()))
)
def test_any_file_is_valid_or_a_clean_error(shell: Shell, content: bytes) -> None:
    """Random bytes and random YAML: exit code 0 or 1, every line of stderr printable, never a traceback."""
    file = shell.folder / "specs" / "specs.yaml"
    file.write_bytes(content)
    result = shell.run("validate")

    assert result.code in (0, 1)
    assert (result.code == 1) is result.err.rstrip().split("\n")[-1].startswith("Error: ")
    assert "Traceback" not in result.err
    assert all(c.isprintable() or c == "\n" for c in result.err)


@settings(max_examples=100)
@given(content=st.binary(max_size=200) | st.just(b"[" * 100_000) | st.just(b'{"sesform":{"version":1}}'))
def test_any_plan_file_is_a_clean_error(shell: Shell, content: bytes) -> None:
    """Random bytes as a plan file: exit code 1 and one line, never a traceback."""
    file = shell.folder / "p.tfplan"
    file.write_bytes(content)
    for command in (("show", "p.tfplan"), ("apply", "--sandbox", "--plan", "p.tfplan")):
        result = shell.run(*command)

        assert (1, "", 1) == (result.code, result.out, result.err.count("\n"))
        assert result.err.startswith("Error: p.tfplan: ")


def test_hostile_names_reach_no_output_unescaped(shell: Shell) -> None:
    """What reorders or hides text, and what looks like a command to a CI system, is escaped wherever it is shown."""
    shell.specs(SPECS.replace("{feedback: {}}", '{feedback: {display_name: "red \\u202e::set-output name=x::y"}}'))
    for command in (
        ("plan", "--sandbox"),
        ("plan", "--sandbox", "--format", "json"),
        ("apply", "--sandbox", "--auto-approve"),
    ):
        result = shell.run(*command)

        assert 0 == result.code
        assert "\u202e" not in result.out + result.err
        assert not [line for line in (result.out + result.err).splitlines() if line.startswith("::")]


def test_control_characters_are_refused_and_escaped(shell: Shell) -> None:
    """SNS's answers could not carry them: a display name with one is an error, which does not repeat it raw."""
    shell.specs(SPECS.replace("{feedback: {}}", '{feedback: {display_name: "\\e[31mred"}}'))

    result = shell.run("validate")

    assert 1 == result.code
    assert "\\x1b[31mred" in result.err
    assert "\x1b" not in result.out + result.err


def test_main_returns_and_never_exits() -> None:
    """main gives its code back, so that it can be called from Python."""
    assert 1 == main(["--frob"])
