"""Read everything in an account and region that concerns SES notifications, declared or not. Only reads.

Names are listed first, with as few calls as possible. Then each resource type reads its resources, as for declared resources.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from sesform.aws import Senders
from sesform.errors import AwsError, understood
from sesform.importer import spec_writer
from sesform.importer.spec_writer import LiveResources, Note
from sesform.live.listing import configuration_sets, identities, topics
from sesform.live.snapshot import IdentityFacts, SendingFacts, Snapshot, Subscriber, TopicFacts
from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.model.masking import masked
from sesform.model.quotas import IDENTITIES_PER_CALL
from sesform.model.values import NOTIFICATION_TYPES, Properties
from sesform.policies import document as policy_document
from sesform.resources import RESOURCES, aws_key
from sesform.resources.reader import Reader
from sesform.resources.resource_type import Resource
from sesform.resources.subscription import PENDING
from sesform.specs.declared import Declared, canonical_arn
from sesform.specs.desired import Desired

if TYPE_CHECKING:
    from sesform.aws import Connection, Connections

T = TypeVar("T")


class Existing(NamedTuple):
    """An existing resource. `type`: identity, configuration_set or topic. `key`: its name; of a topic, the ARN."""

    type: str
    scope: Scope
    key: str


@dataclass(frozen=True, slots=True)
class AccountResources:
    """The live resources in `scopes`. `verification`: by identity. `unreadable`: what could not be read, with the reason."""

    scopes: tuple[Scope, ...]
    resources: tuple[Resource, ...] = ()
    verification: Mapping[tuple[Scope, str], str] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    unreadable: tuple[str, ...] = ()

    def of_type(self, type_: str) -> list[tuple[Scope, Properties]]:
        """Return the resources of a type, each with its scope."""
        return _of_type(self.resources, type_)


def _of_type(resources: Iterable[Resource], type_: str) -> list[tuple[Scope, Properties]]:
    return [(scope, properties) for name, scope, properties in resources if name == type_]


# --- names -------------------------------------------------------------------------------------------------------------


def names(connection: Connection) -> tuple[Existing, ...]:
    """Return the identities, configuration sets and topics that exist, with list calls only. Raises AwsError."""
    scope = connection.scope
    return (
        *(Existing("identity", scope, name) for name in identities(connection)),
        *(Existing("configuration_set", scope, name) for name in configuration_sets(connection)),
        *(Existing("topic", scope, arn) for arn in topics(connection)),
    )


# --- everything --------------------------------------------------------------------------------------------------------


def read(
    connections: Connections,
    foreign: Iterable[str] = (),
    *,
    all_topics: bool = False,
    parallelism: int = 10,
) -> AccountResources:
    """Read all identities and configuration sets with their settings, and the topics that SES publishes to (or `all_topics`).

    AWS does not list legacy entries for identities of other accounts. These `foreign` ARNs, and those that topic policies name, are
    asked for in their region, by every account except their own. Sending policies and default sets take one call for each
    identity. Anything that could not be read is in `unreadable`; then the result is incomplete.
    """
    every = {c.scope: c for c in connections.by_place.values()}
    work, foreign = _Work(), tuple(foreign)
    chunks = max(1, parallelism // max(1, len(every)))
    with Senders(parallelism) as pool:
        try:
            ses = [pool.submit_steps(work.noting_steps(_read_ses(work, c), c), c.pacer) for c in every.values()]
            listed = [pool.submit(work.noting(_list_topics, c, chunks)) for c in every.values()]
            parts = [(c, part) for c, done in zip(every.values(), listed, strict=True) for part in done.result() or ()]
            _wait([pool.submit(work.noting(_read_topics, c, part)) for c, part in parts])
            _wait(ses)
            of_others = [(c, _foreign_to(c.scope, work.resources, foreign)) for c in every.values()]
            _wait(
                [
                    pool.submit_steps(work.noting_steps(_read_foreign(work, c, them), c), c.pacer)
                    for c, them in of_others
                    if them
                ]
            )
            work.judge_refused(all_topics=all_topics)
            chosen = None if all_topics else spec_writer.of_interest(LiveResources(work.resources))
            _wait([pool.submit(work.noting(_read_subscriptions, c, part, chosen)) for c, part in parts])
        except BaseException:
            connections.stop()  # no job that goes on may send another call
            raise
    kept = [r for r in work.resources if chosen is None or r[0] not in ("topic", "topic_policy") or _arn(r) in chosen]
    return AccountResources(
        tuple(sorted(every)),
        tuple(sorted(kept, key=_sort_key)),
        work.verification,
        tuple(sorted(work.notes, key=lambda n: (n.scope, n.loc, n.text))),
        tuple(sorted(set(work.unreadable))),
    )


def _wait(futures: Sequence[Future[Any]]) -> None:
    for future in futures:
        future.result()


def _arn(resource: Resource) -> str:
    return str(resource[2]["topic_arn"])


def _sort_key(resource: Resource) -> tuple[Scope, str, tuple[str, ...]]:
    kind, scope, properties = resource
    return scope, kind, aws_key(kind, scope, properties)[2]


@dataclass(slots=True)
class _Work:
    """The results so far. Threads only add to them, which is safe with Python's lists and dicts."""

    resources: list[Resource] = field(default_factory=list)
    verification: dict[tuple[Scope, str], str] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)  # topic → why it cannot be read
    notes: list[Note] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)

    def judge_refused(self, *, all_topics: bool) -> None:
        """Add a note about a topic that cannot be read if no resource publishes to it; otherwise add it to `unreadable`."""
        used, seen = LiveResources(self.resources).topics, {scope for scope, _ in _of_type(self.resources, "topic")}
        for arn, why in self.refused.items():
            parsed = arns.parse(arn)
            # If no topic can be read because a permission is missing, the topics are not the reason.
            if all_topics or arn in used or parsed is None or (parsed.scope not in seen and _NOT_ALLOWED in why):
                self.unreadable.append(why)
            else:
                text = f"{parsed.resource}: skipped: it cannot be read, and no imported resource publishes to it."
                self.notes.append(Note(parsed.scope, text, ("topics", parsed.resource)))

    def noting(self, job: Callable[..., T], connection: Connection, *arguments: Any) -> Callable[[], T | None]:
        """Return the job with refusals recorded, so that one account does not hide another."""

        def run() -> T | None:
            with self._noted(connection):
                return job(self, connection, *arguments)
            return None

        return run

    def noting_steps(self, steps: Iterator[None], connection: Connection) -> Iterator[None]:
        """Yield the same steps with refusals recorded."""
        with self._noted(connection):
            yield from steps

    @contextmanager
    def _noted(self, connection: Connection) -> Iterator[None]:
        try:
            with understood(f"an answer in {connection.scope}"):
                yield
        except AwsError as error:
            self.unreadable.append(str(error))

    def take(self, kind: str, reading: Reader, wanted: Iterable[Declared]) -> None:
        """Return the live state of the wanted resources."""
        scope = reading.connection.scope
        self.resources += [(kind, scope, properties) for _, properties in RESOURCES[kind].read(reading, list(wanted))]


