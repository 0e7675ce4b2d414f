"""`import --terraform`: files in, specs out, and what it says where that cannot be."""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from scenes import DELEGATE, OWNER, REGION, identity_arn, set_arn, topic_arn
from sesform.importer import terraform_state
from sesform.model.values import printable
from sesform.policies import topic_statements
from sesform.policies.document import Publisher
from sesform.resources import RESOURCES
from sesform.specs import compiler, desired, schema, yaml_reader
from shell import Shell

TOPIC = topic_arn("feedback")


def resource(type_: str, values: dict[str, Any], name: str = "this") -> dict[str, Any]:
    return {"address": f"{type_}.{name}", "mode": "managed", "type": type_, "name": name, "values": values}


def state(*resources: dict[str, Any]) -> str:
    root = {"resources": list(resources)}
    return json.dumps({"format_version": "1.0", "terraform_version": "1.11.4", "values": {"root_module": root}})


POLICY = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "ses.amazonaws.com"}, "Action": "SNS:Publish"}]}
A_TOPIC = resource("aws_sns_topic", {"arn": TOPIC, "name": "feedback", "policy": json.dumps(POLICY)})
FIFO = resource("aws_sns_topic", {"arn": topic_arn("o.fifo"), "name": "o.fifo", "fifo_topic": True}, "fifo")
NOTIFICATION = resource(
    "aws_ses_identity_notification_topic",
    {"identity": "example.com", "notification_type": "Bounce", "topic_arn": TOPIC},
)


@pytest.fixture
def file(shell: Shell) -> Path:
    """The state of one topic, as `state.json` in the shell's folder."""
    made = shell.folder / "state.json"
    made.write_text(state(A_TOPIC))
    return made


def test_it_needs_no_credentials_and_makes_no_call(shell: Shell, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state says it all."""
    monkeypatch.setattr("sesform.aws.connect", lambda *_: pytest.fail("a connection was opened"))
    result = shell.run("import", "--terraform", "state.json", "-q")

    assert (0, "") == (result.code, result.err)
    assert f'name: account-{OWNER}\naccount: "{OWNER}"\n' in result.out


def test_it_reads_standard_input(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """From a pipe behind `terraform show -json`."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(state(A_TOPIC).encode())))

    assert 0 == shell.run("import", "--terraform", "-").code


def test_account_and_region_stand_in(shell: Shell, file: Path) -> None:
    """Where the state names none; without them the error names the file, the resource and the option."""
    file.write_text(state(NOTIFICATION))
    without = shell.run("import", "--terraform", "state.json")
    given = shell.run("import", "--terraform", "state.json", "--account", DELEGATE)

    assert (1, "") == (without.code, without.out)
    assert "state.json: aws_ses_identity_notification_topic.this: the state does not show the account" in without.err
    assert "Pass --account" in without.err
    assert f'account: "{DELEGATE}"' in given.out


def test_other_topics_are_counted(shell: Shell, file: Path) -> None:
    """Skipped topics are counted on stderr."""
    file.write_text(state(A_TOPIC, FIFO))
    result = shell.run("import", "--terraform", "state.json")

    assert "1 topics were skipped because SES does not publish to them; --all-topics includes them." in result.err


def test_names(shell: Shell, file: Path) -> None:
    """Of the specs, by account; one for an account that the state does not know is a slip."""
    named = shell.run("import", "--terraform", "state.json", "--name", f"{OWNER}=corp")
    unknown = shell.run("import", "--terraform", "state.json", "--name", f"{DELEGATE}=corp")

    assert "name: corp\n" in named.out
    assert (1, "") == (unknown.code, unknown.out)
    assert f"account {DELEGATE}" in unknown.err


def test_credentials_go_into_the_specs(shell: Shell, file: Path) -> None:
    """As with an import from AWS."""
    role = f"arn:aws:iam::{OWNER}:role/sesform"
    result = shell.run("import", "--terraform", "state.json", "--role-arn", role, "--profile", "mail")

    assert 0 == result.code
    assert f"credentials:\n  profile: mail\n  role_arn: {role}\n" in result.out


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (["--account", OWNER, "--account", DELEGATE], "--account is repeated; with --terraform"),
        (["--region", REGION, "--region", "us-east-1"], "--region is repeated; with --terraform"),
        (["--account", "12"], "--account: '12' is not an account number of 12 digits"),
        (["--identity-arn", identity_arn("a.com")], "--identity-arn cannot be used with --terraform"),
        (
            ["--role-arn", f"arn:aws:iam::{DELEGATE}:role/r"],
            f"no resource of account {DELEGATE} is handed over, only of {OWNER}",
        ),
    ],
)
def test_options_that_do_not_go_with_a_state(shell: Shell, file: Path, words: list[str], reason: str) -> None:
    """Each is told."""
    result = shell.run("import", "--terraform", "state.json", *words)

    assert (1, "") == (result.code, result.out)
    assert reason in result.err


