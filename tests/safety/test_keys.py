"""Encrypted topics: SES removes a topic whose key it cannot use, so the plan checks the key first."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any, cast

import pytest

from sesform.aws import Connection, Connections
from sesform.live import kms_keys, refresh
from sesform.live.snapshot import Snapshot
from sesform.model.address import Scope
from sesform.planning.checks import kms_keys as kms_key_checks
from sesform.planning.plan import Plan
from shell import Shell
from world import OWNER, REGION, World

HEAD = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
"""
USES = "identities: {example.com: {notifications: {bounce: t, complaint: t}}}\n"
TOPIC = f"arn:aws:sns:{REGION}:{OWNER}:t"
HERE = f"arn:aws:kms:{REGION}:{OWNER}:"
ALIAS = HERE + "alias/k"
BOUNCE = "corp/eu-west-1/notification_topic/example.com/bounce"
SES = {"Service": "ses.amazonaws.com"}
BOTH = ["kms:GenerateDataKey*", "kms:Decrypt"]


def statement(**to: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Principal": SES, "Action": BOTH, "Resource": "*", **to}


def policy(*statements: dict[str, Any]) -> str:
    root = {"Effect": "Allow", "Principal": {"AWS": OWNER}, "Action": "kms:*", "Resource": "*"}
    return json.dumps({"Version": "2012-10-17", "Statement": [root, *statements]})


def specs(key: str = "alias/k", uses: str = USES) -> str:
    return HEAD + f"topics: {{t: {{kms_key: {key}}}}}\n" + uses


def make_key(world: World, text: str, account: str = OWNER) -> str:
    """Create a key with this policy and the alias `alias/k`, and return its id."""
    kms = world.client("kms", account)
    id_: str = kms.create_key(Policy=text)["KeyMetadata"]["KeyId"]
    kms.create_alias(AliasName="alias/k", TargetKeyId=id_)
    return id_


def told(of: Plan) -> list[str]:
    return [f"{p.severity}: {p.summary}" for p in of.diagnostics]


def kms_calls(world: World) -> Counter[str]:
    found = Counter(c.operation for c in world.sandbox.calls if c.service == "kms")
    world.sandbox.calls.clear()
    return found


# --- what its policy says ------------------------------------------------------------------------------------------------

REFUSED = f"error: SES cannot publish to topic {TOPIC}: the policy of the KMS key {ALIAS} does not allow ses.amazonaws.com to use "
UNTOLD = (
    f"warning: it is not known whether the KMS key {ALIAS} of topic {TOPIC} allows SES to publish: "
    "its policy has conditions that only KMS can evaluate"
)


@pytest.mark.parametrize(
    ("expected", "text"),
    [
        ([], policy(statement())),
        ([], policy(statement(Action="kms:*"))),
        ([], policy(statement(Action=["kms:GenerateDataKey"]), statement(Action="kms:Decrypt"))),
        ([], policy(statement(Principal="*"))),
        ([REFUSED + "kms:GenerateDataKey and kms:Decrypt"], policy()),
        ([REFUSED + "kms:Decrypt"], policy(statement(Action="kms:GenerateDataKey*"))),
        (
            [REFUSED + "kms:GenerateDataKey and kms:Decrypt"],
            policy(statement(Principal={"Service": "sns.amazonaws.com"})),
        ),
        ([REFUSED + "kms:Decrypt"], policy(statement(), statement(Effect="Deny", Action="kms:Decrypt", Principal="*"))),
        ([UNTOLD], policy(statement(Condition={"StringEquals": {"aws:SourceAccount": OWNER}}))),
        ([UNTOLD], policy(statement(Condition={"StringLike": {"kms:ViaService": "sns.*"}}))),
    ],
)
def test_a_keys_policy_must_allow_ses(world: World, expected: list[str], text: str) -> None:
    """A missing permission is an error, an unknown condition is a warning, and a sufficient policy is silent."""
    world.identity("example.com")
    make_key(world, text)

    assert expected == told(world.plan(specs()))


def test_the_hint_is_the_missing_statement(world: World) -> None:
    """The plan is applyable after the statement of the hint is added to the key's policy."""
    world.identity("example.com")
    id_ = make_key(world, policy())
    (problem,) = world.plan(specs()).errors
    lead, mended = "add to the key's policy: ", json.loads(problem.hint.partition(": ")[2])
    world.client("kms").put_key_policy(KeyId=id_, Policy=policy(mended))

    assert (True, BOUNCE, 7) == (problem.hint.startswith(lead), problem.path, problem.line)
    world.converge(specs())


def test_an_unusable_key_without_changes_is_a_warning(world: World) -> None:
    """If the key lost its statement after apply, the plan is empty and warns that SES cannot publish."""
    world.identity("example.com")
    id_ = make_key(world, policy(statement()))
    world.converge(specs())
    world.client("kms").put_key_policy(KeyId=id_, Policy=policy())
    plan = world.plan(specs())

    assert plan.changes == ()
    assert [REFUSED.replace("error", "warning") + "kms:GenerateDataKey and kms:Decrypt"] == told(plan)


def test_encrypting_a_topic_in_use_is_a_change_that_relies_on_the_key(world: World) -> None:
    """Encryption of a topic with users is an error if SES cannot use the key, although the users do not change."""
    world.identity("example.com")
    make_key(world, policy())
    world.converge(specs("null"))

    assert [REFUSED + "kms:GenerateDataKey and kms:Decrypt"] == told(world.plan(specs()))


def test_a_key_is_read_if_no_declared_resource_publishes_to_its_topic(world: World) -> None:
    """A key that SES cannot use is a warning at the topic's line, also if no declared resource publishes to the topic."""
    make_key(world, policy())
    plan = world.plan(specs(uses=""))
    (problem,) = plan.diagnostics

    assert [REFUSED.replace("error", "warning") + "kms:GenerateDataKey and kms:Decrypt"] == told(plan)
    assert (f"corp/{REGION}/topic/t", 6) == (problem.path, problem.line)


# --- what it is ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expected", "operation"),
    [
        ("is not enabled (state: Disabled)", "disable_key"),
        ("is not enabled (state: PendingDeletion)", "schedule_key_deletion"),
    ],
)
def test_a_disabled_key_is_an_error(world: World, expected: str, operation: str) -> None:
    """A disabled key, or one pending deletion, is an error with any policy."""
    world.identity("example.com")
    id_ = make_key(world, policy(statement()))
    getattr(world.client("kms"), operation)(KeyId=id_)

    assert [f"error: SES cannot publish to topic {TOPIC}: the KMS key {ALIAS} {expected}"] == told(world.plan(specs()))