def _read_ses(work: _Work, connection: Connection) -> Iterator[None]:
    """Read one call after another: the quota of SES is one call a second."""
    scope = connection.scope
    connection.expect(2)
    yield
    own = identities(connection)
    yield
    sets = configuration_sets(connection)
    work.verification.update({(scope, name): status for name, status in own.items()})
    connection.expect(math.ceil(len(own) / IDENTITIES_PER_CALL) + 2 * len(sets) + len(own))
    both = _of_types(scope, own)
    of_sets = [_declared(scope, "configuration_set", configuration_set=name) for name in sets]
    reading = Reader(connection, [*both, *of_sets])
    yield from reading.attributes_ahead()
    for name in own.keys() - reading.notification_attributes.keys():
        # SES may list a new identity before its other calls know it (ansible/ansible#36065): its topics are not known.
        text = (
            f"{name}: skipped: SES lists it and returns no notification settings. If the identity is new, import again."
        )
        work.notes.append(Note(scope, text, ("identities", name)))
        del own[name]
    work.take("notification_topic", reading, both)
    work.take("notification_headers", reading, both)
    work.take("feedback_forwarding", reading, [_declared(scope, "feedback_forwarding", identity=i) for i in own])
    yield from reading.destinations_ahead()
    work.take("configuration_set", reading, of_sets)
    work.take("event_destination", reading, of_sets)
    for name in sets:
        yield from reading.suppression_options_ahead(name)
    work.take("suppression_options", reading, [_declared(scope, "suppression_options", **d.key) for d in of_sets])
    for name in own:
        yield from reading.email_identity_ahead(name)
        reading.email_identity(name)
        if work.unreadable:
            return  # nothing will be printed, so the other identities need no call
    defaults = [_declared(scope, "default_configuration_set", identity=i) for i in own]
    work.take("default_configuration_set", reading, defaults)
    policies = [(i, name) for i in own for name in reading.email_identity(i).get("Policies") or {}]
    work.take("sending_policy", reading, [_declared(scope, "sending_policy", identity=i, name=n) for i, n in policies])