def test_a_topic_policy_that_sesform_would_write_is_handed_over(shell: Shell, file: Path) -> None:
    """Then its resource goes as well, and the spec keeps the policy."""
    publisher = Publisher(OWNER, identity_arn("example.com"))
    document = topic_statements.with_publishers({"Version": "2012-10-17", "Statement": []}, TOPIC, [publisher])
    policy = resource("aws_sns_topic_policy", {"arn": TOPIC, "policy": json.dumps(document)}, "own")
    file.write_text(state(A_TOPIC, policy, NOTIFICATION))
    result = shell.run("import", "--terraform", "state.json", "--account", OWNER)

    assert 0 == result.code
    assert "policy: unmanaged" not in result.out
    assert "#   from = aws_sns_topic_policy.own\n" in result.out


def test_removed_goes_with_terraform_only(shell: Shell) -> None:
    """An import from AWS has nothing to remove from."""
    result = shell.run("import", "--account", OWNER, "--region", REGION, "--removed", "removed.tf")

    assert (1, "") == (result.code, result.out)
    assert "it requires --terraform" in result.err


def test_removed_is_never_written_over(shell: Shell, file: Path) -> None:
    """It may hold the blocks of an earlier hand-over; nothing is printed then either."""
    (shell.folder / "removed.tf").write_text("mine")
    result = shell.run("import", "--terraform", "state.json", "--removed", "removed.tf")

    assert (1, "", "mine") == (result.code, result.out, (shell.folder / "removed.tf").read_text())
    assert "removed.tf exists. Remove it, or pass another name with --removed." in result.err


def test_removed_where_nothing_can_be_written(shell: Shell, file: Path) -> None:
    """One line."""
    result = shell.run("import", "--terraform", "state.json", "--removed", "none/removed.tf")

    assert (1, "") == (result.code, result.out)
    assert "none/removed.tf: cannot be written: No such file or directory" in result.err


def test_a_file_that_is_not_there(shell: Shell) -> None:
    """One line."""
    result = shell.run("import", "--terraform", "none.json")

    assert (1, "", "Error: none.json: No such file or directory\n") == (result.code, result.out, result.err)


def test_a_state_of_nothing_that_specs_say(shell: Shell, file: Path) -> None:
    """Tells why, resource by resource, and makes no file."""
    file.write_text(state(FIFO))
    result = shell.run("import", "--terraform", "state.json", "--all-topics", "--removed", "removed.tf")

    assert (1, "") == (result.code, result.out)
    assert "aws_sns_topic.fifo: it is a FIFO topic" in result.err
    assert not (shell.folder / "removed.tf").exists()


def test_what_a_plan_would_change_is_warned_about(shell: Shell, file: Path) -> None:
    """The specs are made of the present state."""
    change = {"address": A_TOPIC["address"], "mode": "managed", "change": {"actions": ["update"]}}
    plan = {"format_version": "1.2", "prior_state": json.loads(state(A_TOPIC)), "resource_changes": [change]}
    file.write_text(json.dumps(plan))
    result = shell.run("import", "--terraform", "state.json")

    assert 0 == result.code
    assert "Warning: the plan changes aws_sns_topic.this" in result.err


# --- any state ---------------------------------------------------------------------------------------------------------