def test_a_key_that_does_not_exist_is_an_error(world: World) -> None:
    """A key alias that does not exist is an error."""
    world.identity("example.com")

    assert [f"error: SES cannot publish to topic {TOPIC}: the KMS key {ALIAS} does not exist"] == told(
        world.plan(specs())
    )


def test_the_aws_managed_key_is_found_on_a_topic_whose_key_is_not_declared(world: World) -> None:
    """An undeclared key is unmanaged, but the plan checks it."""
    world.identity("example.com")
    world.converge(HEAD + "topics: {t: {}}\n")
    world.client("sns").set_topic_attributes(
        TopicArn=TOPIC, AttributeName="KmsMasterKeyId", AttributeValue="alias/aws/sns"
    )
    plan = world.plan(HEAD + "topics: {t: {}}\n" + USES)

    assert [
        f"error: SES cannot publish to topic {TOPIC}: SES cannot use the KMS key alias/aws/sns, which AWS manages"
    ] == told(plan)


# --- reading it ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        HEAD + "topics: {t: {}}\n" + USES,
        HEAD + "topics: {t: {kms_key: null}}\n" + USES,
    ],
)
def test_no_key_needs_no_call(world: World, text: str) -> None:
    """A plan without encrypted topics makes no KMS calls."""
    world.identity("example.com")
    world.converge(text)
    world.sandbox.calls.clear()
    world.plan(text)

    assert kms_calls(world) == {}


def test_a_key_is_read_once(world: World) -> None:
    """A key is read once, for any number of users."""
    world.identity("example.com")
    make_key(world, policy(statement()))
    world.converge(specs())
    world.sandbox.calls.clear()
    world.plan(specs())

    assert {"DescribeKey": 1, "GetKeyPolicy": 1} == kms_calls(world)


@pytest.mark.parametrize("operation", ["DescribeKey", "GetKeyPolicy"])
def test_a_key_that_may_not_be_read_is_a_warning_if_the_plan_has_changes(world: World, operation: str) -> None:
    """A missing permission to read the key is a warning if the plan has changes, and silent otherwise."""
    world.identity("example.com")
    make_key(world, policy(statement()))
    world.sandbox.fail(operation, code="AccessDeniedException", times=9)
    (warning,) = told(world.plan(specs()))

    assert (
        f"it is not known whether the KMS key {ALIAS} of topic {TOPIC} allows SES to publish: kms:{operation}"
        in warning
    )
    world.converge(specs())
    assert told(world.plan(specs())) == []


