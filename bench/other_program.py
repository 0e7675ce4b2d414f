"""Another program that uses a part of the quota of an account while a measured program runs."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from urllib.error import HTTPError

OPERATION = "GetSendQuota"  # sesform never calls it, so its calls are those of the other program


@contextmanager
def other_program(url: str, account: str, rate: float) -> Iterator[None]:
    """Send calls to SES at this rate, throttled or not, until the context ends."""
    ended = threading.Event()
    scope = f"{account}/20260101/eu-west-1/ses/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"}

    def send() -> None:
        while not ended.wait(1 / rate):
            request = urllib.request.Request(url, data=f"Action={OPERATION}".encode(), headers=headers, method="POST")
            with suppress(HTTPError), urllib.request.urlopen(request, timeout=60):
                pass

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
