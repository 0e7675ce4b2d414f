"""What verify will send, and what came of it: as text, JSON, Markdown and JUnit XML."""

from __future__ import annotations

import html
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Protocol

from sesform.live.snapshot import Subscriber
from sesform.model.address import Scope
from sesform.model.masking import masked, masked_values
from sesform.model.values import printable
from sesform.planning.proof.judgement import Result, Status
from sesform.planning.proof.messages import Message
from sesform.planning.proof.senders import Sender
from sesform.render._escape import cell
from sesform.render._hcl import painter
from sesform.render.duration import duration


class Verification(Protocol):
    """A finished run, as the engine returns it."""

    @property
    def results(self) -> tuple[Result, ...]: ...
    @property
    def sent(self) -> int: ...
    @property
    def left(self) -> tuple[str, ...]: ...


class Preview(Protocol):
    """What a run will do, as the engine tells before."""

    @property
    def messages(self) -> tuple[Message, ...]: ...
    @property
    def blocked(self) -> int: ...
    @property
    def subscribers(self) -> Mapping[str, tuple[Subscriber, ...] | None]: ...
    @property
    def unreachable(self) -> tuple[str, ...]: ...
    @property
    def rates(self) -> Mapping[Scope, float]: ...
    @property
    def calls(self) -> int: ...
    @property
    def seconds(self) -> int: ...
    @property
    def mailed(self) -> tuple[str, ...]: ...


def preview(of: Preview) -> str:
    """Return what will be sent, who receives it, and what it costs."""
    lines = list(_sent(of))
    if of.blocked:
        lines.append(f"{_count(of.blocked, 'message')} will not be sent: the route is known to fail.")
    if not of.messages:
        return "\n".join([*lines, "There is nothing to send."])
    for topic, subscribers in of.subscribers.items():
        lines.append(f"Topic {printable(topic)} gets a temporary queue. {_others(subscribers)}")
    lines += [f"Topic {printable(topic)} cannot be seen with these credentials." for topic in of.unreachable]
    lines += [
        f"E-mail forwarding of {printable(name)} is on: SES mails bounces and complaints to the sender's address as well."
        for name in of.mailed
    ]
    rates = ", ".join(f"{rate:g} a second in {scope}" for scope, rate in of.rates.items())
    cost = f"{_count(len(of.messages), 'message')}, at least {_count(of.calls, 'call')}"
    lines.append(f"Cost: {cost} and {duration(of.seconds)}. Sending rate: {rates}.")
    lines.append("SES bills them as mail; they count neither against the daily quota nor against the reputation.")
    return "\n".join(lines)


def _sent(of: Preview) -> Iterator[str]:
    if of.messages:
        yield f"sesform will send {_count(len(of.messages), 'test message')} to SES's mailbox simulator:"
    ordered = sorted(of.messages, key=lambda m: (m.sender[:4], m.configuration_set, m.number))
    for (sender, set_name), group in groupby(ordered, key=lambda m: (m.sender, m.configuration_set)):
        events = [message.event for message in group]
        named = f", configuration set {set_name}" if set_name else ""
        yield f"  {', '.join(dict.fromkeys(events))} from {printable(sender.address)}, sent by {_who(sender)}{named}"


def _who(sender: Sender) -> str:
    foreign = f" with {printable(sender.identity_arn)}" if sender.foreign else ""
    return f"{printable(sender.spec)} ({sender.scope}){foreign}"


def _others(subscribers: Sequence[Subscriber] | None) -> str:
    if subscribers is None:
        return "Its other subscribers, which could not be read, receive the test notifications too."
    names = [f"{s.protocol} {masked(s.endpoint)}" for s in subscribers if not s.pending]
    if not names:
        return "It has no other confirmed subscriber."
    return f"Its other subscribers receive the test notifications too: {printable(', '.join(names))}."


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


# --- results -----------------------------------------------------------------------------------------------------------