NASTY = st.text(st.sampled_from("a\"\\\n\t\x1b\u2028\u202e\ufeff${}%#]'&*!|>:- \ud800") | st.characters(), max_size=8)
NAME = st.sampled_from(["a", "b-1", "absent", "unmanaged", "null", "012", "x.y", "A" * 70]) | NASTY
IDENTITY = st.sampled_from(["a.com", "B.com", "p@a.com", "no", "true.null"]) | NASTY
DOCUMENT = st.dictionaries(NASTY, NASTY | st.lists(NASTY | st.integers(), max_size=2), max_size=2)


@st.composite
def resources(draw: st.DrawFn) -> dict[str, Any]:
    name, identity, text = draw(NAME), draw(IDENTITY), draw(NASTY)
    topic = draw(st.sampled_from([TOPIC, topic_arn("other", DELEGATE), topic_arn(draw(NAME))]))
    made: list[tuple[str, dict[str, Any]]] = [
        ("aws_sns_topic", {"arn": topic, "display_name": text, "kms_master_key_id": draw(NASTY)}),
        (
            "aws_sns_topic_subscription",
            {
                "topic_arn": topic,
                "arn": f"{topic}:1",
                "protocol": draw(st.sampled_from(["https", "email", text])),
                "endpoint": draw(st.sampled_from(["https://a.com", "a@b.c", text])),
                "filter_policy": json.dumps(draw(DOCUMENT)),
            },
        ),
        (
            "aws_ses_identity_notification_topic",
            {
                "identity": draw(st.sampled_from([identity, identity_arn(identity)])),
                "notification_type": draw(st.sampled_from(["Bounce", "Complaint"])),
                "topic_arn": draw(st.sampled_from([topic, topic, None])),
                "include_original_headers": draw(st.booleans()),
            },
        ),
        (
            "aws_ses_identity_policy",
            {"identity": identity, "name": name, "policy": json.dumps({"Statement": [draw(DOCUMENT)]})},
        ),
        (
            "aws_sesv2_email_identity_feedback_attributes",
            {"email_identity": identity, "email_forwarding_enabled": draw(st.booleans())},
        ),
        ("aws_sesv2_configuration_set", {"configuration_set_name": name, "arn": set_arn("x")}),
        (
            "aws_sesv2_configuration_set_event_destination",
            {
                "configuration_set_name": name,
                "event_destination_name": draw(NAME),
                "event_destination": [
                    {
                        "matching_event_types": draw(st.lists(st.sampled_from(["SEND", "BOUNCE", text]))),
                        "sns_destination": [{"topic_arn": topic}],
                    }
                ],
            },
        ),
    ]
    kind, values = draw(st.sampled_from(made))
    return resource(kind, values, f"r{draw(st.integers(0, 99))}")


@given(st.lists(resources(), min_size=1, max_size=6))
def test_any_state_becomes_specs_that_say_what_it_says(shell: Shell, drawn: list[dict[str, Any]]) -> None:
    """Or a refusal in words. What is declared is what was found; the output is nothing but specs and comments."""
    content = state(*drawn)
    (shell.folder / "state.json").write_text(content)
    result = shell.run(
        "import", "--terraform", "state.json", "--account", OWNER, "--region", REGION, "-q", "--all-topics"
    )
    if result.code:
        assert ("", "Error: ") == (result.out, result.err[:7])
        return

    assert result.out.isprintable() or printable(result.out.replace("\n", "")) == result.out.replace("\n", "")
    made = _compiled(result.out)
    held = {
        (kind, scope, tuple(str(p[k]) for k in RESOURCES[kind].key)): p
        for kind, scope, p in terraform_state.inventory(content.encode(), OWNER, REGION, all_topics=True).resources
    }
    for each in made.declared.values():
        found = held.get((each.address.type, each.scope, tuple(each.key.values())))
        if each.desired is None:
            assert found is None or found["topic_arn"] is None
            continue
        settled = RESOURCES[each.address.type].planned_value(each.desired, found)
        assert found is not None, each
        assert settled is not None, each
        assert RESOURCES[each.address.type].same(found, settled)


def _compiled(text: str) -> desired.Desired:
    documents, problems = yaml_reader.parse([("specs.yaml", text.encode())])
    specs, more = schema.load(documents)
    return compiler.build(specs, [*problems, *more])


