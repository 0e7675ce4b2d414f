"""The wire formats: requests to parameters, results and refusals to responses, with botocore's service models.

The only module that uses moto's parsers and serializers (moto.core), which are private parts of moto: see `moto_version`. Importing
this module imports moto, so the sandbox imports it only when one is made.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from botocore.validate import ParamValidator
from moto.core.errors import ErrorLookupFactory, ErrorShape
from moto.core.model import OperationModel, ServiceModel
from moto.core.parse import PROTOCOL_PARSERS
from moto.core.serialize import (
    QuerySerializer,
    ResponseDict,
    ResponseSerializer,
    RestJSONSerializer,
    SerializationContext,
)
from moto.core.utils import get_service_model
from werkzeug.datastructures import MultiDict

from sesform_sandbox.refusal import Refusal


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. Header names are lower case. `sender`: the address that it came from."""

    method: str
    url: str
    headers: Mapping[str, str]
    body: bytes
    sender: str = "127.0.0.1"

    @property
    def path(self) -> str:
        return urlsplit(self.url).path or "/"


@dataclass(frozen=True, slots=True)
class Answer:
    """One HTTP response."""

    status: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


class _Errors(ResponseSerializer):
    """Responses with the sandbox's HTTP status, also for codes that the service's model lacks (Throttling, AccessDenied, …)."""

    def _serialize_error(self, resp: ResponseDict, error: Exception) -> ResponseDict:
        assert isinstance(error, Refusal)
        shape = _LOOKUPS.for_service(self.service_model).from_code(error.code)
        if shape is None or error.status is not None:
            status = error.status or 400
            details = {"code": error.code, "httpStatusCode": status}
            model = {
                "type": "structure",
                "members": {},
                "exception": True,
                "error": details,
                "fault": status >= 500,
            }
            shape = ErrorShape(shape.name if shape else error.code, model)
        serialized: MutableMapping[str, Any] = {}
        self._serialize_error_metadata(serialized, error, shape)
        return self._serialized_error_to_response(resp, error, shape, serialized)


class _Query(_Errors, QuerySerializer):
    pass


class _RestJson(_Errors, RestJSONSerializer):
    pass


_LOOKUPS = ErrorLookupFactory()


# SES v2 has two forms of its listings: newer SDKs post them to their own paths, older ones (and the Go SDK in Terraform)
# get them. The model has one of the two, depending on botocore's version; this table has the other one.
_LISTS = {
    ("GET", "/v2/email/configuration-sets"): "ListConfigurationSets",
    ("POST", "/v2/email/list-configuration-sets"): "ListConfigurationSets",
    ("GET", "/v2/email/identities"): "ListEmailIdentities",
    ("POST", "/v2/email/list-identities"): "ListEmailIdentities",
}


class _Paths:
    """Return the operations of a REST service by method and path."""

    def __init__(self, model: ServiceModel) -> None:
        self._by_length: dict[tuple[str, int], list[tuple[list[str], str]]] = {}
        for name in model.operation_names:
            http = model.operation_model(name).http
            parts = http["requestUri"].strip("/").split("/")
            self._by_length.setdefault((http["method"], len(parts)), []).append((parts, name))
        for candidates in self._by_length.values():
            candidates.sort(
                key=lambda c: sum(part.startswith("{") for part in c[0])
            )  # literal paths come before labels

    def match(self, method: str, path: str) -> tuple[str, dict[str, str]] | None:
        """Return the operation, and the labels in its path by name, decoded."""
        given = path.strip("/").split("/")
        for parts, name in self._by_length.get((method, len(given)), ()):
            if all(part.startswith("{") or part == there for part, there in zip(parts, given, strict=True)):
                pairs = zip(parts, given, strict=True)
                return name, {part.strip("{}"): unquote(there) for part, there in pairs if part.startswith("{")}
        return None


@cache
def api_of(name: str, invalid: str) -> Api:
    """Return the wire format of a service, made once: reading its model is slow."""
    return Api(name, invalid)


class Api:
    """One service's wire format. `name`: botocore's: ses, sesv2, sns, sts."""

    def __init__(self, name: str, invalid: str) -> None:
        self.name = name
        self.model = get_service_model(name)
        self._invalid = invalid  # the error code for parameters that violate the model
        self._rest = self.model.protocol == "rest-json"
        self._paths = _Paths(self.model) if self._rest else None
        self._operations = frozenset(self.model.operation_names)

    def route(self, request: Request) -> tuple[str, dict[str, Any]]:
        """Return the operation of a request, and the parameters in its path. Raises Refusal if there is none."""
        if self._paths is None:
            action = dict(parse_qsl(request.body.decode("utf-8", "replace"))).get("Action", "")
            if action not in self._operations:
                raise Refusal(
                    "InvalidAction",
                    f"Could not find operation {action} for version {self.model.api_version}",
                    400,
                )
            return action, {}
        if listing := self._listing(request):
            return listing, {}
        found = self._paths.match(request.method, request.path)
        if found is None:
            raise Refusal(
                "UnknownOperationException", f"sandbox: No operation answers {request.method} {request.path}", 404
            )
        return found

    def parse(self, operation: str, request: Request, in_path: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a request, checked against the model (required members, types, lengths). Raises Refusal."""
        model = self.model.operation_model(operation)
        if model.input_shape is None:
            return {}
        parser = PROTOCOL_PARSERS[self.model.protocol](model)
        try:
            if self._listing(request):
                params: dict[str, Any] = dict(parse_qsl(urlsplit(request.url).query)) | json.loads(
                    request.body or b"{}"
                )
            else:
                params = parser.parse(self._parts(request, in_path))
            _numbers(params, model)
        except Exception as error:  # any exception of the parser for a body that does not follow the protocol
            raise Refusal("SerializationException", f"sandbox: The request cannot be read: {error}", 400) from None
        report = ParamValidator().validate(params, model.input_shape)
        if report.has_errors():
            raise Refusal(self._invalid, f"1 validation error detected: {report.generate_report()}", 400)
        return params

    def _listing(self, request: Request) -> str | None:
        return _LISTS.get((request.method, request.path.rstrip("/"))) if self._rest else None

    def _parts(self, request: Request, in_path: Mapping[str, Any]) -> Any:
        if self._rest:
            values: Any = MultiDict(parse_qsl(urlsplit(request.url).query, keep_blank_values=True))
        else:
            values = dict(parse_qsl(request.body.decode("utf-8"), keep_blank_values=True))
        parts = {
            "method": request.method,
            "headers": request.headers,
            "body": request.body,
            "url_path": request.path,
        }
        return {**parts, "values": values, "url_params": dict(in_path)}

    def answer(self, operation: str, result: Mapping[str, Any] | Refusal) -> Answer:
        """Return the response that AWS would send for a result or a refusal."""
        model = (
            self.model.operation_model(operation) if operation in self._operations else OperationModel({}, self.model)
        )
        request_id = str(uuid.uuid4())
        kind = _RestJson if self._rest else _Query
        serialized = kind(model, SerializationContext(request_id)).serialize(result)
        body = serialized["body"]
        headers = {**serialized["headers"], "x-amzn-RequestId": request_id}
        return Answer(serialized["status_code"], headers, body.encode() if isinstance(body, str) else body)


def _numbers(params: dict[str, Any], model: OperationModel) -> None:
    """Convert the numbers of the query string, which the parser leaves as text."""
    assert model.input_shape is not None
    for name, shape in model.input_shape.members.items():
        if shape.type_name in ("integer", "long") and isinstance(params.get(name), str):
            params[name] = int(params[name])