def _read_foreign(work: _Work, connection: Connection, foreign: Collection[str]) -> Iterator[None]:
    """Read the legacy entries that the account has for identities of other accounts."""
    both = _of_types(connection.scope, foreign)
    reading = Reader(connection, both)
    connection.expect(math.ceil(len(foreign) / IDENTITIES_PER_CALL))
    yield from reading.attributes_ahead()
    work.take("notification_topic", reading, both)
    work.take("notification_headers", reading, both)


def _foreign_to(scope: Scope, resources: Iterable[Resource], asked: Iterable[str]) -> list[str]:
    """Return the identities of other accounts that may have a legacy entry: those asked for, and those that topic policies name."""
    policies = [p["policy"] for _, p in _of_type(resources, "topic_policy")]
    named = (arn for policy in policies for arn in policy_document.source_arns(policy))
    found = set()
    for text in {*named, *asked}:
        arn = arns.parse(text)
        if arn is None or (arn.service, arn.region) != ("ses", scope.region) or arn.account in ("", scope.account):
            continue
        if arn.resource.startswith("identity/") and not {"*", "?"} & set(arn.resource):
            found.add(canonical_arn(text))
    return sorted(found)


def _of_types(scope: Scope, identities_: Iterable[str]) -> list[Declared]:
    every = [(i, t) for i in identities_ for t in NOTIFICATION_TYPES]
    return [_declared(scope, "notification_topic", identity=i, notification_type=t) for i, t in every]


def _list_topics(work: _Work, connection: Connection, chunks: int) -> list[tuple[Reader, list[str]]]:
    """Return the topics in portions that are read in parallel: the quotas of SNS are higher than those of SES."""
    every = topics(connection)
    return [(Reader(connection, ()), part) for n in range(chunks) if (part := every[n::chunks])]


def _read_topics(work: _Work, connection: Connection, part: tuple[Reader, list[str]]) -> None:
    reading, topic_arns = part
    for arn in topic_arns:
        try:
            for kind in ("topic", "topic_policy"):
                work.take(kind, reading, [_declared(connection.scope, kind, topic_arn=arn)])
        except AwsError as error:
            if error.code not in _REFUSED:
                raise
            work.refused[arn] = str(error)  # whether that matters depends on the resources that publish to it


def _read_subscriptions(
    work: _Work, connection: Connection, part: tuple[Reader, list[str]], chosen: set[str] | None
) -> None:
    reading, topic_arns = part
    for arn in topic_arns:
        if chosen is not None and arn not in chosen:
            continue
        for (protocol, endpoint), subscription in sorted(reading.subscriptions(arn).items()):
            loc = ("topics", arn.rsplit(":", 1)[-1], "subscriptions")
            name = f"{protocol} {masked(endpoint)}"
            wanted = _declared(connection.scope, "subscription", topic_arn=arn, protocol=protocol, endpoint=endpoint)
            try:
                work.take("subscription", reading, [wanted])
            except AwsError as error:
                if error.code not in _REFUSED:
                    raise
                work.notes.append(Note(connection.scope, f"{name}: skipped: its settings cannot be read.", loc))
                continue
            kept = sorted(_UNMANAGED & reading.subscription_attributes(subscription).keys())
            if kept:
                text = f"{name} has a {' and a '.join(kept)}, which specs do not support. sesform does not change it."
                work.notes.append(Note(connection.scope, text, loc))


