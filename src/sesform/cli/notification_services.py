"""Send messages to notification services with apprise. Their URLs hold secrets, so no text of this module contains one."""

from __future__ import annotations

import logging
import re
import threading
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from sesform.render.notification import Message

SECONDS = 30.0  # for each service; all are called at the same time
_STATUS = re.compile(r"\berror=(\d{3})\b")  # apprise's way to report an HTTP status
# These log URLs, and what they log below their own handlers would go to stderr.
_LOGGERS = ("apprise", "requests", "urllib3")


class Service(NamedTuple):
    """A service to notify. `name`: the scheme of its URL, with a number if several have it: `slack`, `slack 2`."""

    name: str
    plugin: Any


class Services(NamedTuple):
    """The services of URLs, and what is wrong with the other URLs."""

    found: tuple[Service, ...]
    problems: tuple[str, ...] = ()


def services(urls: Sequence[str]) -> Services:
    """Return the services of notification URLs."""
    try:
        import apprise
    except ModuleNotFoundError as error:
        text = f"no notification is sent: {error.name} is not installed; run `pip install 'sesform[notify]'`"
        return Services((), (text,))
    _silence()
    asset = apprise.AppriseAsset(
        app_id="sesform",
        app_desc="Drift of Amazon SES notification settings",
        app_url="https://github.com/sesform/sesform",
        async_mode=False,
        service_timeout=0,  # it would keep a thread alive until the service answers; `send` has the limit
        storage_mode=apprise.PersistentStoreMode.MEMORY,
    )
    found, problems, numbers = [], [], Counter[str]()
    for number, url in enumerate(urls, 1):
        plugin = _plugin(url, asset)
        if plugin is None:
            problems.append(_refused(url, number))
            continue
        scheme = url.partition("://")[0].strip().lower()
        numbers[scheme] += 1
        found.append(Service(scheme if numbers[scheme] == 1 else f"{scheme} {numbers[scheme]}", plugin))
    return Services(tuple(found), tuple(problems))


def _silence() -> None:
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers, logger.propagate = [logging.NullHandler()], False


def _plugin(url: str, asset: Any) -> Any:
    """Return apprise's object for a URL, None if the URL is not valid."""
    import apprise

    try:
        plugin = apprise.Apprise.instantiate(url, asset=asset)
    except Exception:  # of a plugin; its text may have the URL
        return None
    if plugin is not None and plugin.overflow_mode == apprise.OverflowMode.UPSTREAM:
        plugin.overflow_mode = apprise.OverflowMode.TRUNCATE  # services refuse messages that are too long
    return plugin


def _refused(url: str, number: int) -> str:
    """Return why there is no service for a URL. The scheme of a URL is no secret; what has no scheme may be one."""
    scheme = re.match(r"([A-Za-z][A-Za-z0-9]{0,19})://", url)
    what = f"notification URL {number} (scheme {scheme[1].lower()})" if scheme else f"notification URL {number}"
    return (
        f"{what} is not used: apprise does not know its scheme, or it is incomplete. "
        "See https://github.com/caronc/apprise/wiki for the form of each service"
    )


def send(messages: Mapping[Service, Message]) -> dict[Service, str]:
    """Send a message to each service at the same time. Return why a service failed, "" if it accepted its message.

    A service that has not answered within SECONDS has failed. Its thread ends with the process.
    """
    results: dict[Service, str] = {}

    def deliver(service: Service, message: Message) -> None:
        results[service] = _delivered(service, message)

    threads = {s: threading.Thread(target=deliver, args=(s, m), daemon=True) for s, m in messages.items()}
    for thread in threads.values():
        thread.start()
    deadline = time.monotonic() + SECONDS
    for thread in threads.values():
        thread.join(max(0.0, deadline - time.monotonic()))
    late = f"it has not answered within {SECONDS:g} s"
    return {service: results.get(service, late) for service in messages}


def _delivered(service: Service, message: Message) -> str:
    import apprise

    sender = apprise.Apprise(asset=service.plugin.asset)
    sender.add(service.plugin)
    kind = apprise.NotifyType.WARNING if message.alarm else apprise.NotifyType.SUCCESS
    try:
        result = sender.notify(
            body=message.body, title=message.title, notify_type=kind, body_format=apprise.NotifyFormat.TEXT
        )
    except Exception as error:  # of a plugin; its text may have the URL
        return f"sending raised {type(error).__name__}"
    if result:
        return ""
    texts = [entry.message for each in result for entry in each.logs()]
    status = next((found[1] for text in texts if (found := _STATUS.search(text))), "")
    return f"it answered with HTTP status {status}" if status else "it could not be reached, or refused the message"
