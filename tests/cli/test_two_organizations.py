"""Two organizations that never load each other's specs: publishers, what plans hand over, and `sesform handover`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from sesform.engine.specs import compile_text
from sesform.planning.handover import destination_names
from shell import Result, Shell
from world import World

EXAMPLE = Path(__file__).parents[2] / "examples" / "two-organizations"
OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"
TOPIC = f"arn:aws:sns:{REGION}:{DELEGATE}:feedback"
IDENTITY = f"arn:aws:ses:{REGION}:{OWNER}:identity/example.com"
SET = f"arn:aws:ses:{REGION}:{OWNER}:configuration-set/transactional"
SETTINGS = ("configuration_set/transactional", "event_destination/transactional/feedback")


class Sides:
    """The repositories of an owner and a delegate, on one emulated AWS."""

    def __init__(self, shell: Shell) -> None:
        shutil.rmtree(shell.folder / "specs")
        for side in ("owner", "delegate"):
            shutil.copytree(EXAMPLE / side / "specs", shell.folder / side)
        self.shell = shell

    def run(self, side: str, command: str, *options: str) -> Result:
        return self.shell.run(command, side, *(() if command == "handover" else ("--sandbox",)), *options)

    def apply(self, side: str) -> int:
        return self.run(side, "apply", "--auto-approve").code

    def topics(self) -> Mapping[str, str]:
        """The topics of the owner's identity, by type."""
        ses: Any = self.shell.sandbox.session(OWNER, REGION).client("ses")
        found = ses.get_identity_notification_attributes(Identities=["example.com"])["NotificationAttributes"]
        return {type_: found["example.com"].get(f"{type_}Topic", "") for type_ in ("Bounce", "Complaint")}


@pytest.fixture
def sides(shell: Shell) -> Sides:
    return Sides(shell)


# --- either order ------------------------------------------------------------------------------------------------------


def test_the_delegate_applies_first(sides: Sides) -> None:
    """The topic allows the owner before the owner sets it, so nothing is refused, and neither side has drift."""
    assert [0, 0] == [sides.apply("delegate"), sides.apply("owner")]
    assert {"Bounce": TOPIC, "Complaint": TOPIC} == sides.topics()
    assert [0, 0] == [sides.run(side, "drift").code for side in ("owner", "delegate")]


def test_the_owner_applies_first(sides: Sides) -> None:
    """SES refuses the topic until the delegate has applied; then the owner's next run makes the rest, and there is no drift."""
    assert [1, 0, 0] == [sides.apply("owner"), sides.apply("delegate"), sides.apply("owner")]
    assert {"Bounce": TOPIC, "Complaint": TOPIC} == sides.topics()
    assert [0, 0] == [sides.run(side, "drift").code for side in ("owner", "delegate")]


def test_a_refused_topic_shows_the_statement_that_its_owner_must_add(sides: Sides) -> None:
    """With exactly this statement in the topic's policy, the same run succeeds."""
    result = sides.run("owner", "apply", "--auto-approve", "--format", "json", "--only", "*notification_topic*")
    errors = [o["error"] for o in json.loads(result.out)["outcomes"]]
    statement, _ = json.JSONDecoder().raw_decode(errors[0].partition("must add to its policy: ")[2])

    assert 1 == result.code
    assert [True, True] == ["InvalidParameterValue: SNS topic" in error for error in errors]
    sns: Any = sides.shell.sandbox.session(DELEGATE, REGION).client("sns")
    sns.create_topic(Name="feedback")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    sns.set_topic_attributes(TopicArn=TOPIC, AttributeName="Policy", AttributeValue=policy)
    assert 0 == sides.run("owner", "apply", "--auto-approve", "--only", "*notification_topic*").code


