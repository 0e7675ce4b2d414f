"""The mailbox simulator: the addresses that it answers, how long it needs, and faults of its notifications.

Source: SES developer guide, "Using the mailbox simulator": labels are kept, and no other address of its domain answers. A
complaint is mail that was delivered first. How long it needs is not documented.
"""

from __future__ import annotations

import email.utils
import threading
from dataclasses import dataclass
from typing import Literal

from sesform.model.address import Scope

Event = Literal["bounce", "complaint", "delivery"]

DOMAIN = "simulator.amazonses.com"
_EVENTS: dict[str, tuple[Event, ...]] = {
    "bounce": ("bounce",),
    "complaint": ("delivery", "complaint"),
    "success": ("delivery",),
}
_TOLERANCE = 0.005  # seconds, for the resolution of clocks
ADDRESSES: dict[Event, str] = {"bounce": "bounce", "complaint": "complaint", "delivery": "success"}


def events_of(recipient: str) -> tuple[Event, ...]:
    """Return the events of mail to a recipient, in order; none if it is not an address of the simulator."""
    local, _, domain = email.utils.parseaddr(recipient)[1].partition("@")
    return _EVENTS.get(local.partition("+")[0].lower(), ()) if domain.lower() == DOMAIN else ()


@dataclass(slots=True)
class Disturbance:
    """What happens to the next notifications of SES to a topic. `copies`: 0 for none; `late`: more seconds that they need."""

    topic_arn: str
    copies: int = 1
    late: float = 0.0
    headers: bool = True
    times: int = 1


class Simulator:
    """How the simulator answers, and what was sent last. `seconds`: what each notification needs. Thread-safe."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._waiting: list[Disturbance] = []
        self._sent: dict[Scope, float] = {}
        self._lock = threading.Lock()

    def admits(self, scope: Scope, rate: float, now: float) -> bool:
        """Return whether an account may send a message now, at its rate in messages a second, and count it if so."""
        with self._lock:
            if now < self._sent.get(scope, float("-inf")) + 1 / rate - _TOLERANCE:
                return False
            self._sent[scope] = now
            return True

    def disturb(self, how: Disturbance) -> None:
        with self._lock:
            self._waiting.append(how)

    def take(self, topic_arn: str) -> Disturbance:
        """Return what happens to the next notification to a topic, and count it."""
        with self._lock:
            for each in self._waiting:
                if each.topic_arn == topic_arn:
                    each.times -= 1
                    if each.times <= 0:
                        self._waiting.remove(each)
                    return each
        return Disturbance(topic_arn)

    def clear(self) -> None:
        with self._lock:
            self._waiting.clear()
