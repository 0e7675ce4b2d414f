"""Verify: prove with test messages that the feedback of the specs' routes arrives. It sends to SES's mailbox simulator only."""

from __future__ import annotations

import fnmatch
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from sesform.engine.plans import compiled, read
from sesform.engine.progress import Notify, Receiving, Removing, Sending, Warned, ignore
from sesform.engine.settings import DEFAULT_PATHS, DEFAULTS, Paths, Settings, connect
from sesform.errors import AwsError, Problem, UsageError
from sesform.live.snapshot import Snapshot, Subscriber
from sesform.model import arns
from sesform.model.address import Scope
from sesform.model.quotas import SES_SENDS_PER_SECOND, least_seconds
from sesform.model.values import printable
from sesform.planning.checks import readable
from sesform.planning.proof import judgement, messages, senders
from sesform.planning.proof.causes import LiveState
from sesform.planning.proof.judgement import Observed, Result
from sesform.planning.proof.messages import Message, Proof
from sesform.specs.desired import Desired

if TYPE_CHECKING:
    from sesform.aws import Connections
    from sesform.verify.queues import TemporaryQueue

_SPARE = 120.0  # seconds after which a queue that a killed run left counts as unused, beyond what the run may take


@dataclass(frozen=True, slots=True)
class VerifyOptions:
    """`only`: globs of addresses. `from_address`: the sender's address for the identities that it belongs to. `timeout`: seconds to
    wait for notifications after the last message."""

    only: tuple[str, ...] = ()
    from_address: str = ""
    timeout: float = 120.0