def test_a_refused_event_destination_shows_its_statement_too(sides: Sides) -> None:
    """The statement of an event destination names its configuration set."""
    result = sides.run("owner", "apply", "--auto-approve", "--only", "*event_destination*", "--format", "json")
    (error,) = [o["error"] for o in json.loads(result.out)["outcomes"] if o["result"] == "failed"]

    assert SET in error.partition("must add to its policy: ")[2]


def test_another_error_shows_no_statement(tmp_path: Path) -> None:
    """A refusal that has nothing to do with the topic's policy does not suggest to change that policy."""
    world = World(tmp_path)
    world.identity("example.com")
    plan = world.plan((EXAMPLE / "owner" / "specs" / "example-corp.yaml").read_text(encoding="utf-8"))
    world.sandbox.fail("SetIdentityNotificationTopic", code="AccessDenied", status=403, times=2)
    errors = [o.error for o in world.apply(plan).outcomes if o.change.address.type == "notification_topic"]

    assert [True, True] == ["AccessDenied" in error for error in errors]
    assert [] == [error for error in errors if "must add to its policy" in error]


# --- plans -------------------------------------------------------------------------------------------------------------


def test_the_owners_plan_has_the_statement_for_the_delegate(sides: Sides) -> None:
    """The plan warns once of the topic that it cannot read, and prints and saves the exact policy statement."""
    result = sides.run("owner", "plan", "--out", "p.json")
    (request,) = json.loads(Path("p.json").read_text(encoding="utf-8"))["sesform"]["handover"]["requests"]
    (statement,) = request["statements"]

    assert 1 == result.err.count(f"topic {TOPIC} could not be checked")
    assert f"For account {DELEGATE} in {REGION}:" in result.out
    assert {"AWS:SourceAccount": OWNER, "AWS:SourceArn": [SET, IDENTITY]} == statement["Condition"]["StringEquals"]
    assert result.out in sides.shell.run("show", "p.json").out


def test_the_delegates_plan_has_the_lines_for_the_owner(sides: Sides) -> None:
    """The plan that allows a publisher prints and saves the topic's ARN and lines for the owner's spec."""
    result = sides.run("delegate", "plan", "--out", "p.json")

    assert f"For account {OWNER} in {REGION}:" in result.out
    assert f"            bounce: {TOPIC}" in result.out
    assert result.out in sides.shell.run("show", "p.json").out


def test_only_keeps_the_warning_of_each_use_of_a_topic(sides: Sides) -> None:
    """The one warning about a topic concerns everything that uses it, and nothing else."""
    warning = f"topic {TOPIC} could not be checked"
    (first, second) = ("*/event_destination/*", "*/notification_topic/example.com/complaint")
    hint = "send its owner what `sesform handover` prints"

    assert [True, True] == [warning in sides.run("owner", "plan", "--only", only).err for only in (first, second)]
    assert hint in sides.run("owner", "plan", "--only", first).err
    assert warning not in sides.run("owner", "plan", "--only", "*/configuration_set/*").err


@pytest.mark.parametrize("side", ["owner", "delegate"])
def test_a_plan_that_changes_nothing_hands_nothing_over(sides: Sides, side: str) -> None:
    """What the other side has set already is not asked for again."""
    assert [0, 0] == [sides.apply("delegate"), sides.apply("owner")]
    document = json.loads(sides.run(side, "plan", "--format", "json").out)["sesform"]

    assert {"requests": [], "offers": []} == document["handover"]
    assert [] == document["diagnostics"]


def test_a_new_publisher_is_handed_over_alone(sides: Sides) -> None:
    """A delegate's plan prints only the publishers that it allows newly."""
    assert 0 == sides.apply("delegate")
    file = sides.shell.folder / "delegate" / "acme-mailer.yaml"
    spec = file.read_text(encoding="utf-8").replace("    publishers:\n", f"    publishers:\n      - {IDENTITY}.uk\n")
    file.write_text(spec, encoding="utf-8")
    offers = json.loads(sides.run("delegate", "plan", "--format", "json").out)["sesform"]["handover"]["offers"]

    assert [{"topic_arn": TOPIC, "publisher": f"{IDENTITY}.uk"}] == offers


