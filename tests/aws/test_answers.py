"""A malformed answer of AWS is an error that names the call, the account and the member, without a traceback."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import botocore.session
import pytest

from clock import Clock
from sesform import aws, engine
from sesform.aws import answers
from sesform.errors import AwsError
from sesform.model.address import Scope
from shell import Shell
from world import OWNER, REGION, World

WHERE = "111111111111/eu-west-1"
SERVICES = ("ses", "sesv2", "sns", "sqs", "sts", "kms", "resourcegroupstaggingapi", "cloudtrail")
SHAPES = {
    operation: model.operation_model(operation).output_shape
    for service in SERVICES
    for model in [botocore.session.Session().get_service_model(service)]
    for operation in sorted(answers.REQUIRED.keys() & set(model.operation_names))
    if (service, operation) not in {("ses", "GetConfigurationSetEventDestinations"), ("ses", "GetIdentityPolicies")}
}
REQUIRED = [(operation, path) for operation, paths in sorted(answers.REQUIRED.items()) for path in paths]


def example(shape: Any) -> Any:
    """Return an answer of a shape: each list and map has one entry."""
    if shape.type_name == "structure":
        return {name: example(of) for name, of in shape.members.items()}
    if shape.type_name == "list":
        return [example(shape.member)]
    if shape.type_name == "map":
        return {"key": example(shape.value)}
    now = datetime(2026, 11, 27, tzinfo=UTC)
    return {"string": "text", "boolean": True, "integer": 1, "timestamp": now}.get(shape.type_name)


def complete(operation: str) -> Any:
    answer = example(SHAPES[operation])
    if operation == "GetTopicAttributes":
        answer["Attributes"] = {"Policy": "{}"}
    return answer


def parents(answer: Any, parts: list[str]) -> Iterator[Any]:
    """Return the parts that contain the last of these parts."""
    if len(parts) == 1:
        yield answer
    elif parts[0] == "[]":
        for each in answer:
            yield from parents(each, parts[1:])
    elif parts[0] == "{}":
        for each in answer.values():
            yield from parents(each, parts[1:])
    else:
        yield from parents(answer[parts[0]], parts[1:])


def test_a_complete_answer_passes() -> None:
    """An answer with all members of the service model passes."""
    for operation in answers.REQUIRED:
        answers.check(complete(operation), SHAPES[operation], f"x:{operation}", WHERE)


@pytest.mark.parametrize(("operation", "path"), REQUIRED)
@pytest.mark.parametrize("fault", ["missing", "null", "of another type"])
def test_each_member_that_is_read_is_checked(operation: str, path: str, fault: str) -> None:
    """A member that is missing, null or of another type is an error that names it, the operation and the account."""
    answer, name = copy.deepcopy(complete(operation)), path.rpartition(".")[2]
    for parent in parents(answer, path.split(".")):
        if fault == "missing":
            del parent[name]
        else:
            parent[name] = None if fault == "null" else 7.5
    with pytest.raises(AwsError, match=f"ses:{operation} in {WHERE}: the answer has an unexpected form: .*{name}"):
        answers.check(answer, SHAPES[operation], f"ses:{operation}", WHERE)


NO_ARN = "<R><ListTopicsResult><Topics><member/></Topics></ListTopicsResult></R>"
BODIES = [
    ("sesv2", "ListEmailIdentities", "{}"),
    ("sesv2", "ListEmailIdentities", '{"EmailIdentities": null}'),
    ("sesv2", "ListEmailIdentities", '{"EmailIdentities": [null]}'),
    ("sesv2", "ListEmailIdentities", '{"EmailIdentities": [{"VerificationStatus": "SUCCESS"}]}'),
    ("sesv2", "ListEmailIdentities", '{"EmailIdentities": {"a": 1}}'),
    ("sesv2", "ListEmailIdentities", "[]"),
    ("sesv2", "ListEmailIdentities", "<html>Bad Gateway</html>"),
    ("sesv2", "ListConfigurationSets", '{"ConfigurationSets": [null]}'),
    ("sesv2", "ListConfigurationSets", '{"ConfigurationSets": [{"Name": "x"}]}'),
    ("sns", "ListTopics", NO_ARN),
    ("sns", "ListTopics", "not XML"),
]


@pytest.mark.parametrize(("service", "operation", "body"), BODIES)
def test_a_malformed_answer_is_an_error_that_names_the_operation(
    world: World, service: str, operation: str, body: str
) -> None:
    """Any malformed answer is an error that names the operation."""
    connection = aws.Connection(Scope(OWNER, REGION), world.login(), aws.Pacer(None, Clock()), read_only=True)
    world.sandbox.answer_with(operation, body)
    with pytest.raises(AwsError, match=f":{operation} in {WHERE}: "):
        connection.call(service, operation)


SPECS = """
kind: Owner
name: corp
account: "111111111111"
regions: [eu-west-1]
topics: {fb: {subscriptions: [{protocol: sqs, endpoint: "arn:aws:sqs:eu-west-1:111111111111:q"}]}}
configuration_sets: {main: {event_destinations: {x: {events: [bounce], sns: fb}}}}
identities:
  example.com:
    notifications: {bounce: fb}
    default_configuration_set: main
