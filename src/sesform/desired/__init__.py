"""Specs → the resources that they ask for, references resolved. Pure: no clock, no network, no environment."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sesform.desired._compilation import Compilation, Declared, Key, Origin, Target, canonical_arn, canonical_identity
from sesform.desired._configuration_sets import declare_configuration_sets
from sesform.desired._notifications import declare_cross_account, declare_identities, publishers_of
from sesform.desired._policies import as_sent
from sesform.desired._sending import grant, policy_name
from sesform.desired._tags import declare_tags
from sesform.desired._topics import TopicTable, declare_topics, tabulate
from sesform.errors import Problem, SpecError
from sesform.model import arns
from sesform.model.address import Access, Address, Scope
from sesform.policies.document import Publisher
from sesform.schema import LoadedSpec


@dataclass(frozen=True, slots=True)
class Desired:
    """What the specs ask for.

    `unmanaged` settings are read, because they are routes too, and never written. Of what stands below an `exclusive`
    configuration set, only what is declared may exist. `targets` are the topics that SES must be able to publish to.
    `left_alone` is what is named as somebody else's: external topics, and what is said to be unmanaged and is not read either.
    `specs` are those that were loaded, by name. `since` is the commit whose specs were looked at for what has left them since.
    """

    declared: Mapping[Address, Declared]
    unmanaged: tuple[Declared, ...]
    exclusive: frozenset[Address]
    targets: tuple[Target, ...]
    access: Mapping[str, Access]
    warnings: tuple[Problem, ...]
    left_alone: frozenset[Key] = frozenset()
    specs: Mapping[str, LoadedSpec] = field(default_factory=dict)
    since: str = ""

    @property
    def named(self) -> frozenset[Key]:
        """All that the specs speak of, whatever they say of it."""
        return self.left_alone | {d.aws_key for d in (*self.declared.values(), *self.unmanaged)}

    @property
    def watched_topics(self) -> tuple[str, ...]:
        """The targets whose policies sesform does not keep: others do, so whether SES may publish there must be looked at."""
        kept = {d.key["topic_arn"] for d in self.declared.values() if d.address.type == "topic_policy"}
        return tuple(dict.fromkeys(t.topic_arn for t in self.targets if t.topic_arn not in kept))

    @property
    def topics_to_look_at(self) -> tuple[str, ...]:
        """Those, and the topics that are to go: their policies tell who may still send there."""
        going = (d.key["topic_arn"] for d in self.declared.values() if d.address.type == "topic" and d.want is None)
        return tuple(dict.fromkeys([*self.watched_topics, *going]))


def build(specs: Iterable[LoadedSpec], problems: Iterable[Problem] = (), *, destroy: bool = False) -> Desired:
    """Loaded specs → Desired; with `destroy`, everything that they declare absent.

    `problems` are those found on the way here. Raises SpecError with all of them and all found now, if any is an error.
    """
    loaded, known = list(specs), dict.fromkeys(problems)
    accounts = {each.spec.name: each.spec.account for each in loaded}
    work = Compilation(destroy, any(p.severity == "error" for p in known), accounts, problems=known)
    _check_names(work, loaded)
    table = tabulate(loaded)
    for each in loaded:
        declare_topics(work, table, each)
        declare_configuration_sets(work, table, each)
        declare_identities(work, table, each)
        declare_cross_account(work, table, each)
        declare_tags(work, table, each)
    _declare_topic_policies(work, table, loaded)
    if any(p.severity == "error" for p in work.problems):
        raise SpecError(work.problems)
    return Desired(
        declared=work.declared,
        unmanaged=tuple(work.unmanaged),
        exclusive=frozenset(work.exclusive),
        targets=tuple(work.targets),
        access={e.spec.name: _access(e) for e in loaded},
        warnings=tuple(work.problems),
        left_alone=frozenset(work.left_alone),
        specs={e.spec.name: e for e in loaded},
    )


def _access(loaded: LoadedSpec) -> Access:
    credentials = loaded.spec.credentials
    return Access(loaded.spec.account, credentials.profile, credentials.role_arn, credentials.external_id)


def _check_names(work: Compilation, loaded: list[LoadedSpec]) -> None:
    first: dict[str, LoadedSpec] = {}
    for each in loaded:
        other = first.setdefault(each.spec.name, each)
        if other is not each:
            line, _ = other.document.place(("name",))
            work.wrong(
                each,
                ("name",),
                f"spec {each.spec.name!r} is already there, at {other.document.file}:{line}",
                "names are unique over all specs",
            )


def _declare_topic_policies(work: Compilation, table: TopicTable, loaded: list[LoadedSpec]) -> None:
    """For each managed topic, the publishers that follow from who routes to it; none: our statements go."""
    publishers: dict[str, set[Publisher]] = defaultdict(set)
    for target in work.targets:
        publishers[target.topic_arn].update(target.publishers)
    specs = {each.spec.name: each for each in loaded}
    accounts = sorted(set(work.accounts.values()))
    for entry in table.entries.values():
        if not entry.keeps_policy or work.destroy:
            continue
        key = {"topic_arn": entry.arn}
        pairs = sorted(publishers[entry.arn])
        want = {**key, "publishers": [list(p) for p in pairs], "accounts": accounts}
        says = "declares a topic that SES publishes to" if pairs else "declares a topic that nothing publishes to"
        origin = Origin(specs[entry.spec].document, ("topics", entry.key), says)
        work.declare(
            Declared(Address(entry.spec, entry.scope.region, "topic_policy", entry.key), entry.scope, key, want, origin)
        )


__all__ = [
    "Access",
    "Declared",
    "Desired",
    "Key",
    "Origin",
    "Target",
    "as_sent",
    "build",
    "canonical_arn",
    "canonical_identity",
    "grant",
    "policy_name",
    "publishers_of",
]


def named_things(desired: Desired) -> set[tuple[str, Scope, str]]:
    """What the specs name, be it only as what a setting refers to: (topic, configuration-set or identity; scope; name)."""
    found: set[tuple[str, Scope, str]] = set()
    for type_, scope, key in desired.named:
        if type_ == "notification_topic" and not key[0].startswith("arn:"):
            found.add(("identity", scope, key[0]))
        elif type_ == "configuration_set":
            found.add(("configuration-set", scope, key[0]))
        elif type_ == "topic":
            found.add(("topic", scope, key[0].rpartition(":")[2]))
    for each in desired.declared.values():
        if each.address.type == "default_configuration_set" and each.want is not None:
            found.add(("configuration-set", each.scope, each.want["configuration_set"]))
    for target in desired.targets:
        arn = arns.parse(target.topic_arn)
        if arn is not None:
            found.add(("topic", arn.scope, arn.resource))
    return found
