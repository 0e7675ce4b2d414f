"""Answer HTTP requests: find the caller, the service and the operation; apply faults and the quota; record the call."""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from sesform.model.address import Scope
from sesform_sandbox import (
    kms,
    other_services,
    sending,
    ses_v1,
    ses_v1_policies,
    ses_v1_sets,
    ses_v2,
    ses_v2_sets,
    sns_subscriptions,
    sns_topics,
    sqs,
    sts,
    tagging,
    trail,
)
from sesform_sandbox.accounts import DEFAULT_ACCOUNT, RoleSession, account_of, read_session_token
from sesform_sandbox.context import Call, Context, Operation, Params, Published, Result, Trail
from sesform_sandbox.faults import Fault, Faults
from sesform_sandbox.refusal import Refusal
from sesform_sandbox.simulator import Simulator
from sesform_sandbox.state import State
from sesform_sandbox.store import Store
from sesform_sandbox.throttle import NOT_COUNTED, Throttle
from sesform_sandbox.wire import Answer, Api, Request, api_of
from sesform_sandbox.wire_json import JsonApi, json_api_of

_CREDENTIAL = re.compile(r"Credential=([^/,\s]+)/[0-9]{8}/([^/,\s]+)/([^/,\s]+)/aws4_request")
_HOST = re.compile(r"https?://([a-z0-9-]+)\.(?:([a-z0-9-]+)\.)?amazonaws\.com")

OPERATIONS: dict[str, dict[str, Operation]] = {
    "ses": ses_v1.OPERATIONS | ses_v1_sets.OPERATIONS | ses_v1_policies.OPERATIONS | sending.V1_OPERATIONS,
    "sesv2": ses_v2.OPERATIONS | ses_v2_sets.OPERATIONS | sending.V2_OPERATIONS,
    "sns": sns_topics.OPERATIONS | sns_subscriptions.OPERATIONS,
    "sqs": sqs.OPERATIONS,
    "sts": sts.OPERATIONS,
    "kms": kms.OPERATIONS,
    "tagging": tagging.OPERATIONS,
    "cloudtrail": trail.OPERATIONS,
}

# Service → its name in botocore, and the error code for parameters that break its model.
_MODELS = {
    "ses": ("ses", "ValidationError"),
    "sesv2": ("sesv2", "BadRequestException"),
    "sns": ("sns", "InvalidParameter"),
    "sts": ("sts", "ValidationError"),
}
_JSON_MODELS = {
    "cloudtrail": ("cloudtrail", "ValidationException"),
    "kms": ("kms", "ValidationException"),
    "sqs": ("sqs", "InvalidParameterValue"),
    "tagging": ("resourcegroupstaggingapi", "InvalidParameterException"),
}


def _api(service: str) -> Api | JsonApi | None:
    """Return the wire format of a service, made at the first use; None for services that moto answers."""
    if service in _JSON_MODELS:
        return json_api_of(*_JSON_MODELS[service])
    return api_of(*_MODELS[service]) if service in _MODELS else None


@dataclass(frozen=True, slots=True)
class _Incoming:
    """A request with its caller and operation."""

    request: Request
    account: str
    region: str
    service: str
    operation: str
    in_path: dict[str, Any]


