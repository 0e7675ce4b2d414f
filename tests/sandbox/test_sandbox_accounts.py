"""Whose call it is: accounts, roles, isolation; and what happens to services and operations that are not emulated."""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from importlib import metadata
from typing import Any

import botocore.session
import pytest
from botocore.config import Config

from sesform_sandbox import MotoVersionWarning, Sandbox, moto_version

pytest_plugins = ["pytester"]

OWNER, DELEGATE, REGION = "111111111111", "222222222222", "eu-west-1"
ROLE = f"arn:aws:iam::{DELEGATE}:role/teams/sesform"


def _assume(sts: Any, role: str = ROLE, **more: Any) -> dict[str, str]:
    found = sts.assume_role(RoleArn=role, RoleSessionName="test", **more)["Credentials"]
    return {
        "aws_access_key_id": found["AccessKeyId"],
        "aws_secret_access_key": found["SecretAccessKey"],
        "aws_session_token": found["SessionToken"],
    }


def _who(sts: Any) -> tuple[str, str]:
    found = sts.get_caller_identity()
    return found["Account"], found["Arn"]


def test_account_number_as_access_key(aws: Any) -> None:
    """A 12-digit access key id is the account."""

    assert _who(aws("sts")) == (OWNER, f"arn:aws:iam::{OWNER}:root")


def test_other_keys_belong_to_the_default_account(aws: Any) -> None:
    """Whatever they look like."""

    assert _who(aws("sts", aws_access_key_id="AKIAIOSFODNN7EXAMPLE", aws_secret_access_key="x"))[0] == "123456789012"


def test_assumed_role_lands_in_its_account(aws: Any) -> None:
    """Its credentials are of the role's account, in any sandbox that reads the same state."""
    credentials = _assume(aws("sts"))

    assert _who(aws("sts", **credentials)) == (DELEGATE, f"arn:aws:sts::{DELEGATE}:assumed-role/sesform/test")

    aws("sns", **credentials).create_topic(Name="t")

    assert len(aws("sns", DELEGATE).list_topics()["Topics"]) == 1


def test_external_id_of_a_declared_role(aws: Any, refused: Any) -> None:
    """Another one, and none, is AccessDenied; the right one opens."""
    aws.sandbox.declare_role(ROLE, "s3cr3t")
    text = f"User: arn:aws:iam::{OWNER}:root is not authorized to perform: sts:AssumeRole on resource: {ROLE}"
    for more in ({}, {"ExternalId": "other"}):
        with refused("AccessDenied", text, 403):
            _assume(aws("sts"), **more)

    assert _assume(aws("sts"), ExternalId="s3cr3t")


def test_declared_role_without_external_id(aws: Any) -> None:
    """Any caller can assume an undeclared role."""
    aws.sandbox.declare_role(ROLE)

    assert _assume(aws("sts"), ExternalId="whatever")


@pytest.mark.parametrize(
    "change",
    [
        {"RoleSessionName": "a b"},
        {"ExternalId": "a b"},
        {"DurationSeconds": 50_000},
        {"RoleArn": f"arn:aws:iam::{DELEGATE}:user/x"},
    ],
)
def test_bad_requests_for_a_role(aws: Any, refused: Any, change: dict[str, Any]) -> None:
    """Session name, external id, duration and what is no role are ValidationErrors."""
    with refused("ValidationError"):
        aws("sts").assume_role(**{"RoleArn": ROLE, "RoleSessionName": "test"} | change)


def test_chained_roles_last_an_hour(aws: Any, refused: Any) -> None:
    """A role assumed by a role cannot be had for longer."""
    sts = aws("sts", **_assume(aws("sts"), DurationSeconds=7200))
    with refused("ValidationError"):
        _assume(sts, DurationSeconds=7200)

    assert _who(aws("sts", **_assume(sts, f"arn:aws:iam::{OWNER}:role/back")))[0] == OWNER


def test_accounts_and_regions_do_not_see_each_other(aws: Any) -> None:
    """Identities, sets and topics are each account's and region's own."""
    aws.identity()
    aws("sesv2").create_configuration_set(ConfigurationSetName="tx")
    for account, region in ((DELEGATE, REGION), (OWNER, "us-east-1")):
        assert aws("ses", account, region).list_identities()["Identities"] == []
        assert aws("sesv2", account, region).list_configuration_sets()["ConfigurationSets"] == []