def test_both_specs_in_one_run_hand_nothing_over(sides: Sides) -> None:
    """With both specs loaded there is no other organization."""
    document = json.loads(sides.shell.run("handover", "owner", "delegate", "--format", "json").out)

    assert ([], [], []) == (document["requests"], document["offers"], document["parties"])


def test_runs_with_and_without_the_other_spec_agree(sides: Sides) -> None:
    """The delegate alone, both together and the delegate alone again: no run takes back what another one wrote."""
    assert 0 == sides.apply("delegate")
    assert 0 == sides.shell.run("apply", "owner", "delegate", "--sandbox", "--auto-approve").code

    for paths in (["delegate"], ["owner"], ["owner", "delegate"]):
        assert 0 == sides.shell.run("drift", *paths, "--sandbox").code


def test_a_publisher_that_is_removed_from_the_spec_loses_its_right_with_a_warning(sides: Sides) -> None:
    """The other organization may still publish, so the plan names what loses its right."""
    assert 0 == sides.apply("delegate")
    file = sides.shell.folder / "delegate" / "acme-mailer.yaml"
    file.write_text(file.read_text(encoding="utf-8").replace(f"      - {IDENTITY}\n", ""), encoding="utf-8")
    result = sides.run("delegate", "plan")

    assert "Plan: 0 to add, 1 to change, 0 to destroy." in result.out
    assert f"SES may no longer publish to the topic for {IDENTITY}" in result.err


# --- handover ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["text", "yaml", "markdown", "json"])
def test_handover_makes_no_call(sides: Sides, format: str) -> None:
    """The specs alone say what the other side must set."""
    result = sides.run("owner", "handover", "--format", format)

    assert (0, "") == (result.code, result.err)
    assert IDENTITY in result.out
    assert not (sides.shell.folder / ".sesform").exists()


def test_the_yaml_of_each_side_completes_the_spec_of_the_other(sides: Sides) -> None:
    """Pasted below the head of a spec, the lines declare what the example of the other side declares."""
    for side, other, head in (
        ("owner", "delegate", f'kind: Delegate\nname: acme-mailer\naccount: "{DELEGATE}"\nregions: [{REGION}]\n'),
        ("delegate", "owner", f'kind: Owner\nname: example-corp\naccount: "{OWNER}"\nregions: [{REGION}]\n'),
    ):
        pasted = compile_text(head + sides.run(side, "handover", "--format", "yaml").out, "pasted.yaml")
        (file,) = (EXAMPLE / other / "specs").iterdir()
        whole = compile_text(file.read_text(encoding="utf-8"), "whole.yaml")
        types = {"topic_policy", "notification_topic", "event_destination"}
        assert [(a, d.desired) for a, d in whole.declared.items() if a.type in types and d.desired] == [
            (a, pasted.declared[a].desired) for a, d in whole.declared.items() if a.type in types and d.desired
        ]


def test_markdown_has_fenced_blocks_that_parse(sides: Sides) -> None:
    """Every block of a ticket is complete YAML or JSON, to copy."""
    text = sides.run("owner", "handover", "--format", "markdown").out
    parts = text.split("```")
    languages = [part.partition("\n")[0] for part in parts[1::2]]

    assert ["yaml", "json", "json"] == languages
    assert [dict, dict, dict] == [type(yaml.safe_load(part.partition("\n")[2])) for part in parts[1::2]]