def test_a_disabled_key_whose_policy_may_not_be_read_is_an_error(world: World) -> None:
    """A disabled key is an error, also if its policy cannot be read."""
    world.identity("example.com")
    world.client("kms").disable_key(KeyId=make_key(world, policy(statement())))
    world.sandbox.fail("GetKeyPolicy", code="AccessDeniedException", times=9)

    assert [
        f"error: SES cannot publish to topic {TOPIC}: the KMS key {ALIAS} is not enabled (state: Disabled)"
    ] == told(world.plan(specs()))


def test_a_key_of_an_account_without_credentials_is_a_warning(world: World) -> None:
    """GetKeyPolicy works only in the key's own account, so a spec with credentials for that account is required."""
    world.identity("example.com")
    (warning,) = told(world.plan(specs(ALIAS.replace(OWNER, "333333333333"))))

    assert "no spec has credentials for 333333333333/eu-west-1" in warning


def test_a_key_of_another_specs_account_is_read_there(world: World) -> None:
    """A key of another spec's account is read with that spec's credentials."""
    world.identity("example.com")
    make_key(world, policy(), account="222222222222")
    other = HEAD.replace("corp", "security").replace(OWNER, "222222222222") + "topics: {x: {}}\n"
    found = told(world.plan(specs(ALIAS.replace(OWNER, "222222222222")) + "---\n" + other))

    assert [True] == ["does not allow ses.amazonaws.com to use" in text for text in found]


@pytest.mark.parametrize("form", ["{alias}", HERE + "{alias}", "{id}", HERE + "key/{id}"])
def test_another_spelling_of_the_key_is_no_change(world: World, form: str) -> None:
    """A key id or an alias without an ARN belongs to the topic's account and region."""
    world.identity("example.com")
    id_ = make_key(world, policy(statement()))
    first = "alias/k" if "alias" in form else id_
    world.converge(specs(first))

    assert world.converge(specs(form.format(alias="alias/k", id=id_))).changes == ()


# --- the command line ----------------------------------------------------------------------------------------------------


def test_the_sandbox_has_the_keys_that_the_specs_name(shell: Shell) -> None:
    """The sandbox creates declared keys, with a policy that allows SES to use them."""
    shell.specs(specs())
    applied = shell.run("apply", "--sandbox", "--auto-approve")

    assert (0, 0) == (applied.code, shell.run("drift", "--sandbox").code)


def test_routes_shows_a_topic_whose_key_ses_cannot_use(shell: Shell) -> None:
    """A route to a topic that SES cannot use has no effect and is reported as a gap."""
    shell.specs(specs())
    shell.run("apply", "--sandbox", "--auto-approve")
    kms: Any = shell.sandbox.session(OWNER, REGION).client("kms")
    kms.put_key_policy(KeyId=kms.describe_key(KeyId="alias/k")["KeyMetadata"]["KeyId"], Policy=policy())
    result = shell.run("routes", "--sandbox")

    assert result.code == 2
    assert f": the policy of the KMS key {ALIAS} does not allow ses.amazonaws.com to use" in result.out


class Answers:
    """An account whose KMS responses do not have the documented format."""

    scope = Scope(OWNER, REGION)

    def __init__(self, answers: dict[str, Any]) -> None:
        self.answers = answers

    def call(self, service: str, operation: str, **params: Any) -> dict[str, Any]:
        found: dict[str, Any] = self.answers[operation]
        return found

    def stop(self) -> None:
        raise AssertionError("nothing went wrong")


@pytest.mark.parametrize(
    ("missing", "answers"),
    [
        ("KeyMetadata", {"DescribeKey": {}}),
        ("Arn", {"DescribeKey": {"KeyMetadata": {}}}),
        (
            "Policy",
            {"DescribeKey": {"KeyMetadata": {"Arn": HERE + "key/1", "KeyState": "Enabled"}}, "GetKeyPolicy": {}},
        ),
    ],
)
def test_a_response_that_cannot_be_parsed_is_reported_for_the_key(missing: str, answers: dict[str, Any]) -> None:
    """A response that cannot be parsed is reported for the key like a refused call, and the run continues."""
    connections = Connections({("corp", REGION): cast(Connection, Answers(answers))})
    found = kms_keys.read([ALIAS], Snapshot(), connections)

    assert f"the answer has an unexpected form (KeyError: '{missing}')" == found.keys[ALIAS].refusal
    assert kms_key_checks.usable(ALIAS, found.keys).unknown


def test_a_topic_whose_attributes_cannot_be_parsed_counts_as_not_read() -> None:
    """A topic whose attributes cannot be parsed is not part of the snapshot, so the plan says that it was not checked."""
    connections = Connections(
        {("corp", REGION): cast(Connection, Answers({"GetTopicAttributes": {"Attributes": {"x": ""}}}))}
    )

    assert refresh.read((), [TOPIC], connections).topics == {}