"""
READS = (
    "GetIdentityNotificationAttributes",
    "ListEmailIdentities",
    "GetConfigurationSetEventDestinations",
    "GetEmailIdentity",
    "GetTopicAttributes",
    "ListSubscriptionsByTopic",
    "GetSubscriptionAttributes",
)
MALFORMED = {
    "GetConfigurationSetEventDestinations": '{"EventDestinations": [null]}',
    "GetEmailIdentity": '{"Policies": [1]}',
    "ListEmailIdentities": "{}",
}


@pytest.mark.parametrize("operation", READS)
def test_a_plan_on_malformed_answers_has_an_error(world: World, operation: str) -> None:
    """A malformed answer to a plan is an error without a traceback, and never counts as an empty account."""
    world.identity("example.com")
    world.converge(SPECS)
    world.sandbox.answer_with(operation, MALFORMED.get(operation, f"<{operation}Response/>"), times=99)
    plan = world.plan(SPECS)

    assert plan.errors
    assert any(f":{operation} in {WHERE}" in e.summary for e in plan.errors)


DOCUMENTS = [
    ("GetTopicAttributes", "Attributes", {"Policy": "not JSON"}),
    ("GetTopicAttributes", "Attributes", {"Policy": "[]"}),
    ("GetSubscriptionAttributes", "Attributes", {"FilterPolicy": "{"}),
    ("GetSubscriptionAttributes", "Attributes", {"RedrivePolicy": "[1]"}),
]


@pytest.mark.parametrize(("operation", "member", "content"), DOCUMENTS)
def test_a_document_that_cannot_be_parsed_is_an_error_that_names_the_operation(
    world: World, operation: str, member: str, content: dict[str, str]
) -> None:
    """An invalid JSON document in an answer, such as a policy or a filter, is an error."""
    world.identity("example.com")
    world.converge(SPECS)
    entries = "".join(f"<entry><key>{k}</key><value>{v}</value></entry>" for k, v in content.items())
    body = f"<R><{operation}Result><{member}>{entries}</{member}></{operation}Result></R>"
    world.sandbox.answer_with(operation, body, times=99)

    assert any(f"sns:{operation} in {WHERE}: " in e.summary for e in world.plan(SPECS).errors)


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("ListConfigurationSets", '{"ConfigurationSets": [1]}'),
        ("ListTopics", NO_ARN),
    ],
)
def test_malformed_lists_of_unmanaged_resources_are_a_warning(world: World, operation: str, body: str) -> None:
    """The warning names the call with the malformed answer."""
    world.identity("example.com")
    world.converge(SPECS)
    world.sandbox.answer_with(operation, body)
    settings = engine.Settings(unmanaged=True, rate=None, read_back=False, logins=world.settings().logins)
    plan = engine.plan_desired(world.desired(SPECS), settings)

    assert [True] == [f":{operation} in {WHERE}" in d.summary for d in plan.diagnostics if "could not" in d.summary]


def test_a_malformed_answer_to_a_write_is_unknown(world: World) -> None:
    """The result of a write with a malformed answer is unknown, because AWS may have carried it out."""
    plan = world.plan("kind: Owner\nname: c\naccount: '111111111111'\nregions: [eu-west-1]\ntopics: {a: {}}\n")
    world.sandbox.answer_with("CreateTopic", "<CreateTopicResponse/>")
    report = world.apply(plan)

    assert ["unknown"] == [o.result for o in report.outcomes]
    assert "sns:CreateTopic" in report.outcomes[0].error


def test_a_malformed_caller_identity_is_an_error(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer of STS without an account is an error with exit code 1."""
    from sesform_sandbox import dispatch

    def without_account(*_: Any) -> dict[str, str]:
        return {"Arn": "arn:aws:iam::111111111111:root"}

    monkeypatch.setitem(dispatch.OPERATIONS["sts"], "GetCallerIdentity", without_account)
    result = shell.run("plan", "--sandbox")

    assert (1, True) == (result.code, "sts:GetCallerIdentity in " in result.err)