def test_partition_of_a_region(aws: Any) -> None:
    """ARNs are of the region's partition."""

    assert aws.topic(region="us-gov-west-1").startswith("arn:aws-us-gov:sns:us-gov-west-1:")


# --- services ----------------------------------------------------------------------------------------------------------


def test_other_services_are_motos(aws: Any) -> None:
    """With the sandbox's account."""
    created = aws("iam", "444444444444").create_role(RoleName="sandbox-test", AssumeRolePolicyDocument="{}")

    assert created["Role"]["Arn"] == "arn:aws:iam::444444444444:role/sandbox-test"


def test_nothing_falls_through_to_aws(aws: Any, refused: Any) -> None:
    """Operations that are not emulated get an error of the sandbox."""
    with refused("InvalidAction", "sandbox: ses:GetSendStatistics is not emulated"):
        aws("ses").get_send_statistics()
    with refused("InvalidAction", "sandbox: sesv2:ListContactLists is not emulated"):
        aws("sesv2").list_contact_lists()
    with refused("InvalidAction"):
        aws("cloudtrail").list_channels()


def test_calls_are_recorded_in_order(aws: Any, refused: Any) -> None:
    """With account, region, service, operation and the error's code."""
    aws("ses").list_identities()
    with refused("NotFoundException", status=404):
        aws("sesv2", DELEGATE).get_configuration_set(ConfigurationSetName="no")
    aws("sts").get_caller_identity()

    assert aws.sandbox.calls == [
        (OWNER, REGION, "ses", "ListIdentities", None),
        (DELEGATE, REGION, "sesv2", "GetConfigurationSet", "NotFoundException"),
        (OWNER, REGION, "sts", "GetCallerIdentity", None),
    ]


def test_requests_that_cannot_be_read_are_refused(aws: Any, refused: Any) -> None:
    """Required parameters are the sandbox's business too: not every client checks them."""
    ses = aws.sandbox.session(OWNER, REGION).client("ses", config=Config(parameter_validation=False))
    with refused("ValidationError"):
        ses.set_identity_notification_topic(Identity="example.com")


def test_attaches_to_any_botocore_session(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials and region stay the session's own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", DELEGATE)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "x")
    session = botocore.session.get_session()
    Sandbox().attach(session)
    sts: Any = session.create_client("sts", REGION)

    assert sts.get_caller_identity()["Account"] == DELEGATE


def test_session_ignores_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither profiles nor endpoints of the machine get in the way."""
    monkeypatch.setenv("AWS_PROFILE", "no-such-profile")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")

    assert Sandbox().session(OWNER, REGION).client("sts").get_caller_identity()["Account"] == OWNER


def test_reset_forgets_everything(aws: Any) -> None:
    """State, calls, messages and faults."""
    aws.set_topic("Bounce", aws.topic(), aws.identity().rpartition("/")[2])
    aws.sandbox.fail("*", code="Throttling")
    aws.sandbox.reset()

    assert (aws.sandbox.calls, aws.sandbox.published) == ([], [])
    assert aws("ses").list_identities()["Identities"] == []


# --- moto --------------------------------------------------------------------------------------------------------------


def test_other_moto_is_warned_about(monkeypatch: pytest.MonkeyPatch) -> None:
    """The warning names both versions."""
    monkeypatch.setattr(moto_version, "TESTED", ("4.1.",))
    with pytest.warns(MotoVersionWarning, match=r"tested with moto 4\.1\.x; moto 5\..* is installed"):
        Sandbox()


def test_missing_moto_is_told_how_to_get(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an extra of the package."""

    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'sesform\[sandbox\]'"):
        Sandbox()


def test_tested_moto_is_not_warned_about() -> None:
    """The one that is installed here is one of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")

        Sandbox()


def test_importing_the_sandbox_does_not_import_moto() -> None:
    """moto is imported when a Sandbox is made."""
    code = "import sys, sesform_sandbox; sys.exit('moto' in sys.modules or 'boto3' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], env=dict(os.environ), check=False).returncode == 0


def test_fixture_for_users(pytester: pytest.Pytester) -> None:
    """`ses_sandbox` is a fresh sandbox."""
    pytester.makepyfile("""
        pytest_plugins = ["sesform_sandbox.pytest_plugin"]

        def test_it(ses_sandbox):
            ses = ses_sandbox.session("111111111111", "eu-west-1").client("ses")
            assert ses.list_identities()["Identities"] == []
    """)

    pytester.runpytest_subprocess("-p", "no:cacheprovider").assert_outcomes(passed=1)
