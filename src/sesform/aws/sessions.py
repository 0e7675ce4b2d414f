"""Make botocore sessions of credentials, and check that they belong to the account that the spec names."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import botocore.session
from botocore.config import Config
from botocore.credentials import AssumeRoleCredentialFetcher, DeferredRefreshableCredentials
from botocore.exceptions import NoCredentialsError

from sesform import __version__
from sesform.aws import answers
from sesform.aws.failures import explain
from sesform.errors import AccountError, CredentialsError, SesformError
from sesform.model.address import Access

# (profile, account) → a session. Only the sandbox uses the account: it has credentials for any.
OpenSession = Callable[[str | None, str], botocore.session.Session]

_USER_AGENT = f"sesform/{__version__}"


def open_session(profile: str | None, account: str) -> botocore.session.Session:
    """Return the session that the AWS CLI has with this profile. None: the ambient credential chain."""
    session = botocore.session.Session(profile=profile)
    session.register_component("data_loader", _shared_loader(session))
    return session


_loader: Any = None


def _shared_loader(session: botocore.session.Session) -> Any:
    # Loading the service models is most of the cost of a client; sessions that share the loader load them once.
    global _loader
    _loader = _loader or session.get_component("data_loader")
    return _loader


def config(parallelism: int = 10, *, attempts: int = 6) -> Config:
    """Return the settings of every client: short timeouts, and botocore's standard retries with backoff and jitter.

    `attempts`: how often botocore sends a call; 1 where we retry ourselves.
    """
    return Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=10,
        read_timeout=30,
        max_pool_connections=max(parallelism, 10),
        user_agent_extra=_USER_AGENT,
    )


def log_in(access: Access, region: str, opener: OpenSession) -> botocore.session.Session:
    """Return the session for the account of a spec, with its role assumed, and the account checked with GetCallerIdentity.

    Role credentials are refreshed when they expire. Raises CredentialsError or AwsError if there are no usable credentials,
    and AccountError if they belong to another account.
    """
    where = f"{access.account}/{region}"
    operation = "sts:GetCallerIdentity"
    try:
        session = opener(access.profile, access.account)
        if access.role_arn:
            operation = "sts:AssumeRole"
            session = _assume(session, access, region, opener)
            session.get_credentials().get_frozen_credentials()  # type: ignore[union-attr]  # set in _assume
            operation = "sts:GetCallerIdentity"
        sts: Any = session.create_client("sts", region_name=region, config=config())
        caller = sts.get_caller_identity()
        shape = sts.meta.service_model.operation_model("GetCallerIdentity").output_shape
        answers.check(caller, shape, operation, where)
    except SesformError:
        raise
    except Exception as error:
        raise explain(error, operation, where) from error
    if caller["Account"] != access.account:
        raise AccountError(
            f"the credentials {_called(access)} belong to account {caller['Account']} ({caller['Arn']}), "
            f"not to {access.account}; name a profile or a role of {access.account}. Nothing was read or changed"
        )
    return session


def _assume(
    base: botocore.session.Session, access: Access, region: str, opener: OpenSession
) -> botocore.session.Session:
    def client(service: str, **kwargs: Any) -> Any:
        return base.create_client(service, **{"region_name": region, "config": config(), **kwargs})

    if base.get_credentials() is None:
        raise NoCredentialsError
    secret = external_id(access)
    extra = {"RoleSessionName": "sesform"} | ({"ExternalId": secret} if secret else {})
    fetcher = AssumeRoleCredentialFetcher(
        client_creator=client,
        source_credentials=base.get_credentials(),
        role_arn=str(access.role_arn),
        extra_args=extra,
    )
    session = opener(access.profile, access.account)
    credentials = DeferredRefreshableCredentials(method="assume-role", refresh_using=fetcher.fetch_credentials)
    session._credentials = credentials  # type: ignore[attr-defined]  # botocore has no public way to give a session refreshable credentials
    return session


def external_id(access: Access) -> str | None:
    """Return the external id of a spec's role, from its environment variable if it names one; None for no external id.

    Raises CredentialsError if the variable is missing or empty.
    """
    if access.external_id_env is None:
        return access.external_id
    value = os.environ.get(access.external_id_env)
    if not value:
        raise CredentialsError(
            f"{access.account}: the environment variable {access.external_id_env} of external_id_env is missing or empty; "
            "set it to the external id of the role"
        )
    return value


def _called(access: Access) -> str:
    if access.role_arn:
        return f"of role {access.role_arn}"
    return f"of profile {access.profile}" if access.profile else "of the environment"
