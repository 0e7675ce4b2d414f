"""Each account is called with its own credentials; credentials of another account are an error."""

from __future__ import annotations

import threading
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path

import botocore.session
import pytest
from botocore.credentials import Credentials, RefreshableCredentials

from sesform import aws
from sesform.aws.clients import Clients
from sesform.errors import AccountError, AwsError, CredentialsError, ReadOnlyError
from sesform.model.address import Access
from world import DELEGATE, OWNER, REGION, World

ROLE = f"arn:aws:iam::{OWNER}:role/sesform"


def opener(world: World, account: str) -> aws.OpenSession:
    """Return a function that opens sessions with the credentials of one account, whichever account is requested."""
    return lambda profile, asked: world.sandbox.botocore_session(account)


def connect(world: World, access: Access, account: str = "999999999999") -> aws.Connections:
    settings = aws.Settings(rate=None, open_session=opener(world, account))
    return aws.connect([("corp", REGION)], {"corp": access}, settings)


def test_ambient_credentials_are_checked_against_the_spec(world: World) -> None:
    """Credentials of another account are an error that names both accounts, before any other call."""
    with pytest.raises(
        AccountError,
        match=r"belong to account 222222222222 .* not to 111111111111; name a profile or a role of 111111111111. Nothing was read",
    ):
        connect(world, Access(OWNER), DELEGATE)

    assert ["GetCallerIdentity"] == [c.operation for c in world.sandbox.calls]


def test_a_role_is_used_in_its_own_account(world: World) -> None:
    """With a role, calls go to the account of the role, not to the account of the source credentials."""
    world.identity("example.com")
    connections = connect(world, Access(OWNER, role_arn=ROLE))
    world.sandbox.calls.clear()
    connections.by_place["corp", REGION].call("ses", "ListIdentities")

    assert [(OWNER, "ListIdentities")] == [(c.account, c.operation) for c in world.sandbox.calls]


def test_a_role_takes_one_call_to_log_in(world: World) -> None:
    """AssumeRole's answer names the account, so nothing else is asked."""
    connect(world, Access(OWNER, role_arn=ROLE))

    assert ["AssumeRole"] == [c.operation for c in world.sandbox.calls]


def test_a_role_of_another_account_is_an_error(world: World) -> None:
    """The error names the account that AssumeRole answered with, and the role session."""
    with pytest.raises(
        AccountError,
        match=r"of role arn:aws:iam::111111111111:role/sesform belong to account 111111111111 "
        r"\(arn:aws:sts::111111111111:assumed-role/sesform/sesform\), not to 222222222222",
    ):
        connect(world, Access(DELEGATE, role_arn=ROLE))


def test_accounts_share_clients(world: World) -> None:
    """Connections to many accounts of one region have the same clients, and each call goes to its own account."""
    accounts = [f"{n}" * 12 for n in range(1, 6)]
    access = {a: Access(a, role_arn=f"arn:aws:iam::{a}:role/sesform") for a in accounts}
    settings = aws.Settings(rate=None, open_session=opener(world, "999999999999"))
    connections = aws.connect([(a, REGION) for a in accounts], access, settings)
    world.sandbox.calls.clear()
    for connection in connections.by_place.values():
        connection.call("sns", "ListTopics")

    assert 1 == len({id(connection.open("sns")) for connection in connections.by_place.values()})
    assert accounts == [c.account for c in world.sandbox.calls]


@pytest.mark.parametrize(
    ("more", "clients"), [("", 1), ("region = us-east-1\noutput = text\n", 1), ("use_fips_endpoint = true\n", 2)]
)
def test_profiles_that_differ_only_in_who_calls_share_clients(
    world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, more: str, clients: int
) -> None:
    """Credentials, regions and output formats of profiles are not settings of clients; endpoints are."""
    config = tmp_path / "config"
    keys = "aws_access_key_id = {}\naws_secret_access_key = x\n"
    config.write_text(f"[profile a]\n{keys.format(OWNER)}[profile b]\n{keys.format(DELEGATE)}{more}", encoding="utf-8")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))

    def attached(profile: str | None, account: str) -> botocore.session.Session:
        session = aws.open_session(profile, account)
        world.sandbox.attach(session)
        return session

    access = {"a": Access(OWNER, profile="a"), "b": Access(DELEGATE, profile="b")}
    settings = aws.Settings(rate=None, open_session=attached)
    connections = aws.connect([("a", REGION), ("b", REGION)], access, settings)

    assert clients == len({id(connection.open("sns")) for connection in connections.by_place.values()})


