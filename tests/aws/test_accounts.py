"""The credentials of each account, and errors if they belong to another account."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import botocore.session
import pytest

from sesform import aws
from sesform.errors import AccountError, AwsError, CredentialsError, ReadOnlyError
from sesform.model.address import Access
from world import DELEGATE, OWNER, REGION, World

ROLE = f"arn:aws:iam::{OWNER}:role/sesform"


def opener(world: World, account: str) -> aws.OpenSession:
    """Ambient credentials of one account, whatever account is asked for: as in real life."""
    return lambda profile, asked: world.sandbox.botocore_session(account)


def connect(world: World, access: Access, account: str = "999999999999") -> aws.Connections:
    settings = aws.Settings(rate=None, open_session=opener(world, account))
    return aws.connect([("corp", REGION)], {"corp": access}, settings)


def test_ambient_credentials_are_checked_against_the_spec(world: World) -> None:
    """Credentials of another account are refused with both accounts named, before any other call."""
    with pytest.raises(
        AccountError,
        match=r"belong to account 222222222222 .* not to 111111111111; name a profile or a role of 111111111111. Nothing was read",
    ):
        connect(world, Access(OWNER), DELEGATE)

    assert ["GetCallerIdentity"] == [c.operation for c in world.sandbox.calls]


def test_a_role_lands_in_its_own_account(world: World) -> None:
    """With a role, calls are made in the role's account and not in that of the credentials that it was taken with."""
    world.identity("example.com")
    connections = connect(world, Access(OWNER, role_arn=ROLE))
    world.sandbox.calls.clear()
    connections.by_place["corp", REGION].call("ses", "ListIdentities")

    assert [(OWNER, "ListIdentities")] == [(c.account, c.operation) for c in world.sandbox.calls]


@pytest.mark.parametrize("external_id", [None, "wrong"])
def test_a_role_that_does_not_let_us_in_is_explained(world: World, external_id: str | None) -> None:
    """A wrong or missing external id is AccessDenied at AssumeRole, with what to look at, and without the id in the message."""
    world.sandbox.declare_role(ROLE, "right-id")
    with pytest.raises(AwsError, match="sts:AssumeRole in 111111111111/eu-west-1: AccessDenied") as caught:
        connect(world, Access(OWNER, role_arn=ROLE, external_id=external_id))

    assert "trust policy" in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_a_role_with_its_external_id_is_taken(world: World) -> None:
    """The external id is handed to AssumeRole."""
    world.sandbox.declare_role(ROLE, "right-id")

    assert (
        OWNER
        == connect(world, Access(OWNER, role_arn=ROLE, external_id="right-id")).by_place["corp", REGION].scope.account
    )


def test_credentials_that_expire_in_mid_run_are_renewed(world: World) -> None:
    """A run may outlive its role session: when that is about to expire the role is taken again, and the call goes through."""
    connection = connect(world, Access(OWNER, role_arn=ROLE)).by_place["corp", REGION]
    credentials = connection._clients["ses"]._request_signer._credentials
    credentials._expiry_time = datetime.now(UTC) + timedelta(seconds=30)
    credentials._refresh_using.__self__._cache.clear()  # what botocore would find expired there as well
    world.sandbox.calls.clear()
    connection.call("ses", "ListIdentities")

    assert [c.operation for c in world.sandbox.calls] == ["AssumeRole", "ListIdentities"]


def test_each_account_is_logged_in_to_once(world: World) -> None:
    """Two specs and two regions of one account with the same credentials share one login and one pace."""
    settings = aws.Settings(rate=None, open_session=opener(world, OWNER))
    access = Access(OWNER)
    places = [("a", "eu-west-1"), ("a", "eu-central-1"), ("b", "eu-west-1")]
    connections = aws.connect(places, {"a": access, "b": access}, settings)

    assert 1 == sum(c.operation == "GetCallerIdentity" for c in world.sandbox.calls)
    assert connections.by_place["a", "eu-west-1"] is connections.by_place["b", "eu-west-1"]


