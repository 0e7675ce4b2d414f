"""The wire format AWS JSON, which names the operation in a header: KMS, SQS and the Resource Groups Tagging API."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from functools import cache
from typing import Any

from botocore.validate import ParamValidator
from moto.core.utils import get_service_model

from sesform_sandbox.refusal import Refusal
from sesform_sandbox.wire import Answer, Request


@cache
def json_api_of(name: str, invalid: str) -> JsonApi:
    """Return the wire format of a service, made once: reading its model is slow."""
    return JsonApi(name, invalid)


class JsonApi:
    """One service's wire format. `invalid`: the error code for parameters that violate the model."""

    def __init__(self, name: str, invalid: str) -> None:
        self.model = get_service_model(name)
        self._invalid = invalid
        self._operations = frozenset(self.model.operation_names)

    def route(self, request: Request) -> tuple[str, dict[str, Any]]:
        """Return the operation of a request. Raises Refusal if there is none."""
        operation = request.headers.get("x-amz-target", "").rpartition(".")[2]
        if operation not in self._operations:
            raise Refusal("UnknownOperationException", f"sandbox: No operation is called {operation!r}", 404)
        return operation, {}

    def parse(self, operation: str, request: Request, in_path: Mapping[str, Any]) -> dict[str, Any]:
        """Return the parameters of a request, checked against the model. Raises Refusal."""
        try:
            params = json.loads(request.body or b"{}")
            report = ParamValidator().validate(params, self.model.operation_model(operation).input_shape)
        except (ValueError, RecursionError) as error:
            raise Refusal("SerializationException", f"sandbox: The request cannot be read: {error}", 400) from None
        if report.has_errors():
            raise Refusal(self._invalid, f"1 validation error detected: {report.generate_report()}", 400)
        found: dict[str, Any] = params
        return found

    def answer(self, operation: str, result: Mapping[str, Any] | Refusal) -> Answer:
        """Return the response that AWS would send for a result or a refusal."""
        status, content = 200, result
        headers = {"x-amzn-RequestId": str(uuid.uuid4()), "content-type": "application/x-amz-json-1.1"}
        if isinstance(result, Refusal):
            status, content = result.status or 400, {"__type": result.code, "message": result.message}
            headers |= self._query_error(result.code)
        return Answer(status, headers, json.dumps(content).encode())

    def _query_error(self, code: str) -> dict[str, str]:
        """Return the header with the code of the older protocol, which SQS sends as well."""
        if "awsQueryCompatible" not in self.model.metadata:
            return {}
        codes = {shape.name: shape.metadata.get("error", {}).get("code", code) for shape in self.model.error_shapes}
        return {"x-amzn-query-error": f"{codes.get(code, code)};Sender"}