# --- several regions and accounts --------------------------------------------------------------------------------------

OF_IDENTITY, FORWARDING = "aws_sesv2_email_identity", "aws_sesv2_email_identity_feedback_attributes"


def two_regions(**values: Any) -> list[dict[str, Any]]:
    """One identity in two regions by a provider alias, and its forwarding in both; `values`: those of the second."""
    found = []
    for name, region in (("main", "eu-west-1"), ("dr", "us-east-1")):
        arn = f"arn:aws:ses:{region}:{OWNER}:identity/example.com"
        found.append(resource(OF_IDENTITY, {"arn": arn, "email_identity": "example.com"}, name))
        forwarding = {"email_identity": "example.com", "email_forwarding_enabled": True}
        found.append(resource(FORWARDING, forwarding | (values if name == "dr" else {}), name))
    return found


@pytest.mark.parametrize("more", [{}, {"email_forwarding_enabled": False}], ids=["equal", "unequal"])
@pytest.mark.parametrize("options", [(), ("--region", "eu-west-1"), ("--region", "us-east-1")], ids=" ".join)
def test_settings_of_two_regions_are_never_merged(
    shell: Shell, file: Path, options: tuple[str, ...], more: dict[str, Any]
) -> None:
    """Both settings stay with Terraform and are named, whatever their values and the options; nothing advises a refresh."""
    document = json.loads(state(A_TOPIC))
    document["values"]["root_module"]["resources"] += two_regions(**more)
    file.write_text(json.dumps(document), encoding="utf-8")
    result = shell.run("import", "--terraform", "state.json", "--all-topics", *options)

    assert 0 == result.code
    assert "feedback_forwarding" not in result.out
    for name in ("main", "dr"):
        assert f"Warning: {FORWARDING}.{name} stays in Terraform: its identity is in " in result.err
        assert f"from = {FORWARDING}.{name}" not in result.out
    assert "refresh" not in result.out + result.err


def test_references_place_the_settings_of_two_regions(shell: Shell, file: Path) -> None:
    """With the references that Terraform records, each setting is in the region of its identity."""
    resources = two_regions(email_forwarding_enabled=False)
    for identity, forwarding in (resources[:2], resources[2:]):
        forwarding["depends_on"] = [identity["address"]]
    document = json.loads(state(*resources))
    file.write_text(json.dumps(document), encoding="utf-8")
    result = shell.run("import", "--terraform", "state.json")

    specs = [s for s in yaml.safe_load_all(result.out) if s]
    assert {"eu-west-1": True, "us-east-1": False} == {
        s["regions"][0]: s["identities"]["example.com"]["feedback_forwarding"] for s in specs
    }
    assert "2 resources handed over, 0 remain" in result.err


def test_a_region_that_is_a_variable_of_the_plan_places_the_settings(shell: Shell, file: Path) -> None:
    """Of an alias whose region is a variable, the plan shows the value, so its settings are placed without an option."""
    resources = two_regions()
    keys = {"main": "aws", "dr": "aws.dr"}
    frame = {
        "provider_config": {
            "aws": {"name": "aws", "expressions": {"region": {"constant_value": "eu-west-1"}}},
            "aws.dr": {"name": "aws", "alias": "dr", "expressions": {"region": {"references": ["var.dr_region"]}}},
        },
        "root_module": {
            "resources": [{"address": r["address"], "provider_config_key": keys[r["name"]]} for r in resources],
            "variables": {"dr_region": {}},
        },
    }
    document = {
        "format_version": "1.2",
        "variables": {"dr_region": {"value": "us-east-1"}},
        "planned_values": {},
        "prior_state": json.loads(state(*resources)),
        "configuration": frame,
    }
    file.write_text(json.dumps(document), encoding="utf-8")
    result = shell.run("import", "--terraform", "state.json")

    (spec,) = [s for s in yaml.safe_load_all(result.out) if s]
    assert ["eu-west-1", "us-east-1"] == spec["regions"]
    assert spec["identities"]["example.com"]["feedback_forwarding"] is True
    assert 2 == result.out.count(f"from = {FORWARDING}.")