def text(of: Verification, *, colour: bool = False) -> str:
    paint = painter(colour)
    lines: list[str] = []
    for (scope, kind, name), results in groupby(of.results, key=lambda r: r.subject[:3]):
        lines.append(paint(f"{kind} {printable(name)} in {scope}", "bold"))
        for result in results:
            status = paint(_status(result), "delete" if result.status.failed else "create")
            lines.append(f"  {result.subject.event:<10} {status}{printable(_where(result))}")
            if result.detail:
                lines.append(f"  {'':<10} {printable(result.detail)}")
        lines.append("")
    lines.append(paint(_summary(of), "delete" if _failed(of.results) else "create"))
    return "\n".join(lines) + "\n"


def _status(result: Result) -> str:
    if result.seconds is not None and result.status is Status.RECEIVED:
        return f"received in {result.seconds:.1f} s"
    return result.status.value


def _where(result: Result) -> str:
    way = f"topic {result.topic_arn}" if result.topic_arn else "e-mail" if result.way == "mail" else result.way
    return (f": {way}" if way else "") + (f", sent by {result.sender.spec}" if result.sender else "")


def _failed(results: Iterable[Result]) -> int:
    return sum(result.status.failed for result in results)


def _summary(of: Verification) -> str:
    failed, received = _failed(of.results), sum(r.status is Status.RECEIVED for r in of.results)
    rest = len(of.results) - failed - received
    parts = [f"{received} received", f"{failed} not received"]
    parts += [f"{rest} cannot be proven here"] if rest else []
    return f"Verify: {', '.join(parts)}. {_count(of.sent, 'test message')} sent."


def json_text(of: Verification) -> str:
    """Return one line: `results` with one entry for each route and event, the number of messages, and queues that were left."""
    content = {"version": 1, "sent": of.sent, "results": [_entry(r) for r in of.results], "left": list(of.left)}
    return json.dumps(masked_values(content), separators=(",", ":"))


def _entry(of: Result) -> dict[str, object]:
    sender = of.sender
    sent_by = None
    if sender is not None:
        sent_by = {"spec": sender.spec, "account": sender.scope.account, "address": sender.address}
    return {
        "account": of.subject.scope.account,
        "region": of.subject.scope.region,
        "kind": of.subject.kind,
        "name": of.subject.name,
        "event": of.subject.event,
        "address": str(of.address),
        "way": of.way,
        "topic_arn": of.topic_arn,
        "sender": sent_by,
        "status": of.status.value,
        "failed": of.status.failed,
        "seconds": of.seconds,
        "copies": of.copies,
        "detail": of.detail,
    }


def markdown(of: Verification) -> str:
    lines = ["| identity or set | event | result | detail |", "|---|---|---|---|"]
    for result in of.results:
        scope, kind, name, event = result.subject
        status = f"**{_status(result)}**" if result.status.failed else _status(result)
        lines.append(
            f"| {kind} {cell(name)} in {scope} | {event} | {status}{cell(_where(result))} | {cell(result.detail)} |"
        )
    return "\n".join([*lines, "", _summary(of)]) + "\n"


def junit(of: Verification) -> str:
    """Return one test case for each route and event. What cannot be proven here is skipped."""
    cases = [_case(result) for result in of.results]
    skipped = sum(result.status in (Status.ACCEPTED, Status.NOT_PROVABLE) for result in of.results)
    counts = f'tests="{len(cases)}" failures="{_failed(of.results)}" errors="0" skipped="{skipped}"'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n'
        f'<testsuite name="sesform verify" {counts}>\n{"".join(cases)}</testsuite>\n</testsuites>\n'
    )


def _case(of: Result) -> str:
    group = f"sesform.verify.{of.subject.scope}.{of.subject.kind}".replace(" ", "_")
    name = f"{of.subject.name} {of.subject.event}{_where(of)}"
    opening = f'  <testcase classname="{_attribute(group)}" name="{_attribute(name)}"'
    opening += f' time="{of.seconds:.3f}"' if of.seconds is not None else ""
    message = f"{of.status.value}: {of.detail}" if of.detail else of.status.value
    if of.status.failed:
        return f'{opening}>\n    <failure message="{_attribute(message)}"/>\n  </testcase>\n'
    if of.status is not Status.RECEIVED:
        return f'{opening}>\n    <skipped message="{_attribute(message)}"/>\n  </testcase>\n'
    return f"{opening}/>\n"


def _attribute(value: str) -> str:
    return html.escape(printable(value).replace("\ufffe", "?").replace("\uffff", "?"))
