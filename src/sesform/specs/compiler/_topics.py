"""Topics: what the specs declare of them, and what references to them mean."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any

from sesform.model import arns
from sesform.model.address import Address, Scope
from sesform.specs.compiler._compilation import Compilation
from sesform.specs.compiler._policies import Loc, check_partition
from sesform.specs.declared import Declared, Origin, canonical_arn
from sesform.specs.schema import LoadedSpec, Subscription, Topic, did_you_mean


@dataclass(frozen=True, slots=True)
class TopicEntry:
    """One topic in one region. `state`: "managed", "external" or "absent"."""

    spec: str
    key: str
    scope: Scope
    name: str
    state: str
    keeps_policy: bool  # whether our statements are in its policy
    drops_deleted_principals: bool
    arn: str
    publishers: tuple[str, ...] = ()  # those that the spec names, by canonical ARN, in the region of the topic


@dataclass(slots=True)
class TopicTable:
    """Every topic that any spec names, and the regions of every spec: what is needed to resolve references."""

    regions: dict[str, tuple[str, ...]] = field(default_factory=dict)
    entries: dict[tuple[str, str, str], TopicEntry] = field(default_factory=dict)  # (spec, region, key)
    by_arn: dict[str, TopicEntry] = field(default_factory=dict)
    keys: dict[str, set[str]] = field(default_factory=dict)  # by spec


def tabulate(specs: Iterable[LoadedSpec]) -> TopicTable:
    """Return all topics of all specs, before any reference is resolved."""
    table = TopicTable()
    for loaded in specs:
        spec = loaded.spec
        table.regions[spec.name] = tuple(spec.regions)
        for key, topic in spec.topics.items():
            for region in spec.regions:
                state = "absent" if not isinstance(topic, Topic) else "external" if topic.external else "managed"
                name = topic.name if isinstance(topic, Topic) and topic.name else key
                keeps = state == "managed" and not (isinstance(topic, Topic) and topic.policy == "unmanaged")
                drops = isinstance(topic, Topic) and topic.drop_deleted_principals
                named = _publishers(topic, region) if isinstance(topic, Topic) else ()
                scope = Scope(spec.account, region)
                arn = arns.topic(scope, name)
                entry = TopicEntry(spec.name, key, scope, name, state, keeps, drops, arn, named)
                table.entries[spec.name, region, key] = entry
                table.keys.setdefault(spec.name, set()).add(key)
                # Where one spec manages a topic that another declares external, the managing spec decides.
                if state == "managed" or entry.arn not in table.by_arn:
                    table.by_arn[entry.arn] = entry
    return table


def _publishers(topic: Topic, region: str) -> tuple[str, ...]:
    """Return the publishers in a region: SES publishes only to topics of its own region."""
    found = map(arns.parse, map(canonical_arn, topic.publishers))
    return tuple(str(arn) for arn in found if arn is not None and arn.region == region)


def declare_topics(work: Compilation, table: TopicTable, loaded: LoadedSpec) -> None:
    """Declare the managed topics of a spec. External topics are only read."""
    spec = loaded.spec
    for key, region in product(spec.topics, spec.regions):
        # Not all entries of this name: a second spec of the same name, which is reported, may have other topics.
        entry = table.entries[spec.name, region, key]
        if "." in entry.name:
            fifo = entry.name.endswith(".fifo")
            what = "is a FIFO topic" if fifo else "is not a topic name that SNS takes"
            hint = (
                "use a standard topic: SES does not publish to FIFO topics" if fifo else "use letters, digits, - and _"
            )
            work.wrong(loaded, ("topics", key), f"{entry.name!r} {what}", hint)
            continue
        if entry.state == "external":
            work.left_alone.add(("topic", entry.scope, (entry.arn,)))
            continue
        topic = spec.topics[key]
        desired: dict[str, object] | None = None
        says = "is being destroyed" if work.destroy else "declares the topic absent"
        if isinstance(topic, Topic) and not work.destroy:
            says = "declares it"
            _check_publishers(work, loaded, entry, topic)
            desired = {"topic_arn": entry.arn, "name": entry.name}
            if topic.display_name is not None:
                desired["display_name"] = topic.display_name
            if topic.declares("kms_key"):
                desired["kms_key"] = topic.kms_key
                _check_key(work, loaded, entry, topic.kms_key or "")
        origin = Origin(loaded.document, ("topics", key), says)
        work.declare(
            Declared(Address(spec.name, region, "topic", key), entry.scope, {"topic_arn": entry.arn}, desired, origin)
        )
        if isinstance(topic, Topic) and desired is not None:
            _declare_subscriptions(work, loaded, entry, topic)


def _check_key(work: Compilation, loaded: LoadedSpec, entry: TopicEntry, key: str) -> None:
    arn, region = arns.parse(key), entry.scope.region
    if arn is not None and arn.region != region:
        hint = "use a key in the region of the topic"
        if len(loaded.spec.regions) > 1:
            hint += "; name it by an alias, so that each region has its own"
        text = f"the key is in {arn.region}, and the topic is in {region}"
        work.wrong(loaded, ("topics", entry.key, "kms_key"), text, hint)
    else:
        check_partition(work, loaded, entry.scope, key, ("topics", entry.key, "kms_key"))


def _check_publishers(work: Compilation, loaded: LoadedSpec, entry: TopicEntry, topic: Topic) -> None:
    for index, text in enumerate(topic.publishers):
        loc: Loc = ("topics", entry.key, "publishers", index)
        arn = arns.parse(text)
        if arn is not None and arn.region not in loaded.spec.regions:
            regions = ", ".join(loaded.spec.regions)
            hint = "SES publishes only to topics of its own region: correct the ARN, or add the region to the spec"
            work.wrong(loaded, loc, f"publisher {text!r} is in {arn.region}, and the topic is in {regions}", hint)
        elif arn is not None and arn.region == entry.scope.region:
            check_partition(work, loaded, entry.scope, text, loc)


def _declare_subscriptions(work: Compilation, loaded: LoadedSpec, entry: TopicEntry, topic: Topic) -> None:
    for index, subscription in enumerate(topic.subscriptions):
        loc: Loc = ("topics", entry.key, "subscriptions", index)
        key = {"topic_arn": entry.arn, "protocol": subscription.protocol, "endpoint": subscription.endpoint}
        desired = None if subscription.absent else {**key, **_settings(subscription)}
        _check_queue(work, loaded, entry, subscription, loc)
        check_partition(work, loaded, entry.scope, subscription.endpoint, (*loc, "endpoint"))
        check_partition(work, loaded, entry.scope, subscription.role or "", (*loc, "role"))
        address = Address(
            entry.spec, entry.scope.region, "subscription", f"{entry.key}/{key['protocol']}/{key['endpoint']}"
        )
        says = "declares it absent" if desired is None else "declares it"
        work.declare(Declared(address, entry.scope, key, desired, Origin(loaded.document, loc, says)))


def _settings(subscription: Subscription) -> dict[str, Any]:
    """Return the managed attributes of a subscription. null removes the dead-letter queue; other nulls are like left out."""
    names = subscription.model_fields_set - {"protocol", "endpoint", "absent"}
    managed = {name: getattr(subscription, name) for name in sorted(names)}
    if "filter_policy" in managed:
        managed["filter_policy"] = managed["filter_policy"] or {}
    return {name: value for name, value in managed.items() if value is not None or name == "dead_letter_queue"}


def _check_queue(
    work: Compilation, loaded: LoadedSpec, entry: TopicEntry, subscription: Subscription, loc: Sequence[int | str]
) -> None:
    # "The Amazon SNS subscription and Amazon SQS queue must be under the same AWS account and Region": SNS developer guide,
    # "Amazon SNS dead-letter queues". The subscription is the topic's account's, which makes the call.
    queue = arns.parse(subscription.dead_letter_queue or "")
    if queue is not None and queue.scope != entry.scope:
        text = f"the queue is in {queue.scope}, and the subscription is in {entry.scope}"
        hint = "use a queue in the account and region of the subscription"
        if len(loaded.spec.regions) > 1 and queue.account == entry.scope.account:
            hint += "; write a spec for each region"
        work.wrong(loaded, (*loc, "dead_letter_queue"), text, hint)


def resolve(
    work: Compilation, table: TopicTable, loaded: LoadedSpec, region: str, reference: str, loc: Sequence[int | str]
) -> str | None:
    """Return the ARN of a topic reference; None if it cannot be resolved, which is reported."""
    if reference.startswith("arn:"):
        return _resolve_arn(work, table, loaded, region, reference, loc)
    spec, _, key = reference.rpartition("/")
    spec = spec or loaded.spec.name
    if spec not in table.regions:
        if not work.partial:
            work.wrong(loaded, loc, f"unknown spec {spec!r} in {reference!r}", did_you_mean(spec, table.regions))
        return None
    keys = table.keys.get(spec, set())
    if key not in keys:
        if key.endswith(".fifo"):
            work.wrong(
                loaded,
                loc,
                f"{reference!r} is a FIFO topic",
                "use a standard topic: SES does not publish to FIFO topics",
            )
            return None
        hint = did_you_mean(key, keys) or f"declare it under topics of {spec}"
        work.wrong(
            loaded, loc, f"unknown topic {key!r}" + (f" of spec {spec!r}" if spec != loaded.spec.name else ""), hint
        )
        return None
    entry = table.entries.get((spec, region, key))
    if entry is None:
        regions = ", ".join(table.regions[spec])
        work.wrong(
            loaded,
            loc,
            f"topic {reference!r} is not in {region}: spec {spec!r} is in {regions}",
            "use a topic in the same region",
        )
        return None
    return _usable(work, loaded, entry, reference, loc)


def _usable(
    work: Compilation, loaded: LoadedSpec, entry: TopicEntry, reference: str, loc: Sequence[int | str]
) -> str | None:
    if entry.state == "absent":
        work.wrong(
            loaded,
            loc,
            f"topic {reference!r} is declared absent by spec {entry.spec!r}",
            "use another topic, or declare it",
        )
        return None
    return entry.arn


def _resolve_arn(
    work: Compilation, table: TopicTable, loaded: LoadedSpec, region: str, reference: str, loc: Sequence[int | str]
) -> str | None:
    arn = arns.parse(reference)
    if arn is None:  # the schema has checked it
        return None
    if arn.partition != arns.partition(region):
        work.wrong(
            loaded,
            loc,
            f"topic {reference!r} is in partition {arn.partition}, and {region} is in {arns.partition(region)}",
        )
        return None
    if arn.region != region:
        hint = "use a topic in the same region"
        if len(loaded.spec.regions) > 1:
            hint += "; refer to it by name, so that each region uses its own"
        work.wrong(loaded, loc, f"topic {reference!r} is in {arn.region}, and the setting is in {region}", hint)
        return None
    entry = table.by_arn.get(reference)
    return _usable(work, loaded, entry, reference, loc) if entry else reference
