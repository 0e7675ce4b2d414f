"""The sandbox as an HTTP endpoint, for the AWS CLI, Terraform and other programs that accept an endpoint URL."""

from __future__ import annotations

import json
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from botocore.exceptions import HTTPClientError

from sesform_sandbox.call_counts import counted
from sesform_sandbox.control_plane import Sandbox
from sesform_sandbox.refusal import SandboxStateError

# Requests of these services are small: a policy has up to 30 KB, a message up to 10 MB in base64.
_LARGEST_BODY = 16 * 1024 * 1024

# The counts of the requests so far, which is no operation of AWS. It needs no signature, and does not count itself.
CALLS_PATH = "/_sandbox/calls"


def serve(
    sandbox: Sandbox, host: str = "127.0.0.1", port: int = 4566, ready: Callable[[str], None] | None = None
) -> None:
    """Answer HTTP requests until Ctrl-C or SIGTERM. Port 0 means any free port.

    `ready` is called with the endpoint's URL when it listens. Signatures are not checked, so every program that reaches the
    port can change the state: keep `host` a loopback address. Raises OSError if the port is not available.
    """
    server = _Server(sandbox, host, port)
    with server, _stopped_by_signals(server):
        if ready:
            ready(server.url)
        with suppress(KeyboardInterrupt):
            server.serve_forever(poll_interval=0.1)


_STOPPING = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def _stopped_by_signals(server: _Server) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread receives signals
        return
    # shutdown() waits for serve_forever(), which runs in this thread, so it is called in another one.
    # SIGINT too: a shell starts background jobs with SIGINT ignored.
    before = {s: signal.signal(s, lambda *_: threading.Thread(target=server.shutdown).start()) for s in _STOPPING}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class SandboxServer:
    """Serve a sandbox in a thread, on a free port of the loopback interface, until the context ends."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._server = _Server(sandbox, "127.0.0.1", 0)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def url(self) -> str:
        return self._server.url

    def __enter__(self) -> SandboxServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, sandbox: Sandbox, host: str, port: int) -> None:
        if ":" in host:
            self.address_family = socket.AF_INET6
        self.sandbox = sandbox
        super().__init__((host, port), _Handler)

    @property
    def url(self) -> str:
        host, port = str(self.server_address[0]), self.server_address[1]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that close the connection."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version = "sesform-sandbox"
    disable_nagle_algorithm = True
    timeout = 60
    server: _Server

    def _answer(self) -> None:
        from sesform_sandbox.wire import Answer, Request

        body = self._body()
        if body is None:
            return
        if (self.command, self.path) == ("GET", CALLS_PATH):
            counts = json.dumps({"calls": counted(tuple(self.server.sandbox.calls))})
            self._send(200, {"Content-Type": "application/json"}, counts.encode())
            return
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            url, sender = self.server.url + self.path, str(self.client_address[0])
            answer = self.server.sandbox.answer(Request(self.command, url, headers, body, sender))
        except HTTPClientError:
            self.close_connection = True  # a fault: the caller receives no answer
            return
        except SandboxStateError as error:
            answer = Answer(500, {"Content-Type": "text/plain; charset=utf-8"}, f"{error}\n".encode())
        self._send(answer.status, answer.headers, answer.body)

    def _body(self) -> bytes | None:
        """Return the body, None if the request was already refused."""
        if self.headers.get("Transfer-Encoding"):
            self._send(411, {}, b"")
            return None
        length = self.headers.get("Content-Length") or "0"
        if not length.isdigit() or int(length) > _LARGEST_BODY:
            self.close_connection = True
            self._send(413, {"Connection": "close"}, b"")
            return None
        return self.rfile.read(int(length))

    def _send(self, status: int, headers: dict[str, str], body: bytes) -> None:
        self.send_response(status)
        for name, value in headers.items():
            if name.lower() not in ("content-length", "date", "server", "connection", "transfer-encoding"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_DELETE = do_GET = do_HEAD = do_PATCH = do_POST = do_PUT = _answer  # noqa: N815  (http.server's names)

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: `Sandbox.calls` has the record."""