@pytest.mark.parametrize("external_id", [None, "wrong"])
def test_a_role_that_cannot_be_assumed_is_an_error_with_a_hint(world: World, external_id: str | None) -> None:
    """A wrong or missing external ID is an error that names the trust policy and does not show the external ID."""
    world.sandbox.declare_role(ROLE, "right-id")
    with pytest.raises(AwsError, match="sts:AssumeRole in 111111111111/eu-west-1: AccessDenied") as caught:
        connect(world, Access(OWNER, role_arn=ROLE, external_id=external_id))

    assert "trust policy" in str(caught.value)
    assert "wrong" not in str(caught.value)


def test_a_role_is_assumed_with_its_external_id(world: World) -> None:
    """The external ID is passed to AssumeRole."""
    world.sandbox.declare_role(ROLE, "right-id")

    assert (
        OWNER
        == connect(world, Access(OWNER, role_arn=ROLE, external_id="right-id")).by_place["corp", REGION].scope.account
    )


def test_credentials_that_expire_during_a_run_are_renewed(world: World) -> None:
    """The role is assumed again before its session expires, and the call succeeds."""
    connection = connect(world, Access(OWNER, role_arn=ROLE)).by_place["corp", REGION]
    credentials = connection._login.credentials
    assert isinstance(credentials, RefreshableCredentials)
    credentials._expiry_time = datetime.now(UTC) + timedelta(seconds=30)  # type: ignore[attr-defined]
    world.sandbox.calls.clear()
    connection.call("ses", "ListIdentities")

    assert [c.operation for c in world.sandbox.calls] == ["AssumeRole", "ListIdentities"]


def test_connections_with_equal_credentials_share_one_session(world: World) -> None:
    """Specs and regions with the same account and credentials share one GetCallerIdentity call and one rate limit."""
    settings = aws.Settings(rate=None, open_session=opener(world, OWNER))
    access = Access(OWNER)
    places = [("a", "eu-west-1"), ("a", "eu-central-1"), ("b", "eu-west-1")]
    connections = aws.connect(places, {"a": access, "b": access}, settings)

    assert 1 == sum(c.operation == "GetCallerIdentity" for c in world.sandbox.calls)
    assert connections.by_place["a", "eu-west-1"] is connections.by_place["b", "eu-west-1"]


def test_a_profile_that_does_not_exist_is_an_error(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The error for a profile that does not exist names the profile."""
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    with pytest.raises(CredentialsError, match=r"The config profile \(nowhere\) could not be found"):
        aws.connect([("corp", REGION)], {"corp": Access(OWNER, profile="nowhere")}, aws.Settings())


def test_the_credentials_of_the_profile_are_used(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Calls are made with the credentials of `credentials.profile`."""
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


def test_missing_credentials_are_an_error_with_a_hint(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without credentials the error names the ways to set them."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    with pytest.raises(CredentialsError, match="no AWS credentials were found; set a profile, a role or AWS_"):
        aws.connect([("corp", REGION)], {"corp": Access(OWNER)}, aws.Settings())


def test_endpoints_of_aws_and_others_are_a_warning(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A warning names the services that still call AWS if only some endpoints are redirected."""
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
def test_kms_is_called_only_with_the_endpoints_of_the_other_services(
    world: World, monkeypatch: pytest.MonkeyPatch, expected: str | None, redirected: tuple[str, ...]
) -> None:
    """KMS is not called if its endpoint is at AWS and the other endpoints are not, or the reverse."""
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


def test_accounts_that_share_a_session_load_its_credentials_once() -> None:
    """A second account waits while the first one loads the credentials of their profile, and then has the same ones."""
    session, clients = botocore.session.Session(), Clients()
    found: list[object] = []
    second = threading.Thread(target=lambda: found.append(clients.credentials(session, REGION)), daemon=True)

    class Provider:
        loaded = 0

        def load_credentials(self) -> Credentials:
            self.loaded += 1
            if self.loaded == 1:
                second.start()
                second.join(timeout=0.1)  # without a lock it ends here, with credentials of its own
            return Credentials("AKIDEXAMPLE", "secret")

    provider = Provider()
    session.register_component("credential_provider", provider)
    found.append(clients.credentials(session, REGION))
    second.join(timeout=30)

    assert 1 == provider.loaded
    assert found[0] is found[1]