class Dispatcher:
    """Answers requests, one at a time, with one store."""

    def __init__(self, store: Store, rate: float | None) -> None:
        self.store = store
        self.lock = threading.RLock()
        self.throttle = Throttle(rate)
        self.trail = Trail(throttle=Throttle(None if rate is None else trail.RATE))
        self.faults = Faults()
        self.calls: list[Call] = []
        self.published: list[Published] = []
        self.simulator = Simulator()
        self.clock: Callable[[], float] = time.time

    def answer(self, request: Request) -> Answer:
        """Return the response to a request. Raises the connection error of a fault, and SandboxStateError."""
        account, region, service = _sender(request)
        if service == "ses" and request.path.startswith("/v2/"):
            service = "sesv2"
        api = _api(service)
        operation = _other_operation(request)
        in_path: dict[str, Any] = {}
        try:
            if not service:
                raise Refusal("MissingAuthenticationToken", "Request is missing Authentication Token", 403)
            if api:
                operation, in_path = api.route(request)
        except Refusal as refusal:
            with self.lock:
                self.calls.append(Call(account, region, service, operation, refusal.code))
            return self._refuse(request, service, operation, refusal)
        incoming = _Incoming(request, account, region, service, operation, in_path)
        fault = self.faults.take(service, operation)
        if fault and fault.before:
            fault.before()  # outside the lock: it may make calls itself, from any thread
        return self._carry_out(incoming, fault)

    def _carry_out(self, incoming: _Incoming, fault: Fault | None) -> Answer:
        with self.lock:
            error: str | None = None
            try:
                if fault and fault.body is not None:
                    return Answer(fault.status, {"content-type": _content_type(incoming.service)}, fault.body)
                if fault and not fault.lost_answer:
                    self._fail(incoming, fault)
                answer = self._perform(incoming)
                if fault:
                    self._fail(incoming, fault)
            except Refusal as refusal:
                error = refusal.code
                if fault and fault.lost_answer:
                    error = "ReadTimeoutError"
                    self._fail(incoming, fault)
                answer = self._refuse(incoming.request, incoming.service, incoming.operation, refusal)
            except Exception as failure:
                error = type(failure).__name__
                raise
            finally:
                self.calls.append(Call(incoming.account, incoming.region, incoming.service, incoming.operation, error))
        return answer

    def _fail(self, incoming: _Incoming, fault: Fault) -> None:
        if unanswered := fault.no_answer(incoming.request.url):
            raise unanswered
        raise Refusal(fault.code, fault.message, fault.status)

    def _perform(self, incoming: _Incoming) -> Answer:
        api = _api(incoming.service)
        if api is None:
            return other_services.answer(incoming.request, incoming.service, incoming.region, incoming.account)
        if incoming.service in ("ses", "sesv2"):
            self._pace(incoming)
        operation = OPERATIONS[incoming.service].get(incoming.operation)
        if operation is None:
            raise Refusal(
                "InvalidAction",
                f"sandbox: {incoming.service}:{incoming.operation} is not emulated",
                400,
            )
        params = api.parse(incoming.operation, incoming.request, incoming.in_path)
        session = read_session_token(incoming.request.headers.get("x-amz-security-token", ""))
        with self.store.transaction() as state:
            context = self.context(state, incoming.account, incoming.region, session)
            result = _recorded(incoming, context, operation, params)
        return api.answer(incoming.operation, result)

    def context(self, state: State, account: str, region: str, session: RoleSession | None = None) -> Context:
        """Return the context of one call, now."""
        return Context(
            state, account, region, self.published, session, self.trail, now=self.clock(), simulator=self.simulator
        )

    def _pace(self, incoming: _Incoming) -> None:
        if incoming.operation in NOT_COUNTED or self.throttle.admits(Scope(incoming.account, incoming.region)):
            return
        # SES developer guide, "Quotas", and both API references.
        if incoming.service == "sesv2":
            raise Refusal("TooManyRequestsException", "sandbox: Too Many Requests")
        raise Refusal("Throttling", "Rate exceeded", 400)

    def _refuse(self, request: Request, service: str, operation: str, refusal: Refusal) -> Answer:
        api = _api(service)
        if api is None:
            speaks_xml = "x-www-form-urlencoded" in request.headers.get("content-type", "")
            api = api_of(*_MODELS["sts" if speaks_xml else "sesv2"])
        return api.answer(operation, refusal)


def _recorded(incoming: _Incoming, context: Context, operation: Operation, params: Params) -> Result:
    """Return the result of an operation, and record the call in CloudTrail, refused or not."""
    if not trail.is_recorded(incoming.service, incoming.operation):
        return operation(context, params)
    api = _api(incoming.service)
    assert api is not None
    shape = api.model.operation_model(incoming.operation).input_shape
    made = trail.Made(incoming.service, incoming.operation, incoming.request, params, shape)
    try:
        result = operation(context, params)
    except Refusal as refusal:
        trail.record(context, made, refusal)
        raise
    trail.record(context, made)
    return result


def _content_type(service: str) -> str:
    return "application/json" if service == "sesv2" or service in _JSON_MODELS else "text/xml"


def _sender(request: Request) -> tuple[str, str, str]:
    """Return account, region and service from the scope of the signature; for unsigned requests from the host."""
    if match := _CREDENTIAL.search(request.headers.get("authorization", "")):
        key, region, service = match.groups()
        return account_of(key), region, service
    if match := _HOST.match(request.url):
        service, region = match.groups()
        if service == "sts":  # the only service with unsigned operations
            return DEFAULT_ACCOUNT, region or "us-east-1", "sts"
    return DEFAULT_ACCOUNT, "us-east-1", ""


def _other_operation(request: Request) -> str:
    """Return the operation's name, if it can be found without a model, for the record."""
    target = request.headers.get("x-amz-target", "")
    action = re.search(r"(?:^|&)Action=([A-Za-z0-9]+)", request.body.decode("utf-8", "replace"))
    return target.rpartition(".")[2] or (action[1] if action else f"{request.method} {request.path}")
