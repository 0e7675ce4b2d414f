"""A web service on the loopback interface that keeps the notifications that it receives."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


class Webhook:
    """A service for apprise's `json://`, until the context ends. `status`: what it answers; `silent`: it does not answer."""

    def __init__(self) -> None:
        self.status, self.silent = 200, False
        self.received: list[dict[str, Any]] = []
        self.ended = threading.Event()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    @property
    def place(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self._server.server_port}"

    @property
    def titles(self) -> list[str]:
        return [message["title"] for message in self.received]

    def __enter__(self) -> Webhook:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.ended.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, webhook: Webhook) -> None:
        self.webhook = webhook
        super().__init__(("127.0.0.1", 0), _Request)


class _Request(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        webhook = self.server.webhook
        webhook.received.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        if webhook.silent:
            webhook.ended.wait()
        self.send_response(webhook.status)
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing."""
