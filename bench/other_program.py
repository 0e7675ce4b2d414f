"""Another program that uses a part of the quota of an account while a measured program runs."""

from __future__ import annotations

import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError

_RETRY = 0.05  # intervals from a throttled call to its repetition
OPERATION = "GetSendQuota"  # sesform never calls it, so its calls are those of the other program


@contextmanager
def other_program(url: str, account: str, rate: float) -> Iterator[None]:
    """Send calls to SES until the context ends: one after each interval of the rate, and soon again until it is accepted."""
    ended = threading.Event()
    scope = f"{account}/20260101/eu-west-1/ses/aws4_request"
    headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=none"}

    def send() -> None:
        pause = 1 / rate
        while not ended.wait(pause):
            request = urllib.request.Request(url, data=f"Action={OPERATION}".encode(), headers=headers, method="POST")
            try:
                urllib.request.urlopen(request, timeout=60).close()
                pause = 1 / rate
            except HTTPError:
                pause = _RETRY / rate

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
