"""Services that the sandbox does not emulate: moto answers, with the account that the sandbox found (moto: multi-account).

moto keeps their state for the whole process, and in no file.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from botocore.awsrequest import AWSPreparedRequest
from botocore.compat import HTTPHeaders
from moto.core.botocore_stubber import BotocoreStubber

from sesform_sandbox.refusal import Refusal
from sesform_sandbox.wire import Answer, Request


def answer(request: Request, service: str, region: str, account: str) -> Answer:
    """Return moto's answer. Raises Refusal if moto does not know the service or operation: no request ever reaches AWS."""
    prepared = AWSPreparedRequest(
        request.method, _aws_url(request, service, region), _headers(request, account), request.body, False
    )
    try:
        response = BotocoreStubber().process_request(prepared)
    except NotImplementedError as error:
        raise Refusal("InvalidAction", f"sandbox: not emulated: {error}", 400) from None
    except Exception as error:  # moto's own faults: the caller sees what a fault of AWS looks like
        raise Refusal("InternalFailure", f"sandbox: moto failed: {type(error).__name__}: {error}", 500) from error
    if response is None or (response[0] == 404 and response[2] == "Not yet implemented"):
        raise Refusal("InvalidAction", f"sandbox: there is no service {service!r}", 400)
    status, headers, body = response
    return Answer(
        int(status),
        {str(k): str(v) for k, v in dict(headers).items()},
        body.encode() if isinstance(body, str) else bytes(body),
    )


def _aws_url(request: Request, service: str, region: str) -> str:
    """The URL as AWS has it, for requests that came to another endpoint."""
    parts = urlsplit(request.url)
    if (parts.hostname or "").endswith(("amazonaws.com", "amazonaws.com.cn")):
        return request.url
    query = f"?{parts.query}" if parts.query else ""
    return f"https://{service}.{region}.amazonaws.com{parts.path or '/'}{query}"


def _headers(request: Request, account: str) -> HTTPHeaders:
    headers = HTTPHeaders()
    for name, value in request.headers.items():
        headers[name] = value
    headers["x-moto-account-id"] = account
    return headers