@dataclass(frozen=True, slots=True)
class Preview:
    """What a run will do, before it does anything. `messages`: those that will be sent. `blocked`: how many will not.

    `subscribers`: by topic that gets a temporary queue, who else receives the test notifications; None if that is not known.
    `unreachable`: the topics of accounts without credentials. `rates`: messages a second, by sending account and region. `calls`:
    at least, without those that wait. `seconds`: to send all messages, at least. `mailed`: identities whose notices SES also mails.
    """

    messages: tuple[Message, ...]
    blocked: int
    subscribers: Mapping[str, tuple[Subscriber, ...] | None]
    unreachable: tuple[str, ...]
    rates: Mapping[Scope, float]
    calls: int
    seconds: int
    mailed: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Verification:
    """What came of a run. `sent`: the number of messages. `left`: temporary queues that could not be removed, and why.

    `problems`: why the routes could not be read; then nothing was sent. `approved`: False if it was not, and nothing was sent.
    """

    results: tuple[Result, ...] = ()
    sent: int = 0
    left: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    approved: bool = True

    @property
    def failed(self) -> tuple[Result, ...]:
        return tuple(result for result in self.results if result.status.failed)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What `clean` did. `removed`: queues. `kept`: queues that a run may still use, with the seconds until they expire."""

    removed: tuple[str, ...] = ()
    kept: Mapping[str, float] = field(default_factory=dict)


Approve = Callable[[Preview], bool]


def verify(
    paths: Paths = DEFAULT_PATHS,
    settings: Settings = DEFAULTS,
    notify: Notify = ignore,
    *,
    options: VerifyOptions = VerifyOptions(),
    approve: Approve = lambda preview: True,
) -> Verification:
    """Send test messages for the routes of the specs, and judge the notifications that come.

    Nothing is created or sent unless `approve` accepts the preview. Temporary queues and subscriptions are removed at the end,
    whatever happens. Raises UsageError if `only` matches nothing or no identity has the address; otherwise as `plan` does.
    """
    desired, snapshot, connections = read(compiled(paths, settings, notify), settings, notify)
    problems = readable.readable(desired, snapshot)
    if problems:
        return Verification(problems=tuple(problems))
    proof = _proof(desired, options)
    connections = _with_senders(connections, proof, desired, settings, notify)
    before = LiveState(desired, snapshot)
    blocked = judgement.obstacles(proof, before)
    preview = _preview(proof, blocked, desired, snapshot, connections)
    if not approve(preview):
        return Verification(approved=False)
    observed, left = _observe(proof, blocked, connections, preview, options, settings, notify)
    after = before
    if judgement.missing(proof, observed):
        desired, snapshot, _ = read(desired, settings, notify)
        after = LiveState(desired, snapshot)
    sent = len(preview.messages) - len(observed.refused)
    return Verification(judgement.judge(proof, observed, before, after), sent, left)


def clean(
    paths: Paths = DEFAULT_PATHS, settings: Settings = DEFAULTS, notify: Notify = ignore, *, at: float | None = None
) -> Cleaned:
    """Remove the queues and subscriptions that runs of `verify` left in the accounts and regions of the topics that specs route to.

    Only queues whose expiry is past are removed: others may belong to a run that is going on. `at`: the time in seconds since 1970,
    by default now. Raises as `plan` does.
    """
    from sesform.verify import queues

    desired = compiled(paths, settings, notify)
    scopes = {arn.scope for arn in map(arns.parse, messages.plan(desired, "clean").topics) if arn}
    places = [
        (name, region)
        for name, loaded in desired.specs.items()
        for region in loaded.spec.regions
        if (loaded.spec.account, region) in scopes
    ]
    connections = connect(places, desired.access, settings, notify, desired)
    connections.permit(queues.TO_CLEAN)
    now = time.time() if at is None else at
    removed, kept = [], {}
    for connection in {c.scope: c for c in connections.by_place.values()}.values():
        for queue, expires in list(queues.left(connection)):
            if expires > now:
                kept[queue.arn] = expires - now
            else:
                queue.remove()
                removed.append(queue.arn)
    return Cleaned(tuple(removed), kept)


def _proof(desired: Desired, options: VerifyOptions) -> Proof:
    def chosen(address: str) -> bool:
        return not options.only or any(fnmatch.fnmatchcase(address, glob) for glob in options.only)

    run = secrets.token_hex(4)
    whole = messages.plan(desired, run, from_address=options.from_address)
    known = [*(str(each.address) for each in whole.expected), *(str(each.address) for each in whole.elsewhere)]
    for glob in options.only:
        if not fnmatch.filter(known, glob):
            raise UsageError(f"--only {printable(glob)!r} matches no route that can be verified")
    identities = {message.sender.identity for message in whole.messages}
    if options.from_address and not any(senders.covers(name, options.from_address) for name in identities):
        raise UsageError(
            f"--from {printable(options.from_address)!r} belongs to no identity of the specs; pass an address of one of "
            + printable(", ".join(sorted(identities)) or "them")
        )
    return messages.plan(desired, run, chosen=chosen, from_address=options.from_address) if options.only else whole


def _with_senders(
    connections: Connections, proof: Proof, desired: Desired, settings: Settings, notify: Notify
) -> Connections:
    """Return the connections with those of senders whose specs declare nothing in the region."""
    places = {(message.sender.spec, message.sender.scope.region) for message in proof.messages}
    new = sorted(places - connections.by_place.keys())
    if not new:
        return connections
    more = connect(new, desired.access, settings, notify)
    return replace(connections, by_place={**connections.by_place, **more.by_place})


def _preview(
    proof: Proof, blocked: Mapping[int, str], desired: Desired, snapshot: Snapshot, connections: Connections
) -> Preview:
    sent = tuple(message for message in proof.messages if message.number not in blocked)
    numbers = {message.number for message in sent}
    topics = sorted({each.topic_arn for each in proof.expected if each.message in numbers})
    reached = [arn for arn in topics if _connection(connections, arn) is not None]
    rates = {
        scope: _rate(connections, scope, spec)
        for scope, spec in sorted({(m.sender.scope, m.sender.spec) for m in sent})
    }
    by_scope = {scope: sum(message.sender.scope == scope for message in sent) for scope in rates}
    seconds = max((least_seconds(number, rates[scope]) for scope, number in by_scope.items()), default=0)
    mailed = {
        message.sender.identity for message in sent if message.event != "delivery" and _forwards(message, snapshot)
    }
    return Preview(
        sent,
        len(blocked),
        {arn: snapshot.subscribers.get(arn) for arn in reached},
        tuple(arn for arn in topics if arn not in reached),
        rates,
        len(sent) + 5 * len(reached),
        seconds,
        tuple(sorted(mailed)),
    )


def _forwards(message: Message, snapshot: Snapshot) -> bool:
    arn = arns.parse(message.sender.identity_arn)
    facts = snapshot.identities.get((arn.scope, message.sender.identity)) if arn else None
    return facts is not None and facts.forwarding


def _rate(connections: Connections, scope: Scope, spec: str) -> float:
    """Return the messages a second that an account may send (SES v2 API reference, GetAccount)."""
    answer = connections.by_place[spec, scope.region].call("sesv2", "GetAccount")
    if answer.get("SendingEnabled") is False:
        raise AwsError(
            "sending is paused for this account, so no test message can be sent",
            operation="ses:GetAccount",
            where=str(scope),
            hint="see the account's status in the SES console",
        )
    return float(answer.get("SendQuota", {}).get("MaxSendRate") or SES_SENDS_PER_SECOND)


def _connection(connections: Connections, topic_arn: str) -> object | None:
    arn = arns.parse(topic_arn)
    return connections.in_scope(arn.scope) if arn else None


def _observe(
    proof: Proof,
    blocked: Mapping[int, str],
    connections: Connections,
    preview: Preview,
    options: VerifyOptions,
    settings: Settings,
    notify: Notify,
) -> tuple[Observed, tuple[str, ...]]:
    """Create the queues, send, receive, and remove the queues. Return what happened, and the queues that could not be removed."""
    from sesform.verify import queues, run

    observed = Observed(blocked=blocked)
    if not preview.messages:
        return observed, ()
    connections.permit(queues.PERMITTED)
    connections.pace_sends(preview.rates)
    timer = next(iter(connections.by_place.values())).pacer.timer
    expires = time.time() + preview.seconds + options.timeout + _SPARE
    made: list[TemporaryQueue] = []
    left: list[str] = []
    with _removed_at_the_end(made, left, notify):
        unwatched = _open(made, proof, preview, connections, expires)
        watched = frozenset(preview.subscribers.keys() - unwatched.keys())
        notify(Sending(len(preview.messages), preview.seconds))
        refused = run.send(proof, blocked, connections)
        observed = replace(observed, refused=refused, watched=watched, unwatched=unwatched)
        notify(Receiving(len(judgement.missing(proof, observed)), options.timeout))
        open_queues = [queue for queue in made if queue.topic_arn in watched]
        found = run.receive(proof, observed, open_queues, timer, options.timeout, settings.parallelism)
    return replace(observed, notifications=found), tuple(left)


def _open(
    made: list[TemporaryQueue], proof: Proof, preview: Preview, connections: Connections, expires: float
) -> dict[str, str]:
    """Create and subscribe a queue for each topic; add it to `made` before. Return the topics for which that failed, and why."""
    from sesform.verify.queues import TemporaryQueue, name_of

    failed = {}
    for number, topic in enumerate(preview.subscribers, 1):
        arn = arns.parse(topic)
        connection = connections.in_scope(arn.scope) if arn else None
        if connection is None:
            continue
        queue = TemporaryQueue(connection, topic, name_of(proof.run, number))
        made.append(queue)
        try:
            queue.create(expires)
            queue.subscribe(proof.run)
        except AwsError as error:
            failed[topic] = f"no temporary queue could be made for the topic: {error}"
    return failed


@contextmanager
def _removed_at_the_end(made: list[TemporaryQueue], left: list[str], notify: Notify) -> Iterator[None]:
    """Remove the queues when the context ends, also after an error or an interrupt. Add those that stay to `left`.

    A first interrupt while they are removed waits until they are; a second one ends at once.
    """
    from sesform.apply import interrupts

    try:
        yield
    finally:
        interrupt = interrupts.Interrupt()
        with interrupts.handled(interrupt.request):
            notify(Removing(len(made)))
            for queue in made:
                try:
                    queue.remove()
                except AwsError as error:
                    left.append(queue.arn)
                    notify(
                        Warned(
                            f"{queue.arn} could not be removed: {error}. `sesform verify --clean` removes it when it has expired"
                        )
                    )
        if interrupt.requested:
            raise KeyboardInterrupt