def test_a_profile_is_read_as_the_aws_cli_reads_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A profile that does not exist is told by its name."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with pytest.raises(CredentialsError, match=r"The config profile \(nowhere\) could not be found"):
        aws.connect([("corp", REGION)], {"corp": Access(OWNER, profile="nowhere")}, aws.Settings())


def test_a_profile_gives_its_credentials(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """`credentials.profile` decides whose credentials are used."""
    config = tmp_path / "credentials"
    config.write_text(f"[corp]\naws_access_key_id = {OWNER}\naws_secret_access_key = x\n", encoding="utf-8")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(config))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))

    def attached(profile: str | None, account: str) -> botocore.session.Session:
        session = aws.open_session(profile, account)
        world.sandbox.attach(session)
        return session

    settings = aws.Settings(rate=None, open_session=attached)
    aws.connect([("corp", REGION)], {"corp": Access(OWNER, profile="corp")}, settings)

    assert [OWNER] == [c.account for c in world.sandbox.calls]


def test_no_credentials_at_all_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without credentials the error says where they are looked for."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(CredentialsError, match="no AWS credentials were found; set a profile, a role or AWS_"):
        aws.connect([("corp", REGION)], {"corp": Access(OWNER)}, aws.Settings())


def test_half_redirected_endpoints_are_warned_about(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """SES v1 elsewhere and the rest at AWS is hardly ever meant: the warning names what still goes to AWS."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_SES", "http://127.0.0.1:4566")

    def attached(profile: str | None, account: str) -> botocore.session.Session:
        session = botocore.session.Session()
        session.set_credentials(account, "x")
        world.sandbox.attach(session)
        return session

    connections = aws.connect(
        [("corp", REGION)], {"corp": Access(OWNER)}, aws.Settings(rate=None, open_session=attached)
    )

    assert 1 == len(connections.warnings)
    assert "sesv2=email.eu-west-1.amazonaws.com" in connections.warnings[0]
    assert "AWS_ENDPOINT_URL" in connections.warnings[0]


ENDPOINTS = tuple(f"AWS_ENDPOINT_URL_{service}" for service in ("SES", "SESV2", "SNS", "STS"))


@pytest.mark.parametrize(
    ("expected", "redirected"),
    [
        ("endpoint kms.eu-west-1.amazonaws.com is AWS's, and the endpoints of the other services are not", ENDPOINTS),
        ("endpoint 127.0.0.1 is not AWS's, and the endpoints of the other services are", ("AWS_ENDPOINT_URL_KMS",)),
        (None, (*ENDPOINTS, "AWS_ENDPOINT_URL_KMS")),
        (None, ()),
    ],
)
def test_kms_is_asked_only_where_the_other_services_are(
    world: World, monkeypatch: pytest.MonkeyPatch, expected: str | None, redirected: tuple[str, ...]
) -> None:
    """Its client is made at the first call, and where its endpoint is of another AWS than the others', no call goes out."""
    for name in redirected:
        monkeypatch.setenv(name, "http://127.0.0.1:4566")
    world.sandbox.declare_key(f"arn:aws:kms:{REGION}:{OWNER}:alias/k")

    def attached(profile: str | None, account: str) -> botocore.session.Session:
        session = botocore.session.Session()
        session.set_credentials(account, "x")
        world.sandbox.attach(session)
        return session

    settings = aws.Settings(rate=None, open_session=attached)
    connection = aws.connect([("corp", REGION)], {"corp": Access(OWNER)}, settings).by_place["corp", REGION]

    assert "kms" not in connection.endpoints
    world.sandbox.calls.clear()
    with pytest.raises(AwsError, match=expected) if expected else nullcontext():
        connection.call("kms", "DescribeKey", KeyId="alias/k")
    assert ([] if expected else ["kms"]) == [c.service for c in world.sandbox.calls]
    with pytest.raises(AwsError if expected else ReadOnlyError):
        connection.call("kms", "DisableKey", KeyId="alias/k")