def test_account_prints_the_part_of_one_organization(sides: Sides) -> None:
    """One organization does not see what another one is asked for; an account without a part is an error."""
    spec = sides.shell.folder / "delegate" / "acme-mailer.yaml"
    other = "arn:aws:ses:eu-west-1:444444444444:identity/secret.example"
    text = spec.read_text(encoding="utf-8").replace("    publishers:\n", f"    publishers:\n      - {other}\n")
    spec.write_text(text, encoding="utf-8")
    result = sides.run("delegate", "handover", "--account", OWNER)
    missing = sides.run("delegate", "handover", "--account", "333333333333")

    assert "444444444444" in sides.run("delegate", "handover").out
    assert IDENTITY.rpartition("/")[2] in result.out
    assert "secret.example" not in result.out
    assert (1, "") == (missing.code, missing.out)
    assert "accounts that have: 111111111111, 444444444444" in missing.err


def test_account_prints_only_the_topics_of_one_organization(shell: Shell) -> None:
    """Where topics of two other accounts are used, each organization gets its own."""
    topic = "arn:aws:sns:eu-west-1:%s:fb"
    shell.specs(
        f'kind: Owner\nname: o\naccount: "{OWNER}"\nregions: [{REGION}]\nidentities: {{example.com: {{notifications: '
        f"{{bounce: '{topic % DELEGATE}', complaint: '{topic % 333333333333}'}}}}}}\n"
    )
    found = json.loads(shell.run("handover", "--account", DELEGATE, "--format", "json").out)

    assert [topic % DELEGATE] == [request["topic_arn"] for request in found["requests"]]
    assert [DELEGATE] == [party["account"] for party in found["parties"]]


def test_long_topic_names_make_names_that_ses_accepts() -> None:
    """Topics have up to 256 characters in their names, and event destinations 64; names stay distinct."""
    topics = [f"arn:aws:sns:{REGION}:{DELEGATE}:{'x' * 64}{end}" for end in ("a", "b", "")]

    assert ["x" * 64, "x" * 62 + "-2", "x" * 62 + "-3"] == list(destination_names(topics).values())


def test_specs_without_another_organization_have_nothing_to_hand_over(shell: Shell) -> None:
    """Where every account has a spec, handover says so and succeeds."""
    result = shell.run("handover")

    assert 0 == result.code
    assert result.out.startswith("Nothing to hand over: ")


def test_a_second_topic_for_the_same_identity_is_a_comment(shell: Shell) -> None:
    """An identity can have one topic a type, so the lines use the first, and a comment names the second."""
    shell.specs(
        f'kind: Delegate\nname: d\naccount: "{DELEGATE}"\nregions: [{REGION}]\n'
        f"topics: {{a: {{publishers: [{IDENTITY}]}}, b: {{publishers: [{IDENTITY}]}}}}\n"
    )
    result = shell.run("handover", "--format", "yaml")

    assert f"# Topic arn:aws:sns:{REGION}:{DELEGATE}:b accepts notifications of example.com too." in result.out
    assert 1 == len(list(yaml.safe_load_all(result.out)))


def test_topics_of_one_name_have_an_event_destination_each(shell: Shell) -> None:
    """Two accounts offer topics of the same name to one configuration set: the lines for its owner have both."""
    publisher = f"arn:aws:ses:{REGION}:999999999999:configuration-set/main"
    spec = (
        f'kind: Delegate\nname: %s\naccount: "%s"\nregions: [{REGION}]\ntopics: {{fb: {{publishers: [{publisher}]}}}}\n'
    )
    shell.specs(spec % ("a", DELEGATE) + "---\n" + spec % ("b", "333333333333"))
    lines = yaml.safe_load(shell.run("handover", "--format", "yaml").out)
    found = lines["configuration_sets"]["main"]["event_destinations"]

    assert {"fb": f"arn:aws:sns:{REGION}:{DELEGATE}:fb", "fb-2": f"arn:aws:sns:{REGION}:333333333333:fb"} == {
        name: destination["sns"] for name, destination in found.items()
    }


