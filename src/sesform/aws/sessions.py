"""Make botocore sessions of credentials, and check that they belong to the account that the spec names."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Any

import botocore.session
from botocore.credentials import Credentials, DeferredRefreshableCredentials
from botocore.exceptions import NoCredentialsError

from sesform.aws import answers
from sesform.aws.clients import Clients, Login, calling
from sesform.aws.failures import explain
from sesform.errors import AccountError, CredentialsError, SesformError
from sesform.model import arns
from sesform.model.address import Access

# (profile, account) → a session. Only the sandbox uses the account: it has credentials for any.
OpenSession = Callable[[str | None, str], botocore.session.Session]


def open_session(profile: str | None, account: str) -> botocore.session.Session:
    """Return the session that the AWS CLI has with this profile. None: the ambient credential chain."""
    session = botocore.session.Session(profile=profile)
    session.register_component("data_loader", _shared_loader(session))
    return session


def sessions_by_profile() -> OpenSession:
    """Return a function as `open_session` that opens the session of each profile once, for all accounts."""
    lock, opened = threading.Lock(), dict[str | None, botocore.session.Session]()

    def open_(profile: str | None, account: str) -> botocore.session.Session:
        with lock:
            if profile not in opened:
                opened[profile] = open_session(profile, account)
            return opened[profile]

    return open_


_loader: Any = None


def _shared_loader(session: botocore.session.Session) -> Any:
    # Loading the service models is most of the cost of a client; sessions that share the loader load them once.
    global _loader
    _loader = _loader or session.get_component("data_loader")
    return _loader


def log_in(access: Access, region: str, opener: OpenSession, clients: Clients) -> Login:
    """Return the login for the account of a spec: with its role assumed, if it has one, and with the account checked.

    One call to STS: AssumeRole's answer names the account of the role, so GetCallerIdentity is for credentials without a role. Role
    credentials are renewed before they expire. Raises CredentialsError or AwsError if there are no usable credentials, and
    AccountError if they belong to another account.
    """
    where = f"{access.account}/{region}"
    operation = "sts:AssumeRole" if access.role_arn else "sts:GetCallerIdentity"
    try:
        session = opener(access.profile, access.account)
        credentials = clients.credentials(session, region)
        if credentials is None:
            raise NoCredentialsError
        sts = clients.of(session, "sts", region)
        if access.role_arn:
            role = _Role(access, region, sts, credentials)
            renewed = DeferredRefreshableCredentials(method="assume-role", refresh_using=role.assume)
            renewed.get_frozen_credentials()
            login, account, caller = Login(session, renewed), role.account, role.caller
        else:
            with calling(credentials):
                answer = _checked(sts, "GetCallerIdentity", sts.get_caller_identity(), where)
            login, account, caller = Login(session, credentials), answer["Account"], answer["Arn"]
    except SesformError:
        raise
    except Exception as error:
        raise explain(error, operation, where) from error
    if account != access.account:
        raise AccountError(
            f"the credentials {_called(access)} belong to account {account} ({caller}), "
            f"not to {access.account}; name a profile or a role of {access.account}. Nothing was read or changed"
        )
    return login


class _Role:
    """A role, and who it is once assumed."""

    def __init__(self, access: Access, region: str, sts: Any, credentials: Credentials) -> None:
        self.account = self.caller = ""
        self._access, self._where = access, f"{access.account}/{region}"
        self._sts, self._credentials = sts, credentials

    def assume(self) -> dict[str, str]:
        """Return new credentials of the role, in the form of botocore."""
        secret = external_id(self._access)
        extra = {"ExternalId": secret} if secret else {}
        with calling(self._credentials):
            answer = self._sts.assume_role(RoleArn=self._access.role_arn, RoleSessionName="sesform", **extra)
        answer = _checked(self._sts, "AssumeRole", answer, self._where)
        self.caller = answer["AssumedRoleUser"]["Arn"]
        arn = arns.parse(self.caller)
        self.account = arn.account if arn else ""
        made = answer["Credentials"]
        return {
            "access_key": made["AccessKeyId"],
            "secret_key": made["SecretAccessKey"],
            "token": made["SessionToken"],
            "expiry_time": made["Expiration"].isoformat(),
        }


def _checked(sts: Any, operation: str, answer: dict[str, Any], where: str) -> dict[str, Any]:
    shape = sts.meta.service_model.operation_model(operation).output_shape
    answers.check(answer, shape, f"sts:{operation}", where)
    return answer


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