# A topic's policy can deny its own account, and a subscription can belong to another account (SNS API reference,
# GetTopicAttributes and GetSubscriptionAttributes).
_REFUSED = ("AuthorizationError", "AuthorizationErrorException")
# IAM user guide, "Troubleshoot access denied error messages": the caller's own policies lack the permission.
_NOT_ALLOWED = "no identity-based policy allows"
_UNMANAGED = {"DeliveryPolicy", "ReplayPolicy"}  # SNS API reference, SetSubscriptionAttributes


def _declared(scope: Scope, kind: str, **key: str) -> Declared:
    return Declared(Address(scope.account, scope.region, kind, "/".join(key.values())), scope, key, None)


# --- against specs -----------------------------------------------------------------------------------------------------


def snapshot(desired: Desired, account: AccountResources) -> Snapshot:
    """Return the snapshot that planning for these specs would read, from resources that were read before."""
    by_key = {aws_key(kind, scope, p): p for kind, scope, p in account.resources}
    declared = [*desired.declared.values(), *desired.unmanaged]
    found = {d.address: by_key[d.aws_key] for d in declared if d.aws_key in by_key}
    parents = {(d.scope, d.key["configuration_set"]): d.address for d in desired.of_type("configuration_set")}
    for scope, properties in account.of_type("event_destination"):
        parent = parents.get((scope, properties["configuration_set"]))
        if parent is not None:
            key = f"{properties['configuration_set']}/{properties['name']}"
            found[Address(parent.spec, parent.region, "event_destination", key)] = properties
    sets = {(scope, properties["configuration_set"]) for scope, properties in account.of_type("configuration_set")}
    live = LiveResources(account.resources)
    facts = {
        (scope, name): IdentityFacts(
            record.topics, bool(record.forwarding), account.verification.get((scope, name), "")
        )
        for scope, every in live.identities.items()
        for name, record in every.items()
    }
    sending = {
        (scope, name): SendingFacts(frozenset(record.policies), record.default_set)
        for scope, every in live.identities.items()
        for name, record in every.items()
    }
    listed: dict[Scope, dict[str, str]] = {}
    for (scope, name), status in account.verification.items():
        listed.setdefault(scope, {})[name] = status
    topics = _topic_facts(desired, account, live)
    return Snapshot(found, {}, facts, topics, frozenset(sets), sending, subscribers=_subscribers(live), listed=listed)


def _subscribers(live: LiveResources) -> dict[str, tuple[Subscriber, ...]]:
    """Return the subscriptions of each topic that was read."""
    return {
        arn: tuple(
            Subscriber(
                each["protocol"],
                each["endpoint"],
                each["arn"] == PENDING,
                each.get("filter_policy", {}),
                each.get("filter_policy_scope") or "MessageAttributes",
            )
            for each in topic.subscriptions
        )
        for arn, topic in live.topics.items()
        if topic.settings is not None
    }


def _topic_facts(desired: Desired, account: AccountResources, live: LiveResources) -> dict[str, TopicFacts | None]:
    found: dict[str, TopicFacts | None] = {}
    for arn in desired.watched_topics:
        parsed = arns.parse(arn)
        if parsed is None or parsed.scope not in account.scopes:
            continue  # it was not read
        topic = live.topics.get(arn)
        settings = topic.settings if topic else None
        found[arn] = (
            TopicFacts(policy_document.compact((topic and topic.policy) or {}), str(settings.get("kms_key") or ""))
            if settings
            else None
        )
    return found