# --- publishers in specs -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("publisher", "expected"),
    [
        ("arn:aws:ses:us-east-1:111111111111:identity/a.com", "is in us-east-1, and the topic is in eu-west-1"),
        ("arn:aws:ses:eu-west-1:111111111111:identity/*", "has a wildcard; list each identity"),
        ("arn:aws:ses:eu-west-1:111111111111:configuration-set/*", "has a wildcard; list each identity"),
        ("arn:aws:ses:eu-west-1:111111111111:configuration-set/a.b", "'a.b' is not the name of a configuration set"),
        ("arn:aws:ses:eu-west-1:111111111111:identity/localhost", "neither a domain nor an e-mail address"),
        ("arn:aws:ses:eu-west-1:111111111111:template/x", "not the ARN of an SES identity or configuration set"),
        ("arn:aws:iam::111111111111:root", "not the ARN of an SES identity or configuration set"),
        ("111111111111", "not the ARN of an SES identity or configuration set"),
        ("arn:aws-us-gov:ses:eu-west-1:111111111111:identity/a.com", "partition"),
    ],
)
def test_a_publisher_must_be_an_identity_or_set_of_the_region(shell: Shell, publisher: str, expected: str) -> None:
    """Any other publisher is an error at its place, with what to write."""
    head = f'kind: Delegate\nname: d\naccount: "{DELEGATE}"\nregions: [{REGION}]\n'
    shell.specs(f'{head}topics:\n  t:\n    publishers:\n      - "{publisher}"\n')
    result = shell.run("validate")

    assert 1 == result.code
    assert "specs/specs.yaml:8:9: topics.t.publishers[0]: " in result.err
    assert expected in result.err


@pytest.mark.parametrize(
    ("topic", "expected"),
    [
        (f"{{policy: unmanaged, publishers: [{IDENTITY}]}}", "publishers needs a policy that sesform writes"),
        (f"{{external: true, publishers: [{IDENTITY}]}}", "an external topic accepts no publishers"),
        (f"{{publishers: [{IDENTITY}, {IDENTITY.replace('example', 'EXAMPLE')}]}}", "is declared twice"),
    ],
)
def test_publishers_that_cannot_be_applied_are_errors(shell: Shell, topic: str, expected: str) -> None:
    """Publishers need a policy that sesform writes, and each is declared once, whatever the case of its domain."""
    shell.specs(f'kind: Delegate\nname: d\naccount: "{DELEGATE}"\nregions: [{REGION}]\ntopics: {{t: {topic}}}\n')
    result = shell.run("validate")

    assert 1 == result.code
    assert expected in result.err


def test_a_topic_in_several_regions_allows_the_publishers_of_each(shell: Shell) -> None:
    """A publisher is allowed in its own region only, because SES publishes to topics of its own region."""
    there = IDENTITY.replace(REGION, "us-east-1")
    shell.specs(
        f'kind: Delegate\nname: d\naccount: "{DELEGATE}"\nregions: [{REGION}, us-east-1]\n'
        f"topics: {{t: {{publishers: [{IDENTITY}, {there}]}}}}\n"
    )
    assert 0 == shell.run("apply", "--sandbox", "--auto-approve").code

    for region, allowed, refused in ((REGION, IDENTITY, there), ("us-east-1", there, IDENTITY)):
        sns: Any = shell.sandbox.session(DELEGATE, region).client("sns")
        policy = sns.get_topic_attributes(TopicArn=f"arn:aws:sns:{region}:{DELEGATE}:t")["Attributes"]["Policy"]
        assert allowed in policy
        assert refused not in policy


def test_an_imported_account_has_its_publishers(sides: Sides) -> None:
    """Import writes `publishers` for the statements of the other organization, and a plan on the result is empty."""
    assert 0 == sides.apply("delegate")
    result = sides.shell.run("import", "--sandbox", "--account", DELEGATE, "--region", REGION, "--all-topics")

    assert 0 == result.code
    assert [SET, IDENTITY] == yaml.safe_load(result.out)["topics"]["feedback"]["publishers"]
